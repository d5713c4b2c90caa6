//! The endpoints under attack: by who has no secret and by who has one, with bytes that no service would send. Whatever comes,
//! an endpoint answers in its own form, does nothing that was not asked for by the right person, and goes on working.

mod addresses;
mod bombs;
mod forms;
mod logs;
mod order;
mod wire;

use autofix_local::sandbox::sentry::SignedWebhook;
use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crate::world::World;

const SENTRY: &str = "/autofix/webhooks/sentry";
const SLACK: &str = "/autofix/slack/interact";

/// Nothing was accepted, and the endpoints still work.
async fn nothing_happened(world: &World) {
    assert_eq!(world.get("attempts").await.body, json!([]));
}

/// A webhook as a request.
fn request_of(webhook: &SignedWebhook) -> Request<Body> {
    let mut request = Request::post(SENTRY);
    for (name, value) in &webhook.headers {
        request = request.header(name, value);
    }
    request.body(Body::from(webhook.body.clone())).unwrap()
}
