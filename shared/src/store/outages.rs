//! Outages of the services outside: one item a service while attempts wait for it, written by the attempts that meet it.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::attempts::is_condition;
use super::item::{self, Item};
use super::{Saved, Store, StoreError, unavailable};
use crate::attempt::{AttemptId, CardMessage};
use crate::journal::Service;

const PK: &str = "OUTAGE";

/// A service that does not answer, and who waited for it.
#[derive(Clone, Debug)]
pub struct Outage {
    pub service: Service,
    /// The first failure.
    pub since: Timestamp,
    /// The last one, and what the service said then; outside text.
    pub last_at: Timestamp,
    pub why: String,
    /// Attempts that met it. Some may have gone on since.
    pub met_by: BTreeSet<AttemptId>,
    /// How many attempts wait, as the notice says; `None` if there is no notice yet.
    pub told: Option<u32>,
    /// Where the notice is.
    pub message: Option<CardMessage>,
}

impl Store {
    /// An attempt met an outage.
    pub async fn met_outage(
        &self,
        service: Service,
        id: AttemptId,
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item::key(PK, service.as_str())))
            .update_expression(
                "SET since = if_not_exists(since, :now), last_at = :now, why = :why ADD met_by :id",
            )
            .expression_attribute_values(":now", item::milliseconds(now))
            .expression_attribute_values(":why", item::text(why))
            .expression_attribute_values(":id", AttributeValue::Ss(vec![id.to_string()]));
        update.send().await.map(|_| ()).map_err(unavailable)
    }

    /// Outages that are not over, or that people have not been told the end of.
    pub async fn outages(&self) -> Result<Vec<Outage>, StoreError> {
        Ok(self.items_of(PK).await?.iter().filter_map(read).collect())
    }

    /// Takes the outage to tell of it: nobody else will before `until`. A conflict means that someone else is at it.
    pub async fn take_outage(
        &self,
        outage: &Outage,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Saved, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item::key(PK, outage.service.as_str())))
            .update_expression("SET taken_until = :until")
            .condition_expression(
                "since = :since AND (attribute_not_exists(taken_until) OR taken_until <= :now)",
            )
            .expression_attribute_values(":until", item::milliseconds(until))
            .expression_attribute_values(":since", item::milliseconds(outage.since))
            .expression_attribute_values(":now", item::milliseconds(now));
        match update.send().await {
            Ok(_) => Ok(Saved::Yes),
            Err(error) if is_condition(&error) => Ok(Saved::Conflict),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// The notice says that so many attempts wait.
    pub async fn outage_told(
        &self,
        outage: &Outage,
        waiting: u32,
        message: Option<&CardMessage>,
    ) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item::key(PK, outage.service.as_str())))
            .update_expression("SET told = :told, message = :message REMOVE taken_until")
            .condition_expression("since = :since")
            .expression_attribute_values(":told", item::number(waiting))
            .expression_attribute_values(":message", item::json(&message))
            .expression_attribute_values(":since", item::milliseconds(outage.since));
        match update.send().await {
            Err(error) if !is_condition(&error) => Err(unavailable(error)),
            _ => Ok(()),
        }
    }

    /// Forgets an outage that is over, unless an attempt has met it again.
    pub async fn outage_over(&self, outage: &Outage) -> Result<(), StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(item::key(PK, outage.service.as_str())))
            .condition_expression("since = :since AND last_at = :last_at")
            .expression_attribute_values(":since", item::milliseconds(outage.since))
            .expression_attribute_values(":last_at", item::milliseconds(outage.last_at));
        match delete.send().await {
            Err(error) if !is_condition(&error) => Err(unavailable(error)),
            _ => Ok(()),
        }
    }
}

fn read(item: &Item) -> Option<Outage> {
    let time = |name| Timestamp::from_millisecond(item::get_number(item, name)?).ok();
    let met_by = item.get("met_by").and_then(|value| value.as_ss().ok());
    Some(Outage {
        service: item::get_text(item, "sk")?.parse().ok()?,
        since: time("since")?,
        last_at: time("last_at")?,
        why: item::get_text(item, "why").unwrap_or_default().to_owned(),
        met_by: met_by.into_iter().flatten().filter_map(|id| AttemptId::parse(id).ok()).collect(),
        told: item::get_number(item, "told").and_then(|told| u32::try_from(told).ok()),
        message: item::from_json(item, "message").ok().flatten(),
    })
}
