//! Whether to ask once more within the same invocation, and after which pause: seconds only. What takes
//! longer is the clock's, so that no invocation is paid for sleeping.

use std::time::Duration;

use jiff::SignedDuration;

use super::{Effect, ErrorKind, ServiceError};

/// Times that one request is sent at most; Claude's own SDK sends it as often.
const MAX_TRIES: u32 = 3;
/// First pause where the service named none; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// A service that asks for more than this is left alone until the clock comes round.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A try that took more than this part of its time is not repeated: the rest may be too short for another one.
const QUICK_PART: i32 = 10;

/// A try that failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Try {
    /// Counted from 1.
    pub number: u32,
    pub took: SignedDuration,
    /// What the request was given, from the first byte sent to the last byte read.
    pub time: Duration,
    pub effect: Effect,
}

/// The pause after which the request may be sent again now; `None` leaves it to the clock.
pub(super) fn short_pause(error: &ServiceError, failed: Try) -> Option<Duration> {
    let quick =
        failed.took <= SignedDuration::try_from(failed.time).unwrap_or(SignedDuration::MAX) / QUICK_PART;
    if failed.number >= MAX_TRIES || !quick {
        return None;
    }
    let named = match (error.kind, failed.effect) {
        // Nothing was done, whatever it was.
        (ErrorKind::RateLimited, _) => Some(error.retry_after?),
        (ErrorKind::Unavailable, Effect::None) => error.retry_after,
        _ => return None,
    };
    let jitter = fastrand::f64() * 0.25;
    match named {
        // Never sooner than asked.
        Some(pause) => Some(pause.mul_f64(1.0 + jitter)).filter(|_| pause <= LONGEST_PAUSE),
        None => Some(FIRST_PAUSE.saturating_mul(1 << (failed.number - 1)).mul_f64(1.0 - jitter)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Service;

    const SECOND: Duration = Duration::from_secs(1);

    fn error(kind: ErrorKind) -> ServiceError {
        ServiceError::new(Service::Github, kind, "")
    }

    fn limited(retry_after: Option<Duration>) -> ServiceError {
        error(ErrorKind::RateLimited).after(retry_after)
    }

    fn down(retry_after: Option<Duration>) -> ServiceError {
        error(ErrorKind::Unavailable).after(retry_after)
    }

    #[track_caller]
    fn check(error: ServiceError, effect: Effect, pause: Option<std::ops::RangeInclusive<u128>>) {
        let failed = Try { number: 1, took: SignedDuration::ZERO, time: 20 * SECOND, effect };
        let found = short_pause(&error, failed).map(|pause| pause.as_millis());
        match (&pause, found) {
            (None, None) => {}
            (Some(range), Some(found)) if range.contains(&found) => {}
            _ => panic!("{error:?}, {effect:?}: {found:?} in place of {pause:?}"),
        }
    }

    #[test]
    fn seconds_are_waited_here_and_minutes_by_the_clock() {
        check(limited(Some(SECOND)), Effect::Once, Some(1_000..=1_250));
        check(limited(Some(5 * SECOND)), Effect::None, Some(5_000..=6_250));
        check(limited(Some(6 * SECOND)), Effect::None, None);
        check(limited(None), Effect::None, None);
        check(down(None), Effect::None, Some(375..=500));
        check(down(Some(2 * SECOND)), Effect::None, Some(2_000..=2_500));
        check(down(Some(300 * SECOND)), Effect::None, None);
    }

    #[test]
    fn what_may_have_been_done_already_is_not_asked_again_here() {
        check(down(None), Effect::Once, None);
        check(error(ErrorKind::TimedOut), Effect::None, None);
        check(error(ErrorKind::Malformed), Effect::None, None);
        check(error(ErrorKind::NotFound), Effect::None, None);
        check(error(ErrorKind::Conflict), Effect::None, None);
    }

    #[test]
    fn tries_are_few_and_quick() {
        let failed = Try { number: 2, took: SignedDuration::ZERO, time: 20 * SECOND, effect: Effect::None };
        assert!(short_pause(&down(None), failed).is_some_and(|pause| pause > Duration::from_millis(700)));
        assert_eq!(short_pause(&down(None), Try { number: 3, ..failed }), None);
        let slow = SignedDuration::from_secs(3);
        assert_eq!(short_pause(&down(None), Try { took: slow, ..failed }), None);
    }
}
