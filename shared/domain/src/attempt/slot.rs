//! Which states take a place among the open pull requests of AutoFix in a repository.

use super::state::{Cleanup, State};

/// What an attempt has of its repository's places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// It has one or waits for one, and gives it back by itself.
    Has,
    /// It has ended, and its pull request may stand open for people. GitHub knows whether it still does.
    LeftOpen,
    None,
}

impl State {
    /// Whether it takes a place.
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
}
