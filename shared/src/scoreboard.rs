//! The scoreboard: what came of the errors of a week, by project.
//!
//! What an attempt contributes follows from what it is now ([`contribution`]), and a tally is the sum over attempts: it can
//! be computed again from them at any time. An attempt belongs to the week (from Monday, UTC) in which its error was
//! reported, whenever its fix is merged or verified, so that the numbers of a week are about the same errors.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};

use crate::attempt::{Attempt, Closeness, Shadow, Status};
use crate::reason::ReasonCode;
use crate::words::word_enum;

word_enum! {
    /// What is counted, beside refusals by reason and times by length.
    pub enum Counter {
        /// Errors that were looked at.
        Attempts = "attempts",
        /// Fixes that people were shown: a pull request was opened.
        Shown = "shown",
        Approved = "approved",
        Merged = "merged",
        Verified = "verified",
        /// Merged, and the error came back.
        Regressed = "regressed",
        RolledBack = "rolled_back",
        Dismissed = "dismissed",
        /// Ended without a pull request, on purpose.
        Skipped = "skipped",
        Failed = "failed",
        /// Not looked at, because the hourly limit was reached.
        TurnedAway = "turned_away",
        /// Errors of a dry run that people fixed themselves.
        FixedByPeople = "fixed_by_people",
        /// Of those: AutoFix had proposed the same change.
        ProposedTheSame = "proposed_the_same",
        /// Of those: AutoFix had proposed another change of the same lines.
        ProposedAtTheSameLines = "proposed_at_the_same_lines",
        /// What Claude cost, millionths of a US dollar.
        MicroDollars = "micro_dollars",
    }
}

const REFUSED: &str = "refused_";
const TIME: &str = "time_";
/// Buckets of times: each is a quarter of an octave long, so a median read from them is at most a tenth off.
const BUCKETS_PER_OCTAVE: f64 = 4.0;
/// The last bucket holds everything longer than about eight days.
const LAST_BUCKET: u32 = 78;

/// A week, by its Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Week(Date);

/// Counts by name. A count that is not there is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<String, i64>);

/// The counts of one project's attempts of one week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    pub week: Week,
    /// Sentry's project slug.
    pub project: String,
    pub counts: Counts,
}

impl Week {
    /// The week of a point in time, UTC.
    pub fn of(time: Timestamp) -> Week {
        let day = time.to_zoned(TimeZone::UTC).date();
        Week(day.saturating_sub(i64::from(day.weekday().to_monday_zero_offset()).days()))
    }

    /// `2026-11-16`; only a Monday is a week.
    pub fn parse(text: &str) -> Option<Week> {
        let day: Date = text.parse().ok()?;
        (day.weekday().to_monday_zero_offset() == 0 && day.to_string() == text).then_some(Week(day))
    }

    /// The week so many weeks earlier.
    pub fn earlier(self, weeks: u32) -> Week {
        Week(self.0.saturating_sub(i64::from(weeks).weeks()))
    }

    /// From Monday's first moment to the next Monday's, which is not in it.
    pub fn span(self) -> Range<Timestamp> {
        let at = |day: Date| day.to_zoned(TimeZone::UTC).map(|day| day.timestamp()).unwrap_or_default();
        at(self.0)..at(self.0.saturating_add(1.weeks()))
    }
}

