//! Limits: attempts an hour, open pull requests in a repository.

use autofix::messages::DEPLOY;
use autofix_local::sandbox::SlackWay;
use autofix_local::sandbox::github::{CheckRun, Heads};
use autofix_local::sandbox::sentry::Hook;
use autofix_local::sandbox::service::Fault;
use autofix_local::scenario::Scenario;
use axum::http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};

use crate::intake::{agent_opened, join_all};
use crate::world::{REPO, World};

const AT_MOST: &str = "AUTOFIX_MAX_OPEN_PULL_REQUESTS";

impl World {
    /// Alerts about so many different faults, one after the other, each with a fix.
    async fn alert_faults(&self, count: u32) -> Vec<String> {
        let mut ids = Vec::new();
        for number in 1..=count {
            let event = Scenario::Fix.event(self.clock.now()).as_other_fault(number);
            let answer = self.report(&event, Hook::EventAlertTriggered).await;
            assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
            ids.push(answer.attempt_id());
            self.clock.advance(SignedDuration::from_secs(1));
        }
        self.settle().await;
        ids
    }

    async fn statuses(&self, ids: &[String]) -> Vec<String> {
        let mut statuses = Vec::new();
        for id in ids {
            statuses.push(self.attempt(id).await["status"].as_str().unwrap().to_owned());
        }
        statuses
    }

    fn open(&self) -> usize {
        self.sandbox.github.open_pull_requests(REPO).unwrap().len()
    }

    async fn press_on(&self, id: &str, action: &str) {
        let answer = self.press(&self.card_of(id), action).await;
        assert_eq!(answer.status, StatusCode::OK);
        self.settle().await;
    }

    async fn dismiss_on(&self, id: &str) {
        self.dismiss(&self.card_of(id)).await;
        self.settle().await;
    }
}

#[tokio::test]
async fn pull_requests_beyond_the_limit_wait_in_order_and_say_so() {
    let world = World::with(SlackWay::Bot, &[(AT_MOST, "2")]).await;
    let ids = world.alert_faults(4).await;
    let (open, waits) = ("awaiting_approval", "analyzing");
    let mut statuses = world.statuses(&ids).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [waits, waits, open, open]);
    assert_eq!((world.open(), world.fix_branches().len()), (2, 2));
    let held: Vec<&String> = with_status(&world, &ids, open).await;
    let waiting: Vec<&String> = with_status(&world, &ids, waits).await;
    for id in &waiting {
        let shown = world.shown(&world.card_of(id));
        assert!(shown.contains("AutoFix: a fix waits") && shown.contains("2 open pull requests"), "{shown}");
        assert!(shown.contains("+    addition") && !shown.contains("Deploy Live"), "{shown}");
        assert!(!world.attempt(id).await["proposed_fixes"].as_array().unwrap().is_empty());
    }
    // A dismissal makes a place at once, for the one that began first; no clock is needed.
    world.dismiss_on(held[0]).await;
    assert_eq!(world.statuses(&[waiting[0].clone(), waiting[1].clone()]).await, [open, waits]);
    assert_eq!(world.open(), 2);
    // So does a merge.
    world.press_on(held[1], DEPLOY).await;
    assert_eq!(world.attempt(held[1]).await["status"], "deployed");
    // It had its turn; the very same edit is on the base by now, so that there is nothing left to change.
    assert_eq!(world.attempt(waiting[1]).await["status"], "skipped");
    assert_eq!(world.sandbox.github.pull_requests(REPO).unwrap().len(), 4);
    assert_eq!(world.sandbox.slack.messages().len(), 4, "one card each");
}

async fn with_status<'a>(world: &World, ids: &'a [String], status: &str) -> Vec<&'a String> {
    let statuses = world.statuses(ids).await;
    ids.iter().zip(statuses).filter(|(_, own)| own == status).map(|(id, _)| id).collect()
}

