//! Reading and writing items: here alone the table is asked.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem, Update};
use jiff::Timestamp;

use super::item::{self, Item};
use super::{Store, StoreError, unavailable};

/// How often a transaction that was in another one's way is sent again, and the longest pause between, milliseconds.
const TRANSACTION_ROUNDS: u32 = 8;
const TRANSACTION_PAUSE_MS: u64 = 40;

/// What became of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Saved {
    Yes,
    /// Someone else wrote in between: read again and decide again.
    Conflict,
}

/// A write of one item, alone or as a part of a transaction.
#[derive(Clone, Debug)]
pub(super) struct Write {
    kind: Kind,
    /// The whole item of a put, else its key.
    item: Item,
    condition: Option<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

/// A builder of AWS with a write's condition, and with what its names and values stand for.
macro_rules! with_expressions {
    ($builder:expr, $write:ident) => {
        $builder
            .set_condition_expression($write.condition)
            .set_expression_attribute_names(some($write.names))
            .set_expression_attribute_values(some($write.values))
    };
}

#[derive(Clone, Debug)]
enum Kind {
    Put,
    Update(String),
    Delete,
    /// Nothing is written; the condition has to hold.
    Check,
}

impl Write {
    fn new(kind: Kind, item: Item) -> Write {
        Write { kind, item, condition: None, names: HashMap::new(), values: HashMap::new() }
    }

    pub(super) fn put(item: Item) -> Write {
        Write::new(Kind::Put, item)
    }

    pub(super) fn update(key: Item, expression: impl Into<String>) -> Write {
        Write::new(Kind::Update(expression.into()), key)
    }

    pub(super) fn delete(key: Item) -> Write {
        Write::new(Kind::Delete, key)
    }

    pub(super) fn check(key: Item) -> Write {
        Write::new(Kind::Check, key)
    }

    pub(super) fn only_if(self, condition: impl Into<String>) -> Write {
        Write { condition: Some(condition.into()), ..self }
    }

    /// What a `:name` in the expressions stands for.
    pub(super) fn value(mut self, name: &str, value: AttributeValue) -> Write {
        self.values.insert(name.to_owned(), value);
        self
    }

    /// What a `#name` in the expressions stands for: DynamoDB reserves many words.
    pub(super) fn name(mut self, name: &str, attribute: &str) -> Write {
        self.names.insert(name.to_owned(), attribute.to_owned());
        self
    }

    fn in_transaction(self, table: &str) -> TransactWriteItem {
        let built = "table, item and expression are set above";
        let transaction = TransactWriteItem::builder();
        match self.kind {
            Kind::Put => {
                let put = Put::builder().table_name(table).set_item(Some(self.item));
                transaction.put(with_expressions!(put, self).build().expect(built))
            }
            Kind::Update(expression) => {
                let update = Update::builder().table_name(table).set_key(Some(self.item));
                let update = with_expressions!(update.update_expression(expression), self);
                transaction.update(update.build().expect(built))
            }
            Kind::Delete => {
                let delete = Delete::builder().table_name(table).set_key(Some(self.item));
                transaction.delete(with_expressions!(delete, self).build().expect(built))
            }
            Kind::Check => {
                let check = ConditionCheck::builder().table_name(table).set_key(Some(self.item));
                transaction.condition_check(with_expressions!(check, self).build().expect(built))
            }
        }
        .build()
    }
}

/// DynamoDB does not take empty maps.
fn some<V>(map: HashMap<String, V>) -> Option<HashMap<String, V>> {
    Some(map).filter(|map| !map.is_empty())
}

/// Why a single write was not made.
pub(super) enum Unwritten {
    /// Its condition does not hold.
    Condition,
    /// A transaction was in the way for long, or the partition takes no more.
    Contended(StoreError),
    Failed(StoreError),
}

pub(super) fn unwritten<E, R>(error: SdkError<E, R>) -> Unwritten
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    match error.as_service_error().and_then(ProvideErrorMetadata::code) {
        Some("ConditionalCheckFailedException") => Unwritten::Condition,
        Some(
            "TransactionConflictException" | "ProvisionedThroughputExceededException" | "ThrottlingException",
        ) => Unwritten::Contended(unavailable(error)),
        _ => Unwritten::Failed(unavailable(error)),
    }
}

impl Store {
    pub(super) async fn item(&self, key: Item) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key)).consistent_read(true);
        Ok(get.send().await.map_err(unavailable)?.item)
    }

    pub(super) fn query(&self, condition: impl Into<String>) -> QueryFluentBuilder {
        self.client.query().table_name(&self.table).key_condition_expression(condition)
    }

    /// All items of a partition that has few and small ones: one answer, at most a megabyte.
    pub(super) async fn items_of(&self, pk: &str) -> Result<Vec<Item>, StoreError> {
        let query = self.query("pk = :pk").expression_attribute_values(":pk", item::text(pk));
        Ok(query.consistent_read(true).send().await.map_err(unavailable)?.items.unwrap_or_default())
    }

    /// Items of one partition of the index `due` whose time has come, oldest first.
    pub(super) async fn due_items(
        &self,
        shard: AttributeValue,
        now: Timestamp,
        limit: i32,
    ) -> Result<Vec<Item>, StoreError> {
        let query = self
            .query("due_shard = :shard AND due_at <= :now")
            .index_name(item::DUE_INDEX)
            .expression_attribute_values(":shard", shard)
            .expression_attribute_values(":now", item::milliseconds(now))
            .limit(limit);
        Ok(query.send().await.map_err(unavailable)?.items.unwrap_or_default())
    }

    pub(super) async fn write(&self, write: Write) -> Result<Saved, StoreError> {
        match self.send(write).await {
            Ok(()) => Ok(Saved::Yes),
            Err(Unwritten::Condition) => Ok(Saved::Conflict),
            Err(Unwritten::Contended(error) | Unwritten::Failed(error)) => Err(error),
        }
    }

    /// Makes one write that is no harm if it is left out, because its condition does not hold or too much else is written.
    pub(super) async fn write_or_leave_out(&self, write: Write) -> Result<(), StoreError> {
        match self.send(write).await {
            Ok(()) | Err(Unwritten::Condition | Unwritten::Contended(_)) => Ok(()),
            Err(Unwritten::Failed(error)) => Err(error),
        }
    }

    async fn send(&self, write: Write) -> Result<(), Unwritten> {
        match write.kind {
            Kind::Put => {
                let put = self.client.put_item().table_name(&self.table).set_item(Some(write.item));
                with_expressions!(put, write).send().await.map(drop).map_err(unwritten)
            }
            Kind::Update(expression) => {
                let update = self.client.update_item().table_name(&self.table).set_key(Some(write.item));
                let update = with_expressions!(update.update_expression(expression), write);
                update.send().await.map(drop).map_err(unwritten)
            }
            Kind::Delete => {
                let delete = self.client.delete_item().table_name(&self.table).set_key(Some(write.item));
                with_expressions!(delete, write).send().await.map(drop).map_err(unwritten)
            }
            Kind::Check => unreachable!("a condition is checked in a transaction only"),
        }
    }

    /// All of the writes or none. A condition that does not hold is a conflict; being in the way of another
    /// transaction is not, and is tried again for a moment.
    pub(super) async fn transact(&self, writes: Vec<Write>) -> Result<Saved, StoreError> {
        let writes: Vec<_> = writes.into_iter().map(|write| write.in_transaction(&self.table)).collect();
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
}
