//! Letting a report in: claim, slot of the hourly limit and attempt in one transaction, so that no crash and no
//! race can leave one without the others. Who loses the race for a slot or a claim looks again.

use std::time::Duration;

use jiff::Timestamp;

use super::attempts::{attempt_item, incident_item, mark_ready};
use super::claim::{self, Holder};
use super::hour::{self, Slot};
use super::table::{Saved, Write};
use super::{Store, StoreError, digest, item, marks};
pub use crate::attempt::Occasion;
use crate::attempt::{Attempt, AttemptId, Event};
use crate::incident::Incident;
use crate::reason::{Reason, ReasonCode};

/// An error that came back is believed this long after its attempt ended: a repeated delivery of the report that
/// started it must not start another one.
const CAME_BACK_AFTER_SECONDS: i64 = 10 * 60;
/// How often a lost race is run again. Under a storm each round has a winner, and the hour is soon full.
const MAX_ROUNDS: u32 = 60;
/// Longest pause between rounds; Sentry waits one second for the answer in all.
pub(super) const MAX_PAUSE_MS: u64 = 20;

/// A report that asks to become an attempt.
pub struct NewAttempt<'a> {
    pub attempt: &'a Attempt,
    pub incident: &'a Incident,
    pub occasion: Occasion,
    pub max_per_hour: u32,
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Started(AttemptId),
    /// The issue is in the hands of this attempt.
    Duplicate(AttemptId),
    /// This attempt, which had no stack trace, has it now.
    Completed(AttemptId),
    /// This attempt ended lately, and its end holds.
    Rests(AttemptId),
    /// Recorded, and not looked at: the hour is full.
    TurnedAway(AttemptId),
    /// A person's wish that the hour has no room for. Nothing was written.
    HourFull,
    /// Sentry's own agent has it.
    LeftToSentry,
}

enum Round {
    Done(Admission),
    Lost,
}

