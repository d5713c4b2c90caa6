//! Branches, commits and comparisons, as GitHub describes them to readers.

use git2::Oid;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::credentials::Account;
use super::git_data::{parents, person_json, verification};
use super::protection::{self, is_protected};
use super::repository::{self as git, ChangedFile, DEFAULT_BRANCH};
use super::wire::{Answer, Call, NoFilter, Outcome, Refusal};
use super::world::Repository;

pub(super) fn branch(repo: &Repository, name: &str) -> Outcome {
    let store = repo.git()?;
    let tip = git::tip(&store, name).ok_or_else(|| Refusal::new(404, "Branch not found"))?;
    let protected = is_protected(repo, name);
    let url = format!("{}/branches/{name}", repo.url);
    Ok(Answer::json(
        200,
        &json!({
            "name": name,
            "commit": commit_json(repo, &store, tip)?,
            "_links": { "self": url, "html": format!("{}/tree/{name}", repo.html_url) },
            "protected": protected,
            "protection": protection::summary(repo, name),
            "protection_url": format!("{url}/protection"),
        }),
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CommitFilter {
    sha: Option<String>,
    path: Option<String>,
    since: Option<Timestamp>,
}

pub(super) fn list(repo: &Repository, call: &Call) -> Outcome {
    let filter: CommitFilter = call.query()?;
    let store = repo.git()?;
    let from = filter.sha.as_deref().unwrap_or(DEFAULT_BRANCH);
    let from = git::resolve(&store, from).ok_or_else(Refusal::not_found)?;
    let mut found = Vec::new();
    for commit in git::history(&store, from)? {
        let at = store.find_commit(commit)?.time().seconds();
        if filter.since.is_some_and(|since| at < since.as_second()) {
            continue;
        }
        if filter.path.as_deref().map_or(Ok(true), |path| touches(&store, commit, path))? {
            found.push(commit_json(repo, &store, commit)?);
        }
    }
    Ok(Answer::list(call, found))
}

/// Whether a file or folder is another after this commit than before it.
fn touches(store: &git2::Repository, commit: Oid, path: &str) -> Result<bool, git2::Error> {
    let entry = |commit: &git2::Commit<'_>| -> Result<Option<Oid>, git2::Error> {
        Ok(commit.tree()?.get_path(std::path::Path::new(path)).ok().map(|entry| entry.id()))
    };
    let commit = store.find_commit(commit)?;
    let after = entry(&commit)?;
    let before: Vec<Option<Oid>> = commit.parents().map(|parent| entry(&parent)).collect::<Result<_, _>>()?;
    // A merge that took one side as it was did not touch the path.
    Ok(if before.is_empty() { after.is_some() } else { !before.contains(&after) })
}

pub(super) fn one(repo: &Repository, name: &str) -> Outcome {
    let store = repo.git()?;
    let id = named(&store, name)?;
    let commit = store.find_commit(id)?;
    let files = git::changed_files(&store, commit.parent_id(0).ok(), id)?;
    let mut json = commit_json(repo, &store, id)?;
    let (additions, deletions) = lines_of(&files);
    json["stats"] = json!({ "total": additions + deletions, "additions": additions, "deletions": deletions });
    json["files"] = files.iter().map(|file| file_json(repo, file, id)).collect();
    Ok(Answer::json(200, &json))
}

/// The commit that a branch, tag or SHA means; refused as GitHub refuses it under `commits/`.
pub(super) fn named(store: &git2::Repository, name: &str) -> Result<Oid, Refusal> {
    git::resolve(store, name).ok_or_else(|| Refusal::new(422, &format!("No commit found for SHA: {name}")))
}

pub(super) fn compare(repo: &Repository, call: &Call, range: &str) -> Outcome {
    let NoFilter {} = call.query()?;
    let store = repo.git()?;
    let (base_name, head_name) = range.split_once("...").ok_or_else(Refusal::not_found)?;
    let side = |name: &str| {
        let own = name.strip_prefix(&format!("{}:", repo.owner)).unwrap_or(name);
        git::resolve(&store, own).ok_or_else(Refusal::not_found)
    };
    let (base, head) = (side(base_name)?, side(head_name)?);
    let fork = store.merge_base(base, head).map_err(|_| Refusal::not_found())?;
    let (ahead, behind) = store.graph_ahead_behind(head, base)?;
    let status = match (ahead, behind) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        _ => "diverged",
    };
    let files = git::changed_files(&store, Some(fork), head)?;
    let mut commits = Vec::new();
    for commit in git::commits_between(&store, base, head)? {
        commits.push(commit_json(repo, &store, commit)?);
    }
    let html_url = format!("{}/compare/{range}", repo.html_url);
    Ok(Answer::json(
        200,
        &json!({
            "url": format!("{}/compare/{range}", repo.url),
            "html_url": html_url,
            "permalink_url": html_url,
            "diff_url": format!("{html_url}.diff"),
            "patch_url": format!("{html_url}.patch"),
            "base_commit": commit_json(repo, &store, base)?,
            "merge_base_commit": commit_json(repo, &store, fork)?,
            "status": status,
            "ahead_by": ahead,
            "behind_by": behind,
            "total_commits": ahead,
            "commits": commits,
            "files": files.iter().map(|file| file_json(repo, file, head)).collect::<Vec<_>>(),
        }),
    ))
}

pub(super) fn commit_json(
    repo: &Repository,
    store: &git2::Repository,
    id: Oid,
) -> Result<Value, git2::Error> {
    let commit = store.find_commit(id)?;
    let (sha, tree) = (id.to_string(), commit.tree_id().to_string());
    let url = format!("{}/commits/{sha}", repo.url);
    let html_url = format!("{}/commit/{sha}", repo.html_url);
    Ok(json!({
        "sha": sha,
        "node_id": format!("C_{sha}"),
        "url": url,
        "html_url": html_url,
        "comments_url": format!("{url}/comments"),
        "commit": {
            "url": format!("{}/git/commits/{sha}", repo.url),
            "author": person_json(&commit.author()),
            "committer": person_json(&commit.committer()),
            "message": String::from_utf8_lossy(commit.message_bytes()),
            "tree": { "sha": tree, "url": format!("{}/git/trees/{tree}", repo.url) },
            "comment_count": 0,
            "verification": verification(repo, id),
        },
        "author": account_of(&commit.author()).map(|account| account.json()),
        "committer": account_of(&commit.committer()).map(|account| account.json()),
        "parents": parents(repo, &commit, "commits"),
    }))
}

/// The account that an address belongs to: those of GitHub's own form, and the sandbox's people.
fn account_of(person: &git2::Signature<'_>) -> Option<Account> {
    let email = String::from_utf8_lossy(person.email_bytes()).into_owned();
    let (name, host) = email.split_once('@')?;
    match host {
        "example.org" => Some(Account::user(name)),
        "users.noreply.github.com" if name.ends_with("[bot]") => Some(Account::bot(name)),
        "users.noreply.github.com" if name != "autofix" => Some(Account::user(name)),
        _ => None,
    }
}

pub(super) fn file_json(repo: &Repository, file: &ChangedFile, commit: Oid) -> Value {
    let path = &file.path;
    let mut json = json!({
        "sha": file.blob.to_string(),
        "filename": path,
        "status": file.status,
        "additions": file.additions,
        "deletions": file.deletions,
        "changes": file.additions + file.deletions,
        "blob_url": format!("{}/blob/{commit}/{path}", repo.html_url),
        "raw_url": format!("{}/raw/{commit}/{path}", repo.html_url),
        "contents_url": format!("{}/contents/{path}?ref={commit}", repo.url),
    });
    if let Some(patch) = &file.patch {
        json["patch"] = json!(patch);
    }
    if let Some(previous) = &file.previous_path {
        json["previous_filename"] = json!(previous);
    }
    json
}

/// Lines added and lines deleted over all files.
pub(super) fn lines_of(files: &[ChangedFile]) -> (usize, usize) {
    files.iter().fold((0, 0), |(added, deleted), file| (added + file.additions, deleted + file.deletions))
}
