//! Anthropic's Messages API: one request, one answer.
//!
//! Facts of API version 2026-10-21 that shape this client: no forced tool choice and no sampling
//! parameters on current models; thinking blocks go back unchanged; at most 21,333 output tokens
//! without streaming. Answers are kept as raw JSON, since they have to be sent back byte for byte.

mod lifecycle;

use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

pub use lifecycle::{Lifecycle, ModelFacts};

use crate::analysis::model::{Message, Setting, Stop, Turn};
use crate::config::names;
use crate::outbound::{self, Answer, Auth, Call, Effect, ErrorKind, Outbound, ServiceError};
use crate::secrets::{Credential, Secrets};
use crate::service::Service;
use crate::usage::{Price, Usage};

const API_VERSION: &str = "2026-10-21";
/// Output tokens of one answer, thinking included. Below the 21,333 that need streaming.
const MAX_TOKENS: u32 = 16_000;
/// The API's own limit for an answer that is not streamed is ten minutes.
const TIMEOUT: Duration = Duration::from_secs(600);
/// A 429 that names no time is a spend cap: asking every minute would be a loop.
const SPEND_CAP_WAIT: Duration = Duration::from_secs(3600);

/// The client. Clones share connections.
#[derive(Clone)]
pub struct Claude {
    outbound: Outbound,
    base: Url,
    model: String,
    price: Price,
    key: Credential,
}

/// Reads the body of a successful answer. It is not priced yet.
///
/// # Errors
/// [`ErrorKind::Malformed`] if it is not a message.
pub fn read_turn(body: &[u8]) -> Result<Turn, ServiceError> {
    let wire: WireMessage =
        serde_json::from_slice(body).map_err(|error| ServiceError::malformed(Service::Anthropic, error))?;
    Ok(wire.into_turn())
}

impl Claude {
    pub fn new(outbound: Outbound, base: Url, model: String, secrets: &Secrets) -> Claude {
        Claude {
            price: Price::of(&model),
            key: Credential::new(secrets, names::ANTHROPIC_API_KEY),
            outbound,
            base,
            model,
        }
    }

    /// Charges by another price than the table's.
    pub fn priced(self, price: Price) -> Claude {
        Claude { price, ..self }
    }

    pub fn model(&self) -> &str {
        &self.model
    }

    /// US dollars for so many tokens.
    pub fn cost(&self, usage: &Usage) -> f64 {
        self.price.cost(usage)
    }

    /// Asks for the next turn. `messages` must end with a user message.
    ///
    /// # Errors
    /// Not for a refusal or a cut answer: those are turns, and paid for.
    pub async fn turn(
        &self,
        setting: &Setting,
        messages: &[Message],
        timeout: Duration,
    ) -> Result<Turn, ServiceError> {
        let body = Some(self.request(setting, messages));
        let call = self.call(Method::POST, self.address("/v1/messages"), body, timeout.min(TIMEOUT));
        let read = |answer: &Answer| match answer.status.is_success() {
            true => read_turn(&answer.body),
            false => Err(error_of(answer)),
        };
        let mut turn = self.outbound.ask(&call, read).await?;
        turn.usage.cost_usd = self.cost(&turn.usage);
        Ok(turn)
    }

    fn request(&self, setting: &Setting, messages: &[Message]) -> Value {
        let mut tools = setting.tools.clone();
        if let Some(last) = tools.last_mut() {
            last["cache_control"] = json!({ "type": "ephemeral" });
        }
        let mut messages = messages.to_vec();
        mark_ends(&mut messages);
        json!({
            "model": self.model,
            "max_tokens": MAX_TOKENS,
            "system": [{ "type": "text", "text": setting.system, "cache_control": { "type": "ephemeral" } }],
            "tools": tools,
            "tool_choice": { "type": "auto" },
            "thinking": { "type": "adaptive" },
            "output_config": { "effort": setting.effort },
            "messages": messages,
        })
    }

