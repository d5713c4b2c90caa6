//! Claude's fake: Anthropic's Messages API with a script in the model's place. It is no model, and
//! says so in the header `x-sandbox: scripted` of every answer.
//!
//! Around the script everything is meant: what the real service refuses is refused, the model's turns
//! must come back unchanged, strict tools get inputs that fit their schema, and usage counts tokens and
//! cache as the real one would. What AutoFix does not send is refused.

mod caching;
mod critic;
mod history;
mod models;
mod refusal;
mod rules;
mod schemas;
mod scripts;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::Context;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::service::{Service, lock, way_back};
use crate::{Addresses, WayBack};
use caching::{Cache, Prompt};
use refusal::Refusal;
pub use scripts::{RESULT_TOOLS, Script, ToolUse, Turn, approval};

pub const API_KEY: &str = "sk-ant-sandbox-key";

/// A running fake. Clones are handles to the same one.
#[derive(Clone)]
pub struct Claude {
    service: Service,
    book: Shared,
}

/// A conversation that was had: requests with the same beginning and the same result tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// The tool that ends it; `None` where the request offered none of [`RESULT_TOOLS`].
    pub result_tool: Option<String>,
    /// The script that played; `None` where none fits.
    pub script: Option<String>,
    /// The text of the first user message.
    pub first_message: String,
    /// Turns answered, repeated ones included.
    pub turns: usize,
}

type Shared = Arc<Mutex<Book>>;

#[derive(Clone)]
struct Book {
    scripts: Vec<Script>,
    cache: Cache,
    /// In the order in which they began; the key tells them apart.
    conversations: Vec<(String, Conversation)>,
    /// Turns that ended with `pause_turn`, which alone may stand at the end of a request.
    paused: BTreeSet<String>,
    requests: u64,
    /// Models whose end was announced.
    ends: BTreeMap<String, End>,
}

/// What is announced about the end of a model.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// `deprecated` or `retired`.
    pub lifecycle: &'static str,
    /// RFC 3339.
    pub retires_at: &'static str,
}

impl Claude {
    /// Starts a fake that knows the scripts of the demo's scenarios.
    pub async fn start() -> anyhow::Result<Claude> {
        Claude::start_at(Addresses::free().of(0)).await
    }

    /// As [`Claude::start`], at a given address.
    pub(super) async fn start_at(address: SocketAddr) -> anyhow::Result<Claude> {
        let book = Book {
            scripts: crate::scenario::scripts(),
            cache: Cache::default(),
            conversations: Vec::new(),
            paused: BTreeSet::new(),
            requests: 0,
            ends: BTreeMap::new(),
        };
        let book: Shared = Arc::new(Mutex::new(book));
        let router = Router::new()
            .route("/v1/messages", post(answer_messages))
            .route("/v1/models/{id}", get(answer_model))
            .with_state(Arc::clone(&book));
        let service = Service::start_at(router, address).await.context("start the sandbox's Claude")?;
        Ok(Claude { service, book })
    }

    pub fn service(&self) -> &Service {
        &self.service
    }

    /// For `ANTHROPIC_BASE_URL`.
    pub fn url(&self) -> String {
        self.service.url()
    }

    /// Puts a script before all others.
    pub fn add_script(&self, script: Script) {
        lock(&self.book).scripts.insert(0, script);
    }

    /// Announces the end of a model. A retired one answers no messages any more.
    pub fn announce_end(&self, model: &str, end: End) {
        lock(&self.book).ends.insert(model.to_owned(), end);
    }

    /// Makes it again what it is now.
    pub(super) fn way_back(&self) -> WayBack {
        way_back(&self.book)
    }

    /// How many turns were answered in all: what somebody would have paid for.
    pub fn turns_answered(&self) -> usize {
        lock(&self.book).conversations.iter().map(|(_, conversation)| conversation.turns).sum()
    }

    /// The conversations so far, in the order in which they began.
    pub fn conversations(&self) -> Vec<Conversation> {
        lock(&self.book).conversations.iter().map(|(_, conversation)| conversation.clone()).collect()
    }
}

async fn answer_messages(State(book): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let mut book = lock(&book);
    let outcome = rules::check_headers(&headers).and_then(|()| match serde_json::from_slice(&body) {
        Ok(Value::Object(body)) => book.answer(&body),
        Ok(_) => Err(Refusal::invalid("Input should be an object")),
        Err(_) => Err(Refusal::invalid("The request body is not valid JSON")),
    });
    book.sent(outcome)
}

async fn answer_model(State(book): State<Shared>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let mut book = lock(&book);
    let outcome = rules::check_headers(&headers).and_then(|()| models::find(&id)).map(|model| {
        let mut described = model.described();
        if let Some(end) = book.ends.get(model.id) {
            described["lifecycle"] = json!(end.lifecycle);
            described["retires_at"] = json!(end.retires_at);
        }
        described
    });
    book.sent(outcome)
}

