//! The Git data API: references, trees and commits, made and read one by one.

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, ObjectType, Oid, Signature, Time};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::credentials::{Account, Holder, Level, Permission};
use super::repository::{self as git, existing};
use super::wire::{Answer, Call, NoFilter, Outcome, Refusal, present};
use super::world::Repository;

/// `name` is `heads/…` or `tags/…`, as everywhere in this API.
pub(super) fn reference(repo: &Repository, name: &str) -> Outcome {
    let full = format!("refs/{name}");
    let commit = find_reference(&repo.git()?, &full).ok_or_else(Refusal::not_found)?;
    Ok(Answer::json(200, &reference_json(repo, &full, commit)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewReference {
    #[serde(rename = "ref")]
    name: String,
    sha: String,
}

pub(super) fn create_reference(repo: &Repository, call: &Call) -> Outcome {
    let new: NewReference = call.body()?;
    if !new.name.starts_with("refs/") || new.name.matches('/').count() < 2 {
        let message = "Reference name must start with 'refs/' and have at least two slashes.";
        return Err(Refusal::new(422, message));
    }
    if !git2::Reference::is_valid_name(&new.name) {
        return Err(Refusal::new(422, "Reference name is not valid"));
    }
    let store = repo.git()?;
    if find_reference(&store, &new.name).is_some() {
        return Err(Refusal::new(422, "Reference already exists"));
    }
    let commit = existing(&store, &new.sha, ObjectType::Commit)
        .ok_or_else(|| Refusal::new(422, "Object does not exist"))?;
    // A branch `a` and a branch `a/b` cannot both be: git keeps them as file and folder.
    store
        .reference(&new.name, commit, false, "created through the API")
        .map_err(|_| Refusal::new(422, "Reference update failed"))?;
    Ok(Answer::json(201, &reference_json(repo, &new.name, commit)))
}

fn find_reference(store: &git2::Repository, full_name: &str) -> Option<Oid> {
    Some(store.find_reference(full_name).ok()?.peel_to_commit().ok()?.id())
}

fn reference_json(repo: &Repository, name: &str, commit: Oid) -> Value {
    json!({
        "ref": name,
        "node_id": format!("REF_{name}"),
        "url": format!("{}/git/{name}", repo.url),
        "object": {
            "type": "commit",
            "sha": commit.to_string(),
            "url": format!("{}/git/commits/{commit}", repo.url),
        },
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTree {
    tree: Vec<NewEntry>,
    base_tree: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewEntry {
    path: String,
    mode: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    /// `null` deletes the path.
    #[serde(default, deserialize_with = "present")]
    sha: Option<Option<String>>,
    content: Option<String>,
}

pub(super) fn create_tree(repo: &Repository, call: &Call) -> Outcome {
    let new: NewTree = call.body()?;
    let store = repo.git()?;
    let base = match &new.base_tree {
        Some(sha) => tree_named(&store, sha).ok_or_else(Refusal::not_found)?,
        None => git::empty_tree(&store)?,
    };
    let touches_workflows = new.tree.iter().any(|entry| entry.path.starts_with(".github/workflows/"));
    if touches_workflows && !call.visitor()?.may((Permission::Workflows, Level::Write)) {
        return Err(Refusal::not_found()); // GitHub says no more than this
    }
    let mut update = TreeUpdateBuilder::new();
    for entry in &new.tree {
        plan_entry(&store, &base, entry, &mut update)?;
    }
    let id = update
        .create_updated(&store, &base)
        .map_err(|_| Refusal::new(422, "tree.path contains a malformed path component"))?;
    Ok(Answer::json(201, &tree_json(repo, &store, id)?))
}

fn plan_entry(
    store: &git2::Repository,
    base: &git2::Tree<'_>,
    entry: &NewEntry,
    update: &mut TreeUpdateBuilder,
) -> Result<(), Refusal> {
    if let Some(None) = entry.sha {
        if base.get_path(std::path::Path::new(&entry.path)).is_err() {
            return Err(Refusal::new(422, "GitRPC::BadObjectState"));
        }
        update.remove(entry.path.as_str());
        return Ok(());
    }
    let (mode, kind) = match entry.mode.as_deref() {
        Some("100644") => (FileMode::Blob, ObjectType::Blob),
        Some("100755") => (FileMode::BlobExecutable, ObjectType::Blob),
        Some("120000") => (FileMode::Link, ObjectType::Blob),
        Some("040000") => (FileMode::Tree, ObjectType::Tree),
        _ => return Err(Refusal::new(422, "Must supply a valid tree.mode")),
    };
    if entry.kind.as_deref().is_some_and(|said| said != kind.str()) {
        return Err(Refusal::new(422, "tree.type does not fit tree.mode"));
    }
    let id = match (&entry.sha, &entry.content) {
        (Some(Some(sha)), None) => existing(store, sha, kind)
            .ok_or_else(|| Refusal::new(422, &format!("tree.sha {sha} is not a valid {}", kind.str())))?,
        (None, Some(content)) if kind == ObjectType::Blob => store.blob(content.as_bytes())?,
        _ => return Err(Refusal::new(422, "Must supply either tree.sha or tree.content")),
    };
    update.upsert(entry.path.as_str(), id, mode);
    Ok(())
}

/// The tree that a tree's own SHA, a branch or a commit means.
fn tree_named<'a>(store: &'a git2::Repository, name: &str) -> Option<git2::Tree<'a>> {
    if let Some(id) = existing(store, name, ObjectType::Tree) {
        return store.find_tree(id).ok();
    }
    store.find_commit(git::resolve(store, name)?).ok()?.tree().ok()
}

pub(super) fn tree(repo: &Repository, call: &Call, name: &str) -> Outcome {
    let NoFilter {} = call.query()?;
    let store = repo.git()?;
    let id = tree_named(&store, name).ok_or_else(Refusal::not_found)?.id();
    Ok(Answer::json(200, &tree_json(repo, &store, id)?))
}

/// One folder, without what is in those below it.
fn tree_json(repo: &Repository, store: &git2::Repository, id: Oid) -> Result<Value, Refusal> {
    let tree = store.find_tree(id)?;
    let entries = tree.iter().map(|entry| {
        let kind = entry.kind().unwrap_or(ObjectType::Any).str();
        let mut json = json!({
            "path": String::from_utf8_lossy(entry.name_bytes()),
            "mode": format!("{:06o}", entry.filemode()),
            "type": kind,
            "sha": entry.id().to_string(),
            "url": format!("{}/git/{kind}s/{}", repo.url, entry.id()),
        });
        if let Ok(blob) = store.find_blob(entry.id()) {
            json["size"] = json!(blob.size());
        }
        json
    });
    let entries: Vec<Value> = entries.collect();
    let url = format!("{}/git/trees/{id}", repo.url);
    Ok(json!({ "sha": id.to_string(), "url": url, "tree": entries, "truncated": false }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCommit {
    message: String,
    tree: String,
    #[serde(default)]
    parents: Vec<String>,
    author: Option<Person>,
    committer: Option<Person>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    name: String,
    email: String,
    date: Option<String>,
}

impl Person {
    fn signature(&self, now: Timestamp) -> Result<Signature<'static>, Refusal> {
        let at = match &self.date {
            Some(date) => date.parse::<Timestamp>().map_err(|_| {
                Refusal::new(422, &format!("Invalid request.\n\n{date} is not a valid date-time."))
            })?,
            None => now,
        };
        Signature::new(&self.name, &self.email, &Time::new(at.as_second(), 0))
            .map_err(|_| Refusal::new(422, "Invalid request.\n\nA name and an email are needed."))
    }
}

/// Somebody who is not named is the token's user, now; a committer who is not named is the author.
pub(super) fn create_commit(repo: &mut Repository, call: &Call) -> Outcome {
    let new: NewCommit = call.body()?;
    let store = repo.git()?;
    let tree = existing(&store, &new.tree, ObjectType::Tree)
        .ok_or_else(|| Refusal::new(422, "Tree SHA does not exist"))?;
    let mut parents = Vec::new();
    for sha in &new.parents {
        let parent = existing(&store, sha, ObjectType::Commit)
            .ok_or_else(|| Refusal::new(422, "Parent SHA does not exist or is not a commit object"))?;
        parents.push(store.find_commit(parent)?);
    }
    let visitor = call.visitor()?;
    let now = repo.now();
    let author = match &new.author {
        Some(person) => person.signature(now)?,
        None => signature(&visitor.account, now)?,
    };
    let committer = match &new.committer {
        Some(person) => person.signature(now)?,
        None => author.clone(),
    };
    let parents: Vec<&git2::Commit<'_>> = parents.iter().collect();
    let id = store.commit(None, &author, &committer, &new.message, &store.find_tree(tree)?, &parents)?;
    if visitor.holder == Holder::Installation && new.author.is_none() && new.committer.is_none() {
        repo.signed.insert(id);
    }
    Ok(Answer::json(201, &commit_json(repo, &store.find_commit(id)?)))
}

/// An account that commits through the web or the API.
pub(super) fn signature(account: &Account, at: Timestamp) -> Result<Signature<'static>, Refusal> {
    Ok(Signature::new(&account.login, &account.email(), &Time::new(at.as_second(), 0))?)
}

pub(super) fn commit(repo: &Repository, sha: &str) -> Outcome {
    let store = repo.git()?;
    let id = existing(&store, sha, ObjectType::Commit).ok_or_else(Refusal::not_found)?;
    Ok(Answer::json(200, &commit_json(repo, &store.find_commit(id)?)))
}

fn commit_json(repo: &Repository, commit: &git2::Commit<'_>) -> Value {
    let (sha, tree) = (commit.id().to_string(), commit.tree_id().to_string());
    json!({
        "sha": sha,
        "node_id": format!("C_{sha}"),
        "url": format!("{}/git/commits/{sha}", repo.url),
        "html_url": format!("{}/commit/{sha}", repo.html_url),
        "author": person_json(&commit.author()),
        "committer": person_json(&commit.committer()),
        "tree": { "sha": tree, "url": format!("{}/git/trees/{tree}", repo.url) },
        "message": String::from_utf8_lossy(commit.message_bytes()),
        "parents": parents(repo, commit, "git/commits"),
        "verification": verification(repo, commit.id()),
    })
}

/// The parents of a commit, each with its address in that part of the API.
pub(super) fn parents(repo: &Repository, commit: &git2::Commit<'_>, api: &str) -> Vec<Value> {
    let parent = |parent: Oid| {
        json!({
            "sha": parent.to_string(),
            "url": format!("{}/{api}/{parent}", repo.url),
            "html_url": format!("{}/commit/{parent}", repo.html_url),
        })
    };
    commit.parent_ids().map(parent).collect()
}

/// Only what GitHub signed itself is verified here; nobody else has keys.
pub(super) fn verification(repo: &Repository, commit: Oid) -> Value {
    let signed = repo.signed.contains(&commit);
    json!({
        "verified": signed,
        "reason": if signed { "valid" } else { "unsigned" },
        "signature": null,
        "payload": null,
        "verified_at": null,
    })
}

pub(super) fn person_json(person: &Signature<'_>) -> Value {
    let at = Timestamp::from_second(person.when().seconds()).unwrap_or_default();
    json!({
        "name": String::from_utf8_lossy(person.name_bytes()),
        "email": String::from_utf8_lossy(person.email_bytes()),
        "date": at.to_string(),
    })
}
