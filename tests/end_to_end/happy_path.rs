//! From the webhook to the merge, as people see it.

use autofix::messages::DEPLOY;
use autofix_local::sandbox::SlackWay;
use autofix_local::sandbox::github::PullState;
use autofix_local::sandbox::sentry::Hook;
use autofix_local::scenario::Scenario;
use axum::http::StatusCode;
use jiff::SignedDuration;

use crate::world::{REPO, World};

#[tokio::test]
async fn an_alert_becomes_a_pull_request_a_card_and_a_merge() {
    let world = World::new().await;
    let answer = world.alert(Scenario::Fix).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.body["received"], true);
    assert_eq!(answer.body["message"], "Processing started");
    world.settle().await;
    let card = world.card();
    let shown = world.shown(&card);
    for expected in [
        "AutoFix: CTO Review Complete - Ready to Deploy",
        "AttributeError in address_lines",
        "backend/bookshop/labels.py:34",
        "🚀 Deploy Live",
        "❌ Dismiss",
        "Pull request #1",
    ] {
        assert!(shown.contains(expected), "no `{expected}` in\n{shown}");
    }
    assert!(shown.contains("-    addition = address.get(\"line2\", \"\").strip()"), "{shown}");
    assert!(shown.contains("+    addition = (address.get(\"line2\") or \"\").strip()"), "{shown}");

    assert_eq!(world.press(&card, DEPLOY).await.status, StatusCode::OK);
    world.settle().await;
    let attempt = world.attempt(&answer.attempt_id()).await;
    assert_eq!(attempt["status"], "deployed");
    assert_eq!(attempt["approved_by"], "U0APPROVER");
    assert_eq!(attempt["proposed_fixes"][0]["file_path"], "backend/bookshop/labels.py");
    assert!(attempt["usage"]["cost_usd"].as_f64().unwrap() > 0.0);
    let pull = world.sandbox.github.pull_request(REPO, 1).unwrap();
    assert!(matches!(pull.state, PullState::Merged { .. }));
    let log = world.sandbox.github.log(REPO, "main").unwrap();
    assert!(log[0].1.contains(&format!("AutoFix-Attempt: {}", answer.attempt_id())), "{}", log[0].1);
    let labels = world.sandbox.github.file_at(REPO, "main", "backend/bookshop/labels.py").unwrap().unwrap();
    assert!(String::from_utf8(labels).unwrap().contains("(address.get(\"line2\") or \"\").strip()"));
    let card = world.card();
    assert!(world.shown(&card).contains("AutoFix merged"), "{}", world.shown(&card));
    assert!(!world.shown(&card).contains("Deploy Live"));
}

#[tokio::test]
async fn an_incoming_webhook_alone_is_enough() {
    let world = World::with(SlackWay::Webhook, &[]).await;
    let (id, card) = world.until_armed().await;
    assert!(world.shown(&card).contains("🚀 Deploy Live"));
    world.press(&card, DEPLOY).await;
    world.settle().await;
    assert_eq!(world.attempt(&id).await["status"], "deployed");
    // The clicked card is replaced through its response_url: still one message.
    let card = world.card();
    assert!(world.shown(&card).contains("AutoFix merged"), "{}", world.shown(&card));
}

#[tokio::test]
async fn a_card_whose_response_url_has_run_out_is_followed_by_a_new_message() {
    let world = World::with(SlackWay::Webhook, &[]).await;
    let (_, card) = world.until_armed().await;
    world.press(&card, DEPLOY).await;
    world.clock.advance(SignedDuration::from_mins(40));
    world.settle().await;
    let messages = world.sandbox.slack.messages();
    assert_eq!(messages.len(), 2);
    assert!(world.shown(&messages[1]).contains("AutoFix merged"));
}

#[tokio::test]
async fn a_security_sensitive_error_is_left_to_people_with_every_reason() {
    let world = World::new().await;
    let id = world.alert(Scenario::Security).await.attempt_id();
    world.settle().await;
    let attempt = world.attempt(&id).await;
    assert_eq!(attempt["status"], "skipped");
    let codes: Vec<&str> = attempt["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reason| reason["code"].as_str().unwrap())
        .collect();
    for code in ["needs_human", "security_risk", "category_blocked", "model_declined"] {
        assert!(codes.contains(&code), "{codes:?}");
    }
    let card = world.card();
    let shown = world.shown(&card);
    assert!(shown.contains("🔍 AutoFix: Manual Review Required"), "{shown}");
    assert!(!shown.contains("Deploy Live"), "{shown}");
    assert!(world.fix_branches().is_empty());
    assert!(world.sandbox.github.pull_requests(REPO).unwrap().is_empty());
}

#[tokio::test]
async fn a_dismissed_fix_is_closed_and_not_proposed_again() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    world.dismiss(&card).await;
    world.settle().await;
    assert_eq!(world.attempt(&id).await["status"], "rejected");
    assert_eq!(world.sandbox.github.pull_request(REPO, 1).unwrap().state, PullState::Closed);
    assert!(world.fix_branches().is_empty());
    assert!(world.shown(&world.card()).contains("Dismissed by"));

    world.clock.advance(SignedDuration::from_hours(24 * 30));
    let again = world
        .report(&Scenario::Fix.event(world.clock.now()).again(2, world.clock.now()), Hook::ErrorCreated)
        .await;
    assert_eq!((again.status, again.attempt_id()), (StatusCode::OK, id));
    world.settle().await;
    assert_eq!(world.sandbox.github.pull_requests(REPO).unwrap().len(), 1);
}

#[tokio::test]
async fn an_issue_webhook_without_a_stack_trace_is_completed_from_sentrys_api() {
    let world = World::new().await;
    let id = world.report(&Scenario::Fix.event(world.clock.now()), Hook::IssueCreated).await.attempt_id();
    world.settle().await;
    let attempt = world.attempt(&id).await;
    assert_eq!(attempt["status"], "awaiting_approval");
    assert_eq!(attempt["error_analysis"]["error_type"], "AttributeError");
}

#[tokio::test]
async fn every_webhook_kind_with_a_stack_trace_leads_to_the_same_fix() {
    for hook in [Hook::EventAlertTriggered, Hook::ErrorCreated] {
        let world = World::new().await;
        let id = world.report(&Scenario::Fix.event(world.clock.now()), hook).await.attempt_id();
        world.settle().await;
        assert_eq!(world.attempt(&id).await["status"], "awaiting_approval", "{hook:?}");
    }
}

#[tokio::test]
async fn a_dry_run_shows_the_change_and_writes_nothing() {
    let world = World::with(SlackWay::Bot, &[("AUTOFIX_DRY_RUN", "true")]).await;
    let id = world.alert(Scenario::Fix).await.attempt_id();
    world.settle().await;
    let attempt = world.attempt(&id).await;
    assert_eq!(
        (attempt["status"].as_str(), attempt["reason"]["code"].as_str()),
        (Some("skipped"), Some("dry_run"))
    );
    assert!(world.shown(&world.card()).contains("+    addition"));
    assert!(world.fix_branches().is_empty());
}
