//! GraphQL: the questions and changes for which REST has no way. Types and fields are those of
//! GitHub's public schema, and only some of them; any other is answered as not understood. Errors
//! come as GitHub sends them: with status 200, in a list.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::credentials::{Level, Permission};
use super::mutations;
use super::pull_shapes::node_id;
use super::query_language::{Argument, Field, Kind, Selection, parse};
use super::queueing::{self, Waiting};
use super::wire::{Answer, Call, Outcome, Refusal};
use super::world::{Pull, Repository, Stage, World};

/// Fields of each type: name, and the type of what it answers where that is an object.
const TYPES: &[(&str, &[(&str, &str)])] = &[
    (
        "Repository",
        &[
            ("id", ""),
            ("nameWithOwner", ""),
            ("autoMergeAllowed", ""),
            ("mergeQueue", "MergeQueue"),
            ("pullRequest", "PullRequest"),
        ],
    ),
    ("MergeQueue", &[("id", ""), ("url", "")]),
    (
        "PullRequest",
        &[
            ("id", ""),
            ("number", ""),
            ("url", ""),
            ("state", ""),
            ("merged", ""),
            ("headRefOid", ""),
            ("headRefName", ""),
            ("mergeStateStatus", ""),
            ("isInMergeQueue", ""),
            ("isMergeQueueEnabled", ""),
            ("mergedBy", "Actor"),
            ("mergeCommit", "Commit"),
            ("mergeQueueEntry", "MergeQueueEntry"),
            ("autoMergeRequest", "AutoMergeRequest"),
            ("timelineItems", "PullRequestTimelineItemsConnection"),
        ],
    ),
    ("Actor", &[("login", ""), ("__typename", "")]),
    ("Commit", &[("oid", "")]),
    ("MergeQueueEntry", &[("id", ""), ("state", ""), ("position", "")]),
    ("AutoMergeRequest", &[("enabledAt", ""), ("mergeMethod", "")]),
    ("PullRequestTimelineItemsConnection", &[("nodes", "ClosedEvent")]),
    ("ClosedEvent", &[("actor", "Actor"), ("createdAt", "")]),
    ("UpdateRefsPayload", &[("clientMutationId", "")]),
    ("EnablePullRequestAutoMergePayload", &[("clientMutationId", ""), ("pullRequest", "PullRequest")]),
    ("DisablePullRequestAutoMergePayload", &[("clientMutationId", ""), ("pullRequest", "PullRequest")]),
    ("EnqueuePullRequestPayload", &[("clientMutationId", ""), ("mergeQueueEntry", "MergeQueueEntry")]),
    ("DequeuePullRequestPayload", &[("clientMutationId", ""), ("mergeQueueEntry", "MergeQueueEntry")]),
    (
        "RevertPullRequestPayload",
        &[("clientMutationId", ""), ("pullRequest", "PullRequest"), ("revertPullRequest", "PullRequest")],
    ),
];

/// Types of the arguments that are known, by type and field.
const ARGUMENTS: &[(&str, &str, &str, &str)] = &[
    ("Query", "repository", "owner", "String!"),
    ("Query", "repository", "name", "String!"),
    ("Query", "repository", "followRenames", "Boolean"),
    ("Repository", "pullRequest", "number", "Int!"),
    ("Repository", "mergeQueue", "branch", "String"),
    ("PullRequest", "timelineItems", "last", "Int"),
    ("PullRequest", "timelineItems", "itemTypes", "[PullRequestTimelineItemsItemType!]"),
    ("Mutation", "updateRefs", "input", "UpdateRefsInput!"),
    ("Mutation", "enablePullRequestAutoMerge", "input", "EnablePullRequestAutoMergeInput!"),
    ("Mutation", "disablePullRequestAutoMerge", "input", "DisablePullRequestAutoMergeInput!"),
    ("Mutation", "enqueuePullRequest", "input", "EnqueuePullRequestInput!"),
    ("Mutation", "dequeuePullRequest", "input", "DequeuePullRequestInput!"),
    ("Mutation", "revertPullRequest", "input", "RevertPullRequestInput!"),
];

/// What goes wrong with one field of an operation.
#[derive(Debug)]
pub(super) enum Fault {
    /// GitHub's own kind of error, in the list of an answer with status 200.
    Said { kind: &'static str, message: String },
    /// Nothing that the stand-in knows (501).
    NotUnderstood(String),
}

impl Fault {
    pub(super) fn said(kind: &'static str, message: &str) -> Fault {
        Fault::Said { kind, message: message.to_owned() }
    }

