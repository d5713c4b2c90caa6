//! What to do next with an attempt: the only place that decides it.

use jiff::{SignedDuration, Timestamp};

use super::Attempt;
use super::merged::{RollBack, Telling};
use super::state::{Cleanup, State};

/// How long a step may fail, if no service is down, before the attempt ends as `failed`.
pub const LONGEST_TROUBLE: SignedDuration = SignedDuration::from_hours(8);
/// How long a step waits at most for a service that is down. Whoever looks at an error a day later starts better from
/// what Sentry says then.
pub const LONGEST_OUTAGE: SignedDuration = SignedDuration::from_hours(24);

/// One thing the worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Analyze,
    OpenPullRequest,
    /// Name the issues that joined in the pull request.
    ListIssues,
    LookAtChecks,
    /// Red checks: a repair, or a word about why there is none.
    Repair,
    /// Makes the commit that was decided on the head of the pull request.
    MoveHead,
    Merge,
    CleanUp,
    /// After the merge: its deploy, and new events of the error.
    Watch,
    /// After the error came back: whether a person took the fix back.
    LookForRevert,
    TellSentry,
    RollBack,
    ShowCard,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Do(Step),
    /// Nothing until this time.
    WaitUntil(Timestamp),
    /// Nothing any more.
    Ended,
}

impl Attempt {
    /// What to do now. A card that is owed comes first: people should not wait for machines.
    pub fn next_step(&self, now: Timestamp) -> Next {
        let card = self.card_step(now);
        if card == Some(Next::Do(Step::ShowCard)) {
            return Next::Do(Step::ShowCard);
        }
        earlier(self.next_work(now), card)
    }

    /// What to do now beside the card.
    pub fn next_work(&self, now: Timestamp) -> Next {
        let work = match &self.state {
            _ if self.owes_issues() => Next::Do(Step::ListIssues),
            State::Pending | State::Analyzing { .. } => Next::Do(Step::Analyze),
            State::Proposed { .. } => Next::Do(Step::OpenPullRequest),
            State::PrCreated { offer } if offer.next.is_some() => Next::Do(Step::MoveHead),
            State::PrCreated { offer } if offer.wants_repair() => Next::Do(Step::Repair),
            State::PrCreated { offer } | State::AwaitingApproval { offer, .. } => {
                not_before(offer.look_at, Step::LookAtChecks, now)
            }
            State::Approved { queued: None, .. } => Next::Do(Step::Merge),
            State::Approved { queued: Some(queued), .. } => not_before(queued.look_at, Step::Merge, now),
            State::Withdrawing { .. } | State::Rejected { cleanup: Cleanup::Owed, .. } => {
                Next::Do(Step::CleanUp)
            }
            State::Deployed { watch: Some(watch), .. } => not_before(watch.look_at, Step::Watch, now),
            State::Verified { sentry: Telling::Owed, .. } => Next::Do(Step::TellSentry),
            State::Regressed { roll_back: RollBack::Approved { .. }, .. } => Next::Do(Step::RollBack),
            State::Regressed { roll_back: RollBack::Opened { look_at, .. }, .. } => {
                not_before(*look_at, Step::RollBack, now)
            }
            State::Regressed {
                roll_back: RollBack::Offered | RollBack::Refused { .. },
                look: Some(look),
                ..
            } => not_before(look.look_at, Step::LookForRevert, now),
            State::Rejected { cleanup: Cleanup::Done | Cleanup::LeftOpen | Cleanup::TooLate, .. }
            | State::Deployed { watch: None, .. }
            | State::Verified { sentry: Telling::Done | Telling::Refused, .. }
            | State::Regressed {
                roll_back: RollBack::Offered | RollBack::Refused { .. }, look: None, ..
            }
            | State::RolledBack { .. }
            | State::Failed { .. }
            | State::Skipped { .. } => Next::Ended,
        };
        let work = match (work, self.trouble.not_before) {
            (Next::Do(step), Some(time)) => not_before(time, step, now),
            (work, _) => work,
        };
        match (work, &self.wait) {
            (Next::Do(step), Some(wait)) => not_before(wait.look_at, step, now),
            (work, _) => work,
        }
    }

    fn card_step(&self, now: Timestamp) -> Option<Next> {
        if self.card.shown >= self.card.wanted {
            return None;
        }
        Some(match self.card.not_before {
            Some(time) => not_before(time, Step::ShowCard, now),
            None => Next::Do(Step::ShowCard),
        })
    }
}

fn not_before(time: Timestamp, step: Step, now: Timestamp) -> Next {
    if time > now { Next::WaitUntil(time) } else { Next::Do(step) }
}

/// The work, unless the card has to be tried again before that.
fn earlier(work: Next, card: Option<Next>) -> Next {
    match (work, card) {
        (Next::WaitUntil(a), Some(Next::WaitUntil(b))) => Next::WaitUntil(a.min(b)),
        (Next::Ended, Some(card)) => card,
        (work, _) => work,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::Trouble;
    use crate::service::Service;

    #[test]
    fn the_hours_of_an_outage_do_not_count_against_what_fails_after_it() {
        let at = |hour: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hour);
        let after_outage = Trouble { since: Some(at(0)), failing_since: None, ..Trouble::default() };
        let failing = Trouble { failing_since: Some(at(10)), ..after_outage.clone() };
        let outage = Some(Service::Anthropic);
        for (trouble, outage_of, hour, gives_up) in [
            (&after_outage, outage, 24, false),
            (&after_outage, outage, 25, true),
            (&after_outage, None, 12, false),
            (&failing, None, 18, false),
            (&failing, None, 19, true),
            (&failing, outage, 19, false),
            (&failing, None, 25, true),
        ] {
            assert_eq!(
                trouble.lasts_too_long(outage_of, at(hour)),
                gives_up,
                "{trouble:?} {outage_of:?} {hour}"
            );
        }
    }
}
