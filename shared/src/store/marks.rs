//! What the door that Sentry's webhooks come in by has to tell an attempt: that Sentry's own agent is at it, that its stack
//! trace has come, that another attempt goes on. The door may write to an attempt and not read one, so it leaves a mark, and
//! whoever takes the lease next finds it applied.

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use jiff::Timestamp;

use super::attempts::{
    BARE, attempt_key, attribute_names, attribute_values, incident_item, is_busy, is_condition, pk,
};
use super::item::{self, Item};
use super::{Saved, Store, StoreError, unavailable};
use crate::attempt::{Attempt, AttemptId, Event, Retried, Status};
use crate::incident::Incident;
use crate::reason::{Reason, ReasonCode};

/// Attribute of an attempt's item: since when it is to stand down, epoch ms. Every save of the worker leaves it out.
const STAND_DOWN_AT: &str = "stand_down_at";
/// Since when its stack trace is there, epoch ms.
const STACK_TRACE_AT: &str = "stack_trace_at";
/// The attempt that goes on after this one had ended for want of a stack trace.
const CONTINUED_BY: &str = "continued_by";
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

impl Store {
    /// The writes that give an attempt the stack trace that it lacks, and wake the worker. They fail together where the
    /// attempt has one, or has gone on without.
    pub(super) fn writes_of_a_stack_trace(
        &self,
        id: AttemptId,
        incident: &Incident,
        now: Timestamp,
    ) -> Vec<TransactWriteItem> {
        let still_bare = self.put(incident_item(id, incident, now));
        let still_bare = still_bare
            .condition_expression("attribute_exists(#bare)")
            .expression_attribute_names("#bare", BARE);
        vec![
            super::admission::put(still_bare),
            self.mark(
                id,
                (STACK_TRACE_AT, item::milliseconds(now)),
                now,
                "#status IN (:pending, :analyzing)",
            ),
        ]
    }

    /// The write that tells an attempt that ended that another one goes on.
    pub(super) fn write_of_a_successor(
        &self,
        id: AttemptId,
        into: AttemptId,
        now: Timestamp,
    ) -> TransactWriteItem {
        self.mark(id, (CONTINUED_BY, item::text(into.to_string())), now, "#status = :skipped")
    }

    fn mark(
        &self,
        id: AttemptId,
        (name, value): (&str, aws_sdk_dynamodb::types::AttributeValue),
        now: Timestamp,
        condition: &str,
    ) -> TransactWriteItem {
        let mut values = vec![
            (":value", value),
            (":now", item::milliseconds(now)),
            (":ready", item::text(item::READY)),
            (":shard", item::due_shard(&pk(id))),
            (":one", item::number(1)),
        ];
        for status in [Status::Pending, Status::Analyzing, Status::Skipped] {
            let name = match status {
                Status::Pending => ":pending",
                Status::Analyzing => ":analyzing",
                _ => ":skipped",
            };
            // A value that no expression names is refused.
            if condition.contains(name) {
                values.push((name, item::text(status.as_str())));
            }
        }
        let names = [("#mark", name), ("#work", item::WORK), ("#status", "status")];
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(attempt_key(id)))
            // The version, so that a worker that is at it loses its next write and reads this.
            .update_expression(
                "SET #mark = :value, #work = :ready, due_shard = :shard, due_at = :now ADD version :one",
            )
            .condition_expression(format!("attribute_exists(pk) AND {condition}"))
            .set_expression_attribute_names(Some(attribute_names(&names)))
            .set_expression_attribute_values(Some(attribute_values(values)))
            .build()
            .expect("table, key and expression are set above");
        TransactWriteItem::builder().update(update).build()
    }
}

/// The attempt of an item, with what its marks say, as far as it can still happen.
pub(super) fn applied(mut attempt: Attempt, item: &Item) -> Attempt {
    let time = |name| item::get_number(item, name).and_then(|ms| Timestamp::from_millisecond(ms).ok());
    if let Some(at) = time(STACK_TRACE_AT) {
        apply(&mut attempt, Event::StackTraceCame, at);
    }
    if let Some(into) = item::get_text(item, CONTINUED_BY).and_then(|id| AttemptId::parse(id).ok()) {
        let at = into.created_at();
        apply(&mut attempt, Event::TriedAgain { retried: Retried { into, by: None, at } }, at);
    }
    if let Some(at) = time(STAND_DOWN_AT) {
        let sentence = "Sentry's own agent opened a pull request for this issue.";
        let reason = Reason::new(ReasonCode::SentryAgentTookOver, sentence);
        apply(&mut attempt, Event::SentryAgentTookOver { reason }, at);
    }
    attempt
}

fn apply(attempt: &mut Attempt, event: Event, at: Timestamp) {
    if let Err(refusal) = attempt.apply(event, at) {
        tracing::info!(attempt.id = %attempt.id, "A webhook came too late for this attempt: {refusal}");
    }
}
