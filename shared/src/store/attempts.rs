//! Reading and writing attempts. Every write names the version it was made from; a write that lost
//! a race changes nothing and says so.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{Timestamp, tz::TimeZone};

use super::held::Held;
use super::item::{self, Item};
use super::table::{Saved, Write};
use super::{KEEP_SECONDS, Store, StoreError};
use crate::attempt::{Attempt, AttemptId};
use crate::cleaning;
use crate::incident::Incident;

/// Attribute of an incident's item that has no stack trace.
pub(super) const BARE: &str = "bare";
/// Characters of an attempt that a search looks at.
const SEARCH_CHARS: usize = 1_500;

/// An attempt as it was read, with the version that a write has to name.
#[derive(Clone, Debug)]
pub struct Versioned {
    pub attempt: Attempt,
    pub(super) version: i64,
}

impl Store {
    /// The attempt of this id; `None` where there is none.
    pub async fn attempt(&self, id: AttemptId) -> Result<Option<Versioned>, StoreError> {
        let item = self.item(attempt_key(id)).await?;
        item.as_ref().map(read).transpose()
    }

    /// What Sentry reported; `None` where the attempt was turned away or its item has expired.
    pub async fn incident(&self, id: AttemptId) -> Result<Option<Incident>, StoreError> {
        let item = self.item(item::key(pk(id), "INCIDENT")).await?;
        item.map(|item| item::from_json(&item, "incident")).transpose()
    }

    /// Replaces the incident by a fuller one, fetched from Sentry.
    pub async fn save_incident(
        &self,
        id: AttemptId,
        incident: &Incident,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(Write::put(incident_item(id, incident, now))).await.map(drop)
    }

    /// Writes what a person decided and wakes the worker. A lease that someone holds stays theirs; their
    /// next write will lose against this one, and they will read it.
    pub async fn save_decision(
        &self,
        before: &Versioned,
        after: &Attempt,
        now: Timestamp,
    ) -> Result<Saved, StoreError> {
        let held = Held::by(&before.attempt);
        let mut writes = vec![decision(before, after, now)];
        writes.extend(held.give_back(after, now));
        let saved = self.transact(writes).await?;
        if saved == Saved::Yes && held.gives_place_back(Held::by(after)) {
            self.wake_next(&after.target.repo, now).await;
        }
        Ok(saved)
    }
}

/// A change from outside of the lease, which wakes the worker.
pub(super) fn decision(before: &Versioned, after: &Attempt, now: Timestamp) -> Write {
    let id = before.attempt.id;
    let expression = "SET attempt = :attempt, #status = :status, version = :next, #work = :ready, \
                      due_shard = :shard, due_at = :now";
    Write::update(attempt_key(id), expression)
        .only_if("version = :version")
        .name("#status", "status")
        .name("#work", item::WORK)
        .value(":attempt", item::json(after))
        .value(":status", item::text(after.status().as_str()))
        .value(":next", item::number(before.version + 1))
        .value(":version", item::number(before.version))
        .value(":ready", item::text(item::READY))
        .value(":shard", item::due_shard(&pk(id)))
        .value(":now", item::milliseconds(now))
}

pub(super) fn pk(id: AttemptId) -> String {
    format!("ATTEMPT#{id}")
}

pub(super) fn attempt_key(id: AttemptId) -> Item {
    item::key(pk(id), "ATTEMPT")
}

/// The attempt whose item it is.
pub(super) fn id_of(item: &Item) -> Option<AttemptId> {
    AttemptId::parse(item::get_text(item, "pk")?.strip_prefix("ATTEMPT#")?).ok()
}

/// The item of an attempt, without lease, due time and mark.
pub(super) fn attempt_item(attempt: &Attempt, version: i64, now: Timestamp) -> Item {
    let attributes = [
        ("attempt", item::json(attempt)),
        ("status", item::text(attempt.status().as_str())),
        ("project", item::text(&attempt.subject.project)),
        ("search", item::text(search_text(attempt))),
        ("version", item::number(version)),
        ("list_bucket", bucket(attempt.created_at)),
        ("list_key", item::text(attempt.id.to_string())),
        ("expires_at", item::expires(now, KEEP_SECONDS)),
    ];
    let mut item = item::item(attempt_key(attempt.id), attributes);
    if attempt.subject.project.is_empty() {
        item.remove("project");
    }
    item
}

pub(super) fn incident_item(id: AttemptId, incident: &Incident, now: Timestamp) -> Item {
    let attributes = [("incident", item::json(incident)), ("expires_at", item::expires(now, KEEP_SECONDS))];
    let mut item = item::item(item::key(pk(id), "INCIDENT"), attributes);
    if !incident.has_stack_trace() {
        item.insert(BARE.to_owned(), item::number(1));
    }
    item
}

/// What a search looks at, in small letters. The message is left out: until the worker has looked at it, it may hold what
/// redaction would take away.
fn search_text(attempt: &Attempt) -> String {
    let subject = &attempt.subject;
    let analysis = attempt.analysis.as_ref();
    let parts = [
        Some(subject.title.as_str()),
        subject.error_type.as_deref(),
        subject.file.as_deref(),
        subject.function.as_deref(),
        analysis.map(|analysis| analysis.file_path.as_str()),
        analysis.and_then(|analysis| analysis.function_name.as_deref()),
        Some(&subject.project),
    ];
    let id = attempt.id.to_string();
    let parts: Vec<&str> = parts.into_iter().flatten().chain([id.as_str()]).collect();
    cleaning::one_line(&parts.join(" "), SEARCH_CHARS).to_lowercase()
}

/// The partition of an attempt's month, `2026-11`.
pub(super) fn bucket(created_at: Timestamp) -> AttributeValue {
    item::text(created_at.to_zoned(TimeZone::UTC).strftime("%Y-%m").to_string())
}

pub(super) fn read(item: &Item) -> Result<Versioned, StoreError> {
    let attempt = item::from_json(item, "attempt")?;
    Ok(Versioned { attempt, version: item::get_number(item, "version").unwrap_or(0) })
}

pub(super) fn mark_ready(item: &mut Item, due: Timestamp) {
    let pk = item::get_text(item, "pk").unwrap_or_default().to_owned();
    item.insert(item::WORK.to_owned(), item::text(item::READY));
    set_due(item, &pk, due);
}

pub(super) fn set_due(item: &mut Item, pk: &str, due: Timestamp) {
    item.insert(item::DUE_SHARD.to_owned(), item::due_shard(pk));
    item.insert(item::DUE_AT.to_owned(), item::milliseconds(due));
}
