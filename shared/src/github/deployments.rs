//! What platforms report to GitHub about putting a commit live: Railway, Vercel, Actions and others write
//! deployments and their statuses there.

use jiff::Timestamp;
use serde::Deserialize;

use super::Github;
use super::answers::{Readable, readable};
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

#[derive(Deserialize)]
struct WireDeployment {
    id: u64,
    environment: Option<String>,
    production_environment: Option<bool>,
    created_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct WireStatus {
    state: Option<String>,
    created_at: Option<Timestamp>,
    environment_url: Option<String>,
    target_url: Option<String>,
    log_url: Option<String>,
}

impl Github {
    /// The deployments of one commit, newest first; empty where nobody reported one.
    pub async fn deployments(
        &self,
        repo: &str,
        sha: &str,
    ) -> Result<Readable<Vec<Deployment>>, ServiceError> {
        let list = List { path: &["deployments"], query: &[("sha", sha)], under: None, most_pages: 1 };
        let found = match readable(self.pages::<WireDeployment>(repo, list).await)? {
            Readable::Read(found) => found.items,
            Readable::NotAllowed { said } => return Ok(Readable::NotAllowed { said }),
        };
        let mut deployments = Vec::new();
        for deployment in found.into_iter().take(DEPLOYMENTS) {
            let id = deployment.id.to_string();
            let path = ["deployments", &id, "statuses"];
            let statuses = self.read(repo, &path, &[("per_page", "100")]).await?;
            deployments.extend(read(deployment, statuses));
        }
        Ok(Readable::Read(deployments))
    }
}

/// A deployment with its statuses, newest first. `None` where it has no readable time.
fn read(deployment: WireDeployment, statuses: Vec<WireStatus>) -> Option<Deployment> {
    let name = one_line(deployment.environment.as_deref().unwrap_or("unnamed"), NAME_CHARS);
    let said_production = deployment.production_environment == Some(true);
    let kind = match said_production || name.eq_ignore_ascii_case("production") {
        true => EnvironmentKind::Production,
        false => EnvironmentKind::Other,
    };
    let state = |status: &WireStatus| status.state.as_deref()?.parse::<DeploymentState>().ok();
    let latest = statuses.iter().find(|status| state(status).is_some());
    let is_live = |status: &&WireStatus| state(status) == Some(DeploymentState::Success);
    let live_since = statuses.iter().filter(is_live).filter_map(|status| status.created_at).min();
    let url = latest.and_then(|status| {
        let urls = [&status.environment_url, &status.target_url, &status.log_url];
        urls.into_iter().flatten().find_map(|url| web_address(url))
    });
    Some(Deployment {
        environment: name,
        kind,
        state: latest.and_then(state).unwrap_or(DeploymentState::Pending),
        url,
        since: latest.and_then(|status| status.created_at).or(deployment.created_at)?,
        live_since,
    })
}

fn web_address(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.as_str().len() <= 500).then(|| url.to_string())
}
