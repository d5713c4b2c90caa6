//! `autofix backtest`: AutoFix on errors that people have fixed already. Each one is analysed as it was just before the fix,
//! and what AutoFix would have done is compared with what people did. It writes into one folder and nowhere else.

mod folders;
mod history;
mod page;
mod progress;
mod results;
mod sentry_issues;
mod summary;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};
use autofix::analysis::closeness::closeness;
use autofix::analysis::diff::unified;
use autofix::analysis::repo_path::RepoPath;
use autofix::attempt::{AttemptId, Closeness};
use autofix::config::{WorkerConfig, names};
use autofix::incident::Incident;
use autofix::outbound::{ErrorKind, ServiceError};
use autofix::reason::ReasonCode;
use autofix::redaction::redact;
use autofix::{cleaning, redaction};
use fix_worker::investigation::analyst::Ledger;
use fix_worker::investigation::turn_file::TurnFile;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::analyze::{Assessment, Input, Means, assess};
use crate::checkout::Checkout;
use crate::terminal::say;
use history::{History, PeoplesFix};
use progress::Progress;
use results::{CaseResult, Results};
use summary::Summary;

/// Characters of a diff that is kept for the page.
const MAX_DIFF_CHARS: usize = 40_000;
const MAX_TITLE_CHARS: usize = 200;

/// What `backtest` was asked to do.
pub struct Options {
    pub source: Source,
    /// Folder for the results and the page.
    pub out: PathBuf,
    /// US dollars for all cases in that folder together.
    pub max_cost_usd: f64,
    /// Print JSON.
    pub json: bool,
    /// Becomes true when the person wants it to stop.
    pub stop: Arc<AtomicBool>,
}

/// Where the cases come from.
pub enum Source {
    /// A folder of folders.
    Folders(PathBuf),
    /// The resolved issues of a project in Sentry.
    Sentry(SentryProject),
}

pub struct SentryProject {
    /// Slug; `SENTRY_ORG` if it is not given.
    pub organization: Option<String>,
    /// Slug.
    pub project: String,
    /// A local clone of the code.
    pub repo: PathBuf,
    /// Issues that are taken, those that were seen last first.
    pub limit: usize,
}

/// A case that was found and not read yet.
struct Candidate {
    /// A folder's name, or the issue's short id.
    name: String,
    /// The same for the same event, fix and model.
    key: String,
    source: CaseSource,
}

enum CaseSource {
    Folder {
        folder: PathBuf,
        files: folders::Files,
    },
    Issue(Box<sentry_issues::FixedIssue>),
    /// A sentence for people says why there is nothing to compare.
    Nowhere(String),
}

/// A case, ready to be analysed.
struct Case {
    incident: Incident,
    checkout: Checkout,
    fix: PeoplesFix,
    url: Option<String>,
    /// 40 hex digits.
    commit: Option<String>,
    notes: Vec<String>,
}

/// How a case ended.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Entry<'a> {
    Compared(&'a CaseResult),
    NotCompared { name: String, why: String },
}

/// Why there is no result.
enum Stop {
    /// The next case may have one.
    Case(String),
    /// No further one has.
    Run(String),
}

