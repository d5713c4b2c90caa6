//! Reads the body of a webhook whose signature has been verified.
//!
//! What kind of event it is stands in the header `Sentry-Hook-Resource` and the body's `action`.
//! Everything that AutoFix has no use for is [`Webhook::Ignored`], never an error: Sentry adds
//! resources and actions at will. Fields: <https://docs.sentry.io/integrations/integration-platform/webhooks/>.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::event::{WebhookEvent, name};
use super::links;
use super::wire::{Found, Leaf, List, Object};
use crate::cleaning::one_line;
use crate::incident::{Incident, MAX_MESSAGE_CHARS};
use crate::words::word_enum;

/// Characters kept of a resource, action or category that is named in an answer.
const MAX_WORD_CHARS: usize = 40;
/// Pull requests of Sentry's agent that are remembered.
const MAX_PULL_REQUESTS: usize = 5;

/// What a webhook asks for.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "one exists at a time, and is taken apart at once")]
pub enum Webhook {
    /// An error to look at.
    Report(Report),
    /// Sentry's own agent opened a pull request: AutoFix stands down for that issue.
    SentryAgentOpenedPullRequest { issue_id: String, urls: Vec<String> },
    /// Nothing to do. `why` is short, made of safe characters, and starts with "Ignored".
    Ignored { why: String },
}

/// An error, and what happened to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub incident: Incident,
    pub trigger: Trigger,
}

word_enum! {
    /// Why Sentry reports an error.
    pub enum Trigger {
        /// It was seen for the first time, or an alert rule fired for it.
        New = "new",
        /// It was resolved or archived, and is open again.
        Regression = "regression",
    }
}

/// Why a body is no webhook of Sentry's. The text never repeats what the body said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    #[error("The body is not JSON.")]
    NotJson,
    #[error("The body is not what Sentry sends: {what}.")]
    Shape { what: &'static str },
}

/// Reads a body of `resource` (the header's value).
///
/// # Errors
/// [`WebhookError`] where the body is not JSON or lacks what identifies the error.
pub fn read(resource: &str, body: &[u8]) -> Result<Webhook, WebhookError> {
    if let Some(event) = event_at_once(resource, body) {
        return event_report(event);
    }
    let Object(envelope): Object<Envelope<'_>> = parse(body)?;
    let Some(action) = envelope.action.text() else {
        return Err(shape("`action` is missing or not a string"));
    };
    let ignored = || Webhook::Ignored { why: format!("Ignored `{}.{}`", word(resource), word(&action)) };
    let data = || envelope.data.object::<Data<'_>>().ok_or(shape("`data` is missing or not a proper object"));
    match (resource, action.as_ref()) {
        ("issue", "created") => issue(data()?.issue, Trigger::New, &action),
        ("issue", "unresolved") => issue(data()?.issue, Trigger::Regression, &action),
        ("error", "created") => event(data()?.error, "`data.error` is missing or not a proper object"),
        ("event_alert", "triggered") => {
            event(data()?.event, "`data.event` is missing or not a proper object")
        }
        ("seer", "pr_created") => pull_requests(&data()?),
        _ => Ok(ignored()),
    }
}

/// The event of a sound body with a stack trace, in one pass: these are the large ones. Whatever is unusual about
/// a body is `None` here, and left to the reading in steps, which knows what to say about it.
fn event_at_once<'a>(resource: &str, body: &'a [u8]) -> Option<WebhookEvent<'a>> {
    if !matches!(resource, "error" | "event_alert") {
        return None;
    }
    let Object(envelope): Object<EventEnvelope<'a>> =
        serde_json::from_str(std::str::from_utf8(body).ok()?).ok()?;
    let action = envelope.action.text()?;
    match (resource, action.as_ref()) {
        ("error", "created") => envelope.data.0.error.0,
        ("event_alert", "triggered") => envelope.data.0.event.0,
        _ => None,
    }
}

const fn shape(what: &'static str) -> WebhookError {
    WebhookError::Shape { what }
}

/// Parses a whole body. A failure is told apart: text that is not JSON at all, or JSON that cannot
/// be Sentry's (a field given twice, a number no computer holds where an object belongs).
pub(super) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, WebhookError> {
    let text = std::str::from_utf8(body).map_err(|_| WebhookError::NotJson)?;
    serde_json::from_str(text).map_err(|_| match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => shape("a field is given twice or holds an impossible number"),
        Err(_) => WebhookError::NotJson,
    })
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Envelope<'a> {
    action: Leaf<'a>,
    data: Leaf<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Data<'a> {
    issue: Leaf<'a>,
    error: Leaf<'a>,
    event: Leaf<'a>,
    group_id: Leaf<'a>,
    pull_requests: List<Object<AgentPullRequest<'a>>>,
}

/// As [`Envelope`] and [`Data`], with the event read on the way.
#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct EventEnvelope<'a> {
    action: Leaf<'a>,
    data: Object<EventData<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct EventData<'a> {
    error: Found<WebhookEvent<'a>>,
    event: Found<WebhookEvent<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct AgentPullRequest<'a> {
    pull_request: Object<PullRequest<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct PullRequest<'a> {
    pr_url: Leaf<'a>,
}

