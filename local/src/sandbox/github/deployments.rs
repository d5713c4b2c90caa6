//! Deployments: what a platform reports about a commit that it has put live.

use git2::Oid;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::pull_shapes::token_user;
use super::wire::{Answer, Call, NoFilter, Outcome, Refusal};
use super::world::Repository;

pub(super) struct Deployment {
    pub(super) id: u64,
    pub(super) commit: Oid,
    pub(super) environment: String,
    pub(super) created_at: Timestamp,
    /// States as GitHub names them (`in_progress`, `success`, …), oldest first, each with its id.
    pub(super) states: Vec<(u64, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeploymentFilter {
    sha: Option<String>,
    #[serde(rename = "ref")]
    name: Option<String>,
    environment: Option<String>,
}

pub(super) fn list(repo: &Repository, call: &Call) -> Outcome {
    let filter: DeploymentFilter = call.query()?;
    let found = repo.deployments.iter().rev().filter(|deployment| {
        let sha = deployment.commit.to_string();
        filter.sha.as_ref().is_none_or(|wanted| *wanted == sha)
            && filter.name.as_ref().is_none_or(|wanted| *wanted == sha)
            && filter.environment.as_ref().is_none_or(|wanted| *wanted == deployment.environment)
    });
    Ok(Answer::list(call, found.map(|deployment| deployment_json(repo, deployment)).collect()))
}

fn deployment_json(repo: &Repository, deployment: &Deployment) -> Value {
    let url = format!("{}/deployments/{}", repo.url, deployment.id);
    let sha = deployment.commit.to_string();
    json!({
        "id": deployment.id,
        "node_id": format!("DE_{}", deployment.id),
        "url": url,
        "sha": sha,
        "ref": sha,
        "task": "deploy",
        "payload": {},
        "original_environment": deployment.environment,
        "environment": deployment.environment,
        "description": null,
        "creator": token_user(),
        "created_at": deployment.created_at.to_string(),
        "updated_at": deployment.created_at.to_string(),
        "statuses_url": format!("{url}/statuses"),
        "repository_url": repo.url,
        "transient_environment": false,
        "production_environment": deployment.environment.eq_ignore_ascii_case("production"),
    })
}

pub(super) fn statuses(repo: &Repository, call: &Call, id: &str) -> Outcome {
    let NoFilter {} = call.query()?;
    let is_it = |deployment: &&Deployment| deployment.id.to_string() == id;
    let deployment = repo.deployments.iter().find(is_it).ok_or_else(Refusal::not_found)?;
    let url = format!("{}/deployments/{id}", repo.url);
    let list = deployment.states.iter().rev().map(|(status, state)| {
        json!({
            "id": status,
            "node_id": format!("DES_{status}"),
            "url": format!("{url}/statuses/{status}"),
            "state": state,
            "creator": token_user(),
            "description": "",
            "environment": deployment.environment,
            "target_url": "",
            "log_url": "",
            "environment_url": "",
            "created_at": deployment.created_at.to_string(),
            "updated_at": deployment.created_at.to_string(),
            "deployment_url": url,
            "repository_url": repo.url,
        })
    });
    Ok(Answer::list(call, list.collect()))
}
