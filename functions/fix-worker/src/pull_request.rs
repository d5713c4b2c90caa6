//! The pull request: opened once, watched, merged at the commit that was approved, or closed.

use autofix::analysis::edits::{self, Edit};
use autofix::attempt::{Checks, Event, State};
use autofix::github::{
    BranchCreated, CheckResult, Merge, NewCommit, NewPullRequest, OpenPullRequest, Outcome,
};
use autofix::messages;
use autofix::outbound::ServiceError;
use autofix::reason::{Reason, ReasonCode};
use jiff::SignedDuration;
use sha2::{Digest, Sha256};

use crate::desk::{Desk, Stopped};

/// How long a repository may take to start its first check before "no checks ran" is the answer.
const GRACE: SignedDuration = SignedDuration::from_secs(120);
/// First pause between two looks; it grows with the time that the checks take.
const FIRST_LOOK: SignedDuration = SignedDuration::from_secs(15);
const LONGEST_LOOK: SignedDuration = SignedDuration::from_mins(10);

/// Commits the fix on a branch of its own and opens the pull request. What exists is found before it is made.
pub(crate) async fn open(desk: &mut Desk<'_>) -> Result<(), Stopped> {
    let State::Proposed { fix } = desk.attempt.state.clone() else { return Ok(()) };
    let github = &desk.worker.github;
    let attempt = &desk.attempt;
    let repo = &attempt.target.repo;
    let file = github.file(repo, &fix.file_path, &fix.base_sha).await?;
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
    let Some(after) = same.and_then(|text| edits::apply(&text, &edits).ok()) else {
        let sentence =
            format!("`{}` at `{}` is not the file that was analysed.", fix.file_path, fix.base_sha);
        return desk.happened(failed(ReasonCode::SnapshotUnreadable, sentence)).await;
    };
    let message = messages::commit_message(attempt, &fix);
    let commit = NewCommit {
        parent_sha: &fix.base_sha,
        file_path: &fix.file_path,
        content: &after,
        message: &message,
        at: attempt.created_at,
    };
    let head_sha = github.create_commit(repo, commit).await?;
    let branch = attempt.id.branch();
    if let BranchCreated::Exists { sha } = github.create_branch(repo, &branch, &head_sha).await?
        && sha != head_sha
    {
        let sentence = format!(
            "The branch `{branch}` exists already with another commit; delete it to let AutoFix try again."
        );
        return desk.happened(failed(ReasonCode::BranchMoved, sentence)).await;
    }
    let title = messages::pull_request_title(attempt);
    let body = messages::pull_request_body(attempt, &fix);
    let new = NewPullRequest { title: &title, body: &body, head: &branch, base: &fix.base_branch };
    let found = github.open_pull_request(repo, new).await?;
    let pull_request =
        autofix::attempt::PullRequest { number: found.number, url: found.url, branch, head_sha };
    desk.happened(Event::PullRequestOpened { pull_request }).await
}

/// Looks at the checks of the head commit, and at whether a person has taken over.
pub(crate) async fn look_at_checks(desk: &mut Desk<'_>) -> Result<(), Stopped> {
    let State::PrCreated { pull_request, since, .. } = desk.attempt.state.clone() else { return Ok(()) };
    let github = &desk.worker.github;
    let repo = &desk.attempt.target.repo;
    let current = github.pull_request(repo, pull_request.number).await?;
    if let Some(reason) = taken_over(&current, &pull_request.head_sha) {
        return desk.happened(Event::Failed { reason }).await;
    }
    let results = github.checks(repo, &pull_request.head_sha).await?;
    let now = desk.now();
    let age = now.duration_since(since);
    let checks = judge(&results, age);
    let pause = (age / 4).clamp(FIRST_LOOK, LONGEST_LOOK);
    desk.happened(Event::ChecksSeen { checks, look_at: now + pause }).await
}

