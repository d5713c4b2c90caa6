//! The objects of one commit through the Git data API. With a token, author and dates are given, so
//! the same commit made twice is the same object. An App names no author, for GitHub to sign it; the
//! same commit is then known by its parent, its tree and the attempt's trailer.

use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::{Sha, shaped};
use super::{Github, Identity};
use crate::outbound::{ErrorKind, IfThere, ServiceError};
use crate::redaction::Redacted;

/// The author of AutoFix's commits. The address is GitHub's form for one that belongs to nobody.
const AUTHOR: &str = "AutoFix";
const AUTHOR_EMAIL: &str = "autofix@users.noreply.github.com";

/// Commits looked through for one of ours: it was made within the last hours.
const LAST_COMMITS: &str = "50";

/// Mode of a file that is new and can't be executed; another one keeps its own.
const NEW_FILE_MODE: &str = "100644";

/// Changed files on top of one commit.
#[derive(Clone, Copy, Debug)]
pub struct NewCommit<'a> {
    pub parent_sha: &'a str,
    pub files: &'a [FileChange<'a>],
    /// Ends with a trailer that is the attempt's own: by that line a repeat knows the commit again.
    pub message: &'a Redacted,
    /// Author's and committer's date.
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
    /// Makes the tree of a commit. No branch points to it.
    pub(super) async fn draft<'a>(&self, repo: &str, new: NewCommit<'a>) -> Result<Draft<'a>, ServiceError> {
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
        let tree_sha = self.make(repo, "trees", tree).await?;
        Ok(Draft { parent_sha: new.parent_sha, tree_sha, message: new.message, at: new.at })
    }

    /// A tree with one file changed.
    pub(super) async fn tree_with(
        &self,
        repo: &str,
        base_tree: &str,
        path: &str,
        entry: &FileEntry,
    ) -> Result<String, ServiceError> {
        let tree = json!({
            "base_tree": base_tree,
            "tree": [{ "path": path, "mode": entry.mode, "type": "blob", "sha": entry.sha }],
        });
        self.make(repo, "trees", tree).await
    }

    /// Makes an object of git and answers its name.
    async fn make(&self, repo: &str, kind: &str, body: Value) -> Result<String, ServiceError> {
        let made: Sha = shaped(self.write(Method::POST, repo, &["git", kind], body).await?)?;
        Ok(made.sha)
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
        self.make(repo, "commits", commit).await
    }

    /// Whether a commit is the one that is to be made.
    pub(super) async fn is_draft(
        &self,
        repo: &str,
        sha: &str,
        draft: &Draft<'_>,
    ) -> Result<bool, ServiceError> {
        let Some(commit) = self.git_commit(repo, sha).await.if_there()? else { return Ok(false) };
        let parents: Vec<&str> = commit.parents.iter().map(|parent| parent.sha.as_str()).collect();
        Ok(parents == [draft.parent_sha]
            && commit.tree.sha == draft.tree_sha
            && trailer(&commit.message) == trailer(draft.message.as_str()))
    }

    /// The tree of a commit.
    pub(super) async fn tree_of(&self, repo: &str, commit: &str) -> Result<String, ServiceError> {
        Ok(self.git_commit(repo, commit).await?.tree.sha)
    }

    pub(super) async fn git_commit(&self, repo: &str, sha: &str) -> Result<GitCommit, ServiceError> {
        self.read(repo, &["git", "commits", sha], &[]).await
    }

    /// The newest of a branch's last commits whose message has this line; `None` where none has.
    pub async fn commit_with_line(
        &self,
        repo: &str,
        branch: &str,
        line: &str,
    ) -> Result<Option<String>, ServiceError> {
        let query = [("sha", branch), ("per_page", LAST_COMMITS)];
        let list: Vec<ListedCommit> = self.read(repo, &["commits"], &query).await?;
        let has_line = |found: &ListedCommit| found.commit.message.lines().any(|found| found.trim() == line);
        Ok(list.into_iter().find(has_line).map(|found| found.sha))
    }

    /// Whether the history of `descendant` contains `ancestor`; `None` where GitHub does not know one of them.
    pub async fn contains(
        &self,
        repo: &str,
        descendant: &str,
        ancestor: &str,
    ) -> Result<Option<bool>, ServiceError> {
        let range = format!("{ancestor}...{descendant}");
        match self.read::<WireStatus>(repo, &["compare", &range], &[("per_page", "1")]).await {
            Ok(compared) => Ok(match compared.status.as_str() {
                "ahead" | "identical" => Some(true),
                "behind" | "diverged" => Some(false),
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
            let found: WireTree = self.read(repo, &["git", "trees", &tree_sha], &[]).await?;
            let (name, below) = match rest.split_once('/') {
                Some((folder, below)) => (folder, Some(below)),
                None => (rest, None),
            };
            let Some(entry) = found.tree.into_iter().find(|entry| entry.path == name) else {
                return Ok(None);
            };
            match below {
                Some(_) if entry.kind != "tree" => return Ok(None),
                Some(below) => (tree_sha, rest) = (entry.sha, below),
                None => return Ok(Some(FileEntry { mode: entry.mode, sha: entry.sha })),
            }
        }
    }
}

/// A commit as git has it.
#[derive(Deserialize)]
pub(super) struct GitCommit {
    pub(super) message: String,
    pub(super) tree: Sha,
    parents: Vec<Sha>,
}

/// A commit as lists of them have it.
#[derive(Deserialize)]
pub(super) struct ListedCommit {
    pub(super) sha: String,
    pub(super) commit: WireMessage,
}

#[derive(Deserialize)]
pub(super) struct WireMessage {
    pub(super) message: String,
}

#[derive(Deserialize)]
struct WireStatus {
    status: String,
}

#[derive(Deserialize)]
struct WireTree {
    tree: Vec<WireEntry>,
}

#[derive(Deserialize)]
struct WireEntry {
    path: String,
    mode: String,
    #[serde(rename = "type")]
    kind: String,
    sha: String,
}

/// The last line that says something.
pub(super) fn trailer(message: &str) -> &str {
    message.trim_end().lines().next_back().unwrap_or_default()
}
