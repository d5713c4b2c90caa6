//! A card as a person reads it, as plain text: what the tests and the demo show.

use serde_json::Value;

use super::markup::{plain, unescaped};
use super::workspace::Message;

/// The message as plain text: its blocks, or its text if it has none. Buttons are `[ label ]`, links
/// `label (address)`; markup is gone and escapes are undone.
pub(super) fn render(message: &Message) -> String {
    if message.blocks.is_empty() { plain(&message.text) } else { rendered(&message.blocks) }
}

/// Blocks as plain text.
pub fn rendered(blocks: &[Value]) -> String {
    blocks.iter().map(block).collect::<Vec<String>>().join("\n\n")
}

fn block(block: &Value) -> String {
    match block["type"].as_str() {
        Some("header") => text(&block["text"]),
        Some("section") => {
            let shown = block.get("text").into_iter().chain(list(&block["fields"])).map(text);
            shown.chain(block.get("accessory").map(element)).collect::<Vec<_>>().join("\n")
        }
        Some("context" | "actions") => list(&block["elements"]).map(element).collect::<Vec<_>>().join("  "),
        Some("divider") => "─".repeat(40),
        Some("input") => {
            let options = list(&block["element"]["options"]);
            let options = options.map(|option| format!("( ) {}", text(&option["text"])));
            [text(&block["label"])].into_iter().chain(options).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn element(element: &Value) -> String {
    match (element["type"].as_str(), element["url"].as_str()) {
        (Some("button"), Some(url)) => format!("[ {} ] ({url})", text(&element["text"])),
        (Some("button"), None) => format!("[ {} ]", text(&element["text"])),
        _ => text(element),
    }
}

fn text(object: &Value) -> String {
    let text = object["text"].as_str().unwrap_or_default();
    // In plain text nothing is markup, and Slack shows escapes as what they mean all the same.
    if object["type"] == "plain_text" { unescaped(text) } else { plain(text) }
}
