//! What can happen to an attempt, and the refusals of what cannot happen now.

use std::fmt;

use jiff::Timestamp;

use super::merged::{CameBack, Deployment, Telling, Watch};
use super::offer::{Checks, Fix, NextHead, PullRequest, Review};
use super::people::{Decision, Dismissal, Owner, Retried};
use super::proof::{CiRun, NotProved, NotProvedCode, ProofMode, RegressionTest};
use super::shadow::Shadow;
use super::state::{Cleanup, State, Status};
use super::{AttemptId, CardMessage, JoinedIssue, SameFault, Subject, WaitsFor};
use crate::reason::{Reason, ReasonCode};
use crate::report::Analysis;
use crate::usage::Usage;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The card was worked on, in whatever state.
    Card(CardEvent),
    /// Something was learned that changes no state.
    Learned(Fact),
    /// The worker began; the base commit is pinned as soon as it is known.
    AnalysisStarted { base_sha: Option<String> },
    /// Claude found the cause. The state does not change: the gates decide.
    CauseFound { analysis: Box<Analysis> },
    /// A fix passed every gate.
    FixProposed { fix: Box<Fix> },
    /// The gates refused, or there is nothing to fix. `reasons` must not be empty.
    Skipped { reasons: Vec<Reason>, fix: Option<Box<Fix>> },
    /// It cannot go on yet; looked at again at `look_at`. Told once, however often it waits on.
    Waits { what: WaitsFor, look_at: Timestamp },
    /// A later webhook brought the stack trace that the first one lacked.
    StackTraceReceived,
    /// Another attempt has, or had, the same fault, and its answer holds for this one.
    SameFaultKnown { same_fault: Box<SameFault>, reason: Reason },
    /// Another Sentry issue is the same fault: this attempt's fix is for it as well.
    IssueJoined { issue: JoinedIssue },
    /// The pull request that is about to be opened counts among the repository's open ones.
    SlotTaken,
    /// It is on GitHub, with the fix or first with the test of a proof.
    PullRequestOpened { pull_request: PullRequest },
    /// The proof of the fix continues, or ends.
    Proof(ProofEvent),
    /// The checks were looked at; `look_at` is when to look again.
    ChecksSeen { checks: Checks, look_at: Timestamp },
    /// Red checks are left to people, and why.
    HandedOver { why: String },
    /// Another commit is to become the head; `notice` says why to people.
    NextHead { next: Box<NextHead>, notice: String },
    /// That commit is the head now.
    HeadMoved { head_sha: String },
    /// The edit does not fit the base any more: once, the analysis begins again.
    StartedOver { why: String },
    /// One person approves; `needed` different people have to, at least 1.
    Approved { decision: Decision, needed: u32 },
    /// A person does not want the fix, and perhaps why.
    Dismissed { decision: Decision, dismissal: Option<Dismissal> },
    /// Another attempt continues after this one ended without a merge: a person wants it, or Sentry brought the stack trace.
    TriedAgain { retried: Retried },
    /// GitHub merges in its own time; `how` says so to people.
    MergeQueued { how: &'static str, look_at: Timestamp },
    /// The approved commit is on the base branch; `watch` is until when to look after it.
    Merged { merge_sha: Option<String>, watch: Option<Watch> },
    /// GitHub would not merge, and a person can do something about it and click again.
    MergeRefused { reason: Reason },
    /// The pull request that is not wanted any more is closed, or someone merged it before that.
    CleanedUp { outcome: Cleanup },
    /// A person merged the pull request on GitHub.
    MergedOnGithub { watch: Option<Watch> },
    /// A person closed the pull request on GitHub.
    ClosedOnGithub,
    /// The merge was looked after: what is known of its deploy, and until when it is watched.
    Watched { merge_sha: Option<String>, deployment: Option<Deployment>, watch: Option<Watch> },
    /// Quiet for the whole window after the deploy.
    StayedQuiet,
    /// Sentry knows about a verified fix, or does not want to.
    SentryTold { outcome: Telling },
    /// The error came back in a release that contains the fix.
    /// `look` is until when to look whether a person takes the fix back.
    CameBack { came_back: CameBack, look: Option<Watch> },
    /// Nobody has taken the fix back by hand so far; `look` is when to look again.
    StillThere { look: Option<Watch> },
    /// A person took the fix back on GitHub, with this commit where it is known.
    TakenBackOnGithub { commit: Option<String> },
    /// A person wants the merged fix taken back.
    RollBackApproved { decision: Decision },
    /// The revert's pull request is open; `look_at` is when to try to merge it.
    RevertOpened { revert: PullRequest, look_at: Timestamp },
    /// It could not be taken back; people may try again.
    RollBackRefused { reason: Reason },
    /// The revert is merged.
    RolledBack,
    /// Something outside failed for good.
    Failed { reason: Reason },
    /// Sentry's own agent opened a pull request for the same issue.
    SentryAgentTookOver { reason: Reason },
}

/// What happens to a proof.
#[derive(Clone, Debug, PartialEq)]
pub enum ProofEvent {
    /// The fix that was proposed is to be proved.
    Wanted { mode: ProofMode, minutes: u32 },
    /// A test that keeps to the rules.
    TestWritten { test: Box<RegressionTest> },
    /// CI still runs the test without the fix.
    StillRuns { look_at: Timestamp },
    /// The test failed without the fix as it should.
    FailedWithoutFix { run: CiRun },
    /// It passes with the fix.
    PassedWithFix { run: CiRun },
    /// It ends without a proof.
    NotProved { why: NotProved },
}

