//! `autofix analyze`: the analysis of one's own Sentry events against a local checkout, with the real Claude. It prints
//! what AutoFix would have done and writes nothing anywhere: the way to judge it before trusting it.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use autofix::analysis::background::Background;
use autofix::analysis::diff::FileChange;
use autofix::analysis::dossier::{Dossier, StepCost};
use autofix::analysis::edits::{self, Edit};
use autofix::analysis::frames::Match;
use autofix::analysis::repo_path::{ProjectPath, RepoPath};
use autofix::analysis::report::YesNo;
use autofix::attempt::{Attempt, AttemptId, Event, Fix, Subject, Target};
use autofix::claude::Claude;
use autofix::clock::Clock;
use autofix::config::{Environment, WorkerConfig, names};
use autofix::incident::Incident;
use autofix::messages::{self, Buttons, WayOn};
use autofix::outbound::Outbound;
use autofix::reason::Reason;
use autofix::redaction::redact_incident;
use autofix::secrets::Secrets;
use autofix::sentry::event;
use autofix::sentry::webhook::{self, Webhook};
use autofix::usage::Usage;
use fix_worker::Stopped;
use fix_worker::investigation::analyst::{Analyst, Ledger};
use fix_worker::investigation::case::{Case, Material};
use fix_worker::investigation::{Conclusion, Ending, investigate};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::arguments::AnalyzeArgs;
use crate::checkout::{self, Checkout};
use crate::sample_event::SampleEvent;
use crate::sandbox::slack::rendered;
use crate::terminal::{patiently, say};

/// How long one analysis may take.
const PATIENCE: SignedDuration = SignedDuration::from_mins(15);

/// What a run needs beside its arguments.
pub struct Means {
    pub environment: Environment,
    pub clock: Clock,
    pub outbound: Outbound,
}

/// Analyses one event, every event of a list, or every event of a folder.
///
/// # Errors
/// When the repository can't be read, Claude can't be reached, or none of the events could be read.
pub async fn analyze(args: &AnalyzeArgs, means: &Means) -> anyhow::Result<()> {
    let events = read_all(&args.events)?;
    let mut summary = Vec::new();
    for Given { name, incident } in &events {
        let waited_for = format!("Looking into {name} …");
        let assessment = match incident {
            Ok(incident) => patiently(&waited_for, analyze_one(incident, args, means)).await,
            Err(error) => Err(anyhow!("{error:#}")),
        };
        let assessment = match assessment {
            Ok(assessment) => assessment,
            // One among many that is no event must not hide what the others tell.
            Err(error) if events.len() > 1 => {
                match args.json {
                    true => say!("{}", json!({ "event": name, "error": format!("{error:#}") })),
                    false => say!("{name:<40} {error:#}"),
                }
                continue;
            }
            Err(error) => return Err(error.context(format!("analyse `{name}`"))),
        };
        match args.json {
            true => say!("{}", assessment.to_json(name)),
            false if events.len() == 1 => assessment.print(),
            false => say!("{}", assessment.row(name)),
        }
        summary.push(assessment);
    }
    if summary.is_empty() {
        bail!("none of the {} events of `{}` could be analysed", events.len(), args.events.display());
    }
    if !args.json && events.len() > 1 {
        let cost = |assessment: &Assessment| assessment.attempt.usage.cost_usd;
        let (opened, refused): (Vec<_>, Vec<_>) =
            summary.iter().partition(|assessment| assessment.would_open());
        let all: f64 = summary.iter().map(cost).sum();
        say!(
            "\n{} events: {} would have become a pull request. Cost ${all:.2}.",
            summary.len(),
            opened.len()
        );
        for (which, assessments) in [("with", opened), ("without", refused)] {
            if let Some(median) = median(assessments.into_iter().map(cost).collect()) {
                say!("Median cost of an event {which} a pull request: ${median:.4}.");
            }
        }
    }
    Ok(())
}

/// An attempt that was only thought.
pub(crate) struct Assessment {
    pub(crate) attempt: Attempt,
    /// What was found without a model, where nobody was asked.
    outlook: Option<String>,
    /// 0 to 1, after penalties, as far as it is known.
    pub(crate) confidence: Option<f64>,
    /// The change that was proposed, whole; `None` if there is none.
    pub(crate) change: Option<FileChange>,
    /// What the investigation left behind; empty if nobody was asked.
    pub(crate) dossier: Dossier,
}

