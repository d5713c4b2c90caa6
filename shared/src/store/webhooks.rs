//! Webhooks that started nothing: the last ones of each kind, for people to see; and how often an issue below the bar was
//! reported.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::attempts::is_condition;
use super::item;
use super::{Store, StoreError, unavailable};
use crate::attempt::AttemptId;

const KEY: &str = "WEBHOOKS";
/// How long a webhook that started nothing is remembered.
const KEEP_SECONDS: i64 = 7 * 24 * 3600;
/// How long an issue below the bar is remembered: Sentry's own issues are quiet for good by then.
const KEEP_BELOW_SECONDS: i64 = 14 * 24 * 3600;
/// One process remembers at most one each second: a flood of webhooks must not become a flood of writes.
const PAUSE: SignedDuration = SignedDuration::from_secs(1);

/// A webhook that was proven to be Sentry's and started nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusedWebhook {
    /// The resource of Sentry, such as `issue`; from outside.
    pub resource: String,
    /// Why, as Sentry was told.
    pub why: String,
    /// Bytes of its body.
    pub size: u64,
    pub at: Timestamp,
}

/// When this process last remembered one.
#[derive(Debug, Default)]
pub(super) struct Remembered(Mutex<Option<Timestamp>>);

impl Remembered {
    fn may_now(&self, now: Timestamp) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let may = last.is_none_or(|last| now < last || now.duration_since(last) >= PAUSE);
        if may {
            *last = Some(now);
        }
        may
    }
}

impl Store {
    /// Remembers a webhook that started nothing, the newest of each kind; not each one of a flood.
    pub async fn remember_unused(&self, webhook: &UnusedWebhook) -> Result<(), StoreError> {
        let now = webhook.at;
        if !self.remembered.may_now(now) {
            return Ok(());
        }
        let kind = hex::encode(Sha256::digest(format!("{}\n{}", webhook.resource, webhook.why)));
        let mut item = item::key(KEY, &kind[..16]);
        item.insert("resource".to_owned(), item::text(&webhook.resource));
        item.insert("why".to_owned(), item::text(&webhook.why));
        item.insert("size".to_owned(), item::number(webhook.size));
        item.insert("at".to_owned(), item::milliseconds(now));
        item.insert("expires_at".to_owned(), item::expires(now, KEEP_SECONDS));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map(|_| ()).map_err(unavailable)
    }

    /// The webhooks that started nothing, the newest first, at most `limit`.
    pub async fn unused_webhooks(&self, limit: usize) -> Result<Vec<UnusedWebhook>, StoreError> {
        let read = |item: &item::Item| {
            Some(UnusedWebhook {
                resource: item::get_text(item, "resource")?.to_owned(),
                why: item::get_text(item, "why")?.to_owned(),
                size: u64::try_from(item::get_number(item, "size")?).ok()?,
                at: Timestamp::from_millisecond(item::get_number(item, "at")?).ok()?,
            })
        };
        let mut all: Vec<UnusedWebhook> = self.items_of(KEY).await?.iter().filter_map(read).collect();
        all.sort_by_key(|webhook| std::cmp::Reverse(webhook.at));
        all.truncate(limit);
        Ok(all)
    }

    /// Counts a report of an issue that has no attempt yet. Says how often the issue was seen: as often as reports came, or
    /// as often as Sentry says. The event counted last is not counted again.
    pub async fn count_below_the_bar(
        &self,
        issue: &str,
        event_id: Option<&str>,
        times_seen: Option<u64>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        // Read before, not returned by the write: the door may be shown nothing by what it writes.
        let known = self.item(below_key(issue)).await?.unwrap_or_default();
        let before = item::get_number(&known, "seen").and_then(|seen| u64::try_from(seen).ok()).unwrap_or(0);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(below_key(issue)))
            .update_expression("ADD seen :one SET last_event = :event, expires_at = :expires")
            .condition_expression("attribute_not_exists(pk) OR last_event <> :event")
            .expression_attribute_values(":one", item::number(1))
            .expression_attribute_values(":event", item::text(event_id.unwrap_or("none")))
            .expression_attribute_values(":expires", item::expires(now, KEEP_BELOW_SECONDS));
        let counted = match update.send().await {
            Ok(_) => before + 1,
            Err(error) if is_condition(&error) => before,
            Err(error) => return Err(unavailable(error)),
        };
        Ok(counted.max(times_seen.unwrap_or(0)))
    }

    /// Whether an issue was reported and was below the bar then.
    pub async fn was_below_the_bar(&self, issue: &str) -> Result<bool, StoreError> {
        Ok(self.item(below_key(issue)).await?.is_some())
    }

    /// The attempt that has an issue at this moment.
    pub async fn live_attempt(&self, issue: &str) -> Result<Option<AttemptId>, StoreError> {
        let claim = self.claim(issue).await?;
        Ok(claim.filter(|claim| claim.holder == super::claim::Holder::Live).and_then(|claim| claim.attempt))
    }
}

fn below_key(issue: &str) -> item::Item {
    item::key(format!("ISSUE#{issue}"), "BELOW")
}
