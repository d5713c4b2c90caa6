//! The circuits as one process knows them: whether a service may be asked now, and what was heard of it since the
//! table was told last. Nothing here waits or writes; the worker brings it and the table together.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::{SignedDuration, Timestamp};

use super::ServiceError;
use crate::circuit::{Asked, Circuit, FIRST_PAUSE, Failure, Line};
use crate::journal::Service;

/// What one process knows of all services. Clones are handles to the same knowledge.
#[derive(Clone, Debug, Default)]
pub struct Switchboard(Arc<Mutex<BTreeMap<Service, Switch>>>);

#[derive(Debug, Default)]
struct Switch {
    open_until: Option<Timestamp>,
    trial: Trial,
    /// The table knows of failures, so that an answer has to be written down.
    in_trouble: bool,
    heard: Heard,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Trial {
    #[default]
    NotOurs,
    /// The next request is the trial, if it comes before this time.
    Ours {
        until: Timestamp,
    },
    UnderWay {
        until: Timestamp,
    },
}

impl Trial {
    /// Whether it is over, or was never ours: a worker that dies over a trial does not end it.
    fn is_over(self, now: Timestamp) -> bool {
        match self {
            Trial::NotOurs => true,
            Trial::Ours { until } | Trial::UnderWay { until } => until <= now,
        }
    }
}

/// What was heard of a service, in the order in which it counts: an answer, then failures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// When the last answer came.
    pub answered_at: Option<Timestamp>,
    /// Failures since the last answer, oldest first.
    pub failures: Vec<Failure>,
}

impl Switchboard {
    /// What the table says. A trial of ours that is under way is not disturbed.
    pub fn set(&self, service: Service, circuit: &Circuit, now: Timestamp) {
        let mut switches = self.switches();
        let switch = switches.entry(service).or_default();
        switch.in_trouble = circuit.has_trouble();
        if switch.trial.is_over(now) {
            switch.trial = Trial::NotOurs;
            switch.open_until = match circuit.line() {
                Line::Closed => None,
                Line::Open { until } => Some(until),
            };
        }
    }

    /// The trial is ours: the next request before `until` may go.
    pub fn allow_trial(&self, service: Service, until: Timestamp) {
        self.switches().entry(service).or_default().trial = Trial::Ours { until };
    }

    /// Until when nobody asks this service; `None` where it may be asked.
    pub fn open_until(&self, service: Service) -> Option<Timestamp> {
        let switches = self.switches();
        let switch = switches.get(&service)?;
        if matches!(switch.trial, Trial::Ours { .. }) { None } else { switch.open_until }
    }

    /// For a step that has other work before it asks this service, which would be done in vain.
    ///
    /// # Errors
    /// Where the service is not asked now.
    pub fn ready(&self, service: Service) -> Result<(), ServiceError> {
        match self.open_until(service) {
            None => Ok(()),
            Some(until) => Err(ServiceError::CircuitOpen { service, until }),
        }
    }

    /// What was heard of a service since this was asked last; `None` where the table need not know it.
    pub fn take_heard(&self, service: Service) -> Option<Heard> {
        let mut switches = self.switches();
        let switch = switches.get_mut(&service)?;
        let heard = std::mem::take(&mut switch.heard);
        let matters = !heard.failures.is_empty() || (heard.answered_at.is_some() && switch.in_trouble);
        matters.then_some(heard)
    }

    /// Whether, and as what, a request may go.
    pub(super) fn pass(&self, service: Service) -> Result<Asked, ServiceError> {
        let mut switches = self.switches();
        let switch = switches.entry(service).or_default();
        match (switch.open_until, switch.trial) {
            (None, _) => Ok(Asked::Normally),
            (Some(_), Trial::Ours { until }) => {
                switch.trial = Trial::UnderWay { until };
                Ok(Asked::AsTrial)
            }
            (Some(until), Trial::NotOurs | Trial::UnderWay { .. }) => {
                Err(ServiceError::CircuitOpen { service, until })
            }
        }
    }

    /// How a request that was let pass ended. Whoever asked as the trial is told so in the failure: another task of this
    /// process may be the one that tells the table.
    pub(super) fn heard<T>(
        &self,
        service: Service,
        asked: Asked,
        at: Timestamp,
        result: Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        let mut switches = self.switches();
        let switch = switches.entry(service).or_default();
        if asked == Asked::AsTrial {
            switch.trial = Trial::NotOurs;
        }
        match result.as_ref().err().map_or(Meaning::Well, meaning) {
            Meaning::Well => {
                switch.open_until = None;
                switch.heard = Heard { answered_at: Some(at), failures: Vec::new() };
                result
            }
            Meaning::Unknown => result,
            Meaning::Unwell { why, retry_after } => {
                switch.heard.failures.push(Failure { why, retry_after, asked });
                result.map_err(|error| match asked {
                    Asked::AsTrial => ServiceError::TrialFailed { service, error: Box::new(error) },
                    Asked::Normally => error,
                })
            }
        }
    }

