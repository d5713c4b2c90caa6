//! One attempt with what led to it.

use autofix::attempt::State;
use autofix::messages::DEPLOY;
use autofix::reason::{Reason, ReasonCode};
use axum::http::StatusCode;

use super::Browser;
use super::hostile::{Attack, stored};
use super::html::{checked, shown};
use crate::world::{Scenario, World, assert_says};

#[tokio::test]
async fn one_attempt_is_shown_with_everything_that_led_to_it() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    world.decide(&card, DEPLOY).await;
    let browser = Browser::logged_in(&world).await;
    let detail = browser.get(&world, &format!("/autofix/view/{id}")).await;
    assert_eq!(detail.status, StatusCode::OK, "{}", detail.text);
    let hosts = [&*world.sandbox.github.url(), &*world.sandbox.sentry.url()];
    let tags = checked(&detail.text, &hosts);
    let ids: Vec<&str> = tags.iter().filter_map(|tag| tag.attribute("id")).collect();
    for section in
        ["summary", "analysis", "change", "evidence", "gates", "critic", "checks", "timeline", "cost"]
    {
        assert!(ids.contains(&section), "no `{section}` in {ids:?}");
    }
    let text = shown(&detail.text);
    assert_says(
        &text,
        &[
            // the attempt
            "Merged AutoFix watches Sentry until it is sure that the error is gone.",
            "Complexity good: minimal",
            // the change, its difference set apart
            "34 addition = (address.get(\"line2\") or \"\").strip()",
            // the code around the evidence, with its line numbers
            "def address_lines",
            // gates
            "It is a fault of this code passed code_fix",
            "Confidence passed 0.90; at least 0.80 is wanted.",
            "The critic approves passed",
            // the critic
            "Does it stop this error at this place? yes",
            "Does it hide a deeper fault? no",
            "1 check passed.",
            "Approved by U0APPROVER",
            "Slack user U0APPROVER",
            "Pull request #1 merged",
            // cost by step
            "root cause",
            "critic",
            "All steps",
        ],
    );
    assert!(tags.iter().any(|tag| tag.attribute("href").is_some_and(|href| href.ends_with("/pull/1"))));
    let quoted = tags.iter().filter(|tag| tag.attribute("class") == Some("row quoted")).count();
    assert!(quoted > 0 && quoted < tags.iter().filter(|tag| tag.attribute("class") == Some("row")).count());
}

#[tokio::test]
async fn a_refused_attempt_shows_which_gates_refused_and_which_were_never_asked() {
    let world = World::new().await;
    let id = world.handle(Scenario::Security).await;
    let browser = Browser::logged_in(&world).await;
    let detail = browser.get(&world, &format!("/autofix/view/{id}")).await;
    let tags = checked(&detail.text, &[&world.sandbox.sentry.url()]);
    let text = shown(&detail.text);
    for expected in
        ["Manual review", "category_blocked", "Kind of change refused", "The critic approves not reached"]
    {
        assert!(text.contains(expected), "no `{expected}` in {text}");
    }
    assert!(!tags.iter().any(|tag| tag.attribute("id") == Some("critic")));
}

#[tokio::test]
async fn before_the_worker_has_looked_the_page_shows_what_sentry_said() {
    let world = World::new().await;
    let id = world.alert(Scenario::Fix).await.attempt_id();
    let browser = Browser::logged_in(&world).await;
    let detail = browser.get(&world, &format!("/autofix/view/{id}")).await;
    let text = shown(&detail.text);
    assert!(text.contains("Waiting") && text.contains("AttributeError"), "{text}");
    assert!(!text.contains("Gates"), "{text}");
    world.settle().await;
}

#[tokio::test]
async fn what_the_change_does_and_what_the_critics_answered_is_shown() {
    let world = World::new().await;
    let text = Attack { text: "May `line2` be missing?", address: "https://github.com" };
    let reason = Reason::new(ReasonCode::QuestionOpen, "The second critic answers no (`q1`).");
    let state = State::Skipped { reasons: vec![reason], fix: Some(text.maker().fix()) };
    let id = stored(&world, &text, state, 1).await;
    let browser = Browser::logged_in(&world).await;
    let detail = browser.get(&world, &format!("/autofix/view/{id}")).await;
    let tags = checked(&detail.text, &[]);
    for section in ["effects", "critic", "second-critic"] {
        assert!(tags.iter().any(|tag| tag.attribute("id") == Some(section)), "no `{section}`");
    }
    let text = shown(&detail.text);
    let section = text.split("What the change does").nth(1).unwrap().split("Checks").next().unwrap();
    insta::assert_snapshot!(section.split_whitespace().collect::<Vec<_>>().join(" "), @"Line 2: May line2 be missing? Asked about it May line2 be missing? no May `line2` be missing?:2 : May `line2` be missing? May line2 be missing? not answered");
    world.settle().await;
}
