//! Commits the fix on a branch of its own and opens the pull request. What exists is found before it is made.

use autofix::attempt::{Attempt, Event, Fact, Fix, PullRequest};
use autofix::github::{BranchBefore, BranchSet, NewCommit, NewPullRequest};
use autofix::messages;
use autofix::reason::ReasonCode;

use crate::context::Context;
use crate::happened::{Happened, Stepped};
use crate::steps::edited_file::after_the_edits;

pub(super) async fn open(context: &Context<'_>, attempt: &Attempt, fix: &Fix) -> Stepped {
    let github = &context.worker.github;
    let repo = &attempt.target.repo;
    let after = after_the_edits(context, attempt, fix).await?;
    let message = messages::commit_message(attempt, fix);
    let commit = NewCommit {
        parent_sha: &fix.base_sha,
        file_path: &fix.file_path,
        content: &after,
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
