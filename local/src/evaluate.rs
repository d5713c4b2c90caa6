//! `autofix analyze`: the analysis of one's own Sentry events against a local checkout, with the real Claude. It prints
//! what AutoFix would have done and writes nothing anywhere: the way to judge it before trusting it.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use autofix::analysis::background::Background;
use autofix::analysis::repo_path::ProjectPath;
use autofix::attempt::{Attempt, AttemptId, Event, Subject, Target};
use autofix::claude::Claude;
use autofix::clock::Clock;
use autofix::config::{Environment, WorkerConfig, names};
use autofix::incident::Incident;
use autofix::messages::{self, Buttons, WayOn};
use autofix::outbound::{Outbound, Switchboard};
use autofix::reason::Reason;
use autofix::redaction::redact_incident;
use autofix::secrets::Secrets;
use autofix::sentry::event::read_rest_event;
use autofix::sentry::webhook::{self, Webhook};
use autofix::usage::Usage;
use fix_worker::Stopped;
use fix_worker::analyst::{Analyst, Ledger};
use fix_worker::case::{Case, Material};
use fix_worker::investigation::{Conclusion, Ending, investigate};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::checkout::{self, Checkout};
use crate::sample_event::SampleEvent;
use crate::sandbox::slack::rendered;
use crate::terminal::{patiently, say};

/// How long one analysis may take.
const PATIENCE: SignedDuration = SignedDuration::from_mins(15);

/// What `analyze` was asked to do.
#[derive(Debug)]
pub struct Options {
    /// A Sentry event as a file, or a folder of them.
    pub events: PathBuf,
    pub repo: PathBuf,
    pub form: Form,
    pub ask: Ask,
}

/// How the result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    People,
    Json,
}

/// Whether Claude is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    Claude,
    /// Only what can be told without a model, at no cost.
    Nobody,
}

/// What a run needs beside the options.
pub struct Means {
    pub environment: Environment,
    pub clock: Clock,
    pub outbound: Outbound,
}

/// Analyses one event, or every event of a folder.
///
/// # Errors
/// When an event or the repository cannot be read, or Claude cannot be reached.
pub async fn analyze(options: &Options, means: &Means) -> anyhow::Result<()> {
    let files = event_files(&options.events)?;
    let mut summary = Vec::new();
    for file in &files {
        let waited_for = format!("Looking into {} …", name_of(file));
        let judged = match patiently(&waited_for, analyze_one(file, options, means)).await {
            Ok(judged) => judged,
            // One file among many that is no event must not hide what the others tell.
            Err(error) if files.len() > 1 => {
                match options.form {
                    Form::People => say!("{:<40} {error:#}", name_of(file)),
                    Form::Json => say!(
                        "{}",
                        json!({ "event": file.display().to_string(), "error": format!("{error:#}") })
                    ),
                }
                continue;
            }
            Err(error) => return Err(error.context(format!("analyse `{}`", file.display()))),
        };
        match options.form {
            Form::Json => say!("{}", judged.to_json(file)),
            Form::People if files.len() == 1 => judged.print(),
            Form::People => say!("{}", judged.row(file)),
        }
        summary.push(judged);
    }
    if options.form == Form::People && files.len() > 1 {
        let cost = |judged: &Judged| judged.attempt.usage.cost_usd;
        let (opened, refused): (Vec<_>, Vec<_>) = summary.iter().partition(|judged| judged.would_open());
        let all: f64 = summary.iter().map(cost).sum();
        say!(
            "\n{} events: {} would have become a pull request. Cost ${all:.2}.",
            summary.len(),
            opened.len()
        );
        for (which, judged) in [("with", opened), ("without", refused)] {
            if let Some(median) = median(judged.into_iter().map(cost).collect()) {
                say!("Median cost of an event {which} a pull request: ${median:.4}.");
            }
        }
    }
    Ok(())
}

/// An attempt that was only thought.
struct Judged {
    attempt: Attempt,
    /// What was found without a model, where nobody was asked.
    outlook: Option<String>,
}

