//! What the checks say about a commit.

use serde::Deserialize;
use serde_json::{Value, json};

use super::commits::named;
use super::contents::summary;
use super::reports::{CheckRun, Conclusion, Status, StatusState};
use super::wire::{Answer, Call, Outcome, Refusal};
use super::world::Repository;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckFilter {
    check_name: Option<String>,
    status: Option<String>,
    /// `latest` or `all`: the same here, since a report replaces the one before it.
    filter: Option<String>,
}

pub(super) fn check_runs(repo: &Repository, call: &Call, name: &str) -> Outcome {
    let wanted: CheckFilter = call.query()?;
    if wanted.filter.as_deref().is_some_and(|filter| filter != "latest" && filter != "all") {
        return Err(Refusal::new(422, "Invalid request.\n\nfilter is not included in the list."));
    }
    let commit = named(&repo.git()?, name)?;
    let runs = repo.check_runs.get(&commit).into_iter().flatten();
    let found = runs
        .filter(|(_, run)| wanted.check_name.as_ref().is_none_or(|name| *name == run.name))
        .filter(|(_, run)| wanted.status.as_ref().is_none_or(|status| status == run.status()))
        .map(|(id, run)| check_run_json(repo, &commit.to_string(), *id, run));
    Ok(Answer::counted(call, "check_runs", found.collect()))
}

fn check_run_json(repo: &Repository, sha: &str, id: u64, run: &CheckRun) -> Value {
    let url = format!("{}/check-runs/{id}", repo.url);
    let output = json!({
        "title": run.title,
        "summary": run.summary,
        "text": null,
        "annotations_count": 0,
        "annotations_url": format!("{url}/annotations"),
    });
    json!({
        "id": id,
        "node_id": format!("CR_{id}"),
        "head_sha": sha,
        "external_id": "",
        "url": url,
        "html_url": run.html_url,
        "details_url": run.html_url,
        "name": run.name,
        "status": run.status(),
        "conclusion": run.conclusion.map(Conclusion::as_str),
        "started_at": repo.now().to_string(),
        "completed_at": run.conclusion.map(|_| repo.now().to_string()),
        "output": output,
        "check_suite": { "id": 1 },
        "app": { "id": 15_368, "slug": "github-actions", "name": "GitHub Actions" },
        "pull_requests": [],
    })
}

pub(super) fn combined_status(repo: &Repository, name: &str) -> Outcome {
    let commit = named(&repo.git()?, name)?;
    let statuses = repo.statuses.get(&commit).map_or(&[][..], Vec::as_slice);
    let has = |wanted: StatusState| statuses.iter().any(|(_, status)| status.state == wanted);
    // Without any status the state is `pending`, as if one were to come.
    let state = if has(StatusState::Error) || has(StatusState::Failure) {
        StatusState::Failure
    } else if has(StatusState::Pending) || statuses.is_empty() {
        StatusState::Pending
    } else {
        StatusState::Success
    };
    let list: Vec<Value> = statuses.iter().map(|(id, status)| status_json(repo, *id, status)).collect();
    Ok(Answer::json(
        200,
        &json!({
            "state": state.as_str(),
            "statuses": list,
            "sha": commit.to_string(),
            "total_count": statuses.len(),
            "repository": summary(repo),
            "commit_url": format!("{}/commits/{commit}", repo.url),
            "url": format!("{}/commits/{commit}/status", repo.url),
        }),
    ))
}

fn status_json(repo: &Repository, id: u64, status: &Status) -> Value {
    json!({
        "id": id,
        "node_id": format!("SC_{id}"),
        "state": status.state.as_str(),
        "context": status.context,
        "description": status.description,
        "target_url": status.target_url,
        "created_at": repo.now().to_string(),
        "updated_at": repo.now().to_string(),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RunFilter {
    head_sha: Option<String>,
}

/// The runs of GitHub Actions: one for each check run, since here every check comes from there.
pub(super) fn workflow_runs(repo: &Repository, call: &Call) -> Outcome {
    let RunFilter { head_sha } = call.query()?;
    let mut found = Vec::new();
    for (commit, runs) in &repo.check_runs {
        let sha = commit.to_string();
        if head_sha.as_ref().is_some_and(|wanted| *wanted != sha) {
            continue;
        }
        let branch = repo.pulls.iter().find(|pull| pull.head == *commit).map(|pull| pull.head_branch.clone());
        for (id, run) in runs {
            found.push(json!({
                "id": id,
                "node_id": format!("WFR_{id}"),
                "name": run.name,
                "head_branch": branch,
                "head_sha": sha,
                "path": ".github/workflows/ci.yml",
                "event": "pull_request",
                "run_number": id,
                "run_attempt": 1,
                "status": run.status(),
                "conclusion": run.conclusion.map(Conclusion::as_str),
                "workflow_id": 1,
                "url": format!("{}/actions/runs/{id}", repo.url),
                "html_url": run.html_url,
                "created_at": repo.now().to_string(),
                "updated_at": repo.now().to_string(),
            }));
        }
    }
    found.sort_by_key(|run| std::cmp::Reverse(run["id"].as_u64()));
    Ok(Answer::counted(call, "workflow_runs", found))
}
