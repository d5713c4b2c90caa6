//! Opens the pull request of a proof with the test alone, so that the repository's CI runs it without the fix.

use autofix::attempt::{Attempt, Fix, NotProved, NotProvedCode, RegressionTest};
use autofix::github::{BranchBefore, FileChange, NewFiles};
use autofix::messages;

use crate::context::Context;
use crate::happened::Stepped;
use crate::steps::open_pull_request::open_on_branch;
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
    let set = github.files_to_branch(repo, &branch, BranchBefore::Absent, commit).await?;
    open_on_branch(context, attempt, fix, set).await
}
