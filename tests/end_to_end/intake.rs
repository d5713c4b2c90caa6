//! The Sentry endpoint: what it accepts, what it recognises, what it refuses.

use autofix::store::contention::TRIES;
use autofix_local::sample_event::SampleEvent;
use autofix_local::sandbox::SlackWay;
use autofix_local::sandbox::sentry::Hook;
use autofix_local::sandbox::service::Fault;
use autofix_local::scenario::Scenario;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::world::{REPO, World};

#[tokio::test]
async fn a_hundred_copies_at_once_are_one_attempt_one_pull_request_and_one_card() {
    let world = World::new().await;
    let event = Scenario::Fix.event(world.clock.now());
    world.sandbox.sentry.throw(&event);
    let deliveries = (0..100)
        .map(|_| world.deliver_webhook(world.sandbox.sentry.webhook(&event, Hook::EventAlertTriggered)));
    let deliveries: Vec<_> = deliveries.collect();
    let mut answers = Vec::new();
    for answer in join_all(deliveries).await {
        assert!(matches!(answer.status, StatusCode::ACCEPTED | StatusCode::OK), "{answer:?}");
        answers.push(answer);
    }
    let accepted = answers.iter().filter(|answer| answer.status == StatusCode::ACCEPTED).count();
    assert_eq!(accepted, 1);
    let id = answers[0].attempt_id();
    assert!(answers.iter().all(|answer| answer.attempt_id() == id));
    world.settle().await;
    assert_eq!(world.get("attempts").await.body.as_array().unwrap().len(), 1);
    assert_eq!(world.sandbox.github.pull_requests(REPO).unwrap().len(), 1);
    world.card();
    // The same event, however often it is delivered, has happened once.
    assert_eq!(world.attempt(&id).await["occurrences"], 1);
}

#[tokio::test]
async fn the_same_webhook_a_thousand_times_over_its_whole_life_is_one_attempt() {
    let world = World::new().await;
    let event = Scenario::Fix.event(world.clock.now());
    let webhook = world.sandbox.sentry.webhook(&event, Hook::EventAlertTriggered);
    world.sandbox.sentry.throw(&event);
    let replay = async || {
        let copies = (0..250).map(|_| world.deliver_webhook(webhook.clone()));
        for answer in join_all(copies.collect()).await {
            assert!(matches!(answer.status, StatusCode::ACCEPTED | StatusCode::OK), "{answer:?}");
        }
        world.settle().await;
        let attempts = world.get("attempts").await.body;
        assert_eq!(attempts.as_array().unwrap().len(), 1, "{attempts:#}");
        attempts[0]["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(replay().await, "awaiting_approval");
    assert_eq!(replay().await, "awaiting_approval");
    world.press(&world.card(), autofix::messages::DEPLOY).await;
    world.settle().await;
    assert_eq!(replay().await, "deployed");
    world.clock.advance(SignedDuration::from_hours(24));
    assert_eq!(replay().await, "deployed");
    assert_eq!(world.sandbox.github.pull_requests(REPO).unwrap().len(), 1);
    assert_eq!(world.sandbox.slack.messages().len(), 1);
}

/// Polls all futures together, so that they race.
pub(crate) async fn join_all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut waiting = false;
        for (future, output) in &mut futures {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(done) => *output = Some(done),
                    std::task::Poll::Pending => waiting = true,
                }
            }
        }
        if waiting { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    futures.into_iter().filter_map(|(_, output)| output).collect()
}

#[tokio::test]
async fn other_events_of_an_issue_are_counted_and_start_nothing() {
    let world = World::new().await;
    let event = Scenario::Fix.event(world.clock.now());
    let id = world.report(&event, Hook::ErrorCreated).await.attempt_id();
    for number in 2..5 {
        let answer = world.report(&event.again(number, world.clock.now()), Hook::ErrorCreated).await;
        assert_eq!((answer.status, answer.attempt_id()), (StatusCode::OK, id.clone()));
    }
    world.settle().await;
    assert_eq!(world.attempt(&id).await["occurrences"], 4);
}

