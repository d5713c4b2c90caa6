//! What AutoFix did: `GET {prefix}/status`, `/attempts` and `/attempts/{id}` for programs, and the web page at
//! `{prefix}/` for people. It only reads, but for `POST {prefix}/attempts`, which starts an attempt. Everything but "alive"
//! needs the API token, or a link signed with it.

mod by_hand;
mod empty_secrets;
pub mod page;
mod view;

use std::sync::Arc;

use autofix::attempt::{AttemptId, Status};
use autofix::clock::Clock;
use autofix::config::{QueriesConfig, names};
use autofix::endpoint::{self, Refused};
use autofix::secrets::{Secret, Secrets, SecretsUnavailable};
use autofix::sentry::Sentry;
use autofix::store::{Listing, ListingFilter, Store, StoreError};
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::error;

const DEFAULT_LIMIT: usize = 20;
const MAX_LIMIT: usize = 100;
/// Attempts that `status` counts, newest first.
const COUNTED: usize = 100;

/// What the endpoint needs.
pub struct Queries {
    pub config: QueriesConfig,
    pub secrets: Secrets,
    pub store: Store,
    /// For what a person starts by hand.
    pub sentry: Sentry,
    pub clock: Clock,
    /// Path of the sandbox's page, where the same server has one; never on Lambda.
    pub sandbox_page: Option<&'static str>,
}

/// The endpoint's routes.
pub fn routes(queries: Queries) -> Router {
    let prefix = queries.config.common.prefix.clone();
    let queries = Arc::new(queries);
    Router::new()
        .route(&format!("{prefix}/status"), get(status))
        .route(&format!("{prefix}/attempts"), get(attempts).post(by_hand::start))
        .route(&format!("{prefix}/attempts/{{id}}"), get(attempt))
        // Clients of the Python version write a slash at the end, too.
        .route(&format!("{prefix}/status/"), get(status))
        .route(&format!("{prefix}/attempts/"), get(attempts).post(by_hand::start))
        .route(&format!("{prefix}/attempts/{{id}}/"), get(attempt))
        .with_state(Arc::clone(&queries))
        .merge(page::routes(&queries))
}

async fn status(State(queries): State<Arc<Queries>>, headers: HeaderMap) -> Result<Json<Value>, Refused> {
    let alive = json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") });
    if !headers.contains_key(header::AUTHORIZATION) {
        return Ok(Json(queries.with_secrets_before_the_first_login(alive).await));
    }
    queries.check_token(&headers).await?;
    let now = queries.clock.now();
    let listing = Listing { filter: ListingFilter::default(), limit: COUNTED, before: None, now };
    let page = queries.store.list(&listing).await.map_err(unavailable)?;
    let mut counts = serde_json::Map::new();
    for attempt in &page.attempts {
        let count = counts.entry(attempt.status().as_str()).or_insert(json!(0));
        *count = json!(count.as_u64().unwrap_or(0) + 1);
    }
    let waiting = page.attempts.iter().filter(|attempt| attempt.status() == Status::Pending);
    let oldest: Option<Timestamp> = waiting.map(|attempt| attempt.created_at).min();
    let mut full = alive;
    full["repositories"] = json!(queries.config.projects.repositories());
    full["counts"] = Value::Object(counts);
    full["counted"] = json!(page.attempts.len());
    full["empty_secrets"] = json!(queries.empty_secrets().await.map_err(secrets_unavailable)?);
    full["queue_age_seconds"] = json!(oldest.map(|oldest| now.duration_since(oldest).as_secs().max(0)));
    Ok(Json(full))
}

#[derive(Deserialize)]
struct ListQuery {
    limit: Option<String>,
    status: Option<String>,
    project: Option<String>,
    before: Option<String>,
}

async fn attempts(
    State(queries): State<Arc<Queries>>,
    headers: HeaderMap,
    query: Result<Query<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Refused> {
    queries.check_token(&headers).await?;
    let Query(query) = query.map_err(|_| Refused::bad_request("The query cannot be read"))?;
    let listing = query.listing(queries.clock.now())?;
    let page = queries.store.list(&listing).await.map_err(unavailable)?;
    let views: Vec<Value> = page.attempts.iter().map(view::attempt).collect();
    let mut answer = Json(views).into_response();
    if let Some(next) = page.next {
        let link = query.next_page(&queries.config.common.prefix, next);
        if let Ok(link) = format!("<{link}>; rel=\"next\"").parse() {
            answer.headers_mut().insert(header::LINK, link);
        }
    }
    Ok(answer)
}

impl ListQuery {
    fn listing(&self, now: Timestamp) -> Result<Listing, Refused> {
        let limit = match &self.limit {
            None => DEFAULT_LIMIT,
            Some(text) => match text.parse() {
                Ok(limit) if (1..=MAX_LIMIT).contains(&limit) => limit,
                _ => return Err(Refused::bad_request("`limit` must be a number from 1 to 100")),
            },
        };
        let status = self.status.as_deref().map(str::parse::<Status>).transpose().map_err(|_| {
            let words: Vec<&str> = Status::ALL.iter().map(|status| status.as_str()).collect();
            Refused::bad_request(format!("`status` must be one of: {}", words.join(", ")))
        })?;
        let before = self.before.as_deref().map(AttemptId::parse).transpose();
        let before = before.map_err(|_| Refused::bad_request("`before` must be the id of an attempt"))?;
        let project = self.project.clone().filter(|project| !project.is_empty());
        Ok(Listing {
            filter: ListingFilter { statuses: status.into_iter().collect(), project, search: None },
            limit,
            before,
            now,
        })
    }

    fn next_page(&self, prefix: &str, before: AttemptId) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let kept = [("limit", &self.limit), ("status", &self.status), ("project", &self.project)];
        for (name, value) in kept {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        query.append_pair("before", &before.to_string());
        format!("{prefix}/attempts?{}", query.finish())
    }
}

async fn attempt(
    State(queries): State<Arc<Queries>>,
    headers: HeaderMap,
    id: Result<Path<String>, axum::extract::rejection::PathRejection>,
) -> Result<Json<Value>, Refused> {
    queries.check_token(&headers).await?;
    let unknown = || Refused::new(StatusCode::NOT_FOUND, "There is no attempt with this id");
    let Path(id) = id.map_err(|_| unknown())?;
    let id = AttemptId::parse(&id).map_err(|_| unknown())?;
    let found = queries.store.attempt(id).await.map_err(unavailable)?.ok_or_else(unknown)?;
    let mut view = view::attempt(&found.attempt);
    let claim = queries.store.claim(&found.attempt.subject.sentry_issue_id).await.map_err(unavailable)?;
    if let Some(claim) = claim.filter(|claim| claim.attempt == Some(id)) {
        view["occurrences"] = json!(claim.occurrences);
    }
    Ok(Json(view))
}

impl Queries {
    async fn check_token(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let bearer = |token: Option<&Secret>| endpoint::check_bearer(headers, token);
        self.secrets.check(names::API_TOKEN, bearer).await.map_err(secrets_unavailable)?
    }
}

fn secrets_unavailable(error: SecretsUnavailable) -> Refused {
    error!(error = %error, "Cannot read the secrets");
    Refused::unavailable()
}

fn unavailable(error: StoreError) -> Refused {
    error!(error = %error, "Cannot read attempts");
    Refused::unavailable()
}
