//! Clicks: who may decide, twice, too late, forged.

use autofix::messages::{DEPLOY, DISMISS};
use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::world::{Fault, SECOND_APPROVER_ID, World, secs};

#[tokio::test]
async fn a_double_click_on_deploy_merges_once() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    let (first, second) =
        tokio::join!(world.press(&card, DEPLOY), world.press_as(&card, DEPLOY, SECOND_APPROVER_ID));
    assert_eq!((first.status, second.status), (StatusCode::OK, StatusCode::OK));
    world.settle().await;
    assert_eq!(world.status(&id).await, "deployed");
    assert_eq!(world.merges(), 1);
    let told = world.sandbox.slack.ephemerals();
    assert_eq!(told.len(), 1);
    assert!(told[0].text.contains("already approved"), "{}", told[0].text);
}

#[tokio::test]
async fn what_is_deployed_cannot_be_dismissed_and_what_is_dismissed_cannot_be_deployed() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    world.decide(&card, DEPLOY).await;
    world.decide(&card, DISMISS).await;
    assert_eq!(world.status(&id).await, "deployed");
    assert!(world.sandbox.slack.ephemerals()[0].text.contains("already deployed"));

    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    world.press_dismiss(&card).await;
    world.decide(&card, DEPLOY).await;
    assert_eq!(world.status(&id).await, "rejected");
    assert_eq!(world.merges(), 0);
}

#[tokio::test]
async fn each_refusal_of_a_merge_says_what_helps_and_can_be_tried_again() {
    for (status, message, sentence) in [
        (
            405,
            "At least 1 approving review is required by reviewers with write access.",
            "meet them on GitHub",
        ),
        (405, "Base branch was modified. Review and try the merge again.", "try again"),
        (409, "Head branch was modified. Review and try the merge again.", "Someone pushed"),
        (422, "Validation Failed", "Look at the pull request"),
        (403, "Resource not accessible by personal access token", "needs `contents: write`"),
    ] {
        let world = World::new().await;
        let (id, card) = world.until_armed().await;
        let body = json!({ "message": message, "status": status.to_string() }).to_string();
        let refused = Fault::Answer { status, headers: vec![], body };
        world.sandbox.github.service().fail_next(Method::PUT, "/merge", refused);
        world.decide(&card, DEPLOY).await;
        let shown = world.shown_card();
        assert!(shown.contains("GitHub did not merge it") && shown.contains(sentence), "{status}: {shown}");
        assert!(shown.contains("[ 🔁 Try again ]"), "{status}: {shown}");
        world.clock.advance(secs(60));
        world.decide(&world.card(), DEPLOY).await;
        assert_eq!(world.status(&id).await, "deployed", "{status} {message}");
    }
}