    /// A request that can be repeated: an answer that nobody reads only costs.
    fn call(&self, method: Method, url: Url, body: Option<Value>, timeout: Duration) -> Call {
        Call {
            service: Service::Anthropic,
            method,
            url,
            headers: vec![
                ("anthropic-version", API_VERSION.to_owned()),
                ("accept", "application/json".to_owned()),
            ],
            body,
            auth: Auth::Bearer(self.key.clone()),
            effect: Effect::None,
            timeout,
        }
    }

    fn address(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
    }
}

/// Marks the end of what has been said so far, so that the next turn reads it from the cache, and the end of our message
/// before, which the last turn wrote there: a mark looks back over 20 blocks only, and a turn with many calls has more.
/// With the marks of the tools and the system text these are the four that a request may have. They are not part of the
/// history: they move on with every request.
fn mark_ends(messages: &mut [Message]) {
    messages.iter_mut().rev().filter(|message| message.is_ours()).take(2).for_each(Message::mark_end);
}

#[derive(Deserialize)]
struct WireMessage {
    content: Vec<Value>,
    stop_reason: Option<String>,
    stop_details: Option<WireStopDetails>,
    #[serde(default)]
    usage: WireUsage,
}

#[derive(Deserialize)]
struct WireStopDetails {
    category: Option<String>,
}

/// Every field may be null.
#[derive(Deserialize, Default)]
struct WireUsage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
}

#[derive(Default, Deserialize)]
struct WireFailure {
    error: WireError,
}

#[derive(Default, Deserialize)]
struct WireError {
    #[serde(rename = "type")]
    kind: Option<String>,
    message: Option<String>,
}

impl WireMessage {
    fn into_turn(self) -> Turn {
        let stop = match self.stop_reason.as_deref() {
            Some("end_turn" | "stop_sequence") | None => Stop::EndOfTurn,
            Some("tool_use") => Stop::ToolUse,
            Some("max_tokens") => Stop::MaxTokens,
            Some("pause_turn") => Stop::Pause,
            Some("refusal") => {
                Stop::Refusal { category: self.stop_details.and_then(|details| details.category) }
            }
            Some("model_context_window_exceeded") => Stop::ContextFull,
            Some(other) => Stop::Other { reason: other.chars().take(60).collect() },
        };
        let usage = Usage {
            input_tokens: self.usage.input_tokens.unwrap_or(0),
            output_tokens: self.usage.output_tokens.unwrap_or(0),
            cache_creation_input_tokens: self.usage.cache_creation_input_tokens.unwrap_or(0),
            cache_read_input_tokens: self.usage.cache_read_input_tokens.unwrap_or(0),
            cost_usd: 0.0,
            turns: 1,
        };
        Turn { content: self.content, stop, usage }
    }
}

/// By the API's page of errors and the official SDK's rule: `x-should-retry` decides where it is sent, else the status.
fn error_of(answer: &Answer) -> ServiceError {
    let status = answer.status.as_u16();
    let WireFailure { error } = answer.read().unwrap_or_default();
    let kind = outbound::said(error.kind.as_deref().unwrap_or("error"));
    let text = outbound::said(&error.message.unwrap_or_default());
    let message = format!("Claude answered {status} {kind}: {text}");
    let kind = match (status, answer.header("x-should-retry")) {
        (429, _) => ErrorKind::RateLimited,
        (401, _) => ErrorKind::CredentialRefused,
        (_, Some("true")) => ErrorKind::Unavailable,
        (402 | 403, _) => ErrorKind::Unauthorized,
        (404, _) => ErrorKind::NotFound,
        (408 | 409 | 500.., asked) if asked != Some("false") => ErrorKind::Unavailable,
        _ => ErrorKind::Refused { status },
    };
    let error = answer.error(kind, message);
    let is_cap = match answer.header("x-should-retry") {
        Some("true") => false,
        Some("false") => true,
        _ => error.retry_after.is_none(),
    };
    if kind != ErrorKind::RateLimited || !is_cap {
        return error;
    }
    let wait = error.retry_after.unwrap_or_default().max(SPEND_CAP_WAIT);
    error.after(Some(wait))
}

#[cfg(test)]
mod tests;
