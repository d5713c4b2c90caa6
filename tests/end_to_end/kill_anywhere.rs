//! The worker is killed before and after each of its effects, calls to services and writes to the table alike, and
//! always the same is left at the end: one branch, one commit, one pull request, one card, one merge, and no turn of
//! Claude paid twice but the one in flight.

mod case;
mod story;

use std::collections::BTreeSet;

use autofix_local::sandbox::killer::{Moment, Side};
use axum::http::Method;

use crate::world::{World, hours, mins};
use case::{At, Case, Deaths, Rescue, check_all, in_runtime, kind, on_all_cores};
use story::{Ending, Story};

#[test]
fn killed_anywhere_the_same_record_takes_it_to_the_same_end() {
    check_all(&Case::all(At::Each, Deaths::One, Rescue::SameRecord));
}

#[test]
fn killed_during_the_clocks_run_the_clock_takes_it_to_the_same_end() {
    check_all(&Case::all(At::EachKind, Deaths::One, Rescue::Clock));
}

#[test]
fn killed_with_its_machine_the_next_process_takes_it_to_the_same_end() {
    check_all(&Case::all(At::EachKind, Deaths::One, Rescue::Restart));
}

#[test]
fn killed_twice_in_a_row_it_comes_to_the_same_end() {
    check_all(&Case::all(At::EachKind, Deaths::Two, Rescue::SameRecord));
}

/// The first worker is frozen over one of its effects, a second delivery of the same record does all the work, and
/// then the first one wakes up. Slack is left out: what was sent before the freeze cannot be held back there.
#[test]
fn a_worker_that_was_taken_for_dead_changes_nothing_any_more() {
    on_all_cores(&Story::ALL, |story| in_runtime(frozen_at_each_effect(*story)));
}

async fn frozen_at_each_effect(story: Story) {
    let (world, killer) = World::builder().settings(story.settings()).start_with_killer().await;
    story.begin(&world).await;
    let beginning = world.point();
    let mut world = world.back_to(&beginning).await;
    killer.spare();
    let record = world.process.records().await.unwrap().pop().unwrap();
    world.process.deliver_record(record).await.unwrap();
    let effects = killer.effects();
    world.after(mins(1)).await;
    let undisturbed = Ending::of(&world).await.without_the_bill();
    let mut kinds = BTreeSet::new();
    for (effect, what) in effects.iter().enumerate().filter(|(_, what)| !what.contains("/api/chat")) {
        if !kinds.insert(kind(what)) && story.begins_like_another() {
            continue;
        }
        world = world.back_to(&beginning).await;
        let record = world.process.records().await.unwrap().pop().unwrap();
        killer.set(Moment { effect, side: Side::Before });
        {
            let mut frozen = std::pin::pin!(world.process.deliver_record(record.clone()));
            tokio::select! {
                biased;
                () = killer.strikes() => {}
                _ = &mut frozen => panic!("{story:?}: nobody froze over {what}"),
            }
            world.process.deliver_record(record).await.unwrap();
            killer.let_go();
            frozen.await.unwrap();
        }
        world.after(mins(1)).await;
        let ending = Ending::of(&world).await.without_the_bill();
        assert_eq!(ending, undisturbed, "{story:?} at {what}");
    }
}

#[test]
fn the_same_record_given_to_two_workers_at_once_comes_to_the_same_end() {
    on_all_cores(&Story::ALL, |story| in_runtime(given_to_two_workers(*story)));
}

async fn given_to_two_workers(story: Story) {
    let (world, _) = World::builder().settings(story.settings()).start_with_killer().await;
    let id = story.begin(&world).await;
    let beginning = world.point();
    let play = async |world: &World, workers: usize| {
        let record = world.process.records().await.unwrap().pop().unwrap();
        let second = async {
            if workers == 2 {
                world.process.deliver_record(record.clone()).await.unwrap();
            }
        };
        let (first, ()) = tokio::join!(world.process.deliver_record(record.clone()), second);
        first.unwrap();
        world.ticks(2, mins(1)).await;
        assert!(story.is_over(world, id).await, "{story:?} with {workers} workers");
        (Ending::of(world).await.without_the_bill(), world.sandbox.claude.turns_answered())
    };
    let world = world.back_to(&beginning).await;
    let (alone, turns) = play(&world, 1).await;
    let world = world.back_to(&beginning).await;
    let (together, paid) = play(&world, 2).await;
    assert_eq!(together, alone, "{story:?}");
    assert!(paid <= turns + 1, "{story:?}: {paid} turns were paid in place of {turns}");
}

#[tokio::test]
async fn a_wake_up_of_another_kind_waits_until_the_lease_has_run_out() {
    let (world, killer) = World::builder().start_with_killer().await;
    let id = Story::Fix.begin(&world).await;
    killer.set(Moment { effect: 10, side: Side::Before });
    tokio::select! { biased; () = killer.strikes() => {}, () = world.settle() => panic!("nobody died") }
    let world = world.die().await;
    world.process.records().await.unwrap(); // lost
    let calls = || world.sandbox.github.service().received().len() + world.sandbox.claude.turns_answered();
    let before = calls();
    for _ in 0..14 {
        world.clock.advance(mins(1));
        world.process.tick().await;
        assert_eq!(calls(), before, "somebody worked without the lease");
    }
    world.after(mins(1)).await;
    assert!(Story::Fix.is_over(&world, id).await);
}

#[tokio::test]
async fn records_that_come_late_again_or_out_of_order_change_nothing() {
    let world = World::new().await;
    let id = Story::Deploy.begin(&world).await;
    let world = world.die().await; // which forgets what was delivered
    let mut records = world.process.records().await.unwrap();
    assert_eq!(records.len(), 2, "the report and the click");
    records.reverse();
    for record in &records {
        world.process.deliver_record(record.clone()).await.unwrap();
    }
    assert!(Story::Deploy.is_over(&world, id).await);
    let turns = world.sandbox.claude.turns_answered();
    world.clock.advance(hours(24));
    for record in records {
        world.process.deliver_record(record).await.unwrap();
    }
    assert_eq!(world.sandbox.claude.turns_answered(), turns);
    assert_eq!(world.pull_requests().len(), 1);
    assert_eq!(world.merges(), 1);
    assert_eq!(world.sandbox.slack.service().count(Method::POST, "/api/chat.postMessage"), 1);
}
