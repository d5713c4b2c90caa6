//! The second conversation: a fresh one that sees the analysis and the code around what it cites, may read on with the
//! tools, and proposes search/replace edits. What does not apply or does not parse goes back to it, a few times.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::edits::{Edit, apply_all};
use super::effects::{Crash, Effects};
use super::prompt::Boundary;
use super::repo_path::{ProjectPath, RepoPath};
use super::report::Analysis;
use super::snapshot::Snapshot;
use super::surroundings::{near, surroundings};
use super::tools::{self, Toolbox};
use super::validators::{self, Findings, ProposedChange};
use crate::diff::FileChange;
use crate::model::{Effort, Message, Setting};
use autofix_domain::cleaning;
use autofix_domain::reason::{Reason, ReasonCode};
use autofix_domain::redaction::{Redacted, redact};

/// The tool that ends the conversation.
pub const RESULT_TOOL: &str = "propose_fix";
/// How often edits that cannot be used go back to the model.
pub const MAX_REPAIRS: usize = 3;
/// Cited files that are shown; evidence from more than four is rarely about one small change.
const MAX_FILES: usize = 4;
/// Bytes of all edits together: the rule of thirty lines is the tight one, this keeps the attempt's item small.
const MAX_EDIT_BYTES: usize = 60_000;
const MAX_EXPLANATION_CHARS: usize = 4_000;
/// Other files looked through for a name, and the ones that mention it.
const MAX_MENTIONS: usize = 200;
/// Files that mention a function whose answer changes: its callers, and others of the same name.
const MAX_CALLERS: usize = 100;

/// System text, tools and effort.
pub fn setting(boundary: &Boundary) -> Setting {
    let mut tools = tools::definitions();
    tools.push(result_tool());
    Setting { system: format!("{SYSTEM}\n\n{}", boundary.rule()), tools, effort: Effort::High }
}

const SYSTEM: &str = "\
You write the smallest change that removes the root cause of one production error. Someone has already analysed it; you \
see the analysis and the code around what it cites. Read more with the tools only where the change depends on it: a \
caller, a definition, how the same case is handled elsewhere. Few, targeted reads; no search for other faults.

The change:
- One file, as few lines as possible, in the style of the code around it. Nothing that isn't needed: no refactoring, no \
renaming, no new comments about the fix, no second improvement.
- Every input that worked before takes the same path and gives the same result. Test for exactly the state that crashed \
(`is None` rather than falsy, if empty values worked), and leave names, order, kinds of return value and messages as they are.
- Put it where the error is raised, or in front of that in the same function. If the value may be missing, treat it \
there as nothing: a guard, or a neutral value (`None`, an empty text or list) that the code behind already handles. \
Look how the same file treats the same case, and do that.
- Never invent data: no made-up name, amount, date, user, role or id as a default.
- Never skip in silence what should have been done: if a write, a mail, a payment or a request to another service would \
be left out, that must be loud (raise, an error answer) or is not yours to decide.
- Checks stay closed: what was refused is still refused, and a missing value never passes a check of identity, \
permission, validation or signature.
- A handler catches the one type that this one call raises, and does something that the caller notices or already handles. \
No broad `except`, no swallowed error, no deleted check or raise, no longer timeout, no retry, no lowered log level, no \
disabled warning.
- Never log or return secrets, tokens, whole requests or whole objects.
- Never touch tests, dependencies, configuration, CI, migrations, or signatures that others call. No import of a package \
that the project does not use yet.

Then call `propose_fix` once, with search/replace edits:
- Each `search` is copied exactly from the file, without line numbers, and stands there exactly once; take a few lines of \
context if needed. `replace` is what stands there afterwards. Only files that you were shown or have read can be edited.
- `explanation`: why this removes the cause, what happens now for the input that crashed, and why nothing else changes.
- If no such change exists, or the right outcome is for people to decide, call `propose_fix` with no edits and say why.";

fn result_tool() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "name": RESULT_TOOL,
        "description": "Propose the change. Ends the conversation.",
        "strict": true,
        "input_schema": {
            "type": "object",
            "additionalProperties": false,
            "required": ["edits", "explanation", "confidence"],
            "properties": {
                "edits": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "additionalProperties": false,
                        "required": ["file_path", "search", "replace"],
                        "properties": {
                            "file_path": text("Path in the repository."),
                            "search": text("Text that stands exactly once in the file."),
                            "replace": text("What takes its place."),
                        },
                    },
                },
                "explanation": text("Why this removes the cause and changes nothing else."),
                "confidence": { "type": "number", "description": "0 to 1: would you merge it?" },
            },
        },
    })
}

