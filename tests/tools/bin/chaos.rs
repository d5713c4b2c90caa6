//! `cargo run -p autofix-tests --bin chaos`

use autofix::config::Environment;
use autofix::logging;
use autofix_tests::chaos::{self, Arguments};
use clap::Parser;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    logging::start_plain(Environment::of_process().get("RUST_LOG").or(Some("off")));
    chaos::chaos(&arguments)
}
