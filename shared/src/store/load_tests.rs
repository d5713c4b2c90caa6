//! What one webhook asks of the partitions that all webhooks share, computed with the keys and items that are written in
//! production: the figures of docs/cost-and-scale.md.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::item::{self, Item};
use super::{attempts, claim, hour};
use crate::attempt::{Attempt, AttemptId, Subject, Target};
use crate::sentry::webhook::{self, Webhook};

/// The largest limit that can be set.
const SLOTS: usize = 500;

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

/// The attempt of the sample event.
fn attempt() -> Attempt {
    let event: serde_json::Value =
        serde_json::from_str(include_str!("../../../events/sentry-event-alert.json")).unwrap();
    let Ok(Webhook::Report(report)) =
        webhook::read("event_alert", event["body"].as_str().unwrap().as_bytes())
    else {
        panic!("the sample is a report")
    };
    let target = Target { repo: "acme/service-999".to_owned(), ..Target::default() };
    Attempt::pending(AttemptId::new(now()), Subject::of(&report.incident), target, now())
}

/// Names and values.
fn bytes(item: &Item) -> usize {
    let of_value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        _ => 10,
    };
    item.iter().map(|(name, value)| name.len() + of_value(value)).sum()
}

#[test]
fn a_new_issue_takes_two_units_of_the_listing_and_one_of_its_own_claim() {
    let attempt = attempt();
    let mut item = attempts::attempt_item(&attempt, 1, now());
    attempts::mark_ready(&mut item, now());
    assert_eq!(bytes(&item).div_ceil(1_024), 2, "{} bytes", bytes(&item));
    assert_eq!(item::get_text(&item, "list_bucket"), Some("2026-11"), "one partition a month");
    assert_eq!(bytes(&claim::live_claim(&attempt)).div_ceil(1_024), 1);
}

#[test]
fn whoever_wants_to_start_reads_all_slots_with_seven_units() {
    assert_eq!((SLOTS * bytes(&hour::slot_item(0, now()))).div_ceil(4_096), 7);
}

#[test]
fn attempts_are_spread_over_the_shards_of_the_index_of_what_is_due() {
    let mut shards: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..4_000 {
        let shard = item::due_shard(&attempts::pk(AttemptId::new(now())));
        *shards.entry(shard.as_s().unwrap().clone()).or_default() += 1;
    }
    assert_eq!(shards.len(), usize::from(item::DUE_SHARDS));
    // Of the sixteen hex digits that an id may end with, three to five belong to a shard.
    assert!(shards.values().all(|count| (600..1_400).contains(count)), "{shards:?}");
}
