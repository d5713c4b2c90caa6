//! `autofix analyze`: one's own events against a local checkout.

use std::path::Path;

use autofix::clock::Clock;
use autofix::config::Environment;
use autofix::outbound::Outbound;
use autofix_local::analyze::{self, Means};
use autofix_local::arguments::AnalyzeArgs;
use axum::http::Method;

use crate::world::{REPO, SlackWay, World};

async fn analyze(world: &World, dry_run: bool, key: &str) -> anyhow::Result<()> {
    let events = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("events");
    analyze_file(world, &events.join("sentry-event-alert.json"), dry_run, key).await
}

async fn analyze_file(world: &World, events: &Path, dry_run: bool, key: &str) -> anyhow::Result<()> {
    let repo = world.repository();
    let args = AnalyzeArgs { events: events.to_owned(), repo, dry_run, json: true };
    let mine: Environment = [("ANTHROPIC_API_KEY", key)].into_iter().collect();
    let theirs = world.sandbox.environment(SlackWay::Bot).pairs();
    let theirs = theirs.into_iter().filter(|(name, _)| name != "ANTHROPIC_API_KEY").collect();
    let means = Means {
        environment: mine.over(theirs),
        clock: Clock::system(),
        outbound: Outbound::new(None).unwrap(),
    };
    analyze::analyze(&args, &means).await
}

#[tokio::test]
async fn an_event_is_analysed_against_a_checkout_and_nothing_is_written_anywhere() {
    let world = World::new().await;
    analyze(&world, false, autofix_local::sandbox::claude::API_KEY).await.unwrap();
    assert_eq!(world.sandbox.claude.conversations().len(), 3, "root cause, fix, critic");
    for service in
        [world.sandbox.github.service(), world.sandbox.slack.service(), world.sandbox.sentry.service()]
    {
        assert!(service.received().is_empty());
    }
    assert_eq!(world.sandbox.github.log(REPO, "main").unwrap().len(), 1);
}

#[tokio::test]
async fn without_asking_claude_nothing_is_paid_and_no_key_is_needed() {
    let world = World::new().await;
    analyze(&world, true, "").await.unwrap();
    let error = analyze(&world, false, "").await.unwrap_err();
    assert!(format!("{error:#}").contains("ANTHROPIC_API_KEY"), "{error:#}");
    assert_eq!(world.sandbox.claude.service().count(Method::POST, "/v1/messages"), 0);
}

#[tokio::test]
async fn a_list_with_one_good_event_is_analysed_and_one_without_any_fails() {
    let world = World::new().await;
    let file = world.repository().join("events.json");
    let event = r#"{"event_id":"000000000000000000000001e2cc3615","exception":{"values":[{"type":"KeyError","stacktrace":
        {"frames":[{"filename":"bookshop/labels.py","lineno":34,"in_app":true}]}}]}}"#;
    for (text, is_analysed) in [
        (event.to_owned(), true),
        (format!("[7, {event}]"), true),
        ("[7, {}]".to_owned(), false),
        ("[]".to_owned(), false),
    ] {
        std::fs::write(&file, &text).unwrap();
        let result = analyze_file(&world, &file, true, "").await;
        assert_eq!(result.is_ok(), is_analysed, "{text}: {result:?}");
    }
}
