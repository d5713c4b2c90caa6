//! What a pull request looks like: in a list, on its own, and on the page for people.

use git2::Oid;
use serde_json::{Value, json};

use super::commits::lines_of;
use super::contents::{owner, summary};
use super::conversation;
use super::credentials::Account;
use super::protection;
use super::pulls::index_of;
use super::queueing::{Waiting, is_clean};
use super::reports::StatusState;
use super::repository as git;
use super::wire::{Answer, Outcome, Refusal};
use super::world::{Pull, Repository, Stage};

pub(super) fn node_id(repo: &Repository, pull: &Pull) -> String {
    format!("PR_{:06}{:06}", repo.number, pull.id)
}

/// A pull request as it is in lists.
pub(super) fn simple(repo: &Repository, pull: &Pull) -> Value {
    let url = format!("{}/pulls/{}", repo.url, pull.number);
    let html_url = format!("{}/pull/{}", repo.html_url, pull.number);
    let issue_url = format!("{}/issues/{}", repo.url, pull.number);
    let (closed_at, merged_at) = match pull.stage {
        Stage::Open => (None, None),
        Stage::Closed { at } => (Some(at), None),
        Stage::Merged { at, .. } => (Some(at), Some(at)),
    };
    let end = |branch: &str, commit: Oid| {
        json!({
            "label": format!("{}:{branch}", repo.owner),
            "ref": branch,
            "sha": commit.to_string(),
            "user": owner(repo),
            "repo": summary(repo),
        })
    };
    let reviewers: Vec<Value> =
        pull.reviewers.iter().map(|login| json!({ "login": login, "type": "User" })).collect();
    json!({
        "id": pull.id,
        "node_id": node_id(repo, pull),
        "url": url,
        "html_url": html_url,
        "diff_url": format!("{html_url}.diff"),
        "patch_url": format!("{html_url}.patch"),
        "issue_url": issue_url,
        "commits_url": format!("{url}/commits"),
        "review_comments_url": format!("{url}/comments"),
        "comments_url": format!("{issue_url}/comments"),
        "statuses_url": format!("{}/statuses/{}", repo.url, pull.head),
        "number": pull.number,
        "state": if pull.stage == Stage::Open { "open" } else { "closed" },
        "locked": false,
        "active_lock_reason": null,
        "title": pull.title,
        "user": pull.author.json(),
        "body": pull.body,
        "labels": conversation::labels_json(repo, pull),
        "milestone": null,
        "created_at": pull.created_at.to_string(),
        "updated_at": pull.updated_at.to_string(),
        "closed_at": closed_at.map(|at| at.to_string()),
        "merged_at": merged_at.map(|at| at.to_string()),
        "assignees": [],
        "requested_reviewers": reviewers,
        "requested_teams": [],
        "head": end(&pull.head_branch, pull.head),
        "base": end(&pull.base_branch, pull.base),
        "author_association": "CONTRIBUTOR",
        "auto_merge": auto_merge(pull),
        "draft": pull.draft,
    })
}

fn auto_merge(pull: &Pull) -> Value {
    match &pull.waiting {
        Some(Waiting::AutoMerge { request, by }) => json!({
            "enabled_by": by.json(),
            "merge_method": format!("{:?}", request.merge_method.unwrap_or_default()).to_lowercase(),
            "commit_title": request.commit_title,
            "commit_message": request.commit_message,
        }),
        Some(Waiting::Queue { .. }) | None => Value::Null,
    }
}

