//! The commands that talk to a running AutoFix: `send`, `fix` and `attempts`.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use autofix::config::{Environment, names};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::sample_event::SampleEvent;
use crate::sandbox::API_TOKEN;
use crate::terminal::{patiently, say};

/// A door answers within three seconds, however cold.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A running AutoFix.
pub struct Server {
    /// Such as `http://127.0.0.1:3000`.
    pub url: String,
    /// Its prefix and secrets, where they are not the development ones.
    pub environment: Environment,
}

impl Server {
    /// An event of `events/`, signed for this moment; a click may be made about another attempt.
    pub async fn prepare(
        &self,
        file: &Path,
        attempt: Option<&str>,
        now: Timestamp,
    ) -> anyhow::Result<SampleEvent> {
        let mut event = SampleEvent::open(file)?;
        event.move_to(&self.prefix());
        if let Some(id) = attempt {
            let found = self.get(&format!("attempts/{id}")).await?;
            let head =
                found["head_sha"].as_str().context("this attempt has no pull request to click about")?;
            event.click_on(id, head)?;
        }
        event.sign(&self.environment, now)?;
        Ok(event)
    }

    /// Posts the event and prints the answer.
    ///
    /// # Errors
    /// When the door refuses it, too.
    pub async fn send(&self, event: &SampleEvent) -> anyhow::Result<()> {
        let method = event.method().parse().context("read the event's method")?;
        let address = format!("{}{}", self.url.trim_end_matches('/'), event.path());
        let mut request = client()?.request(method, &address).body(event.body().to_vec());
        for (name, value) in event.headers() {
            request = request.header(name, value);
        }
        let answer = patiently(&waiting_for(&address), request.send()).await;
        let answer = answer.with_context(|| unreachable_at(&address))?;
        let status = answer.status();
        say!("{status}\n{}", answer.text().await.unwrap_or_default());
        if status.is_success() { Ok(()) } else { bail!("the door refused the event") }
    }

    /// Starts an attempt at the error of a page in Sentry, and prints what AutoFix answered.
    pub async fn fix(&self, sentry_url: &str) -> anyhow::Result<()> {
        let body = self.ask(Method::POST, "attempts", Some(json!({ "sentry_url": sentry_url }))).await?;
        let id = body["fix_attempt_id"].as_str().unwrap_or_default();
        say!("{}: attempt {id}", body["message"].as_str().unwrap_or_default());
        Ok(())
    }

    /// Prints the newest attempts as a table, or one in full.
    pub async fn show_attempts(&self, id: Option<&str>) -> anyhow::Result<()> {
        let path = id.map_or("attempts".to_owned(), |id| format!("attempts/{id}"));
        let body = self.get(&path).await?;
        match body.as_array() {
            None => say!("{body:#}"),
            Some(attempts) if attempts.is_empty() => say!("No attempts yet."),
            Some(attempts) => attempts.iter().for_each(|attempt| say!("{}", row(attempt))),
        }
        Ok(())
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.ask(Method::GET, path, None).await
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let address = format!("{}{}/{path}", self.url.trim_end_matches('/'), self.prefix());
        let token = self.environment.get(names::API_TOKEN).unwrap_or(API_TOKEN);
        let mut request = client()?.request(method, &address).bearer_auth(token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = patiently(&waiting_for(&address), request.send()).await;
        let answer = answer.with_context(|| unreachable_at(&address))?;
        let status = answer.status();
        let body: Value = serde_json::from_str(&answer.text().await?).context("read the answer as JSON")?;
        if !status.is_success() {
            bail!("{status}: {}", body["detail"].as_str().unwrap_or_default());
        }
        Ok(body)
    }

    fn prefix(&self) -> String {
        let prefix = self.environment.get("AUTOFIX_PREFIX").unwrap_or("autofix").trim_matches('/');
        if prefix.is_empty() { String::new() } else { format!("/{prefix}") }
    }
}

/// Prints an event, for `sam local invoke --event -`.
pub fn print(event: &SampleEvent) {
    say!("{:#}", event.to_json());
}

/// # Errors
/// When there is no TLS.
fn client() -> anyhow::Result<reqwest::Client> {
    reqwest::Client::builder().timeout(TIMEOUT).build().context("prepare the request")
}

fn waiting_for(address: &str) -> String {
    format!("Waiting for {address} …")
}

fn unreachable_at(address: &str) -> String {
    format!("reach `{address}`; is `autofix serve` running?")
}

fn row(attempt: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let analysis = &attempt["error_analysis"];
    let place = match (analysis["file_path"].as_str(), analysis["line_number"].as_u64()) {
        (Some(file), Some(line)) => format!("{file}:{line}"),
        (Some(file), None) => file.to_owned(),
        (None, _) => "-".to_owned(),
    };
    format!(
        "{}  {:<17} {:<16} {:<18} {place}  {}",
        text(&attempt["id"]),
        text(&attempt["status"]),
        text(&attempt["project_name"]),
        text(&analysis["error_type"]),
        attempt["pr_url"].as_str().or(attempt["reason"]["code"].as_str()).unwrap_or(""),
    )
}
