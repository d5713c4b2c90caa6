//! The card of a service that does not answer: what that means while it lasts, and how long it was.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::blocks::{Card, outside};
use crate::circuit::{FAILURES_TO_OPEN, Outage};
use crate::journal::Service;

/// The card of an outage as it is now.
pub fn outage(service: Service, outage: &Outage) -> Card {
    let name = name(service);
    let said = outside(&outage.why, 300);
    let began = clock_time(outage.since);
    match outage.ended_at {
        None => {
            let headline = format!("🔌 AutoFix: {name} does not answer");
            let mut card = Card::new(&headline);
            card.header(&headline);
            card.section(&format!(
                "{FAILURES_TO_OPEN} requests in a row failed, the first at {began}. The last one: {said}"
            ));
            card.section(&format!(
                "{} Nothing is lost, and no try is used up. AutoFix asks again every few minutes and says so here when {name} is back. What has waited for 24 hours ends as failed, with a card that says so.",
                meanwhile(service)
            ));
            card
        }
        Some(ended) => {
            let headline = format!("✅ AutoFix: {name} answers again");
            let mut card = Card::new(&headline);
            card.header(&headline);
            card.section(&format!(
                "It failed from {began} to {} ({}). What waited goes on. It had said: {said}",
                clock_time(ended),
                length(ended.duration_since(outage.since))
            ));
            card
        }
    }
}

fn meanwhile(service: Service) -> &'static str {
    match service {
        Service::Anthropic => "New errors are recorded and analysed later.",
        Service::Github => "Fixes, checks and merges wait.",
        Service::Slack => "Cards wait.",
        Service::Sentry => "Errors that need more details from Sentry wait.",
    }
}

/// What people call it.
fn name(service: Service) -> &'static str {
    match service {
        Service::Anthropic => "Claude",
        Service::Github => "GitHub",
        Service::Slack => "Slack",
        Service::Sentry => "Sentry",
    }
}

fn clock_time(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%H:%M UTC").to_string()
}

/// Hours and minutes, at least one.
fn length(time: SignedDuration) -> String {
    let minutes = time.as_mins().max(1);
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_told_in_hours_and_minutes() {
        for (seconds, expected) in
            [(20, "1 min"), (59 * 60, "59 min"), (3_600, "1 h 0 min"), (100_000, "27 h 46 min")]
        {
            assert_eq!(length(SignedDuration::from_secs(seconds)), expected);
        }
    }
}
