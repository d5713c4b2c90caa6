//! `https://slack.com/api/…`: the methods that AutoFix needs. Errors are HTTP 200 with `ok: false`, as
//! Slack gives them. An argument that AutoFix has no use for is `invalid_arguments`, where Slack
//! itself would only warn: a misspelt argument must not pass unseen.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::workspace::{Content, Ephemeral, Message, Origin, Refusal, Workspace, message_json};
use super::{APPROVER_ID, BOT_ID, BOT_TOKEN, BOT_USER_ID, Shared, TEAM_ID, USERS, dialogs, lock};

/// Messages in one page of history, unless `limit` says otherwise; Slack's default and most.
const PAGE: usize = 100;
const LARGEST_PAGE: usize = 999;

pub(super) fn routes(workspace: Shared) -> Router {
    Router::new().route("/api/{method}", post(call)).with_state(workspace)
}

async fn call(
    State(workspace): State<Shared>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut workspace = lock(&workspace);
    let granted = workspace.scopes.iter().copied().collect::<Vec<_>>().join(",");
    let authorized = authorized(&headers);
    let is_known = authorized.is_ok();
    let answer = authorized
        .and_then(|()| in_scope(&workspace, &method))
        .and_then(|()| answer(&mut workspace, &method, &body));
    let body = match answer {
        Ok(mut answer) => {
            answer["ok"] = json!(true);
            answer
        }
        Err(Refusal { code: "unknown_method", .. }) => return StatusCode::NOT_IMPLEMENTED.into_response(),
        Err(Refusal { code: "missing_scope", .. }) => json!({
            "ok": false, "error": "missing_scope", "needed": scope_of(&method), "provided": granted,
        }),
        Err(Refusal { code, details }) if details.is_empty() => json!({"ok": false, "error": code}),
        Err(Refusal { code, details }) => {
            let messages: Vec<String> = details.iter().map(|detail| format!("[ERROR] {detail}")).collect();
            json!({
                "ok": false, "error": code, "errors": details, "response_metadata": {"messages": messages},
            })
        }
    };
    let mut response = axum::Json(body).into_response();
    if is_known && let Ok(scopes) = granted.parse() {
        response.headers_mut().insert("x-oauth-scopes", scopes);
    }
    response
}

fn answer(workspace: &mut Workspace, method: &str, body: &[u8]) -> Result<Value, Refusal> {
    match method {
        "chat.postMessage" => post_message(workspace, read(body)?),
        "chat.update" => update(workspace, read(body)?),
        "chat.postEphemeral" => post_ephemeral(workspace, read(body)?),
        "conversations.history" => history(workspace, &read(body)?),
        "conversations.replies" => replies(workspace, &read(body)?),
        "views.open" => dialogs::open(workspace, read(body)?),
        "usergroups.users.list" => group_users(workspace, &read(body)?),
        "auth.test" => read(body).map(auth_test),
        _ => Err("unknown_method".into()),
    }
}

fn authorized(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) {
        None => Err("not_authed".into()),
        Some(value) if value.strip_prefix("Bearer ") == Some(BOT_TOKEN) => Ok(()),
        Some(_) => Err("invalid_auth".into()),
    }
}

/// The scope that a method needs of a bot token.
fn scope_of(method: &str) -> Option<&'static str> {
    match method {
        "chat.postMessage" | "chat.update" | "chat.postEphemeral" => Some("chat:write"),
        "conversations.history" | "conversations.replies" => Some("channels:history"),
        "usergroups.users.list" => Some("usergroups:read"),
        _ => None,
    }
}

fn in_scope(workspace: &Workspace, method: &str) -> Result<(), Refusal> {
    match scope_of(method) {
        Some(scope) if !workspace.scopes.contains(scope) => Err("missing_scope".into()),
        _ => Ok(()),
    }
}

/// A body as the arguments that a method has.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let wrong = |error: serde_json::Error| Refusal {
        code: if error.is_data() { "invalid_arguments" } else { "invalid_json" },
        details: vec![error.to_string()],
    };
    serde_json::from_slice(body).map_err(wrong)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PostMessage {
    channel: String,
    text: Option<String>,
    blocks: Option<Vec<Value>>,
    metadata: Option<Value>,
    thread_ts: Option<String>,
    #[serde(rename = "unfurl_links")]
    _unfurl_links: Option<bool>,
    #[serde(rename = "unfurl_media")]
    _unfurl_media: Option<bool>,
}

