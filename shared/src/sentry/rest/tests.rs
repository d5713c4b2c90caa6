use super::*;
use crate::outbound::tests::{answer, meaning};

fn told(status: u16, headers: &[(&'static str, &str)]) -> String {
    meaning(&successful(&answer(status, headers, r#"{"detail":"said"}"#)))
}

#[test]
fn an_error_is_told_by_its_status() {
    assert_eq!(told(200, &[]), "done");
    assert_eq!(told(401, &[]), "credential refused");
    assert_eq!(told(403, &[]), "not allowed");
    assert_eq!(told(404, &[]), "not found");
    assert_eq!(told(410, &[]), "unavailable, 300 s", "an outage on purpose, which ends");
    assert_eq!(told(400, &[]), "refused");
    let twice = answer(400, &[], r#"{"detail":"You have already posted that comment."}"#);
    assert_eq!(meaning(&successful(&twice)), "conflict");
    for status in [408, 500, 502, 503] {
        assert_eq!(told(status, &[]), "unavailable", "{status}");
    }
}

#[test]
fn a_limit_is_waited_for_until_its_window_ends() {
    let date = ("date", "Sun, 22 Nov 2026 10:00:00 GMT");
    assert_eq!(told(429, &[("retry-after", "4")]), "limited, 4 s");
    assert_eq!(told(429, &[date, ("x-sentry-rate-limit-reset", "1795341630")]), "limited, 30 s");
    assert_eq!(told(429, &[date, ("x-sentry-rate-limit-reset", "1795341601.25")]), "limited, 2 s");
    assert_eq!(told(429, &[]), "limited, 1 s");
    for senseless in ["soon", "0", "NaN", "1e300", "1995341630"] {
        assert_eq!(
            told(429, &[date, ("x-sentry-rate-limit-reset", senseless)]),
            "limited, 1 s",
            "{senseless}"
        );
    }
}
