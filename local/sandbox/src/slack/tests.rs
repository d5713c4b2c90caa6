#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::service::test_client as client;

async fn start(clock: Clock) -> Slack {
    Slack::start_at(crate::Addresses::free().of(0), clock).await.unwrap()
}

async fn call(slack: &Slack, method: &str, arguments: Value) -> Value {
    let request = client().post(format!("{}/{method}", slack.url())).bearer_auth(BOT_TOKEN).json(&arguments);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200, "Slack's errors are HTTP 200");
    answer.json().await.unwrap()
}

async fn post(url: &str, body: Value) -> (u16, String) {
    let answer = client().post(url).json(&body).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn posted_card(slack: &Slack) -> Message {
    let button = json!({
        "type": "button", "action_id": "deploy", "text": {"type": "plain_text", "text": "🚀 Deploy Live"},
    });
    let blocks = json!([{"type": "actions", "elements": [button]}]);
    let arguments = json!({"channel": CHANNEL_ID, "text": "KeyError", "blocks": blocks});
    let answer = call(slack, "chat.postMessage", arguments).await;
    slack.message(answer["ts"].as_str().unwrap()).unwrap()
}

#[test]
fn signatures_are_those_of_slacks_worked_example() {
    // The example of Slack's page "Verifying requests from Slack".
    let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
        channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&\
        response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F\
        96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    assert_eq!(
        signature("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body),
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    );
}

#[tokio::test]
async fn the_web_api_refuses_as_slack_does() {
    let slack = start(Clock::system()).await;
    let ts = posted_card(&slack).await.ts;
    let on_channel = |more: Value| {
        let mut arguments = json!({"channel": CHANNEL_ID});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    let section = |n: usize| json!({"type": "section", "text": {"type": "mrkdwn", "text": "x".repeat(n)}});
    for (method, arguments, error) in [
        ("chat.postMessage", json!({"channel": "C9", "text": "x"}), "channel_not_found"),
        ("chat.postMessage", on_channel(json!({"text": ""})), "no_text"),
        ("chat.postMessage", on_channel(json!({"text": "x".repeat(40_001)})), "msg_too_long"),
        ("chat.postMessage", on_channel(json!({"text": "x", "colour": "red"})), "invalid_arguments"),
        ("chat.postMessage", on_channel(json!({"text": "x", "thread_ts": "1.000000"})), "thread_not_found"),
        (
            "chat.postMessage",
            on_channel(json!({"text": "x", "metadata": {"a": 1}})),
            "invalid_metadata_format",
        ),
        ("chat.postMessage", on_channel(json!({"text": "x", "blocks": "x"})), "invalid_arguments"),
        ("chat.postMessage", on_channel(json!({"text": "x", "blocks": [section(3_001)]})), "invalid_blocks"),
        ("chat.postMessage", on_channel(json!({"blocks": vec![section(2_900); 5]})), "msg_blocks_too_long"),
        ("chat.update", on_channel(json!({"ts": "1.000000", "text": "x"})), "message_not_found"),
        ("chat.update", json!({"channel": "#alerts", "ts": ts, "text": "x"}), "channel_not_found"),
        ("chat.update", on_channel(json!({"ts": ts})), "no_text"),
        ("chat.postEphemeral", on_channel(json!({"user": "U9", "text": "x"})), "user_not_in_channel"),
        ("conversations.history", json!({"channel": "C9"}), "channel_not_found"),
        ("conversations.history", on_channel(json!({"limit": 0})), "invalid_limit"),
        ("conversations.replies", on_channel(json!({"ts": "1.000000"})), "thread_not_found"),
    ] {
        let answer = call(&slack, method, arguments).await;
        assert_eq!((&answer["ok"], &answer["error"]), (&json!(false), &json!(error)), "{method}");
    }
    let wrong =
        call(&slack, "chat.postMessage", on_channel(json!({"text": "x", "blocks": [section(0)]}))).await;
    assert_eq!(
        wrong["response_metadata"]["messages"][0],
        "[ERROR] must be more than 0 characters [json-pointer:/blocks/0/text/text]"
    );
    assert_eq!(slack.messages().len(), 1, "what is refused is not posted");

    let post = || client().post(format!("{}/auth.test", slack.url()));
    let answer: Value = post().send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["error"], "not_authed");
    let answer: Value = post().bearer_auth("xoxb-other").send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["error"], "invalid_auth");
    assert_eq!(call(&slack, "auth.test", json!({})).await["team_id"], TEAM_ID);
    slack.archive(CHANNEL_ID);
    let archived = call(&slack, "chat.postMessage", on_channel(json!({"text": "x"}))).await;
    assert_eq!(archived["error"], "is_archived");
    let unknown =
        client().post(format!("{}/files.upload", slack.url())).bearer_auth(BOT_TOKEN).send().await.unwrap();
    assert_eq!(unknown.status(), 501);
    assert_eq!(slack.service().unknown(), ["POST /api/files.upload"]);
}

#[tokio::test]
async fn the_incoming_webhook_posts_and_refuses_with_status_and_plain_text() {
    let slack = start(Clock::system()).await;
    let url = slack.webhook_url();
    assert_eq!(post(&url, json!({"text": "hello"})).await, (200, "ok".into()));
    assert_eq!(slack.messages()[0].origin, Origin::IncomingWebhook);
    assert_eq!(post(&url, json!({"text": ""})).await, (400, "no_text".into()));
    assert_eq!(
        post(&url, json!({"text": "x", "blocks": [{"type": "?"}]})).await,
        (400, "invalid_blocks".into())
    );
    assert_eq!(post(&url, json!({"txet": "x"})).await, (400, "invalid_payload".into()));
    assert_eq!(post(&url, json!(["x"])).await, (400, "invalid_payload".into()));
    assert_eq!(post(&format!("{url}x"), json!({"text": "x"})).await, (404, "no_service".into()));
    let update = json!({"channel": CHANNEL_ID, "ts": slack.messages()[0].ts, "text": "x"});
    assert_eq!(call(&slack, "chat.update", update).await["error"], "cant_update_message");
    slack.archive(CHANNEL_ID);
    assert_eq!(post(&url, json!({"text": "x"})).await, (410, "channel_is_archived".into()));
    assert_eq!(slack.messages().len(), 1);
}

#[tokio::test]
async fn a_response_url_answers_the_press_five_times_within_half_an_hour() {
    let time = Arc::new(AtomicI64::new(1_795_000_000));
    let ticking = Arc::clone(&time);
    let clock = Clock::new(move || jiff::Timestamp::from_second(ticking.load(Ordering::Relaxed)).unwrap());
    let slack = start(clock).await;
    let card = posted_card(&slack).await;
    assert_eq!(card.ts, "1795000000.000000");
    let address = |payload: Value| payload["response_url"].as_str().unwrap().to_owned();
    let url = address(slack.press_payload(&card, "deploy", BYSTANDER_ID, 1).unwrap());
    let ok = (200, "ok".to_owned());
    assert_eq!(post(&url, json!({"text": "not you", "response_type": "ephemeral"})).await, ok);
    assert_eq!(slack.ephemerals()[0].user, BYSTANDER_ID);
    assert_eq!(post(&url, json!({"text": "merging", "replace_original": true})).await, ok);
    let replaced = slack.message(&card.ts).unwrap();
    assert_eq!((replaced.text.as_str(), replaced.blocks.len()), ("merging", 0));
    for _ in 0..3 {
        assert_eq!(post(&url, json!({"text": "x"})).await, ok);
    }
    assert_eq!(post(&url, json!({"text": "x"})).await, (404, "used_url".into()));

    let url = address(slack.press_payload(&card, "deploy", BYSTANDER_ID, 1).unwrap());
    time.fetch_add(1_801, Ordering::Relaxed);
    assert_eq!(post(&url, json!({"text": "x"})).await, (404, "expired_url".into()));
}
