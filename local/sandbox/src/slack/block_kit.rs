//! What Slack accepts as blocks. Limits are those of Slack's Block Kit reference; the limit over all
//! blocks together is undocumented and was found by others (bolt-js issue 2509).
//!
//! Block types and keys that the sandbox does not know are refused like wrong ones: the product uses
//! few, and a card that the sandbox cannot judge must not pass.

mod inputs;

use std::collections::BTreeSet;
use std::fmt::Display;

use serde_json::Value;

/// Characters that all blocks of one message may have together, as JSON.
pub(super) const CHARACTERS_IN_ALL: usize = 13_200;
const BLOCKS: usize = 50;
const BLOCKS_OF_A_VIEW: usize = 100;
const SECTION_TEXT: usize = 3_000;
const FIELDS: usize = 10;
const FIELD_TEXT: usize = 2_000;
const HEADER_TEXT: usize = 150;
const CONTEXT_ELEMENTS: usize = 10;
const ACTION_ELEMENTS: usize = 25;
const BUTTON_TEXT: usize = 75;
const BUTTON_VALUE: usize = 2_000;
const URL: usize = 3_000;
const IDENTIFIER: usize = 255;
const CONFIRM_TITLE: usize = 100;
const CONFIRM_TEXT: usize = 300;
const CONFIRM_BUTTON: usize = 30;

/// Everything that is wrong with the blocks, each with Slack's JSON pointer to the place. Empty means
/// accepted.
pub(super) fn problems(blocks: &[Value]) -> Vec<String> {
    Problems::of(blocks, Surface::Message).found
}

/// Everything that is wrong with a modal view.
pub(super) fn view_problems(view: &Value) -> Vec<String> {
    inputs::view_problems(view)
}

/// Where blocks are shown: only a modal has inputs.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Surface {
    #[default]
    Message,
    Modal,
}

impl Problems {
    fn of(blocks: &[Value], surface: Surface) -> Problems {
        let mut problems = Problems { surface, ..Problems::default() };
        let most = if surface == Surface::Message { BLOCKS } else { BLOCKS_OF_A_VIEW };
        if blocks.len() > most {
            problems.add("/blocks", format_args!("no more than {most} items allowed"));
        }
        let mut block_ids = BTreeSet::new();
        for (index, block) in blocks.iter().enumerate() {
            let at = format!("/blocks/{index}");
            problems.block(block, &at);
            problems.identifier(block, &at, "block_id");
            if let Some(id) = block["block_id"].as_str()
                && !block_ids.insert(id)
            {
                problems.add(&at, format_args!("`block_id` `{id}` already exists"));
            }
        }
        problems
    }
}

/// Characters of all blocks together, as JSON.
pub(super) fn characters(blocks: &[Value]) -> usize {
    blocks.iter().map(|block| block.to_string().chars().count()).sum()
}

#[derive(Clone, Copy)]
enum TextKind {
    Plain,
    PlainOrMarkup,
}

#[derive(Default)]
struct Problems {
    found: Vec<String>,
    surface: Surface,
}

impl Problems {
    fn add(&mut self, at: &str, what: impl Display) {
        self.found.push(format!("{what} [json-pointer:{at}]"));
    }

    fn block(&mut self, block: &Value, at: &str) {
        match block["type"].as_str() {
            Some("header") => {
                self.keys(block, at, &["text"]);
                self.text(&block["text"], &format!("{at}/text"), TextKind::Plain, HEADER_TEXT);
            }
            Some("section") => self.section(block, at),
            Some("context") => self.context(block, at),
            Some("actions") => self.actions(block, at),
            Some("divider") => self.keys(block, at, &[]),
            Some("input") if self.surface == Surface::Modal => self.input(block, at),
            Some(other) => self.add(at, format_args!("unsupported type: {other}")),
            None => self.add(at, "missing required field: type"),
        }
    }

    fn section(&mut self, block: &Value, at: &str) {
        self.keys(block, at, &["text", "fields", "accessory", "expand"]);
        if block["text"].is_null() && block["fields"].is_null() {
            self.add(at, "a section needs text or fields");
        }
        if !block["text"].is_null() {
            self.text(&block["text"], &format!("{at}/text"), TextKind::PlainOrMarkup, SECTION_TEXT);
        }
        if !block["fields"].is_null() {
            for (index, field) in self.list(block, at, "fields", FIELDS).iter().enumerate() {
                self.text(field, &format!("{at}/fields/{index}"), TextKind::PlainOrMarkup, FIELD_TEXT);
            }
        }
        if !block["accessory"].is_null() {
            self.button(&block["accessory"], &format!("{at}/accessory"));
        }
    }

