//! Looks at an open pull request: what people did with it, whether its base moved, and what its checks say.

use autofix::attempt::{Checks, Event, FailedCheck};
use autofix::github::{CheckResult, CommitChecks, OpenPullRequest, RequiredChecks, Standing};
use autofix::reason::{Reason, ReasonCode};
use autofix::redaction::redact;
use jiff::SignedDuration;

use crate::desk::{Desk, Stopped};
use crate::watch;

/// First pause between two looks; it grows with the time that the checks take.
const FIRST_LOOK: SignedDuration = SignedDuration::from_secs(15);
const LONGEST_LOOK: SignedDuration = SignedDuration::from_mins(10);
/// Between two looks at an armed pull request: people may decide on GitHub, too.
const ARMED_LOOK: SignedDuration = SignedDuration::from_hours(1);
/// Checks that run or stay red for so long are a person's business.
const CHECKS_PATIENCE: SignedDuration = SignedDuration::from_hours(24);

/// One look.
pub(crate) async fn look(desk: &mut Desk<'_>) -> Result<(), Stopped> {
    let state = desk.attempt.state.clone();
    let Some(offer) = state.offer() else { return Ok(()) };
    let github = &desk.worker.github;
    let repo = desk.attempt.target.repo.clone();
    let current = github.pull_request(&repo, offer.pull_request.number).await?;
    if let Some(event) = taken_over(desk, &current, &offer.pull_request.head_sha) {
        return desk.happened(event).await;
    }
    let results = github.checks(&repo, &offer.pull_request.head_sha).await?;
    let now = desk.now();
    let age = now.duration_since(offer.since);
    let checks = judge(&results, age, desk.worker.config.checks_settle);
    let event = match &checks {
        Checks::Green { .. } | Checks::None => Event::ChecksSeen { checks, look_at: now + ARMED_LOOK },
        Checks::Running | Checks::Red { .. } if age < CHECKS_PATIENCE => {
            let pause = (age / 4).clamp(FIRST_LOOK, LONGEST_LOOK);
            Event::ChecksSeen { checks, look_at: now + pause }
        }
        Checks::Running => failed(
            ReasonCode::ChecksUnfinished,
            "The checks have not ended within a day. The pull request stays open for you.".to_owned(),
        ),
        Checks::Red { failed: red } => failed(
            ReasonCode::ChecksFailed,
            format!(
                "The checks have been red for a day ({}). The pull request stays open for you.",
                names(red)
            ),
        ),
    };
    desk.happened(event).await
}

/// What the results mean together. A repository may take some time to start its checks: until then nothing is green.
pub(crate) fn judge(checks: &CommitChecks, age: SignedDuration, settle: SignedDuration) -> Checks {
    match checks.standing(&RequiredChecks::default(), None) {
        Standing::Red { failed } => Checks::Red { failed: failed.into_iter().map(shown).collect() },
        _ if age < settle => Checks::Running,
        Standing::Running { .. } | Standing::Unseen => Checks::Running,
        Standing::Green { passed } => Checks::Green { passed },
        Standing::Nothing => Checks::None,
    }
}

fn shown(check: &CheckResult) -> FailedCheck {
    FailedCheck {
        name: check.name.clone(),
        url: check.url.clone(),
        summary: check.summary.as_deref().map(|summary| redact(summary).to_string()),
    }
}

/// What people did with the pull request on GitHub, where they did something.
pub(crate) fn taken_over(desk: &Desk<'_>, current: &OpenPullRequest, head_sha: &str) -> Option<Event> {
    if current.head_sha != head_sha {
        let sentence = "Someone pushed to the branch, so what was reviewed is not what would be merged. Merge it on GitHub if it is right.";
        return Some(failed(ReasonCode::BranchMoved, sentence.to_owned()));
    }
    match (current.open, current.merged) {
        (true, _) => None,
        (false, true) => Some(Event::MergedOnGithub { watch: watch::begin(desk) }),
        (false, false) => Some(Event::ClosedOnGithub),
    }
}

/// The names of red checks, for a sentence.
pub(crate) fn names(failed: &[FailedCheck]) -> String {
    failed.iter().map(|check| check.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn failed(code: ReasonCode, sentence: String) -> Event {
    Event::Failed { reason: Reason::new(code, sentence) }
}
