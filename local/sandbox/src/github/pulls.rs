//! Pull requests: opening, reading, changing.

use serde::Deserialize;

use super::credentials::Account;
use super::pull_shapes::{simple, whole};
use super::repository as git;
use super::wire::{Answer, Call, Outcome, Refusal};
use super::world::{Pull, Repository, Stage};

/// Longest title and body, characters.
const LONGEST_TITLE: usize = 256;
const LONGEST_BODY: usize = 65_536;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPull {
    pub(super) title: String,
    pub(super) head: String,
    pub(super) base: String,
    pub(super) body: Option<String>,
    pub(super) draft: Option<bool>,
}

pub(super) fn open(repo: &mut Repository, call: &Call) -> Outcome {
    let author = call.visitor()?.account.clone();
    let index = open_pull(repo, call.body()?, author)?;
    Ok(Answer::json(201, &whole(repo, &repo.git()?, &repo.pulls[index])?))
}

/// Opens a pull request and answers which one of the list it is.
pub(super) fn open_pull(repo: &mut Repository, new: NewPull, author: Account) -> Result<usize, Refusal> {
    check_texts(Some(&new.title), new.body.as_deref())?;
    if new.draft == Some(true) && !repo.settings.has_drafts {
        let message = "Draft pull requests are not supported in this repository.";
        return Err(Refusal::invalid("PullRequest", message));
    }
    let store = repo.git()?;
    let head_branch = own_branch(repo, &new.head);
    let head = head_branch
        .and_then(|branch| git::tip(&store, branch))
        .ok_or_else(|| Refusal::invalid_field("PullRequest", "head", "invalid"))?;
    let head_branch = head_branch.unwrap_or_default().to_owned();
    let base = git::tip(&store, &new.base)
        .ok_or_else(|| Refusal::invalid_field("PullRequest", "base", "invalid"))?;
    let same = |pull: &Pull| {
        pull.stage == Stage::Open && pull.head_branch == head_branch && pull.base_branch == new.base
    };
    if repo.pulls.iter().any(same) {
        let message = format!("A pull request already exists for {}:{head_branch}.", repo.owner);
        return Err(Refusal::invalid("PullRequest", &message));
    }
    if git::contains(&store, base, head)? {
        let message = format!("No commits between {} and {head_branch}", new.base);
        return Err(Refusal::invalid("PullRequest", &message));
    }
    let fork = store
        .merge_base(base, head)
        .map_err(|_| Refusal::invalid("PullRequest", "The branches have no history in common"))?;
    let id = repo.next_id();
    let number = repo.pulls.last().map_or(1, |last| last.number + 1);
    repo.pulls.push(Pull {
        id,
        number,
        title: new.title,
        body: new.body,
        draft: new.draft == Some(true),
        head_branch,
        head,
        base_branch: new.base,
        base,
        fork,
        stage: Stage::Open,
        author,
        ended_by: None,
        created_at: repo.now(),
        updated_at: repo.now(),
        labels: Vec::new(),
        reviewers: Vec::new(),
        comments: Vec::new(),
        reviews: Vec::new(),
        review_comments: Vec::new(),
        waiting: None,
        mergeable_asked: None,
    });
    repo.report_planned_checks(head);
    Ok(repo.pulls.len() - 1)
}

fn check_texts(title: Option<&str>, body: Option<&str>) -> Result<(), Refusal> {
    if title.is_some_and(|title| title.trim().is_empty()) {
        return Err(Refusal::invalid_field("PullRequest", "title", "missing_field"));
    }
    if title.is_some_and(|title| title.chars().count() > LONGEST_TITLE) {
        let message = format!("title is too long (maximum is {LONGEST_TITLE} characters)");
        return Err(Refusal::invalid("PullRequest", &message));
    }
    if body.is_some_and(|body| body.chars().count() > LONGEST_BODY) {
        let message = format!("body is too long (maximum is {LONGEST_BODY} characters)");
        return Err(Refusal::invalid("PullRequest", &message));
    }
    Ok(())
}

/// The branch of `branch` or `owner:branch`; `None` where the owner is another (there are no forks).
fn own_branch<'a>(repo: &Repository, head: &'a str) -> Option<&'a str> {
    match head.split_once(':') {
        Some((owner, branch)) => owner.eq_ignore_ascii_case(&repo.owner).then_some(branch),
        None => Some(head),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PullFilter {
    state: Option<String>,
    head: Option<String>,
}

/// Newest first.
pub(super) fn list(repo: &Repository, call: &Call) -> Outcome {
    let filter: PullFilter = call.query()?;
    let state = filter.state.as_deref().unwrap_or("open");
    if !["open", "closed", "all"].contains(&state) {
        return Err(Refusal::invalid_field("PullRequest", "state", "invalid"));
    }
    // GitHub ignores a head without an owner rather than refusing it.
    let head = filter.head.as_deref().and_then(|head| head.split_once(':'));
    let wanted = |pull: &&Pull| {
        (state == "all" || (state == "open") == (pull.stage == Stage::Open))
            && head.is_none_or(|(owner, branch)| {
                owner.eq_ignore_ascii_case(&repo.owner) && branch == pull.head_branch
            })
    };
    let found = repo.pulls.iter().rev().filter(wanted);
    Ok(Answer::list(call, found.map(|pull| simple(repo, pull)).collect()))
}

pub(super) fn one(repo: &mut Repository, number: &str) -> Outcome {
    let store = repo.git()?;
    let index = index_of(repo, number)?;
    let json = whole(repo, &store, &repo.pulls[index])?;
    // The question starts GitHub's computation of `mergeable`; the next answer has its result.
    let base = git::tip(&store, &repo.pulls[index].base_branch);
    let pull = &mut repo.pulls[index];
    pull.mergeable_asked = base.map(|base| (pull.head, base));
    Ok(Answer::json(200, &json))
}

pub(super) fn index_of(repo: &Repository, number: &str) -> Result<usize, Refusal> {
    let number: u64 = number.parse().map_err(|_| Refusal::not_found())?;
    repo.pulls.iter().position(|pull| pull.number == number).ok_or_else(Refusal::not_found)
}

/// The only changes that AutoFix makes to a pull request: another body, or closing it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PullChange {
    body: Option<String>,
    state: Option<WantedState>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum WantedState {
    Closed,
}

pub(super) fn change(repo: &mut Repository, call: &Call, number: &str) -> Outcome {
    let change: PullChange = call.body()?;
    check_texts(None, change.body.as_deref())?;
    let index = index_of(repo, number)?;
    let now = repo.now();
    let pull = &mut repo.pulls[index];
    if let Some(WantedState::Closed) = change.state
        && pull.stage == Stage::Open
    {
        (pull.stage, pull.ended_by) = (Stage::Closed { at: now }, Some(call.visitor()?.account.clone()));
    }
    if let Some(body) = change.body {
        pull.body = Some(body);
    }
    pull.updated_at = now;
    Ok(Answer::json(200, &whole(repo, &repo.git()?, &repo.pulls[index])?))
}
