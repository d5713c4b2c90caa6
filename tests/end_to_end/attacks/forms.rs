//! Clicks that are replayed, forged, from elsewhere, or about something else.

use autofix::messages::{DEPLOY, DISMISS};
use autofix_local::sandbox::slack::TEAM_ID;
use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::world::{APPROVER_ID, BYSTANDER_ID, SignedForm, SlackWay, World, secs};

#[tokio::test]
async fn a_form_that_is_sent_again_decides_nothing_more() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    let now = world.clock.now().as_second();
    let form = world.sandbox.slack.press(&card, DEPLOY, APPROVER_ID, now).unwrap();
    for _ in 0..3 {
        assert_eq!(world.click(form.clone()).await.status, StatusCode::OK);
    }
    world.settle().await;
    let deployed = world.attempt(&id).await;
    assert_eq!(deployed["status"], "deployed");
    world.clock.advance(secs(300));
    assert_eq!(world.click(form.clone()).await.status, StatusCode::OK, "five minutes are allowed");
    world.clock.advance(secs(1));
    assert_eq!(world.click(form).await.status, StatusCode::UNAUTHORIZED, "and not a second more");
    world.settle().await;
    assert_eq!(world.attempt(&id).await["timeline"], deployed["timeline"]);
    assert_eq!(world.merges(), 1);
}

#[tokio::test]
async fn a_form_is_taken_only_with_its_own_time_and_signature() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    let now = world.clock.now().as_second();
    let good = world.sandbox.slack.press(&card, DEPLOY, APPROVER_ID, now).unwrap();
    let at = |seconds: i64| world.sandbox.slack.press(&card, DEPLOY, APPROVER_ID, seconds).unwrap();
    let digits = good.signature.strip_prefix("v0=").unwrap().to_owned();
    let signed = |signature: String| SignedForm { signature, ..good.clone() };
    let timed = |timestamp: &str| SignedForm { timestamp: timestamp.to_owned(), ..good.clone() };
    let dismiss = world.sandbox.slack.press(&card, DISMISS, APPROVER_ID, now).unwrap();
    let forged = [
        ("from the future", at(now + 301)),
        ("from the past", at(now - 301)),
        ("from another century", at(0)),
        ("a later version", signed(format!("v1={digits}"))),
        ("no version", signed(digits.clone())),
        ("two versions", signed(format!("v0=v0={digits}"))),
        ("a shorter signature", signed(good.signature[..40].to_owned())),
        ("a longer signature", signed(format!("{}00", good.signature))),
        ("another body's", signed(dismiss.signature.clone())),
        ("a second later", timed(&(now + 1).to_string())),
        ("the same second, written otherwise", timed(&format!("0{now}"))),
        ("a plus", timed(&format!("+{now}"))),
        ("a fraction", timed(&format!("{now}.0"))),
        ("an exponent", timed("1e9")),
        ("no time", timed("")),
        ("a field more", SignedForm { body: format!("{}&a=b", good.body), ..good.clone() }),
        ("another encoding", SignedForm { body: good.body.replace("%22", "\""), ..good.clone() }),
    ];
    for (name, form) in forged {
        assert_eq!(world.click(form).await.status, StatusCode::UNAUTHORIZED, "{name}");
    }
    world.settle().await;
    assert_eq!(world.status(&id).await, "awaiting_approval");
    assert!(world.sandbox.slack.ephemerals().is_empty(), "nobody is told anything");
}

#[tokio::test]
async fn two_payloads_in_one_form_are_no_click() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    let now = world.clock.now().as_second();
    let body = |action| world.sandbox.slack.press(&card, action, APPROVER_ID, now).unwrap().body;
    let both = [
        format!("{}&{}", body(DEPLOY), body(DISMISS)),
        format!("{}&payload=", body(DEPLOY)),
        format!("payload=%7B%7D&{}", body(DISMISS)),
        format!("{}&%70ayload=x", body(DISMISS)),
    ];
    for body in both {
        let answer = world.click(SignedForm::sign_body(body.clone(), now)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
    }
    // A certificate check needs no signature and asks for nothing; with anything else in the form it is none.
    let certificate = "ssl_check=1&token=x".to_owned();
    let with_payload = format!("ssl_check=1&{}", body(DEPLOY));
    for (body, status) in [(certificate, StatusCode::OK), (with_payload, StatusCode::UNAUTHORIZED)] {
        let check = SignedForm { signature: String::new(), body, ..SignedForm::sign(&json!({}), now) };
        assert_eq!(world.click(check).await.status, status);
    }
    world.settle().await;
    assert_eq!(world.status(&id).await, "awaiting_approval");
}

