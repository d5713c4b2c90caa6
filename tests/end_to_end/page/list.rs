//! The list of attempts: filters, search, one page after the other.

use axum::http::StatusCode;

use super::Browser;
use super::html::{checked, shown};
use crate::world::{Hook, Scenario, World, assert_says, hours, mins, secs};

#[tokio::test]
async fn the_list_shows_each_attempt_and_can_be_filtered_and_searched() {
    let world = World::with(&[("AUTOFIX_MAX_ATTEMPTS_PER_HOUR", "100")]).await;
    let (fixed, _) = world.until_armed().await;
    world.clock.advance(mins(5));
    let refused = world.handle(Scenario::Security).await;
    world.clock.advance(hours(2));
    let browser = Browser::logged_in(&world).await;
    let hosts = [&*world.sandbox.github.url(), &*world.sandbox.sentry.url()];

    let list = browser.get(&world, "/autofix/").await;
    let tags = checked(&list.text, &hosts);
    let rows: Vec<&str> = tags.iter().filter_map(|tag| tag.attribute("id")?.strip_prefix("row-")).collect();
    assert_eq!(rows, [&refused, &fixed], "newest first");
    let text = shown(&list.text);
    assert_says(
        &text,
        &[
            "Ready to deploy",
            "AttributeError",
            "'NoneType' object has no attribute 'strip'",
            "bookshop",
            "backend/ bookshop/ labels.py:34",
            "Risk, good: low",
            "Confidence 90 %",
            "#1",
            "2 h ago",
            "Manual review",
            "Risk, bad: security: high",
            "$0.0",
            "Needs you 1 Watching 0 Left to you 1 Done 0 All 2",
        ],
    );

    let ids = async |query: &str| {
        let list = browser.get(&world, &format!("/autofix/?{query}")).await;
        assert_eq!(list.status, StatusCode::OK, "{query}");
        let tags = checked(&list.text, &hosts);
        tags.iter()
            .filter_map(|tag| Some(tag.attribute("id")?.strip_prefix("row-")?.to_owned()))
            .collect::<Vec<String>>()
    };
    for (query, expected) in [
        ("status=skipped", vec![&refused]),
        ("status=needs_you", vec![&fixed]),
        ("status=left_to_you&q=auth.py", vec![&refused]),
        ("status=done", vec![]),
        ("status=&project=bookshop&q=", vec![&refused, &fixed]),
        ("project=another", vec![]),
        ("q=ATTRIBUTEerror", vec![&fixed]),
        ("q=auth.py", vec![&refused]),
        (&format!("q={fixed}"), vec![&fixed]),
        ("q=no+such+error", vec![]),
        (&format!("before={refused}"), vec![&fixed]),
    ] {
        assert_eq!(ids(query).await.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    for query in ["status=open", "before=x", "status=a&status=b"] {
        let answer = browser.get(&world, &format!("/autofix/?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        checked(&answer.text, &[]);
    }
}

#[tokio::test]
async fn a_page_has_a_hundred_attempts_and_a_way_to_the_next_with_the_same_filters() {
    // All but the first are turned away: recorded at once, and not looked at.
    let world = World::with(&[("AUTOFIX_MAX_ATTEMPTS_PER_HOUR", "1")]).await;
    let event = Scenario::Security.event(world.clock.now());
    for number in 0..104 {
        world.clock.advance(secs(1));
        world.report(&event.as_other_issue(number), Hook::EventAlertTriggered).await;
    }
    let browser = Browser::logged_in(&world).await;
    let mut counts = Vec::new();
    let mut path = "/autofix/?status=skipped&project=bookshop&q=keyerror".to_owned();
    loop {
        let list = browser.get(&world, &path).await;
        let tags = checked(&list.text, &[&world.sandbox.sentry.url()]);
        counts.push(
            tags.iter().filter(|tag| tag.attribute("id").is_some_and(|id| id.starts_with("row-"))).count(),
        );
        let Some(older) = tags.iter().find(|tag| tag.attribute("id") == Some("older")) else { break };
        path = older.attribute("href").unwrap().to_owned();
        assert!(path.contains("status=skipped&project=bookshop&q=keyerror&before="), "{path}");
    }
    assert_eq!(counts, [100, 3]);
    world.settle().await;
}

#[tokio::test]
async fn an_empty_list_says_where_webhooks_go_and_how_to_send_one() {
    let world = World::new().await;
    let browser = Browser::logged_in(&world).await;
    let list = browser.get(&world, "/autofix/").await;
    checked(&list.text, &[]);
    let text = shown(&list.text);
    assert_says(
        &text,
        &["/autofix/webhooks/sentry", "none yet", "autofix send events/sentry-event-alert.json"],
    );
}
