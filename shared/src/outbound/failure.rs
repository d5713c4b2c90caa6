//! Why a service did not do what it was asked, by what the caller can do about it.

use std::fmt::Display;
use std::time::Duration;

use crate::cleaning::one_line;
use crate::redaction::redact;
use crate::service::Service;

/// Characters kept of what a service says about a failure.
const SAID_CHARS: usize = 300;

/// A request that did not succeed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}{message}", kind.prefix())]
pub struct ServiceError {
    pub service: Service,
    pub kind: ErrorKind,
    /// A sentence for people, without secrets. Nobody decides by it.
    pub message: String,
    /// What the service asked to be waited.
    pub retry_after: Option<Duration>,
}

/// What the caller can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    NotFound,
    /// It has another name now: the settings have to follow.
    Moved,
    /// Someone else was first, or the thing has moved: read again.
    Conflict,
    /// The credential is missing, or may not do this.
    Unauthorized,
    /// The credential itself is wrong, or not good any more; the newest one is, too.
    CredentialRefused,
    /// Nothing was done: wait.
    RateLimited,
    /// A passing failure: try again later.
    Unavailable,
    /// No answer within the time that was given.
    TimedOut,
    /// AutoFix's own secrets cannot be read, or not again so soon: that says nothing about the service.
    SecretsUnavailable,
    /// The request itself is wrong; repeating it changes nothing.
    Refused {
        status: u16,
    },
    /// The service answered something that its documentation does not describe.
    Malformed,
}

impl ErrorKind {
    fn prefix(self) -> String {
        match self {
            ErrorKind::Moved | ErrorKind::TimedOut | ErrorKind::SecretsUnavailable => String::new(),
            ErrorKind::NotFound => "not found: ".to_owned(),
            ErrorKind::Conflict => "conflict: ".to_owned(),
            ErrorKind::Unauthorized => "not allowed: ".to_owned(),
            ErrorKind::CredentialRefused => "credential refused: ".to_owned(),
            ErrorKind::RateLimited => "rate limited: ".to_owned(),
            ErrorKind::Unavailable => "unavailable: ".to_owned(),
            ErrorKind::Refused { status } => format!("refused with {status}: "),
            ErrorKind::Malformed => "unreadable answer: ".to_owned(),
        }
    }
}

impl ServiceError {
    pub fn new(service: Service, kind: ErrorKind, message: impl Into<String>) -> ServiceError {
        ServiceError { service, kind, message: message.into(), retry_after: None }
    }

    pub fn timed_out(service: Service) -> ServiceError {
        ServiceError::new(service, ErrorKind::TimedOut, "no answer in time")
    }

    /// The answer is not what it should be.
    pub fn malformed(service: Service, why: impl Display) -> ServiceError {
        ServiceError::new(service, ErrorKind::Malformed, said(&why.to_string()))
    }

    /// The same, and what the service asked to be waited.
    pub fn after(self, retry_after: Option<Duration>) -> ServiceError {
        ServiceError { retry_after, ..self }
    }

    /// Whether the same request may succeed later.
    pub fn may_pass(&self) -> bool {
        match self.kind {
            ErrorKind::RateLimited
            | ErrorKind::Unavailable
            | ErrorKind::TimedOut
            | ErrorKind::Malformed
            | ErrorKind::Conflict
            | ErrorKind::SecretsUnavailable => true,
            ErrorKind::NotFound
            | ErrorKind::Moved
            | ErrorKind::Unauthorized
            | ErrorKind::CredentialRefused
            | ErrorKind::Refused { .. } => false,
        }
    }

    /// The service, if it is down or limits us, whatever it was asked.
    pub fn outage_of(&self) -> Option<Service> {
        match self.kind {
            ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::TimedOut => Some(self.service),
            _ => None, // it answers, or was not asked
        }
    }
}

/// For who only asks whether there is such a thing.
pub(crate) trait IfThere<T> {
    /// What was found; `None` for [`ErrorKind::NotFound`].
    fn if_there(self) -> Result<Option<T>, ServiceError>;
}

impl<T> IfThere<T> for Result<T, ServiceError> {
    fn if_there(self) -> Result<Option<T>, ServiceError> {
        match self {
            Err(ServiceError { kind: ErrorKind::NotFound, .. }) => Ok(None),
            found => found.map(Some),
        }
    }
}

/// What a service says about a failure, fit to be logged, kept and shown: such words come from outside, and repeat what
/// they were sent.
pub fn said(text: &str) -> String {
    // Cut after that: half a secret would no longer look like one.
    redact(&one_line(text, SAID_CHARS * 4)).capped(SAID_CHARS).as_str().to_owned()
}
