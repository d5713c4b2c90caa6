//! Messages: cards in a channel, details in their threads, and words for one person alone.

use serde_json::{Value, json};

use super::{MessageRef, Slack};
use crate::journal::Service;
use crate::messages::Card;
use crate::outbound::{ErrorKind, ServiceError};

/// The event type of the metadata by which a message is recognised after a crash.
const METADATA_TYPE: &str = "autofix_card";
/// Messages looked through for one that may have been posted before a crash.
const HISTORY: u32 = 100;
/// Pages of a thread looked through; people may talk in it.
const THREAD_PAGES: usize = 3;

impl Slack {
    /// Posts a card; `key` is found again by [`Slack::find`].
    pub async fn post(&self, channel: &str, card: &Card, key: &str) -> Result<MessageRef, ServiceError> {
        let mut body = card.to_json();
        body["channel"] = json!(channel);
        body["unfurl_links"] = json!(false);
        body["unfurl_media"] = json!(false);
        body["metadata"] = metadata(key);
        let answer = self.api_call("chat.postMessage", body).await?;
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        match (text("channel"), text("ts")) {
            (Some(channel), Some(ts)) => Ok(MessageRef { channel, ts }),
            _ => Err(ServiceError::new(
                Service::Slack,
                ErrorKind::Malformed,
                "chat.postMessage without `channel` and `ts`".to_owned(),
            )),
        }
    }

    /// Replaces a card's content.
    pub async fn update(&self, message: &MessageRef, card: &Card, key: &str) -> Result<(), ServiceError> {
        let mut body = card.to_json();
        body["channel"] = json!(message.channel);
        body["ts"] = json!(message.ts);
        body["metadata"] = metadata(key);
        self.api_call("chat.update", body).await.map(|_| ())
    }

    /// The card with this key among the channel's last messages. Needs a history scope; without it `None`.
    pub async fn find(&self, channel: &str, key: &str) -> Result<Option<MessageRef>, ServiceError> {
        let body = json!({ "channel": channel, "limit": HISTORY, "include_all_metadata": true });
        let answer = self.read_messages("conversations.history", body).await?;
        Ok(ours(&answer, key).map(|ts| MessageRef { channel: channel.to_owned(), ts }))
    }

    /// Posts into the thread of a message; `key` is found again by [`Slack::has_reply`].
    pub async fn reply(&self, thread: &MessageRef, card: &Card, key: &str) -> Result<(), ServiceError> {
        let mut body = card.to_json();
        body["channel"] = json!(thread.channel);
        body["thread_ts"] = json!(thread.ts);
        body["unfurl_links"] = json!(false);
        body["unfurl_media"] = json!(false);
        body["metadata"] = metadata(key);
        self.api_call("chat.postMessage", body).await.map(|_| ())
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
        self.api_call("chat.postEphemeral", body).await.map(|_| ())
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

fn metadata(key: &str) -> Value {
    json!({ "event_type": METADATA_TYPE, "event_payload": { "key": key } })
}

/// The `ts` of the message with this key.
fn ours(answer: &Value, key: &str) -> Option<String> {
    let ours = answer["messages"].as_array()?.iter().find(|message| {
        message["metadata"]["event_type"] == METADATA_TYPE
            && message["metadata"]["event_payload"]["key"] == key
    });
    ours?["ts"].as_str().map(str::to_owned)
}