/// The files that the analysis cites.
pub fn cited_files(analysis: &Analysis, snapshot: &Snapshot, project: &ProjectPath) -> Vec<RepoPath> {
    let cited =
        std::iter::once(&analysis.file_path).chain(analysis.evidence.iter().map(|evidence| &evidence.file));
    let mut seen = BTreeSet::new();
    let found =
        cited.filter_map(|path| snapshot.resolve(path, project)).filter(|path| snapshot.text(path).is_some());
    found.filter(|path| seen.insert((*path).clone())).take(MAX_FILES).cloned().collect()
}

/// The files that the model may change: those that it was shown and those that it has read since. A file nobody looked
/// at is not changed, whatever the model was told about it.
pub fn editable_files(cited: &[RepoPath], toolbox: &Toolbox<'_>) -> Vec<RepoPath> {
    let read = toolbox.shown_files().into_iter().filter(|path| !cited.contains(path));
    cited.iter().cloned().chain(read).collect()
}

/// The message that opens the conversation.
pub fn opening(boundary: &Boundary, analysis: &Analysis, files: &[RepoPath], snapshot: &Snapshot) -> Message {
    let summary = json!({
        "root_cause": analysis.root_cause,
        "file_path": analysis.file_path,
        "line_number": analysis.line_number,
        "function_name": analysis.function_name,
        "explanation": analysis.explanation,
        "recommendation": analysis.recommendation,
        "error_type": analysis.error_type,
        "error_message": analysis.error_message,
    });
    let mut message = Message::ours()
        .text(&Redacted::trusted("Remove this root cause."))
        .text(&boundary.around("analysis", &redact(&summary.to_string())));
    for path in files {
        let cited = analysis
            .evidence
            .iter()
            .filter(|evidence| evidence.file == path.as_str())
            .map(|evidence| evidence.line);
        let mut lines: Vec<u32> = cited.collect();
        let text = snapshot.text(path).unwrap_or_default();
        let shown = if analysis.file_path == path.as_str() {
            lines.extend(analysis.line_number);
            surroundings(path, text, &lines)
        } else {
            near(text, &lines)
        };
        message = message.code(&boundary.around_code(path.as_str(), &shown));
    }
    message
}

/// The fix that is on its branch, and what its checks say about it.
#[derive(Clone, Debug)]
pub struct RedChecks<'a> {
    /// Unified diff of the fix against its base.
    pub diff: &'a str,
    /// Names, failing tests and log lines of the checks that the base does not fail; from outside.
    pub report: &'a str,
}

/// The message that opens a repair: the same task, with the fix that was not good enough. Edits are made to the files
/// as they stand on the base, so the new ones take the place of the old ones.
pub fn repair_opening(opening: Message, boundary: &Boundary, red: &RedChecks<'_>) -> Message {
    let task = Redacted::trusted(
        "This fix was proposed before and its checks fail. Propose the whole fix again, as edits to the files shown \
         above, so that the checks pass and the root cause is removed. Never change a test to make it pass. If the \
         failure has nothing to do with the fix, or no small change is right, propose no edits and say why.",
    );
    opening
        .text(&task)
        .code(&boundary.around_code("the fix that was proposed", red.diff))
        .text(&boundary.around("what the failing checks say", &redact(red.report)))
}

/// A proposed fix that applies and has been looked at by every validator.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub change: FileChange,
    pub edits: Vec<Edit>,
    pub explanation: String,
    /// 0 to 1; `None` where the model gave something else.
    pub confidence: Option<f64>,
    /// What the validators object to; empty for a fix that may go on.
    pub findings: Vec<Reason>,
    /// What the change does, and what is asked about it.
    pub effects: Effects,
}

/// What a fix is made for and checked against.
#[derive(Clone, Copy, Debug)]
pub struct Code<'a> {
    pub snapshot: &'a Snapshot,
    pub project: &'a ProjectPath,
    pub crash: &'a Crash,
}

/// What became of a proposal.
#[derive(Clone, Debug, PartialEq)]
pub enum Proposal {
    Usable(Box<Candidate>),
    /// The model found no change that it would defend.
    None {
        explanation: String,
    },
    /// Goes back to the model; if it does so too often, these are the reasons.
    Unusable {
        sentence: String,
        reasons: Vec<Reason>,
    },
}

#[derive(Deserialize)]
struct WireProposal {
    edits: Vec<Edit>,
    explanation: String,
    confidence: Value,
}

