//! Dismissing: asked why where that is possible, and never lost or done twice where it is not.

use autofix::messages::{DEPLOY, DISMISS, REASON_FIELD, WORDS_FIELD};
use axum::http::Method;
use serde_json::{Value, json};

use crate::world::{
    APPROVER_ID, BYSTANDER_ID, Fault, Hook, PullState, SECOND_APPROVER_ID, Scenario, SignedForm, SlackWay,
    World, assert_says, hours, secs,
};

#[tokio::test]
async fn a_dismissal_asks_why_and_the_card_says_so() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    world.decide(&card, DISMISS).await;
    assert_eq!(
        world.attempt(&id).await["status"],
        "awaiting_approval",
        "nothing is decided before it is sent"
    );
    let dialog = world.dialog();
    insta::assert_snapshot!(dialog.shown(), @r"
    Dismiss this fix

    Why?
    ( ) The cause is wrong
    ( ) The fix is wrong
    ( ) Too risky
    ( ) I will fix it myself
    ( ) It is not a bug

    In your words

    The pull request is closed and its branch deleted. The reason stands on the card.
    ");
    let values =
        [(REASON_FIELD, "wrong_cause"), (WORDS_FIELD, "It is the *import* <!channel>, see ops@acme.example")];
    let (_, seen) = world.submit(&dialog, &values).await;
    assert_eq!(seen, None, "the dialog closes");
    world.settle().await;
    let attempt = world.attempt(&id).await;
    assert_eq!(attempt["status"], "rejected");
    assert_eq!(attempt["dismissal"]["reason"], "wrong_cause");
    assert_eq!(attempt["dismissal"]["by"], APPROVER_ID);
    assert!(!attempt["dismissal"]["words"].as_str().unwrap().contains("acme.example"), "{attempt}");
    let card = world.card();
    let shown = world.shown(&card);
    assert!(shown.contains("Dismissed by @ann: The cause is wrong"), "{shown}");
    let raw = json!(card.blocks).to_string();
    assert!(raw.contains("&lt;!channel&gt;") && !raw.contains("<!channel>"), "{raw}");
    assert_eq!(world.pull_request(1).state, PullState::Closed);
    assert!(world.fix_branches().is_empty());
    // A person's word holds: it is not proposed again.
    world.clock.advance(hours(24 * 30));
    let event = Scenario::Fix.event(world.clock.now()).again(2, world.clock.now());
    assert_eq!(world.handle_report(&event, Hook::ErrorCreated).await, id);
    assert_eq!(world.pull_requests().len(), 1);
}

#[tokio::test]
async fn a_dialog_that_is_cancelled_changes_nothing() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    world.press(&card, DISMISS).await;
    world.decide(&card, DEPLOY).await;
    assert_eq!(world.status(&id).await, "deployed");
    // And what is sent too late is told so.
    let (_, seen) = world.submit(&world.dialog(), &[(REASON_FIELD, "too_risky")]).await;
    assert!(seen.unwrap().contains("already deployed"));
    world.settle().await;
    assert_eq!(world.status(&id).await, "deployed");
}

#[tokio::test]
async fn without_a_bot_token_the_click_alone_dismisses() {
    let world = World::builder().slack(SlackWay::Webhook).start().await;
    let (id, card) = world.until_armed().await;
    world.decide(&card, DISMISS).await;
    assert_eq!(world.status(&id).await, "rejected");
    assert!(world.sandbox.slack.views().is_empty());
    assert_says(&world.shown_card(), &["Dismissed by @ann."]);
}

#[tokio::test]
async fn a_dialog_that_slack_does_not_open_loses_no_dismissal() {
    let no = |error: &str| Fault::Answer {
        status: 200,
        headers: vec![],
        body: json!({ "ok": false, "error": error }).to_string(),
    };
    for fault in [
        no("expired_trigger_id"),
        no("ratelimited"),
        no("missing_scope"),
        Fault::status(503),
        Fault::BreakBefore,
    ] {
        let world = World::new().await;
        let (id, card) = world.until_armed().await;
        world.sandbox.slack.service().fail_next(Method::POST, "/api/views.open", fault.clone());
        world.decide(&card, DISMISS).await;
        assert_eq!(world.status(&id).await, "rejected", "{fault:?}");
        assert_eq!(world.attempt(&id).await["dismissal"]["reason"], Value::Null);
    }
}

