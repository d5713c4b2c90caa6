//! The lease: the right to work on one attempt, taken by a conditional write and proven by a value.
//!
//! A redelivery comes with the same owner's name and takes over its own lease at once; anyone else
//! waits until it has run out. Each taking has a number of its own, which every later write names: a
//! worker whose lease was taken over, be it by a second delivery of the very same wake-up, cannot write
//! any more. While a lease runs, the attempt is due at its end, so a worker that dies leaves an attempt
//! that the clock will find.

use aws_sdk_dynamodb::types::{ConditionCheck, TransactWriteItem, Update};
use jiff::{SignedDuration, Timestamp};

use super::attempts::{self, Saved, attempt_item, attempt_key, attribute_names, pk, set_due};
use super::held::Held;
use super::item;
use super::{Store, StoreError, marks, unavailable};
use crate::attempt::{Attempt, AttemptId};
use crate::journal::Service;

/// Who asks for a lease, and until when.
#[derive(Clone, Debug)]
pub struct Leasing<'a> {
    /// The same for every delivery of the same wake-up.
    pub owner: &'a str,
    pub now: Timestamp,
    pub until: Timestamp,
}

/// Proof that the holder may work on an attempt.
#[derive(Debug)]
pub struct Lease {
    id: AttemptId,
    owner: String,
    until: Timestamp,
    /// How many leases the attempt has had, this one included: no two have the same.
    number: i64,
    version: i64,
    tries: i64,
    /// What the attempt held when it was last read or written.
    held: Held,
}

/// An attempt's item on its way into the table, and what is written only together with it.
struct Saving<'a> {
    attempt: &'a Attempt,
    item: item::Item,
    others: Vec<TransactWriteItem>,
}

/// What became of asking for a lease.
#[derive(Debug)]
pub enum Leased {
    Taken(Lease, Box<Attempt>),
    /// Someone else works on it.
    Busy,
    Missing,
}

impl Lease {
    pub fn attempt_id(&self) -> AttemptId {
        self.id
    }

    /// How often the lease was taken since it was last given back, or since the work went on: more than once means
    /// that a worker died.
    pub fn tries(&self) -> i64 {
        self.tries
    }

    /// The work goes on: workers that died before that do not count any more. Kept with the next save.
    pub fn work_goes_on(&mut self) {
        self.tries = 1;
    }
}

