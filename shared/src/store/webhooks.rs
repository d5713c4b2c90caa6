//! Webhooks that started nothing: the last ones of each kind, for people to see; and how often an issue below the bar was
//! reported.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::item;
use super::{Store, StoreError, unavailable};
use crate::incident::Incident;

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

/// One report of an issue, for counting.
#[derive(Clone, Copy, Debug)]
pub struct Sighting<'a> {
    issue: &'a str,
    event_id: Option<&'a str>,
    /// Events of the issue so far, if Sentry says it.
    times_seen: Option<u64>,
}

impl<'a> Sighting<'a> {
    pub fn of(incident: &'a Incident, times_seen: Option<u64>) -> Sighting<'a> {
        Sighting { issue: &incident.issue_id, event_id: incident.event_id.as_deref(), times_seen }
    }
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

    /// How often an issue without an attempt was seen: as Sentry says, or as often as different events were reported. Below
    /// `least` the report is remembered; an event is counted once, and a report without an event counts none.
    pub async fn times_seen(
        &self,
        sighting: &Sighting<'_>,
        least: u64,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let said = sighting.times_seen.unwrap_or(1);
        if said >= least {
            return Ok(said);
        }
        // Read before, not returned by the write: intake may not be shown anything by what it writes.
        let known = self.item(below_key(sighting.issue)).await?.unwrap_or_default();
        let before = item::get_number(&known, "seen").and_then(|seen| u64::try_from(seen).ok()).unwrap_or(0);
        let is_new = sighting.event_id.is_some() && item::get_text(&known, "last_event") != sighting.event_id;
        let event = sighting.event_id.or(item::get_text(&known, "last_event")).unwrap_or("none");
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(below_key(sighting.issue)))
            .update_expression("ADD seen :new SET last_event = :event, expires_at = :expires")
            .expression_attribute_values(":new", item::number(u8::from(is_new)))
            .expression_attribute_values(":event", item::text(event))
            .expression_attribute_values(":expires", item::expires(now, KEEP_BELOW_SECONDS));
        update.send().await.map_err(unavailable)?;
        Ok(said.max(before + u64::from(is_new)))
    }

    /// Whether an issue was reported and was below the bar then.
    pub async fn was_below_the_bar(&self, issue: &str) -> Result<bool, StoreError> {
        Ok(self.item(below_key(issue)).await?.is_some())
    }
}

fn below_key(issue: &str) -> item::Item {
    item::key(format!("ISSUE#{issue}"), "BELOW")
}
