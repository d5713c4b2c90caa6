//! What an analysis is told beside the error itself: what people know, and what an earlier attempt came to.
//!
//! A hint is the word of a person who may decide, and still data: it says where to look, and changes no rule of
//! what may become a pull request.

use std::fmt::Write;

use super::prompt::Boundary;
use crate::model::Message;
use autofix_domain::attempt::{Attempt, CameBack, Hint, Merged, State};
use autofix_domain::cleaning;
use autofix_domain::redaction::{Redacted, redact};

/// Characters of the earlier root cause and of the earlier diff that are told.
const CAUSE_CHARS: usize = 1_500;
const DIFF_CHARS: usize = 3_000;
const RELEASE_CHARS: usize = 100;

/// Everything that is known beside the error; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Background {
    pub hint: Option<Hint>,
    /// See [`earlier_attempt`]; the latest first.
    pub earlier: Vec<Redacted>,
    /// See [`open_fix`].
    pub open: Vec<Redacted>,
}

/// The message that opens a conversation, with the background after it.
pub fn with_background(opening: Message, boundary: &Boundary, background: &Background) -> Message {
    let mut opening = with_earlier(opening, boundary, &background.earlier);
    if !background.open.is_empty() {
        opening = opening.text(&Redacted::trusted(
            "For other errors in the same files these fixes are open, and not in the code that you see. If one of them \
             repairs this error as well, propose no second change: leave it to a person, and say which pull request it is.",
        ));
    }
    for one in &background.open {
        opening = opening.text(&boundary.around("open fix", one));
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

/// The message that opens a conversation, with what was tried before after it.
pub fn with_earlier(mut opening: Message, boundary: &Boundary, earlier: &[Redacted]) -> Message {
    if !earlier.is_empty() {
        opening = opening.text(&Redacted::trusted(
            "This error was looked at before. What that came to is below, the latest first; find out anew whether it \
             was right. Where a fix was merged and the error came back, that fix was not enough: say why, and do not \
             propose the same change again.",
        ));
    }
    for one in earlier {
        opening = opening.text(&boundary.around("earlier attempt", one));
    }
    opening
}

/// How a merged fix turned out not to be one.
fn did_not_hold(merged: &Merged, came_back: &CameBack) -> String {
    let release = came_back.release.as_deref().unwrap_or("unknown");
    format!(
        "The fix was merged at {}. The error came back at {}, in release {}, which contains it.\n",
        merged.at,
        came_back.at,
        cleaning::one_line(release, RELEASE_CHARS)
    )
}

/// A fix of another error that is an open pull request.
pub fn open_fix(other: &Attempt) -> Option<Redacted> {
    let (fix, pull_request) = (other.state.fix()?, other.state.pull_request()?);
    let cause = other.analysis.as_ref().map_or("", |analysis| analysis.root_cause.as_str());
    let cause: String = cause.chars().take(CAUSE_CHARS).collect();
    let diff: String = fix.diff.chars().take(DIFF_CHARS).collect();
    Some(redact(&format!(
        "Pull request #{} is for the error `{}`.\nThe root cause that it names: {cause}\nIts change in `{}`:\n{diff}",
        pull_request.number, other.subject.title, fix.file_path
    )))
}

/// What an earlier attempt at the same error came to.
pub fn earlier_attempt(earlier: &Attempt) -> Redacted {
    let mut text = format!("It ended as `{}`.\n", earlier.status());
    for reason in earlier.state.reasons().iter().take(5) {
        let _ = writeln!(text, "Reason `{}`: {}", reason.code, reason.detail);
    }
    match &earlier.state {
        State::Rejected { dismissal: Some(dismissal), .. } => {
            let _ = writeln!(text, "A person dismissed the fix: {}", dismissal.reason);
            if let Some(words) = &dismissal.words {
                let _ = writeln!(text, "In their words: {words}");
            }
        }
        State::Regressed { merged, came_back, .. } => {
            text.push_str(&did_not_hold(merged, came_back));
            text.push_str(
                "It was not rolled back: the change is still in the code, unless someone took it out.\n",
            );
        }
        State::RolledBack { merged, came_back, .. } => {
            match came_back {
                Some(came_back) => text.push_str(&did_not_hold(merged, came_back)),
                None => {
                    let _ = writeln!(text, "The fix was merged at {}, and a person took it back.", merged.at);
                }
            }
            text.push_str("It was rolled back since: the change is no longer in the code.\n");
        }
        _ => {} // its status and its reasons say it
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
