//! GraphQL: the questions and changes for which REST has no way. The documents that AutoFix sends are known, each by its
//! text; any other is answered as not understood, and so are variables that a document does not declare. Errors come as
//! GitHub sends them: with status 200, in a list.

use std::collections::HashSet;

use autofix::github::documents;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::credentials::{Level, Permission};
use super::mutations;
use super::pull_shapes::node_id;
use super::queueing::{self, Waiting};
use super::wire::{Answer, Call, Outcome, Refusal};
use super::world::{Pull, Repository, Stage, World};
use super::{protection, repository as git};

/// What goes wrong with an operation.
#[derive(Debug)]
pub(super) enum QueryError {
    /// GitHub's own kind of error, in the list of an answer with status 200.
    Said { kind: &'static str, message: String },
    /// Nothing that the fake knows (501).
    NotUnderstood(String),
}

impl QueryError {
    pub(super) fn said(kind: &'static str, message: &str) -> QueryError {
        QueryError::Said { kind, message: message.to_owned() }
    }

    pub(super) fn unprocessable(message: &str) -> QueryError {
        QueryError::said("UNPROCESSABLE", message)
    }
}

impl From<git2::Error> for QueryError {
    fn from(error: git2::Error) -> QueryError {
        QueryError::said("INTERNAL", error.message())
    }
}

impl From<Refusal> for QueryError {
    fn from(refusal: Refusal) -> QueryError {
        QueryError::unprocessable(refusal.message())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    query: String,
    variables: Value,
}

/// The variables of a question about a repository.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfRepository {
    owner: String,
    name: String,
}

/// The variables of a question about a pull request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfPullRequest {
    owner: String,
    name: String,
    number: u64,
}

/// The variables of a question about a branch.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfBranch {
    owner: String,
    name: String,
    branch: String,
}

/// The variables of a change.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    input: Value,
}

pub(super) fn answer(world: &mut World, call: &Call) -> Outcome {
    call.visitor()?;
    let Request { query, variables } = call.body()?;
    let document = documents::ALL.into_iter().find(|document| *document == query);
    let document = document.ok_or_else(|| Refusal::not_understood("the document"))?;
    let (field, done) = match document {
        documents::REPOSITORY_NAME => ("repository", repository_name(world, call, variables)),
        documents::PULL_REQUEST_ENDING
        | documents::MERGE_STATE
        | documents::MERGE_NEEDS
        | documents::REVERT_STATE => ("repository", pull_request(world, call, variables)),
        documents::BRANCH_NEEDS => ("repository", branch(world, call, variables)),
        documents::MARK_READY => change("markPullRequestReadyForReview", world, call, variables),
        documents::UPDATE_REFS => change("updateRefs", world, call, variables),
        documents::ENQUEUE => change("enqueuePullRequest", world, call, variables),
        documents::DEQUEUE => change("dequeuePullRequest", world, call, variables),
        documents::ENABLE_AUTO_MERGE => change("enablePullRequestAutoMerge", world, call, variables),
        documents::DISABLE_AUTO_MERGE => change("disablePullRequestAutoMerge", world, call, variables),
        documents::REVERT => change("revertPullRequest", world, call, variables),
        _ => return Err(Refusal::not_understood("the document")),
    };
    let body = match done {
        Ok(object) => json!({ "data": { field: selected(&object, &names(document)) } }),
        Err(QueryError::NotUnderstood(what)) => return Err(Refusal::not_understood(&what)),
        Err(QueryError::Said { kind, message }) => json!({
            "data": { field: null },
            "errors": [{
                "type": kind,
                "path": [field],
                "locations": [{ "line": 1, "column": 1 }],
                "message": message,
            }],
        }),
    };
    Ok(Answer::json(200, &body))
}

pub(super) fn read<T: DeserializeOwned>(variables: Value) -> Result<T, QueryError> {
    serde_json::from_value(variables).map_err(|error| QueryError::NotUnderstood(error.to_string()))
}

/// The names in a document's selections: those outside of parentheses, which the documents do not nest.
fn names(document: &str) -> HashSet<&str> {
    let selections = document.split(['(', ')']).step_by(2);
    selections.flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')).collect()
}

/// Of all that is known of an object, what the document names.
fn selected(object: &Value, names: &HashSet<&str>) -> Value {
    match object {
        Value::Object(fields) => {
            let named = fields.iter().filter(|(name, _)| names.contains(name.as_str()));
            Value::Object(named.map(|(name, value)| (name.clone(), selected(value, names))).collect())
        }
        Value::Array(items) => items.iter().map(|item| selected(item, names)).collect(),
        other => other.clone(),
    }
}

fn change(
    name: &'static str,
    world: &mut World,
    call: &Call,
    variables: Value,
) -> (&'static str, Result<Value, QueryError>) {
    let run = || -> Result<Value, QueryError> {
        let Change { input } = read(variables)?;
        mutations::run(world, call.visitor()?, name, input)
    };
    (name, run())
}

