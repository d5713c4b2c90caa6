//! Dollars spent on Claude, by UTC day, for the daily budget.

use aws_sdk_dynamodb::types::Update;
use jiff::{Timestamp, tz::TimeZone};

use super::item;
use super::{Store, StoreError};

/// A day's sum is interesting for a month.
const KEEP_SECONDS: i64 = 31 * 24 * 3600;

impl Store {
    /// US dollars spent on the UTC day of `now`.
    pub async fn spent_today(&self, now: Timestamp) -> Result<f64, StoreError> {
        let item = self.item(item::key(day(now), "SPEND")).await?.unwrap_or_default();
        Ok(item.get("usd").and_then(|usd| usd.as_n().ok()?.parse().ok()).unwrap_or(0.0))
    }

    /// The part of a transaction that adds to the sum of the day.
    pub(super) fn spending(&self, usd: f64, now: Timestamp) -> Update {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(item::key(day(now), "SPEND")))
            .update_expression("ADD usd :usd SET expires_at = :expires")
            .expression_attribute_values(":usd", item::number(format!("{usd:.6}")))
            .expression_attribute_values(":expires", item::expires(now, KEEP_SECONDS))
            .build()
            .expect("table, key and expression are set above")
    }
}

fn day(now: Timestamp) -> String {
    format!("SPEND#{}", now.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d"))
}
