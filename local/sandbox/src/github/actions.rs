//! GitHub Actions as its API shows it: for each commit one run of one workflow, whose jobs are the check
//! runs that Actions reported, with their logs on the other host.

use git2::Oid;
use serde::Deserialize;
use serde_json::{Value, json};

use super::reports::{ACTIONS, CheckRun, Conclusion};
use super::wire::{Answer, Call, Outcome, Refusal};
use super::world::Repository;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RunFilter {
    head_sha: Option<String>,
}

pub(super) fn runs(repo: &Repository, call: &Call) -> Outcome {
    let RunFilter { head_sha } = call.query()?;
    let wanted = |commit: &Oid| head_sha.as_ref().is_none_or(|sha| *sha == commit.to_string());
    let commits = repo.check_runs.keys().copied().filter(wanted);
    let mut found: Vec<Value> = commits.filter_map(|commit| run_json(repo, commit)).collect();
    found.sort_by_key(|run| std::cmp::Reverse(run["id"].as_u64()));
    Ok(Answer::counted(call, "workflow_runs", found))
}

/// The jobs that ran for a commit, with their ids: those of the check runs.
fn jobs_of(repo: &Repository, commit: Oid) -> Vec<&(u64, CheckRun)> {
    let runs = repo.check_runs.get(&commit).into_iter().flatten();
    runs.filter(|(_, run)| run.app == ACTIONS).collect()
}

/// A run has the id of its first job.
fn run_json(repo: &Repository, commit: Oid) -> Option<Value> {
    let jobs = jobs_of(repo, commit);
    let (id, _) = jobs.first()?;
    let is_running = jobs.iter().any(|(_, job)| job.conclusion.is_none());
    let failed = jobs.iter().find(|(_, job)| !job.passed());
    let conclusion =
        failed.map_or(Some(Conclusion::Success), |(_, job)| job.conclusion).filter(|_| !is_running);
    let branch = repo.pulls.iter().find(|pull| pull.head == commit).map(|pull| pull.head_branch.clone());
    Some(json!({
        "id": id,
        "node_id": format!("WFR_{id}"),
        "name": "CI",
        "head_branch": branch,
        "head_sha": commit.to_string(),
        "path": ".github/workflows/ci.yml",
        "event": "pull_request",
        "run_number": id,
        "run_attempt": 1,
        "status": if is_running { "in_progress" } else { "completed" },
        "conclusion": conclusion,
        "workflow_id": 1,
        "url": format!("{}/actions/runs/{id}", repo.url),
        "html_url": format!("{}/actions/runs/{id}", repo.html_url),
        "created_at": repo.now().to_string(),
        "updated_at": repo.now().to_string(),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JobFilter {
    /// `latest` or `all`: the same here, since nothing is started again.
    filter: Option<String>,
}

pub(super) fn jobs(repo: &Repository, call: &Call, run: &str) -> Outcome {
    let JobFilter { filter } = call.query()?;
    if filter.as_deref().is_some_and(|filter| filter != "latest" && filter != "all") {
        return Err(Refusal::new(422, "Invalid request.\n\nfilter is not included in the list."));
    }
    let is_it = |commit: &Oid| jobs_of(repo, *commit).first().is_some_and(|(id, _)| id.to_string() == run);
    let commit = repo.check_runs.keys().copied().find(is_it).ok_or_else(Refusal::not_found)?;
    let list = jobs_of(repo, commit).into_iter().map(|(id, job)| job_json(repo, (commit, run), *id, job));
    Ok(Answer::counted(call, "jobs", list.collect()))
}

fn job_json(repo: &Repository, (commit, run): (Oid, &str), id: u64, job: &CheckRun) -> Value {
    let conclusion = job.conclusion;
    let step = json!({
        "name": format!("Run {}", job.name),
        "status": job.status(),
        "conclusion": conclusion,
        "number": 1,
    });
    json!({
        "id": id,
        "run_id": run.parse::<u64>().unwrap_or_default(),
        "run_attempt": 1,
        "head_sha": commit.to_string(),
        "name": job.name,
        "workflow_name": "CI",
        "status": job.status(),
        "conclusion": conclusion,
        "url": format!("{}/actions/jobs/{id}", repo.url),
        "html_url": format!("{}/actions/runs/{run}/job/{id}", repo.html_url),
        "check_run_url": format!("{}/check-runs/{id}", repo.url),
        "steps": [step],
        "labels": [],
        "created_at": repo.now().to_string(),
        "started_at": repo.now().to_string(),
        "completed_at": job.conclusion.map(|_| repo.now().to_string()),
    })
}

/// The check run of an id, with its commit.
pub(super) fn check_run<'a>(repo: &'a Repository, id: &str) -> Result<(Oid, &'a CheckRun), Refusal> {
    let runs = repo.check_runs.iter().flat_map(|(commit, runs)| runs.iter().map(|run| (*commit, run)));
    let found = runs.into_iter().find(|(_, (own, _))| own.to_string() == id);
    found.map(|(commit, (_, run))| (commit, run)).ok_or_else(Refusal::not_found)
}

pub(super) fn log_redirect(repo: &mut Repository, call: &Call, id: &str) -> Outcome {
    let (_, run) = check_run(repo, id)?;
    if run.app != ACTIONS || run.log.is_none() {
        return Err(Refusal::not_found());
    }
    let key = repo.new_download_key();
    let download = call.as_it_reaches(&repo.download_url);
    Ok(Answer::elsewhere(format!("{download}/job-logs/{id}?token={key}")))
}

/// The log itself, on the other host.
pub(super) fn log(repo: &Repository, id: &str) -> Outcome {
    let (_, run) = check_run(repo, id)?;
    let log = run.log.clone().ok_or_else(Refusal::not_found)?;
    Ok(Answer::bytes(200, "text/plain; charset=utf-8", log))
}