#[tokio::test]
async fn however_many_fixes_are_ready_at_once_no_place_is_given_twice_or_lost() {
    let world = World::with(SlackWay::Bot, &[(AT_MOST, "2")]).await;
    let event = Scenario::Fix.event(world.clock.now());
    let reports = (1..=8).map(|number| {
        let other = event.as_other_fault(number);
        world.sandbox.sentry.throw(&other);
        world.deliver_webhook(world.sandbox.sentry.webhook(&other, Hook::EventAlertTriggered))
    });
    let answers = join_all(reports.collect()).await;
    let ids: Vec<String> = answers.iter().map(|answer| answer.attempt_id()).collect();
    world.settle().await;
    let mut decided = Vec::new();
    while decided.len() < 8 {
        assert!(world.open() <= 2);
        let ready = with_status(&world, &ids, "awaiting_approval").await;
        assert_eq!(ready.len(), 2.min(8 - decided.len()), "a place is free and nobody has it");
        let ready: Vec<String> = ready.into_iter().cloned().collect();
        let cards: Vec<_> = ready.iter().map(|id| world.card_of(id)).collect();
        // Both at once.
        join_all(cards.iter().map(|card| world.dismiss(card)).collect()).await;
        decided.extend(ready);
        world.settle().await;
    }
    assert_eq!(world.sandbox.github.pull_requests(REPO).unwrap().len(), 8);
    assert_eq!(world.open(), 0);
}

#[tokio::test]
async fn a_pull_request_that_was_left_to_people_keeps_its_place_until_they_close_it() {
    let world = World::with(SlackWay::Bot, &[(AT_MOST, "1")]).await;
    world.sandbox.github.set_checks(REPO, Heads::Every, &[CheckRun::running("pytest")]).unwrap();
    let first = world.alert_faults(1).await.remove(0);
    for _ in 0..4 {
        world.after(SignedDuration::from_hours(7)).await;
    }
    assert_eq!(world.attempt(&first).await["reason"]["code"], "checks_unfinished");
    assert_eq!(world.open(), 1);
    let event = Scenario::Fix.event(world.clock.now()).as_other_fault(7);
    let second = world.report(&event, Hook::EventAlertTriggered).await.attempt_id();
    world.settle().await;
    world.after(SignedDuration::from_mins(11)).await;
    assert_eq!(world.attempt(&second).await["status"], "analyzing", "the place is still taken");
    // GitHub's silence is no reason to open another one.
    for _ in 0..4 {
        world.sandbox.github.service().fail_next(Method::GET, "/pulls?", Fault::status(502));
    }
    world.sandbox.github.close_pull_request(REPO, 1).unwrap();
    world.after(SignedDuration::from_mins(11)).await;
    assert_eq!(world.attempt(&second).await["status"], "analyzing");
    world.sandbox.github.service().clear_faults();
    world.after(SignedDuration::from_mins(11)).await;
    assert_eq!(world.attempt(&second).await["status"], "pr_created");
    assert_eq!(world.open(), 1);
}

#[tokio::test]
async fn a_dismissed_pull_request_that_could_not_be_closed_keeps_its_place_and_says_so() {
    let world = World::with(SlackWay::Bot, &[(AT_MOST, "1")]).await;
    let ids = world.alert_faults(2).await;
    let first = with_status(&world, &ids, "awaiting_approval").await[0];
    let refused = Fault::Answer {
        status: 403,
        headers: vec![],
        body: r#"{"message":"Resource not accessible by personal access token"}"#.to_owned(),
    };
    world.sandbox.github.service().fail_next(Method::PATCH, "/pulls/1", refused);
    world.dismiss_on(first).await;
    let shown = world.shown(&world.card_of(first));
    assert!(shown.contains("could not be closed"), "{shown}");
    assert_eq!((world.open(), world.sandbox.github.pull_requests(REPO).unwrap().len()), (1, 1));
    world.sandbox.github.close_pull_request(REPO, 1).unwrap();
    world.after(SignedDuration::from_mins(11)).await;
    assert_eq!(world.sandbox.github.pull_requests(REPO).unwrap().len(), 2);
}

