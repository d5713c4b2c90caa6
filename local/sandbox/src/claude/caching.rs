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

/// How long a mark asks to keep what stands before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lifetime {
    FiveMinutes,
    OneHour,
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
    mark: Option<Lifetime>,
}

impl Prompt {
    /// Takes a request apart and judges its `cache_control` marks.
    pub(super) fn read(model: &str, body: &Map<String, Value>) -> Result<Prompt, Refusal> {
        let mut prompt = Prompt { parts: Vec::new() };
        let list = |key: &str| body.get(key).and_then(Value::as_array).into_iter().flatten();
        let mut hash = Sha256::digest(model).into();
        for tool in list("tools") {
            hash = prompt.add(hash, "tool", tool)?;
        }
        for block in list("system").chain(body.get("system").filter(|system| system.is_string())) {
            hash = prompt.add(hash, "system", block)?;
        }
        for message in list("messages") {
            let role = message["role"].as_str().unwrap_or_default();
            let content = &message["content"];
            let as_block = content.as_str().map(|text| json!({"type": "text", "text": text}));
            for block in content.as_array().into_iter().flatten().chain(as_block.as_ref()) {
                hash = prompt.add(hash, role, block)?;
            }
        }
        if let Some(automatic) = body.get("cache_control").filter(|mark| !mark.is_null())
            && let Some(last) = prompt.parts.last_mut()
        {
            last.mark = Some(lifetime(automatic)?);
        }
        let marks: Vec<Lifetime> = prompt.parts.iter().filter_map(|part| part.mark).collect();
        if marks.len() > MARKS {
            let message = format!(
                "A maximum of {MARKS} blocks with cache_control may be provided. Found {}.",
                marks.len()
            );
            return Err(Refusal::invalid(message));
        }
        if marks.is_sorted_by(|earlier, later| earlier >= later) {
            Ok(prompt)
        } else {
            Err(Refusal::invalid("cache_control: a ttl='1h' block must not come after a ttl='5m' block"))
        }
    }

    fn add(&mut self, before: [u8; 32], kind: &str, part: &Value) -> Result<[u8; 32], Refusal> {
        let mark = match part.get("cache_control").filter(|mark| !mark.is_null()) {
            Some(mark) => Some(lifetime(mark)?),
            None => None,
        };
        let text = canonical(part);
        let hash =
            Sha256::new().chain_update(before).chain_update(kind).chain_update(&text).finalize().into();
        let bytes = self.parts.last().map_or(0, |part| part.bytes) + text.len() as u64;
        self.parts.push(Part { hash, bytes, mark });
        Ok(hash)
    }

    fn tokens_until(&self, index: usize) -> u64 {
        self.parts[index].bytes.div_ceil(4)
    }
}

fn lifetime(mark: &Value) -> Result<Lifetime, Refusal> {
    let known = mark.as_object().is_some_and(|mark| mark.keys().all(|key| key == "type" || key == "ttl"));
    match (mark["type"].as_str(), mark["ttl"].as_str()) {
        (Some("ephemeral"), Some("5m")) if known => Ok(Lifetime::FiveMinutes),
        (Some("ephemeral"), None) if known && mark["ttl"].is_null() => Ok(Lifetime::FiveMinutes),
        (Some("ephemeral"), Some("1h")) if known => Ok(Lifetime::OneHour),
        _ => Err(Refusal::invalid(
            "cache_control: Input should be {\"type\": \"ephemeral\", \"ttl\": \"5m\" or \"1h\"}",
        )),
    }
}

impl Cache {
    /// The `usage` of a request that is answered with `content`; writes what the request's marks ask for.
    pub(super) fn usage(&mut self, prompt: &Prompt, content: &[Value]) -> Value {
        let all = prompt.parts.len().checked_sub(1).map_or(0, |last| prompt.tokens_until(last));
        let marked = prompt.parts.iter().enumerate().filter_map(|(index, part)| Some((index, part.mark?)));
        let marks: Vec<(usize, Lifetime)> =
            marked.filter(|(index, _)| prompt.tokens_until(*index) >= SHORTEST).collect();
        let near = marks.iter().flat_map(|(mark, _)| mark.saturating_sub(LOOK_BACK)..=*mark);
        let cached = near.filter(|index| self.written.contains(&prompt.parts[*index].hash)).max();
        let read = cached.map_or(0, |index| prompt.tokens_until(index));
        let (mut five_minutes, mut one_hour, mut done) = (0, 0, read);
        for (index, lifetime) in &marks {
            let new = prompt.tokens_until(*index).saturating_sub(done);
            done += new;
            match lifetime {
                Lifetime::FiveMinutes => five_minutes += new,
                Lifetime::OneHour => one_hour += new,
            }
            self.written.insert(prompt.parts[*index].hash);
        }
        let tokens = |blocks: &mut dyn Iterator<Item = &Value>| {
            blocks.map(|block| block.to_string().len() as u64).sum::<u64>().div_ceil(4)
        };
        let thinking = tokens(&mut content.iter().filter(|block| block["type"] == "thinking"));
        json!({
            "input_tokens": all - done,
            "cache_creation_input_tokens": five_minutes + one_hour,
            "cache_read_input_tokens": read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": five_minutes, "ephemeral_1h_input_tokens": one_hour,
            },
            "output_tokens": tokens(&mut content.iter()),
            "output_tokens_details": {"thinking_tokens": thinking},
            "service_tier": "standard",
        })
    }
}
