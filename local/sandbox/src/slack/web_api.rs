//! `https://slack.com/api/…`: the methods that AutoFix needs. Errors are HTTP 200 with `ok: false`, as
//! Slack gives them. An argument that the sandbox does not know is `invalid_arguments`, where Slack
//! itself would only warn: a misspelt argument must not pass unseen.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Map, Value, json};

use super::workspace::{Content, Ephemeral, Message, Origin, Refusal, Workspace, message_json};
use super::{APPROVER_ID, BOT_ID, BOT_TOKEN, BOT_USER_ID, Shared, TEAM_ID, USERS, dialogs, lock};

type Arguments = Map<String, Value>;

/// Messages in one page of history, unless `limit` says otherwise; Slack's default and most.
const PAGE: usize = 100;
const LARGEST_PAGE: usize = 999;

const POST_MESSAGE: &[&str] = &[
    "channel",
    "text",
    "blocks",
    "thread_ts",
    "reply_broadcast",
    "metadata",
    "unfurl_links",
    "unfurl_media",
    "mrkdwn",
    "parse",
    "link_names",
];
const UPDATE: &[&str] = &["channel", "ts", "text", "blocks", "metadata", "parse", "link_names"];
const POST_EPHEMERAL: &[&str] = &["channel", "user", "text", "blocks", "thread_ts", "parse", "link_names"];
const HISTORY: &[&str] =
    &["channel", "limit", "oldest", "latest", "inclusive", "cursor", "include_all_metadata"];
const REPLIES: &[&str] =
    &["channel", "ts", "limit", "oldest", "latest", "inclusive", "cursor", "include_all_metadata"];

const VIEWS_OPEN: &[&str] = &["trigger_id", "view"];
const GROUP_USERS: &[&str] = &["usergroup", "include_disabled", "team_id"];

pub(super) fn routes(workspace: Shared) -> Router {
    Router::new().route("/api/{method}", get(call).post(call)).with_state(workspace)
}

