//! What platforms report to GitHub about putting a commit live: Railway, Vercel, Actions and others write
//! deployments and their statuses there.

use jiff::Timestamp;
use serde_json::Value;

use super::Github;
use super::answers::{Readable, items, number, readable};
use super::pages::List;
use crate::cleaning::one_line;
use crate::outbound::ServiceError;
use crate::words::word_enum;

/// Deployments of one commit that are looked at, the newest ones. One request each.
const DEPLOYMENTS: usize = 20;
const NAME_CHARS: usize = 100;

word_enum! {
    /// How far a deployment has come.
    pub enum DeploymentState {
        Pending = "pending",
        Queued = "queued",
        InProgress = "in_progress",
        Success = "success",
        Failure = "failure",
        Error = "error",
        /// It was live and another one has taken its place, or its environment is gone.
        Inactive = "inactive",
    }
}

/// What an environment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvironmentKind {
    Production,
    /// A preview, or a stage before production.
    Other,
}

/// One deployment of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// As the platform names it; from outside, cleaned.
    pub environment: String,
    pub kind: EnvironmentKind,
    pub state: DeploymentState,
    /// Where the application is, or where its deployment can be looked at.
    pub url: Option<String>,
    /// Since when it is in this state.
    pub since: Timestamp,
    /// When it became live, if it did, whatever its state is now.
    pub live_since: Option<Timestamp>,
}

impl Github {
    /// The deployments of one commit, newest first; empty where nobody reported one.
    pub async fn deployments(
        &self,
        repo: &str,
        sha: &str,
    ) -> Result<Readable<Vec<Deployment>>, ServiceError> {
        let list = List { path: &["deployments"], query: &[("sha", sha)], under: None, most_pages: 1 };
        let found = match readable(self.pages(repo, list).await)? {
            Readable::Read(found) => found.items,
            Readable::NotAllowed { said } => return Ok(Readable::NotAllowed { said }),
        };
        let mut deployments = Vec::new();
        for deployment in found.iter().take(DEPLOYMENTS) {
            let id = number(deployment, "id")?.to_string();
            let path = ["deployments", &id, "statuses"];
            let statuses = self.get(repo, &path, &[("per_page", "100")]).await?;
            deployments.extend(read(deployment, &statuses));
        }
        Ok(Readable::Read(deployments))
    }
}

/// A deployment with its statuses, newest first. `None` where it has no readable time.
fn read(deployment: &Value, statuses: &Value) -> Option<Deployment> {
    let name = one_line(deployment["environment"].as_str().unwrap_or("unnamed"), NAME_CHARS);
    let said_production = deployment["production_environment"].as_bool() == Some(true);
    let kind = match said_production || name.eq_ignore_ascii_case("production") {
        true => EnvironmentKind::Production,
        false => EnvironmentKind::Other,
    };
    let time = |body: &Value| body["created_at"].as_str()?.parse::<Timestamp>().ok();
    let state = |status: &Value| status["state"].as_str()?.parse::<DeploymentState>().ok();
    let latest = items(statuses).find(|status| state(status).is_some());
    let is_live = |status: &&Value| state(status) == Some(DeploymentState::Success);
    let live_since = items(statuses).filter(is_live).filter_map(time).min();
    let url = latest.and_then(|status| {
        let urls = ["environment_url", "target_url", "log_url"].map(|name| status[name].as_str());
        urls.into_iter().flatten().find_map(web_address)
    });
    Some(Deployment {
        environment: name,
        kind,
        state: latest.and_then(state).unwrap_or(DeploymentState::Pending),
        url,
        since: latest.and_then(time).or_else(|| time(deployment))?,
        live_since,
    })
}

fn web_address(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.as_str().len() <= 500).then(|| url.to_string())
}
