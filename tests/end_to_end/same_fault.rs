//! One fault under several Sentry issues: one analysis, one pull request, one answer.

use autofix::attempt::AttemptId;
use autofix::fault::fault_key;
use autofix::messages::DEPLOY;
use autofix::store::{Fault, Leasing};
use autofix_local::demo_project;
use autofix_local::sandbox::sentry::Project;
use autofix_local::sandbox::service::Fault as Broken;
use axum::http::{Method, StatusCode};
use jiff::SignedDuration;

use crate::world::{Hook, REPO, SandboxEvent, Scenario, World, assert_says, hours, mins, secs};

const MINUTE: SignedDuration = secs(61);

impl World {
    /// The bookshop's label error, as Sentry's issue number `number` after the first one.
    pub fn other_issue(&self, number: u32) -> SandboxEvent {
        Scenario::Fix.event(self.clock.now()).as_other_issue(number)
    }

    /// An alert about another issue of the label error, worked on.
    pub async fn alert_other(&self, number: u32) -> String {
        let answer = self.report(&self.other_issue(number), Hook::EventAlertTriggered).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
        self.settle().await;
        answer.attempt_id()
    }

    pub fn body_of_pull_request(&self, number: u64) -> String {
        self.sandbox.github.pull_request(REPO, number).unwrap().body
    }
}

#[tokio::test]
async fn many_issues_of_one_fault_at_once_are_one_analysis() {
    let alone = World::new().await;
    alone.until_armed().await;
    let paid = alone.sandbox.claude.turns_answered();

    let world = World::new().await;
    let mut ids = Vec::new();
    for number in 0..6 {
        let event = world.other_issue(number);
        ids.push(world.report(&event, Hook::EventAlertTriggered).await.attempt_id());
    }
    world.settle().await;
    world.ticks(3, MINUTE).await;
    assert_eq!(world.sandbox.claude.turns_answered(), paid);
    assert_eq!(world.pull_requests().len(), 1);
    let mut joined = 0;
    for id in &ids {
        let attempt = world.attempt(id).await;
        match attempt["status"].as_str() {
            Some("awaiting_approval") => assert_eq!(attempt["joined_issues"].as_array().unwrap().len(), 5),
            _ => {
                world.ended(id, "skipped", "same_fault_joined").await;
                joined += 1;
            }
        }
    }
    assert_eq!(joined, 5);
    assert_eq!(world.body_of_pull_request(1).matches("* [Sentry issue ").count(), 6);
    world.card();
}

#[tokio::test]
async fn an_attempt_waits_while_another_one_is_finding_out() {
    let world = World::new().await;
    world.sandbox.claude.service().fail_times(3, Method::POST, "/v1/messages", Broken::status(529));
    let first = world.handle(Scenario::Fix).await;
    let second = world.alert_other(1).await;
    let waiting = world.attempt(&second).await;
    assert_eq!(waiting["status"], "analyzing");
    assert!(waiting["timeline"].to_string().contains(&first), "{waiting}");
    assert_eq!(world.sandbox.claude.turns_answered(), 0);
    world.sandbox.claude.service().clear_faults();
    world.ticks(6, MINUTE).await;
    assert_eq!(world.status(&first).await, "awaiting_approval");
    world.ended(&second, "skipped", "same_fault_joined").await;
    world.card();
}

#[tokio::test]
async fn a_fix_that_is_being_merged_is_not_joined_but_waited_for() {
    let world = World::new().await;
    let (first, card) = world.until_armed().await;
    world.sandbox.github.service().fail_times(3, Method::PUT, "/merge", Broken::status(503));
    world.decide(&card, DEPLOY).await;
    assert_eq!(world.status(&first).await, "approved");
    let second = world.alert_other(1).await;
    assert_eq!(world.status(&second).await, "analyzing");
    world.ticks(6, mins(3)).await;
    assert_eq!(world.status(&first).await, "deployed");
    world.ended(&second, "skipped", "same_fault_merged").await;
}