fn post_message(workspace: &mut Workspace, new: PostMessage) -> Result<Value, Refusal> {
    let channel = workspace.joined_channel(&new.channel)?;
    let content = Content { text: new.text, blocks: new.blocks, metadata: new.metadata }.checked()?;
    if content.is_empty() {
        return Err("no_text".into());
    }
    // A thread is named by its first message.
    let thread = match new.thread_ts {
        Some(ts) => {
            let parent = workspace.messages.iter().find(|m| m.channel == channel && m.ts == ts);
            Some(parent.ok_or("thread_not_found")?.thread_ts.clone().unwrap_or(ts))
        }
        None => None,
    };
    let message = workspace.post(channel, content, thread, Origin::BotToken);
    Ok(json!({"channel": channel, "ts": message.ts, "message": message_json(&message)}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Update {
    channel: String,
    ts: String,
    text: Option<String>,
    blocks: Option<Vec<Value>>,
    metadata: Option<Value>,
}

fn update(workspace: &mut Workspace, change: Update) -> Result<Value, Refusal> {
    let Update { ts, text, blocks, metadata, .. } = change;
    let channel = workspace.open_channel(&change.channel)?;
    // Only posting takes a channel's name.
    if channel != change.channel {
        return Err("channel_not_found".into());
    }
    let content = Content { text, blocks, metadata }.checked()?;
    if content.text.is_none() && content.blocks.is_none() && content.metadata.is_none() {
        return Err("no_text".into());
    }
    let found = workspace.messages.iter().find(|m| m.channel == channel && m.ts == ts);
    if found.ok_or("message_not_found")?.origin != Origin::BotToken {
        return Err("cant_update_message".into());
    }
    let message = workspace.change(channel, &ts, content).ok_or("message_not_found")?;
    Ok(json!({"channel": channel, "ts": ts, "text": message.text, "message": message_json(&message)}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PostEphemeral {
    channel: String,
    user: String,
    text: String,
}

fn post_ephemeral(workspace: &mut Workspace, new: PostEphemeral) -> Result<Value, Refusal> {
    let channel = workspace.open_channel(&new.channel)?;
    if !USERS.iter().any(|(id, _)| *id == new.user) {
        return Err("user_not_in_channel".into());
    }
    let (user, content) = (new.user, Content { text: Some(new.text), ..Content::default() }.checked()?);
    if content.is_empty() {
        return Err("no_text".into());
    }
    workspace.ephemerals.push(Ephemeral::new(channel, user, content));
    Ok(json!({"message_ts": workspace.next_ts()}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    channel: String,
    /// Of the first message of a thread.
    ts: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
    #[serde(default)]
    include_all_metadata: bool,
}

fn history(workspace: &Workspace, wanted: &List) -> Result<Value, Refusal> {
    let channel = wanted.channel.as_str();
    // An archived channel can still be read.
    let in_channel = workspace.messages.iter().filter(|m| m.channel == channel && m.thread_ts.is_none());
    match workspace.joined_channel(channel) {
        Err(refusal) if refusal.code != "is_archived" => return Err(refusal),
        _ => {}
    }
    let newest_first = workspace.archived.get(channel).into_iter().chain(in_channel.rev()).collect();
    page(workspace, newest_first, wanted)
}

fn replies(workspace: &Workspace, wanted: &List) -> Result<Value, Refusal> {
    let channel = workspace.open_channel(&wanted.channel)?;
    let ts = wanted.ts.as_ref().ok_or("thread_not_found")?;
    let in_thread = |m: &&Message| m.channel == channel && (m.ts == *ts || m.thread_ts.as_ref() == Some(ts));
    let oldest_first: Vec<&Message> = workspace.messages.iter().filter(in_thread).collect();
    if oldest_first.is_empty() {
        return Err("thread_not_found".into());
    }
    page(workspace, oldest_first, wanted)
}

fn page(workspace: &Workspace, messages: Vec<&Message>, wanted: &List) -> Result<Value, Refusal> {
    let limit = match wanted.limit {
        Some(0) => return Err("invalid_limit".into()),
        limit => limit.unwrap_or(PAGE).min(LARGEST_PAGE),
    };
    let offset = match wanted.cursor.as_deref() {
        None | Some("") => 0,
        Some(cursor) => {
            cursor.strip_prefix("offset:").and_then(|n| n.parse().ok()).ok_or("invalid_cursor")?
        }
    };
    let shown = messages.iter().skip(offset).take(limit);
    let shown: Vec<Value> = shown.map(|message| in_list(workspace, message, wanted)).collect();
    let more = offset + shown.len() < messages.len();
    let mut answer = json!({"messages": shown, "has_more": more, "pin_count": 0});
    if more {
        answer["response_metadata"] = json!({"next_cursor": format!("offset:{}", offset + limit)});
    }
    Ok(answer)
}

fn in_list(workspace: &Workspace, message: &Message, wanted: &List) -> Value {
    let mut shown = message_json(message);
    match message.origin {
        Origin::BotToken => {}
        Origin::IncomingWebhook => shown["subtype"] = json!("bot_message"),
        Origin::Archiving => {
            shown = json!({
                "type": "message", "subtype": "channel_archive", "ts": message.ts, "user": APPROVER_ID,
                "text": message.text, "members": [],
            });
        }
    }
    if let Some(metadata) = message.metadata.as_ref().filter(|_| wanted.include_all_metadata) {
        shown["metadata"] = metadata.clone();
    }
    let replies = workspace.messages.iter().filter(|m| m.thread_ts.as_ref() == Some(&message.ts)).count();
    if replies > 0 {
        shown["thread_ts"] = json!(message.ts);
        shown["reply_count"] = json!(replies);
    }
    shown
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupUsers {
    usergroup: String,
    team_id: Option<String>,
}

fn group_users(workspace: &Workspace, wanted: &GroupUsers) -> Result<Value, Refusal> {
    if wanted.team_id.as_ref().is_some_and(|team| team != TEAM_ID) {
        return Err("invalid_team".into());
    }
    Ok(json!({"users": workspace.groups.get(&wanted.usergroup).ok_or("no_such_subteam")?}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoArguments {}

fn auth_test(NoArguments {}: NoArguments) -> Value {
    json!({
        "url": "https://sandbox.slack.com/", "team": "Sandbox", "user": "autofix", "team_id": TEAM_ID,
        "user_id": BOT_USER_ID, "bot_id": BOT_ID, "is_enterprise_install": false,
    })
}
