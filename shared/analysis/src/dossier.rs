//! What an investigation leaves behind for people to look at, beside the attempt itself: the code around the evidence,
//! what every gate said, the critic's answer, and the cost of each conversation.
//!
//! The snapshot is not kept, so the code around a quote is taken while it is there: a few lines, redacted, bounded.

use serde::{Deserialize, Serialize};

use crate::answers::MAX_QUESTIONS;
use crate::effects::{Effects, Fact, Question};
use crate::gates::Gate;
use crate::repo_path::RepoPath;
use crate::snapshot::Snapshot;
use autofix_domain::cleaning;
use autofix_domain::redaction::redact;
use autofix_domain::report::{Answer, Critique, Evidence};
use autofix_domain::usage::Usage;

/// Lines shown before and after a quote.
const AROUND: usize = 6;
/// Lines of a quote that are shown at most.
const MAX_QUOTE_LINES: usize = 40;
/// Lines around an excerpt that are redacted together with it: a private key begins long before its middle.
const REDACTED_AROUND: usize = 120;
/// Characters of a line that are kept, and that are looked through for secrets before it is cut.
const MAX_LINE_CHARS: usize = 240;
const MAX_CLEANED_CHARS: usize = 4_000;
/// Bytes of all excerpts together: they stand in one table item, which may have 400 KB.
const MAX_BYTES: usize = 60_000;

/// Facts and characters of each fact or question that are kept: a small change has few.
const MAX_FACTS: usize = 30;
const MAX_SENTENCE_CHARS: usize = 400;
/// Quotes of an answer that are kept beside its verdict: enough to look it up.
const MAX_KEPT_QUOTES: usize = 3;

/// Everything that an investigation leaves behind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Dossier {
    /// Commit that the excerpts are from.
    pub base_sha: String,
    pub excerpts: Vec<Excerpt>,
    pub gates: Vec<Gate>,
    /// What code found about the change; empty if there is none.
    #[serde(default)]
    pub effects: Effects,
    /// `None` where the critic was not asked, or gave no answer.
    pub critique: Option<Critique>,
    /// `None` where no second critic was asked, or gave no answer.
    pub second_critique: Option<Critique>,
    /// In the order in which the conversations were had.
    pub costs: Vec<StepCost>,
}

/// The code around one piece of evidence. Redacted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excerpt {
    pub file: String,
    /// Number of the first line shown, counted from 1.
    pub first_line: u32,
    /// Numbers of the first and the last line of the quote.
    pub quoted: (u32, u32),
    pub lines: Vec<String>,
}

/// What one conversation used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepCost {
    /// `root_cause`, `fix`, `critic` or `second_critic`.
    pub step: String,
    pub usage: Usage,
}

/// What is kept of what code found about a change and asked about it, for a table item.
pub fn kept_effects(effects: &Effects) -> Effects {
    let capped = |text: &str| cleaning::one_line(text, MAX_SENTENCE_CHARS);
    let facts = effects.facts.iter().take(MAX_FACTS);
    let questions = effects.questions.iter().take(MAX_QUESTIONS);
    Effects {
        facts: facts.map(|fact| Fact { line: fact.line, sentence: capped(&fact.sentence) }).collect(),
        questions: questions
            .map(|question| Question {
                text: capped(&question.text),
                identifier: capped(&question.identifier),
                ..question.clone()
            })
            .collect(),
        refusals: Vec::new(),
    }
}

/// What is kept of answers beside the verdicts that they are from: those to the questions, with their first quotes.
pub fn kept_answers<'a>(
    answers: impl IntoIterator<Item = &'a Answer>,
    questions: &[Question],
) -> Vec<Answer> {
    let is_asked = |answer: &&Answer| questions.iter().any(|question| question.id == answer.question);
    let answers = answers.into_iter().filter(is_asked).take(2 * MAX_QUESTIONS);
    answers
        .map(|answer| Answer {
            quotes: answer.quotes.iter().take(MAX_KEPT_QUOTES).map(kept_quote).collect(),
            ..answer.clone()
        })
        .collect()
}

fn kept_quote(quote: &Evidence) -> Evidence {
    Evidence { quote: cleaning::one_line(&quote.quote, MAX_LINE_CHARS), ..quote.clone() }
}

/// The code around each piece of checked evidence, in order, as far as there is room.
pub fn excerpts(evidence: &[Evidence], snapshot: &Snapshot) -> Vec<Excerpt> {
    let mut room = MAX_BYTES;
    let found = evidence.iter().filter_map(|evidence| excerpt(evidence, snapshot));
    found
        .take_while(|excerpt| {
            let bytes = excerpt.file.len() + excerpt.lines.iter().map(|line| line.len() + 4).sum::<usize>();
            let fits = bytes <= room;
            room = room.saturating_sub(bytes);
            fits
        })
        .collect()
}

