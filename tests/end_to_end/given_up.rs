//! An attempt is looked after also if the stream gave up waking the worker for it.

use autofix_local::sandbox::service::Fault;
use autofix_local::scenario::Scenario;
use axum::http::Method;
use jiff::SignedDuration;

use crate::world::World;

#[tokio::test]
async fn the_clock_takes_up_what_the_stream_gave_up() {
    let (world, proxy) = World::with_table_proxy().await;
    let id = world.alert(Scenario::Fix).await.attempt_id();
    let records = world.process.records().await.unwrap();
    for _ in 0..100 {
        proxy.service().fail_next(Method::POST, "/DynamoDB_", Fault::status(400));
    }
    for record in records {
        world.process.deliver_record(record).await.unwrap();
    }
    proxy.service().clear_faults();
    assert_eq!(world.process.given_up(), 1);
    assert_eq!(world.attempt(&id).await["status"], "pending");
    world.after(SignedDuration::from_mins(1)).await;
    assert_eq!(world.attempt(&id).await["status"], "awaiting_approval");
}
