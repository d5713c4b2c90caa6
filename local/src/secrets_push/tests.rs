use autofix::clock::Clock;
use autofix::secrets::Secrets;

use super::*;
use crate::sandbox::secrets_manager::{ARN, SecretsManager};

/// A file of this test's own, removed at the end.
struct DotEnv(std::path::PathBuf);

impl DotEnv {
    fn new(name: &str, text: &str) -> DotEnv {
        let path = std::env::temp_dir().join(format!("autofix-push-{name}-{}.env", std::process::id()));
        std::fs::write(&path, text).unwrap();
        DotEnv(path)
    }

    async fn push(&self, secret: Option<&str>, manager: &SecretsManager) -> anyhow::Result<()> {
        push(&self.0, secret, &manager.client()).await
    }
}

impl Drop for DotEnv {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn manager() -> SecretsManager {
    SecretsManager::start_with(Clock::system()).await.unwrap()
}

async fn value(manager: &SecretsManager, name: &str) -> Option<String> {
    let (client, environment) = (manager.client(), Environment::default());
    let secrets = Secrets::from_secrets_manager(client, ARN.to_owned(), environment, Clock::system());
    secrets.get(name).await.unwrap().map(|secret| secret.expose().to_owned())
}

fn puts(manager: &SecretsManager) -> usize {
    manager.service().count(axum::http::Method::POST, "PutSecretValue")
}

#[tokio::test]
async fn what_is_pushed_is_what_the_functions_read_and_the_rest_stays() {
    let manager = manager().await;
    manager.put(names::API_TOKEN, "kept-token");
    manager.put(names::SLACK_BOT_TOKEN, "old");
    let file = DotEnv::new(
        "all",
        "ANTHROPIC_API_KEY=sk-1\nAUTOFIX_SLACK_BOT_TOKEN=xoxb-2\nSENTRY_AUTH_TOKEN=\n\
         AUTOFIX_GITHUB_REPO=acme/shop\nAUTOFIX_GITHUB_APP_PRIVATE_KEY=\"BEGIN\\nEND\"\n",
    );
    file.push(Some(ARN), &manager).await.unwrap();
    for (name, expected) in [
        (names::ANTHROPIC_API_KEY, Some("sk-1")),
        (names::SLACK_BOT_TOKEN, Some("xoxb-2")),
        (names::GITHUB_APP_PRIVATE_KEY, Some("BEGIN\nEND")),
        (names::API_TOKEN, Some("kept-token")),
        (names::SENTRY_AUTH_TOKEN, None),
        ("AUTOFIX_GITHUB_REPO", None),
    ] {
        assert_eq!(value(&manager, name).await.as_deref(), expected, "{name}");
    }
    // A second time there is nothing to write.
    file.push(Some(ARN), &manager).await.unwrap();
    assert_eq!(puts(&manager), 1);
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_not_made() {
    let manager = manager().await;
    let file = DotEnv::new("none", "ANTHROPIC_API_KEY=sk-1\n");
    let error = file.push(Some("another"), &manager).await.unwrap_err().to_string();
    assert!(error.starts_with("there is no secret `another`"), "{error}");
    assert_eq!(puts(&manager), 0);
    let error = file.push(None, &manager).await.unwrap_err().to_string();
    assert!(error.contains("`AUTOFIX_SECRET_ARN`"), "{error}");
}

#[tokio::test]
async fn a_secret_that_holds_something_else_is_not_overwritten_nor_shown() {
    let manager = manager().await;
    manager.put_text("hunter2");
    let file = DotEnv::new("text", "ANTHROPIC_API_KEY=sk-1\n");
    let error = format!("{:#}", file.push(Some(ARN), &manager).await.unwrap_err());
    assert!(error.contains("it was not touched") && !error.contains("hunter2"), "{error}");
    assert_eq!(puts(&manager), 0);
}

#[tokio::test]
async fn a_refusal_names_the_secret_and_no_value() {
    let manager = manager().await;
    let denied = r#"{"__type":"AccessDeniedException","Message":"not authorized"}"#;
    let fault =
        crate::sandbox::service::Fault::Answer { status: 400, headers: Vec::new(), body: denied.to_owned() };
    manager.service().fail_next(axum::http::Method::POST, "PutSecretValue", fault);
    let file = DotEnv::new("denied", "ANTHROPIC_API_KEY=sk-very-secret\n");
    let error = format!("{:#}", file.push(Some(ARN), &manager).await.unwrap_err());
    assert!(error.contains("AccessDeniedException") && error.contains(ARN), "{error}");
    assert!(!error.contains("sk-very-secret"), "{error}");
}

#[test]
fn a_file_without_secrets_is_refused_with_their_names() {
    let file = DotEnv::new("plain", "AUTOFIX_GITHUB_REPO=acme/shop\nANTHROPIC_API_KEY=\n");
    let error = show(&file.0).unwrap_err().to_string();
    assert!(error.contains("has none of the secrets") && error.contains("SENTRY_WEBHOOK_SECRET"), "{error}");
}