/// A pull request as it is on its own.
pub(super) fn whole(repo: &Repository, store: &git2::Repository, pull: &Pull) -> Result<Value, Refusal> {
    let files = git::changed_files(store, Some(pull.fork), pull.head)?;
    let (additions, deletions) = lines_of(&files);
    let merged = matches!(pull.stage, Stage::Merged { .. });
    let mergeable = mergeable(store, pull)?;
    let more = json!({
        "merged": merged,
        "merged_by": pull.ended_by.as_ref().filter(|_| merged).map(Account::json),
        "mergeable": mergeable,
        "rebaseable": mergeable,
        "mergeable_state": mergeable_state(repo, pull, mergeable)?,
        "comments": pull.comments.len(),
        "review_comments": pull.review_comments.len(),
        "maintainer_can_modify": true,
        "commits": git::commits_between(store, pull.fork, pull.head)?.len(),
        "additions": additions,
        "deletions": deletions,
        "changed_files": files.len(),
    });
    let mut json = simple(repo, pull);
    if let (Value::Object(json), Value::Object(more)) = (&mut json, more) {
        json.extend(more);
    }
    Ok(json)
}

/// Known only once somebody has asked for this very head and base.
fn mergeable(store: &git2::Repository, pull: &Pull) -> Result<Option<bool>, Refusal> {
    let base = git::tip(store, &pull.base_branch).filter(|_| pull.stage == Stage::Open);
    let asked = |base: &Oid| pull.mergeable_asked == Some((pull.head, *base));
    let Some(base) = base.filter(asked) else { return Ok(None) };
    Ok(Some(git::merged_tree(store, base, pull.head)?.is_some()))
}

fn mergeable_state(repo: &Repository, pull: &Pull, mergeable: Option<bool>) -> Result<&'static str, Refusal> {
    let runs_good = repo.check_runs.get(&pull.head).into_iter().flatten().all(|(_, run)| run.passed());
    let statuses = repo.statuses.get(&pull.head).into_iter().flatten();
    let statuses_good = statuses.into_iter().all(|(_, status)| status.state == StatusState::Success);
    Ok(match mergeable {
        None => "unknown",
        Some(false) => "dirty",
        Some(true) if pull.draft => "draft",
        Some(true) if protection::is_behind(repo, pull)? => "behind",
        Some(true) if protection::obstacle(repo, pull)?.is_some() => "blocked",
        Some(true) if runs_good && statuses_good => "clean",
        Some(true) => "unstable",
    })
}

/// The same state in GraphQL's words, where it is computed at once.
pub(super) fn merge_state_status(repo: &Repository, pull: &Pull) -> Result<String, Refusal> {
    let mergeable = match pull.stage {
        Stage::Open => Some(is_clean(repo, pull)?),
        Stage::Closed { .. } | Stage::Merged { .. } => None,
    };
    Ok(mergeable_state(repo, pull, mergeable)?.to_uppercase())
}

/// What a person sees who follows a link: the pull request or the commit as plain text.
pub(super) fn page_for_people(repo: &Repository, kind: &str, id: &str) -> Outcome {
    let store = repo.git()?;
    let (heading, from, to) = if kind == "pull" {
        let pull = &repo.pulls[index_of(repo, id)?];
        let stage = match pull.stage {
            Stage::Open => "open",
            Stage::Closed { .. } => "closed",
            Stage::Merged { .. } => "merged",
        };
        let branches = format!("{} <- {}", pull.base_branch, pull.head_branch);
        let body = pull.body.as_deref().unwrap_or_default();
        (
            format!("#{} {} ({stage}; {branches})\n\n{body}", pull.number, pull.title),
            Some(pull.fork),
            pull.head,
        )
    } else {
        let commit = store.find_commit(git::resolve(&store, id).ok_or_else(Refusal::not_found)?)?;
        let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
        (format!("commit {}\n\n{message}", commit.id()), commit.parent_id(0).ok(), commit.id())
    };
    let mut page = heading + "\n";
    for file in git::changed_files(&store, from, to)? {
        let patch = file.patch.as_deref().unwrap_or("(binary)");
        page += &format!("\n--- {} ({})\n{patch}\n", file.path, file.status);
    }
    Ok(Answer::bytes(200, "text/plain; charset=utf-8", page.into_bytes()))
}
