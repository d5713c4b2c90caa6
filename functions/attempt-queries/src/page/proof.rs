//! The proof of a fix on the page: how far it is, the runs of CI, the test.

use autofix::attempt::{Attempt, CiRun, ProofMode, ProofStage};
use autofix::redaction::Redacted;

use super::text::{Prose, block, line, sentence};
use crate::Queries;

const SENTENCE_CHARS: usize = 600;
const PATH_CHARS: usize = 300;
const CODE_CHARS: usize = 10_000;

pub(super) struct ShownProof {
    pub is_proved: bool,
    pub sentence: Prose,
    pub runs: Vec<ShownRun>,
    pub test: Option<(Redacted, Redacted)>,
}

/// A run of CI.
pub(super) struct ShownRun {
    /// What it showed.
    pub what: &'static str,
    pub check: Redacted,
    pub address: Option<String>,
    pub minutes: u32,
}

impl Queries {
    /// `None` where no proof was asked for, or nothing is known of it yet.
    pub(super) fn proof(&self, attempt: &Attempt) -> Option<ShownProof> {
        let proof = attempt.proof.as_ref()?;
        let (text, runs) = match &proof.stage {
            ProofStage::Wanted | ProofStage::Written { .. } => return None,
            ProofStage::WithoutFix { .. } => {
                ("Your CI runs the regression test without the fix.".to_owned(), Vec::new())
            }
            ProofStage::WithFix { failed, .. } => (
                "The regression test failed without the fix, with the reported error. Your CI runs it with the fix."
                    .to_owned(),
                vec![self.run("failed without the fix", failed)],
            ),
            ProofStage::Proved { failed, passed, .. } => (
                "The regression test fails without the fix, with the reported error, and passes with it.".to_owned(),
                vec![self.run("failed without the fix", failed), self.run("passed with the fix", passed)],
            ),
            ProofStage::NotProved { why, .. } => {
                let required = match proof.mode {
                    ProofMode::Require => " `AUTOFIX_PROOF` is `require`, so there is no Deploy button.",
                    ProofMode::Off | ProofMode::Try => "",
                };
                (format!("Not proved: {}{required}", why.sentence), Vec::new())
            }
        };
        let test = proof.tried();
        Some(ShownProof {
            is_proved: proof.is_proved(),
            sentence: sentence(&text, SENTENCE_CHARS),
            runs,
            test: test.map(|test| (line(&test.file_path, PATH_CHARS), block(&test.code, CODE_CHARS))),
        })
    }

    fn run(&self, what: &'static str, run: &CiRun) -> ShownRun {
        ShownRun {
            what,
            check: line(&run.check, 80),
            address: run.url.as_deref().and_then(|url| self.github_link(url)),
            minutes: run.minutes,
        }
    }
}
