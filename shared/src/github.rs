//! GitHub's REST API, version 2026-03-10, and GraphQL where REST has no way: reading one commit, making
//! one commit, one pull request, its checks, its merge, its deploy, its way back. `merge_commit_sha`
//! does not exist in this version; nothing here reads it.
//!
//! Paths come from a model and names from settings, so every part of an address is encoded, and a
//! redirect is followed only for a download, only to GitHub's own hosts, and without the token.
//! Everything that people or machines wrote on GitHub is hostile: it leaves cleaned and bounded.

mod answers;
mod app;
mod branches;
mod checks;
mod codeowners;
mod commits;
mod conversation;
mod deployments;
pub mod documents;
mod failures;
mod graphql;
mod job_log;
mod merging;
mod owners;
mod pages;
mod peoples_commits;
mod permissions;
mod pulls;
mod reverting;
mod review;
mod rules;

use std::time::Duration;

use http::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

pub use answers::Readable;
pub use app::{App, Identity};
pub use branches::{BranchBefore, BranchDeleted, BranchSet};
pub use checks::{CheckOutcome, CheckResult, CheckStatus, CommitChecks, Failure, Sight};
pub use codeowners::Owner;
pub use commits::{FileChange, NewCommit};
pub use conversation::Remark;
pub use deployments::{Deployment, DeploymentState, EnvironmentKind};
pub use failures::{Annotation, AnnotationLevel, FailedOutput, FailureDetails};
pub use merging::{Merge, MergeOutcome, Queue};
pub use owners::{Author, LastChange};
pub use peoples_commits::CommitChange;
pub use permissions::{Grant, Permission};
pub use pulls::{MergeState, Mergeable, NewPullRequest, OpenPullRequest, PullRequestView, Stage};
pub use reverting::{MergedFix, Revert, RevertOutcome};
pub use review::{BranchNeeds, Courtesy, MergeNeeds, ReviewDecision};
pub use rules::{BranchRules, MergeMethod, RequiredChecks, WayIn};

use answers::{Sha, malformed, successful};

use crate::outbound::{Answer, Auth, Call, Download, Effect, ErrorKind, IfThere, Outbound, ServiceError};
use crate::service::Service;

const API_VERSION: &str = "2026-03-10";
const ACCEPT: &str = "application/vnd.github+json";
const ACCEPT_RAW: &str = "application/vnd.github.raw+json";
/// GitHub gives up on a request after ten seconds itself.
const TIMEOUT: Duration = Duration::from_secs(20);
/// A tarball of a large repository takes its time to be packed and sent.
const TARBALL_TIMEOUT: Duration = Duration::from_secs(120);

/// The client. Clones share connections and tokens.
#[derive(Clone)]
pub struct Github {
    outbound: Outbound,
    base: Url,
    identity: Identity,
}

/// What a repository allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    pub default_branch: String,
    /// The simplest history first.
    pub merge_methods: Vec<MergeMethod>,
}

impl Github {
    pub fn new(outbound: Outbound, base: Url, identity: Identity) -> Github {
        Github { outbound, base, identity }
    }

    /// The repository's settings.
    ///
    /// # Errors
    /// `Moved` where it was renamed, with the name that it has now.
    pub async fn repository(&self, repo: &str) -> Result<Repository, ServiceError> {
        let found: WireRepository = self.read(repo, &[], &[]).await?;
        let merge_methods = found.merge_methods();
        Ok(Repository { default_branch: found.default_branch, merge_methods })
    }

    /// The commit that a branch points to, 40 hex digits; `None` where there is no such branch.
    pub async fn branch_head(&self, repo: &str, branch: &str) -> Result<Option<String>, ServiceError> {
        let path = ["git", "ref", &format!("heads/{branch}")];
        let found = self.read::<WireReference>(repo, &path, &[]).await.if_there()?;
        Ok(found.map(|found| found.object.sha))
    }

    /// One file at one commit; `None` where there is none.
    pub async fn file(&self, repo: &str, path: &str, sha: &str) -> Result<Option<Vec<u8>>, ServiceError> {
        let mut call = self.call(Method::GET, repo, &["contents", path], &[("ref", sha)]);
        call.headers[0].1 = ACCEPT_RAW.to_owned();
        Ok(self.answer(repo, call).await.if_there()?.map(|answer| answer.body.to_vec()))
    }

    /// The whole tree of one commit as a gzip'd tarball, streamed.
    pub async fn tarball(&self, repo: &str, sha: &str) -> Result<Download, ServiceError> {
        let call = self.call(Method::GET, repo, &["tarball", sha], &[]);
        let location = self.redirect(repo, call).await?;
        if !self.is_download_host(&location) {
            return Err(malformed("the tarball is not on GitHub's own download host"));
        }
        self.download(location, TARBALL_TIMEOUT).await
    }

    /// GitHub's download host, or the configured host itself and its `codeload.` sibling (Enterprise).
    fn is_download_host(&self, url: &Url) -> bool {
        let (Some(host), Some(own)) = (url.host_str(), self.base.host_str()) else { return false };
        let sibling = format!("codeload.{}", own.strip_prefix("api.").unwrap_or(own));
        match own {
            "api.github.com" => url.scheme() == "https" && host == "codeload.github.com",
            own => url.scheme() == self.base.scheme() && (host == own || host == sibling),
        }
    }

