//! Reads the body of a webhook whose signature has been verified.
//!
//! What kind of event it is stands in the header `Sentry-Hook-Resource` and the body's `action`.
//! Everything that AutoFix has no use for is [`Webhook::Ignored`], never an error: Sentry adds
//! resources and actions at will. Fields: <https://docs.sentry.io/integrations/integration-platform/webhooks/>.

pub use super::body::WebhookError;
use super::body::{parse, read_leniently, shape};
use super::event::{Identity, WebhookEvent};
use super::links::{self, first_in, first_link, issue_id, slug};
use super::wire::{Leaf, Object, leaves};
use crate::incident::Incident;
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

/// Reads a body of `resource` (the header's value). What is nearly JSON is repaired first.
///
/// # Errors
/// [`WebhookError`] where the body is not JSON or lacks what identifies the error.
pub fn read(resource: &str, body: &[u8]) -> Result<Webhook, WebhookError> {
    read_leniently(body, |body| read_json(resource, body))
}

fn read_json(resource: &str, body: &[u8]) -> Result<Webhook, WebhookError> {
    let envelope = parse::<Object<Envelope<'_>>>(body)?.or_default();
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

leaves! {
    struct Envelope { action, data }
}

leaves! {
    struct Data { issue, error, event, group_id, pull_requests }
}

leaves! {
    struct AgentPullRequest { pull_request }
}

leaves! {
    struct PullRequest { pr_url }
}

/// An issue of a list, without its stack trace, as in an `issue` webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedIssue {
    pub incident: Incident,
    /// Events so far; `None` where Sentry does not say.
    pub times_seen: Option<u64>,
}

leaves! {
    /// An issue as webhooks and lists have it: without a stack trace.
    pub(super) struct Issue {
        id, url, web_url, permalink, project_url, title, culprit, level, platform, project,
        category = "issueCategory", issue_type = "issueType",
        /// The kind of its events: servers without categories have only this.
        kind = "type",
        count, user_count = "userCount",
    }
}

leaves! {
    struct Project { id, slug }
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
        let project: Project<'_> = self.project.read();
        let project = slug(project.slug)
            .or_else(|| slug(project.id))
            .ok_or(shape("`data.issue.project` names no project"))?;
        let incident = Incident {
            organization: first_in(&addresses, links::organization),
            project,
            issue_id,
            title: self.title.message().unwrap_or_default(),
            culprit: self.culprit.name(),
            level: self.level.name(),
            platform: self.platform.name(),
            web_url: first_link(&[self.web_url, self.permalink]),
            user_count: self.user_count.whole(),
            ..Incident::default()
        };
        Ok(incident.bounded())
    }
}

fn event(resource: &str, found: Leaf<'_>, missing: &'static str) -> Result<Webhook, WebhookError> {
    let event: WebhookEvent<'_> = found.object().ok_or(shape(missing))?;
    if let Some(what) = event.is_no_error() {
        return Ok(Webhook::Ignored { why: format!("Ignored `{}`: {what}", word(resource)) });
    }
    let identity = identity(&event)?;
    let incident = identity.incident(event.incident());
    Ok(Webhook::Report(Report { incident, trigger: Trigger::New, times_seen: None }))
}

impl WebhookEvent<'_> {
    /// Says what the event is; `None` for an error. What Sentry itself finds (uptime, cron, metrics, slow queries) is an
    /// "occurrence", and its example event is nobody's error.
    pub(super) fn is_no_error(&self) -> Option<String> {
        let is_example = || {
            let sample = self.tags.tag("sample_event")?.text()?;
            (sample == "yes").then(|| "this is Sentry's example event".to_owned())
        };
        let kind = self.kind.words().and_then(|kind| no_error(&kind));
        let occurrence = || self.occurrence.is_object().then(|| "an occurrence is not an error".to_owned());
        kind.or_else(occurrence).or_else(is_example)
    }
}

fn identity(event: &WebhookEvent<'_>) -> Result<Identity, WebhookError> {
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

fn pull_requests(data: &Data<'_>) -> Result<Webhook, WebhookError> {
    let issue_id = issue_id(data.group_id, &[])
        .ok_or(shape("`data.group_id` is missing or not 1 to 20 decimal digits"))?;
    let address = |made: &Leaf<'_>| {
        let PullRequest { pr_url } = made.read::<AgentPullRequest<'_>>().pull_request.read();
        first_link(&[pr_url])
    };
    let urls = data.pull_requests.list().iter().filter_map(address).take(MAX_PULL_REQUESTS).collect();
    Ok(Webhook::SentryAgentOpenedPullRequest { issue_id, urls })
}

/// A word of Sentry's, safe to repeat in an answer or a log.
fn word(text: &str) -> String {
    let safe = text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    let word: String = safe.take(MAX_WORD_CHARS).collect();
    if word.is_empty() { "?".to_owned() } else { word }
}

#[cfg(test)]
mod tests;
