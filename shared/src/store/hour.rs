//! The hourly limit, exact over any 60 minutes: as many slots as attempts may start in an hour, each an item of its own.
//! A start takes a slot that nobody took within the last hour, in the transaction that writes the attempt. So a slot
//! counts one start in any hour, and starts at the same moment seldom meet in one slot: they do not wait for each other.

use std::collections::HashSet;
use std::sync::MutexGuard;

use jiff::{SignedDuration, Timestamp};

use super::item::{self, Item};
use super::table::Write;
use super::{Store, StoreError};

pub(super) const KEY: &str = "LIMIT";
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// A slot that was not taken again is forgotten after this long, seconds: the limit may have become smaller.
const KEEP_SECONDS: i64 = 2 * 3600;

/// A slot that was free when the hour was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(u32);

/// Until when an hour that was seen full stays full. Starts are never taken back, so nobody need look again before: a
/// storm that is turned away does not read the slots once for each webhook.
#[derive(Clone, Copy, Debug)]
pub(super) struct FullHour {
    max_per_hour: u32,
    until: Timestamp,
}

impl FullHour {
    fn lasts(&self, max_per_hour: u32, now: Timestamp) -> bool {
        self.max_per_hour == max_per_hour && now < self.until && self.until - HOUR <= now
    }
}

impl Store {
    /// A slot for one more start; `None` while the hour is full.
    pub(super) async fn free_slot(
        &self,
        max_per_hour: u32,
        now: Timestamp,
    ) -> Result<Option<Slot>, StoreError> {
        if self.full_hour().is_some_and(|full| full.lasts(max_per_hour, now)) {
            return Ok(None);
        }
        let items = self.items_of(KEY).await?;
        let taken: Vec<(u32, Timestamp)> =
            items.iter().filter_map(read).filter(|(_, at)| *at > now - HOUR).collect();
        if taken.len() >= max_per_hour as usize {
            // The limit may have become smaller since some of them started: the last that has to be over counts.
            let mut starts: Vec<Timestamp> = taken.iter().map(|(_, at)| *at).collect();
            starts.sort_unstable();
            if let Some(last) = starts.get(taken.len() - max_per_hour as usize) {
                *self.full_hour() = Some(FullHour { max_per_hour, until: *last + HOUR });
            }
            return Ok(None);
        }
        let taken: HashSet<u32> = taken.into_iter().map(|(number, _)| number).collect();
        let free: Vec<u32> = (0..max_per_hour).filter(|number| !taken.contains(number)).collect();
        Ok(fastrand::choice(free).map(Slot))
    }

    fn full_hour(&self) -> MutexGuard<'_, Option<FullHour>> {
        self.full_hour.lock().expect("nothing panics while this is locked")
    }
}

/// The part of a transaction that takes a slot, unless another start took it since.
pub(super) fn take_slot(slot: Slot, now: Timestamp) -> Write {
    Write::put(slot_item(slot.0, now))
        .only_if("attribute_not_exists(pk) OR started_at <= :an_hour_ago")
        .value(":an_hour_ago", item::milliseconds(now - HOUR))
}

/// `SLOT#007`, taken now.
pub(super) fn slot_item(number: u32, now: Timestamp) -> Item {
    let attributes =
        [("started_at", item::milliseconds(now)), ("expires_at", item::expires(now, KEEP_SECONDS))];
    item::item(item::key(KEY, format!("SLOT#{number:03}")), attributes)
}

fn read(item: &Item) -> Option<(u32, Timestamp)> {
    let number = item::get_text(item, "sk")?.strip_prefix("SLOT#")?.parse().ok()?;
    Some((number, item::get_time(item, "started_at")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_read_as_it_was_written() {
        let now: Timestamp = "2026-11-22T10:00:00.123Z".parse().unwrap();
        for number in [0, 7, 499, 12_345] {
            assert_eq!(read(&slot_item(number, now)), Some((number, now)));
        }
        assert_eq!(read(&item::key(KEY, "HOURLY")), None);
    }

    #[test]
    fn a_full_hour_is_believed_until_its_oldest_start_is_over_and_for_its_own_limit_only() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let after = |minutes| now + SignedDuration::from_mins(minutes);
        let full = FullHour { max_per_hour: 10, until: after(20) };
        assert!(full.lasts(10, now) && full.lasts(10, after(19)));
        assert!(!full.lasts(10, after(20)), "the oldest start is an hour old");
        assert!(!full.lasts(20, now), "another limit");
        assert!(!full.lasts(10, after(-41)), "a clock that was put back");
    }
}
