//! Pull requests: opening, reading, changing.

use serde::Deserialize;

use super::commits::{commit_json, file_json, named};
use super::credentials::Account;
use super::pull_shapes::{simple, whole};
use super::repository as git;
use super::wire::{Answer, Call, NoFilter, Outcome, Refusal, present};
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
    pub(super) maintainer_can_modify: Option<bool>,
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
    refuse_second(repo, &head_branch, &new.base)?;
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
        maintainer_can_modify: new.maintainer_can_modify != Some(false),
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

fn refuse_second(repo: &Repository, head: &str, base: &str) -> Result<(), Refusal> {
    let same =
        |pull: &Pull| pull.stage == Stage::Open && pull.head_branch == head && pull.base_branch == base;
    if repo.pulls.iter().any(same) {
        let message = format!("A pull request already exists for {}:{head}.", repo.owner);
        return Err(Refusal::invalid("PullRequest", &message));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PullFilter {
    state: Option<String>,
    head: Option<String>,
    base: Option<String>,
    sort: Option<String>,
    direction: Option<String>,
}

pub(super) fn list(repo: &Repository, call: &Call) -> Outcome {
    let filter: PullFilter = call.query()?;
    let state = filter.state.as_deref().unwrap_or("open");
    if !["open", "closed", "all"].contains(&state) {
        return Err(Refusal::invalid_field("PullRequest", "state", "invalid"));
    }
    if filter.sort.as_deref().is_some_and(|sort| sort != "created") {
        return Err(Refusal::not_understood("a sort other than `created`"));
    }
    // GitHub ignores a head without an owner rather than refusing it.
    let head = filter.head.as_deref().and_then(|head| head.split_once(':'));
    let mut found: Vec<&Pull> = repo
        .pulls
        .iter()
        .filter(|pull| state == "all" || (state == "open") == (pull.stage == Stage::Open))
        .filter(|pull| {
            head.is_none_or(|(owner, b)| owner.eq_ignore_ascii_case(&repo.owner) && b == pull.head_branch)
        })
        .filter(|pull| filter.base.as_ref().is_none_or(|base| *base == pull.base_branch))
        .collect();
    if filter.direction.as_deref() != Some("asc") {
        found.reverse();
    }
    Ok(Answer::list(call, found.into_iter().map(|pull| simple(repo, pull)).collect()))
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PullChange {
    title: Option<String>,
    #[serde(default, deserialize_with = "present")]
    body: Option<Option<String>>,
    state: Option<WantedState>,
    base: Option<String>,
    maintainer_can_modify: Option<bool>,
}

#[derive(Deserialize, PartialEq, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum WantedState {
    Open,
    Closed,
}

pub(super) fn change(repo: &mut Repository, call: &Call, number: &str) -> Outcome {
    let change: PullChange = call.body()?;
    check_texts(change.title.as_deref(), change.body.as_ref().and_then(|body| body.as_deref()))?;
    let store = repo.git()?;
    let index = index_of(repo, number)?;
    let new_base = match &change.base {
        Some(base) => {
            let invalid = || Refusal::invalid_field("PullRequest", "base", "invalid");
            Some((base.clone(), git::tip(&store, base).ok_or_else(invalid)?))
        }
        None => None,
    };
    if let Some(wanted) = change.state {
        set_state(repo, &store, index, wanted)?;
        let closed = matches!(repo.pulls[index].stage, Stage::Closed { .. });
        if closed && wanted == WantedState::Closed && repo.pulls[index].ended_by.is_none() {
            repo.pulls[index].ended_by = Some(call.visitor()?.account.clone());
        }
    }
    let now = repo.now();
    let pull = &mut repo.pulls[index];
    if let Some(title) = change.title {
        pull.title = title;
    }
    if let Some(body) = change.body {
        pull.body = body;
    }
    if let Some((branch, tip)) = new_base {
        (pull.base_branch, pull.base) = (branch, tip);
    }
    if let Some(can_modify) = change.maintainer_can_modify {
        pull.maintainer_can_modify = can_modify;
    }
    pull.updated_at = now;
    Ok(Answer::json(200, &whole(repo, &store, &repo.pulls[index])?))
}

fn set_state(
    repo: &mut Repository,
    store: &git2::Repository,
    index: usize,
    wanted: WantedState,
) -> Result<(), Refusal> {
    let pull = &repo.pulls[index];
    let stage = match (wanted, pull.stage) {
        (WantedState::Closed, Stage::Open) => Stage::Closed { at: repo.now() },
        (WantedState::Open, Stage::Closed { .. }) if git::tip(store, &pull.head_branch).is_some() => {
            refuse_second(repo, &pull.head_branch, &pull.base_branch)?;
            Stage::Open
        }
        (WantedState::Open, Stage::Closed { .. } | Stage::Merged { .. }) => {
            return Err(Refusal::invalid("PullRequest", "state cannot be changed."));
        }
        (WantedState::Open, Stage::Open)
        | (WantedState::Closed, Stage::Closed { .. } | Stage::Merged { .. }) => pull.stage,
    };
    repo.pulls[index].stage = stage;
    Ok(())
}

pub(super) fn files(repo: &Repository, call: &Call, number: &str) -> Outcome {
    let NoFilter {} = call.query()?;
    let pull = &repo.pulls[index_of(repo, number)?];
    let files = git::changed_files(&repo.git()?, Some(pull.fork), pull.head)?;
    Ok(Answer::list(call, files.iter().map(|file| file_json(repo, file, pull.head)).collect()))
}

pub(super) fn commits(repo: &Repository, call: &Call, number: &str) -> Outcome {
    let NoFilter {} = call.query()?;
    let store = repo.git()?;
    let pull = &repo.pulls[index_of(repo, number)?];
    let mut list = Vec::new();
    for commit in git::commits_between(&store, pull.fork, pull.head)? {
        list.push(commit_json(repo, &store, commit)?);
    }
    Ok(Answer::list(call, list))
}

/// The pull requests that a commit belongs to or that it merged.
pub(super) fn of_commit(repo: &Repository, call: &Call, name: &str) -> Outcome {
    let NoFilter {} = call.query()?;
    let store = repo.git()?;
    let commit = named(&store, name)?;
    let mut found = Vec::new();
    for pull in &repo.pulls {
        let merged_as = matches!(pull.stage, Stage::Merged { commit: merged, .. } if merged == commit);
        if merged_as || git::commits_between(&store, pull.fork, pull.head)?.contains(&commit) {
            found.push(simple(repo, pull));
        }
    }
    Ok(Answer::list(call, found))
}
