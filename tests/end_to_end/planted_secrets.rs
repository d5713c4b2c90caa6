//! Secrets and personal data, planted in every text of an event, are in nothing that leaves AutoFix: no request
//! to the four services, no card, no pull request, no answer of the API, no line of a log. The same holds for
//! AutoFix's own credentials, outside of the header or the address that needs them.
//!
//! What is kept is searched as well: the table and the journal.
//!
//! The corpus is put together when the tests run, so that the repository holds nothing that looks alive.

mod corpus;
pub(crate) mod places;

use autofix_local::sandbox::{API_TOKEN, claude, github, sentry, slack};
use axum::http::Method;
use serde_json::Value;

use crate::log::Log;
use crate::page::owners_page;
use crate::world::{Answer, Fault, Hook, REPO, Scenario, SlackWay, World, mins, secs};
use corpus::Planted;

/// How the event comes in.
#[derive(Clone, Copy, Debug)]
enum Delivery {
    Alert,
    Error,
    /// A webhook without a stack trace, and the event from Sentry's API.
    IssueAndApi,
}

/// Everything that AutoFix has said to anybody, with where it was said.
#[derive(Default)]
pub(crate) struct Said(Vec<(String, String)>);

impl Said {
    pub(crate) fn add(&mut self, place: impl Into<String>, text: impl ToString) {
        self.0.push((place.into(), text.to_string()));
    }

    pub(crate) fn places_with(&self, secret: &str) -> Vec<String> {
        let found = self.0.iter().filter_map(|(place, text)| {
            let at = text.find(secret)?;
            let before: String =
                text[..at].chars().rev().take(60).collect::<Vec<_>>().into_iter().rev().collect();
            Some(format!("{place}: …{before}<HERE>"))
        });
        found.collect()
    }

    /// What the fakes received, the header with AutoFix's credential left out.
    pub(crate) fn add_requests(&mut self, world: &World) {
        let sandbox = &world.sandbox;
        let services = [
            ("claude", sandbox.claude.service()),
            ("github", sandbox.github.service()),
            ("github's downloads", sandbox.github.downloads()),
            ("sentry", sandbox.sentry.service()),
            ("slack", sandbox.slack.service()),
        ];
        let secret_path = sandbox.slack.webhook_url().replace(&sandbox.slack.service().url(), "");
        for (name, service) in services {
            for request in service.received() {
                let place = format!("{} to {name}", request.method);
                self.add(&place, request.path.replace(&secret_path, "/"));
                for (header, value) in request.headers.iter().filter(|(header, _)| *header != "authorization")
                {
                    self.add(format!("{place}, header {header}"), String::from_utf8_lossy(value.as_bytes()));
                }
                self.add(format!("{place} {}", request.path), String::from_utf8_lossy(&request.body));
            }
        }
    }

    /// What is kept: the table, and the journal of what went out.
    pub(crate) async fn add_kept(&mut self, world: &World, moment: &str) {
        for item in world.items().await {
            self.add(format!("the table {moment}"), format!("{item:?}"));
        }
        self.add(format!("the journal {moment}"), world.journal());
    }

    pub(crate) fn add_answer(&mut self, place: &str, answer: &Answer) {
        self.add(format!("the answer of {place}"), &answer.body);
    }

    pub(crate) fn add_slack_and_pull_requests(&mut self, world: &World) {
        for message in world.sandbox.slack.messages() {
            self.add("a card", format!("{} {}", message.text, Value::from(message.blocks.clone())));
            self.add("a card as shown", world.shown(&message));
        }
        for pull in world.pull_requests() {
            self.add("a pull request", format!("{}\n{}", pull.title, pull.body));
            for (_, message) in world.sandbox.github.log(REPO, &pull.head_branch).unwrap() {
                self.add("a commit", message);
            }
        }
    }
}

/// Reports the scenario with this text in every place, and lets everything happen that then happens.
async fn play(world: &World, scenario: Scenario, delivery: Delivery, text: &str, said: &mut Said) -> Value {
    let event = scenario.event(world.clock.now());
    let sentry = &world.sandbox.sentry;
    sentry.throw(&event);
    let (resource, hook) = match delivery {
        Delivery::Alert => ("event_alert", Hook::EventAlertTriggered),
        Delivery::Error => ("error", Hook::ErrorCreated),
        Delivery::IssueAndApi => ("issue", Hook::IssueCreated),
    };
    let mut body: Value = serde_json::from_slice(&sentry.webhook(&event, hook).body).unwrap();
    match delivery {
        Delivery::Alert => places::plant_in_webhook(&mut body["data"]["event"], text),
        Delivery::Error => places::plant_in_webhook(&mut body["data"]["error"], text),
        Delivery::IssueAndApi => {
            places::plant_in_issue(&mut body["data"]["issue"], text);
            let path = format!("/api/0/organizations/acme/issues/{}/events/recommended/", event.issue_id);
            let mut answer = places::from_api(&format!("{}{path}", world.sandbox.sentry.url())).await;
            places::plant_in_api_event(&mut answer, text);
            let headers = vec![("content-type", "application/json".to_owned())];
            let planted = Fault::Answer { status: 200, headers, body: answer.to_string() };
            sentry.service().fail_next(Method::GET, "/events/", planted);
        }
    }
    let answer = world.deliver_webhook(sentry.sign(resource, &body)).await;
    said.add_answer("the webhook", &answer);
    let id = answer.attempt_id();
    let detail = format!("attempts/{id}");
    for moment in ["before the analysis", "after it"] {
        said.add_kept(world, moment).await;
        said.add_answer(&format!("the list {moment}"), &world.get("attempts").await);
        said.add_answer(&format!("the attempt {moment}"), &world.get(&detail).await);
        for path in ["/autofix/".to_owned(), format!("/autofix/view/{id}")] {
            said.add(format!("the page {path} {moment}"), owners_page(world, &path).await.text);
        }
        world.settle().await;
        world.after(secs(30)).await;
    }
    said.add_kept(world, "at the end").await;
    said.add_requests(world);
    said.add_slack_and_pull_requests(world);
    world.attempt(&id).await
}

