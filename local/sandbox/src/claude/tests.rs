#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use super::*;
use crate::service::test_client as client;

const INCIDENT: &str = "AttributeError in address_lines";

fn tool(name: &str) -> Value {
    let schema = json!({"type": "object", "properties": {"path": {"type": "string"}}});
    json!({"name": name, "description": "A tool", "input_schema": schema})
}

/// A request that the real service takes, with changes.
fn request(changes: Value) -> Value {
    let mut request = json!({
        "model": "claude-opus-5-5", "max_tokens": 16_000,
        "system": [{"type": "text", "text": "You fix bugs.", "cache_control": {"type": "ephemeral"}}],
        "tools": [tool("read_file"), tool("search"), tool("report_analysis")],
        "tool_choice": {"type": "auto"}, "thinking": {"type": "adaptive"},
        "output_config": {"effort": "high"},
        "messages": [{"role": "user", "content": INCIDENT}],
    });
    for (key, value) in changes.as_object().unwrap() {
        match value {
            Value::String(text) if text == "(left out)" => drop(request.as_object_mut().unwrap().remove(key)),
            _ => request[key] = value.clone(),
        }
    }
    request
}

async fn ask(claude: &Claude, body: &Value) -> (u16, Value) {
    let request = client().post(format!("{}/v1/messages", claude.url())).bearer_auth(API_KEY);
    let answer = request.header("anthropic-version", "2026-10-21").json(body).send().await.unwrap();
    assert_eq!(answer.headers()["x-sandbox"], "scripted");
    let id = answer.headers()["request-id"].to_str().unwrap().to_owned();
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    assert!(status == 200 || body["request_id"] == json!(id), "{body}");
    (status, body)
}

async fn refused(claude: &Claude, body: Value, sentence: &str) {
    let (status, answer) = ask(claude, &body).await;
    assert_eq!(
        (status, &answer["error"]["type"]),
        (400, &json!("invalid_request_error")),
        "{answer} for {body}"
    );
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains(sentence), "`{message}` does not say `{sentence}`");
}

/// The history after the model's turn was answered with these results.
fn answered(messages: &Value, turn: &Value, result: &str) -> Value {
    let calls = turn["content"].as_array().unwrap().iter().filter(|block| block["type"] == "tool_use");
    let results = calls.map(|call| {
        let content = [json!({"type": "text", "text": result})];
        json!({"type": "tool_result", "tool_use_id": call["id"], "content": content})
    });
    let mut messages = messages.as_array().unwrap().clone();
    messages.push(json!({"role": "assistant", "content": turn["content"]}));
    messages.push(json!({"role": "user", "content": results.collect::<Vec<_>>()}));
    json!(messages)
}

#[tokio::test]
async fn a_script_is_played_turn_by_turn_and_a_repeated_request_gets_the_same_answer() {
    let claude = Claude::start().await.unwrap();
    let mut body = request(json!({}));
    let (status, first) = ask(&claude, &body).await;
    assert_eq!(status, 200, "{first}");
    for (key, value) in [
        ("type", "message"),
        ("role", "assistant"),
        ("model", "claude-opus-5-5"),
        ("stop_reason", "tool_use"),
    ] {
        assert_eq!(first[key], value);
    }
    assert_eq!((&first["stop_sequence"], &first["stop_details"]), (&Value::Null, &Value::Null));
    assert_eq!(
        (&first["content"][0]["type"], &first["content"][0]["thinking"]),
        (&json!("thinking"), &json!(""))
    );
    assert_eq!(first["content"][1]["name"], "read_file");
    assert_eq!(first["content"][1]["input"]["path"], "backend/bookshop/labels.py");
    assert_eq!(first["usage"]["service_tier"], "standard");
    assert_eq!(ask(&claude, &body).await.1["content"], first["content"]);

    body["messages"] = answered(&body["messages"], &first, "the file");
    let (_, second) = ask(&claude, &body).await;
    assert_eq!(second["content"][1]["name"], "search");
    assert_ne!(second["content"][1]["id"], first["content"][1]["id"]);
    body["messages"] = answered(&body["messages"], &second, "the lines");
    let (_, third) = ask(&claude, &body).await;
    assert_eq!(third["content"][1]["name"], "report_analysis");
    assert_eq!(third["content"][1]["input"]["classification"], "code_fix");
    body["messages"] = answered(&body["messages"], &third, "thank you");
    let (_, end) = ask(&claude, &body).await;
    assert_eq!(end["stop_reason"], "end_turn");
    assert_eq!(end["content"][1]["text"], "The script `fix` has no turn 4 for `report_analysis`.");

    assert_eq!(claude.turns_answered(), 5);
    let conversations = claude.conversations();
    assert_eq!(conversations.len(), 1);
    assert_eq!((conversations[0].turns, conversations[0].script.as_deref()), (5, Some("fix")));
}

