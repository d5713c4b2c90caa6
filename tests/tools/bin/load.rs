//! `cargo run --profile bench -p autofix-tests --bin load`

use std::path::PathBuf;

use autofix::config::Environment;
use autofix::logging;
use autofix_tests::load::{self, Form, Options};
use clap::Parser;

/// Measures how many webhooks and attempts AutoFix handles on this machine, over HTTP and the embedded table.
#[derive(Parser)]
struct Arguments {
    /// Number of webhooks to send; 0 skips the webhooks.
    #[arg(long, default_value_t = 100_000)]
    webhooks: usize,
    /// Attempts to drive to their end; 0 skips the worker.
    #[arg(long, default_value_t = 1_000)]
    attempts: usize,
    /// Folder for tables and git repositories [default: a new temporary one, deleted at the end].
    #[arg(long)]
    data: Option<PathBuf>,
    /// Print the figures as one JSON object.
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // A storm of what is meant to happen would drown the figures.
    logging::start_plain(Environment::of_process().get("RUST_LOG").or(Some("error")));
    let form = if arguments.json { Form::Json } else { Form::People };
    let Arguments { webhooks, attempts, data: folder, .. } = arguments;
    load::load(&Options { webhooks, attempts, folder, form, per_hour: load::MAX_PER_HOUR }).await
}
