//! Slack's Block Kit: building blocks that keep its limits whatever they are given.
//!
//! Limits are Slack's documented ones, and 12,000 characters over all blocks of a message: beyond
//! about 13,200 Slack refuses the whole message (an undocumented cap, confirmed by its staff).

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use crate::attempt::AttemptId;
use crate::cleaning;
use crate::redaction::{Redacted, redact};

/// `action_id` of the button that approves.
pub const DEPLOY: &str = "autofix_deploy";
/// `action_id` of the button that dismisses.
pub const DISMISS: &str = "autofix_dismiss";
/// `action_id` of the button that takes a merged fix back.
pub const ROLL_BACK: &str = "autofix_roll_back";
/// `action_id` of the button that has an ended attempt tried again with a hint.
pub const TRY_AGAIN: &str = "autofix_try_again";

const MESSAGE_CHARS: usize = 12_000;
/// Room kept for what a message ends with: buttons, links, and the attempt's id.
const TAIL_CHARS: usize = 2_200;
/// A section that has to be cut below this length is left out.
const LEAST_SECTION_CHARS: usize = 150;
const HEADER_CHARS: usize = 150;
const SECTION_CHARS: usize = 3_000;
const FIELD_CHARS: usize = 2_000;
/// Advised limit of the text that notifications show.
const TEXT_CHARS: usize = 4_000;

/// A message for Slack. Every text in it is [`Redacted`], whatever its makers forgot.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// What notifications and screen readers say.
    text: Redacted,
    blocks: Vec<Value>,
}

/// What a button carries: which attempt, and the commit that was on the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ButtonValue {
    pub attempt: AttemptId,
    pub head_sha: String,
}

impl ButtonValue {
    pub fn parse(text: &str) -> Option<ButtonValue> {
        let (attempt, head_sha) = text.split_once(':')?;
        let is_sha = head_sha.len() == 40 && head_sha.bytes().all(|b| b.is_ascii_hexdigit());
        Some(ButtonValue { attempt: AttemptId::parse(attempt).ok()?, head_sha: head_sha.to_owned() })
            .filter(|_| is_sha)
    }
}

impl std::fmt::Display for ButtonValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.attempt, self.head_sha)
    }
}

impl Card {
    pub(super) fn new(text: &str) -> Card {
        Card { text: redact(&outside(text, TEXT_CHARS / 2)), blocks: Vec::new() }
    }

    /// The body of a post or an update, without channel.
    pub fn to_json(&self) -> Value {
        json!({ "text": self.text, "blocks": self.blocks })
    }

    pub fn blocks(&self) -> &[Value] {
        &self.blocks
    }

    pub(super) fn header(&mut self, text: &str) {
        // Nothing is markup in plain text, and Slack shows escapes there as what they stand for all the same.
        let safe = redact(&cleaning::one_line(text, HEADER_CHARS * 2));
        let text = cap(&escape(safe.as_str()), HEADER_CHARS);
        self.push(json!({ "type": "header", "text": { "type": "plain_text", "text": text, "emoji": true } }));
    }

    /// A section of ready-made mrkdwn: outside text in it has gone through [`outside`]. Cut to the room that is left.
    pub(super) fn section(&mut self, mrkdwn: &str) {
        if !mrkdwn.trim().is_empty() {
            let wanted = SECTION_CHARS.min(mrkdwn.chars().count() + 100);
            self.section_that_fits(wanted, |max_chars| mrkdwn_text(mrkdwn, max_chars));
        }
    }

    /// What comes first on a card matters most, so later sections get what room is left. Characters count as they stand
    /// in JSON, where some take two.
    fn section_that_fits(&mut self, wanted: usize, text: impl Fn(usize) -> Value) {
        let room = self.room().saturating_sub(TAIL_CHARS);
        let mut max_chars = wanted;
        loop {
            let block = json!({ "type": "section", "text": text(max_chars) });
            let size = block.to_string().chars().count();
            if size <= room {
                return self.push(block);
            }
            max_chars = max_chars.saturating_sub((size - room).max(20));
            if max_chars < LEAST_SECTION_CHARS {
                return;
            }
        }
    }