#[tokio::test]
async fn the_result_tool_chooses_the_conversation_and_an_unknown_error_has_no_script() {
    let claude = Claude::start().await.unwrap();
    for (offered, expected) in [("propose_fix", "propose_fix"), ("give_verdict", "give_verdict")] {
        let (_, answer) = ask(&claude, &request(json!({"tools": [tool(offered)]}))).await;
        assert_eq!(answer["content"][1]["name"], expected);
    }
    let message =
        json!([{"role": "user", "content": [{"type": "text", "text": "KeyError in current_user"}]}]);
    let (_, answer) = ask(&claude, &request(json!({"messages": message}))).await;
    assert_eq!(answer["content"][1]["input"]["path"], "backend/bookshop/auth.py");
    let message = json!([{"role": "user", "content": "something else"}]);
    let (_, answer) = ask(&claude, &request(json!({"messages": message}))).await;
    assert_eq!(answer["stop_reason"], "end_turn");
    assert!(answer["content"][1]["text"].as_str().unwrap().contains("none for this error"));
}

#[tokio::test]
async fn added_scripts_come_first_and_can_stop_for_any_reason() {
    let claude = Claude::start().await.unwrap();
    let turns = vec![
        Turn::stopped("pause_turn"),
        Turn::refusal("cyber", "no"),
        Turn::tool("search", json!({})).but_stopped("max_tokens"),
    ];
    claude.add_script(Script::new("stops", INCIDENT).conversation("report_analysis", turns));
    let mut body = request(json!({}));
    let (_, paused) = ask(&claude, &body).await;
    assert_eq!(paused["stop_reason"], "pause_turn");
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": paused["content"]}));
    let (status, refusal) = ask(&claude, &body).await;
    assert_eq!((status, &refusal["stop_reason"]), (200, &json!("refusal")), "a paused turn is gone on with");
    assert_eq!(refusal["stop_details"], json!({"type": "refusal", "category": "cyber", "explanation": "no"}));
    let messages = body["messages"].as_array_mut().unwrap();
    let mut joined = paused["content"].as_array().unwrap().clone();
    joined.extend(refusal["content"].as_array().unwrap().clone());
    messages.truncate(1);
    messages.push(json!({"role": "assistant", "content": joined}));
    messages.push(json!({"role": "user", "content": "Go on."}));
    let (_, cut) = ask(&claude, &body).await;
    assert_eq!((&cut["stop_reason"], &cut["content"][1]["type"]), (&json!("max_tokens"), &json!("tool_use")));
}

#[tokio::test]
async fn a_script_that_no_model_could_follow_is_an_error_of_the_test() {
    let claude = Claude::start().await.unwrap();
    let strict = json!({
        "name": "report_analysis", "description": "A tool", "strict": true,
        "input_schema": {
            "type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"],
            "additionalProperties": false,
        },
    });
    let offering = request(json!({"tools": [strict]}));
    let say = |turn: Turn| {
        claude.add_script(Script::new("wrong", INCIDENT).conversation("report_analysis", vec![turn]))
    };
    for (turn, status) in [
        (Turn::tool("report_analysis", json!({"a": "x"})), 200),
        (Turn::tool("report_analysis", json!({"a": 1})), 501),
        (Turn::tool("search", json!({})), 501),
    ] {
        say(turn);
        assert_eq!(ask(&claude, &offering).await.0, status);
    }
    assert_eq!(claude.service().unknown().len(), 2);
}