async fn analyze_one(file: &Path, options: &Options, means: &Means) -> anyhow::Result<Judged> {
    let environment = &means.environment;
    let config = WorkerConfig::from_env(environment)?;
    let incident = redact_incident(&read_event(file)?);
    let Checkout { snapshot, sha, branch } = checkout::read(&options.repo)?;
    let repo = environment.get("AUTOFIX_GITHUB_REPO").unwrap_or("local/checkout").to_owned();
    let path = environment.get("AUTOFIX_GITHUB_PATH").unwrap_or_default().to_owned();
    let now = means.clock.now();
    let target =
        Target { repo: repo.clone(), path: path.clone(), branch: Some(branch.clone()), slack_channel: None };
    let mut attempt = Attempt::pending(AttemptId::new(now), Subject::of(&incident), target, now);
    attempt.apply(Event::AnalysisStarted { base_sha: Some(sha.clone()) }, now)?;
    let opened = Case::open(Material {
        attempt: attempt.id,
        incident,
        background: Background::default(),
        snapshot,
        repo,
        project: ProjectPath::parse(&path).context("read `AUTOFIX_GITHUB_PATH`")?,
        base_branch: branch,
        base_sha: sha,
        min_confidence: config.min_confidence,
    });
    let case = match opened {
        Ok(case) => case,
        Err(reason) => return Ok(refused(attempt, vec![reason], means)),
    };
    if options.ask == Ask::Nobody {
        return Ok(Judged { attempt, outlook: Some(outlook(&case)) });
    }
    if environment.get(names::ANTHROPIC_API_KEY).is_none() {
        bail!("`{}` is not set; `--dry-run` needs none", names::ANTHROPIC_API_KEY);
    }
    let secrets = Secrets::from_environment(environment.clone(), means.clock.clone());
    let outbound = means.outbound.patient(&means.clock, &Switchboard::default());
    let claude = Claude::new(outbound, config.anthropic_url.clone(), config.model.clone(), &secrets)
        .priced(config.price);
    let mut analyst = Analyst {
        claude: &claude,
        clock: &means.clock,
        deadline: now + PATIENCE,
        max_cost_usd: config.max_cost_usd,
        usage: Usage::default(),
        metrics: autofix::metrics::Metrics::none(),
        ledger: Ledger::None,
    };
    let Conclusion { analysis, ending, dossier: _ } =
        investigate(&mut analyst, &case).await.map_err(why_stopped)?;
    attempt.usage = analyst.usage;
    let now = means.clock.now();
    if let Some(analysis) = analysis {
        attempt.apply(Event::CauseFound { analysis: Box::new(analysis) }, now)?;
    }
    let event = match ending {
        Ending::Propose { fix } => Event::FixProposed { fix },
        Ending::Refuse { reasons, fix } => Event::Skipped { reasons, fix },
    };
    attempt.apply(event, now)?;
    Ok(Judged { attempt, outlook: None })
}

fn refused(mut attempt: Attempt, reasons: Vec<Reason>, means: &Means) -> Judged {
    // A pending or analysing attempt can always be skipped.
    let _ = attempt.apply(Event::Skipped { reasons, fix: None }, means.clock.now());
    Judged { attempt, outlook: None }
}

fn why_stopped(stopped: Stopped) -> anyhow::Error {
    match stopped {
        Stopped::Service(error) => anyhow::Error::new(error),
        Stopped::Store(error) => anyhow::Error::new(error),
        Stopped::OutOfTime => anyhow::anyhow!("it took more than {} minutes", PATIENCE.as_mins()),
        Stopped::Changed | Stopped::LostLease | Stopped::CardUncertain { .. } => {
            anyhow::anyhow!("the analysis was interrupted")
        }
    }
}

