//! Commits the fix, or first the regression test of a proof alone, on a branch of its own and opens the pull request; names
//! issues that joined in it. What exists is found before it is made.

use autofix::attempt::{Attempt, Event, Fact, Fix, NotProvedCode, PullRequest, RegressionTest};
use autofix::github::{BranchBefore, BranchSet, FileChange, NewCommit, NewPullRequest};
use autofix::messages;
use autofix::reason::ReasonCode;

use crate::context::Context;
use crate::happened::{Happened, Stepped};
use crate::steps::files::{after_the_edits, with_the_test};

pub(super) async fn open(context: &Context<'_>, attempt: &Attempt, fix: &Fix) -> Stepped {
    let github = &context.worker.github;
    let repo = &attempt.target.repo;
    let after = after_the_edits(context, attempt, fix).await?;
    let message = messages::commit_message(attempt, fix);
    let commit = NewCommit {
        parent_sha: &fix.base_sha,
        files: &[FileChange::Write { path: &fix.file_path, content: &after }],
        message: &message,
        at: attempt.created_at,
    };
    let branch = attempt.branch();
    let set = github.commit_to_branch(repo, &branch, BranchBefore::Absent, commit).await?;
    open_on_branch(context, attempt, fix, set).await
}

/// Opens a draft for the attempt's branch, whose first commit was just made.
pub(super) async fn open_on_branch(
    context: &Context<'_>,
    attempt: &Attempt,
    fix: &Fix,
    set: BranchSet,
) -> Stepped {
    let branch = attempt.branch();
    let head_sha = match set {
        BranchSet::Done { sha } => sha,
        BranchSet::Elsewhere { .. } => {
            let sentence = format!(
                "The branch `{branch}` exists already with another commit; delete it to let AutoFix try again."
            );
            return Ok(Event::failed(ReasonCode::BranchMoved, sentence).into());
        }
    };
    let title = messages::pull_request_title(attempt);
    let body = messages::pull_request_body(attempt, fix);
    let new =
        NewPullRequest { title: &title, body: &body, head: &branch, base: &fix.base_branch, draft: true };
    let found = context.worker.github.open_pull_request(&attempt.target.repo, new).await?;
    let pull_request = PullRequest { number: found.number, url: found.url, branch, head_sha };
    let mut events = vec![Event::PullRequestOpened { pull_request }];
    if !found.draft {
        let note = "The pull request is no draft: this repository has none";
        events.push(Event::Learned(Fact::Note(note.to_owned())));
    }
    Ok(Happened::Events(events))
}

pub(super) async fn open_test(
    context: &Context<'_>,
    attempt: &Attempt,
    fix: &Fix,
    test: &RegressionTest,
) -> Stepped {
    let github = &context.worker.github;
    let repo = &attempt.target.repo;
    let Some(content) = with_the_test(context, attempt, test, &fix.base_sha).await? else {
        let sentence = format!("`{}` is another file on GitHub than the one that was read.", test.file_path);
        return Ok(Event::not_proved(NotProvedCode::BaseMoved, sentence).into());
    };
    let message = messages::test_message(attempt, test);
    let commit = NewCommit {
        parent_sha: &fix.base_sha,
        files: &[FileChange::Write { path: &test.file_path, content: &content }],
        message: &message,
        at: attempt.created_at,
    };
    let branch = attempt.branch();
    let set = github.commit_to_branch(repo, &branch, BranchBefore::Absent, commit).await?;
    open_on_branch(context, attempt, fix, set).await
}

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
