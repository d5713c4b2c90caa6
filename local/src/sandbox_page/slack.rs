//! The sandbox's Slack: the cards of its channels, the newest first, and what only the person at this page is shown.

use attempt_queries::page::{Time, moment};
use jiff::Timestamp;

use super::blocks::Blocks;
use super::dialogs::Dialog;
use super::markup::{Addresses, Mrkdwn, mrkdwn};
use crate::sandbox::slack::{APPROVER_ID, Message, Slack, user_name};

/// What the channels show.
pub(super) struct Channels {
    /// Whom the buttons are pressed as.
    pub(super) you: &'static str,
    pub(super) cards: Vec<Card>,
    /// What asks this person for something, the newest first.
    pub(super) dialogs: Vec<Dialog>,
    /// Shown to this person alone, the newest first.
    pub(super) whispers: Vec<Mrkdwn>,
    /// One sentence about the newest state, for who does not look.
    pub(super) news: String,
}

/// A message that is no reply.
pub(super) struct Card {
    pub(super) ts: String,
    pub(super) channel: &'static str,
    pub(super) time: Time,
    /// How often it was changed.
    pub(super) edits: u32,
    pub(super) blocks: Blocks,
    pub(super) replies: Vec<Reply>,
}

/// A message in the thread of another one.
pub(super) struct Reply {
    pub(super) time: Time,
    pub(super) blocks: Blocks,
}

impl Channels {
    pub(super) fn of(slack: &Slack, addresses: &Addresses) -> Channels {
        let messages = slack.messages();
        let cards = messages.iter().rev().filter(|message| is_card(message));
        let news = match cards.clone().next() {
            Some(newest) => format!("Slack: {}", newest.text),
            None => "Slack: no card yet".to_owned(),
        };
        let views = slack.views();
        let asked = views.iter().rev().filter(|view| view.user == APPROVER_ID);
        let ephemerals = slack.ephemerals();
        let own = ephemerals.iter().rev().filter(|ephemeral| ephemeral.user == APPROVER_ID);
        Channels {
            you: user_name(APPROVER_ID),
            cards: cards.map(|message| card(message, &messages, addresses)).collect(),
            dialogs: asked.map(|view| Dialog::of(view, addresses)).collect(),
            whispers: own.map(|ephemeral| mrkdwn(&ephemeral.text, addresses)).collect(),
            news,
        }
    }
}

fn is_card(message: &Message) -> bool {
    message.thread_ts.as_ref().is_none_or(|thread| *thread == message.ts)
}

fn card(message: &Message, all: &[Message], addresses: &Addresses) -> Card {
    let in_thread = |reply: &&Message| {
        reply.channel == message.channel && reply.thread_ts.as_ref() == Some(&message.ts) && !is_card(reply)
    };
    let replies = all
        .iter()
        .filter(in_thread)
        .map(|reply| Reply { time: moment(posted_at(reply)), blocks: Blocks::of(reply, addresses) });
    Card {
        ts: message.ts.clone(),
        channel: message.channel_name(),
        time: moment(posted_at(message)),
        edits: message.edits,
        blocks: Blocks::of(message, addresses),
        replies: replies.collect(),
    }
}

/// A message's name is the time at which it was posted.
fn posted_at(message: &Message) -> Timestamp {
    let seconds = message.ts.split('.').next().and_then(|seconds| seconds.parse().ok());
    seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or(Timestamp::UNIX_EPOCH)
}
