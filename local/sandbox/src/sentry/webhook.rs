//! Webhooks as Sentry delivers them: compact JSON in ASCII, signed over exactly those bytes.

use axum::http::Request;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::event::SandboxEvent;
use super::issues::Issue;
use super::{CLIENT_SECRET, INSTALLATION, webhook_dialect};

/// What happened, in Sentry's words: resource and action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// `issue.created`, which has no stack trace.
    IssueCreated,
    /// `issue.unresolved`: the issue regressed or escalates. No stack trace.
    IssueUnresolved,
    /// `event_alert.triggered`: an alert rule of the project.
    EventAlertTriggered,
    /// `error.created`: every single event.
    ErrorCreated,
}

impl Hook {
    /// `Sentry-Hook-Resource` and `action`.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Hook::IssueCreated => ("issue", "created"),
            Hook::IssueUnresolved => ("issue", "unresolved"),
            Hook::EventAlertTriggered => ("event_alert", "triggered"),
            Hook::ErrorCreated => ("error", "created"),
        }
    }
}

/// A delivery: POST the body with the headers.
#[derive(Clone, Debug)]
pub struct SignedWebhook {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What makes one delivery differ from another one of the same body.
pub(super) struct Delivery {
    /// Counts deliveries, so that each has its own `Request-ID`.
    pub(super) number: u64,
    /// Epoch seconds.
    pub(super) at: i64,
}

impl SignedWebhook {
    pub(super) fn sign(resource: &str, body: &Value, delivery: &Delivery) -> SignedWebhook {
        let body = dumped(body);
        let request_id =
            hex::encode(Sha256::digest(format!("delivery {}", delivery.number)))[..32].to_owned();
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("request-id", request_id),
            ("sentry-hook-resource", resource.to_owned()),
            ("sentry-hook-timestamp", delivery.at.to_string()),
            ("sentry-hook-signature", signature(CLIENT_SECRET, body.as_bytes())),
        ];
        SignedWebhook {
            headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
            body: body.into_bytes(),
        }
    }

    /// Any bytes, signed: bodies that Sentry would never send.
    pub fn of_bytes(resource: &str, body: Vec<u8>) -> SignedWebhook {
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("sentry-hook-resource", resource.to_owned()),
            ("sentry-hook-signature", signature(CLIENT_SECRET, &body)),
        ];
        SignedWebhook { headers: headers.map(|(name, value)| (name.to_owned(), value)).into(), body }
    }

    /// The delivery to an address.
    pub fn posted_to<B: From<Vec<u8>>>(&self, address: &str) -> Request<B> {
        let request = Request::post(address);
        let request = self.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        request.body(self.body.clone().into()).expect("Sentry's headers and addresses are plain")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// The resource and the body of what is delivered.
pub(super) fn content(hook: Hook, event: &SandboxEvent, issue: &Issue, base: &str) -> (&'static str, Value) {
    let (resource, action) = hook.names();
    let data = match hook {
        Hook::IssueCreated | Hook::IssueUnresolved => json!({"issue": issue_data(issue, base)}),
        Hook::ErrorCreated => json!({"error": webhook_dialect::event(event, base)}),
        Hook::EventAlertTriggered => json!({
            "event": webhook_dialect::event(event, base),
            "triggered_rule": "Send a notification for high priority issues",
            "issue_alert": {
                "id": "1", "title": "Send a notification for high priority issues", "sentry_app_id": 1,
                "settings": [],
            },
        }),
    };
    let body = json!({
        "action": action, "installation": {"uuid": INSTALLATION}, "data": data,
        "actor": {"type": "application", "id": "sentry", "name": "Sentry"},
    });
    (resource, body)
}

fn issue_data(issue: &Issue, base: &str) -> Value {
    let mut data = issue.listed(base);
    let id = data["id"].as_str().unwrap_or_default();
    let organization = super::ORGANIZATION;
    let url = format!("{base}/api/0/organizations/{organization}/issues/{id}/");
    data["url"] = json!(url);
    data["web_url"] = data["permalink"].clone();
    let project = data["project"]["id"].as_str().unwrap_or_default();
    data["project_url"] = json!(format!("{base}/organizations/{organization}/issues/?project={project}"));
    data
}

/// JSON as Sentry dumps it: no spaces, and everything outside ASCII as `\uXXXX` (pairs beyond U+FFFF).
pub(super) fn dumped(value: &Value) -> String {
    let mut ascii = String::new();
    for character in value.to_string().chars() {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    ascii
}

/// `Sentry-Hook-Signature`: hexadecimal HMAC-SHA256 of the body, without a prefix.
pub(super) fn signature(client_secret: &str, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(client_secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}
