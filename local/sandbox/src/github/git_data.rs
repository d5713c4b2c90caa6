//! The Git data API: blobs, trees and commits, made and read one by one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use git2::build::TreeUpdateBuilder;
use git2::{FileMode, ObjectType, Oid, Signature, Time};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::contents;
use super::credentials::{Account, Holder, Level, Permission};
use super::repository::{self as git, existing};
use super::wire::{Answer, Call, Outcome, Refusal, present};
use super::world::Repository;

/// GitHub returns at most this many entries of a tree in one answer.
const LARGEST_TREE: usize = 100_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewBlob {
    content: String,
    encoding: Option<BlobEncoding>,
}

#[derive(Deserialize)]
enum BlobEncoding {
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "base64")]
    Base64,
}

pub(super) fn create_blob(repo: &Repository, call: &Call) -> Outcome {
    let new: NewBlob = call.body()?;
    let bytes = match new.encoding {
        Some(BlobEncoding::Base64) => {
            let compact: String = new.content.split_ascii_whitespace().collect();
            STANDARD.decode(compact).map_err(|_| Refusal::new(422, "content is not valid Base64"))?
        }
        Some(BlobEncoding::Utf8) | None => new.content.into_bytes(),
    };
    let sha = repo.git()?.blob(&bytes)?.to_string();
    Ok(Answer::json(201, &json!({ "sha": sha, "url": format!("{}/git/blobs/{sha}", repo.url) })))
}

pub(super) fn blob(repo: &Repository, call: &Call, sha: &str) -> Outcome {
    let store = repo.git()?;
    let id = existing(&store, sha, ObjectType::Blob).ok_or_else(Refusal::not_found)?;
    let blob = store.find_blob(id)?;
    if call.asks_for_raw() {
        return Ok(Answer::bytes(200, contents::RAW, blob.content().to_vec()));
    }
    Ok(Answer::json(
        200,
        &json!({
            "sha": sha,
            "node_id": format!("B_{sha}"),
            "size": blob.size(),
            "url": format!("{}/git/blobs/{sha}", repo.url),
            "content": contents::wrapped_base64(blob.content()),
            "encoding": "base64",
        }),
    ))
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
    Ok(Answer::json(201, &tree_json(repo, &store, id, Depth::OneFolder)?))
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

#[derive(Clone, Copy, PartialEq)]
enum Depth {
    OneFolder,
    Everything,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TreeFilter {
    /// Any value at all asks for everything below, even `0`.
    recursive: Option<String>,
}

pub(super) fn tree(repo: &Repository, call: &Call, name: &str) -> Outcome {
    let filter: TreeFilter = call.query()?;
    let store = repo.git()?;
    let id = tree_named(&store, name).ok_or_else(Refusal::not_found)?.id();
    let depth = if filter.recursive.is_some() { Depth::Everything } else { Depth::OneFolder };
    Ok(Answer::json(200, &tree_json(repo, &store, id, depth)?))
}

fn tree_json(repo: &Repository, store: &git2::Repository, id: Oid, depth: Depth) -> Result<Value, Refusal> {
    let mut entries = Vec::new();
    store.find_tree(id)?.walk(git2::TreeWalkMode::PreOrder, |folder, entry| {
        let kind = entry.kind().unwrap_or(ObjectType::Any).str();
        let (sha, name) = (entry.id().to_string(), String::from_utf8_lossy(entry.name_bytes()));
        let mut json = json!({
            "path": format!("{folder}{name}"),
            "mode": format!("{:06o}", entry.filemode()),
            "type": kind,
            "sha": sha,
            "url": format!("{}/git/{kind}s/{sha}", repo.url),
        });
        if let Ok(blob) = store.find_blob(entry.id()) {
            json["size"] = json!(blob.size());
        }
        entries.push(json);
        if depth == Depth::Everything { git2::TreeWalkResult::Ok } else { git2::TreeWalkResult::Skip }
    })?;
    let truncated = entries.len() > LARGEST_TREE;
    entries.truncate(LARGEST_TREE);
    let sha = id.to_string();
    let url = format!("{}/git/trees/{sha}", repo.url);
    Ok(json!({ "sha": sha, "url": url, "tree": entries, "truncated": truncated }))
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
    let parents: Vec<Value> = commit
        .parent_ids()
        .map(|parent| {
            json!({
                "sha": parent.to_string(),
                "url": format!("{}/git/commits/{parent}", repo.url),
                "html_url": format!("{}/commit/{parent}", repo.html_url),
            })
        })
        .collect();
    json!({
        "sha": sha,
        "node_id": format!("C_{sha}"),
        "url": format!("{}/git/commits/{sha}", repo.url),
        "html_url": format!("{}/commit/{sha}", repo.html_url),
        "author": person_json(&commit.author()),
        "committer": person_json(&commit.committer()),
        "tree": { "sha": tree, "url": format!("{}/git/trees/{tree}", repo.url) },
        "message": String::from_utf8_lossy(commit.message_bytes()),
        "parents": parents,
        "verification": verification(repo, commit.id()),
    })
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
