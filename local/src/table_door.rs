//! A door in front of the embedded table, for what goes wrong between a process and its table: requests pass through
//! it unchanged, unless a fault is set on it or a killer waits behind it.

use std::net::SocketAddr;

use anyhow::Context;
use axum::Router;
use axum::extract::Request;
use axum::routing::any;

use crate::forward::Forwarder;
use crate::sandbox::killer::Killer;
use crate::sandbox::service::{Received, Service};

/// The operations that change items.
const WRITES: [&str; 5] = ["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"];

/// A running door. Clones are handles to the same one.
#[derive(Clone)]
pub struct TableDoor {
    service: Service,
}

impl TableDoor {
    /// Opens a door to the table at this address, on a free loopback port.
    ///
    /// # Errors
    /// If no loopback port can be had.
    pub async fn open(table: SocketAddr) -> anyhow::Result<TableDoor> {
        let table = Forwarder::to(&format!("http://{table}"))?;
        let pass = move |request: Request| {
            let table = table.clone();
            async move { table.forward(request).await }
        };
        let router = Router::new().route("/", any(pass));
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
