//! The rules of a conversation: who speaks when, every tool call answered at once, and the model's own
//! turns sent back exactly as they came. The fake signs each turn that it gives out, over the turn
//! and all that was said before, as the real service's `signature` does for thinking blocks.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::canonical;
use super::models::Model;
use super::refusal::Refusal;

const SIGNING_KEY: &[u8] = b"the sandbox's thinking blocks";

/// A conversation whose messages of the same role, one after the other, are one.
#[derive(Debug)]
pub(super) struct History {
    runs: Vec<Run>,
    assistant_messages: usize,
}

#[derive(Debug)]
struct Run {
    role: String,
    blocks: Vec<Value>,
}

impl History {
    /// Reads the messages, and judges everything that can be judged without the model.
    pub(super) fn read(messages: &Value) -> Result<History, Refusal> {
        let messages =
            messages.as_array().ok_or_else(|| Refusal::invalid("messages: Input should be a valid list"))?;
        if messages.is_empty() {
            return Err(Refusal::invalid("messages: at least one message is required"));
        }
        let mut history = History { runs: Vec::new(), assistant_messages: 0 };
        for (index, message) in messages.iter().enumerate() {
            let at = format!("messages.{index}");
            let (role, blocks) = read_message(message, &at)?;
            if index == 0 && role != "user" {
                return Err(Refusal::invalid("messages: first message must use the \"user\" role"));
            }
            history.assistant_messages += usize::from(role == "assistant");
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
        for (index, run) in self.runs.iter().enumerate().filter(|(_, run)| run.role == "assistant") {
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
                let said = (&self.runs[..index], &run.blocks[..*start]);
                if thinks && turn[0]["signature"] != signature(model, said, turn) {
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
            Some((last, before)) if last.role == "assistant" => (before, last.blocks.as_slice()),
            _ => (self.runs.as_slice(), [].as_slice()),
        };
        turn[0]["signature"] = json!(signature(model, (before, begun), &turn));
        turn
    }

    /// How many turns the model has had.
    pub(super) fn turns_had(&self) -> usize {
        let assistant = self.runs.iter().filter(|run| run.role == "assistant");
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
        let last = self.runs.last().filter(|run| run.role == "assistant")?;
        turns(&last.blocks).last().map(|(_, turn)| turn.iter().map(canonical).collect())
    }

    pub(super) fn has_tool_calls(&self) -> bool {
        self.runs.iter().flat_map(|run| &run.blocks).any(|block| block["type"] == "tool_use")
    }

    fn check_tool_calls(&self) -> Result<(), Refusal> {
        let mut known: Vec<&str> = Vec::new();
        let mut open: Vec<&str> = Vec::new();
        for run in &self.runs {
            let ids = |kind: &str, key: &str| -> Vec<&str> {
                let of_kind = run.blocks.iter().filter(|block| block["type"] == kind);
                of_kind.filter_map(|block| block[key].as_str()).collect()
            };
            let results = if run.role == "user" { ids("tool_result", "tool_use_id") } else { Vec::new() };
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
fn signature(model: &Model, (before, begun): (&[Run], &[Value]), turn: &[Value]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SIGNING_KEY).expect("HMAC takes a key of any length");
    mac.update(model.id.as_bytes());
    let mut add = |mark: &str, block: &str| {
        // Lengths keep two different conversations from looking the same once they are joined.
        mac.update(format!("\n{mark} {} ", block.len()).as_bytes());
        mac.update(block.as_bytes());
    };
    for run in before {
        run.blocks.iter().for_each(|block| add(&run.role, &canonical(block)));
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

fn read_message(message: &Value, at: &str) -> Result<(String, Vec<Value>), Refusal> {
    let object =
        message.as_object().ok_or_else(|| Refusal::invalid(format!("{at}: Input should be an object")))?;
    only_keys(object, at, &["role", "content"])?;
    let role = object.get("role").and_then(Value::as_str).unwrap_or_default();
    if !["user", "assistant", "system"].contains(&role) {
        return Err(Refusal::invalid(format!("{at}.role: Input should be 'user', 'assistant' or 'system'")));
    }
    let blocks = match object.get("content") {
        Some(Value::String(text)) => vec![json!({"type": "text", "text": text})],
        Some(Value::Array(blocks)) => blocks.clone(),
        _ => return Err(Refusal::invalid(format!("{at}.content: Field required"))),
    };
    if blocks.is_empty() {
        return Err(Refusal::invalid(format!("{at}: {role} messages must have non-empty content")));
    }
    for (index, block) in blocks.iter().enumerate() {
        check_block(block, role, &format!("{at}.content.{index}"))?;
    }
    Ok((role.to_owned(), blocks))
}

fn check_block(block: &Value, role: &str, at: &str) -> Result<(), Refusal> {
    let kind = block["type"].as_str().unwrap_or_default();
    let object =
        block.as_object().ok_or_else(|| Refusal::invalid(format!("{at}: Input should be an object")))?;
    let required = |key: &str, there: bool| {
        if there { Ok(()) } else { Err(Refusal::invalid(format!("{at}.{kind}.{key}: Field required"))) }
    };
    match (kind, role) {
        ("text", _) => {
            only_keys(object, at, &["type", "text", "cache_control", "citations"])?;
            required("text", block["text"].is_string())?;
            if block["text"] == "" {
                return Err(Refusal::invalid("messages: text content blocks must be non-empty"));
            }
            let cites = block["citations"].as_array().is_some_and(|citations| !citations.is_empty());
            if cites && role == "user" {
                return Err(Refusal::invalid(format!(
                    "{at}.text.citations: citations are not permitted here"
                )));
            }
            Ok(())
        }
        ("tool_result", "user") => {
            let keys = ["type", "tool_use_id", "content", "is_error", "cache_control"];
            only_keys(object, at, &keys)?;
            required("tool_use_id", block["tool_use_id"].is_string())?;
            let parts = block["content"].as_array().map(Vec::as_slice).unwrap_or_default();
            if parts.iter().any(|part| part["type"] != "text") {
                return Err(Refusal::not_in_the_sandbox("a tool result that is not text"));
            }
            let empty = parts.is_empty() && block["content"].as_str().unwrap_or_default().is_empty();
            if block["is_error"] == true && empty {
                return Err(Refusal::invalid(format!("{at}: content cannot be empty if `is_error` is true")));
            }
            Ok(())
        }
        ("tool_use", "assistant") => {
            only_keys(object, at, &["type", "id", "name", "input", "cache_control", "caller"])?;
            required("id", block["id"].is_string())?;
            required("name", block["name"].is_string())?;
            required("input", block["input"].is_object())
        }
        ("thinking", "assistant") => {
            only_keys(object, at, &["type", "thinking", "signature"])?;
            required("thinking", block["thinking"].is_string())?;
            required("signature", block["signature"].is_string())
        }
        ("image" | "document" | "search_result", "user") => Err(Refusal::not_in_the_sandbox(kind)),
        _ => Err(Refusal::invalid(format!(
            "{at}: Input tag '{kind}' is not one that a {role} message may have"
        ))),
    }
}

pub(super) fn only_keys(object: &Map<String, Value>, at: &str, known: &[&str]) -> Result<(), Refusal> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(Refusal::invalid(format!("{at}.{key}: Extra inputs are not permitted"))),
        None => Ok(()),
    }
}
