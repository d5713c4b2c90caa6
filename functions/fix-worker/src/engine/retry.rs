//! What a service's failure means for an attempt: when to try again, or with which words to end.

use autofix::attempt::{
    Attempt, Cleanup, Event, Fact, LONGEST_OUTAGE, LONGEST_TROUBLE, NextHead, NextHeadKind, NotProvedCode,
    Shadow, Step, StepFailure, Telling,
};
use autofix::journal::Service;
use autofix::outbound::{ErrorKind, ServiceError};
use autofix::reason::{Reason, ReasonCode};
use jiff::Timestamp;

use crate::pause::again_at;

/// A question that Claude never answers in time may be paid for each time.
const MOST_TIMEOUTS_OF_CLAUDE: u32 = 12;

/// Failures of a card after which a person should look: that long no restart of Slack's takes.
pub(super) const CARD_IN_TROUBLE: u32 = 3;

/// What follows from a failure.
pub(super) enum AfterFailure {
    /// The step is never tried again; this happens instead.
    GiveUp(Vec<Event>),
    /// It is tried again at this time.
    Again(Timestamp),
}

/// Later again, or never.
pub(super) fn after_failure(
    attempt: &Attempt,
    step: Step<'_>,
    error: &ServiceError,
    now: Timestamp,
) -> AfterFailure {
    if step == Step::ShowCard {
        // A card stays owed, whatever Slack says.
        return AfterFailure::Again(again_at(error, attempt.card.failures, now));
    }
    let trouble = &attempt.trouble;
    let too_long = trouble.lasts_too_long(error.outage_of(), now) || asked_too_often(error, trouble.failures);
    let ends =
        ends_the_attempt(step, error).or_else(|| too_long.then(|| failed_too_long(error, trouble.failures)));
    match ends {
        Some(reason) => AfterFailure::GiveUp(give_up(attempt, step, reason)),
        None => AfterFailure::Again(again_at(error, trouble.failures, now)),
    }
}

/// The failure of a step that is tried again.
pub(super) fn failure(error: &ServiceError, again_at: Timestamp) -> StepFailure {
    StepFailure { why: error.to_string(), outage_of: error.outage_of(), again_at }
}

/// What it means for the attempt that a step is never tried again.
pub(super) fn give_up(attempt: &Attempt, step: Step<'_>, reason: Reason) -> Vec<Event> {
    let note = |what: &str| Event::Learned(Fact::Note(format!("{what}: {}", reason.detail)));
    vec![match step {
        Step::Merge { .. } | Step::AwaitMerge { .. } => Event::MergeRefused { reason },
        // The dismissal stands; what is left on GitHub is said on the card.
        Step::CleanUp { .. } | Step::Withdraw { .. } => {
            let left = Event::CleanedUp { outcome: Cleanup::LeftOpen };
            return vec![note("Could not close the pull request"), left];
        }
        Step::WriteTest { .. } => Event::not_proved(NotProvedCode::NoTest, reason.detail),
        Step::LookAtTest { offer, .. } => {
            let next = NextHead { fix: offer.fix.clone(), kind: NextHeadKind::WithoutTest, at: offer.since };
            let notice = "The regression test was taken off the branch again.".to_owned();
            return vec![
                Event::not_proved(NotProvedCode::GithubRefused, reason.detail),
                Event::NextHead { next: Box::new(next), notice },
            ];
        }
        // The card names the issues; that the pull request does not is no reason to give it up.
        Step::ListIssues { .. } => {
            let listed = Event::Learned(Fact::IssuesListed { count: attempt.joined.count() });
            return vec![note("Could not list the issues that joined"), listed];
        }
        // What was seen of the deploy stays.
        Step::Watch { merged, .. } => {
            Event::Watched { merge_sha: None, deployment: merged.deployment.clone(), watch: None }
        }
        Step::LookForRevert { .. } => Event::StillThere { look: None },
        Step::TellSentry { .. } => Event::SentryTold { outcome: Telling::Refused },
        Step::LookForPeoplesFix { .. } => Event::Learned(Fact::Shadow(Shadow::GivenUp)),
        Step::OpenRevert { .. } | Step::MergeRevert { .. } => Event::RollBackRefused { reason },
        Step::Start
        | Step::Prepare
        | Step::Analyze { .. }
        | Step::TakeSlot { .. }
        | Step::OpenTest { .. }
        | Step::OpenPullRequest { .. }
        | Step::LookAtChecks { .. }
        | Step::Repair { .. }
        | Step::MoveHead { .. } => Event::Failed { reason },
        Step::ShowCard => return Vec::new(), // a card stays owed
    }]
}

