//! Slack's fake: a workspace with two channels that keeps what is posted and judges it like Slack.
//!
//! It speaks the Web API, the incoming webhook and the `response_url`, opens dialogs, holds cards to the limits of
//! Block Kit, and presses buttons: the signed form that Slack would send to the app is handed to the
//! caller, who sends it. What Slack accepts and this does not know is refused, never ignored.

mod block_kit;
mod dialogs;
pub mod markup;
mod rendering;
mod web_api;
mod webhooks;
mod workspace;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::Context;
use autofix::clock::Clock;
use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::WayBack;
use crate::service::{Service, lock, way_back};
pub use dialogs::OpenView;
pub use markup::user_name;
pub use rendering::rendered;
pub use workspace::{Ephemeral, Message, Origin};
use workspace::{ResponseUrl, Workspace, message_json};

pub const BOT_TOKEN: &str = "xoxb-sandbox-bot-token";
pub const SIGNING_SECRET: &str = "sandbox-slack-signing-secret";
pub const TEAM_ID: &str = "T0SANDBOX";
/// The channel that the incoming webhook posts to.
pub const CHANNEL_ID: &str = "C0ALERTS";
pub const CHANNEL_NAME: &str = "alerts";
pub const OTHER_CHANNEL_ID: &str = "C0PAYMENTS";
pub const OTHER_CHANNEL_NAME: &str = "payments";
pub const APPROVER_ID: &str = "U0APPROVER";
pub const SECOND_APPROVER_ID: &str = "U0APPROVER2";
/// Somebody in the channel who is on no list of approvers.
pub const BYSTANDER_ID: &str = "U0BYSTANDER";
/// Ids and names of everybody in the workspace.
pub const USERS: [(&str, &str); 3] =
    [(APPROVER_ID, "ann"), (SECOND_APPROVER_ID, "ben"), (BYSTANDER_ID, "cleo")];

/// A user group for approvers; a test gives it its members.
pub const GROUP_ID: &str = "S0ONCALL";

const BOT_USER_ID: &str = "U0AUTOFIX";
const BOT_ID: &str = "B0AUTOFIX";
const APP_ID: &str = "A0AUTOFIX";
const WEBHOOK_PATH: &str = "/services/T0SANDBOX/B0AUTOFIX/sandboxWebhookSecret";

type Shared = Arc<Mutex<Workspace>>;

/// A running fake. Clones are handles to the same one.
#[derive(Clone)]
pub struct Slack {
    service: Service,
    workspace: Shared,
}

/// The form that Slack posts to the app's interactivity URL.
#[derive(Clone, Debug)]
pub struct SignedForm {
    pub content_type: &'static str,
    /// `X-Slack-Request-Timestamp`: epoch seconds.
    pub timestamp: String,
    /// `X-Slack-Signature`.
    pub signature: String,
    pub body: String,
}

impl SignedForm {
    /// The form field `payload` with this content, signed for `now` (epoch seconds).
    pub fn sign(payload: &Value, now: i64) -> SignedForm {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        SignedForm::sign_body(form.append_pair("payload", &payload.to_string()).finish(), now)
    }

    /// Any body, signed for `now`: forms that Slack would never send.
    pub fn sign_body(body: String, now: i64) -> SignedForm {
        let timestamp = now.to_string();
        let signature = signature(SIGNING_SECRET, &timestamp, &body);
        SignedForm { content_type: "application/x-www-form-urlencoded", timestamp, signature, body }
    }

    /// The delivery to an address.
    pub fn posted_to<B: From<String>>(&self, address: &str) -> Request<B> {
        let request = Request::post(address)
            .header(CONTENT_TYPE, self.content_type)
            .header("x-slack-request-timestamp", &self.timestamp)
            .header("x-slack-signature", &self.signature);
        request.body(self.body.clone().into()).expect("Slack's headers and addresses are plain")
    }
}

impl Slack {
    /// Starts a fake whose time stamps and expiries follow `clock`.
    pub(super) async fn start_at(address: SocketAddr, clock: Clock) -> anyhow::Result<Slack> {
        let workspace: Shared = Arc::new(Mutex::new(Workspace::new(clock)));
        let router = web_api::routes(Arc::clone(&workspace)).merge(webhooks::routes(Arc::clone(&workspace)));
        let service = Service::start_at(router, address).await.context("start the sandbox's Slack")?;
        Ok(Slack { service, workspace })
    }

    pub fn service(&self) -> &Service {
        &self.service
    }

    /// For `SLACK_API_URL`.
    pub fn url(&self) -> String {
        format!("{}/api", self.service.url())
    }

