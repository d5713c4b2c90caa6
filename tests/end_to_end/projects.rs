//! Several projects of one deployment: each has its own repository, folder, branch and channel, from the webhook to the
//! verified fix.

use autofix::messages::DEPLOY;
use autofix_local::demo_project;
use autofix_local::sandbox::claude::{Script, Turn};
use autofix_local::sandbox::sentry::Project;
use autofix_local::sandbox::slack::{CHANNEL_ID, OTHER_CHANNEL_ID};
use axum::http::StatusCode;

use crate::bookshop::{FAULTY, LABELS, REPAIRED, analysis, evidence_in, fix, source_of, verdict};
use crate::world::{
    CheckRun, Conclusion, Heads, Hook, Message, REPO, SandboxEvent, Scenario, World, assert_says, hours, mins,
};

const PROJECTS: &str = r#"{
    "bookshop": {"repo": "acme/bookshop", "path": "backend"},
    "stationery": {"repo": "acme/stationery", "path": "services/api", "branch": "release", "slack_channel": "C0PAYMENTS"}
}"#;
const OTHER_REPO: &str = "acme/stationery";
const OTHER_LABELS: &str = "services/api/bookshop/labels.py";

/// Two projects with code that is much alike, in two repositories; nothing is said about any other.
async fn two_projects() -> World {
    let settings = [("AUTOFIX_PROJECTS", PROJECTS), ("AUTOFIX_GITHUB_REPO", ""), ("AUTOFIX_GITHUB_PATH", "")];
    let world = World::with(&settings).await;
    let files = demo_project::files().into_iter().map(|(path, bytes)| {
        let path =
            path.strip_prefix("backend/").map_or(path.to_owned(), |rest| format!("services/api/{rest}"));
        (path, bytes)
    });
    let files: Vec<(String, &[u8])> = files.collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(path, bytes)| (path.as_str(), *bytes)).collect();
    let github = &world.sandbox.github;
    github.add_repository(OTHER_REPO, &files, "Sell paper").unwrap();
    github.commit(OTHER_REPO, "release").file("RELEASE.md", b"1.4\n", "Branch off").unwrap();
    // What is on the default branch must not matter.
    github.commit(OTHER_REPO, "main").file(OTHER_LABELS, b"# moved away\n", "Begin again").unwrap();
    let green = CheckRun::ended("tests", Conclusion::Success);
    github.set_checks(OTHER_REPO, Heads::Every, &[green]).unwrap();
    world.sandbox.claude.add_script(stationery_script());
    world
}

/// What Claude says about the stationery shop's labels.
fn stationery_script() -> Script {
    let labels = source_of(LABELS).unwrap();
    let cited = [FAULTY, "address.get(\"line2\", \"\")"];
    let analysis = analysis(OTHER_LABELS, &cited.map(|quote| evidence_in(labels, OTHER_LABELS, quote)));
    let fix = fix(&[(OTHER_LABELS, FAULTY, REPAIRED)]);
    let says = |tool, input| vec![Turn::tool(tool, input)];
    Script::new("stationery", OTHER_LABELS)
        .conversation("report_analysis", says("report_analysis", analysis))
        .conversation("propose_fix", says("propose_fix", fix))
        .conversation("give_verdict", says("give_verdict", verdict()))
}

fn of_project(event: &SandboxEvent, slug: &str, id: u64) -> SandboxEvent {
    let other = event.as_other_issue(40);
    SandboxEvent { project: Project { id, slug: slug.to_owned() }, ..other }
}

fn card_in(world: &World, channel: &str) -> Message {
    let mut cards = world.cards();
    cards.retain(|card| card.channel == channel);
    assert_eq!(cards.len(), 1, "{cards:?}");
    cards.remove(0)
}

