//! Sentry's REST API under `/api/0/organizations/{org}/`, as far as AutoFix uses it. What else it is asked is answered as
//! not understood, and so is a parameter that AutoFix has no use for.

use std::cmp::Reverse;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Json, Router};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::event::{SandboxEvent, written};
use super::issues::{Comment, Issue, Issues, Release};
use super::{AUTH_TOKEN, ORGANIZATION, Shared, lock, rest_dialect, search};

/// Entries in one page; Sentry's default and most.
const PAGE: usize = 100;
/// The same comment again within this time is refused.
const COMMENT_REPEAT: SignedDuration = SignedDuration::from_hours(1);

pub(super) fn routes(issues: Shared) -> Router {
    // One segment at a time, since a release's name may have a slash in it, which is encoded then.
    let below =
        ["", "{d}/", "{d}/{e}/", "{d}/{e}/{f}/"].map(|below| format!("/api/0/{{a}}/{{b}}/{{c}}/{below}"));
    below.iter().fold(Router::new(), |router, path| router.route(path, any(answer))).with_state(issues)
}

/// Why a request is turned down: a status, and JSON with a `detail` or with sentences by field.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    body: Value,
}

fn refused(status: StatusCode, body: Value) -> Refusal {
    Refusal { status, body }
}

fn bad_request(detail: &str) -> Refusal {
    refused(StatusCode::BAD_REQUEST, json!({ "detail": detail }))
}

fn not_there() -> Refusal {
    refused(StatusCode::NOT_FOUND, json!({"detail": "The requested resource does not exist"}))
}

/// Sentry knows this, perhaps; the fake does not.
fn not_known() -> Refusal {
    refused(StatusCode::NOT_IMPLEMENTED, json!({"detail": "the sandbox does not know this"}))
}

type Outcome = Result<Response, Refusal>;

async fn answer(
    State(issues): State<Shared>,
    Path(path): Path<Vec<String>>,
    head: Parts,
    body: Bytes,
) -> Response {
    let mut issues = lock(&issues);
    let segments: Vec<&str> = path.iter().map(String::as_str).collect();
    let done = admit(&issues, &head, &segments).and_then(|()| route(&mut issues, &head, &segments, &body));
    done.unwrap_or_else(|refusal| (refusal.status, Json(refusal.body)).into_response())
}

fn admit(issues: &Issues, head: &Parts, path: &[&str]) -> Result<(), Refusal> {
    let detail = match head.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) {
        Some(value) if value.strip_prefix("Bearer ") == Some(AUTH_TOKEN) => {
            if issues.scopes.contains(scope_of(&head.method, path)) {
                return Ok(());
            }
            let detail = json!({"detail": "You do not have permission to perform this action."});
            return Err(refused(StatusCode::FORBIDDEN, detail));
        }
        Some(_) => "Invalid token",
        None => "Authentication credentials were not provided.",
    };
    Err(refused(StatusCode::UNAUTHORIZED, json!({ "detail": detail })))
}

/// The scope that a request needs.
fn scope_of(method: &Method, path: &[&str]) -> &'static str {
    match path {
        ["projects", ..] | ["organizations", _, "releases", ..] => "project:read",
        ["organizations", _, "events", ..] => "org:read",
        _ if *method == Method::GET => "event:read",
        _ => "event:write",
    }
}

fn route(issues: &mut Issues, head: &Parts, path: &[&str], body: &[u8]) -> Outcome {
    let uri = &head.uri;
    let (organization, path) = match path {
        ["organizations", organization, path @ ..] => (organization, path),
        ["projects", organization, slug] => {
            return if *organization == ORGANIZATION { project(issues, slug) } else { Err(not_there()) };
        }
        _ => return Err(not_known()),
    };
    if *organization != ORGANIZATION {
        return Err(not_there());
    }
    match (head.method.as_str(), path) {
        ("GET", ["issues"]) => list_issues(issues, uri),
        ("GET", ["issues", id]) => Ok(Json(whole(issues, issue(issues, id)?)).into_response()),
        ("PUT", ["issues", id]) => change_issue(issues, id, body),
        ("GET", ["issues", id, "events"]) => list_events(issues, id, uri),
        ("GET", ["issues", id, "events", event]) => one_event(issues, id, event),
        ("GET", ["issues", id, "comments"]) => list_comments(issues, id, uri),
        ("POST", ["issues", id, "comments"]) => add_comment(issues, id, body),
        ("GET", ["releases", version]) => {
            let release = issues.releases.get(*version).ok_or_else(not_there)?;
            Ok(Json(rest_dialect::release(version, release)).into_response())
        }
        ("GET", ["releases", version, "commits"]) => list_commits(issues, version, uri),
        ("GET", ["events"]) => count_requests(issues, uri),
        _ => Err(not_known()),
    }
}

fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Refusal> {
    Query::try_from_uri(uri).map(|Query(query)| query).map_err(|_| not_known())
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| bad_request(&error.to_string()))
}

