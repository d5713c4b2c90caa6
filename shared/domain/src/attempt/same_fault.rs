//! What one attempt's state means for another one with the same fault (see [`crate::fault`]), and how long its end holds
//! before the same error is looked at again.
//!
//! Nothing is kept about a fault but which attempt has it: all the rest follows from that attempt's own state, so the
//! two can never disagree, whatever crashed between them.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::merged::{Deployment, Merged, RollBack, Rollout, Watch};
use super::offer::PullRequest;
use super::state::{Cleanup, State};
use super::{Attempt, AttemptId, Occasion, Status};
use crate::reason::{Reason, ReasonCode};

/// How long a merged fix is waited for where nothing watches its deploy: the old release may go on reporting the fault.
pub const MERGED_FOR: SignedDuration = SignedDuration::from_hours(24);
/// How long instances of the old release may go on after a deploy.
const LIVE_AFTER: SignedDuration = SignedDuration::from_hours(1);

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// After a failure that may have passed, an hour that was full, or a fix that did not hold.
const AFTER_TROUBLE: SignedDuration = SignedDuration::from_hours(1);
/// After an answer that will not change by itself; also after a deploy, whose old release keeps reporting.
const AFTER_ANSWER: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Ten years: only when Sentry says that the error came back. A person said no, or another agent is at it.
const NEVER: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);

/// The attempt whose answer holds for this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SameFault {
    pub attempt: AttemptId,
    /// From when on the fault may be looked at again.
    pub until: Timestamp,
    pub pull_request: Option<PullRequest>,
    /// Who decided about that pull request: see [`super::Decision::by`].
    pub decided_by: Option<String>,
}

/// How the other attempt stands to the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultStatus {
    /// It has said nothing that holds: whoever comes next may look at the fault.
    Free,
    /// It is finding out, or its fix did not hold and people are at it.
    Deciding,
    /// Its fix is ready, or is an open pull request already: others join it.
    Open,
    /// It has ended, and that is the answer.
    Ended { answer: FaultAnswer, until: Timestamp },
}

/// What an attempt that ended has to say about its fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultAnswer {
    /// A person did not want the fix.
    Dismissed,
    /// The fix is merged and may not have reached production yet.
    Merged,
    /// The pull request is in people's hands.
    LeftToPeople,
    /// There is no fix, or none that may be opened.
    NoFix,
}

impl FaultAnswer {
    /// The reason with which another attempt ends for it.
    pub fn code(self) -> ReasonCode {
        match self {
            FaultAnswer::Dismissed => ReasonCode::SameFaultDismissed,
            FaultAnswer::Merged => ReasonCode::SameFaultMerged,
            FaultAnswer::LeftToPeople | FaultAnswer::NoFix => ReasonCode::SameFaultAnswered,
        }
    }
}

impl SameFault {
    /// `other` has the fault; its answer holds until `until`.
    pub fn of(other: &Attempt, until: Timestamp) -> SameFault {
        SameFault {
            attempt: other.id,
            until,
            pull_request: other.state.pull_request().cloned(),
            decided_by: other.state.decision().map(|decision| decision.by.clone()),
        }
    }

    /// `other` is at work on the fault: an issue that joins it now rests as one that was answered.
    pub fn joined(other: &Attempt, now: Timestamp) -> SameFault {
        SameFault::of(other, later(now, AFTER_ANSWER))
    }
}

