//! What a change does: judged by the difference between two syntax trees, not by the words around it.

mod absence;
mod judge;
mod script;
mod sinks;
mod slices;
mod tree;

pub use autofix_domain::report::{Effects, Fact, Question};

use crate::diff::{FileChange, hunks};
use crate::syntax::Parsed;
use crate::syntax::imports::Bindings;
use autofix_domain::reason::Reason;
pub use judge::Crash;
use judge::{Judged, Scene, Verdict};
pub(crate) use judge::{NEARLY_ALL, keeps_default};
pub(crate) use tree::is_handler;

/// Both sides of a change as trees, with what the new one imports.
pub(crate) struct Sides<'c> {
    pub(crate) before: &'c Parsed<'c>,
    pub(crate) after: &'c Parsed<'c>,
    pub(crate) bindings: &'c Bindings,
}

/// Functions that a change gives another answer, by the names that others call them by.
pub(crate) fn answering_functions(before: &Parsed<'_>, after: &Parsed<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for edit in script::differences(before, after) {
        let (script::Edit::Replaced { new, .. } | script::Edit::Inserted { new }) = edit else { continue };
        let function = tree::function_of(after.family(), new);
        let Some(name) = function.and_then(tree::name_of).filter(|_| tree::touches_answer(new)) else {
            continue;
        };
        names.push(after.text_of(name).to_owned());
    }
    names
}

/// What a change does, with all objections and questions of code.
pub(crate) fn effects_of(
    change: &FileChange,
    sides: Option<&Sides<'_>>,
    crash: &Crash,
    others: &[(&str, &str)],
) -> Effects {
    let Some(sides) = sides else { return without_grammar(change) };
    let edits = script::differences(sides.before, sides.after);
    let here = crash.path == change.path && crash.line > 0;
    let crash_text = change.before.lines().nth(crash.line.saturating_sub(1) as usize).filter(|_| here);
    let scene = Scene {
        old: sides.before,
        new: sides.after,
        bindings: sides.bindings,
        crash,
        crash_line: here.then(|| line_after(change, crash.line)),
        crash_text: crash_text
            .unwrap_or_default()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .replace("?.", "."),
        edits: &edits,
        path: &change.path,
        others,
    };
    collected(scene.judge())
}

/// Nothing is recognised without a grammar, so all of it is asked.
fn without_grammar(change: &FileChange) -> Effects {
    let line = hunks(change).first().and_then(|hunk| hunk.added.first()).map_or(1, |line| line.number);
    let words = hunks(change)
        .into_iter()
        .flat_map(|hunk| hunk.removed.into_iter().chain(hunk.added))
        .map(|line| line.text)
        .collect::<Vec<_>>()
        .join(" ");
    let identifier = words
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .find(|word| word.len() > 2)
        .unwrap_or_default();
    Effects {
        facts: vec![Fact { line, sentence: "AutoFix has no grammar for this language and can't say what the change does.".to_owned() }],
        questions: vec![Question {
            id: "q1".to_owned(),
            text: "Does every input that worked before give the same result, and does nothing else happen for those that crashed?".to_owned(),
            identifier: identifier.to_owned(),
            needs_two: true,
        }],
        refusals: Vec::new(),
    }
}

/// Facts in the order of the file; each question and each refusal once.
fn collected(mut judged: Vec<Judged>) -> Effects {
    judged.sort_by_key(|one| one.line);
    let mut effects = Effects::default();
    for one in judged {
        let sentence = format!("{}.", one.fact.trim_end_matches('.'));
        if effects.facts.iter().all(|known| known.sentence != sentence) {
            effects.facts.push(Fact { line: one.line, sentence });
        }
        match one.verdict {
            Verdict::Harmless => {}
            Verdict::Refuse { code, why } => {
                let reason = Reason::new(code, format!("{why} (line {}).", one.line));
                if effects.refusals.iter().all(|known| known.detail != reason.detail) {
                    effects.refusals.push(reason);
                }
            }
            Verdict::Ask { text, identifier, needs_two } => {
                if effects.questions.iter().all(|known| known.text != text) {
                    let id = format!("q{}", effects.questions.len() + 1);
                    effects.questions.push(Question { id, text, identifier, needs_two });
                }
            }
        }
    }
    effects
}

/// Where a line of the old text is in the new one; the first new line of its place if it was changed.
fn line_after(change: &FileChange, line: u32) -> u32 {
    let mut shift: i64 = 0;
    for hunk in hunks(change) {
        let (Some(first), removed) = (hunk.removed.first(), &hunk.removed) else {
            if hunk.added.first().is_some_and(|added| i64::from(added.number) <= i64::from(line) + shift) {
                shift += hunk.added.len() as i64;
            }
            continue;
        };
        let last = removed.last().map_or(first.number, |last| last.number);
        if line > last {
            shift += hunk.added.len() as i64 - removed.len() as i64;
        } else if line >= first.number {
            // The changed place: the new line that is most like the old one, else its first.
            let text = removed.iter().find(|one| one.number == line).map_or("", |one| one.text.trim());
            let same = hunk.added.iter().find(|one| one.text.trim() == text);
            return same
                .or(hunk.added.last())
                .map_or_else(|| u32::try_from(i64::from(line) + shift).unwrap_or(line), |one| one.number);
        }
    }
    u32::try_from(i64::from(line) + shift).unwrap_or(line)
}