#[tokio::test]
async fn only_approvers_who_belong_to_the_workspace_decide() {
    let settings = [("AUTOFIX_SLACK_APPROVERS", APPROVER_ID), ("AUTOFIX_SLACK_TEAM_ID", TEAM_ID)];
    let world = World::with(&settings).await;
    let (id, card) = world.until_armed().await;
    let now = world.clock.now().as_second();
    let payload = world.sandbox.slack.press_payload(&card, DEPLOY, APPROVER_ID, now).unwrap();
    let from = |team: Option<&str>, user: &str, user_team: Option<&str>, enterprise: Option<&str>| {
        let mut payload = payload.clone();
        payload["team"] = team.map_or(json!(null), |id| json!({ "id": id, "domain": "d" }));
        payload["user"] = json!({ "id": user, "username": "ann", "team_id": user_team });
        payload["enterprise"] = enterprise.map_or(json!(null), |id| json!({ "id": id, "name": "e" }));
        payload["is_enterprise_install"] = json!(enterprise.is_some());
        SignedForm::sign(&payload, now)
    };
    let lower = APPROVER_ID.to_lowercase();
    let refused = [
        ("another workspace", from(Some("T0FOREIGN"), APPROVER_ID, Some("T0FOREIGN"), None), 200),
        ("a guest whom nobody named", from(Some(TEAM_ID), BYSTANDER_ID, Some("T0FOREIGN"), None), 200),
        ("another organisation", from(None, APPROVER_ID, Some("T0FOREIGN"), Some("E0FOREIGN")), 200),
        ("an organisation without workspace", from(None, APPROVER_ID, None, Some("E0FOREIGN")), 200),
        ("a workspace that is none", from(Some("T0 OWN\n"), APPROVER_ID, None, None), 400),
        ("no approver", from(Some(TEAM_ID), BYSTANDER_ID, Some(TEAM_ID), None), 200),
        ("almost an approver", from(Some(TEAM_ID), &lower, Some(TEAM_ID), None), 200),
        ("an approver and more", from(Some(TEAM_ID), &format!("{APPROVER_ID} "), None, None), 400),
        ("all approvers at once", from(Some(TEAM_ID), "*", None, None), 400),
        ("nobody", from(Some(TEAM_ID), "", Some(TEAM_ID), None), 400),
    ];
    for (name, form, status) in refused {
        assert_eq!(world.click(form).await.status.as_u16(), status, "{name}");
    }
    world.settle().await;
    assert_eq!(world.status(&id).await, "awaiting_approval");
    assert_eq!(world.sandbox.slack.ephemerals().len(), 5, "who could be told was told");

    // In an organisation-wide installation the clicker's workspace stands for the message's.
    world.click(from(None, APPROVER_ID, Some(TEAM_ID), Some("E0OWN"))).await;
    world.settle().await;
    assert_eq!(world.status(&id).await, "deployed");
}

#[tokio::test]
async fn a_stranger_in_a_shared_channel_decides_only_where_somebody_named_them() {
    let stranger = "U0STRANGER";
    for (approvers, expected) in [("", "awaiting_approval"), (stranger, "deployed")] {
        let settings = [("AUTOFIX_SLACK_APPROVERS", approvers), ("AUTOFIX_SLACK_TEAM_ID", "")];
        let world = World::with(&settings).await;
        let (id, card) = world.until_armed().await;
        let now = world.clock.now().as_second();
        let mut payload = world.sandbox.slack.press_payload(&card, DEPLOY, stranger, now).unwrap();
        payload["team"] = json!({ "id": TEAM_ID, "domain": "d" });
        payload["user"]["team_id"] = json!("T0FOREIGN");
        assert_eq!(world.click(SignedForm::sign(&payload, now)).await.status, StatusCode::OK);
        world.settle().await;
        assert_eq!(world.status(&id).await, expected, "approvers: {approvers:?}");
        if approvers.is_empty() {
            assert_eq!(world.sandbox.slack.ephemerals().len(), 1, "the stranger is told");
            payload["user"] = json!({ "id": APPROVER_ID, "team_id": TEAM_ID });
            world.click(SignedForm::sign(&payload, now)).await;
            world.settle().await;
            assert_eq!(world.status(&id).await, "deployed");
        }
    }
}

