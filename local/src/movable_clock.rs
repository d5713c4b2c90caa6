//! A clock that stands still between two moves: tests and the tool `chaos` let hours pass in no time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use autofix::clock::Clock;
use jiff::{SignedDuration, Timestamp};

/// Clones show the same time.
#[derive(Clone, Debug)]
pub struct MovableClock(Arc<AtomicI64>);

impl MovableClock {
    /// A clock that shows this time, to the millisecond.
    pub fn at(start: Timestamp) -> MovableClock {
        MovableClock(Arc::new(AtomicI64::new(start.as_millisecond())))
    }

    pub fn now(&self) -> Timestamp {
        // Only sums of valid times and short moves are ever stored.
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap_or(Timestamp::MAX)
    }

    /// Moves it on by whole milliseconds.
    pub fn advance(&self, by: SignedDuration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap_or(0), Ordering::SeqCst);
    }

    /// The same time for those who ask a [`Clock`]. A short pause inside the worker moves it, and nobody waits.
    pub fn clock(&self) -> Clock {
        let (now, passing) = (self.clone(), self.clone());
        let pass =
            move |pause| passing.advance(SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX));
        Clock::new(move || now.now()).with_told_pauses(pass)
    }
}

/// The machine's clock, with hours that can be skipped: a demo shows a day in a second.
#[derive(Clone, Debug, Default)]
pub struct SkippingClock(Arc<AtomicI64>);

impl SkippingClock {
    /// What was skipped counts for everyone who asks the [`Clock`].
    pub fn skip(&self, over: SignedDuration) {
        self.0.fetch_add(i64::try_from(over.as_millis()).unwrap_or(0), Ordering::SeqCst);
    }

    /// The time for those who ask. Its pauses are real.
    pub fn clock(&self) -> Clock {
        let (machine, skipped) = (Clock::system(), Arc::clone(&self.0));
        Clock::new(move || {
            let now = machine.now();
            now.checked_add(SignedDuration::from_millis(skipped.load(Ordering::SeqCst))).unwrap_or(now)
        })
    }
}