/// One event, the code that it is analysed against, and the bounds.
pub(crate) struct Input<'a> {
    pub(crate) incident: &'a Incident,
    pub(crate) checkout: Checkout,
    /// The text of a file at another commit.
    pub(crate) file_at: &'a dyn Fn(&str, &RepoPath) -> Option<String>,
    /// Asks no model: only what can be told without one, at no cost.
    pub(crate) dry_run: bool,
    pub(crate) attempt: AttemptId,
    /// US dollars; the limit for one attempt holds as well.
    pub(crate) max_cost_usd: f64,
    pub(crate) ledger: Ledger<'a>,
}

async fn analyze_one(incident: &Incident, args: &AnalyzeArgs, means: &Means) -> anyhow::Result<Assessment> {
    let input = Input {
        incident,
        checkout: checkout::read(&args.repo)?,
        file_at: &|commit, path| checkout::file_at(&args.repo, commit, path),
        dry_run: args.dry_run,
        attempt: AttemptId::new(means.clock.now()),
        max_cost_usd: f64::INFINITY,
        ledger: Ledger::None,
    };
    assess(input, means).await
}

/// Analyses one event.
pub(crate) async fn assess(input: Input<'_>, means: &Means) -> anyhow::Result<Assessment> {
    let environment = &means.environment;
    let config = WorkerConfig::from_env(environment)?;
    let incident = redact_incident(input.incident);
    let Checkout { snapshot, sha, branch } = input.checkout;
    let repo = environment.get("AUTOFIX_GITHUB_REPO").unwrap_or("local/checkout").to_owned();
    let path = environment.get("AUTOFIX_GITHUB_PATH").unwrap_or_default().to_owned();
    let now = means.clock.now();
    let target =
        Target { repo: repo.clone(), path: path.clone(), branch: Some(branch.clone()), ..Target::default() };
    let mut attempt = Attempt::pending(input.attempt, Subject::of(&incident), target, now);
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
    let mut case = match opened {
        Ok(case) => case,
        Err(reason) => return Ok(refused(attempt, reason, means)),
    };
    let changed = case.wants_released().and_then(|(commit, path)| {
        let released = (input.file_at)(&commit, &path)?;
        case.compare_release(&commit, &released)
    });
    let obstacle = changed.or_else(|| case.obstacle());
    if input.dry_run && !case.located().is_empty() {
        let obstacle =
            obstacle.map_or(String::new(), |reason| format!("\nNo model would be asked: {reason}"));
        let outlook = format!("{}{obstacle}", outlook(&case));
        return Ok(Assessment { outlook: Some(outlook), ..Assessment::free(attempt) });
    }
    if let Some(reason) = obstacle {
        return Ok(refused(attempt, reason, means));
    }
    if environment.get(names::ANTHROPIC_API_KEY).is_none() {
        bail!("`{}` is not set; `--dry-run` needs none", names::ANTHROPIC_API_KEY);
    }
    let secrets = Secrets::from_environment(environment.clone(), means.clock.clone());
    let outbound = means.outbound.patient(&means.clock);
    let claude = Claude::new(outbound, config.anthropic_url.clone(), config.model.clone(), &secrets)
        .priced(config.price);
    let mut analyst = Analyst {
        claude: &claude,
        clock: &means.clock,
        deadline: now + PATIENCE,
        max_cost_usd: config.max_cost_usd.min(input.max_cost_usd),
        usage: Usage::default(),
        metrics: autofix::metrics::Metrics::none(),
        ledger: input.ledger,
    };
    let Conclusion { analysis, ending, confidence, dossier } =
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
    let change = attempt.state.fix().and_then(|fix| whole_change(&case, fix));
    Ok(Assessment { attempt, outlook: None, confidence, change, dossier })
}

/// The file of a fix before and after its edits.
fn whole_change(case: &Case, fix: &Fix) -> Option<FileChange> {
    let before = case.text(&RepoPath::parse(&fix.file_path).ok()?)?.to_owned();
    let after = edits::apply(&before, &Edit::all_of(fix)).ok()?;
    Some(FileChange { path: fix.file_path.clone(), before, after })
}

fn refused(mut attempt: Attempt, reason: Reason, means: &Means) -> Assessment {
    // A pending or analysing attempt can always be skipped.
    let _ = attempt.apply(Event::Skipped { reasons: vec![reason], fix: None }, means.clock.now());
    Assessment::free(attempt)
}

fn why_stopped(stopped: Stopped) -> anyhow::Error {
    match stopped {
        Stopped::Service(error) => anyhow::Error::new(error),
        Stopped::Store(error) => anyhow::Error::new(error),
        Stopped::OutOfTime => anyhow!("it took more than {} minutes", PATIENCE.as_mins()),
        Stopped::Changed | Stopped::LostLease => anyhow!("the analysis was interrupted"),
    }
}

