//! The blocks of a message as Slack would show them. What this page does not know is named, never left out in silence.

use askama::Template;
use serde_json::Value;

use super::markup::{Addresses, Mrkdwn, mrkdwn};
use crate::sandbox::slack::Message;
use crate::sandbox::slack::markup::unescaped;

/// The blocks of one message, ready to be shown. They escape what they are given, so a template shows them `|safe`.
#[derive(Template)]
#[template(path = "sandbox/blocks.html")]
pub(super) struct Blocks {
    blocks: Vec<Block>,
}

enum Block {
    Header {
        text: String,
    },
    Section {
        texts: Vec<Mrkdwn>,
        fields: Vec<Mrkdwn>,
        buttons: Vec<Button>,
    },
    Context {
        texts: Vec<Mrkdwn>,
    },
    Actions {
        buttons: Vec<Button>,
    },
    Divider,
    /// Of a kind that is only told of.
    Other {
        kind: String,
    },
}

/// A button, ready to be shown `|safe`.
#[derive(Template)]
#[template(path = "sandbox/button.html")]
struct Button {
    /// Its own on the page.
    id: String,
    ts: String,
    action: String,
    label: String,
    look: &'static str,
    /// A button with an address is a link.
    address: Option<String>,
    confirm: Option<Confirm>,
}

/// What Slack asks before it sends a press.
struct Confirm {
    title: String,
    text: Mrkdwn,
    yes: String,
}

impl Blocks {
    /// The message's blocks, or its text where it has none.
    pub(super) fn of(message: &Message, addresses: &Addresses) -> Blocks {
        let reader = Reader { message, addresses };
        let blocks = if message.blocks.is_empty() {
            vec![Block::Context { texts: vec![mrkdwn(&message.text, addresses)] }]
        } else {
            message.blocks.iter().enumerate().map(|(index, block)| reader.block(index, block)).collect()
        };
        Blocks { blocks }
    }
}

struct Reader<'a> {
    message: &'a Message,
    addresses: &'a Addresses,
}

impl Reader<'_> {
    fn block(&self, index: usize, block: &Value) -> Block {
        match block["type"].as_str() {
            Some("header") => Block::Header { text: unescaped(text_of(&block["text"])) },
            Some("section") => Block::Section {
                texts: block.get("text").map(|text| self.text(text)).into_iter().collect(),
                fields: list(&block["fields"]).map(|field| self.text(field)).collect(),
                buttons: block
                    .get("accessory")
                    .and_then(|one| self.button((index, 0), one))
                    .into_iter()
                    .collect(),
            },
            Some("context") => {
                Block::Context { texts: list(&block["elements"]).map(|text| self.text(text)).collect() }
            }
            Some("actions") => Block::Actions {
                buttons: (0..)
                    .zip(list(&block["elements"]))
                    .filter_map(|(number, element)| self.button((index, number), element))
                    .collect(),
            },
            Some("divider") => Block::Divider,
            other => Block::Other { kind: other.unwrap_or("without a type").to_owned() },
        }
    }

    fn text(&self, object: &Value) -> Mrkdwn {
        mrkdwn(text_of(object), self.addresses)
    }

    fn button(&self, (block, number): (usize, usize), element: &Value) -> Option<Button> {
        if element["type"] != "button" {
            return None;
        }
        let ts = self.message.ts.clone();
        Some(Button {
            id: format!("press-{ts}-{block}-{number}"),
            ts,
            action: element["action_id"].as_str().unwrap_or_default().to_owned(),
            label: unescaped(text_of(&element["text"])),
            look: match element["style"].as_str() {
                Some("primary") => "primary",
                Some("danger") => "danger",
                _ => "usual",
            },
            address: element["url"].as_str().and_then(|address| self.addresses.of(address)),
            confirm: element.get("confirm").filter(|confirm| confirm.is_object()).map(|confirm| Confirm {
                title: unescaped(text_of(&confirm["title"])),
                text: self.text(&confirm["text"]),
                yes: unescaped(text_of(&confirm["confirm"])),
            }),
        })
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

pub(super) fn text_of(object: &Value) -> &str {
    object["text"].as_str().unwrap_or_default()
}
