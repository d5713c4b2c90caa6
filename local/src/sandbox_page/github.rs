//! The sandbox's GitHub: the pull requests of the demo's repository with their changes, and the history of its branch.

use anyhow::Context;
use attempt_queries::page::Change;

use crate::demo_project::REPOSITORY;
use crate::sandbox::github::{GitHub, PullRequest, PullState};

const BRANCH: &str = "main";
/// Commits that are shown, newest first.
const COMMITS: usize = 8;
/// Digits of a commit's name that are shown.
const SHORT_SHA: usize = 10;

/// What the repository shows.
pub(super) struct Repository {
    pub(super) name: &'static str,
    pub(super) branch: &'static str,
    /// Newest first.
    pub(super) pulls: Vec<Pull>,
    pub(super) commits: Vec<Commit>,
    /// One sentence about the newest state, for who does not look.
    pub(super) news: String,
}

pub(super) struct Pull {
    /// With its body in GitHub's Markdown, as it was written.
    pub(super) of: PullRequest,
    pub(super) state: &'static str,
    pub(super) head_sha: String,
    /// The commit that the merge made.
    pub(super) merged_as: Option<String>,
    pub(super) files: Vec<ChangedFile>,
}

pub(super) struct ChangedFile {
    pub(super) path: String,
    /// `None` for a file that is no text.
    pub(super) change: Option<Change>,
}

pub(super) struct Commit {
    pub(super) sha: String,
    pub(super) subject: String,
}

impl Repository {
    pub(super) fn of(github: &GitHub) -> anyhow::Result<Repository> {
        let pulls = github.pull_requests(REPOSITORY).context("read the pull requests")?;
        let pulls: anyhow::Result<Vec<Pull>> = pulls.iter().rev().map(|one| pull(github, one)).collect();
        let pulls = pulls?;
        let log = github.log(REPOSITORY, BRANCH).context("read the history")?;
        let commits = log.into_iter().take(COMMITS).map(|(sha, message)| Commit {
            sha: short(&sha),
            subject: message.lines().next().unwrap_or_default().to_owned(),
        });
        let news = match pulls.first() {
            Some(newest) => format!("GitHub: pull request {} is {}", newest.of.number, newest.state),
            None => "GitHub: no pull request yet".to_owned(),
        };
        Ok(Repository { name: REPOSITORY, branch: BRANCH, pulls, commits: commits.collect(), news })
    }
}

fn pull(github: &GitHub, pull: &PullRequest) -> anyhow::Result<Pull> {
    let files = github.changes(REPOSITORY, pull.number).context("read a pull request's changes")?;
    let (state, merged_as) = match &pull.state {
        PullState::Open if pull.draft => ("draft", None),
        PullState::Open => ("open", None),
        PullState::Closed => ("closed", None),
        PullState::Merged { sha } => ("merged", Some(short(sha))),
    };
    let files = (1..).zip(&files).map(|(index, file)| {
        let id = format!("diff-{}-{index}", pull.number);
        let change = file.patch.as_deref().map(|patch| Change::of(&id, &file.path, patch));
        ChangedFile { path: file.path.clone(), change }
    });
    let (files, head_sha) = (files.collect(), short(&pull.head_sha));
    Ok(Pull { of: pull.clone(), state, head_sha, merged_as, files })
}

/// As people read a commit's name.
pub(super) fn short(sha: &str) -> String {
    sha.chars().take(SHORT_SHA).collect()
}
