//! What Slack's answers mean.

use serde_json::Value;

use crate::journal::Service;
use crate::outbound::{self, Answer, ErrorKind, ServiceError};

/// An incoming webhook and a `response_url` answer with an HTTP status and a code as plain text.
pub(super) fn posted(answer: &Answer) -> Result<(), ServiceError> {
    let text = outbound::said(&String::from_utf8_lossy(&answer.body));
    Err(match answer.status.as_u16() {
        200..=299 => return Ok(()),
        429 => ServiceError::new(Service::Slack, ErrorKind::RateLimited, text).after(answer.retry_after()),
        500.. => ServiceError::new(Service::Slack, ErrorKind::Unavailable, text).after(answer.retry_after()),
        403 => ServiceError::new(Service::Slack, ErrorKind::Unauthorized, text),
        404 => ServiceError::new(Service::Slack, ErrorKind::NotFound, text),
        status => ServiceError::new(Service::Slack, ErrorKind::Refused { status }, text),
    })
}

/// The answer to a method of the Web API, by the meaning of Slack's error codes.
pub(super) fn ok_of(method: &str, answer: &Answer) -> Result<Value, ServiceError> {
    let status = answer.status.as_u16();
    if status == 429 {
        return Err(ServiceError::new(Service::Slack, ErrorKind::RateLimited, method.to_owned())
            .after(answer.retry_after()));
    }
    if status >= 500 {
        return Err(ServiceError::new(
            Service::Slack,
            ErrorKind::Unavailable,
            format!("{method} answered {status}"),
        )
        .after(answer.retry_after()));
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
    let message = outbound::said(&format!("{method}: {code} {detail}"));
    Err(match code.as_str() {
        "ratelimited" | "rate_limited" => {
            ServiceError::new(Service::Slack, ErrorKind::RateLimited, message).after(answer.retry_after())
        }
        "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" => {
            ServiceError::new(Service::Slack, ErrorKind::Unavailable, message)
        }
        "invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive" => {
            ServiceError::new(Service::Slack, ErrorKind::CredentialRefused, message)
        }
        "missing_scope" | "not_in_channel" | "restricted_action" => {
            ServiceError::new(Service::Slack, ErrorKind::Unauthorized, message)
        }
        "channel_not_found" | "message_not_found" | "thread_not_found" | "no_such_subteam" => {
            ServiceError::new(Service::Slack, ErrorKind::NotFound, message)
        }
        _ => ServiceError::new(Service::Slack, ErrorKind::Refused { status }, message),
    })
}
