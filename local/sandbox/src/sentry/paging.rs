//! Lists in pages, with Sentry's `Link` header.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::refusal::{Refusal, not_known, refused};

/// Entries in one page; Sentry's default and most.
const PAGE: usize = 100;

/// One page of a list whose items all exist already. `(offset, limit)` is what was asked for.
pub(super) fn answer(all: Vec<Value>, (offset, limit): (usize, usize), url: &str) -> Response {
    let total = all.len();
    let page: Vec<Value> = all.into_iter().skip(offset).take(limit).collect();
    let link = |cursor: String, rel: &str, results: bool| {
        format!(r#"<{url}?cursor={cursor}>; rel="{rel}"; results="{results}"; cursor="{cursor}""#)
    };
    let links = [
        link(format!("0:{}:1", offset.saturating_sub(limit)), "previous", offset > 0),
        link(format!("0:{}:0", offset + limit), "next", offset + page.len() < total),
    ];
    ([(header::LINK, links.join(", "))], Json(page)).into_response()
}

/// Where a cursor stands.
pub(super) fn offset(cursor: &str) -> Result<usize, Refusal> {
    let wrong = || refused(StatusCode::BAD_REQUEST, json!({"detail": "Invalid cursor parameter."}));
    cursor.split(':').nth(1).and_then(|number| number.parse().ok()).ok_or_else(wrong)
}

/// Reads the query of a list that takes `per_page` and `cursor` and nothing else.
pub(super) fn read(query: &str) -> Result<(usize, usize), Refusal> {
    let mut wanted = (0, PAGE);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "cursor" => wanted.0 = offset(&value)?,
            "per_page" => wanted.1 = per_page(&value)?,
            _ => return Err(not_known()),
        }
    }
    Ok(wanted)
}

pub(super) fn per_page(value: &str) -> Result<usize, Refusal> {
    let wrong = |detail: &str| refused(StatusCode::BAD_REQUEST, json!({"detail": detail}));
    match value.parse() {
        Ok(number @ 1..=PAGE) => Ok(number),
        _ => Err(wrong("Invalid per_page value. Must be between 1 and 100.")),
    }
}
