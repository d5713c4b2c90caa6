//! A service that is down for everyone: after a few failures nobody asks it, people are told once, and one trial at a
//! time finds out when it is back.

use std::pin::pin;

use autofix::attempt::{Attempt, AttemptId};
use autofix::circuit::{Asked, FAILURES_TO_OPEN, Failure, Line};
use autofix::journal::Service as Name;
use autofix::messages::DEPLOY;
use autofix::store::Trial;
use autofix_local::sandbox::SlackWay;
use autofix_local::sandbox::killer::{Moment, Side};
use autofix_local::sandbox::sentry::{Hook, SandboxEvent};
use autofix_local::sandbox::service::{Fault, Service};
use autofix_local::scenario::Scenario;
use axum::http::Method;
use jiff::SignedDuration;
use tokio::task::JoinSet;

use crate::world::World;

/// Times that one question is sent within one invocation.
const TRIES: usize = 3;

/// More failures than any test meets.
fn down(service: &Service, method: &Method, path: &str) {
    for _ in 0..2_000 {
        service.fail_next(method.clone(), path, Fault::status(503));
    }
}

fn claude_is_down(world: &World) {
    down(world.sandbox.claude.service(), &Method::POST, "/v1/messages");
}

fn asked_claude(world: &World) -> usize {
    world.sandbox.claude.service().count(Method::POST, "/v1/messages")
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
    let id = world.report(&other_fault(world, number), Hook::EventAlertTriggered).await.attempt_id();
    world.settle().await;
    id
}

/// The attempt as the table has it.
async fn kept(world: &World, id: &str) -> Attempt {
    let id = AttemptId::parse(id).unwrap();
    world.process.store().attempt(id).await.unwrap().unwrap().attempt
}

async fn line(world: &World, service: Name) -> Line {
    world.process.store().circuit(service).await.unwrap().circuit.line()
}

/// Other workers, on other machines, find out now that a service is down.
async fn opened_by_others(world: &World, service: Name) {
    let (store, now) = (world.process.store(), world.clock.now());
    let failure = Failure { why: "503".to_owned(), retry_after: None, asked: Asked::Normally };
    let opens = store.change_circuit(service, |circuit| {
        (0..FAILURES_TO_OPEN).for_each(|_| circuit.failed(failure.clone(), now));
    });
    assert!(opens.await.unwrap().is_some());
    assert!(matches!(line(world, service).await, Line::Open { .. }));
}

/// What the channel shows about outages, one text a message.
fn outages(world: &World) -> Vec<String> {
    let messages = world.sandbox.slack.messages();
    let shown = messages.iter().map(|message| world.shown(message));
    shown
        .filter(|text| text.contains("answer") && text.contains("🔌") || text.contains("answers again"))
        .collect()
}

#[tokio::test]
async fn after_five_failures_claude_is_left_alone_and_no_attempt_pays_for_it() {
    let world = World::new().await;
    claude_is_down(&world);
    let mut ids = Vec::new();
    for number in 0..8 {
        ids.push(report(&world, number).await);
    }
    assert_eq!(asked_claude(&world), 5 * TRIES, "the sixth attempt did not ask any more");
    let downloads = world.sandbox.github.service().count(Method::GET, "/tarball/");
    assert_eq!(downloads, 5, "whoever may not ask Claude needs no code");
    assert!(outages(&world).is_empty(), "the clock tells it");
    world.after(SignedDuration::from_mins(1)).await;
    let told = outages(&world);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("Claude does not answer") && told[0].contains("503"), "{}", told[0]);
    assert_eq!(asked_claude(&world), 5 * TRIES);
    for _ in 0..(6 * 12) {
        world.after(SignedDuration::from_mins(5)).await;
    }
    let trials = asked_claude(&world) / TRIES - 5;
    assert!((10..=16).contains(&trials), "{trials} trials in six hours");
    assert_eq!(outages(&world).len(), 1, "one card, however long it takes");
    for id in &ids {
        let attempt = kept(&world, id).await;
        assert!(attempt.trouble.failures <= 1, "{} tries were used up", attempt.trouble.failures);
    }
    world.sandbox.claude.service().clear_faults();
    for _ in 0..12 {
        world.after(SignedDuration::from_mins(5)).await;
    }
    for id in &ids {
        let attempt = world.attempt(id).await;
        assert_ne!(attempt["status"], "failed");
        assert!(attempt["usage"]["turns"].as_u64().unwrap() > 0, "{id} was not analysed: {attempt:#}");
    }
    let told = outages(&world);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("Claude answers again") && told[0].contains("(6 h"), "{}", told[0]);
}

