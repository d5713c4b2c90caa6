//! The worker is killed before and after each of its effects, calls to services and writes to the table alike, and
//! always the same is left at the end: one branch, one commit, one pull request, one card, one merge, and no turn of
//! Claude paid twice but the one in flight.

mod case;
mod story;

use autofix_local::sandbox::killer::{Moment, Side};
use axum::http::Method;
use jiff::SignedDuration;

use crate::world::{REPO, World};
use case::{Case, Rescue, Told, check_all, in_runtime};
use story::{Ending, Story};

#[test]
fn killed_anywhere_the_same_record_takes_it_to_the_same_end() {
    let undisturbed = Told::undisturbed();
    let mut cases = Vec::new();
    for (story, told) in &undisturbed {
        for effect in 0..told.effects.len() {
            for side in [Side::Before, Side::After] {
                cases.push(Case::killed(*story, Moment { effect, side }, Rescue::SameRecord));
            }
        }
    }
    check_all(&cases, &undisturbed);
}

#[test]
fn killed_during_the_clocks_run_the_clock_takes_it_to_the_same_end() {
    let undisturbed = Told::undisturbed();
    check_all(&once_for_each_kind(&undisturbed, Rescue::Clock), &undisturbed);
}

#[test]
fn killed_with_its_machine_the_next_process_takes_it_to_the_same_end() {
    let undisturbed = Told::undisturbed();
    check_all(&once_for_each_kind(&undisturbed, Rescue::Restart), &undisturbed);
}

/// The second process dies a few effects after its start, another number of them each time, unless it was done before.
#[test]
fn killed_twice_in_a_row_it_comes_to_the_same_end() {
    let undisturbed = Told::undisturbed();
    let mut cases = once_for_each_kind(&undisturbed, Rescue::SameRecord);
    for (number, case) in cases.iter_mut().enumerate() {
        let side = if number % 3 == 0 { Side::Before } else { Side::After };
        case.deaths.push(Moment { effect: number % 5, side });
    }
    check_all(&cases, &undisturbed);
}

/// One case for each kind of call and write of each story, by turns before and after.
fn once_for_each_kind(undisturbed: &[(Story, Told)], rescue: Rescue) -> Vec<Case> {
    let mut cases = Vec::new();
    for (story, told) in undisturbed {
        for effect in told.first_of_each_kind() {
            let side = if effect % 2 == 0 { Side::Before } else { Side::After };
            cases.push(Case::killed(*story, Moment { effect, side }, rescue));
        }
    }
    cases
}

/// The first worker is frozen over one of its effects, a second delivery of the same record does all the work, and
/// then the first one wakes up. Slack is left out: what was sent before the freeze cannot be held back there.
#[test]
fn a_worker_that_was_taken_for_dead_changes_nothing_any_more() {
    for (story, told) in Told::undisturbed() {
        for (effect, what) in told.effects.iter().enumerate().filter(|(_, what)| !what.contains("/api/chat"))
        {
            in_runtime(async {
                let (world, killer) = World::with_killer().await;
                let id = story.begin(&world).await;
                let record = world.process.records().await.unwrap().pop().unwrap();
                killer.set(Moment { effect, side: Side::Before });
                let mut frozen = std::pin::pin!(world.process.deliver_record(record.clone()));
                tokio::select! {
                    biased;
                    () = killer.strikes() => {}
                    _ = &mut frozen => panic!("{story:?}: nobody froze over {what}"),
                }
                world.process.deliver_record(record).await.unwrap();
                killer.let_go();
                frozen.await.unwrap();
                world.after(SignedDuration::from_mins(1)).await;
                let ending = Ending::of(&world, id).await;
                assert_eq!(ending.without_the_bill(), told.ending.without_the_bill(), "{story:?} at {what}");
            });
        }
    }
}

#[tokio::test]
async fn a_wake_up_of_another_kind_waits_until_the_lease_has_run_out() {
    let (world, killer) = World::with_killer().await;
    let id = Story::Fix.begin(&world).await;
    killer.set(Moment { effect: 10, side: Side::Before });
    tokio::select! { biased; () = killer.strikes() => {}, () = world.settle() => panic!("nobody died") }
    let world = world.die().await;
    world.process.records().await.unwrap(); // lost
    let calls = || world.sandbox.github.service().received().len() + world.sandbox.claude.turns_answered();
    let before = calls();
    for _ in 0..14 {
        world.clock.advance(SignedDuration::from_mins(1));
        world.process.tick().await;
        assert_eq!(calls(), before, "somebody worked without the lease");
    }
    world.after(SignedDuration::from_mins(1)).await;
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
    world.clock.advance(SignedDuration::from_hours(24));
    for record in records {
        world.process.deliver_record(record).await.unwrap();
    }
    assert_eq!(world.sandbox.claude.turns_answered(), turns);
    assert_eq!(world.sandbox.github.pull_requests(REPO).unwrap().len(), 1);
    assert_eq!(world.sandbox.github.service().count(Method::PUT, "/merge"), 1);
    assert_eq!(world.sandbox.slack.service().count(Method::POST, "/api/chat.postMessage"), 1);
}
