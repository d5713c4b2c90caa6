//! Pull requests: opened once, looked at, closed.

use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::answers::{Oid, Sha, shaped};
use super::{Github, documents, numbered, owner};
use crate::cleaning::one_line;
use crate::outbound::{ErrorKind, ServiceError};
use crate::redaction::Redacted;
use crate::words::word_enum;

const LOGIN_CHARS: usize = 100;

/// A pull request to open.
#[derive(Clone, Debug)]
pub struct NewPullRequest<'a> {
    pub title: &'a Redacted,
    pub body: &'a Redacted,
    /// Branch in the same repository.
    pub head: &'a str,
    pub base: &'a str,
    /// Opened as an ordinary one where the repository has no drafts.
    pub draft: bool,
}

/// A pull request as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPullRequest {
    pub number: u64,
    pub url: String,
    pub head_sha: String,
    pub merged: bool,
    pub open: bool,
    pub draft: bool,
}

/// A pull request looked at from all sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequestView {
    pub number: u64,
    /// What GraphQL calls it.
    pub node_id: String,
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
    pub draft: bool,
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
        let body = |draft: bool| {
            let NewPullRequest { title, body, head, base, .. } = &new;
            json!({ "title": title, "body": body, "head": head, "base": base, "draft": draft })
        };
        let mut opened = self.write(Method::POST, repo, &["pulls"], body(new.draft)).await;
        if let Err(ServiceError { kind: ErrorKind::Refused { status: 422 }, .. }) = &opened {
            // There is one already, or the repository has no drafts (free private ones have none).
            if let Some(found) = self.find_pull_request(repo, new.head).await? {
                return Ok(found);
            }
            if new.draft {
                opened = self.write(Method::POST, repo, &["pulls"], body(false)).await;
            }
        }
        Ok(shaped::<WirePull>(opened?)?.open_pull_request())
    }

    /// The pull request of a branch, whatever became of it; the newest where there are several.
    pub async fn find_pull_request(
        &self,
        repo: &str,
        branch: &str,
    ) -> Result<Option<OpenPullRequest>, ServiceError> {
        let head = format!("{}:{branch}", owner(repo));
        let query = [("head", head.as_str()), ("state", "all"), ("per_page", "10")];
        let pulls: Vec<WirePull> = self.read(repo, &["pulls"], &query).await?;
        Ok(pulls.first().map(WirePull::open_pull_request))
    }

    pub async fn pull_request(&self, repo: &str, number: u64) -> Result<OpenPullRequest, ServiceError> {
        let pull: WirePull = self.read(repo, &["pulls", &number.to_string()], &[]).await?;
        Ok(pull.open_pull_request())
    }

    /// Everything about a pull request that decides what comes next. To ask is also what makes GitHub compute
    /// whether it can be merged.
    pub async fn look_at_pull_request(
        &self,
        repo: &str,
        number: u64,
    ) -> Result<PullRequestView, ServiceError> {
        let pull: WirePull = self.read(repo, &["pulls", &number.to_string()], &[]).await?;
        let (stage, base_sha, behind_by) = if pull.open_pull_request().open {
            let compared = self.comparison(repo, &pull.base.name, &pull.head.sha).await?;
            (Stage::Open, compared.base_commit.sha, compared.behind_by)
        } else {
            (self.ending(repo, &pull).await?, pull.base.sha.clone(), 0)
        };
        Ok(PullRequestView {
            number: pull.number,
            node_id: pull.node_id,
            url: pull.html_url,
            stage,
            head_sha: pull.head.sha,
            head_branch: pull.head.name,
            base_branch: pull.base.name,
            base_sha,
            behind_by,
            mergeable: match pull.mergeable {
                Some(true) => Mergeable::Yes,
                Some(false) => Mergeable::Conflicting,
                None => Mergeable::NotComputed,
            },
            merge_state: pull
                .mergeable_state
                .and_then(|word| word.parse().ok())
                .unwrap_or(MergeState::Unknown),
            draft: pull.draft.unwrap_or(false),
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
        let current: WireBody = self.read(repo, &path, &[]).await?;
        let current = current.body.unwrap_or_default();
        let edited = edit(&current);
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
    async fn comparison(&self, repo: &str, branch: &str, sha: &str) -> Result<WireComparison, ServiceError> {
        let range = format!("{branch}...{sha}");
        self.read(repo, &["compare", &range], &[("per_page", "1")]).await
    }

    /// Who ended a pull request. A token that may not ask GraphQL learns what REST tells.
    async fn ending(&self, repo: &str, pull: &WirePull) -> Result<Stage, ServiceError> {
        let variables = numbered(repo, pull.number);
        let told: WireEnding = match self.graphql(repo, documents::PULL_REQUEST_ENDING, variables).await {
            Ok(mut data) => {
                shaped::<Option<_>>(data["repository"]["pullRequest"].take())?.unwrap_or_default()
            }
            Err(ServiceError { kind: ErrorKind::Unauthorized | ErrorKind::NotFound, .. }) => {
                WireEnding::default()
            }
            Err(error) => return Err(error),
        };
        let login = |account: &Option<Account>| account.as_ref().and_then(Account::login);
        Ok(if pull.open_pull_request().merged {
            Stage::Merged {
                by: login(&pull.merged_by).or_else(|| login(&told.merged_by)),
                at: pull.merged_at,
                sha: told.merge_commit.map(|commit| commit.oid),
            }
        } else {
            let closed = told.timeline_items.and_then(|items| items.nodes.into_iter().flatten().next());
            Stage::Closed { by: closed.and_then(|closed| login(&closed.actor)), at: pull.closed_at }
        })
    }
}

/// An account, as most answers name it.
#[derive(Deserialize)]
pub(super) struct Account {
    login: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl Account {
    /// The account's name, cleaned.
    pub(super) fn login(&self) -> Option<String> {
        self.login.as_deref().map(|login| one_line(login, LOGIN_CHARS))
    }

    pub(super) fn is_bot(&self) -> bool {
        self.kind.as_deref() == Some("Bot")
            || self.login.as_deref().is_some_and(|login| login.ends_with("[bot]"))
    }
}

/// A pull request as REST tells it.
#[derive(Deserialize)]
struct WirePull {
    number: u64,
    node_id: String,
    html_url: String,
    state: Option<String>,
    /// Lists leave it out and give the time of the merge instead.
    merged: Option<bool>,
    merged_at: Option<Timestamp>,
    closed_at: Option<Timestamp>,
    merged_by: Option<Account>,
    /// Null while GitHub computes it.
    mergeable: Option<bool>,
    mergeable_state: Option<String>,
    draft: Option<bool>,
    head: WireBranch,
    base: WireBranch,
}

#[derive(Deserialize)]
struct WireBranch {
    #[serde(rename = "ref")]
    name: String,
    sha: String,
}

#[derive(Deserialize)]
struct WireComparison {
    base_commit: Sha,
    behind_by: u64,
}

#[derive(Deserialize)]
struct WireBody {
    /// Null where it is empty.
    body: Option<String>,
}

/// What [`documents::PULL_REQUEST_ENDING`] asks for.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireEnding {
    merge_commit: Option<Oid>,
    merged_by: Option<Account>,
    timeline_items: Option<WireTimeline>,
}

#[derive(Deserialize)]
struct WireTimeline {
    nodes: Vec<Option<WireClosed>>,
}

#[derive(Deserialize)]
struct WireClosed {
    actor: Option<Account>,
}

impl WirePull {
    fn open_pull_request(&self) -> OpenPullRequest {
        OpenPullRequest {
            number: self.number,
            url: self.html_url.clone(),
            head_sha: self.head.sha.clone(),
            merged: self.merged.unwrap_or(self.merged_at.is_some()),
            open: self.state.as_deref() == Some("open"),
            draft: self.draft.unwrap_or(false),
        }
    }
}
