//! The sandbox's Sentry: the errors that can be thrown, and the issues that it knows.

use crate::sandbox::sentry::{IssueOverview, Sentry};
use crate::scenario::Scenario;

/// An error that can be thrown.
pub(super) struct Throwable {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) description: &'static str,
}

pub(super) fn throwables() -> Vec<Throwable> {
    let all = Scenario::ALL.into_iter();
    all.map(|scenario| Throwable {
        name: scenario.name(),
        label: scenario.label(),
        description: scenario.description(),
    })
    .collect()
}

/// What the list of issues shows.
pub(super) struct Issues {
    pub(super) issues: Vec<IssueOverview>,
    /// One sentence about the newest state, for who does not look.
    pub(super) news: String,
}

impl Issues {
    pub(super) fn of(sentry: &Sentry) -> Issues {
        let issues = sentry.overview();
        let events: usize = issues.iter().map(|issue| issue.events).sum();
        let news = format!("Sentry: {events} events in {} issues", issues.len());
        Issues { issues, news }
    }
}
