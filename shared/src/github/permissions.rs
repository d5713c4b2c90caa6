//! Which permissions a credential has on one repository. GitHub tells a personal access token nowhere
//! what it may, so each permission is tried: by a read, or by a write that names a commit or branch that
//! does not exist. GitHub looks at the permission first (403) and at the content afterwards (422), so
//! that nothing is written either way.
//!
//! Source: docs.github.com, "Permissions required for fine-grained personal access tokens".

use http::Method;
use serde_json::json;

use super::Github;
use super::answers::{items, malformed};
use crate::outbound::{ErrorKind, IfThere, ServiceError};
use crate::words::word_enum;

word_enum! {
    /// What AutoFix needs to be allowed, by GitHub's own names on its settings pages.
    pub enum Permission {
        /// To make branches and commits, and to merge.
        Contents = "Contents: read and write",
        PullRequests = "Pull requests: read and write",
        Statuses = "Commit statuses: read",
        Actions = "Actions: read",
        Deployments = "Deployments: read",
        /// Of an App only: GitHub gives it to no fine-grained token.
        Checks = "Checks: read",
    }
}

/// Whether a permission is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    Held,
    Missing {
        /// What GitHub said.
        said: String,
    },
}

/// No commit has this name: nobody can make one on purpose.
const NO_COMMIT: &str = "ffffffffffffffffffffffffffffffffffffffff";
/// A branch that AutoFix never makes.
const NO_BRANCH: &str = "autofix/only-asking-whether-it-may";

impl Github {
    /// Whether this credential holds a permission on a repository that it can see. `base` is a branch, and `head` the
    /// commit that it points to.
    pub async fn grant(
        &self,
        repo: &str,
        permission: Permission,
        base: &str,
        head: &str,
    ) -> Result<Grant, ServiceError> {
        let one = [("per_page", "1")];
        let tried = match permission {
            Permission::Contents => {
                let body = json!({ "ref": format!("refs/heads/{NO_BRANCH}"), "sha": NO_COMMIT });
                return refused_for_content(self.write(Method::POST, repo, &["git", "refs"], body).await);
            }
            Permission::PullRequests => {
                let body = json!({ "title": "AutoFix only asks", "head": NO_BRANCH, "base": base });
                return refused_for_content(self.write(Method::POST, repo, &["pulls"], body).await);
            }
            Permission::Statuses => self.get(repo, &["commits", head, "status"], &one).await,
            Permission::Actions => self.get(repo, &["actions", "runs"], &one).await,
            Permission::Deployments => self.get(repo, &["deployments"], &one).await,
            Permission::Checks => self.get(repo, &["commits", head, "check-runs"], &one).await,
        };
        granted(tried)
    }

    /// Whether there is a folder at this path of a commit.
    pub async fn has_folder(&self, repo: &str, path: &str, sha: &str) -> Result<bool, ServiceError> {
        let listed = self.get(repo, &["contents", path], &[("ref", sha)]).await.if_there()?;
        Ok(listed.is_some_and(|listed| items(&listed).next().is_some()))
    }
}

/// Of a write that cannot succeed: refused for what it says means that it was allowed.
fn refused_for_content<T>(tried: Result<T, ServiceError>) -> Result<Grant, ServiceError> {
    match tried {
        Err(ServiceError { kind: ErrorKind::Refused { status: 422 } | ErrorKind::Conflict, .. }) => {
            Ok(Grant::Held)
        }
        Ok(_) => Err(malformed("GitHub made something of nothing")),
        Err(error) => granted::<T>(Err(error)),
    }
}

/// A classic token without the right is answered 404 where others are answered 403.
fn granted<T>(tried: Result<T, ServiceError>) -> Result<Grant, ServiceError> {
    match tried {
        Ok(_) => Ok(Grant::Held),
        Err(ServiceError { kind: ErrorKind::Unauthorized | ErrorKind::NotFound, message: said, .. }) => {
            Ok(Grant::Missing { said })
        }
        Err(error) => Err(error),
    }
}
