//! What the checks say about a commit, and what protects a branch.

use serde::Deserialize;
use serde_json::{Value, json};

use super::commits::{is_protected, named};
use super::contents::summary;
use super::reports::{CheckRun, Conclusion, Status, StatusState};
use super::repository::tip;
use super::wire::{Answer, Call, NoFilter, Outcome, Refusal};
use super::world::{Repository, now};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckFilter {
    check_name: Option<String>,
    status: Option<String>,
    /// `latest` or `all`: the same here, since a report replaces the one before it.
    filter: Option<String>,
}

pub(super) fn check_runs(repo: &Repository, call: &Call, name: &str) -> Outcome {
    if !repo.settings.check_runs_readable {
        return Err(Refusal::forbidden("checks=read"));
    }
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
        "started_at": now().to_string(),
        "completed_at": run.conclusion.map(|_| now().to_string()),
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
    let list: Vec<Value> = statuses.iter().map(|(id, status)| status_json(*id, status)).collect();
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

fn status_json(id: u64, status: &Status) -> Value {
    json!({
        "id": id,
        "node_id": format!("SC_{id}"),
        "state": status.state.as_str(),
        "context": status.context,
        "description": status.description,
        "target_url": status.target_url,
        "created_at": now().to_string(),
        "updated_at": now().to_string(),
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
                "created_at": now().to_string(),
                "updated_at": now().to_string(),
            }));
        }
    }
    found.sort_by_key(|run| std::cmp::Reverse(run["id"].as_u64()));
    Ok(Answer::counted(call, "workflow_runs", found))
}

pub(super) fn protection(repo: &Repository, branch: &str) -> Outcome {
    tip(&repo.git()?, branch).ok_or_else(|| Refusal::new(404, "Branch not found"))?;
    if !is_protected(repo, branch) {
        return Err(Refusal::new(404, "Branch not protected"));
    }
    let url = format!("{}/branches/{branch}/protection", repo.url);
    let reviews = json!({
        "url": format!("{url}/required_pull_request_reviews"),
        "dismiss_stale_reviews": false,
        "require_code_owner_reviews": false,
        "required_approving_review_count": 1,
    });
    let admins = json!({ "url": format!("{url}/enforce_admins"), "enabled": false });
    let answer = json!({ "url": url, "required_pull_request_reviews": reviews, "enforce_admins": admins });
    Ok(Answer::json(200, &answer))
}

/// Rulesets are not imitated: no rule is ever in force.
pub(super) fn rules(call: &Call) -> Outcome {
    let NoFilter {} = call.query()?;
    Ok(Answer::list(call, Vec::new()))
}
