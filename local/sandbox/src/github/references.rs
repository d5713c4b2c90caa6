//! The Git data API's references: what a branch's name points at.

use git2::{ObjectType, Oid};
use serde::Deserialize;
use serde_json::{Value, json};

use super::repository::{self as git, contains, existing};
use super::wire::{Answer, Call, Outcome, Refusal};
use super::world::Repository;

fn reference_json(repo: &Repository, name: &str, commit: Oid) -> Value {
    let sha = commit.to_string();
    json!({
        "ref": name,
        "node_id": format!("REF_{name}"),
        "url": format!("{}/git/{name}", repo.url),
        "object": { "type": "commit", "sha": sha, "url": format!("{}/git/commits/{sha}", repo.url) },
    })
}

/// `name` is `heads/…` or `tags/…`, as everywhere in this API.
pub(super) fn one(repo: &Repository, name: &str) -> Outcome {
    let full = format!("refs/{name}");
    let commit = find(&repo.git()?, &full).ok_or_else(Refusal::not_found)?;
    Ok(Answer::json(200, &reference_json(repo, &full, commit)))
}

pub(super) fn matching(repo: &Repository, call: &Call, prefix: &str) -> Outcome {
    let wanted = format!("refs/{prefix}");
    let matching = git::branches(&repo.git()?)?
        .into_iter()
        .map(|(branch, commit)| (format!("refs/heads/{branch}"), commit))
        .filter(|(name, _)| name.starts_with(&wanted))
        .map(|(name, commit)| reference_json(repo, &name, commit))
        .collect();
    Ok(Answer::list(call, matching))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewReference {
    #[serde(rename = "ref")]
    name: String,
    sha: String,
}

pub(super) fn create(repo: &Repository, call: &Call) -> Outcome {
    let new: NewReference = call.body()?;
    if !new.name.starts_with("refs/") || new.name.matches('/').count() < 2 {
        return Err(Refusal::new(
            422,
            "Reference name must start with 'refs/' and have at least two slashes.",
        ));
    }
    if !git2::Reference::is_valid_name(&new.name) {
        return Err(Refusal::new(422, "Reference name is not valid"));
    }
    let store = repo.git()?;
    if find(&store, &new.name).is_some() {
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReferenceUpdate {
    sha: String,
    force: Option<bool>,
}

pub(super) fn update(repo: &Repository, call: &Call, name: &str) -> Outcome {
    let update: ReferenceUpdate = call.body()?;
    let (store, full) = (repo.git()?, format!("refs/{name}"));
    let old = find(&store, &full).ok_or_else(|| Refusal::new(422, "Reference does not exist"))?;
    let new = existing(&store, &update.sha, ObjectType::Commit)
        .ok_or_else(|| Refusal::new(422, "Object does not exist"))?;
    if update.force != Some(true) && !contains(&store, new, old)? {
        return Err(Refusal::new(422, "Update is not a fast forward"));
    }
    store.reference(&full, new, true, "updated through the API")?;
    Ok(Answer::json(200, &reference_json(repo, &full, new)))
}

pub(super) fn delete(repo: &Repository, name: &str) -> Outcome {
    let store = repo.git()?;
    let found = store.find_reference(&format!("refs/{name}"));
    found.map_err(|_| Refusal::new(422, "Reference does not exist"))?.delete()?;
    Ok(Answer::nothing())
}

fn find(store: &git2::Repository, full_name: &str) -> Option<Oid> {
    Some(store.find_reference(full_name).ok()?.peel_to_commit().ok()?.id())
}