/// What `other`, which has the fault, means for the attempt `new`.
///
/// When Sentry says that the error came back, or a person wants another try, an answer holds no longer; but what is merged
/// may still be on its way to production, and an open pull request is joined all the same.
pub fn fault_status(other: &Attempt, new: &Attempt, now: Timestamp) -> FaultStatus {
    let ended = other.completed_at.unwrap_or(other.created_at);
    let (answer, until) = match &other.state {
        State::Pending | State::Analyzing { .. } | State::Withdrawing { .. } => return FaultStatus::Deciding,
        // Merged or refused in a moment: joining now could be too late for the merge.
        State::Approved { .. } => return FaultStatus::Deciding,
        State::Proposed { .. } | State::PrCreated { .. } | State::AwaitingApproval { .. } => {
            return FaultStatus::Open;
        }
        State::Verified { .. } => return FaultStatus::Free,
        State::Deployed { merged, watch } => {
            (FaultAnswer::Merged, on_its_way_until(merged, watch.as_ref(), now))
        }
        State::Rejected { cleanup: Cleanup::TooLate, .. } => (FaultAnswer::Merged, later(ended, MERGED_FOR)),
        State::Rejected { .. } => (FaultAnswer::Dismissed, other.rests_until(ended)),
        // The code is about to change under whoever looks now.
        State::Regressed { roll_back: RollBack::Approved { .. } | RollBack::Opened { .. }, .. } => {
            return FaultStatus::Deciding;
        }
        State::Regressed { came_back, .. } => return did_not_hold(came_back.at, new, now),
        State::RolledBack { decision, .. } => return did_not_hold(decision.at, new, now),
        State::Failed { pull_request: Some(_), .. } => (FaultAnswer::LeftToPeople, other.rests_until(ended)),
        State::Failed { .. } | State::Skipped { .. } if is_answer(other) => {
            (FaultAnswer::NoFix, other.rests_until(ended))
        }
        State::Failed { .. } | State::Skipped { .. } => return FaultStatus::Free,
    };
    if (asks_again(new) && answer != FaultAnswer::Merged) || until <= now {
        FaultStatus::Free
    } else {
        FaultStatus::Ended { answer, until }
    }
}

/// A fix that did not hold is no answer. People get some time to roll it back, and its revert to be deployed, before the
/// fault is looked at again.
fn did_not_hold(since: Timestamp, new: &Attempt, now: Timestamp) -> FaultStatus {
    if asks_again(new) || later(since, AFTER_TROUBLE) <= now {
        FaultStatus::Free
    } else {
        FaultStatus::Deciding
    }
}

fn asks_again(new: &Attempt) -> bool {
    new.occasion != Occasion::Reported || new.retry.is_some()
}

/// Until when reports of a merged fault may come from a release without the fix: until it is live, and else for as long as
/// the merge is watched.
fn on_its_way_until(merged: &Merged, watch: Option<&Watch>, now: Timestamp) -> Timestamp {
    match (&merged.deployment, watch) {
        (Some(Deployment { rollout: Rollout::Live, at, .. }), _) => later(*at, LIVE_AFTER),
        (_, Some(watch)) => watch.until.max(later(now, LIVE_AFTER)), // the worker ends it, not the time alone
        (_, None) => later(merged.at, MERGED_FOR),
    }
}

/// Whether an end without a pull request says something about the fault that will not change by itself. What was not paid
/// for is looked at again for nothing, and settings may have changed.
fn is_answer(other: &Attempt) -> bool {
    match other.rest() {
        Rest::LeftToPeople => true,
        Rest::Answered => other.usage.turns > 0 && !other.state.reasons().iter().any(is_trouble),
        Rest::Trouble | Rest::UntilTomorrow => false,
    }
}

/// Whether the analysis ended for want of money, a model that works, or code that can be read: that says nothing about the
/// fault.
fn is_trouble(reason: &Reason) -> bool {
    matches!(
        reason.code,
        ReasonCode::BudgetSpent
            | ReasonCode::DailyBudgetSpent
            | ReasonCode::ClaudeRefused
            | ReasonCode::ClaudeUnavailable
            | ReasonCode::StuckInLoop
            | ReasonCode::FieldMissing
            | ReasonCode::EditEmptySearch
            | ReasonCode::EditNoChange
            | ReasonCode::EditNotFound
            | ReasonCode::EditAmbiguous
            | ReasonCode::EditOverlap
            | ReasonCode::EditUnknownFile
            | ReasonCode::SnapshotUnreadable
            | ReasonCode::RepositoryFileUnreadable
            | ReasonCode::RepositoryNotFound
            | ReasonCode::GithubRefused
            | ReasonCode::SentryUnavailable
            | ReasonCode::RetriesUsedUp
            | ReasonCode::InternalError
    )
}

