use super::*;

fn at(minutes: i64) -> Timestamp {
    "2026-11-22T10:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
}

fn failure(asked: Asked) -> Failure {
    Failure { why: "503".to_owned(), retry_after: None, asked }
}

fn open() -> Circuit {
    let mut circuit = Circuit::default();
    for _ in 0..FAILURES_TO_OPEN {
        circuit.failed(failure(Asked::Normally), at(0));
    }
    circuit
}

#[track_caller]
fn pauses(circuit: &Circuit, from: i64, minutes: i64) {
    assert_eq!(circuit.line(), Line::Open { until: at(from + minutes) });
}

#[test]
fn five_failures_in_a_row_open_it_and_four_do_not() {
    let mut circuit = Circuit::default();
    for minute in 0..4 {
        circuit.failed(failure(Asked::Normally), at(minute));
        assert_eq!(circuit.line(), Line::Closed);
    }
    circuit.failed(failure(Asked::Normally), at(4));
    pauses(&circuit, 4, 5);
    assert_eq!(circuit.outage.as_ref().map(|outage| outage.since), Some(at(0)));
}

#[test]
fn a_success_or_a_long_time_in_between_is_no_row() {
    let mut circuit = Circuit::default();
    for round in 0..20 {
        if round % 4 == 0 {
            circuit.answered(at(round));
        }
        circuit.failed(failure(Asked::Normally), at(round));
    }
    assert_eq!(circuit.line(), Line::Closed, "never more than four without a success");
    let mut circuit = Circuit::default();
    for round in 0..20 {
        circuit.failed(failure(Asked::Normally), at(round * 3));
    }
    assert_eq!(circuit.line(), Line::Closed, "never five within ten minutes");
}

#[test]
fn one_trial_at_a_time_and_longer_pauses_after_each() {
    let mut circuit = open();
    assert!(!circuit.take_trial(at(4)));
    for (minute, pause) in [(5, 10), (15, 20), (35, 30), (65, 30)] {
        assert!(circuit.take_trial(at(minute)), "{minute}");
        assert!(!circuit.take_trial(at(minute + 1)), "someone has it");
        circuit.failed(failure(Asked::AsTrial), at(minute));
        pauses(&circuit, minute, pause);
    }
    assert!(circuit.take_trial(at(95)));
    assert!(circuit.take_trial(at(97)), "the one who had it died over it");
    circuit.answered(at(97));
    assert_eq!(circuit.line(), Line::Closed);
    assert!(!circuit.take_trial(at(98)));
    assert!(!circuit.has_trouble());
}

#[test]
fn a_service_gets_the_pause_that_it_asks_for_within_reason() {
    for (asked, minutes) in [(1, 5), (60, 60), (10_000, 120)] {
        let mut circuit = Circuit::default();
        let retry_after = Some(SignedDuration::from_mins(asked));
        for _ in 0..FAILURES_TO_OPEN {
            circuit.failed(Failure { retry_after, ..failure(Asked::Normally) }, at(0));
        }
        pauses(&circuit, 0, minutes);
    }
}

#[test]
fn what_began_before_it_opened_changes_nothing_and_an_answer_closes_it() {
    let mut circuit = open();
    let before = circuit.clone();
    circuit.failed(failure(Asked::Normally), at(3));
    assert_eq!(circuit, before);
    circuit.answered(at(3));
    assert_eq!(circuit.line(), Line::Closed);
}

#[test]
fn an_outage_has_one_card_from_its_beginning_to_its_end() {
    let mut circuit = open();
    assert_eq!(circuit.card_due(), Some(at(0)));
    let card = &mut circuit.outage.as_mut().unwrap().card;
    let message = CardMessage { channel: Some("C1".to_owned()), ts: Some("1.2".to_owned()) };
    card.shown(card.revision(), Some(message.clone()));
    assert_eq!(circuit.card_due(), None);
    assert!(circuit.take_trial(at(5)));
    circuit.failed(failure(Asked::AsTrial), at(5));
    assert_eq!(circuit.card_due(), None, "nothing new for people");
    circuit.answered(at(15));
    assert!(circuit.card_due().is_some());
    let card = &mut circuit.outage.as_mut().unwrap().card;
    card.refused(at(20));
    assert_eq!(circuit.card_due(), Some(at(20)));
    // It fails again before anyone was told that it was back.
    for _ in 0..FAILURES_TO_OPEN {
        circuit.failed(failure(Asked::Normally), at(18));
    }
    let outage = circuit.outage.as_mut().unwrap();
    assert_eq!((outage.since, outage.ended_at, outage.card.message.clone()), (at(0), None, Some(message)));
    outage.card.shown(outage.card.revision(), None);
    circuit.answered(at(40));
    let outage = circuit.outage.as_mut().unwrap();
    outage.card.shown(outage.card.revision(), None);
    for _ in 0..FAILURES_TO_OPEN {
        circuit.failed(failure(Asked::Normally), at(60));
    }
    let outage = circuit.outage.as_ref().unwrap();
    assert_eq!((outage.since, outage.card.message.clone()), (at(60), None), "a new outage has a new card");
}

#[test]
fn an_answer_from_before_it_opened_or_before_a_failure_changes_nothing() {
    let mut circuit = Circuit::default();
    for minute in 1..=5 {
        circuit.failed(failure(Asked::Normally), at(minute));
    }
    let before = circuit.clone();
    circuit.answered(at(4));
    assert_eq!(circuit, before);
    circuit.answered(at(6));
    assert_eq!(circuit.line(), Line::Closed);
    assert_eq!(circuit.outage.as_ref().and_then(|outage| outage.ended_at), Some(at(6)));

    let mut circuit = Circuit::default();
    (1..=4).for_each(|minute| circuit.failed(failure(Asked::Normally), at(minute)));
    circuit.answered(at(2));
    (5..=6).for_each(|minute| circuit.failed(failure(Asked::Normally), at(minute)));
    assert_eq!(circuit.line(), Line::Closed, "two of the row are forgotten");
    circuit.failed(failure(Asked::Normally), at(7));
    pauses(&circuit, 7, 5);
}
