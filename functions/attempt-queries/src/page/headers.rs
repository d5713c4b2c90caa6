//! The headers of every page. What a browser may do with a page is as little as the page needs: should text from
//! outside ever get through as markup, it can run nothing, load nothing and send nothing.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

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

/// Adds them. What does not say otherwise is kept by no cache, shared or a browser's own.
pub async fn strict(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    answer
}