#[tokio::test]
async fn a_wait_for_an_attempt_that_does_not_decide_ends_with_a_card() {
    let world = World::new().await;
    let first = world.alert(Scenario::Fix).await.attempt_id();
    // A worker that took the attempt and its fault, and hangs.
    let store = world.process.store();
    let id = AttemptId::parse(&first).unwrap();
    let now = world.clock.now();
    let until = now + hours(48);
    store.lease(id, Leasing { owner: "hangs", now, until }).await.unwrap();
    let key = fault_key(&store.incident(id).await.unwrap().unwrap());
    store.claim_fault(Fault { repo: REPO, key: &key }, id, now).await.unwrap();

    let second = world.alert_other(1).await;
    world.ticks(23, hours(1)).await;
    assert_eq!(world.status(&second).await, "analyzing");
    world.after(hours(2)).await;
    world.ended(&second, "skipped", "same_fault_undecided").await;
    assert!(world.shown_card().contains(&first));
    assert_eq!(world.sandbox.claude.turns_answered(), 0);
    store.break_leases(world.clock.now()).await.unwrap();
    world.after(MINUTE).await;
    assert_eq!(world.status(&first).await, "awaiting_approval");
}

#[tokio::test]
async fn a_fix_that_a_person_dismissed_is_not_proposed_under_another_issue() {
    let world = World::new().await;
    let (first, card) = world.until_armed().await;
    world.dismiss(&card).await;
    let paid = world.sandbox.claude.turns_answered();
    world.clock.advance(hours(24 * 30));

    let second = world.alert_other(1).await;
    let attempt = world.ended(&second, "skipped", "same_fault_dismissed").await;
    let detail = attempt["reason"]["detail"].as_str().unwrap();
    assert!(detail.contains("#1 was dismissed on 2026-11-22 10:00 UTC"), "{detail}");
    let shown = world.shown(&world.card_of(&second));
    assert!(shown.contains("Known Error") && shown.contains("decided by @ann"), "{shown}");
    assert!(shown.contains(&first) && !shown.contains("Deploy Live"), "{shown}");
    assert_eq!(world.sandbox.claude.turns_answered(), paid);

    // That Sentry says so is a reason to look again.
    let third = world.handle_report(&world.other_issue(2), Hook::IssueUnresolved).await;
    assert_eq!(world.status(&third).await, "awaiting_approval");
    assert!(world.sandbox.claude.turns_answered() > paid);
}

#[tokio::test]
async fn a_merged_fix_is_waited_for_until_it_is_deployed() {
    let world = World::new().await;
    let (first, card) = world.until_armed().await;
    world.decide(&card, DEPLOY).await;
    assert_eq!(world.status(&first).await, "deployed");
    let paid = world.sandbox.claude.turns_answered();
    let second = world.alert_other(1).await;
    let attempt = world.ended(&second, "skipped", "same_fault_merged").await;
    let detail = attempt["reason"]["detail"].as_str().unwrap();
    assert!(detail.contains("pull request #1 was merged") && detail.contains("Deploy it"), "{detail}");
    let shown = world.shown(&world.card_of(&second));
    assert!(shown.contains("The fix is merged"), "{shown}");
    // Also when Sentry calls it a regression: people resolve an issue when they merge, and the old release goes on.
    world.clock.advance(mins(20));
    let third = world.handle_report(&world.other_issue(2), Hook::IssueUnresolved).await;
    world.ended(&third, "skipped", "same_fault_merged").await;
    assert_eq!(world.sandbox.claude.turns_answered(), paid);
}

#[tokio::test]
async fn an_answer_that_was_paid_for_is_not_paid_for_again() {
    let world = World::new().await;
    let event = Scenario::Security.event(world.clock.now());
    let first = world.handle_report(&event, Hook::EventAlertTriggered).await;
    let paid = world.sandbox.claude.turns_answered();
    let other = |number| Scenario::Security.event(world.clock.now()).as_other_issue(number);
    let second = world.handle_report(&other(1), Hook::EventAlertTriggered).await;
    let attempt = world.ended(&second, "skipped", "same_fault_answered").await;
    let detail = attempt["reason"]["detail"].as_str().unwrap();
    assert!(detail.contains(&first) && detail.contains("2026-11-29 10:00 UTC"), "{detail}");
    assert_says(&world.shown(&world.card_of(&second)), &["Known Error"]);
    assert_eq!(world.sandbox.claude.turns_answered(), paid);

    // The answer holds for a week; both issues are free again at the same time.
    world.clock.advance(hours(24 * 7));
    let again = other(1).again(2, world.clock.now());
    let third = world.report(&again, Hook::EventAlertTriggered).await.attempt_id();
    assert_ne!(third, second);
    world.settle().await;
    assert_eq!(world.attempt(&third).await["reason"]["code"], "needs_human");
    assert!(world.sandbox.claude.turns_answered() > paid);
}

