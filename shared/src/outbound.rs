//! The one way out: every request to Sentry, Claude, GitHub and Slack goes through [`Outbound`].
//!
//! It bounds time and size, follows no redirect, asks for a credential when it is used (and once
//! more when that was refused, for rotated secrets), asks again after a pause of seconds where the
//! answer says that this helps, and can keep a journal of what was asked. It knows nothing of any
//! service; the clients tell it what an answer means.

mod failure;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use crate::clock::Clock;
use crate::journal::Journal;
use crate::secrets::{Credential, Renewal, Secret, SecretsUnavailable};
use crate::service::Service;
pub(crate) use failure::IfThere;
pub use failure::{ErrorKind, ServiceError, said};

/// Time to reach a service. A healthy one answers a handshake within a second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Between probes of an idle connection: NAT gateways forget connections after some minutes, and Claude may think that long.
const TCP_KEEPALIVE: Duration = Duration::from_secs(45);
/// Largest answer read into memory, bytes. Claude's and GitHub's JSON is far smaller; tarballs are streamed.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;
/// What a service may ask to be waited; more is taken for a mistake.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);
/// Times that one request is sent at most within an invocation; Claude's own SDK sends it as often.
const MAX_TRIES: u32 = 3;
/// First pause where the service named none; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// A service that asks for more than this is left alone until the clock comes round, so that no invocation is paid for
/// sleeping.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A try that took more than this part of its time is not repeated: the rest may be too short for another one.
const QUICK_PART: i32 = 10;
const USER_AGENT: &str = concat!("autofix/", env!("CARGO_PKG_VERSION"));

/// A request in the making.
#[derive(Clone)]
pub struct Call {
    pub service: Service,
    pub method: Method,
    pub url: Url,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<Value>,
    pub auth: Auth,
    pub effect: Effect,
    /// From the first byte sent to the last byte read.
    pub timeout: Duration,
}

/// What it means to send a request twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: it only asks.
    None,
    /// It changes something, and an answer that failed does not prove that it did not.
    Once,
}

/// How a request proves who it is from.
#[derive(Clone)]
pub enum Auth {
    /// `Authorization: Bearer …`
    Bearer(Credential),
    /// The same header with a token that a client got itself and renews itself.
    Issued(Secret),
    /// The address itself is the secret (Slack's incoming webhook and `response_url`).
    SecretPath,
    /// Nothing: the address is short-lived and signed, and the credential must not go there.
    None,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub service: Service,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON; `Null` where it is something else.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as a type.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, ServiceError> {
        serde_json::from_slice(&self.body).map_err(|error| ServiceError::malformed(self.service, error))
    }

    /// What this answer means if it is no success, and how long it asks to be waited.
    pub fn error(&self, kind: ErrorKind, message: impl Into<String>) -> ServiceError {
        let wait = match kind {
            ErrorKind::RateLimited | ErrorKind::Unavailable => self.retry_after(),
            _ => None,
        };
        ServiceError::new(self.service, kind, message).after(wait)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// What the service asks to be waited: `retry-after-ms`, or `retry-after` in seconds or as an HTTP date. `None`
    /// where it says nothing, or something that makes no sense (more than a day, or a date in the past).
    pub fn retry_after(&self) -> Option<Duration> {
        let milliseconds = self.header("retry-after-ms").and_then(|text| text.trim().parse::<u64>().ok());
        let named = self.header("retry-after").map(str::trim);
        let seconds = || Duration::try_from_secs_f64(named?.parse().ok()?).ok();
        let date = || self.until(jiff::fmt::rfc2822::parse(named?).ok()?.timestamp().as_second());
        let wait = milliseconds.map(Duration::from_millis).or_else(seconds).or_else(date);
        wait.filter(|wait| *wait <= LONGEST_WAIT)
    }

    /// From the answer's own `date` to an epoch second, so that two clocks need not agree. `None` without a date, or
    /// where the time has passed.
    pub fn until(&self, epoch_second: i64) -> Option<Duration> {
        let now = jiff::fmt::rfc2822::parse(self.header("date")?).ok()?.timestamp().as_second();
        u64::try_from(epoch_second.checked_sub(now)?).ok().map(Duration::from_secs)
    }
}

/// A streamed body.
pub struct Download {
    service: Service,
    response: reqwest::Response,
}

impl Download {
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The next piece; `None` at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ServiceError> {
        self.response.chunk().await.map_err(unavailable(self.service))
    }
}

/// The HTTP client of one process. Clones share connections.
#[derive(Clone)]
pub struct Outbound {
    http: Arc<OnceLock<reqwest::Client>>,
    journal: Option<Journal>,
    /// Without it nothing is asked twice.
    patience: Option<Clock>,
}

impl Outbound {
    /// # Errors
    /// When the system's certificate store cannot be read.
    pub fn new(journal: Option<Journal>) -> anyhow::Result<Outbound> {
        Ok(Outbound { http: Arc::new(OnceLock::from(client()?)), journal, patience: None })
    }

