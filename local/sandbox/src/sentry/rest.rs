//! Sentry's REST API under `/api/0/organizations/{org}/`: who may ask, and issues. The rest stands in files of its own.
//! Paths without an organisation answer 410, as in Sentry's brown-outs of the deprecated form.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router, middleware};
use serde_json::{Map, Value, json};

use super::issues::{Issue, Issues};
use super::listing::Listing;
use super::refusal::{Refusal, not_known, not_there, refused};
use super::releases::release_of;
use super::{AUTH_TOKEN, ORGANIZATION, Shared, comments, events, lock, paging, releases, traffic};

const STATUS_DETAILS: [&str; 8] = [
    "inNextRelease",
    "inRelease",
    "inCommit",
    "ignoreDuration",
    "ignoreCount",
    "ignoreWindow",
    "ignoreUserCount",
    "ignoreUserWindow",
];

pub(super) fn routes(issues: Shared) -> Router {
    Router::new()
        .route("/api/0/organizations/{organization}/issues/", get(list_issues))
        .route("/api/0/organizations/{organization}/issues/{id}/", get(get_issue).put(put_issue))
        .route("/api/0/projects/{organization}/{slug}/", get(get_project))
        .route("/api/0/issues/{*rest}", any(deprecated))
        .merge(comments::routes())
        .merge(events::routes())
        .merge(releases::routes())
        .merge(traffic::routes())
        .layer(middleware::from_fn_with_state(Arc::clone(&issues), authorized))
        .with_state(issues)
}

/// What a handler answers, or turns the request down with.
pub(super) type Outcome = Result<Response, Refusal>;

async fn authorized(
    State(issues): State<Shared>,
    request: axum::extract::Request,
    next: middleware::Next,
) -> Response {
    let detail = match request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) {
        Some(value) if value.strip_prefix("Bearer ") == Some(AUTH_TOKEN) => {
            let scope = scope_of(request.method(), request.uri().path());
            if lock(&issues).scopes.contains(scope) {
                return next.run(request).await;
            }
            let detail = json!({"detail": "You do not have permission to perform this action."});
            return refused(StatusCode::FORBIDDEN, detail).into_response();
        }
        Some(_) => "Invalid token",
        None => "Authentication credentials were not provided.",
    };
    refused(StatusCode::UNAUTHORIZED, json!({"detail": detail})).into_response()
}

/// The scope that a request needs.
fn scope_of(method: &Method, path: &str) -> &'static str {
    if path.starts_with("/api/0/projects/") {
        return "project:read";
    }
    let below = path.strip_prefix("/api/0/organizations/").and_then(|rest| rest.split('/').nth(1));
    match (below, method == Method::GET) {
        (Some("releases"), _) => "project:read",
        (Some("events"), _) => "org:read",
        (_, true) => "event:read",
        (_, false) => "event:write",
    }
}

async fn deprecated() -> Refusal {
    refused(StatusCode::GONE, json!({"message": "This API no longer exists."}))
}

/// A project is there once it has had an event.
async fn get_project(
    State(issues): State<Shared>,
    Path((organization, slug)): Path<(String, String)>,
) -> Outcome {
    let issues = lock(&issues);
    of_organization(&organization)?;
    let mut projects = issues.by_id.values().map(|issue| &issue.last().project);
    let project = projects.find(|project| project.slug == slug).ok_or_else(not_there)?;
    let answer = json!({
        "id": project.id.to_string(), "slug": project.slug, "name": project.slug, "platform": "python",
        "status": "active", "isBookmarked": false, "isMember": true, "features": [],
        "organization": {"id": "1", "slug": ORGANIZATION, "name": ORGANIZATION},
    });
    Ok(Json(answer).into_response())
}

async fn list_issues(
    State(issues): State<Shared>,
    Path(organization): Path<String>,
    RawQuery(query): RawQuery,
) -> Outcome {
    let issues = lock(&issues);
    of_organization(&organization)?;
    let listing = Listing::read(query.as_deref().unwrap_or_default())?;
    let now = issues.clock.now();
    let mut found = Vec::new();
    for issue in issues.by_id.values() {
        if listing.wants(issue, now)? {
            found.push(issue);
        }
    }
    found.sort_by_key(|issue| std::cmp::Reverse(listing.sort_key(issue)));
    let all = found.into_iter().map(|issue| issue.listed(&issues.base)).collect();
    let url = format!("{}/api/0/organizations/{ORGANIZATION}/issues/", issues.base);
    Ok(paging::answer(all, (listing.offset, listing.limit), &url))
}

