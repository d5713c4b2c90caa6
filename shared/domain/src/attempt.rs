//! One attempt to fix one error, from the webhook to the merge, as a pure state machine.
//!
//! ```text
//!               ┌──── the fix does not fit the base any more (once)
//!               ▼            │
//! pending ─▶ analyzing ─▶ pr_created ─▶ awaiting_approval ─▶ approved ─▶ deployed ─▶ verified
//!    │           │          ▲ │  ▲             │    ▲            │           └─────▶ regressed ─▶ rolled_back
//!    │           │    repair└─┘  └─ red checks,│    └─ refused ──┘
//!    │           │      rebase      base moved │
//!    ▼           ▼            ▼                ▼
//!  skipped / failed         failed          rejected
//! ```
//!
//! Events change it ([`Attempt::apply`]), the state says what to do ([`Attempt::next_step`]); nobody
//! else compares states. It knows no clock, no table and no network.

pub mod crash_line;
mod event;
mod id;
#[cfg(test)]
mod matrix;
mod merged;
mod offer;
mod people;
mod proof;
mod same_fault;
mod shadow;
mod state;
mod step;
mod transitions;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use event::{CardEvent, Event, Fact, ProofEvent, Refusal};
pub use id::{AttemptId, NotAnAttemptId};
pub use merged::{CameBack, Deployment, Merged, Reverted, RollBack, Rollout, Telling, Watch};
pub use offer::{
    Checks, FailedCheck, Fix, MAX_REBASES, MAX_REMARKS, MAX_REPAIRS, Missing, NextHead, NextHeadKind, Offer,
    ProposedEdit, PullRequest, Remark, RemarkKind, Repair, Review,
};
pub use people::{
    Approval, Approvals, Decision, Dismissal, DismissalReason, Hint, Owner, OwnerBasis, Retried, Retry,
};
pub use proof::{CiRun, NotProved, NotProvedCode, Proof, ProofMode, ProofStage, RegressionTest, TestPlace};
pub use same_fault::{FaultAnswer, FaultStatus, MERGED_FOR, SameFault, fault_status};
pub use shadow::{Closeness, Shadow};
pub use state::{Cleanup, Queued, Slot, State, Status};
pub use step::{LONGEST_OUTAGE, LONGEST_TROUBLE, Next, Step};

use crate::incident::Incident;
use crate::reason::{Reason, ReasonCode};
use crate::report::{Analysis, BlastRadius};
use crate::service::Service;
use crate::usage::Usage;

/// Entries kept of a timeline; later ones push out the ones in the middle.
const MAX_TIMELINE: usize = 60;

/// One attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    pub id: AttemptId,
    pub created_at: Timestamp,
    pub subject: Subject,
    pub target: Target,
    #[serde(default)]
    pub occasion: Occasion,
    pub state: State,
    /// What Claude found, as soon as it is known.
    pub analysis: Option<Analysis>,
    pub usage: Usage,
    pub card: CardState,
    pub trouble: Trouble,
    /// What it waits for before its next step.
    pub wait: Option<Wait>,
    /// Other Sentry issues of the same fault, which this attempt's fix is for as well.
    #[serde(default)]
    pub joined: Joined,
    /// The attempt whose answer holds for this one.
    pub same_fault: Option<SameFault>,
    pub timeline: Vec<Moment>,
    /// What the checks of the head commit said when they were last looked at, whatever the state is now.
    pub checks: Option<Checks>,
    /// When its first pull request was opened.
    pub pull_request_at: Option<Timestamp>,
    /// When it was approved, and when it reached an end; both for the API.
    pub approved_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    /// How often the analysis started anew because the base moved under the fix.
    #[serde(default)]
    pub restarts: u32,
    /// Whom to ask about the file.
    pub owner: Option<Owner>,
    /// The attempt that a person wanted tried again with a hint, where this is that other try.
    pub retry: Option<Retry>,
    /// The attempt that had the fault before and proposed a fix for it: the analysis is told what was tried.
    pub earlier: Option<AttemptId>,
    /// The other try, where a person wanted one after this attempt had ended.
    pub retried: Option<Retried>,
    /// What the analyses before the present one cost.
    #[serde(default)]
    pub earlier_usage: Usage,
    /// In a dry run: what people did about the error themselves.
    pub shadow: Option<Shadow>,
    /// The proof of the present fix; `None` where none was asked for.
    pub proof: Option<Proof>,
}

