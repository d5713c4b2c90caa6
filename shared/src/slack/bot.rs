//! Whether Slack would take a card, found out without posting one.

use serde_json::json;

use super::{Slack, ok_of};
use crate::journal::Service;
use crate::outbound::{Answer, Auth, ErrorKind, ServiceError};

/// Who the bot token speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bot {
    /// The workspace's id, such as `T0123456789`, and its name.
    pub team_id: String,
    pub team: String,
    /// The organisation's id in an Enterprise Grid, such as `E0123456789`.
    pub enterprise_id: Option<String>,
    /// What the token may do (`chat:write`, …), from the header `x-oauth-scopes`; `None` where Slack does not say.
    pub scopes: Option<Vec<String>>,
}

/// A channel that the bot can look into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Open,
    /// Nothing can be posted any more.
    Archived,
}

impl Slack {
    /// Who the bot token speaks for.
    pub async fn bot(&self) -> Result<Bot, ServiceError> {
        let call = self.call(self.address("auth.test"), json!({}), Auth::Bearer(self.bot_token.clone()));
        let read = |answer: &Answer| {
            let body = ok_of("auth.test", answer)?;
            let text = |name: &str| body[name].as_str().map(str::to_owned).unwrap_or_default();
            let scopes = answer.header("x-oauth-scopes").map(|scopes| {
                scopes.split(',').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
            });
            let enterprise_id = body["enterprise_id"].as_str().map(str::to_owned);
            Ok(Bot { team_id: text("team_id"), team: text("team"), enterprise_id, scopes })
        };
        self.outbound.ask(&call, read).await
    }

    /// Whether the bot is in a channel, by reading its newest message. Needs a history scope. An archived channel can
    /// still be read; that it was archived is its last message (docs.slack.dev, message subtypes `channel_archive` and
    /// `group_archive`).
    ///
    /// # Errors
    /// `Unauthorized` where the bot is not in it, `NotFound` where there is none of this id that it may see.
    pub async fn look_into(&self, channel: &str) -> Result<Channel, ServiceError> {
        let body = json!({ "channel": channel, "limit": 1 });
        let history = self.api_call("conversations.history", body).await?;
        let newest = history["messages"][0]["subtype"].as_str();
        Ok(match newest {
            Some("channel_archive" | "group_archive") => Channel::Archived,
            _ => Channel::Open,
        })
    }

    /// Whether the incoming webhook is there: it is sent a message without a text, which Slack refuses (`no_text`)
    /// after it has found the webhook and its channel.
    pub async fn knock_at_webhook(&self) -> Result<(), ServiceError> {
        match self.post_to(self.webhook_address().await?, json!({})).await {
            Err(ServiceError { kind: ErrorKind::Refused { status: 400 }, message, .. })
                if message.contains("no_text") =>
            {
                Ok(())
            }
            Err(error) => Err(error),
            Ok(()) => Err(ServiceError::new(
                Service::Slack,
                ErrorKind::Malformed,
                "it took a message without a text".to_owned(),
            )),
        }
    }
}
