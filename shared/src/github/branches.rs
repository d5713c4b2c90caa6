//! Branches that are never taken from a person: each is made only where it is not there, and moved or
//! deleted only while it points to the commit that it was last seen at. GitHub compares and sets in one
//! step (`updateRefs` with `beforeOid`), so a push in between wins.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::commits::{Draft, NewCommit};
use super::{Github, documents};
use crate::outbound::{ErrorKind, ServiceError};

/// GitHub's way to write "no commit".
const NO_COMMIT: &str = "0000000000000000000000000000000000000000";

/// What a branch has to be before it is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BranchBefore<'a> {
    Absent,
    /// It points to this commit.
    At(&'a str),
}

/// What became of setting a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BranchSet {
    /// It points to this commit, since now or since an earlier try.
    Done { sha: String },
    /// Somebody else was there: nothing was changed. `head` is what it points to; `None`: it is gone.
    Elsewhere { head: Option<String> },
}

/// What became of deleting a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BranchDeleted {
    /// It is gone, since now or before.
    Done,
    /// Somebody pushed to it: it stays.
    Elsewhere { head: String },
}

impl Github {
    /// Makes a commit and points a branch to it: a new branch, the next commit of one (`parent_sha` is its head), or
    /// one that is put on another base. What an earlier try made is found and not made again.
    pub async fn commit_to_branch(
        &self,
        repo: &str,
        branch: &str,
        before: BranchBefore<'_>,
        commit: NewCommit<'_>,
    ) -> Result<BranchSet, ServiceError> {
        let draft = self.draft(repo, commit).await?;
        self.draft_to_branch(repo, branch, before, &draft).await
    }

    pub(super) async fn draft_to_branch(
        &self,
        repo: &str,
        branch: &str,
        before: BranchBefore<'_>,
        draft: &Draft<'_>,
    ) -> Result<BranchSet, ServiceError> {
        let head = self.branch_head(repo, branch).await?;
        if let Some(sha) = &head
            && self.is_draft(repo, sha, draft).await?
        {
            return Ok(BranchSet::Done { sha: sha.clone() });
        }
        let from = match (before, head) {
            (BranchBefore::Absent, None) => None,
            (BranchBefore::At(expected), Some(head)) if head == expected => Some(head),
            (_, head) => return Ok(BranchSet::Elsewhere { head }),
        };
        let sha = self.write_commit(repo, draft).await?;
        let set = match &from {
            None => self.create_branch(repo, branch, &sha).await,
            Some(from) => self.move_branch(repo, branch, from, &sha).await,
        };
        match set {
            Ok(()) => Ok(BranchSet::Done { sha }),
            Err(
                error @ ServiceError {
                    kind: ErrorKind::Refused { status: 422 } | ErrorKind::Conflict, ..
                },
            ) => {
                match self.branch_head(repo, branch).await? {
                    Some(head) if head == sha => Ok(BranchSet::Done { sha }),
                    // It is what it was, so that something else is wrong: a rule about branches, for example.
                    head if head == from => Err(error),
                    head => Ok(BranchSet::Elsewhere { head }),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Deletes a branch that points to `sha`.
    pub async fn delete_branch(
        &self,
        repo: &str,
        branch: &str,
        sha: &str,
    ) -> Result<BranchDeleted, ServiceError> {
        match self.branch_head(repo, branch).await? {
            None => return Ok(BranchDeleted::Done),
            Some(head) if head != sha => return Ok(BranchDeleted::Elsewhere { head }),
            Some(_) => {}
        }
        match self.move_branch(repo, branch, sha, NO_COMMIT).await {
            Ok(()) => Ok(BranchDeleted::Done),
            Err(error @ ServiceError { kind: ErrorKind::Refused { .. }, .. }) => {
                match self.branch_head(repo, branch).await? {
                    None => Ok(BranchDeleted::Done),
                    Some(head) if head == sha => Err(error),
                    Some(head) => Ok(BranchDeleted::Elsewhere { head }),
                }
            }
            Err(error) => Err(error),
        }
    }

    async fn create_branch(&self, repo: &str, branch: &str, sha: &str) -> Result<(), ServiceError> {
        let body = json!({ "ref": format!("refs/heads/{branch}"), "sha": sha });
        self.write(Method::POST, repo, &["git", "refs"], body).await.map(drop)
    }

    /// Sets a branch from one commit to another in one step.
    async fn move_branch(&self, repo: &str, branch: &str, from: &str, to: &str) -> Result<(), ServiceError> {
        let repository: WireNode = self.read(repo, &[], &[]).await?;
        let change = json!({
            "name": format!("refs/heads/{branch}"),
            "beforeOid": from,
            "afterOid": to,
            "force": true, // a branch on a new base does not contain its old head
        });
        let input = json!({ "repositoryId": repository.node_id, "refUpdates": [change] });
        self.graphql(repo, documents::UPDATE_REFS, json!({ "input": input })).await.map(drop)
    }
}

#[derive(Deserialize)]
struct WireNode {
    node_id: String,
}
