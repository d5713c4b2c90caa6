//! A bounded conversation with Claude that ends with a call of its result tool.
//!
//! Every finished turn is kept in the table before anything is done with it, so a worker that is
//! killed goes on from there and pays for no turn twice; what the tools answered is worked out again.

use std::collections::HashMap;
use std::time::Duration;

use autofix::analysis::tools::Toolbox;
use autofix::claude::{Setting, Stop, Turn};
use autofix::outbound::ServiceError;
use autofix::reason::{Reason, ReasonCode};
use autofix::store;
use serde_json::{Value, json};
use tracing::info;

use crate::desk::{Desk, Stopped};

/// Answers of the model in one conversation.
const MAX_TURNS: usize = 30;
/// The same call of a tool, over and over.
const MAX_REPEATS: u32 = 3;
/// A turn is not begun with less time than this: it could not be finished.
const TURN_TIME: Duration = Duration::from_secs(60);
/// One quick second try inside the invocation; longer waits are the clock's.
const QUICK_RETRY: Duration = Duration::from_millis(400);

/// What a conversation is about.
pub(crate) struct Topic<'t> {
    /// Its name in the checkpoints.
    pub name: &'static str,
    pub setting: Setting,
    pub opening: Value,
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
    desk: &mut Desk<'_>,
    topic: Topic<'_>,
    mut judge: impl FnMut(&Value) -> Judged<T>,
) -> Result<Outcome<T>, Stopped> {
    let kept = desk.store().turns(desk.attempt.id, topic.name).await?;
    let mut kept = kept.into_iter();
    let mut messages = vec![topic.opening.clone()];
    let mut calls: HashMap<String, u32> = HashMap::new();
    let mut asked_again = false;
    let mut cut_before = false;
    for number in 0..MAX_TURNS {
        let turn = match kept.next() {
            Some(turn) => read_kept(turn)?,
            None => {
                if let Some(spent) = over_daily_budget(desk).await? {
                    return Ok(spent);
                }
                next_turn(desk, &topic, &messages, number).await?
            }
        };
        desk.attempt.usage.add(&turn.usage);
        if desk.attempt.usage.cost_usd > desk.worker.config.max_cost_usd {
            return Ok(over_budget(desk.worker.config.max_cost_usd));
        }
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
                add_text(
                    &mut messages,
                    "Your last answer was too long and was cut. Be brief and call one tool.",
                );
                continue;
            }
            Stop::EndOfTurn | Stop::ToolUse | Stop::Pause | Stop::Other { .. } => {}
        }
        messages.push(json!({ "role": "assistant", "content": turn.content }));
        let uses = turn.tool_uses();
        if uses.is_empty() {
            if turn.stop != Stop::Pause {
                if asked_again {
                    let sentence = format!("Claude ended twice without calling `{}`.", topic.result_tool);
                    return Ok(refused(ReasonCode::ClaudeRefused, &sentence));
                }
                asked_again = true;
            }
            let text = format!("Go on, and end by calling `{}`.", topic.result_tool);
            messages.push(json!({ "role": "user", "content": [{ "type": "text", "text": text }] }));
            continue;
        }
        let mut results = Vec::new();
        for tool_use in uses {
            let (text, is_error) = if tool_use.name == topic.result_tool {
                match judge(&tool_use.input) {
                    Judged::Accepted(result) => return Ok(Outcome::Result(result)),
                    Judged::Refused(reasons) => return Ok(Outcome::Refused(reasons)),
                    Judged::Again(sentence) => (sentence, true),
                }
            } else {
                let count = calls.entry(format!("{} {}", tool_use.name, tool_use.input)).or_default();
                *count += 1;
                if *count > MAX_REPEATS {
                    let sentence =
                        format!("Claude called `{}` with the same input {count} times.", tool_use.name);
                    return Ok(refused(ReasonCode::StuckInLoop, &sentence));
                }
                match topic.toolbox {
                    Some(toolbox) => {
                        let answer = toolbox.call(&tool_use.name, &tool_use.input);
                        (answer.text().to_owned(), answer.is_refusal())
                    }
                    None => (format!("There is only the tool `{}`.", topic.result_tool), true),
                }
            };
            results.push(json!({
                "type": "tool_result",
                "tool_use_id": tool_use.id,
                "content": [{ "type": "text", "text": text }],
                "is_error": is_error,
            }));
        }
        messages.push(json!({ "role": "user", "content": results }));
    }
    let sentence = format!("Claude did not come to a result within {MAX_TURNS} turns.");
    Ok(refused(ReasonCode::BudgetSpent, &sentence))
}