    /// Where a download is. It is signed and short-lived, so the token does not go there.
    async fn redirect(&self, repo: &str, call: Call) -> Result<Url, ServiceError> {
        let answer = self.answer(repo, call).await?;
        let location = answer.header("location").filter(|_| answer.status == StatusCode::FOUND);
        location
            .and_then(|location| Url::parse(location).ok())
            .ok_or_else(|| malformed(format!("a download answered {}", answer.status)))
    }

    /// Fetches from an address that the caller has judged, without a credential.
    async fn download(&self, url: Url, timeout: Duration) -> Result<Download, ServiceError> {
        let call = Call {
            service: Service::Github,
            method: Method::GET,
            url,
            headers: Vec::new(),
            body: None,
            auth: Auth::None,
            effect: Effect::None,
            timeout,
        };
        let download = self.outbound.download(&call).await?;
        let (kind, message) = match download.status() {
            StatusCode::OK => return Ok(download),
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                (ErrorKind::NotFound, "the download's link has expired".to_owned())
            }
            status => (ErrorKind::Unavailable, format!("download: {status}")),
        };
        Err(ServiceError::new(Service::Github, kind, message))
    }

    async fn read<T: DeserializeOwned>(
        &self,
        repo: &str,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, ServiceError> {
        self.answer(repo, self.call(Method::GET, repo, path, query)).await?.read()
    }

    async fn get(&self, repo: &str, path: &[&str], query: &[(&str, &str)]) -> Result<Value, ServiceError> {
        Ok(self.answer(repo, self.call(Method::GET, repo, path, query)).await?.json())
    }

    async fn write(
        &self,
        method: Method,
        repo: &str,
        path: &[&str],
        body: Value,
    ) -> Result<Value, ServiceError> {
        let mut call = self.call(method, repo, path, &[]);
        call.body = Some(body);
        Ok(self.answer(repo, call).await?.json())
    }

    /// Sends; what is not a success comes as its meaning, and a new name of the repository with it.
    async fn answer(&self, repo: &str, call: Call) -> Result<Answer, ServiceError> {
        match self.ask(repo, call, successful).await {
            Err(error @ ServiceError { kind: ErrorKind::Moved, .. }) => {
                Err(match self.name_now(repo).await {
                    Some(name) => answers::moved_to(&format!("`{name}`")),
                    None => error,
                })
            }
            answer => answer,
        }
    }

    /// Asks with the credential for a repository; where an App's token is refused, once more with a new one.
    async fn ask<T>(
        &self,
        repo: &str,
        mut call: Call,
        read: impl Fn(&Answer) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        let app = match &self.identity {
            Identity::Token(token) => {
                call.auth = Auth::Bearer(token.clone());
                return self.outbound.ask(&call, read).await;
            }
            Identity::App(app) => app,
        };
        let token = self.installation_token(app, repo).await?;
        call.auth = Auth::Issued(token.clone());
        match self.outbound.ask(&call, &read).await {
            Err(ServiceError { kind: ErrorKind::CredentialRefused, .. }) => {
                app.forget(repo, &token).await;
                call.auth = Auth::Issued(self.installation_token(app, repo).await?);
                self.outbound.ask(&call, &read).await
            }
            result => result,
        }
    }

    /// A request below a repository.
    fn call(&self, method: Method, repo: &str, path: &[&str], query: &[(&str, &str)]) -> Call {
        let path: Vec<&str> = ["repos", repo].iter().chain(path).copied().collect();
        self.call_at(method, &path, query)
    }

    /// A request that nobody has signed yet.
    fn call_at(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> Call {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty();
            for part in path {
                segments.extend(part.split('/')); // each segment is percent-encoded by `url`
            }
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Call {
            service: Service::Github,
            effect: if method == Method::GET { Effect::None } else { Effect::Once },
            method,
            url,
            headers: vec![("accept", ACCEPT.to_owned()), ("x-github-api-version", API_VERSION.to_owned())],
            body: None,
            auth: Auth::None,
            timeout: TIMEOUT,
        }
    }
}

/// The methods of merging are allowed unless it says otherwise.
#[derive(Deserialize)]
struct WireRepository {
    default_branch: String,
    allow_squash_merge: Option<bool>,
    allow_merge_commit: Option<bool>,
    allow_rebase_merge: Option<bool>,
}

impl WireRepository {
    fn merge_methods(&self) -> Vec<MergeMethod> {
        let methods = [
            (MergeMethod::Squash, self.allow_squash_merge),
            (MergeMethod::Merge, self.allow_merge_commit),
            (MergeMethod::Rebase, self.allow_rebase_merge),
        ];
        methods.into_iter().filter(|(_, allowed)| allowed.unwrap_or(true)).map(|(method, _)| method).collect()
    }
}

#[derive(Deserialize)]
struct WireReference {
    object: Sha,
}

/// Owner and name of a repository, as variables of GraphQL.
fn named(repo: &str) -> Value {
    let (owner, name) = repo.split_once('/').unwrap_or_default();
    json!({ "owner": owner, "name": name })
}

/// A pull request, as variables of GraphQL.
fn numbered(repo: &str, number: u64) -> Value {
    let mut variables = named(repo);
    variables["number"] = json!(number);
    variables
}

fn owner(repo: &str) -> &str {
    repo.split('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
