//! The body of a pull request.

use std::fmt::Write;

use super::issues::issues_in_body;
use super::markdown::{code, code_block, code_cell, outside, outside_lines};
use super::proof::proof_in_body;
use crate::analysis::effects::Effects;
use crate::analysis::report::YesNo;
use crate::attempt::{Attempt, Fix};
use crate::redaction::{Redacted, redact};

/// GitHub refuses a body of more than 65,536 characters.
const BODY_CHARS: usize = 60_000;
const DIFF_CHARS: usize = 20_000;
/// Of what code found about the change: a small one does few things.
const MAX_FACTS: usize = 12;
const MAX_QUOTES: usize = 3;
const SENTENCE_CHARS: usize = 400;

/// The body: what happened, what was concluded from what, what was and was not verified.
pub fn pull_request_body(attempt: &Attempt, fix: &Fix) -> Redacted {
    let mut body = String::new();
    let subject = &attempt.subject;
    let kind = subject.error_type.as_deref().unwrap_or("Error");
    let message = subject.error_message.as_deref().unwrap_or(&subject.title);
    let _ = writeln!(body, "## {}\n\n{}\n", outside(kind, 120), outside(message, 500));
    let _ = writeln!(body, "{}\n", issues_in_body(attempt));
    if let Some(analysis) = &attempt.analysis {
        let word = |word: Option<&str>| word.unwrap_or("not stated").to_owned();
        let _ = writeln!(body, "| | |\n|---|---|");
        let place = match analysis.line_number {
            Some(line) => format!("{}:{line}", analysis.file_path),
            None => analysis.file_path.clone(),
        };
        let _ = writeln!(body, "| Place | {} |", code_cell(&place, 300));
        let _ = writeln!(body, "| Complexity | {} |", word(analysis.complexity.map(|w| w.as_str())));
        let _ = writeln!(body, "| Security | {} |", word(analysis.security_implications.map(|w| w.as_str())));
        let _ = writeln!(body, "| Blast Radius | {} |", word(analysis.blast_radius.map(|w| w.as_str())));
        let _ = writeln!(body, "| Confidence | {:.0} % |\n", fix.confidence * 100.0);
        section(&mut body, "Root cause", &outside_lines(&analysis.root_cause, 4_000));
        section(&mut body, "Why this change", &outside_lines(&fix.explanation, 3_000));
        section(&mut body, "Recommendation", &outside_lines(&analysis.recommendation, 2_000));
        if !analysis.evidence.is_empty() {
            let _ = writeln!(
                body,
                "### Evidence\n\nEach quote was found in the tree at `{}`.\n",
                short(&fix.base_sha)
            );
            for evidence in analysis.evidence.iter().take(8) {
                let place = format!("{}:{}", evidence.file, evidence.line);
                let _ = writeln!(body, "* {}: {}", code(&place, 300), code(&evidence.quote, 200));
            }
            body.push('\n');
        }
    }
    let _ = writeln!(body, "### Change\n\n{}\n", code_block(&fix.diff, "diff", DIFF_CHARS));
    if attempt.proof.is_some() {
        let _ = writeln!(body, "{}\n", proof_in_body(attempt));
    }
    effects(&mut body, fix);
    let _ = writeln!(body, "### Verified\n");
    let asked = "each answer quotes code that was found in this commit's tree";
    for line in [
        "the error's frame and the quoted evidence stand in this commit's tree",
        "the edit matches exactly one place and changes one file",
        "an independent critic, who saw neither the error's texts nor the author's reasons, approved the change",
    ]
    .into_iter()
    .chain((!fix.effects.questions.is_empty()).then_some(asked))
    .chain(["AutoFix's policy allows it"])
    {
        let _ = writeln!(body, "* {line}");
    }
    let _ = writeln!(body, "\n### Not verified\n");
    for line in &fix.unchecked {
        let _ = writeln!(body, "* {}", outside(line, 300));
    }
    let _ = writeln!(body, "* your tests were not run by AutoFix: look at the checks below\n");
    let _ = writeln!(body, "---\nAttempt `{}` · cost ${:.2}", attempt.id, attempt.usage.cost_usd);
    redact(&body).capped(BODY_CHARS)
}