/// Whether this failure, after so many others of the step, ends it although the same may go well later.
fn asked_too_often(error: &ServiceError, failures: u32) -> bool {
    let is_paid = error.service == Service::Anthropic && error.kind == ErrorKind::TimedOut;
    is_paid && failures + 1 >= MOST_TIMEOUTS_OF_CLAUDE
}

/// The reason with which the attempt ends, where trying again makes no sense.
fn ends_the_attempt(step: Step<'_>, error: &ServiceError) -> Option<Reason> {
    if error.may_pass() {
        return None;
    }
    let said = error.to_string();
    let analyses = matches!(step, Step::Prepare | Step::Analyze { .. });
    let asks_claude = analyses || matches!(step, Step::Repair { .. } | Step::WriteTest { .. });
    Some(match (step, error.service) {
        (_, Service::Anthropic) if asks_claude => Reason::new(
            ReasonCode::ClaudeUnavailable,
            format!(
                "Claude does not take our requests. Check `ANTHROPIC_API_KEY` and `AUTOFIX_MODEL`. {said}."
            ),
        ),
        (_, Service::Sentry) if asks_claude => Reason::new(
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
        _ if analyses && error.kind == ErrorKind::NotFound => Reason::new(
            ReasonCode::RepositoryNotFound,
            format!(
                "The repository or its branch was not found. Check `AUTOFIX_GITHUB_REPO` and what the token may see. {said}."
            ),
        ),
        (Step::TellSentry { .. }, _) => Reason::new(
            ReasonCode::SentryUnavailable,
            format!("Sentry could not be told. Check what `SENTRY_AUTH_TOKEN` may do (event:write). {said}."),
        ),
        (Step::Merge { .. } | Step::AwaitMerge { .. }, _) => {
            Reason::new(ReasonCode::MergeRefused, format!("GitHub did not merge it. {said}."))
        }
        _ => Reason::new(
            ReasonCode::GithubRefused,
            format!("GitHub does not let us do this. Check what `AUTOFIX_GITHUB_TOKEN` may do. {said}."),
        ),
    })
}

/// The reason of a step that failed for too long, or asked too often.
fn failed_too_long(error: &ServiceError, failures: u32) -> Reason {
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
    use autofix::attempt::{AttemptId, PullRequest, Subject, Target};

    use super::*;

    #[test]
    fn a_question_that_claude_never_answers_is_not_paid_for_all_day() {
        let timed_out = |service| ServiceError::timed_out(service);
        assert!(!asked_too_often(&timed_out(Service::Anthropic), 10));
        assert!(asked_too_often(&timed_out(Service::Anthropic), 11));
        assert!(!asked_too_often(&timed_out(Service::Github), 11));
    }

    #[test]
    fn a_failure_that_may_pass_is_tried_again_and_any_other_ends_what_the_step_was_for() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let mut attempt = Attempt::pending(AttemptId::new(now), Subject::default(), Target::default(), now);
        let pull_request =
            &PullRequest { number: 1, url: String::new(), branch: String::new(), head_sha: String::new() };
        let outcome = |attempt: &Attempt, step, service, kind| match after_failure(
            attempt,
            step,
            &ServiceError::new(service, kind, "it said so"),
            now,
        ) {
            AfterFailure::Again(_) => "again".to_owned(),
            AfterFailure::GiveUp(events) => events.iter().map(Event::name).collect::<Vec<_>>().join(", "),
        };
        let clean_up = Step::CleanUp { pull_request };
        let (github, slack) = (Service::Github, Service::Slack);
        for (step, service, kind, expected) in [
            (Step::Prepare, Service::Sentry, ErrorKind::Unavailable, "again"),
            (Step::Prepare, Service::Sentry, ErrorKind::Unauthorized, "Failed"),
            (clean_up, github, ErrorKind::Unauthorized, "Learned, CleanedUp"),
            (Step::ListIssues { pull_request }, github, ErrorKind::NotFound, "Learned, Learned"),
            (Step::ShowCard, slack, ErrorKind::Unauthorized, "again"),
        ] {
            assert_eq!(outcome(&attempt, step, service, kind), expected, "{step:?} {service} {kind:?}");
        }
        attempt.trouble.failing_since = Some(now - LONGEST_TROUBLE - LONGEST_TROUBLE);
        let unreadable = outcome(&attempt, Step::Prepare, github, ErrorKind::Malformed);
        assert_eq!(unreadable, "Failed", "it has failed for too long");
        let down = outcome(&attempt, Step::Prepare, github, ErrorKind::Unavailable);
        assert_eq!(down, "again", "an outage is waited for longer");
    }
}
