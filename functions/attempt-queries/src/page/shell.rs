//! What surrounds every page: title, navigation, style and script, and the headers.
//!
//! Style, script and icon are compiled in. Their addresses carry their content's hash, so a browser keeps them for good.
//! What a browser may do with a page is as little as the page needs: should text from outside ever get through as markup,
//! it can run nothing, load nothing and send nothing.

use std::sync::LazyLock;

use askama::Template;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use sha2::{Digest, Sha256};
use tracing::error;

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
    /// The page to go back to, for who came from the sandbox.
    pub sandbox: Option<&'static str>,
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
            sandbox: self.sandbox_page,
            stylesheet: asset_address(prefix, "page.css"),
            script: asset_address(prefix, "page.js"),
            icon: asset_address(prefix, "icon.svg"),
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

/// Style, script, pictures and refreshing come from here and nowhere else; nothing inline, no frames, no plugins, no
/// `<base>`; forms go here. Scripts cannot turn text into markup.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";

const HEADERS: &[(&str, &str)] = &[
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    // Not `no-referrer`: browsers would send our own forms without an origin. Other hosts learn nothing either way.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    // Browsers heed it where it came over HTTPS, and nowhere else.
    ("strict-transport-security", "max-age=31536000"),
    ("x-robots-tag", "noindex, nofollow"),
];

/// Adds the headers of every page. What does not say otherwise is kept by no cache, shared or a browser's own.
pub async fn strict(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    answer
}

/// The colours of the page as a stylesheet, for pages that stand alone.
pub const COLOURS: &str = include_str!("../../assets/colours.css");

struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

const ASSETS: [Asset; 3] = [
    Asset {
        name: "page.css",
        kind: "text/css; charset=utf-8",
        text: concat!(include_str!("../../assets/colours.css"), include_str!("../../assets/page.css")),
    },
    Asset {
        name: "page.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("../../assets/page.js"),
    },
    Asset { name: "icon.svg", kind: "image/svg+xml", text: include_str!("../../assets/icon.svg") },
];

/// Of all assets together: they change together, with a deployment.
static HASH: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    ASSETS.iter().for_each(|asset| hash.update(asset.text));
    hex::encode(&hash.finalize()[..6])
});

/// The address of an asset below the prefix.
pub fn asset_address(prefix: &str, name: &str) -> String {
    format!("{prefix}/assets/{name}?v={}", *HASH)
}

/// Assets are the same for everyone and say nothing about anything: they need no login.
pub(super) async fn serve_asset(name: Result<Path<String>, PathRejection>) -> Response {
    match ASSETS.iter().find(|asset| name.as_ref().is_ok_and(|Path(name)| *asset.name == *name)) {
        Some(asset) => {
            let keep = "public, max-age=31536000, immutable";
            ([(header::CONTENT_TYPE, asset.kind), (header::CACHE_CONTROL, keep)], asset.text).into_response()
        }
        None => (StatusCode::NOT_FOUND, "Not found").into_response(),
    }
}
