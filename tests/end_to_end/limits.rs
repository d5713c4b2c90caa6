//! Limits: attempts an hour, open pull requests in a repository.

use autofix::messages::DEPLOY;
use axum::http::{Method, StatusCode};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use crate::world::{
    CheckRun, Fault, Heads, Hook, REPO, Scenario, SlackWay, World, assert_says, hours, mins, secs,
};

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
            self.clock.advance(secs(1));
        }
        self.settle().await;
        ids
    }

    async fn statuses(&self, ids: &[String]) -> Vec<String> {
        join_all(ids.iter().map(|id| self.status(id))).await
    }

    async fn dismiss_on(&self, id: &str) {
        self.dismiss(&self.card_of(id)).await;
    }
}

#[tokio::test]
async fn pull_requests_beyond_the_limit_wait_in_order_and_say_so() {
    let world = World::with(&[(AT_MOST, "2")]).await;
    let ids = world.alert_faults(4).await;
    let (open, waits) = ("awaiting_approval", "analyzing");
    let mut statuses = world.statuses(&ids).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [waits, waits, open, open]);
    assert_eq!((world.open_pull_requests(), world.fix_branches().len()), (2, 2));
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
    assert_eq!(world.open_pull_requests(), 2);
    // So does a merge.
    world.decide(&world.card_of(held[1]), DEPLOY).await;
    assert_eq!(world.status(held[1]).await, "deployed");
    // It had its turn; the very same edit is on the base by now, so that there is nothing left to change.
    assert_eq!(world.status(waiting[1]).await, "skipped");
    assert_eq!(world.pull_requests().len(), 4);
    assert_eq!(world.sandbox.slack.messages().len(), 4, "one card each");
}

async fn with_status<'a>(world: &World, ids: &'a [String], status: &str) -> Vec<&'a String> {
    let statuses = world.statuses(ids).await;
    ids.iter().zip(statuses).filter(|(_, own)| own == status).map(|(id, _)| id).collect()
}

#[tokio::test]
async fn however_many_fixes_are_ready_at_once_no_place_is_given_twice_or_lost() {
    let world = World::with(&[(AT_MOST, "2")]).await;
    let event = Scenario::Fix.event(world.clock.now());
    let reports = (1..=8).map(|number| {
        let other = event.as_other_fault(number);
        world.sandbox.sentry.throw(&other);
        world.deliver_webhook(world.sandbox.sentry.webhook(&other, Hook::EventAlertTriggered))
    });
    let answers = join_all(reports).await;
    let ids: Vec<String> = answers.iter().map(|answer| answer.attempt_id()).collect();
    world.settle().await;
    let mut decided = Vec::new();
    while decided.len() < 8 {
        assert!(world.open_pull_requests() <= 2);
        let ready = with_status(&world, &ids, "awaiting_approval").await;
        assert_eq!(ready.len(), 2.min(8 - decided.len()), "a place is free and nobody has it");
        let ready: Vec<String> = ready.into_iter().cloned().collect();
        let cards: Vec<_> = ready.iter().map(|id| world.card_of(id)).collect();
        // Both at once.
        join_all(cards.iter().map(|card| world.press_dismiss(card))).await;
        decided.extend(ready);
        world.settle().await;
    }
    assert_eq!(world.pull_requests().len(), 8);
    assert_eq!(world.open_pull_requests(), 0);
}

#[tokio::test]
async fn a_pull_request_that_was_left_to_people_keeps_its_place_until_they_close_it() {
    let world = World::with(&[(AT_MOST, "1")]).await;
    world.set_checks(Heads::Every, &[CheckRun::running("pytest")]);
    let first = world.alert_faults(1).await.remove(0);
    world.ticks(4, hours(7)).await;
    assert_eq!(world.attempt(&first).await["reason"]["code"], "checks_unfinished");
    assert_eq!(world.open_pull_requests(), 1);
    let event = Scenario::Fix.event(world.clock.now()).as_other_fault(7);
    let second = world.handle_report(&event, Hook::EventAlertTriggered).await;
    world.after(mins(11)).await;
    assert_eq!(world.status(&second).await, "analyzing", "the place is still taken");
    // GitHub's silence is no reason to open another one.
    world.sandbox.github.service().fail_times(4, Method::GET, "/pulls?", Fault::status(502));
    world.sandbox.github.close_pull_request(REPO, 1).unwrap();
    world.after(mins(11)).await;
    assert_eq!(world.status(&second).await, "analyzing");
    world.sandbox.github.service().clear_faults();
    world.after(mins(11)).await;
    assert_eq!(world.status(&second).await, "pr_created");
    assert_eq!(world.open_pull_requests(), 1);
}

#[tokio::test]
async fn a_dismissed_pull_request_that_could_not_be_closed_keeps_its_place_and_says_so() {
    let world = World::with(&[(AT_MOST, "1")]).await;
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
    assert_eq!((world.open_pull_requests(), world.pull_requests().len()), (1, 1));
    world.sandbox.github.close_pull_request(REPO, 1).unwrap();
    world.after(mins(11)).await;
    assert_eq!(world.pull_requests().len(), 2);
}