#[tokio::test]
async fn a_crash_while_a_place_is_held_neither_loses_nor_doubles_it() {
    for (method, path, fault) in [
        (Method::POST, "/git/trees", Fault::BreakBefore),
        (Method::POST, "/pulls", Fault::BreakAfter),
        (Method::POST, "/pulls", Fault::status(503)),
    ] {
        let world = World::with(SlackWay::Bot, &[(AT_MOST, "1")]).await;
        world.sandbox.github.service().fail_next(method, path, fault);
        let ids = world.alert_faults(2).await;
        let world = world.restart().await;
        for _ in 0..3 {
            world.after(SignedDuration::from_mins(11)).await;
        }
        let ready = with_status(&world, &ids, "awaiting_approval").await;
        assert_eq!((ready.len(), world.open()), (1, 1));
        world.dismiss_on(ready[0]).await;
        assert_eq!(with_status(&world, &ids, "awaiting_approval").await.len(), 1);
        assert_eq!(world.sandbox.github.pull_requests(REPO).unwrap().len(), 2);
    }
}

#[tokio::test]
async fn who_leaves_the_queue_is_not_waited_for() {
    let world = World::with(SlackWay::Bot, &[(AT_MOST, "1")]).await;
    let ids = world.alert_faults(2).await;
    let held = with_status(&world, &ids, "awaiting_approval").await[0];
    let next = with_status(&world, &ids, "analyzing").await[0];
    world.after(SignedDuration::from_hours(24 * 3)).await;
    let event = Scenario::Fix.event(world.clock.now()).as_other_fault(9);
    let last = world.report(&event, Hook::EventAlertTriggered).await.attempt_id();
    world.settle().await;
    world.after(SignedDuration::from_hours(24 * 4 + 1)).await;
    assert_eq!(world.attempt(next).await["status"], "skipped", "it has waited for long enough");
    assert_eq!(world.attempt(&last).await["status"], "analyzing");
    world.dismiss_on(held).await;
    assert_eq!(world.attempt(&last).await["status"], "awaiting_approval");
    assert_eq!(world.sandbox.github.pull_requests(REPO).unwrap().len(), 2);
}

#[tokio::test]
async fn a_fix_that_finds_no_place_for_a_week_is_shown_and_not_opened() {
    let world = World::with(SlackWay::Bot, &[(AT_MOST, "1")]).await;
    let ids = world.alert_faults(2).await;
    let waiting = with_status(&world, &ids, "analyzing").await[0];
    world.after(SignedDuration::from_hours(24 * 6)).await;
    assert_eq!(world.attempt(waiting).await["status"], "analyzing");
    world.after(SignedDuration::from_hours(25)).await;
    let attempt = world.attempt(waiting).await;
    assert_eq!(attempt["reason"]["code"], "open_pull_request_limit");
    let shown = world.shown(&world.card_of(waiting));
    assert!(shown.contains(AT_MOST) && shown.contains("+    addition"), "{shown}");
    assert_eq!(world.open(), 1);
}

#[tokio::test]
async fn with_an_incoming_webhook_a_waiting_fix_is_a_message_too() {
    let world = World::with(SlackWay::Webhook, &[(AT_MOST, "1")]).await;
    world.alert_faults(2).await;
    let shown: Vec<String> = world.sandbox.slack.messages().iter().map(|card| world.shown(card)).collect();
    assert_eq!(shown.len(), 2, "{shown:#?}");
    assert_eq!(shown.iter().filter(|shown| shown.contains("AutoFix: a fix waits")).count(), 1, "{shown:#?}");
}

#[tokio::test]
async fn a_hundred_different_errors_in_a_minute_are_ten_attempts_and_one_digest() {
    let world = World::new().await;
    let event = Scenario::Fix.event(world.clock.now());
    let reports = (1..=100).map(|number| {
        let other = event.as_other_fault(number);
        world.sandbox.sentry.throw(&other);
        world.deliver_webhook(world.sandbox.sentry.webhook(&other, Hook::EventAlertTriggered))
    });
    let answers = join_all(reports.collect()).await;
    let accepted = answers.iter().filter(|answer| answer.status == StatusCode::ACCEPTED).count();
    let recorded = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    assert_eq!((accepted, recorded), (10, 90));
    world.settle().await;
    for _ in 0..10 {
        world.after(SignedDuration::from_mins(5)).await;
    }
    let shown: Vec<String> = world.sandbox.slack.messages().iter().map(|card| world.shown(card)).collect();
    let digests: Vec<&String> = shown.iter().filter(|shown| shown.contains("hourly limit")).collect();
    assert_eq!(digests.len(), 1, "{digests:#?}");
    assert!(digests[0].contains("90 errors"), "{}", digests[0]);
    assert_eq!(shown.len(), 11, "and a card for each attempt");
}

