//! The merge: exactly the commit that a person approved, by a method that repository and rules allow.
//! Where the base takes changes only through its queue, or not before a rule is met, GitHub is asked to
//! merge that commit in its own time. Every refusal is an outcome to match, with what GitHub said.

use http::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use super::answers::{Oid, Sha, error_of, said, shaped};
use super::pulls::MergeState;
use super::rules::{MergeMethod, WayIn};
use super::{Github, documents, numbered};
use crate::outbound::{Answer, ErrorKind, ServiceError};
use crate::redaction::Redacted;

/// What to merge.
#[derive(Clone, Copy, Debug)]
pub struct Merge<'a> {
    pub number: u64,
    /// Nothing but this commit is merged.
    pub head_sha: &'a str,
    pub base_branch: &'a str,
    pub title: &'a Redacted,
    pub message: &'a Redacted,
}

/// What became of a merge. `said` is GitHub's sentence, from outside, cleaned and cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergeOutcome {
    /// Merged, now or by an earlier try; `sha` is the commit on the base branch, `None` where GitHub does not tell.
    Merged { sha: Option<String> },
    /// GitHub merges it in its own time.
    Queued { by: Queue },
    /// The branch has another head than the one that was approved (409).
    HeadMoved { said: String },
    /// It is closed.
    Closed,
    /// Head and base conflict (405).
    Conflicting { said: String },
    /// The base has to be in the branch first (405).
    Behind { said: String },
    /// A rule is not met: a review, a check, a method, a draft (405).
    Blocked { said: String },
    /// The base moved while GitHub merged: the same again in a moment may work (405).
    TryAgain { said: String },
    /// The request itself is refused (422).
    Invalid { said: String },
    /// The credential may not merge (403).
    Forbidden { said: String },
}

/// Who merges later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// The merge queue of the base branch.
    MergeQueue,
    /// Auto-merge: as soon as the rules are met. Unlike a queue it goes on after a push; who waits for it has to
    /// look at the head, and to call [`Github::withdraw_merge`] when that moves.
    AutoMerge,
}

impl Github {
    /// Merges exactly `head_sha`, or has it merged. A repeat finds what an earlier try did.
    ///
    /// # Errors
    /// What passes: limits, outages. What GitHub decides is an outcome.
    pub async fn merge(&self, repo: &str, merge: Merge<'_>) -> Result<MergeOutcome, ServiceError> {
        let repository = self.repository(repo).await?;
        let rules = self.branch_rules(repo, merge.base_branch).await?;
        let method = rules.merge_method(&repository);
        if rules.way_in == WayIn::Queue {
            let said = "changes to this branch go through its merge queue".to_owned();
            return self.merge_later(repo, merge, method, MergeOutcome::Blocked { said }).await;
        }
        let Some(method) = method else {
            let said = "the repository and its rules together allow no merge method".to_owned();
            return Ok(MergeOutcome::Blocked { said });
        };
        let body = json!({
            "sha": merge.head_sha,
            "merge_method": method,
            "commit_title": merge.title,
            "commit_message": merge.message,
        });
        let mut call = self.call(Method::PUT, repo, &["pulls", &merge.number.to_string(), "merge"], &[]);
        call.body = Some(body);
        let refused = match self.ask(repo, call, tried).await {
            Ok(merged @ MergeOutcome::Merged { .. }) => return Ok(merged),
            Ok(refused) => refused,
            Err(ServiceError { kind: ErrorKind::Unauthorized, message: said, .. }) => {
                MergeOutcome::Forbidden { said }
            }
            Err(error) => return Err(error),
        };
        self.merge_later(repo, merge, Some(method), refused).await
    }

    /// Whether GitHub still has it in mind to merge a pull request later. A merge that has just happened counts as one
    /// that is still to come, so that nobody takes it for one that was given up.
    pub async fn still_waits(&self, repo: &str, number: u64) -> Result<bool, ServiceError> {
        let target = self.target(repo, number).await?.pull_request;
        Ok(target.queued().is_some() || target.state != "OPEN")
    }

