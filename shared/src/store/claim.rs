//! The claim of an attempt on a Sentry issue: at most one attempt holds it, and after the attempt has
//! ended it says when the issue may be tried again.

use aws_sdk_dynamodb::types::Update;
use jiff::Timestamp;

use super::attempts::{attribute_names, attribute_values};
use super::item::{self, Item};
use super::{KEEP_SECONDS, Store, StoreError, unavailable};
use crate::attempt::{Attempt, AttemptId, Status};
use crate::reason::ReasonCode;

/// After a failure that may have passed, or an hour that was full.
const AFTER_TROUBLE_SECONDS: i64 = 3600;
/// After an answer that will not change by itself; also after a deploy, whose old release goes on reporting.
const AFTER_ANSWER_SECONDS: i64 = 7 * 24 * 3600;
/// Only when Sentry says that the error came back: a person said no, or another agent is at it.
const NEVER_SECONDS: i64 = 10 * 365 * 24 * 3600;

/// Who has, or had, the claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// `None` where Sentry's own agent was first.
    pub attempt: Option<AttemptId>,
    /// Distinct events seen while the claim stood, the first one included.
    pub occurrences: u64,
    pub(super) holder: Holder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    Live,
    /// Free again from this time on, epoch seconds; at once for an error that came back.
    EndedUntil(i64),
}

impl Store {
    /// The claim on a Sentry issue; `None` where no attempt ever had it.
    pub async fn claim(&self, issue: &str) -> Result<Option<Claim>, StoreError> {
        Ok(self.item(claim_key(issue)).await?.as_ref().map(read))
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
            Err(error) if super::attempts::is_condition(&error) => Ok(()),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Sentry's own agent is at work on an issue that nobody had claimed: new reports of it are left alone.
    pub async fn stand_down(&self, issue: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut item = claim_key(issue);
        item.insert("again_at".to_owned(), item::number(now.as_second() + NEVER_SECONDS));
        item.insert("expires_at".to_owned(), item::expires(now, KEEP_SECONDS));
        item.insert("occurrences".to_owned(), item::number(0));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        match put.condition_expression("attribute_not_exists(pk)").send().await {
            Ok(_) => Ok(()),
            Err(error) if super::attempts::is_condition(&error) => Ok(()),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// The part of a transaction that gives a claim free, written once, with the write that ends the attempt. An
    /// attempt that ends is the one that holds the claim, so the condition fails only where the item was tampered with.
    pub(super) fn release_claim(&self, attempt: &Attempt, now: Timestamp) -> Update {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(claim_key(&attempt.subject.sentry_issue_id)))
            .update_expression("SET again_at = :again, expires_at = :expires, attempt_id = :id, occurrences = if_not_exists(occurrences, :one)")
            .condition_expression("attribute_not_exists(pk) OR #id = :id")
            .set_expression_attribute_names(Some(attribute_names(&[("#id", "attempt_id")])))
            .set_expression_attribute_values(Some(attribute_values(vec![
                (":again", item::number(now.as_second() + seconds_until_again(attempt))),
                (":expires", item::expires(now, KEEP_SECONDS)),
                (":id", item::text(attempt.id.to_string())),
                (":one", item::number(1)),
            ])))
            .build()
            .expect("table, key and expression are set above")
    }
}

/// How long an ended attempt keeps its issue from being tried again.
fn seconds_until_again(attempt: &Attempt) -> i64 {
    match attempt.status() {
        Status::Failed => AFTER_TROUBLE_SECONDS,
        Status::Skipped => match attempt.state.reasons().first().map(|reason| reason.code) {
            Some(ReasonCode::HourlyLimit | ReasonCode::BudgetSpent) => AFTER_TROUBLE_SECONDS,
            Some(ReasonCode::SentryAgentTookOver) => NEVER_SECONDS,
            _ => AFTER_ANSWER_SECONDS, // every other reason is an answer about this error
        },
        Status::Rejected => NEVER_SECONDS,
        Status::Pending
        | Status::Analyzing
        | Status::PrCreated
        | Status::AwaitingApproval
        | Status::Approved
        | Status::Deployed
        | Status::Verified
        | Status::Regressed
        | Status::RolledBack => AFTER_ANSWER_SECONDS,
    }
}

pub(super) fn claim_key(issue: &str) -> Item {
    item::key(format!("ISSUE#{issue}"), "CLAIM")
}

/// A claim that a new attempt holds.
pub(super) fn live_claim(attempt: &Attempt, now: Timestamp) -> Item {
    let mut item = claim_key(&attempt.subject.sentry_issue_id);
    item.insert("attempt_id".to_owned(), item::text(attempt.id.to_string()));
    item.insert("occurrences".to_owned(), item::number(1));
    item.insert(
        "last_event".to_owned(),
        item::text(attempt.subject.sentry_event_id.clone().unwrap_or_else(|| "none".to_owned())),
    );
    item.insert("expires_at".to_owned(), item::expires(now, KEEP_SECONDS));
    item
}

/// A claim whose attempt has ended as it began: turned away at the door.
pub(super) fn ended_claim(attempt: &Attempt, now: Timestamp) -> Item {
    let mut item = live_claim(attempt, now);
    item.insert("again_at".to_owned(), item::number(now.as_second() + seconds_until_again(attempt)));
    item
}

pub(super) fn read(item: &Item) -> Claim {
    Claim {
        attempt: item::get_text(item, "attempt_id").and_then(|id| AttemptId::parse(id).ok()),
        occurrences: item::get_number(item, "occurrences").and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
        holder: item::get_number(item, "again_at").map_or(Holder::Live, Holder::EndedUntil),
    }
}
