//! What comes after a merge, in a person's hands: the fix goes live, hours pass, the error stays away or comes back.
//! AutoFix finds out by itself, as it does in production; only the hours until it looks are skipped.

use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use autofix::attempt::{Attempt, State};
use jiff::SignedDuration;

use super::SandboxPage;
use super::actions::new_event_id;
use super::github::short;
use crate::demo_project::REPOSITORY;
use crate::movable_clock::SkippingClock;
use crate::one_process::OneProcess;
use crate::sandbox::github::{GitHub, PullState};
use crate::sandbox::sentry::{Hook, SandboxEvent};
use crate::scenario::Scenario;

/// How the title of a pull request begins that takes another one back; the words are GitHub's.
const REVERT: &str = "Revert \"";
/// A merged fix is looked at every half hour at the latest.
const UNTIL_THE_NEXT_LOOK: SignedDuration = SignedDuration::from_mins(31);
/// Just over an hour, for what happens after an hour.
const AN_HOUR: SignedDuration = SignedDuration::from_mins(61);
/// Just over the time for which a fix is watched where nothing else is set.
const A_DAY: SignedDuration = SignedDuration::from_hours(25);

/// Lets time pass, and has AutoFix's clock run at its end.
pub type LetPass = Box<dyn Fn(SignedDuration) -> Passed + Send + Sync>;

/// What became of the wish to skip time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    Skipped,
    /// AutoFix runs by the real clock.
    NotHere,
}

/// For an AutoFix that runs by the real clock.
pub fn real_time() -> LetPass {
    Box::new(|_| Passed::NotHere)
}

/// Skips the time.
pub fn skips(time: SkippingClock, process: Arc<OneProcess>) -> LetPass {
    Box::new(move |over| {
        time.skip(over);
        let process = Arc::clone(&process);
        tokio::spawn(async move { process.tick().await });
        Passed::Skipped
    })
}

/// What became of the newest fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Aftermath {
    stage: Stage,
    /// Whose error it fixes.
    scenario: Scenario,
}

/// With the name of the commit on the base branch.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    NothingMerged,
    /// Not live yet.
    Merged {
        sha: String,
    },
    Live {
        sha: String,
    },
    Verified {
        sha: String,
    },
    /// AutoFix has seen the error again.
    CameBack,
    TakenBack,
}

/// What a person can let happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    GoLive,
    ComeBack,
    PassAnHour,
    PassADay,
}

impl Step {
    const ALL: [Step; 4] = [Step::GoLive, Step::ComeBack, Step::PassAnHour, Step::PassADay];

    /// Its name in a form, and of its button.
    pub(super) fn name(self) -> &'static str {
        match self {
            Step::GoLive => "go-live",
            Step::ComeBack => "come-back",
            Step::PassAnHour => "pass-hour",
            Step::PassADay => "pass-day",
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Step::GoLive => "Put the merge live",
            Step::ComeBack => "The error comes back",
            Step::PassAnHour => "An hour later it happens again",
            Step::PassADay => "Let a day pass",
        }
    }

    /// A sentence for people.
    pub(super) fn description(self) -> &'static str {
        match self {
            Step::GoLive => {
                "The platform tells GitHub of a deployment to production, and half an hour passes."
            }
            Step::ComeBack => {
                "Sentry sees it in the release with the fix. Half an hour passes, and AutoFix looks: the card then has a \
                 button to roll back."
            }
            Step::PassAnHour => {
                "Sentry reports the error again. AutoFix analyses it, and does not propose what did not help."
            }
            Step::PassADay => {
                "A day without the error: the fix is verified, and the issue in Sentry resolved."
            }
        }
    }
}

impl FromStr for Step {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Step> {
        let found = Step::ALL.into_iter().find(|step| step.name() == name);
        found.ok_or_else(|| anyhow!("there is no step `{name}`"))
    }
}

impl Aftermath {
    /// # Errors
    /// When the repository cannot be read.
    pub(super) fn of(github: &GitHub, attempts: &[Attempt]) -> anyhow::Result<Aftermath> {
        let pulls = github.pull_requests(REPOSITORY).context("read the pull requests")?;
        let newest = pulls.into_iter().rev().find_map(|pull| match &pull.state {
            PullState::Merged { sha } => Some((pull.number, pull.title.clone(), sha.clone())),
            PullState::Open | PullState::Closed => None,
        });
        let Some((number, title, sha)) = newest else {
            return Ok(Aftermath { stage: Stage::NothingMerged, scenario: Scenario::Regression });
        };
        let attempt = attempts.iter().find(|attempt| {
            let own = [attempt.state.pull_request(), attempt.state.revert()];
            own.into_iter().flatten().any(|pull_request| pull_request.number == number)
        });
        let stage = match attempt.map(|attempt| &attempt.state) {
            _ if title.starts_with(REVERT) => Stage::TakenBack,
            Some(State::Verified { .. }) => Stage::Verified { sha },
            Some(State::Regressed { .. }) => Stage::CameBack,
            _ if github.is_live(REPOSITORY, &sha)? => Stage::Live { sha },
            _ => Stage::Merged { sha },
        };
        let issue = attempt.map(|attempt| attempt.subject.sentry_issue_id.as_str());
        let scenario = Scenario::ALL.into_iter().find(|one| issue == Some(one.issue_id()));
        Ok(Aftermath { stage, scenario: scenario.unwrap_or(Scenario::Regression) })
    }