    /// Up to ten short facts in two columns.
    pub(super) fn fields(&mut self, fields: &[String]) {
        let fields: Vec<Value> =
            fields.iter().take(10).map(|field| mrkdwn_text(field, FIELD_CHARS)).collect();
        if !fields.is_empty() {
            self.push(json!({ "type": "section", "fields": fields }));
        }
    }

    pub(super) fn context(&mut self, mrkdwn: &str) {
        let text = mrkdwn_text(mrkdwn, FIELD_CHARS);
        self.push(json!({ "type": "context", "elements": [text] }));
    }

    pub(super) fn divider(&mut self) {
        self.push(json!({ "type": "divider" }));
    }

    /// Text in a fixed font, cut at a line's end and with a note where lines are left out.
    pub(super) fn code(&mut self, text: &str, max_chars: usize) {
        self.section_that_fits(max_chars.clamp(LEAST_SECTION_CHARS, SECTION_CHARS), |max_chars| {
            mrkdwn_text(&fixed_font(text, max_chars), SECTION_CHARS)
        });
    }

    pub(super) fn actions(&mut self, block_id: &str, buttons: Vec<Value>) {
        self.push(json!({ "type": "actions", "block_id": block_id, "elements": buttons }));
    }

    /// Characters left before the message would be too long.
    pub(super) fn room(&self) -> usize {
        let used: usize = self.blocks.iter().map(|block| block.to_string().chars().count()).sum();
        MESSAGE_CHARS.saturating_sub(used)
    }

    fn push(&mut self, block: Value) {
        self.blocks.push(block);
    }
}

/// Lines in a code block of at most this many characters.
fn fixed_font(text: &str, max_chars: usize) -> String {
    let room = max_chars - 60;
    let clean = cleaning::multi_line(text, room * 4);
    let safe = redact(&clean);
    let mut shown = String::new();
    let mut left_out = false;
    for line in safe.as_str().lines() {
        // Three back-ticks would end the block: a space in between keeps them visible.
        let line = escape(line).replace("```", "`` `");
        if !left_out && shown.chars().count() + line.chars().count() < room {
            shown.push_str(&line);
            shown.push('\n');
        } else {
            left_out = true;
        }
    }
    let note = if left_out { "\n_… and more lines that do not fit here_" } else { "" };
    format!("```\n{}```{note}", if shown.is_empty() { "(long line)\n" } else { &shown })
}

/// A text object. `verbatim`: Slack makes no links, channels or mentions of what merely looks like one.
pub(super) fn mrkdwn_text(text: &str, max_chars: usize) -> Value {
    // Redaction may lengthen what was cut, so it is cut once more.
    let text = redact(&cap(text, max_chars - 100)).capped(max_chars);
    json!({ "type": "mrkdwn", "text": text, "verbatim": true })
}

/// A button without a style.
pub(super) fn button(action_id: &str, label: &str, value: &str) -> Value {
    json!({
        "type": "button",
        "action_id": action_id,
        "text": { "type": "plain_text", "text": label, "emoji": true },
        "value": value,
    })
}

/// A time as each reader's own clock shows it; `form` is one of Slack's, such as `{time}`. Readers of plain text see
/// UTC.
pub(super) fn time(at: Timestamp, form: &str) -> String {
    let utc = at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC");
    format!("<!date^{}^{form}|{utc}>", at.as_second())
}

/// Outside text between back-ticks.
pub(super) fn code(text: &str, max_chars: usize) -> String {
    outside(&text.replace('`', "'"), max_chars)
}

/// Outside text on one line: cleaned, redacted, capped, escaped.
pub(super) fn outside(text: &str, max_chars: usize) -> String {
    let clean = cleaning::one_line(text, max_chars * 2);
    plain(&cap(redact(&clean).as_str(), max_chars))
}

/// Outside text of several lines.
pub(super) fn outside_lines(text: &str, max_chars: usize) -> String {
    let clean = cleaning::multi_line(text, max_chars * 2);
    plain(&cap(redact(&clean).as_str(), max_chars))
}

