//! In a dry run: whether people fixed the error themselves, and how close their change is to the one that AutoFix proposed.

use autofix::analysis::closeness::closeness;
use autofix::analysis::diff::FileChange;
use autofix::analysis::edits::{self, Edit};
use autofix::attempt::{Attempt, Closeness, Fact, Fix, Shadow, Watch};
use autofix::github::CommitChange;
use autofix::outbound::ServiceError;

use crate::context::Context;
use crate::happened::{Early, Stepped};
use crate::steps::incident;

pub(super) async fn look(context: &Context<'_>, attempt: &Attempt, watch: &Watch) -> Stepped {
    let shadow = match peoples_commit(context, attempt).await? {
        None => Shadow::goes_on(watch, context.now()),
        Some(found) => {
            let closeness = match attempt.state.fix() {
                Some(fix) => compare(context, attempt, fix, &found).await?,
                None => None,
            };
            Shadow::Fixed { commit: found.sha, closeness }
        }
    };
    Ok(Fact::Shadow(shadow).into())
}

/// The commit with which people resolved the issue: the one that Sentry knows, or one that names the issue.
async fn peoples_commit(context: &Context<'_>, attempt: &Attempt) -> Result<Option<CommitChange>, Early> {
    let Some(issue) = incident::own_issue(context, attempt).await? else { return Ok(None) };
    let Some(resolved) = context.worker.sentry.resolution(&issue).await? else { return Ok(None) };
    let (github, repo) = (&context.worker.github, &attempt.target.repo);
    if let Some(commit) = &resolved.commit
        && let Some(change) = github.commit_change(repo, commit).await?
    {
        return Ok(Some(change));
    }
    let Some(name) = &resolved.short_id else { return Ok(None) };
    let branch = match &attempt.target.branch {
        Some(branch) => branch.clone(),
        None => github.repository(repo).await?.default_branch,
    };
    let Some(commit) = github.commit_naming(repo, &branch, name, attempt.created_at).await? else {
        return Ok(None);
    };
    Ok(github.commit_change(repo, &commit).await?)
}

/// How close the proposal is to what people did, both as changes of the code that people changed.
async fn compare(
    context: &Context<'_>,
    attempt: &Attempt,
    fix: &Fix,
    found: &CommitChange,
) -> Result<Option<Closeness>, ServiceError> {
    let (github, repo, path) = (&context.worker.github, &attempt.target.repo, &fix.file_path);
    if !found.paths.contains(path) {
        return Ok(Some(Closeness::OtherFile));
    }
    let text = |bytes: Option<Vec<u8>>| bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let before = text(github.file(repo, path, &found.parent_sha).await?);
    let after = text(github.file(repo, path, &found.sha).await?);
    let (Some(before), Some(after)) = (before, after) else { return Ok(None) };
    // The code around the place was changed meanwhile: nobody can say what the proposal would have been.
    let Ok(proposed) = edits::apply(&before, &Edit::all_of(fix)) else {
        return Ok(Some(Closeness::SameFile));
    };
    let people: Vec<FileChange> = found
        .paths
        .iter()
        .map(|other| {
            let (before, after) =
                if other == path { (before.clone(), after.clone()) } else { Default::default() };
            FileChange { path: other.clone(), before, after }
        })
        .collect();
    let proposed = FileChange { path: path.clone(), before, after: proposed };
    Ok(Some(closeness(&people, &proposed)))
}