    pub(super) fn unprocessable(message: &str) -> Fault {
        Fault::said("UNPROCESSABLE", message)
    }
}

impl From<git2::Error> for Fault {
    fn from(error: git2::Error) -> Fault {
        Fault::said("INTERNAL", error.message())
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Fault {
        Fault::unprocessable(refusal.message())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    query: String,
    #[serde(default)]
    variables: Map<String, Value>,
    #[serde(rename = "operationName")]
    operation_name: Option<String>,
}

pub(super) fn answer(world: &mut World, call: &Call) -> Outcome {
    call.visitor()?;
    let request: Request = call.body()?;
    if request.operation_name.is_some() {
        return Err(Refusal::not_understood("a name of an operation"));
    }
    let operation = parse(&request.query).map_err(|why| Refusal::not_understood(&why))?;
    let asked = Asked { declared: &operation.variables, given: &request.variables };
    asked.check().map_err(|why| Refusal::not_understood(&why))?;
    let (mut data, mut errors) = (Map::new(), Vec::new());
    for selection in &operation.fields {
        let Selection::Field(field) = selection else {
            return Err(Refusal::not_understood("a fragment at the root"));
        };
        let done = match operation.kind {
            Kind::Query => query(world, call, &asked, field),
            Kind::Mutation => mutate(world, call, &asked, field),
        };
        match done {
            Ok(value) => {
                data.insert(field.name.clone(), value);
            }
            Err(Fault::NotUnderstood(what)) => return Err(Refusal::not_understood(&what)),
            Err(Fault::Said { kind, message }) => {
                data.insert(field.name.clone(), Value::Null);
                errors.push(json!({
                    "type": kind,
                    "path": [field.name],
                    "locations": [{ "line": 1, "column": 1 }],
                    "message": message,
                }));
            }
        }
    }
    let mut body = json!({ "data": data });
    if !errors.is_empty() {
        body["errors"] = Value::Array(errors);
    }
    Ok(Answer::json(200, &body))
}

/// The variables of one request.
struct Asked<'a> {
    declared: &'a [(String, String)],
    given: &'a Map<String, Value>,
}

impl Asked<'_> {
    fn check(&self) -> Result<(), String> {
        for name in self.given.keys() {
            if !self.declared.iter().any(|(declared, _)| declared == name) {
                return Err(format!("the variable `{name}`, which is not declared"));
            }
        }
        for (name, kind) in self.declared {
            if kind.ends_with('!') && self.given.get(name).is_none_or(Value::is_null) {
                return Err(format!("no value for `${name}: {kind}`"));
            }
        }
        Ok(())
    }

