//! The pull request: opened once, watched, merged at the commit that was approved, or closed.

use autofix::analysis::edits::{self, Edit};
use autofix::attempt::{Checks, Cleanup, Event, FailedCheck, State};
use autofix::github::{
    BranchCreated, CheckResult, Merge, NewCommit, NewPullRequest, OpenPullRequest, Outcome,
};
use autofix::messages;
use autofix::outbound::ServiceError;
use autofix::reason::{Reason, ReasonCode};
use jiff::SignedDuration;
use sha2::{Digest, Sha256};
use tracing::warn;

use crate::desk::{Desk, Stopped};

/// First pause between two looks; it grows with the time that the checks take.
const FIRST_LOOK: SignedDuration = SignedDuration::from_secs(15);
const LONGEST_LOOK: SignedDuration = SignedDuration::from_mins(10);
/// Between two looks at an armed pull request: people may decide on GitHub, too.
const ARMED_LOOK: SignedDuration = SignedDuration::from_hours(1);
/// Checks that run or stay red for so long are a person's business.
const CHECKS_PATIENCE: SignedDuration = SignedDuration::from_hours(24);

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

/// Looks at the checks of the head commit, and at whether people have decided on GitHub.
pub(crate) async fn look_at_checks(desk: &mut Desk<'_>) -> Result<(), Stopped> {
    let (pull_request, since) = match &desk.attempt.state {
        State::PrCreated { offer } | State::AwaitingApproval { offer, .. } => {
            (offer.pull_request.clone(), offer.since)
        }
        _ => return Ok(()), // decided in the meantime
    };
    let github = &desk.worker.github;
    let repo = &desk.attempt.target.repo;
    let current = github.pull_request(repo, pull_request.number).await?;
    if let Some(event) = taken_over(&current, &pull_request.head_sha) {
        return desk.happened(event).await;
    }
    let results = github.checks(repo, &pull_request.head_sha).await?;
    let now = desk.now();
    let age = now.duration_since(since);
    let checks = judge(&results, age, desk.worker.config.checks_settle);
    let event = match &checks {
        Checks::Green { .. } | Checks::None => Event::ChecksSeen { checks, look_at: now + ARMED_LOOK },
        Checks::Running | Checks::Red { .. } if age < CHECKS_PATIENCE => {
            let pause = (age / 4).clamp(FIRST_LOOK, LONGEST_LOOK);
            Event::ChecksSeen { checks, look_at: now + pause }
        }
        Checks::Running => failed(
            ReasonCode::ChecksUnfinished,
            "The checks have not ended within a day. The pull request stays open for you.".to_owned(),
        ),
        Checks::Red { failed: names } => failed(
            ReasonCode::ChecksFailed,
            format!(
                "The checks have been red for a day ({}). The pull request stays open for you.",
                names_of(names)
            ),
        ),
    };
    desk.happened(event).await
}

/// What the results mean together. A repository may take some time to start its checks: until then nothing is green.
fn judge(results: &[CheckResult], age: SignedDuration, settle: SignedDuration) -> Checks {
    let failed: Vec<FailedCheck> = results
        .iter()
        .filter(|check| check.outcome == Outcome::Failed)
        .map(|check| FailedCheck::named(check.name.clone()))
        .collect();
    if !failed.is_empty() {
        return Checks::Red { failed };
    }
    if age < settle || results.iter().any(|check| check.outcome == Outcome::Running) {
        return Checks::Running;
    }
    match u32::try_from(results.len()).unwrap_or(u32::MAX) {
        0 => Checks::None,
        passed => Checks::Green { passed },
    }
}

/// Merges exactly the commit that was approved, if its checks are still what the card said.
pub(crate) async fn merge(desk: &mut Desk<'_>) -> Result<(), Stopped> {
    let State::Approved { offer, decision, .. } = desk.attempt.state.clone() else { return Ok(()) };
    let pull_request = &offer.pull_request;
    let github = &desk.worker.github;
    let repo = &desk.attempt.target.repo;
    let results = github.checks(repo, &pull_request.head_sha).await?;
    let age = desk.now().duration_since(offer.since);
    if let Some(reason) = not_green_any_more(&judge(&results, age, desk.worker.config.checks_settle)) {
        // Unless the answer to an earlier try was lost: then it is merged, whatever the checks do now.
        let current = github.pull_request(repo, pull_request.number).await?;
        let merged = current.merged && current.head_sha == pull_request.head_sha;
        let event = if merged {
            merged_before(desk, &offer.fix.base_branch).await
        } else {
            Event::MergeRefused { reason }
        };
        return desk.happened(event).await;
    }
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
        Ok(sha) => Event::Merged { merge_sha: Some(sha), watch: None },
        Err(
            error
            @ (ServiceError::Conflict(_) | ServiceError::Refused { .. } | ServiceError::Unauthorized(_)),
        ) => {
            // A merge whose answer was lost also ends here: GitHub says that it is merged already.
            let current = github.pull_request(repo, pull_request.number).await?;
            match taken_over(&current, &pull_request.head_sha) {
                Some(Event::MergedOnGithub { .. }) => merged_before(desk, &offer.fix.base_branch).await,
                Some(event) => event,
                None => Event::MergeRefused { reason: why_not_merged(&error) },
            }
        }
        Err(error) => return Err(error.into()),
    };
    desk.happened(event).await
}

/// An earlier try merged it and its answer was lost; the merge is found by the line that names the attempt.
async fn merged_before(desk: &Desk<'_>, base_branch: &str) -> Event {
    let line = messages::attempt_trailer(desk.attempt.id);
    let found = desk.worker.github.commit_with_line(&desk.attempt.target.repo, base_branch, &line).await;
    let merge_sha = found.unwrap_or_else(|error| {
        warn!(error = %error, "Cannot tell which commit the merge made");
        None
    });
    Event::Merged { merge_sha, watch: None }
}

fn names_of(failed: &[FailedCheck]) -> String {
    failed.iter().map(|check| check.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn not_green_any_more(checks: &Checks) -> Option<Reason> {
    match checks {
        Checks::Green { .. } | Checks::None => None,
        Checks::Running => Some(Reason::new(
            ReasonCode::ChecksUnfinished,
            "Checks have started again. Press Deploy Live when they are green.",
        )),
        Checks::Red { failed } => Some(Reason::new(
            ReasonCode::ChecksFailed,
            format!("Checks have failed since: {}.", names_of(failed)),
        )),
    }
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

/// What people did with the pull request on GitHub, where they did something.
fn taken_over(current: &OpenPullRequest, head_sha: &str) -> Option<Event> {
    if current.head_sha != head_sha {
        let sentence = "Someone pushed to the branch, so what was reviewed is not what would be merged. Merge it on GitHub if it is right.";
        return Some(failed(ReasonCode::BranchMoved, sentence.to_owned()));
    }
    match (current.open, current.merged) {
        (true, _) => None,
        (false, true) => Some(Event::MergedOnGithub { watch: None }),
        (false, false) => Some(Event::ClosedOnGithub),
    }
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
                State::Withdrawing { .. } => Event::MergedOnGithub { watch: None },
                _ => Event::CleanedUp { outcome: Cleanup::TooLate },
            })
            .await;
    }
    if current.open {
        github.close_pull_request(repo, pull_request.number).await?;
    }
    if current.head_sha == pull_request.head_sha {
        github.delete_branch(repo, &pull_request.branch).await?;
    }
    desk.happened(Event::CleanedUp { outcome: Cleanup::Done }).await
}

fn failed(code: ReasonCode, sentence: String) -> Event {
    Event::Failed { reason: Reason::new(code, sentence) }
}
