//! Tells Sentry about a verified fix: a comment with the story, then the issue is resolved by the commit.

use autofix::attempt::{Attempt, Event, Merged, Telling};
use autofix::messages;
use autofix::outbound::ServiceError;
use autofix::sentry::{Commented, FixedBy, IssueRef, Resolved};
use tracing::warn;

use crate::context::Context;
use crate::happened::Stepped;
use crate::steps::incident;

pub(super) async fn tell_sentry(context: &Context<'_>, attempt: &Attempt, merged: &Merged) -> Stepped {
    let Some(issue) = incident::own_issue(context, attempt).await? else {
        return Ok(Event::SentryTold { outcome: Telling::Refused }.into());
    };
    let outcome = tell_about(context, attempt, merged, &issue).await?;
    if outcome == Telling::Refused {
        warn!("Sentry does not have the issue any more");
    }
    // A joined issue that is gone or out of the token's reach does not spoil what was said of the attempt's own.
    for joined in incident::joined_issues(attempt) {
        match tell_about(context, attempt, merged, &joined).await {
            Err(error) if !error.may_pass() => {
                warn!(issue = joined.issue_id, error = %error, "Sentry could not be told about a joined issue");
            }
            told => drop(told?),
        }
    }
    Ok(Event::SentryTold { outcome }.into())
}

async fn tell_about(
    context: &Context<'_>,
    attempt: &Attempt,
    merged: &Merged,
    issue: &IssueRef,
) -> Result<Telling, ServiceError> {
    let sentry = &context.worker.sentry;
    if sentry.comment(issue, &messages::sentry_note(attempt)).await? == Commented::Gone {
        return Ok(Telling::Refused);
    }
    let commit = merged.merge_sha.as_deref().unwrap_or(&merged.pull_request.head_sha);
    let fix = FixedBy { repository: &attempt.target.repo, commit };
    Ok(match sentry.resolve(issue, fix).await? {
        Resolved::InCommit | Resolved::Plainly | Resolved::NotNeeded => Telling::Done,
        Resolved::Gone => Telling::Refused,
    })
}
