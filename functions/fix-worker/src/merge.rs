//! The merge: exactly the commit that was approved, while its checks are what the card said and the base is where it
//! was; in GitHub's own time where the repository has a merge queue.

use autofix::attempt::{Checks, Event, Queued, State};
use autofix::github::{Merge, MergeOutcome, PullRequestView, Queue, Stage};
use autofix::messages;
use autofix::reason::{Reason, ReasonCode};
use jiff::SignedDuration;
use tracing::warn;

use crate::checks::{base_moved, checks_of, names, taken_over};
use crate::desk::{Desk, Stopped};
use crate::head::{self, BaseMoved};
use crate::watch;

/// Between two looks at a pull request that GitHub merges in its own time.
const QUEUE_LOOK: SignedDuration = SignedDuration::from_mins(1);
/// A merge queue that takes longer is a person's business.
const QUEUE_PATIENCE: SignedDuration = SignedDuration::from_hours(6);

/// Merges, or looks at what became of a merge that GitHub took over.
pub(crate) async fn merge(desk: &mut Desk<'_>) -> Result<(), Stopped> {
    let State::Approved { offer, decision, queued } = desk.attempt.state.clone() else { return Ok(()) };
    let github = &desk.worker.github;
    let repo = desk.attempt.target.repo.clone();
    let pull_request = &offer.pull_request;
    // A merge whose answer was lost also ends here: GitHub says that it is merged already.
    let view = github.look_at_pull_request(&repo, pull_request.number).await?;
    if let Stage::Merged { sha, .. } = &view.stage
        && view.head_sha == pull_request.head_sha
    {
        return merged(desk, sha.clone()).await;
    }
    if let Some(event) = taken_over(desk, &view, &pull_request.head_sha) {
        if queued.is_some() {
            github.withdraw_merge(&repo, pull_request.number).await?;
        }
        return desk.happened(event).await;
    }
    if let Some(queued) = queued {
        return wait_for_queue(desk, pull_request.number, &queued).await;
    }
    if let Some(moved) = base_moved(desk, &view, &offer.fix).await? {
        return head::rebase(desk, &offer, moved).await;
    }
    let age = desk.now().duration_since(offer.since);
    if let Some(reason) = not_green_any_more(desk, &view, age).await? {
        return desk.happened(Event::MergeRefused { reason }).await;
    }
    let (title, message) = messages::merge_message(&desk.attempt, &decision, pull_request.number);
    let merge = Merge {
        number: pull_request.number,
        head_sha: &pull_request.head_sha,
        base_branch: &offer.fix.base_branch,
        title: &title,
        message: &message,
    };
    let look_at = desk.now() + QUEUE_LOOK;
    let event = match github.merge(&repo, merge).await? {
        MergeOutcome::Merged { sha } => return merged(desk, sha).await,
        MergeOutcome::Behind { .. } => return head::rebase(desk, &offer, BaseMoved::Behind).await,
        MergeOutcome::Conflicting { .. } => return head::rebase(desk, &offer, BaseMoved::Conflicting).await,
        MergeOutcome::Queued { by } => {
            let now = desk.now();
            desk.attempt.note(now, queue_sentence(by));
            Event::MergeQueued { look_at }
        }
        outcome => refused(why_not_merged(outcome)),
    };
    desk.happened(event).await
}

fn queue_sentence(by: Queue) -> &'static str {
    match by {
        Queue::MergeQueue => "GitHub's merge queue has it",
        Queue::AutoMerge => "GitHub merges it as soon as the repository's rules are met",
    }
}

/// What GitHub said, and what a person can do about it.
pub(crate) fn why_not_merged(outcome: MergeOutcome) -> String {
    match outcome {
        MergeOutcome::HeadMoved { said } => {
            format!("{said}. Someone pushed, so what was reviewed is not what would be merged.")
        }
        MergeOutcome::Closed => {
            "The pull request is closed. Open it again on GitHub, then try again.".to_owned()
        }
        MergeOutcome::Blocked { said } => {
            format!("{said}. Required reviews or branch rules stop it: meet them on GitHub, then try again.")
        }
        MergeOutcome::TryAgain { said } => {
            format!("{said}. The base branch moved in this moment: try again.")
        }
        MergeOutcome::Invalid { said } => format!("{said}. Look at the pull request, then try again."),
        MergeOutcome::Forbidden { said } => {
            format!("{said}. The token needs `contents: write` and must be allowed to merge; then try again.")
        }
        MergeOutcome::Behind { said } | MergeOutcome::Conflicting { said } => {
            format!("{said}. Bring the branch up to date on GitHub, then try again.")
        }
        MergeOutcome::Merged { .. } | MergeOutcome::Queued { .. } => "GitHub merges it.".to_owned(),
    }
}

async fn merged(desk: &mut Desk<'_>, merge_sha: Option<String>) -> Result<(), Stopped> {
    let watch = watch::begin(desk);
    desk.happened(Event::Merged { merge_sha, watch }).await
}

/// The commit of a merge whose answer never came, found by the line that names the attempt.
pub(crate) async fn merge_commit(desk: &Desk<'_>, base_branch: &str) -> Option<String> {
    let line = messages::attempt_trailer(desk.attempt.id);
    let found = desk.worker.github.commit_with_line(&desk.attempt.target.repo, base_branch, &line).await;
    found.unwrap_or_else(|error| {
        warn!(error = %error, "Cannot tell which commit the merge made");
        None
    })
}

async fn wait_for_queue(desk: &mut Desk<'_>, number: u64, queued: &Queued) -> Result<(), Stopped> {
    let now = desk.now();
    let event = if !desk.worker.github.still_waits(&desk.attempt.target.repo, number).await? {
        refused(
            "GitHub took it out of the merge queue, or switched auto-merge off: a check failed there, or a person did it. \
             The pull request says which; then try again."
                .to_owned(),
        )
    } else if now.duration_since(queued.since) < QUEUE_PATIENCE {
        Event::MergeQueued { look_at: now + QUEUE_LOOK }
    } else {
        refused("GitHub's merge queue has not merged it within six hours; look at it there.".to_owned())
    };
    desk.happened(event).await
}

/// Why the checks do not allow the merge any more.
async fn not_green_any_more(
    desk: &Desk<'_>,
    view: &PullRequestView,
    age: SignedDuration,
) -> Result<Option<Reason>, Stopped> {
    Ok(match checks_of(desk, view, age).await? {
        Checks::Green { .. } | Checks::None => None,
        Checks::Running => Some(Reason::new(
            ReasonCode::ChecksUnfinished,
            "Checks have started again. Press Deploy Live when they are green.",
        )),
        Checks::Red { failed } => Some(Reason::new(
            ReasonCode::ChecksFailed,
            format!("Checks have failed since: {}.", names(&failed)),
        )),
    })
}

fn refused(sentence: String) -> Event {
    Event::MergeRefused { reason: Reason::new(ReasonCode::MergeRefused, sentence) }
}
