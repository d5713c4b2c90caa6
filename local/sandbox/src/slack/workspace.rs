//! What the fake remembers: two channels with their messages, what only one person was shown, open
//! dialogs, groups, and the addresses at which a pressed button may be answered.

use std::collections::{BTreeMap, BTreeSet};

use autofix::clock::Clock;
use serde_json::{Value, json};

use super::dialogs::{OpenView, Trigger};
use super::markup::unescaped;
use super::{
    APP_ID, APPROVER_ID, BOT_ID, BOT_USER_ID, CHANNEL_ID, CHANNEL_NAME, OTHER_CHANNEL_ID, OTHER_CHANNEL_NAME,
    TEAM_ID, block_kit,
};

/// Characters of a message's top-level text that Slack takes at most.
const TEXT: usize = 40_000;

/// How a message came into the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    BotToken,
    IncomingWebhook,
    /// Slack itself, when somebody archived the channel.
    Archiving,
}

/// A message as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The channel's id.
    pub channel: String,
    /// Seconds and microseconds since 1970, as text; unique in the workspace, and growing.
    pub ts: String,
    /// The first message of the thread that this one is in.
    pub thread_ts: Option<String>,
    pub text: String,
    pub blocks: Vec<Value>,
    pub metadata: Option<Value>,
    /// How often it was changed since it was posted.
    pub edits: u32,
    pub origin: Origin,
}

/// What only one person was shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Ephemeral {
    pub channel: String,
    pub user: String,
    pub text: String,
    pub blocks: Vec<Value>,
}

impl Ephemeral {
    pub(super) fn new(channel: &str, user: String, content: Content) -> Ephemeral {
        let (text, blocks) = (content.text.unwrap_or_default(), content.blocks.unwrap_or_default());
        Ephemeral { channel: channel.to_owned(), user, text, blocks }
    }
}

impl Message {
    /// The button with this `action_id`, and the id of the block that it is in.
    pub(super) fn find_button(&self, action_id: &str) -> Option<(&Value, &Value)> {
        self.blocks.iter().find_map(|block| {
            let elements = block["elements"].as_array().into_iter().flatten().chain([&block["accessory"]]);
            let mut buttons = elements.into_iter().filter(|element| element["type"] == "button");
            Some((&block["block_id"], buttons.find(|button| button["action_id"] == action_id)?))
        })
    }

    /// The name of its channel, without `#`.
    pub fn channel_name(&self) -> &'static str {
        if self.channel == CHANNEL_ID { CHANNEL_NAME } else { OTHER_CHANNEL_NAME }
    }

    /// What is written on the button with this `action_id`.
    pub fn button_label(&self, action_id: &str) -> Option<String> {
        let (_, button) = self.find_button(action_id)?;
        Some(unescaped(button["text"]["text"].as_str().unwrap_or_default()))
    }
}

/// Why Slack turns a request down: its error code, and sentences about the blocks.
#[derive(Debug, PartialEq)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) details: Vec<String>,
}

impl From<&'static str> for Refusal {
    fn from(code: &'static str) -> Refusal {
        Refusal { code, details: Vec::new() }
    }
}

/// What somebody wants a message to say, checked.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// `None`: not mentioned, so an update leaves it as it is.
    pub(super) text: Option<String>,
    pub(super) blocks: Option<Vec<Value>>,
    pub(super) metadata: Option<Value>,
}

impl Content {
    /// The same, if Slack would take it.
    pub(super) fn checked(self) -> Result<Content, Refusal> {
        if self.text.as_ref().is_some_and(|text| text.chars().count() > TEXT) {
            return Err("msg_too_long".into());
        }
        if let Some(blocks) = &self.blocks {
            let details = block_kit::problems(blocks);
            if !details.is_empty() {
                return Err(Refusal { code: "invalid_blocks", details });
            }
            if block_kit::characters(blocks) > block_kit::CHARACTERS_IN_ALL {
                return Err("msg_blocks_too_long".into());
            }
        }
        let is_whole = |data: &Value| data["event_type"].is_string() && data["event_payload"].is_object();
        if self.metadata.as_ref().is_some_and(|metadata| !is_whole(metadata)) {
            return Err("invalid_metadata_format".into());
        }
        Ok(self)
    }

    /// Whether there is nothing that a person could see.
    pub(super) fn is_empty(&self) -> bool {
        self.text.as_deref().unwrap_or_default().is_empty()
            && self.blocks.as_deref().unwrap_or_default().is_empty()
    }
}

/// An address at which a pressed button may be answered.
#[derive(Clone)]
pub(super) struct ResponseUrl {
    pub(super) secret: String,
    pub(super) channel: String,
    pub(super) message_ts: String,
    pub(super) user: String,
    pub(super) made_at: i64,
    pub(super) uses: u32,
}

