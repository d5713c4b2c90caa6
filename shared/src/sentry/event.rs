//! Reads an event in both dialects that Sentry speaks, the webhooks' (snake case) and the REST
//! API's (camel case, `entries`), into one [`Incident`]. [`read_event`] takes either.
//!
//! Every string is cleaned and capped on its way in. The REST API's dialect is turned into the webhooks'; nothing
//! behind that knows which one it was.

use serde::Deserialize;

use super::body::{WebhookError, parse, shape};
use super::links::{self, first_in, first_link, issue_id, slug};
use super::release;
use super::stack::{Stack, Stacks, Thread, WireException, exceptions};
use super::variables::Spelling;
use super::wire::{Leaf, Object, Values, leaves};
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
    let event = parse::<Object<RestEvent<'_>>>(body)?.or_default();
    if !event.entries.is_list() {
        return Err(shape("`entries` is missing or not a list"));
    }
    let (group, project) = (issue_id(event.group, &[]), slug(event.project));
    let known = known.clone();
    let read = event.into_webhook_event().incident();
    let or_read =
        |known: String, read: Option<String>| if known.is_empty() { read.unwrap_or_default() } else { known };
    let merged = Incident {
        organization: known.organization,
        project: or_read(known.project, project),
        issue_id: or_read(known.issue_id, group),
        event_id: read.event_id.or(known.event_id),
        message_template: read.message_template.or(known.message_template),
        title: or_read(read.title, Some(known.title)),
        culprit: read.culprit.or(known.culprit),
        level: read.level.or(known.level),
        platform: read.platform.or(known.platform),
        environment: read.environment.or(known.environment),
        release: read.release.or(known.release),
        web_url: known.web_url,
        transaction: read.transaction.or(known.transaction),
        request: read.request.or(known.request),
        user_count: read.user_count.or(known.user_count),
        exceptions: if read.exceptions.is_empty() { known.exceptions } else { read.exceptions },
        breadcrumbs: if read.breadcrumbs.is_empty() { known.breadcrumbs } else { read.breadcrumbs },
        problems: read.problems,
    };
    if !links::is_issue_id(&merged.issue_id) {
        return Err(shape("`groupID` is missing or not 1 to 20 decimal digits"));
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
    let no_event =
        "it is no event: it has neither `exception`, `logentry`, `threads`, `stacktrace` nor `entries`";
    any_event(parse(body)?).ok_or(shape(no_event))
}

/// `None` if the value is no event.
fn any_event(event: Leaf<'_>) -> Option<Incident> {
    let rest: RestEvent<'_> = event.object()?;
    let plain: WebhookEvent<'_> = event.object()?;
    let addresses = [plain.issue_url, plain.url, plain.web_url];
    let id = issue_id(plain.issue_id, &addresses);
    let project = first_in(&addresses, links::project).or_else(|| slug(plain.project));
    let identity = Identity {
        organization: first_in(&addresses, links::organization),
        project: project.or_else(|| slug(rest.project)).unwrap_or_default(),
        issue_id: id.or_else(|| issue_id(rest.group, &[])).unwrap_or_default(),
        web_url: first_link(&[plain.web_url]),
    };
    let event = if rest.entries.is_list() { rest.into_webhook_event() } else { plain };
    if !event.describes_something() {
        return None;
    }
    Some(identity.incident(event.incident()))
}

/// What identifies the issue of an event.
pub(super) struct Identity {
    pub(super) organization: Option<String>,
    pub(super) project: String,
    pub(super) issue_id: String,
    pub(super) web_url: Option<String>,
}

