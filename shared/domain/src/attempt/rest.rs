//! How long the end of an attempt holds before the same error is looked at again.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{Attempt, Status};
use crate::reason::ReasonCode;

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// After a failure that may have passed, an hour that was full, or a fix that did not hold.
pub(super) const AFTER_TROUBLE: SignedDuration = SignedDuration::from_hours(1);
/// After an answer that will not change by itself; also after a deploy, whose old release goes on reporting.
pub(super) const AFTER_ANSWER: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Ten years: only when Sentry says that the error came back. A person said no, or another agent is at it.
const NEVER: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);

/// What kind of end it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// The next attempt is a person's decision.
    LeftToPeople,
    /// An answer about this error, or a fix that has to reach production first.
    Answered,
    /// It may be different next time.
    Trouble,
    UntilTomorrow,
}

impl Attempt {
    /// From when on the issue of an attempt that ended at `ended` may be tried again.
    pub fn rests_until(&self, ended: Timestamp) -> Timestamp {
        if let Some(same_fault) = &self.same_fault {
            return same_fault.until;
        }
        match self.rest() {
            Rest::LeftToPeople => later(ended, NEVER),
            Rest::Answered => later(ended, AFTER_ANSWER),
            Rest::Trouble => later(ended, AFTER_TROUBLE),
            Rest::UntilTomorrow => tomorrow(ended),
        }
    }

    pub(super) fn rest(&self) -> Rest {
        let reason = self.state.reasons().first().map(|reason| reason.code);
        match (self.status(), reason) {
            // Whatever became of a pull request, the next one is a person's decision.
            (Status::Rejected, _) => Rest::LeftToPeople,
            (Status::Failed, _) if self.state.pull_request().is_some() => Rest::LeftToPeople,
            (_, Some(ReasonCode::SentryAgentTookOver)) => Rest::LeftToPeople,
            // The error is still there, and what was tried tells the next analysis something.
            (Status::Regressed | Status::RolledBack, _) => Rest::Trouble,
            (_, Some(ReasonCode::DailyBudgetSpent)) => Rest::UntilTomorrow,
            (
                _,
                Some(
                    ReasonCode::HourlyLimit
                    | ReasonCode::BelowTheBar
                    | ReasonCode::RetriesUsedUp
                    | ReasonCode::ClaudeUnavailable
                    | ReasonCode::SentryUnavailable,
                ),
            ) => Rest::Trouble,
            // A set-up that does not work is looked at again soon, as long as nothing was paid for.
            (Status::Failed, _) if self.usage.turns == 0 => Rest::Trouble,
            _ => Rest::Answered, // every other end is an answer
        }
    }
}

pub(super) fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// The next midnight, UTC: budgets are per UTC day.
fn tomorrow(now: Timestamp) -> Timestamp {
    let midnight = now.to_zoned(TimeZone::UTC).date().to_zoned(TimeZone::UTC);
    midnight.map_or(later(now, DAY), |midnight| later(midnight.timestamp(), DAY))
}
