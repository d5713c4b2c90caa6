//! The way back: a revert of the merged fix as a pull request of its own, merged as soon as GitHub lets it.

use autofix::attempt::{Decision, Event, Merged, PullRequest, RollBack, State, Watch};
use autofix::github::{Merge, MergeOutcome, MergedFix, Revert, RevertOutcome};
use autofix::messages;
use autofix::reason::{Reason, ReasonCode};
use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use crate::desk::{Desk, Stopped};
use crate::merge::why_not_merged;

/// Between two tries to merge a revert whose checks or conflicts GitHub still works out.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);
/// A revert that is not merged after this time is a person's business.
const PATIENCE: SignedDuration = SignedDuration::from_hours(2);

/// Between two looks whether a person takes a fix back with which the error came back.
const LOOK_FOR_REVERT: SignedDuration = SignedDuration::from_mins(30);

/// The looks that begin when an error comes back: people have as long as the watch lasts.
pub(crate) fn begin_to_look(desk: &Desk<'_>) -> Option<Watch> {
    let now = desk.now();
    Some(Watch { until: now + desk.worker.config.watch, look_at: now + LOOK_FOR_REVERT })
}

/// One look.
pub(crate) async fn look_for_revert(desk: &mut Desk<'_>) -> Result<(), Stopped> {
    let State::Regressed { merged, look: Some(look), .. } = desk.attempt.state.clone() else { return Ok(()) };
    if let Some(commit) = taken_back(desk, &merged).await? {
        return desk.happened(Event::TakenBackOnGithub { commit: Some(commit) }).await;
    }
    let now = desk.now();
    let next = Watch { until: look.until, look_at: now + LOOK_FOR_REVERT };
    desk.happened(Event::StillThere { look: (now < look.until).then_some(next) }).await
}

/// The commit with which a person took a merged fix back. What GitHub refuses to tell is not known.
pub(crate) async fn taken_back(desk: &Desk<'_>, merged: &Merged) -> Result<Option<String>, Stopped> {
    let commits: Vec<&str> =
        merged.merge_sha.as_deref().into_iter().chain([merged.pull_request.head_sha.as_str()]).collect();
    let fix = MergedFix {
        number: merged.pull_request.number,
        base_branch: &merged.fix.base_branch,
        file_path: &merged.fix.file_path,
        commits: &commits,
    };
    match desk.worker.github.reverting_commit(&desk.attempt.target.repo, fix).await {
        Err(error) if !error.may_pass() => {
            warn!(error = %error, "Cannot tell whether somebody took the fix back");
            Ok(None)
        }
        found => Ok(found?),
    }
}

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
    let Some(merged) = desk.attempt.state.merged().cloned() else { return Ok(()) };
    if let Some(commit) = taken_back(desk, &merged).await? {
        return desk.happened(Event::TakenBackOnGithub { commit: Some(commit) }).await;
    }
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
        RevertOutcome::AlreadyUndone => Event::TakenBackOnGithub { commit: None },
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
