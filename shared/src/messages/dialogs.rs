//! Slack's dialogs ("modals"): why a fix is dismissed, what another analysis should know, and what
//! became of what a person sent.

use serde_json::{Value, json};

use super::blocks::{ButtonValue, cap, mrkdwn_text};
use crate::attempt::{AttemptId, Dismissal, DismissalReason, Hint};

/// `callback_id` of the dialog that asks why; its `private_metadata` is a [`ButtonValue`].
pub const DISMISSAL_DIALOG: &str = "autofix_dismissal";
/// `callback_id` of the dialog that asks for a hint; its `private_metadata` is an attempt's id.
pub const HINT_DIALOG: &str = "autofix_hint";
/// Fields of the dialogs: `block_id` and `action_id` at once.
pub const REASON_FIELD: &str = "reason";
pub const WORDS_FIELD: &str = "words";
pub const HINT_FIELD: &str = "hint";

/// Slack's limits of a title and of a label.
const TITLE_CHARS: usize = 24;
const SENTENCE_CHARS: usize = 2_000;

/// A dialog.
#[derive(Clone, Debug, PartialEq)]
pub struct Dialog(Value);

impl Dialog {
    /// The view, as `views.open` and the answer to a submission take it.
    pub fn to_json(&self) -> Value {
        self.0.clone()
    }
}

/// Asks why a fix is dismissed.
pub fn dismissal_dialog(fix: &ButtonValue) -> Dialog {
    let options: Vec<Value> = DismissalReason::ALL
        .iter()
        .map(|reason| json!({ "text": plain(dismissal_label(*reason)), "value": reason.as_str() }))
        .collect();
    let reason = json!({ "type": "radio_buttons", "action_id": REASON_FIELD, "options": options });
    let words =
        text_input(WORDS_FIELD, Dismissal::MAX_CHARS, "What should the next person, or AutoFix, know?");
    let blocks = json!([
        input(REASON_FIELD, "Why?", reason, Needed::Yes),
        input(WORDS_FIELD, "In your words", words, Needed::No),
        note("The pull request is closed and its branch deleted. The reason stands on the card."),
    ]);
    dialog("Dismiss this fix", Some("Dismiss"), blocks).about(DISMISSAL_DIALOG, &fix.to_string())
}

/// Asks what another analysis should know.
pub fn hint_dialog(attempt: AttemptId) -> Dialog {
    let hint =
        text_input(HINT_FIELD, Hint::MAX_CHARS, "For example: the address comes from the legacy import");
    let blocks = json!([
        input(HINT_FIELD, "What should AutoFix know?", hint, Needed::Yes),
        note(
            "Starts one new analysis of the same error. Your words go to Claude with it; what may become a pull request is decided by the same rules as ever."
        ),
    ]);
    dialog("Try again with a hint", Some("Try again"), blocks).about(HINT_DIALOG, &attempt.to_string())
}

/// Tells a person what became of what was sent, in place of the dialog.
pub fn told_dialog(sentence: &str) -> Dialog {
    let text = mrkdwn_text(&cap(sentence, SENTENCE_CHARS), SENTENCE_CHARS);
    dialog("AutoFix", None, json!([{ "type": "section", "text": text }]))
}

/// A dismissal's reason in words.
pub fn dismissal_label(reason: DismissalReason) -> &'static str {
    match reason {
        DismissalReason::WrongCause => "The cause is wrong",
        DismissalReason::WrongFix => "The fix is wrong",
        DismissalReason::TooRisky => "Too risky",
        DismissalReason::WillFixMyself => "I will fix it myself",
        DismissalReason::NotABug => "It is not a bug",
    }
}

impl Dialog {
    fn about(mut self, callback_id: &str, what: &str) -> Dialog {
        self.0["callback_id"] = json!(callback_id);
        self.0["private_metadata"] = json!(what);
        self
    }
}

enum Needed {
    Yes,
    No,
}

fn dialog(title: &str, submit: Option<&str>, blocks: Value) -> Dialog {
    let close = if submit.is_some() { "Cancel" } else { "Close" };
    let mut view = json!({
        "type": "modal", "title": plain(&cap(title, TITLE_CHARS)), "close": plain(close), "blocks": blocks,
    });
    if let Some(submit) = submit {
        view["submit"] = plain(submit);
    }
    Dialog(view)
}

fn input(field: &str, label: &str, element: Value, needed: Needed) -> Value {
    let optional = matches!(needed, Needed::No);
    json!({
        "type": "input", "block_id": field, "label": plain(label), "element": element, "optional": optional,
    })
}

fn text_input(field: &str, max_chars: usize, placeholder: &str) -> Value {
    json!({
        "type": "plain_text_input", "action_id": field, "multiline": true, "max_length": max_chars,
        "placeholder": plain(placeholder),
    })
}

fn note(sentence: &str) -> Value {
    json!({ "type": "context", "elements": [plain(sentence)] })
}

fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text, "emoji": true })
}
