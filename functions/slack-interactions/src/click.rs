//! Slack's interaction form: one field, `payload`, with JSON in it. Only what is needed is read.

use autofix::messages::ButtonValue;
use serde::Deserialize;

/// Longest id that is taken over; Slack's are about eleven characters.
const MAX_ID: usize = 40;

/// What a form asks for.
#[derive(Debug)]
pub(crate) enum Form {
    Click(Click),
    NothingToDo,
}

/// A click on one of our buttons.
#[derive(Debug)]
pub(crate) struct Click {
    pub(crate) team: String,
    pub(crate) user: String,
    pub(crate) action_id: String,
    pub(crate) button: ButtonValue,
    pub(crate) response_url: Option<String>,
}

/// The form is not one that Slack sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAClick {
    #[error("The body is not a form with the field `payload`")]
    NoPayload,
    #[error("The field `payload` is not the JSON of an interaction")]
    NotJson,
    #[error("The interaction lacks its user or workspace")]
    NoUser,
}

/// Slack checks a certificate with `ssl_check=1` and no signature; it asks for nothing.
pub(crate) fn is_certificate_check(body: &[u8]) -> bool {
    let mut fields = url::form_urlencoded::parse(body);
    body.len() < 4_096 && fields.any(|(name, value)| name == "ssl_check" && value == "1")
}

pub(crate) fn read(body: &[u8]) -> Result<Form, NotAClick> {
    let mut fields = url::form_urlencoded::parse(body);
    let (_, payload) = fields.find(|(name, _)| name == "payload").ok_or(NotAClick::NoPayload)?;
    let payload: Payload = serde_json::from_str(&payload).map_err(|_| NotAClick::NotJson)?;
    if payload.kind != "block_actions" {
        return Ok(Form::NothingToDo);
    }
    let user = id(payload.user.as_ref()).ok_or(NotAClick::NoUser)?;
    // For an organisation-wide installation `team` may be null; the user's own team stands for it.
    let user_team = payload.user.as_ref().and_then(|user| user.team_id.clone());
    let team = id(payload.team.as_ref()).or(user_team).ok_or(NotAClick::NoUser)?;
    let action = payload.actions.into_iter().next();
    let button = action.as_ref().and_then(|action| ButtonValue::parse(action.value.as_deref()?));
    Ok(match (action, button) {
        (Some(action), Some(button)) => Form::Click(Click {
            team,
            user,
            action_id: action.action_id,
            button,
            response_url: payload.response_url,
        }),
        _ => Form::NothingToDo, // a button of another app's making
    })
}

fn id(holder: Option<&Holder>) -> Option<String> {
    let id = &holder?.id;
    let good = !id.is_empty() && id.len() <= MAX_ID && id.bytes().all(|b| b.is_ascii_alphanumeric());
    good.then(|| id.clone())
}

#[derive(Deserialize)]
struct Payload {
    #[serde(rename = "type")]
    kind: String,
    team: Option<Holder>,
    user: Option<Holder>,
    response_url: Option<String>,
    #[serde(default)]
    actions: Vec<Action>,
}

#[derive(Deserialize)]
struct Holder {
    id: String,
    team_id: Option<String>,
}

#[derive(Deserialize)]
struct Action {
    #[serde(default)]
    action_id: String,
    value: Option<String>,
}
