//! Slack: posting and updating cards, by bot token or by incoming webhook.
//!
//! The Web API answers HTTP 200 with `ok: false` when it refuses; an incoming webhook answers plain
//! text and tells neither channel nor `ts`, so a card posted by it cannot be updated later.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use url::Url;

use crate::config::names;
use crate::journal::Service;
use crate::messages::Card;
use crate::outbound::{Answer, Auth, Call, Effect, Outbound, ServiceError};
use crate::secrets::{Credential, Secrets, SecretsUnavailable};

/// Slack answers within seconds or not at all.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The event type of the metadata by which a card is recognised after a crash.
const METADATA_TYPE: &str = "autofix_card";
/// Messages looked through for a card that may have been posted before a crash.
const HISTORY: u32 = 100;

/// Where a message stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRef {
    pub channel: String,
    pub ts: String,
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
pub enum Way {
    Bot,
    Webhook,
    Nowhere,
}

impl Slack {
    pub fn new(outbound: Outbound, api: Url, secrets: &Secrets) -> Slack {
        let bot_token = Credential::new(secrets, names::SLACK_BOT_TOKEN);
        let webhook_url = Credential::new(secrets, names::SLACK_WEBHOOK_URL);
        Slack { outbound, api, bot_token, webhook_url }
    }

    /// A bot token is better than an incoming webhook where both are set.
    pub async fn way(&self) -> Result<Way, ServiceError> {
        if self.bot_token.get().await.map_err(unavailable)?.is_some() {
            return Ok(Way::Bot);
        }
        Ok(match self.webhook_url.get().await.map_err(unavailable)? {
            Some(_) => Way::Webhook,
            None => Way::Nowhere,
        })
    }

    /// Posts a card; `key` is found again by [`Slack::find`].
    pub async fn post(&self, channel: &str, card: &Card, key: &str) -> Result<MessageRef, ServiceError> {
        let mut body = card.to_json();
        body["channel"] = json!(channel);
        body["unfurl_links"] = json!(false);
        body["unfurl_media"] = json!(false);
        body["metadata"] = json!({ "event_type": METADATA_TYPE, "event_payload": { "key": key } });
        let answer = self.api_call("chat.postMessage", body).await?;
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        match (text("channel"), text("ts")) {
            (Some(channel), Some(ts)) => Ok(MessageRef { channel, ts }),
            _ => Err(ServiceError::Malformed("chat.postMessage without `channel` and `ts`".to_owned())),
        }
    }

    /// Replaces a card's content.
    pub async fn update(&self, message: &MessageRef, card: &Card, key: &str) -> Result<(), ServiceError> {
        let mut body = card.to_json();
        body["channel"] = json!(message.channel);
        body["ts"] = json!(message.ts);
        body["metadata"] = json!({ "event_type": METADATA_TYPE, "event_payload": { "key": key } });
        self.api_call("chat.update", body).await.map(|_| ())
    }