#[tokio::test]
async fn bodies_that_break_a_rule_are_refused() {
    let claude = Claude::start().await.unwrap();
    let mark = json!({"type": "ephemeral"});
    let marked = |mark: &Value| json!({"type": "text", "text": "x", "cache_control": mark});
    let user = |content: Value| json!([{"role": "user", "content": content}]);
    let strict = |property: Value| {
        let schema = json!({"type": "object", "properties": {"a": property}, "additionalProperties": false});
        json!([{"name": "a", "description": "A tool", "strict": true, "input_schema": schema}])
    };
    for (change, sentence) in [
        (json!({"temperature": 1}), "unknown field `temperature`"),
        (json!({"max_tokens": "(left out)"}), "missing field `max_tokens`"),
        (json!({"max_tokens": 21_334}), "Streaming is required"),
        (json!({"max_tokens": 128_001}), "128001 > 128000"),
        (json!({"tool_choice": {"type": "any"}}), "unknown variant `any`"),
        (json!({"thinking": {"type": "disabled"}}), "unknown variant `disabled`"),
        (json!({"output_config": {"effort": "extreme"}}), "unknown variant `extreme`"),
        (json!({"tools": [tool("a"), tool("a")]}), "Tool names must be unique"),
        (json!({"tools": [tool("a b")]}), "String should match pattern"),
        (json!({"tools": strict(json!({"type": "string", "maxLength": 3}))}), "'maxLength' is not supported"),
        (json!({"messages": []}), "at least one message"),
        (json!({"messages": user(json!(""))}), "must be non-empty"),
        (json!({"messages": user(json!([]))}), "non-empty content"),
        (json!({"messages": user(json!([{"type": "video"}]))}), "unknown variant `video`"),
        (
            json!({"messages": user(json!([{"type": "text", "text": "x", "size": 1}]))}),
            "unknown field `size`",
        ),
        (json!({"messages": [{"role": "tool", "content": "x"}]}), "unknown variant `tool`"),
        (
            json!({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]}),
            "prefill",
        ),
        (
            json!({"messages": user(json!(vec![marked(&mark); 4]))}),
            "A maximum of 4 blocks with cache_control",
        ),
        (
            json!({"messages": user(json!([marked(&json!({"type": "ephemeral", "ttl": "2h"}))]))}),
            "unknown field `ttl`",
        ),
        (json!({"system": [{"type": "text", "text": ""}]}), "must be non-empty"),
    ] {
        refused(&claude, request(change), sentence).await;
    }
    assert_eq!(claude.turns_answered(), 0, "a refusal costs nothing");
}

#[tokio::test]
async fn tool_calls_must_be_answered_at_once_and_only_once() {
    let claude = Claude::start().await.unwrap();
    let body = request(json!({}));
    let (_, turn) = ask(&claude, &body).await;
    let good = answered(&body["messages"], &turn, "x");
    let result = good[2]["content"][0].clone();
    let with_content = |content: Value| {
        let mut messages = good.clone();
        messages[2]["content"] = content;
        request(json!({"messages": messages}))
    };
    assert_eq!(ask(&claude, &with_content(json!([result, {"type": "text", "text": "and"}]))).await.0, 200);
    refused(&claude, with_content(json!("no results")), "without `tool_result` blocks immediately after")
        .await;
    refused(&claude, with_content(json!([result, result])), "Found multiple `tool_result` blocks").await;
    let text_first = json!([{"type": "text", "text": "first"}, result]);
    refused(&claude, with_content(text_first), "must come first").await;
    let mut unknown = result.clone();
    unknown["tool_use_id"] = json!("toolu_unknown");
    refused(&claude, with_content(json!([unknown])), "unexpected `tool_use_id`").await;
    let mut extra = result.clone();
    extra["status"] = json!("fine");
    refused(&claude, with_content(json!([extra])), "unknown field `status`").await;
    let mut empty_error = result.clone();
    (empty_error["is_error"], empty_error["content"]) = (json!(true), json!([]));
    refused(&claude, with_content(json!([empty_error])), "cannot be empty").await;
}

#[tokio::test]
async fn the_models_turns_must_come_back_unchanged() {
    let claude = Claude::start().await.unwrap();
    let body = request(json!({}));
    let (_, turn) = ask(&claude, &body).await;
    let good = answered(&body["messages"], &turn, "x");
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut messages = good.clone();
        change(&mut messages);
        request(json!({"messages": messages}))
    };
    assert_eq!(ask(&claude, &changed(&|_| {})).await.0, 200);
    let marked = changed(&|m| m[2]["content"][0]["cache_control"] = json!({"type": "ephemeral"}));
    assert_eq!(ask(&claude, &marked).await.0, 200, "marks of the cache are no change");
    let blocks = changed(&|m| m[0]["content"] = json!([{"type": "text", "text": INCIDENT}]));
    assert_eq!(ask(&claude, &blocks).await.0, 200, "nor is another spelling of the same content");

    let dropped = changed(&|m| drop(m[1]["content"].as_array_mut().unwrap().remove(0)));
    refused(&claude, dropped, "Expected `thinking`").await;
    let wrong = "Invalid `signature` in `thinking` block";
    refused(&claude, changed(&|m| m[1]["content"][0]["thinking"] = json!("hm")), wrong).await;
    refused(&claude, changed(&|m| m[1]["content"][0]["signature"] = json!("x")), wrong).await;
    refused(&claude, changed(&|m| m[1]["content"][1]["input"]["path"] = json!("other.py")), wrong).await;
    refused(&claude, changed(&|m| m[0]["content"] = json!("address_lines, edited")), wrong).await;
    let mut other_model = changed(&|_| {});
    other_model["model"] = json!("claude-sonnet-5-5");
    refused(&claude, other_model, wrong).await;
}

