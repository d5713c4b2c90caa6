//! `POST {prefix}/webhooks/sentry`: verifies Sentry's signature on the raw bytes, reads the payload,
//! and starts an attempt in one transaction. Sentry gives it one try and one second, so it calls
//! nothing but the table; everything that takes time is the worker's. The same with a key at the end of the
//! address is for Sentry's legacy WebHooks plugin, which cannot sign.

use std::sync::Arc;

use autofix::attempt::{Attempt, AttemptId};
use autofix::cleaning::one_line;
use autofix::clock::Clock;
use autofix::config::{Bar, Flag, IntakeConfig, names};
use autofix::endpoint::{NotTaken, RawBody, Refused};
use autofix::incident::Incident;
use autofix::redaction::redact_incident;
use autofix::secrets::{Secret, Secrets};
use autofix::sentry::legacy::{self, OldBody};
use autofix::sentry::webhook::{self, Report, Trigger, Webhook};
use autofix::store::{Admission, NewAttempt, Occasion, Saved, Store, StoreError, UnusedWebhook};
use autofix::{sentry, signature};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::post;
use serde_json::json;
use tracing::{error, info, warn};

/// How often it is looked again for who has an issue, where claims come and go while Sentry's agent takes over.
const STAND_DOWN_ROUNDS: usize = 8;
/// Characters kept of the name of a resource.
const MAX_RESOURCE_CHARS: usize = 40;
const NO_SECRET: &str = "`SENTRY_WEBHOOK_SECRET` is not set, so no webhook can be trusted";

/// What the endpoint needs.
pub struct Intake {
    pub config: IntakeConfig,
    pub secrets: Secrets,
    pub store: Store,
    pub clock: Clock,
}

/// The endpoint's routes.
pub fn routes(intake: Intake) -> Router {
    let path = format!("{}/webhooks/sentry", intake.config.common.prefix);
    Router::new()
        .route(&path, post(signed))
        .route(&format!("{path}/{{key}}"), post(keyed))
        .with_state(Arc::new(intake))
}

/// A webhook of an internal integration.
async fn signed(
    State(intake): State<Arc<Intake>>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<Response, Refused> {
    let explained = |refused: Refused| match old_webhook(&headers, &body) {
        Some(sentence) => Refused::new(refused.status, sentence),
        None => refused,
    };
    intake.check_signature(&headers, &body).await.map_err(explained)?;
    if !headers.contains_key("sentry-hook-resource")
        && legacy::recognise(&body) == Some(OldBody::Plugin)
        && intake.takes_unsigned().await
    {
        return intake.take_from_plugin(&body).await;
    }
    let resource = headers.get("sentry-hook-resource").and_then(|value| value.to_str().ok());
    let resource = resource
        .ok_or_else(|| Refused::bad_request("The header `Sentry-Hook-Resource` is missing"))
        .map_err(explained)?;
    let read =
        webhook::read(resource, &body).map_err(|error| explained(Refused::bad_request(error.to_string())));
    intake.take(read, resource, body.len()).await
}

/// A webhook of the legacy WebHooks plugin, which cannot sign: its address is the secret.
async fn keyed(
    State(intake): State<Arc<Intake>>,
    Path(key): Path<String>,
    RawBody(body): RawBody,
) -> Result<Response, Refused> {
    intake.check_key(&key).await?;
    intake.take_from_plugin(&body).await
}

/// What is to be said of a body that is one of Sentry's older webhooks, at the address for signed ones.
fn old_webhook(headers: &HeaderMap, body: &[u8]) -> Option<&'static str> {
    let hook = headers.contains_key("x-servicehook-signature").then_some(OldBody::ServiceHook);
    Some(match hook.or_else(|| legacy::recognise(body))? {
        OldBody::Plugin => {
            "This is a webhook of Sentry's legacy WebHooks plugin, which cannot be signed. Give the plugin the address that \
             `autofix doctor` prints: this one, with a key at its end. Or set up an internal integration"
        }
        OldBody::ServiceHook => {
            "This is a webhook of one of Sentry's service hooks, which AutoFix does not read. Set up an internal \
             integration, or the WebHooks plugin with the address that `autofix doctor` prints"
        }
    })
}

impl Intake {
    async fn check_signature(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), Refused> {
        let header = headers.get("sentry-hook-signature").map(|value| value.as_bytes());
        self.check(|secret| match (secret, self.config.allow_unsigned) {
            (Some(secret), _) => signature::check_sentry(secret, header, body)
                .map_err(|_| Refused::unauthorized("The signature is missing or does not match")),
            (None, Flag::On) => Ok(()),
            (None, Flag::Off) => Err(Refused::unauthorized(NO_SECRET)),
        })
        .await
    }

    /// Whether anyone may send webhooks: then the plugin needs no key in its address either.
    async fn takes_unsigned(&self) -> bool {
        self.config.allow_unsigned.is_on()
            && matches!(self.secrets.get(names::SENTRY_WEBHOOK_SECRET).await, Ok(None))
    }

    async fn take_from_plugin(&self, body: &[u8]) -> Result<Response, Refused> {
        let read = legacy::read(body).map_err(|error| Refused::bad_request(error.to_string()));
        self.take(read, "WebHooks plugin", body.len()).await
    }

