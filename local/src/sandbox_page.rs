//! The sandbox in the browser: one page at `/sandbox` with its Sentry, where one throws an error; its Slack, where the card
//! arrives and has buttons that work; and its GitHub, where the pull request is opened and merged. After a merge one lets
//! the fix go live, time pass, and the error come back.
//!
//! What is sent from here goes through AutoFix's own endpoints, signed as the services would sign it: this page can do no
//! more than they can. It is for the person at this machine: a request under another host's name or a form of another
//! site is refused.

mod actions;
mod aftermath;
mod blocks;
mod dialogs;
mod github;
mod log;
mod markup;
mod progress;
mod slack;
mod view;

use std::sync::Arc;

use askama::Template;
use attempt_queries::page::{html, is_loopback, strict};
use autofix::clock::Clock;
use autofix::store::Store;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tracing::error;
use url::Url;

use crate::sandbox::Sandbox;
pub use aftermath::{LetPass, Passed, real_time, skips};
pub use log::Log;

/// Where the page is; nothing of AutoFix's own may be there.
pub const PATH: &str = "/sandbox";

const STYLE: &str = include_str!("../assets/sandbox.css");

/// What the page shows and works with.
pub struct SandboxPage {
    pub sandbox: Sandbox,
    pub clock: Clock,
    /// The endpoints of the AutoFix that works for this sandbox.
    pub endpoints: Router,
    /// Prefix of the endpoints: empty, or with a slash at its beginning.
    pub prefix: String,
    /// Where that AutoFix keeps its attempts; the page only reads them.
    pub store: Store,
    pub let_pass: LetPass,
    /// What was done on the page.
    pub log: Log,
}

/// The page's routes.
pub fn routes(page: impl Into<Arc<SandboxPage>>) -> Router {
    Router::new()
        .route(PATH, get(show))
        .route("/sandbox/throw", post(actions::throw))
        .route("/sandbox/go-on", post(actions::go_on))
        .route("/sandbox/press", post(actions::press))
        .route("/sandbox/answer", post(actions::answer_dialog))
        .route("/sandbox/sandbox.css", get(style))
        .layer(middleware::from_fn(only_here))
        .layer(middleware::map_response(strict))
        .with_state(page.into())
}

async fn show(State(page): State<Arc<SandboxPage>>) -> Response {
    match page.view().await {
        Ok(view) => html(StatusCode::OK, &view),
        Err(error) => {
            error!(error = format!("{error:#}"), "Cannot show the sandbox");
            refusal(StatusCode::INTERNAL_SERVER_ERROR, "Not shown", &format!("{error:#}"))
        }
    }
}

async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

/// A page on another host whose name is made to lead here could otherwise read this one.
async fn only_here(request: Request, next: Next) -> Response {
    if is_asked_here(request.headers()) {
        return next.run(request).await;
    }
    let sentence = "The sandbox is for this machine: open it at the address that `autofix` printed.";
    refusal(StatusCode::FORBIDDEN, "Only on this machine", sentence)
}

fn is_asked_here(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.and_then(|host| Url::parse(&format!("http://{host}/")).ok()).is_some_and(|url| is_loopback(&url))
}

#[derive(Template)]
#[template(path = "sandbox/refusal.html")]
struct RefusalPage<'a> {
    title: &'a str,
    sentence: &'a str,
}

fn refusal(status: StatusCode, title: &str, sentence: &str) -> Response {
    html(status, &RefusalPage { title, sentence })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        let check = |host: &'static str, here| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static(host));
            assert_eq!(is_asked_here(&headers), here, "{host}");
        };
        check("127.0.0.1:3000", true);
        check("localhost:3000", true);
        check("[::1]:3000", true);
        check("evil.example", false);
        check("localhost.evil.example:3000", false);
        check("127.0.0.1:3000@evil.example", false);
        check("192.168.0.7:3000", false);
        assert!(!is_asked_here(&HeaderMap::new()));
    }
}
