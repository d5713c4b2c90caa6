//! The blocks of a message as Slack would show them. What this page does not know is named, never left out in silence.

use askama::Template;
use serde_json::Value;

use super::markup::{Addresses, Mrkdwn, mrkdwn, plain};
use crate::sandbox::slack::Message;

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

/// What is written on the button with this `action_id`.
pub(super) fn label_of(message: &Message, action: &str) -> Option<String> {
    let elements = message.blocks.iter().flat_map(|block| {
        block["elements"].as_array().into_iter().flatten().chain(Some(&block["accessory"]))
    });
    let mut buttons = elements.filter(|element| element["type"] == "button");
    let button = buttons.find(|button| button["action_id"] == action)?;
    Some(plain(text_of(&button["text"])))
}

struct Reader<'a> {
    message: &'a Message,
    addresses: &'a Addresses,
}

impl Reader<'_> {
    fn block(&self, index: usize, block: &Value) -> Block {
        match block["type"].as_str() {
            Some("header") => Block::Header { text: plain(text_of(&block["text"])) },
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
            Some("markdown") => Block::Context {
                texts: vec![mrkdwn(block["text"].as_str().unwrap_or_default(), self.addresses)],
            },
            other => Block::Other { kind: other.unwrap_or("without a type").to_owned() },
        }
    }

    /// A text object, or the text that stands for an image.
    fn text(&self, object: &Value) -> Mrkdwn {
        match object["type"].as_str() {
            Some("image") => mrkdwn(object["alt_text"].as_str().unwrap_or_default(), self.addresses),
            _ => mrkdwn(text_of(object), self.addresses),
        }
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
            label: plain(text_of(&element["text"])),
            look: match element["style"].as_str() {
                Some("primary") => "primary",
                Some("danger") => "danger",
                _ => "usual",
            },
            address: element["url"].as_str().and_then(|address| self.addresses.of(address)),
            confirm: element.get("confirm").filter(|confirm| confirm.is_object()).map(|confirm| Confirm {
                title: plain(text_of(&confirm["title"])),
                text: self.text(&confirm["text"]),
                yes: plain(text_of(&confirm["confirm"])),
            }),
        })
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text_of(object: &Value) -> &str {
    object["text"].as_str().unwrap_or_default()
}