async fn call(
    State(workspace): State<Shared>,
    Path(method): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut workspace = lock(&workspace);
    let granted: Vec<&str> = workspace.scopes.iter().copied().collect();
    let granted = granted.join(",");
    let admitted = authorized(&headers).and_then(|()| in_scope(&workspace, &method));
    let is_known = !matches!(&admitted, Err(Refusal { code: "not_authed" | "invalid_auth", .. }));
    let answer =
        admitted.and_then(|()| arguments(&headers, query.as_deref(), &body)).and_then(
            |arguments| match method.as_str() {
                "chat.postMessage" => {
                    known(&arguments, POST_MESSAGE).and_then(|()| post_message(&mut workspace, &arguments))
                }
                "chat.update" => known(&arguments, UPDATE).and_then(|()| update(&mut workspace, &arguments)),
                "chat.postEphemeral" => known(&arguments, POST_EPHEMERAL)
                    .and_then(|()| post_ephemeral(&mut workspace, &arguments)),
                "conversations.history" => {
                    known(&arguments, HISTORY).and_then(|()| history(&workspace, &arguments))
                }
                "conversations.replies" => {
                    known(&arguments, REPLIES).and_then(|()| replies(&workspace, &arguments))
                }
                "views.open" => {
                    known(&arguments, VIEWS_OPEN).and_then(|()| dialogs::open(&mut workspace, &arguments))
                }
                "usergroups.users.list" => {
                    known(&arguments, GROUP_USERS).and_then(|()| group_users(&workspace, &arguments))
                }
                "auth.test" => known(&arguments, &[]).map(|()| auth_test()),
                _ => Err("unknown_method".into()),
            },
        );
    let mut response = match answer {
        Ok(mut answer) => {
            answer["ok"] = json!(true);
            axum::Json(answer).into_response()
        }
        Err(Refusal { code: "unknown_method", .. }) => StatusCode::NOT_IMPLEMENTED.into_response(),
        Err(Refusal { code: "missing_scope", .. }) => {
            let refusal = json!({
                "ok": false, "error": "missing_scope", "needed": scope_of(&method), "provided": granted,
            });
            axum::Json(refusal).into_response()
        }
        Err(Refusal { code, details }) if details.is_empty() => {
            axum::Json(json!({"ok": false, "error": code})).into_response()
        }
        Err(Refusal { code, details }) => {
            let messages: Vec<String> = details.iter().map(|detail| format!("[ERROR] {detail}")).collect();
            axum::Json(json!({
                "ok": false, "error": code, "errors": details, "response_metadata": {"messages": messages},
            }))
            .into_response()
        }
    };
    if is_known && let Ok(scopes) = granted.parse() {
        response.headers_mut().insert("x-oauth-scopes", scopes);
    }
    response
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

/// Query and body together; the body is JSON or a form.
fn arguments(headers: &HeaderMap, query: Option<&str>, body: &[u8]) -> Result<Arguments, Refusal> {
    let pairs = |form: &[u8]| -> Arguments {
        url::form_urlencoded::parse(form).map(|(name, value)| (name.into_owned(), json!(value))).collect()
    };
    let mut arguments = pairs(query.unwrap_or_default().as_bytes());
    if body.is_empty() {
        return Ok(arguments);
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match kind.split(';').next().unwrap_or_default().trim() {
        "application/json" => match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => arguments.extend(object),
            Ok(_) => return Err("json_not_object".into()),
            Err(_) => return Err("invalid_json".into()),
        },
        "application/x-www-form-urlencoded" => arguments.extend(pairs(body)),
        "" => return Err("missing_post_type".into()),
        _ => return Err("invalid_post_type".into()),
    }
    Ok(arguments)
}

fn known(arguments: &Arguments, names: &[&str]) -> Result<(), Refusal> {
    let unknown = arguments.keys().filter(|name| !names.contains(&name.as_str()));
    let details: Vec<String> = unknown.map(|name| format!("unsupported argument: {name}")).collect();
    if details.is_empty() { Ok(()) } else { Err(Refusal { code: "invalid_arguments", details }) }
}

fn post_message(workspace: &mut Workspace, arguments: &Arguments) -> Result<Value, Refusal> {
    let channel = workspace.joined_channel(text(arguments, "channel"))?;
    let content = Content::read(arguments)?;
    if content.is_empty() {
        return Err("no_text".into());
    }
    let thread = thread(workspace, channel, arguments)?;
    let message = workspace.post(channel, content, (thread.as_deref(), Origin::BotToken));
    Ok(json!({"channel": channel, "ts": message.ts, "message": message_json(&message)}))
}

fn update(workspace: &mut Workspace, arguments: &Arguments) -> Result<Value, Refusal> {
    let channel = workspace.open_channel(text(arguments, "channel"))?;
    // Only posting takes a channel's name.
    if channel != text(arguments, "channel") {
        return Err("channel_not_found".into());
    }
    let content = Content::read(arguments)?;
    if content.text.is_none() && content.blocks.is_none() && content.metadata.is_none() {
        return Err("no_text".into());
    }
    let ts = text(arguments, "ts");
    let found = workspace.messages.iter().find(|m| m.channel == channel && m.ts == ts);
    if found.ok_or("message_not_found")?.origin != Origin::BotToken {
        return Err("cant_update_message".into());
    }
    let message = workspace.change(channel, ts, content).ok_or("message_not_found")?;
    Ok(json!({"channel": channel, "ts": ts, "text": message.text, "message": message_json(&message)}))
}

fn post_ephemeral(workspace: &mut Workspace, arguments: &Arguments) -> Result<Value, Refusal> {
    let channel = workspace.open_channel(text(arguments, "channel"))?;
    let user = text(arguments, "user");
    if !USERS.iter().any(|(id, _)| *id == user) {
        return Err("user_not_in_channel".into());
    }
    let content = Content::read(arguments)?;
    if content.is_empty() {
        return Err("no_text".into());
    }
    thread(workspace, channel, arguments)?;
    workspace.ephemerals.push(Ephemeral {
        channel: channel.to_owned(),
        user: user.to_owned(),
        text: content.text.unwrap_or_default(),
        blocks: content.blocks.unwrap_or_default(),
    });
    let now = workspace.clock.now().as_microsecond();
    Ok(json!({"message_ts": format!("{}.{:06}", now / 1_000_000, now % 1_000_000)}))
}

fn history(workspace: &Workspace, arguments: &Arguments) -> Result<Value, Refusal> {
    let channel = text(arguments, "channel");
    // An archived channel can still be read.
    let in_channel = workspace.messages.iter().filter(|m| m.channel == channel && m.thread_ts.is_none());
    match workspace.joined_channel(channel) {
        Err(refusal) if refusal.code != "is_archived" => return Err(refusal),
        _ => {}
    }
    let newest_first = workspace.archived.get(channel).into_iter().chain(in_channel.rev()).collect();
    page(workspace, newest_first, arguments)
}

fn replies(workspace: &Workspace, arguments: &Arguments) -> Result<Value, Refusal> {
    let (channel, ts) = (workspace.open_channel(text(arguments, "channel"))?, text(arguments, "ts"));
    let in_thread = |m: &&Message| m.channel == channel && (m.ts == ts || m.thread_ts.as_deref() == Some(ts));
    let oldest_first: Vec<&Message> = workspace.messages.iter().filter(in_thread).collect();
    if oldest_first.is_empty() {
        return Err("thread_not_found".into());
    }
    page(workspace, oldest_first, arguments)
}

fn page(workspace: &Workspace, messages: Vec<&Message>, arguments: &Arguments) -> Result<Value, Refusal> {
    let limit = match number(arguments, "limit") {
        None if text(arguments, "limit").is_empty() => PAGE,
        Some(limit) if limit >= 1 => limit.min(LARGEST_PAGE),
        _ => return Err("invalid_limit".into()),
    };
    let offset = match text(arguments, "cursor") {
        "" => 0,
        cursor => cursor.strip_prefix("offset:").and_then(|n| n.parse().ok()).ok_or("invalid_cursor")?,
    };
    let (oldest, latest) = (bound(arguments, "oldest")?, bound(arguments, "latest")?);
    let inclusive = flag(arguments, "inclusive");
    let wanted: Vec<&Message> = messages
        .into_iter()
        .filter(|m| oldest.is_none_or(|o| micros(&m.ts) > Some(o) || (inclusive && micros(&m.ts) == Some(o))))
        .filter(|m| latest.is_none_or(|l| micros(&m.ts) < Some(l) || (inclusive && micros(&m.ts) == Some(l))))
        .collect();
    let shown: Vec<Value> = wanted
        .iter()
        .skip(offset)
        .take(limit)
        .map(|message| in_list(workspace, message, arguments))
        .collect();
    let more = offset + shown.len() < wanted.len();
    let mut answer = json!({"messages": shown, "has_more": more, "pin_count": 0});
    if more {
        answer["response_metadata"] = json!({"next_cursor": format!("offset:{}", offset + limit)});
    }
    Ok(answer)
}

fn in_list(workspace: &Workspace, message: &Message, arguments: &Arguments) -> Value {
    let mut shown = message_json(message);
    match message.origin {
        Origin::BotToken | Origin::ResponseUrl => {}
        Origin::IncomingWebhook => shown["subtype"] = json!("bot_message"),
        Origin::Archiving => {
            shown = json!({
                "type": "message", "subtype": "channel_archive", "ts": message.ts, "user": APPROVER_ID,
                "text": message.text, "members": [],
            });
        }
    }
    if flag(arguments, "include_all_metadata")
        && let Some(metadata) = &message.metadata
    {
        shown["metadata"] = metadata.clone();
    }
    let replies = workspace.messages.iter().filter(|m| m.thread_ts.as_ref() == Some(&message.ts)).count();
    if replies > 0 {
        shown["thread_ts"] = json!(message.ts);
        shown["reply_count"] = json!(replies);
    }
    shown
}

fn group_users(workspace: &Workspace, arguments: &Arguments) -> Result<Value, Refusal> {
    let team = text(arguments, "team_id");
    if !team.is_empty() && team != TEAM_ID {
        return Err("invalid_team".into());
    }
    let users = workspace.groups.get(text(arguments, "usergroup")).ok_or("no_such_subteam")?;
    Ok(json!({"users": users}))
}

fn auth_test() -> Value {
    json!({
        "url": "https://sandbox.slack.com/", "team": "Sandbox", "user": "autofix", "team_id": TEAM_ID,
        "user_id": BOT_USER_ID, "bot_id": BOT_ID, "is_enterprise_install": false,
    })
}

/// The thread to post into, which is named by its first message.
pub(super) fn thread(
    workspace: &Workspace,
    channel: &str,
    arguments: &Arguments,
) -> Result<Option<String>, Refusal> {
    let ts = text(arguments, "thread_ts");
    if ts.is_empty() {
        return Ok(None);
    }
    let parent =
        workspace.messages.iter().find(|m| m.channel == channel && m.ts == ts).ok_or("thread_not_found")?;
    Ok(Some(parent.thread_ts.clone().unwrap_or_else(|| ts.to_owned())))
}

fn text<'a>(arguments: &'a Arguments, name: &str) -> &'a str {
    arguments.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(arguments: &Arguments, name: &str) -> Option<usize> {
    let value = arguments.get(name)?;
    value.as_u64().and_then(|n| usize::try_from(n).ok()).or_else(|| value.as_str()?.parse().ok())
}

fn flag(arguments: &Arguments, name: &str) -> bool {
    arguments
        .get(name)
        .is_some_and(|value| matches!(value.as_str(), Some("true" | "1")) || value == &json!(true))
}

/// A time stamp that bounds a list; 0 and nothing mean no bound.
fn bound(arguments: &Arguments, name: &str) -> Result<Option<i64>, Refusal> {
    let given = match arguments.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let invalid = if name == "oldest" { "invalid_ts_oldest" } else { "invalid_ts_latest" };
    let micros = micros(&given).ok_or(invalid)?;
    Ok(Some(micros).filter(|micros| *micros > 0))
}

/// `1795000000.000100` in microseconds.
fn micros(ts: &str) -> Option<i64> {
    let (seconds, fraction) = ts.split_once('.').unwrap_or((ts, "0"));
    if fraction.len() > 6 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(seconds.parse::<i64>().ok()? * 1_000_000 + format!("{fraction:0<6}").parse::<i64>().ok()?)
}
