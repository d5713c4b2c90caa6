//! What can happen to an attempt, and whether it may happen now.

use jiff::{SignedDuration, Timestamp};

use super::state::{Checks, Cleanup, Decision, Fix, PullRequest, State, Status};
use super::{Attempt, Trouble};
use crate::analysis::report::Analysis;
use crate::reason::Reason;

/// After a merge that GitHub refused, people need some time; until then the sentence about it stays on the card.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_hours(1);

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The worker began; the base commit is pinned as soon as it is known.
    AnalysisStarted {
        base_sha: Option<String>,
    },
    /// Claude found the cause. The state does not change: the gates decide.
    CauseFound {
        analysis: Box<Analysis>,
    },
    /// A fix passed every gate.
    FixProposed {
        fix: Box<Fix>,
    },
    /// The gates refused, or there is nothing to fix. `reasons` must not be empty.
    Skipped {
        reasons: Vec<Reason>,
        fix: Option<Box<Fix>>,
    },
    PullRequestOpened {
        pull_request: PullRequest,
    },
    /// The checks were looked at; `look_at` is when to look again while they run or are red.
    ChecksSeen {
        checks: Checks,
        look_at: Timestamp,
    },
    Approved {
        decision: Decision,
    },
    Dismissed {
        decision: Decision,
    },
    Merged {
        merge_sha: Option<String>,
    },
    /// GitHub would not merge, and a person can do something about it and click again.
    MergeRefused {
        reason: Reason,
    },
    /// The dismissed pull request is closed, or someone merged it before that.
    CleanedUp {
        outcome: Cleanup,
    },
    /// A person merged the pull request on GitHub.
    MergedOnGithub,
    /// A person closed the pull request on GitHub.
    ClosedOnGithub,
    /// Quiet for the whole window after the deploy.
    StayedQuiet,
    /// The error came back in a release that contains the fix.
    CameBack,
    RolledBack,
    /// Something outside failed for good.
    Failed {
        reason: Reason,
    },
    /// Sentry's own agent opened a pull request for the same issue.
    SentryAgentTookOver {
        reason: Reason,
    },
}

/// Why an event cannot happen now. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("<@{by}> already approved this fix.")]
    AlreadyApproved { by: String },
    #[error("<@{by}> already dismissed this fix.")]
    AlreadyDismissed { by: String },
    #[error("This fix is already deployed.")]
    AlreadyDeployed,
    #[error("This fix cannot be deployed yet: its checks are not green.")]
    NotArmed,
    #[error("This attempt has ended as `{status}`; there is nothing to decide.")]
    Ended { status: Status },
    #[error("This attempt is `{status}`; that cannot happen to it now.")]
    NotNow { status: Status },
}

