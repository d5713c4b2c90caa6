//! What happens at GitHub without AutoFix: people push and merge, checks report, a platform deploys.
//! And what a person sees who looks at the repository.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use git2::Oid;

use super::credentials::{Account, Holder, Level, Permission};
use super::deployments::{Deployment, DeploymentStatus};
use super::reports::{CheckRun, Checkout, Heads, Status};
use super::world::{Comment, Pull, Repository, Review, Settings, Stage, Verdict};
use super::{GitHub, lock, merging, mutations, queueing, repository as git};

/// A pull request as people see it.
#[derive(Clone, Debug)]
pub struct PullRequest {
    pub number: u64,
    pub title: String,
    pub body: String,
    pub draft: bool,
    pub head_branch: String,
    pub head_sha: String,
    pub base_branch: String,
    pub state: PullState,
    pub labels: Vec<String>,
    pub reviewers: Vec<String>,
    /// Oldest first.
    pub comments: Vec<String>,
    /// Where its page is.
    pub html_url: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PullState {
    Open,
    Closed,
    /// `sha` is the commit on the base branch that the merge made.
    Merged {
        sha: String,
    },
}

/// The change of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    pub path: String,
    /// The hunks of a unified diff; `None` for a binary file.
    pub patch: Option<String>,
}

impl GitHub {
    /// Creates a bare repository on disk with one commit of `files` on `main`, and answers where it is.
    /// The same files and message have the same SHA on every run.
    pub fn add_repository(
        &self,
        full_name: &str,
        files: &[(&str, &[u8])],
        first_commit: &str,
    ) -> anyhow::Result<PathBuf> {
        let mut world = lock(&self.world);
        if world.repository(full_name).is_some() {
            return Err(anyhow!("the sandbox's GitHub already has a repository `{full_name}`"));
        }
        let path = world.add(full_name)?;
        git::create(&path, files, first_commit)?;
        Ok(path)
    }

    /// Changes how a repository is set up.
    pub fn configure(&self, repository: &str, change: impl FnOnce(&mut Settings)) -> anyhow::Result<()> {
        self.with(repository, |repo| {
            change(&mut repo.settings);
            Ok(())
        })
    }

    /// Grants a kind of credential a permission, or takes it away.
    pub fn grant(&self, holder: Holder, permission: Permission, level: Option<Level>) {
        let mut world = lock(&self.world);
        let grants = world.grants.entry(holder).or_default();
        match level {
            Some(level) => grants.insert(permission, level),
            None => grants.remove(&permission),
        };
    }

    /// Every token of the App's installation that was given out stops working.
    pub fn revoke_app_tokens(&self) {
        lock(&self.world).app.revoke_tokens();
    }

    /// Gives a repository another name; the old one redirects.
    pub fn rename(&self, old_name: &str, new_name: &str) -> anyhow::Result<()> {
        lock(&self.world).rename(old_name, new_name)
    }

    /// The merge queue gets to its entries: what can be merged is, what cannot drops out.
    pub fn run_merge_queue(&self, repository: &str) -> anyhow::Result<()> {
        self.with(repository, |repo| queueing::run_queue(repo).map_err(|refusal| anyhow!("{refusal:?}")))
    }

    /// The merge queue's checks fail for a pull request, or a person takes back its auto-merge: it is not merged.
    pub fn drop_from_queue(&self, repository: &str, number: u64) -> anyhow::Result<()> {
        self.with(repository, |repo| match queueing::drop_out(pull_mut(repo, number)?) {
            true => Ok(()),
            false => Err(anyhow!("pull request #{number} waits for nothing")),
        })
    }

    /// A person (or a bot, with `[bot]` at the end of its name) comments on a pull request.
    pub fn comment(&self, repository: &str, number: u64, login: &str, body: &str) -> anyhow::Result<()> {
        self.with(repository, |repo| {
            let comment = new_comment(repo, login, body);
            pull_mut(repo, number)?.comments.push(comment);
            Ok(())
        })
    }

