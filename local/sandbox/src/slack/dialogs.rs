//! Modals: opened with the trigger of a press, filled in by a person, sent to the app, and answered by it.

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::markup::user_name;
use super::workspace::{Refusal, Workspace};
use super::{APP_ID, BOT_ID, SignedForm, Slack, TEAM_ID, block_kit, lock, rendering};

/// Seconds that a press may open a dialog for.
const TRIGGER_SECONDS: i64 = 3;
/// Bytes of a view.
const VIEW_BYTES: usize = 250_000;

/// What a press may open once, for a moment.
#[derive(Clone)]
pub(super) struct Trigger {
    pub(super) id: String,
    pub(super) user: String,
    pub(super) made_at: i64,
    pub(super) used: bool,
}

/// A dialog that a person has before their eyes.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenView {
    pub id: String,
    pub user: String,
    /// The view as the app gave it.
    pub view: Value,
}

impl OpenView {
    /// The dialog as plain text.
    pub fn shown(&self) -> String {
        let title = self.view["title"]["text"].as_str().unwrap_or_default();
        let blocks = self.view["blocks"].as_array().map(Vec::as_slice).unwrap_or_default();
        format!("{title}\n\n{}", rendering::rendered(blocks))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Open {
    trigger_id: String,
    view: Value,
}

/// `views.open`.
pub(super) fn open(workspace: &mut Workspace, Open { trigger_id, view }: Open) -> Result<Value, Refusal> {
    let details = block_kit::view_problems(&view);
    if !details.is_empty() {
        return Err(Refusal { code: "invalid_arguments", details });
    }
    if view.to_string().len() > VIEW_BYTES {
        return Err("view_too_large".into());
    }
    let now = workspace.clock.now().as_second();
    let number = workspace.views_opened + 1;
    let trigger =
        workspace.triggers.iter_mut().find(|trigger| trigger.id == trigger_id).ok_or("invalid_trigger_id")?;
    if trigger.used {
        return Err("exchanged_trigger_id".into());
    }
    if now - trigger.made_at > TRIGGER_SECONDS {
        return Err("expired_trigger_id".into());
    }
    trigger.used = true;
    let opened = OpenView { id: format!("V{number:08}"), user: trigger.user.clone(), view };
    workspace.views_opened = number;
    let shown = view_json(&opened, &json!({"values": {}}));
    workspace.views.push(opened);
    Ok(json!({"view": shown}))
}

impl Slack {
    /// The dialogs that are open, oldest first.
    pub fn views(&self) -> Vec<OpenView> {
        lock(&self.workspace).views.clone()
    }

    /// The form post of a person sending a dialog with these values by field, signed for `now` (epoch seconds). A
    /// field has one id for its block and its element. The dialog stays open until it is answered.
    ///
    /// # Errors
    /// When Slack itself would not let it be sent: a field is missing, too long, or not there.
    pub fn submit_view(
        &self,
        view: &OpenView,
        values: &[(&str, &str)],
        now: i64,
    ) -> anyhow::Result<SignedForm> {
        Ok(SignedForm::sign(&self.submission(view, values, now)?, now))
    }

    /// What [`Slack::submit_view`] signs.
    ///
    /// # Errors
    /// As there.
    pub fn submission(&self, view: &OpenView, values: &[(&str, &str)], now: i64) -> anyhow::Result<Value> {
        ensure!(self.views().iter().any(|open| open.id == view.id), "this dialog is not open");
        let mut values: BTreeMap<&str, &str> = values.iter().copied().collect();
        let mut state = Map::new();
        for block in view.view["blocks"].as_array().into_iter().flatten() {
            if block["type"] != "input" {
                continue;
            }
            let field = block["block_id"].as_str().context("an input without `block_id`")?;
            let element = &block["element"];
            let action = element["action_id"].as_str().context("an input without `action_id`")?;
            let filled = filled(element, values.remove(field))?;
            ensure!(filled.is_some() || block["optional"] == true, "the field `{field}` has to be filled in");
            let empty = match element["type"].as_str() {
                Some("radio_buttons") => json!({"type": "radio_buttons", "selected_option": null}),
                _ => json!({"type": "plain_text_input", "value": null}),
            };
            state.insert(field.to_owned(), json!({action: filled.unwrap_or(empty)}));
        }
        ensure!(values.is_empty(), "the dialog has no fields {:?}", values.keys());
        let mut payload = self.payload("view_submission", &view.user, now);
        payload["view"] = view_json(view, &json!({"values": state}));
        payload["response_urls"] = json!([]);
        Ok(payload)
    }

    /// What all payloads to the app have in common. Each of them may open one dialog.
    pub(super) fn payload(&self, kind: &str, user: &str, now: i64) -> Value {
        let mut workspace = lock(&self.workspace);
        let id = format!("{now}.{}.sandbox", workspace.triggers.len() + 1);
        let trigger = Trigger { id: id.clone(), user: user.to_owned(), made_at: now, used: false };
        workspace.triggers.push(trigger);
        let name = user_name(user);
        json!({
            "type": kind,
            "team": {"id": TEAM_ID, "domain": "sandbox"},
            "user": {"id": user, "username": name, "name": name, "team_id": TEAM_ID},
            "api_app_id": APP_ID,
            "token": "deprecated-verification-token",
            "trigger_id": id,
            "enterprise": null,
            "is_enterprise_install": false,
        })
    }

    /// What Slack does with the app's answer to a submission: closes the dialog, keeps it with errors at its fields, or
    /// shows another one. Returns what the person sees now.
    ///
    /// # Errors
    /// When the answer is not one that Slack takes.
    pub fn view_answered(&self, view: &OpenView, answer: &Value) -> anyhow::Result<Option<String>> {
        let mut workspace = lock(&self.workspace);
        let index = workspace.views.iter().position(|open| open.id == view.id);
        let index = index.context("this dialog is not open")?;
        match answer["response_action"].as_str() {
            None if answer.is_null() => {
                workspace.views.remove(index);
                Ok(None)
            }
            Some("clear") => {
                workspace.views.clear();
                Ok(None)
            }
            Some("errors") => {
                let errors = answer["errors"].as_object().context("errors without `errors`")?;
                let blocks = view.view["blocks"].as_array().context("a view without blocks")?;
                for (field, sentence) in errors {
                    let known =
                        blocks.iter().any(|b| b["type"] == "input" && b["block_id"] == field.as_str());
                    ensure!(known && sentence.is_string(), "no input `{field}` for an error");
                }
                Ok(Some(errors.values().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")))
            }
            Some("update") => {
                let problems = block_kit::view_problems(&answer["view"]);
                ensure!(problems.is_empty(), "Slack refuses the view: {problems:?}");
                workspace.views[index].view = answer["view"].clone();
                Ok(Some(workspace.views[index].shown()))
            }
            _ => bail!("Slack does not know this answer to a submission: {answer}"),
        }
    }
}

fn filled(element: &Value, value: Option<&str>) -> anyhow::Result<Option<Value>> {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(None) };
    match element["type"].as_str() {
        Some("radio_buttons") => {
            let options = element["options"].as_array().context("no options")?;
            let option = options.iter().find(|option| option["value"] == value);
            let option = option.with_context(|| format!("there is no option `{value}`"))?;
            Ok(Some(json!({"type": "radio_buttons", "selected_option": option})))
        }
        _ => {
            let longest = element["max_length"].as_u64().unwrap_or(3_000);
            ensure!(value.chars().count() as u64 <= longest, "longer than {longest} characters");
            Ok(Some(json!({"type": "plain_text_input", "value": value})))
        }
    }
}

fn view_json(opened: &OpenView, state: &Value) -> Value {
    let mut view = opened.view.clone();
    for (key, value) in [
        ("id", json!(opened.id)),
        ("team_id", json!(TEAM_ID)),
        ("app_id", json!(APP_ID)),
        ("bot_id", json!(BOT_ID)),
        ("state", state.clone()),
        ("hash", json!("1795000000.sandbox")),
        ("root_view_id", json!(opened.id)),
        ("previous_view_id", Value::Null),
    ] {
        view[key] = value;
    }
    for key in ["callback_id", "private_metadata"] {
        if view[key].is_null() {
            view[key] = json!("");
        }
    }
    view
}
