//! After the merge: the deploy is seen, and the error stays away or comes back.

use autofix::messages::DEPLOY;
use axum::http::Method;

use crate::world::{REPO, SECOND_APPROVER_ID, SandboxEvent, Scenario, World, assert_says, hours, mins};

pub struct Deployed {
    pub world: World,
    pub id: String,
    /// The commit on `main` before and after the merge.
    pub before_sha: String,
    pub merge_sha: String,
    pub event: SandboxEvent,
}

/// A merged fix, watched with these settings.
async fn deployed(settings: &[(&str, &str)]) -> Deployed {
    deployed_in(World::with(settings).await).await
}

pub async fn deployed_in(world: World) -> Deployed {
    let event = Scenario::Fix.event(world.clock.now());
    let (id, card) = world.until_armed().await;
    let before_sha = world.main();
    world.decide(&card, DEPLOY).await;
    if world.status(&id).await == "awaiting_approval" {
        world.decide_as(&card, DEPLOY, SECOND_APPROVER_ID).await; // where it takes two
    }
    assert_eq!(world.status(&id).await, "deployed");
    let merge_sha = world.main();
    Deployed { world, id, before_sha, merge_sha, event }
}

impl Deployed {
    /// The error happens again, in a release of this name.
    pub fn happens_in(&self, number: u32, release: &str) {
        let event = self.event.again(number, self.world.clock.now()).in_release(release);
        self.world.sandbox.sentry.throw(&event);
    }

    pub async fn hours(&self, number: i64) {
        self.world.after(hours(number)).await;
    }

    pub async fn status(&self) -> String {
        self.world.status(&self.id).await
    }

    pub fn shown(&self) -> String {
        self.world.shown_card()
    }
}

#[tokio::test]
async fn an_error_that_stays_away_for_a_day_is_verified_and_its_sentry_issue_resolved_by_the_commit() {
    let deployed = deployed(&[]).await;
    deployed.world.sandbox.sentry.link_repository(REPO);
    let stages = ["in_progress", "success"];
    deployed.world.sandbox.github.add_deployment(REPO, &deployed.merge_sha, &stages).unwrap();
    deployed.hours(1).await;
    assert_eq!(deployed.status().await, "deployed");
    assert_says(&deployed.shown(), &["AutoFix deployed", "🟢 Live since 2026-11-22 10:00 UTC on"]);
    let attempt = deployed.world.attempt(&deployed.id).await;
    assert_says(&attempt["timeline"].to_string(), &["production"]);
    deployed.hours(24).await;
    assert_eq!(deployed.status().await, "verified", "{}", deployed.shown());
    let sentry = &deployed.world.sandbox.sentry;
    assert_eq!(sentry.status(&deployed.event.issue_id), Some("resolved"));
    assert_eq!(
        sentry.status_details(&deployed.event.issue_id).unwrap()["inCommit"]["commit"],
        deployed.merge_sha
    );
    let comments = sentry.comments(&deployed.event.issue_id);
    assert_eq!(comments.len(), 1);
    deployed.hours(24).await;
    assert_eq!(sentry.comments(&deployed.event.issue_id).len(), 1);
}

#[tokio::test]
async fn events_of_a_release_from_before_the_merge_do_not_count_against_the_fix() {
    let deployed = deployed(&[]).await;
    deployed.hours(1).await;
    deployed.happens_in(1, &format!("bookshop@{}", deployed.before_sha));
    deployed.hours(1).await;
    assert_eq!(deployed.status().await, "deployed");
    deployed.hours(24).await;
    assert_eq!(deployed.status().await, "verified");
}

#[tokio::test]
async fn a_commit_after_the_merge_contains_it() {
    let deployed = deployed(&[]).await;
    let world = &deployed.world;
    let later = world.sandbox.github.commit(REPO, "main").file("NEWS.md", b"news\n", "News").unwrap();
    deployed.hours(1).await;
    deployed.happens_in(1, &format!("bookshop@{later}"));
    deployed.hours(1).await;
    assert_eq!(deployed.status().await, "regressed");
}

#[tokio::test]
async fn an_event_whose_release_names_no_commit_neither_verifies_nor_accuses() {
    let deployed = deployed(&[]).await;
    deployed.hours(1).await;
    deployed.happens_in(1, "bookshop@nightly");
    deployed.hours(1).await;
    assert_eq!(deployed.status().await, "deployed");
    deployed.hours(30).await;
    deployed.hours(30).await;
    assert_eq!(deployed.status().await, "deployed");
    let attempt = deployed.world.attempt(&deployed.id).await;
    assert!(attempt["timeline"].to_string().contains("names no commit"), "{attempt:#}");
    let asked = deployed.world.sandbox.sentry.service().count(Method::GET, "/events/?");
    deployed.hours(48).await;
    let asked_later = deployed.world.sandbox.sentry.service().count(Method::GET, "/events/?");
    assert_eq!(asked, asked_later, "the watch has ended");
}

#[tokio::test]
async fn a_fix_that_few_requests_reach_is_watched_until_enough_have_come() {
    let deployed = deployed(&[]).await;
    let world = &deployed.world;
    let sentry = &world.sandbox.sentry;
    let before = world.clock.now() - mins(30);
    sentry.serve(&deployed.event, 400, before);
    deployed.hours(25).await;
    assert_eq!(deployed.status().await, "deployed", "nobody has asked for a label since");
    sentry.serve(&deployed.event, 500, world.clock.now());
    deployed.hours(2).await;
    assert_eq!(deployed.status().await, "verified");
}

#[tokio::test]
async fn without_a_sentry_token_the_card_says_that_nobody_knows_whether_the_error_is_gone() {
    let deployed = deployed(&[("SENTRY_AUTH_TOKEN", "")]).await;
    deployed.hours(25).await;
    assert_eq!(deployed.status().await, "deployed");
    let attempt = deployed.world.attempt(&deployed.id).await;
    assert!(attempt["timeline"].to_string().contains("SENTRY_AUTH_TOKEN"), "{attempt:#}");
    assert_says(&deployed.shown(), &["Merged; no deployment reported"]);
}

#[tokio::test]
async fn a_deployment_is_followed_from_its_beginning_to_its_failure() {
    let deployed = deployed(&[]).await;
    let github = &deployed.world.sandbox.github;
    assert_says(&deployed.shown(), &["No deployment is reported yet"]);
    let id = github.deploy(REPO, &deployed.merge_sha, "production").unwrap();
    deployed.hours(1).await;
    assert_says(&deployed.shown(), &["🚀 Being deployed to"]);
    github.deployment_becomes(REPO, id, "failure", "https://ci.example/9").unwrap();
    deployed.hours(1).await;
    assert_says(&deployed.shown(), &["🔴 The deployment to"]);
    assert_eq!(deployed.status().await, "deployed", "a person has to look");
}
