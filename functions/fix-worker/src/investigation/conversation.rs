//! A bounded conversation with Claude that ends with a call of its result tool.
//!
//! Every finished turn is kept in the table before anything is done with it, so a worker that is
//! killed continues from there and pays for no turn twice; what the tools answered is worked out again.

use std::collections::HashMap;
use std::time::Duration;

use autofix::analysis::model::{Message, Setting, SourceCode, Stop, ToolResult, ToolUse, Turn};
use autofix::analysis::tools::{ToolAnswer, Toolbox};
use autofix::claude::Claude;
use autofix::metrics::Measured;
use autofix::outbound::{ErrorKind, ServiceError};
use autofix::reason::{Reason, ReasonCode};
use autofix::redaction::{Redacted, redact};
use autofix::store::{self, StoreError};
use autofix::usage::Usage;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tracing::info;

use crate::happened::Stopped;
use crate::investigation::analyst::Analyst;

/// Answers of the model in one conversation.
const MAX_TURNS: usize = 30;
/// The same call of a tool, over and over.
const MAX_REPEATS: u32 = 3;
/// A turn is not begun with less time than this: a long answer takes minutes, and one that is cut off is paid for.
const TURN_TIME: Duration = Duration::from_secs(240);
/// Calls of tools that one answer may make, and bytes that they may bring in: one request must not cost a fortune.
const MAX_CALLS: usize = 8;
const MAX_RESULT_BYTES: usize = 80_000;
/// A token of English or code is about four bytes; more would be guessed too low.
const BYTES_PER_TOKEN: u64 = 4;

/// What a conversation is about.
pub(crate) struct Topic<'t> {
    /// Its name in the checkpoints.
    pub name: &'static str,
    pub setting: Setting,
    pub opening: Message,
    pub toolbox: Option<&'t Toolbox<'t>>,
    pub result_tool: &'static str,
}

/// What the caller says about a result.
pub(crate) enum Judged<T> {
    Accepted(T),
    /// Goes back to the model with this sentence.
    Again(String),
    /// Enough: the conversation ends with these reasons.
    Refused(Vec<Reason>),
}

/// How a conversation ended.
pub(crate) enum Outcome<T> {
    Result(T),
    Refused(Vec<Reason>),
}

/// Talks until there is a result, a refusal, or a bound is reached.
pub(crate) async fn talk<T>(
    analyst: &mut Analyst<'_>,
    topic: Topic<'_>,
    mut judge: impl FnMut(&Value) -> Judged<T>,
) -> Result<Outcome<T>, Stopped> {
    let name = checkpoint_name(analyst.claude.model(), &topic);
    let kept = analyst.kept_turns(&name).await?;
    let mut kept = kept.into_iter();
    let mut messages = vec![topic.opening.clone()];
    let mut calls: HashMap<String, u32> = HashMap::new();
    let mut asked_again = false;
    let mut cut_before = false;
    for number in 0..MAX_TURNS {
        let turn = match kept.next() {
            Some(turn) => read_kept(turn)?,
            None => {
                if let Some(reason) = analyst.over_budget(least_cost(analyst.claude, &messages)).await? {
                    return Ok(Outcome::Refused(vec![reason]));
                }
                next_turn(analyst, &topic, &messages, Checkpoint { name: &name, number }).await?
            }
        };
        analyst.usage.add(&turn.usage);
        match &turn.stop {
            Stop::Refusal { category } => return Ok(refused_by_model(category.as_deref())),
            Stop::ContextFull => {
                return Ok(refused(
                    ReasonCode::ClaudeRefused,
                    "The code does not fit into one conversation.",
                ));
            }
            Stop::MaxTokens if cut_before => {
                return Ok(refused(
                    ReasonCode::ClaudeRefused,
                    "Claude's answer was cut twice because it was too long.",
                ));
            }
            Stop::MaxTokens => {
                cut_before = true;
                // The cut answer stays out of the history: a tool call in it would have no end.
                let text = "Your last answer was too long and was cut. Be brief and call one tool.";
                add_text(&mut messages, &Redacted::trusted(text));
                continue;
            }
            Stop::EndOfTurn | Stop::ToolUse | Stop::Pause | Stop::Other { .. } => {}
        }
        let uses = turn.tool_uses();
        if !turn.is_empty() {
            messages.push(Message::of_model(&turn));
        }
        if uses.is_empty() {
            if turn.stop != Stop::Pause {
                if asked_again {
                    let sentence = format!("Claude ended twice without calling `{}`.", topic.result_tool);
                    return Ok(refused(ReasonCode::ClaudeRefused, &sentence));
                }
                asked_again = true;
            }
            let text = redact(&format!("Go on, and end by calling `{}`.", topic.result_tool));
            if turn.is_empty() {
                add_text(&mut messages, &text);
            } else {
                messages.push(Message::ours().text(&text));
            }
            continue;
        }
        let mut results = Message::ours();
        let (mut answered, mut bytes) = (0, 0);
        for tool_use in uses {
            let result = if answered >= MAX_CALLS || bytes > MAX_RESULT_BYTES {
                let text = "Too many calls at once: not answered. Ask for less in one turn.";
                ToolResult::Refused(Redacted::trusted(text))
            } else if tool_use.name == topic.result_tool {
                match judge(&tool_use.input) {
                    Judged::Accepted(result) => return Ok(Outcome::Result(result)),
                    Judged::Refused(reasons) => return Ok(Outcome::Refused(reasons)),
                    Judged::Again(sentence) => ToolResult::Refused(redact(&sentence)),
                }
            } else {
                let count = calls.entry(format!("{} {}", tool_use.name, tool_use.input)).or_default();
                *count += 1;
                if *count > MAX_REPEATS {
                    let sentence =
                        format!("Claude called `{}` with the same input {count} times.", tool_use.name);
                    return Ok(refused(ReasonCode::StuckInLoop, &sentence));
                }
                ask_tool(&topic, &tool_use)
            };
            answered += 1;
            bytes += match &result {
                ToolResult::Code(code) => code.0.len(),
                ToolResult::Refused(text) => text.as_str().len(),
            };
            results = results.tool_result(&tool_use.id, &result);
        }
        messages.push(results);
    }
    let sentence = format!("Claude did not come to a result within {MAX_TURNS} turns.");
    Ok(refused(ReasonCode::BudgetSpent, &sentence))
}

