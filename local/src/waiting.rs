//! `autofix serve` while settings are missing: it says which, on its page and in its status, and takes no webhooks. It ends
//! when `.env` has everything.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use attempt_queries::page::{html, strict};
use autofix::config::Environment;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Json, Response};
use axum::{Router, routing::get};
use serde_json::json;
use tokio::net::TcpListener;

use crate::serve::told_to_stop;
use crate::server;
use crate::settings::{self, Missing};

/// What the endpoint `status` says meanwhile.
pub(crate) const INCOMPLETE: &str = "incomplete";
/// Pause between two looks into `.env`.
const LOOK: Duration = Duration::from_secs(1);

/// Why the waiting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Nothing is missing now.
    Complete,
    /// Ctrl-C or SIGTERM.
    Stopped,
}

/// Answers on this listener until nothing is missing in the process's environment and the `.env` file of `folder`.
pub(crate) async fn wait(listener: TcpListener, folder: &Path, prefix: &str) -> anyhow::Result<Ended> {
    let routes = routes(folder, prefix);
    let (ended, complete) = tokio::sync::oneshot::channel();
    let stop = async move {
        let ended_by = tokio::select! { () = told_to_stop() => Ended::Stopped, () = completed(folder) => Ended::Complete };
        let _ = ended.send(ended_by);
    };
    server::serve(listener, routes, server::Limits::default(), stop).await;
    Ok(complete.await?)
}

async fn completed(folder: &Path) {
    // A file that is half edited can't be read, and is read again a second later.
    while !settings::environment(folder).is_ok_and(|environment| settings::missing(&environment).is_empty()) {
        tokio::time::sleep(LOOK).await;
    }
}

/// Every address answers that AutoFix waits.
pub fn routes(folder: &Path, prefix: &str) -> Router {
    let waiting = Arc::new(Waiting { folder: folder.to_owned() });
    Router::new()
        .route(&format!("{prefix}/status"), get(status))
        .route(&format!("{prefix}/status/"), get(status))
        .fallback(everything_else)
        .layer(middleware::map_response(strict))
        .with_state(waiting)
}

struct Waiting {
    folder: std::path::PathBuf,
}

impl Waiting {
    /// As it is now: people fill it in one by one.
    fn missing(&self) -> Vec<Missing> {
        let environment = settings::environment(&self.folder).unwrap_or_else(|_| Environment::of_process());
        settings::missing(&environment)
    }
}

#[derive(Template)]
#[template(path = "waiting.html")]
struct WaitingPage {
    missing: Vec<Missing>,
}

async fn status(State(waiting): State<Arc<Waiting>>) -> Response {
    let missing = waiting.missing();
    let missing: Vec<_> =
        missing.iter().map(|one| json!({ "setting": one.setting, "where": one.hint })).collect();
    let body = json!({ "status": INCOMPLETE, "version": env!("CARGO_PKG_VERSION"), "missing": missing });
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}

async fn everything_else(
    State(waiting): State<Arc<Waiting>>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let missing = waiting.missing();
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if method == Method::GET && accepts.contains("text/html") {
        return html(StatusCode::SERVICE_UNAVAILABLE, &WaitingPage { missing });
    }
    let names: Vec<String> = missing.iter().map(|one| format!("`{}`", one.setting)).collect();
    let detail = format!("Nothing was accepted: AutoFix waits for {}", names.join(", "));
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "detail": detail }))).into_response()
}
