//! What an open pull request on GitHub means for its attempt.

use autofix::attempt::{Attempt, Checks, Event, FailedCheck, Fix};
use autofix::github::{BranchRules, CheckResult, CheckStatus, MergeState, Mergeable, PullRequestView, Stage};
use autofix::outbound::ServiceError;
use autofix::reason::ReasonCode;
use autofix::redaction::redact;
use jiff::SignedDuration;
use sha2::{Digest, Sha256};

use crate::context::Context;

/// Red checks that are kept; the card shows fewer.
const MAX_FAILED: usize = 10;

/// Why the base matters now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BaseMoved {
    /// The repository asks for an up-to-date branch, or the edited file changed on the base.
    Behind,
    Conflicting,
}

/// What the checks of the head mean together. A repository may take some time to start them: until then nothing is green.
pub(super) async fn checks_of(
    context: &Context<'_>,
    attempt: &Attempt,
    view: &PullRequestView,
    rules: &BranchRules,
    age: SignedDuration,
) -> Result<Checks, ServiceError> {
    let checks = context.worker.github.checks(&attempt.target.repo, &view.head_sha).await?;
    let settling = age < context.worker.config.checks_settle;
    Ok(match checks.status(&rules.required_checks, Some(view.merge_state)) {
        CheckStatus::Red { failed } => Checks::Red { failed: kept(&failed) },
        // What this token cannot see but GitHub is not content with may still become green.
        CheckStatus::Running { .. } | CheckStatus::Unseen => Checks::Running,
        CheckStatus::Green { .. } | CheckStatus::Nothing if settling => Checks::Running,
        CheckStatus::Green { passed } => Checks::Green { passed },
        CheckStatus::Nothing => Checks::None,
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
pub(super) fn taken_over(context: &Context<'_>, view: &PullRequestView, head_sha: &str) -> Option<Event> {
    match &view.stage {
        Stage::Merged { .. } if view.head_sha == head_sha => {
            Some(Event::MergedOnGithub { watch: context.watch_from_now() })
        }
        Stage::Closed { .. } if view.head_sha == head_sha => Some(Event::ClosedOnGithub),
        Stage::Open if view.head_sha == head_sha => None,
        Stage::Merged { .. } => Some(Event::failed(
            ReasonCode::BranchMoved,
            "Someone pushed to the branch, and that was merged on GitHub: what is on the base is not what was reviewed here. Please look at it.",
        )),
        Stage::Open | Stage::Closed { .. } => Some(Event::failed(
            ReasonCode::BranchMoved,
            "Someone pushed to the branch, so what was reviewed is not what would be merged. Merge it on GitHub if it is right.",
        )),
    }
}

/// Whether the base moved in a way that matters: GitHub says so, or the file that the fix edits is another one there.
/// Commits that touch other files only are no reason to run all checks again.
pub(super) async fn base_moved(
    context: &Context<'_>,
    attempt: &Attempt,
    view: &PullRequestView,
    fix: &Fix,
) -> Result<Option<BaseMoved>, ServiceError> {
    if view.mergeable == Mergeable::Conflicting || view.merge_state == MergeState::Dirty {
        return Ok(Some(BaseMoved::Conflicting));
    }
    if view.merge_state == MergeState::Behind {
        return Ok(Some(BaseMoved::Behind));
    }
    if view.base_sha == fix.base_sha || view.behind_by == 0 {
        return Ok(None);
    }
    let file = context.worker.github.file(&attempt.target.repo, &fix.file_path, &view.base_sha).await?;
    let same = file.is_some_and(|bytes| hex::encode(Sha256::digest(&bytes)) == fix.before_sha256);
    Ok(if same { None } else { Some(BaseMoved::Behind) })
}

/// The names of red checks, for a sentence.
pub(super) fn names(failed: &[FailedCheck]) -> String {
    failed.iter().map(|check| check.name.as_str()).collect::<Vec<_>>().join(", ")
}
