//! The figures: how they are counted, printed and judged.

use std::time::Duration;

use anyhow::bail;
use serde::Serialize;

use super::memory::{Memory, megabytes};

/// Everything that was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub cores: usize,
    /// `release` or `debug`: figures of a debug build say little.
    pub build: &'static str,
    pub intake: Option<Intake>,
    pub attempts: Option<Attempts>,
}

/// The webhook's endpoint.
#[derive(Clone, Debug, Serialize)]
pub struct Intake {
    pub webhooks: usize,
    pub rows: Vec<Row>,
    /// Before the first webhook, when everything had been used once.
    pub before: Memory,
    pub after: Memory,
    /// Everything that was not as it should be.
    pub faults: Vec<String>,
}

/// Webhooks of one kind at one concurrency.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub kind: &'static str,
    pub concurrency: usize,
    pub webhooks: usize,
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
    /// Answers that came later than Sentry waits.
    pub over_one_second: usize,
    pub after: Memory,
}

/// The worker.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Attempts {
    pub attempts: usize,
    pub seconds: f64,
    /// How many ended with which status.
    pub ended: std::collections::BTreeMap<String, usize>,
    pub cards: usize,
    pub pull_requests: usize,
    pub model_turns: usize,
    pub before: Memory,
    pub after: Memory,
    pub faults: Vec<String>,
}

/// Sentry gives a webhook this long.
const SENTRY_WAITS: Duration = Duration::from_secs(1);

impl Row {
    /// Counts the times of the answers, which `took` in all.
    pub fn of(kind: &'static str, concurrency: usize, mut times: Vec<Duration>, took: Duration) -> Row {
        times.sort_unstable();
        let milliseconds = |time: Duration| (time.as_secs_f64() * 1e6).round() / 1e3;
        Row {
            kind,
            concurrency,
            webhooks: times.len(),
            per_second: (times.len() as f64 / took.as_secs_f64().max(1e-9)).round(),
            p50_ms: milliseconds(percentile(&times, 50)),
            p99_ms: milliseconds(percentile(&times, 99)),
            max_ms: milliseconds(percentile(&times, 100)),
            over_one_second: times.iter().filter(|time| **time > SENTRY_WAITS).count(),
            after: Memory::now(),
        }
    }

    pub fn say_header() {
        println!(
            "{:<22} {:>6} {:>9} {:>9} {:>10} {:>10} {:>10} {:>12}",
            "webhooks", "at once", "sent", "per s", "p50", "p99", "max", "memory then"
        );
    }

    pub fn say(&self) {
        println!(
            "{:<22} {:>6} {:>9} {:>9.0} {:>7.2} ms {:>7.2} ms {:>7.2} ms {:>12}",
            self.kind,
            self.concurrency,
            self.webhooks,
            self.per_second,
            self.p50_ms,
            self.p99_ms,
            self.max_ms,
            megabytes(self.after.resident_kib)
        );
    }
}

/// The smallest of the sorted times that so many percent do not exceed; zero where there are none.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

impl Report {
    pub fn of_this_machine() -> Report {
        Report {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            build: if cfg!(debug_assertions) { "debug" } else { "release" },
            intake: None,
            attempts: None,
        }
    }

    pub fn say_machine(&self) {
        println!(
            "{} cores, {} build; sender, endpoints, table and fakes share them.\n",
            self.cores, self.build
        );
    }

    /// What the rows do not say.
    pub fn say_summary(&self) {
        if let Some(intake) = &self.intake {
            let slow: usize = intake.rows.iter().map(|row| row.over_one_second).sum();
            println!("\n{} webhooks; {slow} were answered later than Sentry waits (1 s).", intake.webhooks);
            say_memory(intake.before, intake.after);
        }
        if let Some(attempts) = &self.attempts {
            let per_second = attempts.attempts as f64 / attempts.seconds.max(1e-9);
            println!(
                "\n{} attempts to their end in {:.1} s ({per_second:.1} a second), with {} turns of the scripted model, {} pull requests and {} cards:",
                attempts.attempts,
                attempts.seconds,
                attempts.model_turns,
                attempts.pull_requests,
                attempts.cards
            );
            for (status, count) in &attempts.ended {
                println!("    {count:>6} {status}");
            }
            say_memory(attempts.before, attempts.after);
        }
        match self.faults().count() {
            0 => println!("\nNothing was lost, refused or doubled."),
            _ => println!(),
        }
        self.faults().for_each(|fault| println!("Not as it should be: {fault}"));
    }

    fn faults(&self) -> impl Iterator<Item = &String> {
        let of_intake = self.intake.iter().flat_map(|intake| &intake.faults);
        of_intake.chain(self.attempts.iter().flat_map(|attempts| &attempts.faults))
    }

    /// # Errors
    /// When anything was lost, refused or doubled.
    pub fn check(&self) -> anyhow::Result<()> {
        match self.faults().next() {
            None => Ok(()),
            Some(first) => bail!("{} faults, the first: {first}", self.faults().count()),
        }
    }
}

fn say_memory(before: Memory, after: Memory) {
    if after.resident_kib.is_none() {
        println!("Memory: this system does not tell.");
        return;
    }
    println!(
        "Memory: {} before, {} after, {} at most.",
        megabytes(before.resident_kib),
        megabytes(after.resident_kib),
        megabytes(after.peak_kib)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        let of = |percent| percentile(&times, percent).as_millis();
        assert_eq!((of(50), of(99), of(100)), (100, 198, 200));
        assert_eq!(percentile(&times[..1], 99).as_millis(), 1);
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }

    #[test]
    fn a_fault_makes_the_command_fail() {
        let mut report = Report::of_this_machine();
        report.check().expect("nothing was measured, so nothing is wrong");
        report.attempts = Some(Attempts { faults: vec!["one was lost".to_owned()], ..Attempts::default() });
        assert_eq!(report.check().expect_err("a fault").to_string(), "1 faults, the first: one was lost");
    }
}
