//! Every real report is read right: two webhooks of one error, faults that only look alike, what is no error, what is below
//! the bar, bodies that are nearly JSON, the legacy plugin, and what a person starts.

use autofix::attempt::AttemptId;
use autofix::config::names;
use autofix::secrets::Secret;
use autofix::signature;
use autofix_local::sandbox::API_TOKEN;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::world::{Answer, Fault, Hook, Scenario, SignedWebhook, World, hours, mins, secs};

const NO_TOKEN: (&str, &str) = (names::SENTRY_AUTH_TOKEN, "");

impl World {
    pub async fn start_by_hand(&self, url: &str) -> Answer {
        let request =
            Request::post("/autofix/attempts").header("authorization", format!("Bearer {API_TOKEN}"));
        self.ask(request.body(Body::from(json!({ "sentry_url": url }).to_string())).unwrap()).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(Request::post(path).body(Body::from(body.to_string())).unwrap()).await
    }
}

/// A body of the legacy WebHooks plugin about the same error as an alert.
fn plugin_body(alert: &Value) -> Value {
    let event = &alert["data"]["event"];
    let tags: Vec<Value> = event["tags"].as_array().cloned().unwrap_or_default();
    json!({
        "id": event["issue_id"], "project": "bookshop", "project_name": "Bookshop", "project_slug": "bookshop",
        "logger": null, "level": "error", "culprit": event["culprit"], "message": event["title"],
        "url": "https://sentry.corp.example/organizations/acme/issues/1001/?referrer=webhooks_plugin",
        "triggering_rules": ["Everything"],
        "event": {
            "event_id": event["event_id"], "project": 17, "platform": "python", "type": "error", "level": "error",
            "title": event["title"], "release": event["release"], "environment": event["environment"],
            "exception": event["exception"], "tags": tags, "culprit": event["culprit"],
        },
    })
}

fn plugin_address(world: &World) -> String {
    let secret = Secret::new(world.environment().get(names::SENTRY_WEBHOOK_SECRET).unwrap());
    format!("/autofix/webhooks/sentry/{}", signature::plugin_key(&secret).unwrap())
}

#[tokio::test]
async fn two_webhooks_of_one_error_are_one_attempt_with_its_stack_trace() {
    for (pause, first, second) in [
        (0, Hook::IssueCreated, Hook::EventAlertTriggered),
        (60, Hook::IssueCreated, Hook::EventAlertTriggered),
        (0, Hook::EventAlertTriggered, Hook::IssueCreated),
        (60, Hook::EventAlertTriggered, Hook::IssueCreated),
    ] {
        let world = World::with(&[NO_TOKEN]).await;
        let event = Scenario::Fix.event(world.clock.now());
        let id = world.report(&event, first).await.attempt_id();
        if pause > 0 {
            world.settle().await;
            world.after(secs(pause)).await;
        }
        let answer = world.report(&event, second).await;
        assert_eq!(answer.attempt_id(), id, "{answer:?}");
        world.settle().await;
        let attempt = world.attempt(&id).await;
        assert_eq!(attempt["status"], "awaiting_approval", "{attempt:#}");
        assert_eq!(world.attempts().await.len(), 1);
        assert!(!world.shown_card().contains("SENTRY_AUTH_TOKEN"));
    }
}

#[tokio::test]
async fn a_stack_trace_that_comes_late_starts_again_and_the_first_card_advises_nothing() {
    let world = World::with(&[NO_TOKEN]).await;
    let event = Scenario::Fix.event(world.clock.now());
    let first = world.handle_report(&event, Hook::IssueCreated).await;
    assert_eq!(world.status(&first).await, "analyzing");
    assert!(world.cards().is_empty(), "nothing is said while a second webhook may come");
    world.ticks(6, secs(20)).await;
    world.ended(&first, "skipped", "no_stack_trace").await;
    let shown = world.shown(&world.card_of(&first));
    assert!(shown.contains("SENTRY_AUTH_TOKEN") && shown.contains("alert rule"), "{shown}");
    // Another webhook without one changes nothing, and is not called "being handled".
    let again = world.report(&event, Hook::IssueCreated).await;
    assert_eq!((again.status, again.attempt_id()), (StatusCode::OK, first.clone()));
    assert!(again.body["message"].as_str().unwrap().contains("handled lately"), "{again:?}");

    let answer = world.report(&event, Hook::EventAlertTriggered).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    let second = answer.attempt_id();
    assert_ne!(second, first);
    world.settle().await;
    assert_eq!(world.status(&second).await, "awaiting_approval");
    let shown = world.shown(&world.card_of(&first));
    assert!(!shown.contains("SENTRY_AUTH_TOKEN") && shown.contains(&second), "{shown}");
    assert_eq!(world.attempt(&first).await["retried_as"], second.as_str());
    // And a third copy is the second attempt's.
    assert_eq!(world.report(&event, Hook::EventAlertTriggered).await.attempt_id(), second);
}

