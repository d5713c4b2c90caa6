//! What ran for a commit: check runs and commit statuses. A fine-grained token cannot read check runs;
//! it sees the jobs of GitHub Actions instead, and where GitHub's own judgement of the pull request
//! (`mergeable_state`) says that there is more, that is said too.

use serde::Deserialize;

use super::Github;
use super::conversation::title;
use super::pages::List;
use super::pulls::MergeState;
use super::rules::RequiredChecks;
use crate::cleaning::{multi_line, one_line};
use crate::outbound::{ErrorKind, ServiceError};

/// Of check runs, of statuses, and of workflow runs: a thousand each.
const PAGES: usize = 10;
/// Workflow runs whose jobs are read; the others count as one check each. One request a run.
const RUNS_WITH_JOBS: usize = 20;
const NAME_CHARS: usize = 200;
/// What is shown of a failed check: the last lines of what it says.
const SUMMARY_LINES: usize = 12;
const SUMMARY_CHARS: usize = 1_500;

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckResult {
    /// From outside, cleaned.
    pub name: String,
    pub outcome: CheckOutcome,
    /// It ran and succeeded: a check that was skipped has passed, too, and shows nothing.
    pub succeeded: bool,
    /// Where a person can read more.
    pub url: Option<String>,
    /// The last lines of what it says, cleaned and cut; hostile, and not redacted.
    pub summary: Option<String>,
    pub(super) source: Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckOutcome {
    Running,
    Passed,
    Failed(Failure),
}

/// How a check failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It ran and says that something is wrong: the one kind that another change to the code may mend.
    Red,
    TimedOut,
    Cancelled,
    /// GitHub or the check waits for a person: a first run to be allowed, for example.
    NeedsPerson,
    /// The workflow itself could not start.
    NeverStarted,
    /// GitHub gave up on it, or a conclusion that is not documented.
    Abandoned,
}

/// What more can be asked about a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A check run; `job` is the job of Actions behind it, if there is one.
    CheckRun {
        id: u64,
        job: Option<u64>,
    },
    Job {
        id: u64,
    },
    Nothing,
}

/// How much of a commit's checks this credential can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    Everything,
    /// Not the check runs of other apps than Actions.
    ActionsOnly,
}

/// Everything that ran or runs for one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitChecks {
    pub results: Vec<CheckResult>,
    pub sight: Sight,
    /// More than can be read: what was not read must not be taken for green.
    pub cut: bool,
}

/// What the checks of a commit mean together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckStatus<'a> {
    /// At least one failed; all that did.
    Red {
        failed: Vec<&'a CheckResult>,
    },
    /// None failed so far; the names of those that run or that are required and have not come.
    Running {
        waiting_for: Vec<String>,
    },
    /// Whatever can be seen is green, but GitHub says that something is not: a check that this token cannot read.
    Unseen,
    Green {
        passed: u32,
    },
    /// Nothing ran.
    Nothing,
}

#[derive(Deserialize)]
struct WireCheckRun {
    id: u64,
    name: Option<String>,
    status: Option<String>,
    conclusion: Option<String>,
    html_url: Option<String>,
    details_url: Option<String>,
    app: Option<WireApp>,
    output: Option<WireOutput>,
}

#[derive(Deserialize)]
struct WireApp {
    slug: Option<String>,
}

#[derive(Default, Deserialize)]
struct WireOutput {
    title: Option<String>,
    summary: Option<String>,
    text: Option<String>,
}

/// A job of GitHub Actions, or a workflow run: they have the same fields as far as they matter here.
#[derive(Deserialize)]
struct WireJob {
    id: Option<u64>,
    name: Option<String>,
    status: Option<String>,
    conclusion: Option<String>,
    html_url: Option<String>,
    steps: Option<Vec<WireStep>>,
    workflow_id: Option<u64>,
    event: Option<String>,
}

#[derive(Deserialize)]
struct WireStep {
    name: Option<String>,
    conclusion: Option<String>,
}

#[derive(Deserialize)]
struct WireStatus {
    state: Option<String>,
    context: Option<String>,
    description: Option<String>,
    target_url: Option<String>,
}

