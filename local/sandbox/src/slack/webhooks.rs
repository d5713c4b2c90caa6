//! The two kinds of secret address that a message can be sent to without a token: the incoming
//! webhook, and the `response_url` of a pressed button. Their errors are plain text with an HTTP status.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Map, Value};

use super::workspace::{Content, Ephemeral, Origin, Refusal, ResponseUrl, Workspace};
use super::{CHANNEL_ID, Shared, WEBHOOK_PATH, lock, web_api};

/// How often, and for how many seconds, a `response_url` may be used.
const RESPONSE_URL_USES: u32 = 5;
const RESPONSE_URL_SECONDS: i64 = 30 * 60;

const WEBHOOK_KEYS: &[&str] = &["text", "blocks", "thread_ts", "mrkdwn", "unfurl_links", "unfurl_media"];
const RESPONSE_KEYS: &[&str] =
    &["text", "blocks", "thread_ts", "response_type", "replace_original", "delete_original", "mrkdwn"];

pub(super) fn routes(workspace: Shared) -> Router {
    Router::new()
        .route("/services/{*secret}", post(incoming_webhook))
        .route("/actions/{team}/{number}/{secret}", post(response_url))
        .with_state(workspace)
}

async fn incoming_webhook(
    State(workspace): State<Shared>,
    Path(secret): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if WEBHOOK_PATH.strip_prefix("/services/") != Some(&secret) {
        return (StatusCode::NOT_FOUND, "no_service").into_response();
    }
    answer(post_webhook(&mut lock(&workspace), &headers, &body))
}

fn post_webhook(workspace: &mut Workspace, headers: &HeaderMap, body: &[u8]) -> Result<(), Refusal> {
    let arguments = payload(headers, body, WEBHOOK_KEYS)?;
    let channel = workspace.open_channel(CHANNEL_ID).map_err(|_| "channel_is_archived")?;
    let content = Content::read(&arguments)?;
    if content.is_empty() {
        return Err("no_text".into());
    }
    let thread = web_api::thread(workspace, channel, &arguments)?;
    workspace.post(channel, content, (thread.as_deref(), Origin::IncomingWebhook));
    Ok(())
}

async fn response_url(
    State(workspace): State<Shared>,
    Path((_, _, secret)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    answer(respond(&mut lock(&workspace), &secret, (&headers, &body)))
}

fn respond(
    workspace: &mut Workspace,
    secret: &str,
    (headers, body): (&HeaderMap, &[u8]),
) -> Result<(), Refusal> {
    let now = workspace.clock.now().as_second();
    let url = workspace.response_urls.iter_mut().find(|url| url.secret == secret).ok_or("expired_url")?;
    if now - url.made_at > RESPONSE_URL_SECONDS {
        return Err("expired_url".into());
    }
    if url.uses >= RESPONSE_URL_USES {
        return Err("used_url".into());
    }
    let arguments = payload(headers, body, RESPONSE_KEYS)?;
    url.uses += 1;
    let ResponseUrl { channel, message_ts, user, .. } = url;
    let (channel, message_ts, user) = (channel.clone(), message_ts.clone(), user.clone());
    if arguments.get("delete_original") == Some(&Value::Bool(true)) {
        workspace.messages.retain(|m| m.channel != channel || m.ts != message_ts);
        return Ok(());
    }
    let mut content = Content::read(&arguments)?;
    if content.is_empty() {
        return Err("no_text".into());
    }
    if arguments.get("replace_original") == Some(&Value::Bool(true)) {
        // Unlike `chat.update`, this replaces all of the message: blocks that are not mentioned are gone.
        content.blocks.get_or_insert_default();
        content.text.get_or_insert_default();
        workspace.change(&channel, &message_ts, content).ok_or("message_not_found")?;
    } else if arguments.get("response_type").and_then(Value::as_str) == Some("in_channel") {
        let thread = web_api::thread(workspace, &channel, &arguments)?;
        workspace.post(&channel, content, (thread.as_deref(), Origin::ResponseUrl));
    } else {
        let text = content.text.unwrap_or_default();
        workspace.ephemerals.push(Ephemeral {
            channel,
            user,
            text,
            blocks: content.blocks.unwrap_or_default(),
        });
    }
    Ok(())
}

/// The message as JSON, or as JSON in the form field `payload`.
fn payload(headers: &HeaderMap, body: &[u8], known: &[&str]) -> Result<Map<String, Value>, Refusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let parsed = if kind.starts_with("application/x-www-form-urlencoded") {
        let field = url::form_urlencoded::parse(body).find(|(name, _)| name == "payload");
        serde_json::from_str(&field.ok_or("invalid_payload")?.1)
    } else {
        serde_json::from_slice(body)
    };
    match parsed {
        Ok(Value::Object(object)) if object.keys().all(|key| known.contains(&key.as_str())) => Ok(object),
        _ => Err("invalid_payload".into()),
    }
}

fn answer(outcome: Result<(), Refusal>) -> Response {
    let Err(Refusal { code, .. }) = outcome else { return "ok".into_response() };
    let status = match code {
        "expired_url" | "used_url" | "message_not_found" => StatusCode::NOT_FOUND,
        "channel_is_archived" => StatusCode::GONE,
        _ => StatusCode::BAD_REQUEST,
    };
    (status, code).into_response()
}
