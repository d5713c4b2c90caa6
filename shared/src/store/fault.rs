//! Which attempt has a fault, so that no two look at the same one. Nothing else is kept: what its answer is follows from
//! that attempt's own state, see [`crate::attempt::fault_status`].

use jiff::Timestamp;

use super::attempts::{Versioned, decision};
use super::item::{self, Item};
use super::table::{Saved, Write};
use super::{Lease, Store, StoreError};
use crate::attempt::{Attempt, AttemptId};
use crate::fault::FaultKey;

/// Longer than attempts are kept: an entry whose attempt is gone counts as none.
const KEEP_SECONDS: i64 = 365 * 24 * 3600;

/// A fault in one repository.
#[derive(Clone, Copy, Debug)]
pub struct Fault<'a> {
    /// `owner/name`.
    pub repo: &'a str,
    pub key: &'a FaultKey,
}

/// Who has a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultHolder {
    Ours,
    Other(AttemptId),
}

impl Store {
    /// Takes the fault for an attempt, unless another one was first.
    pub async fn claim_fault(
        &self,
        fault: Fault<'_>,
        id: AttemptId,
        now: Timestamp,
    ) -> Result<FaultHolder, StoreError> {
        let ours = put(fault, id, now).only_if("attribute_not_exists(pk) OR attempt_id = :id");
        if self.write(ours.value(":id", item::text(id.to_string()))).await? == Saved::Yes {
            return Ok(FaultHolder::Ours);
        }
        let item = self.item(fault_item(fault)).await?.unwrap_or_default();
        item::get_id(&item, "attempt_id").map(FaultHolder::Other).ok_or_else(|| StoreError::Damaged {
            key: format!("FAULT#{}", fault.key),
            why: "`attempt_id` is missing".to_owned(),
        })
    }

    /// Takes the fault from an attempt whose answer does not hold any more.
    pub async fn take_over_fault(
        &self,
        fault: Fault<'_>,
        from: AttemptId,
        id: AttemptId,
        now: Timestamp,
    ) -> Result<Saved, StoreError> {
        let taken = put(fault, id, now).only_if("attempt_id = :from");
        self.write(taken.value(":from", item::text(from.to_string()))).await
    }

    /// Saves an attempt that joins `other`, and that one `with_issue`: both or none. The lease stays.
    pub async fn join(
        &self,
        lease: &mut Lease,
        joining: &Attempt,
        other: &Versioned,
        with_issue: &Attempt,
        now: Timestamp,
    ) -> Result<Saved, StoreError> {
        self.save_with(lease, joining, vec![decision(other, with_issue, now)], now).await
    }
}

fn put(fault: Fault<'_>, id: AttemptId, now: Timestamp) -> Write {
    let attributes =
        [("attempt_id", item::text(id.to_string())), ("expires_at", item::expires(now, KEEP_SECONDS))];
    Write::put(item::item(fault_item(fault), attributes))
}

fn fault_item(fault: Fault<'_>) -> Item {
    item::key(format!("FAULT#{}#{}", fault.repo.to_lowercase(), fault.key), "FAULT")
}
