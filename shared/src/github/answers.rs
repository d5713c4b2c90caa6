//! What GitHub's answers mean: success, or what a caller can do about it.

use std::fmt::Display;
use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::outbound::{self, Answer, ErrorKind, ServiceError};
use crate::service::Service;

/// A secondary limit without a time: GitHub asks for at least a minute.
const SECONDARY_LIMIT_WAIT: Duration = Duration::from_secs(60);
/// The primary limit counts by the hour; a reset further away is a mistake.
const LONGEST_RESET: Duration = Duration::from_secs(2 * 3600);

/// A part of an answer, in the shape that is expected of it.
pub(super) fn shaped<T: DeserializeOwned>(part: Value) -> Result<T, ServiceError> {
    serde_json::from_value(part).map_err(malformed)
}

/// GitHub answered something else than it should.
pub(super) fn malformed(why: impl Display) -> ServiceError {
    ServiceError::malformed(Service::Github, why)
}

/// The name of an object of git.
#[derive(Deserialize)]
pub(super) struct Sha {
    pub(super) sha: String,
}

/// A commit, as GraphQL names it.
#[derive(Deserialize)]
pub(super) struct Oid {
    pub(super) oid: String,
}

/// The items of a list; none where it is something else.
pub(super) fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// What GitHub said about a request that it did not do.
pub(super) fn said(body: &Value) -> String {
    let message = body["message"].as_str().unwrap_or("no message");
    let details: Vec<&str> = items(&body["errors"]).filter_map(|error| error["message"].as_str()).collect();
    outbound::said(&format!("{message} {}", details.join(" ")))
}

/// An answer that is a success, or its meaning.
pub(super) fn successful(answer: &Answer) -> Result<Answer, ServiceError> {
    match error_of(answer) {
        None => Ok(answer.clone()),
        Some(error) => Err(error),
    }
}

/// What an answer means; `None` where it is a success, or the link that a download redirects to.
pub(super) fn error_of(answer: &Answer) -> Option<ServiceError> {
    let status = answer.status.as_u16();
    if answer.status.is_success() || answer.status == StatusCode::FOUND {
        return None;
    }
    let said = said(&answer.json());
    let limit = limit_wait(answer, &said).filter(|_| matches!(status, 403 | 429));
    let kind = match status {
        301 | 307 | 308 => return Some(moved_to("something else")),
        _ if limit.is_some() => ErrorKind::RateLimited,
        401 => ErrorKind::CredentialRefused,
        403 | 429 => ErrorKind::Unauthorized,
        404 | 410 => ErrorKind::NotFound,
        405 | 409 => ErrorKind::Conflict,
        408 | 500.. => ErrorKind::Unavailable,
        _ => ErrorKind::Refused { status },
    };
    let error = answer.error(kind, format!("GitHub answered {status}: {said}"));
    Some(if limit.is_some() { error.after(limit) } else { error })
}

/// The error of a repository that has another name now.
pub(super) fn moved_to(name: &str) -> ServiceError {
    ServiceError::new(Service::Github, ErrorKind::Moved, format!("it is called {name} now"))
}

/// How long a limit asks to be waited, in the order of GitHub's page on rate limits: `retry-after`; with nothing
/// remaining the primary limit's reset; else a minute, from which the worker doubles. `None`: it is no limit.
fn limit_wait(answer: &Answer, said: &str) -> Option<Duration> {
    if let Some(wait) = answer.retry_after() {
        return Some(wait);
    }
    if answer.header("x-ratelimit-remaining") == Some("0") {
        let reset = answer.header("x-ratelimit-reset").and_then(|reset| reset.parse().ok());
        let wait = reset.and_then(|reset| answer.until(reset)).unwrap_or(SECONDARY_LIMIT_WAIT);
        // The hour begins anew at the reset; a second more, since clocks are rounded.
        return Some(wait.min(LONGEST_RESET) + Duration::from_secs(1));
    }
    let secondary = said.to_ascii_lowercase().contains("secondary rate limit");
    (secondary || answer.status == StatusCode::TOO_MANY_REQUESTS).then_some(SECONDARY_LIMIT_WAIT)
}

/// What was read, or why this credential may not read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readable<T> {
    Read(T),
    /// A permission is missing, or the plan or the server does not have the feature.
    NotAllowed {
        /// What GitHub said.
        said: String,
    },
}

impl<T> Readable<T> {
    pub fn read(self) -> Option<T> {
        match self {
            Readable::Read(found) => Some(found),
            Readable::NotAllowed { .. } => None,
        }
    }
}

/// Makes a missing permission something to say rather than an error.
pub(super) fn readable<T>(read: Result<T, ServiceError>) -> Result<Readable<T>, ServiceError> {
    match read {
        Ok(found) => Ok(Readable::Read(found)),
        Err(ServiceError { kind: ErrorKind::Unauthorized, message: said, .. }) => {
            Ok(Readable::NotAllowed { said })
        }
        Err(error) => Err(error),
    }
}
