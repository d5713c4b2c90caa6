//! A service that is down: attempts wait without using up a try, people get one notice, and everything continues by itself.

use autofix::attempt::{Attempt, AttemptId};
use autofix::messages::DEPLOY;
use autofix_local::sandbox::service::Service;
use axum::http::Method;

use crate::world::{Fault, Hook, SandboxEvent, Scenario, SlackWay, World, assert_says, mins};

/// More failures than any test meets.
fn down(service: &Service, method: &Method, path: &str) {
    service.fail_times(2_000, method.clone(), path, Fault::status(503));
}

fn claude_is_down(world: &World) {
    down(world.sandbox.claude.service(), &Method::POST, "/v1/messages");
}

/// A fault of its own for each number, so that none waits for another one's fix.
fn other_fault(world: &World, number: u32) -> SandboxEvent {
    let names = ["Alpha", "Beta", "Gamma", "Delta", "Epsilon", "Zeta", "Eta", "Theta"];
    let mut event = Scenario::Fix.event(world.clock.now()).as_other_issue(number);
    for exception in &mut event.exceptions {
        exception.error_type = format!("{}Error", names[number as usize]);
    }
    event
}

async fn report(world: &World, number: u32) -> String {
    world.handle_report(&other_fault(world, number), Hook::EventAlertTriggered).await
}

/// The attempt as the table has it.
async fn kept(world: &World, id: &str) -> Attempt {
    let id = AttemptId::parse(id).unwrap();
    world.process.store().attempt(id).await.unwrap().unwrap().attempt
}

#[tokio::test]
async fn an_outage_of_claude_uses_up_no_tries_and_gives_one_notice() {
    let world = World::new().await;
    claude_is_down(&world);
    let mut ids = Vec::new();
    for number in 0..4 {
        ids.push(report(&world, number).await);
    }
    world.ticks(4, mins(1)).await;
    assert!(world.outage_notices().is_empty(), "a short outage is nobody's business");
    world.ticks(20 * 6, mins(10)).await;
    let told = world.outage_notices();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("Claude does not answer") && told[0].contains("4 attempts wait"), "{}", told[0]);
    assert!(told[0].contains("503"), "{}", told[0]);
    for id in &ids {
        assert!(kept(&world, id).await.state.is_live(), "20 hours are waited");
    }
    world.sandbox.claude.service().clear_faults();
    world.ticks(12, mins(5)).await;
    for id in &ids {
        let attempt = world.attempt(id).await;
        assert!(attempt["usage"]["turns"].as_u64().unwrap() > 0, "{id} was not analysed: {attempt:#}");
    }
    let told = world.outage_notices();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("no attempt waits for Claude any longer"), "{}", told[0]);
    assert!(world.process.store().outages().await.unwrap().is_empty());
}

#[tokio::test]
async fn one_failure_that_passes_is_told_to_nobody() {
    let world = World::new().await;
    world.sandbox.claude.service().fail_times(3, Method::POST, "/v1/messages", Fault::status(529));
    report(&world, 0).await;
    world.ticks(8, mins(1)).await;
    assert!(world.outage_notices().is_empty());
    assert!(world.process.store().outages().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_merge_waits_for_github_and_is_made_once() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    let github = world.sandbox.github.service();
    for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH] {
        down(github, &method, "/repos/");
    }
    world.decide(&card, DEPLOY).await;
    world.ticks(12, mins(5)).await;
    assert_eq!(world.status(&id).await, "approved");
    github.clear_faults();
    world.ticks(12, mins(5)).await;
    assert_eq!(world.status(&id).await, "deployed");
    assert_eq!(github.count(Method::PUT, "/merge"), 1);
    let told = world.outage_notices();
    assert!(told.len() == 1 && told[0].contains("no attempt waits for GitHub any longer"), "{told:#?}");
}

#[tokio::test]
async fn slack_that_was_down_for_an_hour_shows_every_card_once_and_is_told_of_afterwards() {
    for way in [SlackWay::Bot, SlackWay::Webhook] {
        let world = World::builder().slack(way).start().await;
        let (id, card) = world.until_armed().await;
        let slack = world.sandbox.slack.service();
        down(slack, &Method::POST, "/");
        world.decide(&card, DEPLOY).await;
        world.ticks(12, mins(5)).await;
        assert_eq!(world.status(&id).await, "deployed", "the work does not wait for Slack");
        slack.clear_faults();
        world.ticks(10, mins(15)).await;
        let messages = world.sandbox.slack.messages();
        let shown: Vec<String> = messages.iter().map(|message| world.shown(message)).collect();
        let count = |word: &str| shown.iter().filter(|text| text.contains(word)).count();
        assert_eq!(count("AutoFix merged"), 1, "{way:?} {shown:#?}");
        assert_eq!(count("no attempt waits for Slack any longer"), 1, "{way:?} {shown:#?}");
        assert_eq!(count("Slack does not answer"), 0, "{way:?} {shown:#?}");
    }
}

#[tokio::test]
async fn an_attempt_waits_for_a_service_for_a_day_and_then_ends_with_a_card() {
    let world = World::new().await;
    claude_is_down(&world);
    let id = report(&world, 0).await;
    world.ticks(23 * 6, mins(10)).await;
    assert_eq!(world.status(&id).await, "analyzing", "23 hours are waited");
    world.ticks(2 * 6, mins(10)).await;
    let attempt = world.attempt(&id).await;
    assert_eq!(attempt["status"], "failed", "{attempt:#}");
    assert_eq!(attempt["reason"]["code"], "retries_used_up");
    assert_says(&world.shown(&world.card_of(&id)), &["Gave up after 24 hours"]);
    world.sandbox.claude.service().clear_faults();
}
