//! Merges that wait: a pull request whose auto-merge is on is merged as soon as nothing refuses it any
//! more; one in the merge queue when the queue gets to it.

use super::credentials::Account;
use super::merging::{Merge, merge_pull};
use super::protection;
use super::repository as git;
use super::wire::Refusal;
use super::world::{Pull, Repository, Stage};

/// What a pull request waits for, where somebody has asked for its merge.
#[derive(Clone)]
pub(super) enum Waiting {
    AutoMerge { request: Merge, by: Account },
    Queue { entry: u64 },
}

/// Brings everything up to date: what was pushed, and what may be merged because of it.
pub(super) fn settle(repo: &mut Repository) -> Result<(), Refusal> {
    repo.notice_pushes()?;
    for index in 0..repo.pulls.len() {
        let pull = &repo.pulls[index];
        let Some(Waiting::AutoMerge { request, by }) = pull.waiting.clone() else { continue };
        if pull.stage == Stage::Open && protection::obstacle(repo, pull)?.is_none() && is_clean(repo, pull)? {
            merge_pull(repo, index, &request, &by)?;
            repo.notice_pushes()?;
        }
    }
    Ok(())
}

/// The queue gets to its entries: each is merged, or drops out where something refuses it.
pub(super) fn run_queue(repo: &mut Repository) -> Result<(), Refusal> {
    for index in 0..repo.pulls.len() {
        let Some(Waiting::Queue { .. }) = repo.pulls[index].waiting else { continue };
        repo.pulls[index].waiting = None;
        let queue = Account::bot("github-merge-queue[bot]");
        match merge_pull(repo, index, &Merge::default(), &queue) {
            Ok(_) => repo.notice_pushes()?,
            Err(refusal) => tracing::debug!("Dropped out of the queue: {}", refusal.message()),
        }
    }
    Ok(())
}

/// A pull request leaves the queue, or loses its auto-merge, and stays open: a check of the queue failed, or somebody
/// wanted it so. Says whether it waited.
pub(super) fn drop_out(pull: &mut Pull) -> bool {
    pull.waiting.take().is_some()
}

/// Whether a pull request can be merged without conflicts.
pub(super) fn is_clean(repo: &Repository, pull: &Pull) -> Result<bool, git2::Error> {
    let store = repo.git()?;
    let Some(base) = git::tip(&store, &pull.base_branch) else { return Ok(false) };
    Ok(git::merged_tree(&store, base, pull.head)?.is_some())
}