#[tokio::test]
async fn the_hourly_limit_is_exact_and_told_in_one_digest() {
    let world = World::with(SlackWay::Bot, &[("AUTOFIX_MAX_ATTEMPTS_PER_HOUR", "3")]).await;
    let event = Scenario::Fix.event(world.clock.now());
    let reports: Vec<_> = (1..=20)
        .map(|number| {
            let other = event.as_other_issue(number);
            world.sandbox.sentry.throw(&other);
            world.deliver_webhook(world.sandbox.sentry.webhook(&other, Hook::EventAlertTriggered))
        })
        .collect();
    let answers = join_all(reports).await;
    let accepted = answers.iter().filter(|answer| answer.status == StatusCode::ACCEPTED).count();
    assert_eq!(accepted, 3);
    let skipped = world.get("attempts?status=skipped&limit=100").await;
    assert_eq!(skipped.body.as_array().unwrap().len(), 17);
    assert_eq!(skipped.body[0]["reason"]["code"], "hourly_limit");
    world.settle().await;
    world.after(SignedDuration::from_secs(120)).await;
    world.after(SignedDuration::from_secs(120)).await;
    let digests: Vec<String> = world
        .sandbox
        .slack
        .messages()
        .iter()
        .map(|message| world.shown(message))
        .filter(|shown| shown.contains("hourly limit"))
        .collect();
    assert_eq!(digests.len(), 1, "{digests:#?}");
    assert!(digests[0].contains("17 errors"), "{}", digests[0]);

    // The window slides: three more may start when the first three are an hour old, and not a moment before.
    world.clock.advance(SignedDuration::from_secs(3_300));
    let early = world.report(&event.as_other_issue(30), Hook::EventAlertTriggered).await;
    assert_eq!(early.body["message"], "Recorded; the hourly limit is reached");
    world.clock.advance(SignedDuration::from_secs(61));
    let later = world.report(&event.as_other_issue(31), Hook::EventAlertTriggered).await;
    assert_eq!(later.status, StatusCode::ACCEPTED);
    world.settle().await;
}

#[tokio::test]
async fn an_error_that_came_back_is_looked_at_again() {
    let world = World::new().await;
    let id = world.alert(Scenario::Security).await.attempt_id();
    world.settle().await;
    let event = Scenario::Security.event(world.clock.now());
    let same = world.report(&event.again(2, world.clock.now()), Hook::ErrorCreated).await;
    assert_eq!(same.attempt_id(), id, "an answer about an error holds for a while");
    let at_once = world.report(&event.again(3, world.clock.now()), Hook::IssueUnresolved).await;
    assert_eq!(at_once.attempt_id(), id, "a repeated delivery is not a regression");
    world.clock.advance(SignedDuration::from_mins(11));
    let back = world.report(&event.again(3, world.clock.now()), Hook::IssueUnresolved).await;
    assert_eq!(back.status, StatusCode::ACCEPTED);
    assert_ne!(back.attempt_id(), id);
    world.settle().await;
}

