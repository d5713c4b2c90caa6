use super::answer::{ok_of, posted};
use serde::de::IgnoredAny;

use super::*;
use crate::outbound::tests::{answer, meaning};

#[test]
fn only_slacks_host_or_the_configured_one_may_be_answered() {
    let api = Url::parse("https://slack.com/api").unwrap();
    let sandbox = Url::parse("http://127.0.0.1:4000/api").unwrap();
    let check = |url: &str, api: &Url| Url::parse(url).is_ok_and(|url| is_slack_host(&url, api));
    assert!(check("https://hooks.slack.com/actions/T/1/x", &api));
    assert!(check("http://127.0.0.1:4000/actions/T/1/x", &sandbox));
    for url in [
        "http://hooks.slack.com/actions/T/1/x",
        "https://hooks.slack.com.evil.example/actions",
        "https://evil.example/hooks.slack.com",
        "https://hooks.slack.com@evil.example/",
        "https://user@hooks.slack.com/actions",
        "https://hooks.slack.com:8443/actions",
        "http://169.254.169.254/latest/meta-data",
        "https://hooks.slack.com./actions",
        "https://hooks.slack.com.:443/actions",
        "https://hooks.slack.com:443@evil.example/actions",
        "https://evil.example\\@hooks.slack.com/actions",
        "https://evil.example#@hooks.slack.com/actions",
        "https://evil.example?hooks.slack.com/actions",
        "https://evil.example/https://hooks.slack.com/actions",
        "https://:password@hooks.slack.com/actions",
        "https://hooks.slack.com%2eevil.example/actions",
        "https://hooks.s\u{13C}ack.com/actions",
        "https://hooks\u{3002}slack\u{3002}com.evil.example/actions",
        "https://xhooks.slack.com/actions",
        "https://slack.com.evil.example/api/actions",
        "wss://hooks.slack.com/actions",
        "ftp://hooks.slack.com/actions",
        "file://hooks.slack.com/actions",
        "https://[::ffff:127.0.0.1]/actions",
        "http://127.0.0.1:4001/actions",
    ] {
        assert!(!check(url, &api), "{url}");
    }
}

fn told(status: u16, headers: &[(&'static str, &str)], body: &str) -> String {
    meaning(&ok_of::<IgnoredAny>("chat.postMessage", &answer(status, headers, body)))
}

#[test]
fn the_web_api_says_no_in_many_ways() {
    let no = |code: &str| format!(r#"{{"ok":false,"error":"{code}"}}"#);
    assert_eq!(told(200, &[], r#"{"ok":true}"#), "done");
    assert_eq!(told(429, &[("retry-after", "30")], ""), "limited, 30 s");
    assert_eq!(told(429, &[], ""), "limited");
    assert_eq!(told(503, &[], "<html>"), "unavailable");
    assert_eq!(told(200, &[], &no("ratelimited")), "limited");
    assert_eq!(told(200, &[("retry-after", "5")], &no("rate_limited")), "limited, 5 s");
    for code in ["internal_error", "fatal_error", "service_unavailable", "request_timeout"] {
        assert_eq!(told(200, &[], &no(code)), "unavailable", "{code}");
    }
    for code in ["invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"] {
        assert_eq!(told(200, &[], &no(code)), "credential refused", "{code}");
    }
    for code in ["missing_scope", "not_in_channel", "restricted_action"] {
        assert_eq!(told(200, &[], &no(code)), "not allowed", "{code}");
    }
    for code in ["channel_not_found", "message_not_found", "thread_not_found", "no_such_subteam"] {
        assert_eq!(told(200, &[], &no(code)), "not found", "{code}");
    }
    for code in ["invalid_blocks", "msg_blocks_too_long", "is_archived", "a_code_of_tomorrow"] {
        assert_eq!(told(200, &[], &no(code)), "refused", "{code}");
    }
    assert_eq!(told(200, &[], "no JSON"), "refused");
}

#[test]
fn an_incoming_webhook_says_no_with_a_status() {
    let told = |status, headers: &[(&'static str, &str)]| meaning(&posted(&answer(status, headers, "code")));
    assert_eq!(told(200, &[]), "done");
    assert_eq!(told(429, &[("retry-after", "1")]), "limited, 1 s");
    assert_eq!(told(500, &[]), "unavailable");
    assert_eq!(told(403, &[]), "not allowed");
    assert_eq!(told(404, &[]), "not found");
    for status in [400, 410] {
        assert_eq!(told(status, &[]), "refused", "{status}");
    }
}
