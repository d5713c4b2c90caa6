//! The repository itself and the files in it.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use git2::{ObjectType, TreeEntry};
use serde::Deserialize;
use serde_json::{Value, json};

use super::repository::{DEFAULT_BRANCH, resolve};
use super::wire::{Answer, Call, Outcome, Refusal};
use super::world::Repository;

pub(super) fn repository(repo: &Repository) -> Outcome {
    let mut json = summary(repo);
    let settings = &repo.settings;
    let more = json!({
        "allow_merge_commit": settings.allow_merge_commit,
        "allow_squash_merge": settings.allow_squash_merge,
        "allow_rebase_merge": settings.allow_rebase_merge,
        "allow_auto_merge": repo.settings.allow_auto_merge,
        "allow_update_branch": false,
        "delete_branch_on_merge": settings.delete_branch_on_merge,
        "squash_merge_commit_title": "COMMIT_OR_PR_TITLE",
        "squash_merge_commit_message": "COMMIT_MESSAGES",
        "merge_commit_title": "MERGE_MESSAGE",
        "merge_commit_message": "PR_TITLE",
        "permissions": { "admin": false, "maintain": false, "push": true, "triage": true, "pull": true },
    });
    if let (Value::Object(json), Value::Object(more)) = (&mut json, more) {
        json.extend(more);
    }
    Ok(Answer::json(200, &json))
}

/// The repository as it is shown inside other things.
pub(super) fn summary(repo: &Repository) -> Value {
    json!({
        "id": 700_000_000 + repo.number,
        "node_id": repo.node_id(),
        "name": repo.name,
        "full_name": repo.full_name(),
        "owner": owner(repo),
        "private": true,
        "visibility": "private",
        "fork": false,
        "archived": false,
        "disabled": false,
        "default_branch": DEFAULT_BRANCH,
        "description": null,
        "url": repo.url,
        "html_url": repo.html_url,
        "clone_url": format!("{}.git", repo.html_url),
    })
}

/// The organisation that a repository belongs to.
pub(super) fn owner(repo: &Repository) -> Value {
    json!({ "login": repo.owner, "id": 7, "node_id": "O_1", "type": "Organization", "site_admin": false })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct At {
    #[serde(rename = "ref")]
    revision: Option<String>,
}

pub(super) fn contents(repo: &Repository, call: &Call, path: &str) -> Outcome {
    let At { revision } = call.query()?;
    let revision = revision.as_deref().unwrap_or(DEFAULT_BRANCH);
    let store = repo.git()?;
    let commit = resolve(&store, revision)
        .ok_or_else(|| Refusal::new(404, &format!("No commit found for the ref {revision}")))?;
    let tree = store.find_commit(commit)?.tree()?;
    let path = path.trim_matches('/');
    if path.is_empty() {
        return Ok(folder(repo, &store, &Place { path, revision }, &tree));
    }
    let entry = tree.get_path(Path::new(path)).map_err(|_| Refusal::not_found())?;
    let place = Place { path, revision };
    match entry.kind() {
        Some(ObjectType::Tree) => Ok(folder(repo, &store, &place, &store.find_tree(entry.id())?)),
        Some(ObjectType::Blob) => file(repo, call, &place, &entry),
        _ => Ok(Answer::json(200, &described(repo, &store, &place, &entry))),
    }
}

/// A path and the revision that it was asked at.
struct Place<'a> {
    path: &'a str,
    revision: &'a str,
}

fn folder(repo: &Repository, store: &git2::Repository, place: &Place<'_>, tree: &git2::Tree<'_>) -> Answer {
    let entries = tree.iter().map(|entry| {
        let name = String::from_utf8_lossy(entry.name_bytes()).into_owned();
        let path = if place.path.is_empty() { name } else { format!("{}/{name}", place.path) };
        described(repo, store, &Place { path: &path, revision: place.revision }, &entry)
    });
    Answer::json(200, &Value::Array(entries.collect()))
}

fn file(repo: &Repository, call: &Call, place: &Place<'_>, entry: &TreeEntry<'_>) -> Outcome {
    let store = repo.git()?;
    let blob = store.find_blob(entry.id())?;
    if call.asks_for_raw() {
        let kind = "application/vnd.github.raw+json; charset=utf-8";
        return Ok(Answer::bytes(200, kind, blob.content().to_vec()));
    }
    let mut json = described(repo, &store, place, entry);
    json["encoding"] = json!("base64");
    json["content"] = json!(STANDARD.encode(blob.content()));
    Ok(Answer::json(200, &json))
}

fn described(repo: &Repository, store: &git2::Repository, place: &Place<'_>, entry: &TreeEntry<'_>) -> Value {
    let Place { path, revision } = place;
    let sha = entry.id().to_string();
    let (kind, git_kind) = match (entry.kind(), entry.filemode()) {
        (Some(ObjectType::Tree), _) => ("dir", "trees"),
        (Some(ObjectType::Commit), _) => ("submodule", "trees"),
        (_, 0o120_000) => ("symlink", "blobs"),
        _ => ("file", "blobs"),
    };
    let size = store.find_blob(entry.id()).map_or(0, |blob| blob.size());
    let url = format!("{}/contents/{path}?ref={revision}", repo.url);
    let git_url = format!("{}/git/{git_kind}/{sha}", repo.url);
    let html_url = format!("{}/blob/{revision}/{path}", repo.html_url);
    json!({
        "type": kind,
        "name": path.rsplit('/').next().unwrap_or_default(),
        "path": path,
        "sha": sha,
        "size": size,
        "url": url,
        "git_url": git_url,
        "html_url": html_url,
        "download_url": (kind == "file").then(|| format!("{}/raw/{revision}/{path}", repo.html_url)),
        "_links": { "self": url, "git": git_url, "html": html_url },
    })
}
