//! The primary rate limit: so many requests in an hour, which begins with the first request after the last one's end.

use jiff::{SignedDuration, Timestamp};

use super::wire::{Answer, Refusal};

/// Requests an hour that GitHub grants a personal access token.
const HOURLY_REQUESTS: u64 = 5000;

/// What is left of an hour's requests.
#[derive(Clone, Debug)]
pub(super) struct Quota {
    hourly: u64,
    used: u64,
    resets_at: Timestamp,
}

impl Default for Quota {
    fn default() -> Quota {
        Quota { hourly: HOURLY_REQUESTS, used: 0, resets_at: Timestamp::UNIX_EPOCH }
    }
}

impl Quota {
    /// Another limit, as GitHub Enterprise Server has it or has none.
    pub(super) fn set_hourly(&mut self, hourly: u64) {
        self.hourly = hourly;
    }

    /// Counts one request, or refuses it.
    pub(super) fn take(&mut self, now: Timestamp) -> Result<(), Refusal> {
        if now >= self.resets_at {
            (self.used, self.resets_at) = (0, now + SignedDuration::from_hours(1));
        }
        if self.used >= self.hourly {
            return Err(Refusal::new(403, "API rate limit exceeded for the token's user."));
        }
        self.used += 1;
        Ok(())
    }

    pub(super) fn told_with(&self, answer: Answer) -> Answer {
        answer
            .with_header("x-ratelimit-limit", self.hourly.to_string())
            .with_header("x-ratelimit-remaining", self.remaining().to_string())
            .with_header("x-ratelimit-used", self.used.to_string())
            .with_header("x-ratelimit-reset", self.resets_at.as_second().to_string())
            .with_header("x-ratelimit-resource", "core".to_owned())
    }

    fn remaining(&self) -> u64 {
        self.hourly.saturating_sub(self.used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_used_up_the_hour_is_refused_until_the_next() {
        let mut quota = Quota::default();
        let begun: Timestamp = "2026-11-20T10:00:00Z".parse().unwrap();
        let last_second = begun + SignedDuration::from_secs(3599);
        for _ in 0..HOURLY_REQUESTS {
            quota.take(begun).unwrap();
        }
        assert_eq!(quota.remaining(), 0);
        assert!(quota.take(last_second).is_err());
        quota.take(begun + SignedDuration::from_hours(1)).unwrap();
        assert_eq!(quota.remaining(), HOURLY_REQUESTS - 1);
    }
}