    /// One sentence about it.
    pub(super) fn sentence(&self) -> String {
        match &self.stage {
            Stage::NothingMerged => {
                "After 🚀 Deploy Live you decide here what happens to the fix in production.".to_owned()
            }
            Stage::Merged { sha } => format!("The fix is merged as {}, and not live yet.", short(sha)),
            Stage::Live { sha } => format!("The fix is live: {} runs in production.", short(sha)),
            Stage::Verified { sha } => format!("The fix holds: {} is verified.", short(sha)),
            Stage::CameBack => "The error came back. Roll back on the card in Slack.".to_owned(),
            Stage::TakenBack => "The fix did not hold and was taken back.".to_owned(),
        }
    }

    /// What can happen next.
    pub(super) fn steps(&self) -> &'static [Step] {
        match &self.stage {
            Stage::NothingMerged | Stage::CameBack => &[],
            Stage::Merged { .. } => &[Step::GoLive],
            Stage::Live { .. } => &[Step::PassADay, Step::ComeBack],
            Stage::Verified { .. } => &[Step::ComeBack],
            Stage::TakenBack => &[Step::PassAnHour],
        }
    }
}

impl SandboxPage {
    /// Something happens. What cannot happen any more since the page was shown does not.
    pub(super) async fn go_on(&self, step: Step) -> anyhow::Result<()> {
        let attempts = self.attempts().await?;
        let Aftermath { stage, scenario } = Aftermath::of(&self.sandbox.github, &attempts)?;
        match (step, stage) {
            (Step::GoLive, Stage::Merged { sha }) => self.goes_live(&sha)?,
            (Step::ComeBack, Stage::Live { sha } | Stage::Verified { sha }) => {
                self.comes_back(scenario, &sha).await?;
            }
            (Step::PassADay, Stage::Live { .. }) => {
                self.passes(A_DAY, "A day passed, and AutoFix asks Sentry whether the error came back.");
            }
            (Step::PassAnHour, Stage::TakenBack) => {
                self.passes(AN_HOUR, "An hour passed.");
                self.throw(scenario).await?;
            }
            (Step::GoLive | Step::ComeBack | Step::PassADay | Step::PassAnHour, _) => {
                self.log.add(self.clock.now(), format!("“{}” cannot happen now.", step.label()));
            }
        }
        Ok(())
    }

    fn passes(&self, over: SignedDuration, what: &str) {
        let what = match (self.let_pass)(over) {
            Passed::Skipped => what,
            Passed::NotHere => {
                "Time can't be skipped here: AutoFix looks again by itself, within half an hour."
            }
        };
        self.log.add(self.clock.now(), what.to_owned());
    }

    fn goes_live(&self, sha: &str) -> anyhow::Result<()> {
        self.sandbox.github.add_deployment(REPOSITORY, sha, &["in_progress", "success"])?;
        self.log.add(self.clock.now(), format!("The platform told GitHub that {} is live.", short(sha)));
        self.passes(UNTIL_THE_NEXT_LOOK, "Half an hour passed, and AutoFix asks GitHub what is live.");
        Ok(())
    }

    /// Where the fix was verified and the issue resolved, Sentry tells of it; else AutoFix finds it when it looks.
    async fn comes_back(&self, scenario: Scenario, sha: &str) -> anyhow::Result<()> {
        let was_resolved = self.sandbox.sentry.status(scenario.issue_id()) == Some("resolved");
        if was_resolved {
            self.passes(AN_HOUR, "An hour passed."); // nothing is looked at again right after its end
        }
        let now = self.clock.now();
        let event = scenario.event(now).in_release(&format!("bookshop@{sha}"));
        let event = SandboxEvent { event_id: new_event_id(now.as_microsecond()), ..event };
        self.sandbox.sentry.throw(&event);
        self.log.add(now, format!("Sentry saw “{}” in the release with {}.", event.title(), short(sha)));
        if was_resolved {
            let answers = self.report(&event, Hook::IssueUnresolved, 1).await?;
            self.log.add(now, format!("Sentry told AutoFix that the issue is unresolved again: {answers}."));
        } else {
            self.passes(
                UNTIL_THE_NEXT_LOOK,
                "Half an hour passed, and AutoFix asks Sentry what it has seen.",
            );
        }
        Ok(())
    }
}