fn issue<'i>(issues: &'i Issues, id: &str) -> Result<&'i Issue, Refusal> {
    issues.by_id.get(id).ok_or_else(not_there)
}

/// One page of a list whose items all exist already.
fn page(issues: &Issues, uri: &Uri, all: Vec<Value>, asked: Paging) -> Outcome {
    let Paging { cursor, per_page } = asked;
    let limit = per_page.unwrap_or(PAGE);
    if !(1..=PAGE).contains(&limit) {
        return Err(bad_request("Invalid per_page value. Must be between 1 and 100."));
    }
    let wrong = || bad_request("Invalid cursor parameter.");
    let offset: usize = match cursor {
        Some(cursor) => cursor.split(':').nth(1).and_then(|number| number.parse().ok()).ok_or_else(wrong)?,
        None => 0,
    };
    let total = all.len();
    let page: Vec<Value> = all.into_iter().skip(offset).take(limit).collect();
    let url = format!("{}{}", issues.base, uri.path());
    let link = |cursor: String, rel: &str, results: bool| {
        format!(r#"<{url}?cursor={cursor}>; rel="{rel}"; results="{results}"; cursor="{cursor}""#)
    };
    let links = [
        link(format!("0:{}:1", offset.saturating_sub(limit)), "previous", offset > 0),
        link(format!("0:{}:0", offset + limit), "next", offset + page.len() < total),
    ];
    Ok(([(header::LINK, links.join(", "))], Json(page)).into_response())
}

/// Which page of a list is asked for: the query of a list without filters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Paging {
    cursor: Option<String>,
    per_page: Option<usize>,
}

/// A time as Sentry's parameters take it: without a zone, in UTC.
fn time(text: &str) -> Result<Timestamp, Refusal> {
    let wrong = || bad_request(&format!("{text} is not a valid ISO8601 date query"));
    let plain = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00")).unwrap_or(text);
    let civil: DateTime = plain.parse().map_err(|_| wrong())?;
    civil.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(|_| wrong())
}

