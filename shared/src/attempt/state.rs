//! The states of an attempt, each with the data that exists in it and not before.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
    Analyzing {
        base_sha: Option<String>,
    },
    /// A fix that passed every gate and is not on GitHub yet. For the API this is still `analyzing`.
    Proposed {
        fix: Fix,
    },
    /// The pull request is open and its checks run, or are red.
    PrCreated {
        fix: Fix,
        pull_request: PullRequest,
        since: Timestamp,
        checks: Checks,
        look_at: Timestamp,
    },
    /// Deploy is armed. `problem` is what stopped the last try to merge; `look_at` is when to see whether people
    /// decided on GitHub, or the checks changed.
    AwaitingApproval {
        fix: Fix,
        pull_request: PullRequest,
        since: Timestamp,
        checks: Checks,
        problem: Option<Reason>,
        look_at: Timestamp,
    },
    Approved {
        fix: Fix,
        pull_request: PullRequest,
        since: Timestamp,
        checks: Checks,
        decision: Decision,
    },
    Rejected {
        fix: Fix,
        pull_request: PullRequest,
        decision: Decision,
        cleanup: Cleanup,
    },
    /// Merged. `merge_sha` is `None` where GitHub merged it but its answer was lost.
    Deployed {
        fix: Fix,
        pull_request: PullRequest,
        decision: Decision,
        merge_sha: Option<String>,
    },
    Verified {
        fix: Fix,
        pull_request: PullRequest,
        decision: Decision,
        merge_sha: Option<String>,
    },
    Regressed {
        fix: Fix,
        pull_request: PullRequest,
        decision: Decision,
        merge_sha: Option<String>,
    },
    RolledBack {
        fix: Fix,
        pull_request: PullRequest,
        decision: Decision,
        merge_sha: Option<String>,
    },
    /// Something outside failed for good. An open pull request stays for people.
    Failed {
        reason: Reason,
        fix: Option<Fix>,
        pull_request: Option<PullRequest>,
    },
    /// Ended without a pull request, on purpose. `reasons` is never empty; `fix` is what was not opened.
    Skipped {
        reasons: Vec<Reason>,
        fix: Option<Fix>,
    },
}

/// A fix that passed every gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fix {
    /// Commit that the edits apply to, 40 hex digits.
    pub base_sha: String,
    /// Branch that this commit was the head of.
    pub base_branch: String,
    /// The one file that changes.
    pub file_path: String,
    pub edits: Vec<ProposedEdit>,
    pub explanation: String,
    /// 0 to 1, after the critic and the penalties.
    pub confidence: f64,
    /// Unified diff for people.
    pub diff: String,
    /// SHA-256 of the whole file before the edits, hex: the file is read again before it is committed.
    pub before_sha256: String,
    /// What could not be checked, one sentence each.
    pub unchecked: Vec<String>,
}

/// One search/replace edit of the fix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposedEdit {
    pub search: String,
    pub replace: String,
}

/// An open pull request of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    pub number: u64,
    pub url: String,
    pub branch: String,
    /// The commit that was reviewed; nothing else is ever merged.
    pub head_sha: String,
}

/// What the checks of the head commit say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "are", rename_all = "snake_case")]
pub enum Checks {
    Running,
    /// `failed` names what is red, first ones first.
    Red {
        failed: Vec<String>,
    },
    Green {
        passed: u32,
    },
    /// The repository ran none within the grace period.
    None,
}

/// A person's click.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Slack user id, or [`Decision::ON_GITHUB`].
    pub by: String,
    pub at: Timestamp,
    /// Slack's short-lived address for changing the clicked card; used where no bot token is.
    pub response_url: Option<String>,
}

impl Decision {
    /// Stands for the person where a pull request was merged or closed on GitHub and not by a click.
    pub const ON_GITHUB: &'static str = "github";

    /// A decision that was made on GitHub and noticed now.
    pub fn on_github(now: Timestamp) -> Decision {
        Decision { by: Decision::ON_GITHUB.to_owned(), at: now, response_url: None }
    }
}

/// What is left of a dismissed fix on GitHub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cleanup {
    Owed,
    Done,
    /// Someone merged it on GitHub before it could be closed.
    TooLate,
}

impl State {
    pub fn status(&self) -> Status {
        match self {
            State::Pending => Status::Pending,
            State::Analyzing { .. } | State::Proposed { .. } => Status::Analyzing,
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
            State::Proposed { fix }
            | State::PrCreated { fix, .. }
            | State::AwaitingApproval { fix, .. }
            | State::Approved { fix, .. }
            | State::Rejected { fix, .. }
            | State::Deployed { fix, .. }
            | State::Verified { fix, .. }
            | State::Regressed { fix, .. }
            | State::RolledBack { fix, .. } => Some(fix),
            State::Failed { fix, .. } | State::Skipped { fix, .. } => fix.as_ref(),
        }
    }

    pub fn pull_request(&self) -> Option<&PullRequest> {
        match self {
            State::Pending | State::Analyzing { .. } | State::Proposed { .. } | State::Skipped { .. } => None,
            State::PrCreated { pull_request, .. }
            | State::AwaitingApproval { pull_request, .. }
            | State::Approved { pull_request, .. }
            | State::Rejected { pull_request, .. }
            | State::Deployed { pull_request, .. }
            | State::Verified { pull_request, .. }
            | State::Regressed { pull_request, .. }
            | State::RolledBack { pull_request, .. } => Some(pull_request),
            State::Failed { pull_request, .. } => pull_request.as_ref(),
        }
    }

    pub fn decision(&self) -> Option<&Decision> {
        match self {
            State::Approved { decision, .. }
            | State::Rejected { decision, .. }
            | State::Deployed { decision, .. }
            | State::Verified { decision, .. }
            | State::Regressed { decision, .. }
            | State::RolledBack { decision, .. } => Some(decision),
            State::Pending
            | State::Analyzing { .. }
            | State::Proposed { .. }
            | State::PrCreated { .. }
            | State::AwaitingApproval { .. }
            | State::Failed { .. }
            | State::Skipped { .. } => None,
        }
    }

    /// What stopped the last try to merge.
    pub fn problem(&self) -> Option<&Reason> {
        match self {
            State::AwaitingApproval { problem, .. } => problem.as_ref(),
            _ => None, // only an armed button can have been pressed in vain
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

    /// Whether the attempt still holds the claim on its Sentry issue.
    pub fn is_live(&self) -> bool {
        match self.status() {
            Status::Pending
            | Status::Analyzing
            | Status::PrCreated
            | Status::AwaitingApproval
            | Status::Approved => true,
            Status::Deployed
            | Status::Rejected
            | Status::Failed
            | Status::Skipped
            | Status::Verified
            | Status::Regressed
            | Status::RolledBack => false,
        }
    }
}
