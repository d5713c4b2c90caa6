//! The objects of one commit through the Git data API. With a token, author and dates are given, so
//! the same commit made twice is the same object. An App names no author, for GitHub to sign it; the
//! same commit is then known by its parent, its tree and the attempt's trailer.

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::answers::{items, text};
use super::{Github, Identity};
use crate::journal::Service;
use crate::outbound::{ErrorKind, ServiceError};
use crate::redaction::Redacted;

/// The author of AutoFix's commits. The address is GitHub's form for one that belongs to nobody.
const AUTHOR: &str = "AutoFix";
const AUTHOR_EMAIL: &str = "autofix@users.noreply.github.com";

/// Commits looked through for one of ours: it was made within the last hours.
const LAST_COMMITS: &str = "50";

/// Mode of a file that is new and can't be executed.
const NEW_FILE_MODE: &str = "100644";

/// One changed file on top of one commit.
#[derive(Clone, Copy, Debug)]
pub struct NewCommit<'a> {
    pub parent_sha: &'a str,
    pub file_path: &'a str,
    pub content: &'a str,
    /// Ends with a trailer that is the attempt's own: by that line a repeat knows the commit again.
    pub message: &'a Redacted,
    /// Author's and committer's date.
    pub at: Timestamp,
}

/// Several changed files on top of one commit.
#[derive(Clone, Copy, Debug)]
pub struct NewFiles<'a> {
    pub parent_sha: &'a str,
    pub files: &'a [FileChange<'a>],
    /// As of [`NewCommit`]; the same for `at`.
    pub message: &'a Redacted,
    pub at: Timestamp,
}

/// What becomes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileChange<'a> {
    /// Made, or replaced.
    Write { path: &'a str, content: &'a str },
    /// Deleted; it has to be there.
    Remove { path: &'a str },
}

/// A file in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileEntry {
    /// `100644`, or `100755` for an executable.
    pub(super) mode: String,
    /// The blob's.
    pub(super) sha: String,
}

/// A commit whose tree is made and which is not written yet.
pub(super) struct Draft<'a> {
    pub(super) parent_sha: &'a str,
    pub(super) tree_sha: String,
    pub(super) message: &'a Redacted,
    pub(super) at: Timestamp,
}

