//! Which issues a request for a list of issues wants: `query`, `project`, `statsPeriod`, `limit`, …

use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::issues::Issue;
use super::refusal::{Refusal, not_known, refused};
use super::{paging, search};

/// Issues in one page, unless `limit` says fewer.
const PAGE: usize = 100;

enum Order {
    FirstSeen,
    LastSeen,
}

/// What a list of issues is to contain.
pub(super) struct Listing {
    query: String,
    projects: Vec<u64>,
    environments: Vec<String>,
    period: Option<SignedDuration>,
    pub(super) limit: usize,
    pub(super) offset: usize,
    order: Order,
}

impl Listing {
    /// Reads the query of the address.
    pub(super) fn read(query: &str) -> Result<Listing, Refusal> {
        let mut listing = Listing {
            query: "is:unresolved".to_owned(),
            projects: Vec::new(),
            environments: Vec::new(),
            period: None,
            limit: PAGE,
            offset: 0,
            order: Order::LastSeen,
        };
        let wrong = |detail: &str| refused(StatusCode::BAD_REQUEST, json!({"detail": detail}));
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match (name.as_ref(), value.as_ref()) {
                ("query", query) => listing.query = query.to_owned(),
                ("project", "-1") => {}
                ("project", id) => listing.projects.push(
                    id.parse().map_err(|_| wrong("Invalid project parameter. Values must be numbers."))?,
                ),
                ("environment", name) => listing.environments.push(name.to_owned()),
                ("statsPeriod", "") => {}
                ("statsPeriod", period) => {
                    listing.period =
                        Some(search::duration(period).ok_or_else(|| wrong("Invalid statsPeriod"))?);
                }
                ("limit", limit) => {
                    let limit: usize = limit.parse().map_err(|_| wrong("Invalid limit parameter."))?;
                    listing.limit = limit.clamp(1, PAGE);
                }
                ("cursor", cursor) => listing.offset = paging::offset(cursor)?,
                ("sort", "date") => listing.order = Order::LastSeen,
                ("sort", "new") => listing.order = Order::FirstSeen,
                _ => return Err(not_known()),
            }
        }
        Ok(listing)
    }

    pub(super) fn wants(&self, issue: &Issue, now: Timestamp) -> Result<bool, Refusal> {
        let event = issue.last();
        let matches = search::matches(issue, &self.query, now).map_err(|_| not_known())?;
        let in_environment = |name: &String| issue.events.iter().any(|event| event.environment == *name);
        Ok(matches
            && (self.projects.is_empty() || self.projects.contains(&event.project.id))
            && (self.environments.is_empty() || self.environments.iter().any(in_environment))
            && self.period.is_none_or(|period| now.duration_since(event.at) <= period))
    }

    /// The time by which issues are listed, newest first.
    pub(super) fn sort_key(&self, issue: &Issue) -> Timestamp {
        match self.order {
            Order::FirstSeen => issue.first().at,
            Order::LastSeen => issue.last().at,
        }
    }
}
