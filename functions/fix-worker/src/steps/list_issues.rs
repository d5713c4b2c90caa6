//! Names the issues that joined in the pull request's body.

use autofix::attempt::{Attempt, Fact, PullRequest};
use autofix::messages;

use crate::context::Context;
use crate::happened::Stepped;

pub(super) async fn list_issues(
    context: &Context<'_>,
    attempt: &Attempt,
    pull_request: &PullRequest,
) -> Stepped {
    let part = messages::issues_in_body(attempt);
    let (github, repo) = (&context.worker.github, &attempt.target.repo);
    github.edit_body(repo, pull_request.number, |body| messages::with_issues(body, &part)).await?;
    Ok(Fact::IssuesListed { count: attempt.joined.count() }.into())
}