async fn get_issue(
    State(issues): State<Shared>,
    Path((organization, id)): Path<(String, String)>,
) -> Outcome {
    let issues = lock(&issues);
    of_organization(&organization)?;
    Ok(Json(whole(&issues, issues.by_id.get(&id).ok_or_else(not_there)?)).into_response())
}

fn whole(issues: &Issues, issue: &Issue) -> Value {
    let mut shown = issue.listed(&issues.base);
    shown["firstRelease"] = release_of(issues, issue.first());
    shown["lastRelease"] = release_of(issues, issue.last());
    for (key, value) in [("userReportCount", json!(0)), ("stats", json!({"24h": [], "30d": []}))] {
        shown[key] = value;
    }
    for key in
        ["activity", "seenBy", "participants", "tags", "pluginActions", "pluginIssues", "pluginContexts"]
    {
        shown[key] = json!([]);
    }
    shown
}

async fn put_issue(
    State(issues): State<Shared>,
    Path((organization, id)): Path<(String, String)>,
    body: Bytes,
) -> Outcome {
    let mut issues = lock(&issues);
    of_organization(&organization)?;
    let change = object(&body)?;
    let repositories = issues.repositories.clone();
    let issue = issues.by_id.get_mut(&id).ok_or_else(not_there)?;
    let mut changed = issue.clone();
    for (key, value) in &change {
        match (key.as_str(), value) {
            ("status", status) => set_status(&mut changed, status)?,
            ("statusDetails", Value::Object(_)) => {}
            ("priority", Value::String(level)) if ["low", "medium", "high"].contains(&level.as_str()) => {
                changed.marks.insert(key.clone(), value.clone());
            }
            ("hasSeen" | "isBookmarked" | "isPublic", Value::Bool(_)) => {
                changed.marks.insert(key.clone(), value.clone());
            }
            ("statusDetails" | "priority" | "hasSeen" | "isBookmarked" | "isPublic", _) => {
                return Err(refused(StatusCode::BAD_REQUEST, json!({key: ["Invalid value."]})));
            }
            ("assignedTo" | "substatus", _) => return Err(not_known()),
            _ => return Err(refused(StatusCode::BAD_REQUEST, json!({key: ["Unknown field."]}))),
        }
    }
    if let Some(Value::Object(details)) = change.get("statusDetails") {
        check_details(details, &repositories)?;
        changed.status_details = json!(details);
    }
    *issue = changed;
    let answer = whole(&issues, &issues.by_id[&id]);
    Ok(Json(answer).into_response())
}

fn set_status(issue: &mut Issue, status: &Value) -> Result<(), Refusal> {
    issue.status_details = json!({});
    (issue.status, issue.substatus) = match status.as_str() {
        Some("resolved") => ("resolved", None),
        Some("resolvedInNextRelease") => {
            issue.status_details = json!({"inNextRelease": true});
            ("resolved", None)
        }
        Some("unresolved") => ("unresolved", Some("ongoing")),
        Some("ignored") => ("ignored", Some("archived_until_escalating")),
        _ => {
            let what = format!("{status} is not a valid choice.");
            return Err(refused(StatusCode::BAD_REQUEST, json!({"status": [what]})));
        }
    };
    Ok(())
}

fn check_details(details: &Map<String, Value>, repositories: &BTreeSet<String>) -> Result<(), Refusal> {
    let wrong = |what: Value| refused(StatusCode::BAD_REQUEST, json!({"statusDetails": what}));
    for (key, value) in details {
        match key.as_str() {
            "inCommit" if !value["commit"].is_string() => {
                return Err(wrong(json!({"inCommit": {"commit": ["This field is required."]}})));
            }
            "inCommit" if !value["repository"].as_str().is_some_and(|name| repositories.contains(name)) => {
                let what = ["Unable to find the given repository."];
                return Err(wrong(json!({"inCommit": {"repository": what}})));
            }
            "inNextRelease" if value != &json!(true) => {
                return Err(wrong(json!({key: ["Must be a valid boolean."]})));
            }
            known if STATUS_DETAILS.contains(&known) => {}
            _ => return Err(wrong(json!({key: ["Unknown field."]}))),
        }
    }
    Ok(())
}

pub(super) fn of_organization(organization: &str) -> Result<(), Refusal> {
    if organization == ORGANIZATION { Ok(()) } else { Err(not_there()) }
}

pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let wrong = |_| refused(StatusCode::BAD_REQUEST, json!({"detail": "JSON parse error"}));
    serde_json::from_slice(body).map_err(wrong)
}