    /// A person comments on a line of the diff.
    pub fn comment_on_diff(
        &self,
        repository: &str,
        number: u64,
        login: &str,
        body: &str,
    ) -> anyhow::Result<()> {
        self.with(repository, |repo| {
            let comment = new_comment(repo, login, body);
            pull_mut(repo, number)?.review_comments.push(comment);
            Ok(())
        })
    }

    /// A person reviews a pull request.
    pub fn review(&self, repository: &str, number: u64, login: &str, verdict: Verdict) -> anyhow::Result<()> {
        self.with(repository, |repo| {
            let (id, submitted_at) = (repo.next_id(), repo.now());
            let pull = pull_mut(repo, number)?;
            let (by, commit) = (account(login), pull.head);
            pull.reviews.push(Review { id, by, verdict, body: String::new(), commit, submitted_at });
            Ok(())
        })
    }

    /// A person begins a commit to a branch. A branch that is not there starts at `main`.
    pub fn commit<'a>(&'a self, repository: &'a str, branch: &'a str) -> Push<'a> {
        Push { github: self, repository, branch, by: "ada" }
    }

    /// A person deletes a branch, which closes its pull requests.
    pub fn delete_branch(&self, repository: &str, branch: &str) -> anyhow::Result<()> {
        self.with(repository, |repo| {
            Ok(repo.git()?.find_reference(&format!("refs/heads/{branch}"))?.delete()?)
        })
    }

    /// A person rewrites what a pull request says.
    pub fn edit_pull_request_body(&self, repository: &str, number: u64, body: &str) -> anyhow::Result<()> {
        self.with(repository, |repo| {
            pull_mut(repo, number)?.body = Some(body.to_owned());
            Ok(())
        })
    }

    /// A person closes a pull request.
    pub fn close_pull_request(&self, repository: &str, number: u64) -> anyhow::Result<()> {
        self.with(repository, |repo| {
            let now = repo.now();
            let pull = pull_mut(repo, number)?;
            if pull.stage != Stage::Open {
                return Err(anyhow!("pull request #{number} is not open"));
            }
            pull.stage = Stage::Closed { at: now };
            pull.ended_by = Some(Account::user("ada"));
            Ok(())
        })
    }

    /// A person merges a pull request with a merge commit, and takes it out of draft before that. Answers the commit's SHA.
    pub fn merge_pull_request(&self, repository: &str, number: u64) -> anyhow::Result<String> {
        self.with(repository, |repo| {
            pull_mut(repo, number)?.draft = false;
            let merged = merging::merge_by_hand(repo, number);
            merged.map(|commit| commit.to_string()).map_err(|refusal| anyhow!("{refusal:?}"))
        })
    }

    /// A person reverts a commit on `main` and pushes that, as `git revert` does. Answers the new commit's SHA.
    pub fn revert(&self, repository: &str, sha: &str) -> anyhow::Result<String> {
        self.with(repository, |repo| {
            let by = git::a_person(repo.now().as_second())?;
            let commit = mutations::revert_commit(repo, &by, Oid::from_str(sha)?, git::DEFAULT_BRANCH);
            let commit = commit.map_err(|fault| anyhow!("{fault:?}"))?;
            git::point(&repo.git()?, git::DEFAULT_BRANCH, commit)?;
            Ok(commit.to_string())
        })
    }

    /// The server grants each token so many requests an hour.
    pub fn set_hourly_requests(&self, hourly: u64) {
        lock(&self.world).quota.set_hourly(hourly);
    }

    /// Check runs are reported. They replace what was reported for the same commits before.
    pub fn set_checks(&self, repository: &str, heads: Heads, runs: &[CheckRun]) -> anyhow::Result<()> {
        self.with(repository, |repo| {
            match heads {
                Heads::Commit(sha) => repo.report_check_runs(Oid::from_str(&sha)?, runs.to_vec()),
                Heads::Next => repo.planned_check_runs.next.push_back(runs.to_vec()),
                Heads::Every => repo.planned_check_runs.every = Some(runs.to_vec()),
            }
            Ok(())
        })
    }

    /// From now on this CI reports about every commit that becomes the head of a pull request.
    pub fn set_ci(
        &self,
        repository: &str,
        ci: impl Fn(&Checkout<'_>) -> Vec<CheckRun> + Send + Sync + 'static,
    ) -> anyhow::Result<()> {
        self.with(repository, |repo| {
            repo.ci = Some(Arc::new(ci));
            Ok(())
        })
    }

    /// Commit statuses are reported. They replace what was reported for the same commits before.
    pub fn set_statuses(&self, repository: &str, heads: Heads, statuses: &[Status]) -> anyhow::Result<()> {
        self.with(repository, |repo| {
            match heads {
                Heads::Commit(sha) => repo.report_statuses(Oid::from_str(&sha)?, statuses.to_vec()),
                Heads::Next => repo.planned_statuses.next.push_back(statuses.to_vec()),
                Heads::Every => repo.planned_statuses.every = Some(statuses.to_vec()),
            }
            Ok(())
        })
    }

    /// A platform reports a deployment to `production` with these states (`in_progress`, `success`,
    /// `failure`, …), oldest first.
    pub fn add_deployment(&self, repository: &str, sha: &str, states: &[&str]) -> anyhow::Result<()> {
        let id = self.deploy(repository, sha, "production")?;
        states.iter().try_for_each(|state| self.deployment_becomes(repository, id, state, ""))
    }

    /// Whether a platform has told of a deployment of this commit that worked.
    pub fn is_live(&self, repository: &str, sha: &str) -> anyhow::Result<bool> {
        let commit = Oid::from_str(sha)?;
        self.with(repository, |repo| {
            let mut of_commit = repo.deployments.iter().filter(|deployment| deployment.commit == commit);
            Ok(of_commit
                .any(|deployment| deployment.statuses.last().is_some_and(|status| status.state == "success")))
        })
    }

    /// A platform begins to deploy a commit to an environment. Answers the deployment's id.
    pub fn deploy(&self, repository: &str, sha: &str, environment: &str) -> anyhow::Result<u64> {
        self.with(repository, |repo| {
            let deployment = Deployment {
                id: repo.next_id(),
                commit: Oid::from_str(sha)?,
                environment: environment.to_owned(),
                created_at: repo.now(),
                statuses: Vec::new(),
            };
            let id = deployment.id;
            repo.deployments.push(deployment);
            Ok(id)
        })
    }

    /// A platform reports how far a deployment has come, and where the application is (may be empty).
    pub fn deployment_becomes(
        &self,
        repository: &str,
        id: u64,
        state: &str,
        url: &str,
    ) -> anyhow::Result<()> {
        self.with(repository, |repo| {
            let (status, at) = (repo.next_id(), repo.now());
            let status = DeploymentStatus { id: status, state: state.to_owned(), url: url.to_owned(), at };
            let deployment = repo.deployments.iter_mut().find(|deployment| deployment.id == id);
            deployment.context("there is no such deployment")?.statuses.push(status);
            Ok(())
        })
    }

    /// All open pull requests, oldest first.
    pub fn open_pull_requests(&self, repository: &str) -> anyhow::Result<Vec<PullRequest>> {
        let all = self.pull_requests(repository)?;
        Ok(all.into_iter().filter(|pull| pull.state == PullState::Open).collect())
    }

    /// All pull requests there ever were, oldest first.
    pub fn pull_requests(&self, repository: &str) -> anyhow::Result<Vec<PullRequest>> {
        self.with(repository, |repo| Ok(repo.pulls.iter().map(|pull| view(repo, pull)).collect()))
    }

    pub fn pull_request(&self, repository: &str, number: u64) -> anyhow::Result<PullRequest> {
        let all = self.pull_requests(repository)?;
        let found = all.into_iter().find(|pull| pull.number == number);
        found.with_context(|| format!("there is no pull request #{number}"))
    }

    /// The files that a pull request changes against the commit where it parted from its base.
    ///
    /// # Errors
    /// When there is no such repository or pull request.
    pub fn changes(&self, repository: &str, number: u64) -> anyhow::Result<Vec<FileChange>> {
        self.with(repository, |repo| {
            let pull = pull_mut(repo, number)?;
            let (fork, head) = (pull.fork, pull.head);
            let files = git::changed_files(&repo.git()?, Some(fork), head)?;
            Ok(files.into_iter().map(|file| FileChange { path: file.path, patch: file.patch }).collect())
        })
    }

    /// The names of all branches, sorted.
    pub fn branches(&self, repository: &str) -> anyhow::Result<Vec<String>> {
        self.with(repository, |repo| {
            Ok(git::branches(&repo.git()?)?.into_iter().map(|(name, _)| name).collect())
        })
    }

    /// The full SHA that a branch, a tag or a short SHA means; `None` where it means nothing.
    pub fn sha_of(&self, repository: &str, revision: &str) -> anyhow::Result<Option<String>> {
        self.with(
            repository,
            |repo| Ok(git::resolve(&repo.git()?, revision).map(|commit| commit.to_string())),
        )
    }

    /// A file's bytes at a branch or commit; `None` where there is no such revision or file.
    pub fn file_at(&self, repository: &str, revision: &str, path: &str) -> anyhow::Result<Option<Vec<u8>>> {
        self.with(repository, |repo| {
            let store = repo.git()?;
            let Some(commit) = git::resolve(&store, revision) else { return Ok(None) };
            Ok(git::file_at(&store, commit, path)?)
        })
    }

    /// SHA and message of every commit of a branch, newest first.
    pub fn log(&self, repository: &str, branch: &str) -> anyhow::Result<Vec<(String, String)>> {
        self.with(repository, |repo| {
            let store = repo.git()?;
            let tip = git::tip(&store, branch).with_context(|| format!("there is no branch `{branch}`"))?;
            let commits = git::history(&store, tip)?.into_iter().map(|id| {
                let message = String::from_utf8_lossy(store.find_commit(id)?.message_bytes()).into_owned();
                Ok((id.to_string(), message))
            });
            commits.collect()
        })
    }
}

