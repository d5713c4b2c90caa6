//! What a request costs: tokens guessed as a quarter of the bytes, and which of them come from the cache.
//!
//! The cache is kept as the real one: what stands before a mark is written, and read where a later
//! request begins the same way. It differs in one thing: entries never expire.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::canonical;
use super::refusal::Refusal;

/// Marks in one request.
const MARKS: usize = 4;
/// How many blocks before a mark are looked at for something cached.
const LOOK_BACK: usize = 20;
/// A shorter beginning is not cached, tokens. Anthropic says 512 for Opus 5 and nothing yet for 5.5.
const SHORTEST: u64 = 512;

/// What is cached: the hash of a request's beginning.
#[derive(Clone, Default)]
pub(super) struct Cache {
    written: BTreeSet<[u8; 32]>,
}

/// A request as the cache sees it: its parts in the order tools, system, messages.
#[derive(Debug)]
pub(super) struct Prompt {
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    /// Hash of everything up to and with this part.
    hash: [u8; 32],
    /// Bytes up to and with this part.
    bytes: u64,
    is_marked: bool,
}

impl Prompt {
    /// Takes a request apart and counts its `cache_control` marks.
    pub(super) fn read(model: &str, body: &Map<String, Value>) -> Result<Prompt, Refusal> {
        let mut prompt = Prompt { parts: Vec::new() };
        let list = |key: &str| body.get(key).and_then(Value::as_array).into_iter().flatten();
        let mut hash = Sha256::digest(model).into();
        for tool in list("tools") {
            hash = prompt.add(hash, "tool", tool);
        }
        for block in list("system") {
            hash = prompt.add(hash, "system", block);
        }
        for message in list("messages") {
            let role = message["role"].as_str().unwrap_or_default();
            let content = &message["content"];
            let as_block = content.as_str().map(|text| json!({"type": "text", "text": text}));
            for block in content.as_array().into_iter().flatten().chain(as_block.as_ref()) {
                hash = prompt.add(hash, role, block);
            }
        }
        let marks = prompt.parts.iter().filter(|part| part.is_marked).count();
        if marks > MARKS {
            let message =
                format!("A maximum of {MARKS} blocks with cache_control may be provided. Found {marks}.");
            return Err(Refusal::invalid(message));
        }
        Ok(prompt)
    }

    fn add(&mut self, before: [u8; 32], kind: &str, part: &Value) -> [u8; 32] {
        let text = canonical(part);
        let hash =
            Sha256::new().chain_update(before).chain_update(kind).chain_update(&text).finalize().into();
        let bytes = self.parts.last().map_or(0, |part| part.bytes) + text.len() as u64;
        self.parts.push(Part { hash, bytes, is_marked: part.get("cache_control").is_some() });
        hash
    }

    fn tokens_until(&self, index: usize) -> u64 {
        self.parts[index].bytes.div_ceil(4)
    }
}

impl Cache {
    /// The `usage` of a request that is answered with `content`; writes what the request's marks ask for.
    pub(super) fn usage(&mut self, prompt: &Prompt, content: &[Value]) -> Value {
        let all = prompt.parts.len().checked_sub(1).map_or(0, |last| prompt.tokens_until(last));
        let is_cached =
            |index: &usize| prompt.parts[*index].is_marked && prompt.tokens_until(*index) >= SHORTEST;
        let marks: Vec<usize> = (0..prompt.parts.len()).filter(is_cached).collect();
        let near = marks.iter().flat_map(|mark| mark.saturating_sub(LOOK_BACK)..=*mark);
        let cached = near.filter(|index| self.written.contains(&prompt.parts[*index].hash)).max();
        let read = cached.map_or(0, |index| prompt.tokens_until(index));
        let done = marks.last().map_or(read, |last| prompt.tokens_until(*last).max(read));
        self.written.extend(marks.iter().map(|mark| prompt.parts[*mark].hash));
        let tokens = |blocks: &mut dyn Iterator<Item = &Value>| {
            blocks.map(|block| block.to_string().len() as u64).sum::<u64>().div_ceil(4)
        };
        let thinking = tokens(&mut content.iter().filter(|block| block["type"] == "thinking"));
        json!({
            "input_tokens": all - done,
            "cache_creation_input_tokens": done - read,
            "cache_read_input_tokens": read,
            "cache_creation": {"ephemeral_5m_input_tokens": done - read, "ephemeral_1h_input_tokens": 0},
            "output_tokens": tokens(&mut content.iter()),
            "output_tokens_details": {"thinking_tokens": thinking},
            "service_tier": "standard",
        })
    }
}
