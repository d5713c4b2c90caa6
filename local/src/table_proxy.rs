//! A proxy in front of the embedded table, for what goes wrong between a process and its table: requests pass through
//! it unchanged, unless a fault is set on it, a killer waits behind it, or the table is made unreliable.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::{Value, json};

use crate::forward::Forwarder;
use crate::sandbox::killer::Killer;
use crate::sandbox::service::{Received, Service};

/// The operations that change items.
const WRITES: [&str; 5] = ["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"];

/// A running proxy. Clones are handles to the same one.
#[derive(Clone)]
pub struct TableProxy {
    service: Service,
    unreliable: Arc<Mutex<Option<Unreliable>>>,
}

/// What a busy table does to one in four requests, although it is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Refuses a write because of somebody else's transaction.
    Conflicts,
    /// Refuses a write because there are too many.
    Throttling,
    /// Answers a query of an index with what was there before: at first nothing, then what it answered last.
    StaleIndexes,
}

struct Unreliable {
    trouble: Trouble,
    chance: fastrand::Rng,
    struck: usize,
    /// Answers of the indexes, by what was asked for.
    before: HashMap<String, Bytes>,
}

impl Unreliable {
    fn strikes(&mut self) -> bool {
        let strikes = self.chance.u8(..) < u8::MAX / 4;
        self.struck += usize::from(strikes);
        strikes
    }
}

impl TableProxy {
    /// Opens a proxy to the table at this address, on a free loopback port.
    ///
    /// # Errors
    /// If no loopback port can be had.
    pub async fn open(table: SocketAddr) -> anyhow::Result<TableProxy> {
        let table = Forwarder::to(&format!("http://{table}"))?;
        let unreliable: Arc<Mutex<Option<Unreliable>>> = Arc::default();
        let state = Arc::clone(&unreliable);
        let pass = move |request: Request| {
            let (table, state) = (table.clone(), Arc::clone(&state));
            async move { unreliably(&table, &state, request).await }
        };
        let router = Router::new().route("/", any(pass));
        let service = Service::start(router).await.context("open a proxy to the embedded table")?;
        Ok(TableProxy { service, unreliable })
    }

    /// What passed, and the faults to come. The path of a request is its operation, `/DynamoDB_20120810.PutItem`.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// From now on the table gives this trouble in one of four cases. The seed decides in which.
    pub fn make_unreliable(&self, trouble: Trouble, seed: u64) {
        let chance = fastrand::Rng::with_seed(seed);
        *locked(&self.unreliable) = Some(Unreliable { trouble, chance, struck: 0, before: HashMap::new() });
    }

    /// How often it gave trouble.
    pub fn struck(&self) -> usize {
        locked(&self.unreliable).as_ref().map_or(0, |state| state.struck)
    }

    /// From now on this killer counts the writes that pass.
    pub fn watched_by(&self, killer: &Killer) {
        self.service.watched_by(killer, is_write);
    }
}

fn is_write(request: &Received) -> bool {
    request.path.rsplit('.').next().is_some_and(|operation| WRITES.contains(&operation))
}

fn locked(unreliable: &Mutex<Option<Unreliable>>) -> MutexGuard<'_, Option<Unreliable>> {
    unreliable.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn unreliably(table: &Forwarder, unreliable: &Mutex<Option<Unreliable>>, request: Request) -> Response {
    let trouble = locked(unreliable).as_ref().map(|state| state.trouble);
    let Some(trouble) = trouble else { return table.forward(request).await };
    let operation = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
    let operation = operation.and_then(|target| target.rsplit('.').next()).unwrap_or_default().to_owned();
    match trouble {
        Trouble::Conflicts | Trouble::Throttling => {
            let strikes = WRITES.contains(&operation.as_str())
                && locked(unreliable).as_mut().is_some_and(Unreliable::strikes);
            if strikes { refusal(trouble, &operation) } else { table.forward(request).await }
        }
        Trouble::StaleIndexes => stale(table, unreliable, request).await,
    }
}

/// DynamoDB's answer to a write that met another one.
fn refusal(trouble: Trouble, operation: &str) -> Response {
    let (alone, in_a_transaction) = match trouble {
        Trouble::Conflicts => ("TransactionConflictException", "TransactionConflict"),
        Trouble::Throttling | Trouble::StaleIndexes => ("ThrottlingException", "ThrottlingError"),
    };
    let body = match operation {
        "TransactWriteItems" => json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{in_a_transaction}]"),
            "CancellationReasons": [{ "Code": in_a_transaction, "Message": "The item is in use" }],
        }),
        _ => json!({
            "__type": format!("com.amazonaws.dynamodb.v20120810#{alone}"),
            "message": "The item is in use",
        }),
    };
    (StatusCode::BAD_REQUEST, [("content-type", "application/x-amz-json-1.0")], body.to_string())
        .into_response()
}

/// Passes a request on; of an index it sometimes gives the answer of before.
async fn stale(table: &Forwarder, unreliable: &Mutex<Option<Unreliable>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let answer = table.forward(Request::from_parts(parts, Body::from(body))).await;
    let Some(index) = asked["IndexName"].as_str() else { return answer };
    // Times in the condition change with each request; the partition is the first of the values.
    let partition = asked["ExpressionAttributeValues"]
        .as_object()
        .and_then(|values| values.values().find(|value| value["S"].is_string()));
    let key = format!("{index} {partition:?}");
    let (head, body) = answer.into_parts();
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let mut state = locked(unreliable);
    let Some(state) = state.as_mut() else { return Response::from_parts(head, Body::from(body)) };
    let nothing = || Bytes::from_static(br#"{"Items":[],"Count":0,"ScannedCount":0}"#);
    let before = state.before.insert(key, body.clone()).unwrap_or_else(nothing);
    // The checksum in the head is the fresh answer's.
    if state.strikes() {
        return (head.status, [("content-type", "application/x-amz-json-1.0")], before).into_response();
    }
    Response::from_parts(head, Body::from(body))
}
