//! What surrounds every page: title, navigation, addresses of style and script.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use tracing::error;

use super::assets;
use crate::Queries;

/// Who looks, as far as the surroundings of a page depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Viewer {
    /// Has the API token.
    Owner,
    /// Holds a link to this one attempt.
    Guest,
    Nobody,
}

/// The page that is looked at, for the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Here {
    List,
    Scoreboard,
    Elsewhere,
}

/// The surroundings of one page.
pub(super) struct Shell {
    pub title: String,
    pub viewer: Viewer,
    pub here: Here,
    pub prefix: String,
    pub stylesheet: String,
    pub script: String,
    pub icon: String,
    /// The server's time, by which a browser reckons how long ago something was.
    pub now: String,
}

impl Shell {
    pub(super) fn is_owner(&self) -> bool {
        self.viewer == Viewer::Owner
    }

    pub(super) fn is_guest(&self) -> bool {
        self.viewer == Viewer::Guest
    }

    pub(super) fn is_scoreboard(&self) -> bool {
        self.here == Here::Scoreboard
    }

    pub(super) fn is_list(&self) -> bool {
        self.here == Here::List
    }
}

impl Queries {
    pub(super) fn shell(&self, title: impl Into<String>, viewer: Viewer, here: Here) -> Shell {
        let prefix = &self.config.common.prefix;
        Shell {
            title: title.into(),
            viewer,
            here,
            prefix: prefix.clone(),
            stylesheet: assets::address(prefix, "page.css"),
            script: assets::address(prefix, "page.js"),
            icon: assets::address(prefix, "icon.svg"),
            now: self.clock.now().to_string(),
        }
    }
}

/// A page as an answer.
pub fn html(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            // Rendering writes into memory and calls nothing that fails.
            error!(error = %error, "Cannot render a page");
            (StatusCode::INTERNAL_SERVER_ERROR, "This page cannot be shown").into_response()
        }
    }
}
