//! Places among the open pull requests of AutoFix in one repository: who has one, who waits, and in which order.
//!
//! One item a repository, with a version. A place is taken on the version that was counted, together with the proof that the
//! attempt still is what it was, so none is taken twice or by an attempt that has just ended. The order is that of the
//! attempts' ids, which is that of their beginning.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use jiff::Timestamp;
use tracing::warn;

use super::attempts::attribute_values;
use super::item::{self, Item};
use super::{Lease, Saved, Store, StoreError, unavailable};
use crate::attempt::{Attempt, AttemptId, Slot};

/// How often a lost race is run again before the attempt is read again.
const ROUNDS: usize = 8;

/// One of `limit` places in a repository.
#[derive(Clone, Copy, Debug)]
pub struct WantedSlot<'a> {
    /// `owner/name`.
    pub repo: &'a str,
    pub limit: u32,
}

/// What became of asking for a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    Given,
    /// None is free. `left_open` are attempts that have ended, whose pull requests may have been closed since.
    Full {
        left_open: Vec<AttemptId>,
    },
    /// Some are free, for attempts that began earlier.
    Behind,
    /// The attempt itself was changed in between, or the race was lost too often.
    Changed,
}

/// The places of one repository.
#[derive(Clone, Debug, Default)]
struct Places {
    version: Option<i64>,
    holders: BTreeSet<AttemptId>,
    left_open: BTreeSet<AttemptId>,
    waiting: BTreeSet<AttemptId>,
}

impl Store {
    /// Asks for a place for the leased attempt; one that it has already is given again. Where it gets
    /// none, it stands in the queue from now on.
    pub async fn ask_for_slot(
        &self,
        lease: &Lease,
        wanted: WantedSlot<'_>,
        now: Timestamp,
    ) -> Result<Asked, StoreError> {
        let me = lease.attempt_id();
        let WantedSlot { repo, limit } = wanted;
        for _ in 0..ROUNDS {
            let places = self.places(repo).await?;
            if places.holders.contains(&me) {
                return Ok(Asked::Given);
            }
            let taken = places.holders.len() + places.left_open.len();
            let free = (limit as usize).saturating_sub(taken);
            let before_me = places.waiting.range(..me).count();
            let given = before_me < free;
            if given || !places.waiting.contains(&me) {
                let expression = match given {
                    true => "SET version = :next ADD holders :me DELETE waiting :me",
                    false => "SET version = :next ADD waiting :me",
                };
                let update = change(&self.table, repo, &places, expression, me);
                let writes =
                    vec![self.still_leased(lease), TransactWriteItem::builder().update(update).build()];
                if self.transact(writes).await? == Saved::Conflict {
                    continue;
                }
            }
            if given && free > 1 {
                // Two places that were given back at once may both have woken the same attempt.
                self.wake_next(repo, now).await;
            }
            return Ok(match (given, free) {
                (true, _) => Asked::Given,
                (false, 0) => Asked::Full { left_open: places.left_open.into_iter().collect() },
                (false, _) => Asked::Behind,
            });
        }
        Ok(Asked::Changed)
    }

    /// The pull request that an ended attempt had left open is not open any more.
    pub async fn slot_is_free(&self, repo: &str, id: AttemptId) -> Result<(), StoreError> {
        self.leave(repo, "left_open", id).await
    }

    /// The attempts that have a pull request of AutoFix open in a repository.
    pub async fn open_attempts(&self, repo: &str) -> Result<Vec<AttemptId>, StoreError> {
        Ok(self.places(repo).await?.holders.into_iter().collect())
    }

    /// Wakes the attempt that is first in the queue for a place.
    pub async fn wake_first_waiting(&self, repo: &str, now: Timestamp) -> Result<(), StoreError> {
        for id in self.places(repo).await?.waiting {
            if self.wake_waiting(repo, id, now).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether there was someone to wake. Who has no business in the queue leaves it.
    async fn wake_waiting(&self, repo: &str, id: AttemptId, now: Timestamp) -> Result<bool, StoreError> {
        for _ in 0..ROUNDS {
            let Some(before) = self.attempt(id).await? else { break };
            if before.attempt.state.slot() != Slot::Has {
                break;
            }
            let mut after = before.attempt.clone();
            after.wake(now);
            // A new version even where nothing changes: who is about to wait reads it again, and asks again.
            let update = self.decision_update(&before, &after, now);
            if self.transact(vec![TransactWriteItem::builder().update(update).build()]).await? == Saved::Yes {
                return Ok(true);
            }
        }
        self.leave(repo, "waiting", id).await?;
        Ok(false)
    }

    /// A place is free: whoever is next need not wait for the clock. A failure is no harm, since the clock comes in any
    /// case.
    pub(super) async fn wake_next(&self, repo: &str, now: Timestamp) {
        if let Err(error) = self.wake_first_waiting(repo, now).await {
            warn!(error = %error, "Could not wake who waits for a place; the clock will");
        }
    }

    /// The part of a transaction that gives back what the attempt has: its place, or its turn in the queue. A pull request
    /// that may still be open keeps the place until GitHub says that it is not.
    pub(super) fn give_back_place(&self, attempt: &Attempt) -> Update {
        let expression = match attempt.state.slot() {
            Slot::LeftOpen => "ADD version :one, left_open :me DELETE holders :me, waiting :me",
            Slot::None | Slot::Has => "ADD version :one DELETE holders :me, waiting :me, left_open :me",
        };
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(places_key(&attempt.target.repo)))
            .update_expression(expression)
            .set_expression_attribute_values(Some(attribute_values(vec![
                (":one", item::number(1)),
                (":me", ids(attempt.id)),
            ])))
            .build()
            .expect("table, key and expression are set above")
    }

    async fn leave(&self, repo: &str, list: &str, id: AttemptId) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(places_key(repo)))
            .update_expression(format!("ADD version :one DELETE {list} :id"))
            .expression_attribute_values(":one", item::number(1))
            .expression_attribute_values(":id", ids(id));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) if super::attempts::is_busy(&error) => Ok(()), // whoever looks next does it
            Err(error) => Err(unavailable(error)),
        }
    }

    async fn places(&self, repo: &str) -> Result<Places, StoreError> {
        let Some(item) = self.item(places_key(repo)).await? else { return Ok(Places::default()) };
        let set = |name: &str| {
            let all = item.get(name).and_then(|value| value.as_ss().ok());
            all.into_iter().flatten().filter_map(|id| AttemptId::parse(id).ok()).collect()
        };
        Ok(Places {
            version: item::get_number(&item, "version"),
            holders: set("holders"),
            left_open: set("left_open"),
            waiting: set("waiting"),
        })
    }
}

/// A change that is made only to what was read.
fn change(table: &str, repo: &str, places: &Places, expression: &str, me: AttemptId) -> Update {
    let mut values = vec![(":me", ids(me)), (":next", item::number(places.version.unwrap_or_default() + 1))];
    let condition = match places.version {
        Some(version) => {
            values.push((":version", item::number(version)));
            "version = :version"
        }
        None => "attribute_not_exists(pk)",
    };
    Update::builder()
        .table_name(table)
        .set_key(Some(places_key(repo)))
        .update_expression(expression)
        .condition_expression(condition)
        .set_expression_attribute_values(Some(attribute_values(values)))
        .build()
        .expect("table, key and expression are set above")
}

fn ids(id: AttemptId) -> AttributeValue {
    AttributeValue::Ss(vec![id.to_string()])
}

/// GitHub's names are the same in capitals and small letters.
fn places_key(repo: &str) -> Item {
    item::key(format!("REPO#{}", repo.to_lowercase()), "OPEN")
}
