//! Red checks after the pull request was opened, and a base that moves under it.

use autofix::messages::DEPLOY;
use autofix_local::sandbox::claude::{Script, Turn};

use crate::bookshop::{ANOTHER, FAULTY, LABELS, fix, verdict};
use crate::world::{CheckRun, Conclusion, Heads, REPO, Scenario, World, assert_says, mins, secs};

fn red(name: &str) -> CheckRun {
    CheckRun::ended(name, Conclusion::Failure)
        .saying("1 failed", "FAILED tests/test_labels.py::test_empty_line")
}

fn green(name: &str) -> CheckRun {
    CheckRun::ended(name, Conclusion::Success)
}

/// Claude writes the fix again after red checks: `repaired` takes the faulty line's place.
fn repairs_with(world: &World, when: &str, repaired: &str) {
    answers_with(world, "repair", when, repaired);
}

/// In conversations that begin with text containing `when`, Claude puts `line` in the faulty one's place.
pub fn answers_with(world: &World, name: &str, when: &str, line: &str) {
    let fix = fix(&[(LABELS, FAULTY, line)]);
    let script = Script::new(name, when)
        .conversation("propose_fix", vec![Turn::tool("propose_fix", fix)])
        .conversation("give_verdict", vec![Turn::tool("give_verdict", verdict())]);
    world.sandbox.claude.add_script(script);
}

const A_THIRD: &str = r#"    addition = str(address.get("line2") or "").strip()"#;

/// A world in which every commit of a pull request gets these checks.
async fn with_checks(checks: &[CheckRun]) -> World {
    let world = World::new().await;
    world.set_checks(Heads::Every, checks);
    world
}

fn commits_on_the_branch(world: &World) -> usize {
    let branch = world.fix_branches().remove(0);
    let log = world.sandbox.github.log(REPO, &branch).unwrap();
    let main = world.sandbox.github.log(REPO, "main").unwrap();
    log.len() - main.len()
}

#[tokio::test]
async fn red_checks_go_back_to_claude_and_the_repaired_fix_is_a_new_commit_on_the_same_branch() {
    let world = with_checks(&[green("pytest")]).await;
    world.set_checks(Heads::Next, &[red("pytest")]);
    repairs_with(&world, "its checks fail", ANOTHER);
    let id = world.handle(Scenario::Fix).await;
    world.ticks(3, mins(1)).await;
    assert_eq!(world.status(&id).await, "awaiting_approval", "{}", world.shown_card());
    assert_eq!(commits_on_the_branch(&world), 2);
    assert_eq!(world.pull_requests().len(), 1);
    let shown = world.shown_card();
    assert!(shown.contains("written again") && shown.contains("Deploy Live"), "{shown}");
    world.decide(&world.card(), DEPLOY).await;
    assert_says(&world.text_at("main", LABELS), &[ANOTHER.trim()]);
}

