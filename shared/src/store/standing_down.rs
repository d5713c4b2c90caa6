//! Asking the worker to leave an issue to Sentry's own agent. The door that Sentry's webhook comes in by may write to
//! an attempt and not read one, so it leaves a mark, and whoever takes the lease next finds the attempt stood down.

use jiff::Timestamp;

use super::attempts::{attempt_key, is_busy, is_condition, pk};
use super::item::{self, Item};
use super::{Saved, Store, StoreError, unavailable};
use crate::attempt::{Attempt, AttemptId, Event, Status};
use crate::reason::{Reason, ReasonCode};

/// Attribute of an attempt's item: since when it is to stand down, epoch ms. Every save of the worker leaves it out.
const STAND_DOWN_AT: &str = "stand_down_at";
/// How often a write that was in the way of a transaction is sent again.
const ROUNDS: usize = 8;

impl Store {
    /// Asks an attempt that has no pull request yet to stand down, and wakes the worker. A conflict means that it is
    /// past that, or gone.
    pub async fn ask_to_stand_down(&self, id: AttemptId, now: Timestamp) -> Result<Saved, StoreError> {
        for _ in 0..ROUNDS {
            let update = self
                .client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(attempt_key(id)))
                // The version, so that a worker that is at it loses its next write and reads this.
                .update_expression(
                    "SET #mark = :now, #work = :ready, due_shard = :shard, due_at = :now ADD version :one",
                )
                .condition_expression("attribute_exists(pk) AND #status IN (:pending, :analyzing)")
                .expression_attribute_names("#mark", STAND_DOWN_AT)
                .expression_attribute_names("#work", item::WORK)
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":now", item::milliseconds(now))
                .expression_attribute_values(":ready", item::text(item::READY))
                .expression_attribute_values(":shard", item::due_shard(&pk(id)))
                .expression_attribute_values(":one", item::number(1))
                .expression_attribute_values(":pending", item::text(Status::Pending.as_str()))
                .expression_attribute_values(":analyzing", item::text(Status::Analyzing.as_str()));
            match update.send().await {
                Ok(_) => return Ok(Saved::Yes),
                Err(error) if is_condition(&error) => return Ok(Saved::Conflict),
                Err(error) if is_busy(&error) => {}
                Err(error) => return Err(unavailable(error)),
            }
        }
        Err(StoreError::Unavailable(format!("{ROUNDS} writes were in the way of transactions")))
    }
}

/// The attempt of an item, stood down where that was asked for and it has not gone too far.
pub(super) fn stood_down(mut attempt: Attempt, item: &Item) -> Attempt {
    let asked = item::get_number(item, STAND_DOWN_AT).and_then(|ms| Timestamp::from_millisecond(ms).ok());
    if let Some(at) = asked {
        let sentence = "Sentry's own agent opened a pull request for this issue.";
        let reason = Reason::new(ReasonCode::SentryAgentTookOver, sentence);
        if let Err(refusal) = attempt.apply(Event::SentryAgentTookOver { reason }, at) {
            tracing::info!(attempt.id = %attempt.id, "Sentry's agent opened a pull request too: {refusal}");
        }
    }
    attempt
}