    fn switches(&self) -> MutexGuard<'_, BTreeMap<Service, Switch>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// What an error says about the service itself.
enum Meaning {
    /// A refusal, whatever it refuses, is an answer.
    Well,
    Unwell {
        why: String,
        retry_after: Option<SignedDuration>,
    },
    /// It was not asked at all, for reasons of our own.
    Unknown,
}

fn meaning(error: &ServiceError) -> Meaning {
    let retry_after = match error {
        ServiceError::RateLimited { retry_after, .. } | ServiceError::Unavailable { retry_after, .. } => {
            retry_after.and_then(|wait| SignedDuration::try_from(wait).ok())
        }
        ServiceError::TimedOut | ServiceError::Malformed(_) => None,
        ServiceError::CircuitOpen { .. }
        | ServiceError::TrialFailed { .. }
        | ServiceError::SecretsUnavailable(_) => return Meaning::Unknown,
        ServiceError::NotFound(_)
        | ServiceError::Moved { .. }
        | ServiceError::Conflict(_)
        | ServiceError::Unauthorized(_)
        | ServiceError::CredentialRefused(_)
        | ServiceError::Refused { .. } => return Meaning::Well,
    };
    // A limit that is over before the circuit would try again concerns whoever met it, and nobody else.
    if matches!(error, ServiceError::RateLimited { .. }) && retry_after.is_some_and(|wait| wait < FIRST_PAUSE)
    {
        return Meaning::Well;
    }
    Meaning::Unwell { why: error.to_string(), retry_after }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::FAILURES_TO_OPEN;

    const CLAUDE: Service = Service::Anthropic;

    fn down() -> Result<(), ServiceError> {
        Err(ServiceError::Unavailable { message: "503".to_owned(), retry_after: None })
    }

    /// Open for five minutes.
    fn open() -> Circuit {
        let mut circuit = Circuit::default();
        let failure = Failure { why: "503".to_owned(), retry_after: None, asked: Asked::Normally };
        (0..FAILURES_TO_OPEN).for_each(|_| circuit.failed(failure.clone(), at(0)));
        circuit
    }

    fn at(minute: i64) -> Timestamp {
        "2026-11-22T10:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minute)
    }

    #[test]
    fn an_answer_makes_failures_before_it_forgotten() {
        let board = Switchboard::default();
        for result in [down(), Err(ServiceError::NotFound(String::new())), down(), down()] {
            let asked = board.pass(CLAUDE).unwrap();
            let _ = board.heard(CLAUDE, asked, at(0), result);
        }
        let heard = board.take_heard(CLAUDE).unwrap();
        assert_eq!(heard.answered_at, Some(at(0)));
        assert_eq!(heard.failures.len(), 2);
        assert_eq!(board.take_heard(CLAUDE), None);
        assert_eq!(board.take_heard(Service::Slack), None);
    }

    #[test]
    fn an_answer_is_worth_a_word_only_where_something_was_wrong() {
        let board = Switchboard::default();
        let answer = || {
            let asked = board.pass(CLAUDE).unwrap();
            board.heard(CLAUDE, asked, at(1), Ok(())).unwrap();
            board.take_heard(CLAUDE)
        };
        assert_eq!(answer(), None);
        let mut circuit = Circuit::default();
        circuit.failed(Failure { why: "503".to_owned(), retry_after: None, asked: Asked::Normally }, at(0));
        board.set(CLAUDE, &circuit, at(0));
        assert_eq!(answer(), Some(Heard { answered_at: Some(at(1)), failures: Vec::new() }));
    }

    #[test]
    fn an_open_circuit_lets_one_trial_pass() {
        let board = Switchboard::default();
        board.set(CLAUDE, &open(), at(0));
        assert!(board.pass(CLAUDE).is_err());
        board.allow_trial(CLAUDE, at(7));
        assert_eq!(board.open_until(CLAUDE), None);
        assert_eq!(board.pass(CLAUDE).unwrap(), Asked::AsTrial);
        assert!(board.pass(CLAUDE).is_err(), "one at a time");
        board.set(CLAUDE, &Circuit::default(), at(6));
        assert!(board.pass(CLAUDE).is_err(), "not disturbed while it is under way");
        // Another task takes what was heard; whoever asked knows it all the same.
        let failed = board.heard(CLAUDE, Asked::AsTrial, at(6), down());
        assert_eq!(board.take_heard(CLAUDE).unwrap().failures.len(), 1);
        assert!(matches!(failed, Err(ServiceError::TrialFailed { service: CLAUDE, .. })), "{failed:?}");
        assert!(board.pass(CLAUDE).is_err());
        board.allow_trial(CLAUDE, at(17));
        let asked = board.pass(CLAUDE).unwrap();
        board.heard(CLAUDE, asked, at(16), Ok(())).unwrap();
        assert_eq!(board.pass(CLAUDE).unwrap(), Asked::Normally);
        assert!(board.pass(Service::Github).is_ok());
    }

    #[test]
    fn a_trial_that_nobody_ended_is_over_after_its_time() {
        let board = Switchboard::default();
        board.set(CLAUDE, &open(), at(0));
        board.allow_trial(CLAUDE, at(7));
        board.pass(CLAUDE).unwrap();
        board.set(CLAUDE, &Circuit::default(), at(7));
        assert_eq!(board.pass(CLAUDE).unwrap(), Asked::Normally);
    }

    #[test]
    fn short_limits_are_answers_and_secrets_that_cannot_be_read_say_nothing() {
        let heard = |error: ServiceError| {
            let board = Switchboard::default();
            let asked = board.pass(CLAUDE).unwrap();
            let _ = board.heard::<()>(CLAUDE, asked, at(0), Err(error));
            board.switches().remove(&CLAUDE).unwrap().heard
        };
        let limited = |seconds: Option<u64>| ServiceError::RateLimited {
            message: String::new(),
            retry_after: seconds.map(std::time::Duration::from_secs),
        };
        for (error, answered, failures) in [
            (limited(Some(299)), true, 0),
            (limited(Some(300)), false, 1),
            (limited(None), false, 1),
            (ServiceError::SecretsUnavailable(String::new()), false, 0),
            (ServiceError::TimedOut, false, 1),
        ] {
            let case = format!("{error:?}");
            let heard = heard(error);
            assert_eq!((heard.answered_at.is_some(), heard.failures.len()), (answered, failures), "{case}");
        }
    }
}
