//! What Sentry knows about an error after its fix was merged: new events and their releases, whether
//! a release was built from a commit, and how many requests were served.
//!
//! Facts only. Whether they mean that the error came back is decided by whoever watches: a release
//! may contain a merge without naming it, and then only the repository's history tells.

use super::links::IssueRef;
use super::rest::{PER_PAGE, Sentry, next_cursor};
use super::wire::{List, Object, leaves};
use super::{event, release};
use crate::outbound::{Answer, ErrorKind, IfThere, ServiceError};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Pages read of one list; a hundred entries each. More events than that are a storm, and say no more than these.
const MAX_PAGES: usize = 5;
/// Hex digits that two names of a commit must share at least.
const SHORTEST_SHA: usize = 7;

/// A span of time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: Timestamp,
    pub until: Timestamp,
}

/// One event of an issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenEvent {
    /// 32 hex digits.
    pub event_id: String,
    pub at: Timestamp,
    /// Version of the release, as the SDK reported it.
    pub release: Option<String>,
    pub environment: Option<String>,
}

/// Events of an issue, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventsSince {
    pub events: Vec<SeenEvent>,
    /// There are older ones in the span that were not read.
    pub more: bool,
}

/// Whether a release contains a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Containment {
    /// The release was built from this commit, or lists it.
    Yes,
    /// It was built from another one, 7 to 40 hex digits: it contains the commit where that one comes later in the
    /// repository's history.
    BuiltFrom { commit: String },
    /// Sentry knows no commit of it; when the release was first seen, where that is known.
    Unknown { first_seen: Option<Timestamp> },
}

/// Requests to one transaction of a project.
#[derive(Clone, Copy, Debug)]
pub struct Traffic<'a> {
    pub organization: &'a str,
    /// Slug.
    pub project: &'a str,
    /// Name of the transaction, such as `/orders/{id}`.
    pub transaction: &'a str,
    pub span: Span,
}

impl Sentry {
    /// The issue's events within a span, newest first, at most 500. `None` where Sentry has no such issue any more.
    /// Needs `event:read`.
    pub async fn events_since(
        &self,
        issue: &IssueRef,
        span: Span,
    ) -> Result<Option<EventsSince>, ServiceError> {
        let path = ["issues", issue.issue_id.as_str(), "events"];
        let mut query = within(span);
        query.push(("per_page", PER_PAGE.to_owned()));
        let mut found = EventsSince::default();
        for _ in 0..MAX_PAGES {
            let Some(answer) = self.get(&issue.organization, &path, &query).await.if_there()? else {
                return Ok(None);
            };
            found.events.extend(seen_events(&answer)?.into_iter().filter(|event| event.at >= span.from));
            match next_cursor(&answer) {
                Some(cursor) => at_cursor(&mut query, cursor),
                None => return Ok(Some(found)),
            }
        }
        found.more = true;
        Ok(Some(found))
    }

    /// Whether the release of this version contains a commit (40 hex digits). Needs `project:read`.
    pub async fn release_contains(
        &self,
        organization: &str,
        version: &str,
        commit: &str,
    ) -> Result<Containment, ServiceError> {
        let named = release::of_version(version).and_then(|release| release.commit);
        if named.as_deref().is_some_and(|named| is_same_commit(named, commit)) {
            return Ok(Containment::Yes);
        }
        // Neither can be a segment of a path, and Sentry takes neither as a version.
        if matches!(version, "" | "." | "..") {
            return Ok(Containment::Unknown { first_seen: None });
        }
        let Some(answer) = self.get(organization, &["releases", version], &[]).await.if_there()? else {
            let unknown = Containment::Unknown { first_seen: None };
            return Ok(named.map_or(unknown, |commit| Containment::BuiltFrom { commit }));
        };
        let built_from = release::of_rest(&answer.body).and_then(|release| release.commit);
        if built_from.as_deref().is_some_and(|built_from| is_same_commit(built_from, commit))
            || self.lists_commit(organization, version, commit).await?
        {
            return Ok(Containment::Yes);
        }
        Ok(match built_from {
            Some(commit) => Containment::BuiltFrom { commit },
            None => Containment::Unknown {
                first_seen: answer.json()["dateCreated"].as_str().and_then(|date| date.parse().ok()),
            },
        })
    }

