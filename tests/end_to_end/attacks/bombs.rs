//! Bodies that are properly signed and meant to hurt: depth, width, numbers, names given twice, bytes that are no text.

use autofix::messages::DEPLOY;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::world::{APPROVER_ID, SignedForm, SignedWebhook, World};

const DEPTH: usize = 100_000;

fn nested(open: &str, close: &str) -> String {
    format!("{}{}", open.repeat(DEPTH), close.repeat(DEPTH))
}

/// An `error` webhook whose event has these fields besides those that identify it.
fn error_with(fields: &str) -> String {
    format!(
        r#"{{"action":"created","data":{{"error":{{"issue_id":"@@","project":"bookshop","title":"t",{fields}}}}}}}"#
    )
}

fn frames(frames: &str) -> String {
    error_with(&format!(
        r#""exception":{{"values":[{{"type":"E","value":"v","stacktrace":{{"frames":[{frames}]}}}}]}}"#
    ))
}

/// With an issue of its own: the same one twice would only be counted.
fn each_its_own(body: &[u8], number: usize) -> Vec<u8> {
    let at = body.windows(4).position(|part| part == b"\"@@\"");
    let mut body = body.to_vec();
    if let Some(at) = at {
        body.splice(at..at + 4, format!("\"{}\"", 100 + number).into_bytes());
    }
    body
}