    /// The arguments of a field of a type, each of its documented type.
    fn arguments(&self, parent: &str, field: &Field) -> Result<Map<String, Value>, Fault> {
        let mut found = Map::new();
        for (name, argument) in &field.arguments {
            let is_it = |entry: &&(&str, &str, &str, &str)| {
                (entry.0, entry.1, entry.2) == (parent, &field.name, name)
            };
            let (_, _, _, expected) = ARGUMENTS
                .iter()
                .find(is_it)
                .ok_or_else(|| Fault::NotUnderstood(format!("the argument `{name}` of `{}`", field.name)))?;
            let value = match argument {
                Argument::Literal(value) => value.clone(),
                Argument::Variable(variable) => {
                    let declared = self.declared.iter().find(|(declared, _)| declared == variable);
                    let fits = declared.is_some_and(|(_, kind)| {
                        kind.trim_end_matches('!') == expected.trim_end_matches('!')
                            && (kind.ends_with('!') || !expected.ends_with('!'))
                    });
                    if !fits {
                        return Err(Fault::NotUnderstood(format!("`${variable}` for `{name}: {expected}`")));
                    }
                    self.given.get(variable).cloned().unwrap_or_default()
                }
            };
            let right = match expected.trim_end_matches('!') {
                "String" => value.is_string(),
                "Int" => value.is_i64(),
                "Boolean" => value.is_boolean(),
                kind if kind.starts_with('[') => value.is_array(),
                _ => value.is_object(),
            };
            let absent = value.is_null() && !expected.ends_with('!');
            if !right && !absent {
                return Err(Fault::NotUnderstood(format!("`{value}` for `{name}: {expected}`")));
            }
            found.insert(name.clone(), value);
        }
        let missing = ARGUMENTS
            .iter()
            .filter(|(of, known, _, _)| (*of, *known) == (parent, field.name.as_str()))
            .find(|(_, _, name, kind)| kind.ends_with('!') && !found.contains_key(*name));
        match missing {
            Some((_, _, name, _)) => Err(Fault::NotUnderstood(format!("`{}` without `{name}`", field.name))),
            None => Ok(found),
        }
    }
}

fn query(world: &mut World, call: &Call, asked: &Asked<'_>, field: &Field) -> Result<Value, Fault> {
    if field.name != "repository" {
        return Err(Fault::NotUnderstood(format!("the query `{}`", field.name)));
    }
    let arguments = asked.arguments("Query", field)?;
    let text = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
    let asked_name = format!("{}/{}", text("owner"), text("name"));
    let follows = arguments.get("followRenames").and_then(Value::as_bool).unwrap_or(true);
    let name = match world.new_name(&asked_name) {
        Some(new_name) if follows => new_name.to_owned(),
        _ => asked_name.clone(),
    };
    let visitor = call.visitor()?;
    let missing = || {
        let message = format!("Could not resolve to a Repository with the name '{asked_name}'.");
        Fault::Said { kind: "NOT_FOUND", message }
    };
    let repo = world.repository(&name).filter(|_| visitor.sees(&name)).ok_or_else(missing)?;
    queueing::settle(repo)?;
    let may_read_pulls = visitor.may((Permission::PullRequests, Level::Read));
    let resolve = |parent: &str, field: &Field| -> Result<Option<Value>, Fault> {
        let arguments = asked.arguments(parent, field)?;
        match field.name.as_str() {
            _ if parent != "Repository" => Ok(None),
            "pullRequest" if !may_read_pulls => Err(Fault::said("FORBIDDEN", visitor.refusal_message())),
            "pullRequest" => {
                let number = arguments.get("number").and_then(Value::as_u64);
                let pull = repo.pulls.iter().find(|pull| Some(pull.number) == number);
                let missing = || {
                    let number = number.unwrap_or_default();
                    let message = format!("Could not resolve to a PullRequest with the number of {number}.");
                    Fault::Said { kind: "NOT_FOUND", message }
                };
                Ok(Some(pull_json(repo, pull.ok_or_else(missing)?)?))
            }
            _ => Ok(None),
        }
    };
    let object = json!({
        "id": repo.node_id(),
        "nameWithOwner": repo.full_name(),
        "autoMergeAllowed": repo.settings.allow_auto_merge,
        "mergeQueue": repo.settings.merge_queue.then(|| json!({
            "id": format!("MQ_{}", repo.number),
            "url": format!("{}/queue/main", repo.html_url),
        })),
    });
    select("Repository", &object, &field.fields, &resolve)
}

fn mutate(world: &mut World, call: &Call, asked: &Asked<'_>, field: &Field) -> Result<Value, Fault> {
    let input = asked.arguments("Mutation", field)?.remove("input").unwrap_or_default();
    let (payload, object) = mutations::run(world, call.visitor()?, &field.name, input)?;
    select(payload, &object, &field.fields, &|parent, field| asked.arguments(parent, field).map(|_| None))
}

/// What a field of a type is where that depends on its arguments; `None` for a field that just is there.
type Resolve<'a> = dyn Fn(&str, &Field) -> Result<Option<Value>, Fault> + 'a;

/// The wanted fields of an object. `resolve` answers those that depend on arguments.
fn select(
    type_name: &str,
    object: &Value,
    selection: &[Selection],
    resolve: &Resolve<'_>,
) -> Result<Value, Fault> {
    if selection.is_empty() {
        return Err(Fault::NotUnderstood(format!("`{type_name}` without a selection")));
    }
    if object.is_null() {
        return Ok(Value::Null);
    }
    if let Value::Array(items) = object {
        let items = items.iter().map(|item| select(type_name, item, selection, resolve));
        return items.collect::<Result<Vec<_>, _>>().map(Value::Array);
    }
    let (_, known) = TYPES
        .iter()
        .find(|(name, _)| *name == type_name)
        .ok_or_else(|| Fault::NotUnderstood(format!("the type `{type_name}`")))?;
    let mut found = Map::new();
    for wanted in selection {
        let field = match wanted {
            Selection::Field(field) => field,
            Selection::On { type_name: narrowed, fields } => {
                if narrowed != type_name {
                    return Err(Fault::NotUnderstood(format!("`... on {narrowed}` of `{type_name}`")));
                }
                if let Value::Object(inner) = select(type_name, object, fields, resolve)? {
                    found.extend(inner);
                }
                continue;
            }
        };
        let Some((name, kind)) = known.iter().find(|(name, _)| *name == field.name) else {
            let what = format!("Field '{}' doesn't exist on type '{type_name}'", field.name);
            return Err(Fault::NotUnderstood(what));
        };
        if kind.is_empty() != field.fields.is_empty() {
            return Err(Fault::NotUnderstood(format!("the selection of `{name}`")));
        }
        let value = resolve(type_name, field)?.unwrap_or_else(|| object[*name].clone());
        let value = if kind.is_empty() { value } else { select(kind, &value, &field.fields, resolve)? };
        found.insert((*name).to_owned(), value);
    }
    Ok(Value::Object(found))
}

/// A pull request with all fields that are known of it.
pub(super) fn pull_json(repo: &Repository, pull: &Pull) -> Result<Value, Fault> {
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
        "isMergeQueueEnabled": super::protection::queue_only(repo, &pull.base_branch).is_some(),
        "mergedBy": ended_by.filter(|_| state == "MERGED"),
        "mergeCommit": merge_commit,
        "mergeQueueEntry": entry,
        "autoMergeRequest": auto_merge,
        "timelineItems": { "nodes": closed.into_iter().collect::<Vec<_>>() },
    }))
}