/// A link; the label is outside text. Nothing but an http(s) address becomes one.
pub(super) fn link(url: &str, label: &str) -> String {
    let label = outside(label, 100).replace('|', "¦");
    match url::Url::parse(url) {
        Ok(parsed) if matches!(parsed.scheme(), "http" | "https") && parsed.as_str().len() <= 2_000 => {
            let target = escape(&parsed.as_str().replace('|', "%7C"));
            format!("<{target}|{label}>")
        }
        _ => label,
    }
}

/// Escaped, and without bold: a line in bold is a label of ours, and who writes to the model must not write our labels.
/// Between back-ticks nothing is bold, so code stays as it is.
fn plain(text: &str) -> String {
    let escaped = escape(text);
    let lines = escaped.split('\n').map(|line| {
        let parts: Vec<&str> = line.split('`').collect();
        let last = parts.len() - 1;
        let each = parts.into_iter().enumerate().map(|(at, part)| {
            // A back-tick without a second one on its line begins no code.
            let is_code = at % 2 == 1 && at < last;
            if is_code { part.to_owned() } else { part.replace('*', "∗") }
        });
        each.collect::<Vec<_>>().join("`")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The three characters that Slack's mrkdwn gives a meaning.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

pub(super) fn cap(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        None => text.to_owned(),
        Some(_) => {
            let end = text.char_indices().nth(max_chars - 1).map_or(0, |(index, _)| index);
            // An entity that is cut in half would show as garbage.
            let cut = &text[..end];
            let cut = match cut.rfind('&') {
                Some(start) if !cut[start..].contains(';') && cut.len() - start < 6 => &cut[..start],
                _ => cut,
            };
            format!("{cut}…")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_text_can_neither_ping_nor_link_nor_leave_its_block() {
        let shown = outside("<!channel> <https://evil.example|click> & more", 200);
        assert_eq!(shown, "&lt;!channel&gt; &lt;https://evil.example|click&gt; &amp; more");
        assert_eq!(outside_lines("fine\n*Security*\n🟢 none", 200), "fine\n∗Security∗\n🟢 none");
        assert_eq!(outside("`f(*a | b)` and *c* `*d", 200), "`f(*a | b)` and ∗c∗ `∗d");
        assert_eq!(link("javascript:alert(1)", "x"), "x");
        assert_eq!(link("https://a.example/?a=1|2", "a|b>"), "<https://a.example/?a=1%7C2|a¦b&gt;>");
        let mut card = Card::new("t");
        card.code("+ a\n``` <!here>\n", 1_000);
        assert_eq!(card.blocks[0]["text"]["text"], "```\n+ a\n`` ` &lt;!here&gt;\n```");
    }

    #[test]
    fn a_cut_never_leaves_half_an_entity() {
        assert_eq!(cap("abc&amp;def", 6), "abc…");
        assert_eq!(cap("abc", 3), "abc");
        assert_eq!(cap("äöüß", 3), "äö…");
    }

    #[test]
    fn long_code_says_that_something_is_left_out() {
        let mut card = Card::new("t");
        let text: String = (0..500).map(|n| format!("+ line number {n}\n")).collect();
        card.code(&text, 2_000);
        let shown = card.blocks[0]["text"]["text"].as_str().unwrap();
        assert!(shown.chars().count() <= 2_000, "{}", shown.len());
        assert!(shown.contains("more lines that do not fit"));
    }

    #[test]
    fn a_button_value_is_an_attempt_and_a_commit() {
        let value = ButtonValue {
            attempt: AttemptId::new("2026-11-22T10:00:00Z".parse().unwrap()),
            head_sha: "a".repeat(40),
        };
        assert_eq!(ButtonValue::parse(&value.to_string()), Some(value.clone()));
        for text in ["", "x:y", &format!("{}:abc", value.attempt), &format!("x:{}", value.head_sha)] {
            assert_eq!(ButtonValue::parse(text), None, "{text}");
        }
    }
}