#[tokio::test]
async fn each_project_has_its_own_repository_folder_branch_and_channel_to_the_end() {
    let world = two_projects().await;
    let github = &world.sandbox.github;
    let event = Scenario::Fix.event(world.clock.now());
    let other_event = of_project(&event, "stationery", 4_500_000_000_000_002);
    let book = world.report(&event, Hook::EventAlertTriggered).await.attempt_id();
    let paper = world.report(&other_event, Hook::EventAlertTriggered).await.attempt_id();
    assert_ne!(book, paper, "the same fault in two repositories is two faults");
    world.settle().await;
    let attempts = [world.attempt(&book).await, world.attempt(&paper).await];
    for (attempt, (project, repo, file)) in attempts
        .iter()
        .zip([("bookshop", REPO, "backend/bookshop/labels.py"), ("stationery", OTHER_REPO, OTHER_LABELS)])
    {
        assert_eq!(attempt["status"], "awaiting_approval", "{attempt:#}");
        assert_eq!(
            (attempt["project_name"].as_str(), attempt["github_repo"].as_str()),
            (Some(project), Some(repo))
        );
        assert_eq!(attempt["proposed_fixes"][0]["file_path"], file);
    }
    assert_eq!(github.pull_request(REPO, 1).unwrap().base_branch, "main");
    assert_eq!(github.pull_request(OTHER_REPO, 1).unwrap().base_branch, "release");
    let (first, second) = (card_in(&world, CHANNEL_ID), card_in(&world, OTHER_CHANNEL_ID));
    assert_says(&world.shown(&first), &["`acme/bookshop`"]);
    assert_says(&world.shown(&second), &["`acme/stationery`"]);

    let main = github.sha_of(OTHER_REPO, "main").unwrap();
    world.decide(&second, DEPLOY).await;
    assert_eq!(world.status(&paper).await, "deployed");
    assert_eq!(world.status(&book).await, "awaiting_approval", "each is decided on its own");
    let merged = github.file_at(OTHER_REPO, "release", OTHER_LABELS).unwrap().unwrap();
    assert!(String::from_utf8(merged).unwrap().contains(REPAIRED.trim()));
    assert_eq!(github.sha_of(OTHER_REPO, "main").unwrap(), main, "the other branch stays");
    let sha = github.sha_of(OTHER_REPO, "release").unwrap().unwrap();
    let deployment = github.deploy(OTHER_REPO, &sha, "paper-live").unwrap();
    github.deployment_becomes(OTHER_REPO, deployment, "success", "").unwrap();
    world.after(hours(1)).await;
    let shown = world.shown(&card_in(&world, OTHER_CHANNEL_ID));
    assert!(shown.contains("Live since") && shown.contains("paper-live"), "{shown}");
    world.after(hours(24)).await;
    assert_eq!(world.status(&paper).await, "verified");
    assert_eq!(world.sandbox.sentry.status(&other_event.issue_id), Some("resolved"));
    let list = world.get("attempts?project=stationery").await.body;
    assert_eq!(list.as_array().unwrap().len(), 1, "{list:#}");
}

#[tokio::test]
async fn a_project_that_is_not_named_is_left_alone() {
    let world = two_projects().await;
    let event = of_project(&Scenario::Fix.event(world.clock.now()), "garden", 4_500_000_000_000_003);
    let answer = world.report(&event, Hook::EventAlertTriggered).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body["fix_attempt_id"].is_null(), "{answer:?}");
    assert_says(answer.body["message"].as_str().unwrap(), &["no repository is configured"]);
}

#[tokio::test]
async fn what_is_about_no_project_is_told_in_the_first_projects_channel_where_no_other_is_set() {
    let settings = [
        ("AUTOFIX_PROJECTS", PROJECTS),
        ("AUTOFIX_SLACK_CHANNEL", ""),
        ("AUTOFIX_MAX_ATTEMPTS_PER_HOUR", "1"),
    ];
    let world = World::with(&settings).await;
    let event = Scenario::Fix.event(world.clock.now());
    for number in 1..=2 {
        world.report(&event.as_other_fault(number), Hook::EventAlertTriggered).await;
    }
    world.settle().await;
    world.ticks(4, mins(1)).await;
    let messages = world.sandbox.slack.messages();
    let digest = messages.iter().find(|message| world.shown(message).contains("hourly limit"));
    assert_eq!(digest.map(|message| message.channel.as_str()), Some(OTHER_CHANNEL_ID), "{messages:#?}");
}
