//! The third conversation: a fresh one with no stake in the change. It sees the error, the diff and
//! the file, and answers a rubric. Its refusal beats any confidence.

use serde_json::{Value, json};

use super::diff::{FileChange, unified};
use super::frames::LocatedFrame;
use super::prompt::{Boundary, incident_text};
use super::report::Critique;
use crate::claude::{Effort, Message, Setting};
use crate::incident::Incident;
use crate::redaction::Redacted;

/// The tool that ends the conversation.
pub const RESULT_TOOL: &str = "give_verdict";
/// Characters of the changed file shown.
const MAX_FILE_CHARS: usize = 60_000;

/// System text, tools and effort.
pub fn setting(boundary: &Boundary) -> Setting {
    Setting {
        system: format!("{SYSTEM}\n\n{}", boundary.rule()),
        tools: vec![result_tool()],
        effort: Effort::Medium,
    }
}

const SYSTEM: &str = "\
You review a change that someone else proposes for one production error. You gain nothing if it is merged and nothing if \
it is not. Assume that it is wrong until the code convinces you.

Answer with `give_verdict`, once:
- `stops_this_error`: with the change, can this exception still be raised at this frame by the same input? True only if not.
- `changes_other_behaviour`: does any input that worked before give another result, or raise, now?
- `hides_deeper_fault`: is the value that caused the error wrong for a reason elsewhere, which this change only covers up?
- `touches_sensitive_area`: authentication, authorisation, secrets, money, personal data, database writes, other services.
- `approve`: true only if you would put your own name under the merge.
- `confidence`: your honest probability that merging is right.";

fn result_tool() -> Value {
    let yes_or_no = || json!({ "type": "boolean" });
    json!({
        "name": RESULT_TOOL,
        "description": "Give the verdict. Ends the conversation.",
        "strict": true,
        "input_schema": {
            "type": "object",
            "additionalProperties": false,
            "required": [
                "stops_this_error", "changes_other_behaviour", "hides_deeper_fault", "touches_sensitive_area",
                "confidence", "approve", "explanation",
            ],
            "properties": {
                "stops_this_error": yes_or_no(),
                "changes_other_behaviour": yes_or_no(),
                "hides_deeper_fault": yes_or_no(),
                "touches_sensitive_area": yes_or_no(),
                "confidence": { "type": "number", "description": "0 to 1." },
                "approve": yes_or_no(),
                "explanation": { "type": "string", "description": "In at most four sentences." },
            },
        },
    })
}

/// The message that opens the conversation.
pub fn opening(
    boundary: &Boundary,
    incident: &Incident,
    located: &[LocatedFrame],
    change: &FileChange,
) -> Message {
    let capped = |text: &str| text.chars().take(MAX_FILE_CHARS).collect::<String>();
    let file = format!("{} before the change", change.path);
    Message::ours()
        .text(&Redacted::trusted("Review this change."))
        .text(&boundary.around("error report", &incident_text(incident, located)))
        .code(&boundary.around_code("diff", &capped(&unified(change))))
        .code(&boundary.around_code(&file, &capped(&change.before)))
}

/// Reads a verdict.
///
/// # Errors
/// A sentence for the model.
pub fn read(input: &Value) -> Result<Critique, String> {
    serde_json::from_value(input.clone()).map_err(|error| format!("The verdict cannot be read: {error}."))
}