/// What is known before Claude is asked.
fn outlook(case: &Case) -> String {
    let frames: Vec<String> = case
        .located()
        .iter()
        .map(|frame| {
            let line = frame.line.map_or("?".to_owned(), |line| line.to_string());
            let sure = match frame.matched {
                Match::SourceLine => "verified",
                Match::Function => "verified by its function, without a source line",
                Match::LineGone => "not verified: the line is not in the code",
                Match::NoSource => "not verified: the event has no source line",
            };
            format!("  {}:{line}  {sure}", frame.path)
        })
        .collect();
    let culprit = case.culprit().map_or("none".to_owned(), |frame| frame.path.to_string());
    format!("Frames found in the code:\n{}\nCulprit: {culprit}", frames.join("\n"))
}

impl Assessment {
    /// Nobody was asked.
    fn free(attempt: Attempt) -> Assessment {
        Assessment { attempt, outlook: None, confidence: None, change: None, dossier: Dossier::default() }
    }

    pub(crate) fn would_open(&self) -> bool {
        self.outlook.is_none() && self.attempt.state.reasons().is_empty()
    }

    fn print(&self) {
        if let Some(outlook) = &self.outlook {
            say!("{outlook}");
            return;
        }
        let way_on = WayOn { buttons: Buttons::LinksOnly, details: None, approvals: 1 };
        let card = rendered(messages::card(&self.attempt, &way_on).blocks());
        // It is kept nowhere, so its id leads nowhere.
        say!("{}", card.replace(&format!("  ·  Attempt `{}`", self.attempt.id), ""));
        if let Some(fix) = self.attempt.state.fix() {
            say!("{}", fix.diff);
        }
        self.print_effects();
        for StepCost { step, usage } in &self.dossier.costs {
            let read = usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens;
            let tokens = format!("{read} tokens in, {} out", usage.output_tokens);
            let turns = if usage.turns == 1 { "turn" } else { "turns" };
            let step = step.replace('_', " ");
            say!("{step:<14} {} {turns}, {tokens}, ${:.4}", usage.turns, usage.cost_usd);
        }
        let usage = &self.attempt.usage;
        let verdict =
            if self.would_open() { "A pull request would have been opened." } else { "No pull request." };
        say!("{verdict} {} turns, ${:.4}.", usage.turns, usage.cost_usd);
    }

    /// What code found about the change, and what the critics answered to its questions.
    fn print_effects(&self) {
        let effects = &self.dossier.effects;
        for fact in &effects.facts {
            say!("Line {}: {}", fact.line, fact.sentence);
        }
        let critiques = [&self.dossier.critique, &self.dossier.second_critique].into_iter().flatten();
        let answers: Vec<_> = critiques.flat_map(|critique| &critique.answers).collect();
        for question in &effects.questions {
            say!("{}: {}", question.id, question.text);
            for answer in answers.iter().filter(|answer| answer.question == question.id) {
                let quotes: Vec<String> =
                    answer.quotes.iter().map(|quote| format!("{}:{}", quote.file, quote.line)).collect();
                let said = answer.answer.map_or("no answer", YesNo::as_str);
                say!("    {said} ({})", quotes.join(", "));
            }
        }
    }

    fn row(&self, name: &str) -> String {
        let reasons: Vec<&str> =
            self.attempt.state.reasons().iter().map(|reason| reason.code.as_str()).collect();
        let verdict = match &self.outlook {
            Some(outlook) => format!("not asked. {}", outlook.replace("\n  ", " ").replace('\n', ". ")),
            None if self.would_open() => "pull request".to_owned(),
            None => reasons.join(", "),
        };
        format!("{name:<40} ${:<7.4} {verdict}", self.attempt.usage.cost_usd)
    }

    fn to_json(&self, name: &str) -> Value {
        json!({
            "event": name,
            "would_open_pull_request": self.would_open(),
            "analysis": self.attempt.analysis,
            "reasons": self.attempt.state.reasons(),
            "diff": self.attempt.state.fix().map(|fix| &fix.diff),
            "usage": self.attempt.usage,
            "costs": self.dossier.costs,
            "effects": { "facts": self.dossier.effects.facts, "questions": self.dossier.effects.questions },
            "critique": self.dossier.critique,
            "second_critique": self.dossier.second_critique,
            "outlook": self.outlook,
        })
    }
}

/// The middle one; of an even number the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some(f64::midpoint(values[low], values[high]))
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

/// One event of those to analyse.
struct Given {
    /// Of its file, and its place in a list.
    name: String,
    incident: anyhow::Result<Incident>,
}

