//! Whom to name: the owners of a file by CODEOWNERS, and who changed it last.

use jiff::Timestamp;
use serde::Deserialize;

use super::Github;
use super::codeowners::{Owner, owners_of};
use super::conversation::title;
use super::pulls::Account;
use crate::cleaning::one_line;
use crate::outbound::{IfThere, ServiceError};

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
        let commits = self.read::<Vec<WireCommit>>(repo, &["commits"], &query).await.if_there()?;
        Ok(commits.into_iter().flatten().next().map(read))
    }
}

#[derive(Deserialize)]
struct WireCommit {
    sha: String,
    author: Option<Account>,
    commit: WireGitCommit,
}

/// A commit as git has it.
#[derive(Deserialize)]
struct WireGitCommit {
    message: Option<String>,
    author: Option<WireSignature>,
}

#[derive(Deserialize)]
struct WireSignature {
    name: Option<String>,
    date: Option<String>,
}

fn read(found: WireCommit) -> LastChange {
    let written = found.commit.author.as_ref();
    let by = match found.author.as_ref().and_then(|author| Some((author.login()?, author.is_bot()))) {
        Some((login, true)) => Author::Bot(login),
        Some((login, false)) => Author::Person(login),
        None => {
            let name = written.and_then(|author| author.name.as_deref());
            Author::Unknown(one_line(name.unwrap_or("somebody"), NAME_CHARS))
        }
    };
    LastChange {
        title: title(found.commit.message.as_deref().unwrap_or_default()),
        by,
        at: written.and_then(|author| author.date.as_deref()?.parse().ok()),
        sha: found.sha,
    }
}