/// A project is there once it has had an event.
fn project(issues: &Issues, slug: &str) -> Outcome {
    let mut projects = issues.by_id.values().map(|issue| &issue.last().project);
    let project = projects.find(|project| project.slug == slug).ok_or_else(not_there)?;
    let answer = json!({
        "id": project.id.to_string(), "slug": project.slug, "name": project.slug, "platform": "python",
        "status": "active", "isBookmarked": false, "isMember": true, "features": [],
        "organization": {"id": "1", "slug": ORGANIZATION, "name": ORGANIZATION},
    });
    Ok(Json(answer).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IssueQuery {
    query: String,
    sort: Option<Order>,
    limit: Option<usize>,
    #[serde(rename = "project")]
    _project: Option<AllProjects>,
    cursor: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
enum Order {
    /// By the first event.
    #[serde(rename = "new")]
    New,
    /// By the last event.
    #[serde(rename = "date")]
    Date,
}

#[derive(Deserialize)]
enum AllProjects {
    #[serde(rename = "-1")]
    All,
}

fn list_issues(issues: &Issues, uri: &Uri) -> Outcome {
    let wanted: IssueQuery = query(uri)?;
    let mut found = Vec::new();
    for issue in issues.by_id.values() {
        if search::matches(issue, &wanted.query).map_err(|_| not_known())? {
            found.push(issue);
        }
    }
    found.sort_by_key(|issue| match wanted.sort {
        Some(Order::New) => Reverse(issue.first().at),
        Some(Order::Date) | None => Reverse(issue.last().at),
    });
    let all = found.into_iter().map(|issue| issue.listed(&issues.base)).collect();
    let per_page = wanted.limit.map(|limit| limit.clamp(1, PAGE));
    page(issues, uri, all, Paging { cursor: wanted.cursor, per_page })
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

/// The release that an event happened in; null if it names none.
fn release_of(issues: &Issues, event: &SandboxEvent) -> Value {
    let known = event.release.as_ref().and_then(|version| Some((version, issues.releases.get(version)?)));
    known.map_or(Value::Null, |(version, release)| rest_dialect::release(version, release))
}

/// AutoFix resolves an issue, by a commit if it can.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct IssueChange {
    status: Option<WantedStatus>,
    status_details: Option<StatusDetails>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum WantedStatus {
    Resolved,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct StatusDetails {
    in_commit: InCommit,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InCommit {
    commit: String,
    repository: String,
}

fn change_issue(issues: &mut Issues, id: &str, body: &[u8]) -> Outcome {
    issue(issues, id)?;
    let change: IssueChange = read(body)?;
    let details = match change.status_details {
        Some(StatusDetails { in_commit: InCommit { repository, .. } })
            if !issues.repositories.contains(&repository) =>
        {
            let what = json!({"inCommit": {"repository": ["Unable to find the given repository."]}});
            return Err(refused(StatusCode::BAD_REQUEST, json!({ "statusDetails": what })));
        }
        Some(StatusDetails { in_commit: InCommit { commit, repository } }) => {
            json!({"inCommit": {"commit": commit, "repository": repository}})
        }
        None => json!({}),
    };
    if let (Some(WantedStatus::Resolved), Some(issue)) = (change.status, issues.by_id.get_mut(id)) {
        (issue.status, issue.substatus, issue.status_details) = ("resolved", None, details);
    }
    Ok(Json(whole(issues, issue(issues, id)?)).into_response())
}

fn one_event(issues: &Issues, id: &str, wanted: &str) -> Outcome {
    let events = &issue(issues, id)?.events;
    let index = match wanted {
        "latest" | "recommended" => Some(events.len() - 1),
        event_id => events.iter().position(|event| event.event_id == event_id),
    };
    let index = index.ok_or_else(not_there)?;
    let id_at = |index: Option<usize>| index.and_then(|i| events.get(i)).map(|e| e.event_id.as_str());
    let neighbours = (id_at(index.checked_sub(1)), id_at(Some(index + 1)));
    let event = &events[index];
    Ok(Json(rest_dialect::event(event, release_of(issues, event), neighbours)).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventQuery {
    start: Option<String>,
    end: Option<String>,
    cursor: Option<String>,
    per_page: Option<usize>,
}

fn list_events(issues: &Issues, id: &str, uri: &Uri) -> Outcome {
    let EventQuery { start, end, cursor, per_page } = query(uri)?;
    let span = match (start, end) {
        (Some(start), Some(end)) => time(&start)?..=time(&end)?,
        (None, None) => Timestamp::MIN..=Timestamp::MAX,
        _ => return Err(bad_request("start and end are both required")),
    };
    let newest_first = issue(issues, id)?.events.iter().rev().filter(|event| span.contains(&event.at));
    let shown = newest_first.map(rest_dialect::listed_event).collect();
    page(issues, uri, shown, Paging { cursor, per_page })
}

fn list_comments(issues: &Issues, id: &str, uri: &Uri) -> Outcome {
    let newest_first = (1..).zip(&issue(issues, id)?.comments).collect::<Vec<_>>().into_iter().rev();
    let shown = newest_first.map(|(number, comment)| comment_json(comment, number)).collect();
    page(issues, uri, shown, query(uri)?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewComment {
    text: String,
}

fn add_comment(issues: &mut Issues, id: &str, body: &[u8]) -> Outcome {
    let now = issues.clock.now();
    let issue = issues.by_id.get_mut(id).ok_or_else(not_there)?;
    let NewComment { text } = read(body)?;
    if text.trim().is_empty() {
        return Err(refused(StatusCode::BAD_REQUEST, json!({"text": ["This field may not be blank."]})));
    }
    if issue.comments.iter().any(|c| c.text == text && now.duration_since(c.at) < COMMENT_REPEAT) {
        return Err(bad_request("You have already posted that comment."));
    }
    let comment = Comment { text, at: now };
    let shown = comment_json(&comment, issue.comments.len() + 1);
    issue.comments.push(comment);
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

fn comment_json(comment: &Comment, number: usize) -> Value {
    json!({
        "id": number.to_string(), "type": "note", "data": {"text": comment.text},
        "dateCreated": written(comment.at), "user": {"id": "1", "name": "autofix"}, "sentry_app": null,
    })
}

fn list_commits(issues: &Issues, version: &str, uri: &Uri) -> Outcome {
    let Release { created_at, commits } = issues.releases.get(version).ok_or_else(not_there)?;
    let commits = commits.iter().map(|sha| {
        json!({
            "id": sha, "message": "", "dateCreated": written(*created_at), "pullRequest": null,
            "suspectCommitType": "", "releases": [],
        })
    });
    page(issues, uri, commits.collect(), query(uri)?)
}

/// Traced requests are counted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Counting {
    start: String,
    end: String,
    query: String,
    dataset: String,
    field: String,
    #[serde(rename = "project")]
    _project: Option<AllProjects>,
}

fn count_requests(issues: &Issues, uri: &Uri) -> Outcome {
    let asked: Counting = query(uri)?;
    let span = time(&asked.start)?..=time(&asked.end)?;
    if (asked.dataset.as_str(), asked.field.as_str()) != ("spans", "count()") {
        return Err(not_known());
    }
    let (project, transaction) = terms(&asked.query).ok_or_else(not_known)?;
    let wanted = issues.served.iter().filter(|served| {
        served.project == project && served.transaction == transaction && span.contains(&served.at)
    });
    let total: u64 = wanted.map(|served| served.requests).sum();
    let meta = json!({"fields": {"count()": "integer"}, "units": {"count()": null}, "dataset": "spans"});
    Ok(Json(json!({"data": [{"count()": total}], "meta": meta})).into_response())
}

/// Project and transaction of `is_transaction:true project:"…" transaction:"…"`.
fn terms(search: &str) -> Option<(&str, &str)> {
    let rest = search.strip_prefix("is_transaction:true project:\"")?;
    let (project, rest) = rest.split_once('"')?;
    Some((project, rest.strip_prefix(" transaction:\"")?.strip_suffix('"')?))
}
