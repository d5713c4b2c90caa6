//! Asking Sentry for issues, whether it told us of them or not: new ones, frequent ones, one by its id.

use super::links::IssueRef;
use super::rest::{Sentry, next_cursor};
use super::webhook::{Issue, ListedIssue};
use super::wire::{List, Object, leaves};
use crate::catch_up::{PageRead, Stretch};
use crate::incident::Incident;
use crate::outbound::{Answer, IfThere, ServiceError};
use crate::service::Service;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Entries of one page, Sentry's most.
pub(super) const PER_PAGE: &str = "100";

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
        let Some(answer) =
            self.get(&issue.organization, &["issues", &issue.issue_id], &[]).await.if_there()?
        else {
            return Ok(None);
        };
        let found = answer.read::<Object<Issue<'_>>>()?.or_default();
        let found = found
            .listed(&issue.organization)
            .map_err(|error| ServiceError::malformed(Service::Sentry, error))?;
        // Whatever Sentry answers, this is the issue that was asked for.
        let incident = Incident { issue_id: issue.issue_id.clone(), ..found.incident };
        Ok(Some(ListedIssue { incident, ..found }))
    }
}

fn read(answer: &Answer, organization: &str) -> Result<NewIssues, ServiceError> {
    let list: Vec<Object<Listed<'_>>> = answer.read()?;
    let first_seen =
        |listed: Object<Listed<'_>>| listed.or_default().first_seen.text()?.parse::<Timestamp>().ok();
    let oldest = list.into_iter().filter_map(first_seen).min();
    let page = match (next_cursor(answer), oldest) {
        (Some(_), Some(oldest)) => PageRead::More { oldest },
        (Some(_), None) => {
            return Err(ServiceError::malformed(
                Service::Sentry,
                "no issue of a list says when it was first seen",
            ));
        }
        (None, _) => PageRead::Last,
    };
    Ok(NewIssues { issues: listed(answer, organization), page })
}

/// The entries of a list; one that is no error, or no issue at all, is left out.
fn listed(answer: &Answer, organization: &str) -> Vec<ListedIssue> {
    let issues: List<Object<Issue<'_>>> = answer.read().unwrap_or_default();
    let errors = issues.0.into_iter().map(Object::or_default).filter(|issue| issue.is_no_error().is_none());
    errors.filter_map(|issue| issue.listed(organization).ok()).collect()
}

leaves! {
    struct Listed { first_seen = "firstSeen" }
}

/// In UTC, to the microsecond, as Sentry's search reads it.
fn written(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}
