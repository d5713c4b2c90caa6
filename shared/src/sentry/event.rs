//! Reads an event in both dialects that Sentry speaks, the webhooks' (snake case) and the REST
//! API's (camel case, `entries`), into one [`Incident`]. [`read_event`] takes either.
//!
//! Every string is cleaned and capped on its way in. The two dialects meet in `Parts`; nothing
//! behind it knows which one it was.

use serde::Deserialize;

use super::stack::{Stack, Stacks, Thread, WireException, exceptions};
use super::variables::Spelling;
use super::webhook::{self, Identity, WebhookError};
use super::wire::{Leaf, List, Object, Pair, Pairs, Values};
use super::{links, release};
use crate::cleaning::one_line;
use crate::incident::{
    Breadcrumb, Exception, Incident, MAX_BREADCRUMBS, MAX_MESSAGE_CHARS, MAX_NAME_CHARS, MAX_PROBLEMS,
    Request,
};

/// Reads the answer of `GET …/issues/{id}/events/{event}/`. The issue stays the `known` one, since
/// that is what the attempt was claimed for; what else the answer lacks is filled in from it.
///
/// # Errors
/// [`WebhookError::NotJson`], or [`WebhookError::Shape`] where the answer is no event.
pub fn read_rest_event(body: &[u8], known: &Incident) -> Result<Incident, WebhookError> {
    let Object(event): Object<RestEvent<'_>> = super::webhook::parse(body)?;
    if !event.entries.is_list() {
        return Err(WebhookError::Shape { what: "`entries` is missing or not a list" });
    }
    let group = event.group.text().filter(|id| links::is_issue_id(id)).map(String::from);
    let project = event.project.text().filter(|id| links::is_slug(id)).map(String::from);
    let read = event.parts().incident();
    let kept = |known: &str, read: Option<String>| match known {
        "" => read.unwrap_or_default(),
        known => known.to_owned(),
    };
    let merged = Incident {
        organization: known.organization.clone(),
        project: kept(&known.project, project),
        issue_id: kept(&known.issue_id, group),
        event_id: read.event_id.or_else(|| known.event_id.clone()),
        message_template: read.message_template.or_else(|| known.message_template.clone()),
        title: if read.title.is_empty() { known.title.clone() } else { read.title },
        culprit: read.culprit.or_else(|| known.culprit.clone()),
        level: read.level.or_else(|| known.level.clone()),
        platform: read.platform.or_else(|| known.platform.clone()),
        environment: read.environment.or_else(|| known.environment.clone()),
        release: read.release.or_else(|| known.release.clone()),
        web_url: known.web_url.clone(),
        transaction: read.transaction.or_else(|| known.transaction.clone()),
        request: read.request.or_else(|| known.request.clone()),
        user_count: read.user_count.or(known.user_count),
        exceptions: if read.exceptions.is_empty() { known.exceptions.clone() } else { read.exceptions },
        breadcrumbs: if read.breadcrumbs.is_empty() { known.breadcrumbs.clone() } else { read.breadcrumbs },
        problems: read.problems,
    };
    if !links::is_issue_id(&merged.issue_id) {
        return Err(WebhookError::Shape { what: "`groupID` is missing or not 1 to 20 decimal digits" });
    }
    Ok(merged.bounded())
}

/// Reads one event whose envelope is not known: what Sentry's "JSON" link downloads, an event of the REST API, or the
/// `event` of the legacy WebHooks plugin. Organisation, project, issue and link are filled in as far as the event
/// names them, and are empty otherwise.
///
/// # Errors
/// [`WebhookError::NotJson`], or [`WebhookError::Shape`] if the JSON is no event.
pub fn read_event(body: &[u8]) -> Result<Incident, WebhookError> {
    let event: Leaf<'_> = webhook::parse(body)?;
    any_event(event).ok_or(WebhookError::Shape {
        what: "it is no event: it has neither `exception`, `logentry`, `threads`, `stacktrace` nor `entries`",
    })
}

