//! Slack, by bot token or by incoming webhook: cards and their threads, dialogs, groups of people.
//!
//! The Web API answers HTTP 200 with `ok: false` when it refuses; an incoming webhook answers plain
//! text and tells neither channel nor `ts`, so a card posted by it cannot be updated later.

mod answer;
mod bot;
mod channel;

use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use answer::{ok_of, posted};
pub use bot::{Bot, Channel};

use crate::attempt::CardMessage;
use crate::config::names;
use crate::messages::Card;
use crate::outbound::{Auth, Call, Effect, ErrorKind, Outbound, ServiceError, secrets_unavailable};
use crate::secrets::{Credential, Secrets};
use crate::service::Service;

/// Slack answers within seconds or not at all.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Where a message stands.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct MessageRef {
    pub channel: String,
    pub ts: String,
}

impl MessageRef {
    /// Where a message is that can be changed: not one that was posted by incoming webhook.
    pub fn of(message: &CardMessage) -> Option<MessageRef> {
        Some(MessageRef { channel: message.channel.clone()?, ts: message.ts.clone()? })
    }
}

impl From<MessageRef> for CardMessage {
    fn from(place: MessageRef) -> CardMessage {
        CardMessage { channel: Some(place.channel), ts: Some(place.ts) }
    }
}

/// The client. Clones share connections.
#[derive(Clone)]
pub struct Slack {
    outbound: Outbound,
    api: Url,
    bot_token: Credential,
    webhook_url: Credential,
}

/// How this deployment can reach Slack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    Bot,
    Webhook,
    Missing,
}

impl Slack {
    pub fn new(outbound: Outbound, api: Url, secrets: &Secrets) -> Slack {
        let bot_token = Credential::new(secrets, names::SLACK_BOT_TOKEN);
        let webhook_url = Credential::new(secrets, names::SLACK_WEBHOOK_URL);
        Slack { outbound, api, bot_token, webhook_url }
    }

    /// A bot token is better than an incoming webhook where both are set.
    pub async fn connection(&self) -> Result<Connection, ServiceError> {
        if self.bot_token.get().await.map_err(secrets_unavailable(Service::Slack))?.is_some() {
            return Ok(Connection::Bot);
        }
        Ok(match self.webhook_url.get().await.map_err(secrets_unavailable(Service::Slack))? {
            Some(_) => Connection::Webhook,
            None => Connection::Missing,
        })
    }

    /// Posts a card through the incoming webhook. An address that Slack does not take is read anew, once.
    pub async fn post_by_webhook(&self, card: &Card) -> Result<(), ServiceError> {
        let used = self.webhook_address().await?;
        let posted = self.post_to(used.clone(), card.to_json()).await;
        if !matches!(posted, Err(ServiceError { kind: ErrorKind::NotFound | ErrorKind::Unauthorized, .. })) {
            return posted;
        }
        self.webhook_url.renew().await.map_err(secrets_unavailable(Service::Slack))?;
        let newer = self.webhook_address().await?;
        if newer == used { posted } else { self.post_to(newer, card.to_json()).await }
    }

    async fn webhook_address(&self) -> Result<Url, ServiceError> {
        let secret = self.webhook_url.get().await.map_err(secrets_unavailable(Service::Slack))?;
        let url = secret.and_then(|secret| Url::parse(secret.expose()).ok());
        url.ok_or_else(|| {
            let message = "the incoming webhook's address is not one";
            ServiceError::new(Service::Slack, ErrorKind::Unauthorized, message)
        })
    }

    /// Posts to a `response_url`, which Slack's own host must own.
    pub async fn respond(&self, response_url: &Url, body: Value) -> Result<(), ServiceError> {
        if !is_slack_host(response_url, &self.api) {
            let message = "a response_url that is not Slack's";
            return Err(ServiceError::new(Service::Slack, ErrorKind::Refused { status: 0 }, message));
        }
        self.post_to(response_url.clone(), body).await
    }

    async fn post_to(&self, url: Url, body: Value) -> Result<(), ServiceError> {
        self.outbound.ask(&self.call(url, body, Auth::SecretPath), posted).await
    }

    async fn api_call<T: DeserializeOwned>(&self, method: &str, body: Value) -> Result<T, ServiceError> {
        let call = self.call(self.address(method), body, Auth::Bearer(self.bot_token.clone()));
        self.outbound.ask(&call, |answer| ok_of(method, answer)).await
    }

    fn address(&self, method: &str) -> Url {
        let mut url = self.api.clone();
        url.set_path(&format!("{}/{method}", self.api.path().trim_end_matches('/')));
        url
    }

    fn call(&self, url: Url, body: Value, auth: Auth) -> Call {
        Call {
            service: Service::Slack,
            method: Method::POST,
            url,
            headers: Vec::new(),
            body: Some(body),
            auth,
            effect: Effect::Once,
            timeout: TIMEOUT,
        }
    }
}

/// Slack's own host, or the one that `SLACK_API_URL` names.
pub fn is_slack_host(url: &Url, api: &Url) -> bool {
    let slack = url.scheme() == "https" && url.port().is_none() && url.host_str() == Some("hooks.slack.com");
    let configured = url.scheme() == api.scheme()
        && url.host_str() == api.host_str()
        && url.port_or_known_default() == api.port_or_known_default();
    (slack || configured) && url.username().is_empty() && url.password().is_none()
}

#[cfg(test)]
mod tests;
