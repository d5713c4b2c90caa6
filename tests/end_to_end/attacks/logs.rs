//! What the log and the answers say when somebody wants them to say something else: forged lines, and secrets in the
//! words of a service.

use autofix::messages::DEPLOY;
use autofix_local::sandbox::{claude, github, sentry, slack};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use super::{SENTRY, SLACK};
use crate::log::Log;
use crate::planted_secrets::{Said, places};
use crate::world::{
    APPROVER_ID, BYSTANDER_ID, Fault, Hook, Scenario, SignedForm, SignedWebhook, SlackWay, World, secs,
};

/// A line of ours, as somebody would forge it, with what moves a terminal's cursor.
const FORGED: &str = "x\r\n{\"level\":\"ERROR\",\"message\":\"forged\",\"timestamp\":\"2026-11-22T10:00:00Z\"}\n\u{1b}[2K\u{1b}]0;t\u{7}\u{9b}1A\u{2028}\u{202e}\u{0}\\\",\"level\":\"ERROR";

#[tokio::test]
async fn nobody_writes_a_line_of_the_log_or_moves_a_terminal() {
    let log = Log::default();
    let listening = log.listen();
    let world = World::new().await;
    let event = Scenario::Fix.event(world.clock.now());
    world.sandbox.sentry.throw(&event);
    let webhook = world.sandbox.sentry.webhook(&event, Hook::EventAlertTriggered);
    let mut body: Value = serde_json::from_slice(&webhook.body).unwrap();
    places::plant_in_webhook(&mut body["data"]["event"], FORGED);
    let id = world.deliver_webhook(world.sandbox.sentry.sign("event_alert", &body)).await.attempt_id();
    world.settle().await;
    world.after(secs(30)).await;
    let card = world.card();

    // Refused before and after the signature, with words of the sender's in every place.
    for resource in ["issue\u{9b}forged", "forged", "issue"] {
        let body = format!("{{\"action\":{},\"data\":{{}}}}", json!(FORGED));
        let bytes = SignedWebhook::of_bytes("issue", body.into());
        let mut request = Request::post(SENTRY).header("sentry-hook-resource", resource.as_bytes());
        request = request.header("user-agent", "forged").header("x-forwarded-for", "forged");
        for (name, value) in bytes.headers.iter().filter(|(name, _)| name == "sentry-hook-signature") {
            request = request.header(name, value);
        }
        let answer = world.ask(request.body(Body::from(bytes.body)).unwrap()).await;
        let said = format!("{}{}", answer.detail(), answer.body["message"]);
        assert!(said.is_ascii() && !said.contains("x\\r"), "{said}");
    }
    for path in ["/autofix/attempts/forged%0A%1b%5b2J", "/autofix/forged%0d%0a?a=%0aforged"] {
        world.ask(Request::get(path).body(Body::empty()).unwrap()).await;
    }
    let now = world.clock.now().as_second();
    let payload = world.sandbox.slack.press_payload(&card, DEPLOY, BYSTANDER_ID, now).unwrap();
    for pointer in
        ["/team/id", "/user/id", "/user/team_id", "/actions/0/action_id", "/actions/0/value", "/response_url"]
    {
        let mut payload = payload.clone();
        if let Some(value) = payload.pointer_mut(pointer) {
            *value = json!(FORGED);
        }
        world.click(SignedForm::sign(&payload, now)).await;
    }
    world.settle().await;
    drop(listening);

    let objects = log.objects();
    assert!(objects.len() > 10, "the log was not listened to");
    for object in &objects {
        let message = object["message"].as_str().unwrap_or_default();
        assert!(!message.starts_with("forged") && object["level"] != "forged", "{object}");
        assert_eq!(object["timestamp"].as_str().map(|time| time.ends_with('Z')), Some(true), "{object}");
    }
    let text = log.text();
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "a control character is in the log as it is");
    let shown = world.attempt(&id).await.to_string();
    assert!(!shown.contains("\\u001b") && !shown.contains("\\u0000"), "{shown}");
}

/// A service's refusal whose words hold what nobody should read.
fn refusal(status: u16, words: &str) -> Fault {
    let body = json!({
        "message": words,
        "detail": words,
        "error": { "type": "invalid_request_error", "message": words },
        "errors": [{ "message": words }],
        "ok": false,
        "response_metadata": { "messages": [words] },
    });
    Fault::Answer {
        status,
        headers: vec![("content-type", "application/json".to_owned())],
        body: body.to_string(),
    }
}