    /// One whose client, with the system's certificates, is made when it is first used: for a function that seldom asks
    /// anybody, and whose start is waited for.
    pub fn made_on_first_use() -> Outbound {
        Outbound { http: Arc::default(), journal: None, patience: None }
    }

    fn http(&self, service: Service) -> Result<&reqwest::Client, ServiceError> {
        if let Some(client) = self.http.get() {
            return Ok(client);
        }
        let client = client().map_err(unavailable(service))?;
        Ok(self.http.get_or_init(|| client))
    }

    /// The same way out for someone who has the time to pause for seconds and ask again.
    pub fn patient(&self, clock: &Clock) -> Outbound {
        Outbound { patience: Some(clock.clone()), ..self.clone() }
    }

    /// Asks, and has `read` say what the answer means. A credential that is refused is renewed, where there is a
    /// newer one; a passing fault is met with a short pause, where one is likely to help.
    pub async fn ask<T>(
        &self,
        call: &Call,
        read: impl Fn(&Answer) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        let Some(clock) = &self.patience else { return self.ask_once(call, &read).await };
        let mut number = 1;
        loop {
            let began = clock.now();
            let result = self.ask_once(call, &read).await;
            let took = clock.now().duration_since(began);
            let failed = Try { number, took, time: call.timeout, effect: call.effect };
            let Some(pause) = result.as_ref().err().and_then(|error| short_pause(error, failed)) else {
                return result;
            };
            clock.pause(pause).await;
            number += 1;
        }
    }

    async fn ask_once<T>(
        &self,
        call: &Call,
        read: &impl Fn(&Answer) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        let credential = match &call.auth {
            Auth::Bearer(credential) => credential,
            Auth::Issued(token) => return read(&self.send(call, Some(token)).await?),
            Auth::SecretPath | Auth::None => return read(&self.send(call, None).await?),
        };
        let send = |secret| async move { read(&self.send(call, Some(&secret)).await?) };
        with_newest(credential, call.service, send).await
    }

    /// Sends a GET without a credential and streams the answer's body, which is not bounded here.
    pub async fn download(&self, call: &Call) -> Result<Download, ServiceError> {
        Ok(Download { service: call.service, response: self.start(call, None).await? })
    }

