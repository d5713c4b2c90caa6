//! The events of an issue: one of them, or those of a span of time, newest first.

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::json;

use super::refusal::{Refusal, not_known, not_there, refused};
use super::releases::release_of;
use super::rest::{Outcome, of_organization};
use super::{ORGANIZATION, Shared, lock, paging, rest_dialect};

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/0/organizations/{organization}/issues/{id}/events/", get(list_events))
        .route("/api/0/organizations/{organization}/issues/{id}/events/{event}/", get(get_event))
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

async fn list_events(
    State(issues): State<Shared>,
    Path((organization, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Outcome {
    let issues = lock(&issues);
    of_organization(&organization)?;
    let issue = issues.by_id.get(&id).ok_or_else(not_there)?;
    let (mut offset, mut limit) = paging::read("")?;
    let (mut start, mut end) = (None, None);
    for (name, value) in url::form_urlencoded::parse(query.as_deref().unwrap_or_default().as_bytes()) {
        match name.as_ref() {
            "start" => start = Some(time(&value)?),
            "end" => end = Some(time(&value)?),
            "cursor" => offset = paging::offset(&value)?,
            "per_page" => limit = paging::per_page(&value)?,
            _ => return Err(not_known()),
        }
    }
    if start.is_some() != end.is_some() {
        let detail = "start and end are both required";
        return Err(refused(StatusCode::BAD_REQUEST, json!({"detail": detail})));
    }
    let within = |at: Timestamp| start.is_none_or(|start| at >= start) && end.is_none_or(|end| at <= end);
    let newest_first = issue.events.iter().rev().filter(|event| within(event.at));
    let shown = newest_first.map(rest_dialect::listed_event).collect();
    let url = format!("{}/api/0/organizations/{ORGANIZATION}/issues/{id}/events/", issues.base);
    Ok(paging::answer(shown, (offset, limit), &url))
}

/// A time as Sentry's parameters take it: without a zone, in UTC.
pub(super) fn time(text: &str) -> Result<Timestamp, Refusal> {
    let wrong = || {
        refused(
            StatusCode::BAD_REQUEST,
            json!({"detail": format!("{text} is not a valid ISO8601 date query")}),
        )
    };
    let plain = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00")).unwrap_or(text);
    let civil: DateTime = plain.parse().map_err(|_| wrong())?;
    civil.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(|_| wrong())
}