    /// The incoming webhook, which posts to [`CHANNEL_ID`].
    pub fn webhook_url(&self) -> String {
        format!("{}{WEBHOOK_PATH}", self.service.url())
    }

    /// Makes it again what it is now.
    pub(super) fn way_back(&self) -> WayBack {
        way_back(&self.workspace)
    }

    /// What the channels show now, oldest first, replies in threads included.
    pub fn messages(&self) -> Vec<Message> {
        lock(&self.workspace).messages.clone()
    }

    pub fn message(&self, ts: &str) -> Option<Message> {
        lock(&self.workspace).messages.iter().find(|message| message.ts == ts).cloned()
    }

    /// What single people were shown, oldest first.
    pub fn ephemerals(&self) -> Vec<Ephemeral> {
        lock(&self.workspace).ephemerals.clone()
    }

    /// Makes a user group, or changes who belongs to it.
    pub fn set_group(&self, group_id: &str, users: &[&str]) {
        let users = users.iter().map(|user| (*user).to_owned()).collect();
        lock(&self.workspace).groups.insert(group_id.to_owned(), users);
    }

    /// Takes a scope (`usergroups:read`, …) from the bot token.
    pub fn revoke_scope(&self, scope: &str) {
        lock(&self.workspace).scopes.remove(scope);
    }

    /// From now on nothing can be posted to this channel.
    pub fn archive(&self, channel_id: &str) {
        lock(&self.workspace).archive(channel_id);
    }

    /// From now on the bot is not in this channel any more.
    pub fn remove_bot(&self, channel_id: &str) {
        lock(&self.workspace).left.insert(channel_id.to_owned());
    }

    /// The bot is invited into a channel.
    pub fn invite_bot(&self, channel_id: &str) {
        lock(&self.workspace).left.remove(channel_id);
    }

    /// Gives the bot token a scope.
    pub fn grant_scope(&self, scope: &'static str) {
        lock(&self.workspace).scopes.insert(scope);
    }

    /// The message as plain text, as a person sees it.
    pub fn render(&self, message: &Message) -> String {
        rendering::render(message)
    }

    /// The form post of this person pressing this button, signed for `now` (epoch seconds). The message
    /// may be an older copy: people press buttons of cards that have just changed.
    ///
    /// # Errors
    /// When the message has no button with this `action_id`.
    pub fn press(
        &self,
        message: &Message,
        action_id: &str,
        user_id: &str,
        now: i64,
    ) -> anyhow::Result<SignedForm> {
        Ok(SignedForm::sign(&self.press_payload(message, action_id, user_id, now)?, now))
    }

    /// What [`Slack::press`] signs: to be changed by tests of forged and foreign presses.
    ///
    /// # Errors
    /// When the message has no button with this `action_id`.
    pub fn press_payload(
        &self,
        message: &Message,
        action_id: &str,
        user_id: &str,
        now: i64,
    ) -> anyhow::Result<Value> {
        let (block_id, button) = message
            .find_button(action_id)
            .with_context(|| format!("the message {} has no button `{action_id}`", message.ts))?;
        let mut action = json!({
            "type": "button", "action_id": action_id, "block_id": block_id, "text": button["text"],
            "action_ts": format!("{now}.000000"),
        });
        for key in ["value", "style", "url", "confirm"] {
            if !button[key].is_null() {
                action[key] = button[key].clone();
            }
        }
        let mut container = json!({
            "type": "message", "message_ts": message.ts, "channel_id": message.channel, "is_ephemeral": false,
        });
        if let Some(thread) = &message.thread_ts {
            container["thread_ts"] = json!(thread);
        }
        let mut payload = self.payload("block_actions", user_id, now);
        payload["container"] = container;
        payload["channel"] = json!({"id": message.channel, "name": message.channel_name()});
        payload["message"] = message_json(message);
        payload["state"] = json!({"values": {}});
        payload["response_url"] = json!(self.new_response_url(message, user_id));
        payload["actions"] = json!([action]);
        Ok(payload)
    }

    fn new_response_url(&self, message: &Message, user_id: &str) -> String {
        let mut workspace = lock(&self.workspace);
        let number = workspace.response_urls.len() + 1;
        let secret = format!("sandboxResponse{number}");
        let made_at = workspace.clock.now().as_second();
        workspace.response_urls.push(ResponseUrl {
            secret: secret.clone(),
            channel: message.channel.clone(),
            message_ts: message.ts.clone(),
            user: user_id.to_owned(),
            made_at,
            uses: 0,
        });
        format!("{}/actions/{TEAM_ID}/{number}/{secret}", self.service.url())
    }
}

/// Slack's signature of a request (version `v0`).
fn signature(secret: &str, timestamp: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(format!("v0:{timestamp}:{body}").as_bytes());
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests;
