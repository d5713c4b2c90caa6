//! Titles and messages of commits, merges and reverts, and the comment on the Sentry issue that ends the story.

use std::fmt::Write;

use super::markdown::{code, outside};
use crate::attempt::{Attempt, AttemptId, Decision, Fix, RegressionTest, State};
use crate::redaction::{Redacted, redact};
use crate::sentry::Note;

const TITLE_CHARS: usize = 100;

/// The title: only identifiers of the error go into it, so that no outside text can give a CI system orders.
pub fn pull_request_title(attempt: &Attempt) -> Redacted {
    let error = identifier(attempt.subject.error_type.as_deref().unwrap_or("error"));
    let place = match attempt.analysis.as_ref().and_then(|analysis| analysis.function_name.as_deref()) {
        Some(function) if !identifier(function).is_empty() => format!(" in {}", identifier(function)),
        _ => String::new(),
    };
    let title = format!("AutoFix: {error}{place}");
    redact(&title).capped(TITLE_CHARS)
}

/// The commit's message. Depends on nothing but the attempt, so that a repeat makes the same commit.
pub fn commit_message(attempt: &Attempt, fix: &Fix) -> Redacted {
    let mut message = format!(
        "{}\n\nChange `{}` so that the error does not happen.\n\n",
        pull_request_title(attempt),
        identifier_path(&fix.file_path)
    );
    let _ = writeln!(message, "{}", attempt_trailer(attempt.id));
    let _ = writeln!(message, "Sentry-Issue: {}", attempt.subject.sentry_issue_id);
    redact(&message)
}

/// The line by which an attempt's commits are recognised.
pub fn attempt_trailer(id: AttemptId) -> String {
    format!("AutoFix-Attempt: {id}")
}

/// Title and message of the merge.
pub fn merge_message(attempt: &Attempt, decision: &Decision, number: u64) -> (Redacted, Redacted) {
    let title = format!("{} (#{number})", pull_request_title(attempt));
    let mut message = format!("{}\n", attempt_trailer(attempt.id));
    let joined = attempt.joined.issues.iter().map(|issue| &issue.sentry_issue_id);
    for issue in std::iter::once(&attempt.subject.sentry_issue_id).chain(joined) {
        let _ = writeln!(message, "Sentry-Issue: {}", identifier(issue));
    }
    let given = attempt.state.offer().map(|offer| offer.approvals.given.as_slice()).unwrap_or_default();
    let mut approvers: Vec<&str> = given.iter().map(|approval| approval.by.as_str()).collect();
    if approvers.is_empty() {
        approvers.push(&decision.by);
    }
    for approver in approvers {
        let _ = writeln!(message, "Approved-By: Slack user {}", identifier(approver));
    }
    (redact(&title), redact(&message))
}

/// The message of the test's commit. Depends on nothing but the attempt and the test.
pub fn test_message(attempt: &Attempt, test: &RegressionTest) -> Redacted {
    redact(&format!(
        "{}: regression test\n\nAdd `{}`, which fails until the fix is there.\n\n{}\nSentry-Issue: {}\n",
        pull_request_title(attempt),
        identifier_path(&test.file_path),
        attempt_trailer(attempt.id),
        identifier(&attempt.subject.sentry_issue_id),
    ))
}

/// The message of a commit that was added after red checks. Depends on nothing but the attempt and the checks.
pub fn repair_message(attempt: &Attempt, fix: &Fix, failed: &[String]) -> Redacted {
    let checks: Vec<String> = failed.iter().take(3).map(|name| identifier(name)).collect();
    redact(&format!(
        "{}: repair after failed checks\n\nChange `{}` so that these pass: {}.\n\n{}\nSentry-Issue: {}\n",
        pull_request_title(attempt),
        identifier_path(&fix.file_path),
        checks.join(", "),
        attempt_trailer(attempt.id),
        attempt.subject.sentry_issue_id
    ))
}

/// Title and body of the pull request that reverts a fix.
pub fn revert_texts(attempt: &Attempt) -> (Redacted, Redacted) {
    let number = attempt.state.pull_request().map_or(0, |pull_request| pull_request.number);
    let title = redact(&format!("Revert \"{}\"", pull_request_title(attempt)));
    let mut body = format!("Reverts #{number}: the error came back in a release that contains it.\n\n");
    if let State::Regressed { came_back, .. } = &attempt.state {
        let release = came_back
            .release
            .as_deref()
            .map_or(String::new(), |release| format!(" in release {}", code(release, 100)));
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

/// Letters, digits, `_`, `.` of a name; everything else is dropped.
pub(super) fn identifier(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || "_.".contains(*c)).take(60).collect()
}

pub(super) fn identifier_path(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || "_./-".contains(*c)).take(200).collect()
}
