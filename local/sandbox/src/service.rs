//! What the four fakes have in common: a loopback port of their own, a log of what they were
//! asked, a list of what they did not understand, and faults that a test sets from outside.
//!
//! A fake answers a request that it does not know with 501 and remembers it, so that a test
//! can fail on it: silence about an unknown request would be a lie about the real service.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

use crate::WayBack;
use crate::killer::{Killer, Side};

/// Largest request body that a fake reads, bytes (Anthropic's own limit, the largest of the four).
const BODY_LIMIT: usize = 32 * 1024 * 1024;

/// What goes wrong with one matching request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This answer is given and nothing happens in the service.
    Answer { status: u16, headers: Vec<(&'static str, String)>, body: String },
    /// The connection breaks before the service has done anything.
    BreakBefore,
    /// The service does what was asked, then the connection breaks: the answer never arrives.
    BreakAfter,
}

impl Fault {
    /// An answer with a status and nothing else.
    pub fn status(status: u16) -> Fault {
        Fault::Answer { status, headers: Vec::new(), body: String::new() }
    }
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: Method,
    /// Path and query, as sent; for the table the operation, which AWS's protocol names in a header.
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    /// The body as JSON; `Null` where it is something else.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

#[derive(Debug)]
struct PlannedFault {
    method: Method,
    path_part: String,
    fault: Fault,
}

#[derive(Default)]
struct Book {
    faults: VecDeque<PlannedFault>,
    received: Vec<Received>,
    forgets: bool,
    unknown: Vec<String>,
    watch: Option<Watch>,
}

/// Who kills the process over requests of this service, and over which.
#[derive(Clone)]
struct Watch {
    killer: Killer,
    is_effect: fn(&Received) -> bool,
}

/// One fake's server. Clones are handles to the same server.
#[derive(Clone)]
pub struct Service {
    address: SocketAddr,
    book: Arc<Mutex<Book>>,
}

impl Service {
    /// Serves `router` on a free loopback port until the runtime ends. Requests that no route of
    /// the router matches are answered 501 and remembered.
    pub async fn start(router: Router) -> std::io::Result<Service> {
        Service::start_at(router, (Ipv4Addr::LOCALHOST, 0).into()).await
    }

    /// As [`Service::start`], at a given address.
    pub async fn start_at(router: Router, address: SocketAddr) -> std::io::Result<Service> {
        let listener = tokio::net::TcpListener::bind(address).await?;
        let service = Service { address: listener.local_addr()?, book: Arc::default() };
        let app = router
            .fallback(refuse_unknown)
            .method_not_allowed_fallback(refuse_unknown)
            .layer(middleware::from_fn_with_state(service.clone(), keep_book));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(service)
    }

    /// `http://host:port`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `host:port` of this fake.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Plans a fault for the next request with this method whose path and query contain `path_part`.
    /// Several planned faults are used up one request each, in the order they were planned.
    pub fn fail_next(&self, method: Method, path_part: &str, fault: Fault) {
        self.book().faults.push_back(PlannedFault { method, path_part: path_part.to_owned(), fault });
    }

    /// Plans the same fault for so many requests.
    pub fn fail_times(&self, times: usize, method: Method, path_part: &str, fault: Fault) {
        for _ in 0..times {
            self.fail_next(method.clone(), path_part, fault.clone());
        }
    }

    /// Forgets the faults that no request has met yet.
    pub fn clear_faults(&self) {
        self.book().faults.clear();
    }

    /// From now on this killer counts the requests for which `is_effect` holds.
    pub fn watched_by(&self, killer: &Killer, is_effect: fn(&Received) -> bool) {
        self.book().watch = Some(Watch { killer: killer.clone(), is_effect });
    }

    /// From now on nothing received is kept: a long run would fill the memory with it.
    pub fn forget_requests(&self) {
        let mut book = self.book();
        book.received.clear();
        book.forgets = true;
    }

    /// Everything received so far, oldest first.
    pub fn received(&self) -> Vec<Received> {
        self.book().received.clone()
    }

    /// How many requests with this method had a path and query containing `path_part`.
    pub fn count(&self, method: Method, path_part: &str) -> usize {
        self.book().received.iter().filter(|r| r.method == method && r.path.contains(path_part)).count()
    }

    /// What this fake did not understand, one line each. Empty after an honest test.
    pub fn unknown(&self) -> Vec<String> {
        self.book().unknown.clone()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }

    fn watch(&self) -> Option<Watch> {
        self.book().watch.clone()
    }

    fn keep(&self, received: Received) {
        let mut book = self.book();
        if !book.forgets {
            book.received.push(received);
        }
    }

    fn take_fault(&self, request: &Received) -> Option<Fault> {
        let mut book = self.book();
        let matches = |p: &PlannedFault| p.method == request.method && request.path.contains(&p.path_part);
        let index = book.faults.iter().position(matches)?;
        book.faults.remove(index).map(|planned| planned.fault)
    }
}

async fn refuse_unknown(request: Request) -> Response {
    (StatusCode::NOT_IMPLEMENTED, format!("the sandbox does not know {} {}", request.method(), request.uri()))
        .into_response()
}

async fn keep_book(State(service): State<Service>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_LIMIT).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let operation = parts.headers.get("x-amz-target").and_then(|operation| operation.to_str().ok());
    let path = parts.uri.path_and_query().map_or_else(|| parts.uri.path().to_owned(), ToString::to_string);
    let received = Received {
        method: parts.method.clone(),
        path: operation.map_or(path, |operation| format!("/{operation}")),
        headers: parts.headers.clone(),
        body: body.clone(),
    };
    let fault = service.take_fault(&received);
    let line = format!("{} {}", received.method, received.path);
    let watch = service.watch().filter(|watch| (watch.is_effect)(&received));
    service.keep(received);
    if let Some(watch) = watch {
        match watch.killer.meets(line.clone()) {
            Some(Side::Before) => watch.killer.strike().await,
            Some(Side::After) => {
                let answer = next.run(Request::from_parts(parts, Body::from(body))).await;
                watch.killer.strike().await;
                return answer;
            }
            None => {}
        }
    }
    match fault {
        Some(Fault::Answer { status, headers, body }) => {
            let mut answer =
                (StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT), body).into_response();
            for (name, value) in headers {
                if let Ok(value) = value.parse() {
                    answer.headers_mut().insert(name, value);
                }
            }
            return answer;
        }
        Some(Fault::BreakBefore) => return broken(),
        Some(Fault::BreakAfter) => {
            next.run(Request::from_parts(parts, Body::from(body))).await;
            return broken();
        }
        None => {}
    }
    let answer = next.run(Request::from_parts(parts, Body::from(body))).await;
    if answer.status() == StatusCode::NOT_IMPLEMENTED {
        service.book().unknown.push(line);
    }
    answer
}

/// An answer that promises more bytes than come: the client sees the connection break.
fn broken() -> Response {
    let mut answer = Response::new(Body::from_stream(BreakingStream));
    answer.headers_mut().insert(header::CONTENT_LENGTH, header::HeaderValue::from_static("1048576"));
    answer
}

struct BreakingStream;

impl futures_core::Stream for BreakingStream {
    type Item = Result<Bytes, std::io::Error>;
    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into())))
    }
}

/// What a fake keeps. A test that panicked over it leaves it as it is.
pub(crate) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes what a fake keeps again what it is now.
pub(crate) fn way_back<T: Clone + Send + 'static>(shared: &Arc<Mutex<T>>) -> WayBack {
    let (shared, then) = (Arc::clone(shared), lock(shared).clone());
    Box::new(move || {
        *lock(&shared) = then.clone();
        Ok(())
    })
}

/// A client for the fakes' own tests.
#[cfg(test)]
pub(crate) fn test_client() -> reqwest::Client {
    // Fails when another test has installed it already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("there is TLS")
}
