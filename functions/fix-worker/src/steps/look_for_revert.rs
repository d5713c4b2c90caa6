//! Whether a person took a merged fix back.

use autofix::attempt::{Attempt, Event, Merged, Watch};
use autofix::github::MergedFix;
use autofix::outbound::ServiceError;
use jiff::SignedDuration;
use tracing::warn;

use crate::context::Context;
use crate::happened::Stepped;

/// Between two looks at a fix with which the error came back.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_mins(30);

/// The looks that begin when an error comes back: people have as long as the watch lasts.
pub(super) fn looks_from_now(context: &Context<'_>) -> Option<Watch> {
    context.watch_from_now().map(|watch| Watch { look_at: watch.look_at + LOOK_AGAIN, ..watch })
}

pub(super) async fn look(context: &Context<'_>, attempt: &Attempt, merged: &Merged, look: &Watch) -> Stepped {
    if let Some(commit) = taken_back(context, attempt, merged).await? {
        return Ok(Event::TakenBackOnGithub { commit: Some(commit) }.into());
    }
    let now = context.now();
    let next = Watch { until: look.until, look_at: now + LOOK_AGAIN };
    Ok(Event::StillThere { look: (now < look.until).then_some(next) }.into())
}

/// The commit with which a person took a merged fix back. What GitHub refuses to tell is not known.
pub(super) async fn taken_back(
    context: &Context<'_>,
    attempt: &Attempt,
    merged: &Merged,
) -> Result<Option<String>, ServiceError> {
    let commits: Vec<&str> =
        merged.merge_sha.as_deref().into_iter().chain([merged.pull_request.head_sha.as_str()]).collect();
    let fix = MergedFix {
        number: merged.pull_request.number,
        base_branch: &merged.fix.base_branch,
        file_path: &merged.fix.file_path,
        commits: &commits,
    };
    match context.worker.github.reverting_commit(&attempt.target.repo, fix).await {
        Err(error) if !error.may_pass() => {
            warn!(error = %error, "Cannot tell whether somebody took the fix back");
            Ok(None)
        }
        found => found,
    }
}
