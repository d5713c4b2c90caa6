//! Logs: JSON lines on Lambda, with the `timestamp` and `level` by which Lambda filters them. `RUST_LOG` chooses the level, `info` for ours and `warn` for others by default.

use tracing_subscriber::EnvFilter;

const DEFAULT: &str = "warn,autofix=info,autofix_local=info,sentry_intake=info,fix_worker=info,slack_interactions=info,attempt_queries=info";

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

fn filter(level: Option<&str>) -> EnvFilter {
    level.and_then(|level| EnvFilter::try_new(level).ok()).unwrap_or_else(|| EnvFilter::new(DEFAULT))
}
