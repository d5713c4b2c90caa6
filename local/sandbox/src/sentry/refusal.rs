//! How Sentry says no: a status, and JSON with a `detail` or with sentences by field.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Why a request is turned down.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    body: Value,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

pub(super) fn refused(status: StatusCode, body: Value) -> Refusal {
    Refusal { status, body }
}

pub(super) fn not_there() -> Refusal {
    refused(StatusCode::NOT_FOUND, json!({"detail": "The requested resource does not exist"}))
}

/// Sentry knows this, the fake does not.
pub(super) fn not_known() -> Refusal {
    refused(StatusCode::NOT_IMPLEMENTED, json!({"detail": "the sandbox does not know this"}))
}
