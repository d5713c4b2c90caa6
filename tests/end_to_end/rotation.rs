//! Secrets that change while AutoFix runs: the newest one is used within one failed call.

use std::collections::BTreeSet;

use autofix::attempt::AttemptId;
use autofix::config::names;
use autofix::messages::DEPLOY;
use autofix_local::sandbox::sentry;
use autofix_local::sandbox::service::Service;
use autofix_local::sandbox::slack;
use autofix_local::sandbox::{API_TOKEN, claude, github};
use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::world::{Fault, Hook, Scenario, SignedForm, SlackWay, World, assert_says, mins, secs};

const OLD: &str = "the-one-of-yesterday";
/// A private key that the App had once; it opens nothing.
const OLD_APP_KEY: &str = include_str!("stale_app_key.pem");

/// Secrets that AutoFix sends along: each with the one that its service takes.
const SENT: [(&str, &str); 4] = [
    (names::ANTHROPIC_API_KEY, claude::API_KEY),
    (names::GITHUB_TOKEN, github::TOKEN),
    (names::SLACK_BOT_TOKEN, slack::BOT_TOKEN),
    (names::SENTRY_AUTH_TOKEN, sentry::AUTH_TOKEN),
];
/// Secrets that are an address or sign something; each has a test of its own below.
const SENT_OTHERWISE: [&str; 2] = [names::SLACK_WEBHOOK_URL, names::GITHUB_APP_PRIVATE_KEY];
/// Secrets that prove who asks AutoFix; each has a test of its own below.
const ASKED_FOR: [&str; 3] = [names::SLACK_SIGNING_SECRET, names::SENTRY_WEBHOOK_SECRET, names::API_TOKEN];

/// A world that has read the old value of one secret, and does not know yet that there is a newer one.
async fn just_rotated(way: SlackWay, name: &str, newer: &str) -> World {
    let world = World::builder().slack(way).settings(&[(name, OLD)]).secrets_manager().start().await;
    world.get("attempts").await; // reads the secrets
    world.secrets.as_ref().unwrap().put(name, newer);
    world
}

/// Requests that came with this bearer token.
fn came_with(service: &Service, token: &str) -> usize {
    let expected = format!("Bearer {token}");
    let received = service.received();
    received
        .iter()
        .filter(|request| request.headers.get("authorization").is_some_and(|h| *h == expected))
        .count()
}

/// How often the secret was read.
fn readings(world: &World) -> usize {
    world.secrets.as_ref().unwrap().service().received().len()
}

#[test]
fn no_secret_is_left_out_here() {
    let sent = SENT.iter().map(|(name, _)| *name);
    let here: BTreeSet<&str> = sent.chain(SENT_OTHERWISE).chain(ASKED_FOR).collect();
    assert_eq!(here, BTreeSet::from(names::SECRETS));
}

#[tokio::test]
async fn a_rotated_key_of_a_service_costs_one_call_and_no_attempt() {
    for (name, newer) in SENT {
        let world = just_rotated(SlackWay::Bot, name, newer).await;
        // An `issue` webhook has no stack trace, so that Sentry is asked, too.
        let event = Scenario::Fix.event(world.clock.now());
        let id = world.handle_report(&event, Hook::IssueCreated).await;
        assert_eq!(world.status(&id).await, "awaiting_approval", "{name}");
        assert!(world.shown_card().contains("Deploy Live"), "{name}");
        let services = [
            world.sandbox.claude.service(),
            world.sandbox.github.service(),
            world.sandbox.slack.service(),
            world.sandbox.sentry.service(),
        ];
        let with_old: usize = services.into_iter().map(|service| came_with(service, OLD)).sum();
        assert_eq!(with_old, 1, "{name}");
        assert_eq!(readings(&world), 2, "{name}: once at first, once when it was refused");
    }
}

#[tokio::test]
async fn a_rotated_incoming_webhook_is_read_again() {
    let world = World::builder().slack(SlackWay::Webhook).secrets_manager().start().await;
    let (secrets, newer) = (world.secrets.clone().unwrap(), world.sandbox.slack.webhook_url());
    let revoked = newer.replace("sandboxWebhookSecret", OLD);
    secrets.put(names::SLACK_WEBHOOK_URL, &revoked);
    world.get("attempts").await;
    secrets.put(names::SLACK_WEBHOOK_URL, &newer);
    world.handle(Scenario::Security).await;
    assert_says(&world.shown_card(), &["Manual Review Required"]);
    assert_eq!(world.sandbox.slack.service().count(Method::POST, OLD), 1);
}

#[tokio::test]
async fn a_replaced_app_key_costs_one_call_where_it_could_sign_at_all() {
    for (old, asked) in [(OLD_APP_KEY, 2), ("not a key", 1)] {
        let secrets = [("AUTOFIX_GITHUB_APP_ID", github::APP_ID), (names::GITHUB_APP_PRIVATE_KEY, old)];
        let world = World::builder().settings(&secrets).secrets_manager().start().await;
        world.get("attempts").await; // reads the secrets
        world.secrets.as_ref().unwrap().put(names::GITHUB_APP_PRIVATE_KEY, github::APP_PRIVATE_KEY);
        let id = world.handle(Scenario::Fix).await;
        assert_eq!(world.status(&id).await, "awaiting_approval", "{old}");
        assert_eq!(world.sandbox.github.service().count(Method::GET, "/installation"), asked, "{old}");
        assert_eq!(readings(&world), 2, "{old}");
    }
}

