//! The way back: a revert of the merged fix as a pull request of its own, merged as soon as GitHub lets it.

use autofix::attempt::{Attempt, Decision, Event, Merged, PullRequest};
use autofix::github::{Merge, MergeOutcome, Revert, RevertOutcome};
use autofix::messages;
use autofix::reason::{Reason, ReasonCode};
use jiff::SignedDuration;

use crate::context::Context;
use crate::happened::Stepped;
use crate::steps::look_for_revert::taken_back;
use crate::steps::merge::why_not_merged;

/// Between two tries to merge a revert whose checks or conflicts GitHub still works out.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);
/// A revert that is not merged after this time is a person's business.
const PATIENCE: SignedDuration = SignedDuration::from_hours(2);

pub(super) async fn open(
    context: &Context<'_>,
    attempt: &Attempt,
    merged: &Merged,
    decision: &Decision,
) -> Stepped {
    if let Some(commit) = taken_back(context, attempt, merged).await? {
        return Ok(Event::TakenBackOnGithub { commit: Some(commit) }.into());
    }
    let (title, body) = messages::revert_texts(attempt);
    let (_, message) = messages::revert_merge_message(attempt, merged.pull_request.number);
    let branch = format!("{}-revert", merged.pull_request.branch);
    let revert = Revert {
        number: merged.pull_request.number,
        base_branch: &merged.fix.base_branch,
        file_path: &merged.fix.file_path,
        before_sha: &merged.fix.base_sha,
        head_sha: &merged.pull_request.head_sha,
        branch: &branch,
        title: &title,
        body: &body,
        message: &message,
        at: decision.at,
    };
    let now = context.now();
    let event = match context.worker.github.revert(&attempt.target.repo, revert).await? {
        RevertOutcome::Opened { pull_request, branch } => Event::RevertOpened {
            revert: PullRequest {
                number: pull_request.number,
                url: pull_request.url,
                branch,
                head_sha: pull_request.head_sha,
            },
            look_at: now,
        },
        RevertOutcome::AlreadyUndone => Event::TakenBackOnGithub { commit: None },
        RevertOutcome::ContentChanged { said } => refused(format!(
            "The file was changed since the fix, so a person has to decide what stays ({said})."
        )),
        RevertOutcome::BranchTaken { .. } => {
            refused(format!("The branch `{branch}` holds somebody else's commit; delete it, then try again."))
        }
    };
    Ok(event.into())
}

/// Tries to merge the revert that is open.
pub(super) async fn merge(
    context: &Context<'_>,
    attempt: &Attempt,
    merged: &Merged,
    decision: &Decision,
    revert: &PullRequest,
) -> Stepped {
    let (title, message) = messages::revert_merge_message(attempt, revert.number);
    let merge = Merge {
        number: revert.number,
        head_sha: &revert.head_sha,
        base_branch: &merged.fix.base_branch,
        title: &title,
        message: &message,
    };
    let now = context.now();
    let patient = now.duration_since(decision.at) < PATIENCE;
    let again = Event::RevertOpened { revert: revert.clone(), look_at: now + PAUSE };
    let event = match context.worker.github.merge(&attempt.target.repo, merge).await? {
        MergeOutcome::Merged { .. } => Event::RolledBack,
        // Its checks run, GitHub works out whether it fits, or a queue has it.
        MergeOutcome::Queued { .. } | MergeOutcome::Blocked { .. } | MergeOutcome::TryAgain { .. }
            if patient =>
        {
            again
        }
        outcome => refused(format!("The revert #{} is open. {}", revert.number, why_not_merged(outcome))),
    };
    Ok(event.into())
}

fn refused(sentence: String) -> Event {
    Event::RollBackRefused { reason: Reason::new(ReasonCode::MergeRefused, sentence) }
}
