//! The merge: exactly the commit that was approved, while its checks are what the card said and the base is where it
//! was; in GitHub's own time where the repository has a merge queue.

use autofix::attempt::{Checks, Event, Offer, Queued, State};
use autofix::github::{Merge, MergeOutcome};
use autofix::messages;
use autofix::reason::{Reason, ReasonCode};
use jiff::SignedDuration;
use tracing::warn;

use crate::checks::{judge, names, taken_over};
use crate::desk::{Desk, Stopped};
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
    let current = github.pull_request(&repo, pull_request.number).await?;
    if current.merged && current.head_sha == pull_request.head_sha {
        let merge_sha = merge_commit(desk, &offer.fix.base_branch).await;
        return merged(desk, merge_sha).await;
    }
    if let Some(event) = taken_over(desk, &current, &pull_request.head_sha) {
        return desk.happened(event).await;
    }
    if let Some(queued) = queued {
        return wait_for_queue(desk, &queued).await;
    }
    if let Some(reason) = not_green_any_more(desk, &offer).await? {
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
    match github.merge(&repo, merge).await? {
        MergeOutcome::Merged { sha: Some(sha) } => merged(desk, Some(sha)).await,
        MergeOutcome::Merged { sha: None } => {
            let merge_sha = merge_commit(desk, &offer.fix.base_branch).await;
            merged(desk, merge_sha).await
        }
        MergeOutcome::Queued { .. } => {
            let look_at = desk.now() + QUEUE_LOOK;
            desk.happened(Event::MergeQueued { look_at }).await
        }
        outcome => {
            let current = github.pull_request(&repo, pull_request.number).await?;
            let event = taken_over(desk, &current, &pull_request.head_sha);
            desk.happened(event.unwrap_or_else(|| why_not_merged(&outcome))).await
        }
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

async fn wait_for_queue(desk: &mut Desk<'_>, queued: &Queued) -> Result<(), Stopped> {
    let now = desk.now();
    let event = if now.duration_since(queued.since) < QUEUE_PATIENCE {
        Event::MergeQueued { look_at: now + QUEUE_LOOK }
    } else {
        refused("GitHub's merge queue has not merged it within six hours; look at it there.".to_owned())
    };
    desk.happened(event).await
}

/// Why the checks do not allow the merge any more.
async fn not_green_any_more(desk: &Desk<'_>, offer: &Offer) -> Result<Option<Reason>, Stopped> {
    let results = desk.worker.github.checks(&desk.attempt.target.repo, &offer.pull_request.head_sha).await?;
    let age = desk.now().duration_since(offer.since);
    Ok(match judge(&results, age, desk.worker.config.checks_settle) {
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

fn why_not_merged(outcome: &MergeOutcome) -> Event {
    let again = "then press Deploy Live again";
    refused(match outcome {
        MergeOutcome::Blocked { said } => format!(
            "GitHub says: {said} Required reviews or branch rules stop it: resolve that on GitHub, {again}."
        ),
        MergeOutcome::Conflicting { said } => {
            format!("GitHub says: {said} It conflicts with the base: resolve that on GitHub, {again}.")
        }
        MergeOutcome::Behind { said } => {
            format!("GitHub says: {said} The base's newest commits have to be in the branch first.")
        }
        MergeOutcome::Forbidden { said } => format!(
            "GitHub says: {said} The credential needs `contents: write` and must be allowed to merge; {again}."
        ),
        MergeOutcome::TryAgain { said }
        | MergeOutcome::HeadMoved { said }
        | MergeOutcome::Invalid { said } => {
            format!("GitHub says: {said} Look at the pull request, {again}.")
        }
        MergeOutcome::Merged { .. } | MergeOutcome::Queued { .. } | MergeOutcome::Closed => {
            format!("GitHub did not merge it. Look at the pull request, {again}.")
        }
    })
}

fn refused(sentence: String) -> Event {
    Event::MergeRefused { reason: Reason::new(ReasonCode::MergeRefused, sentence) }
}
