//! The two kinds of secret address that a message can be sent to without a token: the incoming
//! webhook, and the `response_url` of a pressed button. Their errors are plain text with an HTTP status.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::workspace::{Content, Ephemeral, Origin, Refusal, ResponseUrl, Workspace};
use super::{CHANNEL_ID, Shared, WEBHOOK_PATH, lock};

/// How often, and for how many seconds, a `response_url` may be used.
const RESPONSE_URL_USES: u32 = 5;
const RESPONSE_URL_SECONDS: i64 = 30 * 60;

pub(super) fn routes(workspace: Shared) -> Router {
    Router::new()
        .route("/services/{*secret}", post(incoming_webhook))
        .route("/actions/{team}/{number}/{secret}", post(response_url))
        .with_state(workspace)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookMessage {
    text: Option<String>,
    blocks: Option<Vec<Value>>,
}

async fn incoming_webhook(
    State(workspace): State<Shared>,
    Path(secret): Path<String>,
    body: Bytes,
) -> Response {
    if WEBHOOK_PATH.strip_prefix("/services/") != Some(&secret) {
        return (StatusCode::NOT_FOUND, "no_service").into_response();
    }
    answer(post_webhook(&mut lock(&workspace), &body))
}

fn post_webhook(workspace: &mut Workspace, body: &[u8]) -> Result<(), Refusal> {
    let WebhookMessage { text, blocks } = read(body)?;
    let channel = workspace.open_channel(CHANNEL_ID).map_err(|_| "channel_is_archived")?;
    let content = Content { text, blocks, metadata: None }.checked()?;
    if content.is_empty() {
        return Err("no_text".into());
    }
    workspace.post(channel, content, None, Origin::IncomingWebhook);
    Ok(())
}

/// A `response_url` replaces the card of the button, or shows something to the person who pressed it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResponseMessage {
    text: Option<String>,
    blocks: Option<Vec<Value>>,
    #[serde(default)]
    replace_original: bool,
    #[serde(rename = "response_type")]
    _response_type: Option<ResponseType>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ResponseType {
    Ephemeral,
}

async fn response_url(
    State(workspace): State<Shared>,
    Path((_, _, secret)): Path<(String, String, String)>,
    body: Bytes,
) -> Response {
    answer(respond(&mut lock(&workspace), &secret, &body))
}

fn respond(workspace: &mut Workspace, secret: &str, body: &[u8]) -> Result<(), Refusal> {
    let now = workspace.clock.now().as_second();
    let url = workspace.response_urls.iter_mut().find(|url| url.secret == secret).ok_or("expired_url")?;
    if now - url.made_at > RESPONSE_URL_SECONDS {
        return Err("expired_url".into());
    }
    if url.uses >= RESPONSE_URL_USES {
        return Err("used_url".into());
    }
    let ResponseMessage { text, blocks, replace_original, .. } = read(body)?;
    url.uses += 1;
    let ResponseUrl { channel, message_ts, user, .. } = url.clone();
    let mut content = Content { text, blocks, metadata: None }.checked()?;
    if content.is_empty() {
        return Err("no_text".into());
    }
    if replace_original {
        // Unlike `chat.update`, this replaces all of the message: blocks that are not mentioned are gone.
        content.blocks.get_or_insert_default();
        content.text.get_or_insert_default();
        workspace.change(&channel, &message_ts, content).ok_or("message_not_found")?;
    } else {
        workspace.ephemerals.push(Ephemeral::new(&channel, user, content));
    }
    Ok(())
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|_| "invalid_payload".into())
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
