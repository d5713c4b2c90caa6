//! The issues that the fake knows: events that are one fault, and what people made of it.

use std::collections::{BTreeMap, BTreeSet};

use autofix::clock::Clock;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::ORGANIZATION;
use super::event::{Project, SandboxEvent, SandboxFrame, written};

/// An issue with its events, oldest first.
#[derive(Clone, Debug)]
pub(super) struct Issue {
    pub(super) events: Vec<SandboxEvent>,
    pub(super) status: &'static str,
    pub(super) substatus: Option<&'static str>,
    pub(super) status_details: Value,
    pub(super) comments: Vec<Comment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    pub text: String,
    pub at: Timestamp,
}

/// A release that Sentry knows.
#[derive(Clone, Debug)]
pub(super) struct Release {
    pub(super) created_at: Timestamp,
    /// The commits since the release before, newest first; empty if nobody told Sentry.
    pub(super) commits: Vec<String>,
}

/// Requests that were served at one moment.
#[derive(Clone, Debug)]
pub(super) struct Served {
    pub(super) project: String,
    pub(super) transaction: String,
    pub(super) at: Timestamp,
    pub(super) requests: u64,
}

#[derive(Clone)]
pub(super) struct Issues {
    pub(super) clock: Clock,
    /// Where this Sentry is reached, without a slash at the end.
    pub(super) base: String,
    pub(super) by_id: BTreeMap<String, Issue>,
    pub(super) releases: BTreeMap<String, Release>,
    /// What the token may do.
    pub(super) scopes: BTreeSet<&'static str>,
    /// Requests that the projects' SDKs traced.
    pub(super) served: Vec<Served>,
    /// Repositories (`owner/name`) that Sentry knows through its GitHub integration.
    pub(super) repositories: BTreeSet<String>,
    pub(super) webhooks_made: u64,
}

impl Issues {
    pub(super) fn new(clock: Clock) -> Issues {
        Issues {
            clock,
            base: String::new(),
            by_id: BTreeMap::new(),
            releases: BTreeMap::new(),
            scopes: BTreeSet::from(["event:read", "event:write", "org:read", "project:read"]),
            served: Vec::new(),
            repositories: BTreeSet::new(),
            webhooks_made: 0,
        }
    }

    /// Takes in an event: a new issue, or one more event of a known one, which is then no longer resolved.
    pub(super) fn take_in(&mut self, event: SandboxEvent) {
        if let Some(version) = &event.release {
            let new = Release { created_at: event.at, commits: Vec::new() };
            self.releases.entry(version.clone()).or_insert(new);
        }
        match self.by_id.get_mut(&event.issue_id) {
            None => {
                self.by_id.insert(event.issue_id.clone(), Issue::new(event));
            }
            Some(issue) => {
                if issue.status == "resolved" {
                    (issue.status, issue.substatus) = ("unresolved", Some("regressed"));
                    issue.status_details = json!({});
                }
                issue.events.push(event);
                issue.events.sort_by_key(|event| event.at);
            }
        }
    }
}

impl Issue {
    pub(super) fn new(event: SandboxEvent) -> Issue {
        Issue {
            events: vec![event],
            status: "unresolved",
            substatus: Some("new"),
            status_details: json!({}),
            comments: Vec::new(),
        }
    }

    pub(super) fn first(&self) -> &SandboxEvent {
        self.events.first().expect("an issue is made from an event and never loses one")
    }

    pub(super) fn last(&self) -> &SandboxEvent {
        self.events.last().expect("an issue is made from an event and never loses one")
    }

    /// The issue as the list and the webhook show it; the single issue has more.
    pub(super) fn listed(&self, base: &str) -> Value {
        let event = self.last();
        let Project { id, slug } = &event.project;
        let issue = &event.issue_id;
        let users: BTreeSet<_> = self.events.iter().filter_map(|event| event.user.as_ref()).collect();
        json!({
            "id": issue, "shareId": null, "shortId": format!("{}-{}", slug.to_uppercase(), issue),
            "title": event.title(), "culprit": event.transaction, "logger": null, "level": "error",
            "permalink": format!("{base}/organizations/{ORGANIZATION}/issues/{issue}/"),
            "status": self.status, "statusDetails": self.details_shown(), "substatus": self.substatus,
            "isPublic": false, "platform": event.platform,
            "project": {"id": id.to_string(), "name": slug, "slug": slug, "platform": event.platform},
            "type": "error", "metadata": metadata(event), "numComments": self.comments.len(),
            "assignedTo": null, "isBookmarked": false, "isSubscribed": false, "subscriptionDetails": null,
            "hasSeen": false, "annotations": [],
            "issueType": "error", "issueCategory": "error", "priority": "high", "priorityLockedAt": null,
            "seerFixabilityScore": null, "seerAutofixLastTriggered": null, "isUnhandled": true,
            "count": self.events.len().to_string(), "userCount": users.len(),
            "firstSeen": written(self.first().at), "lastSeen": written(event.at),
        })
    }

    /// The page of the issue, as plain text: where the links of cards and pull requests lead.
    pub(super) fn page(&self) -> String {
        let event = self.last();
        let mut page = format!("{}\n{}, {} events\n", event.title(), self.status, self.events.len());
        for exception in &event.exceptions {
            page += "\nTraceback (most recent call last):\n";
            for SandboxFrame { abs_path, line, function, source, .. } in &exception.frames {
                page += &format!("  File \"{abs_path}\", line {line}, in {function}\n");
                page.extend(source.as_ref().map(|source| format!("    {}\n", source.at.trim())));
            }
            page += &format!("{}: {}\n", exception.error_type, exception.value);
        }
        page
    }

    /// A commit is asked for by its SHA and its repository's name; it is shown as the whole that Sentry knows of it.
    fn details_shown(&self) -> Value {
        let mut shown = self.status_details.clone();
        if let Some(commit) = shown.get_mut("inCommit") {
            let (sha, repository) = (commit["commit"].take(), commit["repository"].take());
            *commit = json!({
                "id": sha, "message": null, "dateCreated": written(self.last().at), "pullRequest": null,
                "suspectCommitType": "", "releases": [],
                "repository": {"id": "1", "name": repository, "provider": {"id": "integrations:github", "name": "GitHub"}},
            });
        }
        shown
    }
}

/// What an issue's metadata says about its latest event.
pub(super) fn metadata(event: &SandboxEvent) -> Value {
    let frame = event.crash_frame();
    let surfaced = event.surfaced();
    json!({
        "title": event.title(), "type": surfaced.map(|e| &e.error_type), "value": surfaced.map(|e| &e.value),
        "filename": frame.map(|f| &f.filename), "function": frame.map(|f| &f.function),
        "in_app_frame_mix": "mixed",
        "sdk": {"name": "sentry.python.fastapi", "name_normalized": "sentry.python.fastapi"},
        "initial_priority": 75,
    })
}
