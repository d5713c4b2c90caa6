//! A busy table refuses one write in four because of another transaction, or because there are too many, and its indexes lag
//! behind. Every story ends as it does on a quiet one.

use autofix::messages::{DEPLOY, HINT_FIELD, ROLL_BACK, TRY_AGAIN};
use autofix_local::table_proxy::Trouble;
use axum::http::StatusCode;

use crate::world::{Hook, PullState, REPO, Scenario, World, mins};

const SEEDS: [u64; 2] = [1, 2];

/// Plays a story on such a table. It must have met the trouble.
async fn holds(story: impl AsyncFn(&World), trouble: Trouble, seed: u64) {
    let (world, proxy) = World::builder().start_with_table_proxy().await;
    proxy.make_unreliable(trouble, seed);
    story(&world).await;
    assert!(proxy.struck() > 2, "{trouble:?}, seed {seed}: {} times", proxy.struck());
}

/// Lets AutoFix work and its clock run until nothing is left: a lagging index delays, it loses nothing.
async fn work(world: &World) {
    world.settle().await;
    world.ticks(4, mins(1)).await;
}

async fn merge_and_regress(world: &World) {
    let answer = world.alert(Scenario::Regression).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    work(world).await;
    let id = answer.attempt_id();
    assert_eq!(world.status(&id).await, "awaiting_approval");
    assert_eq!(world.press(&world.card_of(&id), DEPLOY).await.status, StatusCode::OK);
    work(world).await;
    assert_eq!(world.status(&id).await, "deployed");
    let PullState::Merged { sha } = world.pull_request(1).state else { panic!("not merged") };
    world.sandbox.github.add_deployment(REPO, &sha, &["in_progress", "success"]).unwrap();
    world.after(mins(31)).await;
    let now = world.clock.now();
    let event = Scenario::Regression.event(now).again(2, now).in_release(&format!("bookshop@{sha}"));
    world.sandbox.sentry.throw(&event);
    world.after(mins(31)).await;
    work(world).await;
    assert_eq!(world.status(&id).await, "regressed");
    assert_eq!(world.press(&world.card_of(&id), ROLL_BACK).await.status, StatusCode::OK);
    work(world).await;
    assert_eq!(world.status(&id).await, "rolled_back");
    assert_eq!(world.pull_requests().len(), 2);
}

async fn dismiss_and_try_again(world: &World) {
    let answer = world.alert(Scenario::Fix).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    work(world).await;
    let id = answer.attempt_id();
    world.press_dismiss(&world.card_of(&id)).await;
    work(world).await;
    assert_eq!(world.status(&id).await, "rejected");
    world.press(&world.card_of(&id), TRY_AGAIN).await;
    let dialog = world.sandbox.slack.views().pop().unwrap();
    world.submit(&dialog, &[(HINT_FIELD, "The second line may be null.")]).await;
    work(world).await;
    let next = world.attempt(&id).await["retried_as"].as_str().unwrap().to_owned();
    assert_eq!(world.status(&next).await, "awaiting_approval");
}

/// The same error a hundred times is one attempt, a security bug is left to people, and Sentry's own agent goes first.
async fn storm_security_and_sentrys_agent(world: &World) {
    let first = world.alert(Scenario::Fix).await;
    for number in 2..=100 {
        let again = Scenario::Fix.event(world.clock.now()).again(number, world.clock.now());
        let answer = world.report(&again, Hook::ErrorCreated).await;
        assert_eq!((answer.status, answer.attempt_id()), (StatusCode::OK, first.attempt_id()));
    }
    let security = world.alert(Scenario::Security).await.attempt_id();
    let now = world.clock.now();
    let third = Scenario::Fix.event(now).as_other_fault(3);
    let agents = world.report(&third, Hook::EventAlertTriggered).await.attempt_id();
    let answer = world.sentrys_agent_opens(&third.issue_id).await;
    assert_eq!(answer.status, StatusCode::OK, "Sentry sends it once: {answer:?}");
    work(world).await;
    assert_eq!(world.attempt(&first.attempt_id()).await["status"], "awaiting_approval");
    assert_eq!(world.status(&security).await, "skipped");
    assert_eq!(world.attempt(&agents).await["reason"]["code"], "sentry_agent_took_over");
    assert_eq!(world.pull_requests().len(), 1);
}

async fn every_story_holds(trouble: Trouble) {
    for seed in SEEDS {
        holds(merge_and_regress, trouble, seed).await;
        holds(dismiss_and_try_again, trouble, seed).await;
        holds(storm_security_and_sentrys_agent, trouble, seed).await;
    }
}

#[tokio::test]
async fn transactions_in_the_way_change_no_story() {
    every_story_holds(Trouble::Conflicts).await;
}

#[tokio::test]
async fn a_throttled_table_changes_no_story() {
    every_story_holds(Trouble::Throttling).await;
}

#[tokio::test]
async fn indexes_that_lag_behind_change_no_story() {
    every_story_holds(Trouble::StaleIndexes).await;
}
