//! What GitHub and Sentry read about a fix after its first commit: repairs, reverts, and the end of the story.

use super::markdown::outside;
use super::pull_request::{identifier, identifier_path, pull_request_title};
use crate::attempt::{Attempt, Fix};
use crate::redaction::{Redacted, redact};
use crate::sentry::Note;

/// The message of a commit that was added after red checks. Depends on nothing but the attempt and the checks.
pub fn repair_message(attempt: &Attempt, fix: &Fix, failed: &[String]) -> Redacted {
    let checks: Vec<String> = failed.iter().take(3).map(|name| identifier(name)).collect();
    redact(&format!(
        "{}: repair after failed checks\n\nChange `{}` so that these pass: {}.\n\nAutoFix-Attempt: {}\nSentry-Issue: {}\n",
        pull_request_title(attempt),
        identifier_path(&fix.file_path),
        checks.join(", "),
        attempt.id,
        attempt.subject.sentry_issue_id
    ))
}

/// Title and body of the pull request that reverts a fix.
pub fn revert_texts(attempt: &Attempt) -> (Redacted, Redacted) {
    let number = attempt.state.pull_request().map_or(0, |pull_request| pull_request.number);
    let title = redact(&format!("Revert \"{}\"", pull_request_title(attempt)));
    let mut body = format!("Reverts #{number}: the error came back in a release that contains it.\n\n");
    if let crate::attempt::State::Regressed { came_back, .. } = &attempt.state {
        let release = came_back
            .release
            .as_deref()
            .map_or(String::new(), |release| format!(" in release {}", super::markdown::code(release, 100)));
        body.push_str(&format!("Seen again at {}{release}.\n\n", came_back.at));
    }
    body.push_str(&format!("Attempt `{}`\n", attempt.id));
    (title, redact(&body))
}

/// Title and message of the merge of a revert.
pub fn revert_merge_message(attempt: &Attempt, number: u64) -> (Redacted, Redacted) {
    let by = attempt.state.decision().map_or(String::new(), |decision| identifier(&decision.by));
    let title = format!("Revert \"{}\" (#{number})", pull_request_title(attempt));
    let message = format!("AutoFix-Attempt: {}\nRolled-Back-By: Slack user {by}\n", attempt.id);
    (redact(&title), redact(&message))
}

/// The comment on the Sentry issue of a verified fix.
pub fn sentry_note(attempt: &Attempt) -> Note {
    let marker = format!("AutoFix attempt {}", attempt.id);
    let mut text = String::from("AutoFix fixed this error, and it has not come back.\n\n");
    if let Some(analysis) = &attempt.analysis {
        text.push_str(&format!("Root cause: {}\n\n", outside(&analysis.root_cause, 800)));
    }
    if let Some(merged) = attempt.state.merged() {
        text.push_str(&format!("Fix: {}\n", merged.pull_request.url));
        if let Some(sha) = &merged.merge_sha {
            text.push_str(&format!("Merge commit: {sha}\n"));
        }
    }
    text.push_str(&format!("\n{marker}\n"));
    Note { text: redact(&text), marker }
}
