//! Hands HTTP requests on to another server and brings its answers back, unchanged.

use anyhow::Context;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tracing::warn;

/// Largest request, bytes: DynamoDB's transactions have at most 4 MB of items, and base64 and names around them.
const REQUEST_LIMIT: usize = 16 * 1024 * 1024;
/// Belong to one connection, not to the message.
const OF_THE_CONNECTION: [HeaderName; 2] = [header::CONNECTION, header::TRANSFER_ENCODING];

/// The way to one server.
#[derive(Clone)]
pub struct Forwarder {
    server: String,
    client: reqwest::Client,
}

impl Forwarder {
    /// `server` is `http://host:port`.
    ///
    /// # Errors
    /// If the HTTP client cannot be made.
    pub fn to(server: &str) -> anyhow::Result<Forwarder> {
        Ok(Forwarder { server: server.trim_end_matches('/').to_owned(), client: client()? })
    }

    /// The server's answer; 502 if it gives none.
    pub async fn forward(&self, request: Request) -> Response {
        self.try_forward(request).await.unwrap_or_else(|error| {
            warn!(error = format!("{error:#}"), "Cannot reach {}", self.server);
            (StatusCode::BAD_GATEWAY, format!("{error:#}")).into_response()
        })
    }

    async fn try_forward(&self, request: Request) -> anyhow::Result<Response> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, REQUEST_LIMIT).await?;
        let mut headers = parts.headers;
        OF_THE_CONNECTION.iter().for_each(|name| drop(headers.remove(name)));
        let url = format!("{}{}", self.server, parts.uri.path_and_query().map_or("/", |path| path.as_str()));
        let mut answer = self.client.request(parts.method, url).headers(headers).body(body).send().await?;
        let (status, mut headers) = (answer.status(), std::mem::take(answer.headers_mut()));
        OF_THE_CONNECTION.iter().for_each(|name| drop(headers.remove(name)));
        let body: Bytes = answer.bytes().await?;
        let mut passed = Response::new(Body::from(body));
        *passed.status_mut() = status;
        *passed.headers_mut() = headers;
        Ok(passed)
    }
}

/// A client for servers of this machine, over plain HTTP: without a proxy, without the system's certificates, which take
/// long to read, and without following redirects.
///
/// # Errors
/// If it cannot be made.
pub(crate) fn client() -> anyhow::Result<reqwest::Client> {
    autofix::outbound::install_tls(); // an HTTP client wants one, whether it is used or not
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]);
    client.redirect(reqwest::redirect::Policy::none()).build().context("make an HTTP client")
}
