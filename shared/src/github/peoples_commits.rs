//! What a commit of people changed, and the commits that name an issue.

use jiff::Timestamp;
use serde::Deserialize;

use super::Github;
use super::answers::Sha;
use super::commits::ListedCommit;
use super::pages::List;
use crate::outbound::{ErrorKind, ServiceError};

/// Pages of a hundred commits that are searched for the name of an issue, newest first.
const COMMIT_PAGES: usize = 3;

/// A commit of people, compared with its first parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitChange {
    /// 40 hex digits.
    pub sha: String,
    pub parent_sha: String,
    /// Paths of the files that it changes; GitHub shows up to 300.
    pub paths: Vec<String>,
}

#[derive(Deserialize)]
struct WireCommit {
    sha: String,
    #[serde(default)]
    parents: Vec<Sha>,
    #[serde(default)]
    files: Vec<WireFile>,
}

#[derive(Deserialize)]
struct WireFile {
    filename: String,
}

impl Github {
    /// What a commit changes. `None` where the repository does not have it, or it is the first one.
    pub async fn commit_change(&self, repo: &str, sha: &str) -> Result<Option<CommitChange>, ServiceError> {
        let found: WireCommit = match self.read(repo, &["commits", sha], &[]).await {
            Ok(found) => found,
            Err(ServiceError { kind: ErrorKind::NotFound | ErrorKind::Refused { status: 422 }, .. }) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let Some(parent) = found.parents.into_iter().next() else { return Ok(None) };
        let paths = found.files.into_iter().map(|file| file.filename).collect();
        Ok(Some(CommitChange { sha: found.sha, parent_sha: parent.sha, paths }))
    }

    /// The newest commit of a branch since a time whose message has `name` as a word; one that takes something back is none.
    pub async fn commit_naming(
        &self,
        repo: &str,
        branch: &str,
        name: &str,
        since: Timestamp,
    ) -> Result<Option<String>, ServiceError> {
        let since = since.to_string();
        let query = [("sha", branch), ("since", since.as_str())];
        let list = List { path: &["commits"], query: &query, under: None, most_pages: COMMIT_PAGES };
        let commits = self.pages::<ListedCommit>(repo, list).await?.items;
        Ok(commits.into_iter().find(|found| names(&found.commit.message, name)).map(|found| found.sha))
    }
}

fn names(message: &str, name: &str) -> bool {
    let mut words = message.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')));
    !message.starts_with("Revert ") && words.any(|word| word.trim_end_matches('.').eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_message_names_an_issue_by_a_word_of_its_own() {
        for (message, named) in [
            ("Fix the label (fixes SHOP-118)", true),
            ("Closes shop-118.", true),
            ("Fixes SHOP-1180", false),
            ("Revert \"Fixes SHOP-118\"", false),
        ] {
            assert_eq!(names(message, "SHOP-118"), named, "{message}");
        }
    }
}
