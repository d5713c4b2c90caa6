//! The Sentry endpoint: what it accepts, what it recognises, what it refuses.

use std::collections::BTreeSet;

use autofix::messages::DEPLOY;
use autofix::store::contention::TRIES;
use autofix_local::sample_event::SampleEvent;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use futures_util::future::join_all;
use tower::ServiceExt;

use crate::world::{Fault, Hook, Scenario, World, hours, mins};

#[tokio::test]
async fn the_same_webhook_a_thousand_times_over_its_whole_life_is_one_attempt() {
    let world = World::new().await;
    let event = Scenario::Fix.event(world.clock.now());
    let webhook = world.sandbox.sentry.webhook(&event, Hook::EventAlertTriggered);
    world.sandbox.sentry.throw(&event);
    let mut ids = BTreeSet::new();
    let mut accepted = 0;
    let mut replay = async || {
        let copies = (0..250).map(|_| world.deliver_webhook(webhook.clone()));
        for answer in join_all(copies).await {
            assert!(matches!(answer.status, StatusCode::ACCEPTED | StatusCode::OK), "{answer:?}");
            accepted += usize::from(answer.status == StatusCode::ACCEPTED);
            ids.insert(answer.attempt_id());
        }
        world.settle().await;
        let attempts = world.attempts().await;
        assert_eq!((attempts.len(), ids.len(), accepted), (1, 1, 1));
        // The same event, however often it is delivered, has happened once.
        let attempt = world.attempt(ids.first().unwrap()).await;
        assert_eq!(attempt["occurrences"], 1);
        attempt["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(replay().await, "awaiting_approval");
    assert_eq!(replay().await, "awaiting_approval");
    world.decide(&world.card(), DEPLOY).await;
    assert_eq!(replay().await, "deployed");
    world.clock.advance(hours(24));
    assert_eq!(replay().await, "deployed");
    assert_eq!(world.pull_requests().len(), 1);
    assert_eq!(world.sandbox.slack.messages().len(), 1);
}

#[tokio::test]
async fn other_events_of_an_issue_are_counted_and_start_nothing() {
    let world = World::new().await;
    let event = Scenario::Fix.event(world.clock.now());
    let id = world.report(&event, Hook::ErrorCreated).await.attempt_id();
    for number in 2..5 {
        let answer = world.report(&event.again(number, world.clock.now()), Hook::ErrorCreated).await;
        assert_eq!((answer.status, answer.attempt_id()), (StatusCode::OK, id.clone()));
    }
    world.settle().await;
    assert_eq!(world.attempt(&id).await["occurrences"], 4);
}

#[tokio::test]
async fn an_error_that_came_back_is_looked_at_again() {
    let world = World::new().await;
    let id = world.handle(Scenario::Security).await;
    let event = Scenario::Security.event(world.clock.now());
    let same = world.report(&event.again(2, world.clock.now()), Hook::ErrorCreated).await;
    assert_eq!(same.attempt_id(), id, "an answer about an error holds for a while");
    let at_once = world.report(&event.again(3, world.clock.now()), Hook::IssueUnresolved).await;
    assert_eq!(at_once.attempt_id(), id, "a repeated delivery is not a regression");
    world.clock.advance(mins(11));
    let back = world.report(&event.again(3, world.clock.now()), Hook::IssueUnresolved).await;
    assert_eq!(back.status, StatusCode::ACCEPTED);
    assert_ne!(back.attempt_id(), id);
    world.settle().await;
}

#[tokio::test]
async fn autofix_stands_down_where_sentrys_own_agent_opened_a_pull_request() {
    let world = World::new().await;
    let event = Scenario::Fix.event(world.clock.now());
    let id = world.report(&event, Hook::EventAlertTriggered).await.attempt_id();
    let answer = world.sentrys_agent_opens(&event.issue_id).await;
    assert_eq!((answer.status, answer.attempt_id()), (StatusCode::OK, id.clone()));
    world.settle().await;
    assert_eq!(world.attempt(&id).await["reason"]["code"], "sentry_agent_took_over");
    assert!(world.pull_requests().is_empty());

    // Where the fix is out already, both stand.
    let world = World::new().await;
    let (id, _) = world.until_armed().await;
    let answer = world.sentrys_agent_opens(&event.issue_id).await;
    assert_eq!((answer.status, answer.attempt_id()), (StatusCode::OK, id.clone()));
    assert_eq!(answer.body["message"], "This attempt is past standing down");
    world.settle().await;
    assert_eq!(world.status(&id).await, "awaiting_approval");

    // Also where nobody had reported the issue yet.
    let world = World::new().await;
    world.sentrys_agent_opens(&event.issue_id).await;
    let answer = world.report(&event, Hook::EventAlertTriggered).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body["fix_attempt_id"].is_null(), "{answer:?}");
}

#[tokio::test]
async fn without_a_secret_every_webhook_is_refused_unless_that_is_allowed_out_loud() {
    let unset = ("SENTRY_WEBHOOK_SECRET", "");
    let world = World::with(&[unset]).await;
    assert_eq!(world.alert(Scenario::Fix).await.status, StatusCode::UNAUTHORIZED);
    let world = World::with(&[unset, ("AUTOFIX_ALLOW_UNSIGNED_WEBHOOKS", "true")]).await;
    assert_eq!(world.alert(Scenario::Fix).await.status, StatusCode::ACCEPTED);
    world.settle().await;
}

#[tokio::test]
async fn unsigned_mode_takes_the_legacy_plugin_at_its_old_address() {
    let unsigned = [("SENTRY_WEBHOOK_SECRET", ""), ("AUTOFIX_ALLOW_UNSIGNED_WEBHOOKS", "true")];
    let world = World::with(&unsigned).await;
    let event = SampleEvent::parse(include_str!("../../events/sentry-legacy.json")).unwrap();
    let post = |world: &World| {
        let request = Request::post("/autofix/webhooks/sentry").body(Body::from(event.body().to_vec()));
        let (endpoints, request) = (world.process.endpoints(), request.unwrap());
        async move { endpoints.oneshot(request).await.unwrap().status() }
    };
    assert_eq!(post(&world).await, StatusCode::ACCEPTED);
    world.settle().await;
    // With a secret, nobody gets in without a key or a signature, whatever is allowed without one.
    let world = World::with(&unsigned[1..]).await;
    assert_eq!(post(&world).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_storm_about_one_issue_that_the_table_throttles_is_answered_as_known() {
    let (world, proxy) = World::builder().start_with_table_proxy().await;
    let event = Scenario::Fix.event(world.clock.now());
    let id = world.report(&event, Hook::EventAlertTriggered).await.attempt_id();
    for _ in 0..TRIES {
        let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"Too much"}"#;
        let fault = Fault::Answer { status: 400, headers: Vec::new(), body: body.to_owned() };
        proxy.service().fail_next(Method::POST, "UpdateItem", fault);
    }
    let again = event.again(2, world.clock.now());
    let answer = world.report(&again, Hook::EventAlertTriggered).await;
    assert_eq!((answer.status, answer.attempt_id()), (StatusCode::OK, id.clone()));
    assert_eq!(world.attempt(&id).await["occurrences"], 1, "what could not be counted is left out");
}
