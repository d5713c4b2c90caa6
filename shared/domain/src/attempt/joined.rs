//! Sentry issues of the same fault that joined an attempt: its fix is for them as well, and its pull request and its card
//! name them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Attempt, AttemptId, PullRequest, State};
use crate::cleaning;

/// Characters kept of an issue's title.
const MAX_TITLE_CHARS: usize = 200;

/// Issues that joined one attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The first ones, at most [`Joined::MAX`].
    pub issues: Vec<JoinedIssue>,
    /// How many joined beyond those.
    pub more: u32,
    /// How many of them all the pull request names already: the attempt owes it the rest.
    pub listed: u32,
}

/// An issue that joined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinedIssue {
    /// The attempt that the issue would have been.
    pub attempt: AttemptId,
    pub sentry_issue_id: String,
    pub sentry_url: Option<String>,
    pub title: String,
    pub at: Timestamp,
}

impl Joined {
    /// Issues that are kept by name: the record of an attempt has to fit into a table item.
    pub const MAX: usize = 20;

    /// How many joined.
    pub fn count(&self) -> u32 {
        u32::try_from(self.issues.len()).unwrap_or(u32::MAX).saturating_add(self.more)
    }
}

impl Attempt {
    /// Takes an issue in. One that is known already changes nothing, which makes a repeat harmless.
    pub(super) fn take_in(&mut self, issue: JoinedIssue, now: Timestamp) {
        let own = self.subject.sentry_issue_id == issue.sentry_issue_id;
        let known = |known: &JoinedIssue| known.sentry_issue_id == issue.sentry_issue_id;
        if own || self.joined.issues.iter().any(known) {
            return;
        }
        if self.joined.issues.len() < Joined::MAX {
            self.note(now, format!("Sentry issue {} is the same fault", issue.sentry_issue_id));
            let title = cleaning::one_line(&issue.title, MAX_TITLE_CHARS);
            self.joined.issues.push(JoinedIssue { title, ..issue });
        } else {
            self.joined.more = self.joined.more.saturating_add(1);
        }
        self.card.wanted += 1;
    }

    /// The pull request that lacks issues that joined. While people's click is being carried out, that goes first.
    pub(super) fn owed_issues(&self) -> Option<&PullRequest> {
        let shown = matches!(
            self.state,
            State::PrCreated { .. } | State::AwaitingApproval { .. } | State::Deployed { .. }
        );
        self.state.pull_request().filter(|_| shown && self.joined.listed < self.joined.count())
    }
}
