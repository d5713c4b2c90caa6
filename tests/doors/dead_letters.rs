//! What the stream's mapping gave up leads back to the attempt, and an attempt is looked after without it, too.

use autofix::attempt::AttemptId;
use autofix_local::dead_letters::{DeadLetter, Found, Lead, Office};
use autofix_local::sandbox::service::Fault;
use autofix_local::scenario::Scenario;
use autofix_local::table_door::TableDoor;
use axum::http::Method;
use jiff::SignedDuration;

use crate::world::World;

fn office(world: &World) -> Office {
    let (store, streams) = (world.process.store().clone(), world.process.streams());
    Office { store, streams, now: world.clock.now() }
}

/// An attempt whose record was given up, since the table could not be reached; its letter; and the door.
async fn given_up() -> (World, TableDoor, AttemptId, Vec<DeadLetter>) {
    let (world, door) = World::with_table_door().await;
    let id = world.alert(Scenario::Fix).await.attempt_id();
    let records = world.process.records().await.unwrap();
    for _ in 0..100 {
        door.service().fail_next(Method::POST, "/DynamoDB_", Fault::status(400));
    }
    for record in records {
        world.process.deliver_record(record).await.unwrap();
    }
    door.service().clear_faults();
    let letters: Vec<_> = world.process.dead_letters().iter().map(ToString::to_string).collect();
    let letters = DeadLetter::read_all(&format!("[{}]", letters.join(","))).unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(world.attempt(&id).await["status"], "pending");
    (world, door, AttemptId::parse(&id).unwrap(), letters)
}

#[tokio::test]
async fn a_dead_letter_leads_back_to_the_attempt_and_wakes_it() {
    let (world, _door, id, letters) = given_up().await;
    assert_eq!(office(&world).follow(&letters[0]).await.unwrap(), Lead::Attempts(vec![id]));
    office(&world).answer(&letters, Found::Shown).await.unwrap();
    world.settle().await;
    assert_eq!(world.attempt(&id.to_string()).await["status"], "pending", "it was only shown");
    office(&world).answer(&letters, Found::Woken).await.unwrap();
    world.settle().await;
    assert_eq!(world.attempt(&id.to_string()).await["status"], "awaiting_approval");
    assert_eq!(world.sandbox.slack.messages().len(), 1);
    office(&world).answer(&letters, Found::Woken).await.unwrap();
    world.settle().await;
    assert_eq!(world.sandbox.slack.messages().len(), 1, "waking twice changes nothing");
}

#[tokio::test]
async fn without_anybody_the_clock_finds_what_was_given_up() {
    let (world, _door, id, _) = given_up().await;
    world.after(SignedDuration::from_mins(1)).await;
    assert_eq!(world.attempt(&id.to_string()).await["status"], "awaiting_approval");
}

#[tokio::test]
async fn a_record_that_the_stream_has_dropped_leads_to_what_is_overdue() {
    let (world, door, id, letters) = given_up().await;
    let body =
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#TrimmedDataAccessException","message":"trimmed"}"#;
    let trimmed = Fault::Answer { status: 400, headers: Vec::new(), body: body.to_owned() };
    for _ in 0..2 {
        door.service().fail_next(Method::POST, "GetShardIterator", trimmed.clone());
    }
    assert_eq!(office(&world).follow(&letters[0]).await.unwrap(), Lead::Expired);
    assert_eq!(office(&world).overdue().await.unwrap(), [], "the clock may still come");
    world.clock.advance(SignedDuration::from_hours(25));
    assert_eq!(office(&world).overdue().await.unwrap(), [id]);
    office(&world).answer(&letters, Found::Woken).await.unwrap();
    world.settle().await;
    assert_eq!(world.attempt(&id.to_string()).await["status"], "awaiting_approval");
    assert_eq!(office(&world).overdue().await.unwrap(), []);
}
