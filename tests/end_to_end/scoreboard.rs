//! The scoreboard: its sums are those of the attempts, whatever happened to them and to the worker, and its page
//! shows them.

use autofix::attempt::{Attempt, AttemptId, Subject, Target};
use autofix::incident::Incident;
use autofix::messages::DEPLOY;
use autofix::reason::ReasonCode;
use autofix::scoreboard::{Counter, Counts, Tally, Week, contribution};
use autofix::store::{Listing, ListingFilter, NewAttempt, Occasion, Store};
use autofix_local::table::EmbeddedTable;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use crate::page::html::{checked, shown};
use crate::page::owners_page;
use crate::world::{Hook, Scenario, World, assert_says, hours, mins, secs};

/// The sums of the table, added up over weeks and projects.
async fn sums(store: &Store, now: Timestamp) -> Counts {
    let mut sums = Counts::default();
    for tally in store.scoreboard(Week::of(now).earlier(30), now).await.unwrap() {
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
            expected.add(&contribution(attempt));
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
    assert_eq!(sums, expected(store, now).await);
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
    world.decide(&card, DEPLOY).await;
    let merged = right_sums(&world).await;
    assert_eq!((merged.of(Counter::Approved), merged.of(Counter::Merged)), (1, 1));
    world.after(hours(1)).await;
    world.after(hours(25)).await;
    let verified = right_sums(&world).await;
    assert_eq!(verified.of(Counter::Verified), 1, "{verified:?}");
    assert_eq!(verified.of(Counter::Attempts), 1);
}

#[tokio::test]
async fn a_merge_that_github_refuses_is_no_approval_until_it_is_tried_again() {
    let world = World::new().await;
    let (_, card) = world.until_armed().await;
    world.refuse_merges(Some("At least 1 approving review is required"));
    world.decide(&card, DEPLOY).await;
    assert_eq!(right_sums(&world).await.of(Counter::Approved), 0);
    world.refuse_merges(None);
    world.clock.advance(secs(60));
    world.decide(&world.card(), DEPLOY).await;
    let sums = right_sums(&world).await;
    assert_eq!((sums.of(Counter::Approved), sums.of(Counter::Merged)), (1, 1));
}

#[tokio::test]
async fn refusals_are_counted_by_reason_and_dismissals_and_what_the_limit_turns_away_too() {
    let world = World::with(&[("AUTOFIX_MAX_ATTEMPTS_PER_HOUR", "2")]).await;
    let (_, card) = world.until_armed().await;
    world.dismiss(&card).await;
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
    world.decide(&card, DEPLOY).await;
    world.handle(Scenario::Security).await;
    world.after(hours(26)).await;
    let page = owners_page(&world, "/autofix/scoreboard").await;
    let tags = checked(&page.text, &[]);
    let text = shown(&page.text);
    assert_says(
        &text,
        &[
            "Verified fixes 1 1 merged, 0 came back",
            "Approved 100 % 1 of 1 fixes shown",
            "Of 2 errors, a fix was shown for 1: 1 approved, 1 merged, 1 verified, 0 came back.",
            "2026-11-16 2 1 1 1 1 0 1",
            "needs human 1",
            "By project",
            "All 2 1 1 1 1 0 1",
        ],
    );
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
    world.clock.advance(hours(24 * 7 * 12));
    let reported = Week::parse("2026-11-16").unwrap();
    world.process.store().keep_sums_of(reported, world.clock.now()).await.unwrap();
    assert!(shown(&of("").await.text).contains("Nothing was counted"), "twelve weeks are over");
    assert!(shown(&of("weeks=26").await.text).contains("Of 2 errors"));
}

/// An issue that is reported to a project, and becomes an attempt.
async fn reported(store: &Store, project: &str, issue: usize, at: Timestamp) {
    let subject =
        Subject { sentry_issue_id: issue.to_string(), project: project.to_owned(), ..Subject::default() };
    let attempt = Attempt::pending(AttemptId::new(at), subject, Target::default(), at);
    let incident = Incident::default();
    let new = NewAttempt {
        attempt: &attempt,
        incident: &incident,
        occasion: Occasion::Reported,
        max_per_hour: 100,
    };
    store.admit(new, at).await.unwrap();
}

fn attempts_of(tallies: &[Tally]) -> Vec<(String, &str, i64)> {
    let line = |tally: &Tally| tally.counts.of(Counter::Attempts);
    tallies.iter().map(|tally| (tally.week.to_string(), tally.project.as_str(), line(tally))).collect()
}

#[tokio::test]
async fn a_week_has_the_attempts_from_its_first_moment_to_its_last_also_over_the_end_of_a_month() {
    let table = EmbeddedTable::memory().await.unwrap();
    table.create("autofix").await.unwrap();
    let store = Store::new(table.client(), "autofix");
    let times = [
        "2026-11-29T23:59:59.999Z",
        "2026-11-30T00:00:00Z",
        "2026-12-01T00:00:00Z",
        "2026-12-06T23:59:59.999Z",
        "2026-12-07T00:00:00Z",
    ];
    for (issue, at) in times.into_iter().enumerate() {
        reported(&store, "shop", issue, at.parse().unwrap()).await;
    }
    let now = "2026-12-07T10:00:00Z".parse().unwrap();
    let week = Week::parse("2026-11-30").unwrap();
    let tallies = store.scoreboard(week, now).await.unwrap();
    assert_eq!(
        attempts_of(&tallies),
        [("2026-11-30".to_owned(), "shop", 3), ("2026-12-07".to_owned(), "shop", 1)]
    );
}

#[tokio::test]
async fn sums_of_older_weeks_are_computed_again_and_outlive_the_attempts() {
    let table = EmbeddedTable::memory().await.unwrap();
    table.create("autofix").await.unwrap();
    let (store, client) = (Store::new(table.client(), "autofix"), table.client());
    let at: Timestamp = "2026-11-18T10:00:00Z".parse().unwrap();
    let week = Week::of(at);
    for (issue, project) in ["shop", "shop", "lab"].into_iter().enumerate() {
        reported(&store, project, issue, at).await;
    }
    // Sums that are wrong by now, and those of a project of which there is nothing.
    let wrong = |kind: &str, project: &str| {
        let text = |text: String| AttributeValue::S(text);
        let put = client.put_item().table_name("autofix").item("pk", text("SCOREBOARD".to_owned()));
        let put =
            put.item("sk", text(format!("{week}#{kind}#{project}"))).item("week", text(week.to_string()));
        put.item("project", text(project.to_owned()))
            .item("attempts", AttributeValue::N("7".to_owned()))
            .send()
    };
    wrong("fixes", "shop").await.unwrap();
    wrong("turned_away", "shop").await.unwrap();
    wrong("fixes", "gone").await.unwrap();
    let later = at + hours(24 * 7 * 5);
    for _ in 0..2 {
        store.keep_sums_of(week, later).await.unwrap();
        let kept = store.scoreboard(week, later).await.unwrap();
        let week = week.to_string();
        assert_eq!(attempts_of(&kept), [(week.clone(), "lab", 1), (week, "shop", 2)]);
    }
    let items = client.scan().table_name("autofix").send().await.unwrap().items.unwrap();
    for item in items.iter().filter(|item| item["sk"].as_s().unwrap() == "ATTEMPT") {
        let key = client.delete_item().table_name("autofix").key("pk", item["pk"].clone());
        key.key("sk", item["sk"].clone()).send().await.unwrap();
    }
    assert_eq!(store.scoreboard(week, at).await.unwrap(), [], "this week is added up when somebody asks");
    let year_later = at + hours(24 * 365);
    let kept = store.scoreboard(week, year_later).await.unwrap();
    assert_eq!(kept.iter().map(|tally| tally.counts.of(Counter::Attempts)).sum::<i64>(), 3);
}

#[tokio::test]
async fn the_clock_keeps_the_sums_of_every_week_within_four_hours() {
    let table = EmbeddedTable::memory().await.unwrap();
    table.create("autofix").await.unwrap();
    let store = Store::new(table.client(), "autofix");
    let now: Timestamp = "2026-11-18T10:00:00Z".parse().unwrap();
    let day = hours(24);
    for back in 0..=25 {
        reported(&store, "shop", back, now - day * (7 * i32::try_from(back).unwrap())).await;
    }
    for minute in 0..240 {
        store.keep_sums(now + mins(minute)).await.unwrap();
    }
    let all = store.scoreboard(Week::of(now).earlier(51), now).await.unwrap();
    assert_eq!(all.len(), 25, "this week and those whose attempts are certain to be there");
    assert!(all.iter().all(|tally| tally.counts.of(Counter::Attempts) == 1), "{all:?}");
}
