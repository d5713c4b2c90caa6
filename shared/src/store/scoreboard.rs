//! The scoreboard's sums, computed from the attempts. Nobody counts while an attempt changes.
//!
//! Newer weeks are added up when somebody asks ([`RECENT_WEEKS`]). For older ones that would be many attempts to read, and
//! after half a year there are none: the clock adds up one of them after another and keeps the sums in an item for each week
//! and project. Adding up a week again writes what the sums are now, so a repeat changes nothing, and whatever was
//! missed is right after the next time.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::item::{self, Item};
use super::table::Write;
use super::{Store, StoreError, unavailable};
use crate::scoreboard::{Counts, Tally, Week, contribution};

/// How long the sums of a week are kept after they changed last, seconds: two years, to compare.
const KEEP_SECONDS: i64 = 2 * 365 * 24 * 3600;
const KEY: &str = "SCOREBOARD";
/// Weeks that are added up when somebody asks: this one and the last.
const RECENT_WEEKS: u32 = 2;
/// Sums of weeks further back are final: the first attempts of the 25th are about to be deleted.
const LAST_WEEK: u32 = 24;
/// The clock adds up a week every so many minutes, so each comes up every four hours. Reading 100 attempts costs about 125
/// read units.
const MINUTES_BETWEEN: i64 = 10;

/// Sums by project.
type Sums = BTreeMap<String, Counts>;

impl Store {
    /// The sums of every project from one week on, oldest first.
    pub async fn scoreboard(&self, from: Week, now: Timestamp) -> Result<Vec<Tally>, StoreError> {
        let this_week = Week::of(now);
        let recent = this_week.earlier(RECENT_WEEKS - 1);
        let mut tallies: Vec<Tally> = Vec::new();
        for tally in self.kept_sums(from, recent).await?.iter().filter_map(read) {
            let mut same = tallies.iter_mut().rev().take_while(|other| other.week == tally.week);
            match same.find(|other| other.project == tally.project) {
                Some(other) => other.counts.add(&tally.counts),
                None => tallies.push(tally),
            }
        }
        for back in (0..RECENT_WEEKS).rev() {
            let week = this_week.earlier(back);
            if week >= from {
                let sums = self.sums_of(week).await?;
                tallies.extend(sums.into_iter().map(|(project, counts)| Tally { week, project, counts }));
            }
        }
        Ok(tallies)
    }

    /// Adds up the week whose turn it is, for the clock.
    pub async fn keep_sums(&self, now: Timestamp) -> Result<(), StoreError> {
        let minute = now.as_second() / 60;
        if minute % MINUTES_BETWEEN != 0 {
            return Ok(());
        }
        let turn = u32::try_from((minute / MINUTES_BETWEEN).rem_euclid(i64::from(LAST_WEEK))).unwrap_or(0);
        self.keep_sums_of(Week::of(now).earlier(1 + turn), now).await
    }

    /// Adds up a week again and keeps its sums.
    pub async fn keep_sums_of(&self, week: Week, now: Timestamp) -> Result<(), StoreError> {
        let kept = self.kept_sums(week, Week::of(week.span().end)).await?;
        let mut kept: BTreeMap<&str, Tally> =
            kept.iter().filter_map(|item| Some((item::get_text(item, "sk")?, read(item)?))).collect();
        for (project, counts) in self.sums_of(week).await? {
            let new = Tally { week, project, counts };
            if kept.remove(sort_key(&new).as_str()).as_ref() != Some(&new) {
                self.keep(&new, sort_key(&new), now).await?;
            }
        }
        // What no attempt speaks for any more.
        for (sort_key, old) in kept {
            self.keep(&Tally { counts: Counts::default(), ..old }, sort_key.to_owned(), now).await?;
        }
        Ok(())
    }

    async fn keep(&self, tally: &Tally, sort_key: String, now: Timestamp) -> Result<(), StoreError> {
        let attributes = [
            ("week", item::text(tally.week.to_string())),
            ("project", item::text(&tally.project)),
            ("expires_at", item::expires(now, KEEP_SECONDS)),
        ];
        let mut item = item::item(item::key(KEY, sort_key), attributes);
        item.extend(tally.counts.pairs().map(|(name, count)| (name.to_owned(), item::number(count))));
        self.write(Write::put(item)).await.map(drop)
    }

    /// The attempts of a week, added up by project.
    async fn sums_of(&self, week: Week) -> Result<Sums, StoreError> {
        let mut sums = Sums::new();
        self.for_each_of(week.span(), |attempt| {
            sums.entry(attempt.subject.project.clone()).or_default().add(&contribution(&attempt));
        })
        .await?;
        Ok(sums)
    }

    /// The items of the sums from one week on, up to another one that is not among them.
    async fn kept_sums(&self, from: Week, until: Week) -> Result<Vec<Item>, StoreError> {
        if from >= until {
            return Ok(Vec::new());
        }
        let items = self
            .query("pk = :pk AND sk BETWEEN :from AND :until")
            .expression_attribute_values(":pk", item::text(KEY))
            .expression_attribute_values(":from", item::text(from.to_string()))
            .expression_attribute_values(":until", item::text(until.to_string()))
            .into_paginator()
            .items()
            .send();
        items.try_collect().await.map_err(unavailable)
    }
}

fn sort_key(tally: &Tally) -> String {
    format!("{}#fixes#{}", tally.week, tally.project)
}

/// Sums as they were kept; `None` where there is nothing to show.
fn read(found: &Item) -> Option<Tally> {
    let numbers =
        found.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_n().ok()?.parse().ok()?)));
    Some(Tally {
        week: Week::parse(item::get_text(found, "week")?)?,
        project: item::get_text(found, "project").unwrap_or_default().to_owned(),
        counts: Counts::from_pairs(numbers),
    })
    .filter(|tally| !tally.counts.is_empty())
}