    async fn check_key(&self, key: &str) -> Result<(), Refused> {
        let wrong = "The key at the end of the address is wrong. `autofix doctor` prints the address";
        self.check(|secret| {
            let secret = secret.ok_or_else(|| Refused::unauthorized(NO_SECRET))?;
            signature::check_plugin_key(secret, key).map_err(|_| Refused::unauthorized(wrong))
        })
        .await
    }

    async fn check(&self, check: impl Fn(Option<&Secret>) -> Result<(), Refused>) -> Result<(), Refused> {
        self.secrets.check(names::SENTRY_WEBHOOK_SECRET, check).await.map_err(|error| {
            error!(error = %error, "Cannot check who sent a webhook");
            Refused::unavailable()
        })?
    }

    /// Does what a webhook asks for that was proven to be Sentry's. What starts nothing is remembered, for people to see.
    async fn take(
        &self,
        read: Result<Webhook, Refused>,
        resource: &str,
        size: usize,
    ) -> Result<Response, Refused> {
        let done = match read {
            Ok(Webhook::Report(report)) => self.start(report).await,
            Ok(Webhook::SentryAgentOpenedPullRequest { issue_id, .. }) => self.stand_down(&issue_id).await,
            Ok(Webhook::Ignored { why }) => Ok(ignored(&why)),
            Err(refused) => Err(refused),
        };
        let not_taken = match &done {
            Ok(response) => response.extensions().get::<NotTaken>().cloned(),
            Err(refused) if refused.status == StatusCode::SERVICE_UNAVAILABLE => None,
            Err(refused) => Some(NotTaken::Refused { why: refused.detail.clone() }),
        };
        if let Some(NotTaken::Ignored { why } | NotTaken::Refused { why }) = not_taken {
            let resource = one_line(resource, MAX_RESOURCE_CHARS);
            let webhook = UnusedWebhook { resource, why, size: size as u64, at: self.clock.now() };
            // For people to look at only: the answer does not depend on it.
            if let Err(error) = self.store.remember_unused(&webhook).await {
                warn!(error = %error, "Cannot remember a webhook that started nothing");
            }
        }
        done
    }

    async fn start(&self, report: Report) -> Result<Response, Refused> {
        let now = self.clock.now();
        let Some(target) = self.config.projects.target(&report.incident.project) else {
            return Ok(ignored("Ignored: no repository is configured for this project"));
        };
        // What is not kept cannot leak: nobody needs the secrets that an event brings along.
        let incident = redact_incident(&self.placed(report.incident));
        let bar = self.config.bars.of(&incident.project);
        if let Some(why) = bar.refuses(&incident) {
            return Ok(ignored(&format!("Ignored: {why}")));
        }
        if let Some(why) = self.too_rare(bar, &incident, report.times_seen).await.map_err(refused)? {
            return Ok(ignored(&format!("Ignored for now: {why}")));
        }
        let attempt = Attempt::of(&incident, target, now);
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
            Admission::Completed(id) => {
                info!(attempt.id = %id, issue = incident.issue_id, "Gave attempt {id} its stack trace");
                received(StatusCode::ACCEPTED, Some(id), "The attempt has its stack trace now")
            }
            Admission::Duplicate(id) => {
                received(StatusCode::OK, Some(id), "This issue is already being handled")
            }
            Admission::Rests(id) => {
                received(StatusCode::OK, Some(id), "This issue was handled lately; what came of it holds")
            }
            Admission::TurnedAway(id) => {
                info!(attempt.id = %id, "Turned attempt {id} away: the hour is full");
                received(StatusCode::OK, Some(id), "Recorded; the hourly limit is reached")
            }
            Admission::HourFull => ignored("Ignored for now: the hourly limit is reached"),
            Admission::LeftToSentry => ignored("Ignored: Sentry's agent has this issue"),
        })
    }

    /// The incident with what its report leaves out and the settings know: organisation and address.
    fn placed(&self, mut incident: Incident) -> Incident {
        incident.organization = incident.organization.or_else(|| self.config.sentry_org.clone());
        if let (None, Some(organization)) = (&incident.web_url, &incident.organization) {
            incident.web_url =
                Some(sentry::issue_page(&self.config.sentry_url, organization, &incident.issue_id));
        }
        incident
    }

    /// Why an issue has not been seen often enough. `None` if it has an attempt already.
    async fn too_rare(
        &self,
        bar: &Bar,
        incident: &Incident,
        times_seen: Option<u64>,
    ) -> Result<Option<String>, StoreError> {
        if bar.min_events <= 1 || self.store.live_attempt(&incident.issue_id).await?.is_some() {
            return Ok(None);
        }
        let seen = self.store.times_seen(incident, times_seen, bar.min_events, self.clock.now()).await?;
        Ok(bar.wants_more_events(seen))
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

/// The answer to a webhook that starts nothing. `why` starts with "Ignored".
fn ignored(why: &str) -> Response {
    let mut response = received(StatusCode::OK, None, why);
    response.extensions_mut().insert(NotTaken::Ignored { why: why.to_owned() });
    response
}

fn received(status: StatusCode, id: Option<AttemptId>, message: &str) -> Response {
    (status, Json(json!({ "received": true, "fix_attempt_id": id, "message": message }))).into_response()
}

fn refused(error: StoreError) -> Refused {
    error!(error = %error, "Cannot accept a webhook");
    Refused::unavailable()
}
