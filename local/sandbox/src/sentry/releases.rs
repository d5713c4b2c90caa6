//! Releases, and the commits that Sentry was told of.

use axum::extract::{Path, RawQuery, State};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::event::{SandboxEvent, written};
use super::issues::Issues;
use super::refusal::not_there;
use super::rest::{Outcome, of_organization};
use super::{ORGANIZATION, Shared, lock, paging, rest_dialect};

/// A release that Sentry knows.
#[derive(Clone, Debug)]
pub(super) struct Release {
    pub(super) created_at: Timestamp,
    /// The commits since the release before, newest first; empty where nobody told Sentry.
    pub(super) commits: Vec<String>,
}

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/0/organizations/{organization}/releases/{version}/", get(get_release))
        .route("/api/0/organizations/{organization}/releases/{version}/commits/", get(list_commits))
}

async fn get_release(
    State(issues): State<Shared>,
    Path((organization, version)): Path<(String, String)>,
) -> Outcome {
    let issues = lock(&issues);
    of_organization(&organization)?;
    let release = issues.releases.get(&version).ok_or_else(not_there)?;
    Ok(Json(rest_dialect::release(&version, release)).into_response())
}

async fn list_commits(
    State(issues): State<Shared>,
    Path((organization, version)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Outcome {
    let issues = lock(&issues);
    of_organization(&organization)?;
    let release = issues.releases.get(&version).ok_or_else(not_there)?;
    let wanted = paging::read(query.as_deref().unwrap_or_default())?;
    let commits = release.commits.iter().map(|sha| {
        json!({
            "id": sha, "message": "", "dateCreated": written(release.created_at), "pullRequest": null,
            "suspectCommitType": "", "releases": [],
        })
    });
    let url = format!("{}/api/0/organizations/{ORGANIZATION}/releases/{version}/commits/", issues.base);
    Ok(paging::answer(commits.collect(), wanted, &url))
}

/// The release that an event happened in; null where it names none.
pub(super) fn release_of(issues: &Issues, event: &SandboxEvent) -> Value {
    let known = event.release.as_ref().and_then(|version| Some((version, issues.releases.get(version)?)));
    known.map_or(Value::Null, |(version, release)| rest_dialect::release(version, release))
}
