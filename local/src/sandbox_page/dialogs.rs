//! Slack's dialogs as forms: the fields that a modal view asks for.

use askama::Template;
use serde_json::Value;

use super::blocks::text_of;
use super::markup::{Addresses, Mrkdwn, mrkdwn};
use crate::sandbox::slack::OpenView;
use crate::sandbox::slack::markup::unescaped;

/// Before the name of a field in a form, so that none is taken for the form's own.
pub(super) const FIELD: &str = "field-";
/// Characters that Slack takes where a field says nothing else.
const LONGEST: u64 = 3_000;

/// An open dialog, ready to be shown `|safe`.
#[derive(Template)]
#[template(path = "sandbox/dialog.html")]
pub(super) struct Dialog {
    /// Slack's name of it.
    id: String,
    title: String,
    parts: Vec<Part>,
    submit: Option<String>,
}

enum Part {
    Text {
        text: Mrkdwn,
    },
    /// One of several.
    Choice {
        name: String,
        label: String,
        options: Vec<Choice>,
        optional: bool,
    },
    Words {
        id: String,
        name: String,
        label: String,
        longest: u64,
        optional: bool,
    },
}

struct Choice {
    id: String,
    value: String,
    label: String,
}

impl Dialog {
    pub(super) fn of(open: &OpenView, addresses: &Addresses) -> Dialog {
        let view = &open.view;
        let blocks = view["blocks"].as_array().into_iter().flatten();
        Dialog {
            id: open.id.clone(),
            title: unescaped(text_of(&view["title"])),
            parts: blocks.filter_map(|block| part(&open.id, block, addresses)).collect(),
            submit: view.get("submit").map(|submit| unescaped(text_of(submit))),
        }
    }
}

fn part(view: &str, block: &Value, addresses: &Addresses) -> Option<Part> {
    let text = |object: &Value| Part::Text { text: mrkdwn(text_of(object), addresses) };
    match block["type"].as_str()? {
        "section" | "header" => Some(text(&block["text"])),
        "context" => block["elements"].as_array()?.first().map(text),
        "input" => Some(input(view, block)),
        _ => None, // nothing to read or to fill in
    }
}

fn input(view: &str, block: &Value) -> Part {
    let field = block["block_id"].as_str().unwrap_or_default();
    let (id, name) = (format!("{view}-{field}"), format!("{FIELD}{field}"));
    let label = unescaped(text_of(&block["label"]));
    let optional = block["optional"] == true;
    let element = &block["element"];
    if element["type"] != "radio_buttons" {
        let longest = element["max_length"].as_u64().unwrap_or(LONGEST);
        return Part::Words { id, name, label, longest, optional };
    }
    let options =
        (1..).zip(element["options"].as_array().into_iter().flatten()).map(|(number, option)| Choice {
            id: format!("{id}-{number}"),
            value: option["value"].as_str().unwrap_or_default().to_owned(),
            label: unescaped(text_of(&option["text"])),
        });
    Part::Choice { name, label, options: options.collect(), optional }
}
