//! How far AutoFix is with what it worked on last: the steps from Sentry's webhook to a fix that holds.

use attempt_queries::page::{Time, moment};
use autofix::access::attempt_path;
use autofix::attempt::{Attempt, Checks, Offer, Rollout, State};
use autofix::messages;

use crate::sandbox::slack::USERS;

const STEPS: [&str; 8] =
    ["Webhook", "Root cause", "Fix", "Pull request", "Checks", "Your decision", "Live", "Verified"];
const ROOT_CAUSE: usize = 1;
const FIX: usize = 2;
const PULL_REQUEST: usize = 3;
const CHECKS: usize = 4;
const DECISION: usize = 5;
const LIVE: usize = 6;
const VERIFIED: usize = 7;
/// Lines of the timeline that are shown.
const MOMENTS: usize = 4;

/// One attempt on its way.
pub(super) struct Progress {
    /// `AttributeError in address_lines`.
    pub(super) error: String,
    pub(super) mark: &'static str,
    pub(super) label: &'static str,
    pub(super) next: &'static str,
    pub(super) steps: Vec<Step>,
    /// The newest lines of its timeline, oldest first.
    pub(super) moments: Vec<(Time, String)>,
    /// Of its page.
    pub(super) address: String,
    /// Whether AutoFix does something with it now.
    pub(super) is_working: bool,
}

pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) state: &'static str,
}

/// Where an attempt is among the steps.
enum At {
    /// AutoFix works at this one.
    Working(usize),
    /// It waits for people or for time to pass.
    Waiting(usize),
    /// It went no further than this one.
    Ended(usize),
    Done,
}

impl Progress {
    pub(super) fn of(attempt: &Attempt, prefix: &str) -> Progress {
        let at = at(attempt);
        let subject = &attempt.subject;
        let kind = subject.error_type.as_deref().unwrap_or("Error");
        let headline = messages::headline(attempt);
        let moments = attempt.timeline.iter().rev().take(MOMENTS).rev();
        Progress {
            error: match &subject.function {
                Some(function) => format!("{kind} in {function}"),
                None => kind.to_owned(),
            },
            mark: headline.mark,
            label: headline.label,
            next: messages::what_next(attempt),
            steps: (0..).zip(STEPS).map(|(number, name)| Step { name, state: at.state(number) }).collect(),
            moments: moments.map(|entry| (moment(entry.at), with_names(&entry.what))).collect(),
            address: attempt_path(prefix, attempt.id),
            is_working: matches!(at, At::Working(_)),
        }
    }
}

impl At {
    fn state(&self, step: usize) -> &'static str {
        let (here, word) = match *self {
            At::Working(here) => (here, "working"),
            At::Waiting(here) => (here, "waiting"),
            At::Ended(here) => (here, "ended"),
            At::Done => return "done",
        };
        match step.cmp(&here) {
            std::cmp::Ordering::Less => "done",
            std::cmp::Ordering::Equal => word,
            std::cmp::Ordering::Greater => "later",
        }
    }
}

/// A timeline has Slack's ids of people; here everybody's name is known.
fn with_names(what: &str) -> String {
    USERS.iter().fold(what.to_owned(), |what, (id, name)| {
        what.split(' ')
            .map(|word| if word == *id { format!("@{name}") } else { word.to_owned() })
            .collect::<Vec<_>>()
            .join(" ")
    })
}

fn at(attempt: &Attempt) -> At {
    let analysed = if attempt.analysis.is_some() { FIX } else { ROOT_CAUSE };
    match &attempt.state {
        State::Pending | State::Withdrawing { .. } => At::Working(ROOT_CAUSE),
        State::Analyzing { .. } => At::Working(analysed),
        State::Proposed { .. } => At::Working(PULL_REQUEST),
        State::PrCreated { offer: Offer { checks: Checks::Red { .. }, .. } } => At::Waiting(CHECKS),
        State::PrCreated { .. } => At::Working(CHECKS),
        State::AwaitingApproval { .. } => At::Waiting(DECISION),
        State::Approved { .. } => At::Working(DECISION),
        State::Rejected { .. } => At::Ended(DECISION),
        State::Deployed { merged, .. } => match merged.deployment.as_ref().map(|to| to.rollout) {
            Some(Rollout::Live) => At::Waiting(VERIFIED),
            Some(Rollout::Failed) => At::Ended(LIVE),
            Some(Rollout::UnderWay) | None => At::Waiting(LIVE),
        },
        State::Verified { .. } => At::Done,
        State::Regressed { .. } | State::RolledBack { .. } => At::Ended(VERIFIED),
        State::Failed { pull_request: Some(_), .. } => At::Ended(CHECKS),
        State::Skipped { fix: Some(_), .. } => At::Ended(PULL_REQUEST),
        State::Failed { .. } | State::Skipped { .. } => At::Ended(analysed),
    }
}

#[cfg(test)]
mod tests {
    use autofix::attempt::{AttemptId, Subject, Target};
    use autofix::reason::{Reason, ReasonCode};
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn the_steps_show_what_is_done_what_is_under_way_and_where_it_ended() {
        let now = Timestamp::UNIX_EPOCH;
        let subject = Subject {
            error_type: Some("KeyError".to_owned()),
            function: Some("current_user".to_owned()),
            ..Subject::default()
        };
        let mut attempt = Attempt::pending(AttemptId::new(now), subject, Target::default(), now);
        let shown = |attempt: &Attempt| {
            let progress = Progress::of(attempt, "/autofix");
            let steps: Vec<&str> = progress.steps.iter().map(|step| step.state).collect();
            (progress.error, steps[..4].join(" "), progress.is_working)
        };
        let error = || "KeyError in current_user".to_owned();
        assert_eq!(shown(&attempt), (error(), "done working later later".to_owned(), true));
        let reason = Reason::new(ReasonCode::NeedsHuman, "A person has to look.");
        attempt.state = State::Skipped { reasons: vec![reason], fix: None };
        assert_eq!(shown(&attempt), (error(), "done ended later later".to_owned(), false));
    }
}
