//! Logs: JSON lines on Lambda, with the `timestamp` and `level` by which Lambda filters them. `RUST_LOG` chooses what is logged: `info`
//! for our own lines and `warn` for others by default.

use std::io::{self, Write};

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use crate::config::Environment;

/// The crates whose lines are ours.
const OURS: [&str; 6] =
    ["autofix", "autofix_local", "sentry_intake", "fix_worker", "slack_interactions", "attempt_queries"];

/// Logs as JSON lines, for CloudWatch. A second call changes nothing.
pub fn start_json(level: Option<&str>) {
    let _ = tracing::subscriber::set_global_default(json_lines(level, std::io::stdout));
}

/// Logs for a terminal, to standard error. A second call changes nothing.
pub fn start_plain(level: Option<&str>) {
    let _ = tracing::subscriber::set_global_default(plain_lines(level, std::io::stderr));
}

/// One JSON object a line, whatever is logged.
pub fn json_lines<W>(level: Option<&str>, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_target(false)
        .with_max_level(LevelFilter::TRACE)
        .with_writer(writer)
        .finish()
        .with(filter(level))
}

/// One line a message, whatever is logged: what a terminal would obey, or take for another line, is shown as an escape.
pub fn plain_lines<W>(level: Option<&str>, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .with_ansi(false) // colours are escapes as well, and the text's could not be told from ours
        .with_target(false)
        .compact()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(OneLineEach(writer))
        .finish()
        .with(filter(level))
}

/// Makes writers that keep each message on one line.
struct OneLineEach<W>(W);

impl<'w, W: MakeWriter<'w>> MakeWriter<'w> for OneLineEach<W> {
    type Writer = OneLine<W::Writer>;

    fn make_writer(&'w self) -> OneLine<W::Writer> {
        OneLine(self.0.make_writer())
    }
}

/// A bare level such as `debug` is for our own lines, others tell warnings at the most; anything longer is a filter by
/// crate and module, such as `warn,autofix=debug`. The table's clients and stand-in are kept quiet: they warn of answers that conditions are meant to give.
fn filter(level: Option<&str>) -> Targets {
    let of_level = |level: &str| {
        let others = if level == "error" || level == "off" { level } else { "warn" };
        let each = OURS.map(|name| format!("{name}={level}")).join(",");
        format!("{others},aws_smithy_runtime=error,dynoxide=error,{each}").parse::<Targets>().ok()
    };
    let level = level.unwrap_or("info");
    let is_bare = level.bytes().all(|b| b.is_ascii_alphabetic());
    let chosen = if is_bare { of_level(&level.to_ascii_lowercase()) } else { level.parse().ok() };
    chosen.or_else(|| of_level("info")).expect("`info` is a level")
}

/// `RUST_LOG`, or the level that a Lambda function's logging configuration asks for.
pub fn level(environment: &Environment) -> Option<&str> {
    environment.get("RUST_LOG").or_else(|| environment.get("AWS_LAMBDA_LOG_LEVEL"))
}

/// Writes each message, which comes in one piece and ends with a line break, as one line.
struct OneLine<W>(W);

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(message.strip_suffix(b"\n").unwrap_or(message));
        let mut line = String::with_capacity(text.len() + 1);
        for found in text.chars() {
            if is_obeyed(found) {
                line.extend(found.escape_unicode());
            } else {
                line.push(found);
            }
        }
        line.push('\n');
        self.0.write_all(line.as_bytes())?;
        Ok(message.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Control characters, other line breaks, and marks that turn the direction of text around.
fn is_obeyed(found: char) -> bool {
    found.is_control()
        || matches!(found, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What a sender could put into any field, to be taken for a line of ours or to move the cursor.
    const HOSTILE: &str =
        "a\r\n{\"level\":\"ERROR\",\"message\":\"forged\"}\n\u{1b}[2J\u{9b}1A\0\u{2028}\u{202e}\u{8}z\"}";

    fn log<S: Subscriber + Send + Sync + 'static>(subscriber: S) {
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::warn_span!("attempt", attempt.id = HOSTILE);
            let _entered = span.enter();
            tracing::warn!(error = %HOSTILE, debugged = ?HOSTILE, plain = HOSTILE, "Refused {HOSTILE}");
        });
    }

    #[test]
    fn a_json_line_is_one_object_whatever_is_in_it() {
        let written = Written::default();
        let writer = written.clone();
        log(json_lines(None, move || writer.clone()));
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = text.split_terminator('\n').collect();
        assert_eq!(lines.len(), 1, "{text}");
        let object: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
        assert_eq!(object["level"], "WARN");
        assert_eq!(object["plain"], HOSTILE, "nothing is lost");
        assert_eq!(object["span"]["attempt.id"], HOSTILE);
        assert!(!text.trim_end_matches('\n').contains(|c: char| c.is_ascii_control()), "{text:?}");
    }

    #[test]
    fn a_line_for_a_terminal_is_one_line_and_moves_nothing() {
        let written = Written::default();
        let writer = written.clone();
        log(plain_lines(None, move || writer.clone()));
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        assert!(text.contains("forged") && !text.trim_end_matches('\n').contains(is_obeyed), "{text:?}");
    }
}
