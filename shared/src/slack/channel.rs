//! Messages: cards in a channel, details in their threads, and words for one person alone; dialogs, and who belongs to a
//! group.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::{MessageRef, Slack};
use crate::messages::{Card, Dialog};
use crate::outbound::{ErrorKind, ServiceError};

/// The event type of the metadata by which a message is recognised after a crash.
const METADATA_TYPE: &str = "autofix_card";
/// Messages looked through for one that may have been posted before a crash.
const HISTORY: u32 = 100;
/// Pages of a thread looked through; people may talk in it.
const THREAD_PAGES: usize = 3;

/// A list of messages.
#[derive(Default, Deserialize)]
pub(super) struct WireMessages {
    #[serde(default)]
    pub(super) messages: Vec<WireMessage>,
    response_metadata: Option<WireNext>,
}

#[derive(Deserialize)]
pub(super) struct WireMessage {
    ts: Option<String>,
    pub(super) subtype: Option<String>,
    metadata: Option<WireMetadata>,
}

/// Of any app's making.
#[derive(Deserialize)]
struct WireMetadata {
    event_type: Option<String>,
    event_payload: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct WireNext {
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct WireGroup {
    users: Vec<String>,
}

impl WireMessages {
    /// The `ts` of the message with this key.
    fn ours(&self, key: &str) -> Option<&String> {
        let has_key = |message: &&WireMessage| {
            message.metadata.as_ref().is_some_and(|metadata| {
                metadata.event_type.as_deref() == Some(METADATA_TYPE)
                    && metadata
                        .event_payload
                        .as_ref()
                        .is_some_and(|payload| payload.get("key") == Some(&json!(key)))
            })
        };
        self.messages.iter().find(has_key)?.ts.as_ref()
    }
}

impl Slack {
    /// Posts a card; `key` is found again by [`Slack::find`].
    pub async fn post(&self, channel: &str, card: &Card, key: &str) -> Result<MessageRef, ServiceError> {
        self.send(card, key, json!({ "channel": channel })).await
    }

    /// Replaces a card's content.
    pub async fn update(&self, message: &MessageRef, card: &Card, key: &str) -> Result<(), ServiceError> {
        let body = body(card, key, json!({ "channel": message.channel, "ts": message.ts }));
        self.api_call::<IgnoredAny>("chat.update", body).await.map(drop)
    }

    /// The card with this key among the channel's last messages. Needs a history scope; without it `None`.
    pub async fn find(&self, channel: &str, key: &str) -> Result<Option<MessageRef>, ServiceError> {
        let body = json!({ "channel": channel, "limit": HISTORY, "include_all_metadata": true });
        let read = self.read_messages("conversations.history", body).await?;
        Ok(read.ours(key).map(|ts| MessageRef { channel: channel.to_owned(), ts: ts.clone() }))
    }

    /// Posts into the thread of a message; `key` is found again by [`Slack::has_reply`].
    pub async fn reply(&self, thread: &MessageRef, card: &Card, key: &str) -> Result<(), ServiceError> {
        self.send(card, key, json!({ "channel": thread.channel, "thread_ts": thread.ts })).await.map(drop)
    }

    /// Posts a card `to` a channel, or into a thread of it.
    async fn send(&self, card: &Card, key: &str, mut to: Value) -> Result<MessageRef, ServiceError> {
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
            let read = self.read_messages("conversations.replies", body.clone()).await?;
            if read.ours(key).is_some() {
                return Ok(true);
            }
            match read.response_metadata.and_then(|next| next.next_cursor).filter(|cursor| !cursor.is_empty())
            {
                Some(cursor) => body["cursor"] = json!(cursor),
                None => break,
            }
        }
        Ok(false)
    }

    /// Shows a sentence to one person in a channel, where the person's click left no address to answer to.
    pub async fn whisper(&self, channel: &str, user: &str, sentence: &str) -> Result<(), ServiceError> {
        let body = json!({ "channel": channel, "user": user, "text": sentence });
        self.api_call::<IgnoredAny>("chat.postEphemeral", body).await.map(drop)
    }

    /// Opens a dialog for whoever made the click that `trigger_id` is of. Slack lets it be used once, within three
    /// seconds of the click.
    pub async fn open_dialog(&self, trigger_id: &str, dialog: &Dialog) -> Result<(), ServiceError> {
        let body = json!({ "trigger_id": trigger_id, "view": dialog.to_json() });
        self.api_call::<IgnoredAny>("views.open", body).await.map(drop)
    }

    /// Ids of the people in a user group. `team` is needed where the app is installed for a whole organisation.
    /// Needs `usergroups:read`.
    pub async fn group_members(&self, group: &str, team: Option<&str>) -> Result<Vec<String>, ServiceError> {
        let mut body = json!({ "usergroup": group });
        if let Some(team) = team {
            body["team_id"] = json!(team);
        }
        Ok(self.api_call::<WireGroup>("usergroups.users.list", body).await?.users)
    }

    /// A list of messages; an empty answer where the token may not read the channel.
    async fn read_messages(&self, method: &str, body: Value) -> Result<WireMessages, ServiceError> {
        match self.api_call(method, body).await {
            Err(
                error @ ServiceError {
                    kind: ErrorKind::Unauthorized | ErrorKind::NotFound | ErrorKind::Refused { .. },
                    ..
                },
            ) => {
                tracing::warn!(error = %error, "Cannot look for a message that was posted before a crash");
                Ok(WireMessages::default())
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
