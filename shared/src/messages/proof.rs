//! The proof of a fix in words: on the card, and in the pull request.

use std::fmt::Write;

use super::blocks::{self, Card, link};
use super::commits::identifier;
use super::issues::{web_address, with_part};
use super::markdown::{code, code_block, outside};
use crate::attempt::{Attempt, CiRun, Proof, ProofMode, ProofStage};
use crate::redaction::{Redacted, redact};

const BEGIN: &str = "<!-- autofix: proof -->";
const END: &str = "<!-- /autofix: proof -->";
const SENTENCE_CHARS: usize = 500;
const CODE_CHARS: usize = 8_000;
/// Of the test on a card: people see all of it on the page and on GitHub.
const CARD_CODE_CHARS: usize = 1_200;

/// The outcome of a proof so far, for the card, the pull request and the page; `None` before CI has anything to run. The
/// two arguments make what they need of a run's word and of a sentence from outside.
pub fn proof_outcome(
    proof: &Proof,
    ran: impl Fn(&'static str, &CiRun) -> String,
    said: impl Fn(&str) -> String,
) -> Option<String> {
    Some(match &proof.stage {
        ProofStage::Wanted | ProofStage::Written { .. } => return None,
        ProofStage::WithoutFix { .. } => format!(
            "🧪 Being proved: your CI runs the regression test without the fix (at most {} min).",
            proof.minutes
        ),
        ProofStage::WithFix { failed, .. } => format!(
            "🧪 Being proved: the regression test {} without the fix, with the reported error. Now your CI runs it with \
             the fix.",
            ran("failed", failed)
        ),
        ProofStage::Proved { failed, passed, .. } => format!(
            "🧪 Proved: the regression test {} without the fix, with the reported error, and {} with it ({} min of CI).",
            ran("failed", failed),
            ran("passed", passed),
            failed.minutes + passed.minutes
        ),
        ProofStage::NotProved { why, .. } => {
            let required = match proof.mode {
                ProofMode::Require => " No Deploy button: `AUTOFIX_PROOF` is `require`.",
                ProofMode::Off | ProofMode::Try => "",
            };
            format!("🧪 Not proved: {}{required}", said(&why.sentence))
        }
    })
}

/// One line of the card: how far the proof is.
pub(super) fn proof_line(proof: &Proof) -> Option<String> {
    let ran = |word: &str, run: &CiRun| run.url.as_ref().map_or(word.to_owned(), |url| link(url, word));
    proof_outcome(proof, ran, |sentence| blocks::outside(sentence, SENTENCE_CHARS))
}

/// The test, apart from the change.
pub(super) fn show_test(card: &mut Card, proof: &Proof) {
    let Some(test) = proof.test() else { return };
    card.section(&format!("*Regression test* in `{}`", blocks::code(&test.file_path, 300)));
    card.code(&test.code, CARD_CODE_CHARS);
}

/// The part of the pull request's body. No outside text can hold a mark: angle brackets are escaped.
pub fn proof_in_body(attempt: &Attempt) -> Redacted {
    let Some(proof) = &attempt.proof else { return Redacted::default() };
    let mut part = format!("{BEGIN}\n### Proof\n\n");
    part.push_str(&match &proof.stage {
        ProofStage::Wanted | ProofStage::Written { .. } | ProofStage::WithoutFix { .. } => {
            "At first this pull request holds only the regression test, which has to fail with the reported error. The fix \
             follows as soon as it did."
                .to_owned()
        }
        _ => proof_outcome(proof, ran, |said| outside(said, SENTENCE_CHARS)).unwrap_or_default(), // CI has run
    });
    part.push_str("\n\n");
    if let Some(test) = proof.test() {
        let language = test.file_path.rsplit('.').next().unwrap_or_default();
        let language = if language == "py" { "python" } else { language };
        // Writing to a `String` cannot fail.
        let _ = writeln!(part, "{}:\n", code(&test.file_path, 300));
        let _ = writeln!(part, "{}\n", code_block(&test.code, &identifier(language), CODE_CHARS));
    }
    part.push_str(END);
    redact(&part)
}

fn ran(word: &'static str, run: &CiRun) -> String {
    match run.url.as_deref().and_then(web_address) {
        Some(url) => format!("[{word}]({url})"),
        None => word.to_owned(),
    }
}

/// The body with this part in place of the one that it has.
pub fn with_proof(body: &str, part: &Redacted) -> String {
    with_part(body, BEGIN, END, part)
}