    async fn lists_commit(
        &self,
        organization: &str,
        version: &str,
        commit: &str,
    ) -> Result<bool, ServiceError> {
        let mut query = vec![("per_page", PER_PAGE.to_owned())];
        for _ in 0..MAX_PAGES {
            let path = ["releases", version, "commits"];
            let Some(answer) = self.get(organization, &path, &query).await.if_there()? else { break };
            let commits: List<Object<WireCommit<'_>>> = answer.read()?;
            let mut ids = commits.0.into_iter().filter_map(|listed| listed.or_default().id.text());
            if ids.any(|id| is_same_commit(&id, commit)) {
                return Ok(true);
            }
            match next_cursor(&answer) {
                Some(cursor) => at_cursor(&mut query, cursor),
                None => break,
            }
        }
        Ok(false)
    }

    /// How many requests were traced; zero also where a project sends no traces. `None` where Sentry cannot tell: its
    /// plan or the token's scopes have no traces, or the name cannot be searched for. Needs `org:read`.
    pub async fn requests(&self, traffic: Traffic<'_>) -> Result<Option<u64>, ServiceError> {
        // Quotes and wildcards of the search would mean something else than the name.
        let searchable = |text: &str| !text.is_empty() && !text.contains(['"', '\\', '*']);
        if !searchable(traffic.project) || !searchable(traffic.transaction) {
            return Ok(None);
        }
        let search = format!(
            "is_transaction:true project:\"{}\" transaction:\"{}\"",
            traffic.project, traffic.transaction
        );
        let mut query = within(traffic.span);
        query.extend([
            ("dataset", "spans".to_owned()),
            ("field", "count()".to_owned()),
            ("project", "-1".to_owned()), // all that the token may see; the search names the one
            ("query", search),
        ]);
        match self.get(traffic.organization, &["events"], &query).await {
            Ok(answer) => {
                let body = answer.json();
                let row = body["data"][0].as_object();
                Ok(row.and_then(|row| row.values().find_map(serde_json::Value::as_u64)))
            }
            Err(ServiceError {
                kind: ErrorKind::Refused { .. } | ErrorKind::Unauthorized | ErrorKind::NotFound,
                ..
            }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Whole seconds in UTC without a zone, the form that every age of Sentry's API reads.
pub(super) fn within(span: Span) -> Vec<(&'static str, String)> {
    let written = |time: Timestamp| time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let until = span.until.checked_add(jiff::SignedDuration::from_secs(1)).unwrap_or(span.until);
    vec![("start", written(span.from)), ("end", written(until))]
}

fn at_cursor(query: &mut Vec<(&'static str, String)>, cursor: String) {
    query.retain(|(name, _)| *name != "cursor");
    query.push(("cursor", cursor));
}

pub(super) fn seen_events(answer: &Answer) -> Result<Vec<SeenEvent>, ServiceError> {
    let listed: List<Object<WireEvent<'_>>> = answer.read()?;
    let seen = listed.0.into_iter().filter_map(|wire| {
        let wire = wire.or_default();
        let tag = |key: &str| wire.tags.tag(key)?.name();
        Some(SeenEvent {
            event_id: event::event_id(&wire.event_id.text()?)?,
            at: wire.date_created.text()?.parse().ok()?,
            release: tag("release"),
            environment: tag("environment"),
        })
    });
    Ok(seen.collect())
}

/// Whether two names, one of them perhaps short, are of the same commit.
fn is_same_commit(one: &str, other: &str) -> bool {
    let shared = one.len().min(other.len());
    shared >= SHORTEST_SHA && one.as_bytes()[..shared].eq_ignore_ascii_case(&other.as_bytes()[..shared])
}

leaves! {
    struct WireEvent { event_id = "eventID", date_created = "dateCreated", tags }
}

leaves! {
    struct WireCommit { id }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_recognised_by_at_least_seven_digits() {
        let whole = "0123456789abcdef0123456789abcdef01234567";
        assert!(is_same_commit(whole, whole));
        assert!(is_same_commit("0123456789AB", whole));
        assert!(!is_same_commit("012345", whole));
        assert!(!is_same_commit("", whole));
        assert!(!is_same_commit("0123457", whole));
        assert!(!is_same_commit("ä012345", whole));
    }

    #[test]
    fn a_span_is_asked_for_in_whole_seconds_and_never_too_narrow() {
        let at = |text: &str| text.parse().unwrap();
        let span = Span { from: at("2026-11-22T10:00:00.9Z"), until: at("2026-11-22T11:00:00.2Z") };
        let expected = [("start", "2026-11-22T10:00:00"), ("end", "2026-11-22T11:00:01")];
        assert_eq!(within(span), expected.map(|(name, value)| (name, value.to_owned())));
    }
}
