//! Reading and writing attempts. Every write names the version it was made from; a write that lost
//! a race changes nothing and says so.

use std::time::Duration;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use jiff::Timestamp;

use super::held::Held;
use super::item::{self, Item};
use super::{KEEP_SECONDS, Store, StoreError, unavailable};
use crate::attempt::{Attempt, AttemptId};
use crate::incident::Incident;

/// How often a transaction that was in another one's way is sent again, and the longest pause between, milliseconds.
const TRANSACTION_ROUNDS: u32 = 8;
const TRANSACTION_PAUSE_MS: u64 = 40;

/// Attribute of an incident's item that has no stack trace.
pub(super) const BARE: &str = "bare";

/// An attempt as it was read, with the version that a write has to name.
#[derive(Clone, Debug)]
pub struct Versioned {
    pub attempt: Attempt,
    pub(super) version: i64,
}

/// What became of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Saved {
    Yes,
    /// Someone else wrote in between: read again and decide again.
    Conflict,
}

impl Store {
    /// The attempt of this id; `None` where there is none.
    pub async fn attempt(&self, id: AttemptId) -> Result<Option<Versioned>, StoreError> {
        let item = self.item(attempt_key(id)).await?;
        item.as_ref().map(read).transpose()
    }

    /// What Sentry reported; `None` where the attempt was turned away or its item has expired.
    pub async fn incident(&self, id: AttemptId) -> Result<Option<Incident>, StoreError> {
        let item = self.item(item::key(pk(id), "INCIDENT")).await?;
        item.map(|item| item::from_json(&item, "incident")).transpose()
    }

    /// Replaces the incident by a fuller one, fetched from Sentry.
    pub async fn save_incident(
        &self,
        id: AttemptId,
        incident: &Incident,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let put = self.client.put_item().table_name(&self.table);
        put.set_item(Some(incident_item(id, incident, now))).send().await.map_err(unavailable)?;
        Ok(())
    }

    /// Writes what a person decided and wakes the worker. A lease that someone holds stays theirs; their
    /// next write will lose against this one, and they will read it.
    pub async fn save_decision(
        &self,
        before: &Versioned,
        after: &Attempt,
        now: Timestamp,
    ) -> Result<Saved, StoreError> {
        let held = Held::by(&before.attempt);
        let update = self.decision_update(before, after, now);
        let mut writes = vec![TransactWriteItem::builder().update(update).build()];
        writes.extend(self.give_back(held, after, now));
        let saved = self.transact(writes).await?;
        if saved == Saved::Yes && held.gives_place_back(Held::by(after)) {
            self.wake_next(&after.target.repo, now).await;
        }
        Ok(saved)
    }

    /// A change from outside of the lease, which wakes the worker.
    pub(super) fn decision_update(&self, before: &Versioned, after: &Attempt, now: Timestamp) -> Update {
        let pk = pk(before.attempt.id);
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(attempt_key(before.attempt.id)))
            .update_expression(
                "SET attempt = :attempt, #status = :status, version = :next, #work = :ready, \
                 due_shard = :shard, due_at = :now",
            )
            .condition_expression("version = :version")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#work", item::WORK)
            .expression_attribute_values(":attempt", item::json(after))
            .expression_attribute_values(":status", item::text(after.status().as_str()))
            .expression_attribute_values(":next", item::number(before.version + 1))
            .expression_attribute_values(":version", item::number(before.version))
            .expression_attribute_values(":ready", item::text(item::READY))
            .expression_attribute_values(":shard", item::due_shard(&pk))
            .expression_attribute_values(":now", item::milliseconds(now))
            .build()
            .expect("table, key and expression are set above")
    }

    /// All of the writes or none. A condition that does not hold is a conflict; being in the way of another
    /// transaction is not, and is tried again for a moment.
    pub(super) async fn transact(&self, writes: Vec<TransactWriteItem>) -> Result<Saved, StoreError> {
        for _ in 0..TRANSACTION_ROUNDS {
            if let Some(saved) = self.transact_once(writes.clone()).await? {
                return Ok(saved);
            }
            tokio::time::sleep(Duration::from_millis(fastrand::u64(5..=TRANSACTION_PAUSE_MS))).await;
        }
        let why = format!("{TRANSACTION_ROUNDS} transactions were in each other's way");
        Err(StoreError::Unavailable(why))
    }

    /// As [`Store::transact`]; `None` where another transaction was in the way.
    async fn transact_once(&self, writes: Vec<TransactWriteItem>) -> Result<Option<Saved>, StoreError> {
        let error = match self.client.transact_write_items().set_transact_items(Some(writes)).send().await {
            Ok(_) => return Ok(Some(Saved::Yes)),
            Err(error) => error,
        };
        let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error()
        else {
            return Err(unavailable(error));
        };
        let codes: Vec<&str> =
            canceled.cancellation_reasons().iter().filter_map(|reason| reason.code()).collect();
        if codes.contains(&"ConditionalCheckFailed") {
            return Ok(Some(Saved::Conflict));
        }
        let is_busy = codes.iter().any(|code| {
            matches!(*code, "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
        });
        if is_busy { Ok(None) } else { Err(unavailable(error)) }
    }

    pub(super) async fn item(&self, key: Item) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key)).consistent_read(true);
        Ok(get.send().await.map_err(unavailable)?.item)
    }

    /// All items of a partition that has few and small ones: one answer, at most a megabyte.
    pub(super) async fn items_of(&self, pk: &str) -> Result<Vec<Item>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", item::text(pk));
        Ok(query.send().await.map_err(unavailable)?.items.unwrap_or_default())
    }

    pub(super) fn put(&self, item: Item) -> aws_sdk_dynamodb::types::builders::PutBuilder {
        Put::builder().table_name(&self.table).set_item(Some(item))
    }
}

