//! The parts of Sentry's REST API that AutoFix uses.

use std::time::Duration;

use http::Method;
use url::Url;

use super::event;
use crate::config::names;
use crate::incident::Incident;
use crate::journal::Service;
use crate::outbound::{Answer, Auth, Call, Outbound, ServiceError};
use crate::secrets::{Credential, Secrets};

const TIMEOUT: Duration = Duration::from_secs(20);
/// A 410 is a deliberate, short outage of an old path; try again after it.
const BROWN_OUT: Duration = Duration::from_secs(300);

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
    pub async fn is_configured(&self) -> bool {
        matches!(self.token.get().await, Ok(Some(_)))
    }

    /// The event that an incident was reported for, or the issue's latest: the same incident, with its stack trace.
    /// `None` where Sentry has no such event or the organisation is not known.
    pub async fn fetch_event(&self, incident: &Incident) -> Result<Option<Incident>, ServiceError> {
        let Some(organization) = &incident.organization else { return Ok(None) };
        let event = incident.event_id.as_deref().unwrap_or("latest");
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty();
            segments.extend(["api", "0", "organizations", organization, "issues", &incident.issue_id]);
            segments.extend(["events", event, ""]);
        }
        let call = Call {
            service: Service::Sentry,
            method: Method::GET,
            url,
            headers: vec![("accept", "application/json".to_owned())],
            body: None,
            auth: Auth::Bearer(self.token.clone()),
            timeout: TIMEOUT,
        };
        let answer = self.outbound.send(&call).await?;
        match error_of(&answer) {
            None => event::read_rest_event(&answer.body, incident)
                .map(Some)
                .map_err(|error| ServiceError::Malformed(error.to_string())),
            Some(ServiceError::NotFound(_)) => Ok(None),
            Some(error) => Err(error),
        }
    }
}

fn error_of(answer: &Answer) -> Option<ServiceError> {
    let status = answer.status.as_u16();
    if answer.status.is_success() {
        return None;
    }
    let said: String = answer.json()["detail"].as_str().unwrap_or("no detail").chars().take(200).collect();
    let message = format!("Sentry answered {status}: {said}");
    Some(match status {
        401 | 403 => ServiceError::Unauthorized(message),
        404 => ServiceError::NotFound(message),
        410 => ServiceError::Unavailable { message, retry_after: Some(BROWN_OUT) },
        429 => ServiceError::RateLimited { message, retry_after: answer.retry_after() },
        408 | 500.. => ServiceError::Unavailable { message, retry_after: answer.retry_after() },
        _ => ServiceError::Refused { status, message },
    })
}