/// As [`read_event`], for an event inside of a larger body. `None` if the value is no event.
pub(super) fn any_event(event: Leaf<'_>) -> Option<Incident> {
    let rest: RestEvent<'_> = event.object()?;
    let plain: WebhookEvent<'_> = event.object()?;
    let addresses = [plain.issue_url, plain.url, plain.web_url];
    let issue_id = webhook::issue_id(plain.issue_id, &addresses);
    let project = webhook::first_in(&addresses, links::project).or_else(|| webhook::slug(plain.project));
    let identity = Identity {
        organization: webhook::first_in(&addresses, links::organization),
        project: project.or_else(|| webhook::slug(rest.project)).unwrap_or_default(),
        issue_id: issue_id.or_else(|| webhook::issue_id(rest.group, &[])).unwrap_or_default(),
        web_url: webhook::first_link(&[plain.web_url]),
    };
    let parts = if rest.entries.is_list() { rest.parts() } else { plain.parts() };
    if !parts.describe_something() {
        return None;
    }
    Some(identity.incident(parts.incident()))
}

/// `data.event` and `data.error` of a webhook.
#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct WebhookEvent<'a> {
    pub(super) event_id: Leaf<'a>,
    pub(super) project: Leaf<'a>,
    pub(super) issue_id: Leaf<'a>,
    pub(super) issue_url: Leaf<'a>,
    pub(super) url: Leaf<'a>,
    pub(super) web_url: Leaf<'a>,
    /// `error`, `default` for a message, or what is no error.
    #[serde(rename = "type")]
    pub(super) kind: Leaf<'a>,
    pub(super) occurrence: Leaf<'a>,
    release: Leaf<'a>,
    environment: Leaf<'a>,
    platform: Leaf<'a>,
    level: Leaf<'a>,
    culprit: Leaf<'a>,
    title: Leaf<'a>,
    message: Leaf<'a>,
    logentry: Leaf<'a>,
    metadata: Object<Metadata<'a>>,
    transaction: Leaf<'a>,
    pub(super) tags: Pairs<'a>,
    request: Object<WireRequest<'a>>,
    exception: Values<Object<WireException<'a>>>,
    threads: Values<Object<Thread<'a>>>,
    stacktrace: Object<Stack<'a>>,
    breadcrumbs: Values<Leaf<'a>>,
    errors: List<Object<Problem<'a>>>,
    /// The names that events had before Sentry 9.1, which the legacy WebHooks plugin of such a server still sends.
    #[serde(rename = "sentry.interfaces.Exception")]
    old_exception: Values<Object<WireException<'a>>>,
    #[serde(rename = "sentry.interfaces.Stacktrace")]
    old_stacktrace: Object<Stack<'a>>,
    #[serde(rename = "sentry.interfaces.Message")]
    old_message: Leaf<'a>,
    #[serde(rename = "sentry.interfaces.Http")]
    old_request: Object<WireRequest<'a>>,
    #[serde(rename = "sentry.interfaces.Breadcrumbs")]
    old_breadcrumbs: Values<Leaf<'a>>,
}

impl<'a> WebhookEvent<'a> {
    pub(super) fn parts(mut self) -> Parts<'a> {
        if self.exception.0.is_empty() {
            self.exception = self.old_exception;
        }
        if self.stacktrace.0.is_empty() {
            self.stacktrace = self.old_stacktrace;
        }
        if self.breadcrumbs.0.is_empty() {
            self.breadcrumbs = self.old_breadcrumbs;
        }
        if self.request.0.url.words().is_none() {
            self.request = self.old_request;
        }
        let said = [self.message, self.logentry, self.old_message].map(words_of_message);
        let message = said.into_iter().find(|leaf| leaf.words().is_some()).unwrap_or_default();
        let templates = [self.logentry, self.old_message, self.message].map(template);
        let template = templates.into_iter().find(|leaf| leaf.words().is_some()).unwrap_or_default();
        Parts {
            template,
            event_id: self.event_id,
            title: self.title,
            message,
            culprit: self.culprit,
            level: self.level,
            platform: self.platform,
            environment: self.environment,
            release: self.release,
            transaction: self.transaction,
            metadata: self.metadata.0,
            tags: self.tags.0,
            request: self.request.0,
            exceptions: self.exception.0,
            threads: self.threads.0,
            stack: self.stacktrace.0,
            breadcrumbs: self.breadcrumbs.0,
            problems: self.errors.0,
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct RestEvent<'a> {
    #[serde(rename = "eventID")]
    event_id: Leaf<'a>,
    #[serde(rename = "groupID")]
    group: Leaf<'a>,
    #[serde(rename = "projectID")]
    project: Leaf<'a>,
    title: Leaf<'a>,
    message: Leaf<'a>,
    culprit: Leaf<'a>,
    platform: Leaf<'a>,
    release: Leaf<'a>,
    metadata: Object<Metadata<'a>>,
    tags: Pairs<'a>,
    entries: Leaf<'a>,
    errors: List<Object<Problem<'a>>>,
}

/// An error that Sentry met while it processed the event.
#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: Leaf<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Entry<'a> {
    #[serde(rename = "type")]
    kind: Leaf<'a>,
    data: Leaf<'a>,
}

