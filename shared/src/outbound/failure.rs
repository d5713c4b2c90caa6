//! Why a service did not do what it was asked, by what the caller can do about it.

use std::time::Duration;

use jiff::Timestamp;

use crate::cleaning::one_line;
use crate::journal::Service;
use crate::redaction::redact;

/// Characters kept of what a service says about a failure.
const SAID_CHARS: usize = 300;

/// What a caller can do about a request that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error("not found: {0}")]
    NotFound(String),
    /// It has another name now: the settings have to follow.
    #[error("it is called {} now", .to.as_deref().map_or("something else".to_owned(), |name| format!("`{name}`")))]
    Moved { to: Option<String> },
    /// Someone else was first, or the thing has moved: read again.
    #[error("conflict: {0}")]
    Conflict(String),
    /// The credential is missing, or may not do this.
    #[error("not allowed: {0}")]
    Unauthorized(String),
    /// The credential itself is wrong, or not good any more; the newest one is, too.
    #[error("credential refused: {0}")]
    CredentialRefused(String),
    /// Wait; `retry_after` is what the service asked for.
    #[error("rate limited: {message}")]
    RateLimited { message: String, retry_after: Option<Duration> },
    /// A passing fault: try again later.
    #[error("unavailable: {message}")]
    Unavailable { message: String, retry_after: Option<Duration> },
    /// No answer within the time that was given.
    #[error("no answer in time")]
    TimedOut,
    /// Not asked at all: the service failed again and again, and nobody asks it before this time.
    #[error("{service} failed again and again and is not asked before {until}")]
    CircuitOpen { service: Service, until: Timestamp },
    /// As `error`, of the one request that was to find out for everyone whether the service is back.
    #[error("{error}")]
    TrialFailed { service: Service, error: Box<ServiceError> },
    /// AutoFix's own secrets cannot be read, or not again so soon: that says nothing about the service.
    #[error("{0}")]
    SecretsUnavailable(String),
    /// The request itself is wrong; repeating it changes nothing.
    #[error("refused with {status}: {message}")]
    Refused { status: u16, message: String },
    /// The service answered something that its documentation does not describe.
    #[error("unreadable answer: {0}")]
    Malformed(String),
}

impl ServiceError {
    /// How long to wait before another try, where another try makes sense. `Some(None)`: no time was named.
    pub fn retry(&self) -> Option<Option<Duration>> {
        match self {
            ServiceError::RateLimited { retry_after, .. } | ServiceError::Unavailable { retry_after, .. } => {
                Some(*retry_after)
            }
            ServiceError::Malformed(_)
            | ServiceError::Conflict(_)
            | ServiceError::TimedOut
            | ServiceError::SecretsUnavailable(_)
            | ServiceError::CircuitOpen { .. } => Some(None),
            ServiceError::TrialFailed { error, .. } => error.retry(),
            ServiceError::NotFound(_)
            | ServiceError::Moved { .. }
            | ServiceError::Unauthorized(_)
            | ServiceError::CredentialRefused(_)
            | ServiceError::Refused { .. } => None,
        }
    }
}

/// What a service says about a failure, fit to be logged, kept and shown: such words come from outside, and repeat what
/// they were sent.
pub fn said(text: &str) -> String {
    // Cut after that: half a secret would no longer look like one.
    redact(&one_line(text, SAID_CHARS * 4)).capped(SAID_CHARS).as_str().to_owned()
}
