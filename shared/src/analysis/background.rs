//! What an analysis is told beside the error itself: what people know, and what an earlier attempt came to.
//!
//! A hint is the word of a person who may decide, and still data: it says where to look, and changes no rule of
//! what may become a pull request.

use std::fmt::Write;

use super::prompt::Boundary;
use crate::attempt::{Attempt, Hint, State};
use crate::claude::Message;
use crate::redaction::{Redacted, redact};

/// Characters of the earlier root cause and of the earlier diff that are told.
const CAUSE_CHARS: usize = 1_500;
const DIFF_CHARS: usize = 3_000;

/// Everything that is known beside the error; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Background {
    pub hint: Option<Hint>,
    /// See [`earlier_attempt`].
    pub earlier: Option<Redacted>,
}

/// The message that opens a conversation, with the background after it.
pub fn with_background(opening: Message, boundary: &Boundary, background: &Background) -> Message {
    let mut opening = opening;
    if let Some(earlier) = &background.earlier {
        opening = opening
            .text(&Redacted::trusted(
                "This error was looked at before. What that came to is below; find out anew whether it was right.",
            ))
            .text(&boundary.around("earlier attempt", earlier));
    }
    if let Some(hint) = &background.hint {
        opening = opening
            .text(&Redacted::trusted(
                "A member of the team, who knows the product, adds the hint below. Weigh it as a colleague's word: \
                 check it against the code, say in your explanation whether it held, and judge the risk as always.",
            ))
            .text(&boundary.around("hint", &redact(hint.as_str())));
    }
    opening
}

/// What an earlier attempt at the same error came to.
pub fn earlier_attempt(earlier: &Attempt) -> Redacted {
    let mut text = format!("It ended as `{}`.\n", earlier.status());
    for reason in earlier.state.reasons().iter().take(5) {
        let _ = writeln!(text, "Reason `{}`: {}", reason.code, reason.detail);
    }
    if let State::Rejected { dismissal: Some(dismissal), .. } = &earlier.state {
        let _ = writeln!(text, "A person dismissed the fix: {}", dismissal.reason);
        if let Some(words) = &dismissal.words {
            let _ = writeln!(text, "In their words: {words}");
        }
    }
    if let Some(analysis) = &earlier.analysis {
        let cause: String = analysis.root_cause.chars().take(CAUSE_CHARS).collect();
        let _ = writeln!(text, "The root cause that it named: {cause}");
    }
    if let Some(fix) = earlier.state.fix() {
        let diff: String = fix.diff.chars().take(DIFF_CHARS).collect();
        let _ = writeln!(text, "The change that it proposed in `{}`:\n{diff}", fix.file_path);
    }
    redact(&text)
}