/// What is known before Claude is asked.
fn outlook(case: &Case) -> String {
    let frames: Vec<String> = case
        .located()
        .iter()
        .map(|frame| {
            let line = frame.line.map_or("?".to_owned(), |line| line.to_string());
            let sure = if frame.verified { "verified" } else { "not verified" };
            format!("  {}:{line}  {sure}", frame.path)
        })
        .collect();
    let culprit = case.culprit().map_or("none".to_owned(), |frame| frame.path.to_string());
    format!("Frames found in the code:\n{}\nCulprit: {culprit}", frames.join("\n"))
}

impl Judged {
    fn would_open(&self) -> bool {
        self.outlook.is_none() && self.attempt.state.reasons().is_empty()
    }

    fn print(&self) {
        if let Some(outlook) = &self.outlook {
            say!("{outlook}");
            return;
        }
        let way_on = WayOn { buttons: Buttons::LinksOnly, details: None, approvals: 1 };
        say!("{}", rendered(messages::card(&self.attempt, &way_on).blocks()));
        if let Some(fix) = self.attempt.state.fix() {
            say!("{}", fix.diff);
        }
        let usage = &self.attempt.usage;
        let verdict =
            if self.would_open() { "A pull request would have been opened." } else { "No pull request." };
        say!("{verdict} {} turns, ${:.4}.", usage.turns, usage.cost_usd);
    }

    fn row(&self, file: &Path) -> String {
        let name = name_of(file);
        let reasons: Vec<&str> =
            self.attempt.state.reasons().iter().map(|reason| reason.code.as_str()).collect();
        let verdict = match &self.outlook {
            Some(_) => "not asked".to_owned(),
            None if self.would_open() => "pull request".to_owned(),
            None => reasons.join(", "),
        };
        format!("{name:<40} ${:<7.4} {verdict}", self.attempt.usage.cost_usd)
    }

    fn to_json(&self, file: &Path) -> Value {
        json!({
            "event": file.display().to_string(),
            "would_open_pull_request": self.would_open(),
            "analysis": self.attempt.analysis,
            "reasons": self.attempt.state.reasons(),
            "diff": self.attempt.state.fix().map(|fix| &fix.diff),
            "usage": self.attempt.usage,
            "outlook": self.outlook,
        })
    }
}

/// The middle one; of an even number the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some(f64::midpoint(values[low], values[high]))
}

fn name_of(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A file, or the JSON files of a folder in the order of their names.
fn event_files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).with_context(|| format!("list `{}`", path.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    let mut files: Vec<PathBuf> =
        paths.into_iter().filter(|path| path.extension().is_some_and(|e| e == "json")).collect();
    files.sort();
    if files.is_empty() {
        bail!("`{}` has no `.json` file", path.display());
    }
    Ok(files)
}

/// A webhook's body, an event of Sentry's REST API, or a sample event of `events/`.
fn read_event(file: &Path) -> anyhow::Result<Incident> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read `{}`", file.display()))?;
    let value: Value = serde_json::from_str(&text).context("read the event as JSON")?;
    if value["entries"].is_array() {
        let known = Incident {
            issue_id: value["groupID"].as_str().unwrap_or("0").to_owned(),
            project: "local".to_owned(),
            ..Incident::default()
        };
        return Ok(read_rest_event(text.as_bytes(), &known)?);
    }
    let (resource, body) = if value["rawPath"].is_string() {
        let event = SampleEvent::parse(&text)?;
        let headers = event.headers();
        let resource = headers.iter().find(|(name, _)| name == "sentry-hook-resource");
        let resource = resource.context("the event is not a Sentry webhook")?.1.clone();
        (resource, event.body().to_vec())
    } else {
        let resource = [("error", "error"), ("event", "event_alert"), ("issue", "issue")]
            .into_iter()
            .find(|(key, _)| value["data"][key].is_object())
            .map(|(_, resource)| resource)
            .context("the file is neither a Sentry webhook nor an event of Sentry's API")?;
        (resource.to_owned(), text.into_bytes())
    };
    match webhook::read(&resource, &body)? {
        Webhook::Report(report) => Ok(report.incident),
        Webhook::Ignored { why } => bail!("{why}"),
        Webhook::SentryAgentOpenedPullRequest { .. } => bail!("the webhook reports no error"),
    }
}
