//! Services that fail: a pause of seconds inside the invocation, minutes and hours by the clock, or the end with
//! the sentence that helps.

use autofix_local::sandbox::service::Service;
use axum::http::Method;
use jiff::SignedDuration;

use crate::world::{Fault, Hook, Scenario, World, assert_says, mins, secs};

/// The worst that short pauses may add up to in one invocation.
const SECONDS: SignedDuration = secs(15);

/// Where a fault is planned.
struct Place {
    service: fn(&World) -> &Service,
    method: Method,
    path: &'static str,
}

fn claude() -> Place {
    Place { service: |world| world.sandbox.claude.service(), method: Method::POST, path: "/v1/messages" }
}

fn github(method: Method, path: &'static str) -> Place {
    Place { service: |world| world.sandbox.github.service(), method, path }
}

fn slack() -> Place {
    Place {
        service: |world| world.sandbox.slack.service(),
        method: Method::POST,
        path: "/api/chat.postMessage",
    }
}

fn sentry() -> Place {
    Place { service: |world| world.sandbox.sentry.service(), method: Method::GET, path: "/events/" }
}

fn fault(status: u16, headers: &[(&'static str, &str)], body: &str) -> Fault {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Fault::Answer { status, headers, body: body.to_owned() }
}

/// An error that Sentry reports without a stack trace, so that all four services are asked.
async fn report(world: &World) -> String {
    world.report(&Scenario::Fix.event(world.clock.now()), Hook::IssueCreated).await.attempt_id()
}

/// Whether everything is done: the fix is ready, and the card says so.
async fn is_armed(world: &World, id: &str) -> bool {
    let cards = world.cards();
    world.attempt(id).await["status"] == "awaiting_approval"
        && cards.len() == 1
        && world.shown(&cards[0]).contains("Deploy Live")
}

#[tokio::test]
async fn what_passes_within_seconds_is_waited_out_in_the_same_invocation() {
    let secondary = r#"{"message":"You have exceeded a secondary rate limit"}"#;
    let head = || github(Method::GET, "/git/ref");
    for (place, fault) in [
        (claude(), fault(529, &[], "")),
        (claude(), fault(500, &[("x-should-retry", "true")], "")),
        (claude(), fault(429, &[("retry-after", "3")], "")),
        (claude(), fault(429, &[("retry-after-ms", "900")], "")),
        (claude(), Fault::BreakBefore),
        (head(), fault(502, &[], "<html>")),
        (head(), Fault::BreakAfter),
        (github(Method::POST, "/git/trees"), fault(403, &[("retry-after", "2")], secondary)),
        (slack(), fault(429, &[("retry-after", "1")], "")),
        (slack(), fault(200, &[("retry-after", "1")], r#"{"ok":false,"error":"ratelimited"}"#)),
        (sentry(), fault(503, &[], "")),
        (sentry(), fault(429, &[], r#"{"detail":"slow down"}"#)),
    ] {
        let world = World::new().await;
        let began = world.clock.now();
        (place.service)(&world).fail_next(place.method, place.path, fault.clone());
        let id = report(&world).await;
        world.settle().await;
        assert!(is_armed(&world, &id).await, "{} {fault:?}", place.path);
        let paused = world.clock.now().duration_since(began);
        assert!(paused > SignedDuration::ZERO && paused < SECONDS, "{} {fault:?}: {paused}", place.path);
    }
}

#[tokio::test]
async fn what_takes_longer_is_left_to_the_clock_and_nobody_is_asked_before() {
    let date = ("date", "Sun, 22 Nov 2026 10:00:00 GMT");
    let primary = [date, ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795343400")]; // 10:30:00
    let secondary = r#"{"message":"You have exceeded a secondary rate limit"}"#;
    let limited = r#"{"ok":false,"error":"ratelimited"}"#;
    let down = || fault(503, &[], "");
    let trees = || github(Method::POST, "/git/trees");
    for (place, faults, too_soon, late_enough) in [
        (claude(), vec![fault(529, &[], ""); 3], 25, 60),
        (claude(), vec![fault(429, &[("retry-after", "120")], "")], 110, 160),
        (claude(), vec![fault(429, &[], r#"{"error":{"message":"spend limit"}}"#)], 3_500, 4_600),
        (claude(), vec![fault(200, &[], "no JSON")], 25, 60),
        (github(Method::GET, "/git/ref"), vec![down(); 3], 25, 60),
        (trees(), vec![down()], 25, 60),
        (trees(), vec![Fault::BreakBefore], 25, 60),
        (trees(), vec![fault(403, &primary, "{}")], 1_700, 2_300),
        (trees(), vec![fault(429, &primary, "{}")], 1_700, 2_300),
        (trees(), vec![fault(403, &[("retry-after", "300")], secondary)], 290, 400),
        (trees(), vec![fault(403, &[], secondary)], 55, 80),
        (slack(), vec![fault(200, &[], limited)], 25, 60),
        (slack(), vec![fault(429, &[("retry-after", "90")], "")], 85, 120),
        (sentry(), vec![fault(410, &[], r#"{"message":"This API no longer exists."}"#)], 290, 400),
        (sentry(), vec![fault(429, &[date, ("x-sentry-rate-limit-reset", "1795341720")], "{}")], 110, 160),
    ] {
        let world = World::new().await;
        let case = format!("{} {:?}", place.path, faults[0]);
        let service = (place.service)(&world);
        let (began, planned) = (world.clock.now(), faults.len());
        faults.into_iter().for_each(|fault| service.fail_next(place.method.clone(), place.path, fault));
        let id = report(&world).await;
        world.settle().await;
        assert!(world.clock.now().duration_since(began) < SECONDS, "{case}: slept in the invocation");
        assert!(!is_armed(&world, &id).await, "{case}");
        let asked = service.count(place.method.clone(), place.path);
        assert!(asked >= planned, "{case}: the faults were not met");
        world.after(secs(too_soon)).await;
        assert_eq!(service.count(place.method.clone(), place.path), asked, "{case}: asked too soon");
        world.after(secs(late_enough - too_soon)).await;
        assert!(is_armed(&world, &id).await, "{case}: {:?}", world.attempt(&id).await["status"]);
    }
}

#[tokio::test]
async fn claude_that_says_not_to_ask_again_is_not_asked_again() {
    let world = World::new().await;
    let refusal = fault(500, &[("x-should-retry", "false")], "");
    world.sandbox.claude.service().fail_next(Method::POST, "/v1/messages", refusal);
    let id = report(&world).await;
    world.settle().await;
    let attempt = world.attempt(&id).await;
    assert_eq!(
        (&attempt["status"], &attempt["reason"]["code"]),
        (&"failed".into(), &"claude_unavailable".into())
    );
    assert_says(&world.shown_card(), &["AutoFix failed"]);
    assert_eq!(world.sandbox.claude.service().count(Method::POST, "/v1/messages"), 1);
}

#[tokio::test]
async fn credentials_that_are_refused_end_the_attempt_with_the_setting_to_check() {
    for (setting, expected) in
        [("ANTHROPIC_API_KEY", "claude_unavailable"), ("AUTOFIX_GITHUB_TOKEN", "github_refused")]
    {
        let world = World::with(&[(setting, "wrong")]).await;
        let id = world.handle(Scenario::Fix).await;
        let attempt = world.attempt(&id).await;
        assert_eq!(attempt["reason"]["code"], expected);
        assert_says(&world.shown_card(), &[setting]);
    }
}

#[tokio::test]
async fn what_github_refuses_is_repeated_or_ends_with_the_sentence_that_helps() {
    let refused = |message: &str| format!(r#"{{"message":"{message}"}}"#);
    let scope = refused("Resource not accessible by personal access token");
    let ended = Some("AUTOFIX_GITHUB_TOKEN");
    for (place, status, body, says) in [
        (github(Method::POST, "/git/trees"), 403, scope.clone(), ended),
        (github(Method::POST, "/pulls"), 422, refused("Validation Failed"), ended),
        (github(Method::POST, "/git/trees"), 404, refused("Not Found"), ended),
        (github(Method::POST, "/git/trees"), 409, refused("Conflict"), None),
        (github(Method::POST, "/git/refs"), 502, String::new(), None),
    ] {
        let world = World::new().await;
        let case = format!("{status} of {}", place.path);
        // A draft that is refused is tried as an ordinary pull request.
        for _ in 0..if place.path == "/pulls" { 2 } else { 1 } {
            let fault = fault(status, &[], &body);
            (place.service)(&world).fail_next(place.method.clone(), place.path, fault);
        }
        let id = report(&world).await;
        world.settle().await;
        world.ticks(3, mins(2)).await;
        match says {
            Some(says) => {
                assert_eq!(world.attempt(&id).await["reason"]["code"], "github_refused", "{case}");
                let shown = world.shown_card();
                assert!(shown.contains("AutoFix failed") && shown.contains(says), "{case}: {shown}");
            }
            None => assert!(is_armed(&world, &id).await, "{case}"),
        }
    }
}
