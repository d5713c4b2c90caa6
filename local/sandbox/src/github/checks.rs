//! What the checks say about a commit.

use serde::Deserialize;
use serde_json::{Value, json};

use super::actions;
use super::commits::named;
use super::contents::summary;
use super::reports::{ACTIONS, CheckRun, Status, StatusState};
use super::wire::{Answer, Call, NoFilter, Outcome, Refusal};
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
        "annotations_count": run.annotations.len(),
        "annotations_url": format!("{url}/annotations"),
    });
    json!({
        "id": id,
        "node_id": format!("CR_{id}"),
        "head_sha": sha,
        "external_id": "",
        "url": url,
        "html_url": run.html_url,
        "details_url": details_url(repo, id, run),
        "name": run.name,
        "status": run.status(),
        "conclusion": run.conclusion,
        "started_at": repo.now().to_string(),
        "completed_at": run.conclusion.map(|_| repo.now().to_string()),
        "output": output,
        "check_suite": { "id": 1 },
        "app": { "id": 15_368, "slug": run.app, "name": run.app },
        "pull_requests": [],
    })
}

/// Of a job of Actions: its page, whose address ends with the job's id.
fn details_url(repo: &Repository, id: u64, run: &CheckRun) -> String {
    match run.app.as_str() {
        ACTIONS => format!("{}/actions/runs/{id}/job/{id}", repo.html_url),
        _ => run.html_url.clone(),
    }
}

pub(super) fn annotations(repo: &Repository, call: &Call, id: &str) -> Outcome {
    let NoFilter {} = call.query()?;
    let (_, run) = actions::check_run(repo, id)?;
    let list = run.annotations.iter().map(|annotation| {
        json!({
            "path": annotation.path,
            "start_line": annotation.line,
            "end_line": annotation.line,
            "start_column": null,
            "end_column": null,
            "annotation_level": annotation.level,
            "title": "",
            "message": annotation.message,
            "raw_details": "",
            "blob_href": "",
        })
    });
    Ok(Answer::list(call, list.collect()))
}

pub(super) fn combined_status(repo: &Repository, call: &Call, name: &str) -> Outcome {
    let NoFilter {} = call.query()?;
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
    let around = json!({
        "state": state,
        "sha": commit.to_string(),
        "repository": summary(repo),
        "commit_url": format!("{}/commits/{commit}", repo.url),
        "url": format!("{}/commits/{commit}/status", repo.url),
    });
    Ok(Answer::counted_in(call, around, "statuses", list))
}

fn status_json(repo: &Repository, id: u64, status: &Status) -> Value {
    json!({
        "id": id,
        "node_id": format!("SC_{id}"),
        "state": status.state,
        "context": status.context,
        "description": status.description,
        "target_url": status.target_url,
        "created_at": repo.now().to_string(),
        "updated_at": repo.now().to_string(),
    })
}
