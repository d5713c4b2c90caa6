//! The repository's CI: what it reports about a commit follows from what the commit holds. It is scripted and runs no
//! code, so that it needs no interpreter and says the same everywhere.

use std::fmt;
use std::sync::Arc;

use git2::Oid;

use super::reports::CheckRun;
use super::repository as git;

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

/// What CI does with each commit that becomes the head of a pull request.
#[derive(Clone)]
pub(super) struct Ci(Arc<Script>);

type Script = dyn Fn(&Checkout<'_>) -> Vec<CheckRun> + Send + Sync;

impl Ci {
    pub(super) fn new(script: impl Fn(&Checkout<'_>) -> Vec<CheckRun> + Send + Sync + 'static) -> Ci {
        Ci(Arc::new(script))
    }

    pub(super) fn run(&self, commit: &Checkout<'_>) -> Vec<CheckRun> {
        (self.0)(commit)
    }
}

impl fmt::Debug for Ci {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ci")
    }
}
