//! A webhook of Sentry's after its signature was verified: the resource on the first line, then the body.

#![no_main]

use autofix::sentry::webhook::{self, Webhook};
use autofix_fuzz::check_incident;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (resource, body) = (String::from_utf8_lossy(&data[..end]), data.get(end + 1..).unwrap_or_default());
    let read = webhook::read(&resource, body);
    assert_eq!(read, webhook::read(&resource, body), "the same bytes, the same webhook");
    match read {
        Ok(Webhook::Report(report)) => {
            check_incident(&report.incident);
            let project = &report.incident.project;
            assert!(
                !project.is_empty() && project.len() <= 100 && !project.contains(['/', '%', ' ', '#', '?'])
            );
        }
        Ok(Webhook::SentryAgentOpenedPullRequest { issue_id, urls }) => {
            assert!(!issue_id.is_empty() && issue_id.bytes().all(|byte| byte.is_ascii_digit()));
            assert!(urls.len() <= 5 && urls.iter().all(|url| url.starts_with("http")));
        }
        Ok(Webhook::Ignored { why }) => {
            assert!(why.starts_with("Ignored ") && why.len() < 200, "{why}");
            assert!(why.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{why}");
        }
        Err(error) => {
            let said = error.to_string();
            assert!(said.is_ascii() && said.len() < 200, "an answer repeats what was sent: {said}");
            if serde_json::from_slice::<serde_json::Value>(body).is_ok() {
                assert_ne!(error, webhook::WebhookError::NotJson, "JSON is told from what is none");
            }
        }
    }
});