impl<'a> RestEvent<'a> {
    fn parts(self) -> Parts<'a> {
        let mut parts = Parts {
            event_id: self.event_id,
            title: self.title,
            message: words_of_message(self.message),
            culprit: self.culprit,
            platform: self.platform,
            release: self.release,
            metadata: self.metadata.0,
            tags: self.tags.0,
            problems: self.errors.0,
            ..Parts::default()
        };
        let entries: List<Object<Entry<'a>>> = self.entries.read();
        for Object(entry) in entries.0 {
            match entry.kind.text().as_deref() {
                Some("exception") => parts.exceptions = entry.data.read::<Values<_>>().0,
                Some("threads") => parts.threads = entry.data.read::<Values<_>>().0,
                Some("breadcrumbs") => parts.breadcrumbs = entry.data.read::<Values<_>>().0,
                Some("stacktrace") => parts.stack = entry.data.read::<Object<Stack<'a>>>().0,
                Some("request") => parts.request = entry.data.read::<Object<WireRequest<'a>>>().0,
                Some("message") => {
                    parts.template = template(entry.data);
                    if parts.message.words().is_none() {
                        parts.message = words_of_message(entry.data);
                    }
                }
                _ => {}
            }
        }
        parts
    }
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Message<'a> {
    formatted: Leaf<'a>,
    /// The template.
    message: Leaf<'a>,
}

/// What a message says: it is text, or an object with a template and what became of it.
fn words_of_message(message: Leaf<'_>) -> Leaf<'_> {
    if !message.is_object() {
        return message;
    }
    let Object(Message { formatted, message }) = message.read();
    formatted.words().map_or(message, |_| formatted)
}

/// The template of a message; absent where it is text.
fn template(message: Leaf<'_>) -> Leaf<'_> {
    message.read::<Object<Message<'_>>>().0.message
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Metadata<'a> {
    #[serde(rename = "type")]
    kind: Leaf<'a>,
    value: Leaf<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct WireRequest<'a> {
    method: Leaf<'a>,
    url: Leaf<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Crumb<'a> {
    category: Leaf<'a>,
    #[serde(rename = "type")]
    kind: Leaf<'a>,
    level: Leaf<'a>,
    message: Leaf<'a>,
    data: Leaf<'a>,
}

/// What both dialects tell of an event.
#[derive(Default)]
pub(super) struct Parts<'a> {
    event_id: Leaf<'a>,
    title: Leaf<'a>,
    message: Leaf<'a>,
    template: Leaf<'a>,
    culprit: Leaf<'a>,
    level: Leaf<'a>,
    platform: Leaf<'a>,
    environment: Leaf<'a>,
    release: Leaf<'a>,
    transaction: Leaf<'a>,
    metadata: Metadata<'a>,
    tags: Vec<Pair<'a>>,
    request: WireRequest<'a>,
    exceptions: Vec<Object<WireException<'a>>>,
    threads: Vec<Object<Thread<'a>>>,
    stack: Stack<'a>,
    breadcrumbs: Vec<Leaf<'a>>,
    problems: Vec<Object<Problem<'a>>>,
}

impl Parts<'_> {
    /// Whether there is an error in it at all.
    fn describe_something(&self) -> bool {
        !(self.exceptions.is_empty()
            && self.threads.is_empty()
            && self.stack.is_empty()
            && (self.event_id.words().is_none() || self.message.words().is_none()))
    }

    /// The incident without its identity (organisation, project, issue, link), which the caller
    /// knows better. Not yet [`Incident::bounded`].
    pub(super) fn incident(self) -> Incident {
        let tag = |wanted: &str| {
            let found = self.tags.iter().find(|tag| tag.0.text().as_deref() == Some(wanted))?;
            name(found.1)
        };
        let without_query = |address: String| address.split(['?', '#']).next().map(String::from);
        let culprit = name(self.culprit);
        let transaction = name(self.transaction)
            .or_else(|| tag("transaction"))
            .or_else(|| tag("url").and_then(without_query))
            .or_else(|| culprit.clone());
        let said = cleaned(self.message);
        let title = title(&self);
        let has_chain = !self.exceptions.is_empty();
        let message_template = name(self.template);
        let request = Request {
            method: name(self.request.method),
            url: name(self.request.url).and_then(without_query),
        };
        let released = || tag("release").or_else(|| tag("sentry:release"));
        let release = release::read(self.release).or_else(|| release::of_version(&released()?));
        let stacks = Stacks {
            chain: self.exceptions,
            threads: self.threads,
            own: self.stack,
            spelling: Spelling::of(self.platform.text().as_deref()),
        };
        let exceptions = exceptions(stacks, || {
            (name(self.metadata.kind), said.clone().or_else(|| cleaned(self.metadata.value)))
        });
        let mut incident = Incident { title, exceptions, ..Incident::default() };
        // Sentry's title names a group by its wrapper.
        if ((incident.title.is_empty() && has_chain) || !incident.members().is_empty())
            && let Some((kind, message)) = incident.error()
        {
            incident.title = Exception { kind, message, ..Exception::default() }.title();
        }
        // What was logged is often the same for all errors, so it is only the title of what is no exception.
        if incident.title.is_empty() {
            incident.title = said.unwrap_or_default();
        }
        Incident {
            event_id: self.event_id.text().and_then(|id| event_id(&id)),
            message_template,
            level: name(self.level).or_else(|| tag("level")),
            platform: name(self.platform),
            environment: name(self.environment).or_else(|| tag("environment")),
            release,
            request: Some(request).filter(|request| request.method.is_some() || request.url.is_some()),
            breadcrumbs: newest_breadcrumbs(&self.breadcrumbs),
            problems: problems(self.problems),
            culprit,
            transaction,
            ..incident
        }
    }
}

