//! Issues that join the fix of their fault: in the pull request, on the card, in the merge, after it.

use autofix::messages::DEPLOY;
use axum::http::{Method, StatusCode};
use jiff::SignedDuration;

use crate::world::{Fault, Hook, PullState, REPO, Scenario, SlackWay, World, assert_says, hours, secs};

const MINUTE: SignedDuration = secs(61);

#[tokio::test]
async fn another_issue_of_the_fault_joins_the_open_pull_request() {
    let world = World::new().await;
    let (first, _) = world.until_armed().await;
    let paid = world.sandbox.claude.turns_answered();
    let second = world.alert_other(1).await;

    let joined = world.ended(&second, "skipped", "same_fault_joined").await;
    let detail = joined["reason"]["detail"].as_str().unwrap();
    assert!(detail.contains("pull request #1") && detail.contains(&first), "{detail}");
    assert_eq!(joined["same_fault_as"], first);
    assert_eq!(world.sandbox.claude.turns_answered(), paid, "nothing is paid for it");
    let body = world.body_of_pull_request(1);
    for issue in ["5100000001", "5100000002"] {
        assert!(body.contains(&format!("[Sentry issue {issue}](")), "{body}");
    }
    let card = world.card();
    let shown = world.shown(&card);
    assert!(shown.contains("Also fixes") && shown.contains("Issue 5100000002"), "{shown}");
    assert!(shown.contains("Deploy Live"), "{shown}");
    let attempt = world.attempt(&first).await;
    assert_eq!(attempt["joined_issues"][0]["sentry_issue_id"], "5100000002");
    assert_eq!(attempt["joined_issues"][0]["attempt"], second);

    // Further events of the joined issue start nothing, for as long as an answer holds.
    world.clock.advance(hours(24));
    let again = world.other_issue(1).again(2, world.clock.now());
    let again = world.report(&again, Hook::ErrorCreated).await;
    assert_eq!((again.status, again.attempt_id()), (StatusCode::OK, second));

    world.decide(&world.card(), DEPLOY).await;
    assert_eq!(world.status(&first).await, "deployed");
    let message = world.newest_message();
    for issue in ["Sentry-Issue: 5100000001", "Sentry-Issue: 5100000002"] {
        assert!(message.contains(issue), "{}", message);
    }
}

#[tokio::test]
async fn a_list_that_github_did_not_take_is_owed_until_it_does() {
    for fault in [Fault::status(503), Fault::BreakBefore, Fault::BreakAfter] {
        let world = World::new().await;
        let (first, _) = world.until_armed().await;
        let written = "\n\nA colleague's remark.\n";
        let body = world.body_of_pull_request(1) + written;
        world.sandbox.github.edit_pull_request_body(REPO, 1, &body).unwrap();
        world.sandbox.github.service().fail_next(Method::PATCH, "/pulls/1", fault.clone());
        let second = world.alert_other(1).await;
        world.ended(&second, "skipped", "same_fault_joined").await;
        let world = world.restart().await;
        world.ticks(3, MINUTE).await;
        let body = world.body_of_pull_request(1);
        assert_eq!(body.matches("Sentry issue 5100000002").count(), 1, "{fault:?}\n{body}");
        assert!(body.contains(written.trim()), "what people write stays\n{body}");
        assert_eq!(world.status(&first).await, "awaiting_approval", "{fault:?}");
        assert_says(&world.shown_card(), &["Issue 5100000002"]);
    }
}

#[tokio::test]
async fn a_list_that_github_refuses_stops_nothing() {
    let world = World::new().await;
    let (first, _) = world.until_armed().await;
    let refused = Fault::Answer {
        status: 403,
        headers: vec![],
        body: r#"{"message":"Resource not accessible by personal access token"}"#.to_owned(),
    };
    world.sandbox.github.service().fail_next(Method::PATCH, "/pulls/1", refused);
    world.alert_other(1).await;
    let attempt = world.attempt(&first).await;
    assert!(attempt["timeline"].to_string().contains("Could not list the issues"), "{attempt}");
    world.decide(&world.card(), DEPLOY).await;
    assert!(matches!(world.pull_request(1).state, PullState::Merged { .. }));
}

