//! Every text of an event, in both dialects of Sentry. What tells which issue and which line of code it is about
//! stays, so that the story goes on.

use autofix_local::sandbox::sentry::AUTH_TOKEN;
use serde_json::{Value, json};

/// Keys whose values say which event it is, where and when.
const KEPT: &str = "event_id eventID id groupID projectID project issue_id issue_url web_url permalink timestamp \
    received datetime dateCreated dateReceived firstSeen lastSeen hashes _meta shortId status substatus \
    url project_url slug previousEventID nextEventID entries exception request breadcrumbs context_line \
    context issueCategory issueType";

/// A webhook's `data.event` or `data.error`.
pub(crate) fn plant_in_webhook(event: &mut Value, text: &str) {
    plant_in_texts(event, text);
    plant_in_exceptions(&mut event["exception"]["values"], text);
    plant_in_breadcrumbs(&mut event["breadcrumbs"]["values"], text);
    plant_in_request(&mut event["request"], text);
    event["extra"] = json!({ "note": text, "list": [text] });
    event["logentry"] = json!({ "formatted": text, "message": text, "params": [text] });
    event["contexts"]["note"] = json!({ "text": text });
    event["user"] =
        json!({ "id": "4711", "email": text, "username": text, "ip_address": text, "data": { "a": text } });
    event["server_name"] = json!(text);
    event["tags"].as_array_mut().unwrap().push(json!(["note", text]));
}

/// A webhook's `data.issue`.
pub(crate) fn plant_in_issue(issue: &mut Value, text: &str) {
    plant_in_texts(issue, text);
}

/// The REST API's event.
pub(crate) fn plant_in_api_event(event: &mut Value, text: &str) {
    plant_in_texts(event, text);
    for entry in event["entries"].as_array_mut().unwrap() {
        match entry["type"].as_str().unwrap() {
            "exception" => plant_in_exceptions(&mut entry["data"]["values"], text),
            "breadcrumbs" => plant_in_breadcrumbs(&mut entry["data"]["values"], text),
            "request" => plant_in_request(&mut entry["data"], text),
            other => panic!("what is an entry of type {other}?"),
        }
    }
    event["context"] = json!({ "note": text });
    event["user"] =
        json!({ "id": "4711", "email": text, "username": text, "name": text, "ip_address": text });
    event["tags"].as_array_mut().unwrap().push(json!({ "key": "note", "value": text }));
}

/// The event as Sentry's API has it.
pub(crate) async fn from_api(address: &str) -> Value {
    let answer = reqwest::Client::new().get(address).bearer_auth(AUTH_TOKEN).send().await.unwrap();
    assert!(answer.status().is_success(), "{address}: {}", answer.status());
    answer.json().await.unwrap()
}

/// Appends the text to every text, however deep, but those that are kept.
fn plant_in_texts(value: &mut Value, text: &str) {
    match value {
        Value::String(old) => *old = format!("{old} {text}"),
        Value::Array(items) => items.iter_mut().for_each(|item| plant_in_texts(item, text)),
        Value::Object(object) => {
            let open = object.iter_mut().filter(|(key, _)| !KEPT.split(' ').any(|kept| kept == key.as_str()));
            open.for_each(|(_, value)| plant_in_texts(value, text));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn plant_in_exceptions(exceptions: &mut Value, text: &str) {
    let exceptions = exceptions.as_array_mut().unwrap();
    for exception in exceptions.iter_mut() {
        for frame in exception["stacktrace"]["frames"].as_array_mut().unwrap() {
            plant_in_frame(frame, text);
        }
        for key in ["type", "value", "module", "mechanism"] {
            plant_or_put(&mut exception[key], text);
        }
    }
    exceptions.insert(0, json!({ "type": "Cause", "value": text, "module": text, "stacktrace": null }));
}

fn plant_in_frame(frame: &mut Value, text: &str) {
    let own = frame["in_app"] == true || frame["inApp"] == true;
    for key in ["function", "module", "package"] {
        plant_or_put(&mut frame[key], text);
    }
    if !own {
        for key in ["filename", "abs_path", "absPath"] {
            plant_or_put(&mut frame[key], text);
        }
    }
    plant_in_texts(&mut frame["vars"], text);
    frame["vars"]["note"] = json!(text);
    frame["vars"]["nested"] = json!({ "list": [text], "quoted": format!("'{text}'") });
    for key in ["pre_context", "post_context"] {
        if let Some(last) = frame[key].as_array_mut().and_then(|lines| lines.last_mut()) {
            *last = json!(format!("    # {text}"));
        }
    }
    let crash = frame["lineNo"].clone();
    for line in frame["context"].as_array_mut().into_iter().flatten().filter(|line| line[0] != crash) {
        line[1] = json!(format!("    # {text}"));
    }
}

fn plant_in_breadcrumbs(crumbs: &mut Value, text: &str) {
    let crumbs = crumbs.as_array_mut().unwrap();
    crumbs.iter_mut().for_each(|crumb| plant_in_texts(crumb, text));
    crumbs.push(
        json!({ "type": text, "category": text, "level": "info", "message": null, "data": { "body": text } }),
    );
}

fn plant_in_request(request: &mut Value, text: &str) {
    let url = format!("https://bookshop.example/orders/{text}?q={text}");
    *request = json!({
        "method": format!("GET {text}"),
        "url": url,
        "headers": [["Authorization", text], ["Cookie", text], ["X-Note", text]],
        "cookies": [["session", text]],
        "data": { "body": text },
        "query_string": [["q", text]],
        "query": [["q", text]],
        "env": { "REMOTE_ADDR": text },
        "fragment": text,
    });
}

fn plant_or_put(value: &mut Value, text: &str) {
    if value.is_null() {
        *value = json!(text);
    } else {
        plant_in_texts(value, text);
    }
}