impl Attempt {
    /// Applies an event, or says why it cannot happen now and changes nothing.
    pub fn apply(&mut self, event: Event, now: Timestamp) -> Result<(), Refusal> {
        let state = self.state.clone();
        let next = match (state, event) {
            (State::Pending, Event::AnalysisStarted { base_sha }) => {
                self.note(now, "Analysis started");
                State::Analyzing { base_sha }
            }
            (State::Analyzing { base_sha: None }, Event::AnalysisStarted { base_sha }) => {
                State::Analyzing { base_sha }
            }
            (State::Analyzing { base_sha }, Event::CauseFound { analysis }) => {
                self.note(now, "Root cause found");
                self.analysis = Some(*analysis);
                State::Analyzing { base_sha }
            }
            (State::Analyzing { .. }, Event::FixProposed { fix }) => {
                self.note(now, "A fix passed every gate");
                State::Proposed { fix: *fix }
            }
            (
                State::Pending | State::Analyzing { .. } | State::Proposed { .. },
                Event::Skipped { reasons, fix },
            ) => {
                if let Some(first) = reasons.first() {
                    self.note(now, format!("No pull request: {}", first.code));
                }
                self.card.wanted += 1;
                State::Skipped { reasons, fix: fix.map(|fix| *fix) }
            }
            (State::Proposed { fix }, Event::PullRequestOpened { pull_request }) => {
                self.note(now, format!("Pull request #{} opened", pull_request.number));
                self.card.wanted += 1;
                State::PrCreated { fix, pull_request, since: now, checks: Checks::Running, look_at: now }
            }
            (
                State::PrCreated { fix, pull_request, since, checks: before, .. }
                | State::AwaitingApproval { fix, pull_request, since, checks: before, .. },
                Event::ChecksSeen { checks, look_at },
            ) => {
                if checks != before {
                    self.note(now, checks_sentence(&checks));
                    self.card.wanted += 1;
                }
                match checks {
                    Checks::Running | Checks::Red { .. } => {
                        State::PrCreated { fix, pull_request, since, checks, look_at }
                    }
                    Checks::Green { .. } | Checks::None => {
                        let problem = self.state.problem().filter(|_| checks == before).cloned();
                        State::AwaitingApproval { fix, pull_request, since, checks, problem, look_at }
                    }
                }
            }
            (
                State::AwaitingApproval { fix, pull_request, since, checks, .. },
                Event::Approved { decision },
            ) => {
                self.note(now, format!("Approved by {}", decision.by));
                self.approved_at = Some(now);
                self.card.wanted += 1;
                State::Approved { fix, pull_request, since, checks, decision }
            }
            (
                State::PrCreated { fix, pull_request, .. }
                | State::AwaitingApproval { fix, pull_request, .. },
                Event::Dismissed { decision },
            ) => {
                self.note(now, format!("Dismissed by {}", decision.by));
                self.card.wanted += 1;
                State::Rejected { fix, pull_request, decision, cleanup: Cleanup::Owed }
            }
            (
                State::PrCreated { fix, pull_request, .. }
                | State::AwaitingApproval { fix, pull_request, .. }
                | State::Approved { fix, pull_request, .. },
                Event::MergedOnGithub,
            ) => {
                self.note(now, format!("Pull request #{} was merged on GitHub", pull_request.number));
                self.card.wanted += 1;
                State::Deployed { fix, pull_request, decision: Decision::on_github(now), merge_sha: None }
            }
            (
                State::PrCreated { fix, pull_request, .. }
                | State::AwaitingApproval { fix, pull_request, .. }
                | State::Approved { fix, pull_request, .. },
                Event::ClosedOnGithub,
            ) => {
                self.note(now, format!("Pull request #{} was closed on GitHub", pull_request.number));
                self.card.wanted += 1;
                let decision = Decision::on_github(now);
                State::Rejected { fix, pull_request, decision, cleanup: Cleanup::Done }
            }
            (
                State::Rejected { fix, pull_request, decision, cleanup: Cleanup::Owed },
                Event::CleanedUp { outcome },
            ) => {
                self.note(
                    now,
                    format!("Pull request #{}: {}", pull_request.number, cleanup_sentence(outcome)),
                );
                self.card.wanted += 1;
                State::Rejected { fix, pull_request, decision, cleanup: outcome }
            }
            (State::Approved { fix, pull_request, decision, .. }, Event::Merged { merge_sha }) => {
                self.note(now, format!("Pull request #{} merged", pull_request.number));
                self.card.wanted += 1;
                State::Deployed { fix, pull_request, decision, merge_sha }
            }
            (State::Approved { fix, pull_request, since, checks, .. }, Event::MergeRefused { reason }) => {
                self.note(now, format!("Not merged: {}", reason.detail));
                self.approved_at = None;
                self.card.wanted += 1;
                State::AwaitingApproval {
                    fix,
                    pull_request,
                    since,
                    checks,
                    problem: Some(reason),
                    look_at: now + LOOK_AGAIN,
                }
            }
            (State::Deployed { fix, pull_request, decision, merge_sha }, Event::StayedQuiet) => {
                self.note(now, "The error has not come back");
                self.card.wanted += 1;
                State::Verified { fix, pull_request, decision, merge_sha }
            }
            (State::Deployed { fix, pull_request, decision, merge_sha }, Event::CameBack) => {
                self.note(now, "The error came back");
                self.card.wanted += 1;
                State::Regressed { fix, pull_request, decision, merge_sha }
            }
            (State::Regressed { fix, pull_request, decision, merge_sha }, Event::RolledBack) => {
                self.note(now, "The fix was rolled back");
                self.card.wanted += 1;
                State::RolledBack { fix, pull_request, decision, merge_sha }
            }
            (
                state @ (State::Pending
                | State::Analyzing { .. }
                | State::Proposed { .. }
                | State::PrCreated { .. }
                | State::AwaitingApproval { .. }
                | State::Approved { .. }),
                Event::Failed { reason },
            ) => {
                self.note(now, format!("Failed: {}", reason.detail));
                self.card.wanted += 1;
                State::Failed {
                    reason,
                    fix: state.fix().cloned(),
                    pull_request: state.pull_request().cloned(),
                }
            }
            (
                State::Pending | State::Analyzing { .. } | State::Proposed { .. },
                Event::SentryAgentTookOver { reason },
            ) => {
                self.note(now, "Sentry's agent took over");
                self.card.wanted += 1;
                State::Skipped { reasons: vec![reason], fix: None }
            }
            (state, event) => return Err(refusal(&state, &event)),
        };
        let ended_before = is_end(self.state.status());
        self.state = next;
        self.trouble = Trouble::default();
        if is_end(self.status()) && !ended_before {
            self.completed_at = Some(now);
        }
        Ok(())
    }
}

fn refusal(state: &State, event: &Event) -> Refusal {
    let status = state.status();
    let deciding = matches!(event, Event::Approved { .. } | Event::Dismissed { .. });
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
        _ if is_end(status) => Refusal::Ended { status },
        _ => Refusal::NotNow { status },
    }
}

fn is_end(status: Status) -> bool {
    match status {
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

fn cleanup_sentence(outcome: Cleanup) -> &'static str {
    match outcome {
        Cleanup::Owed | Cleanup::Done => "closed",
        Cleanup::TooLate => "was merged on GitHub before it could be closed",
    }
}

fn checks_sentence(checks: &Checks) -> String {
    match checks {
        Checks::Running => "Checks are running".to_owned(),
        Checks::Red { failed } => format!("Checks failed: {}", failed.join(", ")),
        Checks::Green { passed: 1 } => "1 check passed".to_owned(),
        Checks::Green { passed } => format!("{passed} checks passed"),
        Checks::None => "No checks ran".to_owned(),
    }
}
