//! What a change does: judged by the difference between two syntax trees, not by the words around it.

use serde::{Deserialize, Serialize};

use crate::reason::Reason;

/// The crash that a change is for, as far as code has verified it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crash {
    /// Path in the repository of the innermost verified application frame.
    pub path: String,
    /// Its line in the snapshot, counted from 1.
    pub line: u32,
    /// Type name of the exception.
    pub exception: String,
    /// Its message: hostile text, only compared, never shown to the critic.
    pub message: String,
}

/// What code found about a change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effects {
    /// One sentence for each part of the change, in the order of the file.
    pub facts: Vec<Fact>,
    /// What code can't decide. The critic has to answer each with yes.
    pub questions: Vec<Question>,
    /// What must not happen, whoever says yes.
    #[serde(skip)]
    pub refusals: Vec<Reason>,
}

/// One part of a change and what it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Line in the new text, counted from 1.
    pub line: u32,
    pub sentence: String,
}

/// A question about the change that takes a reader of the code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// `q1`, `q2`, …
    pub id: String,
    /// Ends with a question mark; yes means that the change is right.
    pub text: String,
    /// Name in the code that a quote for the answer has to hold.
    pub identifier: String,
    /// Whether two independent critics have to say yes.
    pub needs_two: bool,
}
