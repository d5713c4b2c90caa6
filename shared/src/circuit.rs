//! A circuit for each service outside, shared by all attempts: whether it is asked at all.
//!
//! ```text
//! closed ──5 failures in a row within 10 minutes──▶ open ──its pause is over──▶ one trial ──answered──▶ closed
//!                                                    ▲                             │
//!                                                    └───── a longer pause ─failed─┘
//! ```
//!
//! While it is open, attempts wait without using up their tries. One card tells of an outage, from its beginning to its
//! end. Pure: the table keeps it, the worker applies what it hears.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::attempt::CardMessage;

/// Failures in a row, whichever attempt met them, after which a service is left alone.
pub const FAILURES_TO_OPEN: usize = 5;
/// Failures further apart than this are no outage.
pub const IN_A_ROW_WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// First pause; it doubles with every trial that fails.
pub const FIRST_PAUSE: SignedDuration = SignedDuration::from_mins(5);
/// A service that is back is noticed within this time.
pub const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(30);
/// A service may ask for a longer pause, up to this.
const LONGEST_ASKED: SignedDuration = SignedDuration::from_hours(2);
/// For so long the trial is in one worker's hands; after that it died over it.
pub const TRIAL_TIME: SignedDuration = SignedDuration::from_mins(2);

/// What is known of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circuit {
    /// Failures since the last success, oldest first.
    failures: Vec<Timestamp>,
    /// The last outage. It stays until the next one, with its card.
    pub outage: Option<Outage>,
}

/// A time in which a service failed again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// The first failure of the row.
    pub since: Timestamp,
    /// When the row was long enough.
    #[serde(default)]
    opened_at: Option<Timestamp>,
    /// What the service said last; outside text.
    pub why: String,
    /// Nobody asks before this time.
    until: Timestamp,
    trials: u32,
    pub ended_at: Option<Timestamp>,
    pub card: OutageCard,
}

/// The card of an outage: owed while `shown` is behind `wanted`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutageCard {
    wanted: u32,
    shown: u32,
    /// When a first post was tried last: whoever comes after that looks for the card before posting it again.
    pub post_tried_at: Option<Timestamp>,
    pub message: Option<CardMessage>,
    not_before: Option<Timestamp>,
    failures: u32,
}

/// How a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub why: String,
    /// What the service asked to be waited.
    pub retry_after: Option<SignedDuration>,
    pub asked: Asked,
}

/// In which capacity a service was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The circuit was closed when the request began.
    Normally,
    /// To find out whether it is back.
    AsTrial,
}

/// Whether a service may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    Closed,
    /// Not before `until`, and then by whoever takes the trial.
    Open {
        until: Timestamp,
    },
}

impl Circuit {
    pub fn line(&self) -> Line {
        match &self.outage {
            Some(Outage { ended_at: None, until, .. }) => Line::Open { until: *until },
            Some(_) | None => Line::Closed,
        }
    }

    /// Whether a success would change anything.
    pub fn has_trouble(&self) -> bool {
        !self.failures.is_empty() || self.line() != Line::Closed
    }

    /// The service failed in a way that may pass.
    pub fn failed(&mut self, failure: Failure, now: Timestamp) {
        match (&mut self.outage, failure.asked) {
            (Some(outage @ Outage { ended_at: None, .. }), Asked::AsTrial) => {
                outage.trials += 1;
                outage.until = later(now, pause(outage.trials, failure.retry_after));
                outage.why = failure.why;
            }
            // It began before the circuit opened, and says nothing new.
            (Some(Outage { ended_at: None, .. }), Asked::Normally) => {}
            _ => {
                self.failures.retain(|at| now.duration_since(*at) < IN_A_ROW_WITHIN);
                self.failures.push(now);
                if self.failures.len() >= FAILURES_TO_OPEN {
                    self.open(failure, now);
                }
            }
        }
    }

    fn open(&mut self, failure: Failure, now: Timestamp) {
        let until = later(now, pause(0, failure.retry_after));
        let since = self.failures.first().copied().unwrap_or(now);
        self.failures.clear();
        self.outage = Some(match self.outage.take().filter(|before| before.card.is_owed()) {
            // People have not been told of the end yet: for them it is the same outage.
            Some(before) => Outage {
                opened_at: Some(now),
                why: failure.why,
                until,
                trials: 0,
                ended_at: None,
                card: before.card.again(),
                ..before
            },
            None => Outage {
                since,
                opened_at: Some(now),
                why: failure.why,
                until,
                trials: 0,
                ended_at: None,
                card: OutageCard::default().again(),
            },
        });
    }

    /// The service answered at this time, whatever it said. What came after that is not undone by it: a worker tells of
    /// its answers when its step is over, and the service may have gone down since.
    pub fn answered(&mut self, at: Timestamp) {
        self.failures.retain(|failed| *failed > at);
        let is_over =
            |outage: &Outage| outage.ended_at.is_none() && outage.opened_at.unwrap_or(outage.since) <= at;
        if let Some(outage) = self.outage.as_mut().filter(|outage| is_over(outage)) {
            outage.ended_at = Some(at);
            outage.card = std::mem::take(&mut outage.card).again();
        }
    }

    /// Takes the trial, where its time has come: for a while nobody else may.
    pub fn take_trial(&mut self, now: Timestamp) -> bool {
        match &mut self.outage {
            Some(Outage { ended_at: None, until, .. }) if *until <= now => {
                *until = later(now, TRIAL_TIME);
                true
            }
            Some(_) | None => false,
        }
    }

    /// When the card has to be looked after; `None` where none is owed.
    pub fn card_due(&self) -> Option<Timestamp> {
        let outage = self.outage.as_ref().filter(|outage| outage.card.is_owed())?;
        Some(outage.card.not_before.unwrap_or(outage.since))
    }
}

impl OutageCard {
    /// There is something new to show, and nothing that speaks against showing it now.
    fn again(mut self) -> OutageCard {
        self.wanted += 1;
        self.not_before = None;
        self.failures = 0;
        self
    }

    pub fn is_owed(&self) -> bool {
        self.shown < self.wanted
    }

    /// Which state of the outage a card that is made now shows.
    pub fn revision(&self) -> u32 {
        self.wanted
    }

    /// Failures of Slack since the card was shown last.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The card shows `revision` now.
    pub fn shown(&mut self, revision: u32, message: Option<CardMessage>) {
        self.shown = self.shown.max(revision);
        self.message = message.or(self.message.take());
        self.not_before = None;
        self.failures = 0;
    }

    /// Nobody shows it before this time: someone is at it, or Slack is not asked.
    pub fn put_off(&mut self, until: Timestamp) {
        self.not_before = Some(until);
    }

    /// Slack did not take it.
    pub fn refused(&mut self, until: Timestamp) {
        self.failures += 1;
        self.not_before = Some(until);
    }
}

/// Doubles with every trial that failed, and is never shorter than what the service asked for.
fn pause(trials: u32, asked: Option<SignedDuration>) -> SignedDuration {
    let doubled = FIRST_PAUSE.checked_mul(1 << trials.min(8)).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE);
    doubled.max(asked.unwrap_or_default().min(LONGEST_ASKED))
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(now)
}

#[cfg(test)]
mod tests;
