//! How far the search for lost webhooks is. One item; whoever searches takes it first.

use jiff::{SignedDuration, Timestamp};

use super::item;
use super::table::{Saved, Write};
use super::{Store, StoreError};
use crate::catch_up::CatchUp;

/// A search that takes longer than this died: an invocation has fifteen minutes.
const SEARCH_TAKES: SignedDuration = SignedDuration::from_mins(15);

/// A search in the hands of one worker, with the version that its write has to name.
#[derive(Clone, Debug)]
pub struct HeldCatchUp {
    pub search: CatchUp,
    version: i64,
}

impl Store {
    /// How far the search is; `None` where nobody has ever searched.
    pub async fn catch_up(&self) -> Result<Option<CatchUp>, StoreError> {
        self.item(key()).await?.map(|item| item::from_json(&item, "search")).transpose()
    }

    /// Takes the search, where its time has come and nobody else is at it. The first time it only begins.
    pub async fn take_catch_up(&self, now: Timestamp) -> Result<Option<HeldCatchUp>, StoreError> {
        let Some(item) = self.item(key()).await? else {
            let held = HeldCatchUp { search: CatchUp::beginning(now), version: 0 };
            return self.save_catch_up(held).await.map(|_| None); // if someone else was first, it has begun, too
        };
        let search: CatchUp = item::from_json(&item, "search")?;
        if search.next_at > now {
            return Ok(None);
        }
        let version = item::get_number(&item, "version").unwrap_or(0);
        let mut taken = search.clone();
        taken.next_at = now + SEARCH_TAKES;
        Ok(match self.save_catch_up(HeldCatchUp { search: taken, version }).await? {
            Saved::Yes => Some(HeldCatchUp { search, version: version + 1 }),
            Saved::Conflict => None,
        })
    }

    /// Writes how far the search is, and gives it back. A conflict means that someone else took it over.
    pub async fn save_catch_up(&self, held: HeldCatchUp) -> Result<Saved, StoreError> {
        let attributes = [("search", item::json(&held.search)), ("version", item::number(held.version + 1))];
        let put = Write::put(item::item(key(), attributes))
            .only_if("attribute_not_exists(pk) OR version = :version")
            .value(":version", item::number(held.version));
        self.write(put).await
    }
}

fn key() -> item::Item {
    item::key("CATCH_UP", "SENTRY")
}
