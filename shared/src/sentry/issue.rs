//! What AutoFix does to an issue after a fix: resolves it, and tells its story in one comment.
//!
//! Both look before they write, so that doing them twice changes nothing. An issue that people
//! resolved or archived in the meantime stays as they left it.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::links::IssueRef;
use super::resolved_issues::Resolution;
use super::rest::{Sentry, next_cursor};
use super::wire::{Leaf, List, Object, leaves};
use crate::outbound::{Answer, ErrorKind, IfThere, ServiceError};
use crate::redaction::Redacted;

/// Pages of comments looked through for one of ours, newest first; a hundred comments each.
const MAX_COMMENT_PAGES: usize = 3;

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
        let Some(current) = self.get(&issue.organization, &path, &[]).await.if_there()? else {
            return Ok(Resolved::Gone);
        };
        let current = current.read::<Object<Resolution<'_>>>()?.or_default();
        if matches!(current.status.text().as_deref(), Some("resolved" | "ignored")) {
            return Ok(Resolved::NotNeeded);
        }
        let commit = json!({ "commit": fix.commit, "repository": fix.repository });
        let in_commit = json!({ "status": "resolved", "statusDetails": { "inCommit": commit } });
        match self.write(Method::PUT, &issue.organization, &path, in_commit).await.if_there() {
            // The repository or the commit is unknown to Sentry: then without it.
            Err(ServiceError { kind: ErrorKind::Refused { status: 400 }, .. }) => {}
            done => return Ok(done?.map_or(Resolved::Gone, |_| Resolved::InCommit)),
        }
        let plainly = self.write(Method::PUT, &issue.organization, &path, json!({ "status": "resolved" }));
        Ok(plainly.await.if_there()?.map_or(Resolved::Gone, |_| Resolved::Plainly))
    }

    /// Adds a comment, unless one with its marker is among the latest. Needs `event:write`.
    pub async fn comment(&self, issue: &IssueRef, note: &Note) -> Result<Commented, ServiceError> {
        let path = ["issues", issue.issue_id.as_str(), "comments"];
        let mut query = Vec::new();
        for _ in 0..MAX_COMMENT_PAGES {
            let Some(answer) = self.get(&issue.organization, &path, &query).await.if_there()? else {
                return Ok(Commented::Gone);
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
        match self.write(Method::POST, &issue.organization, &path, body).await.if_there() {
            // The same text by the same author within the hour: a comment that was added a moment ago.
            Err(ServiceError { kind: ErrorKind::Conflict, .. }) => Ok(Commented::AlreadyThere),
            added => Ok(added?.map_or(Commented::Gone, |_| Commented::Added)),
        }
    }
}

fn has_marker(answer: &Answer, marker: &str) -> bool {
    let comments: List<Object<WireComment<'_>>> = answer.read().unwrap_or_default();
    let texts = comments.0.into_iter().map(|comment| comment.or_default().data.or_default().text);
    texts.filter_map(Leaf::text).any(|text| text.contains(marker))
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct WireComment<'a> {
    data: Object<WireText<'a>>,
}

leaves! {
    struct WireText { text }
}
