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
use crate::claude::{Effort, Message, Setting};
use crate::cleaning;
use crate::incident::Incident;
use crate::redaction::redact;

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

Then call `report_analysis` once:
- `classification`: `code_fix` only if a small change in one file of this repository removes the cause. `needs_human` if \
a person has to decide, for example about what the product should do. `not_our_code` if the fault lies in a library, the \
environment or another service. `already_fixed` if the code at this commit cannot raise this error any more.
- `can_auto_fix`: true only if you would merge such a change yourself after one look.
- `complexity`, `security_implications`, `blast_radius`: judge the change, not the error. When in doubt, the worse word.
- `categories`: every kind of sensitive area that the cause or the change touches: `security` (authentication, \
authorisation, tokens, cryptography, validation that protects), `database` (queries, models, migrations), `external_api`, \
`payments`, `business_logic` (what is right depends on what the product is meant to do), `multi_file`, \
`masks_deeper_problem` (a change here would hide a fault elsewhere). Empty if none.
- `evidence`: two to five exact quotes of single lines with file and line, as you read them, that prove the cause.
- `confidence`: your honest probability that the cause is right.";

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
                "explanation": text("How the evidence proves the cause."),
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