/// A commit that a person is about to make.
pub struct Push<'a> {
    github: &'a GitHub,
    repository: &'a str,
    branch: &'a str,
    by: &'a str,
}

impl<'a> Push<'a> {
    /// The same commit by somebody else, whose address GitHub knows: `login@example.org`.
    pub fn by(self, login: &'a str) -> Push<'a> {
        Push { by: login, ..self }
    }

    /// Puts one file on the branch and pushes it. Answers the commit's SHA.
    pub fn file(&self, path: &str, contents: &[u8], message: &str) -> anyhow::Result<String> {
        self.github.with(self.repository, |repo| {
            let at = git2::Time::new(repo.now().as_second(), 0);
            let by = match self.by {
                "ada" => git::a_person(at.seconds())?,
                login => git2::Signature::new(login, &format!("{login}@example.org"), &at)?,
            };
            let new = git::PersonsCommit { branch: self.branch, path, contents, message, by };
            Ok(git::push_file(&repo.git()?, &new)?.to_string())
        })
    }
}

fn pull_mut(repo: &mut Repository, number: u64) -> anyhow::Result<&mut Pull> {
    let pull = repo.pulls.iter_mut().find(|pull| pull.number == number);
    pull.with_context(|| format!("there is no pull request #{number}"))
}

fn account(login: &str) -> Account {
    if login.ends_with("[bot]") { Account::bot(login) } else { Account::user(login) }
}

fn new_comment(repo: &mut Repository, login: &str, body: &str) -> Comment {
    Comment { id: repo.next_id(), by: account(login), body: body.to_owned(), at: repo.now() }
}

fn view(repo: &Repository, pull: &Pull) -> PullRequest {
    PullRequest {
        number: pull.number,
        title: pull.title.clone(),
        body: pull.body.clone().unwrap_or_default(),
        draft: pull.draft,
        head_branch: pull.head_branch.clone(),
        head_sha: pull.head.to_string(),
        base_branch: pull.base_branch.clone(),
        state: match pull.stage {
            Stage::Open => PullState::Open,
            Stage::Closed { .. } => PullState::Closed,
            Stage::Merged { commit, .. } => PullState::Merged { sha: commit.to_string() },
        },
        labels: pull.labels.clone(),
        reviewers: pull.reviewers.clone(),
        comments: pull.comments.iter().map(|comment| comment.body.clone()).collect(),
        html_url: format!("{}/pull/{}", repo.html_url, pull.number),
    }
}