#[tokio::test]
async fn a_rotated_signing_secret_loses_no_click() {
    let world = just_rotated(SlackWay::Bot, names::SLACK_SIGNING_SECRET, slack::SIGNING_SECRET).await;
    let (id, card) = world.until_armed().await;
    assert_eq!(world.press(&card, DEPLOY).await.status, StatusCode::OK);
    world.settle().await;
    assert_eq!(world.status(&id).await, "deployed");
}

#[tokio::test]
async fn a_rotated_webhook_secret_loses_no_webhook() {
    let world = just_rotated(SlackWay::Bot, names::SENTRY_WEBHOOK_SECRET, sentry::CLIENT_SECRET).await;
    assert_eq!(world.alert(Scenario::Fix).await.status, StatusCode::ACCEPTED);
    assert_eq!(readings(&world), 2);
    world.settle().await;
}

#[tokio::test]
async fn a_rotated_api_token_is_taken_and_the_old_one_is_not() {
    let world = World::builder().secrets_manager().start().await;
    assert_eq!(world.get("attempts").await.status, StatusCode::OK);
    world.secrets.as_ref().unwrap().put(names::API_TOKEN, "the-one-of-tomorrow");
    assert_eq!(world.get("attempts").await.status, StatusCode::OK, "known for five minutes");
    let newer = world.get_with("attempts", "the-one-of-tomorrow").await;
    assert_eq!(newer.status, StatusCode::OK);
    assert_eq!(world.get_with("attempts", API_TOKEN).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn strangers_cannot_make_the_secret_be_read_all_the_time() {
    let world = World::builder().secrets_manager().start().await;
    let forged = SignedForm { signature: "v0=00".to_owned(), ..SignedForm::sign(&json!({}), 0) };
    let mut webhook = world.sandbox.sentry.sign("issue", &json!({ "action": "created" }));
    webhook.body.push(b' ');
    for _ in 0..50 {
        assert_eq!(world.deliver_webhook(webhook.clone()).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(world.get_with("attempts", "guessed").await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(world.click(forged.clone()).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(readings(&world), 2);
    world.clock.advance(secs(11));
    assert_eq!(world.get_with("attempts", "guessed").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(readings(&world), 3);
}

#[tokio::test]
async fn a_key_that_was_refused_right_after_a_reading_is_tried_again_with_the_next_one() {
    let world = just_rotated(SlackWay::Bot, names::ANTHROPIC_API_KEY, OLD).await;
    let secrets = world.secrets.clone().unwrap();
    world.get_with("attempts", "guessed").await; // a forced reading, so that none is made for the next ten seconds
    secrets.put(names::ANTHROPIC_API_KEY, claude::API_KEY);
    let id = world.handle(Scenario::Fix).await;
    assert_eq!(world.status(&id).await, "analyzing", "it waits and is not given up");
    world.after(secs(60)).await;
    assert_eq!(world.status(&id).await, "awaiting_approval");
}

#[tokio::test]
async fn a_secrets_manager_that_is_down_changes_nothing_for_what_is_known() {
    let world = World::builder().secrets_manager().start().await;
    assert_eq!(world.get("attempts").await.status, StatusCode::OK);
    let service = world.secrets.as_ref().unwrap().service().clone();
    service.fail_times(100, Method::POST, "/", Fault::status(400));
    world.clock.advance(mins(30));
    let (id, card) = world.until_armed().await;
    world.decide(&card, DEPLOY).await;
    assert_eq!(world.status(&id).await, "deployed");
    service.clear_faults();
}

#[tokio::test]
async fn a_worker_that_cannot_read_the_secrets_waits_and_accuses_no_service() {
    let world = World::builder().secrets_manager().start().await;
    let event = Scenario::Fix.event(world.clock.now());
    // The first one has no stack trace, and whether Sentry may be asked for it is in the secrets.
    let mut ids = vec![world.report(&event, Hook::IssueCreated).await.attempt_id()];
    for number in 2..=3 {
        let event = event.as_other_fault(number);
        ids.push(world.report(&event, Hook::EventAlertTriggered).await.attempt_id());
    }
    let world = world.restart().await; // has read nothing
    let body = json!({ "__type": "AccessDeniedException", "Message": "User: arn:aws:sts::000000000000:assumed-role/x" });
    let service = world.secrets.as_ref().unwrap().service().clone();
    for _ in 0..500 {
        let fault = Fault::Answer { status: 400, headers: Vec::new(), body: body.to_string() };
        service.fail_next(Method::POST, "/", fault);
    }
    world.settle().await;
    world.ticks(5, mins(1)).await;
    for id in &ids {
        let id = AttemptId::parse(id).unwrap();
        let attempt = world.process.store().attempt(id).await.unwrap().unwrap().attempt;
        assert!(attempt.state.is_live(), "{:?}", attempt.state);
        assert!(attempt.trouble.failures > 1, "{:?}", attempt.trouble);
        let said = "the secrets in `AUTOFIX_SECRET_ARN` cannot be read: AccessDeniedException";
        assert_eq!(attempt.trouble.last.as_deref(), Some(said));
    }
    assert!(world.process.store().outages().await.unwrap().is_empty(), "the services are well");
    service.clear_faults();
    world.ticks(6, mins(2)).await;
    for id in &ids {
        let attempt = world.attempt(id).await;
        assert_eq!(attempt["status"], "awaiting_approval", "{attempt:#}");
    }
}
