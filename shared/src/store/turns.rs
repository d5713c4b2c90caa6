//! Checkpoints: each finished turn of a conversation with Claude, so that a killed worker goes on
//! where it was and pays nothing twice. What the tools answered is not kept; it follows from the
//! pinned commit.

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use serde_json::Value;

use super::attempts::pk;
use super::item;
use super::{Lease, Saved, Store, StoreError, unavailable};
use crate::attempt::AttemptId;

/// Checkpoints are needed while the attempt is analysed; a week covers every retry.
const KEEP_SECONDS: i64 = 7 * 24 * 3600;

impl Store {
    /// The finished turns of one conversation, in order.
    pub async fn turns(&self, id: AttemptId, conversation: &str) -> Result<Vec<Value>, StoreError> {
        let mut turns = Vec::new();
        let mut start = None;
        loop {
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":pk", item::text(pk(id)))
                .expression_attribute_values(":prefix", item::text(format!("TURN#{conversation}#")))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(unavailable)?;
            for item in answer.items.unwrap_or_default() {
                turns.push(item::from_json(&item, "turn")?);
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(turns);
            }
        }
    }

    /// Keeps a turn of a conversation and adds its cost to the day's, both or neither. A conflict means that the
    /// lease was lost: the turn is paid for and not kept, so its cost alone is added.
    pub async fn save_turn(
        &self,
        lease: &mut Lease,
        turn: Turn<'_>,
        now: Timestamp,
    ) -> Result<Saved, StoreError> {
        let mut item =
            item::key(pk(lease.attempt_id()), format!("TURN#{}#{:04}", turn.conversation, turn.number));
        item.insert("turn".to_owned(), item::json(turn.answer));
        item.insert("expires_at".to_owned(), item::expires(now, KEEP_SECONDS));
        let put = self.put(item).condition_expression("attribute_not_exists(pk)").build();
        let put = put.expect("table and item are set by `Store::put`");
        let writes = [
            TransactWriteItem::builder().put(put),
            TransactWriteItem::builder().update(self.while_leased(lease)),
            TransactWriteItem::builder().update(self.spending(turn.cost_usd, now)),
        ];
        let saved = self.transact(writes.map(|write| write.build()).into()).await?;
        if saved == Saved::Conflict {
            let spending = TransactWriteItem::builder().update(self.spending(turn.cost_usd, now)).build();
            // A sum has no condition that could fail.
            let _ = self.transact(vec![spending]).await?;
        }
        Ok(saved)
    }
}

/// A finished turn.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a> {
    pub conversation: &'a str,
    /// Counted from 0.
    pub number: usize,
    pub answer: &'a Value,
    /// US dollars.
    pub cost_usd: f64,
}