    /// The card with this key among the channel's last messages. Needs a history scope; without it `None`.
    pub async fn find(&self, channel: &str, key: &str) -> Result<Option<MessageRef>, ServiceError> {
        let body = json!({ "channel": channel, "limit": HISTORY, "include_all_metadata": true });
        let answer = match self.api_call("conversations.history", body).await {
            Ok(answer) => answer,
            Err(
                error @ (ServiceError::Unauthorized(_)
                | ServiceError::NotFound(_)
                | ServiceError::Refused { .. }),
            ) => {
                tracing::warn!(error = %error, "Cannot look for a card that was posted before a crash");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let messages = answer["messages"].as_array();
        let ours = messages.into_iter().flatten().find(|message| {
            message["metadata"]["event_type"] == METADATA_TYPE
                && message["metadata"]["event_payload"]["key"] == key
        });
        let ts = ours.and_then(|message| message["ts"].as_str());
        Ok(ts.map(|ts| MessageRef { channel: channel.to_owned(), ts: ts.to_owned() }))
    }

    /// Posts a card through the incoming webhook. An address that Slack does not take is read anew, once.
    pub async fn post_by_webhook(&self, card: &Card) -> Result<(), ServiceError> {
        let used = self.webhook_address().await?;
        let posted = self.post_to(used.clone(), card.to_json()).await;
        if !matches!(posted, Err(ServiceError::NotFound(_) | ServiceError::Unauthorized(_))) {
            return posted;
        }
        self.webhook_url.renew().await.map_err(unavailable)?;
        let newer = self.webhook_address().await?;
        if newer == used { posted } else { self.post_to(newer, card.to_json()).await }
    }

    async fn webhook_address(&self) -> Result<Url, ServiceError> {
        let secret = self.webhook_url.get().await.map_err(unavailable)?;
        let url = secret.and_then(|secret| Url::parse(secret.expose()).ok());
        url.ok_or_else(|| ServiceError::Unauthorized("the incoming webhook's address is not one".to_owned()))
    }

    /// Posts to a `response_url`, which Slack's own host must own.
    pub async fn respond(&self, response_url: &Url, body: Value) -> Result<(), ServiceError> {
        if !is_slack_host(response_url, &self.api) {
            return Err(ServiceError::Refused {
                status: 0,
                message: "a response_url that is not Slack's".to_owned(),
            });
        }
        self.post_to(response_url.clone(), body).await
    }

    async fn post_to(&self, url: Url, body: Value) -> Result<(), ServiceError> {
        self.outbound.ask(&self.call(url, body, Auth::SecretPath), posted).await
    }

    async fn api_call(&self, method: &str, body: Value) -> Result<Value, ServiceError> {
        let mut url = self.api.clone();
        url.set_path(&format!("{}/{method}", self.api.path().trim_end_matches('/')));
        let call = self.call(url, body, Auth::Bearer(self.bot_token.clone()));
        self.outbound.ask(&call, |answer| ok_of(method, answer)).await
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

fn unavailable(error: SecretsUnavailable) -> ServiceError {
    ServiceError::Unavailable { message: error.to_string(), retry_after: None }
}

/// An incoming webhook and a `response_url` answer with an HTTP status and a code as plain text.
fn posted(answer: &Answer) -> Result<(), ServiceError> {
    let text: String = String::from_utf8_lossy(&answer.body).chars().take(100).collect();
    Err(match answer.status.as_u16() {
        200..=299 => return Ok(()),
        429 => ServiceError::RateLimited { message: text, retry_after: answer.retry_after() },
        500.. => ServiceError::Unavailable { message: text, retry_after: answer.retry_after() },
        403 => ServiceError::Unauthorized(text),
        404 => ServiceError::NotFound(text),
        status => ServiceError::Refused { status, message: text },
    })
}

/// By the meaning of Slack's error codes.
fn ok_of(method: &str, answer: &Answer) -> Result<Value, ServiceError> {
    let status = answer.status.as_u16();
    if status == 429 {
        return Err(ServiceError::RateLimited {
            message: method.to_owned(),
            retry_after: answer.retry_after(),
        });
    }
    if status >= 500 {
        return Err(ServiceError::Unavailable {
            message: format!("{method} answered {status}"),
            retry_after: answer.retry_after(),
        });
    }
    let body = answer.json();
    if body["ok"] == true {
        return Ok(body);
    }
    let code: String = body["error"].as_str().unwrap_or("no error code").chars().take(60).collect();
    let detail = body["response_metadata"]["messages"][0].as_str().unwrap_or_default();
    let detail: String = detail.chars().take(200).collect();
    let message = format!("{method}: {code} {detail}").trim_end().to_owned();
    Err(match code.as_str() {
        "ratelimited" | "rate_limited" => {
            ServiceError::RateLimited { message, retry_after: answer.retry_after() }
        }
        "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" => {
            ServiceError::Unavailable { message, retry_after: None }
        }
        "invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive" => {
            ServiceError::CredentialRefused(message)
        }
        "missing_scope" | "not_in_channel" | "restricted_action" => ServiceError::Unauthorized(message),
        "channel_not_found" | "message_not_found" => ServiceError::NotFound(message),
        _ => ServiceError::Refused { status, message },
    })
}

#[cfg(test)]
mod tests;
