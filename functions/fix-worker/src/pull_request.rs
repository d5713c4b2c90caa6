//! The pull request: opened once, named after the attempt; closed when it is not wanted any more.

use autofix::analysis::edits::{self, Edit};
use autofix::attempt::{Cleanup, Event, Fix, State};
use autofix::github::{BranchBefore, BranchSet, NewCommit, NewPullRequest};
use autofix::messages;
use autofix::reason::{Reason, ReasonCode};
use sha2::{Digest, Sha256};

use crate::desk::{Desk, Stopped};
use crate::places::{self, Placed};
use crate::watch;

/// Commits the fix on a branch of its own and opens the pull request. What exists is found before it is made.
pub(crate) async fn open(desk: &mut Desk<'_>) -> Result<(), Stopped> {
    let State::Proposed { fix } = desk.attempt.state.clone() else { return Ok(()) };
    if places::take(desk, &fix).await? == Placed::No {
        return Ok(());
    }
    let github = &desk.worker.github;
    let attempt = &desk.attempt;
    let repo = &attempt.target.repo;
    let Some(after) = after_the_edits(desk, &fix).await? else {
        return desk.happened(not_the_file(&fix)).await;
    };
    let message = messages::commit_message(attempt, &fix);
    let commit = NewCommit {
        parent_sha: &fix.base_sha,
        file_path: &fix.file_path,
        content: &after,
        message: &message,
        at: attempt.created_at,
    };
    let branch = attempt.branch();
    let head_sha = match github.commit_to_branch(repo, &branch, BranchBefore::Absent, commit).await? {
        BranchSet::Done { sha } => sha,
        BranchSet::Elsewhere { .. } => {
            let sentence = format!(
                "The branch `{branch}` exists already with another commit; delete it to let AutoFix try again."
            );
            return desk.happened(failed(ReasonCode::BranchMoved, sentence)).await;
        }
    };
    let title = messages::pull_request_title(attempt);
    let body = messages::pull_request_body(attempt, &fix);
    let new = NewPullRequest { title: &title, body: &body, head: &branch, base: &fix.base_branch };
    let found = github.open_pull_request(repo, new).await?;
    let pull_request =
        autofix::attempt::PullRequest { number: found.number, url: found.url, branch, head_sha };
    desk.happened(Event::PullRequestOpened { pull_request }).await
}

/// Names the issues that joined in the pull request's body.
pub(crate) async fn list_issues(desk: &mut Desk<'_>) -> Result<(), Stopped> {
    let Some(pull_request) = desk.attempt.state.pull_request() else { return Ok(()) };
    let part = messages::issues_in_body(&desk.attempt);
    let count = desk.attempt.joined.count();
    let (github, repo) = (&desk.worker.github, &desk.attempt.target.repo);
    github.edit_body(repo, pull_request.number, |body| messages::with_issues(body, &part)).await?;
    desk.attempt.issues_listed(count);
    desk.save().await
}

/// Closes the dismissed pull request and deletes its branch, unless it holds someone else's commits.
pub(crate) async fn clean_up(desk: &mut Desk<'_>) -> Result<(), Stopped> {
    let state = desk.attempt.state.clone();
    let Some(pull_request) = state.pull_request() else { return Ok(()) };
    let github = &desk.worker.github;
    let repo = &desk.attempt.target.repo;
    let current = github.pull_request(repo, pull_request.number).await?;
    if current.merged {
        return desk
            .happened(match state {
                State::Withdrawing { .. } => Event::MergedOnGithub { watch: watch::begin(desk) },
                _ => Event::CleanedUp { outcome: Cleanup::TooLate },
            })
            .await;
    }
    if current.open {
        github.close_pull_request(repo, pull_request.number).await?;
    }
    if current.head_sha == pull_request.head_sha {
        github.delete_branch(repo, &pull_request.branch, &pull_request.head_sha).await?;
    }
    desk.happened(Event::CleanedUp { outcome: Cleanup::Done }).await
}

/// The file with the fix in it; `None` where it is not the file that the fix was made for.
pub(crate) async fn after_the_edits(desk: &Desk<'_>, fix: &Fix) -> Result<Option<String>, Stopped> {
    let file = desk.worker.github.file(&desk.attempt.target.repo, &fix.file_path, &fix.base_sha).await?;
    let before = file.and_then(|bytes| String::from_utf8(bytes).ok());
    let edits: Vec<Edit> = fix
        .edits
        .iter()
        .map(|edit| Edit {
            file_path: fix.file_path.clone(),
            search: edit.search.clone(),
            replace: edit.replace.clone(),
        })
        .collect();
    let same = before.filter(|text| hex::encode(Sha256::digest(text)) == fix.before_sha256);
    Ok(same.and_then(|text| edits::apply(&text, &edits).ok()))
}

/// The end of an attempt whose file is another one on GitHub than in the snapshot.
pub(crate) fn not_the_file(fix: &Fix) -> Event {
    let sentence = format!("`{}` at `{}` is not the file that was analysed.", fix.file_path, fix.base_sha);
    failed(ReasonCode::SnapshotUnreadable, sentence)
}

fn failed(code: ReasonCode, sentence: String) -> Event {
    Event::Failed { reason: Reason::new(code, sentence) }
}