#[tokio::test]
async fn a_crash_while_a_place_is_held_neither_loses_nor_doubles_it() {
    for (method, path, fault) in [
        (Method::POST, "/git/trees", Fault::BreakBefore),
        (Method::POST, "/pulls", Fault::BreakAfter),
        (Method::POST, "/pulls", Fault::status(503)),
    ] {
        let world = World::with(&[(AT_MOST, "1")]).await;
        world.sandbox.github.service().fail_next(method, path, fault);
        let ids = world.alert_faults(2).await;
        let world = world.restart().await;
        world.ticks(3, mins(11)).await;
        let ready = with_status(&world, &ids, "awaiting_approval").await;
        assert_eq!((ready.len(), world.open_pull_requests()), (1, 1));
        world.dismiss_on(ready[0]).await;
        assert_eq!(with_status(&world, &ids, "awaiting_approval").await.len(), 1);
        assert_eq!(world.pull_requests().len(), 2);
    }
}

#[tokio::test]
async fn who_leaves_the_queue_is_not_waited_for() {
    let world = World::with(&[(AT_MOST, "1")]).await;
    let ids = world.alert_faults(2).await;
    let held = with_status(&world, &ids, "awaiting_approval").await[0];
    let next = with_status(&world, &ids, "analyzing").await[0];
    world.after(hours(24 * 3)).await;
    let event = Scenario::Fix.event(world.clock.now()).as_other_fault(9);
    let last = world.handle_report(&event, Hook::EventAlertTriggered).await;
    world.after(hours(24 * 4 + 1)).await;
    // It has waited for long enough: its change is shown, and not opened.
    world.ended(next, "skipped", "open_pull_request_limit").await;
    assert_says(&world.shown(&world.card_of(next)), &[AT_MOST, "+    addition"]);
    assert_eq!(world.status(&last).await, "analyzing");
    world.dismiss_on(held).await;
    assert_eq!(world.status(&last).await, "awaiting_approval");
    assert_eq!(world.pull_requests().len(), 2);
}

#[tokio::test]
async fn with_an_incoming_webhook_a_waiting_fix_is_a_message_too() {
    let world = World::builder().slack(SlackWay::Webhook).settings(&[(AT_MOST, "1")]).start().await;
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
    let answers = join_all(reports).await;
    let accepted = answers.iter().filter(|answer| answer.status == StatusCode::ACCEPTED).count();
    let recorded = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    assert_eq!((accepted, recorded), (10, 90));
    let skipped = world.get("attempts?status=skipped&limit=100").await.body;
    let skipped: Vec<_> = skipped.as_array().unwrap().iter().map(|one| &one["reason"]["code"]).collect();
    assert_eq!(skipped, ["hourly_limit"; 90]);
    world.settle().await;
    world.ticks(10, mins(5)).await;
    let shown: Vec<String> = world.sandbox.slack.messages().iter().map(|card| world.shown(card)).collect();
    let digests: Vec<&String> = shown.iter().filter(|shown| shown.contains("hourly limit")).collect();
    assert_eq!(digests.len(), 1, "{digests:#?}");
    assert!(digests[0].contains("90 errors"), "{}", digests[0]);
    assert_eq!(shown.len(), 11, "and a card for each attempt");
}

#[tokio::test]
async fn sixty_four_errors_at_once_are_sixty_four_attempts_where_the_hour_has_room() {
    let world = World::with(&[("AUTOFIX_MAX_ATTEMPTS_PER_HOUR", "64")]).await;
    let event = Scenario::Fix.event(world.clock.now());
    let report = |number: u32| {
        let other = event.as_other_fault(number);
        world.deliver_webhook(world.sandbox.sentry.webhook(&other, Hook::EventAlertTriggered))
    };
    let answers = join_all((1..=64).map(report)).await;
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
    let world = World::with(&[("AUTOFIX_MAX_ATTEMPTS_PER_HOUR", "4")]).await;
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
        let answers = join_all(reports).await;
        number += burst;
        let accepted = answers.iter().filter(|answer| answer.status == StatusCode::ACCEPTED).count();
        let hour = started.iter().filter(|at| now.duration_since(**at) < hours(1)).count();
        assert_eq!(accepted, (LIMIT - hour).min(burst as usize), "after {hour} within the hour");
        started.extend(std::iter::repeat_n(now, accepted));
    }
    assert!(started.len() > 20, "the hours were not tried: {}", started.len());
}

#[tokio::test]
async fn a_fix_that_waits_stands_down_for_sentrys_own_agent_and_one_that_is_open_does_not() {
    let world = World::with(&[(AT_MOST, "1")]).await;
    let ids = world.alert_faults(2).await;
    let open = with_status(&world, &ids, "awaiting_approval").await[0];
    let waiting = with_status(&world, &ids, "analyzing").await[0];
    for (id, message) in [(waiting, "Standing down"), (open, "past standing down")] {
        let attempt = world.attempt(id).await;
        let answer = world.sentrys_agent_opens(attempt["sentry_issue_id"].as_str().unwrap()).await;
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
    world.after(mins(11)).await;
    assert_eq!(world.pull_requests().len(), 1);
    assert!(world.fix_branches().is_empty());
}
