//! Metrics in CloudWatch's embedded format: one JSON line each on standard output, from which CloudWatch Logs makes the
//! metrics by itself. No call leaves the process, and nothing is lost when it is frozen.
//!
//! Format: "Specification: Embedded metric format", CloudWatch user guide. Every metric has the table's name as a
//! dimension, which tells deployments apart, and at most one more.

use std::io::Write;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::{Value, json};

const NAMESPACE: &str = "AutoFix";

/// Something that is measured.
#[derive(Clone, Debug, PartialEq)]
pub enum Measured {
    /// An attempt reached this status.
    Attempt { status: &'static str },
    /// US dollars and tokens of one answer of Claude.
    Turn { cost_usd: f64, input_tokens: u64, output_tokens: u64, cached_tokens: u64 },
    /// How long one step took, milliseconds.
    Step { step: String, milliseconds: i64 },
    /// How long the oldest attempt that is due has waited, seconds; zero where none is.
    Queue { age_seconds: i64 },
    /// So many attempts wait for a service that is down.
    Waiting { service: &'static str, attempts: u32 },
    /// Requests that were refused, by what the answer's status says, and webhooks that started nothing.
    Refusals { kind: &'static str, count: u64 },
    /// Slack did not take a card, and has not for several tries.
    CardFailures,
}

/// Where metrics go. Clones write to the same place.
#[derive(Clone, Default)]
pub struct Metrics(Option<Sink>);

#[derive(Clone)]
struct Sink {
    writer: Arc<Mutex<dyn Write + Send>>,
    table: String,
}

impl Metrics {
    /// Nowhere: on a laptop nobody reads them.
    pub fn none() -> Metrics {
        Metrics(None)
    }

    /// To standard output, as Lambda wants them.
    pub fn to_stdout(table: &str) -> Metrics {
        Metrics::to(std::io::stdout(), table)
    }

    pub fn to(writer: impl Write + Send + 'static, table: &str) -> Metrics {
        Metrics(Some(Sink { writer: Arc::new(Mutex::new(writer)), table: table.to_owned() }))
    }

    /// Writes one line. An output that is closed is no reason to stop working.
    pub fn record(&self, measured: &Measured, now: Timestamp) {
        let Some(sink) = &self.0 else { return };
        let line = line(measured, &sink.table, now);
        let mut writer = sink.writer.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let _ = writeln!(writer, "{line}").and_then(|()| writer.flush());
    }
}

fn line(measured: &Measured, table: &str, now: Timestamp) -> Value {
    let (dimension, values) = match measured {
        Measured::Attempt { status } => (Some(("Status", *status)), vec![("Attempts", "Count", json!(1))]),
        Measured::Turn { cost_usd, input_tokens, output_tokens, cached_tokens } => (
            None,
            vec![
                ("CostUsd", "None", json!(cost_usd)),
                ("InputTokens", "Count", json!(input_tokens)),
                ("OutputTokens", "Count", json!(output_tokens)),
                ("CachedTokens", "Count", json!(cached_tokens)),
            ],
        ),
        Measured::Step { step, milliseconds } => {
            (Some(("Step", step.as_str())), vec![("StepDuration", "Milliseconds", json!(milliseconds))])
        }
        Measured::Waiting { service, attempts } => {
            (Some(("Service", *service)), vec![("WaitingAttempts", "Count", json!(attempts))])
        }
        Measured::Refusals { kind, count } => {
            (Some(("Kind", *kind)), vec![("Refusals", "Count", json!(count))])
        }
        Measured::CardFailures => (None, vec![("CardFailures", "Count", json!(1))]),
        Measured::Queue { age_seconds } => (None, vec![("QueueAge", "Seconds", json!(age_seconds))]),
    };
    let mut names = vec!["Table"];
    names.extend(dimension.map(|(name, _)| name));
    let metrics: Vec<Value> =
        values.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit })).collect();
    let mut line = json!({
        "_aws": {
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": [names], "Metrics": metrics }],
        },
        "Table": table,
    });
    if let Some((name, value)) = dimension {
        line[name] = json!(value);
    }
    for (name, _, value) in values {
        line[name] = value;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_carries_every_metric_and_dimension_that_it_declares() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        for measured in [
            Measured::Attempt { status: "verified" },
            Measured::Turn { cost_usd: 0.25, input_tokens: 7, output_tokens: 8, cached_tokens: 9 },
            Measured::Step { step: "Analyze".to_owned(), milliseconds: 1_200 },
            Measured::Queue { age_seconds: 3 },
            Measured::Waiting { service: "github", attempts: 1 },
            Measured::Refusals { kind: "unauthorized", count: 3 },
            Measured::CardFailures,
        ] {
            let line = line(&measured, "autofix", now);
            let declared = &line["_aws"]["CloudWatchMetrics"][0];
            assert_eq!(line["_aws"]["Timestamp"], 1_795_341_600_000_i64);
            for name in declared["Dimensions"][0].as_array().unwrap() {
                assert!(line[name.as_str().unwrap()].is_string(), "{line}");
            }
            for metric in declared["Metrics"].as_array().unwrap() {
                assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{line}");
            }
        }
    }
}
