//! Checkpoints: each finished turn of a conversation with Claude, so that a killed worker goes on
//! where it was and pays nothing twice; and the dollars that they cost, by UTC day. What the tools answered is not kept;
//! it follows from the pinned commit.

use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

use super::attempts::pk;
use super::item::{self, Item};
use super::table::{Saved, Write};
use super::{Lease, Store, StoreError, unavailable};
use crate::attempt::AttemptId;

/// Checkpoints are needed while the attempt is analysed; a week covers every retry.
const KEEP_SECONDS: i64 = 7 * 24 * 3600;
/// The dollars of a day are interesting for a month.
const KEEP_SPENDING_SECONDS: i64 = 31 * 24 * 3600;

impl Store {
    /// The finished turns of one conversation, in order.
    pub async fn turns(&self, id: AttemptId, conversation: &str) -> Result<Vec<Value>, StoreError> {
        let items = self
            .query("pk = :pk AND begins_with(sk, :prefix)")
            .consistent_read(true)
            .expression_attribute_values(":pk", item::text(pk(id)))
            .expression_attribute_values(":prefix", item::text(format!("TURN#{conversation}#")))
            .into_paginator()
            .items()
            .send();
        let items: Vec<Item> = items.try_collect().await.map_err(unavailable)?;
        items.iter().map(|item| item::from_json(item, "turn")).collect()
    }

    /// US dollars spent on the UTC day of `now`.
    pub async fn spent_today(&self, now: Timestamp) -> Result<f64, StoreError> {
        let item = self.item(item::key(day(now), "SPEND")).await?.unwrap_or_default();
        Ok(item.get("usd").and_then(|usd| usd.as_n().ok()?.parse().ok()).unwrap_or(0.0))
    }

    /// Keeps a turn of a conversation and adds its cost to the day's, both or neither. A conflict means that the
    /// lease was lost: the turn is paid for and not kept, so its cost alone is added.
    pub async fn save_turn(
        &self,
        lease: &mut Lease,
        turn: Turn<'_>,
        now: Timestamp,
    ) -> Result<Saved, StoreError> {
        let sort_key = format!("TURN#{}#{:04}", turn.conversation, turn.number);
        let attributes =
            [("turn", item::json(turn.answer)), ("expires_at", item::expires(now, KEEP_SECONDS))];
        let item = item::item(item::key(pk(lease.attempt_id()), sort_key), attributes);
        let spending = spending(turn.cost_usd, now);
        let kept = Write::put(item).only_if("attribute_not_exists(pk)");
        let saved = self.transact(vec![kept, lease.while_leased(), spending.clone()]).await?;
        if saved == Saved::Conflict {
            // A sum has no condition that could fail.
            let _ = self.transact(vec![spending]).await?;
        }
        Ok(saved)
    }
}

/// The part of a transaction that adds to the sum of the day, for the daily budget.
fn spending(usd: f64, now: Timestamp) -> Write {
    Write::update(item::key(day(now), "SPEND"), "ADD usd :usd SET expires_at = :expires")
        .value(":usd", item::number(format!("{usd:.6}")))
        .value(":expires", item::expires(now, KEEP_SPENDING_SECONDS))
}

fn day(now: Timestamp) -> String {
    format!("SPEND#{}", now.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d"))
}

/// A finished turn.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a> {
    pub conversation: &'a str,
    /// Counted from 0.
    pub number: usize,
    pub answer: &'a Value,
    /// US dollars.
    pub cost_usd: f64,
}
