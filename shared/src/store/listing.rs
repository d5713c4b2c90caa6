//! Attempts newest first, by month: the index `listing` has one partition a month, sorted by id.

use std::ops::Range;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::attempts::{self, bucket};
use super::item;
use super::{Store, StoreError, unavailable};
use crate::attempt::{Attempt, AttemptId, Status};

/// Months that are looked through: attempts are kept for half a year.
const MONTHS: usize = 7;
/// Queries made for one page at most: a filter that matches hardly anything gives a short page and a cursor.
const MAX_QUERIES: usize = 24;

/// Which attempts to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListingFilter {
    /// Any of these; all where there is none.
    pub statuses: Vec<Status>,
    pub project: Option<String>,
    /// Part of the error, its place or the attempt's id; capitals do not count.
    pub search: Option<String>,
}

/// A request for one page.
#[derive(Clone, Debug)]
pub struct Listing {
    pub filter: ListingFilter,
    /// 1 to 100.
    pub limit: usize,
    /// Only attempts older than this one.
    pub before: Option<AttemptId>,
    pub now: Timestamp,
}

/// One page, newest first.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub attempts: Vec<Attempt>,
    /// Where the next page starts, where there may be one.
    pub next: Option<AttemptId>,
}

impl Store {
    /// One page of attempts. An item that cannot be read is logged and left out.
    pub async fn list(&self, listing: &Listing) -> Result<Page, StoreError> {
        let mut page = Page::default();
        let mut last = listing.before;
        let mut queries = 0;
        let mut month = listing.before.map_or(listing.now, |id| id.created_at().min(listing.now));
        for _ in 0..MONTHS {
            loop {
                queries += 1;
                let wanted = listing.limit - page.attempts.len();
                let (found, more) = self.query_month(month, listing, last, wanted).await?;
                last = more.or(last);
                page.attempts.extend(found);
                if page.attempts.len() >= listing.limit {
                    page.next = page.attempts.last().map(|attempt| attempt.id);
                    return Ok(page);
                }
                if queries >= MAX_QUERIES && more.is_some() {
                    page.next = more;
                    return Ok(page);
                }
                if more.is_none() {
                    break;
                }
            }
            month = month_before(month);
        }
        Ok(page)
    }

    /// Every attempt that was created in a span of at most a month.
    pub(super) async fn for_each_of(
        &self,
        span: Range<Timestamp>,
        mut each: impl FnMut(Attempt),
    ) -> Result<(), StoreError> {
        let mut months = vec![bucket(span.start), bucket(span.end - SignedDuration::from_millis(1))];
        months.dedup();
        for month in months {
            let mut pages = self
                .query("list_bucket = :bucket AND list_key BETWEEN :from AND :until")
                .index_name(item::LISTING_INDEX)
                .expression_attribute_values(":bucket", month)
                .expression_attribute_values(":from", item::text(id_prefix(span.start)))
                .expression_attribute_values(":until", item::text(id_prefix(span.end)))
                .into_paginator()
                .send();
            while let Some(page) = pages.next().await {
                for found in page.map_err(unavailable)?.items() {
                    match attempts::read(found) {
                        Ok(read) => each(read.attempt),
                        Err(error) => {
                            tracing::error!(error = %error, "Left an unreadable attempt out of the scoreboard")
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Up to `wanted` matches of one month, and the last id looked at where there may be more.
    async fn query_month(
        &self,
        month: Timestamp,
        listing: &Listing,
        before: Option<AttemptId>,
        wanted: usize,
    ) -> Result<(Vec<Attempt>, Option<AttemptId>), StoreError> {
        let mut condition = "list_bucket = :bucket".to_owned();
        if before.is_some() {
            condition.push_str(" AND list_key < :before");
        }
        let mut query = self
            .query(condition)
            .index_name(item::LISTING_INDEX)
            .scan_index_forward(false)
            .expression_attribute_values(":bucket", bucket(month));
        if let Some(before) = before {
            query = query.expression_attribute_values(":before", item::text(before.to_string()));
        }
        let mut filters = Vec::new();
        if !listing.filter.statuses.is_empty() {
            query = query.expression_attribute_names("#status", "status");
            let wanted: Vec<String> =
                (0..listing.filter.statuses.len()).map(|number| format!(":status{number}")).collect();
            filters.push(format!("#status IN ({})", wanted.join(", ")));
            for (name, status) in wanted.iter().zip(&listing.filter.statuses) {
                query = query.expression_attribute_values(name, item::text(status.as_str()));
            }
        }
        if let Some(project) = &listing.filter.project {
            query = query.expression_attribute_names("#project", "project");
            filters.push("#project = :project".to_owned());
            query = query.expression_attribute_values(":project", item::text(project));
        }
        if let Some(search) = &listing.filter.search {
            query = query.expression_attribute_names("#search", "search");
            filters.push("contains(#search, :search)".to_owned());
            query = query.expression_attribute_values(":search", item::text(search.to_lowercase()));
        }
        // With a filter the table stops counting at what it looked at, not at what matched.
        let limit = if filters.is_empty() { wanted } else { 100 };
        let filter = (!filters.is_empty()).then(|| filters.join(" AND "));
        let answer = query
            .set_filter_expression(filter)
            .limit(i32::try_from(limit).unwrap_or(100))
            .send()
            .await
            .map_err(unavailable)?;
        let mut more = answer.last_evaluated_key.as_ref().and_then(|key| item::get_id(key, "list_key"));
        let mut found = Vec::new();
        for item in answer.items.unwrap_or_default() {
            if found.len() == wanted {
                more = found.last().map(|attempt: &Attempt| attempt.id);
                break;
            }
            match attempts::read(&item) {
                Ok(read) => found.push(read.attempt),
                Err(error) => tracing::error!(error = %error, "Left an unreadable attempt out of the list"),
            }
        }
        Ok((found, more))
    }
}

fn month_before(time: Timestamp) -> Timestamp {
    let first = time.to_zoned(TimeZone::UTC).first_of_month();
    first.map(|day| day.timestamp() - SignedDuration::from_hours(24)).unwrap_or(time)
}

/// How the ids of a millisecond begin: less than all of them, and more than all earlier ones.
fn id_prefix(time: Timestamp) -> String {
    let milliseconds = time.as_millisecond().max(0);
    format!("{:08x}-{:04x}", milliseconds >> 16, milliseconds & 0xffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_between_the_prefixes_of_its_millisecond_and_the_next() {
        for time in ["2026-11-22T10:00:00.123Z", "2026-11-23T00:00:00Z"] {
            let time: Timestamp = time.parse().unwrap();
            let id = AttemptId::new(time).to_string();
            let next = id_prefix(time + SignedDuration::from_millis(1));
            assert!(id.starts_with(&id_prefix(time)) && id_prefix(time) < id && id < next, "{id} {next}");
        }
    }
}
