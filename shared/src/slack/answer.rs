//! What Slack's answers mean.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::outbound::{self, Answer, ErrorKind, ServiceError};

/// What every method of the Web API says beside its result.
#[derive(Default, Deserialize)]
pub(super) struct WireStatus {
    #[serde(default)]
    ok: bool,
    pub(super) error: Option<String>,
    /// The scope that the app lacks.
    needed: Option<String>,
    response_metadata: Option<WireNotes>,
}

#[derive(Deserialize)]
struct WireNotes {
    #[serde(default)]
    messages: Vec<String>,
}

/// An incoming webhook and a `response_url` answer with an HTTP status and a code as plain text.
pub(super) fn posted(answer: &Answer) -> Result<(), ServiceError> {
    let kind = match answer.status.as_u16() {
        200..=299 => return Ok(()),
        429 => ErrorKind::RateLimited,
        500.. => ErrorKind::Unavailable,
        403 => ErrorKind::Unauthorized,
        404 => ErrorKind::NotFound,
        status => ErrorKind::Refused { status },
    };
    Err(answer.error(kind, outbound::said(&String::from_utf8_lossy(&answer.body))))
}

/// The result of a method of the Web API, or what Slack's error code means.
pub(super) fn ok_of<T: DeserializeOwned>(method: &str, answer: &Answer) -> Result<T, ServiceError> {
    let status = answer.status.as_u16();
    match status {
        429 => return Err(answer.error(ErrorKind::RateLimited, method)),
        500.. => return Err(answer.error(ErrorKind::Unavailable, format!("{method} answered {status}"))),
        _ => {}
    }
    let said: WireStatus = answer.read().unwrap_or_default();
    if said.ok {
        return answer.read();
    }
    let code: String = said.error.as_deref().unwrap_or("no error code").chars().take(60).collect();
    let notes = said.response_metadata.into_iter().flat_map(|notes| notes.messages);
    let detail = match said.needed {
        Some(scope) => format!("(the app needs the scope `{scope}`)"),
        None => notes.take(1).collect(),
    };
    let kind = match code.as_str() {
        "ratelimited" | "rate_limited" => ErrorKind::RateLimited,
        "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" => {
            ErrorKind::Unavailable
        }
        "invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive" => {
            ErrorKind::CredentialRefused
        }
        "missing_scope" | "not_in_channel" | "restricted_action" => ErrorKind::Unauthorized,
        "channel_not_found" | "message_not_found" | "thread_not_found" | "no_such_subteam" => {
            ErrorKind::NotFound
        }
        _ => ErrorKind::Refused { status },
    };
    Err(answer.error(kind, outbound::said(&format!("{method}: {code} {detail}"))))
}
