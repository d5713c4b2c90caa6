//! The rules of a conversation: who speaks when, every tool call answered at once, and the model's own
//! turns sent back exactly as they came. The fake signs each turn that it gives out, over the turn
//! and all that was said before, as the real service's `signature` does for thinking blocks.

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::canonical;
use super::models::Model;
use super::refusal::Refusal;
use super::rules::CacheControl;

const SIGNING_KEY: &[u8] = b"the sandbox's thinking blocks";

/// A conversation whose messages of the same role, one after the other, are one.
#[derive(Debug)]
pub(super) struct History {
    runs: Vec<Run>,
    assistant_messages: usize,
}

#[derive(Debug)]
struct Run {
    role: Role,
    blocks: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    role: Role,
    content: Content,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Role {
    User,
    Assistant,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Blocks(Vec<Value>),
}

/// What a block must have, and may have.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Block {
    Text {
        text: String,
        #[serde(rename = "cache_control")]
        _cache_control: Option<CacheControl>,
    },
    ToolResult {
        #[serde(rename = "tool_use_id")]
        _tool_use_id: String,
        content: Vec<ResultText>,
        #[serde(default)]
        is_error: bool,
        #[serde(rename = "cache_control")]
        _cache_control: Option<CacheControl>,
    },
    ToolUse {
        #[serde(rename = "id")]
        _id: String,
        #[serde(rename = "name")]
        _name: String,
        #[serde(rename = "input")]
        _input: Map<String, Value>,
    },
    Thinking {
        #[serde(rename = "thinking")]
        _thinking: String,
        #[serde(rename = "signature")]
        _signature: String,
    },
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum ResultText {
    Text {
        #[serde(rename = "text")]
        _text: String,
    },
}

impl History {
    /// Judges everything that can be judged without the model.
    pub(super) fn of(messages: Vec<Message>) -> Result<History, Refusal> {
        match messages.first().map(|message| message.role) {
            None => return Err(Refusal::invalid("messages: at least one message is required")),
            Some(Role::Assistant) => {
                return Err(Refusal::invalid("messages: first message must use the \"user\" role"));
            }
            Some(Role::User) => {}
        }
        let mut history = History { runs: Vec::new(), assistant_messages: 0 };
        for (index, Message { role, content }) in messages.into_iter().enumerate() {
            let blocks = match content {
                Content::Text(text) => vec![json!({"type": "text", "text": text})],
                Content::Blocks(blocks) => blocks,
            };
            let at = format!("messages.{index}.content");
            if blocks.is_empty() {
                return Err(Refusal::invalid(format!("{at}: messages must have non-empty content")));
            }
            blocks.iter().try_for_each(|block| check_block(block, role, &at))?;
            history.assistant_messages += usize::from(role == Role::Assistant);
            match history.runs.last_mut() {
                Some(run) if run.role == role => run.blocks.extend(blocks),
                _ => history.runs.push(Run { role, blocks }),
            }
        }
        history.check_tool_calls()?;
        Ok(history)
    }

    /// Whether the model's turns are those that the fake gave out for what was said before them.
    pub(super) fn check_signatures(&self, model: &Model) -> Result<(), Refusal> {
        for (index, run) in self.runs.iter().enumerate().filter(|(_, run)| run.role == Role::Assistant) {
            let turns = turns(&run.blocks);
            for (start, turn) in &turns {
                let thinks = turn[0]["type"] == "thinking";
                let calls = turn.iter().any(|block| block["type"] == "tool_use");
                if !thinks && calls {
                    return Err(Refusal::invalid(format!(
                        "messages: Expected `thinking` or `redacted_thinking`, but found `tool_use` in \
                         assistant turn {index}"
                    )));
                }
                let (before, begun) = (&self.runs[..index], &run.blocks[..*start]);
                if thinks && turn[0]["signature"] != signature(model, before, begun, turn) {
                    return Err(Refusal::invalid(format!(
                        "messages: Invalid `signature` in `thinking` block of assistant turn {index}: the \
                         turn, or what was said before it, is not what the model was given"
                    )));
                }
            }
        }
        Ok(())
    }

    /// The model's next turn, signed: `blocks` behind a thinking block that, as by default, shows nothing.
    pub(super) fn signed_turn(&self, model: &Model, blocks: Vec<Value>) -> Vec<Value> {
        let mut turn = vec![json!({"type": "thinking", "thinking": "", "signature": ""})];
        turn.extend(blocks);
        let (before, begun) = match self.runs.split_last() {
            Some((last, before)) if last.role == Role::Assistant => (before, last.blocks.as_slice()),
            _ => (self.runs.as_slice(), [].as_slice()),
        };
        turn[0]["signature"] = json!(signature(model, before, begun, &turn));
        turn
    }

    /// How many turns the model has had.
    pub(super) fn turns_had(&self) -> usize {
        let assistant = self.runs.iter().filter(|run| run.role == Role::Assistant);
        let signed =
            assistant.flat_map(|run| &run.blocks).filter(|block| block["type"] == "thinking").count();
        // A client may join a paused turn and its continuation to one message, or leave out the thinking
        // of a turn without calls; it will hardly do both.
        signed.max(self.assistant_messages)
    }

