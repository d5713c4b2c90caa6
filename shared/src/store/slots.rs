//! Places among the open pull requests of AutoFix in one repository: who has one, who waits, and in which order.
//!
//! One item a repository, with a version. A place is taken on the version that was counted, together with the proof that the
//! attempt still is what it was, so none is taken twice or by an attempt that has just ended. The order is that of the
//! attempts' ids, which is that of their beginning.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tracing::warn;

use super::attempts::decision;
use super::held::places_key;
use super::item;
use super::table::{Saved, Write};
use super::{Lease, Store, StoreError};
use crate::attempt::{AttemptId, Slot};

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
                let writes = vec![lease.check(), places.change(repo, expression, me)];
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
            if self.transact(vec![decision(&before, &after, now)]).await? == Saved::Yes {
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

    async fn leave(&self, repo: &str, list: &str, id: AttemptId) -> Result<(), StoreError> {
        let leave = Write::update(places_key(repo), format!("ADD version :one DELETE {list} :id"))
            .value(":one", item::number(1))
            .value(":id", item::ids(id));
        self.write_or_leave_out(leave).await // whoever looks next does it
    }

    async fn places(&self, repo: &str) -> Result<Places, StoreError> {
        let Some(item) = self.item(places_key(repo)).await? else { return Ok(Places::default()) };
        Ok(Places {
            version: item::get_number(&item, "version"),
            holders: item::get_ids(&item, "holders"),
            left_open: item::get_ids(&item, "left_open"),
            waiting: item::get_ids(&item, "waiting"),
        })
    }
}

impl Places {
    /// A change that is made only to what was read.
    fn change(&self, repo: &str, expression: &str, me: AttemptId) -> Write {
        let change = Write::update(places_key(repo), expression)
            .value(":me", item::ids(me))
            .value(":next", item::number(self.version.unwrap_or_default() + 1));
        match self.version {
            Some(version) => change.only_if("version = :version").value(":version", item::number(version)),
            None => change.only_if("attribute_not_exists(pk)"),
        }
    }
}
