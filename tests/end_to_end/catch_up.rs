//! Webhooks that never came: the clock asks Sentry, and nobody handles an issue twice.

use autofix::catch_up::CatchUp;
use axum::http::{Method, StatusCode};
use jiff::SignedDuration;

use crate::world::{Fault, Hook, SandboxEvent, Scenario, World, assert_says, hours, mins};

/// What a list of issues is asked with.
const LIST: &str = "/issues/?query=";

/// A world that has begun to look, with further settings.
async fn looking(settings: &[(&str, &str)]) -> World {
    let mut all = vec![("SENTRY_ORG", "acme")];
    all.extend(settings);
    let world = World::with(&all).await;
    world.after(SignedDuration::ZERO).await;
    world
}

/// Sentry sees the event of a scenario now, and its webhook is lost.
fn lost(world: &World, scenario: Scenario) -> SandboxEvent {
    let event = scenario.event(world.clock.now());
    world.sandbox.sentry.throw(&event);
    event
}

async fn search(world: &World) -> CatchUp {
    world.process.store().catch_up().await.unwrap().unwrap()
}

fn lists_asked(world: &World) -> usize {
    world.sandbox.sentry.service().count(Method::GET, LIST)
}

#[tokio::test]
async fn an_issue_whose_webhook_was_lost_is_found_and_fixed() {
    let world = looking(&[]).await;
    lost(&world, Scenario::Fix);
    world.ticks(12, mins(1)).await;
    let all = world.attempts().await;
    assert_eq!(all.len(), 1, "{all:#?}");
    assert_eq!(all[0]["status"], "awaiting_approval");
    assert_says(&world.shown_card(), &["Deploy Live"]);
    let attempt = world.attempt(all[0]["id"].as_str().unwrap()).await;
    assert!(attempt["timeline"].to_string().contains("no webhook had told of this issue"), "{attempt:#}");
    assert!((2..=4).contains(&lists_asked(&world)), "every five minutes, not each: {}", lists_asked(&world));
}

#[tokio::test]
async fn what_is_found_is_kept_without_its_secrets() {
    let world = looking(&[]).await;
    let mut event = Scenario::Fix.event(world.clock.now());
    let secret = "trout-Lake-9933";
    event.exceptions.last_mut().unwrap().value = format!("login with password={secret}");
    world.sandbox.sentry.throw(&event);
    let mut kept = String::new();
    for _ in 0..12 {
        world.ticks(1, mins(1)).await;
        kept.push_str(&format!("{:?}", world.items().await));
    }
    assert!(kept.contains("login with") && !kept.contains(secret), "{kept}");
}

#[tokio::test]
async fn what_ended_is_not_begun_again_however_often_it_is_listed() {
    let world = looking(&[]).await;
    lost(&world, Scenario::Security);
    world.ticks(8, mins(1)).await;
    assert_eq!(world.attempts().await[0]["status"], "skipped");
    world.ticks(15, mins(1)).await;
    assert_eq!(world.attempts().await.len(), 1);
    assert_eq!(world.sandbox.slack.messages().len(), 1);
}

#[tokio::test]
async fn a_webhook_and_the_clock_make_one_attempt_whoever_comes_first() {
    // The webhook first.
    let world = looking(&[]).await;
    let event = lost(&world, Scenario::Fix);
    let webhook = |world: &World| world.sandbox.sentry.webhook(&event, Hook::EventAlertTriggered);
    let id = world.deliver_webhook(webhook(&world)).await.attempt_id();
    world.ticks(12, mins(1)).await;
    let all = world.attempts().await;
    assert_eq!((all.len(), all[0]["id"].as_str()), (1, Some(id.as_str())));
    assert_eq!(world.attempt(&id).await["occurrences"], 1);

    // The clock first.
    let world = looking(&[]).await;
    let event = lost(&world, Scenario::Fix);
    world.ticks(12, mins(1)).await;
    let late = world.sandbox.sentry.webhook(&event, Hook::EventAlertTriggered);
    let answer = world.deliver_webhook(late).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.attempt_id(), world.attempts().await[0]["id"].as_str().unwrap());
    assert_eq!(world.attempts().await.len(), 1);

    // Both at once.
    let world = looking(&[]).await;
    let event = lost(&world, Scenario::Fix);
    world.clock.advance(mins(6));
    let webhook = world.sandbox.sentry.webhook(&event, Hook::EventAlertTriggered);
    tokio::join!(world.deliver_webhook(webhook), world.process.tick(), world.process.tick());
    world.settle().await;
    assert_eq!(world.attempts().await.len(), 1);
    assert_eq!(world.sandbox.slack.messages().len(), 1);
}