/// An issue as webhooks and lists have it: without a stack trace.
#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Issue<'a> {
    id: Leaf<'a>,
    url: Leaf<'a>,
    web_url: Leaf<'a>,
    permalink: Leaf<'a>,
    project_url: Leaf<'a>,
    title: Leaf<'a>,
    culprit: Leaf<'a>,
    level: Leaf<'a>,
    platform: Leaf<'a>,
    project: Object<Project<'a>>,
    #[serde(rename = "issueCategory")]
    category: Leaf<'a>,
    #[serde(rename = "userCount")]
    user_count: Leaf<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Project<'a> {
    id: Leaf<'a>,
    slug: Leaf<'a>,
}

fn issue(found: Leaf<'_>, trigger: Trigger, action: &str) -> Result<Webhook, WebhookError> {
    let issue: Issue<'_> = found.object().ok_or(shape("`data.issue` is missing or not a proper object"))?;
    // Outages, performance problems and users' feedback come as issues, too.
    if let Some(category) = issue.category.text().filter(|category| category != "error") {
        let why = format!("Ignored `issue.{}` of category `{}`", word(action), word(&category));
        return Ok(Webhook::Ignored { why });
    }
    Ok(Webhook::Report(Report { incident: issue.incident()?, trigger }))
}

impl Issue<'_> {
    pub(super) fn incident(self) -> Result<Incident, WebhookError> {
        let addresses = [self.url, self.web_url, self.permalink, self.project_url];
        let issue_id = issue_id(self.id, &addresses)
            .ok_or(shape("`data.issue.id` is missing or not 1 to 20 decimal digits"))?;
        let project = slug(self.project.0.slug)
            .or_else(|| slug(self.project.0.id))
            .ok_or(shape("`data.issue.project` names no project"))?;
        let incident = Incident {
            organization: first_in(&addresses, links::organization),
            project,
            issue_id,
            title: one_line(&self.title.text().unwrap_or_default(), MAX_MESSAGE_CHARS),
            culprit: name(self.culprit),
            level: name(self.level),
            platform: name(self.platform),
            web_url: first_link(&[self.web_url, self.permalink]),
            user_count: self.user_count.whole(),
            ..Incident::default()
        };
        Ok(incident.bounded())
    }
}

fn event(found: Leaf<'_>, missing: &'static str) -> Result<Webhook, WebhookError> {
    event_report(found.object().ok_or(shape(missing))?)
}

fn event_report(event: WebhookEvent<'_>) -> Result<Webhook, WebhookError> {
    let addresses = [event.issue_url, event.url, event.web_url];
    let issue_id = issue_id(event.issue_id, &addresses)
        .ok_or(shape("`issue_id` of the event is missing or not 1 to 20 decimal digits"))?;
    let project = first_in(&addresses, links::project)
        .or_else(|| slug(event.project))
        .ok_or(shape("the event names no project"))?;
    let identity = Incident {
        organization: first_in(&addresses, links::organization),
        project,
        issue_id,
        web_url: first_link(&[event.web_url]),
        ..Incident::default()
    };
    let read = event.parts().incident();
    let incident = Incident {
        organization: identity.organization,
        project: identity.project,
        issue_id: identity.issue_id,
        web_url: identity.web_url,
        ..read
    };
    Ok(Webhook::Report(Report { incident: incident.bounded(), trigger: Trigger::New }))
}

fn pull_requests(data: &Data<'_>) -> Result<Webhook, WebhookError> {
    let issue_id = issue_id(data.group_id, &[])
        .ok_or(shape("`data.group_id` is missing or not 1 to 20 decimal digits"))?;
    let address =
        |found: &Object<AgentPullRequest<'_>>| links::for_people(&found.0.pull_request.0.pr_url.text()?);
    let urls = data.pull_requests.0.iter().filter_map(address).take(MAX_PULL_REQUESTS).collect();
    Ok(Webhook::SentryAgentOpenedPullRequest { issue_id, urls })
}

/// The id given, else the one that an address names (payloads of 2020 have only that).
pub(super) fn issue_id(given: Leaf<'_>, addresses: &[Leaf<'_>]) -> Option<String> {
    match given.words() {
        Some(id) => links::is_issue_id(&id).then(|| id.into_owned()),
        None => first_in(addresses, links::issue_id),
    }
}

pub(super) fn slug(leaf: Leaf<'_>) -> Option<String> {
    leaf.text().filter(|text| links::is_slug(text)).map(String::from)
}

pub(super) fn first_in(addresses: &[Leaf<'_>], find: fn(&str) -> Option<&str>) -> Option<String> {
    addresses.iter().find_map(|address| Some(find(&address.text()?)?.to_owned()))
}

pub(super) fn first_link(addresses: &[Leaf<'_>]) -> Option<String> {
    addresses.iter().find_map(|address| links::for_people(&address.text()?))
}

/// A word of Sentry's, safe to repeat in an answer or a log.
fn word(text: &str) -> String {
    let safe = text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    let word: String = safe.take(MAX_WORD_CHARS).collect();
    if word.is_empty() { "?".to_owned() } else { word }
}

#[cfg(test)]
mod tests;