impl Store {
    /// Takes the lease, unless someone else holds it.
    pub async fn lease(&self, id: AttemptId, leasing: Leasing<'_>) -> Result<Leased, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(attempt_key(id)))
            .update_expression(
                "SET lease_owner = :owner, lease_until = :until, due_shard = :shard, due_at = :until \
                 REMOVE #work ADD tries :one, leases :one",
            )
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(lease_until) OR lease_until <= :now OR lease_owner = :owner)",
            )
            .expression_attribute_names("#work", item::WORK)
            .expression_attribute_values(":one", item::number(1))
            .expression_attribute_values(":owner", item::text(leasing.owner))
            .expression_attribute_values(":until", item::milliseconds(leasing.until))
            .expression_attribute_values(":now", item::milliseconds(leasing.now))
            .expression_attribute_values(":shard", item::due_shard(&pk(id)))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew);
        match update.send().await {
            Ok(answer) => {
                let item = answer.attributes.unwrap_or_default();
                let read = attempts::read(&item)?;
                let lease = Lease {
                    id,
                    owner: leasing.owner.to_owned(),
                    until: leasing.until,
                    number: item::get_number(&item, item::LEASES).unwrap_or(1),
                    version: read.version,
                    tries: item::get_number(&item, "tries").unwrap_or(1),
                    held: Held::by(&read.attempt),
                };
                Ok(Leased::Taken(lease, Box::new(marks::applied(read.attempt, &item))))
            }
            Err(error) if attempts::is_condition(&error) => match self.attempt(id).await? {
                Some(_) => Ok(Leased::Busy),
                None => Ok(Leased::Missing),
            },
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Saves the attempt and keeps the lease.
    pub async fn save(
        &self,
        lease: &mut Lease,
        attempt: &Attempt,
        now: Timestamp,
    ) -> Result<Saved, StoreError> {
        self.save_with(lease, attempt, Vec::new(), now).await
    }

    /// Saves the attempt together with other writes, all or none, and keeps the lease.
    pub(super) async fn save_with(
        &self,
        lease: &mut Lease,
        attempt: &Attempt,
        others: Vec<TransactWriteItem>,
        now: Timestamp,
    ) -> Result<Saved, StoreError> {
        let mut item = attempt_item(attempt, lease.version + 1, now);
        item.insert("lease_owner".to_owned(), item::text(&lease.owner));
        item.insert("lease_until".to_owned(), item::milliseconds(lease.until));
        item.insert("tries".to_owned(), item::number(lease.tries));
        set_due(&mut item, &pk(lease.id), lease.until);
        let saved = self.write_held(lease, Saving { attempt, item, others }, now).await?;
        if saved == Saved::Yes {
            lease.version += 1;
            lease.held = Held::by(attempt);
        }
        Ok(saved)
    }

    /// Saves the attempt and gives the lease back; `due` is when the clock should look again.
    pub async fn release(
        &self,
        lease: &Lease,
        attempt: &Attempt,
        due: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Saved, StoreError> {
        let mut item = attempt_item(attempt, lease.version + 1, now);
        if let Some(due) = due {
            set_due(&mut item, &pk(lease.id), due);
        }
        self.write_held(lease, Saving { attempt, item, others: Vec::new() }, now).await
    }

    /// Reads the attempt again after a lost write; `None` where the lease itself was lost.
    pub async fn reload(&self, lease: &mut Lease) -> Result<Option<Attempt>, StoreError> {
        let Some(item) = self.item(attempt_key(lease.id)).await? else { return Ok(None) };
        let holder = (item::get_text(&item, "lease_owner"), item::get_number(&item, item::LEASES));
        if holder != (Some(&lease.owner), Some(lease.number)) {
            return Ok(None);
        }
        let read = attempts::read(&item)?;
        lease.version = read.version;
        lease.held = Held::by(&read.attempt);
        Ok(Some(marks::applied(read.attempt, &item)))
    }

    /// Writes the attempt's item, and what it gives back with it.
    async fn write_held(
        &self,
        lease: &Lease,
        saving: Saving<'_>,
        now: Timestamp,
    ) -> Result<Saved, StoreError> {
        let Saving { attempt, mut item, others } = saving;
        item.insert(item::LEASES.to_owned(), item::number(lease.number));
        let mut writes = vec![self.put_leased(lease, item)];
        writes.extend(others);
        writes.extend(self.give_back(lease.held, attempt, now));
        let saved = self.transact(writes).await?;
        if saved == Saved::Yes && lease.held.gives_place_back(Held::by(attempt)) {
            self.wake_next(&attempt.target.repo, now).await;
        }
        Ok(saved)
    }

    fn put_leased(&self, lease: &Lease, item: item::Item) -> TransactWriteItem {
        let put = self
            .put(item)
            .condition_expression("version = :version AND lease_owner = :owner AND leases = :number")
            .expression_attribute_values(":version", item::number(lease.version))
            .expression_attribute_values(":owner", item::text(&lease.owner))
            .expression_attribute_values(":number", item::number(lease.number))
            .build()
            .expect("table and item are set by `Store::put`");
        TransactWriteItem::builder().put(put).build()
    }

    /// The part of a transaction that lets it happen only if the attempt is as the lease's holder knows it.
    pub(super) fn still_leased(&self, lease: &Lease) -> TransactWriteItem {
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(attempt_key(lease.id)))
            .condition_expression("version = :version AND lease_owner = :owner AND leases = :number")
            .expression_attribute_values(":version", item::number(lease.version))
            .expression_attribute_values(":owner", item::text(&lease.owner))
            .expression_attribute_values(":number", item::number(lease.number))
            .build()
            .expect("table, key and condition are set above");
        TransactWriteItem::builder().condition_check(check).build()
    }

    /// The part of a transaction that holds only while the lease does; it also keeps that the work goes on.
    pub(super) fn while_leased(&self, lease: &mut Lease) -> Update {
        lease.work_goes_on();
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(attempt_key(lease.id)))
            .update_expression("SET tries = :tries")
            .condition_expression("lease_owner = :owner AND leases = :number")
            .expression_attribute_values(":tries", item::number(lease.tries))
            .expression_attribute_values(":owner", item::text(&lease.owner))
            .expression_attribute_values(":number", item::number(lease.number))
            .build()
            .expect("table, key and expression are set above")
    }

    /// Makes every leased attempt due now and free to take. Only for a table that one process alone uses.
    pub async fn break_leases(&self, now: Timestamp) -> Result<(), StoreError> {
        let far = now.checked_add(SignedDuration::from_hours(24)).unwrap_or(now);
        for id in self.due(far, 1_000).await?.attempts {
            let update = self
                .client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(attempt_key(id)))
                .update_expression("SET due_at = :now REMOVE lease_owner, lease_until")
                .condition_expression("attribute_exists(lease_owner)")
                .expression_attribute_values(":now", item::milliseconds(now));
            match update.send().await {
                Ok(_) => {}
                Err(error) if attempts::is_condition(&error) => {}
                Err(error) => return Err(unavailable(error)),
            }
        }
        Ok(())
    }

    /// Attempts whose time has come, whether the digest's has, and cards of outages: oldest first, at most `limit` a
    /// partition.
    pub async fn due(&self, now: Timestamp, limit: i32) -> Result<Due, StoreError> {
        let mut due = Due::default();
        for shard in 0..item::DUE_SHARDS {
            let query = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(item::DUE_INDEX)
                .key_condition_expression("#shard = :shard AND #at <= :now")
                .set_expression_attribute_names(Some(attribute_names(&[
                    ("#shard", item::DUE_SHARD),
                    ("#at", item::DUE_AT),
                ])))
                .expression_attribute_values(":shard", item::due_shard_name(shard))
                .expression_attribute_values(":now", item::milliseconds(now))
                .limit(limit);
            for found in query.send().await.map_err(unavailable)?.items.unwrap_or_default() {
                let pk = item::get_text(&found, "pk").unwrap_or_default();
                let at = item::get_number(&found, item::DUE_AT)
                    .and_then(|at| Timestamp::from_millisecond(at).ok());
                due.oldest = [due.oldest, at].into_iter().flatten().min();
                match pk.strip_prefix("ATTEMPT#").and_then(|id| AttemptId::parse(id).ok()) {
                    Some(id) => due.attempts.push(id),
                    None if pk == "CIRCUIT" => {
                        let service = item::get_text(&found, "sk").and_then(|sk| sk.parse::<Service>().ok());
                        due.outages.extend(service);
                    }
                    None => due.digest |= pk == "DIGEST",
                }
            }
        }
        due.attempts.sort_unstable();
        Ok(due)
    }
}

/// What the clock found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    pub attempts: Vec<AttemptId>,
    pub digest: bool,
    /// Services of whose outage people have not been told all.
    pub outages: Vec<Service>,
    /// Since when the one that waits longest is due.
    pub oldest: Option<Timestamp>,
}