impl std::fmt::Display for Week {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What an attempt contributes as it is now.
pub fn contribution(attempt: &Attempt) -> Counts {
    let mut counts = Counts::default();
    let reason = attempt.state.reasons().first().map(|reason| reason.code);
    if reason == Some(ReasonCode::HourlyLimit) {
        counts.set(Counter::TurnedAway.as_str(), 1);
        return counts;
    }
    let mut count = |counter: Counter, is_so: bool| counts.set(counter.as_str(), i64::from(is_so));
    let status = attempt.status();
    let merged = attempt.state.merged().is_some();
    count(Counter::Attempts, true);
    count(Counter::Shown, attempt.pull_request_at.is_some());
    count(Counter::Approved, merged || attempt.approved_at.is_some());
    count(Counter::Merged, merged);
    count(Counter::Verified, status == Status::Verified);
    count(Counter::Regressed, matches!(status, Status::Regressed | Status::RolledBack));
    count(Counter::RolledBack, status == Status::RolledBack);
    count(Counter::Dismissed, status == Status::Rejected);
    count(Counter::Skipped, status == Status::Skipped);
    count(Counter::Failed, status == Status::Failed);
    if let Some(Shadow::Fixed { closeness, .. }) = &attempt.shadow {
        count(Counter::FixedByPeople, true);
        count(Counter::ProposedTheSame, *closeness == Some(Closeness::SameChange));
        count(Counter::ProposedAtTheSameLines, *closeness == Some(Closeness::SameLines));
    }
    counts.set(Counter::MicroDollars.as_str(), (attempt.usage.cost_usd.clamp(0.0, 1e6) * 1e6).round() as i64);
    if let Some(code) = reason {
        counts.set(&format!("{REFUSED}{code}"), 1);
    }
    if let Some(at) = attempt.pull_request_at {
        counts.set(&format!("{TIME}{:02}", bucket(at.duration_since(attempt.created_at))), 1);
    }
    counts
}

impl Counts {
    /// Counts as they were kept: names that are none of ours are left out.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, i64)>) -> Counts {
        let is_ours = |name: &str| {
            name.starts_with(REFUSED) || name.starts_with(TIME) || name.parse::<Counter>().is_ok()
        };
        let ours = pairs.into_iter().filter(|(name, _)| is_ours(name));
        Counts(ours.map(|(name, count)| (name.to_owned(), count)).collect())
    }

    pub fn of(&self, counter: Counter) -> i64 {
        self.named(counter.as_str())
    }

    /// US dollars.
    pub fn dollars(&self) -> f64 {
        self.of(Counter::MicroDollars) as f64 / 1e6
    }

    /// Attempts that ended without a fix, by their first reason, the most frequent first.
    pub fn refusals(&self) -> Vec<(ReasonCode, i64)> {
        let codes = ReasonCode::ALL.iter().map(|code| {
            let turned_away = if *code == ReasonCode::HourlyLimit { self.of(Counter::TurnedAway) } else { 0 };
            (*code, self.named(&format!("{REFUSED}{code}")) + turned_away)
        });
        let mut refusals: Vec<_> = codes.filter(|(_, count)| *count > 0).collect();
        refusals.sort_by_key(|(code, count)| (std::cmp::Reverse(*count), *code));
        refusals
    }

    /// The median time from the report to the pull request, to about a tenth; `None` where none was opened.
    pub fn median_time(&self) -> Option<SignedDuration> {
        let times: Vec<(u32, i64)> = (0..=LAST_BUCKET)
            .map(|bucket| (bucket, self.named(&format!("{TIME}{bucket:02}")).max(0)))
            .filter(|(_, count)| *count > 0)
            .collect();
        let all: i64 = times.iter().map(|(_, count)| count).sum();
        let mut before = 0;
        let (bucket, _) = times.into_iter().find(|(_, count)| {
            before += count;
            before * 2 >= all
        })?;
        // The middle of the bucket, as a ratio.
        let seconds = 2_f64.powf((f64::from(bucket) + 0.5) / BUCKETS_PER_OCTAVE);
        Some(SignedDuration::from_secs(seconds.round() as i64))
    }

    pub fn add(&mut self, other: &Counts) {
        for (name, count) in &other.0 {
            *self.0.entry(name.clone()).or_default() += count;
        }
    }

    /// Every count that is not 0, by name.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().map(|(name, count)| (name.as_str(), *count))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn named(&self, name: &str) -> i64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    fn set(&mut self, name: &str, count: i64) {
        if count != 0 {
            self.0.insert(name.to_owned(), count);
        }
    }
}