#[tokio::test]
async fn what_is_not_an_error_to_fix_is_ignored_and_told_so() {
    let world = World::new().await;
    let event = Scenario::Fix.event(world.clock.now());
    let body = |action: &str| {
        let webhook = world.sandbox.sentry.webhook(&event, Hook::IssueCreated);
        let mut body: serde_json::Value = serde_json::from_slice(&webhook.body).unwrap();
        body["action"] = json!(action);
        body
    };
    let mut feedback = body("created");
    feedback["data"]["issue"]["issueCategory"] = json!("feedback");
    for (resource, body) in [
        ("issue", body("resolved")),
        ("issue", body("assigned")),
        ("issue", body("archived")),
        ("issue", feedback),
        ("comment", json!({ "action": "created", "data": {} })),
        ("metric_alert", json!({ "action": "critical", "data": {} })),
        ("installation", json!({ "action": "created", "data": {} })),
        ("something_new", json!({ "action": "happened", "data": {} })),
    ] {
        let answer = world.deliver_webhook(world.sandbox.sentry.sign(resource, &body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{resource} {answer:?}");
        assert!(answer.body["fix_attempt_id"].is_null());
        assert!(answer.body["message"].as_str().unwrap().starts_with("Ignored"), "{answer:?}");
    }
    assert_eq!(world.get("attempts").await.body, json!([]));
}

/// What Sentry says when its own agent has opened a pull request for an issue.
pub(crate) fn agent_opened(issue: u64) -> Value {
    json!({
        "action": "pr_created",
        "actor": { "id": "sentry", "name": "Sentry", "type": "application" },
        "installation": { "uuid": "00000000-0000-0000-0000-000000000000" },
        "data": { "run_id": 1, "group_id": issue, "pull_requests": [
            { "pull_request": { "pr_number": 7, "pr_url": "https://github.com/acme/bookshop/pull/7", "pr_id": 1 }, "repo_name": "bookshop", "provider": "github" }
        ] },
    })
}

#[tokio::test]
async fn autofix_stands_down_where_sentrys_own_agent_opened_a_pull_request() {
    let world = World::new().await;
    let event = Scenario::Fix.event(world.clock.now());
    let issue: u64 = event.issue_id.parse().unwrap();
    let seer = agent_opened(issue);
    let id = world.report(&event, Hook::EventAlertTriggered).await.attempt_id();
    let answer = world.deliver_webhook(world.sandbox.sentry.sign("seer", &seer)).await;
    assert_eq!((answer.status, answer.attempt_id()), (StatusCode::OK, id.clone()));
    world.settle().await;
    assert_eq!(world.attempt(&id).await["reason"]["code"], "sentry_agent_took_over");
    assert!(world.sandbox.github.pull_requests(REPO).unwrap().is_empty());

    // Where the fix is out already, both stand.
    let world = World::new().await;
    let (id, _) = world.until_armed().await;
    let answer = world.deliver_webhook(world.sandbox.sentry.sign("seer", &seer)).await;
    assert_eq!((answer.status, answer.attempt_id()), (StatusCode::OK, id.clone()));
    assert_eq!(answer.body["message"], "This attempt is past standing down");
    world.settle().await;
    assert_eq!(world.attempt(&id).await["status"], "awaiting_approval");

    // Also where nobody had reported the issue yet.
    let world = World::new().await;
    world.deliver_webhook(world.sandbox.sentry.sign("seer", &seer)).await;
    let answer = world.report(&event, Hook::EventAlertTriggered).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body["fix_attempt_id"].is_null(), "{answer:?}");
}

#[tokio::test]
async fn a_webhook_that_is_not_proven_to_be_sentrys_is_refused_and_writes_nothing() {
    let world = World::new().await;
    let event = Scenario::Fix.event(world.clock.now());
    let good = world.sandbox.sentry.webhook(&event, Hook::EventAlertTriggered);
    let with = |value: Option<&[u8]>| {
        let mut request =
            Request::post("/autofix/webhooks/sentry").header("sentry-hook-resource", "event_alert");
        if let Some(value) = value {
            request = request.header("sentry-hook-signature", value);
        }
        request.body(Body::from(good.body.clone())).unwrap()
    };
    let signature = good.header("sentry-hook-signature").unwrap().to_owned();
    let wrong = signature.chars().rev().collect::<String>();
    let cases: [Option<&[u8]>; 6] =
        [None, Some(b""), Some(b"abc"), Some(wrong.as_bytes()), Some("ü".as_bytes()), Some(b"\xff\xfe\xfd")];
    for header in cases {
        let answer = world.ask(with(header)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{header:?}");
        assert!(!answer.detail().is_empty());
    }
    assert_eq!(world.get("attempts").await.body, json!([]));
    assert_eq!(world.ask(with(Some(signature.as_bytes()))).await.status, StatusCode::ACCEPTED);
    world.settle().await;
}

#[tokio::test]
async fn without_a_secret_every_webhook_is_refused_unless_that_is_allowed_out_loud() {
    let unset = ("SENTRY_WEBHOOK_SECRET", "");
    let world = World::with(SlackWay::Bot, &[unset]).await;
    assert_eq!(world.alert(Scenario::Fix).await.status, StatusCode::UNAUTHORIZED);
    let world = World::with(SlackWay::Bot, &[unset, ("AUTOFIX_ALLOW_UNSIGNED_WEBHOOKS", "true")]).await;
    assert_eq!(world.alert(Scenario::Fix).await.status, StatusCode::ACCEPTED);
    world.settle().await;
}

#[tokio::test]
async fn unsigned_mode_takes_the_legacy_plugin_at_its_old_address() {
    let unsigned = [("SENTRY_WEBHOOK_SECRET", ""), ("AUTOFIX_ALLOW_UNSIGNED_WEBHOOKS", "true")];
    let world = World::with(SlackWay::Bot, &unsigned).await;
    let event = SampleEvent::parse(include_str!("../../events/sentry-legacy.json")).unwrap();
    let post = |world: &World| {
        let request = Request::post("/autofix/webhooks/sentry").body(Body::from(event.body().to_vec()));
        let (endpoints, request) = (world.process.endpoints(), request.unwrap());
        async move { endpoints.oneshot(request).await.unwrap().status() }
    };
    assert_eq!(post(&world).await, StatusCode::ACCEPTED);
    world.settle().await;
    // With a secret, nobody gets in without a key or a signature, whatever is allowed without one.
    let world = World::with(SlackWay::Bot, &unsigned[1..]).await;
    assert_eq!(post(&world).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_signed_body_that_cannot_be_read_is_refused_with_a_reason() {
    let world = World::new().await;
    let webhook = |body: Vec<u8>| world.sandbox.sentry.sign_bytes("event_alert", body);
    let deep =
        format!("{{\"action\":\"triggered\",\"data\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for body in [
        b"".to_vec(),
        b"{".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"\xff\xfe\x00".to_vec(),
        b"{\"action\":\"triggered\"}".to_vec(),
        b"{\"action\":\"triggered\",\"data\":{\"event\":{\"issue_id\":\"../../etc\"}}}".to_vec(),
        b"{\"action\":\"triggered\",\"data\":{\"event\":\"text\"}}".to_vec(),
        deep.into_bytes(),
    ] {
        let answer = world.deliver_webhook(webhook(body.clone())).await;
        let start = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{start}");
        assert!(!answer.detail().is_empty(), "{start}");
    }
    let mut no_resource = webhook(b"{}".to_vec());
    no_resource.headers.retain(|(name, _)| name != "sentry-hook-resource");
    assert_eq!(world.deliver_webhook(no_resource).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.get("attempts").await.body, json!([]));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let world = World::new().await;
    let limit = autofix::endpoint::BODY_LIMIT;
    let declared =
        Request::post("/autofix/webhooks/sentry").header("content-length", (limit + 1).to_string());
    assert_eq!(world.ask(declared.body(Body::empty()).unwrap()).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let body = Body::from(vec![b' '; limit + 1]);
    let answer = world.ask(Request::post("/autofix/webhooks/sentry").body(body).unwrap()).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer.detail().contains("larger than"));
}

#[tokio::test]
async fn a_project_that_no_setting_names_is_ignored() {
    let projects = r#"{"another":{"repo":"acme/another"}}"#;
    let world =
        World::with(SlackWay::Bot, &[("AUTOFIX_PROJECTS", projects), ("AUTOFIX_GITHUB_REPO", "")]).await;
    let answer = world.alert(Scenario::Fix).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body["message"].as_str().unwrap().contains("no repository is configured"), "{answer:?}");
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_told_in_the_same_form() {
    let world = World::new().await;
    for (request, status) in [
        (Request::post("/autofix/nothing"), StatusCode::NOT_FOUND),
        (Request::get("/"), StatusCode::NOT_FOUND),
        (Request::get("/autofix/webhooks/sentry"), StatusCode::METHOD_NOT_ALLOWED),
        (Request::put("/autofix/attempts"), StatusCode::METHOD_NOT_ALLOWED),
    ] {
        let answer = world.ask(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status);
        assert!(!answer.detail().is_empty());
    }
}

#[tokio::test]
async fn a_storm_about_one_issue_that_the_table_throttles_is_answered_as_known() {
    let (world, proxy) = World::with_table_proxy().await;
    let event = Scenario::Fix.event(world.clock.now());
    let id = world.report(&event, Hook::EventAlertTriggered).await.attempt_id();
    for _ in 0..TRIES {
        let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"Too much"}"#;
        let fault = Fault::Answer { status: 400, headers: Vec::new(), body: body.to_owned() };
        proxy.service().fail_next(Method::POST, "UpdateItem", fault);
    }
    let again = event.again(2, world.clock.now());
    let answer = world.report(&again, Hook::EventAlertTriggered).await;
    assert_eq!((answer.status, answer.attempt_id()), (StatusCode::OK, id.clone()));
    assert_eq!(world.attempt(&id).await["occurrences"], 1, "what could not be counted is left out");
}
