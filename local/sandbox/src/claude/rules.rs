//! What Anthropic's Messages API refuses before any model thinks. The fake knows the keys and values that AutoFix sends;
//! anything else is a bad request, as most of it is for the real service.

use std::collections::BTreeSet;

use axum::http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::API_KEY;
use super::history::{History, Message};
use super::models::{self, Model};
use super::refusal::Refusal;
use super::schemas;

/// Versions of the API that exist.
const VERSIONS: [&str; 2] = ["2026-10-21", "2023-06-01"];
/// Larger answers must be streamed: at 128,000 tokens an hour they would take longer than ten minutes.
const MAX_TOKENS_UNSTREAMED: u64 = 21_333;
const TOOL_NAME: usize = 128;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    model: String,
    max_tokens: u64,
    system: Vec<SystemBlock>,
    tools: Vec<Tool>,
    #[serde(rename = "tool_choice")]
    _tool_choice: ToolChoice,
    /// The only kind that every model of the fake takes.
    #[serde(rename = "thinking")]
    _thinking: Thinking,
    #[serde(rename = "output_config")]
    _output_config: OutputConfig,
    messages: Vec<Message>,
}

/// Marks up to where a request is cached, for five minutes.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum CacheControl {
    Ephemeral {},
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum SystemBlock {
    Text {
        text: String,
        #[serde(rename = "cache_control")]
        _cache_control: Option<CacheControl>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tool {
    name: String,
    #[serde(rename = "description")]
    _description: String,
    input_schema: Value,
    #[serde(default)]
    strict: bool,
    #[serde(rename = "cache_control")]
    _cache_control: Option<CacheControl>,
}

/// Forced tools are refused by the models of the fake.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum ToolChoice {
    Auto {},
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Thinking {
    Adaptive {},
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OutputConfig {
    #[serde(rename = "effort")]
    _effort: Effort,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Effort {
    Low,
    Medium,
    High,
    Xhigh,
    Max,
}

/// A request that keeps to the rules.
pub(super) struct Accepted {
    pub(super) model: &'static Model,
    pub(super) history: History,
}

/// Key and version, which every request needs.
pub(super) fn check_headers(headers: &HeaderMap) -> Result<(), Refusal> {
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = value(header::AUTHORIZATION.as_str()).and_then(|value| value.strip_prefix("Bearer "));
    if value("x-api-key").or(bearer) != Some(API_KEY) {
        return Err(Refusal::unauthorized());
    }
    match value("anthropic-version") {
        None => return Err(Refusal::invalid("anthropic-version: header is required")),
        Some(version) if !VERSIONS.contains(&version) => {
            let message = format!("anthropic-version: \"{version}\" is not a valid version");
            return Err(Refusal::invalid(message));
        }
        Some(_) => {}
    }
    if headers.contains_key("anthropic-beta") {
        return Err(Refusal::not_in_the_sandbox("anthropic-beta"));
    }
    Ok(())
}

/// Judges the body of `POST /v1/messages`.
pub(super) fn check(body: &Map<String, Value>) -> Result<Accepted, Refusal> {
    let request = serde_json::from_value(Value::Object(body.clone()));
    let request: Request = request.map_err(|error| Refusal::invalid(error.to_string()))?;
    let model = models::find(&request.model)?;
    if request.max_tokens > models::MAX_TOKENS {
        return Err(Refusal::invalid(format!(
            "max_tokens: {} > {}, which is the maximum allowed number of output tokens",
            request.max_tokens,
            models::MAX_TOKENS
        )));
    }
    if request.max_tokens > MAX_TOKENS_UNSTREAMED {
        let message = "Streaming is required for operations that may take longer than 10 minutes";
        return Err(Refusal::invalid(message));
    }
    if request.system.iter().any(|SystemBlock::Text { text, .. }| text.is_empty()) {
        return Err(Refusal::invalid("system: text content blocks must be non-empty"));
    }
    check_tools(&request.tools)?;
    let history = History::of(request.messages)?;
    history.check_signatures(model)?;
    Ok(Accepted { model, history })
}

fn check_tools(tools: &[Tool]) -> Result<(), Refusal> {
    let mut names = BTreeSet::new();
    for (index, Tool { name, input_schema, strict, .. }) in tools.iter().enumerate() {
        let at = format!("tools.{index}.custom");
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > TOOL_NAME || !name.chars().all(allowed) {
            let message = format!("{at}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'");
            return Err(Refusal::invalid(message));
        }
        if !names.insert(name) {
            return Err(Refusal::invalid("tools: Tool names must be unique."));
        }
        if input_schema["type"] != "object" {
            return Err(Refusal::invalid(format!("{at}.input_schema.type: Input should be 'object'")));
        }
        if *strict && let Some(what) = schemas::refusal(input_schema) {
            return Err(Refusal::invalid(format!("{at}.input_schema: {what}")));
        }
    }
    Ok(())
}
