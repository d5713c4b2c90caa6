//! Merging a pull request: the three methods, done in git, and every refusal.

use git2::{Oid, Signature, Time};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::credentials::Account;
use super::git_data::signature;
use super::protection;
use super::pulls::index_of;
use super::repository as git;
use super::wire::{Answer, Call, Outcome, Refusal};
use super::world::{Pull, Repository, Stage};

#[derive(Clone, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Merge {
    pub(super) sha: Option<String>,
    pub(super) merge_method: Option<Method>,
    pub(super) commit_title: Option<String>,
    pub(super) commit_message: Option<String>,
}

#[derive(Deserialize, Clone, Copy, Default, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub(super) enum Method {
    #[default]
    Merge,
    Squash,
    Rebase,
}

/// One merge in the making.
struct Merging<'a> {
    store: &'a git2::Repository,
    pull: &'a Pull,
    base: Oid,
    request: &'a Merge,
    by: &'a Account,
    at: Timestamp,
}

pub(super) fn merge(repo: &mut Repository, call: &Call, number: &str) -> Outcome {
    let request: Merge = call.body()?;
    let index = index_of(repo, number)?;
    if let Some(reason) = protection::queue_only(repo, &repo.pulls[index].base_branch) {
        return Err(Refusal::new(405, reason));
    }
    let commit = merge_pull(repo, index, &request, &call.visitor()?.account)?;
    let done = json!({
        "sha": commit.to_string(),
        "merged": true,
        "message": "Pull Request successfully merged",
    });
    Ok(Answer::json(200, &done))
}

/// Merges with a merge commit, as a person does with the button of the page.
pub(super) fn merge_by_hand(repo: &mut Repository, number: u64) -> Result<Oid, Refusal> {
    merge_pull(repo, index_of(repo, &number.to_string())?, &Merge::default(), &Account::user("ada"))
}

pub(super) fn merge_pull(
    repo: &mut Repository,
    index: usize,
    request: &Merge,
    by: &Account,
) -> Result<Oid, Refusal> {
    let store = repo.git()?;
    let pull = &repo.pulls[index];
    if pull.stage != Stage::Open {
        return Err(not_mergeable());
    }
    if request.sha.as_ref().is_some_and(|sha| *sha != pull.head.to_string()) {
        return Err(Refusal::new(409, "Head branch was modified. Review and try the merge again."));
    }
    if pull.draft {
        return Err(Refusal::new(405, "Pull Request is still a draft"));
    }
    if let Some(reason) = protection::obstacle(repo, pull)? {
        return Err(Refusal::new(405, &reason));
    }
    let method = request.merge_method.unwrap_or_default();
    let (allowed, name) = match method {
        Method::Merge => (repo.settings.allow_merge_commit, "Merge commits"),
        Method::Squash => (repo.settings.allow_squash_merge, "Squash merges"),
        Method::Rebase => (repo.settings.allow_rebase_merge, "Rebase merges"),
    };
    if !allowed {
        return Err(Refusal::new(405, &format!("{name} are not allowed on this repository.")));
    }
    let base = git::tip(&store, &pull.base_branch).ok_or_else(not_mergeable)?;
    let at = repo.now();
    let merging = Merging { store: &store, pull, base, request, by, at };
    let commit = match method {
        Method::Merge => merging.merge_commit(&repo.owner)?,
        Method::Squash => merging.squash()?,
        Method::Rebase => merging.rebase()?,
    };
    git::point(&store, &pull.base_branch, commit)?;
    if repo.settings.delete_branch_on_merge {
        store.find_reference(&format!("refs/heads/{}", pull.head_branch))?.delete()?;
    }
    let pull = &mut repo.pulls[index];
    pull.stage = Stage::Merged { at, commit };
    (pull.updated_at, pull.ended_by, pull.waiting) = (at, Some(by.clone()), None);
    Ok(commit)
}

pub(super) fn not_mergeable() -> Refusal {
    Refusal::new(405, "Pull Request is not mergeable")
}

impl Merging<'_> {
    fn github(&self) -> Result<Signature<'static>, git2::Error> {
        Signature::new("GitHub", "noreply@github.com", &Time::new(self.at.as_second(), 0))
    }

    fn merge_commit(&self, owner: &str) -> Result<Oid, Refusal> {
        let tree = git::merged_tree(self.store, self.base, self.pull.head)?.ok_or_else(not_mergeable)?;
        let (number, branch) = (self.pull.number, &self.pull.head_branch);
        let message =
            self.message(&format!("Merge pull request #{number} from {owner}/{branch}"), &self.pull.title);
        let parents = [self.store.find_commit(self.base)?, self.store.find_commit(self.pull.head)?];
        self.commit(&message, tree, &[&parents[0], &parents[1]])
    }

    fn squash(&self) -> Result<Oid, Refusal> {
        let tree = git::merged_tree(self.store, self.base, self.pull.head)?.ok_or_else(not_mergeable)?;
        let mut messages = Vec::new();
        for id in git::commits_between(self.store, self.base, self.pull.head)? {
            messages.push(String::from_utf8_lossy(self.store.find_commit(id)?.message_bytes()).into_owned());
        }
        // One commit lends its own title and text; several are listed under the pull request's title.
        let (title, body) = match messages.as_slice() {
            [only] => only.split_once('\n').map_or((only.clone(), String::new()), |(title, body)| {
                (title.to_owned(), body.trim().to_owned())
            }),
            several => {
                let list: Vec<String> =
                    several.iter().map(|message| format!("* {}", message.trim())).collect();
                (self.pull.title.clone(), list.join("\n\n"))
            }
        };
        let message = self.message(&format!("{title} (#{})", self.pull.number), &body);
        self.commit(&message, tree, &[&self.store.find_commit(self.base)?])
    }

    fn rebase(&self) -> Result<Oid, Refusal> {
        let mut onto = self.store.find_commit(self.base)?;
        for id in git::commits_between(self.store, self.base, self.pull.head)? {
            let commit = self.store.find_commit(id)?;
            if commit.parent_count() != 1 {
                return Err(Refusal::new(405, "This branch can't be rebased"));
            }
            let index = self.store.cherrypick_commit(&commit, &onto, 0, None)?;
            let tree = git::tree_without_conflicts(self.store, index)?.ok_or_else(not_mergeable)?;
            let tree = self.store.find_tree(tree)?;
            let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
            let id = self.store.commit(None, &commit.author(), &self.github()?, &message, &tree, &[&onto])?;
            onto = self.store.find_commit(id)?;
        }
        Ok(onto.id())
    }

    fn commit(&self, message: &str, tree: Oid, parents: &[&git2::Commit<'_>]) -> Result<Oid, Refusal> {
        let author = signature(self.by, self.at)?;
        let tree = self.store.find_tree(tree)?;
        Ok(self.store.commit(None, &author, &self.github()?, message, &tree, parents)?)
    }

    /// The commit's message: what the request says, and GitHub's own words where it says nothing.
    fn message(&self, title: &str, body: &str) -> String {
        let title = self.request.commit_title.as_deref().unwrap_or(title);
        let body = self.request.commit_message.as_deref().unwrap_or(body);
        if body.is_empty() { title.to_owned() } else { format!("{title}\n\n{body}") }
    }
}
