//! Sentry's REST API under `/api/0/organizations/{org}/`: issues, their events and comments, releases.
//! Paths without an organisation answer 410, as in Sentry's brown-outs of the deprecated form.

use std::collections::BTreeSet;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router, middleware};
use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::event::{SandboxEvent, written};
use super::issues::{Comment, Issue, Issues};
use super::listing::Listing;
use super::refusal::{Refusal, not_known, not_there, refused};
use super::{AUTH_TOKEN, ORGANIZATION, Shared, lock, rest_dialect};

/// The same text again within this time is refused.
const COMMENT_REPEAT: SignedDuration = SignedDuration::from_hours(1);

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
        .route("/api/0/organizations/{organization}/issues/{id}/events/{event}/", get(get_event))
        .route("/api/0/organizations/{organization}/issues/{id}/comments/", post(post_comment))
        .route("/api/0/organizations/{organization}/issues/{id}/notes/", post(post_comment))
        .route("/api/0/organizations/{organization}/releases/{version}/", get(get_release))
        .route("/api/0/issues/{*rest}", any(deprecated))
        .layer(middleware::from_fn(authorized))
        .with_state(issues)
}

/// What a handler answers, or turns the request down with.
type Outcome = Result<Response, Refusal>;

async fn authorized(request: axum::extract::Request, next: middleware::Next) -> Response {
    let detail = match request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) {
        Some(value) if value.strip_prefix("Bearer ") == Some(AUTH_TOKEN) => return next.run(request).await,
        Some(_) => "Invalid token",
        None => "Authentication credentials were not provided.",
    };
    refused(StatusCode::UNAUTHORIZED, json!({"detail": detail})).into_response()
}

async fn deprecated() -> Refusal {
    refused(StatusCode::GONE, json!({"message": "This API no longer exists."}))
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
    let Listing { offset, limit, .. } = listing;
    let page: Vec<Value> =
        found.iter().skip(offset).take(limit).map(|issue| issue.listed(&issues.base)).collect();
    let url = format!("{}/api/0/organizations/{ORGANIZATION}/issues/", issues.base);
    let link = |cursor: String, rel: &str, results: bool| {
        format!(r#"<{url}?cursor={cursor}>; rel="{rel}"; results="{results}"; cursor="{cursor}""#)
    };
    let links = [
        link(format!("0:{}:1", offset.saturating_sub(limit)), "previous", offset > 0),
        link(format!("0:{}:0", offset + limit), "next", offset + page.len() < found.len()),
    ];
    Ok(([(header::LINK, links.join(", "))], Json(page)).into_response())
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

/// The release that an event happened in; null where it names none.
fn release_of(issues: &Issues, event: &SandboxEvent) -> Value {
    let Some(version) = &event.release else { return Value::Null };
    let commit = issues.releases.get(version).and_then(Option::as_deref);
    rest_dialect::release(version, commit, first_seen(issues, version))
}

fn first_seen(issues: &Issues, version: &str) -> jiff::Timestamp {
    let events = issues.by_id.values().flat_map(|issue| &issue.events);
    let in_release = events.filter(|event| event.release.as_deref() == Some(version));
    in_release.map(|event| event.at).min().unwrap_or_else(|| issues.clock.now())
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

async fn get_event(
    State(issues): State<Shared>,
    Path((organization, id, wanted)): Path<(String, String, String)>,
) -> Outcome {
    let issues = lock(&issues);
    of_organization(&organization)?;
    let issue = issues.by_id.get(&id).ok_or_else(not_there)?;
    let index = match wanted.as_str() {
        "latest" | "recommended" => Some(issue.events.len() - 1),
        "oldest" => Some(0),
        event_id => issue.events.iter().position(|event| event.event_id == event_id),
    };
    let index = index.ok_or_else(not_there)?;
    let event = &issue.events[index];
    let id_at = |index: Option<usize>| index.and_then(|i| issue.events.get(i)).map(|e| e.event_id.as_str());
    let neighbours = (id_at(index.checked_sub(1)), id_at(Some(index + 1)));
    Ok(Json(rest_dialect::event(event, release_of(&issues, event), neighbours)).into_response())
}

async fn post_comment(
    State(issues): State<Shared>,
    Path((organization, id)): Path<(String, String)>,
    body: Bytes,
) -> Outcome {
    let mut issues = lock(&issues);
    of_organization(&organization)?;
    let now = issues.clock.now();
    let issue = issues.by_id.get_mut(&id).ok_or_else(not_there)?;
    let comment = object(&body)?;
    let text = match comment.get("text").and_then(Value::as_str) {
        Some(text) if !text.trim().is_empty() && comment.len() == 1 => text.to_owned(),
        Some(text) if !text.trim().is_empty() => return Err(not_known()),
        Some(_) => {
            return Err(refused(StatusCode::BAD_REQUEST, json!({"text": ["This field may not be blank."]})));
        }
        None => return Err(refused(StatusCode::BAD_REQUEST, json!({"text": ["This field is required."]}))),
    };
    if issue.comments.iter().any(|c| c.text == text && now.duration_since(c.at) < COMMENT_REPEAT) {
        let detail = "You have already posted that comment.";
        return Err(refused(StatusCode::BAD_REQUEST, json!({"detail": detail})));
    }
    issue.comments.push(Comment { text: text.clone(), at: now });
    let answer = json!({
        "id": issue.comments.len().to_string(), "type": "note", "data": {"text": text},
        "dateCreated": written(now),
        "user": {"id": "1", "name": "autofix"}, "sentry_app": null,
    });
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

async fn get_release(
    State(issues): State<Shared>,
    Path((organization, version)): Path<(String, String)>,
) -> Outcome {
    let issues = lock(&issues);
    of_organization(&organization)?;
    let commit = issues.releases.get(&version).ok_or_else(not_there)?;
    let created = first_seen(&issues, &version);
    Ok(Json(rest_dialect::release(&version, commit.as_deref(), created)).into_response())
}

fn of_organization(organization: &str) -> Result<(), Refusal> {
    if organization == ORGANIZATION { Ok(()) } else { Err(not_there()) }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let wrong = |_| refused(StatusCode::BAD_REQUEST, json!({"detail": "JSON parse error"}));
    serde_json::from_slice(body).map_err(wrong)
}
