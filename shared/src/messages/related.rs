//! What a card says about other attempts and other Sentry issues: what it waits for, what joined it, whose answer it has.

use super::blocks::{Card, link, outside};
use super::lines::{person, pull_request_line};
use crate::attempt::{Attempt, JoinedIssue, SameFault, WaitsFor};

/// Joined issues that a card names.
const MAX_ISSUES: usize = 5;

/// The limit that holds back a fix that is ready.
pub(super) fn waits_for_a_slot(attempt: &Attempt) -> Option<u32> {
    match attempt.wait.as_ref()?.what {
        WaitsFor::Slot { limit } => Some(limit),
        WaitsFor::Attempt { .. } | WaitsFor::StackTrace => None,
    }
}

pub(super) fn waiting_line(limit: u32) -> String {
    let open = match limit {
        1 => "has 1 open pull request of AutoFix, the most".to_owned(),
        limit => format!("has {limit} open pull requests of AutoFix, the most"),
    };
    format!(
        "⏸️ *The fix is ready and waits.* The repository {open} that `AUTOFIX_MAX_OPEN_PULL_REQUESTS` allows. \
         Merge or close one, and this one is opened."
    )
}

/// Issues of the same fault that joined.
pub(super) fn also_fixes(card: &mut Card, attempt: &Attempt) {
    let joined = &attempt.joined;
    if joined.issues.is_empty() {
        return;
    }
    let mut lines: Vec<String> = joined.issues.iter().take(MAX_ISSUES).map(issue_line).collect();
    let more = (joined.count() as usize).saturating_sub(lines.len());
    if more > 0 {
        lines.push(format!("• … and {more} more"));
    }
    card.section(&format!("*Also fixes* (the same fault in other Sentry issues)\n{}", lines.join("\n")));
}

fn issue_line(issue: &JoinedIssue) -> String {
    let title = outside(&issue.title, 100);
    match &issue.sentry_url {
        Some(url) => format!("• {} {title}", link(url, &format!("Issue {}", issue.sentry_issue_id))),
        None => format!("• Issue {} {title}", outside(&issue.sentry_issue_id, 40)),
    }
}

/// Where people find the answer, and who gave it.
pub(super) fn same_fault_line(same_fault: &SameFault) -> String {
    let attempt = format!("See attempt `{}`", same_fault.attempt);
    let mut parts = vec![attempt];
    parts.extend(same_fault.pull_request.as_ref().map(pull_request_line));
    parts.extend(same_fault.decided_by.as_deref().map(|by| format!("decided by {}", person(by))));
    parts.join("  ·  ")
}