    /// Takes back a merge that waits, because its head moved or a person changed their mind. One that does not wait
    /// is left as it is.
    pub async fn withdraw_merge(&self, repo: &str, number: u64) -> Result<(), ServiceError> {
        let target = self.target(repo, number).await?.pull_request;
        let withdrawn = match target.queued() {
            None => return Ok(()),
            Some(Queue::MergeQueue) => {
                self.graphql(repo, documents::DEQUEUE, json!({ "input": { "id": target.id } })).await
            }
            Some(Queue::AutoMerge) => {
                let input = json!({ "input": { "pullRequestId": target.id } });
                self.graphql(repo, documents::DISABLE_AUTO_MERGE, input).await
            }
        };
        match withdrawn {
            // It may have been merged or taken back just now; whoever asks looks at the pull request again anyway.
            Ok(_) | Err(ServiceError { kind: ErrorKind::Refused { .. }, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// After a refusal: what the pull request is now, and whether GitHub can merge it later by itself.
    async fn merge_later(
        &self,
        repo: &str,
        merge: Merge<'_>,
        method: Option<MergeMethod>,
        mut refused: MergeOutcome,
    ) -> Result<MergeOutcome, ServiceError> {
        let WireRepository { pull_request: target, auto_merge_allowed } =
            match self.target(repo, merge.number).await {
                // A token without GraphQL knows only what REST said.
                Err(ServiceError { kind: ErrorKind::Unauthorized | ErrorKind::Refused { .. }, .. }) => {
                    return Ok(refused);
                }
                target => target?,
            };
        let said = said_in(&refused);
        match target.state.as_str() {
            "MERGED" if target.head_ref_oid == merge.head_sha => {
                return Ok(MergeOutcome::Merged { sha: target.merge_commit.map(|commit| commit.oid) });
            }
            "MERGED" | "CLOSED" if target.head_ref_oid != merge.head_sha => {
                return Ok(MergeOutcome::HeadMoved { said });
            }
            "CLOSED" => return Ok(MergeOutcome::Closed),
            _ => {}
        }
        if target.head_ref_oid != merge.head_sha {
            return Ok(MergeOutcome::HeadMoved { said });
        }
        if let Some(by) = target.queued() {
            return Ok(MergeOutcome::Queued { by });
        }
        if !matches!(refused, MergeOutcome::Blocked { .. } | MergeOutcome::TryAgain { .. }) {
            return Ok(refused);
        }
        match target.merge_state() {
            MergeState::Dirty => return Ok(MergeOutcome::Conflicting { said }),
            MergeState::Behind => return Ok(MergeOutcome::Behind { said }),
            MergeState::Draft => return Ok(refused),
            _ => {}
        }
        if target.is_merge_queue_enabled {
            let input = json!({ "pullRequestId": target.id, "expectedHeadOid": merge.head_sha });
            match self.graphql(repo, documents::ENQUEUE, json!({ "input": input })).await {
                Ok(_) => return Ok(MergeOutcome::Queued { by: Queue::MergeQueue }),
                // Not ready for the queue. Auto-merge puts it there when it is.
                Err(ServiceError { kind: ErrorKind::Refused { .. }, message, .. }) => {
                    refused = MergeOutcome::Blocked { said: message }
                }
                Err(ServiceError { kind: ErrorKind::Unauthorized, message: said, .. }) => {
                    return Ok(MergeOutcome::Forbidden { said });
                }
                Err(error) => return Err(error),
            }
        }
        if !auto_merge_allowed || matches!(refused, MergeOutcome::TryAgain { .. }) {
            return Ok(refused);
        }
        let mut input = json!({
            "pullRequestId": target.id,
            "expectedHeadOid": merge.head_sha,
            "commitHeadline": merge.title,
            "commitBody": merge.message,
        });
        if let Some(method) = method {
            input["mergeMethod"] = json!(method.as_str().to_ascii_uppercase());
        }
        match self.graphql(repo, documents::ENABLE_AUTO_MERGE, json!({ "input": input })).await {
            Ok(_) => Ok(MergeOutcome::Queued { by: Queue::AutoMerge }),
            // The first refusal says more: why it cannot be merged now.
            Err(ServiceError { kind: ErrorKind::Refused { .. } | ErrorKind::Unauthorized, .. }) => {
                Ok(refused)
            }
            Err(error) => Err(error),
        }
    }

    /// A pull request as a merge sees it, and whether its repository has auto-merge.
    async fn target(&self, repo: &str, number: u64) -> Result<WireRepository, ServiceError> {
        let data = self.graphql(repo, documents::MERGE_STATE, numbered(repo, number)).await?;
        Ok(shaped::<WireData>(data)?.repository)
    }
}

/// What [`documents::MERGE_STATE`] asks for.
#[derive(Deserialize)]
struct WireData {
    repository: WireRepository,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRepository {
    auto_merge_allowed: bool,
    pull_request: Target,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    id: String,
    state: String,
    head_ref_oid: String,
    merge_commit: Option<Oid>,
    merge_state_status: String,
    is_in_merge_queue: bool,
    is_merge_queue_enabled: bool,
    auto_merge_request: Option<IgnoredAny>,
}

impl Target {
    fn queued(&self) -> Option<Queue> {
        match (self.is_in_merge_queue, &self.auto_merge_request) {
            (true, _) => Some(Queue::MergeQueue),
            (false, Some(_)) => Some(Queue::AutoMerge),
            (false, None) => None,
        }
    }

    fn merge_state(&self) -> MergeState {
        self.merge_state_status.to_ascii_lowercase().parse().unwrap_or(MergeState::Unknown)
    }
}

/// What GitHub did with a merge.
fn tried(answer: &Answer) -> Result<MergeOutcome, ServiceError> {
    let Some(error) = error_of(answer) else {
        return Ok(MergeOutcome::Merged { sha: Some(answer.read::<Sha>()?.sha) });
    };
    let said = said(&answer.json());
    Ok(match answer.status.as_u16() {
        405 if said.starts_with("Base branch was modified") => MergeOutcome::TryAgain { said },
        405 => MergeOutcome::Blocked { said },
        409 => MergeOutcome::HeadMoved { said },
        422 => MergeOutcome::Invalid { said },
        _ => return Err(error),
    })
}

fn said_in(outcome: &MergeOutcome) -> String {
    match outcome {
        MergeOutcome::HeadMoved { said }
        | MergeOutcome::Conflicting { said }
        | MergeOutcome::Behind { said }
        | MergeOutcome::Blocked { said }
        | MergeOutcome::TryAgain { said }
        | MergeOutcome::Invalid { said }
        | MergeOutcome::Forbidden { said } => said.clone(),
        MergeOutcome::Merged { .. } | MergeOutcome::Queued { .. } | MergeOutcome::Closed => String::new(),
    }
}
