//! What a pull request changes, as people see it below "Files changed".

use anyhow::Context;

use super::{GitHub, repository as git};

/// The change of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    pub path: String,
    /// The hunks of a unified diff; `None` for a binary file.
    pub patch: Option<String>,
}

impl GitHub {
    /// The files that a pull request changes against the commit where it parted from its base.
    ///
    /// # Errors
    /// When there is no such repository or pull request.
    pub fn changes(&self, repository: &str, number: u64) -> anyhow::Result<Vec<FileChange>> {
        self.with(repository, |repo| {
            let pull = repo.pulls.iter().find(|pull| pull.number == number);
            let pull = pull.with_context(|| format!("there is no pull request #{number}"))?;
            let (fork, head) = (pull.fork, pull.head);
            let files = git::changed_files(&repo.git()?, Some(fork), head)?;
            Ok(files.into_iter().map(|file| FileChange { path: file.path, patch: file.patch }).collect())
        })
    }
}
