//! What the hourly limit turned away, told in at most one card an hour.
//!
//! The endpoint only marks what it turns away: in a storm, all of them would fight over one count. The clock gathers the marks
//! and counts them, each once, whoever crashes in between.

use jiff::{SignedDuration, Timestamp};

use super::attempts::{attempt_key, id_of};
use super::item;
use super::table::{Saved, Write};
use super::{Store, StoreError};
use crate::attempt::AttemptId;

/// A partition of its own in the index `due`: a storm of these must not be in the way of attempts that are due.
const TURNED_AWAY: &str = "due#turned_away";
/// Time to let a storm gather before it is told, so that the first card says how large it is.
const GATHER: SignedDuration = SignedDuration::from_secs(60);
/// Marks gathered in one transaction; DynamoDB takes 100 writes, and one is the count's.
const MARKS: i32 = 99;
/// Transactions of one run of the clock. What is left is gathered a minute later.
const TRANSACTIONS: usize = 20;
/// Time between two digests.
const BETWEEN: SignedDuration = SignedDuration::from_hours(1);

/// Errors that were turned away and not told yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    pub turned_away: u64,
    /// Since when they were turned away.
    pub since: Timestamp,
    pub due_at: Option<Timestamp>,
    pub(super) not_before: Option<Timestamp>,
}

impl Store {
    /// The digest; `None` where nothing was ever turned away.
    pub async fn digest(&self) -> Result<Option<Digest>, StoreError> {
        let item = self.item(key()).await?;
        Ok(item.map(|item| Digest {
            turned_away: item::get_count(&item, "turned_away"),
            since: item::get_time(&item, "since").unwrap_or(Timestamp::UNIX_EPOCH),
            due_at: item::get_time(&item, item::DUE_AT),
            not_before: item::get_time(&item, "not_before"),
        }))
    }

    /// Takes the digest to tell it: nobody else will before `until`. A conflict means that someone else was first.
    pub async fn take_digest(&self, digest: &Digest, until: Timestamp) -> Result<Saved, StoreError> {
        let Some(due_at) = digest.due_at else { return Ok(Saved::Conflict) };
        let take = Write::update(key(), "SET due_at = :until")
            .only_if("due_at = :seen")
            .value(":until", item::milliseconds(until))
            .value(":seen", item::milliseconds(due_at));
        self.write(take).await
    }

    /// The digest was told: the next one is an hour away. Errors that were turned away in between stay owed.
    pub async fn digest_told(&self, told: &Digest, now: Timestamp) -> Result<(), StoreError> {
        let next = now + BETWEEN;
        let update = |expression: &str| {
            let update = Write::update(key(), expression).value(":told", item::number(told.turned_away));
            update.value(":next", item::milliseconds(next))
        };
        let all_told = update("SET not_before = :next, turned_away = :zero REMOVE since, due_at, due_shard")
            .value(":zero", item::number(0))
            .only_if("turned_away = :told");
        if self.write(all_told).await? == Saved::Yes {
            return Ok(());
        }
        // More were turned away while the card was posted: the digest reports them in an hour. Done once only.
        let part = "SET not_before = :next, due_at = :next, since = :now, turned_away = turned_away - :told";
        let part_told = update(part)
            .value(":now", item::milliseconds(now))
            .only_if("turned_away > :told AND (attribute_not_exists(not_before) OR not_before <> :next)");
        self.write(part_told).await.map(drop)
    }

    /// The card could not be posted: not before `until` again.
    pub async fn digest_postponed(&self, until: Timestamp) -> Result<(), StoreError> {
        let postpone = Write::update(key(), "SET due_at = :until")
            .only_if("attribute_exists(due_at)")
            .value(":until", item::milliseconds(until));
        self.write(postpone).await.map(drop)
    }

    /// Counts what was turned away some time ago, and makes the digest due.
    pub async fn gather_turned_away(&self, now: Timestamp) -> Result<(), StoreError> {
        for _ in 0..TRANSACTIONS {
            let marked = self.marked_turned_away(now).await?;
            let Some(first) = marked.first() else { return Ok(()) };
            let not_before = self.digest().await?.and_then(|digest| digest.not_before);
            let due = not_before.map_or(now, |time| time.max(now));
            let mut writes: Vec<Write> = marked.iter().map(|id| unmark(*id)).collect();
            writes.push(count(marked.len(), first.created_at(), due));
            let others_are_at_it = self.transact(writes).await? == Saved::Conflict;
            if others_are_at_it || marked.len() < MARKS as usize {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Oldest first.
    async fn marked_turned_away(&self, now: Timestamp) -> Result<Vec<AttemptId>, StoreError> {
        let found = self.due_items(item::text(TURNED_AWAY), now, MARKS).await?;
        Ok(found.iter().filter_map(id_of).collect())
    }
}

fn key() -> item::Item {
    item::key("DIGEST", "DIGEST")
}

fn count(count: usize, since: Timestamp, due: Timestamp) -> Write {
    let expression = "ADD turned_away :count SET since = if_not_exists(since, :since), \
                      due_at = if_not_exists(due_at, :due), due_shard = :shard";
    Write::update(key(), expression)
        .value(":count", item::number(count))
        .value(":since", item::milliseconds(since))
        .value(":due", item::milliseconds(due))
        .value(":shard", item::due_shard("DIGEST"))
}

fn unmark(id: AttemptId) -> Write {
    Write::update(attempt_key(id), "REMOVE due_shard, due_at")
        .only_if("due_shard = :shard")
        .value(":shard", item::text(TURNED_AWAY))
}

/// Marks the item of an attempt that was turned away, to be counted by the clock.
pub(super) fn mark_turned_away(item: &mut item::Item, now: Timestamp) {
    item.insert(item::DUE_SHARD.to_owned(), item::text(TURNED_AWAY));
    item.insert(item::DUE_AT.to_owned(), item::milliseconds(now + GATHER));
}
