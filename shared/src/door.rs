//! What the HTTP doors have in common: the size of a body, the form of an error, the bearer token.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::json;

use crate::access::is_token;
use crate::secrets::Secret;

/// Largest body that a door reads, bytes. Sentry's largest events are below 1 MB; Lambda itself ends at 6 MB.
pub const BODY_LIMIT: usize = 2 * 1024 * 1024;

/// An answer that refuses, as `{"detail": "…"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub status: StatusCode,
    /// For the caller: what is wrong, never what was sent.
    pub detail: String,
}

impl Refused {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Refused {
        Refused { status, detail: detail.into() }
    }

    pub fn bad_request(detail: impl Into<String>) -> Refused {
        Refused::new(StatusCode::BAD_REQUEST, detail)
    }

    pub fn unauthorized(detail: impl Into<String>) -> Refused {
        Refused::new(StatusCode::UNAUTHORIZED, detail)
    }

    /// Nothing was accepted; the caller may try again.
    pub fn unavailable() -> Refused {
        Refused::new(StatusCode::SERVICE_UNAVAILABLE, "Not available now; nothing was accepted")
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "detail": self.detail }))).into_response()
    }
}

/// A body within [`BODY_LIMIT`], as it came.
#[derive(Clone, Debug)]
pub struct RawBody(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &S) -> Result<RawBody, Refused> {
        let too_large = || {
            Refused::new(StatusCode::PAYLOAD_TOO_LARGE, format!("The body is larger than {BODY_LIMIT} bytes"))
        };
        let declared = request
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if declared.is_some_and(|length| length > BODY_LIMIT as u64) {
            return Err(too_large());
        }
        let read = axum::body::to_bytes(request.into_body(), BODY_LIMIT).await;
        read.map(RawBody).map_err(|error| match error.into_inner().is::<http_body_util::LengthLimitError>() {
            true => too_large(),
            false => Refused::bad_request("The body broke off"),
        })
    }
}

/// Checks `Authorization: Bearer …` in constant time. No token configured means that nobody may.
pub fn check_bearer(headers: &HeaderMap, token: Option<&Secret>) -> Result<(), Refused> {
    let refused = || Refused::unauthorized("A valid `Authorization: Bearer` token is needed");
    let token = token.ok_or_else(refused)?;
    let given = headers.get(header::AUTHORIZATION).ok_or_else(refused)?.as_bytes();
    let (scheme, given) = given.split_at_checked(7).ok_or_else(refused)?;
    let same = std::str::from_utf8(given).is_ok_and(|given| is_token(given, token));
    if scheme.eq_ignore_ascii_case(b"bearer ") && same { Ok(()) } else { Err(refused()) }
}

/// The routes of a door, or of all doors together, with an answer in our form for everything else.
pub fn closed(routes: Router) -> Router {
    routes.fallback(not_found).method_not_allowed_fallback(method_not_allowed)
}

async fn not_found() -> Refused {
    Refused::new(StatusCode::NOT_FOUND, "Not found")
}

async fn method_not_allowed() -> Refused {
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
}
