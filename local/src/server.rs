//! The HTTP server of `autofix serve`: what API Gateway is for the Lambda functions. A head has a size and a time, a body
//! has a time (its size is the endpoints' own limit), and only so many connections are open at once, so that slow or
//! greedy clients can hold up nobody and fill no memory.
//!
//! It speaks HTTP/1.1 without TLS; whoever lets the world in puts a proxy in front.

use std::sync::Arc;
use std::time::Duration;

use autofix::endpoint::{RawBody, Refused};
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tracing::{debug, warn};

/// Bounds of the server.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the first moment, or the end of the request before, until a request's head is there.
    pub head_time: Duration,
    /// From a request's head to the end of its body.
    pub body_time: Duration,
    /// Connections at once; more wait to be accepted.
    pub connections: usize,
    /// How long requests under way may take when the server is told to stop.
    pub farewell: Duration,
}

impl Default for Limits {
    /// Sentry and Slack send all they have at once; ten seconds are for a bad line, not for them. 128 bodies of the
    /// largest size are 256 MiB.
    fn default() -> Limits {
        Limits {
            head_time: Duration::from_secs(10),
            body_time: Duration::from_secs(20),
            connections: 128,
            farewell: Duration::from_secs(10),
        }
    }
}

/// Bytes after which an unfinished head is refused: more than API Gateway takes (10 KB), and enough for every proxy.
const HEAD_BYTES: usize = 32 * 1024;
/// Headers of a request.
const HEADERS: usize = 64;
/// Pause after a connection could not be accepted: usually the process has too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves until `stop` is done, and then no longer than [`Limits::farewell`].
pub async fn serve(listener: TcpListener, endpoints: Router, limits: Limits, stop: impl Future<Output = ()>) {
    let free = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let endpoints = guarded(endpoints, limits);
    let accept = async {
        loop {
            let Ok(turn) = Arc::clone(&free).acquire_owned().await else { return }; // it is never closed
            match listener.accept().await {
                Ok((socket, _)) => {
                    let connection = graceful.watch(connection(socket, endpoints.clone(), limits));
                    tokio::spawn(async move {
                        if let Err(error) = connection.await {
                            debug!(error = %error, "A connection ended early");
                        }
                        drop(turn);
                    });
                }
                Err(error) => {
                    warn!(error = %error, "Cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    tokio::select! { () = accept => {}, () = stop => {} }
    drop(listener);
    if tokio::time::timeout(limits.farewell, graceful.shutdown()).await.is_err() {
        warn!("Some requests took too long to wait for");
    }
}

type Connection<S> = http1::Connection<TokioIo<S>, TowerToHyperService<Router>>;

/// One connection over any stream of bytes. `endpoints` are [`guarded`].
fn connection<S>(stream: S, endpoints: Router, limits: Limits) -> Connection<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_headers(HEADERS)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(endpoints))
}

/// The endpoints behind a wait for the whole body, as API Gateway waits for it.
fn guarded(endpoints: Router, limits: Limits) -> Router {
    let whole_body = move |request: Request, next: Next| async move {
        let (parts, body) = request.into_parts();
        let reading = RawBody::from_request(Request::from_parts(parts.clone(), body), &());
        match tokio::time::timeout(limits.body_time, reading).await {
            Ok(Ok(RawBody(bytes))) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
            Ok(Err(refused)) => closing(refused),
            Err(_) => closing(Refused::new(StatusCode::REQUEST_TIMEOUT, "The body took too long")),
        }
    };
    endpoints.layer(middleware::from_fn(whole_body))
}

/// A refusal after which what is left of the request is not read: the connection ends with it.
fn closing(refused: Refused) -> Response {
    let mut answer = refused.into_response();
    answer.headers_mut().insert("connection", axum::http::HeaderValue::from_static("close"));
    answer
}

#[cfg(test)]
mod tests;
