//! What an investigation leaves behind, in an item of its own: lists of attempts do not have to carry it.

use jiff::Timestamp;

use super::attempts::pk;
use super::item;
use super::{KEEP_SECONDS, Lease, Store, StoreError, unavailable};
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
        let mut item = item::key(pk(lease.attempt_id()), "DOSSIER");
        item.insert("dossier".to_owned(), item::json(dossier));
        item.insert("expires_at".to_owned(), item::expires(now, KEEP_SECONDS));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map(|_| ()).map_err(unavailable)
    }
}
