//! The tool `load`: what the webhook endpoint and the worker bear on this machine. Real HTTP, the real routers, clients and
//! embedded table; the four services are the sandbox, and Claude is scripted. So it measures AutoFix and this machine,
//! not the services, and neither Lambda nor DynamoDB.
//!
//! Sender, endpoint, table and fakes are one process on the same cores: an endpoint alone is faster than what is shown.

mod attempts;
mod intake;
mod memory;
mod report;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::{Context, bail};
use autofix::clock::Clock;
use autofix::config::Environment;
use autofix::outbound::Outbound;
use clap::Parser;
use jiff::SignedDuration;
use tokio::task::JoinHandle;

pub use report::{Attempts, Intake, Report, Row};

use autofix_local::one_process::OneProcess;
use autofix_local::table::EmbeddedTable;
use autofix_sandbox::{Sandbox, SlackWay};

/// The largest limit that can be set: more attempts than this start in no hour.
pub const MAX_PER_HOUR: usize = 500;

/// Measures how many webhooks and attempts AutoFix handles on this machine, over HTTP and the embedded table.
#[derive(Parser)]
pub struct Arguments {
    /// Number of webhooks to send; 0 skips the webhooks.
    #[arg(long, default_value_t = 100_000)]
    pub webhooks: usize,
    /// Attempts to drive to their end; 0 skips the worker.
    #[arg(long, default_value_t = 1_000)]
    pub attempts: usize,
    /// Folder for tables and git repositories [default: a new temporary one, deleted at the end].
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Print the figures as one JSON object.
    #[arg(long)]
    pub json: bool,
    /// Attempts that may start in an hour, at most [`MAX_PER_HOUR`].
    #[arg(skip = MAX_PER_HOUR)]
    pub per_hour: usize,
}

/// Measures and prints.
///
/// # Errors
/// When something was lost, refused or doubled: the exit code tells.
pub async fn load(arguments: &Arguments) -> anyhow::Result<()> {
    let report = measure(arguments).await?;
    match arguments.json {
        true => println!("{}", serde_json::to_string_pretty(&report).context("write the report")?),
        false => report.say_summary(),
    }
    report.check()
}

/// Measures; prints rows as they come where people read along.
///
/// # Errors
/// When a part cannot be set up or does not end. What was lost or refused stands in the report.
pub async fn measure(arguments: &Arguments) -> anyhow::Result<Report> {
    let clock = MovedClock::default();
    let folder = arguments.data.clone().unwrap_or_else(|| new_folder(&clock));
    std::fs::create_dir_all(&folder).with_context(|| format!("make the folder `{}`", folder.display()))?;
    let measured = measure_in(&folder, arguments, &clock).await;
    if arguments.data.is_none() {
        // The figures are worth more than a folder that cannot be deleted.
        let _ = std::fs::remove_dir_all(&folder);
    }
    measured
}

async fn measure_in(folder: &Path, arguments: &Arguments, clock: &MovedClock) -> anyhow::Result<Report> {
    let mut report = Report::of_this_machine();
    if !arguments.json {
        report.say_machine();
    }
    if arguments.webhooks == 0 && arguments.attempts == 0 {
        bail!("nothing to measure: `--webhooks` and `--attempts` are both 0");
    }
    if arguments.webhooks > 0 {
        eprintln!("Sending {} webhooks …", arguments.webhooks);
        let part = Part::start(&folder.join("intake"), clock, arguments).await?;
        report.intake = Some(intake::measure(&part, arguments.webhooks).await?);
        part.stop();
    }
    if arguments.attempts > 0 {
        eprintln!("Driving {} attempts to their end …", arguments.attempts);
        let part = Part::start(&folder.join("attempts"), clock, arguments).await?;
        report.attempts = Some(attempts::measure(&part, arguments.attempts).await?);
        part.stop();
    }
    Ok(report)
}

/// The endpoints on a port of this machine, with a table in a folder and a sandbox of its own.
struct Part {
    process: Arc<OneProcess>,
    sandbox: Sandbox,
    clock: MovedClock,
    address: String,
    json: bool,
    per_hour: usize,
    server: JoinHandle<std::io::Result<()>>,
}

impl Part {
    async fn start(folder: &Path, clock: &MovedClock, arguments: &Arguments) -> anyhow::Result<Part> {
        let sandbox = Sandbox::start(folder, clock.clock()).await?;
        sandbox.forget_requests();
        let settings = [
            ("AUTOFIX_MAX_ATTEMPTS_PER_HOUR", arguments.per_hour.to_string()),
            ("AUTOFIX_DAILY_COST_USD", "10000".to_owned()),
            ("AUTOFIX_WATCH_HOURS", "1".to_owned()),
        ];
        let settings: Environment = settings.into_iter().collect();
        let environment = settings.over(sandbox.environment(SlackWay::Bot));
        let table = EmbeddedTable::open(&folder.join("table")).await?;
        let process = OneProcess::new(table, &environment, clock.clock(), Outbound::new(None)?).await?;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.context("listen for webhooks")?;
        let address = format!("http://{}", listener.local_addr().context("learn the port of the endpoints")?);
        let endpoints = process.endpoints();
        let server = tokio::spawn(async move { axum::serve(listener, endpoints).await });
        Ok(Part {
            process: Arc::new(process),
            sandbox,
            clock: clock.clone(),
            address,
            json: arguments.json,
            per_hour: arguments.per_hour,
            server,
        })
    }

    fn endpoint(&self, name: &str) -> String {
        format!("{}/autofix/{name}", self.address)
    }

    fn stop(self) {
        self.server.abort();
    }
}

/// The machine's clock, and what it was moved by: an hour of the limit need not be waited for.
#[derive(Clone, Default)]
struct MovedClock(Arc<AtomicI64>);

impl MovedClock {
    fn clock(&self) -> Clock {
        let (moved, system) = (Arc::clone(&self.0), Clock::system());
        Clock::new(move || system.now() + SignedDuration::from_secs(moved.load(Ordering::SeqCst)))
    }

    fn advance(&self, by: SignedDuration) {
        self.0.fetch_add(by.as_secs(), Ordering::SeqCst);
    }

    /// To where no start counts any more.
    fn next_hour(&self) {
        self.advance(SignedDuration::from_mins(61));
    }
}

fn new_folder(clock: &MovedClock) -> PathBuf {
    let now = clock.clock().now().as_microsecond();
    std::env::temp_dir().join(format!("autofix-load-{}-{now}", std::process::id()))
}