impl Book {
    /// Every answer carries its id, and says that no model gave it.
    fn sent(&mut self, outcome: Result<Value, Refusal>) -> Response {
        self.requests += 1;
        let request_id = format!("req_sandbox{:06}", self.requests);
        let headers = [("request-id", request_id.clone()), ("x-sandbox", "scripted".to_owned())];
        match outcome {
            Ok(answer) => (headers, Json(answer)).into_response(),
            Err(refusal) => (refusal.status, headers, Json(refusal.body(&request_id))).into_response(),
        }
    }

    fn answer(&mut self, body: &Map<String, Value>) -> Result<Value, Refusal> {
        let request = rules::check(body)?;
        if self.ends.get(request.model.id).is_some_and(|end| end.lifecycle == "retired") {
            return Err(Refusal::not_found(&format!("model: {}", request.model.id)));
        }
        let history = &request.history;
        let prompt = Prompt::read(request.model.id, body)?;
        if let Some(turn) = history.unfinished_turn()
            && !self.paused.contains(&turn)
        {
            return Err(Refusal::invalid(
                "This model does not support assistant message prefill. The conversation must end with a user \
                 message.",
            ));
        }
        let first_message = history.first_text();
        let tools = body["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
        let offered = |name: &&&str| tools.iter().any(|tool| tool["name"] == ***name);
        let result_tool = RESULT_TOOLS.iter().find(offered).copied();
        let script = self.scripts.iter().find(|script| script.plays(&first_message, result_tool));
        let mut turn = match (script, result_tool) {
            (Some(script), Some(tool)) => script.turn(tool, history.turns_had()),
            _ => Turn::text("This sandbox plays scripts, and it has none for this error."),
        };
        critic::answer_questions(&mut turn, &first_message);
        let request_hash = canonical(&Value::Object(body.clone()));
        let content = history.signed_turn(request.model, blocks(&turn, tools, &request_hash)?);
        if turn.stop_reason == "pause_turn" {
            self.paused.insert(content.iter().map(canonical).collect());
        }
        let conversation = Conversation {
            result_tool: result_tool.map(ToOwned::to_owned),
            script: script.map(|script| script.name.clone()),
            first_message,
            turns: 0,
        };
        let usage = self.cache.usage(&prompt, &content);
        self.count(conversation);
        Ok(json!({
            "id": identifier("msg", &request_hash, 0), "type": "message", "role": "assistant",
            "model": request.model.id, "content": content, "stop_reason": turn.stop_reason,
            "stop_sequence": null, "stop_details": turn.stop_details, "usage": usage,
        }))
    }

    fn count(&mut self, conversation: Conversation) {
        let key = format!("{:?} {}", conversation.result_tool, conversation.first_message);
        match self.conversations.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => known.turns += 1,
            None => self.conversations.push((key, Conversation { turns: 1, ..conversation })),
        }
    }
}

/// A turn's text and calls. A call must be one that the model could have made: of an offered tool, and with
/// an input that fits where the tool is strict.
fn blocks(turn: &Turn, tools: &[Value], request: &str) -> Result<Vec<Value>, Refusal> {
    let mut blocks: Vec<Value> = turn.text.iter().map(|text| json!({"type": "text", "text": text})).collect();
    for (index, call) in turn.tool_uses.iter().enumerate() {
        let tool = tools.iter().find(|tool| tool["name"] == call.name.as_str());
        let tool =
            tool.ok_or_else(|| Refusal::wrong_script(&format!("the tool `{}` is not offered", call.name)))?;
        // An input that `max_tokens` cut off need not be whole.
        if tool["strict"] == true
            && turn.stop_reason == "tool_use"
            && let Some(what) = schemas::violation(&call.input, &tool["input_schema"])
        {
            return Err(Refusal::wrong_script(&format!("`{}`: {what}", call.name)));
        }
        let id = identifier("toolu", request, index);
        blocks.push(json!({"type": "tool_use", "id": id, "name": call.name, "input": call.input}));
    }
    Ok(blocks)
}

/// An id that the same request gets again.
fn identifier(prefix: &str, request: &str, index: usize) -> String {
    let hash = hex::encode(Sha256::digest(format!("{index} {request}")));
    format!("{prefix}_01{}", &hash[..22])
}

/// JSON with sorted keys and without `cache_control`: marks move from request to request, and order means
/// nothing.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let sorted: BTreeMap<&String, &Value> =
                object.iter().filter(|(key, _)| *key != "cache_control").collect();
            let members =
                sorted.into_iter().map(|(key, value)| format!("{}:{}", json!(key), canonical(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