/// What code found about the change, and what the critics answered to its questions.
fn effects(body: &mut String, fix: &Fix) {
    let Effects { facts, questions, refusals: _ } = &fix.effects;
    if facts.is_empty() && questions.is_empty() {
        return;
    }
    let _ = writeln!(body, "### What the change does\n");
    for fact in facts.iter().take(MAX_FACTS) {
        let _ = writeln!(body, "* line {}: {}", fact.line, outside(&fact.sentence, SENTENCE_CHARS));
    }
    let left_out = facts.len().saturating_sub(MAX_FACTS);
    if left_out > 0 {
        let _ = writeln!(body, "* {left_out} more");
    }
    if questions.is_empty() {
        body.push('\n');
        return;
    }
    let _ = writeln!(body, "\nThe code alone does not decide these; they were asked and answered:\n");
    for question in questions {
        let _ = writeln!(body, "* {}", outside(&question.text, SENTENCE_CHARS));
        let answers = fix.answers.iter().filter(|answer| answer.question == question.id);
        for (answer, who) in answers.zip(["The critic", "The second critic"]) {
            let said = answer.answer.map_or("no answer", YesNo::as_str);
            let _ = writeln!(body, "  * {who}: {said}");
            for quote in answer.quotes.iter().take(MAX_QUOTES) {
                let place = format!("{}:{}", quote.file, quote.line);
                let _ = writeln!(body, "    * {}: {}", code(&place, 300), code(&quote.quote, 200));
            }
        }
    }
    body.push('\n');
}

fn section(body: &mut String, title: &str, text: &str) {
    if !text.is_empty() {
        let _ = writeln!(body, "### {title}\n\n{text}\n");
    }
}

fn short(sha: &str) -> &str {
    sha.get(..10).unwrap_or(sha)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::effects::{Fact, Question};
    use crate::analysis::report::{Answer, Evidence};

    fn fix() -> Fix {
        let question = |id: &str, needs_two| Question {
            id: id.to_owned(),
            text: "May `line2` be missing? <b>Fixes #1</b>".to_owned(),
            identifier: "line2".to_owned(),
            needs_two,
        };
        let quote = |line| Evidence {
            file: "shop/orders.py".to_owned(),
            line,
            quote: "line2: str | None = None  # `x` @admin".to_owned(),
        };
        let answer = |id: &str, answer, lines: &[u32]| Answer {
            question: id.to_owned(),
            answer,
            quotes: lines.iter().map(|line| quote(*line)).collect(),
        };
        Fix {
            effects: Effects {
                facts: (11..13)
                    .map(|line| Fact { line, sentence: "`address.line2` may be missing now.".to_owned() })
                    .collect(),
                questions: vec![question("q1", true), question("q2", false)],
                refusals: Vec::new(),
            },
            answers: vec![
                answer("q1", Some(YesNo::Yes), &[6, 7, 8, 9]),
                answer("q1", Some(YesNo::Yes), &[6]),
                answer("q2", None, &[]),
            ],
            ..Fix::default()
        }
    }

    #[test]
    fn what_the_change_does_and_what_was_answered_is_said_and_nothing_of_it_formats() {
        let mut body = String::new();
        effects(&mut body, &fix());
        insta::assert_snapshot!(body, @r"
        ### What the change does

        * line 11: `address.line2` may be missing now.
        * line 12: `address.line2` may be missing now.

        The code alone does not decide these; they were asked and answered:

        * May `line2` be missing? &lt;b&gt;Fixes #<!-- -->1&lt;/b&gt;
          * The critic: yes
            * `shop/orders.py:6`: ``line2: str | None = None  # `x` @admin``
            * `shop/orders.py:7`: ``line2: str | None = None  # `x` @admin``
            * `shop/orders.py:8`: ``line2: str | None = None  # `x` @admin``
          * The second critic: yes
            * `shop/orders.py:6`: ``line2: str | None = None  # `x` @admin``
        * May `line2` be missing? &lt;b&gt;Fixes #<!-- -->1&lt;/b&gt;
          * The critic: no answer
        ");
    }

    #[test]
    fn a_fix_of_before_has_no_such_section() {
        let mut old = serde_json::to_value(fix()).unwrap();
        for field in ["effects", "answers"] {
            old.as_object_mut().unwrap().remove(field);
        }
        let mut body = String::new();
        effects(&mut body, &serde_json::from_value(old).unwrap());
        assert_eq!(body, "");
    }
}
