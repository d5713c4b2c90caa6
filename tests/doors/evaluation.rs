//! `autofix analyze`: one's own events against a local checkout.

use autofix::clock::Clock;
use autofix::config::Environment;
use autofix::outbound::Outbound;
use autofix_local::evaluate::{self, Ask, Form, Means, Options};
use autofix_local::sandbox::SlackWay;
use axum::http::Method;

use crate::world::{REPO, World};

async fn analyze(world: &World, ask: Ask, key: &str) -> anyhow::Result<()> {
    let events = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("events");
    let repo = world.repository();
    let options = Options { events: events.join("sentry-event-alert.json"), repo, form: Form::Json, ask };
    let mine: Environment = [("ANTHROPIC_API_KEY", key)].into_iter().collect();
    let theirs = world.sandbox.environment(SlackWay::Bot).pairs();
    let theirs = theirs.into_iter().filter(|(name, _)| name != "ANTHROPIC_API_KEY").collect();
    let means = Means {
        environment: mine.over(theirs),
        clock: Clock::system(),
        outbound: Outbound::new(None).unwrap(),
    };
    evaluate::analyze(&options, &means).await
}

#[tokio::test]
async fn an_event_is_analysed_against_a_checkout_and_nothing_is_written_anywhere() {
    let world = World::new().await;
    analyze(&world, Ask::Claude, autofix_local::sandbox::claude::API_KEY).await.unwrap();
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
    analyze(&world, Ask::Nobody, "").await.unwrap();
    let error = analyze(&world, Ask::Claude, "").await.unwrap_err();
    assert!(format!("{error:#}").contains("ANTHROPIC_API_KEY"), "{error:#}");
    assert_eq!(world.sandbox.claude.service().count(Method::POST, "/v1/messages"), 0);
}
