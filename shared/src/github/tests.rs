use super::answers::error_of;
use crate::outbound::tests::{answer, meaning};

const DATE: (&str, &str) = ("date", "Sun, 22 Nov 2026 10:00:00 GMT");
const NONE_LEFT: (&str, &str) = ("x-ratelimit-remaining", "0");

fn told(status: u16, headers: &[(&'static str, &str)], said: &str) -> String {
    let body = format!(r#"{{"message":"{said}","documentation_url":"https://docs.github.com"}}"#);
    meaning(&error_of(&answer(status, headers, &body)).map_or(Ok(()), Err))
}

#[test]
fn a_primary_limit_is_waited_for_until_its_reset() {
    let reset = ("x-ratelimit-reset", "1795343400"); // 10:30:00
    for status in [403, 429] {
        assert_eq!(told(status, &[DATE, NONE_LEFT, reset], "API rate limit exceeded"), "limited, 1801 s");
        assert_eq!(told(status, &[DATE, NONE_LEFT], "API rate limit exceeded"), "limited, 61 s");
        let past = ("x-ratelimit-reset", "1795341000");
        assert_eq!(told(status, &[DATE, NONE_LEFT, past], "API rate limit exceeded"), "limited, 61 s");
        let far = ("x-ratelimit-reset", "1995341600");
        assert_eq!(told(status, &[DATE, NONE_LEFT, far], "API rate limit exceeded"), "limited, 7201 s");
    }
}

#[test]
fn a_secondary_limit_is_waited_for_as_asked_or_a_minute() {
    let said = "You have exceeded a secondary rate limit.";
    for status in [403, 429] {
        assert_eq!(told(status, &[("retry-after", "90")], said), "limited, 90 s");
        assert_eq!(told(status, &[("x-ratelimit-remaining", "4000")], said), "limited, 60 s");
    }
    assert_eq!(told(429, &[], "Too many requests"), "limited, 60 s");
}

#[test]
fn what_is_no_limit_is_told_by_its_status() {
    let left = ("x-ratelimit-remaining", "4999");
    assert_eq!(told(200, &[], ""), "done");
    assert_eq!(told(401, &[left], "Bad credentials"), "credential refused");
    assert_eq!(told(403, &[left], "Resource not accessible by personal access token"), "not allowed");
    for status in [301, 307, 308] {
        assert_eq!(told(status, &[left], "Moved Permanently"), "moved", "{status}");
    }
    for status in [404, 410] {
        assert_eq!(told(status, &[left], "Not Found"), "not found", "{status}");
    }
    for status in [405, 409] {
        assert_eq!(told(status, &[left], "Head branch was modified"), "conflict", "{status}");
    }
    assert_eq!(told(422, &[left], "Validation Failed"), "refused");
    for status in [408, 500, 502, 503] {
        assert_eq!(told(status, &[], "<html>"), "unavailable", "{status}");
    }
    assert_eq!(told(503, &[("retry-after", "3")], ""), "unavailable, 3 s");
}
