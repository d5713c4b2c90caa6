//! The states of an attempt, each with the data that exists in it and not before.
//!
//! A new one begins here: the compiler then names each `match` that needs it, and `matrix.rs` wants one example of it. Look
//! by hand at what asks for some states only, `_` and `matches!`: `can_be_tried_again`, `is_live`, `offer` and the like.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::merged::{CameBack, Merged, Reverted, RollBack, Telling, Watch};
use super::offer::{Fix, Offer, PullRequest};
use super::people::{Decision, Dismissal};
use crate::reason::Reason;
use crate::words::word_enum;

word_enum! {
    /// The words of `status` in the API.
    pub enum Status {
        Pending = "pending",
        Analyzing = "analyzing",
        PrCreated = "pr_created",
        AwaitingApproval = "awaiting_approval",
        Approved = "approved",
        Deployed = "deployed",
        Rejected = "rejected",
        Failed = "failed",
        Skipped = "skipped",
        Verified = "verified",
        Regressed = "regressed",
        RolledBack = "rolled_back",
    }
}

/// Where an attempt stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum State {
    /// Accepted, not yet looked at.
    Pending,
    /// Being analysed; once the base commit is pinned it stays the same.
    Analyzing { base_sha: Option<String> },
    /// A fix that passed every gate and is not on GitHub yet. For the API this is still `analyzing`. `slot_taken` says that the
    /// pull request counts among the repository's open ones: from then on it may be there, whatever this state says.
    Proposed {
        fix: Fix,
        #[serde(default)]
        slot_taken: bool,
    },
    /// The fix does not fit the base any more: its pull request is closed, then the analysis begins again. For the
    /// API this is `analyzing` again.
    Withdrawing { offer: Offer },
    /// The pull request is open and its checks run, or are red.
    PrCreated { offer: Offer },
    /// Deploy is armed. `problem` is what stopped the last try to merge.
    AwaitingApproval { offer: Offer, problem: Option<Reason> },
    /// A person wants it merged. `queued` says since when GitHub's merge queue, or its auto-merge, has it.
    Approved { offer: Offer, decision: Decision, queued: Option<Queued> },
    Rejected {
        fix: Fix,
        pull_request: PullRequest,
        decision: Decision,
        cleanup: Cleanup,
        /// Why, where the person said so.
        dismissal: Option<Dismissal>,
    },
    /// Merged. `watch` is there while AutoFix looks for the deploy and for new events.
    Deployed { merged: Merged, watch: Option<Watch> },
    /// Quiet for the whole window. `sentry` is what Sentry has yet to be told.
    Verified { merged: Merged, sentry: Telling },
    /// The error came back in a release that contains the fix. `look` is there while AutoFix looks whether a person takes
    /// the fix back on GitHub.
    Regressed { merged: Merged, came_back: CameBack, roll_back: RollBack, look: Option<Watch> },
    /// The fix is off the base branch again. `came_back` is `None` where a person saw to it before AutoFix saw the error.
    RolledBack { merged: Merged, came_back: Option<CameBack>, revert: Reverted, decision: Decision },
    /// Something outside failed for good. An open pull request stays for people.
    Failed { reason: Reason, fix: Option<Fix>, pull_request: Option<PullRequest> },
    /// Ended without a pull request, on purpose. `reasons` is never empty; `fix` is what was not opened.
    Skipped { reasons: Vec<Reason>, fix: Option<Fix> },
}

/// What is left of a dismissed fix on GitHub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cleanup {
    Owed,
    Done,
    /// GitHub did not let us close it.
    LeftOpen,
    /// Someone merged it on GitHub before it could be closed.
    TooLate,
}

/// A merge that GitHub does in its own time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queued {
    pub since: Timestamp,
    pub look_at: Timestamp,
}

/// What an attempt has of its repository's pull request slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// It has one or waits for one, and gives it back by itself.
    Has,
    /// It has ended, and its pull request may stand open for people. GitHub knows whether it still does.
    LeftOpen,
    None,
}

impl State {
    pub fn status(&self) -> Status {
        match self {
            State::Pending => Status::Pending,
            State::Analyzing { .. } | State::Proposed { .. } | State::Withdrawing { .. } => Status::Analyzing,
            State::PrCreated { .. } => Status::PrCreated,
            State::AwaitingApproval { .. } => Status::AwaitingApproval,
            State::Approved { .. } => Status::Approved,
            State::Rejected { .. } => Status::Rejected,
            State::Deployed { .. } => Status::Deployed,
            State::Verified { .. } => Status::Verified,
            State::Regressed { .. } => Status::Regressed,
            State::RolledBack { .. } => Status::RolledBack,
            State::Failed { .. } => Status::Failed,
            State::Skipped { .. } => Status::Skipped,
        }
    }

    pub fn fix(&self) -> Option<&Fix> {
        match self {
            State::Pending | State::Analyzing { .. } => None,
            State::Proposed { fix, .. } | State::Rejected { fix, .. } => Some(fix),
            State::Withdrawing { offer }
            | State::PrCreated { offer }
            | State::AwaitingApproval { offer, .. }
            | State::Approved { offer, .. } => Some(&offer.fix),
            State::Deployed { merged, .. }
            | State::Verified { merged, .. }
            | State::Regressed { merged, .. }
            | State::RolledBack { merged, .. } => Some(&merged.fix),
            State::Failed { fix, .. } | State::Skipped { fix, .. } => fix.as_ref(),
        }
    }

