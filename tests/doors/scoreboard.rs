//! The scoreboard: its sums are those of the attempts, whatever happened to them and to the worker, and its page
//! shows them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use autofix::attempt::{Attempt, AttemptId, Event, Subject, Target};
use autofix::incident::Incident;
use autofix::messages::DEPLOY;
use autofix::reason::{Reason, ReasonCode};
use autofix::scoreboard::{Counter, Counts, Week, contribution};
use autofix::store::{Leased, Leasing, Listing, ListingFilter, NewAttempt, Occasion, Saved, Store};
use autofix_local::sandbox::SlackWay;
use autofix_local::sandbox::sentry::Hook;
use autofix_local::sandbox::service::Fault;
use autofix_local::scenario::Scenario;
use autofix_local::table::EmbeddedTable;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};

use crate::page::html::{checked, shown};
use crate::page::owners_page;
use crate::world::World;

/// The sums of the table, added up over weeks and projects.
async fn sums(store: &Store, now: Timestamp) -> Counts {
    let mut sums = Counts::default();
    for tally in store.scoreboard(Week::of(now).earlier(30)).await.unwrap() {
        sums.add(&tally.counts);
    }
    sums
}

/// What the sums should be: those of all attempts there are.
async fn expected(store: &Store, now: Timestamp) -> Counts {
    let mut expected = Counts::default();
    let mut before = None;
    loop {
        let listing = Listing { filter: ListingFilter::default(), limit: 100, before, now };
        let page = store.list(&listing).await.unwrap();
        for attempt in &page.attempts {
            let turned_away = attempt.state.reasons().first().map(|reason| reason.code);
            expected.add(&match turned_away {
                Some(ReasonCode::HourlyLimit) => Counts::from_pairs([(Counter::TurnedAway.as_str(), 1)]),
                _ => contribution(attempt),
            });
        }
        before = page.next;
        if before.is_none() {
            return expected;
        }
    }
}

/// The sums, which are right.
async fn right_sums(world: &World) -> Counts {
    let (store, now) = (world.process.store(), world.clock.now());
    let sums = sums(store, now).await;
    assert_eq!(sums.minus(&expected(store, now).await), Counts::default());
    sums
}

#[tokio::test]
async fn the_sums_follow_a_fix_from_the_report_until_it_is_verified() {
    let world = World::new().await;
    let (_, card) = world.until_armed().await;
    let shown = right_sums(&world).await;
    assert_eq!(
        (shown.of(Counter::Attempts), shown.of(Counter::Shown), shown.of(Counter::Approved)),
        (1, 1, 0)
    );
    assert!(shown.dollars() > 0.0 && shown.median_time().is_some());
    world.press(&card, DEPLOY).await;
    world.settle().await;
    let merged = right_sums(&world).await;
    assert_eq!((merged.of(Counter::Approved), merged.of(Counter::Merged)), (1, 1));
    world.after(SignedDuration::from_hours(1)).await;
    world.after(SignedDuration::from_hours(25)).await;
    let verified = right_sums(&world).await;
    assert_eq!(verified.of(Counter::Verified), 1, "{verified:?}");
    assert_eq!(verified.of(Counter::Attempts), 1);
}

#[tokio::test]
async fn a_merge_that_github_refuses_is_no_approval_until_it_is_tried_again() {
    let world = World::new().await;
    let (_, card) = world.until_armed().await;
    let refuse = |why: Option<&str>| {
        let refused = why.map(str::to_owned);
        world.sandbox.github.configure(crate::world::REPO, |set| set.merges_refused = refused).unwrap();
    };
    refuse(Some("At least 1 approving review is required"));
    world.press(&card, DEPLOY).await;
    world.settle().await;
    assert_eq!(right_sums(&world).await.of(Counter::Approved), 0);
    refuse(None);
    world.clock.advance(SignedDuration::from_secs(60));
    world.press(&world.card(), DEPLOY).await;
    world.settle().await;
    let sums = right_sums(&world).await;
    assert_eq!((sums.of(Counter::Approved), sums.of(Counter::Merged)), (1, 1));
}

