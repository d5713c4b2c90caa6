//! Asking Sentry for issues, whether it told us of them or not: new ones, frequent ones, one by its id.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::issue::IssueRef;
use super::rest::{Sentry, next_cursor};
use super::webhook::Issue;
use super::wire::{Leaf, List, Object};
use crate::catch_up::{PageRead, Stretch};
use crate::incident::Incident;
use crate::outbound::{Answer, ServiceError};

/// Entries of one page, Sentry's most.
pub(super) const PER_PAGE: &str = "100";

/// An issue of a list, without its stack trace, as in an `issue` webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedIssue {
    pub incident: Incident,
    /// Events so far; `None` where Sentry does not say.
    pub times_seen: Option<u64>,
}

/// A page of new issues, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct NewIssues {
    pub issues: Vec<ListedIssue>,
    pub page: PageRead,
}

impl Sentry {
    /// The first page of the unresolved errors of a stretch, of all projects that the token may see. Needs `event:read`.
    ///
    /// Search terms: "Searchable properties, issues" in Sentry's documentation; `sort=new` is by the first event.
    pub async fn new_issues(&self, organization: &str, stretch: Stretch) -> Result<NewIssues, ServiceError> {
        let search = format!("firstSeen:>={} firstSeen:<={}", written(stretch.from), written(stretch.until));
        let answer = self.unresolved_errors(organization, &search, "new").await?;
        read(&answer, organization)
    }

    /// The unresolved errors that were seen at least `times` times, and last since `since`: the latest hundred.
    pub async fn frequent_issues(
        &self,
        organization: &str,
        times: u64,
        since: Timestamp,
    ) -> Result<Vec<ListedIssue>, ServiceError> {
        let search = format!("timesSeen:>={times} lastSeen:>={}", written(since));
        let answer = self.unresolved_errors(organization, &search, "date").await?;
        Ok(listed(&answer, organization))
    }

    async fn unresolved_errors(
        &self,
        organization: &str,
        search: &str,
        sort: &str,
    ) -> Result<Answer, ServiceError> {
        let query = [
            ("query", format!("is:unresolved issue.category:error {search}")),
            ("sort", sort.to_owned()),
            ("limit", PER_PAGE.to_owned()),
            ("project", "-1".to_owned()), // all that the token may see
        ];
        self.get(organization, &["issues"], &query).await
    }

    /// An issue by its id, which it keeps when it is merged into another one; `None` where the organisation has none such.
    pub async fn issue(&self, issue: &IssueRef) -> Result<Option<ListedIssue>, ServiceError> {
        let answer = match self.get(&issue.organization, &["issues", &issue.issue_id], &[]).await {
            Ok(answer) => answer,
            Err(ServiceError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let malformed = |what: &str| ServiceError::Malformed(format!("an issue: {what}"));
        let Object(found): Object<Issue<'_>> =
            serde_json::from_slice(&answer.body).map_err(|error| malformed(&error.to_string()))?;
        let found = found.listed(&issue.organization).map_err(|error| malformed(&error.to_string()))?;
        // Whatever Sentry answers, this is the issue that was asked for.
        let incident = Incident { issue_id: issue.issue_id.clone(), ..found.incident };
        Ok(Some(ListedIssue { incident, ..found }))
    }
}

fn read(answer: &Answer, organization: &str) -> Result<NewIssues, ServiceError> {
    let malformed = |what: &str| ServiceError::Malformed(format!("a list of issues: {what}"));
    let list: Vec<Object<Listed<'_>>> =
        serde_json::from_slice(&answer.body).map_err(|error| malformed(&error.to_string()))?;
    let oldest = list.iter().filter_map(|listed| listed.0.first_seen.text()?.parse::<Timestamp>().ok()).min();
    let page = match (next_cursor(answer), oldest) {
        (Some(_), Some(oldest)) => PageRead::More { oldest },
        (Some(_), None) => return Err(malformed("no entry says when it was first seen")),
        (None, _) => PageRead::Last,
    };
    Ok(NewIssues { issues: listed(answer, organization), page })
}

/// The entries of a list; one that is no error, or no issue at all, is left out.
fn listed(answer: &Answer, organization: &str) -> Vec<ListedIssue> {
    let issues: List<Object<Issue<'_>>> = serde_json::from_slice(&answer.body).unwrap_or_default();
    let errors = issues.0.into_iter().filter(|issue| issue.0.is_no_error().is_none());
    errors.filter_map(|issue| issue.0.listed(organization).ok()).collect()
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Listed<'a> {
    #[serde(rename = "firstSeen")]
    first_seen: Leaf<'a>,
}

/// In UTC, to the microsecond, as Sentry's search reads it.
fn written(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}
