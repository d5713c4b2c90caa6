//! Dialogs: opened by a click, answered when they are sent.
//!
//! A dismissal never depends on its dialog: without a bot token, or when Slack does not open it, the
//! click alone dismisses. A dialog that opened late all the same only adds its reason.

use std::time::Duration;

use autofix::attempt::{AttemptId, Dismissal};
use autofix::endpoint::Refused;
use autofix::messages::{self, ButtonValue, Dialog};
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tracing::warn;

use crate::Endpoint;
use crate::decide::{UNKNOWN, Wish, Wishing};
use crate::form::{Click, Said, Submission};

/// The click's `trigger_id` lives for three seconds, some of which are gone.
const OPEN_TIMEOUT: Duration = Duration::from_millis(1_300);

/// What a person who sent a dialog sees.
pub(crate) enum Answered {
    /// The dialog closes: the card says the rest.
    Done,
    /// A sentence in place of the dialog.
    Told(String),
    /// A sentence below a field; the dialog stays.
    Field(&'static str, &'static str),
}

impl IntoResponse for Answered {
    fn into_response(self) -> Response {
        let body = match self {
            Answered::Done => return StatusCode::OK.into_response(),
            Answered::Told(sentence) => {
                json!({ "response_action": "update", "view": messages::told_dialog(&sentence).to_json() })
            }
            Answered::Field(field, sentence) => {
                json!({ "response_action": "errors", "errors": { field: sentence } })
            }
        };
        Json(body).into_response()
    }
}

impl Endpoint {
    /// Asks for the reason of a dismissal; where that is not possible, dismisses without one.
    pub(crate) async fn dismiss(
        &self,
        fix: &ButtonValue,
        click: &Click,
        wishing: &Wishing<'_>,
    ) -> Result<Option<String>, Refused> {
        if let Some(sentence) = self.objection(fix, wishing).await? {
            return Ok(Some(sentence));
        }
        if self.open(click, &messages::dismissal_dialog(fix)).await {
            return Ok(None); // what is sent with it decides
        }
        self.decide(fix, wishing).await
    }

    /// Opens the dialog that asks for a hint; the sentence says why not.
    pub(crate) async fn ask_for_hint(
        &self,
        attempt: AttemptId,
        click: &Click,
    ) -> Result<Option<String>, Refused> {
        let Some(before) = self.attempt(attempt).await? else { return Ok(Some(UNKNOWN.to_owned())) };
        if !before.attempt.can_be_tried_again() {
            return Ok(Some("This attempt cannot be tried again, or was already.".to_owned()));
        }
        if self.open(click, &messages::hint_dialog(attempt)).await {
            return Ok(None);
        }
        Ok(Some("Slack did not open the dialog. Please press the button again.".to_owned()))
    }

    /// Whether the dialog was opened, as far as Slack said so in time.
    async fn open(&self, click: &Click, dialog: &Dialog) -> bool {
        let Some(trigger) = click.trigger_id.as_deref() else { return false };
        if !self.has_bot_token().await {
            return false;
        }
        let opening = Box::pin(self.interactions.slack.open_dialog(trigger, dialog));
        match tokio::time::timeout(OPEN_TIMEOUT, opening).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                warn!(error = %error, "Slack did not open a dialog");
                false
            }
            Err(_) => {
                warn!("Slack took too long to open a dialog");
                false
            }
        }
    }

    /// Does what a dialog asks for.
    pub(crate) async fn submitted(&self, submission: &Submission) -> Result<Answered, Refused> {
        if let Err(refusal) = self.may_decide(&submission.person).await {
            return Ok(Answered::Told(refusal));
        }
        match &submission.said {
            Said::Dismissal { reason: None, .. } => {
                Ok(Answered::Field(messages::REASON_FIELD, "Please choose a reason."))
            }
            Said::Dismissal { fix, reason: Some(reason), words } => {
                let wish = Wish::Dismiss(Some(Dismissal::new(*reason, words)));
                let wishing = Wishing { person: &submission.person, wish, response_url: None };
                Ok(match self.decide(fix, &wishing).await? {
                    None => Answered::Done,
                    Some(sentence) => Answered::Told(sentence),
                })
            }
            Said::Hint { attempt, text } => self.try_again(*attempt, text, &submission.person).await,
        }
    }
}