/// Runs the backtest: what has a result in the folder is not analysed again.
///
/// # Errors
/// When the cases can't be listed, the folder can't be written, or nothing could be compared.
pub async fn backtest(options: &Options, means: &Means) -> anyhow::Result<()> {
    let config = WorkerConfig::from_env(&means.environment)?;
    let history = match &options.source {
        Source::Folders(_) => None,
        Source::Sentry(project) => Some(History::open(&project.repo)?),
    };
    let candidates = match (&options.source, &history) {
        (Source::Folders(top), _) => of_folders(top, &config)?,
        (Source::Sentry(project), Some(history)) => of_sentry(project, history, &config, means).await?,
        (Source::Sentry(_), None) => bail!("a project in Sentry needs a local clone"),
    };
    std::fs::create_dir_all(&options.out).with_context(|| format!("create `{}`", options.out.display()))?;
    let mut results = Results::open(&options.out.join("results.jsonl"))?;
    let is_paid_for = |candidate: &Candidate| {
        results.get(&candidate.key).is_some() || matches!(candidate.source, CaseSource::Nowhere(_))
    };
    if means.environment.get(names::ANTHROPIC_API_KEY).is_none() && !candidates.iter().all(is_paid_for) {
        bail!("`{}` is not set", names::ANTHROPIC_API_KEY);
    }
    let mut progress = Progress::of(candidates.len());
    let mut run = Run {
        options,
        means,
        config: &config,
        history: history.as_ref(),
        results: &mut results,
        stopped: None,
    };
    let mut not_compared = Vec::new();
    for candidate in &candidates {
        progress.begin(&candidate.name);
        match run.result_of(candidate, &candidates).await? {
            Ok(result) => progress.end(&line_of(&result), result.usage.cost_usd),
            Err(why) => {
                progress.end(&format!("{:<30} not compared: {why}", candidate.name), 0.0);
                not_compared.push((candidate.key.clone(), candidate.name.clone(), why));
            }
        }
    }
    progress.finish();
    let stopped = run.stopped.take();
    let compared: Vec<&CaseResult> =
        candidates.iter().filter_map(|candidate| results.get(&candidate.key)).collect();
    let summary = Summary::of(&compared, not_compared.len());
    let path = options.out.join("report.html");
    let report = page::Report {
        summary: &summary,
        results: &compared,
        not_compared: not_compared.iter().map(|(_, name, why)| (name.as_str(), why.as_str())).collect(),
        stopped: stopped.as_deref(),
    };
    std::fs::write(&path, report.render()?).with_context(|| format!("write `{}`", path.display()))?;
    if options.json {
        let others = not_compared
            .iter()
            .map(|(_, name, why)| Entry::NotCompared { name: name.clone(), why: why.clone() });
        let cases: Vec<Entry<'_>> = compared.iter().copied().map(Entry::Compared).chain(others).collect();
        say!("{}", json!({ "summary": summary, "cases": cases, "stopped": stopped, "page": path }));
    } else {
        say!("{}", in_words(&summary));
        if let Some(stopped) = &stopped {
            say!("{stopped}");
        }
        say!("The report with both diffs of each case: {}", path.display());
    }
    if compared.is_empty() {
        bail!("none of the {} cases could be compared", candidates.len());
    }
    Ok(())
}

fn of_folders(top: &std::path::Path, config: &WorkerConfig) -> anyhow::Result<Vec<Candidate>> {
    let candidate = |folder: PathBuf| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let name = redact(&cleaning::one_line(&name, MAX_TITLE_CHARS)).as_str().to_owned();
        match folders::Files::of(&folder) {
            Ok(files) => {
                let [event, diff] = files.parts();
                let key = key(&[name.as_bytes(), event, diff, config.model.as_bytes()]);
                Candidate { name, key, source: CaseSource::Folder { folder, files } }
            }
            Err(error) => Candidate {
                key: key(&[name.as_bytes()]),
                name,
                source: CaseSource::Nowhere(format!("{error:#}")),
            },
        }
    };
    Ok(folders::list(top)?.into_iter().map(candidate).collect())
}

async fn of_sentry(
    project: &SentryProject,
    history: &History,
    config: &WorkerConfig,
    means: &Means,
) -> anyhow::Result<Vec<Candidate>> {
    let found = sentry_issues::list(project, history, config, means).await?;
    let candidates = found.into_iter().map(|(name, issue)| match issue {
        Ok(issue) => {
            let key = key(&[issue.id().as_bytes(), issue.commit.as_bytes(), config.model.as_bytes()]);
            Candidate { name, key, source: CaseSource::Issue(Box::new(issue)) }
        }
        Err(why) => Candidate { key: key(&[name.as_bytes()]), name, source: CaseSource::Nowhere(why) },
    });
    Ok(candidates.collect())
}

/// Sixteen hex digits of all parts.
fn key(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(&hash.finalize()[..8])
}

/// Everything that a run works with.
struct Run<'a> {
    options: &'a Options,
    means: &'a Means,
    config: &'a WorkerConfig,
    history: Option<&'a History>,
    results: &'a mut Results,
    /// Why no further case is analysed.
    stopped: Option<String>,
}

