//! The claim of an attempt on a Sentry issue: at most one attempt holds it, and after the attempt has
//! ended it says when the issue may be tried again.

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use jiff::Timestamp;

use super::attempts::{attribute_names, attribute_values};
use super::item::{self, Item};
use super::{KEEP_SECONDS, Saved, Store, StoreError, unavailable};
use crate::attempt::{Attempt, AttemptId};
use crate::reason::ReasonCode;

/// Attribute of a claim whose attempt was started without a stack trace.
const LACKS_STACK_TRACE: &str = "lacks_stack_trace";
/// Attribute of a claim whose attempt ended for want of what comes with an event.
const WANTS_EVENT: &str = "wants_event";
/// Ten years: only when Sentry says that the error came back.
const NEVER_SECONDS: i64 = 10 * 365 * 24 * 3600;

/// Who has, or had, the claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// `None` where Sentry's own agent was first.
    pub attempt: Option<AttemptId>,
    /// Distinct events seen while the claim stood, the first one included.
    pub occurrences: u64,
    /// Whether what started the attempt had no stack trace.
    pub(super) lacks_stack_trace: bool,
    /// Whether the attempt ended for want of what comes with an event.
    pub(super) wants_event: bool,
    pub(super) holder: Holder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    Live,
    /// When the attempt ended, and from when on the issue may be tried again; epoch seconds.
    Ended {
        at: i64,
        again_at: i64,
    },
}

impl Store {
    /// The claim on a Sentry issue; `None` where no attempt ever had it.
    pub async fn claim(&self, issue: &str) -> Result<Option<Claim>, StoreError> {
        Ok(self.item(claim_key(issue)).await?.as_ref().map(read))
    }

    /// The attempt that has an issue at this moment.
    pub async fn live_attempt(&self, issue: &str) -> Result<Option<AttemptId>, StoreError> {
        let claim = self.claim(issue).await?;
        Ok(claim.filter(|claim| claim.holder == Holder::Live).and_then(|claim| claim.attempt))
    }

    /// Counts one more event of a claimed issue; the event counted last is not counted again.
    pub async fn count_occurrence(&self, issue: &str, event_id: Option<&str>) -> Result<(), StoreError> {
        let Some(event_id) = event_id else { return Ok(()) };
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(claim_key(issue)))
            .update_expression("ADD occurrences :one SET last_event = :event")
            .condition_expression("attribute_exists(pk) AND last_event <> :event")
            .expression_attribute_values(":one", item::number(1))
            .expression_attribute_values(":event", item::text(event_id));
        match update.send().await {
            Ok(_) => Ok(()),
            // Counted already; or a transaction of the claim is under way, and one event less is no harm.
            Err(error) if super::attempts::is_condition(&error) || super::attempts::is_busy(&error) => Ok(()),
            // Nor is it where one issue is reported more often than one item can be written.
            Err(error) if super::attempts::is_throttled(&error) => Ok(()),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Sentry's own agent is at work on an issue that no live attempt has: new reports of it are left alone.
    pub async fn stand_down(&self, issue: &str, now: Timestamp) -> Result<Saved, StoreError> {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(claim_key(issue)))
            .update_expression(
                "SET again_at = :never, ended_at = :now, expires_at = :expires, \
                 occurrences = if_not_exists(occurrences, :none)",
            )
            .condition_expression("attribute_not_exists(pk) OR attribute_exists(again_at)")
            .expression_attribute_values(":never", item::number(now.as_second() + NEVER_SECONDS))
            .expression_attribute_values(":now", item::number(now.as_second()))
            .expression_attribute_values(":expires", item::expires(now, KEEP_SECONDS))
            .expression_attribute_values(":none", item::number(0))
            .build()
            .expect("table, key and expression are set above");
        // As a transaction, which is tried again if another one is in the way: Sentry sends its webhook once.
        self.transact(vec![TransactWriteItem::builder().update(update).build()]).await
    }