#[derive(Clone)]
pub(super) struct Workspace {
    pub(super) clock: Clock,
    pub(super) messages: Vec<Message>,
    pub(super) ephemerals: Vec<Ephemeral>,
    pub(super) response_urls: Vec<ResponseUrl>,
    /// Archived channels, and the message there that says so.
    pub(super) archived: BTreeMap<String, Message>,
    pub(super) triggers: Vec<Trigger>,
    pub(super) views: Vec<OpenView>,
    pub(super) views_opened: u64,
    /// Members of the user groups.
    pub(super) groups: BTreeMap<String, Vec<String>>,
    /// Channels that the bot is not in. Incoming webhooks post there all the same.
    pub(super) left: BTreeSet<String>,
    /// What the bot token may do.
    pub(super) scopes: BTreeSet<&'static str>,
    last_ts: i64,
    names_given: u64,
}

impl Workspace {
    pub(super) fn new(clock: Clock) -> Workspace {
        Workspace {
            clock,
            messages: Vec::new(),
            ephemerals: Vec::new(),
            response_urls: Vec::new(),
            archived: BTreeMap::new(),
            triggers: Vec::new(),
            views: Vec::new(),
            views_opened: 0,
            groups: BTreeMap::new(),
            scopes: BTreeSet::from(["chat:write", "channels:history", "usergroups:read"]),
            left: BTreeSet::new(),
            last_ts: 0,
            names_given: 0,
        }
    }

    /// The id of a channel that may be posted to, given its id or its name.
    pub(super) fn open_channel(&self, wanted: &str) -> Result<&'static str, Refusal> {
        let name = wanted.trim_start_matches('#');
        let known = [(CHANNEL_ID, CHANNEL_NAME), (OTHER_CHANNEL_ID, OTHER_CHANNEL_NAME)];
        let (id, _) = known.into_iter().find(|c| c.0 == wanted || c.1 == name).ok_or("channel_not_found")?;
        if self.archived.contains_key(id) { Err("is_archived".into()) } else { Ok(id) }
    }

    /// As [`Workspace::open_channel`], for the bot, which has to be in it.
    pub(super) fn joined_channel(&self, wanted: &str) -> Result<&'static str, Refusal> {
        let id = self.open_channel(wanted)?;
        if self.left.contains(id) { Err("not_in_channel".into()) } else { Ok(id) }
    }

    /// From now on nothing can be posted to the channel, and its last message says so.
    pub(super) fn archive(&mut self, channel: &str) {
        let message = Message {
            channel: channel.to_owned(),
            ts: self.next_ts(),
            thread_ts: None,
            text: format!("<@{APPROVER_ID}> archived the channel"),
            blocks: Vec::new(),
            metadata: None,
            edits: 0,
            origin: Origin::Archiving,
        };
        self.archived.insert(channel.to_owned(), message);
    }

    /// A new message, which gets the next `ts`.
    pub(super) fn post(
        &mut self,
        channel: &str,
        content: Content,
        thread_ts: Option<String>,
        origin: Origin,
    ) -> Message {
        let message = Message {
            channel: channel.to_owned(),
            ts: self.next_ts(),
            thread_ts,
            text: content.text.unwrap_or_default(),
            blocks: self.named(content.blocks.unwrap_or_default()),
            metadata: content.metadata,
            edits: 0,
            origin,
        };
        self.messages.push(message.clone());
        message
    }

    /// Real time stamps have microseconds; two messages in one of them must still differ.
    pub(super) fn next_ts(&mut self) -> String {
        self.last_ts = self.clock.now().as_microsecond().max(self.last_ts + 1);
        format!("{}.{:06}", self.last_ts / 1_000_000, self.last_ts % 1_000_000)
    }

    /// Changes what is mentioned and leaves the rest as it was. `None`: there is no such message.
    pub(super) fn change(&mut self, channel: &str, ts: &str, content: Content) -> Option<Message> {
        let blocks = content.blocks.map(|blocks| self.named(blocks));
        let message = self.messages.iter_mut().find(|m| m.channel == channel && m.ts == ts)?;
        if let Some(text) = content.text {
            message.text = text;
        }
        if let Some(blocks) = blocks {
            message.blocks = blocks;
        }
        message.metadata = content.metadata.or(message.metadata.take());
        message.edits += 1;
        Some(message.clone())
    }

    /// Slack names the blocks that come without a `block_id`.
    fn named(&mut self, mut blocks: Vec<Value>) -> Vec<Value> {
        for block in &mut blocks {
            if block["block_id"].is_null() {
                self.names_given += 1;
                block["block_id"] = json!(format!("block{}", self.names_given));
            }
        }
        blocks
    }
}

/// The message as the Web API and a pressed button show it.
pub(super) fn message_json(message: &Message) -> Value {
    let mut shown = json!({
        "type": "message", "user": BOT_USER_ID, "ts": message.ts, "bot_id": BOT_ID, "app_id": APP_ID,
        "text": message.text, "team": TEAM_ID, "blocks": message.blocks,
        "bot_profile": {
            "id": BOT_ID, "app_id": APP_ID, "name": "autofix", "deleted": false, "updated": 1_790_000_000,
            "icons": {}, "team_id": TEAM_ID,
        },
    });
    if let Some(thread) = &message.thread_ts {
        shown["thread_ts"] = json!(thread);
    }
    if message.edits > 0 {
        shown["edited"] = json!({"user": BOT_ID, "ts": message.ts});
    }
    shown
}