impl Run<'_> {
    /// The result, kept; or the sentence that says why there is none.
    async fn result_of(
        &mut self,
        candidate: &Candidate,
        all: &[Candidate],
    ) -> anyhow::Result<Result<CaseResult, String>> {
        if let Some(result) = self.results.get(&candidate.key) {
            return Ok(Ok(result.clone()));
        }
        if let CaseSource::Nowhere(why) = &candidate.source {
            return Ok(Err(why.clone()));
        }
        let later = || "Left for the next run.".to_owned();
        if self.stopped.is_some() {
            return Ok(Err(later()));
        }
        if self.options.stop.load(Ordering::SeqCst) {
            self.stopped = Some("Stopped. The next run continues from here.".to_owned());
            return Ok(Err(later()));
        }
        let spent: f64 =
            all.iter().filter_map(|one| self.results.get(&one.key)).map(|result| result.usage.cost_usd).sum();
        match self.analyze(candidate, self.options.max_cost_usd - spent).await {
            Ok(result) => {
                self.results.keep(result.clone())?;
                self.forget_turns(candidate);
                Ok(Ok(result))
            }
            Err(Stop::Case(why)) => Ok(Err(why)),
            Err(Stop::Run(why)) => {
                self.stopped = Some(why);
                Ok(Err(later()))
            }
        }
    }

    fn turns_of(&self, candidate: &Candidate) -> PathBuf {
        self.options.out.join(format!("turns-{}.jsonl", candidate.key))
    }

    /// The result is kept, so the turns are needed no more. A file that stays costs nothing.
    fn forget_turns(&self, candidate: &Candidate) {
        let _ = std::fs::remove_file(self.turns_of(candidate));
    }

    async fn analyze(&self, candidate: &Candidate, left_usd: f64) -> Result<CaseResult, Stop> {
        let out_of_money = || {
            Stop::Run(format!(
                "Stopped: `--max-cost` is reached (${:.2}). A next run with a higher one continues from here.",
                self.options.max_cost_usd
            ))
        };
        if left_usd <= 0.0 {
            return Err(out_of_money());
        }
        let case = self.read(candidate).await?;
        let new = AttemptId::new(self.means.clock.now());
        let mut turns = TurnFile::open(&self.turns_of(candidate), new, Arc::clone(&self.options.stop))
            .map_err(|error| Stop::Run(format!("Stopped: the turns can't be kept: {error}.")))?;
        let history = self.history;
        let file_at = |commit: &str, path: &RepoPath| history?.text_at(commit, path);
        let began = self.means.clock.now();
        let input = Input {
            incident: &case.incident,
            checkout: case.checkout,
            file_at: &file_at,
            dry_run: false,
            attempt: turns.attempt(),
            max_cost_usd: left_usd,
            ledger: Ledger::File(&mut turns),
        };
        let assessment = match assess(input, self.means).await {
            Ok(assessment) => assessment,
            Err(_) if self.options.stop.load(Ordering::SeqCst) => {
                return Err(Stop::Run("Stopped. The next run continues from here.".to_owned()));
            }
            Err(error) if may_pass(&error) => {
                return Err(Stop::Run(format!("Stopped: {error:#}. The next run continues from here.")));
            }
            Err(error) => return Err(Stop::Case(format!("It could not be analysed: {error:#}."))),
        };
        let ran_out =
            assessment.attempt.state.reasons().iter().any(|one| one.code == ReasonCode::BudgetSpent);
        if ran_out && left_usd < self.config.max_cost_usd {
            return Err(out_of_money());
        }
        let seconds = self.means.clock.now().duration_since(began).as_secs_f64();
        Ok(CaseResult {
            key: candidate.key.clone(),
            name: candidate.name.clone(),
            title: redact(&cleaning::one_line(&case.incident.title, MAX_TITLE_CHARS)).as_str().to_owned(),
            url: case.url,
            fix: case.commit,
            notes: notes(case.notes, &case.fix),
            would_open: assessment.would_open(),
            reasons: assessment.attempt.state.reasons().to_vec(),
            confidence: assessment.confidence,
            min_confidence: self.config.min_confidence,
            reviewed: is_reviewed(&assessment),
            closeness: assessment.change.as_ref().map(|change| closeness(&case.fix.changes, change)),
            peoples_diff: shown(&case.fix.changes.iter().map(unified).collect::<String>()),
            proposed_diff: assessment.change.as_ref().map(|change| shown(&unified(change))),
            usage: assessment.attempt.usage,
            seconds: (seconds * 10.0).round() / 10.0,
        })
    }

    async fn read(&self, candidate: &Candidate) -> Result<Case, Stop> {
        match (&candidate.source, self.history) {
            (CaseSource::Folder { folder, files }, _) => {
                let folders::Case { incident, checkout, fix } =
                    files.read(folder).map_err(|error| Stop::Case(format!("{error:#}")))?;
                Ok(Case { incident, checkout, fix, url: None, commit: None, notes: Vec::new() })
            }
            (CaseSource::Issue(issue), Some(history)) => issue.read(history, self.config, self.means).await,
            (CaseSource::Issue(_) | CaseSource::Nowhere(_), _) => {
                Err(Stop::Case("There is nothing to compare.".to_owned()))
            }
        }
    }
}

