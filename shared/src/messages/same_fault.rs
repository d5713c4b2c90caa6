//! Why an attempt ended without work of its own: another one has the same fault, or its repository has no place for
//! another pull request.

use jiff::{Timestamp, tz::TimeZone};

use crate::attempt::{Attempt, FaultAnswer, PullRequest};
use crate::reason::{Reason, ReasonCode};

/// Its fault is that of `other`, whose fix is for both. Told on the card of `other`.
pub fn same_fault_joined(other: &Attempt) -> Reason {
    let issue = &other.subject.sentry_issue_id;
    let sentence = match other.state.pull_request() {
        Some(pull_request) => format!(
            "The same fault as Sentry issue {issue}: {} of attempt {} fixes both.",
            named(pull_request),
            other.id
        ),
        None => format!(
            "The same fault as Sentry issue {issue}: the fix of attempt {} is for both and waits to be opened.",
            other.id
        ),
    };
    Reason::new(ReasonCode::SameFaultJoined, sentence)
}

/// Its fault is that of `other`, whose `answer` holds until `until`.
pub fn same_fault_ended(other: &Attempt, answer: FaultAnswer, until: Timestamp) -> Reason {
    let issue = &other.subject.sentry_issue_id;
    let fix = other.state.pull_request().map_or("the fix".to_owned(), named);
    let when = other.state.decision().map_or(other.completed_at, |decision| Some(decision.at));
    let on = when.map_or(String::new(), |when| format!(" on {}", minute(when)));
    let what = match answer {
        FaultAnswer::Dismissed => {
            format!("{fix} was dismissed{on}. AutoFix looks again when Sentry says that it came back")
        }
        FaultAnswer::Merged => {
            format!("{fix} was merged{on}. Deploy it; reports are believed again from {}", minute(until))
        }
        FaultAnswer::LeftToPeople => format!("{fix} was left to you. Merge or close it"),
        FaultAnswer::NoFix => format!("{}. AutoFix looks again from {}", no_fix(other), minute(until)),
    };
    Reason::new(answer.code(), format!("The same fault as Sentry issue {issue}: {what}."))
}

/// `other` has looked at the same fault for too long.
pub fn same_fault_undecided(other: &Attempt) -> Reason {
    let sentence = format!(
        "The same fault as Sentry issue {}, which attempt {} has been looking at for long. Nothing was paid for this one.",
        other.subject.sentry_issue_id, other.id
    );
    Reason::new(ReasonCode::SameFaultUndecided, sentence)
}

/// The analysis came to the change that `other` had merged in vain.
pub fn tried_before(other: &Attempt) -> Reason {
    let fix = other.state.pull_request().map_or("an earlier fix".to_owned(), named);
    let sentence = format!(
        "Claude proposes the same change as {fix} (attempt {}), with which the error came back. A person has to look.",
        other.id
    );
    Reason::new(ReasonCode::TriedBefore, sentence)
}

/// A fix was ready, and no pull request was merged or closed to make a place for it.
pub fn no_slot(limit: u32) -> Reason {
    let sentence = format!(
        "The fix waited for a week, and the repository still has the {limit} open pull requests of AutoFix that \
         `AUTOFIX_MAX_OPEN_PULL_REQUESTS` allows. Merge or close some of them."
    );
    Reason::new(ReasonCode::OpenPullRequestLimit, sentence)
}

fn named(pull_request: &PullRequest) -> String {
    format!("pull request #{}", pull_request.number)
}

fn no_fix(other: &Attempt) -> String {
    let code = other.state.reasons().first().map_or(String::new(), |reason| format!(" (`{}`)", reason.code));
    format!("attempt {} ended without a pull request{code}", other.id)
}

/// A time for people.
fn minute(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string()
}
