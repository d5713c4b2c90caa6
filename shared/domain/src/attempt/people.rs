//! What people say about an attempt beyond yes and no: who approved a fix, why one was dismissed, and
//! what they know that a second analysis should know too.
//!
//! Their words are those of trusted people and still outside text: cleaned, redacted and capped here,
//! and data wherever they go.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::AttemptId;
use crate::cleaning;
use crate::redaction::redact;
use crate::words::word_enum;

/// A person's click.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Slack user id, or [`Decision::ON_GITHUB`].
    pub by: String,
    pub at: Timestamp,
    /// Slack's short-lived address for changing the clicked card; used where no bot token is.
    pub response_url: Option<String>,
}

impl Decision {
    /// Stands for the person where a pull request was merged or closed on GitHub and not by a click.
    pub const ON_GITHUB: &'static str = "github";

    /// A decision that was made on GitHub and noticed now.
    pub fn on_github(now: Timestamp) -> Decision {
        Decision { by: Decision::ON_GITHUB.to_owned(), at: now, response_url: None }
    }
}

word_enum! {
    /// Why a person does not want a fix.
    pub enum DismissalReason {
        WrongCause = "wrong_cause",
        WrongFix = "wrong_fix",
        TooRisky = "too_risky",
        WillFixMyself = "will_fix_myself",
        NotABug = "not_a_bug",
    }
}

/// Why a fix was dismissed, as far as the person said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dismissal {
    pub reason: DismissalReason,
    /// In the person's words, at most [`Dismissal::MAX_CHARS`] characters; `None` where there were none.
    pub words: Option<String>,
}

impl Dismissal {
    /// Longest text of one's own.
    pub const MAX_CHARS: usize = 500;

    pub fn new(reason: DismissalReason, words: &str) -> Dismissal {
        Dismissal { reason, words: said(words, Dismissal::MAX_CHARS) }
    }
}

/// What a person tells the next analysis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint(String);

impl Hint {
    /// Longest hint, characters.
    pub const MAX_CHARS: usize = 1_000;

    /// `None` where nothing readable was said.
    pub fn new(text: &str) -> Option<Hint> {
        said(text, Hint::MAX_CHARS).map(Hint)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where an attempt comes from that a person started after an earlier one had ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    pub of: AttemptId,
    /// Slack user id.
    pub by: String,
    pub hint: Hint,
}

/// The attempt that came after this one, because a person wanted another try or Sentry brought the stack trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retried {
    pub into: AttemptId,
    /// Slack user id of the person; `None` where a later webhook brought the stack trace.
    pub by: Option<String>,
    pub at: Timestamp,
}

/// Whom to ask about the file that a fix is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// A login, `organisation/team`, or the name in a commit; from outside.
    pub name: String,
    pub basis: OwnerBasis,
}

/// Why this person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum OwnerBasis {
    /// The repository's CODEOWNERS names them.
    Codeowners,
    /// The last one to change the file before the release; `commit` is short.
    LastChange { commit: String },
}

/// The approvals of one head commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approvals {
    /// How many different people have to approve, at least 1.
    pub needed: u32,
    /// Each person once, in the order of their clicks.
    pub given: Vec<Approval>,
}

impl Default for Approvals {
    fn default() -> Approvals {
        Approvals { needed: 1, given: Vec::new() }
    }
}

impl Approvals {
    pub fn has(&self, person: &str) -> bool {
        self.given.iter().any(|approval| approval.by == person)
    }

    pub fn are_enough(&self) -> bool {
        self.missing() == 0
    }

    /// How many more people have to approve.
    pub fn missing(&self) -> u32 {
        self.needed.saturating_sub(u32::try_from(self.given.len()).unwrap_or(u32::MAX))
    }
}

/// One person's approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Slack user id.
    pub by: String,
    pub at: Timestamp,
}

fn said(text: &str, max_chars: usize) -> Option<String> {
    // Twice the length is cleaned, since what is redacted may become shorter.
    let clean = cleaning::multi_line(text.trim(), max_chars * 2);
    let said = redact(&clean).capped(max_chars);
    (!said.as_str().trim().is_empty()).then(|| said.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_say_is_cleaned_redacted_and_capped() {
        let long = "x".repeat(2_000);
        assert_eq!(Hint::new(&long).map(|hint| hint.as_str().chars().count()), Some(Hint::MAX_CHARS));
        for nothing in ["", "  \n ", "\u{200b}\u{202e}"] {
            assert_eq!(Hint::new(nothing), None, "{nothing:?}");
        }
        let dismissal =
            Dismissal::new(DismissalReason::WrongFix, "ask ann.example@acme.example\u{202e}, please");
        let words = dismissal.words.unwrap();
        assert!(!words.contains("acme.example") && !words.contains('\u{202e}'), "{words}");
        assert_eq!(Dismissal::new(DismissalReason::NotABug, " ").words, None);
    }
}