/// What kind of end it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
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

    fn rest(&self) -> Rest {
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
                    | ReasonCode::InternalError
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

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// The next midnight, UTC: budgets are per UTC day.
fn tomorrow(now: Timestamp) -> Timestamp {
    let midnight = now.to_zoned(TimeZone::UTC).date().to_zoned(TimeZone::UTC);
    midnight.map_or(later(now, DAY), |midnight| later(midnight.timestamp(), DAY))
}

#[cfg(test)]
mod tests {
    use super::super::matrix::{attempt, later as in_five_minutes, now, states};
    use super::*;

    fn new(occasion: Occasion) -> Attempt {
        Attempt { occasion, ..attempt(State::Analyzing { base_sha: None }) }
    }

    fn shown(standing: FaultStatus) -> String {
        match standing {
            FaultStatus::Ended { answer, until } => {
                format!("{answer:?} for {} h", until.duration_since(now()).as_hours())
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn what_each_state_means_for_another_attempt_with_the_same_fault() {
        let mut table = String::new();
        for (name, state) in states() {
            let mut other = attempt(state);
            other.completed_at = Some(now());
            other.usage.turns = 1;
            let seen = |occasion| shown(fault_status(&other, &new(occasion), in_five_minutes()));
            table.push_str(&format!(
                "{name:<24} {:<28} came back: {}\n",
                seen(Occasion::Reported),
                seen(Occasion::CameBack)
            ));
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn only_an_answer_that_was_paid_for_and_stays_true_holds() {
        let check = |code: ReasonCode, turns: u32, expected: bool| {
            let reasons = vec![Reason::new(code, "because")];
            let mut other = attempt(State::Skipped { reasons, fix: None });
            other.completed_at = Some(now());
            other.usage.turns = turns;
            let holds = matches!(
                fault_status(&other, &new(Occasion::Reported), now()),
                FaultStatus::Ended { answer: FaultAnswer::NoFix, .. }
            );
            assert_eq!(holds, expected, "{code} after {turns} turns");
        };
        check(ReasonCode::NeedsHuman, 3, true);
        check(ReasonCode::LowConfidence, 9, true);
        check(ReasonCode::BudgetSpent, 9, false);
        check(ReasonCode::StuckInLoop, 9, false);
        check(ReasonCode::EditNotFound, 9, false);
        check(ReasonCode::SnapshotUnreadable, 9, false);
        check(ReasonCode::DryRun, 9, true);
        check(ReasonCode::SentryAgentTookOver, 0, true);
        check(ReasonCode::NoAppFrame, 0, false);
        check(ReasonCode::DisabledByRepository, 0, false);
        check(ReasonCode::AlreadyFixed, 0, false);
        check(ReasonCode::DailyBudgetSpent, 2, false);
        check(ReasonCode::ClaudeUnavailable, 2, false);
        check(ReasonCode::RetriesUsedUp, 2, false);
    }

    #[test]
    fn an_answer_runs_out() {
        let (_, merged) = states().into_iter().find(|(name, _)| *name == "deployed, not watched").unwrap();
        let mut other = attempt(merged);
        other.completed_at = Some(now());
        let at = |time| fault_status(&other, &new(Occasion::CameBack), time);
        let end = now() + MERGED_FOR;
        assert_eq!(at(now()), FaultStatus::Ended { answer: FaultAnswer::Merged, until: end });
        assert_ne!(at(end - SignedDuration::from_secs(1)), FaultStatus::Free);
        assert_eq!(at(end), FaultStatus::Free);
    }
}