/// Why Sentry reported the error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// An error, new or once more.
    #[default]
    Reported,
    /// Sentry says that a resolved error came back, or that it escalates.
    CameBack,
    /// A person wants it looked at.
    ByHand,
}

/// What the attempt is about: the part of the incident that people see in lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Sentry's project slug.
    pub project: String,
    pub sentry_issue_id: String,
    pub sentry_event_id: Option<String>,
    pub sentry_url: Option<String>,
    pub title: String,
    pub error_type: Option<String>,
    pub error_message: Option<String>,
    /// Where it surfaced, as Sentry reports it.
    pub file: Option<String>,
    pub line: Option<u32>,
    pub function: Option<String>,
}

/// Where a fix would go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// `owner/name`.
    pub repo: String,
    /// Folder with the code; empty is the whole repository.
    pub path: String,
    /// Base branch; `None` is the repository's default.
    pub branch: Option<String>,
    pub slack_channel: Option<String>,
    /// Whether fixes are proved; `None` is the deployment's setting.
    pub proof: Option<ProofMode>,
}

/// The card an attempt has, and the one it owes.
///
/// `wanted` grows with every change that people should see; the attempt owes a card while `shown` is behind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardState {
    pub wanted: u32,
    pub shown: u32,
    /// When a first post was tried last: whoever comes after that looks for the card before posting it again.
    pub post_tried_at: Option<Timestamp>,
    pub message: Option<CardMessage>,
    /// Slack did not take the card: not before this time again.
    pub not_before: Option<Timestamp>,
    pub failures: u32,
    /// The last click on the card: where no bot token is, its address is the way to change the card.
    pub clicked: Option<Clicked>,
    /// Keys of what was posted in the card's thread, the newest [`CardState::MAX_NOTES`].
    #[serde(default)]
    pub notes: Vec<String>,
    /// The occasion of the last message, where each needs a message of its own (incoming webhook).
    pub told: Option<String>,
}

impl CardState {
    /// Notes whose keys are kept; repairs and clicks make a few.
    pub const MAX_NOTES: usize = 20;

    fn apply(&mut self, event: CardEvent) {
        match event {
            CardEvent::PostBegins { at } => self.post_tried_at = Some(at),
            CardEvent::Uncertain { until } => self.not_before = Some(until),
            CardEvent::Shown { revision, message, told, note } => {
                self.shown = self.shown.max(revision);
                self.message = message.or(self.message.take());
                self.told = told.or(self.told.take());
                self.not_before = None;
                self.failures = 0;
                if self.notes.len() >= CardState::MAX_NOTES && note.is_some() {
                    self.notes.remove(0);
                }
                self.notes.extend(note);
            }
        }
    }
}

/// A click that may still change the card on which it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clicked {
    /// Slack's short-lived address for changing that card.
    pub response_url: String,
    pub at: Timestamp,
}

/// Where a card stands in Slack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardMessage {
    /// Channel id. `None` for a card posted by incoming webhook, which tells neither channel nor `ts`.
    pub channel: Option<String>,
    pub ts: Option<String>,
}

/// How often the present step has failed, and when it may be tried again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    pub failures: u32,
    pub not_before: Option<Timestamp>,
    pub last: Option<String>,
    /// When the step met its first failure.
    pub since: Option<Timestamp>,
    /// When it first failed although no service was down: that does not count the hours of an outage before it.
    pub failing_since: Option<Timestamp>,
    /// The service whose outage the step waits for.
    pub outage_of: Option<Service>,
}

/// A failure of the present step that may pass.
#[derive(Clone, Debug)]
pub struct StepFailure {
    pub why: String,
    /// The service that is down, if that is why.
    pub outage_of: Option<Service>,
    /// When the step is tried again.
    pub again_at: Timestamp,
}

/// A wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    pub what: WaitsFor,
    pub since: Timestamp,
    /// When to look again.
    pub look_at: Timestamp,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum WaitsFor {
    /// A slot among the repository's open pull requests of AutoFix, of which there are `limit`.
    #[serde(rename = "place")] // the word of stored attempts
    Slot { limit: u32 },
    /// What another attempt finds out about the same fault.
    Attempt { id: AttemptId },
    /// Sentry's event, or a second webhook, with the stack trace that the first one lacked.
    StackTrace,
}

impl WaitsFor {
    /// Waiting for another attempt, or with another limit, is the same wait going on.
    fn goes_on(self, other: WaitsFor) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

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

/// One entry of the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    pub at: Timestamp,
    pub what: String,
}

