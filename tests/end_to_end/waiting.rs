//! `autofix serve` with the settings of a Python AutoFix: it says what is missing, and takes nothing.

use std::path::Path;

use autofix_local::{settings, waiting};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::page;
use crate::page::html::shown;

const OF_PYTHON: &str = "ANTHROPIC_API_KEY=sk-ant-0123456789abcdef\nAUTOFIX_GITHUB_TOKEN=github_pat_0123456789abcdef\n\
    AUTOFIX_SLACK_WEBHOOK_URL=https://hooks.slack.com/services/T0/B0/abc\nSENTRY_WEBHOOK_SECRET=0123456789abcdef0123456789abcdef\n";

async fn asked(folder: &Path, request: Request<Body>) -> (StatusCode, String) {
    let page = page::ask(waiting::routes(folder, "/api/v1/autofix"), request).await;
    (page.status, page.text)
}

#[tokio::test]
async fn the_four_variables_of_the_python_autofix_are_enough_to_be_told_what_is_missing() {
    let folder = TempDir::new().unwrap();
    let (folder, file) = (folder.path(), folder.path().join(".env"));
    std::fs::write(&file, OF_PYTHON).unwrap();
    let environment = settings::environment(folder).unwrap();
    assert!(settings::are_of_python_autofix(&environment));
    let get = |path: &str, accept: &str| {
        Request::get(format!("/api/v1/autofix{path}")).header("accept", accept).body(Body::empty()).unwrap()
    };
    let (status, body) = asked(folder, get("/status", "*/*")).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["status"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("incomplete")));
    let missing: Vec<_> = body["missing"].as_array().unwrap().iter().map(|one| &one["setting"]).collect();
    assert_eq!(missing, [&json!("AUTOFIX_GITHUB_REPO"), &json!("AUTOFIX_API_TOKEN")]);
    let (status, page) = asked(folder, get("/", "text/html,*/*")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let seen = shown(&page);
    for expected in
        ["AutoFix waits for settings", "AUTOFIX_GITHUB_REPO", "AUTOFIX_API_TOKEN", "autofix setup"]
    {
        assert!(seen.contains(expected), "{expected}: {seen}");
    }
    let webhook = Request::post("/api/v1/autofix/webhooks/sentry").body(Body::from("{}")).unwrap();
    let (status, body) = asked(folder, webhook).await;
    let expected = "Nothing was accepted: AutoFix waits for `AUTOFIX_GITHUB_REPO`, `AUTOFIX_API_TOKEN`";
    assert_eq!((status, body), (StatusCode::SERVICE_UNAVAILABLE, json!({ "detail": expected }).to_string()));
    // What is filled in meanwhile is no longer missing.
    std::fs::write(&file, format!("{OF_PYTHON}AUTOFIX_GITHUB_REPO=acme/shop\n")).unwrap();
    let (_, body) = asked(folder, get("/attempts", "application/json")).await;
    assert!(body.ends_with("waits for `AUTOFIX_API_TOKEN`\"}"), "{body}");
}