    async fn send(&self, call: &Call, bearer: Option<&Secret>) -> Result<Answer, ServiceError> {
        let mut response = self.start(call, bearer).await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unavailable(call.service))? {
            if body.len() + chunk.len() > ANSWER_LIMIT {
                return Err(ServiceError::malformed(call.service, format!("more than {ANSWER_LIMIT} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            service: call.service,
            status: response.status(),
            headers: response.headers().clone(),
            body: body.into(),
        })
    }

    async fn start(&self, call: &Call, bearer: Option<&Secret>) -> Result<reqwest::Response, ServiceError> {
        let mut request =
            self.http(call.service)?.request(call.method.clone(), call.url.clone()).timeout(call.timeout);
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        if let Some(secret) = bearer {
            request = request.bearer_auth(secret.expose());
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        // The signed download that GitHub redirects to belongs to no API.
        if let Some(journal) = self.journal.as_ref().filter(|_| !matches!(call.auth, Auth::None)) {
            journal.append(&line_of_journal(call));
        }
        request.send().await.map_err(unavailable(call.service))
    }
}

/// Uses a secret. Where that is refused, or none is set, all secrets are read again, and a newer one is used once more.
pub(crate) async fn with_newest<T, F>(
    credential: &Credential,
    service: Service,
    using: impl Fn(Secret) -> F,
) -> Result<T, ServiceError>
where
    F: Future<Output = Result<T, ServiceError>>,
{
    let used = credential.get().await.map_err(secrets_unavailable(service))?;
    let result = match &used {
        Some(secret) => using(secret.clone()).await,
        None => {
            let message = format!("`{}` is not set", credential.name());
            Err(ServiceError::new(service, ErrorKind::Unauthorized, message))
        }
    };
    let Err(ServiceError { kind: kind @ (ErrorKind::CredentialRefused | ErrorKind::Unauthorized), .. }) =
        result
    else {
        return result;
    };
    let renewal = credential.renew().await.map_err(secrets_unavailable(service))?;
    match credential.get().await.map_err(secrets_unavailable(service))? {
        Some(newer) if used.as_ref() != Some(&newer) => using(newer).await,
        // Nobody has looked whether there is a newer one: that is no reason to give up.
        _ if renewal == Renewal::NotNow && kind == ErrorKind::CredentialRefused => {
            result.map_err(|error| ServiceError { kind: ErrorKind::SecretsUnavailable, ..error })
        }
        _ => result,
    }
}

/// Makes ring the TLS provider of every client of this process.
pub fn install_tls() {
    // A second installation fails and changes nothing: the provider is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn client() -> reqwest::Result<reqwest::Client> {
    install_tls();
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_keepalive(TCP_KEEPALIVE)
        .build()
}

/// A request as the journal has it, without its secrets.
fn line_of_journal(call: &Call) -> Value {
    let mut headers = Map::new();
    headers.insert("user-agent".to_owned(), json!(USER_AGENT));
    if matches!(call.auth, Auth::Bearer(_) | Auth::Issued(_)) {
        headers.insert("authorization".to_owned(), json!("Bearer [secret]"));
    }
    if call.body.is_some() {
        headers.insert("content-type".to_owned(), json!("application/json"));
    }
    headers.extend(call.headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    let path = call.url.path();
    let path = match (&call.auth, call.url.query()) {
        (Auth::SecretPath, _) => format!("/{}/[secret]", path.split('/').nth(1).unwrap_or_default()),
        (_, Some(query)) => format!("{path}?{query}"),
        (_, None) => path.to_owned(),
    };
    json!({
        "service": call.service,
        "method": call.method.as_str(),
        "path": path,
        "headers": headers,
        "body": call.body,
    })
}

/// A try that failed.
#[derive(Clone, Copy, Debug)]
struct Try {
    /// Counted from 1.
    number: u32,
    took: SignedDuration,
    /// What the request was given, from the first byte sent to the last byte read.
    time: Duration,
    effect: Effect,
}

/// The pause after which the request may be sent again now; `None` leaves it to the clock.
fn short_pause(error: &ServiceError, failed: Try) -> Option<Duration> {
    let quick =
        failed.took <= SignedDuration::try_from(failed.time).unwrap_or(SignedDuration::MAX) / QUICK_PART;
    if failed.number >= MAX_TRIES || !quick {
        return None;
    }
    let named = match (error.kind, failed.effect) {
        // Nothing was done, whatever it was.
        (ErrorKind::RateLimited, _) => Some(error.retry_after?),
        (ErrorKind::Unavailable, Effect::None) => error.retry_after,
        _ => return None,
    };
    let jitter = fastrand::f64() * 0.25;
    match named {
        // Never sooner than asked.
        Some(pause) => Some(pause.mul_f64(1.0 + jitter)).filter(|_| pause <= LONGEST_PAUSE),
        None => Some(FIRST_PAUSE.saturating_mul(1 << (failed.number - 1)).mul_f64(1.0 - jitter)),
    }
}

/// Only the host is named: an incoming webhook's address is itself a secret.
fn unavailable(service: Service) -> impl Fn(reqwest::Error) -> ServiceError {
    move |error| {
        if error.is_timeout() {
            return ServiceError::timed_out(service);
        }
        let host = error.url().and_then(|url| url.host_str()).unwrap_or("the service");
        let message = match error.is_connect() {
            true => format!("cannot connect to `{host}`"),
            false => format!("the connection to `{host}` broke"),
        };
        ServiceError::new(service, ErrorKind::Unavailable, message)
    }
}

/// The secrets cannot be read at the moment. The log gets to know which and why, people the short of it.
pub(crate) fn secrets_unavailable(service: Service) -> impl Fn(SecretsUnavailable) -> ServiceError {
    move |error| {
        tracing::warn!(error = %error, "The secrets cannot be read");
        let message = format!("the secrets in `AUTOFIX_SECRET_ARN` cannot be read: {}", error.kind());
        ServiceError::new(service, ErrorKind::SecretsUnavailable, message)
    }
}

#[cfg(test)]
pub(crate) mod tests;