/// Whether the same would go well at another time, so that no result may be made of it.
fn may_pass(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<ServiceError>() {
        Some(error) => match error.kind {
            ErrorKind::Unauthorized
            | ErrorKind::CredentialRefused
            | ErrorKind::RateLimited
            | ErrorKind::Unavailable
            | ErrorKind::TimedOut
            | ErrorKind::SecretsUnavailable => true,
            ErrorKind::NotFound
            | ErrorKind::Moved
            | ErrorKind::Conflict
            | ErrorKind::Refused { .. }
            | ErrorKind::Malformed => false,
        },
        None => false,
    }
}

/// Whether every critic that had to has answered.
fn is_reviewed(assessment: &Assessment) -> bool {
    let dossier = &assessment.dossier;
    let needs_two = dossier.effects.questions.iter().any(|question| question.needs_two);
    dossier.critique.is_some() && (!needs_two || dossier.second_critique.is_some())
}

fn notes(mut notes: Vec<String>, fix: &PeoplesFix) -> Vec<String> {
    if let Some(first) = fix.not_text.first() {
        let count = fix.not_text.len();
        notes.push(match count {
            1 => format!("The fix also changes `{first}`, which is no text and is not compared."),
            _ => format!(
                "The fix also changes {count} files that are no text and are not compared, such as `{first}`."
            ),
        });
    }
    notes
}

fn shown(diff: &str) -> String {
    let cleaned: redaction::Redacted = redact(&cleaning::multi_line(diff, MAX_DIFF_CHARS * 2));
    cleaned.capped(MAX_DIFF_CHARS).as_str().to_owned()
}

/// What came of a case, on one line.
fn line_of(result: &CaseResult) -> String {
    let mut codes: Vec<&str> = result.reasons.iter().map(|reason| reason.code.as_str()).collect();
    codes.dedup();
    let verdict = if result.would_open { "pull request".to_owned() } else { codes.join(", ") };
    let close = result.closeness.map_or("no proposal", Closeness::label);
    format!("{:<30} ${:<7.4} {verdict} ({close})", result.name, result.usage.cost_usd)
}

/// The summary for people.
fn in_words(summary: &Summary) -> String {
    let Summary { compared, would_open, same_change, same_lines, same_file, other_file, .. } = summary;
    let cases = |count: usize| if count == 1 { "1 case".to_owned() } else { format!("{count} cases") };
    let mut text = format!(
        "\n{} compared, {} not. {would_open} of {compared} would have become a pull request:\n\
         {same_change} with the same change as people's, {same_lines} at the same lines, {same_file} in the same file, \
         {other_file} in another one.\n\
         Cost ${:.2}, median ${:.4} and {:.0} s for a case.\n",
        cases(*compared),
        cases(summary.not_compared),
        summary.cost_usd,
        summary.median_cost_usd,
        summary.median_seconds,
    );
    for threshold in summary.thresholds.iter().filter(|_| *compared > 0) {
        let unknown = match threshold.unknown {
            0 => String::new(),
            count => format!(", {count} more perhaps"),
        };
        let set = if threshold.is_set { "  (as set)" } else { "" };
        text += &format!(
            "  confidence from {:.2}: {} opened, {} of them the same change{unknown}{set}\n",
            threshold.min_confidence, threshold.would_open, threshold.same_change
        );
    }
    text
}