fn repository_name(world: &mut World, call: &Call, variables: Value) -> Result<Value, QueryError> {
    let OfRepository { owner, name } = read(variables)?;
    let repo = repository(world, call, &owner, &name)?;
    Ok(json!({ "nameWithOwner": repo.full_name() }))
}

fn pull_request(world: &mut World, call: &Call, variables: Value) -> Result<Value, QueryError> {
    let OfPullRequest { owner, name, number } = read(variables)?;
    let visitor = call.visitor()?;
    let repo = repository(world, call, &owner, &name)?;
    if !visitor.may((Permission::PullRequests, Level::Read)) {
        return Err(QueryError::said("FORBIDDEN", visitor.refusal_message()));
    }
    let pull = repo.pulls.iter().find(|pull| pull.number == number).ok_or_else(|| QueryError::Said {
        kind: "NOT_FOUND",
        message: format!("Could not resolve to a PullRequest with the number of {number}."),
    })?;
    Ok(json!({
        "autoMergeAllowed": repo.settings.allow_auto_merge,
        "pullRequest": pull_json(repo, pull)?,
    }))
}

fn branch(world: &mut World, call: &Call, variables: Value) -> Result<Value, QueryError> {
    let OfBranch { owner, name, branch } = read(variables)?;
    let repo = repository(world, call, &owner, &name)?;
    let branch = branch.strip_prefix("refs/heads/").unwrap_or(&branch);
    let found = git::tip(&repo.git()?, branch).is_some();
    Ok(json!({ "ref": found.then(|| json!({ "refUpdateRule": protection::update_rule(repo, branch) })) }))
}

/// A repository by its name of now or of before.
fn repository<'a>(
    world: &'a mut World,
    call: &Call,
    owner: &str,
    name: &str,
) -> Result<&'a mut Repository, QueryError> {
    let asked = format!("{owner}/{name}");
    let name = world.new_name(&asked).map_or_else(|| asked.clone(), str::to_owned);
    let visitor = call.visitor()?;
    let missing = || {
        let message = format!("Could not resolve to a Repository with the name '{asked}'.");
        QueryError::Said { kind: "NOT_FOUND", message }
    };
    let repo = world.repository(&name).filter(|_| visitor.sees(&name)).ok_or_else(missing)?;
    queueing::settle(repo)?;
    Ok(repo)
}

/// A pull request with all fields that are known of it.
pub(super) fn pull_json(repo: &Repository, pull: &Pull) -> Result<Value, QueryError> {
    let merge_commit = match pull.stage {
        Stage::Merged { commit, .. } => Some(json!({ "oid": commit.to_string() })),
        Stage::Open | Stage::Closed { .. } => None,
    };
    let (state, closed_at) = match pull.stage {
        Stage::Open => ("OPEN", None),
        Stage::Closed { at } => ("CLOSED", Some(at)),
        Stage::Merged { at, .. } => ("MERGED", Some(at)),
    };
    let ended_by = pull.ended_by.as_ref().map(|account| {
        let login = account.login.trim_end_matches("[bot]"); // GraphQL leaves the mark of a bot out
        json!({ "login": login, "__typename": account.json()["type"] })
    });
    let closed = closed_at.map(|at| json!({ "actor": ended_by, "createdAt": at.to_string() }));
    let entry = match &pull.waiting {
        Some(Waiting::Queue { entry }) => {
            Some(json!({ "id": format!("MQE_{entry}"), "state": "QUEUED", "position": 1 }))
        }
        Some(Waiting::AutoMerge { .. }) | None => None,
    };
    let auto_merge = match &pull.waiting {
        Some(Waiting::AutoMerge { request, .. }) => {
            let method = format!("{:?}", request.merge_method.unwrap_or_default()).to_uppercase();
            Some(json!({ "enabledAt": pull.updated_at.to_string(), "mergeMethod": method }))
        }
        Some(Waiting::Queue { .. }) | None => None,
    };
    Ok(json!({
        "id": node_id(repo, pull),
        "number": pull.number,
        "url": format!("{}/pull/{}", repo.html_url, pull.number),
        "state": state,
        "merged": state == "MERGED",
        "headRefOid": pull.head.to_string(),
        "headRefName": pull.head_branch,
        "mergeStateStatus": super::pull_shapes::merge_state_status(repo, pull)?,
        "isInMergeQueue": entry.is_some(),
        "isMergeQueueEnabled": protection::queue_only(repo, &pull.base_branch).is_some(),
        "mergedBy": ended_by.filter(|_| state == "MERGED"),
        "mergeCommit": merge_commit,
        "mergeQueueEntry": entry,
        "autoMergeRequest": auto_merge,
        "isDraft": pull.draft,
        "reviewDecision": protection::review_decision(repo, pull),
        "baseRef": { "refUpdateRule": protection::update_rule(repo, &pull.base_branch) },
        "commits": { "nodes": [{ "commit": {
            "signature": repo.signed.contains(&pull.head).then(|| json!({ "isValid": true })),
        } }] },
        "timelineItems": { "nodes": closed.into_iter().collect::<Vec<_>>() },
    }))
}