#[tokio::test]
async fn sixty_four_errors_at_once_are_sixty_four_attempts_where_the_hour_has_room() {
    let world = World::with(SlackWay::Bot, &[("AUTOFIX_MAX_ATTEMPTS_PER_HOUR", "64")]).await;
    let event = Scenario::Fix.event(world.clock.now());
    let report = |number: u32| {
        let other = event.as_other_fault(number);
        world.deliver_webhook(world.sandbox.sentry.webhook(&other, Hook::EventAlertTriggered))
    };
    let answers = join_all((1..=64).map(report).collect()).await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != StatusCode::ACCEPTED).collect();
    assert!(refused.is_empty(), "{refused:#?}");
    let next = report(65).await;
    assert_eq!(
        (next.status, next.body["message"].as_str()),
        (StatusCode::OK, Some("Recorded; the hourly limit is reached"))
    );
}

#[tokio::test]
async fn no_sixty_minutes_hold_more_attempts_than_allowed_and_none_is_turned_away_before() {
    const LIMIT: usize = 4;
    let world = World::with(SlackWay::Bot, &[("AUTOFIX_MAX_ATTEMPTS_PER_HOUR", "4")]).await;
    let mut random = fastrand::Rng::with_seed(4);
    let mut started: Vec<Timestamp> = Vec::new();
    let mut number = 0;
    for _ in 0..60 {
        world.clock.advance(SignedDuration::from_millis(random.i64(1..1_200_000)));
        let now = world.clock.now();
        let burst: u32 = random.u32(1..6);
        let event = Scenario::Security.event(now);
        let reports = (0..burst).map(|index| {
            let other = event.as_other_fault(number + index);
            world.deliver_webhook(world.sandbox.sentry.webhook(&other, Hook::EventAlertTriggered))
        });
        let answers = join_all(reports.collect()).await;
        number += burst;
        let accepted = answers.iter().filter(|answer| answer.status == StatusCode::ACCEPTED).count();
        let hour =
            started.iter().filter(|at| now.duration_since(**at) < SignedDuration::from_hours(1)).count();
        assert_eq!(accepted, (LIMIT - hour).min(burst as usize), "after {hour} within the hour");
        started.extend(std::iter::repeat_n(now, accepted));
    }
    assert!(started.len() > 20, "the hours were not tried: {}", started.len());
}

#[tokio::test]
async fn a_fix_that_waits_stands_down_for_sentrys_own_agent_and_one_that_is_open_does_not() {
    let world = World::with(SlackWay::Bot, &[(AT_MOST, "1")]).await;
    let ids = world.alert_faults(2).await;
    let open = with_status(&world, &ids, "awaiting_approval").await[0];
    let waiting = with_status(&world, &ids, "analyzing").await[0];
    for (id, message) in [(waiting, "Standing down"), (open, "past standing down")] {
        let issue: u64 = world.attempt(id).await["sentry_issue_id"].as_str().unwrap().parse().unwrap();
        let answer = world.deliver_webhook(world.sandbox.sentry.sign("seer", &agent_opened(issue))).await;
        assert_eq!(answer.attempt_id(), *id);
        assert!(answer.body["message"].as_str().unwrap().contains(message), "{answer:?}");
        world.settle().await;
    }
    let attempt = world.attempt(waiting).await;
    assert_eq!(attempt["reason"]["code"], "sentry_agent_took_over", "{attempt:#}");
    assert!(!attempt["proposed_fixes"].as_array().unwrap().is_empty(), "what it had found stays");
    let shown = world.shown(&world.card_of(waiting));
    assert!(shown.contains("Left to Sentry's agent"), "{shown}");
    // Nobody takes the place of who stood down.
    world.dismiss_on(open).await;
    world.after(SignedDuration::from_mins(11)).await;
    assert_eq!(world.sandbox.github.pull_requests(REPO).unwrap().len(), 1);
    assert!(world.fix_branches().is_empty());
}