fn bucket(time: SignedDuration) -> u32 {
    let seconds = time.as_secs_f64().max(1.0);
    ((seconds.log2() * BUCKETS_PER_OCTAVE).floor() as u32).min(LAST_BUCKET)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::{AttemptId, Event, Subject, Target};
    use crate::reason::Reason;

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    fn attempt() -> Attempt {
        let now = at("2026-11-22T10:00:00Z");
        Attempt::pending(AttemptId::new(now), Subject::default(), Target::default(), now)
    }

    #[test]
    fn a_week_begins_on_monday_utc() {
        let check = |time, monday: &str| assert_eq!(Week::of(at(time)).to_string(), monday, "{time}");
        check("2026-11-22T23:59:59Z", "2026-11-16");
        check("2026-11-23T00:00:00Z", "2026-11-23");
        check("2026-01-01T00:00:00Z", "2025-12-29");
        assert_eq!(Week::parse("2026-11-16"), Some(Week::of(at("2026-11-22T10:00:00Z"))));
        assert_eq!(Week::parse("2026-11-16").unwrap().earlier(2).to_string(), "2026-11-02");
        let span = Week::parse("2026-11-16").unwrap().span();
        assert_eq!(span, at("2026-11-16T00:00:00Z")..at("2026-11-23T00:00:00Z"));
        for text in ["2026-11-17", "2026-W47", "", "2026-11-16#x"] {
            assert_eq!(Week::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_attempt_contributes_what_it_is_now_and_nothing_that_it_was() {
        let mut one = attempt();
        assert_eq!(contribution(&one).of(Counter::Attempts), 1);
        one.approved_at = Some(one.created_at);
        one.usage.cost_usd = 0.25;
        assert_eq!(contribution(&one).of(Counter::Approved), 1);
        one.approved_at = None; // GitHub refused the merge
        one.usage.cost_usd = 0.30;
        let reasons =
            vec![Reason::new(ReasonCode::CriticRefused, "x"), Reason::new(ReasonCode::LowConfidence, "y")];
        one.apply(Event::Skipped { reasons, fix: None }, one.created_at).unwrap();
        let end = contribution(&one);
        assert_eq!((end.of(Counter::Approved), end.of(Counter::Skipped)), (0, 1));
        assert_eq!(end.refusals(), [(ReasonCode::CriticRefused, 1)], "once, by its first reason");
        assert!((end.dollars() - 0.30).abs() < 1e-9);
    }

    #[test]
    fn an_attempt_that_the_limit_turned_away_was_not_looked_at() {
        let mut one = attempt();
        let reasons = vec![Reason::new(ReasonCode::HourlyLimit, "x")];
        one.apply(Event::Skipped { reasons, fix: None }, one.created_at).unwrap();
        assert_eq!(contribution(&one).pairs().collect::<Vec<_>>(), [("turned_away", 1)]);
    }

    #[test]
    fn a_median_is_read_from_buckets_to_about_a_tenth() {
        let mut sum = Counts::default();
        assert_eq!(sum.median_time(), None);
        for seconds in [1, 40, 200, 230, 250, 3_000, 900_000] {
            let mut one = attempt();
            one.pull_request_at = Some(one.created_at + SignedDuration::from_secs(seconds));
            sum.add(&contribution(&one));
        }
        let median = sum.median_time().unwrap().as_secs_f64();
        assert!((230.0 * 0.9..230.0 * 1.1).contains(&median), "{median}");
        let longest = Counts::from_pairs([("time_78", 1)]).median_time().unwrap();
        assert!(longest.as_hours() > 200, "{longest}");
    }

    #[test]
    fn what_is_no_count_of_ours_is_left_out() {
        let counts = Counts::from_pairs([("shown", 3), ("expires_at", 9), ("refused_branch_moved", 2)]);
        assert_eq!(counts.pairs().collect::<Vec<_>>(), [("refused_branch_moved", 2), ("shown", 3)]);
    }

    #[test]
    fn what_the_limit_turned_away_is_a_refusal_too() {
        let counts = Counts::from_pairs([("turned_away", 5), ("refused_critic_refused", 7)]);
        assert_eq!(counts.refusals(), [(ReasonCode::CriticRefused, 7), (ReasonCode::HourlyLimit, 5)]);
    }
}
