//! What checks report about commits: check runs and statuses, for commits that are known and for
//! those that are still to come.

use std::collections::VecDeque;
use std::sync::Arc;

use git2::Oid;
use serde::Serialize;

use super::repository as git;

/// Which commits a report of checks is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heads {
    /// One commit, by its full SHA.
    Commit(String),
    /// The next commit that becomes the head of a pull request; said again, the one after it.
    Next,
    /// Every commit that becomes the head of a pull request from now on.
    Every,
}

/// How a finished check run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    Success,
    Failure,
    Neutral,
    Cancelled,
    Skipped,
    TimedOut,
    ActionRequired,
}

/// One check run of a commit. `conclusion` is `None` while it runs.
#[derive(Clone, Debug)]
pub struct CheckRun {
    pub name: String,
    pub conclusion: Option<Conclusion>,
    pub html_url: String,
    pub title: Option<String>,
    pub summary: Option<String>,
    /// The slug of the app that reports it. What Actions reports is a job with a log; what others report is not.
    pub app: String,
    pub annotations: Vec<Annotation>,
    /// The job's log; `None` where GitHub has none (any more).
    pub log: Option<Vec<u8>>,
}

/// A remark of a check run about a line.
#[derive(Clone, Debug)]
pub struct Annotation {
    pub path: String,
    pub line: u64,
    /// `failure`, `warning` or `notice`.
    pub level: &'static str,
    pub message: String,
}

/// The slug of GitHub Actions.
pub(super) const ACTIONS: &str = "github-actions";

impl CheckRun {
    /// A check run that is still running.
    pub fn running(name: &str) -> CheckRun {
        CheckRun {
            name: name.to_owned(),
            conclusion: None,
            html_url: format!("https://ci.example.org/{name}"),
            title: None,
            summary: None,
            app: ACTIONS.to_owned(),
            annotations: Vec::new(),
            log: None,
        }
    }

    /// A check run that has ended.
    pub fn ended(name: &str, conclusion: Conclusion) -> CheckRun {
        CheckRun { conclusion: Some(conclusion), ..CheckRun::running(name) }
    }

    pub(super) fn status(&self) -> &'static str {
        if self.conclusion.is_some() { "completed" } else { "in_progress" }
    }

    /// Whether it ended without a failure.
    pub(super) fn passed(&self) -> bool {
        matches!(self.conclusion, Some(Conclusion::Success | Conclusion::Neutral | Conclusion::Skipped))
    }

    /// The same check run with what it has to say.
    pub fn saying(self, title: &str, summary: &str) -> CheckRun {
        CheckRun { title: Some(title.to_owned()), summary: Some(summary.to_owned()), ..self }
    }

    /// The same check run, reported by another app than Actions.
    pub fn of_app(self, slug: &str) -> CheckRun {
        CheckRun { app: slug.to_owned(), ..self }
    }

    /// The same check run with a remark about a line.
    pub fn annotated(mut self, path: &str, line: u64, message: &str) -> CheckRun {
        let (path, message) = (path.to_owned(), message.to_owned());
        self.annotations.push(Annotation { path, line, level: "failure", message });
        self
    }

    /// The same check run with the log of its job.
    pub fn with_log(self, log: impl Into<Vec<u8>>) -> CheckRun {
        CheckRun { log: Some(log.into()), ..self }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusState {
    Error,
    Failure,
    Pending,
    Success,
}

/// One commit status (the older way to report a check).
#[derive(Clone, Debug)]
pub struct Status {
    pub context: String,
    pub state: StatusState,
    pub description: String,
    pub target_url: String,
}

/// Reports for commits that are not known yet.
#[derive(Clone)]
pub(super) struct Planned<T> {
    /// One for each of the heads to come.
    pub(super) next: VecDeque<Vec<T>>,
    pub(super) every: Option<Vec<T>>,
}

impl<T> Default for Planned<T> {
    fn default() -> Planned<T> {
        Planned { next: VecDeque::new(), every: None }
    }
}

impl<T: Clone> Planned<T> {
    pub(super) fn for_new_head(&mut self) -> Option<Vec<T>> {
        self.next.pop_front().or_else(|| self.every.clone())
    }
}

/// A commit, as CI checks it out.
pub struct Checkout<'r> {
    pub(super) store: &'r git2::Repository,
    pub(super) commit: Oid,
}

impl Checkout<'_> {
    /// The text of a file; `None` where there is none.
    pub fn text(&self, path: &str) -> Option<String> {
        let bytes = git::file_at(self.store, self.commit, path).ok()??;
        String::from_utf8(bytes).ok()
    }

    /// The files that stand in a folder itself, by path.
    pub fn files_in(&self, folder: &str) -> Vec<String> {
        let entries = || -> Result<Vec<String>, git2::Error> {
            let tree = self.store.find_commit(self.commit)?.tree()?;
            let folder_entry = tree.get_path(std::path::Path::new(folder))?;
            let found = self.store.find_tree(folder_entry.id())?;
            let names = found.iter().filter(|entry| entry.kind() == Some(git2::ObjectType::Blob));
            Ok(names
                .map(|entry| format!("{folder}/{}", String::from_utf8_lossy(entry.name_bytes())))
                .collect())
        };
        entries().unwrap_or_default()
    }
}

/// The repository's CI: what it reports about each commit that becomes the head of a pull request follows from what the
/// commit holds. It is a script and runs no code, so that it needs no interpreter and says the same everywhere.
pub(super) type Ci = Arc<dyn Fn(&Checkout<'_>) -> Vec<CheckRun> + Send + Sync>;
