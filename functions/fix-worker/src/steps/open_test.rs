//! Opens the pull request of a proof with the test alone, so that the repository's CI runs it without the fix.

use autofix::attempt::{Attempt, Event, Fix, NotProved, NotProvedCode, RegressionTest};
use autofix::github::{BranchBefore, BranchSet, FileChange, NewFiles, NewPullRequest};
use autofix::messages;
use autofix::reason::ReasonCode;

use crate::context::Context;
use crate::happened::Stepped;
use crate::steps::open_pull_request::opened;
use crate::steps::test_file::with_the_test;

pub(super) async fn open(
    context: &Context<'_>,
    attempt: &Attempt,
    fix: &Fix,
    test: &RegressionTest,
) -> Stepped {
    let github = &context.worker.github;
    let repo = &attempt.target.repo;
    let Some(content) = with_the_test(context, attempt, test, &fix.base_sha).await? else {
        let sentence = format!("`{}` is another file on GitHub than the one that was read.", test.file_path);
        return Ok(NotProved::new(NotProvedCode::BaseMoved, sentence).event().into());
    };
    let message = messages::test_message(attempt, test);
    let commit = NewFiles {
        parent_sha: &fix.base_sha,
        files: &[FileChange::Write { path: &test.file_path, content: &content }],
        message: &message,
        at: attempt.created_at,
    };
    let branch = attempt.branch();
    let head_sha = match github.files_to_branch(repo, &branch, BranchBefore::Absent, commit).await? {
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
    Ok(opened(github.open_pull_request(repo, new).await?, branch, head_sha))
}
