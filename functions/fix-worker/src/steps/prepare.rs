//! Before anything is paid for: an event with a stack trace, the fault that no other attempt has, and the commit that
//! everything is about.

use autofix::attempt::{Attempt, Event, Fact, Subject};
use autofix::journal::Service;
use autofix::outbound::{ErrorKind, ServiceError};
use autofix::redaction::redact_incident;

use crate::context::Context;
use crate::happened::{Happened, Stepped};
use crate::steps::{case_at, incident, same_fault};

pub(super) async fn prepare(context: &Context<'_>, attempt: &Attempt) -> Stepped {
    let incident = incident::readable(context, attempt).await?;
    let subject = Subject::of(&redact_incident(&incident));
    if subject != attempt.subject {
        return Ok(Fact::Subject(Box::new(subject)).into());
    }
    same_fault::claim(context, attempt, &incident).await?;
    let repo = &attempt.target.repo;
    let branch = case_at::base_branch(context, attempt).await?;
    let head = context.worker.github.branch_head(repo, &branch).await?;
    let base_sha = head.ok_or_else(|| {
        ServiceError::new(Service::Github, ErrorKind::NotFound, format!("the branch `{branch}` of `{repo}`"))
    })?;
    Ok(Happened::from(Event::AnalysisStarted { base_sha: Some(base_sha) }))
}
