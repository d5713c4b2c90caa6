//! The unresolved errors that Sentry saw for the first time in a stretch of time, whether it told us or not.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::rest::{Sentry, next_cursor};
use super::webhook::Issue;
use super::wire::{Leaf, List, Object};
use crate::catch_up::{PageRead, Stretch};
use crate::incident::Incident;
use crate::outbound::{Answer, ServiceError};

/// Entries of one page, Sentry's most.
const PER_PAGE: &str = "100";

/// A page of new issues, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct NewIssues {
    /// Without stack traces, as in an `issue` webhook.
    pub incidents: Vec<Incident>,
    pub page: PageRead,
}

impl Sentry {
    /// The first page of the unresolved errors of a stretch, of all projects that the token may see. Needs `event:read`.
    ///
    /// Search terms: "Searchable properties, issues" in Sentry's documentation; `sort=new` is by the first event.
    pub async fn new_issues(&self, organization: &str, stretch: Stretch) -> Result<NewIssues, ServiceError> {
        let search = format!(
            "is:unresolved issue.category:error firstSeen:>={} firstSeen:<={}",
            written(stretch.from),
            written(stretch.until)
        );
        let query = [
            ("query", search),
            ("sort", "new".to_owned()),
            ("limit", PER_PAGE.to_owned()),
            ("project", "-1".to_owned()), // all that the token may see
        ];
        let answer = self.get(organization, &["issues"], &query).await?;
        read(&answer, organization)
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
    // The same body once more, as what a webhook has: an entry that is none of it is left out.
    let issues: List<Object<Issue<'_>>> = serde_json::from_slice(&answer.body).unwrap_or_default();
    let incidents = issues.0.into_iter().filter_map(|issue| issue.0.incident().ok());
    let incidents =
        incidents.map(|incident| Incident { organization: Some(organization.to_owned()), ..incident });
    Ok(NewIssues { incidents: incidents.collect(), page })
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