    /// The text of the first user message.
    pub(super) fn first_text(&self) -> String {
        let blocks = self.runs.first().map(|run| run.blocks.as_slice()).unwrap_or_default();
        blocks.iter().filter_map(|block| block["text"].as_str()).collect::<Vec<_>>().join("\n")
    }

    /// The turn that the model is asked to go on with, where the last message is the model's own.
    pub(super) fn unfinished_turn(&self) -> Option<String> {
        let last = self.runs.last().filter(|run| run.role == Role::Assistant)?;
        turns(&last.blocks).last().map(|(_, turn)| turn.iter().map(canonical).collect())
    }

    fn check_tool_calls(&self) -> Result<(), Refusal> {
        let mut known: Vec<&str> = Vec::new();
        let mut open: Vec<&str> = Vec::new();
        for run in &self.runs {
            let ids = |kind: &str, key: &str| -> Vec<&str> {
                let of_kind = run.blocks.iter().filter(|block| block["type"] == kind);
                of_kind.filter_map(|block| block[key].as_str()).collect()
            };
            let results = if run.role == Role::User { ids("tool_result", "tool_use_id") } else { Vec::new() };
            for (index, id) in results.iter().enumerate() {
                if !open.contains(id) {
                    return Err(Refusal::invalid(format!(
                        "messages: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each \
                         `tool_result` block must have a corresponding `tool_use` block in the previous \
                         message."
                    )));
                }
                if results[..index].contains(id) {
                    return Err(Refusal::invalid(format!(
                        "messages: each tool_use must have a single result. Found multiple `tool_result` \
                         blocks with id: {id}"
                    )));
                }
                if run.blocks[index]["type"] != "tool_result" {
                    return Err(Refusal::invalid(
                        "messages: `tool_result` blocks must come first in the content",
                    ));
                }
            }
            unanswered(&open, &results)?;
            open = ids("tool_use", "id");
            for (index, id) in open.iter().enumerate() {
                if known.contains(id) || open[..index].contains(id) {
                    return Err(Refusal::invalid("messages: `tool_use` ids must be unique"));
                }
            }
            known.extend(&open);
        }
        unanswered(&open, &[])
    }
}

fn unanswered(open: &[&str], results: &[&str]) -> Result<(), Refusal> {
    let missing: Vec<&str> = open.iter().filter(|id| !results.contains(*id)).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Refusal::invalid(format!(
        "messages: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each \
         `tool_use` block must have a corresponding `tool_result` block in the next message.",
        missing.join(", ")
    )))
}

/// A run of the model's blocks cut into its turns, each with the index of its first block.
fn turns(blocks: &[Value]) -> Vec<(usize, &[Value])> {
    let starts = (0..blocks.len()).filter(|index| *index == 0 || blocks[*index]["type"] == "thinking");
    let starts: Vec<usize> = starts.collect();
    let ends = starts.iter().skip(1).copied().chain([blocks.len()]);
    starts.iter().copied().zip(ends).map(|(start, end)| (start, &blocks[start..end])).collect()
}

/// The signature of a turn after `said`: whole runs, and the blocks of the run that the turn goes on with.
fn signature(model: &Model, before: &[Run], begun: &[Value], turn: &[Value]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SIGNING_KEY).expect("HMAC takes a key of any length");
    mac.update(model.id.as_bytes());
    let mut add = |mark: &str, block: &str| {
        // Lengths keep two different conversations from looking the same once they are joined.
        mac.update(format!("\n{mark} {} ", block.len()).as_bytes());
        mac.update(block.as_bytes());
    };
    for run in before {
        let mark = if run.role == Role::User { "user" } else { "assistant" };
        run.blocks.iter().for_each(|block| add(mark, &canonical(block)));
    }
    begun.iter().for_each(|block| add("assistant", &canonical(block)));
    for block in turn {
        let mut unsigned = block.clone();
        if let Some(object) = unsigned.as_object_mut().filter(|_| block["type"] == "thinking") {
            object.remove("signature");
        }
        add("turn", &canonical(&unsigned));
    }
    format!("sandbox-{}", hex::encode(mac.finalize().into_bytes()))
}

fn check_block(block: &Value, role: Role, at: &str) -> Result<(), Refusal> {
    let wrong = |what: &str| Refusal::invalid(format!("{at}: {what}"));
    let read = serde_json::from_value(block.clone()).map_err(|error| wrong(&error.to_string()))?;
    match (read, role) {
        (Block::Text { text, .. }, _) if text.is_empty() => {
            Err(wrong("text content blocks must be non-empty"))
        }
        (Block::ToolResult { content, is_error: true, .. }, Role::User) if content.is_empty() => {
            Err(wrong("content cannot be empty if `is_error` is true"))
        }
        (Block::Text { .. }, _)
        | (Block::ToolResult { .. }, Role::User)
        | (Block::ToolUse { .. } | Block::Thinking { .. }, Role::Assistant) => Ok(()),
        _ => Err(wrong(&format!("Input tag {} is not one that this role may have", block["type"]))),
    }
}
