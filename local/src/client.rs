//! The commands that talk to a running AutoFix: `send`, `fix` and `attempts`.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use autofix::config::{Environment, names};
use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::arguments::AttemptsArgs;
use crate::sample_event::SampleEvent;
use crate::sandbox::API_TOKEN;
use crate::terminal::{patiently, say};
use crate::waiting::INCOMPLETE;

/// An endpoint answers within three seconds, however cold.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A running AutoFix.
pub struct Server {
    /// Such as `http://127.0.0.1:3000`.
    pub url: String,
    /// Its prefix and secrets, where they are not the development ones.
    pub environment: Environment,
}

/// What a running AutoFix says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningStatus {
    pub is_ready: bool,
    /// For people.
    pub sentence: String,
}

impl RunningStatus {
    /// `None` if these are not AutoFix's words.
    fn of(body: &Value) -> Option<RunningStatus> {
        let version = body["version"].as_str()?;
        let names = |list: &Value| -> Vec<String> {
            let name = |one: &Value| one.as_str().or(one["setting"].as_str()).map(|name| format!("`{name}`"));
            list.as_array().into_iter().flatten().filter_map(name).collect()
        };
        let (missing, empty) = (names(&body["missing"]), names(&body["empty_secrets"]));
        let sentence = match body["status"].as_str()? {
            INCOMPLETE => {
                format!("AutoFix {version} waits for {}. `autofix setup` asks for them.", missing.join(", "))
            }
            "ok" if empty.is_empty() => format!("AutoFix {version} works."),
            "ok" => format!(
                "AutoFix {version} runs, and these secrets are still empty: {}. `autofix setup --push` fills them.",
                empty.join(", ")
            ),
            _ => return None,
        };
        Some(RunningStatus { is_ready: missing.is_empty() && empty.is_empty(), sentence })
    }
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
    /// If AutoFix refuses it, too.
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
        let said = answer.text().await.unwrap_or_default();
        say!("{status}");
        if !said.is_empty() {
            say!("{said}");
        }
        match (status, event.signed_with()) {
            (StatusCode::UNAUTHORIZED, Some(name)) => bail!("{}", self.wrong_signature(name)),
            (status, _) if !status.is_success() => bail!("AutoFix refused the event"),
            (_, Some(names::SLACK_SIGNING_SECRET)) if said.is_empty() => {
                say!(
                    "AutoFix took the click. What it says about it goes to the person in Slack; `autofix attempts <id>` shows"
                );
                say!("whether anything changed.");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn wrong_signature(&self, name: &str) -> String {
        let with = match self.environment.get(name) {
            Some(_) => format!("with your `{name}`"),
            None => format!("with the sandbox's secret, because `{name}` is not set"),
        };
        format!(
            "{} does not accept the signature. `send` signed {with}. Set `{name}` (environment or `.env`) to the one that \
             this AutoFix has",
            self.url
        )
    }

    /// Whether it works, and what is missing.
    ///
    /// # Errors
    /// If it can't be reached, or is not AutoFix.
    pub async fn status(&self) -> anyhow::Result<RunningStatus> {
        let address = self.address("status");
        let mut request = client()?.get(&address);
        if let Some(token) = self.environment.get(names::API_TOKEN) {
            request = request.bearer_auth(token);
        }
        let answer = patiently(&waiting_for(&address), request.send()).await;
        let answer = answer.with_context(|| unreachable_at(&address))?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            bail!("{}", self.wrong_token());
        }
        let body: Value = serde_json::from_str(&answer.text().await?).unwrap_or_default();
        RunningStatus::of(&body).with_context(|| {
            format!("`{address}` answers, and not as AutoFix does. Are `--url` and `AUTOFIX_PREFIX` right?")
        })
    }

    /// Starts an attempt at the error of a page in Sentry, and prints what AutoFix answered.
    pub async fn fix(&self, sentry_url: &str) -> anyhow::Result<()> {
        let body = self.ask(Method::POST, "attempts", Some(json!({ "sentry_url": sentry_url }))).await?;
        let id = body["fix_attempt_id"].as_str().unwrap_or_default();
        say!("{}: attempt {id}", body["message"].as_str().unwrap_or_default());
        Ok(())
    }

    /// Prints the newest attempts as a table or as JSON, or one in full.
    pub async fn show_attempts(&self, wanted: &AttemptsArgs, now: Timestamp) -> anyhow::Result<()> {
        say!("{}", self.attempts_shown(wanted, now).await?);
        Ok(())
    }

    /// What [`Server::show_attempts`] prints.
    pub async fn attempts_shown(&self, wanted: &AttemptsArgs, now: Timestamp) -> anyhow::Result<String> {
        let AttemptsArgs { id, status, project, limit, json, .. } = wanted;
        if let Some(id) = id {
            return Ok(format!("{:#}", self.get(&format!("attempts/{id}")).await?));
        }
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", &limit.to_string());
        query.extend_pairs(status.map(|status| ("status", status.as_str())));
        query.extend_pairs(project.iter().map(|project| ("project", project)));
        let body = self.get(&format!("attempts?{}", query.finish())).await?;
        Ok(match body.as_array() {
            Some(attempts) if !json && !attempts.is_empty() => table(attempts, now),
            Some(_) if !json && status.is_none() && project.is_none() => "No attempts yet.".to_owned(),
            Some(_) if !json => "No attempt matches.".to_owned(),
            _ => format!("{body:#}"),
        })
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.ask(Method::GET, path, None).await
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let address = self.address(path);
        let token = self.environment.get(names::API_TOKEN).unwrap_or(API_TOKEN);
        let mut request = client()?.request(method, &address).bearer_auth(token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = patiently(&waiting_for(&address), request.send()).await;
        let answer = answer.with_context(|| unreachable_at(&address))?;
        let status = answer.status();
        let Ok(body) = serde_json::from_str::<Value>(&answer.text().await?) else {
            bail!(
                "`{address}` answers {status}, and not as AutoFix does. Are `--url` and `AUTOFIX_PREFIX` right?"
            )
        };
        if status == StatusCode::UNAUTHORIZED {
            bail!("{}", self.wrong_token());
        }
        if !status.is_success() {
            bail!("{status}: {}", body["detail"].as_str().unwrap_or_default());
        }
        Ok(body)
    }

    fn address(&self, path: &str) -> String {
        format!("{}{}/{path}", self.url.trim_end_matches('/'), self.prefix())
    }

    fn wrong_token(&self) -> String {
        let given = match self.environment.get(names::API_TOKEN) {
            Some(_) => format!("it does not accept your `{}`", names::API_TOKEN),
            None => format!("`{}` is not set here", names::API_TOKEN),
        };
        format!(
            "{} asks for its API token, and {given}. Set it (environment or `.env`) to the one that this AutoFix has",
            self.url
        )
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
    format!("can't reach `{address}` (is `autofix serve` running?)")
}

/// What is printed of a list.
const COLUMNS: [&str; 7] = ["ID", "STATUS", "AGE", "PROJECT", "ERROR", "PLACE", "PULL REQUEST OR REASON"];

/// The attempts with a header; each column is as wide as its widest text.
fn table(attempts: &[Value], now: Timestamp) -> String {
    let mut rows = vec![COLUMNS.map(str::to_owned)];
    rows.extend(attempts.iter().map(|attempt| row(attempt, now)));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..COLUMNS.len()).map(width).collect();
    let line = |row: &[String; 7]| {
        let cells = row.iter().zip(&widths).map(|(text, width)| format!("{text:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// How long ago, in its largest unit.
fn age(since: &Value, now: Timestamp) -> String {
    let Some(since) = since.as_str().and_then(|text| text.parse::<Timestamp>().ok()) else {
        return "-".to_owned();
    };
    let seconds = now.duration_since(since).as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn row(attempt: &Value, now: Timestamp) -> [String; 7] {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let analysis = &attempt["error_analysis"];
    let place = match (analysis["file_path"].as_str(), analysis["line_number"].as_u64()) {
        (Some(file), Some(line)) => format!("{file}:{line}"),
        (Some(file), None) => file.to_owned(),
        (None, _) => "-".to_owned(),
    };
    [
        text(&attempt["id"]),
        text(&attempt["status"]),
        age(&attempt["created_at"], now),
        text(&attempt["project_name"]),
        text(&analysis["error_type"]),
        place,
        attempt["pr_url"].as_str().or(attempt["reason"]["code"].as_str()).unwrap_or_default().to_owned(),
    ]
}
