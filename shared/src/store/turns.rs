//! Checkpoints: each finished turn of a conversation with Claude, so that a killed worker goes on
//! where it was and pays nothing twice. What the tools answered is not kept; it follows from the
//! pinned commit.

use jiff::Timestamp;
use serde_json::Value;

use super::attempts::{is_condition, pk};
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

    /// Keeps a turn of a conversation. One that is already there stays as it is: someone else was first.
    pub async fn save_turn(
        &self,
        lease: &Lease,
        turn: Turn<'_>,
        now: Timestamp,
    ) -> Result<Saved, StoreError> {
        let mut item =
            item::key(pk(lease.attempt_id()), format!("TURN#{}#{:04}", turn.conversation, turn.number));
        item.insert("turn".to_owned(), item::json(turn.answer));
        item.insert("expires_at".to_owned(), item::expires(now, KEEP_SECONDS));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        match put.condition_expression("attribute_not_exists(pk)").send().await {
            Ok(_) => Ok(Saved::Yes),
            Err(error) if is_condition(&error) => Ok(Saved::Conflict),
            Err(error) => Err(unavailable(error)),
        }
    }
}

/// A finished turn.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a> {
    pub conversation: &'a str,
    /// Counted from 0.
    pub number: usize,
    pub answer: &'a Value,
}
