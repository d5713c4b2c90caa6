//! Modal views and their inputs: what `views.open` and the answer to a submission accept.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Problems, Surface, TextKind};

const TITLE: usize = 24;
const CALLBACK_ID: usize = 255;
const PRIVATE_METADATA: usize = 3_000;
const LABEL: usize = 2_000;
const PLACEHOLDER: usize = 150;
const OPTIONS: usize = 10;
const OPTION_TEXT: usize = 75;
const OPTION_VALUE: usize = 150;
/// Longest text that an input takes.
const INPUT_TEXT: u64 = 3_000;

pub(super) fn view_problems(view: &Value) -> Vec<String> {
    let blocks = view["blocks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut problems = Problems::of(blocks, Surface::Modal);
    if view["type"] != "modal" {
        problems.add("/view/type", "must be modal");
    }
    let known = [
        "title",
        "blocks",
        "submit",
        "close",
        "callback_id",
        "private_metadata",
        "clear_on_close",
        "notify_on_close",
    ];
    problems.keys(view, "/view", &known);
    problems.text(&view["title"], "/view/title", TextKind::Plain, TITLE);
    for button in ["submit", "close"] {
        if !view[button].is_null() {
            problems.text(&view[button], &format!("/view/{button}"), TextKind::Plain, TITLE);
        }
    }
    for (key, most) in [("callback_id", CALLBACK_ID), ("private_metadata", PRIVATE_METADATA)] {
        if !view[key].is_null() {
            problems.string(view, "/view", key, most);
        }
    }
    if blocks.is_empty() {
        problems.add("/view/blocks", "must have at least 1 item");
    }
    let has_input = blocks.iter().any(|block| block["type"] == "input");
    if has_input && view["submit"].is_null() {
        problems.add("/view/submit", "missing required field: a view with inputs needs it");
    }
    problems.found
}

impl Problems {
    pub(super) fn input(&mut self, block: &Value, at: &str) {
        self.keys(block, at, &["label", "element", "optional", "hint"]);
        self.text(&block["label"], &format!("{at}/label"), TextKind::Plain, LABEL);
        if !block["hint"].is_null() {
            self.text(&block["hint"], &format!("{at}/hint"), TextKind::Plain, LABEL);
        }
        if !block["optional"].is_null() && !block["optional"].is_boolean() {
            self.add(&format!("{at}/optional"), "must be a boolean");
        }
        let (element, at) = (&block["element"], format!("{at}/element"));
        match element["type"].as_str() {
            Some("plain_text_input") => self.text_input(element, &at),
            Some("radio_buttons") => {
                self.keys(element, &at, &["action_id", "options", "initial_option"]);
                self.options(element, &at);
            }
            _ => self.add(&at, "unsupported type of element"),
        }
        self.identifier(element, &at, "action_id");
    }

    fn text_input(&mut self, element: &Value, at: &str) {
        let known = ["action_id", "multiline", "min_length", "max_length", "placeholder", "initial_value"];
        self.keys(element, at, &known);
        if !element["placeholder"].is_null() {
            self.text(&element["placeholder"], &format!("{at}/placeholder"), TextKind::Plain, PLACEHOLDER);
        }
        let longest = &element["max_length"];
        if !longest.is_null() && !longest.as_u64().is_some_and(|n| (1..=INPUT_TEXT).contains(&n)) {
            self.add(&format!("{at}/max_length"), format_args!("must be from 1 to {INPUT_TEXT}"));
        }
    }

    fn options(&mut self, element: &Value, at: &str) {
        let mut values = BTreeSet::new();
        for (index, option) in self.list(element, at, "options", OPTIONS).iter().enumerate() {
            let at = format!("{at}/options/{index}");
            self.keys(option, &at, &["text", "value", "description"]);
            self.text(&option["text"], &format!("{at}/text"), TextKind::PlainOrMarkup, OPTION_TEXT);
            self.string(option, &at, "value", OPTION_VALUE);
            if !values.insert(option["value"].as_str()) {
                self.add(&at, "the value of an option must be unique");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn view() -> Value {
        let plain = |text: &str| json!({"type": "plain_text", "text": text});
        json!({
            "type": "modal", "title": plain("Why?"), "submit": plain("Send"), "callback_id": "why",
            "blocks": [
                {"type": "input", "block_id": "a", "label": plain("Reason"), "element": {
                    "type": "radio_buttons", "action_id": "a",
                    "options": [{"text": plain("One"), "value": "1"}, {"text": plain("Two"), "value": "2"}]}},
                {"type": "input", "block_id": "b", "label": plain("Words"), "optional": true, "element": {
                    "type": "plain_text_input", "action_id": "b", "multiline": true, "max_length": 500}},
            ],
        })
    }

    #[track_caller]
    fn check(pointer: &str, value: Value, expected: &str) {
        let mut view = view();
        *view.pointer_mut(pointer).expect("the pointer leads into the view") = value;
        let found = view_problems(&view).join("\n");
        assert!(found.contains(expected) && found.is_empty() == expected.is_empty(), "{found:?}");
    }

    #[test]
    fn a_view_is_held_to_slacks_rules() {
        assert_eq!(view_problems(&view()), Vec::<String>::new());
        check("/title/text", json!("x".repeat(25)), "less than 25");
        check("/type", json!("home"), "must be modal");
        check("/submit", json!(null), "needs it");
        check("/blocks", json!([]), "at least 1 item");
        check("/blocks/0/element/options", json!([]), "1 to 10 items");
        check("/blocks/0/element/options/1/value", json!("1"), "must be unique");
        check("/blocks/0/element/options/0/text/text", json!("x".repeat(76)), "less than 76");
        check("/blocks/1/element/max_length", json!(3_001), "from 1 to 3000");
        check("/blocks/1/element/type", json!("number_input"), "unsupported type of element");
        check("/blocks/1/block_id", json!("a"), "already exists");
        check("/blocks/1/label", json!({"type": "mrkdwn", "text": "x"}), "valid text object");
    }

    #[test]
    fn a_message_has_no_inputs() {
        let blocks = view()["blocks"].as_array().expect("blocks").clone();
        assert!(super::super::problems(&blocks)[0].contains("unsupported type: input"));
    }
}