#[tokio::test]
async fn what_may_be_different_next_time_is_no_answer() {
    let world = World::with(&[("AUTOFIX_DAILY_COST_USD", "0.01")]).await;
    // The first turn is more than the day allows: the attempt is stopped before its second one.
    let first = world.handle(Scenario::Fix).await;
    assert_eq!(world.attempt(&first).await["reason"]["code"], "daily_budget_spent");
    world.clock.advance(hours(24));
    let second = world.alert_other(1).await;
    let attempt = world.attempt(&second).await;
    assert_eq!(attempt["reason"]["code"], "daily_budget_spent", "it had a day's budget of its own");
    assert!(attempt["usage"]["turns"].as_u64().unwrap() > 0, "{attempt}");
}

#[tokio::test]
async fn what_cost_nothing_is_looked_at_again_for_nothing() {
    let world = World::new().await;
    let file = world.sandbox.github.commit(REPO, "main");
    file.file(".orchestrator/autofix.yaml", b"autofix: {enabled: false}", "Off").unwrap();
    let first = world.handle(Scenario::Fix).await;
    world.ended(&first, "skipped", "disabled_by_repository").await;
    let file = world.sandbox.github.commit(REPO, "main");
    file.file(".orchestrator/autofix.yaml", b"autofix: {enabled: true}", "On").unwrap();
    let second = world.alert_other(1).await;
    assert_eq!(world.status(&second).await, "awaiting_approval");
}

#[tokio::test]
async fn another_fault_and_another_repository_are_not_the_same() {
    let projects = r#"{"bookshop":{"repo":"acme/bookshop","path":"backend"},"stationer":{"repo":"acme/stationer","path":"backend"}}"#;
    let world = World::with(&[("AUTOFIX_PROJECTS", projects), ("AUTOFIX_GITHUB_REPO", "")]).await;
    let files = demo_project::files();
    world.sandbox.github.add_repository("acme/stationer", &files, demo_project::FIRST_COMMIT).unwrap();
    world.alert(Scenario::Fix).await;
    let other_fault = Scenario::Fix.event(world.clock.now()).as_other_fault(1);
    world.report(&other_fault, Hook::EventAlertTriggered).await;
    let project = Project { id: 4_500_000_000_000_002, slug: "stationer".to_owned() };
    let elsewhere = SandboxEvent { project, ..world.other_issue(2) };
    world.report(&elsewhere, Hook::EventAlertTriggered).await;
    world.settle().await;
    assert_eq!(world.open_pull_requests(), 2);
    assert_eq!(world.sandbox.github.open_pull_requests("acme/stationer").unwrap().len(), 1);
}

#[tokio::test]
async fn a_joined_issue_that_comes_back_after_a_dismissal_is_looked_at() {
    let world = World::new().await;
    let (_, card) = world.until_armed().await;
    let second = world.alert_other(1).await;
    world.dismiss(&card).await;
    world.clock.advance(hours(24 * 8));
    let event = world.other_issue(1);
    let third = world.handle_report(&event.again(2, world.clock.now()), Hook::ErrorCreated).await;
    assert_ne!(third, second);
    world.ended(&third, "skipped", "same_fault_dismissed").await;
    // From now on a person's word holds for this issue, too.
    world.clock.advance(hours(24 * 60));
    let again = world.report(&event.again(3, world.clock.now()), Hook::ErrorCreated).await;
    assert_eq!((again.status, again.attempt_id()), (StatusCode::OK, third));
    let back = world.report(&event.again(4, world.clock.now()), Hook::IssueUnresolved).await;
    assert_eq!(back.status, StatusCode::ACCEPTED);
    world.settle().await;
    assert_eq!(world.attempt(&back.attempt_id()).await["status"], "awaiting_approval");
}

#[tokio::test]
async fn what_is_left_to_people_is_theirs_until_they_merge_it() {
    let world = World::new().await;
    let (first, card) = world.until_armed().await;
    let branch = world.fix_branches().remove(0);
    world.sandbox.github.commit(REPO, &branch).file("backend/README.md", b"mine", "A push").unwrap();
    world.decide(&card, DEPLOY).await;
    assert_eq!(world.attempt(&first).await["reason"]["code"], "branch_moved");
    world.clock.advance(hours(24 * 20));
    let second = world.alert_other(1).await;
    let attempt = world.ended(&second, "skipped", "same_fault_answered").await;
    let detail = attempt["reason"]["detail"].as_str().unwrap();
    assert!(detail.contains("pull request #1 was left to you"), "{detail}");
    world.sandbox.github.merge_pull_request(REPO, 1).unwrap();
    let third = world.alert_other(2).await;
    assert_ne!(world.attempt(&third).await["reason"]["code"], "same_fault_answered");
}
