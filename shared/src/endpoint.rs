//! What the HTTP endpoints have in common: the size of a body, the form of an error, the bearer token.

use std::collections::BTreeMap;
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

/// Largest body that an endpoint reads, bytes. Sentry's largest events are below 1 MB; Lambda itself ends at 6 MB.
pub const BODY_LIMIT: usize = 2 * 1024 * 1024;

/// Log lines of one kind of refusal in a minute: an attack must not fill the log.
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
        response.extensions_mut().insert(NotTaken::Refused { why: self.detail });
        response
    }
}

/// Why a request has no effect. The response carries it along, and [`closed`] logs and counts it.
#[derive(Clone, Debug)]
pub enum NotTaken {
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

/// Logs and counts refused requests and ignored webhooks. Clones share the limit of [`LINES_A_MINUTE`].
#[derive(Clone)]
pub struct RefusalLog {
    metrics: Metrics,
    clock: Clock,
    rates: Arc<Mutex<BTreeMap<&'static str, Rate>>>,
}

/// Lines of this minute, and requests since the last line.
#[derive(Debug, Default)]
struct Rate {
    minute: i64,
    lines: u32,
    requests: u64,
}

impl RefusalLog {
    pub fn new(metrics: Metrics, clock: Clock) -> RefusalLog {
        RefusalLog { metrics, clock, rates: Arc::default() }
    }

    /// How many requests of this kind the next line is about; `None` if this minute has had its lines.
    fn requests_to_log(&self, kind: &'static str) -> Option<u64> {
        let minute = self.clock.now().as_second() / 60;
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        let rate = rates.entry(kind).or_default();
        if rate.minute != minute {
            (rate.minute, rate.lines) = (minute, 0);
        }
        rate.requests += 1;
        if rate.lines >= LINES_A_MINUTE {
            return None;
        }
        rate.lines += 1;
        Some(std::mem::take(&mut rate.requests))
    }

    fn record(&self, request: &RequestFacts, status: StatusCode, not_taken: &NotTaken) {
        let kind = not_taken.kind(status);
        let Some(requests) = self.requests_to_log(kind) else { return };
        let RequestFacts { path, resource, bytes } = request;
        let status = status.as_u16();
        match not_taken {
            NotTaken::Refused { why } => {
                warn!(path, resource, bytes, status, requests, "Refused a request: {why}");
            }
            NotTaken::Ignored { why } => info!(path, resource, bytes, requests, "Ignored a webhook: {why}"),
        }
        self.metrics.record(&Measured::Refusals { kind, count: requests }, self.clock.now());
    }
}

impl NotTaken {
    /// The metric's dimension.
    fn kind(&self, status: StatusCode) -> &'static str {
        match (self, status.as_u16()) {
            (NotTaken::Ignored { .. }, _) => "ignored",
            (NotTaken::Refused { .. }, 401) => "unauthorized",
            (NotTaken::Refused { .. }, 413) => "too_large",
            (NotTaken::Refused { .. }, 404 | 405) => "no_such_address",
            (NotTaken::Refused { .. }, 500..) => "unavailable",
            (NotTaken::Refused { .. }, _) => "unreadable",
        }
    }
}

/// What a log line says about a request. None of it is the sender's own text: a refused sender must not write the log.
struct RequestFacts {
    /// The route, as we call it.
    path: String,
    resource: &'static str,
    /// The declared length of the body.
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

impl RequestFacts {
    fn of(request: &Request) -> RequestFacts {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let resource = header("sentry-hook-resource");
        let known =
            |resource: &str| RESOURCES.into_iter().find(|known| *known == resource).unwrap_or("other");
        let path = request.extensions().get::<MatchedPath>();
        RequestFacts {
            path: path.map_or("unknown", MatchedPath::as_str).to_owned(),
            resource: resource.map_or("none", known),
            bytes: header("content-length").and_then(|length| length.parse().ok()),
        }
    }
}

/// The routes of one function, or of all functions together, with an error in our form for every other request. Logs and
/// counts refused requests and ignored webhooks.
pub fn closed(routes: Router, refusals: RefusalLog) -> Router {
    routes
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(refusals, log_refusals))
}

async fn log_refusals(State(refusals): State<RefusalLog>, request: Request, next: Next) -> Response {
    let facts = RequestFacts::of(&request);
    let response = next.run(request).await;
    if let Some(not_taken) = response.extensions().get::<NotTaken>() {
        refusals.record(&facts, response.status(), not_taken);
    }
    response
}

async fn not_found() -> Refused {
    Refused::new(StatusCode::NOT_FOUND, "Not found")
}

async fn method_not_allowed() -> Refused {
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_own_lines_and_no_request_is_left_out_of_the_count() {
        let refusals = RefusalLog::new(Metrics::none(), Clock::system());
        let minute =
            |refusals: &RefusalLog| refusals.rates.lock().unwrap().values().map(|rate| rate.minute).max();
        let logged: u64 = (0..1_000).filter_map(|_| refusals.requests_to_log("unauthorized")).sum();
        let pending = refusals.rates.lock().unwrap()["unauthorized"].requests;
        assert_eq!(logged + pending, 1_000);
        assert!(logged >= u64::from(LINES_A_MINUTE), "{logged}");
        assert_eq!(refusals.requests_to_log("ignored"), Some(1), "another kind is not held back");
        assert!(minute(&refusals).is_some());
    }
}
