//! Pull requests: opened once, looked at, closed.

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::answers::{items, number, text};
use super::{Github, owner};
use crate::cleaning::one_line;
use crate::outbound::{ErrorKind, ServiceError};
use crate::redaction::Redacted;
use crate::words::word_enum;

const LOGIN_CHARS: usize = 100;

/// What REST leaves out of a pull request that is not open: the commit that the merge made (gone since API version
/// 2026-03-10), and who closed it.
const ENDING: &str = "query($owner: String!, $name: String!, $number: Int!) { \
    repository(owner: $owner, name: $name) { pullRequest(number: $number) { \
    mergeCommit { oid } mergedBy { login } \
    timelineItems(last: 1, itemTypes: [CLOSED_EVENT]) { nodes { ... on ClosedEvent { actor { login } } } } } } }";

/// A pull request to open.
#[derive(Clone, Debug)]
pub struct NewPullRequest<'a> {
    pub title: &'a Redacted,
    pub body: &'a Redacted,
    /// Branch in the same repository.
    pub head: &'a str,
    pub base: &'a str,
}

/// A pull request as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPullRequest {
    pub number: u64,
    pub url: String,
    pub head_sha: String,
    pub merged: bool,
    pub open: bool,
}

/// A pull request looked at from all sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequestView {
    pub number: u64,
    pub url: String,
    pub stage: Stage,
    pub head_sha: String,
    pub head_branch: String,
    pub base_branch: String,
    /// The head of the base branch now, and how many of its commits the pull request does not have. For one that is
    /// not open: what it was opened on, and 0.
    pub base_sha: String,
    pub behind_by: u64,
    pub mergeable: Mergeable,
    pub merge_state: MergeState,
}

/// How far a pull request has come, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    Open,
    Merged {
        /// Login; `None` where GitHub does not tell. The same for `Closed`.
        by: Option<String>,
        at: Option<Timestamp>,
        /// The commit on the base branch; `None` where GitHub does not tell.
        sha: Option<String>,
    },
    Closed {
        by: Option<String>,
        at: Option<Timestamp>,
    },
}

/// Whether head and base fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mergeable {
    Yes,
    Conflicting,
    /// GitHub computes it in the background since it was asked: ask again in some seconds.
    NotComputed,
}

word_enum! {
    /// Where a merge stands in GitHub's eyes, all rules taken together.
    pub enum MergeState {
        Clean = "clean",
        /// Mergeable, though a check that is not required runs or is red.
        Unstable = "unstable",
        HasHooks = "has_hooks",
        /// The base's rules want its newest commits in the branch.
        Behind = "behind",
        /// A required check, review or other rule is missing.
        Blocked = "blocked",
        Dirty = "dirty",
        Draft = "draft",
        /// Not computed, or a word that is not documented: wait.
        Unknown = "unknown",
    }
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
            Err(error @ ServiceError { kind: ErrorKind::Refused { status: 422 }, .. }) => {
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
        items(&list).next().map(read).transpose()
    }

    pub async fn pull_request(&self, repo: &str, number: u64) -> Result<OpenPullRequest, ServiceError> {
        read(&self.get(repo, &["pulls", &number.to_string()], &[]).await?)
    }

    /// Everything about a pull request that decides what comes next. To ask is also what makes GitHub compute
    /// whether it can be merged.
    pub async fn look_at_pull_request(
        &self,
        repo: &str,
        number: u64,
    ) -> Result<PullRequestView, ServiceError> {
        let body = self.get(repo, &["pulls", &number.to_string()], &[]).await?;
        let pull = read(&body)?;
        let base_branch = text(&body["base"], "ref")?;
        let (stage, base_sha, behind_by) = if pull.open {
            let (base_sha, behind_by) = self.distance(repo, &base_branch, &pull.head_sha).await?;
            (Stage::Open, base_sha, behind_by)
        } else {
            (self.ending(repo, &body, &pull).await?, text(&body["base"], "sha")?, 0)
        };
        Ok(PullRequestView {
            number: pull.number,
            url: pull.url,
            stage,
            head_sha: pull.head_sha,
            head_branch: text(&body["head"], "ref")?,
            base_branch,
            base_sha,
            behind_by,
            mergeable: match body["mergeable"].as_bool() {
                Some(true) => Mergeable::Yes,
                Some(false) => Mergeable::Conflicting,
                None => Mergeable::NotComputed,
            },
            merge_state: body["mergeable_state"]
                .as_str()
                .and_then(|word| word.parse().ok())
                .unwrap_or(MergeState::Unknown),
        })
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
        self.write(Method::PATCH, repo, &path, json!({ "body": edited })).await.map(drop)
    }

    /// Closes a pull request; one that is closed already stays so.
    pub async fn close_pull_request(&self, repo: &str, number: u64) -> Result<(), ServiceError> {
        let path = ["pulls", &number.to_string()];
        self.write(Method::PATCH, repo, &path, json!({ "state": "closed" })).await.map(drop)
    }

    /// The head of a branch, and how many of its commits another commit does not have.
    async fn distance(&self, repo: &str, branch: &str, sha: &str) -> Result<(String, u64), ServiceError> {
        let range = format!("{branch}...{sha}");
        let compared = self.get(repo, &["compare", &range], &[("per_page", "1")]).await?;
        Ok((text(&compared["base_commit"], "sha")?, number(&compared, "behind_by")?))
    }

    /// Who ended a pull request. A token that may not ask GraphQL learns what REST tells.
    async fn ending(&self, repo: &str, body: &Value, pull: &OpenPullRequest) -> Result<Stage, ServiceError> {
        let (owner, name) = repo.split_once('/').unwrap_or_default();
        let variables = json!({ "owner": owner, "name": name, "number": pull.number });
        let told = match self.graphql(repo, ENDING, variables).await {
            Ok(data) => data["repository"]["pullRequest"].clone(),
            Err(ServiceError { kind: ErrorKind::Unauthorized | ErrorKind::NotFound, .. }) => Value::Null,
            Err(error) => return Err(error),
        };
        let at = |name: &str| body[name].as_str().and_then(|time| time.parse().ok());
        Ok(if pull.merged {
            Stage::Merged {
                by: login(&body["merged_by"]).or_else(|| login(&told["mergedBy"])),
                at: at("merged_at"),
                sha: told["mergeCommit"]["oid"].as_str().map(str::to_owned),
            }
        } else {
            Stage::Closed { by: login(&told["timelineItems"]["nodes"][0]["actor"]), at: at("closed_at") }
        })
    }
}

/// The name of an account; `None` where there is none.
pub(super) fn login(account: &Value) -> Option<String> {
    account["login"].as_str().map(|login| one_line(login, LOGIN_CHARS))
}

fn read(body: &Value) -> Result<OpenPullRequest, ServiceError> {
    Ok(OpenPullRequest {
        number: number(body, "number")?,
        url: text(body, "html_url")?,
        head_sha: text(&body["head"], "sha")?,
        // Lists leave `merged` out and give the time of the merge instead.
        merged: body["merged"].as_bool().unwrap_or(!body["merged_at"].is_null()),
        open: body["state"] == "open",
    })
}
