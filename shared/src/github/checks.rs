//! What ran for a commit: check runs and commit statuses; with a fine-grained token, which cannot
//! read check runs, the workflow runs of Actions instead.

use serde_json::Value;

use super::Github;
use crate::outbound::ServiceError;

/// Check runs read, the first page: a commit with more than a hundred of them is judged by these.
const PER_PAGE: &str = "100";

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckResult {
    pub name: String,
    pub outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Running,
    Passed,
    Failed,
}

impl Github {
    /// Everything that ran or runs for a commit; empty where nothing does.
    pub async fn checks(&self, repo: &str, sha: &str) -> Result<Vec<CheckResult>, ServiceError> {
        let query = [("filter", "latest"), ("per_page", PER_PAGE)];
        let mut results = match self.get(repo, &["commits", sha, "check-runs"], &query).await {
            Ok(body) => {
                let mut runs = read_runs(&body["check_runs"]);
                if body["total_count"].as_u64().is_some_and(|total| total > runs.len() as u64) {
                    // What was not read must not be taken for green.
                    runs.push(CheckResult {
                        name: "checks beyond the first hundred".to_owned(),
                        outcome: Outcome::Running,
                    });
                }
                runs
            }
            Err(ServiceError::Unauthorized(_)) => {
                let query = [("head_sha", sha), ("per_page", PER_PAGE)];
                read_runs(&self.get(repo, &["actions", "runs"], &query).await?["workflow_runs"])
            }
            Err(error) => return Err(error),
        };
        let statuses = self.get(repo, &["commits", sha, "status"], &[("per_page", PER_PAGE)]).await?;
        results.extend(statuses["statuses"].as_array().into_iter().flatten().map(|status| CheckResult {
            name: name_of(&status["context"]),
            outcome: match status["state"].as_str() {
                Some("success") => Outcome::Passed,
                Some("failure" | "error") => Outcome::Failed,
                _ => Outcome::Running,
            },
        }));
        Ok(results)
    }
}

/// Check runs and workflow runs have the same two fields.
fn read_runs(runs: &Value) -> Vec<CheckResult> {
    let outcome = |run: &Value| match (run["status"].as_str(), run["conclusion"].as_str()) {
        (Some("completed"), Some("success" | "neutral" | "skipped")) => Outcome::Passed,
        (Some("completed"), _) => Outcome::Failed,
        _ => Outcome::Running,
    };
    let read = |run: &Value| CheckResult { name: name_of(&run["name"]), outcome: outcome(run) };
    runs.as_array().into_iter().flatten().map(read).collect()
}

fn name_of(value: &Value) -> String {
    value.as_str().unwrap_or("unnamed check").chars().take(100).collect()
}
