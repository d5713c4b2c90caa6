//! The table cannot be reached, or has no room: endpoints say so and have accepted nothing, the worker is woken again.

use autofix::messages::DEPLOY;
use autofix_local::table_proxy::TableProxy;
use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::world::{Fault, Hook, Scenario, World, mins};

/// What DynamoDB says of a table that has no room for more.
fn throttled() -> Fault {
    let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"The level of configured provisioned throughput for the table was exceeded."}"#;
    Fault::Answer { status: 400, headers: Vec::new(), body: body.to_owned() }
}

fn fail(proxy: &TableProxy, operation: &str, fault: &Fault) {
    proxy.service().fail_times(100, Method::POST, operation, fault.clone());
}

#[tokio::test]
async fn a_webhook_that_cannot_be_recorded_is_answered_503_and_nothing_was_accepted() {
    for (operation, fault) in [
        ("DynamoDB_", Fault::status(400)),
        ("DynamoDB_", Fault::BreakBefore),
        ("GetItem", throttled()),
        ("TransactWriteItems", throttled()),
        ("TransactWriteItems", Fault::status(500)),
    ] {
        let (world, proxy) = World::builder().start_with_table_proxy().await;
        let event = Scenario::Fix.event(world.clock.now());
        fail(&proxy, operation, &fault);
        let answer = world.report(&event, Hook::EventAlertTriggered).await;
        let case = format!("{operation} {fault:?}");
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{case}");
        assert!(answer.detail().contains("nothing was accepted"), "{case}: {answer:?}");
        proxy.service().clear_faults();
        assert_eq!(world.get("attempts").await.body, json!([]), "{case}");
        let again = world.sandbox.sentry.webhook(&event, Hook::EventAlertTriggered);
        assert_eq!(world.deliver_webhook(again).await.status, StatusCode::ACCEPTED, "{case}");
    }
}

#[tokio::test]
async fn a_webhook_whose_record_was_written_and_never_confirmed_is_one_attempt() {
    let (world, proxy) = World::builder().start_with_table_proxy().await;
    let event = Scenario::Fix.event(world.clock.now());
    proxy.service().fail_next(Method::POST, "TransactWriteItems", Fault::BreakAfter);
    let first = world.report(&event, Hook::EventAlertTriggered).await;
    assert!([StatusCode::OK, StatusCode::ACCEPTED].contains(&first.status), "{first:?}");
    world.settle().await;
    assert_eq!(world.get("attempts").await.body.as_array().unwrap().len(), 1);
    assert_eq!(world.pull_requests().len(), 1);
}

#[tokio::test]
async fn a_worker_that_cannot_reach_the_table_is_woken_again_and_does_nothing_twice() {
    for operation in ["UpdateItem", "GetItem", "PutItem", "Query", "TransactWriteItems"] {
        let (world, proxy) = World::builder().start_with_table_proxy().await;
        let id = world.alert(Scenario::Fix).await.attempt_id();
        // More than one delivery makes, and less than all four.
        proxy.service().fail_times(5, Method::POST, operation, throttled());
        world.settle().await;
        proxy.service().clear_faults();
        world.ticks(3, mins(20)).await;
        assert_eq!(world.status(&id).await, "awaiting_approval", "{operation}");
        assert_eq!(world.pull_requests().len(), 1, "{operation}");
        world.decide(&world.card(), DEPLOY).await;
        assert_eq!(world.status(&id).await, "deployed", "{operation}");
    }
}

#[tokio::test]
async fn a_click_that_cannot_be_recorded_says_so_and_can_be_made_again() {
    let (world, proxy) = World::builder().start_with_table_proxy().await;
    let (id, card) = world.until_armed().await;
    fail(&proxy, "DynamoDB_", &throttled());
    let answer = world.press(&card, DEPLOY).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    proxy.service().clear_faults();
    assert_eq!(world.status(&id).await, "awaiting_approval");
    world.decide(&card, DEPLOY).await;
    assert_eq!(world.status(&id).await, "deployed");
}

#[tokio::test]
async fn a_clock_that_is_not_told_what_is_due_has_failed() {
    let (world, proxy) = World::builder().start_with_table_proxy().await;
    world.process.try_tick().await.unwrap();
    fail(&proxy, "Query", &throttled());
    let failed = world.process.try_tick().await;
    assert!(failed.is_err(), "Lambda has to count a failed invocation");
    proxy.service().clear_faults();
    world.process.try_tick().await.unwrap();
}

#[tokio::test]
async fn the_clock_takes_up_what_the_stream_gave_up() {
    let (world, proxy) = World::builder().start_with_table_proxy().await;
    let id = world.alert(Scenario::Fix).await.attempt_id();
    let records = world.process.records().await.unwrap();
    fail(&proxy, "/DynamoDB_", &Fault::status(400));
    for record in records {
        world.process.deliver_record(record).await.unwrap();
    }
    proxy.service().clear_faults();
    assert_eq!(world.process.given_up(), 1);
    assert_eq!(world.status(&id).await, "pending");
    world.after(mins(1)).await;
    assert_eq!(world.status(&id).await, "awaiting_approval");
}
