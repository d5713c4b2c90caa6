//! Which attempt has a fault, so that no two look at the same one. Nothing else is kept: what its answer is follows from
//! that attempt's own state, see [`crate::attempt::standing`].

use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;

use super::item::{self, Item};
use super::{Lease, Saved, Store, StoreError, Versioned, unavailable};
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
        let put = self.put_fault(fault, id, now);
        let put = put.condition_expression("attribute_not_exists(pk) OR attempt_id = :id");
        match put.expression_attribute_values(":id", item::text(id.to_string())).send().await {
            Ok(_) => return Ok(FaultHolder::Ours),
            Err(error) if super::attempts::is_condition(&error) => {}
            Err(error) => return Err(unavailable(error)),
        }
        let item = self.item(fault_item(fault)).await?.unwrap_or_default();
        let other = item::get_text(&item, "attempt_id").and_then(|id| AttemptId::parse(id).ok());
        other.map(FaultHolder::Other).ok_or_else(|| StoreError::Damaged {
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
        let put = self.put_fault(fault, id, now).condition_expression("attempt_id = :from");
        match put.expression_attribute_values(":from", item::text(from.to_string())).send().await {
            Ok(_) => Ok(Saved::Yes),
            Err(error) if super::attempts::is_condition(&error) => Ok(Saved::Conflict),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Saves an attempt that joins another one, and that other one with its issue: both or none. The lease stays.
    pub async fn join(
        &self,
        lease: &mut Lease,
        joining: &Attempt,
        other: (&Versioned, &Attempt),
        now: Timestamp,
    ) -> Result<Saved, StoreError> {
        let (before, after) = other;
        let update = TransactWriteItem::builder().update(self.decision_update(before, after, now)).build();
        self.save_with(lease, joining, vec![update], now).await
    }

    fn put_fault(&self, fault: Fault<'_>, id: AttemptId, now: Timestamp) -> PutItemFluentBuilder {
        let mut item = fault_item(fault);
        item.insert("attempt_id".to_owned(), item::text(id.to_string()));
        item.insert("expires_at".to_owned(), item::expires(now, KEEP_SECONDS));
        self.client.put_item().table_name(&self.table).set_item(Some(item))
    }
}

fn fault_item(fault: Fault<'_>) -> Item {
    item::key(format!("FAULT#{}#{}", fault.repo.to_lowercase(), fault.key), "FAULT")
}