    fn context(&mut self, block: &Value, at: &str) {
        self.keys(block, at, &["elements"]);
        for (index, element) in self.list(block, at, "elements", CONTEXT_ELEMENTS).iter().enumerate() {
            self.text(element, &format!("{at}/elements/{index}"), TextKind::PlainOrMarkup, SECTION_TEXT);
        }
    }

    fn actions(&mut self, block: &Value, at: &str) {
        self.keys(block, at, &["elements"]);
        let mut action_ids = BTreeSet::new();
        for (index, element) in self.list(block, at, "elements", ACTION_ELEMENTS).iter().enumerate() {
            let at = format!("{at}/elements/{index}");
            self.button(element, &at);
            if let Some(id) = element["action_id"].as_str()
                && !action_ids.insert(id)
            {
                self.add(&at, format_args!("`action_id` `{id}` already exists"));
            }
        }
    }

    fn button(&mut self, button: &Value, at: &str) {
        if button["type"] != "button" {
            self.add(at, format_args!("unsupported type of element: {}", button["type"]));
            return;
        }
        self.keys(
            button,
            at,
            &["text", "action_id", "url", "value", "style", "confirm", "accessibility_label"],
        );
        self.text(&button["text"], &format!("{at}/text"), TextKind::Plain, BUTTON_TEXT);
        self.identifier(button, at, "action_id");
        for (key, most) in [("value", BUTTON_VALUE), ("accessibility_label", BUTTON_TEXT)] {
            if !button[key].is_null() {
                self.string(button, at, key, most);
            }
        }
        if !button["url"].is_null() {
            self.url(button, at, "url");
        }
        self.style(button, at);
        if !button["confirm"].is_null() {
            self.confirm(&button["confirm"], &format!("{at}/confirm"));
        }
    }

    fn confirm(&mut self, confirm: &Value, at: &str) {
        self.keys(confirm, at, &["title", "text", "confirm", "deny", "style"]);
        self.style(confirm, at);
        for (key, kind, most) in [
            ("title", TextKind::Plain, CONFIRM_TITLE),
            ("text", TextKind::PlainOrMarkup, CONFIRM_TEXT),
            ("confirm", TextKind::Plain, CONFIRM_BUTTON),
            ("deny", TextKind::Plain, CONFIRM_BUTTON),
        ] {
            self.text(&confirm[key], &format!("{at}/{key}"), kind, most);
        }
    }

    fn style(&mut self, element: &Value, at: &str) {
        if !matches!(element["style"].as_str(), Some("primary" | "danger")) && !element["style"].is_null() {
            self.add(&format!("{at}/style"), "must be one of: primary, danger");
        }
    }

    fn url(&mut self, element: &Value, at: &str, key: &str) {
        self.string(element, at, key, URL);
        let parsed = url::Url::parse(element[key].as_str().unwrap_or_default());
        if !parsed.is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
            self.add(&format!("{at}/{key}"), "must be a valid URL");
        }
    }

    fn text(&mut self, text: &Value, at: &str, kind: TextKind, most: usize) {
        match (text["type"].as_str(), kind) {
            (Some("plain_text"), _) => self.keys(text, at, &["text", "emoji"]),
            (Some("mrkdwn"), TextKind::PlainOrMarkup) => self.keys(text, at, &["text", "verbatim"]),
            _ => return self.add(at, "must be a valid text object of a type that is allowed here"),
        }
        self.string(text, at, "text", most);
    }

    /// A string of 1 to `most` characters must be there.
    fn string(&mut self, holder: &Value, at: &str, key: &str, most: usize) {
        let at = format!("{at}/{key}");
        match holder[key].as_str() {
            None => self.add(&at, "missing required field, or not a string"),
            Some("") => self.add(&at, "must be more than 0 characters"),
            Some(_) if length(&holder[key]) > most => {
                self.add(&at, format_args!("must be less than {} characters", most + 1));
            }
            Some(_) => {}
        }
    }

    fn identifier(&mut self, holder: &Value, at: &str, key: &str) {
        if !holder[key].is_null() {
            self.string(holder, at, key, IDENTIFIER);
        }
    }

    /// The list under `key`, which must have 1 to `most` items.
    fn list<'v>(&mut self, holder: &'v Value, at: &str, key: &str, most: usize) -> &'v [Value] {
        let list = holder[key].as_array().map(Vec::as_slice).unwrap_or_default();
        if !(1..=most).contains(&list.len()) {
            self.add(&format!("{at}/{key}"), format_args!("must have 1 to {most} items"));
        }
        list
    }

    fn keys(&mut self, holder: &Value, at: &str, known: &[&str]) {
        let Some(object) = holder.as_object() else { return self.add(at, "must be an object") };
        // Only blocks have a `block_id`; nothing in this product would put one elsewhere by mistake.
        for key in object.keys().filter(|key| !["type", "block_id"].contains(&key.as_str())) {
            if !known.contains(&key.as_str()) {
                self.add(at, format_args!("invalid additional property: {key}"));
            }
        }
    }
}