impl Github {
    /// Makes blob and tree of a commit. No branch points to them.
    pub(super) async fn draft<'a>(&self, repo: &str, new: NewCommit<'a>) -> Result<Draft<'a>, ServiceError> {
        let base_tree = self.tree_of(repo, new.parent_sha).await?;
        let before = self.file_entry(repo, &base_tree, new.file_path).await?;
        let mode = before
            .ok_or_else(|| {
                ServiceError::new(
                    Service::Github,
                    ErrorKind::NotFound,
                    format!("`{}` in the base commit", new.file_path),
                )
            })?
            .mode;
        let blob = json!({ "content": new.content, "encoding": "utf-8" });
        let blob = text(&self.write(Method::POST, repo, &["git", "blobs"], blob).await?, "sha")?;
        let entry = FileEntry { mode, sha: blob };
        let tree_sha = self.tree_with(repo, &base_tree, (new.file_path, &entry)).await?;
        Ok(Draft { parent_sha: new.parent_sha, tree_sha, message: new.message, at: new.at })
    }

    /// As [`Github::draft`], for several files, some of which may be new.
    pub(super) async fn draft_of_files<'a>(
        &self,
        repo: &str,
        new: NewFiles<'a>,
    ) -> Result<Draft<'a>, ServiceError> {
        let base_tree = self.tree_of(repo, new.parent_sha).await?;
        let mut entries = Vec::new();
        for file in new.files {
            entries.push(match *file {
                FileChange::Write { path, content } => {
                    let before = self.file_entry(repo, &base_tree, path).await?;
                    let mode = before.map_or_else(|| NEW_FILE_MODE.to_owned(), |before| before.mode);
                    json!({ "path": path, "mode": mode, "type": "blob", "content": content })
                }
                FileChange::Remove { path } => {
                    json!({ "path": path, "mode": NEW_FILE_MODE, "type": "blob", "sha": null })
                }
            });
        }
        let tree = json!({ "base_tree": base_tree, "tree": entries });
        let tree_sha = text(&self.write(Method::POST, repo, &["git", "trees"], tree).await?, "sha")?;
        Ok(Draft { parent_sha: new.parent_sha, tree_sha, message: new.message, at: new.at })
    }

    /// A tree with one file changed.
    pub(super) async fn tree_with(
        &self,
        repo: &str,
        base_tree: &str,
        (path, entry): (&str, &FileEntry),
    ) -> Result<String, ServiceError> {
        let tree = json!({
            "base_tree": base_tree,
            "tree": [{ "path": path, "mode": entry.mode, "type": "blob", "sha": entry.sha }],
        });
        text(&self.write(Method::POST, repo, &["git", "trees"], tree).await?, "sha")
    }

    /// Writes the commit and answers its SHA.
    pub(super) async fn write_commit(&self, repo: &str, draft: &Draft<'_>) -> Result<String, ServiceError> {
        let mut commit = json!({
            "message": draft.message,
            "tree": draft.tree_sha,
            "parents": [draft.parent_sha],
        });
        if let Identity::Token(_) = self.identity {
            let at = Timestamp::from_second(draft.at.as_second()).unwrap_or(draft.at).to_string();
            let person = json!({ "name": AUTHOR, "email": AUTHOR_EMAIL, "date": at });
            commit["author"] = person.clone();
            commit["committer"] = person;
        }
        text(&self.write(Method::POST, repo, &["git", "commits"], commit).await?, "sha")
    }

    /// Whether a commit is the one that is to be made.
    pub(super) async fn is_draft(
        &self,
        repo: &str,
        sha: &str,
        draft: &Draft<'_>,
    ) -> Result<bool, ServiceError> {
        let commit = match self.get(repo, &["git", "commits", sha], &[]).await {
            Err(ServiceError { kind: ErrorKind::NotFound, .. }) => return Ok(false),
            commit => commit?,
        };
        let parents: Vec<&str> =
            items(&commit["parents"]).filter_map(|parent| parent["sha"].as_str()).collect();
        Ok(parents == [draft.parent_sha]
            && commit["tree"]["sha"] == draft.tree_sha
            && trailer(commit["message"].as_str().unwrap_or_default()) == trailer(draft.message.as_str()))
    }

    /// The tree of a commit.
    pub(super) async fn tree_of(&self, repo: &str, commit: &str) -> Result<String, ServiceError> {
        text(&self.get(repo, &["git", "commits", commit], &[]).await?["tree"], "sha")
    }

    /// The newest of a branch's last commits whose message has this line; `None` where none has.
    pub async fn commit_with_line(
        &self,
        repo: &str,
        branch: &str,
        line: &str,
    ) -> Result<Option<String>, ServiceError> {
        let list = self.get(repo, &["commits"], &[("sha", branch), ("per_page", LAST_COMMITS)]).await?;
        let has_line = |commit: &&Value| {
            let message = commit["commit"]["message"].as_str().unwrap_or_default();
            message.lines().any(|found| found.trim() == line)
        };
        items(&list).find(has_line).map(|commit| text(commit, "sha")).transpose()
    }

    /// Whether the history of `descendant` contains `ancestor`; `None` where GitHub does not know one of them.
    pub async fn contains(
        &self,
        repo: &str,
        descendant: &str,
        ancestor: &str,
    ) -> Result<Option<bool>, ServiceError> {
        let range = format!("{ancestor}...{descendant}");
        match self.get(repo, &["compare", &range], &[("per_page", "1")]).await {
            Ok(body) => Ok(match body["status"].as_str() {
                Some("ahead" | "identical") => Some(true),
                Some("behind" | "diverged") => Some(false),
                _ => None, // a word that GitHub may add
            }),
            Err(ServiceError { kind: ErrorKind::NotFound | ErrorKind::Refused { status: 422 }, .. }) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Mode and content of a file in a tree, folder by folder: a whole tree may be too large to be answered.
    pub(super) async fn file_entry(
        &self,
        repo: &str,
        tree_sha: &str,
        path: &str,
    ) -> Result<Option<FileEntry>, ServiceError> {
        let mut tree_sha = tree_sha.to_owned();
        let mut rest = path;
        loop {
            let tree = self.get(repo, &["git", "trees", &tree_sha], &[]).await?;
            let (name, below) = match rest.split_once('/') {
                Some((folder, below)) => (folder, Some(below)),
                None => (rest, None),
            };
            let is_it = |entry: &&Value| entry["path"] == name;
            let Some(entry) = items(&tree["tree"]).find(is_it) else { return Ok(None) };
            match below {
                Some(_) if entry["type"] != "tree" => return Ok(None),
                Some(below) => {
                    tree_sha = text(entry, "sha")?;
                    rest = below;
                }
                None => return Ok(Some(FileEntry { mode: text(entry, "mode")?, sha: text(entry, "sha")? })),
            }
        }
    }
}

/// The last line that says something.
pub(super) fn trailer(message: &str) -> &str {
    message.trim_end().lines().next_back().unwrap_or_default()
}