pub(super) fn pk(id: AttemptId) -> String {
    format!("ATTEMPT#{id}")
}

pub(super) fn attempt_key(id: AttemptId) -> Item {
    item::key(pk(id), "ATTEMPT")
}

/// The item of an attempt, without lease, due time and mark.
pub(super) fn attempt_item(attempt: &Attempt, version: i64, now: Timestamp) -> Item {
    let mut item = attempt_key(attempt.id);
    item.extend([
        ("attempt".to_owned(), item::json(attempt)),
        ("status".to_owned(), item::text(attempt.status().as_str())),
        ("project".to_owned(), item::text(&attempt.subject.project)),
        ("search".to_owned(), item::text(super::listing::search_text(attempt))),
        ("version".to_owned(), item::number(version)),
        ("list_bucket".to_owned(), super::listing::bucket(attempt.created_at)),
        ("list_key".to_owned(), item::text(attempt.id.to_string())),
        ("expires_at".to_owned(), item::expires(now, KEEP_SECONDS)),
    ]);
    if attempt.subject.project.is_empty() {
        item.remove("project");
    }
    item
}

pub(super) fn incident_item(id: AttemptId, incident: &Incident, now: Timestamp) -> Item {
    let mut item = item::key(pk(id), "INCIDENT");
    item.insert("incident".to_owned(), item::json(incident));
    if !incident.has_stack_trace() {
        item.insert(BARE.to_owned(), item::number(1));
    }
    item.insert("expires_at".to_owned(), item::expires(now, KEEP_SECONDS));
    item
}

pub(super) fn read(item: &Item) -> Result<Versioned, StoreError> {
    let attempt = item::from_json(item, "attempt")?;
    Ok(Versioned { attempt, version: item::get_number(item, "version").unwrap_or(0) })
}

pub(super) fn mark_ready(item: &mut Item, due: Timestamp) {
    let pk = item::get_text(item, "pk").unwrap_or_default().to_owned();
    item.insert(item::WORK.to_owned(), item::text(item::READY));
    set_due(item, &pk, due);
}

pub(super) fn set_due(item: &mut Item, pk: &str, due: Timestamp) {
    item.insert(item::DUE_SHARD.to_owned(), item::due_shard(pk));
    item.insert(item::DUE_AT.to_owned(), item::milliseconds(due));
}

/// Whether a single write was refused by its own condition.
pub(super) fn is_condition<E, R>(error: &aws_sdk_dynamodb::error::SdkError<E, R>) -> bool
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata,
{
    error.as_service_error().and_then(|e| e.code()) == Some("ConditionalCheckFailedException")
}

/// Whether a single write was in the way of a transaction that is under way.
pub(super) fn is_busy<E, R>(error: &aws_sdk_dynamodb::error::SdkError<E, R>) -> bool
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata,
{
    error.as_service_error().and_then(|e| e.code()) == Some("TransactionConflictException")
}

/// Whether a single write was more than its partition takes.
pub(super) fn is_throttled<E, R>(error: &aws_sdk_dynamodb::error::SdkError<E, R>) -> bool
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata,
{
    let code = error.as_service_error().and_then(|e| e.code());
    matches!(code, Some("ProvisionedThroughputExceededException" | "ThrottlingException"))
}

pub(super) fn attribute_names(pairs: &[(&str, &str)]) -> std::collections::HashMap<String, String> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

pub(super) fn attribute_values(
    pairs: Vec<(&str, AttributeValue)>,
) -> std::collections::HashMap<String, AttributeValue> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