/// Plays the story once for each secret; nothing of it may be said to anybody.
async fn check(scenario: Scenario, delivery: Delivery, status: &str) {
    let mut leaks = Vec::new();
    // The ways differ in where the texts are: a fourth of the kinds is enough for the others.
    let step = if matches!(delivery, Delivery::Alert) { 1 } else { 4 };
    for Planted { kind, text, secrets } in corpus::corpus().into_iter().step_by(step) {
        let log = Log::default();
        let listening = log.listen();
        let world = World::new().await;
        let mut said = Said::default();
        let attempt = play(&world, scenario, delivery, &text, &mut said).await;
        drop(listening);
        assert_eq!(attempt["status"], status, "{kind}: {:?}", attempt["reasons"]);
        assert!(log.text().contains("Claude answered turn"), "the log was not listened to");
        said.add("the log", log.text());
        let asked =
            said.0.iter().any(|(place, text)| place.contains("to claude") && text.contains("[redacted:"));
        assert!(asked, "{kind} did not get as far as to be redacted");
        for secret in secrets.iter().flat_map(|secret| said.places_with(secret)) {
            leaks.push(format!("LEAK of {kind} {secret}"));
        }
    }
    leaks.dedup();
    assert!(leaks.is_empty(), "{delivery:?}: {} leaks\n{}", leaks.len(), leaks.join("\n"));
}

#[tokio::test]
async fn a_fix_from_an_alert_says_nothing_secret() {
    check(Scenario::Fix, Delivery::Alert, "awaiting_approval").await;
}

#[tokio::test]
async fn a_manual_review_from_an_error_says_nothing_secret() {
    check(Scenario::Security, Delivery::Error, "skipped").await;
}

#[tokio::test]
async fn a_fix_from_sentrys_api_says_nothing_secret() {
    check(Scenario::Fix, Delivery::IssueAndApi, "awaiting_approval").await;
}

#[tokio::test]
async fn what_nobody_analyses_says_nothing_secret_either() {
    let mut leaks = Vec::new();
    for Planted { kind, text, secrets } in corpus::corpus().into_iter().step_by(4) {
        let log = Log::default();
        let listening = log.listen();
        let world = World::with(&[("SENTRY_AUTH_TOKEN", "")]).await;
        let mut body = world.body(&Scenario::Fix.event(world.clock.now()), Hook::IssueCreated);
        places::plant_in_issue(&mut body["data"]["issue"], &text);
        let answer = world.deliver("issue", &body).await;
        world.settle().await;
        world.after(secs(100)).await;
        let mut said = Said::default();
        said.add_answer("the list", &world.get("attempts").await);
        said.add_answer("the attempt", &world.get(&format!("attempts/{}", answer.attempt_id())).await);
        said.add_requests(&world);
        said.add_slack_and_pull_requests(&world);
        said.add_kept(&world, "at the end").await;
        drop(listening);
        said.add("the log", log.text());
        assert!(
            said.0.iter().any(|(place, text)| place == "a card" && text.contains("[redacted:")),
            "{kind}"
        );
        for secret in secrets.iter().flat_map(|secret| said.places_with(secret)) {
            leaks.push(format!("LEAK of {kind} {secret}"));
        }
    }
    assert!(leaks.is_empty(), "{} leaks\n{}", leaks.len(), leaks.join("\n"));
}

#[tokio::test]
async fn own_credentials_are_only_where_they_are_needed() {
    for delivery in [SlackWay::Bot, SlackWay::Webhook] {
        let log = Log::default();
        let listening = log.listen();
        let world = World::builder().slack(delivery).start().await;
        let slack_address = world.sandbox.slack.webhook_url();
        let mut said = Said::default();
        for service in
            [world.sandbox.claude.service(), world.sandbox.github.service(), world.sandbox.slack.service()]
        {
            service.fail_next(Method::GET, "/", Fault::BreakBefore);
            service.fail_next(Method::POST, "/", Fault::BreakBefore);
            service.fail_next(Method::POST, "/", Fault::status(500));
        }
        world.handle(Scenario::Fix).await;
        world.ticks(6, mins(10)).await;
        let id = world.handle(Scenario::Security).await;
        said.add_answer("the attempt", &world.get(&format!("attempts/{id}")).await);
        said.add_answer("the list", &world.get("attempts").await);
        said.add_answer("the status", &world.get("status").await);
        drop(listening);
        said.add("the log", log.text());
        said.add_requests(&world);
        said.add_slack_and_pull_requests(&world);
        said.add_kept(&world, "at the end").await;
        assert!(!world.sandbox.slack.messages().is_empty(), "{delivery:?}");
        assert!(world.journal().lines().count() > 10, "the journal was not kept");
        assert!(log.text().contains("A step failed"), "the faults were not met");
        let slack_path = slack_address.rsplit('/').next().unwrap();
        for credential in [
            claude::API_KEY,
            github::TOKEN,
            sentry::AUTH_TOKEN,
            sentry::CLIENT_SECRET,
            slack::BOT_TOKEN,
            slack::SIGNING_SECRET,
            API_TOKEN,
            slack_path,
        ] {
            let places = said.places_with(credential);
            assert!(places.is_empty(), "{delivery:?}: `{credential}` is in {places:#?}");
        }
    }
}
