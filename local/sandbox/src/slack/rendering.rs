//! A card as a person reads it, as plain text: what the tests and the demo show.

use serde_json::Value;

use super::USERS;
use super::workspace::Message;

/// The message as plain text: its blocks, or its text where it has none. Buttons are `[ label ]`, links
/// `label (address)`; markup is gone and escapes are undone.
pub(super) fn render(message: &Message) -> String {
    if message.blocks.is_empty() {
        return markup(&message.text);
    }
    rendered(&message.blocks)
}

/// Blocks as plain text.
pub fn rendered(blocks: &[Value]) -> String {
    blocks.iter().map(block).collect::<Vec<String>>().join("\n\n")
}

fn block(block: &Value) -> String {
    let elements =
        || block["elements"].as_array().into_iter().flatten().map(element).collect::<Vec<String>>();
    match block["type"].as_str() {
        Some("header") => text(&block["text"]),
        Some("section") => section(block),
        Some("context") => elements().join("  "),
        Some("actions") => elements().join("  "),
        Some("divider") => "─".repeat(40),
        Some("image") => element(block),
        Some("input") => input(block),
        Some("markdown") => block["text"].as_str().unwrap_or_default().to_owned(),
        _ => String::new(),
    }
}

fn section(block: &Value) -> String {
    let mut lines = Vec::new();
    if !block["text"].is_null() {
        lines.push(text(&block["text"]));
    }
    lines.extend(block["fields"].as_array().into_iter().flatten().map(text));
    if !block["accessory"].is_null() {
        lines.push(element(&block["accessory"]));
    }
    lines.join("\n")
}

fn input(block: &Value) -> String {
    let options = block["element"]["options"].as_array().into_iter().flatten();
    let options = options.map(|option| format!("( ) {}", text(&option["text"])));
    let mut lines = vec![text(&block["label"])];
    lines.extend(options);
    lines.join("\n")
}

fn element(element: &Value) -> String {
    match element["type"].as_str() {
        Some("button") => match element["url"].as_str() {
            Some(url) => format!("[ {} ] ({url})", text(&element["text"])),
            None => format!("[ {} ]", text(&element["text"])),
        },
        Some("image") => format!("({})", element["alt_text"].as_str().unwrap_or_default()),
        _ => text(element),
    }
}

fn text(object: &Value) -> String {
    let text = object["text"].as_str().unwrap_or_default();
    // In plain text nothing is markup, and Slack shows escapes as what they stand for all the same.
    if object["type"] == "plain_text" { unescaped(text) } else { markup(text) }
}

/// Slack's markup as plain text. Code blocks are indented by four spaces.
fn markup(text: &str) -> String {
    let parts = text.split("```").enumerate().map(|(index, part)| match index % 2 {
        0 => part.split('`').enumerate().map(inline).collect::<String>(),
        _ => {
            let lines = part.trim_matches('\n').lines().map(|line| format!("    {}", unescaped(line)));
            format!("\n{}\n", lines.collect::<Vec<_>>().join("\n"))
        }
    });
    let mut plain = parts.collect::<String>();
    while plain.contains("\n\n\n") {
        plain = plain.replace("\n\n\n", "\n\n");
    }
    plain.trim_matches('\n').to_owned()
}

fn inline((index, part): (usize, &str)) -> String {
    match index % 2 {
        0 => unescaped(&links(&unstyled(part))),
        _ => format!("`{}`", unescaped(part)),
    }
}

/// `<url|label>`, `<@U…>`, `<!here>` as they look.
fn links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        plain.push_str(before);
        let Some((link, after)) = after.split_once('>') else { break };
        let (target, label) =
            link.split_once('|').map_or((link, None), |(target, label)| (target, Some(label)));
        plain.push_str(&match (target.chars().next(), label) {
            (Some('!'), Some(fallback)) if target.starts_with("!date^") => fallback.to_owned(),
            (Some('!'), label) => format!("@{}", label.unwrap_or(&target[1..])),
            (Some('@'), _) => format!("@{}", user_name(&target[1..])),
            (_, Some(label)) => format!("{label} ({target})"),
            (_, None) => target.to_owned(),
        });
        rest = after;
    }
    plain + rest
}

pub(super) fn user_name(id: &str) -> &str {
    USERS.iter().find(|(known, _)| *known == id).map_or(id, |(_, name)| name)
}

/// Without the marks of `*bold*`, `_italic_` and `~struck~`. A mark counts only at the edge of a
/// word, as in Slack.
fn unstyled(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut dropped = vec![false; characters.len()];
    for mark in ['*', '_', '~'] {
        let mut opened: Option<usize> = None;
        for (index, character) in characters.iter().enumerate() {
            let before = index.checked_sub(1).map(|i| characters[i]);
            let after = characters.get(index + 1).copied();
            if *character == '\n' {
                opened = None;
            }
            if *character != mark {
                continue;
            }
            let opens =
                before.is_none_or(|c| !c.is_alphanumeric()) && after.is_some_and(|c| !c.is_whitespace());
            let closes =
                before.is_some_and(|c| !c.is_whitespace()) && after.is_none_or(|c| !c.is_alphanumeric());
            match opened {
                Some(start) if closes && index > start + 1 => {
                    (dropped[start], dropped[index], opened) = (true, true, None);
                }
                None if opens => opened = Some(index),
                _ => {}
            }
        }
    }
    characters.iter().zip(dropped).filter(|(_, dropped)| !dropped).map(|(character, _)| character).collect()
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(slack: &str, seen: &str) {
        assert_eq!(markup(slack), seen);
    }

    #[test]
    fn markup_looks_as_a_person_sees_it() {
        check("*What broke*\n_KeyError_ in ~main~", "What broke\nKeyError in main");
        check("snake_case_name and 2*3*4", "snake_case_name and 2*3*4");
        check("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c");
        check(
            "<https://x.test/1|the issue> <https://x.test/2>",
            "the issue (https://x.test/1) https://x.test/2",
        );
        check("<!here> <@U0APPROVER> <@U9>", "@here @ann @U9");
        check("run `a_b_ *c* &lt;` now", "run `a_b_ *c* <` now");
        check(
            "before\n```\n- old *x*\n+ new &lt;\n```\nafter",
            "before\n\n    - old *x*\n    + new <\n\nafter",
        );
    }
}