async fn next_turn(
    desk: &mut Desk<'_>,
    topic: &Topic<'_>,
    messages: &[Value],
    number: usize,
) -> Result<Turn, Stopped> {
    let time = desk.time_left();
    if time < TURN_TIME {
        return Err(Stopped::OutOfTime);
    }
    let claude = &desk.worker.claude;
    let turn = match claude.turn(&topic.setting, messages, time).await {
        Err(error) if is_quick(&error) => {
            tokio::time::sleep(QUICK_RETRY).await;
            claude.turn(&topic.setting, messages, desk.time_left()).await?
        }
        turn => turn?,
    };
    let now = desk.now();
    let kept = json!(turn);
    desk.store()
        .save_turn(&desk.lease, store::Turn { conversation: topic.name, number, answer: &kept }, now)
        .await?;
    desk.store().spend(turn.usage.cost_usd, now).await?;
    info!(
        conversation = topic.name,
        turn = number,
        tokens.output = turn.usage.output_tokens,
        tokens.cached = turn.usage.cache_read_input_tokens,
        cost_usd = turn.usage.cost_usd,
        "Claude answered turn {number} of `{}`",
        topic.name
    );
    Ok(turn)
}

/// A fault that is likely to be gone at once, and for which nobody asked us to wait long.
fn is_quick(error: &ServiceError) -> bool {
    match error {
        ServiceError::Unavailable { retry_after, .. } => {
            retry_after.is_none_or(|wait| wait <= Duration::from_secs(1))
        }
        ServiceError::RateLimited { retry_after, .. } => {
            retry_after.is_some_and(|wait| wait <= Duration::from_secs(1))
        }
        ServiceError::NotFound(_)
        | ServiceError::Conflict(_)
        | ServiceError::Unauthorized(_)
        | ServiceError::Refused { .. }
        | ServiceError::Malformed(_) => false,
    }
}

fn read_kept(turn: Value) -> Result<Turn, Stopped> {
    serde_json::from_value(turn)
        .map_err(|error| Stopped::Service(ServiceError::Malformed(format!("a checkpoint: {error}"))))
}

fn add_text(messages: &mut [Value], text: &str) {
    if let Some(content) = messages.last_mut().and_then(|message| message["content"].as_array_mut()) {
        content.push(json!({ "type": "text", "text": text }));
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

/// The budget of all attempts of a day, looked at before every turn that would be paid for.
async fn over_daily_budget<T>(desk: &Desk<'_>) -> Result<Option<Outcome<T>>, Stopped> {
    let max = desk.worker.config.daily_cost_usd;
    let spent = desk.store().spent_today(desk.now()).await?;
    Ok((spent >= max).then(|| {
        let sentence =
            format!("Today's budget of ${max:.2} for all attempts is spent (`AUTOFIX_DAILY_COST_USD`).");
        refused(ReasonCode::BudgetSpent, &sentence)
    }))
}

fn over_budget<T>(max: f64) -> Outcome<T> {
    refused(
        ReasonCode::BudgetSpent,
        &format!("The budget of ${max:.2} for one attempt is spent (`AUTOFIX_MAX_COST_USD`)."),
    )
}
