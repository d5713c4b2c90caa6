//! The first conversation: what is the cause, and how risky would a change be? Claude reads the code
//! with read-only tools and reports through one strict tool; code then checks what it quotes.

use serde_json::{Value, json};

use super::evidence::{self, EvidenceCheck};
use super::frames::LocatedFrame;
use super::prompt::{Boundary, incident_text};
use super::repo_path::ProjectPath;
use super::report::{Analysis, BlastRadius, Category, Classification, Complexity, SecurityRisk};
use super::snapshot::Snapshot;
use super::tools;
use crate::model::{Effort, Message, Setting};
use autofix_domain::cleaning;
use autofix_domain::incident::Incident;
use autofix_domain::redaction::redact;

/// The tool that ends the conversation.
pub const RESULT_TOOL: &str = "report_analysis";

/// Pieces of evidence kept, and bytes of one quote.
const MAX_EVIDENCE: usize = 8;
const MAX_QUOTE_BYTES: usize = 1_000;

/// System text, tools and effort.
pub fn setting(boundary: &Boundary) -> Setting {
    let mut tools = tools::definitions();
    tools.push(result_tool());
    Setting { system: format!("{SYSTEM}\n\n{}", boundary.rule()), tools, effort: Effort::Medium }
}

const SYSTEM: &str = "\
You review one production error the way a careful CTO would: find its root cause in the code, and judge how risky a \
change would be. You only read; someone else decides and acts.

Work from the code, not from the error text. Start at the crashing application frame, read what it calls and who calls \
it, and stop as soon as you can name the cause and prove it. Prefer few, targeted reads.

Then imagine the smallest change that removes the cause and leaves every input that worked before exactly as it was: \
\"the change\" below. Judge what it alters, not what the error looks like, not what else the function or file does, \
and not what a larger change would do. Call `report_analysis` once:

`classification`:
- `code_fix`: a small change in one file of this repository removes the cause.
- `needs_human`: someone has to decide first, because the code, its callers and its tests don't say what should happen.
- `not_our_code`: the fault lies in a library, the environment or another service, and this repository handles it as it \
should. If our code takes for granted something that the other side never promised, it is ours.
- `already_fixed`: the code at this commit can't raise this error any more.

`can_auto_fix`: true if you would merge the change after one look at its diff; false if you would ask its author \
something first.

`complexity`, of the change:
- `minimal`: one expression or one condition.
- `simple`: a few lines in one function, nothing new to understand.
- `standard`: several functions, or a new rule that a reader has to learn.
- `complex`: several files, data that has to be converted, or behaviour over time (locks, retries, order).

`security_implications`, of the change:
- `none`: who may do or see what stays the same for every input.
- `low`: it touches such code, and what was refused before is still refused.
- `medium`: it alters which input a check, a permission or a token test accepts.
- `high`: something may pass, be shown or be trusted that was not before.

`blast_radius`, for which inputs and callers the outcome changes:
- `isolated`: only for inputs that crashed here before, or whose result was plainly wrong because of the same fault, however \
many callers the function has; or for one caller.
- `moderate`: also for inputs that worked and gave a right result, and only within one module.
- `wide`: also for inputs that worked and gave a right result, beyond one module: shared helpers, stored data, answers of endpoints, \
other services, public interfaces, formats, configuration.

`categories`, each only if the change itself does it; empty if none does:
- `security`: it alters what a check of identity, permission, token, signature or protective validation lets through, or \
how something is encrypted. Reading a missing value inside such a function, and refusing as before, is not one.
- `database`: it alters which rows a query finds, what is written, a transaction, or a schema. Handling a row or a \
column that may be missing is not one.
- `external_api`: it alters what is sent to, or required from, another service. Reading an answer more tolerantly is not one.
- `payments`: it alters an amount, a currency, a rounding, or whether and whom something is charged, refunded or credited.
- `business_logic`: it picks one of several outcomes that the product could want, and nothing in the code, its tests or \
its documentation says which.
- `multi_file`: the cause can't be removed without changing a second file. Evidence in other files is not one.
- `masks_deeper_problem`: after it a fault elsewhere, such as lost or wrong data, would go on unnoticed. If the missing \
value is allowed (an optional field, a lookup that may find nothing), it is not one.

Settle these by reading. Only if the code can't tell you, take the worse word.

- `evidence`: two to five exact quotes of single lines with file and line, as you read them, that prove the cause; \
among them, if there is one, the line that allows the value that crashes.
- `confidence`: your honest probability that the line raises for this reason and that the change removes it. Which caller \
the value came from counts only if the change would be wrong for one of them.";

