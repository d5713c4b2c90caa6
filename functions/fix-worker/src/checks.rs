//! Looks at an open pull request: what people did with it, whether its base moved, and what its checks say.

use autofix::attempt::{Checks, Event, FailedCheck, Fix};
use autofix::github::{CheckResult, MergeState, Mergeable, PullRequestView, Stage, Standing};
use autofix::reason::{Reason, ReasonCode};
use autofix::redaction::redact;
use jiff::SignedDuration;
use sha2::{Digest, Sha256};

use crate::desk::{Desk, Stopped};
use crate::head::{self, BaseMoved};
use crate::watch;

/// First pause between two looks; it grows with the time that the checks take.
const FIRST_LOOK: SignedDuration = SignedDuration::from_secs(15);
const LONGEST_LOOK: SignedDuration = SignedDuration::from_mins(10);
/// Between two looks at an armed pull request: people may decide on GitHub, too.
const ARMED_LOOK: SignedDuration = SignedDuration::from_hours(1);
/// Checks that run or stay red for so long are a person's business.
const CHECKS_PATIENCE: SignedDuration = SignedDuration::from_hours(24);
/// Red checks that are kept; the card shows fewer.
const MAX_FAILED: usize = 10;

/// One look.
pub(crate) async fn look(desk: &mut Desk<'_>) -> Result<(), Stopped> {
    let state = desk.attempt.state.clone();
    let Some(offer) = state.offer() else { return Ok(()) };
    let repo = desk.attempt.target.repo.clone();
    let view = desk.worker.github.look_at_pull_request(&repo, offer.pull_request.number).await?;
    if let Some(event) = taken_over(desk, &view, &offer.pull_request.head_sha) {
        return desk.happened(event).await;
    }
    if let Some(moved) = base_moved(desk, &view, &offer.fix).await? {
        return head::rebase(desk, offer, moved).await;
    }
    let now = desk.now();
    let age = now.duration_since(offer.since);
    let checks = checks_of(desk, &view, age).await?;
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

/// What the checks of the head mean together. A repository may take some time to start them: until then nothing is green.
pub(crate) async fn checks_of(
    desk: &Desk<'_>,
    view: &PullRequestView,
    age: SignedDuration,
) -> Result<Checks, Stopped> {
    let (github, repo) = (&desk.worker.github, &desk.attempt.target.repo);
    let checks = github.checks(repo, &view.head_sha).await?;
    let required = github.branch_rules(repo, &view.base_branch).await?.required_checks;
    let settling = age < desk.worker.config.checks_settle;
    Ok(match checks.standing(&required, Some(view.merge_state)) {
        Standing::Red { failed } => Checks::Red { failed: kept(&failed) },
        // What this token cannot see but GitHub is not content with may still become green.
        Standing::Running { .. } | Standing::Unseen => Checks::Running,
        Standing::Green { .. } | Standing::Nothing if settling => Checks::Running,
        Standing::Green { passed } => Checks::Green { passed },
        Standing::Nothing => Checks::None,
    })
}

fn kept(failed: &[&CheckResult]) -> Vec<FailedCheck> {
    let kept = failed.iter().take(MAX_FAILED).map(|check| FailedCheck {
        name: redact(&check.name).to_string(),
        url: check.url.clone(),
        summary: check.summary.as_deref().map(|summary| redact(summary).to_string()),
    });
    kept.collect()
}

/// What people did with the pull request on GitHub, where they did something.
pub(crate) fn taken_over(desk: &Desk<'_>, view: &PullRequestView, head_sha: &str) -> Option<Event> {
    match &view.stage {
        Stage::Merged { .. } if view.head_sha == head_sha => {
            Some(Event::MergedOnGithub { watch: watch::begin(desk) })
        }
        Stage::Closed { .. } if view.head_sha == head_sha => Some(Event::ClosedOnGithub),
        Stage::Open if view.head_sha == head_sha => None,
        Stage::Merged { .. } => Some(failed(
            ReasonCode::BranchMoved,
            "Someone pushed to the branch, and that was merged on GitHub: what is on the base is not what was reviewed here. Please look at it."
                .to_owned(),
        )),
        Stage::Open | Stage::Closed { .. } => Some(failed(
            ReasonCode::BranchMoved,
            "Someone pushed to the branch, so what was reviewed is not what would be merged. Merge it on GitHub if it is right."
                .to_owned(),
        )),
    }
}

/// Whether the base moved in a way that matters: GitHub says so, or the file that the fix edits is another one there.
/// Commits that touch other files only are no reason to run all checks again.
pub(crate) async fn base_moved(
    desk: &Desk<'_>,
    view: &PullRequestView,
    fix: &Fix,
) -> Result<Option<BaseMoved>, Stopped> {
    if view.mergeable == Mergeable::Conflicting || view.merge_state == MergeState::Dirty {
        return Ok(Some(BaseMoved::Conflicting));
    }
    if view.merge_state == MergeState::Behind {
        return Ok(Some(BaseMoved::Behind));
    }
    if view.base_sha == fix.base_sha || view.behind_by == 0 {
        return Ok(None);
    }
    let file = desk.worker.github.file(&desk.attempt.target.repo, &fix.file_path, &view.base_sha).await?;
    let same = file.is_some_and(|bytes| hex::encode(Sha256::digest(&bytes)) == fix.before_sha256);
    Ok(if same { None } else { Some(BaseMoved::Behind) })
}

/// The names of red checks, for a sentence.
pub(crate) fn names(failed: &[FailedCheck]) -> String {
    failed.iter().map(|check| check.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn failed(code: ReasonCode, sentence: String) -> Event {
    Event::Failed { reason: Reason::new(code, sentence) }
}
