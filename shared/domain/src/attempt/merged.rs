//! A fix after its merge: the deploy that people reported, the watch over the error, and the way back.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::offer::{Fix, PullRequest};
use super::people::Decision;
use crate::reason::Reason;

/// A fix that is on the base branch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Merged {
    pub fix: Fix,
    pub pull_request: PullRequest,
    pub decision: Decision,
    /// Slack user ids of everyone whose approval led to it.
    #[serde(default)]
    pub approved_by: Vec<String>,
    /// The commit on the base branch; `None` where GitHub's answer was lost and it is not looked up yet.
    pub merge_sha: Option<String>,
    pub at: Timestamp,
    /// What GitHub was told about deploys of that commit; `None` as long as nobody reported one.
    pub deployment: Option<Deployment>,
}

/// A deployment of the merge commit, as the platform reported it to GitHub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// The environment's name, from outside.
    pub environment: String,
    pub rollout: Rollout,
    /// When it reached this.
    pub at: Timestamp,
    pub url: Option<String>,
}

/// How far a deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rollout {
    UnderWay,
    Live,
    Failed,
}

/// Until when AutoFix looks for new events of the error, and when it looks next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    pub until: Timestamp,
    pub look_at: Timestamp,
}

/// What Sentry has to be told about a verified fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Telling {
    Owed,
    Done,
    /// Sentry refused to be told; people see it on the card.
    Refused,
}

/// The event with which the error came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CameBack {
    pub event_id: String,
    pub at: Timestamp,
    pub release: Option<String>,
    pub url: Option<String>,
}

/// How far the way back is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum RollBack {
    /// Nobody asked for it.
    Offered,
    /// A person wants it; the revert has no pull request yet.
    Approved { decision: Decision },
    /// The revert is open; `look_at` is when to try to merge it again.
    Opened { decision: Decision, revert: PullRequest, look_at: Timestamp },
    /// It did not work; the button is there again.
    Refused { reason: Reason },
}

impl RollBack {
    pub fn decision(&self) -> Option<&Decision> {
        match self {
            RollBack::Approved { decision } | RollBack::Opened { decision, .. } => Some(decision),
            RollBack::Offered | RollBack::Refused { .. } => None,
        }
    }
}

/// What took a merged fix off the base branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Reverted {
    /// A pull request of ours, which a click asked for.
    ByPullRequest { pull_request: PullRequest },
    /// A person, on GitHub. The commit is `None` where only the file shows it.
    ByHand { commit: Option<String> },
}
