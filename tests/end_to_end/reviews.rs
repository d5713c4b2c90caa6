//! The manners of a pull request: a draft until its checks are green, then people are asked; what they say and what the
//! base branch still wants is on the card.

use autofix::config::names;
use autofix::messages::DEPLOY;
use autofix_local::sandbox::github::{APP_ID, APP_PRIVATE_KEY, Verdict};

use crate::world::{CheckRun, Conclusion, Heads, REPO, Scenario, World, hours, lines_with, mins};

/// A world in which Ada owns the code.
async fn owned_by_ada() -> World {
    let world = World::new().await;
    let main = world.sandbox.github.commit(REPO, "main");
    main.file(".github/CODEOWNERS", b"/backend/ @ada\n", "Name the owner").unwrap();
    world
}

#[tokio::test]
async fn a_pull_request_is_a_draft_until_its_checks_are_green_and_then_its_owner_is_asked() {
    let world = owned_by_ada().await;
    let running = CheckRun::running("pytest");
    world.set_checks(Heads::Every, &[running]);
    world.alert(Scenario::Fix).await;
    world.after(mins(10)).await;
    let pull = world.pull_request(1);
    assert!(pull.draft && pull.labels.is_empty() && pull.reviewers.is_empty(), "{pull:?}");

    let red = CheckRun::ended("pytest", Conclusion::Failure);
    world.set_checks(Heads::Commit(pull.head_sha), &[red]);
    world.after(hours(1)).await;
    let pull = world.pull_request(1);
    assert!(pull.draft && pull.reviewers.is_empty(), "nobody is asked to review what is red: {pull:?}");

    let green = CheckRun::ended("pytest", Conclusion::Success);
    world.set_checks(Heads::Commit(pull.head_sha), &[green]);
    world.after(mins(10)).await;
    let pull = world.pull_request(1);
    assert!(!pull.draft, "{pull:?}");
    assert_eq!((pull.labels, pull.reviewers), (vec!["autofix".to_owned()], vec!["ada".to_owned()]));
}

#[tokio::test]
async fn where_there_are_no_drafts_the_timeline_says_so_and_the_rest_is_the_same() {
    let world = owned_by_ada().await;
    world.configure(|settings| settings.has_drafts = false);
    let (id, card) = world.until_armed().await;
    let timeline = world.attempt(&id).await["timeline"].to_string();
    assert!(timeline.contains("The pull request is no draft: this repository has none"), "{timeline}");
    assert_eq!(world.pull_request(1).reviewers, ["ada"]);
    world.decide(&card, DEPLOY).await;
    assert_eq!(world.status(&id).await, "deployed");
}

#[tokio::test]
async fn an_owner_who_cannot_be_asked_is_a_line_of_the_timeline() {
    let world = World::new().await;
    let main = world.sandbox.github.commit(REPO, "main");
    main.file("CODEOWNERS", b"* @acme/backend\n", "Name a team").unwrap();
    let (id, _) = world.until_armed().await;
    let timeline = world.attempt(&id).await["timeline"].to_string();
    assert!(timeline.contains("Could not ask `acme/backend` for a review"), "{timeline}");
}

#[tokio::test]
async fn what_people_say_on_github_is_on_the_card() {
    let world = World::new().await;
    world.until_armed().await;
    let github = &world.sandbox.github;
    world.clock.advance(mins(5));
    let words = "Why not <!channel> `strip`? token=ghp_0123456789abcdefghijABCDEFGHIJ012345";
    github.comment_on_diff(REPO, 1, "grace", words).unwrap();
    github.comment(REPO, 1, "renovate[bot]", "I am a machine").unwrap();
    github.review(REPO, 1, "ada", Verdict::Approved).unwrap();
    world.after(hours(2)).await;
    let address = github.pull_request(REPO, 1).unwrap().html_url;
    let shown = world.shown_card().replace(&address, "…");
    insta::assert_snapshot!(lines_with(&shown, "on GitHub"), @"
    💬 `grace` commented (…#discussion_r4) on GitHub: Why not <!channel> `strip`? token=[redacted:github-token]
    👍 `ada` approved (…#pullrequestreview-6) on GitHub
    ");
    assert!(!shown.contains("machine") && !shown.contains("ghp_"), "{shown}");
}

#[tokio::test]
async fn a_review_that_the_base_branch_wants_is_asked_for_beside_the_button() {
    let world = World::new().await;
    world.configure(|settings| settings.approvals_needed = 1);
    let (_, card) = world.until_armed().await;
    insta::assert_snapshot!(
        lines_with(&world.shown(&card), "🔒"),
        @"🔒 The base branch wants an approving review: approve the pull request on GitHub, then press Deploy Live."
    );
    world.sandbox.github.review(REPO, 1, "ada", Verdict::ChangesRequested).unwrap();
    world.after(hours(2)).await;
    insta::assert_snapshot!(
        lines_with(&world.shown_card(), "🔒"),
        @"🔒 A reviewer asked for changes on GitHub: GitHub does not merge before that is settled there."
    );

    let world = World::new().await;
    world.configure(|settings| settings.approvals_needed = 1);
    world.until_armed().await;
    world.sandbox.github.review(REPO, 1, "ada", Verdict::Approved).unwrap();
    world.after(hours(2)).await;
    assert_eq!(lines_with(&world.shown_card(), "🔒"), "");
}

#[tokio::test]
async fn a_base_branch_for_signed_commits_is_told_to_those_who_use_a_token() {
    let world = World::new().await;
    world.configure(|settings| settings.only_signed_commits = true);
    let (_, card) = world.until_armed().await;
    insta::assert_snapshot!(
        lines_with(&world.shown(&card), "🔒"),
        @"🔒 The base branch takes only signed commits, and GitHub signs AutoFix's commits only where AutoFix is a GitHub App. Merge this one on GitHub, and connect AutoFix as an App for the next."
    );

    let app = [("AUTOFIX_GITHUB_APP_ID", APP_ID), (names::GITHUB_APP_PRIVATE_KEY, APP_PRIVATE_KEY)];
    let world = World::with(&app).await;
    world.configure(|settings| settings.only_signed_commits = true);
    let (id, card) = world.until_armed().await;
    assert_eq!(lines_with(&world.shown(&card), "🔒"), "", "GitHub signs what an App commits");
    world.decide(&card, DEPLOY).await;
    assert_eq!(world.status(&id).await, "deployed");
}
