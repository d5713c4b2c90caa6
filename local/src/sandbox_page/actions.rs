//! What a person can do on the page: make Sentry see an error, let time pass after a merge, press a button of a card, and
//! answer the dialog that comes of it. All end at AutoFix's real endpoints, with what the service would send.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use attempt_queries::page::is_own_form;
use autofix::endpoint::RawBody;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::task::JoinSet;
use tower::ServiceExt;
use tracing::error;

use super::aftermath::Step;
use super::dialogs::FIELD;
use super::{PATH, SandboxPage, refusal};
use crate::sandbox::sentry::{Hook, SandboxEvent, SignedWebhook};
use crate::sandbox::slack::{APPROVER_ID, SignedForm};
use crate::scenario::Scenario;

/// Bytes of an answer of an endpoint.
const ANSWER_BYTES: usize = 64 * 1024;
/// Bytes of a form of this page.
const FORM_BYTES: usize = 8 * 1024;

pub(super) async fn throw(
    State(page): State<Arc<SandboxPage>>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Response {
    match chosen(&headers, &body, "scenario", "There is no such error to throw.") {
        Ok(scenario) => back(None, page.throw(scenario).await),
        Err(refused) => *refused,
    }
}

pub(super) async fn go_on(
    State(page): State<Arc<SandboxPage>>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Response {
    match chosen::<Step>(&headers, &body, "step", "There is nothing like it to happen.") {
        Ok(step) => back(None, page.go_on(step).await),
        Err(refused) => *refused,
    }
}

pub(super) async fn press(
    State(page): State<Arc<SandboxPage>>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Response {
    match own_form(&headers, &body) {
        Ok(form) => back(Some("slack"), page.press(&form.field("ts"), &form.field("action")).await),
        Err(refused) => *refused,
    }
}

pub(super) async fn answer_dialog(
    State(page): State<Arc<SandboxPage>>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Response {
    match own_form(&headers, &body) {
        Ok(form) => back(Some("slack"), page.answer_dialog(&form).await),
        Err(refused) => *refused,
    }
}

impl SandboxPage {
    /// Sentry sees a new event of the scenario's issue and reports it, as often as the scenario says, all at once.
    pub(super) async fn throw(&self, scenario: Scenario) -> anyhow::Result<()> {
        let now = self.clock.now();
        let event = SandboxEvent { event_id: new_event_id(now.as_microsecond()), ..scenario.event(now) };
        self.sandbox.sentry.throw(&event);
        let answers = self.report(&event, Hook::EventAlertTriggered, scenario.deliveries()).await?;
        self.log.add(now, format!("Sentry reported “{}” to AutoFix: {answers}.", event.title()));
        if answers.accepted == 0 && answers.known > 0 {
            let known = "AutoFix has this error in hand already, so there is no second card.";
            self.log.add(now, known.to_owned());
        }
        Ok(())
    }

    /// Sentry tells AutoFix of an event that it has seen, so many times at once.
    pub(crate) async fn report(
        &self,
        event: &SandboxEvent,
        hook: Hook,
        times: usize,
    ) -> anyhow::Result<Answers> {
        let mut deliveries = JoinSet::new();
        for _ in 0..times {
            let request = self.webhook(self.sandbox.sentry.webhook(event, hook))?;
            let endpoints = self.endpoints.clone();
            deliveries.spawn(async move { answer(endpoints.oneshot(request).await?).await });
        }
        let mut answers = Answers::default();
        while let Some(answer) = deliveries.join_next().await {
            let (status, body) = answer.context("an endpoint ended by a panic")??;
            answers.count(status, &body);
        }
        Ok(answers)
    }

    /// A person presses a button. A card that has changed since the page was shown may no longer have it.
    async fn press(&self, ts: &str, action: &str) -> anyhow::Result<()> {
        let now = self.clock.now();
        let pressed = self.sandbox.slack.message(ts).and_then(|card| {
            let label = card.button_label(action)?;
            let form = self.sandbox.slack.press(&card, action, APPROVER_ID, now.as_second()).ok()?;
            Some((label, form))
        });
        let Some((label, form)) = pressed else {
            self.log.add(now, "The card no longer has this button.".to_owned());
            return Ok(());
        };
        let (status, _) = self.interact(form).await?;
        self.log.add(now, format!("You pressed “{label}”: AutoFix answered {}.", status.as_u16()));
        Ok(())
    }

    /// A person sends a dialog, or closes it; then nothing is sent.
    async fn answer_dialog(&self, form: &Form) -> anyhow::Result<()> {
        let (now, slack) = (self.clock.now(), &self.sandbox.slack);
        let id = form.field("view");
        let Some(view) = slack.views().into_iter().find(|view| view.id == id) else {
            self.log.add(now, "This dialog is closed already.".to_owned());
            return Ok(());
        };
        if form.field("do") == "close" {
            slack.view_answered(&view, &Value::Null)?;
            self.log.add(now, "You closed the dialog.".to_owned());
            return Ok(());
        }
        let fields =
            form.0.iter().filter_map(|(name, value)| Some((name.strip_prefix(FIELD)?, value.as_str())));
        let fields: Vec<(&str, &str)> = fields.collect();
        let signed = match slack.submit_view(&view, &fields, now.as_second()) {
            Ok(signed) => signed,
            Err(error) => {
                self.log.add(now, format!("Slack did not send the dialog: {error:#}."));
                return Ok(());
            }
        };
        let (status, body) = self.interact(signed).await?;
        let told = if status.is_success() { slack.view_answered(&view, &body)? } else { None };
        self.log.add(now, format!("You sent the dialog: AutoFix answered {}.", status.as_u16()));
        if let Some(told) = told {
            self.log.add(now, told);
        }
        Ok(())
    }

    fn webhook(&self, webhook: SignedWebhook) -> anyhow::Result<Request<Body>> {
        let mut request = Request::post(format!("{}/webhooks/sentry", self.prefix));
        for (name, value) in &webhook.headers {
            request = request.header(name, value);
        }
        request.body(Body::from(webhook.body)).context("write Sentry's webhook")
    }

    /// Slack posts a click or a dialog to AutoFix.
    pub(crate) async fn interact(&self, form: SignedForm) -> anyhow::Result<(StatusCode, Value)> {
        let request = Request::post(format!("{}/slack/interact", self.prefix))
            .header(header::CONTENT_TYPE, form.content_type)
            .header("x-slack-request-timestamp", form.timestamp)
            .header("x-slack-signature", form.signature)
            .body(Body::from(form.body))
            .context("write Slack's interaction")?;
        answer(self.endpoints.clone().oneshot(request).await?).await
    }
}

/// How often the endpoint gave which answer.
#[derive(Default)]
pub(crate) struct Answers {
    pub(crate) accepted: usize,
    pub(crate) known: usize,
    ignored: usize,
    /// The last answer that was none of these.
    refused: Option<StatusCode>,
    /// The attempts that it named.
    pub(crate) attempts: BTreeSet<String>,
}

impl Answers {
    fn count(&mut self, status: StatusCode, body: &Value) {
        self.attempts.extend(body["fix_attempt_id"].as_str().map(str::to_owned));
        match (status, body["fix_attempt_id"].is_string()) {
            (StatusCode::ACCEPTED, _) => self.accepted += 1,
            (StatusCode::OK, true) => self.known += 1,
            (StatusCode::OK, false) => self.ignored += 1,
            (other, _) => self.refused = Some(other),
        }
    }
}

impl std::fmt::Display for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let counted =
            [(self.accepted, "accepted"), (self.known, "recognised as known"), (self.ignored, "ignored")];
        let mut parts: Vec<String> = counted
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        parts.extend(self.refused.map(|status| format!("answered with {}", status.as_u16())));
        f.write_str(&parts.join(", "))
    }
}

/// 32 hexadecimal digits that no other event of this sandbox has.
pub(super) fn new_event_id(microsecond: i64) -> String {
    static EVENTS: AtomicU64 = AtomicU64::new(1);
    let number = EVENTS.fetch_add(1, Ordering::Relaxed);
    format!("{:016x}{number:016x}", microsecond.unsigned_abs())
}

struct Form(Vec<(String, String)>);

impl Form {
    fn field(&self, wanted: &str) -> String {
        let found = self.0.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }
}

/// A form that was sent by this page. Boxed, since answers are large and rare.
fn own_form(headers: &HeaderMap, body: &[u8]) -> Result<Form, Box<Response>> {
    if !is_own_form(headers) {
        let sentence = "This form was not sent by this page. Open the page itself and try again.";
        return Err(Box::new(refusal(StatusCode::FORBIDDEN, "Not accepted", sentence)));
    }
    if body.len() > FORM_BYTES {
        let sentence = "The form is too large.";
        return Err(Box::new(refusal(StatusCode::PAYLOAD_TOO_LARGE, "Not accepted", sentence)));
    }
    Ok(Form(url::form_urlencoded::parse(body).into_owned().collect()))
}

/// What a form of this page asks for, in its field of this name. `unknown` is the sentence for anything else.
fn chosen<T: FromStr>(
    headers: &HeaderMap,
    body: &[u8],
    field: &str,
    unknown: &str,
) -> Result<T, Box<Response>> {
    let chosen = own_form(headers, body)?.field(field).parse();
    chosen.map_err(|_| Box::new(refusal(StatusCode::BAD_REQUEST, "Not understood", unknown)))
}

/// Back to the page, by a GET, so that reloading it does nothing again; to its beginning where `part` is `None`, since what
/// changes is in the three columns there.
fn back(part: Option<&str>, done: anyhow::Result<()>) -> Response {
    let fragment = part.map_or(String::new(), |part| format!("#{part}"));
    match done {
        Ok(()) => (StatusCode::SEE_OTHER, [(header::LOCATION, format!("{PATH}{fragment}"))]).into_response(),
        Err(error) => {
            error!(error = format!("{error:#}"), "Cannot do what the sandbox's page asks for");
            refusal(StatusCode::INTERNAL_SERVER_ERROR, "Not done", &format!("{error:#}"))
        }
    }
}

async fn answer(answer: Response) -> anyhow::Result<(StatusCode, Value)> {
    let status = answer.status();
    let body = axum::body::to_bytes(answer.into_body(), ANSWER_BYTES).await.context("read the answer")?;
    Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_answers_of_the_endpoint_are_told_as_people_count_them() {
        let known = json!({"fix_attempt_id": "x"});
        let mut answers = Answers::default();
        answers.count(StatusCode::ACCEPTED, &known);
        assert_eq!(answers.to_string(), "1 accepted");
        answers.count(StatusCode::OK, &known);
        answers.count(StatusCode::OK, &known);
        answers.count(StatusCode::OK, &json!({"fix_attempt_id": null}));
        answers.count(StatusCode::SERVICE_UNAVAILABLE, &Value::Null);
        assert_eq!(answers.to_string(), "1 accepted, 2 recognised as known, 1 ignored, answered with 503");
    }

    #[test]
    fn no_two_events_have_the_same_id() {
        let (one, other) = (new_event_id(1_795_000_000_000_000), new_event_id(1_795_000_000_000_000));
        assert_ne!(one, other);
        assert!(one.len() == 32 && one.bytes().all(|byte| byte.is_ascii_hexdigit()), "{one}");
    }
}