#[tokio::test]
async fn a_circuit_is_known_to_the_next_process() {
    let world = World::new().await;
    claude_is_down(&world);
    for number in 0..5 {
        report(&world, number).await;
    }
    let asked = asked_claude(&world);
    let world = world.restart().await;
    report(&world, 5).await;
    assert_eq!(asked_claude(&world), asked);
    world.sandbox.claude.service().clear_faults();
}

#[tokio::test]
async fn of_many_workers_that_want_to_know_one_tries() {
    let world = World::new().await;
    claude_is_down(&world);
    for number in 0..5 {
        report(&world, number).await;
    }
    for _ in 0..3 {
        world.clock.advance(SignedDuration::from_mins(10));
        let mut workers = JoinSet::new();
        for _ in 0..20 {
            let (store, now) = (world.process.store().clone(), world.clock.now());
            workers.spawn(async move { store.take_trial(Name::Anthropic, now).await.unwrap() });
        }
        let taken = workers.join_all().await;
        let ours = taken.iter().filter(|trial| matches!(trial, Trial::Ours(_))).count();
        assert_eq!(ours, 1);
    }
    world.sandbox.claude.service().clear_faults();
}

#[tokio::test]
async fn nothing_is_written_where_all_is_well_and_one_failure_is_forgotten() {
    let world = World::new().await;
    let (_, card) = world.until_armed().await;
    world.press(&card, DEPLOY).await;
    world.settle().await;
    assert!(world.process.store().circuits().await.unwrap().is_empty());

    let world = World::new().await;
    for _ in 0..TRIES {
        world.sandbox.claude.service().fail_next(Method::POST, "/v1/messages", Fault::status(529));
    }
    report(&world, 0).await;
    assert!(world.process.store().circuit(Name::Anthropic).await.unwrap().circuit.has_trouble());
    world.after(SignedDuration::from_secs(60)).await;
    assert!(!world.process.store().circuit(Name::Anthropic).await.unwrap().circuit.has_trouble());
    assert!(outages(&world).is_empty());
}

#[tokio::test]
async fn a_merge_waits_for_github_and_is_made_once() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    let github = world.sandbox.github.service();
    for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH] {
        down(github, &method, "/repos/");
    }
    for number in 1..=5 {
        report(&world, number).await;
    }
    let asked = github.received().len();
    world.press(&card, DEPLOY).await;
    world.settle().await;
    assert_eq!(world.attempt(&id).await["status"], "approved");
    assert_eq!(github.received().len(), asked, "nobody asks");
    github.clear_faults();
    for _ in 0..3 {
        world.after(SignedDuration::from_mins(5)).await;
    }
    assert_eq!(world.attempt(&id).await["status"], "deployed");
    assert_eq!(github.count(Method::PUT, "/merge"), 1);
    let told = outages(&world);
    assert!(told.len() == 1 && told[0].contains("GitHub answers again"), "{told:#?}");
}

#[tokio::test]
async fn slack_that_was_down_for_an_hour_shows_every_card_once_and_tells_of_it_afterwards() {
    for way in [SlackWay::Bot, SlackWay::Webhook] {
        let world = World::with(way, &[("AUTOFIX_MAX_ATTEMPTS_PER_HOUR", "2")]).await;
        let (id, card) = world.until_armed().await;
        let slack = world.sandbox.slack.service();
        down(slack, &Method::POST, "/");
        // An approval, a fault that people have to look at, and a storm: all of them owe a card.
        world.press(&card, DEPLOY).await;
        world.settle().await;
        world.report(&Scenario::Security.event(world.clock.now()), Hook::EventAlertTriggered).await;
        world.settle().await;
        for number in 1..=5 {
            report(&world, number).await;
        }
        for _ in 0..12 {
            world.after(SignedDuration::from_mins(5)).await;
        }
        assert_eq!(world.attempt(&id).await["status"], "deployed", "the work does not wait for Slack");
        assert_eq!(world.sandbox.slack.messages().len(), 1, "only what was there before");
        let asked = slack.received().len();
        assert!(asked < 40, "{asked} requests to a Slack that is down");
        slack.clear_faults();
        for _ in 0..10 {
            world.after(SignedDuration::from_mins(15)).await;
        }
        let messages = world.sandbox.slack.messages();
        let shown: Vec<String> = messages.iter().map(|message| world.shown(message)).collect();
        let count = |word: &str| shown.iter().filter(|text| text.contains(word)).count();
        assert_eq!(count("AutoFix merged"), 1, "{way:?} {shown:#?}");
        assert_eq!(count("Manual Review Required"), 1, "{way:?} {shown:#?}");
        assert_eq!(count("hourly limit reached"), 1, "{way:?} {shown:#?}");
        assert_eq!(count("Slack answers again"), 1, "{way:?} {shown:#?}");
        assert_eq!(count("Slack does not answer"), 0, "{way:?} {shown:#?}");
    }
}

