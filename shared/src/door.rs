//! What the HTTP doors have in common: the size of a body, the form of an error, the bearer token.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::{FromRequest, MatchedPath, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::json;
use tracing::{info, warn};

use crate::access::is_token;
use crate::clock::Clock;
use crate::metrics::{Measured, Metrics};
use crate::secrets::Secret;

/// Largest body that a door reads, bytes. Sentry's largest events are below 1 MB; Lambda itself ends at 6 MB.
pub const BODY_LIMIT: usize = 2 * 1024 * 1024;

/// Lines about requests that came to nothing in one minute: an attack must not fill the log.
pub const LINES_A_MINUTE: u32 = 60;

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
        let mut response = (self.status, Json(json!({ "detail": self.detail }))).into_response();
        response.extensions_mut().insert(Nothing::Refused { why: self.detail });
        response
    }
}

/// Why a request came to nothing. An answer carries it along, and [`closed`] logs and counts it.
#[derive(Clone, Debug)]
pub enum Nothing {
    Refused {
        why: String,
    },
    /// A webhook that AutoFix has no use for.
    Ignored {
        why: String,
    },
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

/// Who is told of requests that came to nothing.
#[derive(Clone)]
pub struct Watchman {
    pub metrics: Metrics,
    pub clock: Clock,
    rate: Arc<Mutex<Rate>>,
}

/// Lines of a minute, and what was not said since the last one.
#[derive(Debug, Default)]
struct Rate {
    minute: i64,
    lines: u32,
    unsaid: u64,
}

impl Watchman {
    pub fn new(metrics: Metrics, clock: Clock) -> Watchman {
        Watchman { metrics, clock, rate: Arc::default() }
    }

    /// How many requests the next line stands for; `None` where this minute has had its lines.
    fn may_say(&self) -> Option<u64> {
        let minute = self.clock.now().as_second() / 60;
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        if rate.minute != minute {
            (rate.minute, rate.lines) = (minute, 0);
        }
        rate.unsaid += 1;
        if rate.lines >= LINES_A_MINUTE {
            return None;
        }
        rate.lines += 1;
        Some(std::mem::take(&mut rate.unsaid))
    }

    fn tell(&self, asked: &Asked, status: StatusCode, nothing: &Nothing) {
        let Some(requests) = self.may_say() else { return };
        let Asked { path, resource, bytes } = asked;
        let kind = match nothing {
            Nothing::Refused { why } => {
                let status = status.as_u16();
                warn!(path, resource, bytes, status, requests, "Refused a request: {why}");
                match status {
                    401 => "unauthorized",
                    413 => "too_large",
                    404 | 405 => "no_such_address",
                    500.. => "unavailable",
                    _ => "unreadable",
                }
            }
            Nothing::Ignored { why } => {
                info!(path, resource, bytes, requests, "A webhook started nothing: {why}");
                "ignored"
            }
        };
        self.metrics.record(&Measured::Refusals { kind, count: requests }, self.clock.now());
    }
}

/// What a line says of a request. None of it is the sender's own words: whoever is refused must not write the log.
struct Asked {
    /// The route, as we call it.
    path: String,
    resource: &'static str,
    /// What the body is said to have.
    bytes: Option<u64>,
}

/// The resources of Sentry's webhooks.
const RESOURCES: [&str; 9] = [
    "installation",
    "issue",
    "error",
    "comment",
    "event_alert",
    "activity_alert",
    "metric_alert",
    "seer",
    "preprod_artifact",
];

impl Asked {
    fn of(request: &Request) -> Asked {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let resource = header("sentry-hook-resource");
        let known =
            |resource: &str| RESOURCES.into_iter().find(|known| *known == resource).unwrap_or("other");
        let path = request.extensions().get::<MatchedPath>();
        Asked {
            path: path.map_or("none of ours", MatchedPath::as_str).to_owned(),
            resource: resource.map_or("none", known),
            bytes: header("content-length").and_then(|length| length.parse().ok()),
        }
    }
}

/// The routes of a door, or of all doors together, with an answer in our form for everything else. What comes to nothing is
/// logged, at most [`LINES_A_MINUTE`] lines in one process, and counted.
pub fn closed(routes: Router, watchman: Watchman) -> Router {
    routes
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(watchman, watch))
}

async fn watch(State(watchman): State<Watchman>, request: Request, next: Next) -> Response {
    let asked = Asked::of(&request);
    let response = next.run(request).await;
    if let Some(nothing) = response.extensions().get::<Nothing>() {
        watchman.tell(&asked, response.status(), nothing);
    }
    response
}

async fn not_found() -> Refused {
    Refused::new(StatusCode::NOT_FOUND, "Not found")
}

async fn method_not_allowed() -> Refused {
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
}
