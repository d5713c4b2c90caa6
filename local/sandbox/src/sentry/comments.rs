//! The comments ("notes") of an issue.

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::event::written;
use super::issues::Comment;
use super::refusal::{not_known, not_there, refused};
use super::rest::{Outcome, object, of_organization};
use super::{ORGANIZATION, Shared, lock, paging};

/// The same text again within this time is refused.
const COMMENT_REPEAT: SignedDuration = SignedDuration::from_hours(1);

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/0/organizations/{organization}/issues/{id}/comments/", get(list).post(add))
        .route("/api/0/organizations/{organization}/issues/{id}/notes/", get(list).post(add))
}

async fn list(
    State(issues): State<Shared>,
    Path((organization, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Outcome {
    let issues = lock(&issues);
    of_organization(&organization)?;
    let issue = issues.by_id.get(&id).ok_or_else(not_there)?;
    let wanted = paging::read(query.as_deref().unwrap_or_default())?;
    let newest_first = issue.comments.iter().enumerate().rev();
    let shown = newest_first.map(|(index, comment)| shown(comment, index + 1)).collect();
    let url = format!("{}/api/0/organizations/{ORGANIZATION}/issues/{id}/comments/", issues.base);
    Ok(paging::answer(shown, wanted, &url))
}

async fn add(
    State(issues): State<Shared>,
    Path((organization, id)): Path<(String, String)>,
    body: Bytes,
) -> Outcome {
    let mut issues = lock(&issues);
    of_organization(&organization)?;
    let now = issues.clock.now();
    let issue = issues.by_id.get_mut(&id).ok_or_else(not_there)?;
    let comment = object(&body)?;
    let text = match comment.get("text").and_then(Value::as_str) {
        Some(text) if !text.trim().is_empty() && comment.len() == 1 => text.to_owned(),
        Some(text) if !text.trim().is_empty() => return Err(not_known()),
        Some(_) => {
            return Err(refused(StatusCode::BAD_REQUEST, json!({"text": ["This field may not be blank."]})));
        }
        None => return Err(refused(StatusCode::BAD_REQUEST, json!({"text": ["This field is required."]}))),
    };
    if issue.comments.iter().any(|c| c.text == text && now.duration_since(c.at) < COMMENT_REPEAT) {
        let detail = "You have already posted that comment.";
        return Err(refused(StatusCode::BAD_REQUEST, json!({"detail": detail})));
    }
    issue.comments.push(Comment { text, at: now });
    let number = issue.comments.len();
    Ok((StatusCode::CREATED, Json(shown(&issue.comments[number - 1], number))).into_response())
}

fn shown(comment: &Comment, number: usize) -> Value {
    json!({
        "id": number.to_string(), "type": "note", "data": {"text": comment.text},
        "dateCreated": written(comment.at), "user": {"id": "1", "name": "autofix"}, "sentry_app": null,
    })
}