fn read_all(path: &Path) -> anyhow::Result<Vec<Given>> {
    let mut all = Vec::new();
    for file in event_files(path)? {
        let bytes = std::fs::read(&file).with_context(|| format!("read `{}`", file.display()))?;
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_start_matches('\u{feff}');
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match serde_json::from_str::<Vec<&RawValue>>(text) {
            Ok(list) => all.extend(list.iter().enumerate().map(|(index, one)| Given {
                name: format!("{name}[{index}]"),
                incident: read_event(one.get()),
            })),
            Err(_) => all.push(Given { name, incident: read_event(text) }),
        }
    }
    if all.is_empty() {
        bail!("`{}` is an empty list", path.display());
    }
    Ok(all)
}

/// What tells one form of an event from another.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Probe<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    /// The legacy WebHooks plugin and service hooks put the event here.
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    /// Of a sample event.
    #[serde(borrow)]
    raw_path: Option<&'a RawValue>,
}

/// The forms of an event that are read, for people.
const FORMS: &str = "Sentry's \"JSON\" link of an event, an event or a list of events of Sentry's API \
    (`…/issues/{id}/events/?full=true`), the body of a webhook (also of the legacy WebHooks plugin), or a sample event of `events/`";

pub(crate) fn read_event(text: &str) -> anyhow::Result<Incident> {
    let probe = serde_json::from_str::<Probe<'_>>(text).map_err(|error| match error.is_data() {
        // Which of our own types it is not is nothing to people.
        true => anyhow!("read the event as a JSON object: it is something else"),
        false => anyhow!("read the event as a JSON object: {error}"),
    })?;
    let mut incident = if probe.raw_path.is_some() {
        let event = SampleEvent::parse(text)?;
        let headers = event.headers();
        let resource = headers.iter().find(|(name, _)| name == "sentry-hook-resource");
        let resource = resource.context("the sample event is not a Sentry webhook")?.1.clone();
        of_webhook(&resource, event.body())?
    } else if let Some(resource) = probe.data.and_then(resource_of) {
        of_webhook(resource, text.as_bytes())?
    } else {
        let event = probe.event.map_or(text, RawValue::get);
        event::read_event(event.as_bytes()).with_context(|| format!("read it as one of: {FORMS}"))?
    };
    if incident.project.is_empty() {
        incident.project = "local".to_owned();
    }
    Ok(incident)
}

/// The resource of a webhook with this `data`.
fn resource_of(data: &RawValue) -> Option<&'static str> {
    let data: Value = serde_json::from_str(data.get()).ok()?;
    let kinds = [("error", "error"), ("event", "event_alert"), ("issue", "issue")];
    kinds.into_iter().find(|(key, _)| data[key].is_object()).map(|(_, resource)| resource)
}

fn of_webhook(resource: &str, body: &[u8]) -> anyhow::Result<Incident> {
    match webhook::read(resource, body)? {
        Webhook::Report(report) => Ok(report.incident),
        Webhook::Ignored { why } => bail!("{why}"),
        Webhook::SentryAgentOpenedPullRequest { .. } => bail!("the webhook reports no error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: &str = r#"{"values":[{"type":"KeyError","value":"'sku'","stacktrace":{"frames":[
        {"filename":"shop/cart.py","lineno":7,"in_app":true}]}}]}"#;
    const ID: &str = "000000000000000000000001e2cc3615";

    #[test]
    fn an_event_is_read_in_every_form_in_which_sentry_gives_it() {
        let json_link = format!(r#"{{"event_id":"{ID}","project":45,"exception":{STACK}}}"#);
        let api = format!(r#"{{"eventID":"{ID}","entries":[{{"type":"exception","data":{STACK}}}]}}"#);
        let alert = format!(
            r#"{{"action":"triggered","data":{{"event":{{"issue_id":"118","project":45,"exception":{STACK}}}}}}}"#
        );
        let legacy =
            format!(r#"{{"id":"118","project_slug":"shop","triggering_rules":[],"event":{json_link}}}"#);
        for text in [json_link, api, alert, legacy] {
            let incident = read_event(&text).unwrap_or_else(|error| panic!("{text}: {error:#}"));
            assert_eq!(incident.culprit_frame().and_then(|culprit| culprit.frame.line), Some(7), "{text}");
            assert!(!incident.project.is_empty(), "{text}");
        }
    }

    #[test]
    fn what_is_none_of_the_forms_is_told_which_there_are() {
        for text in [r#"{"a": 1}"#, "7", r#"{"event": {}}"#, r#"{"eventID": "1", "title": "x"}"#] {
            let error = format!("{:#}", read_event(text).expect_err(text));
            assert!(error.contains("\"JSON\" link") || error.contains("as a JSON object"), "{text}: {error}");
        }
    }
}