fn excerpt(evidence: &Evidence, snapshot: &Snapshot) -> Option<Excerpt> {
    let text = snapshot.text(&RepoPath::parse(&evidence.file).ok()?)?;
    let quoted = evidence.quote.trim_matches('\n').lines().count().clamp(1, MAX_QUOTE_LINES);
    let start = (evidence.line as usize).checked_sub(1)?;
    let first = start.saturating_sub(AROUND);
    let shown = start + quoted + AROUND - first;
    let before = first.min(REDACTED_AROUND);
    let wide = text.lines().skip(first - before).take(before + shown + REDACTED_AROUND);
    let wide: Vec<String> = wide.map(|line| cleaning::source_line(line, MAX_CLEANED_CHARS)).collect();
    let redacted = redact(&wide.join("\n"));
    let lines = redacted.as_str().split('\n').skip(before).take(shown);
    let lines: Vec<String> = lines.map(|line| cleaning::source_line(line, MAX_LINE_CHARS)).collect();
    let number = |index: usize| u32::try_from(index + 1).unwrap_or(u32::MAX);
    Some(Excerpt {
        file: evidence.file.clone(),
        first_line: number(first),
        quoted: (number(start), number(start + quoted - 1)),
        lines,
    })
    .filter(|excerpt| !excerpt.lines.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(files: &[(&str, String)]) -> Snapshot {
        Snapshot::of(files.iter().map(|(path, text)| (*path, text)))
    }

    fn evidence(file: &str, line: u32, quote: &str) -> Evidence {
        Evidence { file: file.to_owned(), line, quote: quote.to_owned() }
    }

    fn numbered(count: usize) -> String {
        (1..=count).map(|number| format!("line {number}\n")).collect()
    }

    #[test]
    fn a_quote_is_shown_with_the_lines_around_it() {
        let code = snapshot(&[("a.py", numbered(40))]);
        let found = excerpts(&[evidence("a.py", 20, "line 20\nline 21")], &code);
        assert_eq!((found[0].first_line, found[0].quoted), (14, (20, 21)));
        assert_eq!(found[0].lines.first().map(String::as_str), Some("line 14"));
        assert_eq!(found[0].lines.last().map(String::as_str), Some("line 27"));
        let edges = excerpts(&[evidence("a.py", 1, "line 1"), evidence("a.py", 40, "line 40")], &code);
        assert_eq!((edges[0].first_line, edges[0].lines.len()), (1, 7));
        assert_eq!((edges[1].first_line, edges[1].lines.len()), (34, 7));
    }

    #[test]
    fn evidence_that_leads_nowhere_has_no_excerpt() {
        let code = snapshot(&[("a.py", numbered(3))]);
        let nowhere = [evidence("b.py", 1, "x"), evidence("a.py", 0, "x"), evidence("a.py", 99, "x")];
        assert_eq!(excerpts(&nowhere, &code), []);
    }

    #[test]
    fn a_secret_is_not_kept_even_where_the_excerpt_begins_in_its_middle() {
        let key: String =
            (0..60).map(|number| format!("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj{number:02}\n")).collect();
        let text = format!(
            "{}-----BEGIN PRIVATE KEY-----\n{key}-----END PRIVATE KEY-----\nload(key)\npassword = \"hunter2-and-more\"\n",
            numbered(30)
        );
        let line = u32::try_from(text.lines().position(|line| line == "load(key)").unwrap() + 1).unwrap();
        let found = excerpts(&[evidence("a.py", line, "load(key)")], &snapshot(&[("a.py", text)]));
        let shown = found[0].lines.join("\n");
        assert!(shown.contains("load(key)"), "{shown}");
        assert!(!shown.contains("MIIE") && !shown.contains("hunter2"), "{shown}");
        assert_eq!(found[0].lines[6], "load(key)", "lines keep their numbers: {shown}");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let wide: String = (0..200).map(|_| format!("{}\n", "ä".repeat(2_000))).collect();
        let code = snapshot(&[("a.py", wide)]);
        let many: Vec<Evidence> = (0..12).map(|n| evidence("a.py", 1 + n * 15, &"x\n".repeat(400))).collect();
        let found = excerpts(&many, &code);
        let bytes: usize = found.iter().flat_map(|excerpt| &excerpt.lines).map(String::len).sum();
        assert!((1..=MAX_BYTES).contains(&bytes), "{bytes}");
        assert!(
            found
                .iter()
                .flat_map(|excerpt| &excerpt.lines)
                .all(|line| line.chars().count() <= MAX_LINE_CHARS)
        );
    }
}