impl CommitChecks {
    /// What the checks mean, given what the base requires and how GitHub itself sees the merge (where it was asked).
    pub fn status(&self, required: &RequiredChecks, merge_state: Option<MergeState>) -> CheckStatus<'_> {
        let failed: Vec<&CheckResult> =
            self.results.iter().filter(|check| matches!(check.outcome, CheckOutcome::Failed(_))).collect();
        if !failed.is_empty() {
            return CheckStatus::Red { failed };
        }
        let running = self.results.iter().filter(|check| check.outcome == CheckOutcome::Running);
        let mut waiting_for: Vec<String> = running.map(|check| check.name.clone()).collect();
        // A required check of another app is never among what Actions ran; there GitHub's word has to do.
        let github_is_content =
            matches!(merge_state, Some(MergeState::Clean | MergeState::Unstable | MergeState::HasHooks));
        if self.sight == Sight::Everything || !github_is_content {
            let is_there = |name: &&String| self.results.iter().any(|check| check.name == **name);
            waiting_for.extend(required.names.iter().filter(|name| !is_there(name)).cloned());
        }
        if self.cut {
            waiting_for.push("checks beyond the first thousand".to_owned());
        }
        if !waiting_for.is_empty() {
            return CheckStatus::Running { waiting_for };
        }
        if self.sight == Sight::ActionsOnly && merge_state == Some(MergeState::Unstable) {
            return CheckStatus::Unseen;
        }
        match u32::try_from(self.results.len()).unwrap_or(u32::MAX) {
            0 => CheckStatus::Nothing,
            passed => CheckStatus::Green { passed },
        }
    }

    /// What failed here and did not fail on the base: the failures that the change may have caused.
    pub fn new_failures(&self, base: &CommitChecks) -> Vec<&CheckResult> {
        let fails = |check: &&CheckResult| matches!(check.outcome, CheckOutcome::Failed(_));
        let on_base = |check: &&CheckResult| base.results.iter().filter(fails).any(|b| b.name == check.name);
        self.results.iter().filter(fails).filter(|check| !on_base(check)).collect()
    }
}

impl Github {
    /// Everything that ran or runs for a commit, whether it is the head of a pull request or its base.
    pub async fn checks(&self, repo: &str, sha: &str) -> Result<CommitChecks, ServiceError> {
        let path = ["commits", sha, "check-runs"];
        let list = List {
            path: &path,
            query: &[("filter", "latest")],
            under: Some("check_runs"),
            most_pages: PAGES,
        };
        let mut checks = match self.pages(repo, list).await {
            Ok(runs) => CommitChecks {
                results: runs.items.into_iter().map(check_run).collect(),
                sight: Sight::Everything,
                cut: runs.cut,
            },
            Err(ServiceError { kind: ErrorKind::Unauthorized, .. }) => self.jobs_of(repo, sha).await?,
            Err(error) => return Err(error),
        };
        let path = ["commits", sha, "status"];
        let list = List { path: &path, query: &[], under: Some("statuses"), most_pages: PAGES };
        let statuses = self.pages(repo, list).await?;
        checks.cut |= statuses.cut;
        checks.results.extend(statuses.items.into_iter().map(status));
        Ok(checks)
    }

    /// The jobs that GitHub Actions ran for a commit. A check run and a required check are named after the job.
    async fn jobs_of(&self, repo: &str, sha: &str) -> Result<CommitChecks, ServiceError> {
        let list = List {
            path: &["actions", "runs"],
            query: &[("head_sha", sha)],
            under: Some("workflow_runs"),
            most_pages: PAGES,
        };
        let runs = self.pages::<WireJob>(repo, list).await?;
        let mut results = Vec::new();
        for (index, run) in latest(&runs.items).into_iter().enumerate() {
            let id = run.id.unwrap_or_default().to_string();
            let path = ["actions", "runs", &id, "jobs"];
            let list =
                List { path: &path, query: &[("filter", "latest")], under: Some("jobs"), most_pages: PAGES };
            let jobs: Vec<WireJob> = match index < RUNS_WITH_JOBS {
                true => self.pages(repo, list).await?.items,
                false => Vec::new(),
            };
            // A run that waits has no jobs yet, and one that could not start never has any.
            if jobs.is_empty() || job_outcome(run) == CheckOutcome::Failed(Failure::NeverStarted) {
                results.push(job(run, Source::Nothing));
            } else {
                let source = |job: &WireJob| job.id.map_or(Source::Nothing, |id| Source::Job { id });
                results.extend(jobs.iter().map(|each| job(each, source(each))));
            }
        }
        Ok(CommitChecks { results, sight: Sight::ActionsOnly, cut: runs.cut })
    }
}

