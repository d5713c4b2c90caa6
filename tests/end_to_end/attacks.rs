//! The endpoints under attack: by who has no secret and by who has one, with bytes that no service would send. Whatever comes,
//! an endpoint answers in its own form, does nothing that was not asked for by the right person, and goes on working.

mod addresses;
mod bombs;
mod forms;
mod logs;
mod order;
mod wire;

use serde_json::json;

use crate::world::World;

const SENTRY: &str = "/autofix/webhooks/sentry";
const SLACK: &str = "/autofix/slack/interact";

/// Nothing was accepted, and the endpoints still work.
async fn nothing_happened(world: &World) {
    assert_eq!(world.get("attempts").await.body, json!([]));
}