/// What the results mean together.
fn judge(results: &[CheckResult], age: SignedDuration) -> Checks {
    let failed: Vec<String> = results
        .iter()
        .filter(|check| check.outcome == Outcome::Failed)
        .map(|check| check.name.clone())
        .collect();
    if !failed.is_empty() {
        return Checks::Red { failed };
    }
    if results.iter().any(|check| check.outcome == Outcome::Running) {
        return Checks::Running;
    }
    match u32::try_from(results.len()).unwrap_or(u32::MAX) {
        0 if age < GRACE => Checks::Running,
        0 => Checks::None,
        passed => Checks::Green { passed },
    }
}

/// Merges exactly the commit that was approved.
pub(crate) async fn merge(desk: &mut Desk<'_>) -> Result<(), Stopped> {
    let State::Approved { pull_request, decision, .. } = desk.attempt.state.clone() else { return Ok(()) };
    let github = &desk.worker.github;
    let repo = &desk.attempt.target.repo;
    let method = github.repository(repo).await?.merge_method;
    let (title, message) = messages::merge_message(&desk.attempt, &decision, pull_request.number);
    let merge = Merge {
        number: pull_request.number,
        head_sha: &pull_request.head_sha,
        method,
        title: &title,
        message: &message,
    };
    let event = match github.merge(repo, merge).await {
        Ok(sha) => Event::Merged { merge_sha: Some(sha) },
        Err(
            error
            @ (ServiceError::Conflict(_) | ServiceError::Refused { .. } | ServiceError::Unauthorized(_)),
        ) => {
            // A merge whose answer was lost also ends here: GitHub says that it is merged already.
            let current = github.pull_request(repo, pull_request.number).await?;
            match taken_over(&current, &pull_request.head_sha) {
                _ if current.merged && current.head_sha == pull_request.head_sha => {
                    Event::Merged { merge_sha: None }
                }
                Some(reason) => Event::Failed { reason },
                None => Event::MergeRefused { reason: why_not_merged(&error) },
            }
        }
        Err(error) => return Err(error.into()),
    };
    desk.happened(event).await
}

fn why_not_merged(error: &ServiceError) -> Reason {
    let sentence = match error {
        ServiceError::Conflict(said) => format!(
            "{said}. Conflicts, required reviews or branch rules stop it: resolve that on GitHub, then press Deploy Live again."
        ),
        ServiceError::Unauthorized(said) => format!(
            "{said}. The token needs `contents: write` and must be allowed to merge; then press Deploy Live again."
        ),
        other => format!("{other}. Look at the pull request, then press Deploy Live again."),
    };
    Reason::new(ReasonCode::MergeRefused, sentence)
}

/// Why the pull request is no longer ours to decide about.
fn taken_over(current: &OpenPullRequest, head_sha: &str) -> Option<Reason> {
    if current.head_sha != head_sha {
        let sentence = "Someone pushed to the branch, so what was reviewed is not what would be merged. Merge it on GitHub if it is right.";
        return Some(Reason::new(ReasonCode::BranchMoved, sentence));
    }
    match (current.open, current.merged) {
        (true, _) => None,
        (false, true) => {
            Some(Reason::new(ReasonCode::PullRequestClosed, "Someone merged the pull request on GitHub."))
        }
        (false, false) => {
            Some(Reason::new(ReasonCode::PullRequestClosed, "Someone closed the pull request on GitHub."))
        }
    }
}

/// Closes the dismissed pull request and deletes its branch.
pub(crate) async fn clean_up(desk: &mut Desk<'_>) -> Result<(), Stopped> {
    let State::Rejected { pull_request, .. } = desk.attempt.state.clone() else { return Ok(()) };
    let github = &desk.worker.github;
    let repo = &desk.attempt.target.repo;
    let current = github.pull_request(repo, pull_request.number).await?;
    if current.open {
        github.close_pull_request(repo, pull_request.number).await?;
    }
    if !current.merged {
        github.delete_branch(repo, &pull_request.branch).await?;
    }
    desk.happened(Event::CleanedUp).await
}

fn failed(code: ReasonCode, sentence: String) -> Event {
    Event::Failed { reason: Reason::new(code, sentence) }
}
