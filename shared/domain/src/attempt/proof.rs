//! The proof of a fix: a regression test that fails without it, with the error that Sentry reported, and passes with it.
//! AutoFix writes the test; the repository's own CI runs it.
//!
//! ```text
//! wanted ─▶ written ─▶ without the fix ─▶ with the fix ─▶ proved
//!    │         ▲             │    └───── again on a newer base ──┘
//!    └─────────┴─────────────┴──▶ not proved, at any time, with a sentence
//! ```
//!
//! It stands beside the attempt's state: the test becomes a branch's first commit while the attempt is `pr_created`.

use serde::{Deserialize, Serialize};

use super::Attempt;
use crate::usage::Usage;
use crate::words::word_enum;

word_enum! {
    /// Whether fixes are proved (`AUTOFIX_PROOF`).
    pub enum ProofMode {
        Off = "off",
        /// A fix that is not proved can be deployed all the same.
        Try = "try",
        /// A fix that is not proved has no Deploy button.
        Require = "require",
    }
}

/// What is known of an attempt's proof.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    pub mode: ProofMode,
    /// How long each of the two runs of CI may take, minutes.
    pub minutes: u32,
    /// What the conversation used in which the test was written.
    #[serde(default)]
    pub author: Usage,
    pub stage: ProofStage,
}

/// How far a proof is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum ProofStage {
    /// The test is not written yet.
    Wanted,
    /// It is to become the first commit of a branch.
    Written { test: RegressionTest },
    /// It is the head, without the fix, and CI runs.
    WithoutFix { test: RegressionTest },
    /// It failed as it should. The fix is put on top of it, and CI runs again.
    WithFix { test: RegressionTest, failed: CiRun },
    /// It passed with the fix as well.
    Proved { test: RegressionTest, failed: CiRun, passed: CiRun },
    /// `test` is what was tried, if there was one.
    NotProved { why: NotProved, test: Option<RegressionTest> },
}

/// One regression test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegressionTest {
    pub file_path: String,
    pub place: TestPlace,
    /// What is written: the whole file, or the function at its end.
    pub code: String,
    /// Its name, as test runners say it.
    pub name: String,
    /// The function that it calls, and the lines of that function before the fix, both included.
    pub function: String,
    pub function_path: String,
    pub function_lines: (u32, u32),
    /// The exception that it must meet there without the fix.
    pub exception: String,
}

/// Where the code of a test goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum TestPlace {
    /// In a file of its own.
    NewFile,
    /// At the end of a file whose text has this SHA-256, hex.
    EndOfFile { before_sha256: String },
}

/// A run of CI that counts for a proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CiRun {
    /// Name of the check.
    pub check: String,
    /// Where a person can see it.
    pub url: Option<String>,
    pub head_sha: String,
    /// From the push to the result, whole minutes, begun ones included.
    pub minutes: u32,
}

/// Why there is no proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotProved {
    pub code: NotProvedCode,
    /// For people. From here, or cleaned and redacted.
    pub sentence: String,
}

word_enum! {
    /// Why there is no proof, in a word.
    pub enum NotProvedCode {
        /// No test was written that keeps to the rules.
        NoTest = "no_test",
        /// Nothing runs tests for a commit of a pull request.
        NoCi = "no_ci",
        /// CI did not end in time.
        CiTooSlow = "ci_too_slow",
        /// The test passes without the fix, or CI does not show that it meets the error.
        NotReproduced = "not_reproduced",
        /// The test fails with another error, or fails with the fix, too.
        TestWrong = "test_wrong",
        /// The code or the test's file changed on the base.
        BaseMoved = "base_moved",
        /// GitHub does not let us.
        GithubRefused = "github_refused",
    }
}

impl NotProved {
    pub fn new(code: NotProvedCode, sentence: impl Into<String>) -> NotProved {
        NotProved { code, sentence: sentence.into() }
    }
}

impl Proof {
    /// The test, as long as a branch has it or is to have it.
    pub fn test(&self) -> Option<&RegressionTest> {
        match &self.stage {
            ProofStage::Wanted | ProofStage::NotProved { .. } => None,
            ProofStage::Written { test }
            | ProofStage::WithoutFix { test }
            | ProofStage::WithFix { test, .. }
            | ProofStage::Proved { test, .. } => Some(test),
        }
    }

    /// The test, whatever became of it.
    pub fn tried(&self) -> Option<&RegressionTest> {
        match &self.stage {
            ProofStage::NotProved { test, .. } => test.as_ref(),
            _ => self.test(), // it is under way, or proved
        }
    }

    pub fn is_proved(&self) -> bool {
        matches!(self.stage, ProofStage::Proved { .. })
    }

    pub fn not_proved(&self) -> Option<&NotProved> {
        match &self.stage {
            ProofStage::NotProved { why, .. } => Some(why),
            _ => None, // it is under way, or proved
        }
    }

    /// The runs of CI that were read, in order.
    pub fn runs(&self) -> Vec<&CiRun> {
        match &self.stage {
            ProofStage::WithFix { failed, .. } => vec![failed],
            ProofStage::Proved { failed, passed, .. } => vec![failed, passed],
            _ => Vec::new(), // none was read, or what was read proves nothing
        }
    }
}

impl Attempt {
    /// Whether the fix still needs a proof before it may be deployed.
    pub fn lacks_required_proof(&self) -> bool {
        self.proof.as_ref().is_some_and(|proof| proof.mode == ProofMode::Require && !proof.is_proved())
    }

    /// The test that CI runs without the fix, which is not on the branch yet.
    pub fn test_without_fix(&self) -> Option<&RegressionTest> {
        match self.proof.as_ref().map(|proof| &proof.stage) {
            Some(ProofStage::WithoutFix { test }) => Some(test),
            _ => None, // no test is alone on a branch
        }
    }

    /// The test that stands below the fix on the branch and whose passing is still to be seen.
    pub fn test_below_fix(&self) -> Option<(&RegressionTest, &CiRun)> {
        match self.proof.as_ref().map(|proof| &proof.stage) {
            Some(ProofStage::WithFix { test, failed }) => Some((test, failed)),
            _ => None, // the test is alone, or there is none, or its passing was seen
        }
    }

    /// The test of a proof that begins again with another base, if the fix stands on one.
    pub fn test_to_run_again(&self) -> Option<&RegressionTest> {
        match self.proof.as_ref().map(|proof| &proof.stage) {
            Some(ProofStage::WithFix { test, .. } | ProofStage::Proved { test, .. }) => Some(test),
            _ => None, // nothing is below the fix
        }
    }
}
