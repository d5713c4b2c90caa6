//! GitHub's REST API, version 2026-03-10: reading one commit, making one commit, one pull request,
//! its checks, its merge. `merge_commit_sha` does not exist in this version; nothing here reads it.
//!
//! Paths come from a model and names from settings, so every part of an address is encoded, and a
//! redirect is followed only for a tarball, only to GitHub's own download host, and without the token.

mod checks;
mod commits;
mod deployments;
mod pulls;

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::Value;
use url::Url;

pub use checks::{CheckResult, Outcome};
pub use commits::{BranchCreated, NewCommit};
pub use pulls::{Merge, MergeMethod, NewPullRequest, OpenPullRequest};

use crate::config::names;
use crate::journal::Service;
use crate::outbound::{Answer, Auth, Call, Download, Effect, Outbound, ServiceError};
use crate::secrets::{Credential, Secrets};

const API_VERSION: &str = "2026-03-10";
const ACCEPT: &str = "application/vnd.github+json";
const ACCEPT_RAW: &str = "application/vnd.github.raw+json";
/// GitHub gives up on a request after ten seconds itself.
const TIMEOUT: Duration = Duration::from_secs(20);
/// A tarball of a large repository takes its time to be packed and sent.
const TARBALL_TIMEOUT: Duration = Duration::from_secs(120);
/// A secondary limit without a time: GitHub asks for at least a minute.
const SECONDARY_LIMIT_WAIT: Duration = Duration::from_secs(60);
/// The primary limit counts by the hour; a reset further away is a mistake.
const LONGEST_RESET: Duration = Duration::from_secs(2 * 3600);

/// The client. Clones share connections.
#[derive(Clone)]
pub struct Github {
    outbound: Outbound,
    base: Url,
    token: Credential,
}

/// What a repository allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    pub default_branch: String,
    pub merge_method: MergeMethod,
}

impl Github {
    pub fn new(outbound: Outbound, base: Url, secrets: &Secrets) -> Github {
        Github { outbound, base, token: Credential::new(secrets, names::GITHUB_TOKEN) }
    }

    /// The repository's settings.
    pub async fn repository(&self, repo: &str) -> Result<Repository, ServiceError> {
        let body = self.get(repo, &[], &[]).await?;
        let default_branch = text(&body, "default_branch")?;
        // A repository that does not say allows everything; squash keeps its history the simplest.
        let allows = |name: &str| body[name].as_bool().unwrap_or(true);
        let merge_method = if allows("allow_squash_merge") {
            MergeMethod::Squash
        } else if allows("allow_merge_commit") {
            MergeMethod::Merge
        } else {
            MergeMethod::Rebase
        };
        Ok(Repository { default_branch, merge_method })
    }

