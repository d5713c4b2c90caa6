//! Getting a pull request reviewed: out of draft, labelled, its reviewer asked, and what its base branch wants beside
//! green checks.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::answers::{Readable, readable, shaped};
use super::codeowners::Owner;
use super::{Github, documents, named, numbered};
use crate::outbound::{ErrorKind, ServiceError};

/// What came of asking GitHub for a courtesy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Courtesy {
    Done,
    /// This credential may not, the server cannot, or the person is none who can be asked; what GitHub said.
    Refused {
        said: String,
    },
}

/// What a merge of a pull request needs beside green checks, as far as the credential sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MergeNeeds {
    /// `None` where the base branch asks for no review, or GitHub does not tell.
    pub review: Option<ReviewDecision>,
    /// The base branch's classic protection takes only signed commits.
    pub wants_signatures: bool,
    /// Whether the head has a signature that GitHub trusts; `true` where it does not tell.
    pub head_is_signed: bool,
}

/// Where the reviews stand that the base branch asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReviewDecision {
    Approved,
    ChangesRequested,
    ReviewRequired,
    /// A word that GitHub may add.
    #[serde(other)]
    Other,
}

/// What a branch's classic protection wants of a merge beside checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BranchNeeds {
    /// Null where it asks for none.
    pub required_approving_review_count: Option<u32>,
    pub requires_signatures: bool,
}

impl Github {
    /// Takes a pull request out of draft; REST cannot. One that is none stays as it is.
    pub async fn mark_ready(&self, repo: &str, node_id: &str) -> Result<Courtesy, ServiceError> {
        let input = json!({ "pullRequestId": node_id });
        courtesy(self.graphql(repo, documents::MARK_READY, json!({ "input": input })).await)
    }

    /// Adds a label; one that is missing in the repository is made.
    pub async fn add_label(&self, repo: &str, number: u64, label: &str) -> Result<Courtesy, ServiceError> {
        let path = ["issues", &number.to_string(), "labels"];
        courtesy(self.write(Method::POST, repo, &path, json!({ "labels": [label] })).await)
    }

    /// Asks an owner for a review. An address cannot be asked.
    pub async fn request_review(
        &self,
        repo: &str,
        number: u64,
        owner: &Owner,
    ) -> Result<Courtesy, ServiceError> {
        let body = match owner {
            Owner::Person(login) => json!({ "reviewers": [login] }),
            // A team is asked by the part of its name after the organisation.
            Owner::Team(team) => {
                json!({ "team_reviewers": [team.rsplit('/').next().unwrap_or(team)] })
            }
            Owner::Address(_) => {
                return Ok(Courtesy::Refused { said: "CODEOWNERS names an address".to_owned() });
            }
        };
        let path = ["pulls", &number.to_string(), "requested_reviewers"];
        courtesy(self.write(Method::POST, repo, &path, body).await)
    }

    /// What the base branch wants beside green checks. A credential that may not ask learns of nothing.
    pub async fn merge_needs(&self, repo: &str, number: u64) -> Result<MergeNeeds, ServiceError> {
        let Some(mut data) = self.told(repo, documents::MERGE_NEEDS, numbered(repo, number)).await?.read()
        else {
            return Ok(MergeNeeds { head_is_signed: true, ..MergeNeeds::default() });
        };
        let pull: WireNeeds = shaped(data["repository"]["pullRequest"].take())?;
        let rule = pull.base_ref.and_then(|base| base.ref_update_rule);
        let head = pull.commits.nodes.into_iter().flatten().next();
        Ok(MergeNeeds {
            review: pull.review_decision,
            wants_signatures: rule.is_some_and(|rule| rule.requires_signatures),
            head_is_signed: head.is_some_and(|head| head.commit.signature.is_some_and(|one| one.is_valid)),
        })
    }

    /// What the classic protection of a branch wants beside checks; nothing where there is none.
    pub async fn branch_needs(
        &self,
        repo: &str,
        branch: &str,
    ) -> Result<Readable<BranchNeeds>, ServiceError> {
        let mut variables = named(repo);
        variables["branch"] = json!(format!("refs/heads/{branch}"));
        Ok(match self.told(repo, documents::BRANCH_NEEDS, variables).await? {
            Readable::NotAllowed { said } => Readable::NotAllowed { said },
            Readable::Read(mut data) => {
                let needs: Option<BranchNeeds> = shaped(data["repository"]["ref"]["refUpdateRule"].take())?;
                Readable::Read(needs.unwrap_or_default())
            }
        })
    }

    /// A question that servers and credentials differ in whether they answer.
    async fn told(
        &self,
        repo: &str,
        document: &'static str,
        variables: serde_json::Value,
    ) -> Result<Readable<serde_json::Value>, ServiceError> {
        match self.graphql(repo, document, variables).await {
            Err(ServiceError {
                kind: ErrorKind::Refused { .. } | ErrorKind::NotFound,
                message: said,
                ..
            }) => Ok(Readable::NotAllowed { said }),
            told => readable(told),
        }
    }
}

fn courtesy<T>(done: Result<T, ServiceError>) -> Result<Courtesy, ServiceError> {
    match done {
        Ok(_) => Ok(Courtesy::Done),
        Err(ServiceError {
            kind: ErrorKind::Unauthorized | ErrorKind::NotFound | ErrorKind::Refused { .. },
            message: said,
            ..
        }) => Ok(Courtesy::Refused { said }),
        Err(error) => Err(error),
    }
}

/// What [`documents::MERGE_NEEDS`] asks for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireNeeds {
    review_decision: Option<ReviewDecision>,
    base_ref: Option<WireRef>,
    commits: WireCommits,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRef {
    ref_update_rule: Option<WireRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRule {
    requires_signatures: bool,
}

#[derive(Deserialize)]
struct WireCommits {
    nodes: Vec<Option<WireNode>>,
}

#[derive(Deserialize)]
struct WireNode {
    commit: WireCommit,
}

#[derive(Deserialize)]
struct WireCommit {
    signature: Option<WireSignature>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSignature {
    is_valid: bool,
}
