//! Slack's interaction form: one field, `payload`, with JSON in it. Only what is needed is read.

use std::collections::HashMap;

use autofix::attempt::{AttemptId, DismissalReason};
use autofix::messages::{
    ButtonValue, DEPLOY, DISMISS, DISMISSAL_DIALOG, HINT_DIALOG, HINT_FIELD, REASON_FIELD, ROLL_BACK,
    TRY_AGAIN, WORDS_FIELD,
};
use autofix::slack::MessageRef;
use serde::Deserialize;

/// Longest id that is taken over; Slack's are about eleven characters.
const MAX_ID: usize = 40;
/// Longest `ts` and `trigger_id` that are taken over.
const MAX_TOKEN: usize = 200;

/// What a form asks for.
#[derive(Debug)]
pub enum Form {
    Click(Click),
    Submission(Submission),
    NothingToDo,
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Slack user id.
    pub id: String,
    /// The workspace in which it was done.
    pub team: String,
    /// The person's own workspace: another one for guests of a channel that two companies share.
    pub home: Option<String>,
    /// The organisation of an Enterprise Grid.
    pub enterprise: Option<String>,
}

/// A click on one of our buttons.
#[derive(Debug)]
pub struct Click {
    pub person: Person,
    pub asks: Asks,
    pub response_url: Option<String>,
    /// Opens one dialog within three seconds.
    pub trigger_id: Option<String>,
    /// The card that was clicked.
    pub card: Option<MessageRef>,
}

/// What a click wants.
#[derive(Clone, Debug)]
pub enum Asks {
    Deploy(ButtonValue),
    Dismiss(ButtonValue),
    RollBack(ButtonValue),
    TryAgain(AttemptId),
}

/// A dialog that was sent.
#[derive(Debug)]
pub struct Submission {
    pub person: Person,
    pub said: Said,
}

/// What stood in the dialog.
#[derive(Debug)]
pub enum Said {
    Dismissal { fix: ButtonValue, reason: Option<DismissalReason>, words: String },
    Hint { attempt: AttemptId, text: String },
}

/// The form is not one that Slack sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnInteraction {
    #[error("The body is not a form with one field `payload`")]
    NoPayload,
    #[error("The field `payload` is not the JSON of an interaction")]
    NotJson,
    #[error("The interaction lacks its user or workspace")]
    NoUser,
}

/// Slack checks a certificate with `ssl_check=1` and no signature; it asks for nothing.
pub fn is_certificate_check(body: &[u8]) -> bool {
    let mut fields = url::form_urlencoded::parse(body);
    body.len() < 4_096 && fields.any(|(name, value)| name == "ssl_check" && value == "1")
}

/// Reads a form whose signature has been verified.
///
/// # Errors
/// [`NotAnInteraction`] where Slack would not send it.
pub fn read(body: &[u8]) -> Result<Form, NotAnInteraction> {
    let mut payloads = url::form_urlencoded::parse(body).filter(|(name, _)| name == "payload");
    // Two payloads are two readings of one click: whoever looks at the other one sees another decision.
    let (Some((_, payload)), None) = (payloads.next(), payloads.next()) else {
        return Err(NotAnInteraction::NoPayload);
    };
    let payload: Payload = serde_json::from_str(&payload).map_err(|_| NotAnInteraction::NotJson)?;
    match payload.kind.as_str() {
        "block_actions" => {
            let person = person(&payload)?;
            Ok(asks(&payload).map_or(Form::NothingToDo, |asks| {
                Form::Click(Click {
                    person,
                    asks,
                    card: card(&payload),
                    response_url: payload.response_url,
                    trigger_id: payload.trigger_id.filter(|id| !id.is_empty() && id.len() <= MAX_TOKEN),
                })
            }))
        }
        "view_submission" => {
            let person = person(&payload)?;
            let said = payload.view.as_ref().and_then(said);
            Ok(said.map_or(Form::NothingToDo, |said| Form::Submission(Submission { person, said })))
        }
        _ => Ok(Form::NothingToDo), // a closed dialog, a shortcut: nothing of ours
    }
}