fn result_tool() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let word = |words: Vec<&str>| json!({ "type": "string", "enum": words });
    json!({
        "name": RESULT_TOOL,
        "description": "Report the finished analysis. Ends the conversation.",
        "strict": true,
        "input_schema": {
            "type": "object",
            "additionalProperties": false,
            "required": [
                "error_type", "error_message", "root_cause", "file_path", "line_number", "function_name",
                "confidence", "can_auto_fix", "explanation", "complexity", "security_implications",
                "blast_radius", "recommendation", "classification", "categories", "evidence",
            ],
            "properties": {
                "error_type": text("Type name of the exception."),
                "error_message": text("Its message, without personal data."),
                "root_cause": text("Why it happens, in at most five sentences."),
                "file_path": text("File with the cause, path in the repository."),
                "line_number": { "type": "integer", "description": "Line of the cause, counted from 1." },
                "function_name": text("Function with the cause; empty if none."),
                "confidence": { "type": "number", "description": "0 to 1." },
                "can_auto_fix": { "type": "boolean" },
                "explanation": text("How the evidence proves the cause, in at most four sentences."),
                "complexity": word(Complexity::ALL.iter().map(|w| w.as_str()).collect()),
                "security_implications": word(SecurityRisk::ALL.iter().map(|w| w.as_str()).collect()),
                "blast_radius": word(BlastRadius::ALL.iter().map(|w| w.as_str()).collect()),
                "recommendation": text("What to do, in at most three sentences."),
                "classification": word(Classification::ALL.iter().map(|w| w.as_str()).collect()),
                "categories": {
                    "type": "array",
                    "items": word(Category::ALL.iter().map(|w| w.as_str()).collect()),
                },
                "evidence": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "additionalProperties": false,
                        "required": ["file", "line", "quote"],
                        "properties": {
                            "file": text("Path in the repository."),
                            "line": { "type": "integer", "description": "Counted from 1." },
                            "quote": text("The line, exactly."),
                        },
                    },
                },
            },
        },
    })
}

/// The message that opens the conversation.
pub fn opening(
    boundary: &Boundary,
    incident: &Incident,
    located: &[LocatedFrame],
    project: &ProjectPath,
) -> Message {
    let folder =
        if project.is_root() { "the whole repository".to_owned() } else { format!("the folder `{project}`") };
    let task = redact(&format!("Find the root cause of this error. The project is {folder}."));
    Message::ours().text(&task).text(&boundary.around("error report", &incident_text(incident, located)))
}

/// Reads a reported analysis.
///
/// # Errors
/// A sentence for the model, where a field is missing or the evidence does not stand.
pub fn read(input: &Value, snapshot: &Snapshot, project: &ProjectPath) -> Result<Analysis, Objection> {
    let mut analysis: Analysis = serde_json::from_value(input.clone())
        .map_err(|error| Objection::Unreadable(format!("The report cannot be read: {error}.")))?;
    bound(&mut analysis);
    if let Some(path) = snapshot.resolve(&analysis.file_path, project) {
        analysis.file_path = path.to_string();
    }
    let checks = evidence::check(&analysis.evidence, snapshot, project);
    let mut wrong = Vec::new();
    for (evidence, check) in analysis.evidence.iter_mut().zip(&checks) {
        match check {
            EvidenceCheck::Stands { path, line } => {
                evidence.file = path.to_string();
                evidence.line = *line;
            }
            EvidenceCheck::False { sentence } => wrong.push(sentence.clone()),
        }
    }
    if analysis.evidence.is_empty() {
        wrong.push("There is no evidence at all.".to_owned());
    }
    if wrong.is_empty() {
        Ok(analysis)
    } else {
        Err(Objection::EvidenceFalse { analysis: Box::new(analysis), sentences: wrong })
    }
}

/// Keeps a report within what a table item and a card can hold.
fn bound(analysis: &mut Analysis) {
    for (text, max_chars) in [
        (&mut analysis.root_cause, 4_000),
        (&mut analysis.explanation, 4_000),
        (&mut analysis.recommendation, 2_000),
        (&mut analysis.error_message, 1_000),
        (&mut analysis.error_type, 200),
        (&mut analysis.file_path, 1_000),
    ] {
        *text = cleaning::multi_line(text, max_chars);
    }
    analysis.function_name = analysis
        .function_name
        .take()
        .map(|name| cleaning::one_line(&name, 200))
        .filter(|name| !name.is_empty());
    analysis.evidence.truncate(MAX_EVIDENCE);
    for evidence in &mut analysis.evidence {
        evidence.quote.truncate(evidence.quote.floor_char_boundary(MAX_QUOTE_BYTES));
    }
}

/// What is wrong with a report.
#[derive(Clone, Debug, PartialEq)]
pub enum Objection {
    Unreadable(String),
    /// Quotes that are not in the tree: said once more, then the analysis is not trusted.
    EvidenceFalse {
        analysis: Box<Analysis>,
        sentences: Vec<String>,
    },
}

impl Objection {
    /// What the model is told.
    pub fn sentence(&self) -> String {
        match self {
            Objection::Unreadable(sentence) => sentence.clone(),
            Objection::EvidenceFalse { sentences, .. } => format!(
                "The evidence was checked against the code and does not hold. {} Read again and report once more with \
                 quotes that stand there.",
                sentences.join(" ")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_report_is_defined_once() {
        let categories = Category::ALL.iter().map(|word| word.as_str());
        let words = categories
            .chain(Classification::ALL.iter().map(|word| word.as_str()))
            .chain(Complexity::ALL.iter().map(|word| word.as_str()))
            .chain(SecurityRisk::ALL.iter().map(|word| word.as_str()))
            .chain(BlastRadius::ALL.iter().map(|word| word.as_str()));
        for word in words {
            assert_eq!(SYSTEM.matches(&format!("\n- `{word}`: ")).count(), 1, "{word}");
        }
    }
}
