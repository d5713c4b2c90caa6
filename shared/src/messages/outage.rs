//! The notice about a service that does not answer: who waits while it lasts, and how long it was.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::blocks::{Card, outside};
use crate::service::Service;

/// An outage as people should see it.
#[derive(Clone, Debug)]
pub struct OutageNotice<'a> {
    pub service: Service,
    pub since: Timestamp,
    /// What the service said last.
    pub why: &'a str,
    pub stage: OutageStage,
}

#[derive(Clone, Copy, Debug)]
pub enum OutageStage {
    /// So many attempts wait.
    Waiting(u32),
    /// No attempt waits any longer.
    Over { at: Timestamp },
}

/// The notice of an outage.
pub fn outage(notice: &OutageNotice<'_>) -> Card {
    let name = notice.service.name();
    let said = outside(notice.why, 300);
    let began = notice.since.to_zoned(TimeZone::UTC).strftime("%-d %B, %H:%M UTC").to_string();
    let (headline, paragraphs) = match notice.stage {
        OutageStage::Waiting(waiting) => {
            let waits = match waiting {
                1 => "1 attempt waits".to_owned(),
                _ => format!("{waiting} attempts wait"),
            };
            (
                format!("🔌 AutoFix: {name} does not answer"),
                vec![
                    format!("{waits} for {name} since {began}. The last error: {said}"),
                    "Nothing is lost. AutoFix tries again at least every 40 minutes and continues by itself. \
                     Attempts that have waited for 24 hours end as failed, with a card that says so."
                        .to_owned(),
                ],
            )
        }
        OutageStage::Over { at } => (
            format!("✅ AutoFix: no attempt waits for {name} any longer"),
            vec![format!(
                "Attempts waited for {}, since {began}. The last error: {said}",
                length(at.duration_since(notice.since))
            )],
        ),
    };
    let mut card = Card::new(&headline);
    card.header(&headline);
    for paragraph in paragraphs {
        card.section(&paragraph);
    }
    card
}

/// Hours and minutes, at least one.
fn length(time: SignedDuration) -> String {
    let minutes = time.as_mins().max(1);
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
