//! Marks on an attempt: what a webhook of Sentry has to say to it. The intake may write to an attempt but not read one, so it
//! leaves a mark, and the next holder of the lease reads the attempt with the mark applied. Each write adds to the version, so
//! that a worker that holds the lease loses its next write and reads the mark.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use jiff::Timestamp;

use super::admission::put;
use super::attempts::{BARE, attempt_key, attribute_names, attribute_values, incident_item, pk};
use super::item::{self, Item};
use super::{Saved, Store, StoreError};
use crate::attempt::{Attempt, AttemptId, Event, Retried, Status};
use crate::incident::Incident;
use crate::reason::{Reason, ReasonCode};

/// Attribute of an attempt's item: since when Sentry's own agent works on the issue, epoch ms. Every save of the worker
/// leaves these attributes out.
const STAND_DOWN_AT: &str = "stand_down_at";
/// Since when its stack trace is there, epoch ms.
const STACK_TRACE_AT: &str = "stack_trace_at";
/// The attempt that continues after this one ended without a stack trace.
const CONTINUED_BY: &str = "continued_by";

/// A mark, and the statuses in which an attempt takes it.
struct Mark {
    name: &'static str,
    value: AttributeValue,
    statuses: &'static [Status],
}

impl Mark {
    /// A mark with a time, for an attempt that has no pull request yet.
    fn early(name: &'static str, at: Timestamp) -> Mark {
        Mark { name, value: item::milliseconds(at), statuses: &[Status::Pending, Status::Analyzing] }
    }
}

impl Store {
    /// Asks an attempt that has no pull request yet to stand down, and wakes the worker. A conflict means that it is
    /// past that, or gone.
    pub async fn ask_to_stand_down(&self, id: AttemptId, now: Timestamp) -> Result<Saved, StoreError> {
        self.transact(vec![self.mark(id, Mark::early(STAND_DOWN_AT, now), now)]).await
    }

    /// The writes that give an attempt the stack trace that it lacks, and wake the worker. They fail together if the
    /// attempt has one, or has a pull request or an end.
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
        vec![put(still_bare), self.mark(id, Mark::early(STACK_TRACE_AT, now), now)]
    }

    /// The write that notes in an attempt that ended which attempt continues.
    pub(super) fn write_of_a_successor(
        &self,
        id: AttemptId,
        into: AttemptId,
        now: Timestamp,
    ) -> TransactWriteItem {
        let value = item::text(into.to_string());
        self.mark(id, Mark { name: CONTINUED_BY, value, statuses: &[Status::Skipped] }, now)
    }

    fn mark(&self, id: AttemptId, mark: Mark, now: Timestamp) -> TransactWriteItem {
        let names = [("#mark", mark.name), ("#work", item::WORK), ("#status", "status")];
        let mut values = vec![
            (":value", mark.value),
            (":now", item::milliseconds(now)),
            (":ready", item::text(item::READY)),
            (":shard", item::due_shard(&pk(id))),
            (":one", item::number(1)),
        ];
        let placeholders = &[":first", ":second"][..mark.statuses.len()];
        values.extend(
            placeholders.iter().zip(mark.statuses).map(|(name, status)| (*name, item::text(status.as_str()))),
        );
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(attempt_key(id)))
            .update_expression(
                "SET #mark = :value, #work = :ready, due_shard = :shard, due_at = :now ADD version :one",
            )
            .condition_expression(format!(
                "attribute_exists(pk) AND #status IN ({})",
                placeholders.join(", ")
            ))
            .set_expression_attribute_names(Some(attribute_names(&names)))
            .set_expression_attribute_values(Some(attribute_values(values)))
            .build()
            .expect("table, key and expression are set above");
        TransactWriteItem::builder().update(update).build()
    }
}

/// The attempt of an item with its marks applied, as far as they still fit.
pub(super) fn applied(mut attempt: Attempt, item: &Item) -> Attempt {
    let time = |name| item::get_number(item, name).and_then(|ms| Timestamp::from_millisecond(ms).ok());
    if let Some(at) = time(STACK_TRACE_AT) {
        apply(&mut attempt, Event::StackTraceReceived, at);
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