#[tokio::test]
async fn checks_that_stay_red_are_repaired_twice_and_then_handed_over_with_one_card() {
    let world = with_checks(&[red("pytest")]).await;
    repairs_with(&world, "its checks fail", ANOTHER);
    // The second repair sees the diff of the first.
    repairs_with(&world, r#"+    addition = (address.get("line2", "") or "").strip()"#, A_THIRD);
    let id = world.handle(Scenario::Fix).await;
    world.ticks(8, mins(2)).await;
    assert_eq!(world.status(&id).await, "pr_created");
    assert_eq!(commits_on_the_branch(&world), 3, "the fix and two repairs");
    let shown = world.shown_card();
    assert!(shown.contains("after 2 repairs") && !shown.contains("Deploy Live"), "{shown}");
    assert!(shown.contains("pytest"), "{shown}");
}

#[tokio::test]
async fn red_red_green_is_two_repairs_and_an_armed_card() {
    let world = with_checks(&[green("pytest")]).await;
    for _ in 0..2 {
        world.set_checks(Heads::Next, &[red("pytest")]);
    }
    repairs_with(&world, "its checks fail", ANOTHER);
    repairs_with(&world, r#"+    addition = (address.get("line2", "") or "").strip()"#, A_THIRD);
    let id = world.handle(Scenario::Fix).await;
    world.ticks(6, mins(1)).await;
    assert_eq!(world.status(&id).await, "awaiting_approval", "{}", world.shown_card());
    assert_eq!(commits_on_the_branch(&world), 3, "the fix and two repairs");
    let shown = world.shown_card();
    assert!(shown.contains("Repair 2 of 2") && shown.contains("Deploy Live"), "{shown}");
    world.decide(&world.card(), DEPLOY).await;
    assert_says(&world.text_at("main", LABELS), &[A_THIRD.trim()]);
}

#[tokio::test]
async fn checks_that_the_base_fails_as_well_are_not_repaired() {
    let world = with_checks(&[red("pytest")]).await;
    let base = world.main();
    world.set_checks(Heads::Commit(base), &[red("pytest")]);
    let id = world.handle(Scenario::Fix).await;
    assert_eq!(world.status(&id).await, "pr_created");
    assert_eq!(commits_on_the_branch(&world), 1);
    let shown = world.shown_card();
    assert!(shown.contains("base branch fails the same checks"), "{shown}");
}

#[tokio::test]
async fn a_person_who_comments_stops_the_repairs() {
    let world = World::new().await;
    world.set_checks(Heads::Every, &[CheckRun::running("pytest")]);
    repairs_with(&world, "its checks fail", ANOTHER);
    let id = world.handle(Scenario::Fix).await;
    world.clock.advance(secs(30));
    world.sandbox.github.comment(REPO, 1, "grace", "I am looking at this.").unwrap();
    let head = world.pull_request(1).head_sha;
    world.set_checks(Heads::Commit(head), &[red("pytest")]);
    world.after(mins(1)).await;
    assert_eq!(world.status(&id).await, "pr_created");
    assert_eq!(commits_on_the_branch(&world), 1);
    assert_says(&world.shown_card(), &["grace"]);
}

#[tokio::test]
async fn when_the_file_changes_on_the_base_the_same_edit_is_put_on_its_head_before_it_can_be_deployed() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    let before = world.pull_request(1).head_sha;
    world.edit(LABELS, "A colleague\'s change", |text| format!("{text}\n# A remark at the end.\n"));
    world.decide(&card, DEPLOY).await;
    world.ticks(2, mins(1)).await;
    assert_eq!(world.status(&id).await, "awaiting_approval", "{}", world.shown_card());
    let pull = world.pull_request(1);
    assert_ne!(pull.head_sha, before);
    assert_eq!(commits_on_the_branch(&world), 1, "one commit, on the new base");
    let shown = world.shown_card();
    assert!(shown.contains("same edit was put on its head"), "{shown}");
    world.decide(&world.card(), DEPLOY).await;
    assert_eq!(world.status(&id).await, "deployed");
    let labels = world.text_at("main", LABELS);
    assert!(labels.contains("A remark at the end") && !labels.contains(FAULTY), "{labels}");
}

#[tokio::test]
async fn commits_that_touch_other_files_change_nothing() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    world.sandbox.github.commit(REPO, "main").file("NEWS.md", b"news\n", "News").unwrap();
    world.decide(&card, DEPLOY).await;
    assert_eq!(world.status(&id).await, "deployed");
}

#[tokio::test]
async fn where_the_edit_does_not_fit_any_more_the_analysis_starts_again_once() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    let turns = world.sandbox.claude.turns_answered();
    world.edit(LABELS, "A colleague\'s change", |text| {
        text.replace(FAULTY, "    addition = first_line(address).strip()")
    });
    world.decide(&card, DEPLOY).await;
    world.ticks(2, mins(1)).await;
    assert!(world.sandbox.github.open_pull_requests(REPO).unwrap().is_empty());
    let attempt = world.attempt(&id).await;
    assert_eq!(attempt["status"], "skipped", "the crash line is not there any more: {attempt:#}");
    assert!(attempt["timeline"].to_string().contains("begins again"), "{attempt:#}");
    assert!(world.sandbox.claude.turns_answered() >= turns);
    assert_eq!(world.sandbox.slack.messages().len(), 1);
}
