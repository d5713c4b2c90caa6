//! The models that the fake plays.

use serde_json::{Value, json};

use super::refusal::Refusal;

#[derive(Debug)]
pub(super) struct Model {
    pub(super) id: &'static str,
    display_name: &'static str,
    created_at: &'static str,
}

/// Tokens of an answer, and of everything, that each of these models takes at most.
pub(super) const MAX_TOKENS: u64 = 128_000;
const MAX_INPUT_TOKENS: u64 = 1_000_000;

const fn model(id: &'static str, display_name: &'static str, created_at: &'static str) -> Model {
    Model { id, display_name, created_at }
}

static MODELS: [Model; 4] = [
    model("claude-opus-5-5", "Claude Opus 5.5", "2026-09-22T00:00:00Z"),
    model("claude-sonnet-5-5", "Claude Sonnet 5.5", "2026-09-28T00:00:00Z"),
    model("claude-fable-5-1", "Claude Fable 5.1", "2026-09-22T00:00:00Z"),
    model("claude-haiku-5-5", "Claude Haiku 5.5", "2026-10-07T00:00:00Z"),
];

/// The model with this id.
pub(super) fn find(id: &str) -> Result<&'static Model, Refusal> {
    let found = MODELS.iter().find(|model| model.id == id);
    found.ok_or_else(|| Refusal::not_found(&format!("model: {id}")))
}

impl Model {
    /// The answer of `GET /v1/models/{id}`.
    pub(super) fn described(&self) -> Value {
        json!({
            "type": "model", "id": self.id, "display_name": self.display_name, "created_at": self.created_at,
            "lifecycle": "active", "retires_at": null,
            "max_input_tokens": MAX_INPUT_TOKENS, "max_tokens": MAX_TOKENS,
        })
    }
}