/// A leaf as a cleaned, capped name; `None` where nothing is left of it.
pub(super) fn name(leaf: Leaf<'_>) -> Option<String> {
    leaf.text().map(|text| one_line(&text, MAX_NAME_CHARS)).filter(|text| !text.is_empty())
}

/// A leaf as one cleaned, capped line; `None` if nothing is left of it.
fn cleaned(leaf: Leaf<'_>) -> Option<String> {
    leaf.text().map(|text| one_line(&text, MAX_MESSAGE_CHARS)).filter(|text| !text.is_empty())
}

fn title(parts: &Parts<'_>) -> String {
    let of_metadata = || match (cleaned(parts.metadata.kind), cleaned(parts.metadata.value)) {
        (Some(kind), Some(value)) => Some(one_line(&format!("{kind}: {value}"), MAX_MESSAGE_CHARS)),
        (kind, value) => kind.or(value),
    };
    cleaned(parts.title).or_else(of_metadata).unwrap_or_default()
}

/// 32 lower-case hex digits, from any spelling of a UUID.
pub(super) fn event_id(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| *c != '-').take(33).collect();
    let valid = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then(|| digits.to_ascii_lowercase())
}

/// Each kind once: an event can have one for each of its frames.
fn problems(all: Vec<Object<Problem<'_>>>) -> Vec<String> {
    let mut kinds: Vec<String> = Vec::new();
    for kind in all.into_iter().filter_map(|Object(problem)| name(problem.kind)) {
        if kinds.len() < MAX_PROBLEMS && !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds
}

/// Only the newest are read at all: SDKs send a hundred.
fn newest_breadcrumbs(all: &[Leaf<'_>]) -> Vec<Breadcrumb> {
    let read = |leaf: &Leaf<'_>| breadcrumb(&leaf.read::<Object<Crumb<'_>>>().0);
    let mut newest: Vec<Breadcrumb> = all.iter().rev().filter_map(read).take(MAX_BREADCRUMBS).collect();
    newest.reverse();
    newest
}

/// `None` for a breadcrumb that says nothing: many have neither message nor data.
fn breadcrumb(crumb: &Crumb<'_>) -> Option<Breadcrumb> {
    let data = || Some(crumb.data).filter(|data| data.is_object())?.shown();
    let message = one_line(&crumb.message.words().or_else(data)?, MAX_NAME_CHARS);
    let category = name(crumb.category).or_else(|| name(crumb.kind));
    (!message.is_empty()).then(|| Breadcrumb { category, level: name(crumb.level), message })
}

#[cfg(test)]
mod tests;