/// Reads a proposal: applies its edits and asks the validators.
pub fn read(input: &Value, files: &[RepoPath], code: &Code<'_>) -> Proposal {
    let Code { snapshot, project, .. } = *code;
    let mut wire: WireProposal = match serde_json::from_value(input.clone()) {
        Ok(wire) => wire,
        Err(error) => {
            let sentence = format!("The proposal cannot be read: {error}.");
            let reasons = vec![Reason::new(ReasonCode::FieldMissing, sentence.clone())];
            return Proposal::Unusable { sentence, reasons };
        }
    };
    wire.explanation = cleaning::multi_line(&wire.explanation, MAX_EXPLANATION_CHARS);
    if wire.edits.is_empty() {
        return Proposal::None { explanation: wire.explanation };
    }
    let bytes: usize = wire.edits.iter().map(|edit| edit.search.len() + edit.replace.len()).sum();
    if bytes > MAX_EDIT_BYTES {
        let sentence = format!("The edits have {bytes} bytes together; at most {MAX_EDIT_BYTES} are taken.");
        let reasons = vec![Reason::new(ReasonCode::TooManyLines, sentence.clone())];
        return Proposal::Unusable { sentence, reasons };
    }
    for edit in &mut wire.edits {
        if let Some(path) = snapshot.resolve(&edit.file_path, project) {
            edit.file_path = path.to_string();
        }
    }
    apply_and_validate(wire, files, code)
}

/// Puts the edits of an earlier fix on another snapshot and asks the validators anew. `Err` says why they do not fit it.
pub fn reapply(edits: Vec<Edit>, explanation: &str, code: &Code<'_>) -> Result<Candidate, Vec<Reason>> {
    let Code { snapshot, project, .. } = *code;
    let files: Vec<RepoPath> =
        edits.iter().filter_map(|edit| snapshot.resolve(&edit.file_path, project).cloned()).collect();
    let wire = WireProposal { edits, explanation: explanation.to_owned(), confidence: Value::Null };
    match apply_and_validate(wire, &files, code) {
        Proposal::Usable(candidate) if candidate.findings.is_empty() => Ok(*candidate),
        Proposal::Usable(candidate) => Err(candidate.findings),
        Proposal::Unusable { reasons, .. } => Err(reasons),
        Proposal::None { explanation } => Err(vec![Reason::new(ReasonCode::NoChange, explanation)]),
    }
}

fn apply_and_validate(wire: WireProposal, files: &[RepoPath], code: &Code<'_>) -> Proposal {
    let snapshot = code.snapshot;
    let shown: Vec<(&str, &str)> =
        files.iter().filter_map(|path| Some((path.as_str(), snapshot.text(path)?))).collect();
    let changes = match apply_all(&shown, &wire.edits) {
        Ok(changes) => changes,
        Err(refusal) => {
            return Proposal::Unusable { sentence: refusal.message.clone(), reasons: vec![refusal.reason()] };
        }
    };
    let Findings { reasons: findings, effects } = check(&changes, code);
    let repairable = |reason: &&Reason| matches!(reason.code, ReasonCode::SyntaxError | ReasonCode::NoChange);
    if let Some(first) = findings.iter().find(repairable) {
        return Proposal::Unusable {
            sentence: format!("{} Propose it again.", first.detail),
            reasons: findings,
        };
    }
    let Some(change) = changes.into_iter().next() else {
        return Proposal::None { explanation: wire.explanation };
    };
    Proposal::Usable(Box::new(Candidate {
        change,
        edits: wire.edits,
        explanation: wire.explanation,
        confidence: wire.confidence.as_f64().filter(|number| (0.0..=1.0).contains(number)),
        findings,
        effects,
    }))
}

fn check(changes: &[FileChange], code: &Code<'_>) -> Findings {
    let Code { snapshot, project, crash } = *code;
    let changed = |path: &RepoPath| changes.iter().any(|change| change.path == path.as_str());
    let mentioning = |names: &[String], most: usize| -> Vec<(&str, &str)> {
        snapshot
            .paths()
            .filter(|path| !names.is_empty() && !changed(path))
            .filter_map(|path| Some((path.as_str(), snapshot.text(path)?)))
            .filter(|(_, text)| names.iter().any(|name| text.contains(name.as_str())))
            .take(most)
            .collect()
    };
    let mut mentions = mentioning(&validators::names_to_search(changes), MAX_MENTIONS);
    mentions.extend(mentioning(&validators::names_to_follow(changes), MAX_CALLERS));
    mentions.sort_unstable();
    mentions.dedup();
    let paths: Vec<&str> = snapshot.paths().map(RepoPath::as_str).collect();
    validators::check(&ProposedChange {
        files: changes,
        project_path: project.as_str(),
        repository_paths: &paths,
        other_files: &mentions,
        crash,
    })
}
