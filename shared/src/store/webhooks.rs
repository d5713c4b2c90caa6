//! Webhooks that started nothing: the last ones of each kind, for people to see; and how often an issue below the bar was
//! reported.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::item;
use super::table::Write;
use super::{Store, StoreError};
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
        let attributes = [
            ("resource", item::text(&webhook.resource)),
            ("why", item::text(&webhook.why)),
            ("size", item::number(webhook.size)),
            ("at", item::milliseconds(now)),
            ("expires_at", item::expires(now, KEEP_SECONDS)),
        ];
        self.write(Write::put(item::item(item::key(KEY, &kind[..16]), attributes))).await.map(drop)
    }

    /// The webhooks that started nothing, the newest first, at most `limit`.
    pub async fn unused_webhooks(&self, limit: usize) -> Result<Vec<UnusedWebhook>, StoreError> {
        let read = |item: &item::Item| {
            Some(UnusedWebhook {
                resource: item::get_text(item, "resource")?.to_owned(),
                why: item::get_text(item, "why")?.to_owned(),
                size: item::get_count(item, "size"),
                at: item::get_time(item, "at")?,
            })
        };
        let mut all: Vec<UnusedWebhook> = self.items_of(KEY).await?.iter().filter_map(read).collect();
        all.sort_by_key(|webhook| std::cmp::Reverse(webhook.at));
        all.truncate(limit);
        Ok(all)
    }

    /// How often an issue without an attempt was seen: as Sentry `said`, or as often as different events were reported. Below
    /// `least` the report is remembered; an event is counted once, and a report without an event counts none.
    pub async fn times_seen(
        &self,
        incident: &Incident,
        said: Option<u64>,
        least: u64,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let said = said.unwrap_or(1);
        if said >= least {
            return Ok(said);
        }
        // Read before, not returned by the write: intake may not be shown anything by what it writes.
        let known = self.item(below_key(&incident.issue_id)).await?.unwrap_or_default();
        let before = item::get_count(&known, "seen");
        let event_id = incident.event_id.as_deref();
        let is_new = event_id.is_some() && item::get_text(&known, "last_event") != event_id;
        let event = event_id.or(item::get_text(&known, "last_event")).unwrap_or("none");
        let expression = "ADD seen :new SET last_event = :event, expires_at = :expires";
        let remember = Write::update(below_key(&incident.issue_id), expression)
            .value(":new", item::number(u8::from(is_new)))
            .value(":event", item::text(event))
            .value(":expires", item::expires(now, KEEP_BELOW_SECONDS));
        let _ = self.write(remember).await?; // it has no condition
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
