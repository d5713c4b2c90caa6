//! Messages: cards in a channel, details in their threads, and words for one person alone; dialogs, and who belongs to a
//! group.

use serde_json::{Value, json};

use super::{MessageRef, Slack};
use crate::messages::{Card, Dialog};
use crate::outbound::{ErrorKind, ServiceError};
use crate::service::Service;

/// The event type of the metadata by which a message is recognised after a crash.
const METADATA_TYPE: &str = "autofix_card";
/// Messages looked through for one that may have been posted before a crash.
const HISTORY: u32 = 100;
/// Pages of a thread looked through; people may talk in it.
const THREAD_PAGES: usize = 3;

impl Slack {
    /// Posts a card; `key` is found again by [`Slack::find`].
    pub async fn post(&self, channel: &str, card: &Card, key: &str) -> Result<MessageRef, ServiceError> {
        let answer = self.send(card, key, json!({ "channel": channel })).await?;
        serde_json::from_value(answer).map_err(|error| ServiceError::malformed(Service::Slack, error))
    }

    /// Replaces a card's content.
    pub async fn update(&self, message: &MessageRef, card: &Card, key: &str) -> Result<(), ServiceError> {
        let body = body(card, key, json!({ "channel": message.channel, "ts": message.ts }));
        self.api_call("chat.update", body).await.map(drop)
    }

    /// The card with this key among the channel's last messages. Needs a history scope; without it `None`.
    pub async fn find(&self, channel: &str, key: &str) -> Result<Option<MessageRef>, ServiceError> {
        let body = json!({ "channel": channel, "limit": HISTORY, "include_all_metadata": true });
        let answer = self.read_messages("conversations.history", body).await?;
        Ok(ours(&answer, key).map(|ts| MessageRef { channel: channel.to_owned(), ts }))
    }

    /// Posts into the thread of a message; `key` is found again by [`Slack::has_reply`].
    pub async fn reply(&self, thread: &MessageRef, card: &Card, key: &str) -> Result<(), ServiceError> {
        self.send(card, key, json!({ "channel": thread.channel, "thread_ts": thread.ts })).await.map(drop)
    }

    /// Posts a card `to` a channel, or into a thread of it.
    async fn send(&self, card: &Card, key: &str, mut to: Value) -> Result<Value, ServiceError> {
        to["unfurl_links"] = json!(false);
        to["unfurl_media"] = json!(false);
        self.api_call("chat.postMessage", body(card, key, to)).await
    }

    /// Whether the thread has a reply with this key among its first ones. Needs a history scope; without it no.
    pub async fn has_reply(&self, thread: &MessageRef, key: &str) -> Result<bool, ServiceError> {
        let mut body = json!({
            "channel": thread.channel, "ts": thread.ts, "limit": HISTORY, "include_all_metadata": true,
        });
        for _ in 0..THREAD_PAGES {
            let answer = self.read_messages("conversations.replies", body.clone()).await?;
            if ours(&answer, key).is_some() {
                return Ok(true);
            }
            match answer["response_metadata"]["next_cursor"].as_str().filter(|cursor| !cursor.is_empty()) {
                Some(cursor) => body["cursor"] = json!(cursor),
                None => break,
            }
        }
        Ok(false)
    }

    /// Shows a sentence to one person in a channel, where the person's click left no address to answer to.
    pub async fn whisper(&self, channel: &str, user: &str, sentence: &str) -> Result<(), ServiceError> {
        let body = json!({ "channel": channel, "user": user, "text": sentence });
        self.api_call("chat.postEphemeral", body).await.map(drop)
    }

    /// Opens a dialog for whoever made the click that `trigger_id` is of. Slack lets it be used once, within three
    /// seconds of the click.
    pub async fn open_dialog(&self, trigger_id: &str, dialog: &Dialog) -> Result<(), ServiceError> {
        let body = json!({ "trigger_id": trigger_id, "view": dialog.to_json() });
        self.api_call("views.open", body).await.map(drop)
    }

    /// Ids of the people in a user group. `team` is needed where the app is installed for a whole organisation.
    /// Needs `usergroups:read`.
    pub async fn group_members(&self, group: &str, team: Option<&str>) -> Result<Vec<String>, ServiceError> {
        let mut body = json!({ "usergroup": group });
        if let Some(team) = team {
            body["team_id"] = json!(team);
        }
        let mut answer = self.api_call("usergroups.users.list", body).await?;
        serde_json::from_value(answer["users"].take())
            .map_err(|error| ServiceError::malformed(Service::Slack, error))
    }

    /// A list of messages; an empty answer where the token may not read the channel.
    async fn read_messages(&self, method: &str, body: Value) -> Result<Value, ServiceError> {
        match self.api_call(method, body).await {
            Err(
                error @ ServiceError {
                    kind: ErrorKind::Unauthorized | ErrorKind::NotFound | ErrorKind::Refused { .. },
                    ..
                },
            ) => {
                tracing::warn!(error = %error, "Cannot look for a message that was posted before a crash");
                Ok(Value::Null)
            }
            answer => answer,
        }
    }
}

/// A card with where it goes, and the key by which it is found again.
fn body(card: &Card, key: &str, place: Value) -> Value {
    let mut body = card.to_json();
    body["metadata"] = json!({ "event_type": METADATA_TYPE, "event_payload": { "key": key } });
    if let (Value::Object(body), Value::Object(place)) = (&mut body, place) {
        body.extend(place);
    }
    body
}

/// The `ts` of the message with this key.
fn ours(answer: &Value, key: &str) -> Option<String> {
    let ours = answer["messages"].as_array()?.iter().find(|message| {
        message["metadata"]["event_type"] == METADATA_TYPE
            && message["metadata"]["event_payload"]["key"] == key
    });
    ours?["ts"].as_str().map(str::to_owned)
}
