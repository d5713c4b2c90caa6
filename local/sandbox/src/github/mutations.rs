//! The changes that only GraphQL can make: references compared before they are set, merges that wait,
//! and the pull request that takes another back. Inputs are closed, as GitHub's are.

use git2::{ObjectType, Oid, Signature};
use serde::Deserialize;
use serde_json::{Value, json};

use super::credentials::{Level, Need, Permission, Visitor};
use super::graphql::{QueryError, pull_json, read};
use super::merging::{Merge, Method};
use super::pull_shapes::node_id;
use super::pulls::{NewPull, open_pull};
use super::queueing::{self, Waiting, is_clean};
use super::repository::{self as git, contains, existing};
use super::world::{Repository, Stage, World};
use super::{git_data, protection};

type Done = Result<Value, QueryError>;

/// Does one mutation; answers the fields of its payload.
pub(super) fn run(world: &mut World, visitor: &Visitor, name: &str, input: Value) -> Done {
    match name {
        "updateRefs" => update_refs(world, visitor, read(input)?),
        "enablePullRequestAutoMerge" => enable_auto_merge(world, visitor, read(input)?),
        "disablePullRequestAutoMerge" => disable_auto_merge(world, visitor, read(input)?),
        "markPullRequestReadyForReview" => mark_ready(world, visitor, read(input)?),
        "enqueuePullRequest" => enqueue(world, visitor, read(input)?),
        "dequeuePullRequest" => dequeue(world, visitor, read(input)?),
        "revertPullRequest" => revert(world, visitor, read(input)?),
        other => Err(QueryError::NotUnderstood(format!("the mutation `{other}`"))),
    }
}

fn require(visitor: &Visitor, needs: &[Need]) -> Result<(), QueryError> {
    let lacks = needs.iter().any(|need| !visitor.may(*need));
    if lacks { Err(QueryError::said("FORBIDDEN", visitor.refusal_message())) } else { Ok(()) }
}

const WRITE_CONTENTS: Need = (Permission::Contents, Level::Write);
const WRITE_PULLS: Need = (Permission::PullRequests, Level::Write);

