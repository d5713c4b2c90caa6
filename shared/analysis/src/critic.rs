//! The third conversation: an isolated one with no stake in the change, and that no stranger's text can reach. It sees the
//! code of the repository without its comments and strings, the change, and what code found and asks about it: nothing
//! that the event says but the type of the exception, and nothing that the author says. Its refusal beats any confidence.

pub mod code;

use std::fmt::Write;

use serde_json::{Value, json};

use self::code::{BlankedCode, CrashLine, MAX_CHANGED_LINE_CHARS};
use super::answers::MAX_QUOTES;
use super::diff::{FileChange, hunks};
use super::effects::{Effects, Question};
use super::prompt::Boundary;
use super::report::{Critique, Evidence};
use crate::model::{Effort, Message, Setting, SourceCode};
use autofix_domain::cleaning;
use autofix_domain::reason::{Reason, ReasonCode};
use autofix_domain::redaction::Redacted;

/// The tool that ends the conversation.
pub const RESULT_TOOL: &str = "give_verdict";
/// Characters of an exception's type: longer ones are no type's name.
const MAX_TYPE_CHARS: usize = 60;
/// Facts shown, and characters of each fact or question: what code writes is short.
const MAX_FACTS: usize = 60;
const MAX_SENTENCE_CHARS: usize = 600;
/// What is kept of a verdict: it goes into a table item, a pull request and a page.
const MAX_EXPLANATION_CHARS: usize = 2_000;
const MAX_ANSWERS: usize = 40;
const MAX_ID_CHARS: usize = 40;
const MAX_PATH_CHARS: usize = 400;
/// Bytes of a quote: what is left of a longer line is proof enough.
const MAX_QUOTE_BYTES: usize = 400;

/// System text, tools and effort.
pub fn setting(boundary: &Boundary) -> Setting {
    Setting {
        system: format!("{SYSTEM}\n\n{}", boundary.rule()),
        tools: vec![result_tool()],
        effort: Effort::Medium,
    }
}

const SYSTEM: &str = "\
You review a change that someone else proposes to code that crashed in production. You see code and nothing else: no \
report of the error but its type and the line that crashed, and no reasons of the author. You gain nothing if the change is \
merged and nothing if it is not. Assume that it is wrong until the code convinces you.

How the code is shown:
- Each line has its number before the change. `-` marks a line that the change removes, `+` one that it adds.
- Comments are left out, and what strings say is shown as `…`, but for strings on changed lines and names that \
the change is about. They are there in the file; that you can't see them is no fault of the change.

Answer with `give_verdict`, once. Every field is about what the change alters, not about what the code around it does:
- `stops_this_error`: can the same exception still be raised at the line that crashed, for the same reason, with the change? \
True only if not.
- `changes_other_behaviour`: true if an input that worked before, one that did not crash here, now has another result or another \
effect, or raises. What becomes of the inputs that crashed, or whose result was plainly wrong because of the same fault, does \
not count.
- `hides_deeper_fault`: true if the code shows that the value that caused the crash can't be right at this place, so that \
something else is at fault and the change only covers it up. A value that the code allows to be missing, and a wrong name that the \
change corrects, hide nothing.
- `touches_sensitive_area`: true only if the change alters who may do something, where a secret or personal data goes, an \
amount of money, what is written to a database, or what is sent to another service. A corrected name, a more tolerant read and \
a guard against a missing value beside a database call alter none of these, even if the function is about them.
- `answers`: one for each question in the message, and an empty list if there is none. Answer `yes` only if the code shown proves \
it, `no` if it shows the opposite, `unknown` if the code shown does not decide it. A `yes` needs `quotes`: exact single \
lines of the code before the change, from any file shown, with their file and number. Each has to be there, and at \
least one has to hold the question's identifier in code. Your quotes are checked.
- `approve`: true only if you would put your own name under the merge.
- `confidence`: your honest probability that merging is right.";

fn result_tool() -> Value {
    let yes_or_no = || json!({ "type": "boolean" });
    let text = |description: &str| json!({ "type": "string", "description": description });
    let object = |properties: Value, required: &[&str]| {
        json!({
            "type": "object",
            "additionalProperties": false,
            "required": required,
            "properties": properties,
        })
    };
    let quote = object(
        json!({
            "file": text("Path in the repository."),
            "line": { "type": "integer", "description": "Its number before the change, counted from 1." },
            "quote": text("The line, exactly."),
        }),
        &["file", "line", "quote"],
    );
    let answer = object(
        json!({
            "question": text("Id of the question, such as `q1`."),
            "answer": { "type": "string", "enum": ["yes", "no", "unknown"] },
            "quotes": {
                "type": "array",
                "description": format!("What a yes rests on; at most {MAX_QUOTES}."),
                "items": quote,
            },
        }),
        &["question", "answer", "quotes"],
    );
    let verdict = object(
        json!({
            "answers": { "type": "array", "description": "One for each question.", "items": answer },
            "stops_this_error": yes_or_no(),
            "changes_other_behaviour": yes_or_no(),
            "hides_deeper_fault": yes_or_no(),
            "touches_sensitive_area": yes_or_no(),
            "confidence": { "type": "number", "description": "0 to 1." },
            "approve": yes_or_no(),
            "explanation": text("In at most four sentences."),
        }),
        &[
            "answers",
            "stops_this_error",
            "changes_other_behaviour",
            "hides_deeper_fault",
            "touches_sensitive_area",
            "confidence",
            "approve",
            "explanation",
        ],
    );
    json!({
        "name": RESULT_TOOL,
        "description": "Give the verdict. Ends the conversation.",
        "strict": true,
        "input_schema": verdict,
    })
}

