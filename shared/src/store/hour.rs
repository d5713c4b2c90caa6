//! The hourly limit, exact over any 60 minutes: as many slots as attempts may start in an hour, each an item of its own.
//! A start takes a slot that nobody took within the last hour, in the transaction that writes the attempt. So a slot
//! counts one start in any hour, and starts at the same moment seldom meet in one slot: they do not wait for each other.

use std::collections::HashSet;

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

impl Store {
    /// A slot for one more start; `None` while the hour is full.
    pub(super) async fn free_slot(
        &self,
        max_per_hour: u32,
        now: Timestamp,
    ) -> Result<Option<Slot>, StoreError> {
        let items = self.items_of(KEY).await?;
        let within_the_hour = items.iter().filter_map(read).filter(|(_, at)| *at > now - HOUR);
        let taken: HashSet<u32> = within_the_hour.map(|(number, _)| number).collect();
        // The limit may have become smaller since some of them started.
        if taken.len() >= max_per_hour as usize {
            return Ok(None);
        }
        let free: Vec<u32> = (0..max_per_hour).filter(|number| !taken.contains(number)).collect();
        Ok(fastrand::choice(free).map(Slot))
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
}
