//! One error as an SDK reports it. Sentry shows it in two dialects, which are rendered from this one
//! model: snake case with source lines in three keys (webhooks), camel case with numbered lines (REST).

use jiff::Timestamp;
use serde_json::{Map, Value};

/// An event and the issue that it belongs to.
#[derive(Clone, Debug)]
pub struct SandboxEvent {
    /// 32 hexadecimal digits.
    pub event_id: String,
    /// The issue's number, in decimal digits.
    pub issue_id: String,
    pub project: Project,
    pub at: Timestamp,
    pub environment: String,
    pub release: Option<String>,
    pub platform: String,
    /// What was being done: the handler of the route, usually.
    pub transaction: String,
    pub request: Option<Request>,
    /// The id of the person who met the error.
    pub user: Option<String>,
    /// From the first cause to the one that surfaced.
    pub exceptions: Vec<SandboxException>,
    pub breadcrumbs: Vec<Breadcrumb>,
}

/// A project at Sentry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    pub id: u64,
    pub slug: String,
}

#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
pub struct Breadcrumb {
    pub at: Timestamp,
    pub category: String,
    pub level: String,
    pub message: String,
}

#[derive(Clone, Debug)]
pub struct SandboxException {
    pub error_type: String,
    pub value: String,
    pub module: Option<String>,
    /// From the outermost call to the one that failed.
    pub frames: Vec<SandboxFrame>,
}

#[derive(Clone, Debug)]
pub struct SandboxFrame {
    pub filename: String,
    pub abs_path: String,
    pub module: String,
    pub function: String,
    /// Counted from 1.
    pub line: u32,
    pub in_app: bool,
    /// Lines before, at and after `line`; `None` where Sentry has no source.
    pub source: Option<SourceLines>,
    pub vars: Map<String, Value>,
}

#[derive(Clone, Debug)]
pub struct SourceLines {
    pub before: Vec<String>,
    pub at: String,
    pub after: Vec<String>,
}

impl SandboxEvent {
    /// The same error again, `number` times later: another event of the same issue.
    pub fn again(&self, number: u32, at: Timestamp) -> SandboxEvent {
        SandboxEvent { event_id: derived(&self.event_id, number), at, ..self.clone() }
    }

    /// The same event, had it happened in another release.
    pub fn in_release(&self, version: &str) -> SandboxEvent {
        SandboxEvent { release: Some(version.to_owned()), ..self.clone() }
    }

    /// A like error that Sentry counts as issue number `number` after this one.
    pub fn as_other_issue(&self, number: u32) -> SandboxEvent {
        let issue = self.issue_id.parse::<u64>().unwrap_or_default() + u64::from(number);
        SandboxEvent {
            event_id: derived(&self.event_id, number),
            issue_id: issue.to_string(),
            ..self.clone()
        }
    }

    /// Another error at the same place, as issue number `number` after this one: it has a first cause of its own.
    pub fn as_other_fault(&self, number: u32) -> SandboxEvent {
        // In letters, since numbers in names of types are taken for what changes from event to event.
        let name: String = number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'A')).collect();
        let cause = SandboxException {
            error_type: format!("Cause{name}Error"),
            value: "the first cause".to_owned(),
            module: None,
            frames: Vec::new(),
        };
        let mut other = self.as_other_issue(number);
        other.exceptions.insert(0, cause);
        other
    }

    pub(super) fn surfaced(&self) -> Option<&SandboxException> {
        self.exceptions.last()
    }

    pub fn title(&self) -> String {
        self.surfaced().map_or_else(|| "<unknown>".to_owned(), |e| format!("{}: {}", e.error_type, e.value))
    }

    /// The frame that an issue's metadata names: the last one of the project's own code.
    pub(super) fn crash_frame(&self) -> Option<&SandboxFrame> {
        self.surfaced()?.frames.iter().rev().find(|frame| frame.in_app)
    }

    pub(super) fn tags(&self) -> Vec<(&'static str, String)> {
        let mut tags = vec![("environment", self.environment.clone()), ("handled", "no".to_owned())];
        tags.push(("level", "error".to_owned()));
        tags.extend(self.release.clone().map(|release| ("release", release)));
        tags.push(("transaction", self.transaction.clone()));
        tags.extend(self.request.as_ref().map(|request| ("url", request.url.clone())));
        tags.extend(self.user.as_ref().map(|user| ("user", format!("id:{user}"))));
        tags
    }
}

/// An id derived from another one, so that repeated runs make the same ids.
fn derived(event_id: &str, number: u32) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(format!("{event_id}/{number}")))[..32].to_owned()
}

/// A time as Sentry writes it.
pub(super) fn written(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}
