//! What Slack's answers mean.

use serde_json::Value;

use crate::outbound::{self, Answer, ServiceError};

/// An incoming webhook and a `response_url` answer with an HTTP status and a code as plain text.
pub(super) fn posted(answer: &Answer) -> Result<(), ServiceError> {
    let text = outbound::said(&String::from_utf8_lossy(&answer.body));
    Err(match answer.status.as_u16() {
        200..=299 => return Ok(()),
        429 => ServiceError::RateLimited { message: text, retry_after: answer.retry_after() },
        500.. => ServiceError::Unavailable { message: text, retry_after: answer.retry_after() },
        403 => ServiceError::Unauthorized(text),
        404 => ServiceError::NotFound(text),
        status => ServiceError::Refused { status, message: text },
    })
}

/// The answer to a method of the Web API, by the meaning of Slack's error codes.
pub(super) fn ok_of(method: &str, answer: &Answer) -> Result<Value, ServiceError> {
    let status = answer.status.as_u16();
    if status == 429 {
        return Err(ServiceError::RateLimited {
            message: method.to_owned(),
            retry_after: answer.retry_after(),
        });
    }
    if status >= 500 {
        return Err(ServiceError::Unavailable {
            message: format!("{method} answered {status}"),
            retry_after: answer.retry_after(),
        });
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
            ServiceError::RateLimited { message, retry_after: answer.retry_after() }
        }
        "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" => {
            ServiceError::Unavailable { message, retry_after: None }
        }
        "invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive" => {
            ServiceError::CredentialRefused(message)
        }
        "missing_scope" | "not_in_channel" | "restricted_action" => ServiceError::Unauthorized(message),
        "channel_not_found" | "message_not_found" | "thread_not_found" | "no_such_subteam" => {
            ServiceError::NotFound(message)
        }
        _ => ServiceError::Refused { status, message },
    })
}
