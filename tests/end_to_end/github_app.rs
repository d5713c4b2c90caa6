//! As a GitHub App in place of a person's token.

use autofix::config::names;
use autofix::messages::DEPLOY;
use autofix_local::sandbox::github::{APP_ID, APP_PRIVATE_KEY, TOKEN};
use axum::http::Method;

use crate::world::{Scenario, World, mins};

/// The name of the setting, not a secret.
const ID: &str = "AUTOFIX_GITHUB_APP_ID";

fn requests_with(world: &World, credential: &str) -> usize {
    let received = world.sandbox.github.service().received();
    let value = format!("Bearer {credential}");
    let is_it = |header: &axum::http::HeaderValue| *header == value;
    received.iter().filter(|request| request.headers.get("authorization").is_some_and(is_it)).count()
}

#[tokio::test]
async fn a_fix_goes_from_alert_to_merge_without_anybodys_token() {
    let settings = [(ID, APP_ID), (names::GITHUB_APP_PRIVATE_KEY, APP_PRIVATE_KEY)];
    let world = World::with(&settings).await;
    let (id, card) = world.until_armed().await;
    world.decide(&card, DEPLOY).await;
    assert_eq!(world.status(&id).await, "deployed");
    assert_eq!(requests_with(&world, TOKEN), 0);
    assert_eq!(world.sandbox.github.service().count(Method::POST, "/access_tokens"), 1);
    assert_ne!(world.sandbox.github.service().count(Method::GET, "/check-runs"), 0);
}

#[tokio::test]
async fn the_same_pull_request_is_found_after_a_crash_although_its_commit_is_another_object() {
    let settings = [(ID, APP_ID), (names::GITHUB_APP_PRIVATE_KEY, APP_PRIVATE_KEY)];
    let world = World::with(&settings).await;
    // GitHub opens it, and the answer is lost.
    let lost = autofix_local::sandbox::service::Fault::BreakAfter;
    world.sandbox.github.service().fail_next(Method::POST, "/pulls", lost);
    let id = world.handle(Scenario::Fix).await;
    world.ticks(4, mins(1)).await;
    assert_eq!(world.status(&id).await, "awaiting_approval");
    assert_eq!(world.pull_requests().len(), 1);
    assert_eq!(world.sandbox.github.service().count(Method::POST, "/git/commits"), 1);
}
