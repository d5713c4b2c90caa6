//! The claim of an attempt on a Sentry issue: at most one attempt holds it, and after the attempt has
//! ended it says when the issue may be tried again.

use jiff::Timestamp;

use super::item::{self, Item};
use super::table::{Saved, Write};
use super::{KEEP_SECONDS, Store, StoreError};
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
        let count = Write::update(claim_key(issue), "ADD occurrences :one SET last_event = :event")
            .only_if("attribute_exists(pk) AND last_event <> :event")
            .value(":one", item::number(1))
            .value(":event", item::text(event_id));
        // One event less is no harm, where a transaction of the claim is under way, or where one issue is reported more
        // often than one item can be written.
        self.write_or_leave_out(count).await
    }

    /// Sentry's own agent is at work on an issue that no live attempt has: new reports of it are left alone.
    pub async fn stand_down(&self, issue: &str, now: Timestamp) -> Result<Saved, StoreError> {
        let expression = "SET again_at = :never, ended_at = :now, expires_at = :expires, \
                          occurrences = if_not_exists(occurrences, :none)";
        let claim = Write::update(claim_key(issue), expression)
            .only_if("attribute_not_exists(pk) OR attribute_exists(again_at)")
            .value(":never", item::number(now.as_second() + NEVER_SECONDS))
            .value(":now", item::number(now.as_second()))
            .value(":expires", item::expires(now, KEEP_SECONDS))
            .value(":none", item::number(0));
        // As a transaction, which is tried again if another one is in the way: Sentry sends its webhook once.
        self.transact(vec![claim]).await
    }
}

/// The part of a transaction that gives a claim free, written once, with the write that ends the attempt. An
/// attempt that ends is the one that holds the claim, so the condition fails only where the item was tampered with.
pub(super) fn release(attempt: &Attempt, now: Timestamp) -> Write {
    let wants_event = attempt
        .state
        .reasons()
        .first()
        .is_some_and(|reason| matches!(reason.code, ReasonCode::NoStackTrace | ReasonCode::BelowTheBar));
    let wants = if wants_event { ", wants_event = :one" } else { " REMOVE wants_event" };
    let expression = format!(
        "SET again_at = :again, ended_at = :now, expires_at = :expires, attempt_id = :id, \
         occurrences = if_not_exists(occurrences, :one){wants}"
    );
    Write::update(claim_key(&attempt.subject.sentry_issue_id), expression)
        .only_if("attribute_not_exists(pk) OR attempt_id = :id")
        .value(":again", item::number(attempt.rests_until(now).as_second()))
        .value(":now", item::number(now.as_second()))
        .value(":expires", item::expires(now, KEEP_SECONDS))
        .value(":id", item::text(attempt.id.to_string()))
        .value(":one", item::number(1))
}

/// The claim goes to a new attempt, unless another one has it. Its count of events continues.
pub(super) fn hand_over(attempt: &Attempt) -> Write {
    let settled = if attempt.subject.lacks_stack_trace() { "" } else { ", lacks_stack_trace" };
    let expression = format!(
        "SET attempt_id = :id, occurrences = if_not_exists(occurrences, :one), \
         last_event = if_not_exists(last_event, :event) \
         REMOVE again_at, ended_at, expires_at{settled}, wants_event"
    );
    Write::update(claim_key(&attempt.subject.sentry_issue_id), expression)
        .only_if("attribute_not_exists(pk) OR attribute_exists(again_at)")
        .value(":id", item::text(attempt.id.to_string()))
        .value(":one", item::number(1))
        .value(":event", item::text(event_of(attempt)))
}

/// The write that notes in a claim that its attempt has its stack trace.
pub(super) fn stack_trace_came(issue: &str, id: AttemptId) -> Write {
    Write::update(claim_key(issue), format!("REMOVE {LACKS_STACK_TRACE}"))
        .only_if("attempt_id = :id")
        .value(":id", item::text(id.to_string()))
}

pub(super) fn claim_key(issue: &str) -> Item {
    item::key(format!("ISSUE#{issue}"), "CLAIM")
}

/// A claim that a new attempt holds. It does not expire while the attempt lives.
pub(super) fn live_claim(attempt: &Attempt) -> Item {
    let attributes = [
        ("attempt_id", item::text(attempt.id.to_string())),
        ("occurrences", item::number(1)),
        ("last_event", item::text(event_of(attempt))),
    ];
    let mut item = item::item(claim_key(&attempt.subject.sentry_issue_id), attributes);
    if attempt.subject.lacks_stack_trace() {
        item.insert(LACKS_STACK_TRACE.to_owned(), item::number(1));
    }
    item
}

fn event_of(attempt: &Attempt) -> &str {
    attempt.subject.sentry_event_id.as_deref().unwrap_or("none")
}

/// A claim whose attempt has ended as it began: turned away at the endpoint.
pub(super) fn ended_claim(attempt: &Attempt, now: Timestamp) -> Item {
    let attributes = [
        ("again_at", item::number(attempt.rests_until(now).as_second())),
        ("ended_at", item::number(now.as_second())),
        ("expires_at", item::expires(now, KEEP_SECONDS)),
    ];
    item::item(live_claim(attempt), attributes)
}

pub(super) fn read(item: &Item) -> Claim {
    Claim {
        attempt: item::get_id(item, "attempt_id"),
        occurrences: item::get_count(item, "occurrences"),
        lacks_stack_trace: item.contains_key(LACKS_STACK_TRACE),
        wants_event: item.contains_key(WANTS_EVENT),
        holder: match item::get_number(item, "again_at") {
            Some(again_at) => Holder::Ended { at: item::get_number(item, "ended_at").unwrap_or(0), again_at },
            None => Holder::Live,
        },
    }
}