impl Identity {
    pub(super) fn incident(self, read: Incident) -> Incident {
        let Identity { organization, project, issue_id, web_url } = self;
        Incident { organization, project, issue_id, web_url, ..read }.bounded()
    }
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
    metadata: Leaf<'a>,
    transaction: Leaf<'a>,
    pub(super) tags: Leaf<'a>,
    request: Leaf<'a>,
    exception: Values<Object<WireException<'a>>>,
    threads: Values<Object<Thread<'a>>>,
    stacktrace: Object<Stack<'a>>,
    breadcrumbs: Values<Leaf<'a>>,
    errors: Leaf<'a>,
    /// The names that events had before Sentry 9.1, which the legacy WebHooks plugin of such a server still sends.
    #[serde(rename = "sentry.interfaces.Exception")]
    old_exception: Values<Object<WireException<'a>>>,
    #[serde(rename = "sentry.interfaces.Stacktrace")]
    old_stacktrace: Object<Stack<'a>>,
    #[serde(rename = "sentry.interfaces.Message")]
    old_message: Leaf<'a>,
    #[serde(rename = "sentry.interfaces.Http")]
    old_request: Leaf<'a>,
    #[serde(rename = "sentry.interfaces.Breadcrumbs")]
    old_breadcrumbs: Values<Leaf<'a>>,
}

leaves! {
    struct RestEvent {
        event_id = "eventID", group = "groupID", project = "projectID", title, message, culprit,
        platform, release, metadata, tags, entries, errors,
    }
}

leaves! {
    /// An error that Sentry met while it processed the event.
    struct Problem { kind = "type" }
}

leaves! {
    struct Entry { kind = "type", data }
}

impl<'a> RestEvent<'a> {
    /// The same event in the webhooks' dialect.
    fn into_webhook_event(self) -> WebhookEvent<'a> {
        let mut event = WebhookEvent {
            event_id: self.event_id,
            title: self.title,
            message: self.message,
            culprit: self.culprit,
            platform: self.platform,
            release: self.release,
            metadata: self.metadata,
            tags: self.tags,
            errors: self.errors,
            ..WebhookEvent::default()
        };
        for entry in self.entries.list() {
            let Entry { kind, data } = entry.read();
            match kind.text().as_deref() {
                Some("exception") => event.exception = data.read(),
                Some("threads") => event.threads = data.read(),
                Some("breadcrumbs") => event.breadcrumbs = data.read(),
                Some("stacktrace") => event.stacktrace = data.read(),
                Some("request") => event.request = data,
                Some("message") => event.logentry = data,
                _ => {}
            }
        }
        event
    }
}

leaves! {
    struct Message {
        formatted,
        /// The template.
        message,
    }
}

