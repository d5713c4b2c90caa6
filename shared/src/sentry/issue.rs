//! What AutoFix does to an issue after a fix: resolves it, and tells its story in one comment.
//!
//! Both look before they write, so that doing them twice changes nothing. An issue that people
//! resolved or archived in the meantime stays as they left it.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::links;
use super::rest::{Sentry, next_cursor};
use super::wire::{Leaf, List, Object};
use crate::incident::Incident;
use crate::journal::Service;
use crate::outbound::{Answer, ErrorKind, ServiceError};
use crate::redaction::Redacted;

/// Pages of comments looked through for one of ours, newest first; a hundred comments each.
const MAX_COMMENT_PAGES: usize = 3;

/// Where an issue is found in Sentry's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueRef {
    /// Slug.
    pub organization: String,
    /// Decimal digits.
    pub issue_id: String,
}

impl IssueRef {
    /// `None` where the incident does not name its organisation.
    pub fn of(incident: &Incident) -> Option<IssueRef> {
        let organization = incident.organization.clone()?;
        Some(IssueRef { organization, issue_id: incident.issue_id.clone() })
    }

    /// From one of Sentry's own addresses, such as the link for people.
    pub fn of_link(address: &str) -> Option<IssueRef> {
        IssueRef::of_page(address, None)
    }

    /// From an address that need not name the organisation.
    pub fn of_page(address: &str, organization: Option<&str>) -> Option<IssueRef> {
        let organization = links::organization(address).or(organization)?.to_owned();
        Some(IssueRef { organization, issue_id: links::issue_id(address)?.to_owned() })
    }
}

/// What removed the error.
#[derive(Clone, Copy, Debug)]
pub struct FixedBy<'a> {
    /// `owner/name`, as Sentry's integration knows it.
    pub repository: &'a str,
    /// The merge commit, 40 hex digits.
    pub commit: &'a str,
}

/// What became of resolving an issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// By the commit, so that Sentry knows from which release on it holds.
    InCommit,
    /// Without the commit: Sentry does not know the repository or the commit.
    Plainly,
    /// It is resolved or archived already; nothing was written.
    NotNeeded,
    /// Sentry has no such issue any more.
    Gone,
}

/// A comment, and the line in it by which it is found again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Contains `marker`.
    pub text: Redacted,
    pub marker: String,
}

/// What became of a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commented {
    Added,
    /// A comment with this marker is there.
    AlreadyThere,
    /// Sentry has no such issue any more.
    Gone,
}

impl Sentry {
    /// Resolves the issue, by the commit where Sentry takes it. Needs `event:write`.
    pub async fn resolve(&self, issue: &IssueRef, fix: FixedBy<'_>) -> Result<Resolved, ServiceError> {
        let path = ["issues", issue.issue_id.as_str()];
        let current = match self.get(&issue.organization, &path, &[]).await {
            Ok(answer) => answer.json(),
            Err(ServiceError { kind: ErrorKind::NotFound, .. }) => return Ok(Resolved::Gone),
            Err(error) => return Err(error),
        };
        if matches!(current["status"].as_str(), Some("resolved" | "ignored")) {
            return Ok(Resolved::NotNeeded);
        }
        let commit = json!({ "commit": fix.commit, "repository": fix.repository });
        let ways = [
            (json!({ "status": "resolved", "statusDetails": { "inCommit": commit } }), Resolved::InCommit),
            (json!({ "status": "resolved" }), Resolved::Plainly),
        ];
        for (body, resolved) in ways {
            match self.write(Method::PUT, (&issue.organization, &path), body).await {
                Ok(_) => return Ok(resolved),
                Err(ServiceError { kind: ErrorKind::NotFound, .. }) => return Ok(Resolved::Gone),
                // The repository or the commit is unknown to Sentry: then without it.
                Err(ServiceError { kind: ErrorKind::Refused { status: 400 }, .. })
                    if resolved == Resolved::InCommit => {}
                Err(error) => return Err(error),
            }
        }
        Err(ServiceError::new(
            Service::Sentry,
            ErrorKind::Malformed,
            "resolving ended without an answer".to_owned(),
        ))
    }

    /// Adds a comment, unless one with its marker is among the latest. Needs `event:write`.
    pub async fn comment(&self, issue: &IssueRef, note: &Note) -> Result<Commented, ServiceError> {
        let path = ["issues", issue.issue_id.as_str(), "comments"];
        let mut query = Vec::new();
        for _ in 0..MAX_COMMENT_PAGES {
            let answer = match self.get(&issue.organization, &path, &query).await {
                Ok(answer) => answer,
                Err(ServiceError { kind: ErrorKind::NotFound, .. }) => return Ok(Commented::Gone),
                Err(error) => return Err(error),
            };
            if has_marker(&answer, &note.marker) {
                return Ok(Commented::AlreadyThere);
            }
            match next_cursor(&answer) {
                Some(cursor) => query = vec![("cursor", cursor)],
                None => break,
            }
        }
        let body = json!({ "text": note.text });
        match self.write(Method::POST, (&issue.organization, &path), body).await {
            Ok(_) => Ok(Commented::Added),
            Err(ServiceError { kind: ErrorKind::NotFound, .. }) => Ok(Commented::Gone),
            // The same text by the same author within the hour: a comment that was added a moment ago.
            Err(ServiceError { kind: ErrorKind::Refused { status: 400 }, message, .. })
                if message.contains("already posted") =>
            {
                Ok(Commented::AlreadyThere)
            }
            Err(error) => Err(error),
        }
    }
}

fn has_marker(answer: &Answer, marker: &str) -> bool {
    let comments: List<Object<WireComment<'_>>> = serde_json::from_slice(&answer.body).unwrap_or_default();
    comments.0.iter().any(|comment| comment.0.data.0.text.text().is_some_and(|text| text.contains(marker)))
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct WireComment<'a> {
    data: Object<WireText<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct WireText<'a> {
    text: Leaf<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issue_is_found_by_its_link() {
        let link = "https://sentry.io/organizations/acme/issues/117/events/e4874d/";
        let issue = IssueRef { organization: "acme".to_owned(), issue_id: "117".to_owned() };
        assert_eq!(IssueRef::of_link(link), Some(issue));
        assert_eq!(
            IssueRef::of_link("https://sentry.io/issues/117/"),
            None,
            "which organisation is not said"
        );
        assert_eq!(IssueRef::of_link("https://sentry.io/organizations/acme/issues/../"), None);
    }
}
