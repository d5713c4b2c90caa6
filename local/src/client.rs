//! The commands that talk to a running AutoFix: `send` and `attempts`.

#![allow(clippy::print_stdout, reason = "commands print their result")]

use std::path::Path;

use anyhow::{Context, bail};
use autofix::config::{Environment, names};
use jiff::Timestamp;
use serde_json::Value;

use crate::sample_event::SampleEvent;
use crate::sandbox::API_TOKEN;

/// Signs an event of `events/` and posts it; prints the answer.
///
/// # Errors
/// When the door refuses it, too.
pub async fn send(file: &Path, url: &str, environment: &Environment, now: Timestamp) -> anyhow::Result<()> {
    let mut event = SampleEvent::open(file)?;
    event.sign(environment, now)?;
    let method = event.method().parse().context("read the event's method")?;
    let address = format!("{}{}", url.trim_end_matches('/'), event.path());
    let mut request = http()?.request(method, &address).body(event.body().to_vec());
    for (name, value) in event.headers() {
        request = request.header(name, value);
    }
    let answer =
        request.send().await.with_context(|| format!("reach `{address}`; is `autofix serve` running?"))?;
    let status = answer.status();
    println!("{status}\n{}", answer.text().await.unwrap_or_default());
    if status.is_success() { Ok(()) } else { bail!("the door refused the event") }
}

/// Prints an event of `events/`, signed for this moment, for `sam local invoke --event -`.
pub fn print_signed(file: &Path, environment: &Environment, now: Timestamp) -> anyhow::Result<()> {
    let mut event = SampleEvent::open(file)?;
    event.sign(environment, now)?;
    println!("{:#}", event.to_json());
    Ok(())
}

/// Prints the newest attempts as a table, or one in full.
pub async fn attempts(id: Option<&str>, url: &str, environment: &Environment) -> anyhow::Result<()> {
    let prefix = environment.get("AUTOFIX_PREFIX").unwrap_or("/autofix").trim_matches('/');
    let path = match id {
        Some(id) => format!("attempts/{id}"),
        None => "attempts".to_owned(),
    };
    let address = format!("{}/{prefix}/{path}", url.trim_end_matches('/'));
    let token = environment.get(names::API_TOKEN).unwrap_or(API_TOKEN);
    let answer = http()?.get(&address).bearer_auth(token).send().await;
    let answer = answer.with_context(|| format!("reach `{address}`; is `autofix serve` running?"))?;
    let status = answer.status();
    let body: Value = serde_json::from_str(&answer.text().await?).context("read the answer as JSON")?;
    if !status.is_success() {
        bail!("{status}: {}", body["detail"].as_str().unwrap_or_default());
    }
    match body.as_array() {
        None => println!("{body:#}"),
        Some(attempts) if attempts.is_empty() => println!("No attempts yet."),
        Some(attempts) => attempts.iter().for_each(|attempt| println!("{}", row(attempt))),
    }
    Ok(())
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

fn http() -> anyhow::Result<reqwest::Client> {
    autofix::outbound::install_tls();
    Ok(reqwest::Client::builder().build()?)
}
