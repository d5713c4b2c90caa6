//! The fixes that people made, from a local git repository: the commit, the code before it, and what it changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, bail};
use autofix::analysis::diff::FileChange;
use autofix::analysis::repo_path::RepoPath;
use git2::{Commit, DiffFile, FileMode, Oid, Repository, Sort};
use jiff::Timestamp;

use crate::checkout::{self, Checkout};

/// Commits that are searched for the names of issues, newest first: the largest repositories have a few years in them.
const MAX_COMMITS: usize = 100_000;
/// Files that a fix may change: more is a release or a merge of something else, and no fix of one error.
const MAX_FILES: usize = 50;
/// Bytes of a file that is compared.
const MAX_FILE_BYTES: usize = 1 << 20;

/// What people changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeoplesFix {
    pub changes: Vec<FileChange>,
    /// Paths that can't be compared: binary files, links, submodules, very large files.
    pub not_text: Vec<String>,
}

impl PeoplesFix {
    /// The fix, if there is anything in it that can be compared.
    pub fn comparable(self) -> anyhow::Result<PeoplesFix> {
        if self.changes.is_empty() {
            match self.not_text.first() {
                Some(path) => bail!("The fix changes no text, only files such as `{path}`."),
                None => bail!("The fix changes nothing."),
            }
        }
        Ok(self)
    }
}

/// A local clone.
pub struct History {
    repository: Repository,
}

/// A commit that fixed something, and the one before it.
pub struct FixCommit<'r> {
    repository: &'r Repository,
    commit: Commit<'r>,
    parent: Commit<'r>,
}

impl History {
    pub fn open(path: &Path) -> anyhow::Result<History> {
        let repository = Repository::discover(path)
            .with_context(|| format!("open the git repository at `{}`", path.display()))?;
        Ok(History { repository })
    }

    /// The newest commit that names each issue (`SHOP-118`, in capitals). One that brings something of its own comes before a
    /// merge, and one that takes a fix back is none.
    pub fn commits_that_name(&self, issues: &BTreeSet<String>) -> anyhow::Result<BTreeMap<String, String>> {
        let mut walk = self.repository.revwalk()?;
        walk.set_sorting(Sort::TIME)?;
        walk.push_head().context("find what is checked out")?;
        let (mut plain, mut merges) = (BTreeMap::new(), BTreeMap::new());
        for oid in walk.take(MAX_COMMITS) {
            // The end of a shallow clone.
            let Some(commit) = oid.ok().and_then(|oid| self.repository.find_commit(oid).ok()) else { break };
            let message = String::from_utf8_lossy(commit.message_bytes()).to_ascii_uppercase();
            if message.starts_with("REVERT ") {
                continue;
            }
            let found = if commit.parent_count() > 1 { &mut merges } else { &mut plain };
            let words = message.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')));
            for word in words.map(|word| word.trim_end_matches('.')) {
                if issues.contains(word) && !found.contains_key(word) {
                    found.insert(word.to_owned(), commit.id().to_string());
                }
            }
        }
        merges.extend(plain);
        Ok(merges)
    }

    /// The text of a file at a commit; `None` if the clone has no such commit, file or text.
    pub fn text_at(&self, commit: &str, path: &RepoPath) -> Option<String> {
        checkout::text_at(&self.repository, commit, path)
    }

    /// The commit with this SHA, 7 to 40 hex digits.
    ///
    /// # Errors
    /// A sentence for people, if the clone has no such commit or none before it.
    pub fn fix(&self, sha: &str) -> anyhow::Result<FixCommit<'_>> {
        let short = sha.get(..10).unwrap_or(sha);
        let found = self.repository.revparse_single(sha).and_then(|object| object.peel_to_commit());
        let Ok(commit) = found else {
            bail!("The fix `{short}` is not in this clone. Fetch it; or the history was rewritten since.");
        };
        if commit.parent_count() > 2 {
            bail!(
                "The fix `{short}` merges more than two branches, so nobody can say which code was there before."
            );
        }
        if commit.parent_count() == 0 {
            bail!("The fix `{short}` is the first commit: there is no code before it.");
        }
        let Ok(parent) = commit.parent(0) else {
            bail!("The commit before the fix `{short}` is not in this clone. Fetch the whole history.");
        };
        Ok(FixCommit { repository: &self.repository, commit, parent })
    }
}

