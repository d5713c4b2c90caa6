//! Outages of the services outside: one item a service while attempts wait for it, written by the attempts that meet it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::item::{self, Item};
use super::table::{Saved, Write};
use super::{Store, StoreError};
use crate::attempt::{AttemptId, CardMessage};
use crate::service::Service;

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
        let expression = "SET since = if_not_exists(since, :now), last_at = :now, why = :why ADD met_by :id";
        let met = Write::update(key(service), expression)
            .value(":now", item::milliseconds(now))
            .value(":why", item::text(why))
            .value(":id", item::ids(id));
        self.write(met).await.map(drop)
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
        let free = "since = :since AND (attribute_not_exists(taken_until) OR taken_until <= :now)";
        let take = outage.unless_over(Write::update(key(outage.service), "SET taken_until = :until"), free);
        let take = take.value(":until", item::milliseconds(until)).value(":now", item::milliseconds(now));
        self.write(take).await
    }

    /// The notice says that so many attempts wait.
    pub async fn outage_told(
        &self,
        outage: &Outage,
        waiting: u32,
        message: Option<&CardMessage>,
    ) -> Result<(), StoreError> {
        let expression = "SET told = :told, message = :message REMOVE taken_until";
        let told = outage.unless_over(Write::update(key(outage.service), expression), "since = :since");
        let told = told.value(":told", item::number(waiting)).value(":message", item::json(&message));
        self.write(told).await.map(drop)
    }

    /// Forgets an outage that is over, unless an attempt has met it again.
    pub async fn outage_over(&self, outage: &Outage) -> Result<(), StoreError> {
        let met_by_nobody = "since = :since AND last_at = :last_at";
        let delete = outage.unless_over(Write::delete(key(outage.service)), met_by_nobody);
        self.write(delete.value(":last_at", item::milliseconds(outage.last_at))).await.map(drop)
    }
}

impl Outage {
    /// A write that is about this outage only, and not about one that came later.
    fn unless_over(&self, write: Write, condition: &str) -> Write {
        write.only_if(condition).value(":since", item::milliseconds(self.since))
    }
}

fn key(service: Service) -> Item {
    item::key(PK, service.as_str())
}

fn read(item: &Item) -> Option<Outage> {
    Some(Outage {
        service: item::get_text(item, "sk")?.parse().ok()?,
        since: item::get_time(item, "since")?,
        last_at: item::get_time(item, "last_at")?,
        why: item::get_text(item, "why").unwrap_or_default().to_owned(),
        met_by: item::get_ids(item, "met_by"),
        told: item::get_number(item, "told").and_then(|told| u32::try_from(told).ok()),
        message: item::from_json(item, "message").ok().flatten(),
    })
}
