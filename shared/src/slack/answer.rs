//! What Slack's answers mean.

use serde_json::Value;

use crate::outbound::{self, Answer, ErrorKind, ServiceError};

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

/// The answer to a method of the Web API, by the meaning of Slack's error codes.
pub(super) fn ok_of(method: &str, answer: &Answer) -> Result<Value, ServiceError> {
    let status = answer.status.as_u16();
    match status {
        429 => return Err(answer.error(ErrorKind::RateLimited, method)),
        500.. => return Err(answer.error(ErrorKind::Unavailable, format!("{method} answered {status}"))),
        _ => {}
    }
    let body = answer.json();
    if body["ok"] == true {
        return Ok(body);
    }
    let code: String = body["error"].as_str().unwrap_or("no error code").chars().take(60).collect();
    let detail = match body["needed"].as_str() {
        Some(scope) => format!("(the app needs the scope `{scope}`)"),
        None => body["response_metadata"]["messages"][0].as_str().unwrap_or_default().to_owned(),
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
