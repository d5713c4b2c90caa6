//! The Sentry issues that an attempt is about.

use autofix::attempt::Attempt;
use autofix::incident::Incident;
use autofix::sentry::IssueRef;
use autofix::store::StoreError;

use crate::context::Context;

/// The issue of the attempt itself.
pub(super) async fn own(context: &Context<'_>, attempt: &Attempt) -> Result<Option<IssueRef>, StoreError> {
    if let Some(issue) = attempt.subject.sentry_url.as_deref().and_then(IssueRef::of_link) {
        return Ok(Some(issue));
    }
    Ok(with_incident(context, attempt).await?.map(|(issue, _)| issue))
}

/// The same, with what Sentry reported.
pub(super) async fn with_incident(
    context: &Context<'_>,
    attempt: &Attempt,
) -> Result<Option<(IssueRef, Incident)>, StoreError> {
    let incident = context.incident(attempt).await?;
    Ok(incident.and_then(|incident| Some((IssueRef::of(&incident)?, incident))))
}

/// The issues of the same fault that the fix is for as well, as far as they have an address.
pub(super) fn joined(attempt: &Attempt) -> Vec<IssueRef> {
    let issues = attempt.joined.issues.iter();
    issues.filter_map(|joined| IssueRef::of_link(joined.sentry_url.as_deref()?)).collect()
}
