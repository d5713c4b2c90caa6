//! The body of Sentry's legacy WebHooks plugin ("Settings → Integrations → WebHooks"), which cannot sign: sound only at an
//! address that nobody else knows. Fields: the plugin's documentation, and recorded bodies of servers of several ages.

use serde::Deserialize;

use super::body::{WebhookError, parse, read_leniently, shape};
use super::event::{Identity, WebhookEvent};
use super::links::{self, first_in, first_link, issue_id, slug};
use super::webhook::{Report, Trigger, Webhook};
use super::wire::{Leaf, Object};
use crate::incident::Incident;

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    action: Leaf<'a>,
    id: Leaf<'a>,
    project: Leaf<'a>,
    project_slug: Leaf<'a>,
    level: Leaf<'a>,
    culprit: Leaf<'a>,
    message: Leaf<'a>,
    url: Leaf<'a>,
    event: Object<WebhookEvent<'a>>,
    triggering_rules: Leaf<'a>,
    /// Only the body of a service hook has this.
    group: Leaf<'a>,
}

/// Which of the two unsigned webhooks of Sentry a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldBody {
    /// The WebHooks plugin's.
    Plugin,
    /// A service hook's, which the API makes: signed in a way of its own.
    ServiceHook,
}

/// Whether a body is one of the two. Says nothing about who sent it.
pub fn recognise(body: &[u8]) -> Option<OldBody> {
    let read = read_leniently(body, |body| {
        let body = parse::<Object<Body<'_>>>(body)?.or_default();
        Ok(match body {
            _ if body.action.is_string() => None,
            _ if body.group.is_object() && body.event.0.is_some() => Some(OldBody::ServiceHook),
            _ if body.event.0.is_some()
                && (body.project_slug.is_string() || body.triggering_rules.is_list()) =>
            {
                Some(OldBody::Plugin)
            }
            _ => None,
        })
    });
    read.ok().flatten()
}

/// Reads the plugin's body. "Test Plugin" sends Sentry's example event, which is ignored with a sentence that says so.
///
/// # Errors
/// [`WebhookError`] where the body is not JSON or lacks what identifies the error.
pub fn read(body: &[u8]) -> Result<Webhook, WebhookError> {
    read_leniently(body, read_json)
}

fn read_json(body: &[u8]) -> Result<Webhook, WebhookError> {
    let body = parse::<Object<Body<'_>>>(body)?.or_default();
    let event = body.event.0.ok_or(shape("`event` is missing or not a proper object"))?;
    if let Some(what) = event.is_no_error() {
        return Ok(Webhook::Ignored { why: format!("Ignored: {what}; the address works") });
    }
    let addresses = [body.url, event.issue_url, event.url, event.web_url];
    let issue_id = issue_id(body.id, &addresses)
        .or_else(|| issue_id(event.issue_id, &addresses))
        .ok_or(shape("`id` is missing or not 1 to 20 decimal digits"))?;
    let project = slug(body.project_slug)
        .or_else(|| slug(body.project))
        .or_else(|| first_in(&addresses, links::project))
        .ok_or(shape("`project_slug` names no project"))?;
    let organization = first_in(&addresses, links::organization);
    let web_url = first_link(&[body.url, event.web_url]);
    let read = event.incident();
    let read = Incident {
        title: if read.title.is_empty() { body.message.message().unwrap_or_default() } else { read.title },
        level: read.level.or_else(|| body.level.name()),
        culprit: read.culprit.or_else(|| body.culprit.name()),
        ..read
    };
    let incident = Identity { organization, project, issue_id, web_url }.incident(read);
    Ok(Webhook::Report(Report { incident, trigger: Trigger::New, times_seen: None }))
}
