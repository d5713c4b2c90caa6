//! Merging a pull request: the three methods, done in git, and every refusal.

use git2::{Oid, Signature, Time};
use serde::Deserialize;
use serde_json::json;

use super::commits::refusal_of_merges;
use super::git_data::token_signature;
use super::pulls::index_of;
use super::repository as git;
use super::wire::{Answer, Call, Outcome, Refusal};
use super::world::{Pull, Repository, Stage, now};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Merge {
    sha: Option<String>,
    merge_method: Option<Method>,
    commit_title: Option<String>,
    commit_message: Option<String>,
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "lowercase")]
enum Method {
    #[default]
    Merge,
    Squash,
    Rebase,
}

pub(super) fn merge(repo: &mut Repository, call: &Call, number: &str) -> Outcome {
    let request: Merge = call.body()?;
    let commit = merge_pull(repo, index_of(repo, number)?, &request)?;
    let done = json!({
        "sha": commit.to_string(),
        "merged": true,
        "message": "Pull Request successfully merged",
    });
    Ok(Answer::json(200, &done))
}

/// Merges with a merge commit, as a person does with the button of the page.
pub(super) fn merge_by_hand(repo: &mut Repository, number: u64) -> Result<Oid, Refusal> {
    let request = Merge { sha: None, merge_method: None, commit_title: None, commit_message: None };
    merge_pull(repo, index_of(repo, &number.to_string())?, &request)
}

pub(super) fn is_merged(repo: &Repository, number: &str) -> Outcome {
    match repo.pulls[index_of(repo, number)?].stage {
        Stage::Merged { .. } => Ok(Answer::nothing()),
        Stage::Open | Stage::Closed { .. } => Err(Refusal::not_found()),
    }
}

fn merge_pull(repo: &mut Repository, index: usize, request: &Merge) -> Result<Oid, Refusal> {
    let store = repo.git()?;
    let pull = &repo.pulls[index];
    let method = request.merge_method.unwrap_or_default();
    if pull.stage != Stage::Open {
        return Err(not_mergeable());
    }
    if request.sha.as_ref().is_some_and(|sha| *sha != pull.head.to_string()) {
        return Err(Refusal::new(409, "Head branch was modified. Review and try the merge again."));
    }
    if pull.draft {
        return Err(Refusal::new(405, "Pull Request is still a draft"));
    }
    if let Some(reason) = refusal_of_merges(repo, &pull.base_branch) {
        return Err(Refusal::new(405, reason));
    }
    let (allowed, name) = match method {
        Method::Merge => (repo.settings.allow_merge_commit, "Merge commits"),
        Method::Squash => (repo.settings.allow_squash_merge, "Squash merges"),
        Method::Rebase => (repo.settings.allow_rebase_merge, "Rebase merges"),
    };
    if !allowed {
        return Err(Refusal::new(405, &format!("{name} are not allowed on this repository.")));
    }
    let base = git::tip(&store, &pull.base_branch).ok_or_else(not_mergeable)?;
    let commit = match method {
        Method::Merge => merge_commit(repo, &store, pull, base, request)?,
        Method::Squash => squash(&store, pull, base, request)?,
        Method::Rebase => rebase(&store, pull, base)?,
    };
    git::point(&store, &pull.base_branch, commit)?;
    if repo.settings.delete_branch_on_merge {
        store.find_reference(&format!("refs/heads/{}", pull.head_branch))?.delete()?;
    }
    let pull = &mut repo.pulls[index];
    pull.stage = Stage::Merged { at: now(), commit };
    pull.updated_at = now();
    Ok(commit)
}

fn not_mergeable() -> Refusal {
    Refusal::new(405, "Pull Request is not mergeable")
}

fn github() -> Result<Signature<'static>, git2::Error> {
    Signature::new("GitHub", "noreply@github.com", &Time::new(now().as_second(), 0))
}

fn merge_commit(
    repo: &Repository,
    store: &git2::Repository,
    pull: &Pull,
    base: Oid,
    request: &Merge,
) -> Result<Oid, Refusal> {
    let tree = git::merged_tree(store, base, pull.head)?.ok_or_else(not_mergeable)?;
    let title = format!("Merge pull request #{} from {}/{}", pull.number, repo.owner, pull.head_branch);
    let message = message(request, &title, &pull.title);
    let parents = [&store.find_commit(base)?, &store.find_commit(pull.head)?];
    Ok(store.commit(None, &token_signature()?, &github()?, &message, &store.find_tree(tree)?, &parents)?)
}

fn squash(store: &git2::Repository, pull: &Pull, base: Oid, request: &Merge) -> Result<Oid, Refusal> {
    let tree = git::merged_tree(store, base, pull.head)?.ok_or_else(not_mergeable)?;
    let mut messages = Vec::new();
    for id in git::commits_between(store, base, pull.head)? {
        messages.push(String::from_utf8_lossy(store.find_commit(id)?.message_bytes()).into_owned());
    }
    // One commit lends its own title and text; several are listed under the pull request's title.
    let (title, body) = match messages.as_slice() {
        [only] => only.split_once('\n').map_or((only.clone(), String::new()), |(title, body)| {
            (title.to_owned(), body.trim().to_owned())
        }),
        several => {
            let list: Vec<String> = several.iter().map(|message| format!("* {}", message.trim())).collect();
            (pull.title.clone(), list.join("\n\n"))
        }
    };
    let message = message(request, &format!("{title} (#{})", pull.number), &body);
    let parent = store.find_commit(base)?;
    Ok(store.commit(None, &token_signature()?, &github()?, &message, &store.find_tree(tree)?, &[&parent])?)
}

fn rebase(store: &git2::Repository, pull: &Pull, base: Oid) -> Result<Oid, Refusal> {
    let mut onto = store.find_commit(base)?;
    for id in git::commits_between(store, base, pull.head)? {
        let commit = store.find_commit(id)?;
        if commit.parent_count() != 1 {
            return Err(Refusal::new(405, "This branch can't be rebased"));
        }
        let index = store.cherrypick_commit(&commit, &onto, 0, None)?;
        let tree = git::tree_without_conflicts(store, index)?.ok_or_else(not_mergeable)?;
        let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
        let id =
            store.commit(None, &commit.author(), &github()?, &message, &store.find_tree(tree)?, &[&onto])?;
        onto = store.find_commit(id)?;
    }
    Ok(onto.id())
}

/// The commit's message: what the request says, and GitHub's own words where it says nothing.
fn message(request: &Merge, title: &str, body: &str) -> String {
    let title = request.commit_title.as_deref().unwrap_or(title);
    let body = request.commit_message.as_deref().unwrap_or(body);
    if body.is_empty() { title.to_owned() } else { format!("{title}\n\n{body}") }
}
