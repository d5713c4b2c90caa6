//! Table items: names of attributes, and reading and writing their values.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use crate::attempt::AttemptId;

pub(super) type Item = HashMap<String, AttributeValue>;

/// Marks an item that the stream should wake the worker for.
pub(super) const WORK: &str = "work";
pub(super) const READY: &str = "ready";
/// Counts the leases that an attempt has had; never falls.
pub(super) const LEASES: &str = "leases";
pub(super) const DUE_SHARD: &str = "due_shard";
pub(super) const DUE_AT: &str = "due_at";
pub(super) const DUE_INDEX: &str = "due";
pub(super) const LISTING_INDEX: &str = "listing";
/// Partitions of the index `due`, so that a storm does not write to one of them alone.
pub(super) const DUE_SHARDS: u8 = 4;

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn key(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}

/// An item of these attributes.
pub(super) fn item<const N: usize>(key: Item, attributes: [(&str, AttributeValue); N]) -> Item {
    let mut item = key;
    item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
    item
}

pub(super) fn get_text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

pub(super) fn get_number(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// A value as JSON text in one attribute: the table never looks into it.
pub(super) fn json(value: &impl Serialize) -> AttributeValue {
    text(serde_json::to_string(value).expect("our own types have text keys and no failing serializers"))
}

pub(super) fn from_json<T: DeserializeOwned>(item: &Item, name: &str) -> Result<T, StoreError> {
    let damaged = |why: String| StoreError::Damaged {
        key: format!("{}/{}", get_text(item, "pk").unwrap_or("?"), get_text(item, "sk").unwrap_or("?")),
        why,
    };
    let text = get_text(item, name).ok_or_else(|| damaged(format!("`{name}` is missing")))?;
    serde_json::from_str(text).map_err(|error| damaged(error.to_string()))
}

/// A count; 0 where it is missing.
pub(super) fn get_count(item: &Item, name: &str) -> u64 {
    get_number(item, name).and_then(|count| u64::try_from(count).ok()).unwrap_or(0)
}

pub(super) fn get_time(item: &Item, name: &str) -> Option<Timestamp> {
    Timestamp::from_millisecond(get_number(item, name)?).ok()
}

pub(super) fn get_id(item: &Item, name: &str) -> Option<AttemptId> {
    AttemptId::parse(get_text(item, name)?).ok()
}

/// A set of attempts; empty where it is missing.
pub(super) fn get_ids(item: &Item, name: &str) -> BTreeSet<AttemptId> {
    let ids = item.get(name).and_then(|value| value.as_ss().ok()).into_iter().flatten();
    ids.filter_map(|id| AttemptId::parse(id).ok()).collect()
}

/// A set of one attempt, to be added to another one or taken from it.
pub(super) fn ids(id: AttemptId) -> AttributeValue {
    AttributeValue::Ss(vec![id.to_string()])
}

pub(super) fn milliseconds(time: Timestamp) -> AttributeValue {
    number(time.as_millisecond())
}

pub(super) fn expires(now: Timestamp, seconds: i64) -> AttributeValue {
    number(now.as_second() + seconds)
}

/// Which partition of the index `due` an item belongs to, from its key's last byte.
pub(super) fn due_shard(pk: &str) -> AttributeValue {
    let last = pk.as_bytes().last().copied().unwrap_or_default();
    due_shard_name(last % DUE_SHARDS)
}

pub(super) fn due_shard_name(shard: u8) -> AttributeValue {
    text(format!("due#{shard}"))
}
