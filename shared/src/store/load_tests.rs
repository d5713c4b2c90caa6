//! What a thousand repositories and a thousand webhooks a second do to the table, computed with the keys and items that
//! are written in production: which partition is the hottest, and how long attempts wait for a worker.
//!
//! `cargo test -p autofix --lib store::load_tests -- --nocapture` prints the figures of docs/cost-and-scale.md. A partition
//! key counts as one partition, which is the worst case: DynamoDB may split one.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::item::{self, Item};
use super::{attempts, claim, digest, hour};
use crate::attempt::{Attempt, AttemptId, Subject, Target};
use crate::incident::Incident;
use crate::sentry::webhook::{self, Webhook};

const REPOSITORIES: usize = 1_000;
/// Units a second that one partition takes ("Partitions and data distribution", DynamoDB developer guide).
const WRITES_OF_A_PARTITION: f64 = 1_000.0;
const READS_OF_A_PARTITION: f64 = 3_000.0;
const SECONDS: usize = 30;
/// Invocations of the worker at once for one shard of the stream, as in the template.
const WORKERS_OF_A_SHARD: usize = 10;
/// An on-demand table begins with four partitions, each with a shard of the stream.
const SHARDS: usize = 4;
/// The largest limit that can be set.
const SLOTS: usize = 500;
/// How long a worker has an attempt in its hands until it waits for checks: mostly Claude's time.
const WORK: SignedDuration = SignedDuration::from_mins(3);

/// What becomes of a webhook.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Its issue has an attempt already.
    Known,
    Started,
    /// The hour is full.
    TurnedAway,
}

/// Units that the partitions were asked for.
#[derive(Default)]
struct Load {
    writes: BTreeMap<String, f64>,
    reads: BTreeMap<String, f64>,
}

impl Load {
    /// The partition nearest to its limit, and units a second.
    fn hottest(&self) -> (String, f64, f64) {
        let share = |units: &BTreeMap<String, f64>, limit: f64| {
            let each = units.iter().map(|(key, units)| (key.clone(), units / SECONDS as f64, limit));
            each.max_by(|a, b| a.1.total_cmp(&b.1)).expect("something was asked for")
        };
        let (writes, reads) =
            (share(&self.writes, WRITES_OF_A_PARTITION), share(&self.reads, READS_OF_A_PARTITION));
        if writes.1 / writes.2 >= reads.1 / reads.2 { writes } else { reads }
    }

    fn read(&mut self, key: &Item, units: f64) {
        *self.reads.entry(partition(key)).or_default() += units;
    }

    fn write(&mut self, item: &Item, units: f64) {
        *self.writes.entry(partition(item)).or_default() += units;
    }

    /// A write in a transaction counts twice; the indexes follow once.
    fn write_with_indexes(&mut self, item: &Item) {
        self.write(item, 2.0 * kilobytes(item));
        for (index, attribute) in [("listing", "list_bucket"), ("due", item::DUE_SHARD)] {
            if let Some(key) = item::get_text(item, attribute) {
                let units = if index == "due" { 1.0 } else { kilobytes(item) };
                *self.writes.entry(format!("index {index}: {key}")).or_default() += units;
            }
        }
    }

    /// What the endpoint asks of the table for one webhook.
    fn webhook(&mut self, incident: &Incident, fate: Fate, now: Timestamp) {
        let claim = claim::claim_key(&incident.issue_id);
        self.read(&claim, 1.0);
        if fate == Fate::Known {
            self.write(&claim, 1.0);
            return;
        }
        // Who saw the hour full does not look again; who starts reads all slots, four kilobytes to the unit.
        let slot = hour::slot_item(0, now);
        if fate == Fate::Started {
            self.read(&slot, (SLOTS * bytes(&slot)).div_ceil(4_096) as f64);
        }
        let target = Target { repo: format!("acme/{}", incident.project), ..Target::default() };
        let attempt = Attempt::pending(AttemptId::new(now), Subject::of(incident), target, now);
        let mut item = attempts::attempt_item(&attempt, 1, now);
        if fate == Fate::Started {
            attempts::mark_ready(&mut item, now);
            self.write(&attempts::incident_item(attempt.id, incident, now), 2.0);
            self.write(&slot, 2.0);
        } else {
            digest::mark_turned_away(&mut item, now);
        }
        self.write_with_indexes(&item);
        self.write(&claim::live_claim(&attempt), 2.0);
    }
}

fn partition(item: &Item) -> String {
    item::get_text(item, "pk").expect("every item has a partition key").to_owned()
}

/// Units that a write of an item costs: begun kilobytes.
fn kilobytes(item: &Item) -> f64 {
    bytes(item).div_ceil(1_024) as f64
}

/// Names and values.
fn bytes(item: &Item) -> usize {
    let of_value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        _ => 10,
    };
    item.iter().map(|(name, value)| name.len() + of_value(value)).sum()
}

/// The sample event, reported by another project and of another issue.
fn incident(sample: &Incident, project: usize, issue: usize) -> Incident {
    let (issue_id, project) = (issue.to_string(), format!("service-{project}"));
    Incident { issue_id, project, ..sample.clone() }
}

fn sample() -> Incident {
    let event: serde_json::Value =
        serde_json::from_str(include_str!("../../../events/sentry-event-alert.json")).unwrap();
    match webhook::read("event_alert", event["body"].as_str().unwrap().as_bytes()) {
        Ok(Webhook::Report(report)) => report.incident,
        _ => panic!("the sample is a report"),
    }
}