#[tokio::test]
async fn a_press_that_reaches_us_late_dismisses_without_a_dialog() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    let now = world.clock.now().as_second();
    let form = world.sandbox.slack.press(&card, DISMISS, APPROVER_ID, now).unwrap();
    world.clock.advance(secs(10));
    world.click(form).await;
    world.settle().await;
    assert_eq!(world.status(&id).await, "rejected");
    assert!(world.sandbox.slack.views().is_empty());
}

#[tokio::test]
async fn a_dialog_that_opened_although_slack_did_not_say_so_adds_its_reason() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    world.sandbox.slack.service().fail_next(Method::POST, "/api/views.open", Fault::BreakAfter);
    world.decide(&card, DISMISS).await;
    assert_eq!(world.status(&id).await, "rejected");
    let (_, seen) = world.submit(&world.dialog(), &[(REASON_FIELD, "not_a_bug")]).await;
    assert_eq!(seen, None);
    world.settle().await;
    assert_eq!(world.attempt(&id).await["dismissal"]["reason"], "not_a_bug");
    assert_says(&world.shown_card(), &["It is not a bug"]);
    assert_eq!(world.sandbox.github.service().count(Method::PATCH, "/pulls/1"), 1, "closed once");
}

#[tokio::test]
async fn of_two_who_dismiss_the_second_is_told() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    world.press(&card, DISMISS).await;
    world.press_as(&card, DISMISS, SECOND_APPROVER_ID).await;
    let dialogs = world.sandbox.slack.views();
    let (first, second) = tokio::join!(
        world.submit(&dialogs[0], &[(REASON_FIELD, "wrong_fix")]),
        world.submit(&dialogs[1], &[(REASON_FIELD, "too_risky")])
    );
    let told: Vec<String> = [first.1, second.1].into_iter().flatten().collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("already dismissed this fix"), "{told:?}");
    world.settle().await;
    assert_eq!(world.status(&id).await, "rejected");
    assert_eq!(world.sandbox.github.service().count(Method::PATCH, "/pulls/1"), 1, "closed once");
}

#[tokio::test]
async fn a_dialog_counts_no_more_than_whoever_sends_it() {
    let world = World::with(&[("AUTOFIX_SLACK_APPROVERS", APPROVER_ID)]).await;
    let (id, card) = world.until_armed().await;
    world.press_as(&card, DISMISS, BYSTANDER_ID).await;
    assert!(world.sandbox.slack.views().is_empty(), "no dialog for who may not decide");
    world.press(&card, DISMISS).await;
    let dialog = world.dialog();
    let now = world.clock.now().as_second();
    let good = world.sandbox.slack.submission(&dialog, &[(REASON_FIELD, "wrong_fix")], now).unwrap();
    let send = |change: Value, pointer: &'static str| {
        let mut payload = good.clone();
        *payload.pointer_mut(pointer).unwrap() = change;
        world.click(SignedForm::sign(&payload, now))
    };
    let told = send(json!(BYSTANDER_ID), "/user/id").await.body;
    assert_eq!(told["response_action"], "update");
    assert!(told["view"].to_string().contains("not on the list"), "{told}");
    let told = send(json!("T0FOREIGN"), "/team/id").await.body;
    assert!(told["view"].to_string().contains("own workspace"), "{told}");
    let told = send(json!(null), "/view/state/values/reason/reason/selected_option").await.body;
    assert_eq!(
        told,
        json!({ "response_action": "errors", "errors": { "reason": "Please choose a reason." } })
    );
    let told =
        send(json!("because I say so"), "/view/state/values/reason/reason/selected_option/value").await.body;
    assert_eq!(told["response_action"], "errors", "only the words of the list are reasons");
    for (change, pointer) in [
        (json!("../../etc/passwd"), "/view/private_metadata"),
        (json!("another_apps_dialog"), "/view/callback_id"),
        (json!("view_closed"), "/type"),
    ] {
        assert_eq!(send(change, pointer).await.body, Value::Null, "{pointer}");
    }
    let stale = format!("{id}:{}", "0".repeat(40));
    assert!(send(json!(stale), "/view/private_metadata").await.body.to_string().contains("not up to date"));
    world.settle().await;
    assert_eq!(world.status(&id).await, "awaiting_approval");
}
