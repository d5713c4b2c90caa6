//! Whom to name: the owners of a file by CODEOWNERS, and who changed it last.

use jiff::Timestamp;
use serde_json::Value;

use super::Github;
use super::answers::{items, text};
use super::codeowners::{Owner, owners_of};
use super::conversation::title;
use super::pulls::login;
use crate::cleaning::one_line;
use crate::outbound::{ErrorKind, ServiceError};

/// Where CODEOWNERS may be; the first one that is there counts. (docs.github.com, "About code owners")
const PLACES: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];
const NAME_CHARS: usize = 100;

/// The last commit that changed a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastChange {
    pub sha: String,
    /// First line of its message; from outside, cleaned.
    pub title: String,
    pub by: Author,
    pub at: Option<Timestamp>,
}

/// Who wrote a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Author {
    /// The login of somebody's account.
    Person(String),
    /// A bot's login.
    Bot(String),
    /// GitHub knows no account; the name that the commit has, from outside, cleaned.
    Unknown(String),
}

impl Github {
    /// The owners of a path as of one commit, people before teams; empty where nobody is named.
    pub async fn owners(&self, repo: &str, path: &str, sha: &str) -> Result<Vec<Owner>, ServiceError> {
        for place in PLACES {
            if let Some(file) = self.file(repo, place, sha).await? {
                return Ok(owners_of(&file, path));
            }
        }
        Ok(Vec::new())
    }

    /// The last commit up to `sha` (the release's, or the base's) that changed a file; `None` where GitHub knows none.
    pub async fn last_change(
        &self,
        repo: &str,
        path: &str,
        sha: &str,
    ) -> Result<Option<LastChange>, ServiceError> {
        let query = [("sha", sha), ("path", path), ("per_page", "1")];
        let list = match self.get(repo, &["commits"], &query).await {
            Err(ServiceError { kind: ErrorKind::NotFound, .. }) => return Ok(None),
            list => list?,
        };
        items(&list).next().map(read).transpose()
    }
}

fn read(commit: &Value) -> Result<LastChange, ServiceError> {
    let author = &commit["author"];
    let written = &commit["commit"]["author"];
    let by = match login(author) {
        Some(login) if author["type"] == "Bot" || login.ends_with("[bot]") => Author::Bot(login),
        Some(login) => Author::Person(login),
        None => Author::Unknown(one_line(written["name"].as_str().unwrap_or("somebody"), NAME_CHARS)),
    };
    Ok(LastChange {
        sha: text(commit, "sha")?,
        title: title(commit["commit"]["message"].as_str().unwrap_or_default()),
        by,
        at: written["date"].as_str().and_then(|date| date.parse().ok()),
    })
}
