//! The buttons of a card: what people may decide in each state.

use serde_json::{Value, json};

use super::blocks::{ButtonValue, Card, DEPLOY, DISMISS, ROLL_BACK, TRY_AGAIN, button};
use crate::attempt::{Attempt, RollBack, State};

/// What a click can do: without a signing secret nobody could prove one, and a dialog needs a bot token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buttons {
    LinksOnly,
    Shown,
    /// Those that open a dialog, too.
    WithDialogs,
}

/// Adds the buttons that this state offers, if any.
pub(super) fn show(card: &mut Card, attempt: &Attempt, buttons: Buttons) {
    if buttons == Buttons::LinksOnly {
        return;
    }
    let mut offered = decisions(attempt);
    if buttons == Buttons::WithDialogs && attempt.can_be_tried_again() {
        offered.push(button(TRY_AGAIN, "💡 Try again with a hint", &attempt.id.to_string()));
    }
    if !offered.is_empty() {
        card.actions(&format!("autofix_{}", attempt.id.short()), offered);
    }
}

fn decisions(attempt: &Attempt) -> Vec<Value> {
    let Some(pull_request) = attempt.state.pull_request() else { return Vec::new() };
    let fix = ButtonValue { attempt: attempt.id, head_sha: pull_request.head_sha.clone() }.to_string();
    let deploy = |label| styled("primary", button(DEPLOY, label, &fix));
    let dismiss = || styled("danger", button(DISMISS, "❌ Dismiss", &fix));
    match &attempt.state {
        State::AwaitingApproval { .. } if attempt.lacks_required_proof() => vec![dismiss()],
        State::AwaitingApproval { problem: Some(_), .. } => vec![deploy("🔁 Try again"), dismiss()],
        State::AwaitingApproval { .. } => vec![deploy("🚀 Deploy Live"), dismiss()],
        State::PrCreated { .. } => vec![dismiss()],
        State::Regressed { merged, roll_back: RollBack::Offered | RollBack::Refused { .. }, .. } => {
            let mut back = styled("danger", button(ROLL_BACK, "↩️ Roll back", &fix));
            back["confirm"] = confirm(merged.pull_request.number);
            vec![back]
        }
        _ => Vec::new(), // nothing to decide, or decided already
    }
}

/// Slack asks before it sends the click.
fn confirm(number: u64) -> Value {
    let plain = |text: &str| json!({ "type": "plain_text", "text": text, "emoji": true });
    json!({
        "title": plain("Roll this fix back?"),
        "text": plain(&format!(
            "A pull request that reverts #{number} is opened and merged. What was deployed with the fix since then stays."
        )),
        "confirm": plain("Roll back"),
        "deny": plain("Cancel"),
        "style": "danger",
    })
}

fn styled(style: &str, mut button: Value) -> Value {
    button["style"] = json!(style);
    button
}
