//! The tool `chaos`: random errors, clicks, deaths of the process and faults of the services and the table, all drawn
//! from a seed; and at the end the question whether what AutoFix promises still holds.
//!
//! The functions, the clients and the table are those of production; the services are the sandbox's, and the clock is
//! moved, so that a day takes a second. A seed always makes the same plan of events; which of two requests that are
//! under way at once comes first is up to the machine, so a repeat may differ in that.

mod invariants;
mod plan;
mod stage;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail};
use autofix::attempt::{Attempt, Status};
use autofix::clock::Clock;
use clap::Parser;

use self::invariants::Witness;
use self::plan::Plan;
use self::stage::Stage;

/// Bytes.
const STACK: usize = 32 * 1024 * 1024;

/// Plays random errors, clicks, deaths and faults, and checks what AutoFix promises.
///
/// A seed always makes the same plan of events. It does not determine the order of two requests that run at the same time,
/// or the random parts of ids, so a repeat of a seed may differ in details.
#[derive(Parser)]
pub struct Arguments {
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

/// How a run went.
#[derive(Debug)]
pub struct Report {
    pub seed: u64,
    /// What did not hold, a sentence each; empty after a good run.
    pub broken: Vec<String>,
    pub happenings: usize,
    pub deaths: usize,
    pub failures: usize,
    /// Attempts by status.
    pub ended: BTreeMap<Status, usize>,
    /// What happened to each attempt, for whoever has to find out why.
    pub timelines: Vec<String>,
}

/// What all runs had.
#[derive(Default)]
struct Totals {
    runs: usize,
    attempts: usize,
    deaths: usize,
    failures: usize,
}

/// Makes the runs, on all cores, and tells how they went.
///
/// # Errors
/// When something that must hold did not: with the seed, and how to repeat the run.
pub fn chaos(arguments: &Arguments) -> anyhow::Result<()> {
    let &Arguments { seed, attempts, runs } = arguments;
    let seed = seed.unwrap_or_else(|| Clock::system().now().as_second().unsigned_abs());
    eprintln!("{runs} runs from seed {seed} on, a line for each …");
    let totals = Mutex::new(Totals::default());
    let each = |report: &Report| {
        println!("{}", report.line());
        let mut totals = totals.lock().unwrap_or_else(PoisonError::into_inner);
        totals.runs += 1;
        totals.attempts += report.ended.values().sum::<usize>();
        totals.deaths += report.deaths;
        totals.failures += report.failures;
    };
    let bad = run_all(seed..seed.saturating_add(runs), usize::from(attempts), each);
    let Totals { runs, attempts: all, deaths, failures } =
        totals.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!("\n{runs} runs, {all} attempts, {deaths} deaths, {failures} faults.");
    match bad {
        None => {
            println!(
                "Everything held: one outcome, one card, one pull request, one merge an attempt; nothing paid twice."
            );
            Ok(())
        }
        Some(Err(error)) => Err(error),
        Some(Ok(report)) => {
            for line in report.broken.iter().chain(&report.timelines) {
                println!("  {line}");
            }
            let seed = report.seed;
            bail!(
                "seed {seed} broke a promise. Repeat it with `chaos --seed {seed} --attempts {attempts} --runs 1`"
            )
        }
    }
}

/// The first run that went wrong, where one did; no run is begun after it.
fn run_all(
    seeds: Range<u64>,
    attempts: usize,
    each: impl Fn(&Report) + Sync,
) -> Option<anyhow::Result<Report>> {
    let seeds = Mutex::new(seeds);
    let stop = AtomicBool::new(false);
    let bad = Mutex::new(None);
    let work = || {
        while !stop.load(Ordering::SeqCst) {
            let next = seeds.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(seed) = next else { return };
            let report = run(seed, attempts);
            if let Ok(report) = &report {
                each(report);
            }
            if report.as_ref().is_ok_and(|report| report.broken.is_empty()) {
                continue;
            }
            stop.store(true, Ordering::SeqCst);
            bad.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(report);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    bad.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// One run, on a thread and in a runtime of its own.
///
/// # Errors
/// When the machine does not let it run, or an endpoint answered what it must never answer.
pub fn run(seed: u64, attempts: usize) -> anyhow::Result<Report> {
    let played = on_a_large_stack(|| {
        fastrand::seed(seed); // the jitter of this thread
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.context("start a runtime")?.block_on(play(seed, attempts))
    });
    played.with_context(|| format!("seed {seed}, {attempts} attempts"))
}

/// Futures of a whole process in one another do not fit on a thread's usual stack where nothing is optimised.
fn on_a_large_stack<T: Send>(work: impl FnOnce() -> anyhow::Result<T> + Send) -> anyhow::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        match thread.context("start a thread")?.join() {
            Ok(done) => done,
            Err(_) => bail!("the run panicked, see above"),
        }
    })
}

async fn play(seed: u64, attempts: usize) -> anyhow::Result<Report> {
    let plan = Plan::of(seed, attempts);
    let mut witness = Witness::default();
    let mut stage = Stage::open(&folder(seed), &plan.faults).await?;
    for happening in &plan.happenings {
        stage = stage.play(happening, &plan.faults).await?;
        witness.look(&stage).await?;
    }
    stage.come_to_rest().await?;
    let broken = witness.judge(&stage).await?;
    let all = stage.attempts().await?;
    let mut ended = BTreeMap::new();
    for attempt in &all {
        *ended.entry(attempt.status()).or_default() += 1;
    }
    let report = Report {
        seed,
        broken,
        happenings: plan.happenings.len(),
        deaths: stage.counts.deaths,
        failures: stage.counts.failures,
        ended,
        timelines: all.iter().map(timeline).collect(),
    };
    stage.close();
    Ok(report)
}

impl Report {
    fn line(&self) -> String {
        let ended: Vec<String> =
            self.ended.iter().map(|(status, count)| format!("{count} {status}")).collect();
        let held = if self.broken.is_empty() { "held" } else { "BROKEN" };
        format!(
            "seed {}: {} events, {} deaths, {} faults: {}: {held}",
            self.seed,
            self.happenings,
            self.deaths,
            self.failures,
            ended.join(", ")
        )
    }
}

fn timeline(attempt: &Attempt) -> String {
    let moments: Vec<String> =
        attempt.timeline.iter().map(|moment| format!("    {}  {}", moment.at, moment.what)).collect();
    let trouble = attempt.trouble.last.as_deref().unwrap_or("none");
    let reasons: Vec<&str> = attempt.state.reasons().iter().map(|reason| reason.detail.as_str()).collect();
    format!(
        "attempt {} (issue {}): `{}`, trouble: {trouble}, reasons: {reasons:?}\n{}",
        attempt.id,
        attempt.subject.sentry_issue_id,
        attempt.status(),
        moments.join("\n")
    )
}

/// A folder that no other run uses.
fn folder(seed: u64) -> PathBuf {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let number = RUNS.fetch_add(1, Ordering::SeqCst);
    std::env::temp_dir().join(format!("autofix-chaos-{}-{number}-{seed}", std::process::id()))
}