    /// The part of a transaction that gives a claim free, written once, with the write that ends the attempt. An
    /// attempt that ends is the one that holds the claim, so the condition fails only where the item was tampered with.
    pub(super) fn release_claim(&self, attempt: &Attempt, now: Timestamp) -> Update {
        let wants_event =
            attempt.state.reasons().first().is_some_and(|reason| {
                matches!(reason.code, ReasonCode::NoStackTrace | ReasonCode::BelowTheBar)
            });
        let wants = if wants_event { ", wants_event = :one" } else { " REMOVE wants_event" };
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(claim_key(&attempt.subject.sentry_issue_id)))
            .update_expression(format!(
                "SET again_at = :again, ended_at = :now, expires_at = :expires, attempt_id = :id, \
                 occurrences = if_not_exists(occurrences, :one){wants}"
            ))
            .condition_expression("attribute_not_exists(pk) OR #id = :id")
            .set_expression_attribute_names(Some(attribute_names(&[("#id", "attempt_id")])))
            .set_expression_attribute_values(Some(attribute_values(vec![
                (":again", item::number(attempt.rests_until(now).as_second())),
                (":now", item::number(now.as_second())),
                (":expires", item::expires(now, KEEP_SECONDS)),
                (":id", item::text(attempt.id.to_string())),
                (":one", item::number(1)),
            ])))
            .build()
            .expect("table, key and expression are set above")
    }
}

impl Store {
    /// The write that notes in a claim that its attempt has its stack trace.
    pub(super) fn stack_trace_came(&self, issue: &str, id: AttemptId) -> TransactWriteItem {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(claim_key(issue)))
            .update_expression(format!("REMOVE {LACKS_STACK_TRACE}"))
            .condition_expression("attempt_id = :id")
            .expression_attribute_values(":id", item::text(id.to_string()))
            .build()
            .expect("table, key and expression are set above");
        TransactWriteItem::builder().update(update).build()
    }
}

pub(super) fn claim_key(issue: &str) -> Item {
    item::key(format!("ISSUE#{issue}"), "CLAIM")
}

/// A claim that a new attempt holds. It does not expire while the attempt lives.
pub(super) fn live_claim(attempt: &Attempt) -> Item {
    let mut item = claim_key(&attempt.subject.sentry_issue_id);
    item.insert("attempt_id".to_owned(), item::text(attempt.id.to_string()));
    item.insert("occurrences".to_owned(), item::number(1));
    if attempt.subject.lacks_stack_trace() {
        item.insert(LACKS_STACK_TRACE.to_owned(), item::number(1));
    }
    item.insert(
        "last_event".to_owned(),
        item::text(attempt.subject.sentry_event_id.clone().unwrap_or_else(|| "none".to_owned())),
    );
    item
}

/// A claim whose attempt has ended as it began: turned away at the endpoint.
pub(super) fn ended_claim(attempt: &Attempt, now: Timestamp) -> Item {
    let mut item = live_claim(attempt);
    item.insert("again_at".to_owned(), item::number(attempt.rests_until(now).as_second()));
    item.insert("ended_at".to_owned(), item::number(now.as_second()));
    item.insert("expires_at".to_owned(), item::expires(now, KEEP_SECONDS));
    item
}

pub(super) fn read(item: &Item) -> Claim {
    Claim {
        attempt: item::get_text(item, "attempt_id").and_then(|id| AttemptId::parse(id).ok()),
        occurrences: item::get_number(item, "occurrences").and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
        lacks_stack_trace: item.contains_key(LACKS_STACK_TRACE),
        wants_event: item.contains_key(WANTS_EVENT),
        holder: match item::get_number(item, "again_at") {
            Some(again_at) => Holder::Ended { at: item::get_number(item, "ended_at").unwrap_or(0), again_at },
            None => Holder::Live,
        },
    }
}