#[tokio::test]
async fn nothing_is_counted_twice_or_not_at_all_when_workers_die_and_answers_are_lost() {
    for (method, path) in [
        (Method::POST, "/v1/messages"),
        (Method::POST, "/git/blobs"),
        (Method::POST, "/pulls"),
        (Method::POST, "/api/chat.postMessage"),
    ] {
        let world = World::new().await;
        let service = match path {
            path if path.starts_with("/api") => world.sandbox.slack.service(),
            path if path.starts_with("/v1") => world.sandbox.claude.service(),
            _ => world.sandbox.github.service(),
        };
        service.fail_next(method, path, Fault::BreakAfter);
        world.alert(Scenario::Fix).await;
        world.settle().await;
        right_sums(&world).await;
        let world = world.restart().await;
        for _ in 0..4 {
            world.after(SignedDuration::from_secs(90)).await;
        }
        let sums = right_sums(&world).await;
        assert_eq!((sums.of(Counter::Attempts), sums.of(Counter::Shown)), (1, 1), "{path}");
    }
}

#[tokio::test]
async fn refusals_are_counted_by_reason_and_dismissals_and_what_the_limit_turns_away_too() {
    let world = World::with(SlackWay::Bot, &[("AUTOFIX_MAX_ATTEMPTS_PER_HOUR", "2")]).await;
    let (_, card) = world.until_armed().await;
    world.dismiss(&card).await;
    world.settle().await;
    let event = Scenario::Security.event(world.clock.now());
    for number in 0..4 {
        world.report(&event.as_other_issue(number), Hook::EventAlertTriggered).await;
    }
    world.settle().await;
    let sums = right_sums(&world).await;
    assert_eq!(
        (sums.of(Counter::Dismissed), sums.of(Counter::Skipped), sums.of(Counter::TurnedAway)),
        (1, 1, 3)
    );
    let refusals = sums.refusals();
    assert_eq!(refusals[0], (ReasonCode::HourlyLimit, 3), "{refusals:?}");
    assert_eq!(refusals.iter().map(|(_, count)| count).sum::<i64>(), 4, "each attempt once: {refusals:?}");
}

#[tokio::test]
async fn the_page_shows_the_sums_as_plots_and_as_tables() {
    let world = World::new().await;
    let (_, card) = world.until_armed().await;
    world.press(&card, DEPLOY).await;
    world.settle().await;
    world.alert(Scenario::Security).await;
    world.settle().await;
    world.after(SignedDuration::from_hours(26)).await;
    let page = owners_page(&world, "/autofix/scoreboard").await;
    let tags = checked(&page.text, &[]);
    let text = shown(&page.text);
    for expected in [
        "Verified fixes 1 1 merged, 0 came back",
        "Approved 100 % 1 of 1 fixes shown",
        "Of 2 errors, a fix was shown for 1: 1 approved, 1 merged, 1 verified, 0 came back.",
        "2026-11-16 2 1 1 1 1 0 1",
        "needs human 1",
        "By project",
        "All 2 1 1 1 1 0 1",
    ] {
        assert!(text.contains(expected), "no `{expected}` in {text}");
    }
    let plots: Vec<_> = tags.iter().filter(|tag| tag.name == "svg").collect();
    assert_eq!(plots.len(), 5);
    for plot in plots {
        let label = plot.attribute("aria-labelledby").unwrap();
        assert!(tags.iter().any(|tag| tag.attribute("id") == Some(label)), "nothing says what {label} is");
    }
    let of = async |query: &str| owners_page(&world, &format!("/autofix/scoreboard?{query}")).await;
    assert!(shown(&of("weeks=52&project=bookshop").await.text).contains("Of 2 errors"));
    assert!(shown(&of("project=another").await.text).contains("Nothing was counted"));
    for attack in ["project=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "weeks=9", "weeks=%3Cscript%3E"] {
        checked(&of(attack).await.text, &[]);
    }
    world.clock.advance(SignedDuration::from_hours(24 * 7 * 12));
    assert!(shown(&of("").await.text).contains("Nothing was counted"), "twelve weeks are over");
    assert!(shown(&of("weeks=26").await.text).contains("Of 2 errors"));
}

