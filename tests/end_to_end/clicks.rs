//! Clicks: who may decide, twice, too late, forged.

use autofix::messages::{DEPLOY, DISMISS};
use autofix_local::sandbox::SlackWay;
use autofix_local::sandbox::service::Fault;
use autofix_local::sandbox::slack::{APPROVER_ID, BYSTANDER_ID, SECOND_APPROVER_ID, SignedForm};
use axum::http::{Method, StatusCode};
use jiff::SignedDuration;
use serde_json::json;

use crate::world::{REPO, World};

#[tokio::test]
async fn a_double_click_on_deploy_merges_once() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    let (first, second) =
        tokio::join!(world.press(&card, DEPLOY), world.press_as(&card, DEPLOY, SECOND_APPROVER_ID));
    assert_eq!((first.status, second.status), (StatusCode::OK, StatusCode::OK));
    world.settle().await;
    assert_eq!(world.attempt(&id).await["status"], "deployed");
    assert_eq!(world.sandbox.github.service().count(Method::PUT, "/merge"), 1);
    let told = world.sandbox.slack.ephemerals();
    assert_eq!(told.len(), 1);
    assert!(told[0].text.contains("already approved"), "{}", told[0].text);
}

#[tokio::test]
async fn what_is_deployed_cannot_be_dismissed_and_what_is_dismissed_cannot_be_deployed() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    world.press(&card, DEPLOY).await;
    world.settle().await;
    world.press(&card, DISMISS).await;
    world.settle().await;
    assert_eq!(world.attempt(&id).await["status"], "deployed");
    assert!(world.sandbox.slack.ephemerals()[0].text.contains("already deployed"));

    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    world.dismiss(&card).await;
    world.press(&card, DEPLOY).await;
    world.settle().await;
    assert_eq!(world.attempt(&id).await["status"], "rejected");
    assert_eq!(world.sandbox.github.service().count(Method::PUT, "/merge"), 0);
}

#[tokio::test]
async fn only_approvers_of_the_own_workspace_may_decide() {
    let world = World::with(SlackWay::Bot, &[("AUTOFIX_SLACK_APPROVERS", APPROVER_ID)]).await;
    let (id, card) = world.until_armed().await;
    world.press_as(&card, DEPLOY, BYSTANDER_ID).await;
    let now = world.clock.now().as_second();
    let mut foreign = world.sandbox.slack.press_payload(&card, DEPLOY, APPROVER_ID, now).unwrap();
    foreign["team"]["id"] = json!("T0FOREIGN");
    world.click(SignedForm::sign(&foreign, now)).await;
    world.settle().await;
    assert_eq!(world.attempt(&id).await["status"], "awaiting_approval");
    let told = world.sandbox.slack.ephemerals();
    assert!(told[0].text.contains("not on the list"), "{told:?}");
    assert!(told[1].text.contains("own workspace"), "{told:?}");
}

#[tokio::test]
async fn an_answer_goes_to_slacks_own_host_only() {
    let world = World::with(SlackWay::Webhook, &[]).await;
    let (_, card) = world.until_armed().await;
    let now = world.clock.now().as_second();
    let mut payload = world.sandbox.slack.press_payload(&card, DEPLOY, APPROVER_ID, now).unwrap();
    payload["response_url"] = json!(format!("{}/actions/stolen", world.sandbox.sentry.url()));
    world.click(SignedForm::sign(&payload, now)).await;
    world.settle().await;
    assert_eq!(world.sandbox.sentry.service().count(Method::POST, "/actions"), 0);
    assert_eq!(world.sandbox.slack.messages().len(), 2, "the outcome is a new message");
}

#[tokio::test]
async fn a_forged_stale_or_foreign_click_changes_nothing() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    let now = world.clock.now().as_second();
    let good = world.sandbox.slack.press(&card, DEPLOY, APPROVER_ID, now).unwrap();
    let old = world.sandbox.slack.press(&card, DEPLOY, APPROVER_ID, now - 301).unwrap();
    let refused = [
        SignedForm { signature: "v0=00".to_owned(), ..good.clone() },
        SignedForm { signature: String::new(), ..good.clone() },
        SignedForm { signature: good.signature.replacen("v0=", "", 1), ..good.clone() },
        SignedForm { timestamp: (now + 1).to_string(), ..good.clone() },
        SignedForm { timestamp: "now".to_owned(), ..good.clone() },
        SignedForm { body: good.body.replace("block_actions", "view_submission"), ..good.clone() },
        old,
    ];
    for form in refused {
        let answer = world.click(form.clone()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{form:?}");
    }
    world.settle().await;
    assert_eq!(world.attempt(&id).await["status"], "awaiting_approval");
    assert!(world.sandbox.slack.ephemerals().is_empty());
}