    /// The commit that a branch points to, 40 hex digits; `None` where there is no such branch.
    pub async fn branch_head(&self, repo: &str, branch: &str) -> Result<Option<String>, ServiceError> {
        match self.get(repo, &["git", "ref", &format!("heads/{branch}")], &[]).await {
            Ok(body) => text(&body["object"], "sha").map(Some),
            Err(ServiceError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// One file at one commit; `None` where there is none.
    pub async fn file(&self, repo: &str, path: &str, sha: &str) -> Result<Option<Vec<u8>>, ServiceError> {
        let mut call = self.call(Method::GET, repo, &["contents", path], &[("ref", sha)]);
        call.headers[0].1 = ACCEPT_RAW.to_owned();
        let read = |answer: &Answer| match error_of(answer) {
            None => Ok(Some(answer.body.to_vec())),
            Some(ServiceError::NotFound(_)) => Ok(None),
            Some(error) => Err(error),
        };
        self.outbound.ask(&call, read).await
    }

    /// The whole tree of one commit as a gzip'd tarball, streamed.
    pub async fn tarball(&self, repo: &str, sha: &str) -> Result<Download, ServiceError> {
        let read = |answer: &Answer| {
            if answer.status != StatusCode::FOUND {
                let other = || ServiceError::Malformed(format!("the tarball answered {}", answer.status));
                return Err(error_of(answer).unwrap_or_else(other));
            }
            let location = answer.header("location").and_then(|location| Url::parse(location).ok());
            location.filter(|url| self.may_download_from(url)).ok_or_else(|| {
                ServiceError::Malformed("the tarball is not on GitHub's own download host".to_owned())
            })
        };
        let call = self.call(Method::GET, repo, &["tarball", sha], &[]);
        let location = self.outbound.ask(&call, read).await?;
        let call = Call {
            service: Service::Github,
            method: Method::GET,
            url: location,
            headers: Vec::new(),
            body: None,
            auth: Auth::None,
            effect: Effect::None,
            timeout: TARBALL_TIMEOUT,
        };
        let (status, download) = self.outbound.download(&call).await?;
        match status {
            StatusCode::OK => Ok(download),
            StatusCode::NOT_FOUND => Err(ServiceError::NotFound("the tarball's link has expired".to_owned())),
            status => {
                Err(ServiceError::Unavailable { message: format!("tarball: {status}"), retry_after: None })
            }
        }
    }

    /// GitHub's download host, or the configured host itself and its `codeload.` sibling (Enterprise).
    fn may_download_from(&self, url: &Url) -> bool {
        let (Some(host), Some(own)) = (url.host_str(), self.base.host_str()) else { return false };
        match own {
            "api.github.com" => url.scheme() == "https" && host == "codeload.github.com",
            own => url.scheme() == self.base.scheme() && (host == own || host == format!("codeload.{own}")),
        }
    }

    async fn get(&self, repo: &str, path: &[&str], query: &[(&str, &str)]) -> Result<Value, ServiceError> {
        self.json(self.call(Method::GET, repo, path, query)).await
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
        self.json(call).await
    }

    async fn json(&self, call: Call) -> Result<Value, ServiceError> {
        let read = |answer: &Answer| match error_of(answer) {
            None => Ok(answer.json()),
            Some(error) => Err(error),
        };
        self.outbound.ask(&call, read).await
    }

    fn call(&self, method: Method, repo: &str, path: &[&str], query: &[(&str, &str)]) -> Call {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("repos").extend(repo.split('/'));
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
            auth: Auth::Bearer(self.token.clone()),
            timeout: TIMEOUT,
        }
    }
}

fn text(body: &Value, name: &str) -> Result<String, ServiceError> {
    body[name]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| ServiceError::Malformed(format!("`{name}` is missing")))
}

fn owner(repo: &str) -> &str {
    repo.split('/').next().unwrap_or_default()
}

/// What an answer means; `None` where it is a success.
fn error_of(answer: &Answer) -> Option<ServiceError> {
    let status = answer.status.as_u16();
    if answer.status.is_success() {
        return None;
    }
    let body = answer.json();
    let said: String = body["message"].as_str().unwrap_or("no message").chars().take(300).collect();
    let detail = body["errors"][0]["message"].as_str().unwrap_or_default();
    let message =
        format!("GitHub answered {status}: {said} {}", detail.chars().take(200).collect::<String>());
    let message = message.trim_end().to_owned();
    Some(match status {
        403 | 429 => match limit_wait(answer, &said) {
            Some(wait) => ServiceError::RateLimited { message, retry_after: Some(wait) },
            None => ServiceError::Unauthorized(message),
        },
        401 => ServiceError::CredentialRefused(message),
        301 | 404 | 410 => ServiceError::NotFound(message),
        405 | 409 => ServiceError::Conflict(message),
        408 | 500.. => ServiceError::Unavailable { message, retry_after: answer.retry_after() },
        _ => ServiceError::Refused { status, message },
    })
}

/// How long a limit asks to be waited, in the order of GitHub's page on rate limits: `retry-after`; with nothing
/// remaining the primary limit's reset; else a minute, from which the worker doubles. `None`: it is no limit.
fn limit_wait(answer: &Answer, said: &str) -> Option<Duration> {
    if let Some(wait) = answer.retry_after() {
        return Some(wait);
    }
    if answer.header("x-ratelimit-remaining") == Some("0") {
        let reset = answer.header("x-ratelimit-reset").and_then(|reset| reset.parse().ok());
        let wait = reset.and_then(|reset| answer.until(reset)).unwrap_or(SECONDARY_LIMIT_WAIT);
        // The hour begins anew at the reset; a second more, since clocks are rounded.
        return Some(wait.min(LONGEST_RESET) + Duration::from_secs(1));
    }
    let secondary = said.to_ascii_lowercase().contains("secondary rate limit");
    (secondary || answer.status == StatusCode::TOO_MANY_REQUESTS).then_some(SECONDARY_LIMIT_WAIT)
}

#[cfg(test)]
mod tests;
