//! How Anthropic says no: a status, a type, a sentence.

use axum::http::StatusCode;
use serde_json::{Value, json};

/// Why a request is turned down.
#[derive(Debug, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    kind: &'static str,
    message: String,
}

impl Refusal {
    /// The request breaks a rule.
    pub(super) fn invalid(message: impl Into<String>) -> Refusal {
        Refusal { status: StatusCode::BAD_REQUEST, kind: "invalid_request_error", message: message.into() }
    }

    pub(super) fn unauthorized() -> Refusal {
        let message = "invalid x-api-key".to_owned();
        Refusal { status: StatusCode::UNAUTHORIZED, kind: "authentication_error", message }
    }

    pub(super) fn not_found(what: &str) -> Refusal {
        Refusal { status: StatusCode::NOT_FOUND, kind: "not_found_error", message: what.to_owned() }
    }

    /// The real service would take this; the fake cannot.
    pub(super) fn not_in_the_sandbox(what: &str) -> Refusal {
        let message = format!("the sandbox does not serve this: {what}");
        Refusal { status: StatusCode::NOT_IMPLEMENTED, kind: "api_error", message }
    }

    /// An error of the fake's own script.
    pub(super) fn wrong_script(what: &str) -> Refusal {
        Refusal::not_in_the_sandbox(&format!("a script that the real model could not have followed: {what}"))
    }

    pub(super) fn body(&self, request_id: &str) -> Value {
        let error = json!({"type": self.kind, "message": self.message});
        json!({"type": "error", "error": error, "request_id": request_id})
    }
}