#[tokio::test]
async fn an_alert_brings_what_sentry_cannot_show_yet() {
    let world = World::new().await;
    let event = Scenario::Fix.event(world.clock.now());
    world.sandbox.sentry.service().fail_times(4, Method::GET, "/events/", Fault::status(404));
    let id = world.handle_report(&event, Hook::IssueCreated).await;
    assert_eq!(world.status(&id).await, "analyzing");
    assert_eq!(world.report(&event, Hook::EventAlertTriggered).await.attempt_id(), id);
    world.settle().await;
    assert_eq!(world.status(&id).await, "awaiting_approval");
}

#[tokio::test]
async fn the_sentence_about_a_missing_stack_trace_is_true() {
    let said = async |settings: &[(&str, &str)], change: fn(&mut Value)| {
        let world = World::with(settings).await;
        let event = Scenario::Fix.event(world.clock.now());
        let mut body = world.body(&event, Hook::IssueCreated);
        change(&mut body["data"]["issue"]);
        let id = world.deliver("issue", &body).await.attempt_id();
        world.settle().await;
        world.ticks(4, mins(2)).await;
        let attempt = world.ended(&id, "skipped", "no_stack_trace").await;
        attempt["reason"]["detail"].as_str().unwrap().to_owned()
    };
    let unplaced = |issue: &mut Value| {
        for address in ["url", "web_url", "project_url", "permalink"] {
            issue[address] = Value::Null;
        }
    };
    assert!(said(&[], |_| ()).await.contains("Sentry does not show the event"));
    assert!(said(&[NO_TOKEN], |_| ()).await.contains("Set `SENTRY_AUTH_TOKEN`"));
    assert!(said(&[("SENTRY_ORG", "")], unplaced).await.contains("Set `SENTRY_ORG`"));
}

#[tokio::test]
async fn an_issue_without_addresses_is_found_in_the_organisation_of_the_settings() {
    let world = World::with(&[("SENTRY_ORG", "acme")]).await;
    let event = Scenario::Fix.event(world.clock.now());
    world.sandbox.sentry.throw(&event);
    let mut body = world.body(&event, Hook::IssueCreated);
    for address in ["url", "web_url", "project_url", "permalink"] {
        body["data"]["issue"][address] = Value::Null;
    }
    let id = world.deliver("issue", &body).await.attempt_id();
    world.settle().await;
    let attempt = world.attempt(&id).await;
    assert_eq!(attempt["status"], "awaiting_approval", "{attempt:#}");
    let page = format!("/organizations/acme/issues/{}/", event.issue_id);
    assert!(attempt["sentry_url"].as_str().unwrap().ends_with(&page), "{attempt:#}");
    // Also watched, resolved and commented on there.
    world.decide(&world.card(), autofix::messages::DEPLOY).await;
    world.ticks(40, hours(1)).await;
    assert_eq!(world.status(&id).await, "verified");
}

#[tokio::test]
async fn two_bugs_in_one_function_are_two_faults_and_the_second_is_told_of_the_open_fix() {
    let world = World::new().await;
    let first = world.handle(Scenario::Fix).await;
    assert_eq!(world.status(&first).await, "awaiting_approval");
    let other = world.alert_body(|event| {
        event["issue_id"] = json!("990001");
        event["issue_url"] = Value::Null;
        let frames = event["exception"]["values"][0]["stacktrace"]["frames"].as_array_mut().unwrap();
        let crash = frames.last_mut().unwrap();
        crash["lineno"] = json!(crash["lineno"].as_u64().unwrap() - 2);
        crash["context_line"] = json!("    name = address[\"name\"].strip()");
    });
    let second = world.deliver("event_alert", &other).await.attempt_id();
    world.settle().await;
    let attempt = world.attempt(&second).await;
    assert_ne!(attempt["reason"]["code"], "same_fault_joined", "{attempt:#}");
    assert!(attempt["error_analysis"]["root_cause"].is_string(), "an analysis of its own: {attempt:#}");
    assert_eq!(world.attempt(&first).await["joined_issues"], json!([]));
    assert!(!world.shown(&world.card_of(&first)).contains("Also fixes"));
    let asked = world.sandbox.claude.service().received();
    let told = asked
        .iter()
        .filter(|one| String::from_utf8_lossy(&one.body).contains("Pull request #1 is for the error"));
    assert!(told.count() > 0, "the second analysis sees the open fix");
}

