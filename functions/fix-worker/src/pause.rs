//! The pause after a failure.

use std::time::Duration;

use autofix::outbound::ServiceError;
use jiff::{SignedDuration, Timestamp};

/// First pause; it doubles with every failure.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
/// A service that is back is noticed within this time.
const LONGEST_PAUSE: Duration = Duration::from_secs(1800);

/// When to try again: what the service asked for, at least a pause that doubles, with up to a quarter of jitter.
pub(crate) fn again_at(error: &ServiceError, failures: u32, now: Timestamp) -> Timestamp {
    let doubled = FIRST_PAUSE.saturating_mul(1 << failures.min(10)).min(LONGEST_PAUSE);
    let pause = error.retry_after.unwrap_or_default().max(doubled);
    let jitter = pause.mul_f64(fastrand::f64() * 0.25);
    let pause = SignedDuration::try_from(pause + jitter).unwrap_or(SignedDuration::from_hours(2));
    now.checked_add(pause).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use autofix::journal::Service;
    use autofix::outbound::ErrorKind;

    use super::*;

    #[test]
    fn pauses_double_and_never_undercut_what_the_service_asked_for() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let pause =
            |error: &ServiceError, failures| again_at(error, failures, now).duration_since(now).as_secs();
        let error = |kind| ServiceError::new(Service::Github, kind, "");
        let asked = |seconds| error(ErrorKind::RateLimited).after(Some(Duration::from_secs(seconds)));
        let down = error(ErrorKind::Unavailable);
        assert!((30..38).contains(&pause(&down, 0)));
        assert!((240..301).contains(&pause(&down, 3)));
        assert!((1_800..2_251).contains(&pause(&down, 40)));
        assert!((2_400..3_001).contains(&pause(&asked(2_400), 0)));
    }
}
