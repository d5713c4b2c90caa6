//! Pull requests: opened once, merged at exactly the commit that was reviewed, closed.

use http::Method;
use serde_json::{Value, json};

use super::{Github, owner, text};
use crate::outbound::ServiceError;
use crate::redaction::Redacted;
use crate::words::word_enum;

word_enum! {
    /// How a pull request becomes part of its base.
    pub enum MergeMethod { Squash = "squash", Merge = "merge", Rebase = "rebase", }
}

/// A pull request to open.
#[derive(Clone, Debug)]
pub struct NewPullRequest<'a> {
    pub title: &'a Redacted,
    pub body: &'a Redacted,
    /// Branch in the same repository.
    pub head: &'a str,
    pub base: &'a str,
}

/// A pull request as GitHub shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPullRequest {
    pub number: u64,
    pub url: String,
    pub head_sha: String,
    pub merged: bool,
    pub open: bool,
}

/// What to merge, and how.
#[derive(Clone, Debug)]
pub struct Merge<'a> {
    pub number: u64,
    /// Nothing but this commit is merged.
    pub head_sha: &'a str,
    pub method: MergeMethod,
    pub title: &'a Redacted,
    pub message: &'a Redacted,
}

impl Github {
    /// Opens a pull request, or finds the one that is open for this branch already.
    pub async fn open_pull_request(
        &self,
        repo: &str,
        new: NewPullRequest<'_>,
    ) -> Result<OpenPullRequest, ServiceError> {
        if let Some(found) = self.find_pull_request(repo, new.head).await? {
            return Ok(found);
        }
        let body = json!({ "title": new.title, "body": new.body, "head": new.head, "base": new.base });
        match self.write(Method::POST, repo, &["pulls"], body).await {
            Ok(body) => read(&body),
            Err(error @ ServiceError::Refused { status: 422, .. }) => {
                self.find_pull_request(repo, new.head).await?.ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// The pull request of a branch, whatever became of it; the newest where there are several.
    pub async fn find_pull_request(
        &self,
        repo: &str,
        branch: &str,
    ) -> Result<Option<OpenPullRequest>, ServiceError> {
        let head = format!("{}:{branch}", owner(repo));
        let query = [("head", head.as_str()), ("state", "all"), ("per_page", "10")];
        let list = self.get(repo, &["pulls"], &query).await?;
        list.as_array().and_then(|pulls| pulls.first()).map(read).transpose()
    }

    pub async fn pull_request(&self, repo: &str, number: u64) -> Result<OpenPullRequest, ServiceError> {
        read(&self.get(repo, &["pulls", &number.to_string()], &[]).await?)
    }

    /// Merges exactly `head_sha` and returns the merge's SHA.
    ///
    /// # Errors
    /// `Conflict` for 405 (GitHub does not allow it now) and 409 (the branch has moved).
    pub async fn merge(&self, repo: &str, merge: Merge<'_>) -> Result<String, ServiceError> {
        let body = json!({
            "sha": merge.head_sha,
            "merge_method": merge.method,
            "commit_title": merge.title,
            "commit_message": merge.message,
        });
        let path = ["pulls", &merge.number.to_string(), "merge"];
        text(&self.write(Method::PUT, repo, &path, body).await?, "sha")
    }

    /// Changes the body of a pull request by `edit`, which is given the present one; what stays the same is not written.
    pub async fn edit_body(
        &self,
        repo: &str,
        number: u64,
        edit: impl FnOnce(&str) -> String,
    ) -> Result<(), ServiceError> {
        let path = ["pulls", &number.to_string()];
        let current = self.get(repo, &path, &[]).await?;
        let current = current["body"].as_str().unwrap_or_default(); // null where it is empty
        let edited = edit(current);
        if edited == current {
            return Ok(());
        }
        self.write(Method::PATCH, repo, &path, json!({ "body": edited })).await.map(|_| ())
    }

    /// Closes a pull request; one that is closed already stays so.
    pub async fn close_pull_request(&self, repo: &str, number: u64) -> Result<(), ServiceError> {
        let path = ["pulls", &number.to_string()];
        self.write(Method::PATCH, repo, &path, json!({ "state": "closed" })).await.map(|_| ())
    }
}

fn read(body: &Value) -> Result<OpenPullRequest, ServiceError> {
    let number =
        body["number"].as_u64().ok_or_else(|| ServiceError::Malformed("`number` is missing".to_owned()))?;
    Ok(OpenPullRequest {
        number,
        url: text(body, "html_url")?,
        head_sha: text(&body["head"], "sha")?,
        // Lists leave `merged` out and give the time of the merge instead.
        merged: body["merged"].as_bool().unwrap_or(!body["merged_at"].is_null()),
        open: body["state"] == "open",
    })
}
