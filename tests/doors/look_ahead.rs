//! What intake sees of the hour while it starts: the first webhook becomes an attempt by one write, and never one above the
//! limit or a second one for its issue.

use autofix::attempt::{Attempt, AttemptId, Occasion, Subject, Target};
use autofix::incident::Incident;
use autofix::store::{Admission, NewAttempt, Store};
use autofix_local::sandbox::service::Fault;
use autofix_local::table::EmbeddedTable;
use autofix_local::table_door::TableDoor;
use axum::http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

const TABLE: &str = "autofix";

struct Hour {
    table: EmbeddedTable,
    door: TableDoor,
    now: Timestamp,
}

impl Hour {
    async fn new() -> Hour {
        let (table, door) = EmbeddedTable::memory().await.unwrap().behind_a_door().await.unwrap();
        table.create(TABLE).await.unwrap();
        Hour { table, door, now: "2026-11-22T10:00:00Z".parse().unwrap() }
    }

    /// A function that starts, and looks ahead.
    async fn function(&self, max_per_hour: u32) -> Store {
        let store = self.other_function();
        store.clone().look_ahead(max_per_hour, self.now).await.unwrap();
        store
    }

    fn other_function(&self) -> Store {
        Store::new(self.table.client(), TABLE)
    }

    /// A new issue is reported after so many seconds: what becomes of it, and what the table was asked for.
    async fn report(
        &self,
        store: &Store,
        max_per_hour: u32,
        issue: u32,
        after: i64,
    ) -> (Admission, Vec<String>) {
        let asked_before = self.door.service().received().len();
        let now = self.now + SignedDuration::from_secs(after);
        let subject = Subject { sentry_issue_id: issue.to_string(), ..Subject::default() };
        let attempt = Attempt::pending(AttemptId::new(now), subject, Target::default(), now);
        let incident = Incident::default();
        let new =
            NewAttempt { attempt: &attempt, incident: &incident, occasion: Occasion::Reported, max_per_hour };
        let admission = store.admit(new, now).await.unwrap();
        let received = self.door.service().received();
        let operation = |path: &str| path.rsplit('.').next().unwrap().to_owned();
        (admission, received[asked_before..].iter().map(|request| operation(&request.path)).collect())
    }
}

#[tokio::test]
async fn the_first_start_is_one_write_and_the_next_one_looks_before() {
    let hour = Hour::new().await;
    let store = hour.function(10).await;
    let (first, asked) = hour.report(&store, 10, 1, 0).await;
    assert!(matches!(first, Admission::Started(_)), "{first:?}");
    assert_eq!(asked, ["TransactWriteItems"]);
    let (second, asked) = hour.report(&store, 10, 2, 0).await;
    assert!(matches!(second, Admission::Started(_)), "{second:?}");
    assert_eq!(asked, ["GetItem", "Query", "TransactWriteItems"]);
}

#[tokio::test]
async fn an_issue_that_has_an_attempt_gets_no_other_one_from_a_function_that_starts() {
    let hour = Hour::new().await;
    let (first, _) = hour.report(&hour.other_function(), 10, 1, 0).await;
    let Admission::Started(id) = first else { panic!("{first:?}") };
    let store = hour.function(10).await;
    let (again, asked) = hour.report(&store, 10, 1, 0).await;
    assert_eq!(again, Admission::Duplicate(id));
    assert_eq!(asked, ["TransactWriteItems", "GetItem"]);
}

#[tokio::test]
async fn a_start_that_is_in_the_way_of_another_transaction_goes_the_long_way() {
    let hour = Hour::new().await;
    let store = hour.function(10).await;
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "CancellationReasons": [{ "Code": "None" }, { "Code": "TransactionConflict" }],
    });
    let busy = Fault::Answer { status: 400, headers: Vec::new(), body: body.to_string() };
    hour.door.service().fail_next(Method::POST, "TransactWriteItems", busy);
    let (admission, asked) = hour.report(&store, 10, 1, 0).await;
    assert!(matches!(admission, Admission::Started(_)), "{admission:?}");
    assert_eq!(asked, ["TransactWriteItems", "GetItem", "Query", "TransactWriteItems"]);
}

#[tokio::test]
async fn a_start_that_was_written_and_never_confirmed_is_one_attempt() {
    let hour = Hour::new().await;
    let store = hour.function(10).await;
    hour.door.service().fail_next(Method::POST, "TransactWriteItems", Fault::BreakAfter);
    let (admission, asked) = hour.report(&store, 10, 1, 0).await;
    let Admission::Started(id) = admission else { panic!("{admission:?}") };
    assert_eq!(asked, ["TransactWriteItems"; 2], "the same again");
    let (again, _) = hour.report(&store, 10, 1, 0).await;
    assert_eq!(again, Admission::Duplicate(id));
}

#[tokio::test]
async fn what_was_seen_a_minute_ago_or_under_another_limit_is_looked_at_again() {
    for (max_per_hour, after) in [(10, 60), (9, 0), (11, 0), (10, -1)] {
        let hour = Hour::new().await;
        let store = hour.function(10).await;
        let (admission, asked) = hour.report(&store, max_per_hour, 1, after).await;
        assert!(matches!(admission, Admission::Started(_)), "{admission:?}");
        assert_eq!(asked, ["GetItem", "Query", "TransactWriteItems"], "{max_per_hour} {after}");
    }
}

#[tokio::test]
async fn a_slot_that_another_function_took_since_costs_a_round_and_the_limit_holds() {
    for limit in [1, 2, 3] {
        let hour = Hour::new().await;
        let functions = [hour.function(limit).await, hour.function(limit).await, hour.function(limit).await];
        let mut started = 0;
        for (function, issue) in functions.iter().cycle().zip(1..=9) {
            let (admission, asked) = hour.report(function, limit, issue, 1).await;
            match admission {
                Admission::Started(_) => started += 1,
                Admission::TurnedAway(_) => assert_eq!(started, limit, "turned away before the limit"),
                other => panic!("{other:?}"),
            }
            let rounds = asked.iter().filter(|operation| *operation == "TransactWriteItems").count();
            assert!(rounds <= 2, "what was seen ahead is believed once: {asked:?}");
        }
        assert_eq!(started, limit);
    }
}

#[tokio::test]
async fn an_hour_that_was_full_at_the_start_is_not_full_for_ever() {
    let hour = Hour::new().await;
    let (started, _) = hour.report(&hour.other_function(), 1, 1, -3590).await;
    assert!(matches!(started, Admission::Started(_)), "{started:?}");
    let store = hour.function(1).await;
    let (early, _) = hour.report(&store, 1, 2, 5).await;
    assert!(matches!(early, Admission::TurnedAway(_)), "{early:?}");
    let (later, _) = hour.report(&store, 1, 3, 15).await;
    assert!(matches!(later, Admission::Started(_)), "{later:?}");
}
