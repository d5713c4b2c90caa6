//! What an investigation leaves behind, in an item of its own: lists of attempts do not have to carry it.

use jiff::Timestamp;

use super::attempts::pk;
use super::item;
use super::table::Write;
use super::{KEEP_SECONDS, Lease, Store, StoreError};
use crate::analysis::dossier::Dossier;
use crate::attempt::AttemptId;

impl Store {
    /// The dossier of an attempt; `None` where its investigation has not come to an end.
    pub async fn dossier(&self, id: AttemptId) -> Result<Option<Dossier>, StoreError> {
        let item = self.item(item::key(pk(id), "DOSSIER")).await?;
        item.map(|item| item::from_json(&item, "dossier")).transpose()
    }

    /// Keeps the dossier. An investigation that is repeated after a crash comes to the same one, so it is written
    /// without a condition, and before the event that ends the investigation.
    pub async fn save_dossier(
        &self,
        lease: &Lease,
        dossier: &Dossier,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let attributes = [("dossier", item::json(dossier)), ("expires_at", item::expires(now, KEEP_SECONDS))];
        let item = item::item(item::key(pk(lease.attempt_id()), "DOSSIER"), attributes);
        self.write(Write::put(item)).await.map(drop)
    }
}