fn ask_tool(topic: &Topic<'_>, tool_use: &ToolUse) -> ToolResult {
    let Some(toolbox) = topic.toolbox else {
        return ToolResult::Refused(redact(&format!("There is only the tool `{}`.", topic.result_tool)));
    };
    match toolbox.call(&tool_use.name, &tool_use.input) {
        ToolAnswer::Found(text) => ToolResult::Code(SourceCode(text)),
        ToolAnswer::Refused(text) => ToolResult::Refused(redact(&text)),
    }
}

/// Where a turn stands among the checkpoints.
struct Checkpoint<'p> {
    name: &'p str,
    number: usize,
}

/// A checkpoint belongs to one model, one prompt and one opening: with others, its thinking blocks would be refused.
fn checkpoint_name(model: &str, topic: &Topic<'_>) -> String {
    let setting = json!([model, topic.setting.system, topic.setting.tools, topic.opening]);
    let hash = Sha256::digest(setting.to_string());
    format!("{}@{}", topic.name, hex::encode(&hash[..6]))
}

async fn next_turn(
    analyst: &mut Analyst<'_>,
    topic: &Topic<'_>,
    messages: &[Message],
    checkpoint: Checkpoint<'_>,
) -> Result<Turn, Stopped> {
    if analyst.time_left() < TURN_TIME {
        return Err(Stopped::OutOfTime);
    }
    let claude = analyst.claude;
    let turn = match claude.turn(&topic.setting, messages, analyst.time_left()).await {
        // The invocation's own end, and no fault of Claude's.
        Err(ServiceError { kind: ErrorKind::TimedOut, .. }) if analyst.time_left() < TURN_TIME => {
            return Err(Stopped::OutOfTime);
        }
        turn => turn?,
    };
    let answer = json!(turn);
    let cost_usd = turn.usage.cost_usd;
    let kept =
        store::Turn { conversation: checkpoint.name, number: checkpoint.number, answer: &answer, cost_usd };
    analyst.keep(kept).await?;
    let measured = Measured::Turn {
        cost_usd: turn.usage.cost_usd,
        input_tokens: turn.usage.input_tokens + turn.usage.cache_creation_input_tokens,
        output_tokens: turn.usage.output_tokens,
        cached_tokens: turn.usage.cache_read_input_tokens,
    };
    analyst.metrics.record(&measured, analyst.clock.now());
    info!(
        conversation = topic.name,
        turn = checkpoint.number,
        tokens.output = turn.usage.output_tokens,
        tokens.cached = turn.usage.cache_read_input_tokens,
        cost_usd = (turn.usage.cost_usd * 10_000.0).round() / 10_000.0,
        "Claude answered turn {} of `{}`",
        checkpoint.number,
        topic.name
    );
    Ok(turn)
}

fn read_kept(turn: Value) -> Result<Turn, Stopped> {
    serde_json::from_value(turn).map_err(|error| {
        Stopped::Store(StoreError::Damaged { key: "a checkpoint".to_owned(), why: error.to_string() })
    })
}

fn add_text(messages: &mut Vec<Message>, text: &Redacted) {
    if let Some(last) = messages.pop() {
        messages.push(last.text(text));
    }
}

fn refused<T>(code: ReasonCode, sentence: &str) -> Outcome<T> {
    Outcome::Refused(vec![Reason::new(code, sentence)])
}

fn refused_by_model<T>(category: Option<&str>) -> Outcome<T> {
    let category = category.unwrap_or("no category");
    refused(
        ReasonCode::ClaudeRefused,
        &format!("Claude declined to work on this ({category}). A person has to look at it."),
    )
}

/// What reading these messages costs at the least, US dollars: the newest anew, the others from the cache.
fn least_cost(claude: &Claude, messages: &[Message]) -> f64 {
    let tokens = |message: &Message| json!(message).to_string().len() as u64 / BYTES_PER_TOKEN;
    let (newest, older) = match messages.split_last() {
        Some((newest, older)) => (tokens(newest), older.iter().map(tokens).sum()),
        None => (0, 0),
    };
    let usage =
        Usage { cache_creation_input_tokens: newest, cache_read_input_tokens: older, ..Usage::default() };
    claude.cost(&usage)
}
