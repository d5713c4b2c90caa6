//! From the webhook to the merge, as people see it.

use autofix::messages::DEPLOY;
use axum::http::StatusCode;

use crate::world::{Hook, PullState, REPO, Scenario, SlackWay, World, assert_says, mins, reason_codes};

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
    assert_says(
        &shown,
        &[
            "AutoFix: CTO Review Complete - Ready to Deploy",
            "AttributeError in address_lines",
            "backend/bookshop/labels.py:34",
            "🚀 Deploy Live",
            "❌ Dismiss",
            "Pull request #1",
        ],
    );
    assert!(shown.contains("-    addition = address.get(\"line2\", \"\").strip()"), "{shown}");
    assert!(shown.contains("+    addition = (address.get(\"line2\") or \"\").strip()"), "{shown}");

    assert_eq!(world.press(&card, DEPLOY).await.status, StatusCode::OK);
    world.settle().await;
    let attempt = world.attempt(&answer.attempt_id()).await;
    assert_eq!(attempt["status"], "deployed");
    assert_eq!(attempt["approved_by"], "U0APPROVER");
    assert_eq!(attempt["proposed_fixes"][0]["file_path"], "backend/bookshop/labels.py");
    assert!(attempt["usage"]["cost_usd"].as_f64().unwrap() > 0.0);
    let pull = world.pull_request(1);
    assert!(matches!(pull.state, PullState::Merged { .. }));
    let message = world.newest_message();
    assert!(message.contains(&format!("AutoFix-Attempt: {}", answer.attempt_id())), "{}", message);
    let labels = world.sandbox.github.file_at(REPO, "main", "backend/bookshop/labels.py").unwrap().unwrap();
    assert!(String::from_utf8(labels).unwrap().contains("(address.get(\"line2\") or \"\").strip()"));
    let card = world.card();
    assert_says(&world.shown(&card), &["AutoFix merged"]);
    assert!(!world.shown(&card).contains("Deploy Live"));
}

#[tokio::test]
async fn an_incoming_webhook_alone_is_enough() {
    let world = World::builder().slack(SlackWay::Webhook).start().await;
    let (id, card) = world.until_armed().await;
    assert_says(&world.shown(&card), &["🚀 Deploy Live"]);
    world.decide(&card, DEPLOY).await;
    assert_eq!(world.status(&id).await, "deployed");
    // The clicked card is replaced through its response_url: still one message.
    let card = world.card();
    assert_says(&world.shown(&card), &["AutoFix merged"]);
}

#[tokio::test]
async fn a_card_whose_response_url_has_run_out_is_followed_by_a_new_message() {
    let world = World::builder().slack(SlackWay::Webhook).start().await;
    let (_, card) = world.until_armed().await;
    world.press(&card, DEPLOY).await;
    world.clock.advance(mins(40));
    world.settle().await;
    let messages = world.sandbox.slack.messages();
    assert_eq!(messages.len(), 2);
    assert_says(&world.shown(&messages[1]), &["AutoFix merged"]);
}

#[tokio::test]
async fn a_security_sensitive_error_is_left_to_people_with_every_reason() {
    let world = World::new().await;
    let id = world.handle(Scenario::Security).await;
    let attempt = world.attempt(&id).await;
    assert_eq!(attempt["status"], "skipped");
    let codes = reason_codes(&attempt);
    for code in ["needs_human", "security_risk", "category_blocked", "model_declined"] {
        assert!(codes.contains(&code), "{codes:?}");
    }
    let card = world.card();
    let shown = world.shown(&card);
    assert!(shown.contains("🔍 AutoFix: Manual Review Required"), "{shown}");
    assert!(!shown.contains("Deploy Live"), "{shown}");
    assert!(world.fix_branches().is_empty());
    assert!(world.pull_requests().is_empty());
}

#[tokio::test]
async fn every_kind_of_webhook_leads_to_the_same_fix() {
    // An `issue` webhook has no stack trace: it is completed from Sentry's API.
    for hook in [Hook::EventAlertTriggered, Hook::ErrorCreated, Hook::IssueCreated] {
        let world = World::new().await;
        let id = world.handle_report(&Scenario::Fix.event(world.clock.now()), hook).await;
        let attempt = world.attempt(&id).await;
        assert_eq!(attempt["status"], "awaiting_approval", "{hook:?}");
        assert_eq!(attempt["error_analysis"]["error_type"], "AttributeError", "{hook:?}");
    }
}

#[tokio::test]
async fn a_dry_run_shows_the_change_and_writes_nothing() {
    let world = World::with(&[("AUTOFIX_DRY_RUN", "true")]).await;
    let id = world.handle(Scenario::Fix).await;
    world.ended(&id, "skipped", "dry_run").await;
    assert_says(&world.shown_card(), &["+    addition"]);
    assert!(world.fix_branches().is_empty());
}