/// What happened to the card.
#[derive(Clone, Debug, PartialEq)]
pub enum CardEvent {
    /// It is posted now, for the first time or again: whoever comes after a crash has to look for it first.
    PostBegins { at: Timestamp },
    /// Whether a post has arrived cannot be known before this time.
    Uncertain { until: Timestamp },
    /// It is what people should see of revision `revision`.
    Shown {
        revision: u32,
        /// Where it stands, if it was posted again.
        message: Option<CardMessage>,
        /// The occasion of a message of its own (incoming webhook).
        told: Option<String>,
        /// Key of what was posted in its thread.
        note: Option<String>,
    },
}

/// Something that is known of an attempt beside its state.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A line for the timeline.
    Note(String),
    /// What the event says with its stack trace.
    Subject(Box<Subject>),
    /// What all conversations have used so far.
    Usage(Usage),
    /// What the conversation used in which a proof's test was written.
    TestAuthor(Usage),
    /// Whom to ask about the file.
    Owner(Option<Owner>),
    /// The attempt that had the fault before.
    Earlier(AttemptId),
    /// What people did about an error that a dry run looked at.
    Shadow(Shadow),
    /// The pull request is out of draft and labelled, and its reviewer was asked.
    Presented,
    /// What people say about the pull request, and what its base branch still wants.
    Review(Box<Review>),
    /// The pull request names the first `count` issues that joined.
    IssuesListed { count: u32 },
}

impl Event {
    /// The end without a pull request, for one reason and before there is a fix.
    pub fn skipped(reason: Reason) -> Event {
        Event::Skipped { reasons: vec![reason], fix: None }
    }

    /// The end because of something outside.
    pub fn failed(code: ReasonCode, detail: impl Into<String>) -> Event {
        Event::Failed { reason: Reason::new(code, detail) }
    }

    /// The proof ends without one.
    pub fn not_proved(code: NotProvedCode, sentence: impl Into<String>) -> Event {
        Event::Proof(ProofEvent::NotProved { why: NotProved::new(code, sentence) })
    }

    /// What happened, without its data, for logs.
    pub fn name(&self) -> String {
        variant_name(self)
    }
}

/// Why an event cannot happen now. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{} already approved this fix.", mention(by))]
    AlreadyApproved { by: String },
    #[error("{} already dismissed this fix.", mention(by))]
    AlreadyDismissed { by: String },
    #[error("You approved this fix already; {missing} more of the others have to.")]
    ApprovedByYou { missing: u32 },
    #[error("{} already started another try.", by.as_deref().map_or("Sentry".to_owned(), mention))]
    AlreadyTriedAgain { by: Option<String> },
    #[error("This fix is already deployed.")]
    AlreadyDeployed,
    #[error("<@{by}> is already rolling this fix back.")]
    AlreadyRollingBack { by: String },
    #[error("This fix cannot be deployed yet: its checks are not green.")]
    NotArmed,
    #[error("This fix cannot be deployed from here: `AUTOFIX_PROOF` is `require`, and it is not proved.")]
    NotProved,
    #[error("This attempt has ended as `{status}`; there is nothing to decide.")]
    Ended { status: Status },
    #[error("This attempt is `{status}`; that cannot happen to it now.")]
    NotNow { status: Status },
}

fn mention(by: &str) -> String {
    match by {
        Decision::ON_GITHUB => "Someone on GitHub".to_owned(),
        by => format!("<@{by}>"),
    }
}

/// Why this event cannot happen in this state.
pub(super) fn refusal(state: &State, event: &Event) -> Refusal {
    let status = state.status();
    let deciding = matches!(event, Event::Approved { .. } | Event::Dismissed { .. });
    if let (State::Regressed { roll_back, .. }, Event::RollBackApproved { .. }) = (state, event)
        && let Some(decision) = roll_back.decision()
    {
        return Refusal::AlreadyRollingBack { by: decision.by.clone() };
    }
    match (status, state.decision()) {
        (Status::Rejected, Some(decision)) if deciding => {
            Refusal::AlreadyDismissed { by: decision.by.clone() }
        }
        (Status::Approved, Some(decision)) if deciding => {
            Refusal::AlreadyApproved { by: decision.by.clone() }
        }
        (Status::Deployed | Status::Verified | Status::Regressed | Status::RolledBack, _) if deciding => {
            Refusal::AlreadyDeployed
        }
        (Status::PrCreated, _) if matches!(event, Event::Approved { .. }) => Refusal::NotArmed,
        _ if status.is_end() => Refusal::Ended { status },
        _ => Refusal::NotNow { status },
    }
}

/// The name of a variant. Its data, which can be a whole fix, is not written.
pub(super) fn variant_name(variant: &impl fmt::Debug) -> String {
    struct Name(String);
    impl fmt::Write for Name {
        fn write_str(&mut self, part: &str) -> fmt::Result {
            let end = part.find(|c: char| !c.is_ascii_alphanumeric());
            self.0.push_str(&part[..end.unwrap_or(part.len())]);
            if end.is_none() { Ok(()) } else { Err(fmt::Error) }
        }
    }
    let mut name = Name(String::new());
    let _ = fmt::write(&mut name, format_args!("{variant:?}")); // ends where the name does
    name.0
}