fn length(text: &Value) -> usize {
    text.as_str().unwrap_or_default().chars().count()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(block: Value, expected: &str) {
        let found = problems(&[block]).join("\n");
        assert!(found.contains(expected) && found.is_empty() == expected.is_empty(), "{found:?}");
    }

    fn section(length: usize) -> Value {
        json!({"type": "section", "text": {"type": "mrkdwn", "text": "x".repeat(length)}})
    }

    fn actions(button: Value) -> Value {
        let mut whole = json!({"type": "button", "text": {"type": "plain_text", "text": "Go"}});
        for (key, value) in button.as_object().expect("the test gives an object") {
            whole[key] = value.clone();
        }
        json!({"type": "actions", "elements": [whole]})
    }

    #[test]
    fn a_block_within_its_limits_is_accepted_and_one_beyond_is_not() {
        check(section(3_000), "");
        check(section(3_001), "must be less than 3001 characters [json-pointer:/blocks/0/text/text]");
        check(section(0), "must be more than 0 characters");
        let header = |text: Value| json!({"type": "header", "text": text});
        check(header(json!({"type": "plain_text", "text": "é".repeat(150)})), "");
        check(header(json!({"type": "plain_text", "text": "é".repeat(151)})), "less than 151");
        check(header(json!({"type": "mrkdwn", "text": "x"})), "must be a valid text object");
        check(json!({"type": "section"}), "needs text or fields");
        let fields =
            |n: usize| json!({"type": "section", "fields": vec![json!({"type": "mrkdwn", "text": "x"}); n]});
        check(fields(10), "");
        check(fields(11), "1 to 10 items");
        check(json!({"type": "context", "elements": []}), "1 to 10 items");
        check(json!({"type": "divider"}), "");
    }

    #[test]
    fn buttons_are_held_to_their_limits() {
        check(actions(json!({"value": "v".repeat(2_000), "style": "danger"})), "");
        check(actions(json!({"value": "v".repeat(2_001)})), "less than 2001");
        check(actions(json!({"style": "default"})), "primary, danger");
        check(actions(json!({"text": {"type": "plain_text", "text": "x".repeat(76)}})), "less than 76");
        check(actions(json!({"text": {"type": "mrkdwn", "text": "x"}})), "valid text object");
        check(actions(json!({"url": "not a url"})), "valid URL");
        check(actions(json!({"colour": "red"})), "invalid additional property: colour");
        let plain = |text: &str| json!({"type": "plain_text", "text": text});
        let mut confirm = json!({"title": plain("Sure?"), "text": plain("Really."), "confirm": plain("Yes"),
                                 "deny": plain("No"), "style": "danger"});
        check(actions(json!({"confirm": confirm})), "");
        confirm["deny"] = plain(&"n".repeat(31));
        check(
            actions(json!({"confirm": confirm})),
            "less than 31 characters [json-pointer:/blocks/0/elements/0/confirm/deny",
        );
        check(actions(json!({"confirm": {"title": plain("Sure?")}})), "confirm/deny");
        let twice = actions(json!({"action_id": "a"}))["elements"][0].clone();
        check(json!({"type": "actions", "elements": [twice, twice]}), "`action_id` `a` already exists");
    }

    #[test]
    fn unknown_blocks_too_many_blocks_and_repeated_ids_are_refused() {
        check(json!({"type": "image"}), "unsupported type: image");
        check(json!({"type": "divider", "text": "x"}), "invalid additional property: text");
        check(json!("text"), "missing required field: type");
        assert_eq!(problems(&vec![json!({"type": "divider"}); 50]), Vec::<String>::new());
        assert!(problems(&vec![json!({"type": "divider"}); 51])[0].contains("no more than 50"));
        let named = json!({"type": "divider", "block_id": "b"});
        assert!(problems(&[named.clone(), named])[0].contains("already exists"));
    }
}