/// The newest run of each workflow for each event: one that was started again replaces the one before.
fn latest(runs: &[WireJob]) -> Vec<&WireJob> {
    let mut newest: Vec<&WireJob> = Vec::new();
    for run in runs {
        let same = |other: &&&WireJob| {
            other.workflow_id == run.workflow_id && other.event == run.event && other.name == run.name
        };
        if newest.iter().find(same).is_none() {
            newest.push(run); // the list begins with the newest
        }
    }
    newest
}

fn check_run(run: WireCheckRun) -> CheckResult {
    let outcome = outcome(run.status.as_deref(), run.conclusion.as_deref());
    let is_actions = run.app.and_then(|app| app.slug).as_deref() == Some("github-actions");
    let output = run.output.unwrap_or_default();
    let said: Vec<String> = [output.title, output.summary, output.text].into_iter().flatten().collect();
    let job = is_actions.then(|| run.details_url.as_deref().and_then(job_behind).unwrap_or(run.id));
    CheckResult {
        name: name(run.name),
        outcome,
        succeeded: run.conclusion.as_deref() == Some("success"),
        url: link(run.html_url.or(run.details_url).as_deref()),
        summary: said_by(outcome, &said.join("\n")),
        source: Source::CheckRun { id: run.id, job },
    }
}

/// The job's id stands at the end of the address that its check run leads to.
fn job_behind(details_url: &str) -> Option<u64> {
    details_url.split_once("/job/")?.1.split(['/', '?', '#']).next()?.parse().ok()
}

fn job(job: &WireJob, source: Source) -> CheckResult {
    let outcome = job_outcome(job);
    let failed = job.steps.iter().flatten().filter(|step| step.conclusion.as_deref() == Some("failure"));
    let steps: Vec<String> =
        failed.map(|step| format!("Step failed: {}", title(step.name.as_deref().unwrap_or("?")))).collect();
    CheckResult {
        name: name(job.name.clone()),
        outcome,
        succeeded: job.conclusion.as_deref() == Some("success"),
        url: link(job.html_url.as_deref()),
        summary: said_by(outcome, &steps.join("\n")),
        source,
    }
}

fn job_outcome(job: &WireJob) -> CheckOutcome {
    outcome(job.status.as_deref(), job.conclusion.as_deref())
}

fn status(status: WireStatus) -> CheckResult {
    let outcome = match status.state.as_deref() {
        Some("success") => CheckOutcome::Passed,
        Some("failure" | "error") => CheckOutcome::Failed(Failure::Red),
        _ => CheckOutcome::Running,
    };
    CheckResult {
        name: name(status.context),
        outcome,
        succeeded: outcome == CheckOutcome::Passed,
        url: link(status.target_url.as_deref()),
        summary: said_by(outcome, &status.description.unwrap_or_default()),
        source: Source::Nothing,
    }
}

fn outcome(status: Option<&str>, conclusion: Option<&str>) -> CheckOutcome {
    if status != Some("completed") {
        return CheckOutcome::Running;
    }
    match conclusion {
        Some("success" | "neutral" | "skipped") => CheckOutcome::Passed,
        Some("failure") => CheckOutcome::Failed(Failure::Red),
        Some("timed_out") => CheckOutcome::Failed(Failure::TimedOut),
        Some("cancelled") => CheckOutcome::Failed(Failure::Cancelled),
        Some("action_required") => CheckOutcome::Failed(Failure::NeedsPerson),
        Some("startup_failure") => CheckOutcome::Failed(Failure::NeverStarted),
        _ => CheckOutcome::Failed(Failure::Abandoned),
    }
}

fn name(name: Option<String>) -> String {
    one_line(name.as_deref().unwrap_or("unnamed check"), NAME_CHARS)
}

fn link(url: Option<&str>) -> Option<String> {
    let url = url::Url::parse(url?).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.to_string())
}

