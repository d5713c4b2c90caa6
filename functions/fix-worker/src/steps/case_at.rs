//! The case of an attempt at one commit: what Sentry reported, the code, and what is known beside them.

use autofix::analysis::background::{Background, earlier_attempt, open_fix};
use autofix::analysis::repo_path::{ProjectPath, RepoPath};
use autofix::analysis::snapshot::{Limits, Snapshot, SnapshotError, SnapshotReader};
use autofix::attempt::{Attempt, AttemptId, Event};
use autofix::incident::Incident;
use autofix::outbound::{ErrorKind, ServiceError};
use autofix::reason::{Reason, ReasonCode};
use autofix::redaction::{Redacted, redact_incident};

use crate::context::Context;
use crate::happened::Early;
use crate::investigation::case::{Case, Material};
use crate::steps::incident;

/// Attempts before this one that the analysis sees: enough to see what was tried, and no long story.
pub(super) const MAX_EARLIER: usize = 3;
/// Open fixes in the same files that the analysis sees.
const MAX_OPEN: usize = 3;

/// Fetches what the case is made of and opens it. `Early::Happened` is how the attempt ends without a model, which callers
/// that are past the analysis read as: there is no case.
pub(super) async fn case_at(context: &Context<'_>, attempt: &Attempt, sha: &str) -> Result<Case, Early> {
    let incident = redact_incident(&incident::readable(context, attempt).await?);
    let Ok(project) = ProjectPath::parse(&attempt.target.path) else {
        let sentence = "The project's folder in the settings is not a path.";
        return Err(skipped(Reason::new(ReasonCode::ProjectNotConfigured, sentence)));
    };
    let repo = attempt.target.repo.clone();
    let base_branch = base_branch(context, attempt).await?;
    let snapshot = download(context, &repo, sha).await?;
    let opened = Case::open(Material {
        attempt: attempt.id,
        background: background(context, attempt, &incident).await?,
        incident,
        snapshot,
        repo,
        project,
        base_branch,
        base_sha: sha.to_owned(),
        min_confidence: context.worker.config.min_confidence,
    });
    let mut case = opened.map_err(skipped)?;
    if let Some((commit, path)) = case.wants_released()
        && let Some(released) = released_file(context, attempt, &commit, &path).await?
        && let Some(reason) = case.compare_release(&commit, &released)
    {
        return Err(skipped(reason));
    }
    match case.obstacle() {
        Some(reason) => Err(skipped(reason)),
        None => Ok(case),
    }
}

fn skipped(reason: Reason) -> Early {
    Event::skipped(reason).into()
}

/// The branch that the fix is for: of the settings, else the repository's default.
pub(super) async fn base_branch(context: &Context<'_>, attempt: &Attempt) -> Result<String, ServiceError> {
    match &attempt.target.branch {
        Some(branch) => Ok(branch.clone()),
        None => Ok(context.worker.github.repository(&attempt.target.repo).await?.default_branch),
    }
}

/// The attempt at the same fault before this one, as far as an analysis should know of it.
pub(super) fn before(attempt: &Attempt) -> Option<AttemptId> {
    attempt.retry.as_ref().map(|retry| retry.of).or(attempt.earlier)
}

/// A file as released. A release that GitHub does not know tells nothing.
async fn released_file(
    context: &Context<'_>,
    attempt: &Attempt,
    commit: &str,
    path: &RepoPath,
) -> Result<Option<String>, ServiceError> {
    match context.worker.github.file(&attempt.target.repo, path.as_str(), commit).await {
        Ok(file) => Ok(file.and_then(|bytes| String::from_utf8(bytes).ok())),
        Err(ServiceError { kind: ErrorKind::NotFound | ErrorKind::Refused { .. }, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a person said who wanted another try, and what was tried before, the latest first.
async fn background(
    context: &Context<'_>,
    attempt: &Attempt,
    incident: &Incident,
) -> Result<Background, Early> {
    let hint = attempt.retry.as_ref().map(|retry| retry.hint.clone());
    let mut earlier = Vec::new();
    let mut next = before(attempt);
    while let Some(id) = next.filter(|_| earlier.len() < MAX_EARLIER) {
        let Some(found) = context.store().attempt(id).await? else { break };
        earlier.push(earlier_attempt(&found.attempt));
        next = before(&found.attempt);
    }
    Ok(Background { hint, earlier, open: open_fixes(context, attempt, incident).await? })
}

/// Fixes of other attempts that are open in the files of the error.
async fn open_fixes(
    context: &Context<'_>,
    attempt: &Attempt,
    incident: &Incident,
) -> Result<Vec<Redacted>, Early> {
    let mut open = Vec::new();
    for id in context.store().open_attempts(&attempt.target.repo).await? {
        if id == attempt.id || open.len() == MAX_OPEN {
            continue;
        }
        let Some(other) = context.store().attempt(id).await? else { continue };
        if other.attempt.state.fix().is_some_and(|fix| fix.is_in_a_file_of(incident)) {
            open.extend(open_fix(&other.attempt));
        }
    }
    Ok(open)
}

/// The code at a commit. A download that is damaged is tried once more: it may have been cut on the way.
async fn download(context: &Context<'_>, repo: &str, sha: &str) -> Result<Snapshot, Early> {
    let mut again = true;
    loop {
        let mut download = context.worker.github.tarball(repo, sha).await?;
        let mut reader = SnapshotReader::new(Limits::default());
        let read = loop {
            match download.chunk().await? {
                None => break reader.finish(),
                Some(chunk) => {
                    if let Err(error) = reader.push(&chunk) {
                        break Err(error);
                    }
                }
            }
        };
        match read {
            Ok(snapshot) => return Ok(snapshot),
            Err(SnapshotError::Damaged(_)) if again => again = false,
            Err(error) => {
                let sentence = format!("The repository at `{sha}` cannot be read: {error}.");
                let reason = Reason::new(ReasonCode::SnapshotUnreadable, sentence);
                return Err(Event::Failed { reason }.into());
            }
        }
    }
}