impl FixCommit<'_> {
    /// 40 hex digits.
    pub fn sha(&self) -> String {
        self.commit.id().to_string()
    }

    /// When it was committed.
    pub fn at(&self) -> Timestamp {
        Timestamp::from_second(self.commit.time().seconds()).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// What a reader of the comparison should know about it.
    pub fn note(&self) -> Option<String> {
        (self.commit.parent_count() > 1).then(|| {
            "The fix is a merge: everything that it brought to its branch counts as the people's change."
                .to_owned()
        })
    }

    /// The code before it.
    pub fn code_before(&self) -> anyhow::Result<Checkout> {
        checkout::of_commit(self.repository, &self.parent, "main".to_owned())
    }

    /// What it changed.
    ///
    /// # Errors
    /// A sentence for people, if that is too much, or nothing that can be compared.
    pub fn peoples_fix(&self) -> anyhow::Result<PeoplesFix> {
        let trees = (self.parent.tree()?, self.commit.tree()?);
        let diff = self.repository.diff_tree_to_tree(Some(&trees.0), Some(&trees.1), None)?;
        let count = diff.deltas().len();
        if count > MAX_FILES {
            let short = self.sha()[..10].to_owned();
            bail!("The fix `{short}` changes {count} files; with more than {MAX_FILES} it is not compared.");
        }
        let mut fix = PeoplesFix::default();
        for delta in diff.deltas() {
            let (old, new) = (delta.old_file(), delta.new_file());
            let named = new.path().or_else(|| old.path()).and_then(Path::to_str);
            let Some(path) = named.and_then(|path| RepoPath::parse(path).ok()) else {
                fix.not_text.push("(a path that is not plain text)".to_owned());
                continue;
            };
            match (self.text(&old), self.text(&new)) {
                (Some(before), Some(after)) => {
                    fix.changes.push(FileChange { path: path.to_string(), before, after });
                }
                _ => fix.not_text.push(path.to_string()),
            }
        }
        fix.comparable()
    }

    /// The text of one side; empty if there is no file, `None` if it is no text.
    fn text(&self, file: &DiffFile<'_>) -> Option<String> {
        if file.id() == Oid::ZERO_SHA1 {
            return Some(String::new());
        }
        if !matches!(file.mode(), FileMode::Blob | FileMode::BlobExecutable | FileMode::BlobGroupWritable) {
            return None;
        }
        let blob = self.repository.find_blob(file.id()).ok()?;
        let fits = blob.size() <= MAX_FILE_BYTES && !blob.is_binary();
        fits.then(|| String::from_utf8(blob.content().to_vec()).ok())?
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use git2::{Signature, Time};

    use super::*;

    /// A repository with a commit for each list of files; the last parent of a commit may be named by its number.
    struct Made {
        folder: PathBuf,
        commits: Vec<Oid>,
    }

    impl Drop for Made {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }

    impl Made {
        fn new(name: &str) -> Made {
            let folder = std::env::temp_dir().join(format!("autofix-history-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&folder);
            Repository::init(&folder).expect("a repository");
            Made { folder, commits: Vec::new() }
        }

        fn commit(&mut self, message: &str, files: &[(&str, &[u8])], parents: &[usize]) -> String {
            let repository = Repository::open(&self.folder).expect("it is there");
            let mut index = git2::Index::new().expect("an index");
            let mut builder = repository.treebuilder(None).expect("a tree");
            for (path, bytes) in files {
                let blob = repository.blob(bytes).expect("a blob");
                builder.insert(path, blob, 0o100644).expect("a plain name");
            }
            index.clear().expect("empty");
            let tree = repository.find_tree(builder.write().expect("written")).expect("a tree");
            let time = Time::new(1_760_000_000 + self.commits.len() as i64 * 60, 0);
            let who = Signature::new("A", "a@example.com", &time).expect("a name");
            let parents: Vec<Commit<'_>> =
                parents.iter().map(|n| repository.find_commit(self.commits[*n]).expect("there")).collect();
            let parents: Vec<&Commit<'_>> = parents.iter().collect();
            let oid = repository.commit(None, &who, &who, message, &tree, &parents).expect("a commit");
            repository.set_head_detached(oid).expect("checked out");
            self.commits.push(oid);
            oid.to_string()
        }
    }

    fn names(all: &[&str]) -> BTreeSet<String> {
        all.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_newest_commit_that_names_an_issue_is_its_fix_and_neither_a_revert_nor_a_longer_name_is() {
        let mut made = Made::new("names");
        made.commit("first", &[("a.py", b"1\n")], &[]);
        let first = made.commit("Fixes shop-1.", &[("a.py", b"2\n")], &[0]);
        let second = made.commit("Strip it (SHOP-1)\n\nAlso SHOP-2", &[("a.py", b"3\n")], &[1]);
        made.commit("Revert \"Strip it (SHOP-1)\"", &[("a.py", b"2\n")], &[2]);
        made.commit("Merge SHOP-2", &[("a.py", b"2\n")], &[3, 1]);
        made.commit("SHOP-11 and XSHOP-1", &[("a.py", b"4\n")], &[4]);
        let history = History::open(&made.folder).expect("a clone");
        let found = history.commits_that_name(&names(&["SHOP-1", "SHOP-2", "SHOP-3"])).expect("read");
        assert_eq!(
            found,
            BTreeMap::from([("SHOP-1".to_owned(), second.clone()), ("SHOP-2".to_owned(), second)])
        );
        assert_ne!(found["SHOP-1"], first);
    }

    #[test]
    fn a_fix_is_read_with_the_code_before_it_and_what_is_no_text_is_only_named() {
        let mut made = Made::new("reads");
        made.commit("first", &[("a.py", b"1\n"), ("logo.png", b"\x89PNG\0")], &[]);
        let fix =
            made.commit("fix", &[("a.py", b"2\n"), ("logo.png", b"\x89PNG\0\0"), ("b.py", b"new\n")], &[0]);
        let history = History::open(&made.folder).expect("a clone");
        let fix = history.fix(&fix[..9]).expect("an abbreviation is enough");
        assert_eq!((fix.note(), fix.at().as_second()), (None, 1_760_000_060));
        let changed = fix.peoples_fix().expect("text");
        let change = |path: &str, before: &str, after: &str| FileChange {
            path: path.to_owned(),
            before: before.to_owned(),
            after: after.to_owned(),
        };
        assert_eq!(changed.changes, [change("a.py", "1\n", "2\n"), change("b.py", "", "new\n")]);
        assert_eq!(changed.not_text, ["logo.png"]);
        let before = fix.code_before().expect("the commit before");
        assert_eq!(before.snapshot.text(&RepoPath::parse("a.py").unwrap()), Some("1\n"));
        assert_eq!(before.sha, made.commits[0].to_string());
    }

    #[test]
    fn what_is_no_fix_of_one_error_is_told_in_a_sentence() {
        let mut made = Made::new("bad");
        let many: Vec<(String, &[u8])> = (0..60).map(|n| (format!("f{n}"), &b"x\n"[..])).collect();
        let many: Vec<(&str, &[u8])> = many.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
        let first = made.commit("first", &[("a.py", b"1\n")], &[]);
        let wide = made.commit("wide", &many, &[0]);
        let merge = made.commit("merge", &[("a.py", b"2\n")], &[0, 1]);
        let octopus = made.commit("octopus", &[("a.py", b"3\n")], &[0, 1, 2]);
        let image = made.commit("image", &[("a.py", b"3\n"), ("x.png", b"\0")], &[3]);
        let nothing = made.commit("nothing", &[("a.py", b"3\n"), ("x.png", b"\0")], &[4]);
        let history = History::open(&made.folder).expect("a clone");
        let told = |sha: &str| match history.fix(sha) {
            Err(error) => format!("{error:#}"),
            Ok(fix) => fix.peoples_fix().err().map_or_else(String::new, |error| format!("{error:#}")),
        };
        for (sha, words) in [
            (first.as_str(), "is the first commit"),
            (&wide, "changes 61 files"),
            (&octopus, "more than two branches"),
            (&image, "no text, only files such as `x.png`"),
            (&nothing, "changes nothing"),
            ("0123456789abcdef", "history was rewritten"),
        ] {
            assert!(told(sha).contains(words), "{words}: {}", told(sha));
        }
        let merge = history.fix(&merge).expect("two parents");
        assert!(merge.note().is_some());
        assert_eq!(merge.peoples_fix().expect("text").changes.len(), 1);
    }
}
