//! What Anthropic's Messages API refuses before any model thinks: keys, values, and the rules of the
//! single models that no schema can say.

use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::API_KEY;
use super::history::{History, only_keys};
use super::models::{self, ForcedTools, Model};
use super::refusal::Refusal;
use super::schemas;

/// Versions of the API that exist.
const VERSIONS: [&str; 2] = ["2026-10-21", "2023-06-01"];
/// Larger answers must be streamed: at 128,000 tokens an hour they would take longer than ten minutes.
const MAX_TOKENS_UNSTREAMED: u64 = 21_333;
const TOOL_NAME: usize = 128;

const KEYS: [&str; 18] = [
    "model",
    "max_tokens",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "cache_control",
    "metadata",
    "stop_sequences",
    "stream",
    "service_tier",
    "speed",
    "inference_geo",
    "container",
    "diagnostics",
    "user_profile_id",
];
/// Keys that exist and that the fake does not serve.
const NOT_SERVED: [&str; 4] = ["inference_geo", "container", "diagnostics", "user_profile_id"];
const TOOL_KEYS: [&str; 10] = [
    "name",
    "input_schema",
    "description",
    "strict",
    "cache_control",
    "input_examples",
    "defer_loading",
    "eager_input_streaming",
    "allowed_callers",
    "type",
];

/// A request that keeps to the rules.
pub(super) struct Accepted<'r> {
    pub(super) model: &'static Model,
    pub(super) history: History,
    pub(super) tools: &'r [Value],
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
pub(super) fn check(body: &Map<String, Value>) -> Result<Accepted<'_>, Refusal> {
    // The parameters of sampling (`temperature`, `top_p`, `top_k`) are among what this refuses.
    if let Some(key) = body.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(Refusal::invalid(format!("{key}: Extra inputs are not permitted")));
    }
    if let Some(key) = NOT_SERVED.iter().find(|key| body.contains_key(**key)) {
        return Err(Refusal::not_in_the_sandbox(key));
    }
    let get = |key: &str| body.get(key).unwrap_or(&Value::Null);
    let id = get("model").as_str().ok_or_else(|| Refusal::invalid("model: Field required"))?;
    let model = models::find(id)?;
    check_max_tokens(get("max_tokens"), get("stream"))?;
    check_small_settings(body)?;
    check_thinking(get("thinking"), model)?;
    check_output_config(get("output_config"))?;
    let tools = get("tools").as_array().map(Vec::as_slice).unwrap_or_default();
    check_tools(tools)?;
    check_tool_choice(get("tool_choice"), model, tools)?;
    check_system(get("system"))?;
    if get("messages").is_null() {
        return Err(Refusal::invalid("messages: Field required"));
    }
    let history = History::read(get("messages"))?;
    if history.has_tool_calls() && tools.is_empty() {
        return Err(Refusal::invalid(
            "Requests which include `tool_use` or `tool_result` blocks must define tools",
        ));
    }
    history.check_signatures(model)?;
    Ok(Accepted { model, history, tools })
}

fn check_max_tokens(max_tokens: &Value, stream: &Value) -> Result<(), Refusal> {
    let tokens = match max_tokens.as_u64() {
        None if max_tokens.is_null() => return Err(Refusal::invalid("max_tokens: Field required")),
        None => return Err(Refusal::invalid("max_tokens: Input should be a valid integer")),
        Some(tokens) => tokens,
    };
    if tokens > models::MAX_TOKENS {
        let most = models::MAX_TOKENS;
        let message =
            format!("max_tokens: {tokens} > {most}, which is the maximum allowed number of output tokens");
        return Err(Refusal::invalid(message));
    }
    match stream {
        Value::Bool(true) => Err(Refusal::not_in_the_sandbox("stream")),
        Value::Null | Value::Bool(false) if tokens > MAX_TOKENS_UNSTREAMED => {
            Err(Refusal::invalid("Streaming is required for operations that may take longer than 10 minutes"))
        }
        Value::Null | Value::Bool(false) if tokens == 0 => Err(Refusal::not_in_the_sandbox("max_tokens 0")),
        Value::Null | Value::Bool(false) => Ok(()),
        _ => Err(Refusal::invalid("stream: Input should be a valid boolean")),
    }
}

fn check_small_settings(body: &Map<String, Value>) -> Result<(), Refusal> {
    let wrong = |key: &str| Err(Refusal::invalid(format!("{key}: Input is not valid")));
    for (key, value) in body {
        match (key.as_str(), value) {
            ("service_tier", tier) if tier != "auto" && tier != "standard_only" => return wrong(key),
            ("speed", speed) if speed == "fast" => return Err(Refusal::not_in_the_sandbox("speed fast")),
            ("speed", speed) if speed != "standard" && !speed.is_null() => return wrong(key),
            ("metadata", Value::Object(metadata)) => only_keys(metadata, "metadata", &["user_id"])?,
            ("stop_sequences", Value::Array(list)) if list.iter().all(Value::is_string) => {}
            ("tools", Value::Array(_)) => {}
            ("metadata" | "stop_sequences" | "tools", _) => return wrong(key),
            _ => {}
        }
    }
    Ok(())
}

