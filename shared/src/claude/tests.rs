use super::*;
use crate::outbound::tests::{answer, meaning};

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
fn a_limit_without_a_time_is_a_spend_cap_and_left_alone_for_an_hour() {
    assert_eq!(told(429, &[("retry-after", "7")]), "limited, 7 s");
    assert_eq!(told(429, &[("retry-after-ms", "250")]), "limited, 0.25 s");
    assert_eq!(told(429, &[]), "limited, 3600 s");
    assert_eq!(told(429, &[("retry-after", "7"), ("x-should-retry", "false")]), "limited, 3600 s");
    assert_eq!(told(429, &[("x-should-retry", "true")]), "limited");
}
