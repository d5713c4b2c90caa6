//! Another try with a hint: a new attempt for the same Sentry issue, started once, under the same rules.

use autofix::attempt::{Attempt, AttemptId, Event, Hint, Occasion, Retried, Retry};
use autofix::endpoint::Refused;
use autofix::messages;
use autofix::store::{NewTry, Tried};
use tracing::info;

use crate::decide::{UNKNOWN, sentence};
use crate::dialogs::Answered;
use crate::form::Person;
use crate::{Endpoint, unavailable};

/// How often the attempt is read again because the worker was at it.
const ROUNDS: usize = 8;

impl Endpoint {
    pub(crate) async fn try_again(
        &self,
        old: AttemptId,
        text: &str,
        person: &Person,
    ) -> Result<Answered, Refused> {
        let Some(hint) = Hint::new(text) else {
            return Ok(Answered::Field(messages::HINT_FIELD, "Please write what AutoFix should know."));
        };
        let store = &self.interactions.store;
        for _ in 0..ROUNDS {
            let now = self.interactions.clock.now();
            let told = |sentence: &str| Ok(Answered::Told(sentence.to_owned()));
            let Some(before) = self.attempt(old).await? else { return told(UNKNOWN) };
            let Some(incident) = store.incident(old).await.map_err(unavailable)? else {
                return told("What Sentry reported is no longer kept, so it cannot be analysed again.");
            };
            let id = AttemptId::new(now);
            let mut after = before.attempt.clone();
            let retried = Retried { into: id, by: Some(person.id.clone()), at: now };
            if let Err(refusal) = after.apply(Event::TriedAgain { retried }, now) {
                return Ok(Answered::Told(sentence(&refusal, &person.id)));
            }
            let attempt = another(
                &before.attempt,
                id,
                Retry { of: old, by: person.id.clone(), hint: hint.clone() },
                now,
            );
            let new = NewTry {
                before: &before,
                after: &after,
                attempt: &attempt,
                incident: &incident,
                max_per_hour: self.interactions.config.max_attempts_per_hour,
            };
            match store.try_again(new, now).await.map_err(unavailable)? {
                Tried::Started => {
                    info!(attempt.id = %id, user = person.id, "Attempt {id} tries {old} again with a hint");
                    return told("A new analysis has started. It gets a card of its own.");
                }
                Tried::Busy(other) => {
                    return Ok(Answered::Told(format!(
                        "Attempt `{other}` is at work on this error already. Nothing was started."
                    )));
                }
                Tried::HourFull => {
                    return told(
                        "The limit of attempts an hour is reached (`AUTOFIX_MAX_ATTEMPTS_PER_HOUR`). Nothing was started; please try again later.",
                    );
                }
                Tried::Changed => {}
            }
        }
        Err(Refused::unavailable())
    }
}

/// The new attempt: about the same error, with what the person said. The answer of the old one holds for it no longer than
/// for an error that came back.
fn another(old: &Attempt, id: AttemptId, retry: Retry, now: jiff::Timestamp) -> Attempt {
    let mut attempt = Attempt::pending(id, old.subject.clone(), old.target.clone(), now);
    attempt.note(now, format!("Started by {} with a hint, after attempt {}", retry.by, retry.of));
    attempt.occasion = Occasion::CameBack;
    attempt.retry = Some(retry);
    attempt
}
