//! The way back: a revert of the merged fix as a pull request of its own, merged as soon as GitHub lets it.

use autofix::attempt::{Decision, Event, PullRequest, RollBack, State};
use autofix::github::{Merge, MergeOutcome, Revert, RevertOutcome};
use autofix::messages;
use autofix::reason::{Reason, ReasonCode};
use jiff::{SignedDuration, Timestamp};

use crate::desk::{Desk, Stopped};
use crate::merge::why_not_merged;

/// Between two tries to merge a revert whose checks or conflicts GitHub still works out.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);
/// A revert that is not merged after this time is a person's business.
const PATIENCE: SignedDuration = SignedDuration::from_hours(2);

/// Opens the revert, or tries to merge the one that is open.
pub(crate) async fn roll_back(desk: &mut Desk<'_>) -> Result<(), Stopped> {
    let State::Regressed { roll_back, .. } = desk.attempt.state.clone() else { return Ok(()) };
    match roll_back {
        RollBack::Approved { decision } => open(desk, &decision).await,
        RollBack::Opened { decision, revert, .. } => merge(desk, &revert, decision.at).await,
        RollBack::Offered | RollBack::Refused { .. } => Ok(()),
    }
}

async fn open(desk: &mut Desk<'_>, decision: &Decision) -> Result<(), Stopped> {
    let Some(merged) = desk.attempt.state.merged() else { return Ok(()) };
    let (title, body) = messages::revert_texts(&desk.attempt);
    let (_, message) = messages::revert_merge_message(&desk.attempt, merged.pull_request.number);
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
    let now = desk.now();
    let event = match desk.worker.github.revert(&desk.attempt.target.repo, revert).await? {
        RevertOutcome::Opened { pull_request, branch } => Event::RevertOpened {
            revert: PullRequest {
                number: pull_request.number,
                url: pull_request.url,
                branch,
                head_sha: pull_request.head_sha,
            },
            look_at: now,
        },
        RevertOutcome::AlreadyUndone => {
            refused("The file is as it was before the fix already: there is nothing to take back.".to_owned())
        }
        RevertOutcome::ContentChanged { said } => refused(format!(
            "The file was changed since the fix, so a person has to decide what stays ({said})."
        )),
        RevertOutcome::BranchTaken { .. } => {
            refused(format!("The branch `{branch}` holds somebody else's commit; delete it, then try again."))
        }
    };
    desk.happened(event).await
}

async fn merge(desk: &mut Desk<'_>, revert: &PullRequest, approved_at: Timestamp) -> Result<(), Stopped> {
    let Some(base_branch) = desk.attempt.state.fix().map(|fix| fix.base_branch.clone()) else {
        return Ok(());
    };
    let (title, message) = messages::revert_merge_message(&desk.attempt, revert.number);
    let merge = Merge {
        number: revert.number,
        head_sha: &revert.head_sha,
        base_branch: &base_branch,
        title: &title,
        message: &message,
    };
    let now = desk.now();
    let patient = now.duration_since(approved_at) < PATIENCE;
    let again = Event::RevertOpened { revert: revert.clone(), look_at: now + PAUSE };
    let event = match desk.worker.github.merge(&desk.attempt.target.repo, merge).await? {
        MergeOutcome::Merged { .. } => Event::RolledBack,
        // Its checks run, GitHub works out whether it fits, or a queue has it.
        MergeOutcome::Queued { .. } | MergeOutcome::Blocked { .. } | MergeOutcome::TryAgain { .. }
            if patient =>
        {
            again
        }
        outcome => refused(format!("The revert #{} is open. {}", revert.number, why_not_merged(outcome))),
    };
    desk.happened(event).await
}

fn refused(sentence: String) -> Event {
    Event::RollBackRefused { reason: Reason::new(ReasonCode::MergeRefused, sentence) }
}