fn person(payload: &Payload) -> Result<Person, NotAnInteraction> {
    let user = payload.user.as_ref();
    let home = user.and_then(|user| user.team_id.clone()).filter(|id| is_id(id));
    let enterprise = id(payload.enterprise.as_ref())
        .or_else(|| user.and_then(|user| user.enterprise_id.clone()).filter(|id| is_id(id)));
    Ok(Person {
        id: id(user).ok_or(NotAnInteraction::NoUser)?,
        // For an organisation-wide installation `team` may be null; the person's own team stands for it, or the organisation.
        team: id(payload.team.as_ref())
            .or_else(|| home.clone())
            .or_else(|| enterprise.clone())
            .ok_or(NotAnInteraction::NoUser)?,
        home,
        enterprise,
    })
}

/// `None` for a link button, and for a button of another app's making.
fn asks(payload: &Payload) -> Option<Asks> {
    let action = payload.actions.first()?;
    let value = action.value.as_deref()?;
    let fix = || ButtonValue::parse(value);
    Some(match action.action_id.as_str() {
        DEPLOY => Asks::Deploy(fix()?),
        DISMISS => Asks::Dismiss(fix()?),
        ROLL_BACK => Asks::RollBack(fix()?),
        TRY_AGAIN => Asks::TryAgain(AttemptId::parse(value).ok()?),
        _ => return None,
    })
}

fn card(payload: &Payload) -> Option<MessageRef> {
    let container = payload.container.as_ref()?;
    let channel = container.channel_id.clone().filter(|id| is_id(id))?;
    let ts = container.message_ts.clone().filter(|ts| !ts.is_empty() && ts.len() <= MAX_TOKEN)?;
    Some(MessageRef { channel, ts })
}

fn said(view: &View) -> Option<Said> {
    let field = |name: &str| view.state.as_ref()?.values.get(name)?.get(name);
    let text = |name: &str| field(name).and_then(|input| input.value.clone()).unwrap_or_default();
    Some(match view.callback_id.as_str() {
        DISMISSAL_DIALOG => Said::Dismissal {
            fix: ButtonValue::parse(&view.private_metadata)?,
            reason: field(REASON_FIELD).and_then(|input| input.selected_option.as_ref()?.value.parse().ok()),
            words: text(WORDS_FIELD),
        },
        HINT_DIALOG => {
            Said::Hint { attempt: AttemptId::parse(&view.private_metadata).ok()?, text: text(HINT_FIELD) }
        }
        _ => return None,
    })
}

fn id(holder: Option<&Holder>) -> Option<String> {
    holder.map(|holder| holder.id.clone()).filter(|id| is_id(id))
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= MAX_ID && id.bytes().all(|b| b.is_ascii_alphanumeric())
}

#[derive(Deserialize)]
struct Payload {
    #[serde(rename = "type")]
    kind: String,
    team: Option<Holder>,
    user: Option<Holder>,
    enterprise: Option<Holder>,
    response_url: Option<String>,
    trigger_id: Option<String>,
    container: Option<Container>,
    view: Option<View>,
    #[serde(default)]
    actions: Vec<Action>,
}

#[derive(Deserialize)]
struct Holder {
    id: String,
    team_id: Option<String>,
    enterprise_id: Option<String>,
}

#[derive(Deserialize)]
struct Container {
    channel_id: Option<String>,
    message_ts: Option<String>,
}

#[derive(Deserialize)]
struct Action {
    #[serde(default)]
    action_id: String,
    value: Option<String>,
}

#[derive(Deserialize)]
struct View {
    #[serde(default)]
    callback_id: String,
    #[serde(default)]
    private_metadata: String,
    state: Option<ViewState>,
}

/// What the person filled in, by block and by action.
#[derive(Deserialize)]
struct ViewState {
    values: HashMap<String, HashMap<String, Input>>,
}

#[derive(Deserialize)]
struct Input {
    value: Option<String>,
    selected_option: Option<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    value: String,
}
