//! Logs: JSON lines on Lambda, with the `timestamp` and `level` by which Lambda filters them. `RUST_LOG` chooses what is logged: `info`
//! for our own lines and `warn` for others by default.

use tracing_subscriber::EnvFilter;

use crate::config::Environment;

/// The crates whose lines are ours.
const OURS: [&str; 6] =
    ["autofix", "autofix_local", "sentry_intake", "fix_worker", "slack_interactions", "attempt_queries"];

/// Logs as JSON lines, for CloudWatch. A second call changes nothing.
pub fn start_json(level: Option<&str>) {
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_target(false)
        .with_env_filter(filter(level))
        .try_init();
}

/// Logs for a terminal, to standard error. A second call changes nothing.
pub fn start_plain(level: Option<&str>) {
    let _ = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_target(false)
        .compact()
        .with_env_filter(filter(level))
        .try_init();
}

/// A bare level such as `debug` is for our own lines, others tell warnings at the most; anything longer is a filter of
/// its own. The table's clients and stand-in are kept quiet: they warn of answers that conditions are meant to give.
fn filter(level: Option<&str>) -> EnvFilter {
    let of_level = |level: &str| {
        let others = if level == "error" || level == "off" { level } else { "warn" };
        let each = OURS.map(|name| format!("{name}={level}")).join(",");
        format!("{others},aws_smithy_runtime=error,dynoxide=error,{each}")
    };
    let level = level.unwrap_or("info");
    let is_bare = level.bytes().all(|b| b.is_ascii_alphabetic());
    let text = if is_bare { of_level(&level.to_ascii_lowercase()) } else { level.to_owned() };
    EnvFilter::try_new(text).unwrap_or_else(|_| EnvFilter::new(of_level("info")))
}

/// `RUST_LOG`, or the level that a Lambda function's logging configuration asks for.
pub fn level(environment: &Environment) -> Option<&str> {
    environment.get("RUST_LOG").or_else(|| environment.get("AWS_LAMBDA_LOG_LEVEL"))
}
