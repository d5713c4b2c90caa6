//! The way to Sentry's REST API: one request, its meaning, and the next page. What is asked stands in
//! the neighbouring files.

use std::time::Duration;

use http::Method;
use serde_json::Value;
use url::Url;

use super::event;
use super::links::IssueRef;
use crate::config::names;
use crate::incident::Incident;
use crate::outbound::{
    self, Answer, Auth, Call, Effect, ErrorKind, IfThere, Outbound, ServiceError, secrets_unavailable,
};
use crate::secrets::{Credential, Secrets};
use crate::service::Service;

const TIMEOUT: Duration = Duration::from_secs(20);
/// A 410 is a deliberate, short outage of an old path; try again after it.
const BROWN_OUT: Duration = Duration::from_secs(300);
/// Sentry counts requests by the second.
const SHORTEST_WINDOW: Duration = Duration::from_secs(1);
/// Entries of one page, Sentry's most.
pub(super) const PER_PAGE: &str = "100";
/// A reset further away than an hour is a mistake.
const LONGEST_WINDOW: Duration = Duration::from_secs(3600);

/// The client. Clones share connections.
#[derive(Clone)]
pub struct Sentry {
    outbound: Outbound,
    base: Url,
    token: Credential,
}

impl Sentry {
    pub fn new(outbound: Outbound, base: Url, secrets: &Secrets) -> Sentry {
        Sentry { outbound, base, token: Credential::new(secrets, names::SENTRY_AUTH_TOKEN) }
    }

    /// Whether there is a token to ask with.
    ///
    /// # Errors
    /// `SecretsUnavailable` where nobody can tell.
    pub async fn is_configured(&self) -> Result<bool, ServiceError> {
        Ok(self.token.get().await.map_err(secrets_unavailable(Service::Sentry))?.is_some())
    }

    /// The event that an incident was reported for, or the issue's latest: the same incident, with its stack trace.
    /// `None` where Sentry has no such event or the organisation is not known.
    pub async fn fetch_event(&self, incident: &Incident) -> Result<Option<Incident>, ServiceError> {
        let Some(issue) = IssueRef::of(incident) else { return Ok(None) };
        let event = incident.event_id.as_deref().unwrap_or("latest");
        let path = ["issues", &issue.issue_id, "events", event];
        let Some(answer) = self.get(&issue.organization, &path, &[]).await.if_there()? else {
            return Ok(None);
        };
        let read = event::read_rest_event(&answer.body, incident);
        read.map(Some).map_err(|error| ServiceError::malformed(Service::Sentry, error))
    }

    /// GET below the organisation's path; anything but a success is an error.
    pub(super) async fn get(
        &self,
        organization: &str,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<Answer, ServiceError> {
        let mut url = self.address(&["organizations", organization], path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.send(Method::GET, url, None).await
    }

    /// A project by its slug: the one path beside the organisation's.
    pub(super) async fn project(&self, organization: &str, slug: &str) -> Result<Answer, ServiceError> {
        self.send(Method::GET, self.address(&["projects", organization, slug], &[]), None).await
    }

    /// Sends a body to a path below the organisation's.
    pub(super) async fn write(
        &self,
        method: Method,
        organization: &str,
        path: &[&str],
        body: Value,
    ) -> Result<Answer, ServiceError> {
        self.send(method, self.address(&["organizations", organization], path), Some(body)).await
    }

    /// Every segment is escaped; all of Sentry's paths end with a slash.
    fn address(&self, whose: &[&str], path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty();
            segments.extend(["api", "0"]).extend(whose).extend(path).push("");
        }
        url
    }

    async fn send(&self, method: Method, url: Url, body: Option<Value>) -> Result<Answer, ServiceError> {
        let call = Call {
            service: Service::Sentry,
            effect: if method == Method::GET { Effect::None } else { Effect::Once },
            method,
            url,
            headers: vec![("accept", "application/json".to_owned())],
            body,
            auth: Auth::Bearer(self.token.clone()),
            timeout: TIMEOUT,
        };
        self.outbound.ask(&call, successful).await
    }
}

/// The cursor of the next page, where there is one. Only the cursor is taken from Sentry's `Link` header, never its
/// address.
pub(super) fn next_cursor(answer: &Answer) -> Option<String> {
    let links = answer.header("link")?;
    let next =
        links.split(',').find(|link| link.contains("rel=\"next\"") && link.contains("results=\"true\""))?;
    let (_, cursor) = next.split_once("cursor=\"")?;
    cursor.split('"').next().filter(|cursor| !cursor.is_empty() && cursor.len() <= 100).map(str::to_owned)
}

fn successful(answer: &Answer) -> Result<Answer, ServiceError> {
    if answer.status.is_success() {
        return Ok(answer.clone());
    }
    let status = answer.status.as_u16();
    let body = answer.json();
    // `{"detail": …}`, or sentences by field.
    let said = body["detail"].as_str().map_or_else(|| body.to_string(), str::to_owned);
    let kind = match status {
        // The same comment twice, which Sentry tells in words only.
        400 if said.contains("already posted") => ErrorKind::Conflict,
        401 => ErrorKind::CredentialRefused,
        403 => ErrorKind::Unauthorized,
        404 => ErrorKind::NotFound,
        429 => ErrorKind::RateLimited,
        408 | 410 | 500.. => ErrorKind::Unavailable,
        _ => ErrorKind::Refused { status },
    };
    let error = answer.error(kind, format!("Sentry answered {status}: {}", outbound::said(&said)));
    Err(match status {
        410 => error.after(Some(BROWN_OUT)),
        429 => error.after(Some(limit_wait(answer))),
        _ => error,
    })
}

/// `retry-after`, else the end of the window that the answer names (epoch seconds, with a fraction on some servers). The
/// windows are of seconds, and the limit on concurrent requests has none.
fn limit_wait(answer: &Answer) -> Duration {
    let until_reset = || {
        let reset: f64 = answer.header("x-sentry-rate-limit-reset")?.parse().ok()?;
        answer.until(reset.ceil() as i64).filter(|wait| *wait <= LONGEST_WINDOW)
    };
    answer.retry_after().or_else(until_reset).unwrap_or_default().max(SHORTEST_WINDOW)
}

#[cfg(test)]
mod tests;
