//! `cargo run --profile bench -p autofix-tests --bin load`

use autofix::config::Environment;
use autofix::logging;
use autofix_tests::load::{self, Arguments};
use clap::Parser;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // A storm of what is meant to happen would drown the figures.
    logging::start_plain(Environment::of_process().get("RUST_LOG").or(Some("error")));
    load::load(&arguments).await
}
