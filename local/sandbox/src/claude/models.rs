//! The models that the fake plays, with what each refuses (Anthropic's pages on its 5.5 models).

use serde_json::{Value, json};

use super::refusal::Refusal;

/// What a model is and takes.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) id: &'static str,
    display_name: &'static str,
    created_at: &'static str,
    /// Accepted `thinking.type`s; leaving `thinking` out is always accepted.
    pub(super) thinking: &'static [&'static str],
    pub(super) forced_tools: ForcedTools,
}

/// Whether `tool_choice` may be `any` or `tool`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ForcedTools {
    Accepted,
    Refused,
}

/// Tokens of an answer, and of everything, that each of these models takes at most.
pub(super) const MAX_TOKENS: u64 = 128_000;
const MAX_INPUT_TOKENS: u64 = 1_000_000;

const MODELS: [Model; 4] = [
    Model {
        id: "claude-opus-5-5",
        display_name: "Claude Opus 5.5",
        created_at: "2026-09-22T00:00:00Z",
        thinking: &["adaptive"],
        forced_tools: ForcedTools::Refused,
    },
    Model {
        id: "claude-sonnet-5-5",
        display_name: "Claude Sonnet 5.5",
        created_at: "2026-09-28T00:00:00Z",
        thinking: &["adaptive", "between_tools"],
        forced_tools: ForcedTools::Refused,
    },
    Model {
        id: "claude-fable-5-1",
        display_name: "Claude Fable 5.1",
        created_at: "2026-09-22T00:00:00Z",
        thinking: &["adaptive"],
        forced_tools: ForcedTools::Refused,
    },
    Model {
        id: "claude-haiku-5-5",
        display_name: "Claude Haiku 5.5",
        created_at: "2026-10-07T00:00:00Z",
        thinking: &["adaptive", "disabled"],
        forced_tools: ForcedTools::Accepted,
    },
];

/// Models that exist and that the fake does not play.
const NOT_PLAYED: [&str; 18] = [
    "claude-fable-5-2",
    "claude-mythos-5-2",
    "claude-mythos-5-1",
    "claude-sonnet-5",
    "claude-fable-5",
    "claude-mythos-5",
    "claude-opus-5",
    "claude-opus-4-8",
    "claude-opus-4-7",
    "claude-opus-4-6",
    "claude-sonnet-4-6",
    "claude-haiku-4-5",
    "claude-haiku-4-5-20251001",
    "claude-opus-4-5",
    "claude-opus-4-5-20251101",
    "claude-sonnet-4-5",
    "claude-sonnet-4-5-20250929",
    "claude-mythos-preview",
];

/// The model with this id.
pub(super) fn find(id: &str) -> Result<&'static Model, Refusal> {
    match MODELS.iter().find(|model| model.id == id) {
        Some(model) => Ok(model),
        None if NOT_PLAYED.contains(&id) => Err(Refusal::not_in_the_sandbox(id)),
        None => Err(Refusal::not_found(&format!("model: {id}"))),
    }
}

impl Model {
    /// The answer of `GET /v1/models/{id}`.
    pub(super) fn described(&self) -> Value {
        let thinking = |kind: &str| json!({"supported": self.thinking.contains(&kind)});
        let yes = json!({"supported": true});
        json!({
            "type": "model", "id": self.id, "display_name": self.display_name, "created_at": self.created_at,
            "lifecycle": "active", "retires_at": null,
            "max_input_tokens": MAX_INPUT_TOKENS, "max_tokens": MAX_TOKENS,
            "capabilities": {
                "thinking": {"supported": true, "types": {
                    "adaptive": thinking("adaptive"), "between_tools": thinking("between_tools"),
                    "disabled": thinking("disabled"), "enabled": thinking("enabled"),
                }},
                "effort": {"supported": true, "low": yes, "medium": yes, "high": yes, "xhigh": yes,
                "max": yes},
                "structured_outputs": yes,
            },
        })
    }
}