#[tokio::test]
async fn a_signed_bomb_is_refused_or_cut_down_and_the_endpoint_goes_on() {
    let half_a_limit = autofix::endpoint::BODY_LIMIT / 2;
    let bombs: Vec<(&str, Vec<u8>)> = vec![
        ("deep lists", error_with(&format!(r#""extra":{}"#, nested("[", "]"))).into()),
        (
            "deep objects",
            error_with(&format!(r#""extra":{}1{}"#, r#"{"a":"#.repeat(DEPTH), "}".repeat(DEPTH))).into(),
        ),
        ("deep where it is read", frames(&format!(r#"{{"vars":{{"a":{}}}}}"#, nested("[", "]"))).into()),
        ("deep instead of a text", error_with(&format!(r#""culprit":{}"#, nested("[", "]"))).into()),
        ("nothing", Vec::new()),
        ("a list", b"[]".to_vec()),
        ("null", b"null".to_vec()),
        ("no data", br#"{"action":"created"}"#.to_vec()),
        ("a text for the error", br#"{"action":"created","data":{"error":"text"}}"#.to_vec()),
        ("an id that is a path", error_with("").replace("@@", "../../etc").replace(",}}", "}}").into()),
        ("never closed", "[".repeat(half_a_limit).into()),
        ("a number without end", error_with(&format!(r#""extra":{}"#, "9".repeat(half_a_limit))).into()),
        (
            "numbers out of range",
            frames(r#"{"lineno":1e999999,"in_app":-1e999,"module":18446744073709551616}"#).into(),
        ),
        ("a name twice", error_with(r#""title":"another""#).into()),
        ("a name twice, deep", frames(r#"{"module":"a","module":"b"}"#).into()),
        (
            "a title without end",
            error_with(&format!(r#""culprit":"{}""#, "ä".repeat(half_a_limit / 2))).into(),
        ),
        (
            "many frames",
            frames(&vec![r#"{"module":"m","function":"f","lineno":3}"#; 20_000].join(",")).into(),
        ),
        (
            "many variables",
            frames(&format!(
                r#"{{"module":"m","vars":{{{}}}}}"#,
                (0..50_000).map(|n| format!(r#""v{n}":"{n}""#)).collect::<Vec<_>>().join(",")
            ))
            .into(),
        ),
        (
            "many crumbs",
            error_with(&format!(
                r#""breadcrumbs":{{"values":[{}]}}"#,
                vec![r#"{"message":"m"}"#; 60_000].join(",")
            ))
            .into(),
        ),
        ("many tags", error_with(&format!(r#""tags":[{}]"#, vec![r#"["a","b"]"#; 100_000].join(","))).into()),
        ("half a character", error_with(r#""message":"\ud83d\u0000\u202e""#).into()),
        (
            "bytes that are no text",
            b"{\"action\":\"created\",\"data\":{\"error\":{\"title\":\"\xff\xfe\"}}}".to_vec(),
        ),
        ("a byte order mark", format!("\u{feff}{}", error_with(r#""message":"m""#)).into()),
        ("two bodies in one", format!("{0}{0}", error_with(r#""message":"m""#)).into()),
        ("zeros", vec![0; half_a_limit]),
    ];
    let world = World::with(&[("AUTOFIX_MAX_ATTEMPTS_PER_HOUR", "100")]).await;
    let mut told = String::new();
    for (number, (name, body)) in bombs.into_iter().enumerate() {
        let body = each_its_own(&body, number);
        assert!(body.len() <= autofix::endpoint::BODY_LIMIT, "{name} has {} bytes", body.len());
        let answer = world.deliver_webhook(SignedWebhook::of_bytes("error", body)).await;
        let said = answer.body["message"].as_str().unwrap_or_else(|| answer.detail());
        assert!(!said.is_empty() && said.len() < 200 && said.is_ascii(), "{name}: {said}");
        told.push_str(&format!("{name}: {} {said}\n", answer.status.as_u16()));
    }
    insta::assert_snapshot!(told, @r"
    deep lists: 202 Processing started
    deep objects: 202 Processing started
    deep where it is read: 202 Processing started
    deep instead of a text: 202 Processing started
    nothing: 400 The body is not JSON.
    a list: 400 The body is not what Sentry sends: `action` is missing or not a string.
    null: 400 The body is not what Sentry sends: `action` is missing or not a string.
    no data: 400 The body is not what Sentry sends: `data` is missing or not a proper object.
    a text for the error: 400 The body is not what Sentry sends: `data.error` is missing or not a proper object.
    an id that is a path: 400 The body is not what Sentry sends: `issue_id` of the event is missing or not 1 to 20 decimal digits.
    never closed: 400 The body is not JSON.
    a number without end: 202 Processing started
    numbers out of range: 202 Processing started
    a name twice: 400 The body is not what Sentry sends: `data.error` is missing or not a proper object.
    a name twice, deep: 202 Processing started
    a title without end: 202 Processing started
    many frames: 202 Processing started
    many variables: 202 Processing started
    many crumbs: 202 Processing started
    many tags: 202 Processing started
    half a character: 202 Processing started
    bytes that are no text: 400 The body is not what Sentry sends: `issue_id` of the event is missing or not 1 to 20 decimal digits.
    a byte order mark: 202 Processing started
    two bodies in one: 400 The body is not JSON.
    zeros: 400 The body is not JSON.
    ");
    let attempts = world.get("attempts").await;
    assert_eq!(attempts.status, StatusCode::OK);
    let size = attempts.body.to_string().len();
    assert!(size < 100_000, "what was kept has {size} bytes");
}

#[tokio::test]
async fn a_signed_form_that_is_a_bomb_decides_nothing() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    let now = world.clock.now().as_second();
    let good = world.sandbox.slack.press_payload(&card, DEPLOY, APPROVER_ID, now).unwrap();
    let text = good.to_string();
    let with = |name: &str, value: &str| {
        let mut changed = good.clone();
        changed[name] = json!("@@");
        changed.to_string().replacen("\"@@\"", value, 1)
    };
    let payloads = [
        ("deep where it is read", with("user", &nested("[", "]")), 400),
        ("deep actions", with("actions", &nested("[", "]")), 400),
        ("a user twice", text.replacen('{', r#"{"user":{"id":"U0BYSTANDER"},"#, 1), 400),
        ("a list for a text", with("type", "[\"block_actions\"]"), 400),
        ("a number for an id", with("user", r#"{"id":7}"#), 400),
        ("a text", "\"text\"".to_owned(), 400),
        ("nothing", "{}".to_owned(), 400),
        ("nobody", with("user", "null"), 400),
        ("no action", with("actions", "[]"), 200),
        ("a user without end", with("user", &format!(r#"{{"id":"{}"}}"#, "U".repeat(1_000_000))), 400),
        ("not closed", text[..text.len() - 1].to_owned(), 400),
        ("something behind it", format!("{text}{text}"), 400),
    ];
    for (name, payload, status) in payloads {
        let body = format!("payload={}", percent_encoded(payload.as_bytes()));
        if body.len() > autofix::endpoint::BODY_LIMIT {
            panic!("{name} has {} bytes", body.len());
        }
        let answer = world.click(SignedForm::sign_body(body, now)).await;
        assert_eq!(answer.status.as_u16(), status, "{name}: {answer:?}");
    }
    for body in
        ["payload=%ff%fe", "payload", "payload=", "&&&&", "%70%61yload=%00", "PAYLOAD={}", "payload[]={}"]
    {
        let answer = world.click(SignedForm::sign_body(body.to_owned(), now)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}: {answer:?}");
    }
    // The first of many actions is the one that was pressed; there is no second decision in one form.
    let mut many = good.clone();
    let foreign: Value = json!({ "action_id": "another_apps_button", "value": "x" });
    many["actions"] = Value::from(vec![foreign; 1_000]);
    many["actions"].as_array_mut().unwrap().push(good["actions"][0].clone());
    assert_eq!(world.click(SignedForm::sign(&many, now)).await.status, StatusCode::OK);
    world.settle().await;
    assert_eq!(world.status(&id).await, "awaiting_approval");
}

fn percent_encoded(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'[' | b']' | b'_' | b'-' | b'.' => {
                text.push(char::from(*byte));
            }
            other => write!(text, "%{other:02X}").unwrap(),
        }
        text
    })
}