/// Webhooks of half a minute: `of` says for each of them which issue it is about and what becomes of it.
fn load(rate: usize, mut of: impl FnMut(usize) -> (usize, Fate)) -> Load {
    let (sample, mut load) = (sample(), Load::default());
    for number in 0..rate * SECONDS {
        let (issue, fate) = of(number);
        let now = start() + SignedDuration::from_millis((number * 1_000 / rate) as i64);
        load.webhook(&incident(&sample, issue % REPOSITORIES, issue), fate, now);
    }
    load
}

fn start() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

#[test]
fn the_hottest_partition_is_known_for_every_kind_of_load() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut started = 0;
    let mut or_turned_away = move || {
        started += 1;
        if started <= SLOTS { Fate::Started } else { Fate::TurnedAway }
    };
    // Few issues make most of the noise: the n-th of 20,000 about 1/n as often as the first.
    let day = load(1_000, |number| match number % 200 {
        0 => (1_000_000 + number, or_turned_away()),
        _ => ((20_000_f64.powf(random.f64()) as usize).min(19_999), Fate::Known),
    });
    let new =
        |number: usize| (1_000_000 + number, if number < SLOTS { Fate::Started } else { Fate::TurnedAway });
    let one = load(1_000, |_| (1, Fate::Known));
    println!("{:<48}{:>10}{:>8}  hottest partition", "30 seconds of", "units/s", "limit");
    let mut shares = BTreeMap::new();
    for (name, load) in [
        ("1,000/s, 1 in 200 is a new issue", day),
        ("200/s, every one a new issue", load(200, new)),
        ("1,000/s, every one a new issue", load(1_000, new)),
        ("1,000/s, all of one issue", one),
    ] {
        let (partition, units, limit) = load.hottest();
        println!("{name:<48}{units:>10.0}{limit:>8.0}  {partition}");
        shares.insert(name, (partition, units / limit));
    }
    assert!(shares["1,000/s, 1 in 200 is a new issue"].1 < 0.5, "{shares:?}");
    assert!(shares["200/s, every one a new issue"].1 <= 1.0, "{shares:?}");
    // The limits that the page of the docs names.
    let (partition, share) = &shares["1,000/s, every one a new issue"];
    assert!(partition.starts_with("index listing") && *share > 1.0, "{shares:?}");
    let (partition, share) = &shares["1,000/s, all of one issue"];
    assert!(partition == "ISSUE#1" && (*share - 1.0).abs() < 1e-9, "{shares:?}");
}

#[test]
fn attempts_are_spread_over_the_shards_of_the_index_of_what_is_due() {
    let mut shards: BTreeMap<String, usize> = BTreeMap::new();
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..4_000 {
        let id = id(&mut random);
        let shard = item::due_shard(&attempts::pk(id));
        *shards.entry(shard.as_s().unwrap().clone()).or_default() += 1;
    }
    println!("4,000 attempts by shard: {shards:?}");
    assert_eq!(shards.len(), usize::from(item::DUE_SHARDS));
    // Of the sixteen hex digits that an id may end with, three to five belong to a shard.
    assert!(shards.values().all(|count| (600..1_400).contains(count)), "{shards:?}");
}

/// Longest wait for a worker where so many attempts start at once. Lambda gives the records of one key to one lane, so
/// attempts that fall into the same lane wait for each other; the clock, which also takes them, is left out.
fn longest_wait(attempts: usize, random: &mut fastrand::Rng) -> SignedDuration {
    let mut lanes = vec![0_i32; SHARDS * WORKERS_OF_A_SHARD];
    for _ in 0..attempts {
        let id = id(random);
        // DynamoDB's own hash is not published; any good one spreads alike.
        let hash = Sha256::digest(attempts::pk(id));
        let lane = u64::from_be_bytes(hash[..8].try_into().unwrap()) as usize % lanes.len();
        lanes[lane] += 1;
    }
    let longest = lanes.into_iter().max().unwrap_or_default();
    WORK * (longest - 1).max(0)
}

#[test]
fn a_full_hour_of_attempts_at_once_is_worked_off_within_two_hours() {
    let mut random = fastrand::Rng::with_seed(7);
    for (attempts, at_most) in [(10, 15), (100, 40), (500, 120)] {
        let mut waits: Vec<_> = (0..100).map(|_| longest_wait(attempts, &mut random)).collect();
        waits.sort_unstable();
        let (usual, worst) = (waits[50].as_mins(), waits[99].as_mins());
        println!(
            "{attempts:>4} attempts at once: the last begins after {usual} minutes, in the worst of 100 tries {worst}"
        );
        assert!(worst <= at_most, "{attempts}: {worst}");
    }
}

/// An id as production makes them, always the same ones.
fn id(random: &mut fastrand::Rng) -> AttemptId {
    let (time, a, b, c) = (
        start().as_millisecond() + random.i64(0..60_000),
        random.u16(0..0x1000),
        random.u16(0..0x4000) | 0x8000,
        random.u64(0..1 << 48),
    );
    AttemptId::parse(&format!("{:08x}-{:04x}-7{a:03x}-{b:04x}-{c:012x}", time >> 16, time & 0xffff)).unwrap()
}
