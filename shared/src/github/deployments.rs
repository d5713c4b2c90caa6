//! What platforms report to GitHub about a commit that they put live, and whether one commit contains another.
//! Source: "Deployments" and "Compare two commits", GitHub's REST reference.

use jiff::Timestamp;
use serde_json::Value;

use super::Github;
use crate::attempt::{Deployment, Rollout};
use crate::cleaning;
use crate::outbound::ServiceError;

/// Deployments looked at for one commit: environments of one application, and a few tries each.
const MAX_DEPLOYMENTS: &str = "10";
const MAX_NAME_CHARS: usize = 80;

impl Github {
    /// Deployments of a commit (40 hex digits) with their latest status, newest first. Needs `deployments:read`.
    pub async fn deployments(&self, repo: &str, sha: &str) -> Result<Vec<Deployment>, ServiceError> {
        let query = [("sha", sha), ("per_page", MAX_DEPLOYMENTS)];
        let list = self.get(repo, &["deployments"], &query).await?;
        let mut found = Vec::new();
        for deployment in list.as_array().into_iter().flatten() {
            let Some(id) = deployment["id"].as_u64() else { continue };
            // GitHub lists statuses newest first.
            let path = ["deployments", &id.to_string(), "statuses"];
            let statuses = self.get(repo, &path, &[("per_page", "1")]).await?;
            found.extend(read(deployment, &statuses[0]));
        }
        Ok(found)
    }

    /// Whether the history of `descendant` contains `ancestor`; `None` where GitHub does not know one of them.
    pub async fn contains(
        &self,
        repo: &str,
        descendant: &str,
        ancestor: &str,
    ) -> Result<Option<bool>, ServiceError> {
        let range = format!("{ancestor}...{descendant}");
        match self.get(repo, &["compare", &range], &[("per_page", "1")]).await {
            Ok(body) => Ok(match body["status"].as_str() {
                Some("ahead" | "identical") => Some(true),
                Some("behind" | "diverged") => Some(false),
                _ => None, // a word that GitHub may add
            }),
            Err(ServiceError::NotFound(_) | ServiceError::Refused { status: 422, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn read(deployment: &Value, status: &Value) -> Option<Deployment> {
    let rollout = match status["state"].as_str() {
        Some("success") => Rollout::Live,
        Some("failure" | "error") => Rollout::Failed,
        Some("inactive") => return None, // another deployment took its place
        _ => Rollout::UnderWay,          // queued, pending, in_progress, or no status yet
    };
    let time = |value: &Value| value["created_at"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
    let url = status["environment_url"].as_str().and_then(|url| url::Url::parse(url).ok());
    Some(Deployment {
        environment: cleaning::one_line(deployment["environment"].as_str()?, MAX_NAME_CHARS),
        rollout,
        at: time(status).or_else(|| time(deployment))?,
        url: url.filter(|url| matches!(url.scheme(), "http" | "https")).map(String::from),
    })
}
