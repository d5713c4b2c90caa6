//! The one way out: every request to Sentry, Claude, GitHub and Slack goes through [`Outbound`].
//!
//! It bounds time and size, follows no redirect, asks for a credential when it is used (and once
//! more after a 401, for rotated secrets), and can keep a journal of what was asked. It knows
//! nothing of any service; the clients turn its answers into meanings.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use crate::journal::{Journal, Service};
use crate::secrets::{Credential, Secret};

/// Time to reach a service. A healthy one answers a handshake within a second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Between probes of an idle connection: NAT gateways forget connections after some minutes, and Claude may think that long.
const TCP_KEEPALIVE: Duration = Duration::from_secs(45);
/// Largest answer read into memory, bytes. Claude's and GitHub's JSON is far smaller; tarballs are streamed.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;
const USER_AGENT: &str = concat!("autofix/", env!("CARGO_PKG_VERSION"));

/// A request in the making.
pub struct Call {
    pub service: Service,
    pub method: Method,
    pub url: Url,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<serde_json::Value>,
    pub auth: Auth,
    /// From the first byte sent to the last byte read.
    pub timeout: Duration,
}

/// How a request proves who it is from.
#[derive(Clone)]
pub enum Auth {
    /// `Authorization: Bearer …`
    Bearer(Credential),
    /// The address itself is the secret (Slack's incoming webhook and `response_url`).
    SecretPath,
    /// Nothing: the address is short-lived and signed, and the credential must not go there.
    None,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON; `Null` where it is something else.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as a type.
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, ServiceError> {
        serde_json::from_slice(&self.body).map_err(|error| ServiceError::Malformed(error.to_string()))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `retry-after-ms` or `retry-after` in seconds. HTTP dates are not used by these services.
    pub fn retry_after(&self) -> Option<Duration> {
        let milliseconds = self.header("retry-after-ms").and_then(|text| text.parse::<u64>().ok());
        let seconds = self.header("retry-after").and_then(|text| text.trim().parse::<f64>().ok());
        milliseconds
            .map(Duration::from_millis)
            .or_else(|| Duration::try_from_secs_f64(seconds?).ok())
            .filter(|wait| *wait <= Duration::from_secs(24 * 3600))
    }
}

/// What a caller can do about a request that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error("not found: {0}")]
    NotFound(String),
    /// Someone else was first, or the thing has moved: read again.
    #[error("conflict: {0}")]
    Conflict(String),
    /// The credential is missing, wrong, or not allowed to do this.
    #[error("not allowed: {0}")]
    Unauthorized(String),
    /// Wait; `retry_after` is what the service asked for.
    #[error("rate limited: {message}")]
    RateLimited { message: String, retry_after: Option<Duration> },
    /// A passing fault: try again later.
    #[error("unavailable: {message}")]
    Unavailable { message: String, retry_after: Option<Duration> },
    /// No answer within the time that was given.
    #[error("no answer in time")]
    TimedOut,
    /// The request itself is wrong; repeating it changes nothing.
    #[error("refused with {status}: {message}")]
    Refused { status: u16, message: String },
    /// The service answered something that its documentation does not describe.
    #[error("unreadable answer: {0}")]
    Malformed(String),
}

impl ServiceError {
    /// How long to wait before another try, where another try makes sense. `Some(None)`: no time was named.
    pub fn retry(&self) -> Option<Option<Duration>> {
        match self {
            ServiceError::RateLimited { retry_after, .. } | ServiceError::Unavailable { retry_after, .. } => {
                Some(*retry_after)
            }
            ServiceError::Malformed(_) | ServiceError::Conflict(_) | ServiceError::TimedOut => Some(None),
            ServiceError::NotFound(_) | ServiceError::Unauthorized(_) | ServiceError::Refused { .. } => None,
        }
    }
}

/// A streamed body.
pub struct Download {
    response: reqwest::Response,
}

impl Download {
    /// The next piece; `None` at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ServiceError> {
        self.response.chunk().await.map_err(unavailable)
    }
}

/// The HTTP client of one process. Clones share connections.
#[derive(Clone)]
pub struct Outbound {
    http: reqwest::Client,
    journal: Option<Journal>,
}

impl Outbound {
    /// # Errors
    /// When the system's certificate store cannot be read.
    pub fn new(journal: Option<Journal>) -> anyhow::Result<Outbound> {
        install_tls();
        let http = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_keepalive(TCP_KEEPALIVE)
            .build()?;
        Ok(Outbound { http, journal })
    }

    /// Sends, and reads the whole answer. Any HTTP status is an answer, not an error. Where the credential is
    /// refused and a newer one is to be had, the request is sent once more with that.
    pub async fn send(&self, call: &Call) -> Result<Answer, ServiceError> {
        let used = self.bearer(call).await?;
        let answer = self.send_once(call, used.as_ref()).await?;
        let refused = matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        match &call.auth {
            Auth::Bearer(credential) if refused => {
                credential.renew().await.map_err(secrets_unavailable)?;
                let newer = self.bearer(call).await?;
                if newer == used { Ok(answer) } else { self.send_once(call, newer.as_ref()).await }
            }
            _ => Ok(answer),
        }
    }

    /// Sends a GET and streams the answer's body, which is not bounded here.
    pub async fn download(&self, call: &Call) -> Result<(StatusCode, Download), ServiceError> {
        let response = self.start(call, self.bearer(call).await?.as_ref()).await?;
        Ok((response.status(), Download { response }))
    }

    async fn send_once(&self, call: &Call, bearer: Option<&Secret>) -> Result<Answer, ServiceError> {
        let mut response = self.start(call, bearer).await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unavailable)? {
            if body.len() + chunk.len() > ANSWER_LIMIT {
                return Err(ServiceError::Malformed(format!("more than {ANSWER_LIMIT} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status: response.status(), headers: response.headers().clone(), body: body.into() })
    }

    async fn start(&self, call: &Call, bearer: Option<&Secret>) -> Result<reqwest::Response, ServiceError> {
        let mut request = self.http.request(call.method.clone(), call.url.clone()).timeout(call.timeout);
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        if let Some(secret) = bearer {
            request = request.bearer_auth(secret.expose());
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        if let Some(journal) = &self.journal {
            journal.record(call, USER_AGENT);
        }
        request.send().await.map_err(unavailable)
    }

    async fn bearer(&self, call: &Call) -> Result<Option<Secret>, ServiceError> {
        let Auth::Bearer(credential) = &call.auth else { return Ok(None) };
        let secret = credential.get().await.map_err(secrets_unavailable)?;
        secret
            .map(Some)
            .ok_or_else(|| ServiceError::Unauthorized(format!("`{}` is not set", credential.name())))
    }
}

/// Makes ring the TLS provider of every client of this process.
pub fn install_tls() {
    // A second installation fails and changes nothing: the provider is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The address is left out: an incoming webhook's address is itself a secret.
fn unavailable(error: reqwest::Error) -> ServiceError {
    if error.is_timeout() {
        return ServiceError::TimedOut;
    }
    let what = if error.is_connect() { "cannot connect" } else { "the connection broke" };
    ServiceError::Unavailable { message: what.to_owned(), retry_after: None }
}

fn secrets_unavailable(error: crate::secrets::SecretsUnavailable) -> ServiceError {
    ServiceError::Unavailable { message: error.to_string(), retry_after: None }
}
