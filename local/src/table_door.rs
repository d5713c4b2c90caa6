//! A door in front of the embedded table, for what goes wrong between a process and its table: requests pass through
//! it unchanged, unless a fault is set on it or a killer waits behind it.

use std::net::SocketAddr;

use anyhow::Context;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;

use crate::sandbox::killer::Killer;
use crate::sandbox::service::{Received, Service};

/// Largest request, bytes: DynamoDB's transactions have at most 4 MB of items, and base64 and names around them.
const REQUEST_LIMIT: usize = 16 * 1024 * 1024;
/// Belong to one connection, not to the message.
const OF_THE_CONNECTION: [HeaderName; 3] = [header::CONNECTION, header::TRANSFER_ENCODING, header::HOST];
/// The operations that change items.
const WRITES: [&str; 5] = ["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"];

/// A running door. Clones are handles to the same one.
#[derive(Clone)]
pub struct TableDoor {
    service: Service,
}

struct Inner {
    table: String,
    client: reqwest::Client,
}

impl TableDoor {
    /// Opens a door to the table at this address, on a free loopback port.
    ///
    /// # Errors
    /// If no loopback port can be had.
    pub async fn open(table: SocketAddr) -> anyhow::Result<TableDoor> {
        autofix::outbound::install_tls(); // an HTTP client wants one, whether it is used or not
        // Without the system's certificates, which take long to read: everything here is plain HTTP.
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build();
        let inner =
            Inner { table: format!("http://{table}/"), client: client.context("make an HTTP client")? };
        let router = Router::new().route("/", any(pass)).with_state(std::sync::Arc::new(inner));
        let service = Service::start(router).await.context("open a door to the embedded table")?;
        Ok(TableDoor { service })
    }

    /// What passed, and the faults to come. The path of a request is its operation, `/DynamoDB_20120810.PutItem`.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// From now on this killer counts the writes that pass.
    pub fn watched_by(&self, killer: &Killer) {
        self.service.watched_by(killer, is_write);
    }
}

fn is_write(request: &Received) -> bool {
    request.path.rsplit('.').next().is_some_and(|operation| WRITES.contains(&operation))
}

async fn pass(State(inner): State<std::sync::Arc<Inner>>, request: Request) -> Response {
    match forward(&inner, request).await {
        Ok(answer) => answer,
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{error:#}")).into_response(),
    }
}

async fn forward(inner: &Inner, request: Request) -> anyhow::Result<Response> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, REQUEST_LIMIT).await?;
    let mut headers = parts.headers;
    OF_THE_CONNECTION.iter().for_each(|name| drop(headers.remove(name)));
    let asked = inner.client.request(parts.method, &inner.table).headers(headers).body(body);
    let mut answer = asked.send().await?;
    let (status, mut headers) = (answer.status(), std::mem::take(answer.headers_mut()));
    OF_THE_CONNECTION.iter().for_each(|name| drop(headers.remove(name)));
    let body: Bytes = answer.bytes().await?;
    let mut passed = Response::new(Body::from(body));
    *passed.status_mut() = status;
    *passed.headers_mut() = headers;
    Ok(passed)
}
