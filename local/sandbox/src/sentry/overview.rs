//! The list of issues, as people see it.

use super::{ORGANIZATION, Sentry, lock};

/// An issue in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueOverview {
    pub id: String,
    /// Of the latest event.
    pub title: String,
    /// `unresolved`, `resolved` or `ignored`.
    pub status: &'static str,
    /// How often it happened.
    pub events: usize,
    /// Oldest first.
    pub comments: Vec<String>,
    /// Where its page is.
    pub address: String,
}

impl Sentry {
    /// Every issue, by its number.
    pub fn overview(&self) -> Vec<IssueOverview> {
        let issues = lock(&self.issues);
        let all = issues.by_id.iter().map(|(id, issue)| IssueOverview {
            id: id.clone(),
            title: issue.last().title(),
            status: issue.status,
            events: issue.events.len(),
            comments: issue.comments.iter().map(|comment| comment.text.clone()).collect(),
            address: format!("{}/organizations/{ORGANIZATION}/issues/{id}/", issues.base),
        });
        all.collect()
    }
}
