//! Another try of an attempt that has ended, because a person wants one: old attempt, new attempt, its
//! incident, the claim on the issue and a slot of the hourly limit in one transaction.
//!
//! A person's wish goes before the rest that an end imposes, but not before another live attempt, and it
//! counts for the hourly limit like every other start.

use std::time::Duration;

use jiff::Timestamp;

use super::admission::MAX_PAUSE_MS;
use super::attempts::{Versioned, attempt_item, decision, incident_item, mark_ready};
use super::claim::{self, Holder};
use super::table::{Saved, Write};
use super::{Store, StoreError, hour};
use crate::attempt::{Attempt, AttemptId};
use crate::incident::Incident;

/// How often a lost race is run again. Slack waits three seconds for the answer in all.
const MAX_ROUNDS: u32 = 10;

/// A wish for another try.
pub struct NewTry<'a> {
    /// The attempt that ended, as it was read.
    pub before: &'a Versioned,
    /// The same with the other try noted in it.
    pub after: &'a Attempt,
    pub attempt: &'a Attempt,
    pub incident: &'a Incident,
    pub max_per_hour: u32,
}

/// What became of the wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    Started,
    /// Another attempt has the issue now.
    Busy(AttemptId),
    /// The hour is full.
    HourFull,
    /// The attempt was changed since it was read: read it again.
    Changed,
}

impl Store {
    /// Starts the other try, or says what is in its way; then nothing was written.
    pub async fn try_again(&self, new: NewTry<'_>, now: Timestamp) -> Result<Tried, StoreError> {
        let issue = &new.attempt.subject.sentry_issue_id;
        for round in 0..MAX_ROUNDS {
            if let Some(claim) = self.claim(issue).await?
                && claim.holder == Holder::Live
                && let Some(id) = claim.attempt
            {
                return Ok(Tried::Busy(id));
            }
            let Some(slot) = self.free_slot(new.max_per_hour, now).await? else { return Ok(Tried::HourFull) };
            let mut item = attempt_item(new.attempt, 1, now);
            mark_ready(&mut item, now);
            let incident = incident_item(new.attempt.id, new.incident, now);
            let writes = vec![
                decision(new.before, new.after, now),
                Write::put(item),
                Write::put(incident),
                claim::hand_over(new.attempt),
                hour::take_slot(slot, now),
            ];
            if self.transact(writes).await? == Saved::Yes {
                return Ok(Tried::Started);
            }
            let current = self.attempt(new.before.attempt.id).await?;
            if current.is_none_or(|current| current.version != new.before.version) {
                return Ok(Tried::Changed);
            }
            let pause = fastrand::u64(0..=MAX_PAUSE_MS.min(2 << round.min(5)));
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        Err(StoreError::Unavailable(format!("lost {MAX_ROUNDS} races for the hourly limit")))
    }
}
