//! `POST {prefix}/webhooks/sentry`: verifies Sentry's signature on the raw bytes, reads the payload,
//! and starts an attempt in one transaction. Sentry gives it one try and one second, so it calls
//! nothing but the table; everything that takes time is the worker's.

use std::sync::Arc;

use autofix::attempt::{Attempt, AttemptId, Subject};
use autofix::clock::Clock;
use autofix::config::{Flag, IntakeConfig, names};
use autofix::door::{RawBody, Refused};
use autofix::redaction::redact_incident;
use autofix::secrets::{Secret, Secrets};
use autofix::sentry::webhook::{self, Report, Trigger, Webhook};
use autofix::signature;
use autofix::store::{Admission, NewAttempt, Occasion, Saved, Store, StoreError};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::post;
use serde_json::json;
use tracing::{error, info};

/// How often it is looked again for who has an issue, where claims come and go while Sentry's agent takes over.
const STAND_DOWN_ROUNDS: usize = 8;

/// What the door needs.
pub struct Intake {
    pub config: IntakeConfig,
    pub secrets: Secrets,
    pub store: Store,
    pub clock: Clock,
}

/// The door's routes.
pub fn routes(intake: Intake) -> Router {
    let path = format!("{}/webhooks/sentry", intake.config.common.prefix);
    Router::new().route(&path, post(receive)).with_state(Arc::new(intake))
}

async fn receive(
    State(intake): State<Arc<Intake>>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<Response, Refused> {
    intake.check_signature(&headers, &body).await?;
    let resource = headers.get("sentry-hook-resource").and_then(|value| value.to_str().ok());
    let resource =
        resource.ok_or_else(|| Refused::bad_request("The header `Sentry-Hook-Resource` is missing"))?;
    match webhook::read(resource, &body).map_err(|error| Refused::bad_request(error.to_string()))? {
        Webhook::Report(report) => intake.start(report).await,
        Webhook::SentryAgentOpenedPullRequest { issue_id, .. } => intake.stand_down(&issue_id).await,
        Webhook::Ignored { why } => Ok(received(StatusCode::OK, None, &why)),
    }
}

impl Intake {
    async fn check_signature(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), Refused> {
        let header = headers.get("sentry-hook-signature").map(|value| value.as_bytes());
        let signed = |secret: Option<&Secret>| match (secret, self.config.allow_unsigned) {
            (Some(secret), _) => signature::check_sentry(secret, header, body)
                .map_err(|_| Refused::unauthorized("The signature is missing or does not match")),
            (None, Flag::On) => Ok(()),
            (None, Flag::Off) => {
                Err(Refused::unauthorized("`SENTRY_WEBHOOK_SECRET` is not set, so no webhook can be trusted"))
            }
        };
        self.secrets.check(names::SENTRY_WEBHOOK_SECRET, signed).await.map_err(|error| {
            error!(error = %error, "Cannot check a webhook's signature");
            Refused::unavailable()
        })?
    }

    async fn start(&self, report: Report) -> Result<Response, Refused> {
        let now = self.clock.now();
        let Some(target) = self.config.projects.target(&report.incident.project) else {
            info!("Ignored an error of a project that no setting names");
            return Ok(received(
                StatusCode::OK,
                None,
                "Ignored: no repository is configured for this project",
            ));
        };
        // What is not kept cannot leak: nobody needs the secrets that an event brings along.
        let incident = redact_incident(&report.incident);
        let attempt = Attempt::pending(AttemptId::new(now), Subject::of(&incident), target, now);
        let new = NewAttempt {
            attempt: &attempt,
            incident: &incident,
            occasion: match report.trigger {
                Trigger::New => Occasion::Reported,
                Trigger::Regression => Occasion::CameBack,
            },
            max_per_hour: self.config.max_attempts_per_hour,
        };
        let admission = self.store.admit(new, now).await.map_err(refused)?;
        Ok(match admission {
            Admission::Started(id) => {
                info!(attempt.id = %id, issue = incident.issue_id, "Started attempt {id}");
                received(StatusCode::ACCEPTED, Some(id), "Processing started")
            }
            Admission::Duplicate(id) => {
                received(StatusCode::OK, Some(id), "This issue is already being handled")
            }
            Admission::TurnedAway(id) => {
                info!(attempt.id = %id, "Turned attempt {id} away: the hour is full");
                received(StatusCode::OK, Some(id), "Recorded; the hourly limit is reached")
            }
            Admission::LeftToSentry => {
                received(StatusCode::OK, None, "Ignored: Sentry's agent has this issue")
            }
        })
    }

    /// Sentry's own agent opened a pull request: an attempt that has none yet ends.
    async fn stand_down(&self, issue: &str) -> Result<Response, Refused> {
        let message = "Standing down: Sentry's agent opened a pull request";
        for _ in 0..STAND_DOWN_ROUNDS {
            let now = self.clock.now();
            // Where no live attempt has the issue, a word in its claim is enough.
            if self.store.stand_down(issue, now).await.map_err(refused)? == Saved::Yes {
                return Ok(received(StatusCode::OK, None, message));
            }
            let claim = self.store.claim(issue).await.map_err(refused)?;
            let Some(id) = claim.and_then(|claim| claim.attempt) else { continue };
            return Ok(match self.store.ask_to_stand_down(id, now).await.map_err(refused)? {
                Saved::Yes => received(StatusCode::OK, Some(id), message),
                // It ended in between, and the claim is to be written now; or it will end with a pull request.
                Saved::Conflict
                    if self.store.stand_down(issue, now).await.map_err(refused)? == Saved::Yes =>
                {
                    received(StatusCode::OK, None, message)
                }
                Saved::Conflict => {
                    info!(attempt.id = %id, "Sentry's agent opened a pull request too");
                    received(StatusCode::OK, Some(id), "This attempt is past standing down")
                }
            });
        }
        Err(Refused::unavailable())
    }
}

fn received(status: StatusCode, id: Option<AttemptId>, message: &str) -> Response {
    (status, Json(json!({ "received": true, "fix_attempt_id": id, "message": message }))).into_response()
}

fn refused(error: StoreError) -> Refused {
    error!(error = %error, "Cannot accept a webhook");
    Refused::unavailable()
}
