#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use reqwest::Method;
use serde_json::json;

use super::*;
use crate::scenario::Scenario;

const NOW: i64 = 1_795_000_000;

fn client() -> reqwest::Client {
    // Fails when another test has installed it already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// A fake whose clock the test moves.
async fn at_fixed_time() -> (Sentry, Arc<AtomicI64>) {
    let time = Arc::new(AtomicI64::new(NOW));
    let ticking = Arc::clone(&time);
    let clock = Clock::new(move || Timestamp::from_second(ticking.load(Ordering::Relaxed)).unwrap());
    (Sentry::start_with(clock).await.unwrap(), time)
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
    let (sentry, _) = at_fixed_time().await;
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
    let (sentry, _) = at_fixed_time().await;
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
async fn issues_are_listed_by_query_project_and_page() {
    let (sentry, time) = at_fixed_time().await;
    for number in 0..5 {
        sentry.throw(&label_event().as_other_issue(number));
    }
    let first = label_event().issue_id;
    let ids = |list: &Value| list.as_array().unwrap().iter().map(|i| i["id"].clone()).collect::<Vec<_>>();
    let (_, all) =
        get(&sentry, "issues/?query=is:unresolved+issue.category:error&project=4500000000000001").await;
    assert_eq!(ids(&all).len(), 5);
    assert_eq!(get(&sentry, "issues/?query=is:resolved").await.1, json!([]));
    assert_eq!(get(&sentry, "issues/?project=7").await.1, json!([]));
    assert_eq!(ids(&get(&sentry, "issues/?query=firstSeen:-1h&statsPeriod=24h").await.1).len(), 5);

    let url = format!("{}/api/0/organizations/{ORGANIZATION}/issues/?limit=3", sentry.url());
    let answer = client().get(&url).bearer_auth(AUTH_TOKEN).send().await.unwrap();
    let link = answer.headers()["link"].to_str().unwrap().to_owned();
    assert!(link.contains(r#"rel="previous"; results="false""#), "{link}");
    assert!(link.contains(r#"cursor=0:3:0>; rel="next"; results="true"; cursor="0:3:0""#), "{link}");
    let (_, rest) = get(&sentry, "issues/?limit=3&cursor=0:3:0").await;
    assert_eq!(ids(&rest).len(), 2);

    time.fetch_add(7_200, Ordering::Relaxed);
    assert_eq!(get(&sentry, "issues/?query=firstSeen:-1h").await.1, json!([]));
    sentry.throw(&label_event().again(1, Timestamp::from_second(NOW + 7_200).unwrap()));
    let (_, newest) = get(&sentry, "issues/?query=lastSeen:-1h").await;
    assert_eq!((ids(&newest), &newest[0]["count"]), (vec![json!(first)], &json!("2")));
    assert_eq!(get(&sentry, "issues/?project=bookshop").await.0, 400);
    assert_eq!(get(&sentry, "issues/?query=assigned:me").await.0, 501);
    assert_eq!(sentry.service().unknown().len(), 1, "an unknown search is no empty list");
}

#[tokio::test]
async fn an_issue_is_resolved_by_its_commit_and_comes_back_with_the_next_event() {
    let (sentry, _) = at_fixed_time().await;
    let event = label_event();
    sentry.throw(&event);
    let path = format!("issues/{}/", event.issue_id);
    let put = |body: Value| ask(&sentry, Method::PUT, &path, Some(body));
    let commit = json!({"status": "resolved", "statusDetails": {"inCommit": {"commit": "abc",
        "repository": "acme/bookshop"}}});
    let (status, body) = put(commit.clone()).await;
    assert_eq!(status, 400);
    assert_eq!(body["statusDetails"]["inCommit"]["repository"][0], "Unable to find the given repository.");
    assert_eq!(sentry.status(&event.issue_id), Some("unresolved"), "what is refused changes nothing");
    for (wrong, field) in [
        (json!({"status": "done"}), "status"),
        (json!({"colour": "red"}), "colour"),
        (json!({"hasSeen": "yes"}), "hasSeen"),
        (json!({"status": "resolved", "statusDetails": {"inBranch": "x"}}), "statusDetails"),
    ] {
        let (status, body) = put(wrong).await;
        assert_eq!((status, body.as_object().unwrap().contains_key(field)), (400, true), "{body}");
    }
    sentry.link_repository("acme/bookshop");
    let (status, body) = put(commit).await;
    assert_eq!((status, &body["status"]), (200, &json!("resolved")));
    assert_eq!(sentry.status_details(&event.issue_id).unwrap()["inCommit"]["commit"], "abc");

    sentry.throw(&event.again(1, Timestamp::from_second(NOW).unwrap()));
    let (_, issue) = get(&sentry, &path).await;
    assert_eq!((&issue["status"], &issue["substatus"]), (&json!("unresolved"), &json!("regressed")));
    let (_, latest) = get(&sentry, &format!("{path}events/latest/")).await;
    assert_eq!((&latest["previousEventID"], &latest["nextEventID"]), (&json!(event.event_id), &Value::Null));
    let (_, oldest) = get(&sentry, &format!("{path}events/oldest/")).await;
    assert_eq!(oldest["eventID"], json!(event.event_id));
    assert_eq!(get(&sentry, &format!("{path}events/{}/", event.event_id)).await.0, 200);
}

#[tokio::test]
async fn comments_and_releases_are_kept() {
    let (sentry, time) = at_fixed_time().await;
    let event = label_event();
    sentry.throw(&event);
    let path = format!("issues/{}/comments/", event.issue_id);
    let comment = |text: &str| ask(&sentry, Method::POST, &path, Some(json!({"text": text})));
    assert_eq!(comment("Opened #1").await.0, 201);
    assert_eq!(comment("Opened #1").await, (400, json!({"detail": "You have already posted that comment."})));
    assert_eq!(comment(" ").await.0, 400);
    time.fetch_add(3_600, Ordering::Relaxed);
    assert_eq!(comment("Opened #1").await.0, 201);
    assert_eq!(sentry.comments(&event.issue_id).len(), 2);

    let (_, release) = get(&sentry, "releases/bookshop%401.4.2/").await;
    assert_eq!(
        (&release["versionInfo"]["package"], &release["lastCommit"]),
        (&json!("bookshop"), &Value::Null)
    );
    sentry.set_release_commit("bookshop@1.4.2", "c0ffee");
    assert_eq!(get(&sentry, "releases/bookshop%401.4.2/").await.1["lastCommit"]["id"], "c0ffee");
    assert_eq!(get(&sentry, "releases/other/").await.0, 404);
}

#[tokio::test]
async fn what_sentry_turns_down_is_turned_down() {
    let (sentry, _) = at_fixed_time().await;
    let not_there = json!({"detail": "The requested resource does not exist"});
    assert_eq!(get(&sentry, "issues/1/").await, (404, not_there.clone()));
    sentry.throw(&label_event());
    let id = label_event().issue_id;
    assert_eq!(
        get(&sentry, &format!("issues/{id}/events/{}/", "0".repeat(32))).await,
        (404, not_there.clone())
    );
    let other = format!("{}/api/0/organizations/other/issues/{id}/", sentry.url());
    assert_eq!(client().get(&other).bearer_auth(AUTH_TOKEN).send().await.unwrap().status(), 404);

    let plain = client().get(&other).send().await.unwrap();
    assert_eq!(plain.status(), 401);
    let wrong = client().get(&other).bearer_auth("other").send().await.unwrap();
    assert_eq!(
        (wrong.status().as_u16(), wrong.json::<Value>().await.unwrap()),
        (401, json!({"detail": "Invalid token"}))
    );
    let unscoped = format!("{}/api/0/issues/{id}/", sentry.url());
    let gone = client().get(unscoped).bearer_auth(AUTH_TOKEN).send().await.unwrap();
    assert_eq!(gone.status(), 410);
    assert_eq!(gone.json::<Value>().await.unwrap(), json!({"message": "This API no longer exists."}));
    assert_eq!(sentry.service().unknown(), Vec::<String>::new());
}