#[tokio::test]
async fn a_button_that_is_not_the_cards_does_nothing() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    let now = world.clock.now().as_second();
    let payload = world.sandbox.slack.press_payload(&card, DEPLOY, APPROVER_ID, now).unwrap();
    let own = payload["actions"][0]["value"].as_str().unwrap().to_owned();
    let (_, head) = own.split_once(':').unwrap();
    let unknown = "01a202b2-c500-7c7c-8e66-d0fb14e3c2d4";
    let values = [
        json!(format!("{unknown}:{head}")),
        json!(format!("{id}:{}", "0".repeat(40))),
        json!(format!("{}:{head}", id.to_uppercase())),
        json!(format!("{}:{head}", id.replace('-', ""))),
        json!(format!("{id}:{head} ")),
        json!(format!("{id}:{head}:{head}")),
        json!(format!("../{id}:{head}")),
        json!(id),
        json!(head),
        json!(""),
        json!(null),
        json!("7ca573c0-f481-4912-aaa9-bdc77d1a7d51:".to_owned() + head),
    ];
    let click = |pointer: &str, value: serde_json::Value| {
        let mut payload = payload.clone();
        *payload.pointer_mut(pointer).unwrap() = value;
        SignedForm::sign(&payload, now)
    };
    for value in values {
        let answer = world.click(click("/actions/0/value", value.clone())).await;
        assert_eq!(answer.status, StatusCode::OK, "{value}");
    }
    assert!(world.told().contains("not up to date"), "of the one with another commit: {}", world.told());
    for action in ["", "autofix", "AUTOFIX_DEPLOY", "autofix_deploy ", "autofix_merge", "autofix_deploy\u{0}"]
    {
        assert_ne!(action, DEPLOY);
        let answer = world.click(click("/actions/0/action_id", json!(action))).await;
        assert_eq!(answer.status, StatusCode::OK, "{action:?}");
    }
    for kind in ["view_submission", "message_action", "shortcut", "block_suggestion", ""] {
        assert_eq!(world.click(click("/type", json!(kind))).await.status, StatusCode::OK, "{kind}");
    }
    world.settle().await;
    assert_eq!(world.status(&id).await, "awaiting_approval");
    assert_eq!(world.merges(), 0);
}

#[tokio::test]
async fn an_answer_to_a_click_never_leaves_slack() {
    let world = World::builder()
        .slack(SlackWay::Webhook)
        .settings(&[("AUTOFIX_SLACK_APPROVERS", APPROVER_ID)])
        .start()
        .await;
    let (_, card) = world.until_armed().await;
    let now = world.clock.now().as_second();
    let (slack, elsewhere) =
        (world.sandbox.slack.service().address(), world.sandbox.sentry.service().address());
    let addresses = [
        format!("http://{elsewhere}/stolen"),
        format!("http://{slack}@{elsewhere}/stolen"),
        format!("http://user:password@{slack}/stolen"),
        format!("http://{elsewhere}#@{slack}/stolen"),
        format!("http://{elsewhere}?{slack}/stolen"),
        format!("http://{elsewhere}\\@{slack}/stolen"),
        format!("http://localhost:{}/stolen", slack.port()),
        format!("https://{slack}/stolen"),
        format!("//{slack}/stolen"),
        "/stolen".to_owned(),
        "file:///stolen".to_owned(),
        String::new(),
    ];
    let before =
        (world.sandbox.slack.service().received().len(), world.sandbox.sentry.service().received().len());
    for address in addresses {
        let mut payload = world.sandbox.slack.press_payload(&card, DEPLOY, BYSTANDER_ID, now).unwrap();
        payload["response_url"] = json!(address);
        assert_eq!(world.click(SignedForm::sign(&payload, now)).await.status, StatusCode::OK, "{address}");
    }
    let after =
        (world.sandbox.slack.service().received().len(), world.sandbox.sentry.service().received().len());
    assert_eq!(before, after, "somebody was told");
    // Nor does the outcome, which the worker tells later: it is a new message.
    let mut payload = world.sandbox.slack.press_payload(&card, DEPLOY, APPROVER_ID, now).unwrap();
    payload["response_url"] = json!(format!("http://{elsewhere}/stolen"));
    world.click(SignedForm::sign(&payload, now)).await;
    world.settle().await;
    assert_eq!(world.sandbox.sentry.service().count(Method::POST, "/stolen"), 0);
    assert_eq!(world.sandbox.slack.messages().len(), 2);
}
