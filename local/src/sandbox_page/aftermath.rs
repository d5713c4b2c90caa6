//! What comes after a merge, in a person's hands: the fix goes live, hours pass, the error stays away or comes back.
//! AutoFix finds out by itself, as it does in production; only the hours until it looks are leapt over.

use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use jiff::SignedDuration;

use super::Place;
use super::deeds::new_event_id;
use super::github::short;
use crate::demo_project::REPOSITORY;
use crate::movable_clock::LeapingClock;
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

/// Leaps over the time.
pub fn leaps(time: LeapingClock, process: Arc<OneProcess>) -> LetPass {
    Box::new(move |over| {
        time.leap(over);
        let process = Arc::clone(&process);
        tokio::spawn(async move { process.tick().await });
        Passed::Skipped
    })
}

/// What became of the newest fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Aftermath {
    NothingMerged,
    /// Not live yet. With the name of the commit on the base branch, as in [`Aftermath::Live`].
    Merged {
        sha: String,
    },
    Live {
        sha: String,
    },
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
            Step::PassAnHour => "Let an hour pass",
            Step::PassADay => "Let a day pass",
        }
    }

    /// A sentence for people.
    pub(super) fn description(self) -> &'static str {
        match self {
            Step::GoLive => "The platform tells GitHub of a deployment to production. Half an hour passes.",
            Step::ComeBack => {
                "Sentry sees it in the release with the fix. Half an hour passes, and AutoFix looks: the card then has a \
                 button to roll back."
            }
            Step::PassAnHour => "After a fix that did not hold, the error is looked at anew an hour later.",
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
    pub(super) fn of(github: &GitHub) -> anyhow::Result<Aftermath> {
        let pulls = github.pull_requests(REPOSITORY).context("read the pull requests")?;
        let newest = pulls.into_iter().rev().find_map(|pull| match pull.state {
            PullState::Merged { sha } => Some((pull.title, sha)),
            PullState::Open | PullState::Closed => None,
        });
        Ok(match newest {
            None => Aftermath::NothingMerged,
            Some((title, _)) if title.starts_with(REVERT) => Aftermath::TakenBack,
            Some((_, sha)) if github.is_live(REPOSITORY, &sha)? => Aftermath::Live { sha },
            Some((_, sha)) => Aftermath::Merged { sha },
        })
    }

    /// One sentence about it.
    pub(super) fn sentence(&self) -> String {
        match self {
            Aftermath::NothingMerged => {
                "When a fix is merged, you decide here whether it holds: throw “regression”, and press 🚀 Deploy Live on \
                 its card."
                    .to_owned()
            }
            Aftermath::Merged { sha } => format!("The fix is merged as {}, and not live yet.", short(sha)),
            Aftermath::Live { sha } => format!("The fix is live: {} runs in production.", short(sha)),
            Aftermath::TakenBack => "The fix did not hold and was taken back.".to_owned(),
        }
    }

    /// What can happen next.
    pub(super) fn steps(&self) -> &'static [Step] {
        match self {
            Aftermath::NothingMerged => &[],
            Aftermath::Merged { .. } => &[Step::GoLive],
            Aftermath::Live { .. } => &[Step::ComeBack, Step::PassADay],
            Aftermath::TakenBack => &[Step::PassAnHour],
        }
    }
}

impl Place {
    /// Something happens. What cannot happen any more since the page was shown does not.
    pub(super) async fn go_on(&self, step: Step) -> anyhow::Result<()> {
        match (step, Aftermath::of(&self.sandbox.github)?) {
            (Step::GoLive, Aftermath::Merged { sha }) => self.goes_live(&sha)?,
            (Step::ComeBack, Aftermath::Live { sha }) => self.comes_back(&sha).await?,
            (Step::PassADay, Aftermath::Live { .. }) => self.passes(A_DAY, "A day passed."),
            (Step::PassAnHour, Aftermath::TakenBack) => self.passes(AN_HOUR, "An hour passed."),
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
        self.passes(UNTIL_THE_NEXT_LOOK, "Half an hour passed.");
        Ok(())
    }

    /// Where the fix was verified and the issue resolved, Sentry tells of it; else AutoFix finds it when it looks.
    async fn comes_back(&self, sha: &str) -> anyhow::Result<()> {
        let issue = Scenario::Regression.event(self.clock.now()).issue_id;
        let was_resolved = self.sandbox.sentry.status(&issue) == Some("resolved");
        if was_resolved {
            self.passes(AN_HOUR, "An hour passed."); // nothing is looked at again right after its end
        }
        let now = self.clock.now();
        let event = Scenario::Regression.event(now).in_release(&format!("bookshop@{sha}"));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_found_by_its_name() {
        for step in Step::ALL {
            assert_eq!(step.name().parse::<Step>().expect("its own name"), step);
        }
        assert!("go-back".parse::<Step>().is_err());
    }
}