#[tokio::test]
async fn what_a_service_says_about_a_refusal_is_repeated_without_secrets() {
    let planted = format!("ghp_{}", "q7Rk2Vx9Tn4Zb8Wc3Jd6Hf5Ly1Mg0PsAb4X");
    let mail = ["ada.lovelace", "analytical-engine.org"].join("@");
    let mut leaks = Vec::new();
    for status in [403, 422, 500] {
        for (service, own, method, path) in [
            ("claude", claude::API_KEY, Method::POST, "/v1/messages"),
            ("github", github::TOKEN, Method::GET, "/repos/"),
            ("github", github::TOKEN, Method::POST, "/git/"),
            ("github", github::TOKEN, Method::POST, "/pulls"),
            ("github", github::TOKEN, Method::PUT, "/merge"),
            ("slack", slack::BOT_TOKEN, Method::POST, "chat."),
            ("sentry", sentry::AUTH_TOKEN, Method::GET, "/events/"),
        ] {
            let words = format!(
                "{FORGED} Authorization: Bearer {own} token={planted} of {mail} password=trout-Lake-9931"
            );
            let log = Log::default();
            let listening = log.listen();
            let world = World::new().await;
            let faulty = match service {
                "claude" => world.sandbox.claude.service(),
                "github" => world.sandbox.github.service(),
                "slack" => world.sandbox.slack.service(),
                _ => world.sandbox.sentry.service(),
            };
            faulty.fail_times(2, method.clone(), path, refusal(status, &words));
            let id = world.handle_report(&Scenario::Fix.event(world.clock.now()), Hook::IssueCreated).await;
            world.after(secs(60)).await;
            if let Some(card) = world.sandbox.slack.messages().first() {
                let now = world.clock.now().as_second();
                if let Ok(form) = world.sandbox.slack.press(card, DEPLOY, APPROVER_ID, now) {
                    world.click(form).await;
                    world.settle().await;
                }
            }
            faulty.clear_faults();
            let mut said = Said::default();
            said.add_answer("the attempt", &world.get(&format!("attempts/{id}")).await);
            said.add_answer("the list", &world.get("attempts").await);
            said.add_slack_and_pull_requests(&world);
            drop(listening);
            log.objects();
            said.add("the log", log.text());
            let secrets = [own, &planted, &mail, "trout-Lake-9931", "\u{1b}", "\\u001b"];
            for secret in secrets {
                for place in said.places_with(secret) {
                    leaks.push(format!(
                        "{method} {path} of {service} answered {status}: {secret:?} in {place}"
                    ));
                }
            }
        }
    }
    assert!(leaks.is_empty(), "{} leaks\n{}", leaks.len(), leaks.join("\n"));
}

#[tokio::test]
async fn the_address_for_answering_a_click_is_told_to_nobody() {
    for way in [SlackWay::Bot, SlackWay::Webhook] {
        let log = Log::default();
        let listening = log.listen();
        let world = World::builder().slack(way).start().await;
        let (id, card) = world.until_armed().await;
        let now = world.clock.now().as_second();
        let mut payload = world.sandbox.slack.press_payload(&card, DEPLOY, APPROVER_ID, now).unwrap();
        let elsewhere = format!("{}/actions/planted-in-an-address", world.sandbox.sentry.url());
        let own = payload["response_url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let foreign = {
            payload["response_url"] = json!(elsewhere);
            SignedForm::sign(&payload, now)
        };
        let mut said = Said::default();
        for form in [foreign, world.sandbox.slack.press(&card, DEPLOY, APPROVER_ID, now).unwrap()] {
            assert_eq!(world.click(form).await.status, StatusCode::OK);
            said.add_answer("the attempt", &world.get(&format!("attempts/{id}")).await);
            world.settle().await;
        }
        said.add_answer("the attempt", &world.get(&format!("attempts/{id}")).await);
        drop(listening);
        said.add("the log", log.text());
        for secret in ["planted-in-an-address", own.as_str(), "deprecated-verification-token"] {
            let places = said.places_with(secret);
            assert!(places.is_empty(), "{secret} is in {places:#?}");
        }
    }
}

#[tokio::test]
async fn who_is_refused_leaves_no_words_in_the_log() {
    let log = Log::default();
    let listening = log.listen();
    let world = World::new().await;
    let planted = "planted-in-a-refused-request";
    for path in [SENTRY, SLACK, "/autofix/attempts", "/autofix/nothing"] {
        for method in [Method::POST, Method::GET] {
            let request = Request::builder()
                .method(method)
                .uri(format!("{path}?token={planted}"))
                .header("authorization", format!("Bearer {planted}"))
                .header("sentry-hook-signature", planted)
                .header("sentry-hook-resource", planted)
                .header("x-slack-signature", format!("v0={planted}"))
                .header("x-slack-request-timestamp", planted)
                .body(Body::from(format!("payload={planted}&{planted}")));
            let answer = world.ask(request.unwrap()).await;
            assert!(
                answer.status.is_client_error() && !answer.body.to_string().contains(planted),
                "{answer:?}"
            );
        }
    }
    drop(listening);
    assert!(!log.text().contains(planted), "{}", log.text());
}
