//! Asking Sentry for errors that people have resolved, and for the last event that came before their fix.

use super::links::{IssueRef, is_slug};
use super::rest::{PER_PAGE, Sentry, next_cursor};
use super::watch::{Span, seen_events, within};
use super::webhook::{Issue, ListedIssue};
use super::wire::{List, Object, leaves};
use crate::outbound::{ErrorKind, IfThere, ServiceError};
use crate::service::Service;
use jiff::{SignedDuration, Timestamp};

/// How long Sentry keeps events on its paid plans.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Characters of a short id: a slug and a number.
const MAX_SHORT_ID_CHARS: usize = 80;

/// An error that people have resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedIssue {
    pub issue: ListedIssue,
    /// The name by which commits call it, such as `SHOP-118`.
    pub short_id: Option<String>,
    /// The commit that it was resolved in, as Sentry has it: 7 to 40 hex digits.
    pub commit: Option<String>,
}

/// How an issue was resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedBy {
    /// The commit, where Sentry was told: 7 to 40 hex digits.
    pub commit: Option<String>,
    /// The name by which commits call the issue, such as `SHOP-118`.
    pub short_id: Option<String>,
}

/// A page of resolved errors, those that were seen last first.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedIssues {
    pub issues: Vec<ResolvedIssue>,
    /// Where the next page begins; `None` for the last page.
    pub next: Option<String>,
}

impl Sentry {
    /// The resolved errors of a project (by its slug), a page at a time. Needs `event:read`.
    ///
    /// # Errors
    /// `NotFound` if the organisation is unknown, or the slug is not one.
    pub async fn resolved_issues(
        &self,
        organization: &str,
        project: &str,
        from: Option<&str>,
    ) -> Result<ResolvedIssues, ServiceError> {
        if !is_slug(project) {
            let message = format!("`{project}` is not the slug of a project");
            return Err(ServiceError::new(Service::Sentry, ErrorKind::NotFound, message));
        }
        let mut query = vec![
            ("query", format!("is:resolved issue.category:error project:{project}")),
            ("sort", "date".to_owned()),
            ("limit", PER_PAGE.to_owned()),
            ("project", "-1".to_owned()), // all that the token may see, of which the search takes one
        ];
        query.extend(from.map(|cursor| ("cursor", cursor.to_owned())));
        let answer = self.get(organization, &["issues"], &query).await?;
        let issues: List<Object<Issue<'_>>> = answer.read()?;
        let resolutions: List<Object<Resolution<'_>>> = answer.read()?;
        let issues = issues.0.into_iter().zip(resolutions.0).filter_map(|(issue, resolution)| {
            let (issue, resolution) =
                (issue.or_default().listed(organization).ok()?, resolution.or_default());
            Some(ResolvedIssue { issue, short_id: resolution.short_id(), commit: resolution.commit() })
        });
        Ok(ResolvedIssues { issues: issues.collect(), next: next_cursor(&answer) })
    }

    /// Whether people resolved an issue, and by which commit. `None` while it is not resolved, or Sentry no longer has it.
    /// Needs `event:read`.
    pub async fn resolution(&self, issue: &IssueRef) -> Result<Option<ResolvedBy>, ServiceError> {
        let path = ["issues", issue.issue_id.as_str()];
        let Some(answer) = self.get(&issue.organization, &path, &[]).await.if_there()? else {
            return Ok(None);
        };
        let found = answer.read::<Object<Resolution<'_>>>()?.or_default();
        let is_resolved = found.status.text().is_some_and(|status| status == "resolved");
        Ok(is_resolved.then(|| ResolvedBy { commit: found.commit(), short_id: found.short_id() }))
    }

    /// The id of the issue's last event at or before a time. `None` if there is none in the 90 days before, or Sentry no longer
    /// has the issue. Needs `event:read`.
    pub async fn last_event_before(
        &self,
        issue: &IssueRef,
        until: Timestamp,
    ) -> Result<Option<String>, ServiceError> {
        let from = until.checked_sub(KEPT_FOR).unwrap_or(Timestamp::UNIX_EPOCH);
        let path = ["issues", issue.issue_id.as_str(), "events"];
        let within = within(Span { from, until });
        let Some(answer) = self.get(&issue.organization, &path, &within).await.if_there()? else {
            return Ok(None);
        };
        let events = seen_events(&answer)?;
        let before = events.into_iter().filter(|event| event.at <= until);
        Ok(before.max_by_key(|event| event.at).map(|event| event.event_id))
    }
}

leaves! {
    pub(super) struct Resolution { status, short_id = "shortId", details = "statusDetails" }
}

leaves! {
    struct Details { in_commit = "inCommit" }
}

leaves! {
    struct Commit { id }
}

impl Resolution<'_> {
    fn short_id(&self) -> Option<String> {
        let plain = |text: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
            text.len() <= MAX_SHORT_ID_CHARS && text.contains('-') && text.bytes().all(allowed)
        };
        self.short_id.text().filter(|text| plain(text)).map(String::from)
    }

    fn commit(&self) -> Option<String> {
        let sha =
            |text: &str| (7..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let commit: Commit<'_> = self.details.read::<Details<'_>>().in_commit.read();
        commit.id.text().filter(|text| sha(text)).map(|text| text.to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> (Option<String>, Option<String>) {
        let resolution: Resolution<'_> = serde_json::from_str(json).expect("JSON");
        (resolution.short_id(), resolution.commit())
    }

    #[test]
    fn a_resolved_issue_names_itself_and_its_commit_if_both_are_what_they_should_be() {
        let sha = "0123456789abcdef0123456789ABCDEF01234567";
        let of = |short: &str, details: &str| {
            read(&format!(r#"{{"shortId": {short}, "statusDetails": {details}}}"#))
        };
        let commit = format!(r#"{{"inCommit": {{"id": "{sha}", "repository": {{"name": "acme/shop"}}}}}}"#);
        assert_eq!(of(r#""SHOP-118""#, &commit), (Some("SHOP-118".to_owned()), Some(sha.to_lowercase())));
        for details in
            [r#"{"inRelease": "1.2"}"#, r#"{"inCommit": {"id": "../x"}}"#, r#"{"inCommit": 7}"#, "[]"]
        {
            assert_eq!(of(r#""SHOP-118""#, details).1, None, "{details}");
        }
        for short in [r#""SHOP""#, r#""a-1 or b""#, "null", "[1]"] {
            assert_eq!(of(short, "{}").0, None, "{short}");
        }
    }
}
