//! Style, script and icon, compiled in. Their addresses carry their content's hash, so a browser keeps them for good.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

const ASSETS: [Asset; 3] = [
    Asset { name: "page.css", kind: "text/css; charset=utf-8", text: include_str!("../../assets/page.css") },
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
pub fn address(prefix: &str, name: &str) -> String {
    format!("{prefix}/assets/{name}?v={}", *HASH)
}

/// Assets are the same for everyone and say nothing about anything: they need no login.
pub(super) async fn serve(name: Result<Path<String>, PathRejection>) -> Response {
    match ASSETS.iter().find(|asset| name.as_ref().is_ok_and(|Path(name)| *asset.name == *name)) {
        Some(asset) => {
            let keep = "public, max-age=31536000, immutable";
            ([(header::CONTENT_TYPE, asset.kind), (header::CACHE_CONTROL, keep)], asset.text).into_response()
        }
        None => (StatusCode::NOT_FOUND, "Not found").into_response(),
    }
}