/// The last lines of what a failed check says; a check that did not fail is not quoted.
fn said_by(outcome: CheckOutcome, text: &str) -> Option<String> {
    if !matches!(outcome, CheckOutcome::Failed(_)) {
        return None;
    }
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(SUMMARY_LINES)..].join("\n");
    let surplus = last.chars().count().saturating_sub(SUMMARY_CHARS);
    let last: String = last.chars().skip(surplus).collect();
    let shown = multi_line(&last, SUMMARY_CHARS);
    (!shown.trim().is_empty()).then_some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, outcome: CheckOutcome) -> CheckResult {
        let succeeded = outcome == CheckOutcome::Passed;
        CheckResult {
            name: name.to_owned(),
            outcome,
            succeeded,
            url: None,
            summary: None,
            source: Source::Nothing,
        }
    }

    fn checks(sight: Sight, results: &[CheckResult]) -> CommitChecks {
        CommitChecks { results: results.to_vec(), sight, cut: false }
    }

    fn required(names: &[&str]) -> RequiredChecks {
        RequiredChecks { names: names.iter().map(|name| (*name).to_owned()).collect(), not_known: None }
    }

    #[test]
    fn red_beats_running_beats_green() {
        let (passed, running) = (check("a", CheckOutcome::Passed), check("b", CheckOutcome::Running));
        let red = check("c", CheckOutcome::Failed(Failure::Red));
        let all = checks(Sight::Everything, &[passed.clone(), running.clone(), red.clone()]);
        let none = required(&[]);
        assert_eq!(all.status(&none, None), CheckStatus::Red { failed: vec![&red] });
        let two = checks(Sight::Everything, &[passed.clone(), running]);
        assert_eq!(two.status(&none, None), CheckStatus::Running { waiting_for: vec!["b".to_owned()] });
        let one = checks(Sight::Everything, &[passed]);
        assert_eq!(one.status(&none, None), CheckStatus::Green { passed: 1 });
        assert_eq!(checks(Sight::Everything, &[]).status(&none, None), CheckStatus::Nothing);
    }

    #[test]
    fn a_required_check_that_has_not_come_is_waited_for() {
        let seen = checks(Sight::Everything, &[check("tests", CheckOutcome::Passed)]);
        let waits = CheckStatus::Running { waiting_for: vec!["lint".to_owned()] };
        assert_eq!(seen.status(&required(&["tests", "lint"]), Some(MergeState::Clean)), waits);
        // Whoever sees Actions only cannot see it come: GitHub's word counts.
        let partly = checks(Sight::ActionsOnly, &[check("tests", CheckOutcome::Passed)]);
        let lint = required(&["tests", "lint"]);
        assert_eq!(partly.status(&lint, Some(MergeState::Blocked)), waits);
        assert_eq!(partly.status(&lint, Some(MergeState::Clean)), CheckStatus::Green { passed: 1 });
        assert_eq!(partly.status(&lint, Some(MergeState::Unstable)), CheckStatus::Unseen);
    }

    #[test]
    fn what_could_not_be_read_is_never_green() {
        let mut seen = checks(Sight::Everything, &[check("tests", CheckOutcome::Passed)]);
        seen.cut = true;
        assert!(matches!(seen.status(&required(&[]), None), CheckStatus::Running { .. }));
    }

    #[test]
    fn a_failure_of_the_base_is_not_new() {
        let (red, other) = (
            check("lint", CheckOutcome::Failed(Failure::Red)),
            check("tests", CheckOutcome::Failed(Failure::TimedOut)),
        );
        let head = checks(Sight::Everything, &[red.clone(), other]);
        let base = checks(Sight::Everything, &[red, check("tests", CheckOutcome::Passed)]);
        let names: Vec<&str> = head.new_failures(&base).iter().map(|check| check.name.as_str()).collect();
        assert_eq!(names, ["tests"]);
    }

    #[test]
    fn of_what_a_failed_check_says_the_last_lines_stay() {
        let text: String = (1..=30).map(|n| format!("line {n}\n\n")).collect();
        let shown = said_by(CheckOutcome::Failed(Failure::Red), &text).unwrap();
        assert!(shown.starts_with("line 19") && shown.ends_with("line 30"), "{shown}");
        assert_eq!(said_by(CheckOutcome::Passed, &text), None);
        let long = said_by(CheckOutcome::Failed(Failure::Red), &"x".repeat(9_000)).unwrap();
        assert_eq!(long.chars().count(), SUMMARY_CHARS);
        assert_eq!(said_by(CheckOutcome::Failed(Failure::Red), " \n\u{200b}\n"), None);
    }
}
