use super::*;
use crate::outbound::tests::{answer, meaning};
use crate::redaction::Redacted;

fn told(status: u16, headers: &[(&'static str, &str)]) -> String {
    let body = r#"{"type":"error","error":{"type":"some_error","message":"said"},"request_id":"req_1"}"#;
    meaning::<()>(&Err(error_of(&answer(status, headers, body))))
}

#[test]
fn the_header_decides_and_else_the_status() {
    for status in [408, 409, 500, 503, 504, 529] {
        assert_eq!(told(status, &[]), "unavailable", "{status}");
        assert_eq!(told(status, &[("retry-after", "20")]), "unavailable, 20 s", "{status}");
        assert_eq!(told(status, &[("x-should-retry", "false")]), "refused", "{status}");
    }
    for status in [400, 402, 403, 413, 422, 499] {
        assert_eq!(told(status, &[("x-should-retry", "true")]), "unavailable", "{status}");
    }
    for status in [400, 413, 422, 499] {
        assert_eq!(told(status, &[]), "refused", "{status}");
    }
    assert_eq!(told(401, &[]), "credential refused");
    assert_eq!(told(402, &[]), "not allowed");
    assert_eq!(told(403, &[]), "not allowed");
    assert_eq!(told(404, &[]), "not found");
}

#[test]
fn a_request_marks_the_end_of_what_was_said_and_of_what_the_last_turn_wrote() {
    let marked = |count: usize| {
        let of_model = Turn { content: Vec::new(), stop: Stop::EndOfTurn, usage: Usage::default() };
        let mut messages: Vec<Message> = (0..count)
            .map(|n| if n % 2 == 0 { Message::ours() } else { Message::of_model(&of_model) })
            .map(|message| message.text(&Redacted::trusted("a")).text(&Redacted::trusted("b")))
            .collect();
        mark_ends(&mut messages);
        let messages = serde_json::to_value(&messages).unwrap();
        let blocks = messages.as_array().unwrap().iter().enumerate();
        let blocks = blocks
            .flat_map(|(n, message)| message["content"].as_array().unwrap().iter().map(move |b| (n, b)));
        let marked = blocks.filter(|(_, block)| block.get("cache_control").is_some());
        marked.map(|(n, block)| (n, block["text"].as_str().unwrap().to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(marked(0), []);
    assert_eq!(marked(1), [(0, "b".to_owned())]);
    assert_eq!(marked(3), [(0, "b".to_owned()), (2, "b".to_owned())]);
    assert_eq!(marked(7), [(4, "b".to_owned()), (6, "b".to_owned())]);
}

#[test]
fn a_limit_without_a_time_is_a_spend_cap_and_left_alone_for_an_hour() {
    assert_eq!(told(429, &[("retry-after", "7")]), "limited, 7 s");
    assert_eq!(told(429, &[("retry-after-ms", "250")]), "limited, 0.25 s");
    assert_eq!(told(429, &[]), "limited, 3600 s");
    assert_eq!(told(429, &[("retry-after", "7"), ("x-should-retry", "false")]), "limited, 3600 s");
    assert_eq!(told(429, &[("x-should-retry", "true")]), "limited");
}
