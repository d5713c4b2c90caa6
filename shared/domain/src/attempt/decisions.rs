//! The transitions that people make with more than one word: approvals that add up, and another try
//! after the end.

use jiff::Timestamp;

use super::event::{Refusal, refusal};
use super::offer::Offer;
use super::people::{Approval, Retried};
use super::state::{Cleanup, Decision, State};
use super::{Attempt, Clicked, Event};
use crate::reason::{Reason, ReasonCode};
use crate::report::BlastRadius;

impl Attempt {
    /// How far the fix reaches: the wider of what the analysis says and what code counted. `None` where one of them is
    /// not known.
    pub fn blast_radius(&self) -> Option<BlastRadius> {
        let said = self.analysis.as_ref()?.blast_radius?;
        Some(said.max(self.state.fix()?.reach.as_ref()?.radius()))
    }

    /// How many different people have to approve the fix, where `asked` have to for one that reaches beyond its own
    /// place. At least 1.
    pub fn approvals_needed(&self, asked: u32) -> u32 {
        match self.blast_radius() {
            Some(BlastRadius::Isolated) => 1,
            Some(BlastRadius::Moderate | BlastRadius::Wide) | None => asked.max(1),
        }
    }

    /// Whether a person may have this attempt tried again with a hint: it ended without a merge or was rolled back, no
    /// other try was made of it, and another analysis could come to another end.
    pub fn can_be_tried_again(&self) -> bool {
        let hopeless = |reason: &Reason| {
            matches!(
                reason.code,
                // Nothing was recorded; someone else has it, or is at work on the same fault; people took the branch over.
                ReasonCode::HourlyLimit
                    | ReasonCode::SameFaultJoined
                    | ReasonCode::SentryAgentTookOver
                    | ReasonCode::DisabledByRepository
                    | ReasonCode::BranchMoved
            )
        };
        let ended = match &self.state {
            State::Rejected { cleanup, .. } => *cleanup != Cleanup::TooLate,
            State::Failed { .. } | State::Skipped { .. } => !self.state.reasons().iter().any(hopeless),
            State::RolledBack { .. } => true,
            _ => false, // it has not ended, or its fix is merged
        };
        ended && self.retried.is_none()
    }

    /// One more approval of the head; the last one that is needed approves the merge. After a merge that GitHub refused
    /// the approvals stand: any of the same people may have it tried again.
    pub(super) fn approved(
        &mut self,
        mut offer: Offer,
        problem: Option<Reason>,
        (decision, needed): (Decision, u32),
        now: Timestamp,
    ) -> Result<State, Refusal> {
        offer.approvals.needed = needed.max(1);
        if !offer.approvals.has(&decision.by) {
            offer.approvals.given.push(Approval { by: decision.by.clone(), at: now });
        } else if !offer.approvals.are_enough() {
            return Err(Refusal::ApprovedByYou { missing: offer.approvals.missing() });
        }
        self.clicked(&decision);
        if !offer.approvals.are_enough() {
            let given = offer.approvals.given.len();
            self.show(now, format!("Approved by {}, {given} of {needed}", decision.by));
            return Ok(State::AwaitingApproval { offer, problem });
        }
        self.show(now, format!("Approved by {}", decision.by));
        self.approved_at = Some(now);
        Ok(State::Approved { offer, decision, queued: None })
    }

    /// Another try was started. An open pull request that nobody took over makes room for it.
    pub(super) fn tried_again(&mut self, retried: Retried, now: Timestamp) -> Result<State, Refusal> {
        if let Some(earlier) = &self.retried {
            return Err(Refusal::AlreadyTriedAgain { by: earlier.by.clone() });
        }
        if !self.can_be_tried_again() {
            return Err(refusal(&self.state, &Event::TriedAgain { retried }));
        }
        self.show(
            now,
            match &retried.by {
                Some(by) => format!("Tried again by {by}"),
                None => format!("Sentry brought the stack trace: attempt {} looks at it", retried.into),
            },
        );
        let by = retried.by.clone();
        self.retried = Some(retried);
        Ok(match (self.state.clone(), by) {
            (State::Failed { fix: Some(fix), pull_request: Some(pull_request), .. }, Some(by)) => {
                let decision = Decision { by, at: now, response_url: None };
                State::Rejected { fix, pull_request, decision, cleanup: Cleanup::Owed, dismissal: None }
            }
            (state, _) => state,
        })
    }

    /// Where there is no bot token, the card that was clicked can be changed for a while.
    pub(super) fn clicked(&mut self, decision: &Decision) {
        if let Some(response_url) = decision.response_url.clone() {
            self.card.clicked = Some(Clicked { response_url, at: decision.at });
        }
    }
}
