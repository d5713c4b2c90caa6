//! `POST {prefix}/slack/interact`: a click on a card becomes a decision in one conditional write.
//! The merge itself is the worker's. Whoever may not decide, or comes too late, is told so alone.

mod click;

use std::sync::Arc;
use std::time::Duration;

use autofix::attempt::{Decision, Event, Refusal};
use autofix::clock::Clock;
use autofix::config::{InteractionsConfig, names};
use autofix::door::{RawBody, Refused};
use autofix::messages::{DEPLOY, DISMISS};
use autofix::secrets::{Secret, Secrets};
use autofix::signature::{self, SlackHeaders};
use autofix::slack::{Slack, is_slack_host};
use autofix::store::{Saved, Store};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::json;
use tracing::{error, info, warn};

use click::{Click, Form};

/// How often a decision that lost a race against the worker is made again.
const DECISION_ROUNDS: usize = 8;
/// Slack waits three seconds for the answer to a click; the courtesy must not use them up.
const COURTESY_TIMEOUT: Duration = Duration::from_millis(1_500);

/// What the door needs.
pub struct Interactions {
    pub config: InteractionsConfig,
    pub secrets: Secrets,
    pub store: Store,
    pub slack: Slack,
    pub clock: Clock,
}

/// The door's routes.
pub fn routes(interactions: Interactions) -> Router {
    let path = format!("{}/slack/interact", interactions.config.common.prefix);
    Router::new().route(&path, post(receive)).with_state(Arc::new(interactions))
}

async fn receive(
    State(interactions): State<Arc<Interactions>>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<Response, Refused> {
    if click::is_certificate_check(&body) {
        return Ok(StatusCode::OK.into_response());
    }
    interactions.check_signature(&headers, &body).await?;
    let click = match click::read(&body).map_err(|error| Refused::bad_request(error.to_string()))? {
        Form::Click(click) => click,
        Form::NothingToDo => return Ok(StatusCode::OK.into_response()), // a link button, another app's block
    };
    if let Some(sentence) = interactions.decide(&click).await? {
        interactions.tell_the_clicker(&click, &sentence).await;
    }
    Ok(StatusCode::OK.into_response())
}

impl Interactions {
    async fn check_signature(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), Refused> {
        let header = |name: &str| headers.get(name).map(|value| value.as_bytes());
        let slack = SlackHeaders {
            timestamp: header("x-slack-request-timestamp"),
            signature: header("x-slack-signature"),
        };
        let signed = |secret: Option<&Secret>| match secret {
            Some(secret) => signature::check_slack(secret, slack, body, self.clock.now())
                .map_err(|_| Refused::unauthorized("The signature is missing, old, or does not match")),
            None => Err(Refused::unauthorized(
                "`AUTOFIX_SLACK_SIGNING_SECRET` is not set, so no click can be trusted",
            )),
        };
        self.secrets.check(names::SLACK_SIGNING_SECRET, signed).await.map_err(|error| {
            error!(error = %error, "Cannot check a click's signature");
            Refused::unavailable()
        })?
    }

    /// Records a decision; the sentence, where there is one, is for the clicker alone.
    async fn decide(&self, click: &Click) -> Result<Option<String>, Refused> {
        if let Some(refusal) = self.may_not_decide(click) {
            return Ok(Some(refusal));
        }
        for _ in 0..DECISION_ROUNDS {
            let now = self.clock.now();
            let id = click.button.attempt;
            let Some(before) = self.store.attempt(id).await.map_err(unavailable)? else {
                return Ok(Some("This attempt is not known any more.".to_owned()));
            };
            let shown = &click.button.head_sha;
            if before.attempt.state.pull_request().is_some_and(|current| current.head_sha != *shown) {
                return Ok(Some(
                    "This card is not up to date: the pull request has another commit by now.".to_owned(),
                ));
            }
            let decision = Decision {
                by: click.user.clone(),
                at: now,
                response_url: self.response_url(click).map(String::from),
            };
            let event = match click.action_id.as_str() {
                DEPLOY => Event::Approved { decision, needed: 1 },
                DISMISS => Event::Dismissed { decision, dismissal: None },
                _ => return Ok(None), // a button of another app or of a card that is gone
            };
            let mut after = before.attempt.clone();
            if let Err(refusal) = after.apply(event, now) {
                return Ok(already(&refusal, &click.user));
            }
            if self.store.save_decision(&before, &after, now).await.map_err(unavailable)? == Saved::Yes {
                info!(attempt.id = %id, user = click.user, "Recorded `{}` for attempt {id}", after.status());
                return Ok(None);
            }
        }
        Err(Refused::unavailable())
    }

    fn may_not_decide(&self, click: &Click) -> Option<String> {
        let other_team = self.config.team_id.as_ref().is_some_and(|team| *team != click.team);
        let approvers = &self.config.approvers;
        let not_approver = !approvers.is_empty() && !approvers.contains(&click.user);
        if other_team || not_approver {
            warn!(user = click.user, team = click.team, "Refused a click of someone who may not decide");
        }
        if other_team {
            return Some("AutoFix takes decisions from its own workspace only.".to_owned());
        }
        not_approver.then(|| "You are not on the list of people who may decide about fixes. Ask one of them, or have `AUTOFIX_SLACK_APPROVERS` changed.".to_owned())
    }

    /// Says something to the clicker alone. Slack ignores what stands in the answer to a click, so it goes to
    /// the click's `response_url`; it is a courtesy, and a failure changes nothing.
    async fn tell_the_clicker(&self, click: &Click, sentence: &str) {
        let Some(url) = self.response_url(click) else { return };
        let body = json!({ "response_type": "ephemeral", "replace_original": false, "text": sentence });
        match tokio::time::timeout(COURTESY_TIMEOUT, self.slack.respond(&url, body)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(error = %error, "Could not answer a click"),
            Err(_) => warn!("Slack took too long to take the answer to a click"),
        }
    }

    /// Only an address on Slack's own host is used.
    fn response_url(&self, click: &Click) -> Option<url::Url> {
        let url = url::Url::parse(click.response_url.as_deref()?).ok()?;
        if is_slack_host(&url, &self.config.slack_api_url) {
            Some(url)
        } else {
            warn!("Ignored a `response_url` that is not on Slack's host");
            None
        }
    }
}

/// A second click of the same person on the same button needs no answer: it has what it asked for.
fn already(refusal: &Refusal, user: &str) -> Option<String> {
    match refusal {
        Refusal::AlreadyApproved { by } | Refusal::AlreadyDismissed { by } if by == user => {
            Some("Your decision is already recorded.".to_owned())
        }
        other => Some(other.to_string()),
    }
}

fn unavailable(error: autofix::store::StoreError) -> Refused {
    error!(error = %error, "Cannot record a decision");
    Refused::unavailable()
}
