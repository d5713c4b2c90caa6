//! One commit through the Git data API. Author, dates and message are given, so the same commit made
//! twice is the same object, and a repeated step changes nothing.

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Github, text};
use crate::outbound::ServiceError;
use crate::redaction::Redacted;

/// The author of AutoFix's commits. The address is GitHub's form for one that belongs to nobody.
const AUTHOR: &str = "AutoFix";
const AUTHOR_EMAIL: &str = "autofix@users.noreply.github.com";

/// Commits looked through for one of ours: it was made within the last hours.
const LAST_COMMITS: &str = "50";

/// One changed file on top of one commit.
#[derive(Clone, Debug)]
pub struct NewCommit<'a> {
    pub parent_sha: &'a str,
    pub file_path: &'a str,
    pub content: &'a str,
    pub message: &'a Redacted,
    /// Author's and committer's date.
    pub at: Timestamp,
}

/// What became of making a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BranchCreated {
    Yes,
    /// It is there already and points to this commit.
    Exists {
        sha: String,
    },
}

impl Github {
    /// Makes the objects of a commit and returns its SHA. No branch points to it yet.
    pub async fn create_commit(&self, repo: &str, new: NewCommit<'_>) -> Result<String, ServiceError> {
        let parent = self.get(repo, &["git", "commits", new.parent_sha], &[]).await?;
        let base_tree = text(&parent["tree"], "sha")?;
        let mode = self.file_mode(repo, &base_tree, new.file_path).await?;
        let blob = json!({ "content": new.content, "encoding": "utf-8" });
        let blob = text(&self.write(Method::POST, repo, &["git", "blobs"], blob).await?, "sha")?;
        let tree = json!({
            "base_tree": base_tree,
            "tree": [{ "path": new.file_path, "mode": mode, "type": "blob", "sha": blob }],
        });
        let tree = text(&self.write(Method::POST, repo, &["git", "trees"], tree).await?, "sha")?;
        let at = Timestamp::from_second(new.at.as_second()).unwrap_or(new.at).to_string();
        let person = json!({ "name": AUTHOR, "email": AUTHOR_EMAIL, "date": at });
        let commit = json!({
            "message": new.message,
            "tree": tree,
            "parents": [new.parent_sha],
            "author": person,
            "committer": person,
        });
        text(&self.write(Method::POST, repo, &["git", "commits"], commit).await?, "sha")
    }

    /// Points a new branch to a commit.
    pub async fn create_branch(
        &self,
        repo: &str,
        branch: &str,
        sha: &str,
    ) -> Result<BranchCreated, ServiceError> {
        let body = json!({ "ref": format!("refs/heads/{branch}"), "sha": sha });
        match self.write(Method::POST, repo, &["git", "refs"], body).await {
            Ok(_) => Ok(BranchCreated::Yes),
            Err(error @ (ServiceError::Refused { status: 422, .. } | ServiceError::Conflict(_))) => {
                let head = self.branch_head(repo, branch).await?;
                head.map(|sha| BranchCreated::Exists { sha }).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// The newest of a branch's last commits whose message has this line; `None` where none has.
    pub async fn commit_with_line(
        &self,
        repo: &str,
        branch: &str,
        line: &str,
    ) -> Result<Option<String>, ServiceError> {
        let list = self.get(repo, &["commits"], &[("sha", branch), ("per_page", LAST_COMMITS)]).await?;
        let has_line = |commit: &&Value| {
            let message = commit["commit"]["message"].as_str().unwrap_or_default();
            message.lines().any(|found| found.trim() == line)
        };
        let found = list.as_array().into_iter().flatten().find(has_line);
        found.map(|commit| text(commit, "sha")).transpose()
    }

    /// Deletes a branch; one that is gone already is fine.
    pub async fn delete_branch(&self, repo: &str, branch: &str) -> Result<(), ServiceError> {
        let call = self.call(Method::DELETE, repo, &["git", "refs", &format!("heads/{branch}")], &[]);
        match self.json(call).await {
            Ok(_) | Err(ServiceError::NotFound(_) | ServiceError::Refused { status: 422, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The mode of a file in a tree, so that an executable stays one.
    async fn file_mode(&self, repo: &str, tree_sha: &str, path: &str) -> Result<String, ServiceError> {
        let mut tree_sha = tree_sha.to_owned();
        let mut rest = path;
        loop {
            let tree = self.get(repo, &["git", "trees", &tree_sha], &[]).await?;
            let (name, below) = match rest.split_once('/') {
                Some((folder, below)) => (folder, Some(below)),
                None => (rest, None),
            };
            let entries = tree["tree"].as_array();
            let entry = entries.into_iter().flatten().find(|entry| entry["path"] == name);
            let entry =
                entry.ok_or_else(|| ServiceError::NotFound(format!("`{path}` in the base commit")))?;
            match below {
                Some(below) => {
                    tree_sha = text(entry, "sha")?;
                    rest = below;
                }
                None => return text(entry, "mode"),
            }
        }
    }
}