/// What a message says: it is text, or an object with a template and what became of it.
fn words_of_message(message: Leaf<'_>) -> Leaf<'_> {
    if !message.is_object() {
        return message;
    }
    let Message { formatted, message } = message.read();
    formatted.words().map_or(message, |_| formatted)
}

/// The template of a message; absent where it is text.
fn template(message: Leaf<'_>) -> Leaf<'_> {
    message.read::<Message<'_>>().message
}

leaves! {
    struct Metadata { kind = "type", value }
}

leaves! {
    struct WireRequest { method, url }
}

leaves! {
    struct Crumb { category, kind = "type", level, message, data }
}

impl WebhookEvent<'_> {
    /// Whether there is an error in it at all.
    fn describes_something(&self) -> bool {
        let is_empty = |stack: &Object<Stack<'_>>| stack.0.as_ref().is_none_or(Stack::is_empty);
        !(self.exception.0.is_empty()
            && self.old_exception.0.is_empty()
            && self.threads.0.is_empty()
            && is_empty(&self.stacktrace)
            && is_empty(&self.old_stacktrace)
            && (self.event_id.words().is_none() || self.said().words().is_none()))
    }

    fn said(&self) -> Leaf<'_> {
        first_words([self.message, self.logentry, self.old_message].map(words_of_message))
    }

    /// The incident without its identity (organisation, project, issue, link), which the caller
    /// knows better. Not yet [`Incident::bounded`].
    pub(super) fn incident(self) -> Incident {
        let tag = |wanted: &str| self.tags.tag(wanted)?.name();
        let without_query = |address: String| address.split(['?', '#']).next().map(String::from);
        let culprit = self.culprit.name();
        let transaction = self
            .transaction
            .name()
            .or_else(|| tag("transaction"))
            .or_else(|| tag("url").and_then(without_query))
            .or_else(|| culprit.clone());
        let said = self.said().message();
        let metadata: Metadata<'_> = self.metadata.read();
        let title = self.title.message().or_else(|| metadata.title()).unwrap_or_default();
        let template = first_words([self.logentry, self.old_message, self.message].map(template));
        let requests = [self.request, self.old_request].map(|request| request.read::<WireRequest<'_>>());
        let request = requests.into_iter().find(|request| request.url.words().is_some()).unwrap_or_default();
        let request =
            Request { method: request.method.name(), url: request.url.name().and_then(without_query) };
        let released = || tag("release").or_else(|| tag("sentry:release"));
        let release = release::read(self.release).or_else(|| release::of_version(&released()?));
        let environment = self.environment.name().or_else(|| tag("environment"));
        let level = self.level.name().or_else(|| tag("level"));
        let chain = if self.exception.0.is_empty() { self.old_exception.0 } else { self.exception.0 };
        let own = self.stacktrace.0.filter(|stack| !stack.is_empty()).or(self.old_stacktrace.0);
        let crumbs = if self.breadcrumbs.0.is_empty() { self.old_breadcrumbs.0 } else { self.breadcrumbs.0 };
        let has_chain = !chain.is_empty();
        let spelling = Spelling::of(self.platform.text().as_deref());
        let stacks = Stacks { chain, threads: self.threads.0, own: own.unwrap_or_default(), spelling };
        let exceptions =
            exceptions(stacks, || (metadata.kind.name(), said.clone().or_else(|| metadata.value.message())));
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
            message_template: template.name(),
            level,
            platform: self.platform.name(),
            environment,
            release,
            request: Some(request).filter(|request| request.method.is_some() || request.url.is_some()),
            breadcrumbs: newest_breadcrumbs(&crumbs),
            problems: problems(self.errors),
            culprit,
            transaction,
            ..incident
        }
    }
}

fn first_words<const N: usize>(leaves: [Leaf<'_>; N]) -> Leaf<'_> {
    leaves.into_iter().find(|leaf| leaf.words().is_some()).unwrap_or_default()
}

impl Metadata<'_> {
    fn title(&self) -> Option<String> {
        match (self.kind.message(), self.value.message()) {
            (Some(kind), Some(value)) => Some(one_line(&format!("{kind}: {value}"), MAX_MESSAGE_CHARS)),
            (kind, value) => kind.or(value),
        }
    }
}

/// 32 lower-case hex digits, from any spelling of a UUID.
pub(super) fn event_id(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| *c != '-').take(33).collect();
    let valid = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then(|| digits.to_ascii_lowercase())
}

/// Each kind once: an event can have one for each of its frames.
fn problems(all: Leaf<'_>) -> Vec<String> {
    let mut kinds: Vec<String> = Vec::new();
    for kind in all.list().into_iter().filter_map(|problem| problem.read::<Problem<'_>>().kind.name()) {
        if kinds.len() < MAX_PROBLEMS && !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds
}

/// Only the newest are read at all: SDKs send a hundred.
fn newest_breadcrumbs(all: &[Leaf<'_>]) -> Vec<Breadcrumb> {
    let read = |leaf: &Leaf<'_>| breadcrumb(&leaf.read());
    let mut newest: Vec<Breadcrumb> = all.iter().rev().filter_map(read).take(MAX_BREADCRUMBS).collect();
    newest.reverse();
    newest
}

/// `None` for a breadcrumb that says nothing: many have neither message nor data.
fn breadcrumb(crumb: &Crumb<'_>) -> Option<Breadcrumb> {
    let data = || Some(crumb.data).filter(|data| data.is_object())?.shown();
    let message = one_line(&crumb.message.words().or_else(data)?, MAX_NAME_CHARS);
    let category = crumb.category.name().or_else(|| crumb.kind.name());
    (!message.is_empty()).then(|| Breadcrumb { category, level: crumb.level.name(), message })
}

#[cfg(test)]
mod tests;
