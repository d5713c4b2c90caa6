//! What Claude reports about an incident, and what the critic answers: typed, and forgiving only
//! where forgiveness is safe. A risk field that is missing or has an unknown word is `None`, and
//! the policy refuses on `None`; nothing here has a harmless default.

use serde::{Deserialize, Deserializer, Serialize};

use crate::reason::Reason;
use crate::words::word_enum;

word_enum! {
    /// How much work a right fix is.
    pub enum Complexity { Minimal = "minimal", Simple = "simple", Standard = "standard" | "moderate", Complex = "complex", }
}
word_enum! {
    /// What the fix could do to security.
    pub enum SecurityRisk { None = "none", Low = "low", Medium = "medium", High = "high", }
}
word_enum! {
    /// How far the change reaches.
    pub enum BlastRadius { Isolated = "isolated", Moderate = "moderate" | "module", Wide = "wide" | "service" | "global", }
}
word_enum! {
    /// Who has to act.
    pub enum Classification {
        CodeFix = "code_fix",
        NeedsHuman = "needs_human",
        NotOurCode = "not_our_code",
        AlreadyFixed = "already_fixed",
    }
}
word_enum! {
    /// Kinds of change that need a person, whoever recognises them: the model or the code.
    pub enum Category {
        Security = "security",
        Database = "database",
        ExternalApi = "external_api",
        BusinessLogic = "business_logic",
        Payments = "payments",
        MultiFile = "multi_file",
        MasksDeeperProblem = "masks_deeper_problem",
    }
}

/// The result of the root-cause conversation. A text or flag that is missing makes the whole report unreadable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    pub error_type: String,
    pub error_message: String,
    pub root_cause: String,
    /// Path in the repository.
    pub file_path: String,
    /// Counted from 1.
    pub line_number: Option<u32>,
    pub function_name: Option<String>,
    /// 0 to 1; `None` where the model gave something else.
    #[serde(default, deserialize_with = "fraction")]
    pub confidence: Option<f64>,
    pub can_auto_fix: bool,
    pub explanation: String,
    #[serde(default, deserialize_with = "known_word")]
    pub complexity: Option<Complexity>,
    #[serde(default, deserialize_with = "known_word")]
    pub security_implications: Option<SecurityRisk>,
    #[serde(default, deserialize_with = "known_word")]
    pub blast_radius: Option<BlastRadius>,
    pub recommendation: String,
    #[serde(default, deserialize_with = "known_word")]
    pub classification: Option<Classification>,
    /// `None` where any entry is not a known word.
    #[serde(default, deserialize_with = "known_words")]
    pub categories: Option<Vec<Category>>,
    pub evidence: Vec<Evidence>,
}

/// A claim about the code that code can check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub file: String,
    /// Counted from 1.
    pub line: u32,
    /// Text that stands at or near that line.
    pub quote: String,
}

/// The critic's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Critique {
    /// Does the diff stop this exception at this frame?
    pub stops_this_error: bool,
    pub changes_other_behaviour: bool,
    pub hides_deeper_fault: bool,
    pub touches_sensitive_area: bool,
    /// 0 to 1; `None` where the model gave something else.
    #[serde(default, deserialize_with = "fraction")]
    pub confidence: Option<f64>,
    pub approve: bool,
    pub explanation: String,
    /// Answers to the questions that code asked; missing in verdicts of older versions.
    #[serde(default)]
    pub answers: Vec<Answer>,
}

word_enum! {
    /// What the critic says to a question; anything but yes refuses.
    pub enum YesNo { Yes = "yes", No = "no", Unknown = "unknown", }
}

/// The critic's answer to one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Id of the question.
    pub question: String,
    /// `None` where the model gave another word.
    #[serde(default, deserialize_with = "known_word")]
    pub answer: Option<YesNo>,
    /// Lines of the code before the change that the answer rests on.
    #[serde(default)]
    pub quotes: Vec<Evidence>,
}

fn fraction<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value.as_f64().filter(|number| (0.0..=1.0).contains(number)))
}

fn known_word<'de, D: Deserializer<'de>, W: std::str::FromStr>(
    deserializer: D,
) -> Result<Option<W>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value.as_str().and_then(|word| word.parse().ok()))
}

fn known_words<'de, D: Deserializer<'de>, W: std::str::FromStr>(
    deserializer: D,
) -> Result<Option<Vec<W>>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    let Some(words) = value.as_array() else { return Ok(None) };
    Ok(words.iter().map(|word| word.as_str()?.parse().ok()).collect())
}
/// How far a change reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Reach {
    /// No other file uses what is changed.
    Alone,
    /// Others do.
    Used {
        /// Whether all of them stand in the same folder (`moderate`) or not (`wide`).
        radius: BlastRadius,
        /// What they use: functions and classes, at most three; from the repository.
        names: Vec<String>,
        /// How many files they are.
        files: u32,
    },
    /// Code outside every function and class is changed; what depends on it cannot be told by a name.
    WholeFile,
    /// There is no grammar for the file's language.
    NotCounted,
}

impl Reach {
    /// In the words of the analysis. What could not be counted is not isolated.
    pub fn radius(&self) -> BlastRadius {
        match self {
            Reach::Alone => BlastRadius::Isolated,
            Reach::Used { radius, .. } => *radius,
            Reach::WholeFile | Reach::NotCounted => BlastRadius::Moderate,
        }
    }
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
