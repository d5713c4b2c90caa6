//! From the webhook to the merge, as people see it.

use autofix::messages::DEPLOY;
use axum::http::StatusCode;

use crate::world::{Hook, PullState, REPO, Scenario, SlackWay, World, assert_says, lines_with, mins};

#[tokio::test]
async fn an_alert_becomes_a_pull_request_a_card_and_a_merge() {
    let world = World::new().await;
    let answer = world.alert(Scenario::Fix).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.body["received"], true);
    assert_eq!(answer.body["message"], "Processing started");
    world.settle().await;
    let (github, sentry) = (world.sandbox.github.url(), world.sandbox.sentry.url());
    let shown = world.shown_card().replace(&github, "GITHUB").replace(&sentry, "SENTRY");
    let shown = shown.replace(&world.pull_request(1).head_branch, "BRANCH");
    insta::assert_snapshot!(shown.replace(&answer.attempt_id(), "ATTEMPT"), @r#"
    🔧 AutoFix: CTO Review Complete - Ready to Deploy

    AttributeError in address_lines  ·  bookshop

    Error
    `AttributeError`: 'NoneType' object has no attribute 'strip'
    File
    `backend/bookshop/labels.py:34`
    Owner
    `ada` (changed the file last, `685b95361c`)

    📊 CTO Analysis
    Complexity 🟢 minimal  ·  Security ✅ none  ·  Blast Radius 🟢 isolated  ·  Confidence 🟢 90 %

    🔍 Root Cause
    `address_lines` reads the optional second address line with `address.get("line2", "")`. The default is used only when the key is missing, but `label_for` passes `order.address.model_dump()`, which always has the key, with the value None when the customer left the line empty. None has no `strip`.

    💡 CTO Recommendation
    Treat None like an empty line in `address_lines`. Empty lines are already left out of the label, so nothing else changes.

    Pull request #1 (GITHUB/acme/bookshop/pull/1)  `BRANCH`
    ✅ 1 check passed.

    [ 🚀 Deploy Live ]  [ ❌ Dismiss ]

    Change in `backend/bookshop/labels.py`

        @@ -31,7 +31,7 @@
             """The lines of an address in the order in which they are printed."""
             name = address["name"].strip()
             street = address["line1"].strip()
        -    addition = address.get("line2", "").strip()
        +    addition = (address.get("line2") or "").strip()
             country = COUNTRY_NAMES.get(address["country"], address["country"])
             lines = [name, street, addition, postcode_line(address), country]
             return [line for line in lines if line]

    ────────────────────────────────────────

    Sentry issue (SENTRY/organizations/acme/issues/5100000001/events/b00c5409fa1141a5e1abe15000000001/)  ·  `acme/bookshop`  ·  $0.07  ·  Attempt `ATTEMPT`
    "#);

    assert_eq!(world.press(&world.card(), DEPLOY).await.status, StatusCode::OK);
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
    assert_says(&world.shown_card(), &["AutoFix merged"]);
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
    assert_eq!(world.status(&id).await, "skipped");
    insta::assert_snapshot!(lines_with(&world.shown_card(), "• "), @"
    • The analysis says that a person has to decide here. (`needs_human`)
    • The analysis says that this should not be fixed automatically. (`model_declined`)
    • The security implications are `high`. (`security_risk`)
    • The change reaches further than one place: its blast radius is `wide`. (`blast_radius`)
    • This touches `security`, which needs a person. The analysis says so. The path `backend/bookshop/auth.py` names `auth`: code there decides who someone is. (`category_blocked`)
    ");
    assert!(!world.shown_card().contains("Deploy Live"));
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
