//! The table of traced requests, as far as AutoFix asks for it: how many there were of one transaction.

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::json;

use super::refusal::{not_known, refused};
use super::rest::{Outcome, of_organization};
use super::{Shared, events, lock};

/// Requests that were served at one moment.
#[derive(Clone, Debug)]
pub(super) struct Served {
    pub(super) project: String,
    pub(super) transaction: String,
    pub(super) at: Timestamp,
    pub(super) requests: u64,
}

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/api/0/organizations/{organization}/events/", get(count))
}

async fn count(
    State(issues): State<Shared>,
    Path(organization): Path<String>,
    RawQuery(query): RawQuery,
) -> Outcome {
    let issues = lock(&issues);
    of_organization(&organization)?;
    let (mut start, mut end, mut search) = (None, None, String::new());
    let mut asked = Vec::new();
    for (name, value) in url::form_urlencoded::parse(query.as_deref().unwrap_or_default().as_bytes()) {
        match (name.as_ref(), value.as_ref()) {
            ("start", time) => start = Some(events::time(time)?),
            ("end", time) => end = Some(events::time(time)?),
            ("query", text) => search = text.to_owned(),
            ("dataset", "spans") | ("field", "count()") | ("project", "-1") => asked.push(name.into_owned()),
            _ => return Err(not_known()),
        }
    }
    let (Some(start), Some(end)) = (start, end) else { return Err(not_known()) };
    if !asked.iter().any(|name| name == "field") {
        return Err(refused(StatusCode::BAD_REQUEST, json!({"detail": "No columns selected"})));
    }
    let (project, transaction) = terms(&search).ok_or_else(not_known)?;
    let wanted = issues.served.iter().filter(|served| {
        served.project == project && served.transaction == transaction && (start..=end).contains(&served.at)
    });
    let total: u64 = wanted.map(|served| served.requests).sum();
    let meta = json!({"fields": {"count()": "integer"}, "units": {"count()": null}, "dataset": "spans"});
    Ok(Json(json!({"data": [{"count()": total}], "meta": meta})).into_response())
}

/// Project and transaction of `is_transaction:true project:"…" transaction:"…"`.
fn terms(search: &str) -> Option<(String, String)> {
    let rest = search.strip_prefix("is_transaction:true project:\"")?;
    let (project, rest) = rest.split_once('"')?;
    let transaction = rest.strip_prefix(" transaction:\"")?.strip_suffix('"')?;
    Some((project.to_owned(), transaction.to_owned()))
}
