//! `POST {prefix}/slack/interact`: what a person does on a card becomes a decision in one conditional
//! write. What it leads to is the worker's. Whoever may not decide, or comes too late, is told so alone.
//!
//! * `form` reads Slack's form, `approvers` knows who may decide, `decide` writes;
//! * `dialogs` opens dialogs and answers what is sent with them, `retry` starts another try.

mod approvers;
mod decide;
mod dialogs;
pub mod form;
mod retry;

use std::sync::Arc;
use std::time::Duration;

use autofix::clock::Clock;
use autofix::config::{InteractionsConfig, names};
use autofix::endpoint::{RawBody, Refused};
use autofix::secrets::{Secret, Secrets};
use autofix::signature::{self, SlackHeaders};
use autofix::slack::{Connection, Slack, is_slack_host};
use autofix::store::Store;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::json;
use tracing::{error, warn};

use approvers::{Asking, Groups};
use decide::{Wish, Wishing};
use form::{Asks, Click, Form, Person};

/// Slack waits three seconds for the answer to a click; the courtesy must not use them up.
const COURTESY_TIMEOUT: Duration = Duration::from_millis(1_500);

/// What the endpoint needs.
pub struct Interactions {
    pub config: InteractionsConfig,
    pub secrets: Secrets,
    pub store: Store,
    pub slack: Slack,
    pub clock: Clock,
}

struct Endpoint {
    interactions: Interactions,
    groups: Groups,
}

/// The endpoint's routes.
pub fn routes(interactions: Interactions) -> Router {
    let path = format!("{}/slack/interact", interactions.config.common.prefix);
    let endpoint = Endpoint { interactions, groups: Groups::default() };
    Router::new().route(&path, post(receive)).with_state(Arc::new(endpoint))
}

async fn receive(
    State(endpoint): State<Arc<Endpoint>>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<Response, Refused> {
    if form::is_certificate_check(&body) {
        return Ok(StatusCode::OK.into_response());
    }
    endpoint.check_signature(&headers, &body).await?;
    match form::read(&body).map_err(|error| Refused::bad_request(error.to_string()))? {
        Form::Click(click) => {
            if let Some(sentence) = endpoint.clicked(&click).await? {
                endpoint.tell_the_clicker(&click, &sentence).await;
            }
        }
        Form::Submission(submission) => return Ok(endpoint.submitted(&submission).await?.into_response()),
        Form::NothingToDo => {} // a link button, another app's block
    }
    Ok(StatusCode::OK.into_response())
}

impl Endpoint {
    async fn check_signature(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), Refused> {
        let header = |name: &str| headers.get(name).map(|value| value.as_bytes());
        let slack = SlackHeaders {
            timestamp: header("x-slack-request-timestamp"),
            signature: header("x-slack-signature"),
        };
        let signed = |secret: Option<&Secret>| match secret {
            Some(secret) => signature::check_slack(secret, slack, body, self.interactions.clock.now())
                .map_err(|_| Refused::unauthorized("The signature is missing, old, or does not match")),
            None => Err(Refused::unauthorized(
                "`AUTOFIX_SLACK_SIGNING_SECRET` is not set, so no click can be trusted",
            )),
        };
        self.interactions.secrets.check(names::SLACK_SIGNING_SECRET, signed).await.map_err(|error| {
            error!(error = %error, "Cannot check a click's signature");
            Refused::unavailable()
        })?
    }

    /// Does what a click asks for; the sentence, where there is one, is for the clicker alone.
    async fn clicked(&self, click: &Click) -> Result<Option<String>, Refused> {
        if let Err(refusal) = self.may_decide(&click.person).await {
            return Ok(Some(refusal));
        }
        let response_url = self.response_url(click).map(String::from);
        let wishing = |wish| Wishing { person: &click.person, wish, response_url: response_url.clone() };
        match &click.asks {
            Asks::Deploy(fix) => self.decide(fix, &wishing(Wish::Deploy)).await,
            Asks::Dismiss(fix) => self.dismiss(fix, click, &wishing(Wish::Dismiss(None))).await,
            Asks::RollBack(fix) => self.decide(fix, &wishing(Wish::RollBack)).await,
            Asks::TryAgain(attempt) => self.ask_for_hint(*attempt, click).await,
        }
    }

    /// `Err` is the sentence for a person who may not decide.
    async fn may_decide(&self, person: &Person) -> Result<(), String> {
        let Interactions { config, slack, clock, .. } = &self.interactions;
        self.groups.may_decide(person, Asking { config, slack, clock }).await
    }

    /// Whether the card can be changed, and dialogs opened, with a bot token.
    async fn has_bot_token(&self) -> bool {
        matches!(self.interactions.slack.connection().await, Ok(Connection::Bot))
    }

    /// Says something to the clicker alone. Slack ignores what stands in the answer to a click, so it goes to
    /// the click's `response_url`; it is a courtesy, and a failure changes nothing.
    async fn tell_the_clicker(&self, click: &Click, sentence: &str) {
        let slack = &self.interactions.slack;
        let told = async {
            match (self.response_url(click), &click.card) {
                (Some(url), _) => {
                    let body =
                        json!({ "response_type": "ephemeral", "replace_original": false, "text": sentence });
                    slack.respond(&url, body).await
                }
                (None, Some(card)) if self.has_bot_token().await => {
                    slack.whisper(&card.channel, &click.person.id, sentence).await
                }
                (None, _) => Ok(()), // no way to reach them
            }
        };
        match tokio::time::timeout(COURTESY_TIMEOUT, told).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(error = %error, "Could not answer a click"),
            Err(_) => warn!("Slack took too long to take the answer to a click"),
        }
    }

    /// Only an address on Slack's own host is used.
    fn response_url(&self, click: &Click) -> Option<url::Url> {
        let url = url::Url::parse(click.response_url.as_deref()?).ok()?;
        if is_slack_host(&url, &self.interactions.config.slack_api_url) {
            Some(url)
        } else {
            warn!("Ignored a `response_url` that is not on Slack's host");
            None
        }
    }
}

fn unavailable(error: autofix::store::StoreError) -> Refused {
    error!(error = %error, "Cannot record a decision");
    Refused::unavailable()
}
