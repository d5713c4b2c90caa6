//! Reads the body of a webhook whose signature has been verified.
//!
//! What kind of event it is stands in the header `Sentry-Hook-Resource` and the body's `action`.
//! Everything that AutoFix has no use for is [`Webhook::Ignored`], never an error: Sentry adds
//! resources and actions at will. Fields: <https://docs.sentry.io/integrations/integration-platform/webhooks/>.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::event::{WebhookEvent, name};
use super::lenient_json::repaired;
use super::links;
use super::new_issues::ListedIssue;
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
    /// Events of the issue so far, where the webhook says it.
    pub times_seen: Option<u64>,
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

/// Reads a body of `resource` (the header's value). What is nearly JSON is repaired first.
///
/// # Errors
/// [`WebhookError`] where the body is not JSON or lacks what identifies the error.
pub fn read(resource: &str, body: &[u8]) -> Result<Webhook, WebhookError> {
    read_leniently(body, |body| read_json(resource, body))
}

/// Reads a body, and once more repaired where it is no JSON.
pub(super) fn read_leniently<T>(
    body: &[u8],
    read: impl Fn(&[u8]) -> Result<T, WebhookError>,
) -> Result<T, WebhookError> {
    match read(body) {
        Err(WebhookError::NotJson) => read(repaired(body).as_bytes()),
        read => read,
    }
}

fn read_json(resource: &str, body: &[u8]) -> Result<Webhook, WebhookError> {
    if let Some(event) = event_at_once(resource, body) {
        return event_report(resource, event);
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
        ("error", "created") => {
            event(resource, data()?.error, "`data.error` is missing or not a proper object")
        }
        ("event_alert", "triggered") => {
            event(resource, data()?.event, "`data.event` is missing or not a proper object")
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

pub(super) const fn shape(what: &'static str) -> WebhookError {
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
    #[serde(rename = "issueType")]
    issue_type: Leaf<'a>,
    /// The kind of its events: servers without categories have only this.
    #[serde(rename = "type")]
    kind: Leaf<'a>,
    count: Leaf<'a>,
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
    if let Some(what) = issue.is_no_error() {
        return Ok(Webhook::Ignored { why: format!("Ignored `issue.{}`: {what}", word(action)) });
    }
    let times_seen = issue.count.whole();
    Ok(Webhook::Report(Report { incident: issue.incident()?, trigger, times_seen }))
}

/// The kinds of events that are no errors: "EventTypes" in Sentry's sources. A kind that nobody knows may be one.
const NO_ERRORS: [&str; 9] =
    ["csp", "expectct", "expectstaple", "feedback", "generic", "hpkp", "nel", "transaction", "profile"];

/// What an event of this kind is, if it is no error.
fn no_error(kind: &str) -> Option<String> {
    let known = NO_ERRORS.into_iter().find(|known| *known == kind)?;
    Some(format!("`{known}` is not an error"))
}

impl Issue<'_> {
    /// Outages, performance problems, content security reports and users' feedback come as issues, too. Says what this one
    /// is; `None` for an error.
    pub(super) fn is_no_error(&self) -> Option<String> {
        let other = |said: Leaf<'_>| {
            let said = said.words().filter(|said| said != "error" && said != "default")?;
            Some(format!("`{}` is not an error", word(&said)))
        };
        let kind = self.kind.words();
        other(self.category).or_else(|| other(self.issue_type)).or_else(|| no_error(&kind?))
    }

    /// The issue as an entry of a list of this organisation.
    pub(super) fn listed(self, organization: &str) -> Result<ListedIssue, WebhookError> {
        let times_seen = self.count.whole();
        let incident = self.incident()?;
        Ok(ListedIssue {
            incident: Incident { organization: Some(organization.to_owned()), ..incident },
            times_seen,
        })
    }

    fn incident(self) -> Result<Incident, WebhookError> {
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

fn event(resource: &str, found: Leaf<'_>, missing: &'static str) -> Result<Webhook, WebhookError> {
    event_report(resource, found.object().ok_or(shape(missing))?)
}

fn event_report(resource: &str, event: WebhookEvent<'_>) -> Result<Webhook, WebhookError> {
    if let Some(what) = event.is_no_error() {
        return Ok(Webhook::Ignored { why: format!("Ignored `{}`: {what}", word(resource)) });
    }
    let identity = Identity::of(&event)?;
    let incident = identity.incident(event.parts().incident());
    Ok(Webhook::Report(Report { incident, trigger: Trigger::New, times_seen: None }))
}

impl WebhookEvent<'_> {
    /// Says what the event is; `None` for an error. What Sentry itself finds (uptime, cron, metrics, slow queries) is an
    /// "occurrence", and its example event is nobody's error.
    pub(super) fn is_no_error(&self) -> Option<String> {
        let is_example = || {
            let tag = |tag: &super::wire::Pair<'_>| {
                tag.0.text().as_deref() == Some("sample_event") && tag.1.text().as_deref() == Some("yes")
            };
            self.tags.0.iter().any(tag).then(|| "this is Sentry's example event".to_owned())
        };
        let kind = self.kind.words().and_then(|kind| no_error(&kind));
        let occurrence = || self.occurrence.is_object().then(|| "an occurrence is not an error".to_owned());
        kind.or_else(occurrence).or_else(is_example)
    }
}

/// What identifies the issue of an event.
pub(super) struct Identity {
    pub(super) organization: Option<String>,
    pub(super) project: String,
    pub(super) issue_id: String,
    pub(super) web_url: Option<String>,
}

impl Identity {
    fn of(event: &WebhookEvent<'_>) -> Result<Identity, WebhookError> {
        let addresses = [event.issue_url, event.url, event.web_url];
        Ok(Identity {
            organization: first_in(&addresses, links::organization),
            issue_id: issue_id(event.issue_id, &addresses)
                .ok_or(shape("`issue_id` of the event is missing or not 1 to 20 decimal digits"))?,
            project: first_in(&addresses, links::project)
                .or_else(|| slug(event.project))
                .ok_or(shape("the event names no project"))?,
            web_url: first_link(&[event.web_url]),
        })
    }

    pub(super) fn incident(self, read: Incident) -> Incident {
        let Identity { organization, project, issue_id, web_url } = self;
        Incident { organization, project, issue_id, web_url, ..read }.bounded()
    }
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