fn unresolved(id: &str) -> QueryError {
    QueryError::Said {
        kind: "NOT_FOUND",
        message: format!("Could not resolve to a node with the global id of '{id}'"),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct UpdateRefs {
    repository_id: String,
    ref_updates: Vec<RefUpdate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RefUpdate {
    name: String,
    after_oid: String,
    before_oid: Option<String>,
    #[serde(default)]
    force: bool,
}

const NOTHING: &str = "0000000000000000000000000000000000000000";

fn update_refs(world: &mut World, visitor: &Visitor, input: UpdateRefs) -> Done {
    require(visitor, &[WRITE_CONTENTS])?;
    let id = input.repository_id;
    let repo = world.repository_with(|repo| repo.node_id() == id).ok_or_else(|| unresolved(&id))?;
    if !visitor.sees(&repo.full_name()) {
        return Err(unresolved(&id));
    }
    let store = repo.git()?;
    let find = |name: &str| Some(store.find_reference(name).ok()?.peel_to_commit().ok()?.id());
    // All of them or none.
    for update in &input.ref_updates {
        if !update.name.starts_with("refs/") {
            return Err(QueryError::unprocessable("Reference name must be fully qualified"));
        }
        let now = find(&update.name);
        let expected = update.before_oid.as_deref();
        let as_expected = match expected {
            None => true,
            Some(NOTHING) => now.is_none(),
            Some(sha) => now.is_some_and(|now| now.to_string() == sha),
        };
        if !as_expected {
            let message =
                format!("Reference cannot be updated: {} is not at the expected commit", update.name);
            return Err(QueryError::unprocessable(&message));
        }
        if update.after_oid == NOTHING {
            continue;
        }
        let after = existing(&store, &update.after_oid, ObjectType::Commit)
            .ok_or_else(|| QueryError::unprocessable("Object does not exist"))?;
        if let Some(now) = now
            && (!update.force || repo.settings.force_pushes_refused)
            && !contains(&store, after, now)?
        {
            let message = match repo.settings.force_pushes_refused {
                true => "Repository rule violations found\n\nCannot force-push to this branch\n\n",
                false => "Update is not a fast forward",
            };
            return Err(QueryError::unprocessable(message));
        }
    }
    for update in &input.ref_updates {
        if update.after_oid == NOTHING {
            store.find_reference(&update.name)?.delete()?;
        } else {
            store.reference(&update.name, Oid::from_str(&update.after_oid)?, true, "updateRefs")?;
        }
    }
    queueing::settle(repo)?;
    Ok(json!({ "clientMutationId": null }))
}

/// The repository and the place of the pull request that has a node id.
fn pull_with<'a>(
    world: &'a mut World,
    visitor: &Visitor,
    id: &str,
) -> Result<(&'a mut Repository, usize), QueryError> {
    let is_here = |repo: &Repository| repo.pulls.iter().position(|pull| node_id(repo, pull) == id);
    let repo = world.repository_with(|repo| is_here(repo).is_some()).ok_or_else(|| unresolved(id))?;
    if !visitor.sees(&repo.full_name()) {
        return Err(unresolved(id));
    }
    queueing::settle(repo)?;
    let index = is_here(repo).ok_or_else(|| unresolved(id))?;
    Ok((repo, index))
}

fn expect_head(repo: &Repository, index: usize, expected: Option<&str>) -> Result<(), QueryError> {
    let head = repo.pulls[index].head.to_string();
    match expected {
        Some(expected) if expected != head => {
            Err(QueryError::unprocessable("Head sha didn't match expected head sha"))
        }
        _ => Ok(()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct EnableAutoMerge {
    pull_request_id: String,
    expected_head_oid: Option<String>,
    merge_method: Option<MethodWord>,
    commit_headline: Option<String>,
    commit_body: Option<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "UPPERCASE")]
enum MethodWord {
    Merge,
    Squash,
    Rebase,
}

fn enable_auto_merge(world: &mut World, visitor: &Visitor, input: EnableAutoMerge) -> Done {
    require(visitor, &[WRITE_CONTENTS, WRITE_PULLS])?;
    let (repo, index) = pull_with(world, visitor, &input.pull_request_id)?;
    let pull = &repo.pulls[index];
    let queue = protection::queue_only(repo, &pull.base_branch).is_some();
    if !repo.settings.allow_auto_merge {
        return Err(QueryError::unprocessable("Pull request Auto merge is not allowed for this repository"));
    }
    if pull.stage != Stage::Open {
        return Err(QueryError::unprocessable("Pull request is closed"));
    }
    if protection::obstacle(repo, pull)?.is_none() && !queue {
        return Err(QueryError::unprocessable("Pull request Pull request is in clean status"));
    }
    expect_head(repo, index, input.expected_head_oid.as_deref())?;
    let method = match input.merge_method.unwrap_or(MethodWord::Merge) {
        MethodWord::Merge => Method::Merge,
        MethodWord::Squash => Method::Squash,
        MethodWord::Rebase => Method::Rebase,
    };
    let request = Merge {
        sha: None,
        merge_method: Some(method),
        commit_title: input.commit_headline,
        commit_message: input.commit_body,
    };
    repo.pulls[index].waiting = Some(Waiting::AutoMerge { request, by: visitor.account.clone() });
    let pull = pull_json(repo, &repo.pulls[index])?;
    Ok(json!({ "pullRequest": pull }))
}

/// The input of a change that needs nothing but the pull request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OfPullRequest {
    pull_request_id: String,
}

fn disable_auto_merge(world: &mut World, visitor: &Visitor, input: OfPullRequest) -> Done {
    require(visitor, &[WRITE_PULLS])?;
    let (repo, index) = pull_with(world, visitor, &input.pull_request_id)?;
    if !matches!(repo.pulls[index].waiting, Some(Waiting::AutoMerge { .. })) {
        return Err(QueryError::unprocessable("Can't disable auto-merge for this pull request"));
    }
    repo.pulls[index].waiting = None;
    Ok(json!({ "clientMutationId": null }))
}

fn mark_ready(world: &mut World, visitor: &Visitor, input: OfPullRequest) -> Done {
    require(visitor, &[WRITE_PULLS])?;
    let (repo, index) = pull_with(world, visitor, &input.pull_request_id)?;
    if repo.pulls[index].stage != Stage::Open {
        return Err(QueryError::unprocessable("Pull request is closed"));
    }
    repo.pulls[index].draft = false;
    let pull = pull_json(repo, &repo.pulls[index])?;
    Ok(json!({ "pullRequest": pull }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Enqueue {
    pull_request_id: String,
    expected_head_oid: Option<String>,
}

fn enqueue(world: &mut World, visitor: &Visitor, input: Enqueue) -> Done {
    require(visitor, &[WRITE_CONTENTS, WRITE_PULLS])?;
    let (repo, index) = pull_with(world, visitor, &input.pull_request_id)?;
    let pull = &repo.pulls[index];
    if protection::queue_only(repo, &pull.base_branch).is_none() {
        return Err(QueryError::unprocessable("The base branch does not have a merge queue"));
    }
    if pull.stage != Stage::Open || pull.draft || !is_clean(repo, pull)? {
        return Err(QueryError::unprocessable("Pull request is not in a mergeable state"));
    }
    if let Some(reason) = protection::obstacle(repo, pull)? {
        return Err(QueryError::unprocessable(&reason));
    }
    if matches!(pull.waiting, Some(Waiting::Queue { .. })) {
        return Err(QueryError::unprocessable("Pull request is already in the queue"));
    }
    expect_head(repo, index, input.expected_head_oid.as_deref())?;
    let entry = repo.next_id();
    repo.pulls[index].waiting = Some(Waiting::Queue { entry });
    let pull = pull_json(repo, &repo.pulls[index])?;
    Ok(json!({ "mergeQueueEntry": pull["mergeQueueEntry"] }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Dequeue {
    /// The pull request's, not the entry's.
    id: String,
}

fn dequeue(world: &mut World, visitor: &Visitor, input: Dequeue) -> Done {
    require(visitor, &[WRITE_PULLS])?;
    let (repo, index) = pull_with(world, visitor, &input.id)?;
    if !matches!(repo.pulls[index].waiting, Some(Waiting::Queue { .. })) {
        return Err(QueryError::unprocessable("Pull request is not in the queue"));
    }
    repo.pulls[index].waiting = None;
    Ok(json!({ "clientMutationId": null }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Revert {
    pull_request_id: String,
    title: Option<String>,
    body: Option<String>,
    draft: Option<bool>,
}

fn revert(world: &mut World, visitor: &Visitor, input: Revert) -> Done {
    require(visitor, &[WRITE_CONTENTS, WRITE_PULLS])?;
    let (repo, index) = pull_with(world, visitor, &input.pull_request_id)?;
    if let Some(refusal) = &repo.settings.reverts_refused {
        return Err(QueryError::unprocessable(refusal));
    }
    let pull = &repo.pulls[index];
    let Stage::Merged { commit, .. } = pull.stage else {
        return Err(QueryError::unprocessable("Only merged pull requests can be reverted"));
    };
    let branch = format!("revert-{}-{}", pull.number, pull.head_branch);
    let (number, base_branch, title) = (pull.number, pull.base_branch.clone(), pull.title.clone());
    let store = repo.git()?;
    if git::tip(&store, &branch).is_some() {
        return Err(QueryError::unprocessable("A branch for the revert exists already"));
    }
    let by = git_data::signature(&visitor.account, repo.now())?;
    let head = revert_commit(repo, &by, commit, &base_branch)?;
    git::point(&store, &branch, head)?;
    let new = NewPull {
        title: input.title.unwrap_or_else(|| format!("Revert \"{title}\"")),
        head: branch,
        base: base_branch,
        body: input.body.or_else(|| Some(format!("Reverts {}#{number}", repo.full_name()))),
        draft: input.draft,
    };
    let opened = open_pull(repo, new, visitor.account.clone())?;
    Ok(json!({
        "revertPullRequest": pull_json(repo, &repo.pulls[opened])?,
    }))
}

/// A commit on the base's head that takes a merge back, with git's own words. No branch points to it.
pub(super) fn revert_commit(
    repo: &Repository,
    by: &Signature<'_>,
    merge: Oid,
    base_branch: &str,
) -> Result<Oid, QueryError> {
    let cannot = || {
        QueryError::unprocessable(
            "Sorry, this pull request couldn't be reverted automatically. It may have already been reverted, or the \
             content may have changed since it was merged.",
        )
    };
    let store = repo.git()?;
    let base = store.find_commit(git::tip(&store, base_branch).ok_or_else(cannot)?)?;
    let merge = store.find_commit(merge)?;
    let mainline = if merge.parent_count() > 1 { 1 } else { 0 };
    let index = store.revert_commit(&merge, &base, mainline, None)?;
    let tree = git::tree_without_conflicts(&store, index)?.ok_or_else(cannot)?;
    if tree == base.tree_id() {
        return Err(cannot()); // nothing is left of it
    }
    let title = merge.summary()?.unwrap_or_default();
    let message = format!("Revert \"{title}\"\n\nThis reverts commit {}.\n", merge.id());
    Ok(store.commit(None, by, by, &message, &store.find_tree(tree)?, &[&base])?)
}
