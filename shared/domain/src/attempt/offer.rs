//! A fix on its way to people: the edits, the pull request that holds them, and what its checks say.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::people::Approvals;
use crate::report::Answer;
use crate::report::Effects;
use crate::report::Reach;
use crate::words::word_enum;

/// Commits that AutoFix adds to its own pull request after red checks.
pub const MAX_REPAIRS: usize = 2;
/// Remarks of people that are kept.
pub const MAX_REMARKS: usize = 3;
/// Times that the same edit is put on a newer base, for one attempt.
pub const MAX_REBASES: u32 = 5;

/// A fix that passed every gate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// Which other code uses what it changes; `None` where nobody counted.
    pub reach: Option<Reach>,
    /// What code found about the change, and what it asked the critics.
    #[serde(default)]
    pub effects: Effects,
    /// What the critics answered; of a question that two had to answer, the first one's answer first.
    #[serde(default)]
    pub answers: Vec<Answer>,
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
    /// At least one has not ended.
    Running,
    /// What is red, first ones first; never empty.
    Red { failed: Vec<FailedCheck> },
    /// All that ran have passed.
    Green { passed: u32 },
    /// The repository ran none within the grace period.
    None,
}

/// A check that is red.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedCheck {
    pub name: String,
    /// Where a person can read more.
    pub url: Option<String>,
    /// The last lines of what it says; from outside, redacted.
    pub summary: Option<String>,
}

impl FailedCheck {
    /// A check of which only the name is known.
    pub fn named(name: impl Into<String>) -> FailedCheck {
        FailedCheck { name: name.into(), url: None, summary: None }
    }
}

/// A fix with its open pull request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// What the head commit changes.
    pub fix: Fix,
    pub pull_request: PullRequest,
    /// Since when `pull_request.head_sha` is the head.
    pub since: Timestamp,
    pub checks: Checks,
    /// When to look at the checks, and at what people did on GitHub, again.
    pub look_at: Timestamp,
    /// Commits that were added after red checks, oldest first; at most [`MAX_REPAIRS`].
    pub repairs: Vec<Repair>,
    /// Why red checks are left to people; `None` while a repair may be tried.
    pub handed_over: Option<String>,
    /// How often the edit was put on a newer base.
    pub rebases: u32,
    /// The commit that becomes the head next. Kept until it is: a crash in between makes the same commit again.
    pub next: Option<Box<NextHead>>,
    /// What people should know about the present head, a sentence: why it is another one than before.
    pub notice: Option<String>,
    /// Who approved the present head.
    #[serde(default)]
    pub approvals: Approvals,
    /// Whether the pull request was taken out of draft, labelled, and its reviewer asked.
    #[serde(default)]
    pub presented: bool,
    #[serde(default)]
    pub review: Review,
}

/// What people say about a pull request on GitHub, and what its base branch still wants before a merge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// The newest remarks, oldest first; at most [`MAX_REMARKS`].
    pub remarks: Vec<Remark>,
    pub missing: Vec<Missing>,
}

/// Something that a person wrote on the pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// GitHub login.
    pub by: String,
    pub kind: RemarkKind,
    /// From outside, redacted and cut; may be empty.
    pub text: String,
    pub url: Option<String>,
}

word_enum! {
    /// What a remark is.
    pub enum RemarkKind {
        Comment = "comment",
        /// On a line of the diff.
        DiffComment = "diff_comment",
        Approval = "approval",
        ChangesRequested = "changes_requested",
        /// A review without a verdict, or one that was dismissed.
        Review = "review",
    }
}

impl RemarkKind {
    /// What its author did.
    pub fn did(self) -> &'static str {
        match self {
            RemarkKind::Approval => "approved",
            RemarkKind::ChangesRequested => "asked for changes",
            RemarkKind::Comment | RemarkKind::DiffComment | RemarkKind::Review => "commented",
        }
    }
}

/// What GitHub would refuse a merge for, though the checks are green.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Missing {
    /// The base branch takes no change without an approving review.
    Approval,
    /// A reviewer asked for changes, and the base branch gives that weight.
    ChangesRequested,
    /// The base branch takes only signed commits, and the head is none.
    Signature,
    /// It is a draft.
    Ready,
}

impl Missing {
    /// What people have to do, a sentence.
    pub fn sentence(&self) -> &'static str {
        match self {
            Missing::Approval => {
                "The base branch wants an approving review: approve the pull request on GitHub, then press Deploy Live."
            }
            Missing::ChangesRequested => {
                "A reviewer asked for changes on GitHub: GitHub does not merge before that is settled there."
            }
            Missing::Signature => {
                "The base branch takes only signed commits, and GitHub signs AutoFix's commits only where AutoFix is a \
                 GitHub App. Merge this one on GitHub, and connect AutoFix as an App for the next."
            }
            Missing::Ready => {
                "The pull request is a draft: press Ready for review on GitHub, then press Deploy Live."
            }
        }
    }
}

impl Offer {
    /// A pull request that was opened now.
    pub fn opened(fix: Fix, pull_request: PullRequest, now: Timestamp) -> Offer {
        Offer {
            fix,
            pull_request,
            since: now,
            checks: Checks::Running,
            look_at: now,
            repairs: Vec::new(),
            handed_over: None,
            rebases: 0,
            next: None,
            notice: None,
            approvals: Approvals::default(),
            presented: false,
            review: Review::default(),
        }
    }

    /// The red checks, as long as a repair may be tried.
    pub(super) fn to_repair(&self) -> Option<&[FailedCheck]> {
        match &self.checks {
            Checks::Red { failed } if self.handed_over.is_none() => Some(failed),
            Checks::Red { .. } | Checks::Running | Checks::Green { .. } | Checks::None => None,
        }
    }
}

/// A commit that is to become the head of the pull request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NextHead {
    /// What the pull request changes with it, against its base.
    pub fix: Fix,
    pub kind: NextHeadKind,
    /// When it was decided: the time in the commit, so that a repeat makes the same one.
    pub at: Timestamp,
}

/// Why there is a new head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum NextHeadKind {
    /// A commit on top of the head, after these checks were red.
    Repair { failed: Vec<String> },
    /// The same edit on a newer base; replaces the head.
    Rebase,
    /// The test of a proof alone, on a newer base; replaces the head.
    Test,
    /// The fix on top of the test, which failed without it.
    FixOnTest,
    /// The fix without the test, which proves nothing.
    WithoutTest,
}

/// A commit that was added after red checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    pub at: Timestamp,
    /// The checks that were red before it.
    pub failed: Vec<String>,
    /// The head whose checks were red.
    pub before_sha: String,
}

/// As much of a commit's name as people need.
pub(super) fn short_sha(sha: &str) -> &str {
    sha.get(..10).unwrap_or(sha)
}
