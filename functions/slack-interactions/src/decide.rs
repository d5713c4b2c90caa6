//! A decision: one conditional write about the attempt as it is now.

use autofix::attempt::{Attempt, AttemptId, Decision, Dismissal, Event, Refusal};
use autofix::endpoint::Refused;
use autofix::messages::ButtonValue;
use autofix::store::{Saved, Versioned};
use tracing::info;

use crate::form::Person;
use crate::{Endpoint, unavailable};

/// How often a decision that lost a race against the worker is made again.
const DECISION_ROUNDS: usize = 8;

/// What a person wants to happen to a fix.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    Deploy,
    Dismiss(Option<Dismissal>),
    RollBack,
}

/// A wish with whose it is.
pub(crate) struct Wishing<'a> {
    pub(crate) person: &'a Person,
    pub(crate) wish: Wish,
    /// Slack's address for changing the clicked card, checked to be Slack's.
    pub(crate) response_url: Option<String>,
}

impl Endpoint {
    /// Records a decision; the sentence, where there is one, is for the person alone.
    pub(crate) async fn decide(
        &self,
        fix: &ButtonValue,
        wishing: &Wishing<'_>,
    ) -> Result<Option<String>, Refused> {
        for _ in 0..DECISION_ROUNDS {
            let (before, after) = match self.decided(fix, wishing).await? {
                Ok(changed) => changed,
                Err(sentence) => return Ok(Some(sentence)),
            };
            let now = self.interactions.clock.now();
            let saved = self.interactions.store.save_decision(&before, &after, now).await;
            if saved.map_err(unavailable)? == Saved::Yes {
                let (id, user) = (fix.attempt, &wishing.person.id);
                info!(attempt.id = %id, user, "Recorded `{}` for attempt {id}", after.status());
                return Ok(None);
            }
        }
        Err(Refused::unavailable())
    }

    /// The sentence that says why it cannot be; nothing is written.
    pub(crate) async fn objection(
        &self,
        fix: &ButtonValue,
        wishing: &Wishing<'_>,
    ) -> Result<Option<String>, Refused> {
        Ok(self.decided(fix, wishing).await?.err())
    }

    /// The attempt as it is and as the wish would make it; `Err` is the sentence that says why not.
    async fn decided(
        &self,
        fix: &ButtonValue,
        wishing: &Wishing<'_>,
    ) -> Result<Result<(Versioned, Attempt), String>, Refused> {
        let Some(before) = self.attempt(fix.attempt).await? else { return Ok(Err(UNKNOWN.to_owned())) };
        let current = before.attempt.state.pull_request();
        if current.is_some_and(|current| current.head_sha != fix.head_sha) {
            let sentence = "This card is not up to date: the pull request has another commit by now.";
            return Ok(Err(sentence.to_owned()));
        }
        let now = self.interactions.clock.now();
        let decision =
            Decision { by: wishing.person.id.clone(), at: now, response_url: wishing.response_url.clone() };
        let event = match wishing.wish.clone() {
            Wish::Deploy => {
                let needed = before.attempt.approvals_needed(self.interactions.config.approvals);
                Event::Approved { decision, needed }
            }
            Wish::Dismiss(dismissal) => Event::Dismissed { decision, dismissal },
            Wish::RollBack => Event::RollBackApproved { decision },
        };
        let mut after = before.attempt.clone();
        Ok(match after.apply(event, now) {
            Ok(()) => Ok((before, after)),
            Err(refusal) => Err(sentence(&refusal, &wishing.person.id)),
        })
    }

    pub(crate) async fn attempt(&self, id: AttemptId) -> Result<Option<Versioned>, Refused> {
        self.interactions.store.attempt(id).await.map_err(unavailable)
    }
}

/// For a click on a card whose attempt is no longer kept.
pub(crate) const UNKNOWN: &str = "This attempt is not known any more.";

/// A second click of the same person on the same button has what it asked for.
pub(crate) fn sentence(refusal: &Refusal, user: &str) -> String {
    match refusal {
        Refusal::AlreadyApproved { by }
        | Refusal::AlreadyDismissed { by }
        | Refusal::AlreadyRollingBack { by }
        | Refusal::AlreadyTriedAgain { by: Some(by) }
            if by == user =>
        {
            "Your decision is already recorded.".to_owned()
        }
        other => other.to_string(),
    }
}