    pub fn pull_request(&self) -> Option<&PullRequest> {
        match self {
            State::Pending | State::Analyzing { .. } | State::Proposed { .. } | State::Skipped { .. } => None,
            State::Rejected { pull_request, .. } => Some(pull_request),
            State::Withdrawing { offer }
            | State::PrCreated { offer }
            | State::AwaitingApproval { offer, .. }
            | State::Approved { offer, .. } => Some(&offer.pull_request),
            State::Deployed { merged, .. }
            | State::Verified { merged, .. }
            | State::Regressed { merged, .. }
            | State::RolledBack { merged, .. } => Some(&merged.pull_request),
            State::Failed { pull_request, .. } => pull_request.as_ref(),
        }
    }

    /// The fix with its open pull request, where there is one under way.
    pub fn offer(&self) -> Option<&Offer> {
        match self {
            State::PrCreated { offer }
            | State::AwaitingApproval { offer, .. }
            | State::Approved { offer, .. } => Some(offer),
            _ => None, // before or after an open pull request
        }
    }

    pub(super) fn offer_mut(&mut self) -> Option<&mut Offer> {
        match self {
            State::PrCreated { offer }
            | State::AwaitingApproval { offer, .. }
            | State::Approved { offer, .. } => Some(offer),
            _ => None, // as above
        }
    }

    /// What was merged.
    pub fn merged(&self) -> Option<&Merged> {
        match self {
            State::Deployed { merged, .. }
            | State::Verified { merged, .. }
            | State::Regressed { merged, .. }
            | State::RolledBack { merged, .. } => Some(merged),
            _ => None, // nothing is merged before that
        }
    }

    /// The pull request of ours that takes a merged fix back.
    pub fn revert(&self) -> Option<&PullRequest> {
        match self {
            State::RolledBack { revert: Reverted::ByPullRequest { pull_request: revert }, .. }
            | State::Regressed { roll_back: RollBack::Opened { revert, .. }, .. } => Some(revert),
            _ => None, // nobody asked for the way back, it is not opened yet, or a person did it
        }
    }

    /// The latest decision of a person.
    pub fn decision(&self) -> Option<&Decision> {
        match self {
            State::Approved { decision, .. }
            | State::Rejected { decision, .. }
            | State::RolledBack { decision, .. } => Some(decision),
            State::Regressed { merged, roll_back, .. } => roll_back.decision().or(Some(&merged.decision)),
            State::Deployed { merged, .. } | State::Verified { merged, .. } => Some(&merged.decision),
            State::Pending
            | State::Analyzing { .. }
            | State::Proposed { .. }
            | State::Withdrawing { .. }
            | State::PrCreated { .. }
            | State::AwaitingApproval { .. }
            | State::Failed { .. }
            | State::Skipped { .. } => None,
        }
    }

    /// What stopped the last try to do what a person asked for.
    pub fn problem(&self) -> Option<&Reason> {
        match self {
            State::AwaitingApproval { problem, .. } => problem.as_ref(),
            State::Regressed { roll_back: RollBack::Refused { reason }, .. } => Some(reason),
            _ => None, // only a button that is there can have been pressed in vain
        }
    }

    /// Why it ended without a fix, most important first; empty elsewhere.
    pub fn reasons(&self) -> &[Reason] {
        match self {
            State::Failed { reason, .. } => std::slice::from_ref(reason),
            State::Skipped { reasons, .. } => reasons,
            _ => &[], // every other state is either under way or ended well
        }
    }

    /// Whether it has a slot among the open pull requests of AutoFix in its repository.
    pub fn slot(&self) -> Slot {
        match self {
            State::Proposed { .. }
            | State::Withdrawing { .. }
            | State::PrCreated { .. }
            | State::AwaitingApproval { .. }
            | State::Approved { .. }
            | State::Rejected { cleanup: Cleanup::Owed, .. } => Slot::Has,
            State::Rejected { cleanup: Cleanup::LeftOpen, .. } => Slot::LeftOpen,
            // A worker that died between opening the pull request and saving that leaves one that no state knows of.
            State::Failed { fix: Some(_), .. } | State::Skipped { .. } => Slot::LeftOpen,
            State::Failed { fix: None, .. }
            | State::Pending
            | State::Analyzing { .. }
            | State::Rejected { cleanup: Cleanup::Done | Cleanup::TooLate, .. }
            | State::Deployed { .. }
            | State::Verified { .. }
            | State::Regressed { .. }
            | State::RolledBack { .. } => Slot::None,
        }
    }

    /// Whether the attempt still holds the claim on its Sentry issue: until it has ended, and after a merge for as
    /// long as it is watched.
    pub fn is_live(&self) -> bool {
        match self {
            State::Deployed { watch, .. } => watch.is_some(),
            state => !state.status().is_end(),
        }
    }
}

impl Status {
    /// Whether an attempt with this status has, for the API, come to an end.
    pub(super) fn is_end(self) -> bool {
        match self {
            Status::Deployed
            | Status::Verified
            | Status::Regressed
            | Status::RolledBack
            | Status::Rejected
            | Status::Failed
            | Status::Skipped => true,
            Status::Pending
            | Status::Analyzing
            | Status::PrCreated
            | Status::AwaitingApproval
            | Status::Approved => false,
        }
    }
}
