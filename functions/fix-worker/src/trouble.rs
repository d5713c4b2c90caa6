//! What a service's failure means for an attempt: when to try again, or with which words to end.

use std::time::Duration;

use autofix::attempt::{LONGEST_OUTAGE, LONGEST_TROUBLE, Step};
use autofix::journal::Service;
use autofix::outbound::{ErrorKind, ServiceError};
use autofix::reason::{Reason, ReasonCode};
use jiff::{SignedDuration, Timestamp};

/// First pause; it doubles with every failure.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
/// A service that is back is noticed within this time.
const LONGEST_PAUSE: Duration = Duration::from_secs(1800);

/// A question that Claude never answers in time may be paid for each time.
const MOST_TIMEOUTS_OF_CLAUDE: u32 = 12;

/// Whether this failure, after so many others of the step, ends it although the same may go well later.
pub(crate) fn asked_too_often(error: &ServiceError, failures: u32) -> bool {
    let is_paid = error.service == Service::Anthropic && error.kind == ErrorKind::TimedOut;
    is_paid && failures + 1 >= MOST_TIMEOUTS_OF_CLAUDE
}

/// When to try again: what the service asked for, at least a pause that doubles, with up to a quarter of jitter.
pub(crate) fn again_at(error: &ServiceError, failures: u32, now: Timestamp) -> Timestamp {
    let doubled = FIRST_PAUSE.saturating_mul(1 << failures.min(10)).min(LONGEST_PAUSE);
    let pause = error.retry_after.unwrap_or_default().max(doubled);
    let jitter = pause.mul_f64(fastrand::f64() * 0.25);
    let pause = SignedDuration::try_from(pause + jitter).unwrap_or(SignedDuration::from_hours(2));
    now.checked_add(pause).unwrap_or(now)
}

/// The reason with which the attempt ends, where trying again makes no sense.
pub(crate) fn ends_the_attempt(step: Step, error: &ServiceError) -> Option<Reason> {
    if error.may_pass() {
        return None;
    }
    let said = error.to_string();
    Some(match (step, error.service) {
        (Step::Analyze | Step::Repair, Service::Anthropic) => Reason::new(
            ReasonCode::ClaudeUnavailable,
            format!(
                "Claude does not take our requests. Check `ANTHROPIC_API_KEY` and `AUTOFIX_MODEL`. {said}."
            ),
        ),
        (Step::Analyze | Step::Repair, Service::Sentry) => Reason::new(
            ReasonCode::SentryUnavailable,
            format!(
                "Sentry does not give us the event. Check `SENTRY_AUTH_TOKEN` (it needs event:read). {said}."
            ),
        ),
        _ if error.kind == ErrorKind::Moved => Reason::new(
            ReasonCode::RepositoryNotFound,
            format!(
                "The repository was renamed: {said}. Set `AUTOFIX_GITHUB_REPO` (or `AUTOFIX_PROJECTS`) to its name."
            ),
        ),
        (Step::Analyze, _) if error.kind == ErrorKind::NotFound => Reason::new(
            ReasonCode::RepositoryNotFound,
            format!(
                "The repository or its branch was not found. Check `AUTOFIX_GITHUB_REPO` and what the token may see. {said}."
            ),
        ),
        (Step::TellSentry, _) => Reason::new(
            ReasonCode::SentryUnavailable,
            format!("Sentry could not be told. Check what `SENTRY_AUTH_TOKEN` may do (event:write). {said}."),
        ),
        (
            Step::Analyze
            | Step::OpenPullRequest
            | Step::ListIssues
            | Step::LookAtChecks
            | Step::Repair
            | Step::MoveHead
            | Step::Watch
            | Step::LookForRevert
            | Step::RollBack
            | Step::CleanUp,
            _,
        ) => Reason::new(
            ReasonCode::GithubRefused,
            format!("GitHub does not let us do this. Check what `AUTOFIX_GITHUB_TOKEN` may do. {said}."),
        ),
        (Step::Merge, _) => {
            Reason::new(ReasonCode::MergeRefused, format!("GitHub did not merge it. {said}."))
        }
        (Step::ShowCard, _) => return None, // a card stays owed, whatever Slack says
    })
}

/// The reason of a step that failed for too long, or asked too often.
pub(crate) fn failed_too_long(error: &ServiceError, failures: u32) -> Reason {
    if asked_too_often(error, failures) {
        let sentence = format!("Claude did not answer in time, {MOST_TIMEOUTS_OF_CLAUDE} times in a row.");
        return Reason::new(ReasonCode::RetriesUsedUp, sentence);
    }
    let longest = if error.outage_of().is_some() { LONGEST_OUTAGE } else { LONGEST_TROUBLE };
    let sentence = format!("Gave up after {} hours. {error}.", longest.as_hours());
    Reason::new(ReasonCode::RetriesUsedUp, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_that_claude_never_answers_is_not_paid_for_all_day() {
        let timed_out = |service| ServiceError::timed_out(service);
        assert!(!asked_too_often(&timed_out(Service::Anthropic), 10));
        assert!(asked_too_often(&timed_out(Service::Anthropic), 11));
        assert!(!asked_too_often(&timed_out(Service::Github), 11));
    }

    #[test]
    fn pauses_double_and_never_undercut_what_the_service_asked_for() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let pause =
            |error: &ServiceError, failures| again_at(error, failures, now).duration_since(now).as_secs();
        let error = |kind| ServiceError::new(Service::Github, kind, "");
        let asked = |seconds| error(ErrorKind::RateLimited).after(Some(Duration::from_secs(seconds)));
        let down = error(ErrorKind::Unavailable);
        assert!((30..38).contains(&pause(&down, 0)));
        assert!((240..301).contains(&pause(&down, 3)));
        assert!((1_800..2_251).contains(&pause(&down, 40)));
        assert!((2_400..3_001).contains(&pause(&asked(2_400), 0)));
    }
}
