//! What to do next with an attempt: the only place that decides it.

use jiff::{SignedDuration, Timestamp};

use super::Attempt;
use super::event::variant_name;
use super::merged::{Merged, RollBack, Telling, Watch};
use super::offer::{FailedCheck, Fix, NextHead, Offer, PullRequest};
use super::people::Decision;
use super::proof::{Proof, ProofStage, RegressionTest};
use super::shadow::Shadow;
use super::state::{Cleanup, Queued, State};

/// How long a step may fail, if no service is down, before the attempt ends as `failed`.
pub const LONGEST_TROUBLE: SignedDuration = SignedDuration::from_hours(8);
/// How long a step waits at most for a service that is down. Whoever looks at an error a day later starts better from
/// what Sentry says then.
pub const LONGEST_OUTAGE: SignedDuration = SignedDuration::from_hours(24);

/// One thing the worker does, with the data of the state that it is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step<'a> {
    /// Takes up the attempt.
    Start,
    /// Before anything is paid for: the stack trace, whether another attempt has the fault, and the commit to look at.
    Prepare,
    /// Looks for the cause and a fix.
    Analyze { base_sha: &'a str },
    /// Waits until the repository has few enough open pull requests.
    TakeSlot { fix: &'a Fix },
    /// Writes the regression test that is to prove the fix.
    WriteTest { fix: &'a Fix },
    /// Opens the pull request with the test alone, so that CI runs it without the fix.
    OpenTest { fix: &'a Fix, test: &'a RegressionTest },
    /// Opens the pull request with the fix.
    OpenPullRequest { fix: &'a Fix },
    /// Names the issues that joined in the pull request.
    ListIssues { pull_request: &'a PullRequest },
    /// Looks at CI's run of the test without the fix.
    LookAtTest { offer: &'a Offer, test: &'a RegressionTest },
    /// Looks at the head's checks, and at what people did on GitHub.
    LookAtChecks { offer: &'a Offer },
    /// Red checks: a repair, or a word about why there is none.
    Repair { offer: &'a Offer, failed: &'a [FailedCheck] },
    /// Makes the commit that was decided on the head of the pull request.
    MoveHead { offer: &'a Offer, next: &'a NextHead },
    /// Merges the commit that was approved.
    Merge { offer: &'a Offer, decision: &'a Decision },
    /// Looks at a merge that GitHub does in its own time.
    AwaitMerge { offer: &'a Offer, queued: &'a Queued },
    /// Closes the pull request of a fix that does not fit the base any more.
    Withdraw { pull_request: &'a PullRequest },
    /// Closes the pull request that was dismissed.
    CleanUp { pull_request: &'a PullRequest },
    /// After the merge: its deploy, and new events of the error.
    Watch { merged: &'a Merged, watch: &'a Watch },
    /// After the error came back: whether a person took the fix back.
    LookForRevert { merged: &'a Merged, look: &'a Watch },
    /// Tells Sentry of a verified fix.
    TellSentry { merged: &'a Merged },
    /// In a dry run: whether people fixed the error themselves, and how.
    LookForPeoplesFix { watch: &'a Watch },
    /// Opens the pull request that takes a merged fix back.
    OpenRevert { merged: &'a Merged, decision: &'a Decision },
    /// Merges it.
    MergeRevert { merged: &'a Merged, decision: &'a Decision, revert: &'a PullRequest },
    /// Brings the card in Slack up to date.
    ShowCard,
}

impl Step<'_> {
    /// What it is, without its data, for logs and metrics.
    pub fn name(&self) -> String {
        variant_name(self)
    }
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Next<'a> {
    Do(Step<'a>),
    /// Nothing until this time.
    WaitUntil(Timestamp),
    /// Nothing any more.
    Ended,
}

impl Attempt {
    /// What to do now. A card that is owed comes first: people should not wait for machines.
    pub fn next_step(&self, now: Timestamp) -> Next<'_> {
        let card = self.card_step(now);
        if card == Some(Next::Do(Step::ShowCard)) {
            return Next::Do(Step::ShowCard);
        }
        earlier(self.next_work(now), card)
    }

    /// What to do now beside the card.
    pub fn next_work(&self, now: Timestamp) -> Next<'_> {
        let work = match self.owed_issues() {
            Some(pull_request) => Next::Do(Step::ListIssues { pull_request }),
            None => work_of(&self.state, self.proof.as_ref(), now),
        };
        let work = match (work, &self.shadow) {
            (Next::Ended, Some(Shadow::LookedFor { watch })) => {
                not_before(watch.look_at, Step::LookForPeoplesFix { watch }, now)
            }
            (work, _) => work,
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

    /// The pull request that lacks issues that joined. While people's click is being carried out, that goes first.
    fn owed_issues(&self) -> Option<&PullRequest> {
        let shown = matches!(
            self.state,
            State::PrCreated { .. } | State::AwaitingApproval { .. } | State::Deployed { .. }
        );
        self.state.pull_request().filter(|_| shown && self.joined.listed < self.joined.count())
    }

    fn card_step(&self, now: Timestamp) -> Option<Next<'_>> {
        if self.card.shown >= self.card.wanted {
            return None;
        }
        Some(match self.card.not_before {
            Some(time) => not_before(time, Step::ShowCard, now),
            None => Next::Do(Step::ShowCard),
        })
    }
}

fn work_of<'a>(state: &'a State, proof: Option<&'a Proof>, now: Timestamp) -> Next<'a> {
    let stage = proof.map(|proof| &proof.stage);
    match state {
        State::Pending => Next::Do(Step::Start),
        State::Analyzing { base_sha: None } => Next::Do(Step::Prepare),
        State::Analyzing { base_sha: Some(base_sha) } => Next::Do(Step::Analyze { base_sha }),
        State::Proposed { fix, slot_taken: false } => Next::Do(Step::TakeSlot { fix }),
        State::Proposed { fix, slot_taken: true } => Next::Do(match stage {
            Some(ProofStage::Wanted) => Step::WriteTest { fix },
            Some(ProofStage::Written { test }) => Step::OpenTest { fix, test },
            None
            | Some(
                ProofStage::WithoutFix { .. }
                | ProofStage::WithFix { .. }
                | ProofStage::Proved { .. }
                | ProofStage::NotProved { .. },
            ) => Step::OpenPullRequest { fix },
        }),
        State::PrCreated { offer } | State::AwaitingApproval { offer, .. } => match stage {
            Some(ProofStage::WithoutFix { test }) if offer.next.is_none() => {
                not_before(offer.look_at, Step::LookAtTest { offer, test }, now)
            }
            _ => work_on_offer(offer, now), // the head has the fix, or is about to move
        },
        State::Approved { offer, decision, queued: None } => Next::Do(Step::Merge { offer, decision }),
        State::Approved { offer, queued: Some(queued), .. } => {
            not_before(queued.look_at, Step::AwaitMerge { offer, queued }, now)
        }
        State::Withdrawing { offer } => Next::Do(Step::Withdraw { pull_request: &offer.pull_request }),
        State::Rejected { pull_request, cleanup: Cleanup::Owed, .. } => {
            Next::Do(Step::CleanUp { pull_request })
        }
        State::Deployed { merged, watch: Some(watch) } => {
            not_before(watch.look_at, Step::Watch { merged, watch }, now)
        }
        State::Verified { merged, sentry: Telling::Owed } => Next::Do(Step::TellSentry { merged }),
        State::Regressed { merged, roll_back: RollBack::Approved { decision }, .. } => {
            Next::Do(Step::OpenRevert { merged, decision })
        }
        State::Regressed { merged, roll_back: RollBack::Opened { decision, revert, look_at }, .. } => {
            not_before(*look_at, Step::MergeRevert { merged, decision, revert }, now)
        }
        State::Regressed {
            merged,
            roll_back: RollBack::Offered | RollBack::Refused { .. },
            look: Some(look),
            ..
        } => not_before(look.look_at, Step::LookForRevert { merged, look }, now),
        State::Rejected { cleanup: Cleanup::Done | Cleanup::LeftOpen | Cleanup::TooLate, .. }
        | State::Deployed { watch: None, .. }
        | State::Verified { sentry: Telling::Done | Telling::Refused, .. }
        | State::Regressed { roll_back: RollBack::Offered | RollBack::Refused { .. }, look: None, .. }
        | State::RolledBack { .. }
        | State::Failed { .. }
        | State::Skipped { .. } => Next::Ended,
    }
}

fn work_on_offer(offer: &Offer, now: Timestamp) -> Next<'_> {
    match (&offer.next, offer.to_repair()) {
        (Some(next), _) => Next::Do(Step::MoveHead { offer, next }),
        (None, Some(failed)) => Next::Do(Step::Repair { offer, failed }),
        (None, None) => not_before(offer.look_at, Step::LookAtChecks { offer }, now),
    }
}

fn not_before<'a>(time: Timestamp, step: Step<'a>, now: Timestamp) -> Next<'a> {
    if time > now { Next::WaitUntil(time) } else { Next::Do(step) }
}

/// The work, unless the card has to be tried again before that.
fn earlier<'a>(work: Next<'a>, card: Option<Next<'a>>) -> Next<'a> {
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
