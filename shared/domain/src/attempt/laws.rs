//! What holds at every change of an attempt, whichever events come in whichever order. Which event leads where is
//! snapshotted in `matrix`.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::matrix::{self, now};
use super::{Attempt, AttemptId, Event, State, Status, Subject, Target};
use crate::reason::ReasonCode;

/// Whether people have nothing new to read when an attempt comes to this state.
fn is_silent(attempt: &Attempt) -> bool {
    match &attempt.state {
        State::Pending | State::Analyzing { .. } | State::Proposed { .. } => true,
        // Told on the card of the attempt that it joined, or not worth a card.
        State::Skipped { reasons, .. } => {
            matches!(reasons[0].code, ReasonCode::SameFaultJoined | ReasonCode::BelowTheBar)
        }
        _ => false,
    }
}

fn check(before: &Attempt, after: &Attempt) {
    let change = format!("from `{}` to `{}`", before.status(), after.status());
    assert_eq!((before.id, before.created_at), (after.id, after.created_at), "{change}: another attempt");
    assert!(before.state.is_live() || !after.state.is_live(), "{change}: the end was not the end");
    let ended = super::event::is_end(after.status());
    assert_eq!(ended, after.completed_at.is_some(), "{change}: an end has a time, anything else none");
    if before.completed_at.is_some() {
        assert_eq!(before.completed_at, after.completed_at, "{change}: the time of the end changed");
    }
    let approved = matches!(after.status(), Status::Approved);
    assert!(!approved || after.approved_at.is_some(), "{change}: approved at no time");
    assert!(after.card.wanted >= before.card.wanted, "{change}: a pending card update is forgotten");
    assert!(after.card.shown <= after.card.wanted, "{change}: a card was shown that nobody wanted");
    let moved = before.status() != after.status();
    assert!(
        !moved || is_silent(after) || after.card.wanted > before.card.wanted,
        "{change}: the card does not change"
    );
    assert!(after.timeline.len() <= super::MAX_TIMELINE);
    assert!(after.timeline.is_sorted_by_key(|moment| moment.at), "{change}: the timeline goes back");
    assert!(!moved || after.trouble.failures == 0, "{change}: an old step's failures count for a new one");
    let kept: Attempt = serde_json::from_str(&serde_json::to_string(after).unwrap()).unwrap();
    assert_eq!(&kept, after, "{change}: the table keeps something else");
}

/// Which event comes, and how many minutes later. Most are chosen among those that can happen and do not give up, so that
/// the far ends are reached, too.
#[derive(Clone, Debug)]
struct Happening {
    onward: bool,
    event: prop::sample::Index,
    minutes: i64,
}

fn happening() -> impl Strategy<Value = Happening> {
    let event = any::<prop::sample::Index>();
    (prop::bool::weighted(0.75), event, 0..90_i64).prop_map(|(onward, event, minutes)| Happening {
        onward,
        event,
        minutes,
    })
}

fn choose(happening: &Happening, attempt: &Attempt, time: Timestamp) -> Event {
    let all: Vec<Event> = matrix::events().into_iter().map(|(_, event)| event).collect();
    let leads_on = |event: &&Event| {
        let mut after = attempt.clone();
        after.apply((*event).clone(), time).is_ok()
            && !matches!(after.status(), Status::Failed | Status::Skipped)
    };
    let onward: Vec<&Event> = all.iter().filter(leads_on).collect();
    match happening.onward && !onward.is_empty() {
        true => (*happening.event.get(&onward)).clone(),
        false => happening.event.get(&all).clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_events_in_any_order_keep_the_laws(happenings in prop::collection::vec(happening(), 1..60)) {
        let mut attempt = Attempt::pending(AttemptId::new(now()), Subject::default(), Target::default(), now());
        let mut time: Timestamp = now();
        for happening in happenings {
            time += SignedDuration::from_mins(happening.minutes);
            let before = attempt.clone();
            match attempt.apply(choose(&happening, &before, time), time) {
                Ok(()) => check(&before, &attempt),
                Err(_) => prop_assert_eq!(&before, &attempt, "a refused event changed something"),
            }
        }
    }
}