#[tokio::test]
async fn what_is_no_error_is_ignored_in_any_resource_and_uses_no_slot() {
    let world = World::with(&[("AUTOFIX_MAX_ATTEMPTS_PER_HOUR", "1")]).await;
    let ignored = async |resource: &str, body: &Value| {
        let answer = world.deliver(resource, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert!(answer.body["message"].as_str().unwrap().starts_with("Ignored"), "{answer:?}");
    };
    for resource in ["comment", "metric_alert", "installation", "something_new"] {
        ignored(resource, &json!({ "action": "created", "data": {} })).await;
    }
    for action in ["resolved", "assigned", "archived"] {
        let mut body = world.body(&Scenario::Fix.event(world.clock.now()), Hook::IssueCreated);
        body["action"] = json!(action);
        ignored("issue", &body).await;
    }
    for kind in ["generic", "csp", "transaction", "feedback", "nel"] {
        ignored("event_alert", &world.alert_body(|event| event["type"] = json!(kind))).await;
    }
    let occurrence = world.alert_body(|event| event["occurrence"] = json!({ "type": 7001 }));
    ignored("event_alert", &occurrence).await;
    let example = world.alert_body(|event| event["tags"] = json!([["sample_event", "yes"]]));
    ignored("event_alert", &example).await;
    let event = Scenario::Fix.event(world.clock.now());
    for (field, value) in
        [("issueCategory", "outage"), ("issueType", "monitor_check_in_failure"), ("type", "csp")]
    {
        let mut body = world.body(&event, Hook::IssueCreated);
        body["data"]["issue"][field] = json!(value);
        ignored("issue", &body).await;
    }
    assert!(world.attempts().await.is_empty());
    assert_eq!(world.alert(Scenario::Fix).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_body_that_is_nearly_json_loses_no_report() {
    let world = World::new().await;
    let sound = world.alert_body(|event| event["title"] = json!("a MARK b")).to_string();
    let mut bom = b"\xef\xbb\xbf".to_vec();
    bom.extend(sound.as_bytes());
    let bodies: [Vec<u8>; 5] = [
        bom,
        sound.replace("MARK", "\n\x01").into_bytes(),
        sound.replace("\"a MARK b\"", "NaN").into_bytes(),
        sound.replace("MARK", "\\ud83d").into_bytes(),
        [
            sound.split("MARK").next().unwrap().as_bytes(),
            b"\xff",
            sound.split("MARK").nth(1).unwrap().as_bytes(),
        ]
        .concat(),
    ];
    let mut first = None;
    for body in bodies {
        let shown = String::from_utf8_lossy(&body).chars().take(300).collect::<String>();
        let answer = world.deliver_webhook(SignedWebhook::of_bytes("event_alert", body)).await;
        let id = answer.attempt_id();
        assert_eq!(*first.get_or_insert(id.clone()), id, "{shown}: {answer:?}");
    }
    world.settle().await;
    let numbers = world.alert_body(|event| event["issue_id"] = json!(990_002));
    assert_eq!(world.deliver("event_alert", &numbers).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn the_legacy_plugin_is_taken_at_its_address_to_the_pull_request() {
    let world = World::new().await;
    let body = plugin_body(&world.alert_body(|_| ()));
    let address = plugin_address(&world);
    let answer = world.post(&address, &body).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    world.settle().await;
    let attempt = world.attempt(&answer.attempt_id()).await;
    assert_eq!(
        (&attempt["status"], &attempt["project_name"]),
        (&json!("awaiting_approval"), &json!("bookshop"))
    );
    assert!(attempt["pr_url"].is_string());

    // "Test Plugin" sends Sentry's example event.
    let mut test = body.clone();
    test["event"]["tags"] = json!([["sample_event", "yes"]]);
    let answer = world.post(&address, &test).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body["message"].as_str().unwrap().contains("the address works"), "{answer:?}");

    for (path, body, status) in [
        (format!("{}0", &address[..address.len() - 1]), &body, StatusCode::UNAUTHORIZED),
        ("/autofix/webhooks/sentry/x".to_owned(), &body, StatusCode::UNAUTHORIZED),
        (address.clone(), &json!({ "event": {} }), StatusCode::BAD_REQUEST),
        (address.clone(), &json!([]), StatusCode::BAD_REQUEST),
    ] {
        let answer = world.post(&path, body).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn an_old_webhook_at_the_address_for_signed_ones_is_told_its_own() {
    let world = World::new().await;
    let plugin = plugin_body(&world.alert_body(|_| ()));
    let hook = json!({ "project": {}, "group": { "id": "1" }, "event": { "event_id": "1" } });
    let told = |answer: Answer, status: StatusCode, word: &str| {
        assert_eq!(answer.status, status);
        assert!(answer.detail().contains(word) && answer.detail().contains("autofix doctor"), "{answer:?}");
    };
    let address = "/autofix/webhooks/sentry";
    told(world.post(address, &plugin).await, StatusCode::UNAUTHORIZED, "WebHooks plugin");
    told(world.post(address, &hook).await, StatusCode::UNAUTHORIZED, "service hooks");
    told(world.deliver("event_alert", &plugin).await, StatusCode::BAD_REQUEST, "WebHooks plugin");
    // Nobody is shown the key itself.
    let key = plugin_address(&world);
    let key = key.rsplit('/').next().unwrap();
    assert!(!world.post(address, &plugin).await.detail().contains(key));
}

#[tokio::test]
async fn what_is_below_the_bar_is_looked_at_when_it_reaches_it() {
    let settings =
        [("AUTOFIX_ENVIRONMENTS", "production"), ("AUTOFIX_MIN_LEVEL", "error"), ("AUTOFIX_MIN_EVENTS", "3")];
    let world = World::with(&settings).await;
    let ignored = |answer: &Answer, word: &str| {
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert!(answer.body["message"].as_str().unwrap().contains(word), "{answer:?}");
    };
    let staging = world.alert_body(|event| event["environment"] = json!("staging"));
    ignored(&world.deliver("event_alert", &staging).await, "AUTOFIX_ENVIRONMENTS");
    let warning = world.alert_body(|event| event["level"] = json!("warning"));
    ignored(&world.deliver("event_alert", &warning).await, "AUTOFIX_MIN_LEVEL");
    let numbered =
        |number: u32| world.alert_body(|event| event["event_id"] = json!(format!("{number:032x}")));
    ignored(&world.deliver("event_alert", &numbered(1)).await, "seen 1 of the 3 times");
    ignored(&world.deliver("event_alert", &numbered(1)).await, "seen 1 of the 3 times");
    ignored(&world.deliver("event_alert", &numbered(2)).await, "seen 2 of the 3 times");
    assert!(world.attempts().await.is_empty());
    assert_eq!(world.deliver("event_alert", &numbered(3)).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn two_webhooks_of_one_event_count_once() {
    let world = World::with(&[("AUTOFIX_MIN_EVENTS", "2")]).await;
    let event = Scenario::Fix.event(world.clock.now());
    world.sandbox.sentry.throw(&event);
    for hook in [Hook::IssueCreated, Hook::EventAlertTriggered, Hook::IssueCreated, Hook::EventAlertTriggered]
    {
        let answer = world.deliver_webhook(world.sandbox.sentry.webhook(&event, hook)).await;
        assert!(answer.body["message"].as_str().unwrap().contains("seen 1 of the 2 times"), "{answer:?}");
    }
    let second = world.report(&event.again(2, world.clock.now()), Hook::EventAlertTriggered).await;
    assert_eq!(second.status, StatusCode::ACCEPTED, "{second:?}");
}

#[tokio::test]
async fn the_clock_finds_an_issue_that_has_reached_the_bar() {
    let world = World::with(&[("AUTOFIX_MIN_EVENTS", "3"), ("SENTRY_ORG", "acme")]).await;
    world.after(mins(6)).await;
    let event = Scenario::Fix.event(world.clock.now());
    assert_eq!(world.report(&event, Hook::EventAlertTriggered).await.status, StatusCode::OK);
    world.after(mins(10)).await;
    assert!(world.attempts().await.is_empty());
    for number in 2..4 {
        world.sandbox.sentry.throw(&event.again(number, world.clock.now()));
    }
    world.after(mins(10)).await;
    let attempts = world.attempts().await;
    assert_eq!(attempts.len(), 1, "{attempts:#?}");
    assert_eq!(attempts[0]["status"], "awaiting_approval");
}

#[tokio::test]
async fn an_environment_that_only_the_event_tells_ends_the_attempt_without_a_card() {
    for has_stack_trace in [true, false] {
        let world = World::with(&[("AUTOFIX_ENVIRONMENTS", "staging")]).await;
        let mut event = Scenario::Fix.event(world.clock.now());
        if !has_stack_trace {
            event.exceptions.iter_mut().for_each(|exception| exception.frames.clear());
        }
        let id = world.handle_report(&event, Hook::IssueCreated).await;
        world.ended(&id, "skipped", "below_the_bar").await;
        assert!(world.cards().is_empty());
        assert_eq!(world.sandbox.claude.turns_answered(), 0);
        // An event of a wanted environment starts another attempt.
        let staging = world.alert_body(|event| event["environment"] = json!("staging"));
        assert_eq!(world.deliver("event_alert", &staging).await.status, StatusCode::ACCEPTED);
    }
}

#[tokio::test]
async fn a_person_starts_an_attempt_whatever_came_of_the_error_before() {
    let world = World::new().await;
    let event = Scenario::Fix.event(world.clock.now());
    world.sandbox.sentry.throw(&event);
    let url =
        format!("{}/organizations/acme/issues/{}/?project=1", world.sandbox.sentry.url(), event.issue_id);
    let answer = world.start_by_hand(&url).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    let first = answer.attempt_id();
    assert_eq!(
        world.start_by_hand(&url).await.attempt_id(),
        first,
        "one attempt, however often it is asked for"
    );
    world.settle().await;
    assert_eq!(world.status(&first).await, "awaiting_approval");
    world.dismiss(&world.card()).await;
    let again = world.start_by_hand(&url).await;
    assert_eq!(again.status, StatusCode::ACCEPTED, "{again:?}");
    assert!(AttemptId::parse(&again.attempt_id()).is_ok_and(|id| id.to_string() != first));
}

#[tokio::test]
async fn what_a_person_cannot_start_is_refused_with_a_sentence() {
    let world = World::with(&[("AUTOFIX_MAX_ATTEMPTS_PER_HOUR", "1")]).await;
    let page = |id: &str| format!("{}/organizations/acme/issues/{id}/", world.sandbox.sentry.url());
    for (url, status) in [
        ("not an address".to_owned(), StatusCode::BAD_REQUEST),
        ("https://evil.example/organizations/acme/issues/1/".to_owned(), StatusCode::BAD_REQUEST),
        (format!("{}/organizations/acme/projects/", world.sandbox.sentry.url()), StatusCode::BAD_REQUEST),
        (page("404404"), StatusCode::NOT_FOUND),
    ] {
        let answer = world.start_by_hand(&url).await;
        assert_eq!(answer.status, status, "{url}: {answer:?}");
        assert!(!answer.detail().is_empty());
    }
    let unproven = world.post("/autofix/attempts", &json!({ "sentry_url": page("1") })).await;
    assert_eq!(unproven.status, StatusCode::UNAUTHORIZED);
    let (first, second) = (Scenario::Fix.event(world.clock.now()), world.other_issue(5));
    world.sandbox.sentry.throw(&first);
    world.sandbox.sentry.throw(&second);
    assert_eq!(world.start_by_hand(&page(&first.issue_id)).await.status, StatusCode::ACCEPTED);
    let full = world.start_by_hand(&page(&second.issue_id)).await;
    assert_eq!(full.status, StatusCode::TOO_MANY_REQUESTS, "{full:?}");
    assert_eq!(world.attempts().await.len(), 1, "nothing was written for it");
}

#[tokio::test]
async fn the_page_lists_signed_webhooks_that_started_nothing() {
    let world = World::new().await;
    world.deliver("event_alert", &json!({ "action": "triggered", "data": {} })).await;
    world.clock.advance(secs(2));
    let csp = world.alert_body(|event| event["type"] = json!("csp"));
    world.deliver("event_alert", &csp).await;
    let unsigned = world.post("/autofix/webhooks/sentry", &json!({ "secret": "nobody signed this" })).await;
    assert_eq!(unsigned.status, StatusCode::UNAUTHORIZED);
    let page = crate::page::owners_page(&world, "/autofix/").await.text;
    assert!(page.contains("Webhooks that started nothing"), "{page}");
    assert!(page.contains("`data.event` is missing") && page.contains("`csp` is not an error"), "{page}");
    assert!(!page.contains("does not match"), "who did not sign writes nothing: {page}");
}
