//! The web page: the list of attempts, one attempt, the scoreboard, and the login. It is made here, as HTML; nothing on it needs a
//! script, and nothing on it comes from another host. It only reads: the one thing that can be changed is one's session.
//!
//! Its labels stand in `templates/`; sentences about an attempt come from `autofix::messages`, as on the card. All outside
//! text is [`autofix::redaction::Redacted`] before a template sees it, and every template escapes what it is given.

mod access;
mod detail;
mod diff;
mod links;
mod list;
mod login;
mod outcome;
mod plots;
mod refusal;
mod scoreboard;
mod shell;
mod text;
mod times;

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderValue;
use axum::middleware;
use axum::response::Redirect;
use axum::routing::{get, post};

use crate::Queries;

// What another page of AutoFix is made of too: the sandbox's.
pub use diff::Change;
pub use links::is_loopback;
pub use login::is_own_form;
pub use shell::{COLOURS, asset_address, html, strict};
pub use times::{Time, moment};

/// The page's routes.
pub(crate) fn routes(queries: &Arc<Queries>) -> Router {
    let prefix = &queries.config.common.prefix;
    let mut pages = Router::new()
        .route(&format!("{prefix}/"), get(list::show))
        .route(&format!("{prefix}/view/{{id}}"), get(detail::show))
        .route(&format!("{prefix}/scoreboard"), get(scoreboard::show))
        .route(&format!("{prefix}/login"), get(login::show).post(login::log_in))
        .route(&format!("{prefix}/logout"), post(login::log_out))
        .route(&format!("{prefix}/assets/{{name}}"), get(shell::serve_asset));
    if !prefix.is_empty() {
        let home = format!("{prefix}/");
        pages = pages.route(prefix, get(move || async move { Redirect::permanent(&home) }));
    }
    pages.layer(middleware::map_response(shell::strict)).with_state(Arc::clone(queries))
}

/// A header's value made of our own words, numbers and paths.
fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}