#[tokio::test]
async fn a_long_list_is_read_in_bounded_parts_and_continued_by_the_next_run() {
    let world = looking(&[("AUTOFIX_MAX_ATTEMPTS_PER_HOUR", "1")]).await;
    let first = Scenario::Fix.event(world.clock.now());
    let events: Vec<SandboxEvent> = (0..310)
        .map(|number| {
            let at = first.at + SignedDuration::from_millis(100 * i64::from(number));
            SandboxEvent { at, ..first.as_other_issue(number) }
        })
        .collect();
    events.iter().for_each(|event| world.sandbox.sentry.throw(event));
    let claimed = async || {
        let mut claimed = 0;
        for event in &events {
            claimed += usize::from(world.process.store().claim(&event.issue_id).await.unwrap().is_some());
        }
        claimed
    };
    world.clock.advance(mins(6));
    world.process.tick().await;
    assert_eq!(lists_asked(&world), 3, "three pages in one run");
    let after_one_run = claimed().await;
    assert!((270..=300).contains(&after_one_run), "{after_one_run}");
    world.clock.advance(mins(1));
    world.process.tick().await;
    assert_eq!(claimed().await, 310, "the next run goes on where this one ended");
    assert_eq!(lists_asked(&world), 4);
    world.settle().await;
    world.ticks(6, mins(1)).await;
    let shown: Vec<String> = world.sandbox.slack.messages().iter().map(|m| world.shown(m)).collect();
    assert_eq!(shown.iter().filter(|text| text.contains("hourly limit reached")).count(), 1, "{shown:#?}");
}

#[tokio::test]
async fn while_sentry_fails_the_search_stays_where_it_is() {
    let world = looking(&[]).await;
    lost(&world, Scenario::Fix);
    world.sandbox.sentry.service().fail_times(500, Method::GET, LIST, Fault::status(503));
    let before = search(&world).await.from;
    for _ in 0..12 {
        world.after(mins(5)).await;
        assert_eq!(search(&world).await.from, before);
    }
    assert!(lists_asked(&world) > 3);
    assert!(world.attempts().await.is_empty());
    world.sandbox.sentry.service().clear_faults();
    world.ticks(40, mins(1)).await;
    assert_eq!(world.attempts().await[0]["status"], "awaiting_approval", "found an hour later");
}

#[tokio::test]
async fn what_was_there_before_and_what_is_nobodys_is_left_alone() {
    let other = r#"{"another-project":{"repo":"acme/other"}}"#;
    let world = looking(&[("AUTOFIX_PROJECTS", other), ("AUTOFIX_GITHUB_REPO", "")]).await;
    lost(&world, Scenario::Fix);
    world.ticks(12, mins(1)).await;
    assert!(world.attempts().await.is_empty(), "no setting names its project");

    let world = World::with(&[("SENTRY_ORG", "acme")]).await;
    lost(&world, Scenario::Fix);
    world.clock.advance(hours(2));
    world.ticks(12, mins(1)).await;
    assert!(world.attempts().await.is_empty(), "it is older than AutoFix");

    let world = looking(&[]).await;
    let event = lost(&world, Scenario::Fix);
    world.sandbox.sentry.set_status(&event.issue_id, "ignored");
    world.ticks(12, mins(1)).await;
    assert!(world.attempts().await.is_empty(), "people archived it");
}

#[tokio::test]
async fn without_an_organisation_or_a_token_nobody_asks() {
    for setting in ["SENTRY_ORG", "SENTRY_AUTH_TOKEN"] {
        let world = World::with(&[("SENTRY_ORG", "acme"), (setting, "")]).await;
        world.ticks(12, mins(1)).await;
        assert_eq!(lists_asked(&world), 0, "{setting}");
    }
}