impl Subject {
    /// The part of an incident that lists and cards show.
    pub fn of(incident: &Incident) -> Subject {
        let culprit = incident.culprit_frame();
        let (error_type, error_message) = incident.error().unzip();
        Subject {
            project: incident.project.clone(),
            sentry_issue_id: incident.issue_id.clone(),
            sentry_event_id: incident.event_id.clone(),
            sentry_url: incident.web_url.clone(),
            title: incident.title.clone(),
            error_type,
            error_message,
            file: culprit.and_then(|at| at.frame.file()).map(String::from),
            line: culprit.and_then(|at| at.frame.line),
            function: culprit.and_then(|at| at.frame.function.clone()),
        }
    }

    /// Whether what was reported had no stack trace.
    pub fn lacks_stack_trace(&self) -> bool {
        self.file.is_none() && self.line.is_none() && self.function.is_none()
    }
}

impl Trouble {
    /// Whether the step has failed for so long that it is given up, if it fails now because of `outage_of`.
    pub fn lasts_too_long(&self, outage_of: Option<Service>, now: Timestamp) -> bool {
        let longer = |since: Option<Timestamp>, longest| {
            since.is_some_and(|since| now.duration_since(since) > longest)
        };
        longer(self.since, LONGEST_OUTAGE)
            || (outage_of.is_none() && longer(self.failing_since, LONGEST_TROUBLE))
    }
}

impl Attempt {
    /// A new attempt at what was reported, which is redacted already.
    pub fn of(incident: &Incident, target: Target, now: Timestamp) -> Attempt {
        Attempt::pending(AttemptId::new(now), Subject::of(incident), target, now)
    }

    /// A new attempt that waits for the worker.
    pub fn pending(id: AttemptId, subject: Subject, target: Target, now: Timestamp) -> Attempt {
        let mut attempt = Attempt {
            id,
            created_at: now,
            subject,
            target,
            occasion: Occasion::Reported,
            state: State::Pending,
            analysis: None,
            usage: Usage::default(),
            card: CardState::default(),
            trouble: Trouble::default(),
            wait: None,
            joined: Joined::default(),
            same_fault: None,
            timeline: Vec::new(),
            checks: None,
            pull_request_at: None,
            approved_at: None,
            completed_at: None,
            restarts: 0,
            owner: None,
            retry: None,
            earlier: None,
            retried: None,
            earlier_usage: Usage::default(),
            shadow: None,
            proof: None,
        };
        attempt.note(now, "Sentry reported the error");
        attempt
    }

    pub fn status(&self) -> Status {
        self.state.status()
    }

    /// The branch of its fix: another one after the analysis started anew, since the first one was shown to people.
    pub fn branch(&self) -> String {
        match self.restarts {
            0 => self.id.branch(),
            restarts => format!("{}-{}", self.id.branch(), restarts + 1),
        }
    }

    /// Adds a line to the timeline.
    pub fn note(&mut self, now: Timestamp, what: impl Into<String>) {
        if self.timeline.len() >= MAX_TIMELINE {
            self.timeline.remove(MAX_TIMELINE / 2);
        }
        self.timeline.push(Moment { at: now, what: what.into() });
    }

    /// Slack did not take the card; it stays owed.
    pub fn card_postponed(&mut self, until: Timestamp) {
        self.card.failures += 1;
        self.card.not_before = Some(until);
    }

    /// The present step failed in a way that may pass.
    pub fn step_failed(&mut self, failure: StepFailure, now: Timestamp) {
        self.trouble.since.get_or_insert(now);
        if failure.outage_of.is_none() {
            self.trouble.failing_since.get_or_insert(now);
        }
        self.trouble.failures += 1;
        self.trouble.not_before = Some(failure.again_at);
        self.trouble.last = Some(failure.why);
        self.trouble.outage_of = failure.outage_of;
    }

    /// Whether the attempt waits for this service to come back: its present step does, or, for Slack, its card.
    pub fn waits_for(&self, service: Service) -> bool {
        let card_waits = self.card.shown < self.card.wanted && self.card.failures > 0;
        self.trouble.outage_of == Some(service) || (service == Service::Slack && card_waits)
    }

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

    /// What it waits for may be there: look now.
    pub fn wake(&mut self, now: Timestamp) {
        if let Some(wait) = &mut self.wait {
            wait.look_at = wait.look_at.min(now);
        }
    }
}
