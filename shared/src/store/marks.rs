//! Marks on an attempt: what a webhook of Sentry has to say to it. The intake may write to an attempt but not read one, so it
//! leaves a mark, and the next holder of the lease reads the attempt with the mark applied. Each write adds to the version, so
//! that a worker that holds the lease loses its next write and reads the mark.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::attempts::{BARE, attempt_key, incident_item, pk};
use super::item::{self, Item};
use super::table::{Saved, Write};
use super::{Store, StoreError};
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

    fn on(self, id: AttemptId, now: Timestamp) -> Write {
        let placeholders = &[":first", ":second"][..self.statuses.len()];
        let expression =
            "SET #mark = :value, #work = :ready, due_shard = :shard, due_at = :now ADD version :one";
        let write = Write::update(attempt_key(id), expression)
            .only_if(format!("attribute_exists(pk) AND #status IN ({})", placeholders.join(", ")))
            .name("#mark", self.name)
            .name("#work", item::WORK)
            .name("#status", "status")
            .value(":value", self.value)
            .value(":now", item::milliseconds(now))
            .value(":ready", item::text(item::READY))
            .value(":shard", item::due_shard(&pk(id)))
            .value(":one", item::number(1));
        placeholders
            .iter()
            .zip(self.statuses)
            .fold(write, |write, (name, status)| write.value(name, item::text(status.as_str())))
    }
}

impl Store {
    /// Asks an attempt that has no pull request yet to stand down, and wakes the worker. A conflict means that it is
    /// past that, or gone.
    pub async fn ask_to_stand_down(&self, id: AttemptId, now: Timestamp) -> Result<Saved, StoreError> {
        self.transact(vec![Mark::early(STAND_DOWN_AT, now).on(id, now)]).await
    }
}

/// The writes that give an attempt the stack trace that it lacks, and wake the worker. They fail together if the
/// attempt has one, or has a pull request or an end.
pub(super) fn stack_trace(id: AttemptId, incident: &Incident, now: Timestamp) -> Vec<Write> {
    let still_bare =
        Write::put(incident_item(id, incident, now)).only_if(format!("attribute_exists({BARE})"));
    vec![still_bare, Mark::early(STACK_TRACE_AT, now).on(id, now)]
}

/// The write that notes in an attempt that ended which attempt continues.
pub(super) fn successor(id: AttemptId, into: AttemptId, now: Timestamp) -> Write {
    let value = item::text(into.to_string());
    Mark { name: CONTINUED_BY, value, statuses: &[Status::Skipped] }.on(id, now)
}

/// The attempt of an item with its marks applied, as far as they still fit.
pub(super) fn applied(mut attempt: Attempt, item: &Item) -> Attempt {
    if let Some(at) = item::get_time(item, STACK_TRACE_AT) {
        apply(&mut attempt, Event::StackTraceReceived, at);
    }
    if let Some(into) = item::get_id(item, CONTINUED_BY) {
        let at = into.created_at();
        apply(&mut attempt, Event::TriedAgain { retried: Retried { into, by: None, at } }, at);
    }
    if let Some(at) = item::get_time(item, STAND_DOWN_AT) {
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