fn check_thinking(thinking: &Value, model: &Model) -> Result<(), Refusal> {
    let Some(object) = thinking.as_object() else {
        return if thinking.is_null() {
            Ok(())
        } else {
            Err(Refusal::invalid("thinking: Input should be an object"))
        };
    };
    let kind = object.get("type").and_then(Value::as_str).unwrap_or_default();
    let keys: &[&str] = match kind {
        "adaptive" => &["type", "display"],
        "enabled" => &["type", "budget_tokens", "display"],
        "disabled" | "between_tools" => &["type"],
        _ => return Err(Refusal::invalid(format!("thinking.type: Input tag '{kind}' is not known"))),
    };
    only_keys(object, &format!("thinking.{kind}"), keys)?;
    if !model.thinking.contains(&kind) {
        return Err(Refusal::invalid(format!("thinking.type: '{kind}' is not supported by {}", model.id)));
    }
    match object.get("display").unwrap_or(&Value::Null) {
        Value::Null => Ok(()),
        Value::String(display) if display == "summarized" || display == "omitted" => Ok(()),
        _ => Err(Refusal::invalid("thinking.display: Input should be 'summarized' or 'omitted'")),
    }
}

fn check_output_config(config: &Value) -> Result<(), Refusal> {
    let Some(object) = config.as_object() else {
        let wrong = Refusal::invalid("output_config: Input should be an object");
        return if config.is_null() { Ok(()) } else { Err(wrong) };
    };
    only_keys(object, "output_config", &["effort", "format"])?;
    let effort = &config["effort"];
    if !effort.is_null() && !["low", "medium", "high", "xhigh", "max"].iter().any(|known| effort == known) {
        return Err(Refusal::invalid(format!(
            "output_config.effort: {effort} is not one of low, medium, high, xhigh, max"
        )));
    }
    let Some(format) = config["format"].as_object() else { return Ok(()) };
    only_keys(format, "output_config.format", &["type", "schema"])?;
    if format.get("type") != Some(&Value::from("json_schema")) {
        return Err(Refusal::invalid("output_config.format.type: Input should be 'json_schema'"));
    }
    match schemas::refusal(&config["format"]["schema"]) {
        Some(what) => Err(Refusal::invalid(format!("output_config.format.schema: {what}"))),
        None => Ok(()),
    }
}

fn check_tools(tools: &[Value]) -> Result<(), Refusal> {
    let mut names: Vec<&str> = Vec::new();
    for (index, tool) in tools.iter().enumerate() {
        let at = format!("tools.{index}");
        let object =
            tool.as_object().ok_or_else(|| Refusal::invalid(format!("{at}: Input should be an object")))?;
        if !tool["type"].is_null() && tool["type"] != "custom" {
            return Err(Refusal::not_in_the_sandbox("tools of Anthropic's own"));
        }
        only_keys(object, &at, &TOOL_KEYS)?;
        let name = tool["name"].as_str().unwrap_or_default();
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > TOOL_NAME || !name.chars().all(allowed) {
            let message = format!("{at}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'");
            return Err(Refusal::invalid(message));
        }
        if names.contains(&name) {
            return Err(Refusal::invalid("tools: Tool names must be unique."));
        }
        names.push(name);
        if tool["input_schema"]["type"] != "object" {
            return Err(Refusal::invalid(format!("{at}.custom.input_schema.type: Input should be 'object'")));
        }
        if tool["strict"] == true
            && let Some(what) = schemas::refusal(&tool["input_schema"])
        {
            return Err(Refusal::invalid(format!("{at}.custom.input_schema: {what}")));
        }
    }
    Ok(())
}

fn check_tool_choice(choice: &Value, model: &Model, tools: &[Value]) -> Result<(), Refusal> {
    let Some(object) = choice.as_object() else {
        let wrong = Refusal::invalid("tool_choice: Input should be an object");
        return if choice.is_null() { Ok(()) } else { Err(wrong) };
    };
    if tools.is_empty() {
        return Err(Refusal::invalid("tool_choice may only be specified while providing tools"));
    }
    let kind = object.get("type").and_then(Value::as_str).unwrap_or_default();
    let keys: &[&str] = match kind {
        "auto" | "any" => &["type", "disable_parallel_tool_use"],
        "tool" => &["type", "name", "disable_parallel_tool_use"],
        "none" => &["type"],
        _ => return Err(Refusal::invalid(format!("tool_choice: Input tag '{kind}' is not known"))),
    };
    only_keys(object, &format!("tool_choice.{kind}"), keys)?;
    if matches!(kind, "any" | "tool") && model.forced_tools == ForcedTools::Refused {
        return Err(Refusal::invalid(format!("tool_choice: '{kind}' is not supported by {}", model.id)));
    }
    if kind == "tool" && !tools.iter().any(|tool| tool["name"] == choice["name"]) {
        return Err(Refusal::invalid(format!(
            "tool_choice.tool: Tool {} not found in provided tools",
            choice["name"]
        )));
    }
    Ok(())
}

fn check_system(system: &Value) -> Result<(), Refusal> {
    let blocks = match system {
        Value::Null | Value::String(_) => return Ok(()),
        Value::Array(blocks) => blocks,
        _ => return Err(Refusal::invalid("system: Input should be a string or a list")),
    };
    for (index, block) in blocks.iter().enumerate() {
        let at = format!("system.{index}");
        let object =
            block.as_object().ok_or_else(|| Refusal::invalid(format!("{at}: Input should be an object")))?;
        only_keys(object, &at, &["type", "text", "cache_control", "citations"])?;
        if block["type"] != "text" || block["text"].as_str().unwrap_or_default().is_empty() {
            return Err(Refusal::invalid(format!("{at}: text content blocks must be non-empty")));
        }
    }
    Ok(())
}
