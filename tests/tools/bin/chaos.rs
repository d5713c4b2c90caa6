//! `cargo run -p autofix-tests --bin chaos`

use autofix::clock::Clock;
use autofix::config::Environment;
use autofix::logging;
use autofix_tests::chaos::{self, Options};
use clap::Parser;

/// Plays random errors, clicks, deaths and faults, and checks what AutoFix promises.
///
/// A seed always makes the same plan of events. It does not determine the order of two requests that run at the same time,
/// or the random parts of ids, so a repeat of a seed may differ in details.
#[derive(Parser)]
struct Arguments {
    /// The seed of the first run; each run has the next one [default: from the time].
    #[arg(long)]
    seed: Option<u64>,
    /// Different errors in a run.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=500))]
    attempts: u16,
    /// Runs.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    logging::start_plain(Environment::of_process().get("RUST_LOG").or(Some("off")));
    let seed = arguments.seed.unwrap_or_else(|| Clock::system().now().as_second().unsigned_abs());
    chaos::chaos(Options { seed, attempts: usize::from(arguments.attempts), runs: arguments.runs })
}
