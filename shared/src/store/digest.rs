//! What the hourly limit turned away, told in at most one card an hour.
//!
//! The endpoint only marks what it turns away: in a storm, all of them would fight over one count. The clock gathers the marks
//! and counts them, each once, whoever crashes in between.

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use jiff::{SignedDuration, Timestamp};

use super::attempts::{attempt_key, is_condition};
use super::item;
use super::{Saved, Store, StoreError, unavailable};
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
        let Some(item) = self.item(item::key("DIGEST", "DIGEST")).await? else { return Ok(None) };
        let time = |name| item::get_number(&item, name).and_then(|ms| Timestamp::from_millisecond(ms).ok());
        Ok(Some(Digest {
            turned_away: item::get_number(&item, "turned_away")
                .and_then(|n| u64::try_from(n).ok())
                .unwrap_or(0),
            since: time("since").unwrap_or(Timestamp::UNIX_EPOCH),
            due_at: time(item::DUE_AT),
            not_before: time("not_before"),
        }))
    }

    /// Takes the digest to tell it: nobody else will before `until`. A conflict means that someone else was first.
    pub async fn take_digest(&self, digest: &Digest, until: Timestamp) -> Result<Saved, StoreError> {
        let Some(due_at) = digest.due_at else { return Ok(Saved::Conflict) };
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item::key("DIGEST", "DIGEST")))
            .update_expression("SET due_at = :until")
            .condition_expression("due_at = :seen")
            .expression_attribute_values(":until", item::milliseconds(until))
            .expression_attribute_values(":seen", item::milliseconds(due_at));
        match update.send().await {
            Ok(_) => Ok(Saved::Yes),
            Err(error) if is_condition(&error) => Ok(Saved::Conflict),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// The digest was told: the next one is an hour away. Errors that were turned away in between stay owed.
    pub async fn digest_told(&self, told: &Digest, now: Timestamp) -> Result<(), StoreError> {
        let next = now + BETWEEN;
        let update = |expression: &str| {
            self.client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(item::key("DIGEST", "DIGEST")))
                .update_expression(expression)
                .expression_attribute_values(":told", item::number(told.turned_away))
                .expression_attribute_values(":next", item::milliseconds(next))
        };
        let all_told = update("SET not_before = :next, turned_away = :zero REMOVE since, due_at, due_shard")
            .expression_attribute_values(":zero", item::number(0))
            .condition_expression("turned_away = :told")
            .send()
            .await;
        match all_told {
            Ok(_) => Ok(()),
            Err(error) if is_condition(&error) => {
                // More were turned away while the card was posted: they are told in an hour. Done once only.
                let part =
                    "SET not_before = :next, due_at = :next, since = :now, turned_away = turned_away - :told";
                let told = update(part)
                    .expression_attribute_values(":now", item::milliseconds(now))
                    .condition_expression(
                        "turned_away > :told AND (attribute_not_exists(not_before) OR not_before <> :next)",
                    )
                    .send()
                    .await;
                match told {
                    Err(error) if !is_condition(&error) => Err(unavailable(error)),
                    _ => Ok(()),
                }
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    /// The card could not be posted: not before `until` again.
    pub async fn digest_postponed(&self, until: Timestamp) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item::key("DIGEST", "DIGEST")))
            .update_expression("SET due_at = :until")
            .condition_expression("attribute_exists(due_at)")
            .expression_attribute_values(":until", item::milliseconds(until));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_condition(&error) => Ok(()),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Counts what was turned away some time ago, and makes the digest due.
    pub async fn gather_turned_away(&self, now: Timestamp) -> Result<(), StoreError> {
        for _ in 0..TRANSACTIONS {
            let marked = self.marked_turned_away(now).await?;
            let Some(first) = marked.first() else { return Ok(()) };
            let not_before = self.digest().await?.and_then(|digest| digest.not_before);
            let due = not_before.map_or(now, |time| time.max(now));
            let count = self.count_turned_away(marked.len(), first.created_at(), due);
            let marks = marked.iter().map(|id| self.unmark(*id));
            let writes =
                marks.chain([count]).map(|update| TransactWriteItem::builder().update(update).build());
            let others_are_at_it = self.transact(writes.collect()).await? == Saved::Conflict;
            if others_are_at_it || marked.len() < MARKS as usize {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Oldest first.
    async fn marked_turned_away(&self, now: Timestamp) -> Result<Vec<AttemptId>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(item::DUE_INDEX)
            .key_condition_expression("due_shard = :shard AND due_at <= :now")
            .expression_attribute_values(":shard", item::text(TURNED_AWAY))
            .expression_attribute_values(":now", item::milliseconds(now))
            .limit(MARKS);
        let found = query.send().await.map_err(unavailable)?.items.unwrap_or_default();
        let id = |item: &item::Item| {
            item::get_text(item, "pk")?.strip_prefix("ATTEMPT#").and_then(|id| AttemptId::parse(id).ok())
        };
        Ok(found.iter().filter_map(id).collect())
    }

    fn count_turned_away(&self, count: usize, since: Timestamp, due: Timestamp) -> Update {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(item::key("DIGEST", "DIGEST")))
            .update_expression(
                "ADD turned_away :count SET since = if_not_exists(since, :since), \
                 due_at = if_not_exists(due_at, :due), due_shard = :shard",
            )
            .expression_attribute_values(":count", item::number(count))
            .expression_attribute_values(":since", item::milliseconds(since))
            .expression_attribute_values(":due", item::milliseconds(due))
            .expression_attribute_values(":shard", item::due_shard("DIGEST"))
            .build()
            .expect("table, key and expression are set above")
    }

    fn unmark(&self, id: AttemptId) -> Update {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(attempt_key(id)))
            .update_expression("REMOVE due_shard, due_at")
            .condition_expression("due_shard = :shard")
            .expression_attribute_values(":shard", item::text(TURNED_AWAY))
            .build()
            .expect("table, key and expression are set above")
    }
}

/// Marks the item of an attempt that was turned away, to be counted by the clock.
pub(super) fn mark_turned_away(item: &mut item::Item, now: Timestamp) {
    item.insert(item::DUE_SHARD.to_owned(), item::text(TURNED_AWAY));
    item.insert(item::DUE_AT.to_owned(), item::milliseconds(now + GATHER));
}
