//! What arrives at AutoFix's endpoints from outside: Sentry's webhooks, Slack's clicks.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use autofix::attempt::AttemptId;
use serde_json::Value;
use tokio::task::JoinSet;

use super::{PREFIX, Story};
use crate::sample_event::SampleEvent;
use crate::sandbox::sentry::{Hook, SignedWebhook};
use crate::sandbox::slack::SignedForm;
use crate::scenario::Scenario;

impl Story {
    /// Sentry reports the error: as often as the scenario says, all at once.
    pub(super) async fn report(&self, scenario: Scenario) -> anyhow::Result<AttemptId> {
        let event = scenario.event(self.clock.now());
        self.sandbox.sentry.throw(&event);
        let mut deliveries = JoinSet::new();
        for _ in 0..scenario.deliveries() {
            let webhook = match scenario {
                Scenario::Fix => sample_webhook()?,
                Scenario::Security | Scenario::Storm | Scenario::Regression => {
                    self.sandbox.sentry.webhook(&event, Hook::EventAlertTriggered)
                }
            };
            let url = format!("{}{PREFIX}/webhooks/sentry", self.address);
            deliveries.spawn(async move { post_webhook(&url, webhook).await });
        }
        let mut ids = BTreeSet::new();
        let (mut accepted, mut duplicates) = (0, 0);
        while let Some(answer) = deliveries.join_next().await {
            let (status, body) = answer??;
            match status {
                202 => accepted += 1,
                200 => duplicates += 1,
                other => bail!("the endpoint answered {other}: {body}"),
            }
            ids.extend(body["fix_attempt_id"].as_str().map(str::to_owned));
        }
        self.step(&format!(
            "Sentry's signed webhook: {accepted} accepted, {duplicates} recognised as duplicates"
        ));
        let id = ids.pop_first().context("the endpoint named no attempt")?;
        if accepted != 1 || !ids.is_empty() {
            bail!("one error became more than one attempt");
        }
        Ok(AttemptId::parse(&id)?)
    }

    /// Posts what Slack would post to the endpoint.
    pub(super) async fn interact(&self, form: SignedForm) -> anyhow::Result<()> {
        let url = format!("{}{PREFIX}/slack/interact", self.address);
        let answer = reqwest::Client::new()
            .post(url)
            .header("content-type", form.content_type)
            .header("x-slack-request-timestamp", &form.timestamp)
            .header("x-slack-signature", &form.signature)
            .body(form.body)
            .send()
            .await?;
        if !answer.status().is_success() {
            bail!("the endpoint answered the click with {}", answer.status());
        }
        Ok(())
    }
}

/// The sample event of the repository, as Sentry would send it.
fn sample_webhook() -> anyhow::Result<SignedWebhook> {
    let event = SampleEvent::parse(include_str!("../../../events/sentry-event-alert.json"))?;
    Ok(SignedWebhook { headers: event.headers(), body: event.body().to_vec() })
}

pub(super) async fn post_webhook(url: &str, webhook: SignedWebhook) -> anyhow::Result<(u16, Value)> {
    let mut request = reqwest::Client::new().post(url).body(webhook.body);
    for (name, value) in webhook.headers {
        request = request.header(name, value);
    }
    let answer = request.send().await.context("post the webhook")?;
    let status = answer.status().as_u16();
    Ok((status, serde_json::from_str(&answer.text().await?).unwrap_or_default()))
}
