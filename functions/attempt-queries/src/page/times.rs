//! Times as people read them.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// A point in time: for machines, and for people.
pub struct Time {
    /// RFC 3339.
    pub exact: String,
    pub shown: String,
}

/// Day and minute, UTC.
pub fn moment(at: Timestamp) -> Time {
    Time {
        exact: at.to_string(),
        shown: at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
    }
}

/// How long ago it was, in one unit.
pub(super) fn age(at: Timestamp, now: Timestamp) -> Time {
    Time { exact: at.to_string(), shown: format!("{} ago", span(now.duration_since(at))) }
}

/// A duration in its largest unit, rounded down.
pub(super) fn span(duration: SignedDuration) -> String {
    match duration.as_secs().max(0) {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..86_400 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_one_unit_and_is_never_negative() {
        let check = |seconds, shown: &str| assert_eq!(span(SignedDuration::from_secs(seconds)), shown);
        check(-5, "0 s");
        check(59, "59 s");
        check(60, "1 min");
        check(7_199, "1 h");
        check(86_400 * 3, "3 d");
    }
}
