//! What the scripted model says. A script is data: for each conversation, told apart by the tool that
//! ends it, a list of turns. Which turn comes next follows from the request alone, so a repeated
//! request gets the same answer.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The tools that end a conversation with a result, and so tell the conversations apart.
pub const RESULT_TOOLS: [&str; 4] = ["report_analysis", "propose_fix", VERDICT_TOOL, "write_test"];
/// The one of them that a critic calls.
pub(super) const VERDICT_TOOL: &str = "give_verdict";

/// The answers to one kind of incident.
#[derive(Clone, Debug)]
pub struct Script {
    pub name: String,
    /// The script plays where the first user message contains this.
    pub when: String,
    /// What the critic's first message contains, if it isn't the same: no text of the event reaches the critic.
    critic_when: Option<String>,
    conversations: BTreeMap<String, Vec<Turn>>,
}

impl Script {
    pub fn new(name: &str, when: &str) -> Script {
        Script {
            name: name.to_owned(),
            when: when.to_owned(),
            critic_when: None,
            conversations: BTreeMap::new(),
        }
    }

    /// The critic's part plays where its first message contains this instead.
    pub fn critic_when(self, when: &str) -> Script {
        Script { critic_when: Some(when.to_owned()), ..self }
    }

    /// The turns of the conversation that offers `result_tool`.
    pub fn conversation(mut self, result_tool: &str, turns: Vec<Turn>) -> Script {
        self.conversations.insert(result_tool.to_owned(), turns);
        self
    }

    /// Whether it plays in the conversation that begins with this message and ends with this tool.
    pub(crate) fn plays(&self, first_message: &str, result_tool: Option<&str>) -> bool {
        let of_critic = self.critic_when.as_ref().filter(|_| result_tool == Some(VERDICT_TOOL));
        let knows = result_tool.is_none_or(|tool| self.conversations.contains_key(tool));
        knows && first_message.contains(of_critic.unwrap_or(&self.when))
    }

    pub(super) fn turn(&self, result_tool: &str, index: usize) -> Turn {
        let turn = self.conversations.get(result_tool).and_then(|turns| turns.get(index));
        turn.cloned().unwrap_or_else(|| {
            Turn::text(&format!("The script `{}` has no turn {} for `{result_tool}`.", self.name, index + 1))
        })
    }
}

/// The verdict of a critic who has nothing against the change.
pub fn approval(explanation: &str) -> Value {
    json!({
        "stops_this_error": true, "changes_other_behaviour": false, "hides_deeper_fault": false,
        "touches_sensitive_area": false, "confidence": 0.9, "approve": true, "explanation": explanation,
    })
}

/// One answer of the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    pub text: Option<String>,
    pub tool_uses: Vec<ToolUse>,
    /// `tool_use`, `end_turn`, or one of the reasons for stopping early; unknown ones are sent as they are.
    pub stop_reason: String,
    pub stop_details: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ToolUse {
    pub name: String,
    pub input: Value,
}

impl Turn {
    /// One call of a tool.
    pub fn tool(name: &str, input: Value) -> Turn {
        Turn::tools(vec![(name, input)])
    }

    /// Several calls at once.
    pub fn tools(uses: Vec<(&str, Value)>) -> Turn {
        let tool_uses =
            uses.into_iter().map(|(name, input)| ToolUse { name: name.to_owned(), input }).collect();
        Turn { text: None, tool_uses, stop_reason: "tool_use".to_owned(), stop_details: Value::Null }
    }

    /// Text, and the end of the turn.
    pub fn text(text: &str) -> Turn {
        Turn { text: Some(text.to_owned()), ..Turn::stopped("end_turn") }
    }

    /// Stops for this reason (`max_tokens`, `pause_turn`, …) before anything was said.
    pub fn stopped(reason: &str) -> Turn {
        Turn { text: None, tool_uses: Vec::new(), stop_reason: reason.to_owned(), stop_details: Value::Null }
    }

    /// The model declines; `category` is one of Anthropic's (`cyber`, `bio`, …).
    pub fn refusal(category: &str, explanation: &str) -> Turn {
        let stop_details = json!({"type": "refusal", "category": category, "explanation": explanation});
        Turn { stop_details, ..Turn::stopped("refusal") }
    }

    /// The same turn, ended for another reason: a call that `max_tokens` cut, for one.
    pub fn but_stopped(self, reason: &str) -> Turn {
        Turn { stop_reason: reason.to_owned(), ..self }
    }
}
