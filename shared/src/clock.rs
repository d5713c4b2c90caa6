//! The time, handed to whoever needs it: only `main` chooses the system's clock, tests move their own.
//! Pauses belong to it, so that a test's time passes without anyone waiting.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

/// A source of the current time. Clones share it.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    pauses: Pauses,
}

/// How a pause goes by.
#[derive(Clone)]
enum Pauses {
    /// As time does.
    Waited,
    /// Whoever moves the clock is told, and it is over.
    Told(Arc<dyn Fn(Duration) + Send + Sync>),
}

impl Clock {
    /// A clock that asks `now` each time. Its pauses are real.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Clock {
        Clock { now: Arc::new(now), pauses: Pauses::Waited }
    }

    /// The machine's clock.
    #[allow(clippy::disallowed_methods, reason = "the one place where the machine's clock enters")]
    pub fn system() -> Clock {
        Clock::new(Timestamp::now)
    }

    /// The same time, but a pause only tells `passed` how long it would have been.
    pub fn with_told_pauses(self, passed: impl Fn(Duration) + Send + Sync + 'static) -> Clock {
        Clock { pauses: Pauses::Told(Arc::new(passed)), ..self }
    }

    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// Waits. Only for seconds: what takes longer is left to the clock that wakes the worker.
    pub async fn pause(&self, time: Duration) {
        match &self.pauses {
            Pauses::Waited => tokio::time::sleep(time).await,
            Pauses::Told(passed) => passed(time),
        }
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}