#[tokio::test]
async fn an_issue_that_joins_before_the_pull_request_is_open_is_in_it() {
    let world = World::new().await;
    world.sandbox.github.service().fail_next(Method::POST, "/git/trees", Fault::status(502));
    let first = world.handle(Scenario::Fix).await;
    let second = world.alert_other(1).await;
    let attempt = world.ended(&second, "skipped", "same_fault_joined").await;
    assert!(attempt["reason"]["detail"].as_str().unwrap().contains("waits to be opened"), "{attempt}");
    world.after(MINUTE).await;
    assert_eq!(world.status(&first).await, "awaiting_approval");
    assert!(world.body_of_pull_request(1).contains("Sentry issue 5100000002"));
    assert_says(&world.shown_card(), &["Issue 5100000002"]);
}

#[tokio::test]
async fn more_issues_than_anyone_reads_are_counted() {
    let world = World::with(&[("AUTOFIX_MAX_ATTEMPTS_PER_HOUR", "100")]).await;
    let (first, _) = world.until_armed().await;
    for number in 1..=25 {
        world.report(&world.other_issue(number), Hook::EventAlertTriggered).await;
    }
    world.settle().await;
    world.ticks(5, MINUTE).await;
    let attempt = world.attempt(&first).await;
    assert_eq!(attempt["joined_issues"].as_array().unwrap().len(), 20);
    let body = world.body_of_pull_request(1);
    assert_eq!(body.matches("* [Sentry issue ").count(), 21);
    assert!(body.contains("and 5 more of the same fault"), "{body}");
    let shown = world.shown_card();
    assert!(shown.contains("and 20 more"), "{shown}");
}

#[tokio::test]
async fn the_watch_and_the_last_word_are_about_the_joined_issues_too() {
    let world = World::new().await;
    let (first, _) = world.until_armed().await;
    world.alert_other(1).await;
    world.decide(&world.card(), DEPLOY).await;
    world.after(hours(1)).await;
    world.after(hours(24)).await;
    assert_eq!(world.status(&first).await, "verified");
    for issue in ["5100000001", "5100000002"] {
        assert_eq!(world.sandbox.sentry.status(issue), Some("resolved"), "{issue}");
        assert_eq!(world.sandbox.sentry.comments(issue).len(), 1, "{issue}");
    }

    // Whatever Sentry says about the joined one, the attempt's own issue is resolved.
    let world = World::new().await;
    let (first, _) = world.until_armed().await;
    world.alert_other(1).await;
    world.decide(&world.card(), DEPLOY).await;
    world.after(hours(1)).await;
    let sentry = world.sandbox.sentry.service();
    sentry.fail_next(Method::POST, "/issues/5100000002/comments", Fault::status(403));
    world.after(hours(24)).await;
    assert_eq!(world.status(&first).await, "verified");
    assert_eq!(world.sandbox.sentry.status("5100000001"), Some("resolved"));
    assert_eq!(world.sandbox.sentry.status("5100000002"), Some("unresolved"));

    let world = World::new().await;
    let (first, _) = world.until_armed().await;
    world.alert_other(1).await;
    world.decide(&world.card(), DEPLOY).await;
    let merge_sha = world.main();
    world.clock.advance(hours(1));
    let back = world.other_issue(1).again(2, world.clock.now()).in_release(&format!("bookshop@{merge_sha}"));
    world.sandbox.sentry.throw(&back);
    world.after(hours(1)).await;
    assert_eq!(world.status(&first).await, "regressed");
    assert_says(&world.shown_card(), &["the error came back"]);
}

#[tokio::test]
async fn with_an_incoming_webhook_a_joined_issue_is_told_in_a_new_message() {
    let world = World::builder().slack(SlackWay::Webhook).start().await;
    world.until_armed().await;
    let second = world.alert_other(1).await;
    world.ended(&second, "skipped", "same_fault_joined").await;
    let messages = world.sandbox.slack.messages();
    assert_eq!(messages.len(), 2);
    let shown = world.shown(&messages[1]);
    assert!(shown.contains("Also fixes") && shown.contains("Deploy Live"), "{shown}");
}