/// A table that says, for a while, that others are at the sums.
async fn busy_table(table: &EmbeddedTable) -> (Store, Arc<AtomicBool>) {
    let busy = Arc::new(AtomicBool::new(true));
    let (is_busy, endpoint) = (Arc::clone(&busy), table.endpoint());
    let http = reqwest::Client::new();
    let forward = move |headers: HeaderMap, body: Bytes| {
        let (is_busy, endpoint, http) = (Arc::clone(&is_busy), endpoint.clone(), http.clone());
        async move {
            let writes = headers["x-amz-target"].as_bytes().ends_with(b"TransactWriteItems");
            let counts = writes && String::from_utf8_lossy(&body).contains("SCOREBOARD");
            if counts && is_busy.load(Ordering::SeqCst) {
                let reasons = r#"[{"Code":"None"},{"Code":"TransactionConflict","Message":"ongoing"}]"#;
                let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
                let answer =
                    format!(r#"{{"__type":"{kind}","message":"x","CancellationReasons":{reasons}}}"#);
                return (StatusCode::BAD_REQUEST, answer).into_response();
            }
            let answer = http.post(&endpoint).headers(headers).body(body).send().await.unwrap();
            let status = StatusCode::from_u16(answer.status().as_u16()).unwrap();
            let mut forwarded = Response::new(Body::empty());
            *forwarded.status_mut() = status;
            *forwarded.headers_mut() = answer.headers().clone();
            *forwarded.body_mut() = Body::from(answer.bytes().await.unwrap());
            forwarded
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = axum::Router::new().fallback(axum::routing::post(forward));
    tokio::spawn(async move { axum::serve(listener, app).await });
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(format!("http://{address}"))
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(autofix::aws::http::plain())
        .build();
    (Store::new(aws_sdk_dynamodb::Client::from_conf(config), "autofix"), busy)
}

#[tokio::test]
async fn sums_that_others_are_writing_hold_up_no_attempt_and_are_made_up_for_by_the_clock() {
    let table = EmbeddedTable::memory().await.unwrap();
    table.create("autofix").await.unwrap();
    let (store, busy) = busy_table(&table).await;
    let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
    let subject = Subject { sentry_issue_id: "1".to_owned(), ..Subject::default() };
    let attempt = Attempt::pending(AttemptId::new(now), subject, Target::default(), now);
    let incident = Incident::default();
    let new =
        NewAttempt { attempt: &attempt, incident: &incident, occasion: Occasion::Reported, max_per_hour: 10 };
    store.admit(new, now).await.unwrap();
    let lease = async |owner: &str, now: Timestamp| {
        let leasing = Leasing { owner, now, until: now + SignedDuration::from_mins(15) };
        match store.lease(attempt.id, leasing).await.unwrap() {
            Leased::Taken(lease, attempt) => (lease, attempt),
            other => panic!("{other:?}"),
        }
    };
    let (taken, mut attempt) = lease("one", now).await;
    let reasons = vec![Reason::new(ReasonCode::NoStackTrace, "x")];
    attempt.apply(Event::Skipped { reasons, fix: None }, now).unwrap();
    assert_eq!(store.release(&taken, &attempt, None, now).await.unwrap(), Saved::Yes, "the attempt goes on");
    assert!(sums(&store, now).await.is_empty());
    assert!(store.due(now + SignedDuration::from_secs(59), 10).await.unwrap().attempts.is_empty());

    busy.store(false, Ordering::SeqCst);
    let later = now + SignedDuration::from_secs(60);
    assert_eq!(store.due(later, 10).await.unwrap().attempts, [attempt.id], "the clock finds it");
    let (taken, attempt) = lease("two", later).await;
    assert_eq!(store.release(&taken, &attempt, None, later).await.unwrap(), Saved::Yes);
    assert_eq!(sums(&store, now).await.of(Counter::Skipped), 1);
    assert!(store.due(later + SignedDuration::from_hours(9), 10).await.unwrap().attempts.is_empty());
}