#[tokio::test]
async fn usage_counts_what_the_cache_gave_and_took() {
    let claude = Claude::start().await.unwrap();
    let text = "address_lines ".repeat(400);
    let block = json!({"type": "text", "text": text, "cache_control": {"type": "ephemeral"}});
    let mut body = request(json!({"messages": [{"role": "user", "content": [block]}]}));
    let (_, first) = ask(&claude, &body).await;
    let usage = &first["usage"];
    let written = usage["cache_creation_input_tokens"].as_u64().unwrap();
    assert!(written > 1_400, "{usage}");
    assert_eq!(usage["cache_creation"]["ephemeral_5m_input_tokens"], written);
    assert_eq!((&usage["cache_read_input_tokens"], &usage["input_tokens"]), (&json!(0), &json!(0)));
    assert!(usage["output_tokens"].as_u64() > usage["output_tokens_details"]["thinking_tokens"].as_u64());
    let (_, again) = ask(&claude, &body).await;
    assert_eq!(again["usage"]["cache_read_input_tokens"], written);
    assert_eq!(again["usage"]["cache_creation_input_tokens"], 0);

    body["messages"][0]["content"][0].as_object_mut().unwrap().remove("cache_control");
    body["messages"] = answered(&body["messages"], &first, &"line\n".repeat(100));
    body["messages"][2]["content"][0]["cache_control"] = json!({"type": "ephemeral"});
    let (_, next) = ask(&claude, &body).await;
    assert_eq!(
        next["usage"]["cache_read_input_tokens"], written,
        "the mark has moved, the beginning is cached"
    );
    assert!(next["usage"]["cache_creation_input_tokens"].as_u64() > Some(100));
    body["model"] = json!("claude-haiku-5-5");
    body["messages"] = json!([{"role": "user", "content": "address_lines"}]);
    assert_eq!(
        ask(&claude, &body).await.1["usage"]["cache_read_input_tokens"],
        0,
        "every model has its own cache"
    );
}

#[tokio::test]
async fn key_version_and_model_are_checked() {
    let claude = Claude::start().await.unwrap();
    let url = format!("{}/v1/messages", claude.url());
    let post = || client().post(&url).json(&request(json!({})));
    let version = ("anthropic-version", "2026-10-21");
    for (request, status) in [
        (post().header(version.0, version.1).header("x-api-key", API_KEY), 200),
        (post().header(version.0, "2023-06-01").bearer_auth(API_KEY), 200),
        (post().header(version.0, version.1), 401),
        (post().header(version.0, version.1).bearer_auth("other"), 401),
        (post().bearer_auth(API_KEY), 400),
        (post().header(version.0, "2024-01-01").bearer_auth(API_KEY), 400),
        (post().header(version.0, version.1).header("anthropic-beta", "x").bearer_auth(API_KEY), 501),
    ] {
        assert_eq!(request.send().await.unwrap().status(), status);
    }
    let (status, answer) = ask(&claude, &request(json!({"model": "claude-opus-9"}))).await;
    assert_eq!((status, &answer["error"]["type"]), (404, &json!("not_found_error")));
    let model = |id: &str| {
        let get = client().get(format!("{}/v1/models/{id}", claude.url())).bearer_auth(API_KEY);
        get.header(version.0, version.1).send()
    };
    let described: Value = model("claude-opus-5-5").await.unwrap().json().await.unwrap();
    assert_eq!((&described["lifecycle"], &described["max_tokens"]), (&json!("active"), &json!(128_000)));
    assert_eq!(model("claude-opus-9").await.unwrap().status(), 404);
}
