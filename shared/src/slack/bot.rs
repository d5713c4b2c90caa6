//! Whether Slack would take a card, found out without posting one.

use serde::Deserialize;
use serde_json::json;

use super::answer::WireStatus;
use super::channel::WireMessages;
use super::{Slack, ok_of, posted};
use crate::outbound::{Answer, Auth, ServiceError};
use crate::service::Service;

/// Who the bot token speaks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Bot {
    /// The workspace's id, such as `T0123456789`, and its name.
    pub team_id: String,
    pub team: String,
    /// The organisation's id in an Enterprise Grid, such as `E0123456789`.
    pub enterprise_id: Option<String>,
    /// What the token may do (`chat:write`, …), from the header `x-oauth-scopes`; `None` where Slack does not say.
    #[serde(skip)]
    pub scopes: Option<Vec<String>>,
}

/// A channel that the bot can look into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Open,
    /// Nothing can be posted any more.
    Archived,
    /// The granted history scope is not the one for this kind of channel.
    ScopeMissing,
}

impl Slack {
    /// Who the bot token speaks for.
    pub async fn bot(&self) -> Result<Bot, ServiceError> {
        let call = self.call(self.address("auth.test"), json!({}), Auth::Bearer(self.bot_token.clone()));
        let read = |answer: &Answer| {
            let bot: Bot = ok_of("auth.test", answer)?;
            let scopes = answer.header("x-oauth-scopes").map(|scopes| {
                scopes.split(',').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
            });
            Ok(Bot { scopes, ..bot })
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
        let method = "conversations.history";
        let body = json!({ "channel": channel, "limit": 1 });
        let call = self.call(self.address(method), body, Auth::Bearer(self.bot_token.clone()));
        let read = |answer: &Answer| {
            let error = answer.read::<WireStatus>().ok().and_then(|status| status.error);
            if error.as_deref() == Some("missing_scope") {
                return Ok(Channel::ScopeMissing);
            }
            let read: WireMessages = ok_of(method, answer)?;
            Ok(match read.messages.first().and_then(|message| message.subtype.as_deref()) {
                Some("channel_archive" | "group_archive") => Channel::Archived,
                _ => Channel::Open,
            })
        };
        self.outbound.ask(&call, read).await
    }

    /// Whether the incoming webhook is there: it is sent a message without a text, which Slack refuses (`no_text`)
    /// after it has found the webhook and its channel.
    pub async fn knock_at_webhook(&self) -> Result<(), ServiceError> {
        let call = self.call(self.webhook_address().await?, json!({}), Auth::SecretPath);
        let read = |answer: &Answer| match answer.status.as_u16() {
            400 if answer.body.trim_ascii() == b"no_text" => Ok(()),
            _ => Err(posted(answer).err().unwrap_or_else(|| {
                ServiceError::malformed(Service::Slack, "it took a message without a text")
            })),
        };
        self.outbound.ask(&call, read).await
    }
}
