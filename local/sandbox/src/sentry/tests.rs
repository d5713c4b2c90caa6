#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use jiff::Timestamp;
use reqwest::Method;
use serde_json::json;

use super::*;
use crate::scenario::Scenario;
use crate::service::test_client as client;

const NOW: i64 = 1_795_000_000;

async fn at_fixed_time() -> Sentry {
    let clock = Clock::new(|| Timestamp::from_second(NOW).unwrap());
    Sentry::start_at(crate::Addresses::free().of(0), clock).await.unwrap()
}

fn label_event() -> SandboxEvent {
    Scenario::Fix.event(Timestamp::from_second(NOW - 60).unwrap())
}

/// A request under the organisation's path, and what came back.
async fn ask(sentry: &Sentry, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let url = format!("{}/api/0/organizations/{ORGANIZATION}/{path}", sentry.url());
    let mut request = client().request(method, url).bearer_auth(AUTH_TOKEN);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn get(sentry: &Sentry, path: &str) -> (u16, Value) {
    ask(sentry, Method::GET, path, None).await
}

#[test]
fn the_body_is_dumped_and_signed_as_sentry_does() {
    let body = json!({"action": "triggered", "data": {"event": {"title": "Größe <b> & \u{2018}q\u{2019}"}}});
    let dumped = webhook::dumped(&body);
    assert_eq!(
        dumped,
        r#"{"action":"triggered","data":{"event":{"title":"Gr\u00f6\u00dfe <b> & \u2018q\u2019"}}}"#
    );
    assert_eq!(webhook::dumped(&json!("🚀")), r#""\ud83d\ude80""#);
    // Computed by the rule in Sentry's `build_signature`.
    assert_eq!(
        webhook::signature("client-secret", dumped.as_bytes()),
        "d22d00790de4088065571f5646880b5a37520fc904ecef8ab1564b10e8d70aec"
    );
}

#[tokio::test]
async fn webhooks_carry_sentrys_headers_and_their_resources_content() {
    let sentry = at_fixed_time().await;
    let event = label_event();
    sentry.throw(&event);
    for (hook, resource, action, key) in [
        (Hook::IssueCreated, "issue", "created", "issue"),
        (Hook::IssueUnresolved, "issue", "unresolved", "issue"),
        (Hook::EventAlertTriggered, "event_alert", "triggered", "event"),
        (Hook::ErrorCreated, "error", "created", "error"),
    ] {
        let webhook = sentry.webhook(&event, hook);
        assert_eq!(webhook.header("Sentry-Hook-Resource"), Some(resource));
        assert_eq!(webhook.header("Sentry-Hook-Timestamp"), Some("1795000000"));
        assert_eq!(webhook.header("Request-ID").map(str::len), Some(32));
        let expected = webhook::signature(CLIENT_SECRET, &webhook.body);
        assert_eq!(webhook.header("Sentry-Hook-Signature"), Some(expected.as_str()));
        let body: Value = serde_json::from_slice(&webhook.body).unwrap();
        assert_eq!((&body["action"], &body["installation"]["uuid"]), (&json!(action), &json!(INSTALLATION)));
        assert_eq!(body["data"][key]["title"], "AttributeError: 'NoneType' object has no attribute 'strip'");
        assert_eq!(body["data"][key]["exception"].is_null(), key == "issue", "an issue has no stack trace");
    }
    let ids = [Hook::IssueCreated; 2]
        .map(|hook| sentry.webhook(&event, hook).header("request-id").unwrap().to_owned());
    assert_ne!(ids[0], ids[1], "each delivery has its own id");
}

#[tokio::test]
async fn both_dialects_show_the_same_crash() {
    let sentry = at_fixed_time().await;
    let event = label_event();
    sentry.throw(&event);
    let webhook: Value = serde_json::from_slice(&sentry.webhook(&event, Hook::ErrorCreated).body).unwrap();
    let error = &webhook["data"]["error"];
    let (status, rest) = get(&sentry, &format!("issues/{}/events/latest/", event.issue_id)).await;
    assert_eq!(status, 200);

    let snake = error["exception"]["values"][0]["stacktrace"]["frames"].as_array().unwrap();
    assert_eq!(rest["entries"][0]["type"], "exception");
    let camel = rest["entries"][0]["data"]["values"][0]["stacktrace"]["frames"].as_array().unwrap();
    assert_eq!(snake.len(), camel.len());
    for (snake, camel) in snake.iter().zip(camel) {
        assert_eq!(snake["abs_path"], camel["absPath"]);
        assert_eq!(snake["lineno"], camel["lineNo"]);
        assert_eq!(snake["in_app"], camel["inApp"]);
        let numbered = camel["context"].as_array().unwrap().iter().find(|line| line[0] == camel["lineNo"]);
        assert_eq!(snake["context_line"], numbered.map_or(Value::Null, |line| line[1].clone()));
    }
    let crash = snake.last().unwrap();
    assert_eq!(
        (&crash["filename"], &crash["function"]),
        (&json!("bookshop/labels.py"), &json!("address_lines"))
    );
    assert_eq!(crash["pre_context"].as_array().map(Vec::len), Some(5));
    assert_eq!(snake[0]["context_line"], Value::Null, "library frames come without source");
    assert!(error["tags"].as_array().unwrap().contains(&json!(["release", "bookshop@1.4.2"])));
    assert!(rest["tags"].as_array().unwrap().contains(&json!({"key": "release", "value": "bookshop@1.4.2"})));
    assert_eq!(error["issue_id"], rest["groupID"]);
    assert_eq!(rest["release"]["version"], "bookshop@1.4.2");
    assert_eq!(rest["entries"][2]["data"]["method"], "GET");
    let page = client().get(error["web_url"].as_str().unwrap()).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("in address_lines") && page.contains("'NoneType' object"), "{page}");
}

#[tokio::test]
async fn issues_come_in_pages_and_an_unknown_search_is_no_empty_list() {
    let sentry = at_fixed_time().await;
    for number in 0..5 {
        sentry.throw(&label_event().as_other_issue(number));
    }
    let url =
        format!("{}/api/0/organizations/{ORGANIZATION}/issues/?query=is:unresolved&limit=3", sentry.url());
    let answer = client().get(&url).bearer_auth(AUTH_TOKEN).send().await.unwrap();
    let link = answer.headers()["link"].to_str().unwrap().to_owned();
    assert!(link.contains(r#"rel="previous"; results="false""#), "{link}");
    assert!(link.contains(r#"cursor=0:3:0>; rel="next"; results="true"; cursor="0:3:0""#), "{link}");
    let (_, rest) = get(&sentry, "issues/?query=is:unresolved&limit=3&cursor=0:3:0").await;
    assert_eq!(rest.as_array().unwrap().len(), 2);
    assert_eq!(get(&sentry, "issues/?query=assigned:me").await.0, 501);
    assert_eq!(get(&sentry, "issues/?query=is:unresolved&environment=x").await.0, 501);
    assert_eq!(get(&sentry, "tags/").await.0, 501);
    assert_eq!(sentry.service().unknown().len(), 3);
}

#[tokio::test]
async fn what_sentry_turns_down_is_turned_down_and_changes_nothing() {
    let sentry = at_fixed_time().await;
    let not_there = (404, json!({"detail": "The requested resource does not exist"}));
    assert_eq!(get(&sentry, "issues/1/").await, not_there);
    let event = label_event();
    sentry.throw(&event);
    let path = format!("issues/{}/", event.issue_id);
    let unknown_event = format!("{path}events/{}/", "0".repeat(32));
    assert_eq!(get(&sentry, &unknown_event).await, not_there);
    let by_commit = json!({"status": "resolved", "statusDetails": {"inCommit": {"commit": "abc",
        "repository": "acme/bookshop"}}});
    for wrong in [
        by_commit,
        json!({"status": "done"}),
        json!({"colour": "red"}),
        json!({"status": "resolved", "statusDetails": {"inBranch": "x"}}),
    ] {
        assert_eq!(ask(&sentry, Method::PUT, &path, Some(wrong.clone())).await.0, 400, "{wrong}");
        assert_eq!(sentry.status(&event.issue_id), Some("unresolved"), "{wrong}");
    }
    let comments = format!("{path}comments/");
    let comment = async |body: Value| ask(&sentry, Method::POST, &comments, Some(body)).await.0;
    assert_eq!(comment(json!({"text": "Opened #1"})).await, 201);
    for wrong in [json!({"text": "Opened #1"}), json!({"text": " "}), json!({"text": "x", "to": "all"})] {
        assert_eq!(comment(wrong.clone()).await, 400, "{wrong}");
    }

    let other = format!("{}/api/0/organizations/other/{path}", sentry.url());
    let status = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status();
    assert_eq!(status(client().get(&other).bearer_auth(AUTH_TOKEN)).await, 404);
    assert_eq!(status(client().get(&other)).await, 401);
    assert_eq!(status(client().get(&other).bearer_auth("other")).await, 401);
    assert_eq!(sentry.service().unknown(), Vec::<String>::new());
}
