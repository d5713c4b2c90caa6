//! The sums of the scoreboard: one item a week and project, so that nobody has to read all attempts to show them.
//!
//! An attempt's item says what was counted of it (`counted`). When the worker saves an attempt of which something
//! else is to be counted now, the difference is added in the same transaction, on the same condition: a crash counts
//! both or neither, a repeat adds nothing, and a lost race is counted by the winner. Only the worker counts; a click is
//! counted with the worker's next step. All attempts of a week share one item: where others are at it, the attempt is
//! saved uncounted and made due, so that the clock's next look counts it. What the hourly limit turns away never
//! reaches the worker; it is counted by a plain update in an item of its own, and a storm may lose some.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use jiff::Timestamp;

use super::attempts::attribute_names;
use super::item::{self, Item};
use super::{Store, StoreError, unavailable};
use crate::attempt::Attempt;
use crate::scoreboard::{Counted, Counter, Counts, Tally, Week};

/// How long the sums of a week are kept after the last change: two years, to compare.
const KEEP_SECONDS: i64 = 2 * 365 * 24 * 3600;
/// How long one that was turned away is waited for.
const PATIENCE: Duration = Duration::from_millis(200);
pub(super) const KEY: &str = "SCOREBOARD";
/// Attribute of an attempt's item.
const COUNTED: &str = "counted";

/// What was counted of an attempt before, from its item.
pub(super) fn counted(item: &Item) -> Counted {
    item::from_json(item, COUNTED).unwrap_or_default()
}

/// The item of an attempt of which this is counted.
pub(super) fn with_counted(mut item: Item, counted: &Counted) -> Item {
    item.insert(COUNTED.to_owned(), item::json(counted));
    item
}

impl Store {
    /// The part of a transaction that counts what is new of an attempt; `None` where nothing is.
    pub(super) fn count(
        &self,
        attempt: &Attempt,
        before: &Counted,
        now: Timestamp,
    ) -> Option<TransactWriteItem> {
        let counted = before.now(attempt);
        let new = counted.counts.minus(&before.counts);
        if new.is_empty() {
            return None;
        }
        let week = Week::of(attempt.created_at);
        let place = Place { week, kind: "fixes", project: &counted.project };
        let (expression, names, values) = addition(&new, &place, now);
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(place.key()))
            .update_expression(expression)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .build()
            .expect("table, key and expression are set above");
        Some(TransactWriteItem::builder().update(update).build())
    }

    /// Counts one that the hourly limit turned away, or gives up on it soon: Sentry waits for the answer.
    pub(super) async fn count_turned_away_on_the_scoreboard(&self, attempt: &Attempt, now: Timestamp) {
        let counted = tokio::time::timeout(PATIENCE, self.count_one_turned_away(attempt, now)).await;
        if !matches!(counted, Ok(Ok(()))) {
            tracing::warn!(attempt.id = %attempt.id, "Left one that was turned away out of the scoreboard");
        }
    }

    async fn count_one_turned_away(&self, turned_away: &Attempt, now: Timestamp) -> Result<(), StoreError> {
        let project = &turned_away.subject.project;
        let place = Place { week: Week::of(turned_away.created_at), kind: "turned_away", project };
        let one = Counts::from_pairs([(Counter::TurnedAway.as_str(), 1)]);
        let (expression, names, values) = addition(&one, &place, now);
        let update = self.client.update_item().table_name(&self.table).set_key(Some(place.key()));
        update
            .update_expression(expression)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .send()
            .await
            .map(|_| ())
            .map_err(unavailable)
    }

    /// The sums of every project from one week on, oldest first.
    pub async fn scoreboard(&self, from: Week) -> Result<Vec<Tally>, StoreError> {
        let mut tallies: Vec<Tally> = Vec::new();
        let mut start = None;
        loop {
            let query = self.client.query().table_name(&self.table);
            let answer = query
                .key_condition_expression("pk = :pk AND sk >= :from")
                .expression_attribute_values(":pk", item::text(KEY))
                .expression_attribute_values(":from", item::text(from.to_string()))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(unavailable)?;
            for tally in answer.items.unwrap_or_default().iter().filter_map(read) {
                let same = tallies.iter_mut().rev().take_while(|other| other.week == tally.week);
                match same.into_iter().find(|other| other.project == tally.project) {
                    Some(other) => other.counts.add(&tally.counts),
                    None => tallies.push(tally),
                }
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(tallies);
            }
        }
    }
}

/// Where sums stand.
struct Place<'a> {
    week: Week,
    kind: &'static str,
    project: &'a str,
}

impl Place<'_> {
    fn key(&self) -> Item {
        item::key(KEY, format!("{}#{}#{}", self.week, self.kind, self.project))
    }
}

/// The update that adds these counts: its expression, names and values.
fn addition(
    counts: &Counts,
    place: &Place<'_>,
    now: Timestamp,
) -> (String, HashMap<String, String>, HashMap<String, AttributeValue>) {
    let mut names =
        attribute_names(&[("#week", "week"), ("#project", "project"), ("#expires", "expires_at")]);
    let mut values = HashMap::from([
        (":week".to_owned(), item::text(place.week.to_string())),
        (":project".to_owned(), item::text(place.project)),
        (":expires".to_owned(), item::expires(now, KEEP_SECONDS)),
    ]);
    let mut added = Vec::new();
    for (index, (name, count)) in counts.pairs().enumerate() {
        names.insert(format!("#c{index}"), name.to_owned());
        values.insert(format!(":c{index}"), item::number(count));
        added.push(format!("#c{index} :c{index}"));
    }
    let set = "SET #week = :week, #project = :project, #expires = :expires";
    (format!("ADD {} {set}", added.join(", ")), names, values)
}

fn read(found: &Item) -> Option<Tally> {
    let numbers =
        found.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_n().ok()?.parse().ok()?)));
    Some(Tally {
        week: Week::parse(item::get_text(found, "week")?)?,
        project: item::get_text(found, "project").unwrap_or_default().to_owned(),
        counts: Counts::from_pairs(numbers),
    })
}
