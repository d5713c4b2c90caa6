//! What the hourly limit turned away is told once, whoever dies in between.

use autofix_local::sandbox::killer::{Killer, Moment, Side};

use crate::world::{Hook, Scenario, World, mins};

const ONE_AN_HOUR: &[(&str, &str)] = &[("AUTOFIX_MAX_ATTEMPTS_PER_HOUR", "1")];

/// A world in which one attempt has had its turn, so that the hour is full.
async fn a_full_hour() -> (World, Killer) {
    let (world, killer) = World::builder().settings(ONE_AN_HOUR).start_with_killer().await;
    world.handle(Scenario::Security).await;
    killer.spare();
    (world, killer)
}

impl World {
    async fn turn_away(&self, number: u32) {
        let event = Scenario::Fix.event(self.clock.now()).as_other_fault(number);
        let answer = self.report(&event, Hook::EventAlertTriggered).await;
        assert_eq!(answer.body["message"], "Recorded; the hourly limit is reached");
    }

    fn digests(&self) -> Vec<String> {
        let shown = self.sandbox.slack.messages().iter().map(|card| self.shown(card)).collect::<Vec<_>>();
        shown.into_iter().filter(|shown| shown.contains("hourly limit")).collect()
    }
}

#[tokio::test]
async fn an_error_is_in_the_digest_though_the_endpoint_died_over_turning_it_away() {
    for effect in 0..2 {
        let (world, killer) = a_full_hour().await;
        killer.set(Moment { effect, side: Side::After });
        tokio::select! { biased; () = killer.strikes() => {}, () = world.turn_away(1) => {} }
        killer.spare();
        let world = world.die().await;
        let recorded = world.get("attempts?status=skipped&limit=100").await;
        let mut recorded = recorded.body.as_array().unwrap().clone();
        recorded.retain(|attempt| attempt["reason"]["code"] == "hourly_limit");
        assert_eq!(recorded.len(), 1, "the first write is the whole record");
        world.ticks(4, mins(1)).await;
        let digests = world.digests();
        assert_eq!(digests.len(), 1, "{digests:#?}");
        assert!(digests[0].contains("1 error"), "{}", digests[0]);
    }
}

/// Wherever the clock's run dies: before or after a mark is counted, or the card posted, or noted in the table.
#[tokio::test]
async fn a_digest_is_told_once_and_in_full_wherever_the_clock_dies() {
    for effect in 0..4 {
        for side in [Side::Before, Side::After] {
            let (world, killer) = a_full_hour().await;
            world.turn_away(1).await;
            world.turn_away(2).await;
            world.clock.advance(mins(2));
            killer.set(Moment { effect, side });
            tokio::select! { biased; () = killer.strikes() => {}, () = world.process.tick() => {} }
            let died_over = killer.effects();
            killer.spare();
            let world = world.die().await;
            world.turn_away(3).await;
            world.ticks(5, mins(20)).await;
            let digests = world.digests();
            let told: u32 = digests.iter().map(|digest| number_in(digest)).sum();
            assert_eq!(told, 3, "{side:?} {died_over:#?}: {digests:#?}");
        }
    }
}

/// The first number of a text.
fn number_in(text: &str) -> u32 {
    let digits: String =
        text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

#[tokio::test]
async fn more_than_one_transaction_of_marks_is_counted_in_one_run_of_the_clock() {
    let (world, _killer) = a_full_hour().await;
    for number in 1..=110 {
        world.turn_away(number).await;
    }
    world.ticks(3, mins(1)).await;
    let digests = world.digests();
    assert_eq!(digests.len(), 1, "{digests:#?}");
    assert!(digests[0].contains("110 errors"), "{}", digests[0]);
}