/// What the critic is shown.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// Type of the exception as the event has it: only a name is taken from it.
    pub exception: &'a str,
    /// `None` if no frame was verified.
    pub crash: Option<CrashLine<'a>>,
    pub code: &'a BlankedCode<'a>,
    /// What the analysis cites. Only the places are taken from it.
    pub evidence: &'a [Evidence],
    pub effects: &'a Effects,
    /// Those that this critic has to answer.
    pub questions: &'a [Question],
}

/// The message that opens the conversation.
pub fn opening(boundary: &Boundary, shown: &Shown<'_>) -> Message {
    let code = shown.code;
    let (change, lines) = code.change();
    let around = |what: &str, text: &str| boundary.around_code(what, text.trim_end());
    let mut message = Message::ours()
        .text(&Redacted::trusted("Review this change."))
        .code(&around("the crash", &crash(shown)))
        .code(&around(&format!("the change to {}", code.changed_path()), &change));
    let names = code.changed_functions();
    if !names.is_empty() {
        let calls = match code.calls_of(&names, &lines) {
            calls if calls.is_empty() => "Nothing in the repository names it elsewhere.\n".to_owned(),
            calls => calls,
        };
        let what = format!("who calls {}", names.join(", "));
        message = message.code(&around(&what, &calls));
    }
    let cited = code.cited(shown.evidence, &lines);
    if !cited.is_empty() {
        message = message.code(&around("other code that matters", &cited));
    }
    let names = shown.questions.iter().map(|question| question.identifier.as_str());
    let new_names = code.new_names();
    let names = names.filter(|name| !name.is_empty()).chain(new_names.iter().map(String::as_str)).collect();
    let occurrences = code.occurrences_of(&names, &lines);
    if !occurrences.is_empty() {
        message = message
            .code(&around("where else names of the questions and of the change are used", &occurrences));
    }
    let facts = facts(shown.effects);
    if !facts.is_empty() {
        message = message.code(&around("what code found about the change", &facts));
    }
    message.code(&SourceCode(questions(shown.questions)))
}

fn crash(shown: &Shown<'_>) -> String {
    let exception = type_name(shown.exception);
    match shown.crash {
        Some(CrashLine { path, line }) => {
            let source = shown.code.lines(path, &(line..=line));
            format!("{exception} at line {line} of `{path}`:\n{source}")
        }
        None => exception,
    }
}

/// The last part of a type's name; of `runtime.Error`, which alone says nothing, the last two. Whoever raises an error
/// chooses it, so it gets no room for a sentence.
fn type_name(exception: &str) -> String {
    let last = exception.rsplit([':', '\\', '/']).next().unwrap_or_default();
    let parts: Vec<&str> = last.rsplit('.').take(2).collect();
    let last = match parts[..] {
        ["Error" | "Exception", package] => format!("{package}.{}", parts[0]),
        _ => parts.first().map_or_else(String::new, |last| (*last).to_owned()),
    };
    let is_part = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let name: String = last.chars().take_while(is_part).take(MAX_TYPE_CHARS).collect();
    if name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') { name } else { "An error".to_owned() }
}

fn facts(effects: &Effects) -> String {
    let mut text = String::new();
    for fact in effects.facts.iter().take(MAX_FACTS) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "- {}", cleaning::one_line(&fact.sentence, MAX_SENTENCE_CHARS));
    }
    let left_out = effects.facts.len().saturating_sub(MAX_FACTS);
    if left_out > 0 {
        let _ = writeln!(text, "({left_out} more are left out)");
    }
    text
}

fn questions(questions: &[Question]) -> String {
    if questions.is_empty() {
        return "Nothing is asked beside the verdict: leave `answers` empty.".to_owned();
    }
    let mut text = "Answer these in `answers`.\n".to_owned();
    for question in questions {
        let asked = cleaning::one_line(&question.text, MAX_SENTENCE_CHARS);
        let identifier = cleaning::one_line(&question.identifier, MAX_SENTENCE_CHARS).replace('`', "'");
        let _ = write!(text, "\nQuestion {}: {asked}\nIdentifier: `{identifier}`\n", question.id);
    }
    text
}

/// Why nobody can review a change: a line that is too long to be shown whole. `None` if all of it can be shown.
pub fn unreviewable(change: &FileChange) -> Option<Reason> {
    let longest = hunks(change)
        .iter()
        .flat_map(|hunk| hunk.removed.iter().chain(&hunk.added))
        .map(|line| line.text.chars().count())
        .max()?;
    (longest > MAX_CHANGED_LINE_CHARS).then(|| {
        Reason::new(
            ReasonCode::TooManyLines,
            format!(
                "A changed line has {longest} characters; at most {MAX_CHANGED_LINE_CHARS} can be reviewed."
            ),
        )
    })
}

/// Reads a verdict.
///
/// # Errors
/// A sentence for the model.
pub fn read(input: &Value) -> Result<Critique, String> {
    let mut critique: Critique = serde_json::from_value(input.clone())
        .map_err(|error| format!("The verdict cannot be read: {error}."))?;
    critique.explanation = cleaning::multi_line(&critique.explanation, MAX_EXPLANATION_CHARS);
    critique.answers.truncate(MAX_ANSWERS);
    for answer in &mut critique.answers {
        answer.question = cleaning::one_line(&answer.question, MAX_ID_CHARS);
        answer.quotes.truncate(MAX_QUOTES);
        for quote in &mut answer.quotes {
            quote.file = cleaning::one_line(&quote.file, MAX_PATH_CHARS);
            quote.quote.truncate(quote.quote.floor_char_boundary(MAX_QUOTE_BYTES));
        }
    }
    Ok(critique)
}

#[cfg(test)]
mod tests;
