//! The merge: exactly the commit that was approved, while its checks are what the card said and the base is where it
//! was; in GitHub's own time where the repository has a merge queue.

use autofix::attempt::{Attempt, Checks, Decision, Event, Offer, Queued};
use autofix::github::{Merge, MergeOutcome, PullRequestView, Queue, Stage};
use autofix::messages;
use autofix::outbound::ServiceError;
use autofix::reason::{Reason, ReasonCode};
use jiff::{SignedDuration, Timestamp};

use crate::context::Context;
use crate::happened::{Happened, Stepped};
use crate::steps::pull_request_view::{BaseMoved, base_moved, checks_of, names, taken_over};
use crate::steps::rebase::rebase;

/// Between two looks at a pull request that GitHub merges in its own time.
const QUEUE_LOOK: SignedDuration = SignedDuration::from_mins(1);
/// A merge queue that takes longer is a person's business.
const QUEUE_PATIENCE: SignedDuration = SignedDuration::from_hours(6);

pub(super) async fn merge(
    context: &Context<'_>,
    attempt: &Attempt,
    offer: &Offer,
    decision: &Decision,
) -> Stepped {
    let (github, repo) = (&context.worker.github, &attempt.target.repo);
    let pull_request = &offer.pull_request;
    let view = github.look_at_pull_request(repo, pull_request.number).await?;
    if let Some(event) = merged_or_taken_over(context, offer, &view) {
        return Ok(event.into());
    }
    if let Some(moved) = base_moved(context, attempt, &view, &offer.fix).await? {
        return rebase(context, attempt, offer, moved).await;
    }
    let age = context.now().duration_since(offer.since);
    if let Some(reason) = not_green_any_more(context, attempt, &view, age).await? {
        return Ok(Event::MergeRefused { reason }.into());
    }
    let (title, message) = messages::merge_message(attempt, decision, pull_request.number);
    let merge = Merge {
        number: pull_request.number,
        head_sha: &pull_request.head_sha,
        base_branch: &offer.fix.base_branch,
        title: &title,
        message: &message,
    };
    Ok(Happened::from(match github.merge(repo, merge).await? {
        MergeOutcome::Merged { sha } => merged(context, sha),
        MergeOutcome::Behind { .. } => return rebase(context, attempt, offer, BaseMoved::Behind).await,
        MergeOutcome::Conflicting { .. } => {
            return rebase(context, attempt, offer, BaseMoved::Conflicting).await;
        }
        MergeOutcome::Queued { by } => queued_by(by, context.now()),
        outcome => refused(why_not_merged(outcome)),
    }))
}

/// Looks at what became of a merge that GitHub took over.
pub(super) async fn await_merge(
    context: &Context<'_>,
    attempt: &Attempt,
    offer: &Offer,
    queued: &Queued,
) -> Stepped {
    let (github, repo) = (&context.worker.github, &attempt.target.repo);
    let number = offer.pull_request.number;
    let view = github.look_at_pull_request(repo, number).await?;
    if let Some(event) = merged_or_taken_over(context, offer, &view) {
        if !matches!(event, Event::Merged { .. }) {
            github.withdraw_merge(repo, number).await?;
        }
        return Ok(event.into());
    }
    let now = context.now();
    Ok(Happened::from(if !github.still_waits(repo, number).await? {
        refused(
            "GitHub took it out of the merge queue, or switched auto-merge off: a check failed there, or a person did it. \
             The pull request says which; then try again."
                .to_owned(),
        )
    } else if now.duration_since(queued.since) < QUEUE_PATIENCE {
        queued_by(Queue::MergeQueue, now)
    } else {
        refused("GitHub's merge queue has not merged it within six hours; look at it there.".to_owned())
    }))
}

/// A merge whose answer was lost also ends here: GitHub says that it is merged already.
fn merged_or_taken_over(context: &Context<'_>, offer: &Offer, view: &PullRequestView) -> Option<Event> {
    let head_sha = &offer.pull_request.head_sha;
    match &view.stage {
        Stage::Merged { sha, .. } if view.head_sha == *head_sha => Some(merged(context, sha.clone())),
        _ => taken_over(context, view, head_sha),
    }
}

fn merged(context: &Context<'_>, merge_sha: Option<String>) -> Event {
    Event::Merged { merge_sha, watch: context.watch_from_now() }
}

/// The card tells `by` when the wait begins, and not again.
fn queued_by(by: Queue, now: Timestamp) -> Event {
    let how = match by {
        Queue::MergeQueue => "GitHub's merge queue has it",
        Queue::AutoMerge => "GitHub merges it as soon as the repository's rules are met",
    };
    Event::MergeQueued { how, look_at: now + QUEUE_LOOK }
}

/// What GitHub said, and what a person can do about it.
pub(super) fn why_not_merged(outcome: MergeOutcome) -> String {
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

/// Why the checks do not allow the merge any more.
async fn not_green_any_more(
    context: &Context<'_>,
    attempt: &Attempt,
    view: &PullRequestView,
    age: SignedDuration,
) -> Result<Option<Reason>, ServiceError> {
    let rules = context.worker.github.branch_rules(&attempt.target.repo, &view.base_branch).await?;
    Ok(match checks_of(context, attempt, view, &rules, age).await? {
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
