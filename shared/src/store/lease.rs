//! The lease: the right to work on one attempt, taken by a conditional write and proven by a value.
//!
//! A redelivery comes with the same owner's name and takes over its own lease at once; anyone else
//! waits until it has run out. Each taking has a number of its own, which every later write names: a
//! worker whose lease was taken over, be it by a second delivery of the very same wake-up, cannot write
//! any more. While a lease runs, the attempt is due at its end, so a worker that dies leaves an attempt
//! that the clock will find.

use aws_sdk_dynamodb::types::ReturnValue;
use jiff::{SignedDuration, Timestamp};

use super::attempts::{self, attempt_item, attempt_key, pk, set_due};
use super::held::Held;
use super::item;
use super::table::{Saved, Unwritten, Write, unwritten};
use super::{Store, StoreError, marks};
use crate::attempt::{Attempt, AttemptId};

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
    others: Vec<Write>,
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

    /// The write, only if the attempt is as this lease's holder knows it.
    fn still_holds(&self, write: Write) -> Write {
        self.holds(write, "version = :version AND lease_owner = :owner AND leases = :number")
            .value(":version", item::number(self.version))
    }

    fn holds(&self, write: Write, condition: &str) -> Write {
        let write = write.only_if(condition).value(":owner", item::text(&self.owner));
        write.value(":number", item::number(self.number))
    }

    /// The part of a transaction that lets it happen only if the attempt is as this lease's holder knows it.
    pub(super) fn check(&self) -> Write {
        self.still_holds(Write::check(attempt_key(self.id)))
    }

    /// The part of a transaction that holds only while the lease does; it also keeps that the work goes on.
    pub(super) fn while_leased(&mut self) -> Write {
        self.work_goes_on();
        let update = Write::update(attempt_key(self.id), "SET tries = :tries");
        self.holds(update, "lease_owner = :owner AND leases = :number")
            .value(":tries", item::number(self.tries))
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
            .return_values(ReturnValue::AllNew);
        match update.send().await.map_err(unwritten) {
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
            Err(Unwritten::Condition) => match self.attempt(id).await? {
                Some(_) => Ok(Leased::Busy),
                None => Ok(Leased::Missing),
            },
            Err(Unwritten::Contended(error) | Unwritten::Failed(error)) => Err(error),
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
        others: Vec<Write>,
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
        let mut writes = vec![lease.still_holds(Write::put(item))];
        writes.extend(others);
        writes.extend(lease.held.give_back(attempt, now));
        let saved = self.transact(writes).await?;
        if saved == Saved::Yes && lease.held.gives_place_back(Held::by(attempt)) {
            self.wake_next(&attempt.target.repo, now).await;
        }
        Ok(saved)
    }

    /// Makes every leased attempt due now and free to take. Only for a table that one process alone uses.
    pub async fn break_leases(&self, now: Timestamp) -> Result<(), StoreError> {
        let far = now.checked_add(SignedDuration::from_hours(24)).unwrap_or(now);
        for id in self.due(far, 1_000).await?.attempts {
            let break_it =
                Write::update(attempt_key(id), "SET due_at = :now REMOVE lease_owner, lease_until")
                    .only_if("attribute_exists(lease_owner)")
                    .value(":now", item::milliseconds(now));
            let _ = self.write(break_it).await?; // nobody holds it
        }
        Ok(())
    }

    /// Attempts whose time has come, and whether the digest's has: oldest first, at most `limit` a partition.
    pub async fn due(&self, now: Timestamp, limit: i32) -> Result<Due, StoreError> {
        let mut due = Due::default();
        for shard in 0..item::DUE_SHARDS {
            for found in self.due_items(item::due_shard_name(shard), now, limit).await? {
                due.oldest = [due.oldest, item::get_time(&found, item::DUE_AT)].into_iter().flatten().min();
                match attempts::id_of(&found) {
                    Some(id) => due.attempts.push(id),
                    None => due.digest |= item::get_text(&found, "pk") == Some("DIGEST"),
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
    /// Since when the one that waits longest is due.
    pub oldest: Option<Timestamp>,
}