impl Store {
    /// Starts an attempt, or says which one already has the issue, or records that the hour is full.
    pub async fn admit(&self, new: NewAttempt<'_>, now: Timestamp) -> Result<Admission, StoreError> {
        for round in 0..MAX_ROUNDS {
            match self.admission_round(&new, now).await? {
                Round::Done(admission) => return Ok(admission),
                Round::Lost => {
                    let pause = fastrand::u64(0..=MAX_PAUSE_MS.min(2 << round.min(5)));
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
            }
        }
        Err(StoreError::Unavailable(format!("lost {MAX_ROUNDS} races for a claim or the hourly limit")))
    }

    async fn admission_round(&self, new: &NewAttempt<'_>, now: Timestamp) -> Result<Round, StoreError> {
        let issue = &new.attempt.subject.sentry_issue_id;
        let mut ended = None;
        if let Some(claim) = self.claim(issue).await?
            && !is_free(&claim, new.occasion, now)
        {
            let Some(id) = claim.attempt else { return Ok(Round::Done(Admission::LeftToSentry)) };
            let brings = new.incident.has_stack_trace();
            match claim.holder {
                Holder::Live if brings && claim.lacks_stack_trace => {
                    let mut writes = marks::stack_trace(id, new.incident, now);
                    writes.push(claim::stack_trace_came(issue, id));
                    if self.transact(writes).await? == Saved::Yes {
                        return Ok(Round::Done(Admission::Completed(id)));
                    }
                    // It ended in between, or has fetched one itself.
                    let now_held = self.claim(issue).await?.map(|claim| claim.holder);
                    if now_held != Some(Holder::Live) {
                        return Ok(Round::Lost);
                    }
                }
                Holder::Ended { .. } if brings && claim.wants_event => ended = Some(id),
                Holder::Live | Holder::Ended { .. } => {}
            }
            if ended.is_none() {
                self.count_occurrence(issue, new.attempt.subject.sentry_event_id.as_deref()).await?;
                return Ok(Round::Done(match claim.holder {
                    Holder::Live => Admission::Duplicate(id),
                    Holder::Ended { .. } => Admission::Rests(id),
                }));
            }
        }
        match (self.free_slot(new.max_per_hour, now).await?, ended) {
            (Some(slot), None) => {
                // The issue is nobody's, or its last attempt has rested long enough.
                let claim = Write::put(claim::live_claim(new.attempt));
                let writes = start(new, slot, if_free(claim, new.occasion, now), now);
                self.try_writes(writes, Admission::Started(new.attempt.id)).await
            }
            (Some(slot), Some(ended)) => {
                let mut writes = start(new, slot, claim::hand_over(new.attempt), now);
                writes.push(marks::successor(ended, new.attempt.id, now));
                self.try_writes(writes, Admission::Started(new.attempt.id)).await
            }
            // Nothing is recorded: a person sees it at once, and an attempt that ended keeps its claim for a later report.
            (None, Some(_)) => Ok(Round::Done(Admission::HourFull)),
            (None, None) if new.occasion == Occasion::ByHand => Ok(Round::Done(Admission::HourFull)),
            (None, None) => self.turn_away(new, now).await,
        }
    }

    async fn turn_away(&self, new: &NewAttempt<'_>, now: Timestamp) -> Result<Round, StoreError> {
        let mut attempt = new.attempt.clone();
        attempt.subject.error_message = None; // nobody looked at it, so nobody redacted it
        let sentence = format!("The limit of {} attempts an hour was reached.", new.max_per_hour);
        let reasons = vec![Reason::new(ReasonCode::HourlyLimit, sentence)];
        if attempt.apply(Event::Skipped { reasons, fix: None }, now).is_err() {
            return Err(StoreError::Unavailable("a new attempt was not pending".to_owned()));
        }
        attempt.card = crate::attempt::CardState::default(); // told in the digest, not one by one
        let claim = claim::ended_claim(&attempt, now);
        let mut item = attempt_item(&attempt, 1, now);
        digest::mark_turned_away(&mut item, now);
        let writes = vec![Write::put(item), if_free(Write::put(claim), new.occasion, now)];
        self.try_writes(writes, Admission::TurnedAway(attempt.id)).await
    }

    async fn try_writes(&self, writes: Vec<Write>, admission: Admission) -> Result<Round, StoreError> {
        Ok(match self.transact(writes).await? {
            Saved::Yes => Round::Done(admission),
            Saved::Conflict => Round::Lost,
        })
    }
}

/// The writes of a start. `claim` is the one that takes the issue.
fn start(new: &NewAttempt<'_>, slot: Slot, claim: Write, now: Timestamp) -> Vec<Write> {
    let attempt = Attempt { occasion: new.occasion, ..new.attempt.clone() };
    let mut item = attempt_item(&attempt, 1, now);
    mark_ready(&mut item, now);
    let incident = incident_item(new.attempt.id, new.incident, now);
    vec![Write::put(item), Write::put(incident), claim, hour::take_slot(slot, now)]
}

fn is_free(claim: &super::Claim, occasion: Occasion, now: Timestamp) -> bool {
    match (claim.holder, occasion) {
        (Holder::Live, _) => false,
        (Holder::Ended { .. }, Occasion::ByHand) => true,
        (Holder::Ended { at, .. }, Occasion::CameBack) => at <= now.as_second() - CAME_BACK_AFTER_SECONDS,
        (Holder::Ended { again_at, .. }, Occasion::Reported) => again_at <= now.as_second(),
    }
}

/// The same rule as [`is_free`], for the table to check at the moment of writing.
fn if_free(claim: Write, occasion: Occasion, now: Timestamp) -> Write {
    match occasion {
        Occasion::ByHand => claim.only_if("attribute_not_exists(pk) OR attribute_exists(again_at)"),
        Occasion::CameBack => claim
            .only_if("attribute_not_exists(pk) OR ended_at <= :cutoff")
            .value(":cutoff", item::number(now.as_second() - CAME_BACK_AFTER_SECONDS)),
        Occasion::Reported => claim
            .only_if("attribute_not_exists(pk) OR again_at <= :now")
            .value(":now", item::number(now.as_second())),
    }
}
