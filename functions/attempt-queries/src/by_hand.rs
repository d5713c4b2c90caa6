//! `POST {prefix}/attempts` with `{"sentry_url": "…"}`: a person wants an error looked at. The same claim, limits and policy
//! as for a webhook hold; only an earlier end and the bar of the settings do not.

use std::sync::Arc;

use autofix::attempt::{Attempt, AttemptId};
use autofix::endpoint::{RawBody, Refused};
use autofix::outbound::ServiceError;
use autofix::redaction::redact_incident;
use autofix::sentry::{IssueRef, ListedIssue};
use autofix::store::{Admission, NewAttempt, Occasion};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use serde::Deserialize;
use serde_json::json;
use tracing::{info, warn};

use crate::{Queries, unavailable};

#[derive(Deserialize)]
struct StartRequest {
    /// The issue's page in Sentry.
    sentry_url: String,
}

pub(crate) async fn start(
    State(queries): State<Arc<Queries>>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<Response, Refused> {
    queries.check_token(&headers).await?;
    let request: StartRequest = serde_json::from_slice(&body).map_err(|_| {
        Refused::bad_request("The body must be JSON such as `{\"sentry_url\": \"https://…\"}`")
    })?;
    let issue = queries.issue_at(&request.sentry_url)?;
    let found = queries.found(&issue).await?;
    queries.start(found).await
}

impl Queries {
    /// The issue that an address is the page of.
    fn issue_at(&self, address: &str) -> Result<IssueRef, Refused> {
        let sentry = &self.config.sentry_url;
        let is_ours = url::Url::parse(address).is_ok_and(|url| is_on(&url, sentry));
        if !is_ours {
            let host = sentry.host_str().unwrap_or_default();
            let detail = format!("`sentry_url` must be the address of an issue at `{host}` (`SENTRY_URL`)");
            return Err(Refused::bad_request(detail));
        }
        IssueRef::of_page(address, self.config.sentry_org.as_deref()).ok_or_else(|| {
            Refused::bad_request(
                "`sentry_url` must be the address of an issue, such as `https://acme.sentry.io/issues/117/`; where it \
                 names no organisation, set `SENTRY_ORG`",
            )
        })
    }

    async fn found(&self, issue: &IssueRef) -> Result<ListedIssue, Refused> {
        let conflict = |detail: &str| Refused::new(StatusCode::CONFLICT, detail);
        let refused = |error: ServiceError| {
            warn!(error = %error, "Sentry does not show the issue that a person wants looked at");
            Refused::new(StatusCode::BAD_GATEWAY, format!("Sentry does not show this issue: {error}"))
        };
        if !self.sentry.is_configured().await.map_err(refused)? {
            return Err(conflict("`SENTRY_AUTH_TOKEN` is not set, so Sentry cannot be asked for the error"));
        }
        let found = self.sentry.issue(issue).await.map_err(refused)?;
        found.ok_or_else(|| Refused::new(StatusCode::NOT_FOUND, "Sentry has no such issue"))
    }

    async fn start(&self, found: ListedIssue) -> Result<Response, Refused> {
        let now = self.clock.now();
        let incident = redact_incident(&found.incident);
        let Some(target) = self.config.projects.target(&incident.project) else {
            let detail = "No repository is configured for this issue's project (`AUTOFIX_PROJECTS`)";
            return Err(Refused::new(StatusCode::CONFLICT, detail));
        };
        let mut attempt = Attempt::of(&incident, target, now);
        attempt.note(now, "Started by hand");
        let new = NewAttempt {
            attempt: &attempt,
            incident: &incident,
            occasion: Occasion::ByHand,
            max_per_hour: self.config.max_attempts_per_hour,
        };
        let answer = |status: StatusCode, id: AttemptId, message: &str| {
            Ok((status, Json(json!({ "fix_attempt_id": id, "message": message }))).into_response())
        };
        match self.store.admit(new, now).await.map_err(unavailable)? {
            Admission::Started(id) => {
                info!(attempt.id = %id, issue = incident.issue_id, "Started attempt {id} by hand");
                answer(StatusCode::ACCEPTED, id, "Processing started")
            }
            Admission::Duplicate(id) | Admission::Completed(id) | Admission::Rests(id) => {
                answer(StatusCode::OK, id, "This issue is already being handled")
            }
            Admission::HourFull | Admission::TurnedAway(_) => Err(Refused::new(
                StatusCode::TOO_MANY_REQUESTS,
                "The limit of attempts an hour is reached (`AUTOFIX_MAX_ATTEMPTS_PER_HOUR`); nothing was started",
            )),
            Admission::LeftToSentry => Err(Refused::new(
                StatusCode::CONFLICT,
                "Sentry's own agent has this issue; nothing was started",
            )),
        }
    }
}

/// Whether an address is on a server of Sentry: the same host, or any of `sentry.io` where that is the server.
fn is_on(address: &url::Url, sentry: &url::Url) -> bool {
    let host = |url: &url::Url| url.host_str().map(str::to_ascii_lowercase).unwrap_or_default();
    let of_saas = |host: &str| host == "sentry.io" || host.ends_with(".sentry.io");
    let (given, ours) = (host(address), host(sentry));
    matches!(address.scheme(), "http" | "https") && (given == ours || (of_saas(&given) && of_saas(&ours)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_configured_server_are_taken() {
        let check = |address: &str, sentry: &str, expected: bool| {
            let url = |text: &str| url::Url::parse(text).unwrap();
            assert_eq!(is_on(&url(address), &url(sentry)), expected, "{address}");
        };
        check("https://acme.sentry.io/issues/1/", "https://us.sentry.io", true);
        check(
            "https://sentry.corp.example/organizations/acme/issues/1/",
            "https://sentry.corp.example",
            true,
        );
        check("https://sentry.io.evil.example/issues/1/", "https://sentry.io", false);
        check("https://acme.sentry.io/issues/1/", "https://sentry.corp.example", false);
        check("ftp://acme.sentry.io/issues/1/", "https://sentry.io", false);
    }
}
