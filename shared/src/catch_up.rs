//! How far AutoFix has looked for issues whose webhook never came. Sentry sends an internal integration's webhook once.
//!
//! ```text
//! ──────from──────────────until────────top──────────now──▶ first seen
//!         │   still to read   │   read   │  too fresh │
//! ```
//!
//! A pass reads the issues between `from` and `top`, the newest first, some pages at a time; what it has read ends at
//! `until`. Times, not Sentry's page cursors: those count entries, and entries leave the list while it is read. After a
//! pass the next one begins a little before its top. Whoever meets an issue twice finds its claim and does nothing.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Time between two passes.
const EVERY: SignedDuration = SignedDuration::from_mins(5);
/// Sentry's list may lag behind, and the webhook goes first.
const TOO_FRESH: SignedDuration = SignedDuration::from_mins(2);
/// A pass looks at this much of the one before again. An issue is listed by the time of its first event, which after a
/// backlog at Sentry, just when webhooks are lost, is long ago.
const OVERLAP: SignedDuration = SignedDuration::from_hours(1);
/// Older issues are not caught up with: after a long outage they are for people.
pub const LONGEST_BACK: SignedDuration = SignedDuration::from_hours(24);
/// A longer wish of Sentry's to be left alone is not granted.
const LONGEST_ASKED: SignedDuration = SignedDuration::from_hours(1);
/// Times of an answer may be cut to whole seconds.
const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// How far the search is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatchUp {
    /// Everything first seen before this has been looked at.
    pub from: Timestamp,
    pass: Option<Pass>,
    /// Nobody looks before this time.
    pub next_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pass {
    top: Timestamp,
    until: Timestamp,
}

/// What is to be read next: issues first seen between these times, both included, the newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub from: Timestamp,
    pub until: Timestamp,
}

/// What one page was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageRead {
    /// There are older issues behind it; the oldest on it was first seen then.
    More {
        oldest: Timestamp,
    },
    Last,
}

impl CatchUp {
    /// Where AutoFix has never looked: nothing before now is its business.
    pub fn beginning(now: Timestamp) -> CatchUp {
        CatchUp { from: now, pass: None, next_at: now + EVERY }
    }

    /// Begins a pass, or goes on with the one under way. `None` where there is nothing to read yet.
    pub fn begin(&mut self, now: Timestamp) -> Option<Stretch> {
        self.from = self.from.max(now - LONGEST_BACK);
        let top = now - TOO_FRESH;
        self.pass.get_or_insert(Pass { top, until: top });
        self.stretch()
    }

    /// A page has been dealt with. Says what the pass has left to read.
    pub fn page_read(&mut self, page: PageRead) -> Option<Stretch> {
        let pass = self.pass.as_mut()?;
        match page {
            // At least a second further each time: a page of issues that were all born within one must not be read for ever.
            PageRead::More { oldest } => pass.until = (oldest + SECOND).min(pass.until - SECOND),
            PageRead::Last => self.end_pass(),
        }
        self.stretch()
    }

    fn stretch(&mut self) -> Option<Stretch> {
        let pass = self.pass?;
        if pass.until <= self.from {
            self.end_pass();
            return None;
        }
        Some(Stretch { from: self.from, until: pass.until })
    }

    /// The run is over: when the next one is. A pass that is not through goes on with the next run of the clock.
    pub fn run_ended(&mut self, now: Timestamp) {
        self.next_at = if self.pass.is_some() { now } else { now + EVERY };
    }

    /// Sentry did not answer, and may have said how long it wants to be left alone.
    pub fn run_failed(&mut self, now: Timestamp, asked: SignedDuration) {
        self.next_at = now + EVERY.max(asked.min(LONGEST_ASKED));
    }

    fn end_pass(&mut self) {
        if let Some(pass) = self.pass.take() {
            self.from = self.from.max(pass.top - OVERLAP);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        "2026-11-22T10:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minute)
    }

    #[test]
    fn a_pass_ends_before_what_is_fresh_and_the_next_one_overlaps() {
        let mut search = CatchUp::beginning(at(0));
        assert_eq!(search.next_at, at(5));
        assert_eq!(search.begin(at(5)), Some(Stretch { from: at(0), until: at(3) }));
        assert_eq!(search.page_read(PageRead::Last), None);
        search.run_ended(at(5));
        assert_eq!(search.next_at, at(10));
        assert_eq!(search.begin(at(10)).unwrap().from, at(0), "never further back than where it began");
        search.page_read(PageRead::Last);
        assert_eq!(search.begin(at(90)), Some(Stretch { from: at(0), until: at(88) }));
        search.page_read(PageRead::Last);
        assert_eq!(search.begin(at(95)).unwrap().from, at(28));
    }

    #[test]
    fn a_long_list_is_read_downwards_and_continued() {
        let mut search = CatchUp::beginning(at(0));
        search.begin(at(60)).unwrap();
        let rest = Stretch { from: at(0), until: at(40) + SECOND };
        assert_eq!(search.page_read(PageRead::More { oldest: at(40) }), Some(rest));
        search.run_ended(at(60));
        assert_eq!(search.next_at, at(60), "at the clock's next run");
        assert_eq!(search.begin(at(61)), Some(rest));
        assert_eq!(search.page_read(PageRead::More { oldest: at(-1) }), None);
        assert_eq!(search.begin(at(130)), Some(Stretch { from: at(0), until: at(128) }), "a new pass");
    }

    #[test]
    fn issues_that_were_all_born_at_once_are_not_read_for_ever() {
        let mut search = CatchUp::beginning(at(0));
        let mut before = search.begin(at(10)).unwrap().until;
        for _ in 0..5 {
            let until = search.page_read(PageRead::More { oldest: before }).unwrap().until;
            assert!(until < before);
            before = until;
        }
    }

    #[test]
    fn nothing_older_than_a_day_is_looked_for() {
        let mut search = CatchUp::beginning(at(0));
        assert_eq!(search.begin(at(3 * 24 * 60)).unwrap().from, at(2 * 24 * 60));
    }

    #[test]
    fn sentrys_wish_to_be_left_alone_is_heard_within_reason() {
        let mut search = CatchUp::beginning(at(0));
        for (asked, expected) in [(0, 5), (30, 30), (10_000, 60)] {
            search.run_failed(at(0), SignedDuration::from_mins(asked));
            assert_eq!(search.next_at, at(expected));
        }
    }
}