#[tokio::test]
async fn a_signed_form_that_is_no_click_is_refused_or_ignored() {
    let world = World::new().await;
    let (_, card) = world.until_armed().await;
    let now = world.clock.now().as_second();
    let payload = world.sandbox.slack.press_payload(&card, DEPLOY, APPROVER_ID, now).unwrap();
    let check = |change: serde_json::Value, pointer: &'static str| {
        let mut payload = payload.clone();
        *payload.pointer_mut(pointer).unwrap() = change;
        SignedForm::sign(&payload, now)
    };
    for (form, status) in [
        (SignedForm::sign(&json!("text"), now), StatusCode::BAD_REQUEST),
        (SignedForm::sign(&json!({}), now), StatusCode::BAD_REQUEST),
        (check(json!(null), "/user"), StatusCode::BAD_REQUEST),
        (check(json!("view_submission"), "/type"), StatusCode::OK),
        (check(json!("../../etc/passwd"), "/actions/0/value"), StatusCode::OK),
        (check(json!("another_apps_button"), "/actions/0/action_id"), StatusCode::OK),
    ] {
        assert_eq!(world.click(form.clone()).await.status, status, "{}", form.body);
    }
    world.settle().await;
    assert!(world.shown(&world.card()).contains("Ready to Deploy"));
    assert!(world.sandbox.github.open_pull_requests(REPO).unwrap().len() == 1);
}

#[tokio::test]
async fn slacks_certificate_check_is_answered_without_a_signature() {
    let world = World::new().await;
    let form = SignedForm {
        content_type: "application/x-www-form-urlencoded",
        timestamp: String::new(),
        signature: String::new(),
        body: "ssl_check=1&token=x".to_owned(),
    };
    assert_eq!(world.click(form).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_click_on_a_card_that_shows_another_commit_is_told_so() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    let now = world.clock.now().as_second();
    let mut payload = world.sandbox.slack.press_payload(&card, DEPLOY, APPROVER_ID, now).unwrap();
    payload["actions"][0]["value"] = json!(format!("{id}:{}", "0".repeat(40)));
    world.click(SignedForm::sign(&payload, now)).await;
    world.settle().await;
    assert_eq!(world.attempt(&id).await["status"], "awaiting_approval");
    assert!(world.sandbox.slack.ephemerals()[0].text.contains("not up to date"));
}

#[tokio::test]
async fn a_merge_that_github_refuses_can_be_tried_again() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    let refuse = |message: Option<&str>| {
        world
            .sandbox
            .github
            .configure(REPO, |settings| settings.merges_refused = message.map(str::to_owned))
            .unwrap();
    };
    refuse(Some("At least 1 approving review is required"));
    world.press(&card, DEPLOY).await;
    world.settle().await;
    assert_eq!(world.attempt(&id).await["status"], "awaiting_approval");
    let card = world.card();
    assert!(world.shown(&card).contains("approving review is required"), "{}", world.shown(&card));
    refuse(None);
    world.clock.advance(SignedDuration::from_secs(60));
    world.press(&card, DEPLOY).await;
    world.settle().await;
    assert_eq!(world.attempt(&id).await["status"], "deployed");
}

#[tokio::test]
async fn each_refusal_of_a_merge_says_what_helps_and_can_be_tried_again() {
    for (status, message, sentence) in [
        (
            405,
            "At least 1 approving review is required by reviewers with write access.",
            "meet them on GitHub",
        ),
        (405, "Base branch was modified. Review and try the merge again.", "try again"),
        (409, "Head branch was modified. Review and try the merge again.", "Someone pushed"),
        (422, "Validation Failed", "Look at the pull request"),
        (403, "Resource not accessible by personal access token", "needs `contents: write`"),
    ] {
        let world = World::new().await;
        let (id, card) = world.until_armed().await;
        let body = json!({ "message": message, "status": status.to_string() }).to_string();
        let refused = Fault::Answer { status, headers: vec![], body };
        world.sandbox.github.service().fail_next(Method::PUT, "/merge", refused);
        world.press(&card, DEPLOY).await;
        world.settle().await;
        let shown = world.shown(&world.card());
        assert!(shown.contains("GitHub did not merge it") && shown.contains(sentence), "{status}: {shown}");
        assert!(shown.contains("[ 🔁 Try again ]"), "{status}: {shown}");
        world.clock.advance(SignedDuration::from_secs(60));
        world.press(&world.card(), DEPLOY).await;
        world.settle().await;
        assert_eq!(world.attempt(&id).await["status"], "deployed", "{status} {message}");
    }
}
