//! One conversation with the model, as the analysis speaks it: what is asked, and what an answer can mean. The client of
//! the API depends on this, not the other way round.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use autofix_domain::redaction::Redacted;
use autofix_domain::usage::Usage;
use autofix_domain::words::word_enum;

word_enum! {
    /// How much the model thinks.
    pub enum Effort { Medium = "medium", High = "high", }
}

/// What one conversation keeps the same in every request, so that the prefix can be cached.
#[derive(Clone, Debug)]
pub struct Setting {
    pub system: String,
    pub tools: Vec<Value>,
    pub effort: Effort,
}

/// One message of a conversation. What goes into it is either redacted, or the repository's own code, or what the
/// model itself said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Message {
    role: &'static str,
    content: Vec<Value>,
}

impl Message {
    /// A message of ours, to be filled.
    pub fn ours() -> Message {
        Message { role: "user", content: Vec::new() }
    }

    /// What the model said, unchanged.
    pub fn of_model(turn: &Turn) -> Message {
        Message { role: "assistant", content: turn.content.clone() }
    }

    /// Whether it goes to the model, rather than having come from it.
    pub fn is_ours(&self) -> bool {
        self.role == "user"
    }

    /// Lets the next request read everything up to here from the API's cache.
    pub fn mark_end(&mut self) {
        if let Some(block) = self.content.last_mut() {
            block["cache_control"] = json!({ "type": "ephemeral" });
        }
    }

    pub fn text(mut self, text: &Redacted) -> Message {
        self.content.push(json!({ "type": "text", "text": text }));
        self
    }

    /// Code of the repository. It goes as it is: an edit has to match it to the byte.
    pub fn code(mut self, code: &SourceCode) -> Message {
        self.content.push(json!({ "type": "text", "text": code.0 }));
        self
    }

    /// The answer to a call of a tool.
    pub fn tool_result(mut self, id: &str, answer: &ToolResult) -> Message {
        let (text, is_error) = match answer {
            ToolResult::Code(code) => (code.0.as_str(), false),
            ToolResult::Refused(text) => (text.as_str(), true),
        };
        self.content.push(json!({
            "type": "tool_result",
            "tool_use_id": id,
            "content": [{ "type": "text", "text": text }],
            "is_error": is_error,
        }));
        self
    }
}

/// Text that comes from the repository at the pinned commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceCode(pub String);

/// What a tool answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolResult {
    Code(SourceCode),
    Refused(Redacted),
}

/// One answer of the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// The content blocks as they came.
    pub content: Vec<Value>,
    pub stop: Stop,
    pub usage: Usage,
}

/// Why the model stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum Stop {
    EndOfTurn,
    ToolUse,
    /// The answer was cut; a tool use in it is unusable.
    MaxTokens,
    /// Send the content back unchanged and the model continues.
    Pause,
    Refusal {
        category: Option<String>,
    },
    ContextFull,
    /// A reason that this version does not know.
    Other {
        reason: String,
    },
}

/// One call of a tool by the model.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ToolUse {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub input: Value,
}

/// A content block, as far as it is looked at.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text {
        text: String,
    },
    Thinking,
    RedactedThinking,
    ToolUse(ToolUse),
    #[serde(other)]
    Other,
}

impl Turn {
    fn blocks(&self) -> impl Iterator<Item = Block> {
        self.content.iter().filter_map(|block| Block::deserialize(block).ok())
    }

    /// Nothing but thinking, or nothing at all: such an answer may not stand in the history.
    pub fn is_empty(&self) -> bool {
        self.blocks().all(|block| match block {
            Block::Text { text } => text.trim().is_empty(),
            Block::Thinking | Block::RedactedThinking => true,
            Block::ToolUse(_) | Block::Other => false,
        })
    }

    /// The tools that the model called, in order; none where the answer was cut.
    pub fn tool_uses(&self) -> Vec<ToolUse> {
        if self.stop == Stop::MaxTokens {
            return Vec::new();
        }
        let tool_use = |block| if let Block::ToolUse(tool_use) = block { Some(tool_use) } else { None };
        self.blocks().filter_map(tool_use).collect()
    }
}