#[tokio::test]
async fn a_service_that_is_down_for_more_than_a_day_ends_what_waits_for_it() {
    let world = World::new().await;
    claude_is_down(&world);
    let ids = [report(&world, 0).await, report(&world, 1).await];
    for _ in 0..5 {
        world.after(SignedDuration::from_mins(1)).await;
    }
    assert!(matches!(line(&world, Name::Anthropic).await, Line::Open { .. }));
    for _ in 0..(23 * 6) {
        world.after(SignedDuration::from_mins(10)).await;
    }
    for id in &ids {
        assert_eq!(world.attempt(id).await["status"], "analyzing", "23 hours are waited");
    }
    for _ in 0..(2 * 6) {
        world.after(SignedDuration::from_mins(10)).await;
    }
    for id in &ids {
        let attempt = world.attempt(id).await;
        assert_eq!(attempt["status"], "failed", "{attempt:#}");
        assert_eq!(attempt["reason"]["code"], "retries_used_up");
        assert!(world.shown(&world.card_of(id)).contains("Gave up after 24 hours"));
    }
    world.sandbox.claude.service().clear_faults();
}

#[tokio::test]
async fn a_limit_of_a_minute_is_no_outage_and_a_spent_budget_is() {
    for (retry_after, opens) in [(Some("60"), false), (None, true)] {
        let world = World::new().await;
        let body = r#"{"type":"error","error":{"type":"rate_limit_error","message":"too many"}}"#;
        for _ in 0..20 {
            let headers = retry_after.map(|wait| ("retry-after", wait.to_owned())).into_iter().collect();
            let fault = Fault::Answer { status: 429, headers, body: body.to_owned() };
            world.sandbox.claude.service().fail_next(Method::POST, "/v1/messages", fault);
        }
        for number in 0..7 {
            report(&world, number).await;
        }
        assert_eq!(asked_claude(&world), if opens { 5 } else { 7 }, "{retry_after:?}");
        let line = line(&world, Name::Anthropic).await;
        assert_eq!(matches!(line, Line::Open { .. }), opens, "{retry_after:?}");
        world.sandbox.claude.service().clear_faults();
    }
}

/// Claude has answered all that a worker asked; before the worker tells of it, Claude goes down.
#[tokio::test]
async fn answers_from_before_an_outage_do_not_end_it() {
    // Claude failed once, so that an answer is worth telling.
    let ready = || async {
        let (world, killer) = World::with_killer().await;
        for _ in 0..TRIES {
            world.sandbox.claude.service().fail_next(Method::POST, "/v1/messages", Fault::status(529));
        }
        report(&world, 0).await;
        world.clock.advance(SignedDuration::from_mins(1));
        (world, killer)
    };
    let (undisturbed, killer) = ready().await;
    killer.spare();
    undisturbed.process.tick().await;
    let effects = killer.effects();
    let last_answer = effects.iter().rposition(|effect| effect.contains("/v1/messages")).unwrap();
    assert_eq!(line(&undisturbed, Name::Anthropic).await, Line::Closed);

    let (world, killer) = ready().await;
    killer.set(Moment { effect: last_answer + 1, side: Side::Before });
    let mut tick = pin!(world.process.tick());
    tokio::select! {
        biased;
        () = killer.strikes() => {}
        () = &mut tick => panic!("nobody was held up: {effects:#?}"),
    }
    world.clock.advance(SignedDuration::from_mins(1));
    opened_by_others(&world, Name::Anthropic).await;
    killer.let_go();
    tick.await;
    assert!(matches!(line(&world, Name::Anthropic).await, Line::Open { .. }));
    let answered = world.sandbox.claude.turns_answered();
    assert!(answered > 0 && answered == undisturbed.sandbox.claude.turns_answered());
}

#[tokio::test]
async fn the_card_of_slacks_own_outage_is_the_request_that_ends_it() {
    let world = World::new().await;
    opened_by_others(&world, Name::Slack).await;
    world.after(SignedDuration::from_mins(6)).await;
    let told = outages(&world);
    assert!(told.len() == 1 && told[0].contains("Slack answers again"), "{told:#?}");
    assert_eq!(line(&world, Name::Slack).await, Line::Closed);
}
