//! Deployments: what a platform reports about a commit that it has put live.

use git2::Oid;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::credentials::Account;
use super::wire::{Answer, Call, NoFilter, Outcome, Refusal};
use super::world::Repository;

#[derive(Clone)]
pub(super) struct Deployment {
    pub(super) id: u64,
    pub(super) commit: Oid,
    pub(super) environment: String,
    pub(super) created_at: Timestamp,
    /// Oldest first.
    pub(super) statuses: Vec<DeploymentStatus>,
}

#[derive(Clone)]
pub(super) struct DeploymentStatus {
    pub(super) id: u64,
    /// As GitHub names it: `in_progress`, `success`, …
    pub(super) state: String,
    /// Where the deployed application is; may be empty.
    pub(super) url: String,
    pub(super) at: Timestamp,
}

/// The platform that deploys here.
fn platform() -> Account {
    Account::bot("railway-app[bot]")
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
        "creator": platform().json(),
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
    let list = deployment.statuses.iter().rev().map(|status| {
        json!({
            "id": status.id,
            "node_id": format!("DES_{}", status.id),
            "url": format!("{url}/statuses/{}", status.id),
            "state": status.state,
            "creator": platform().json(),
            "description": "",
            "environment": deployment.environment,
            "target_url": "",
            "log_url": "",
            "environment_url": status.url,
            "created_at": status.at.to_string(),
            "updated_at": status.at.to_string(),
            "deployment_url": url,
            "repository_url": repo.url,
        })
    });
    Ok(Answer::list(call, list.collect()))
}
