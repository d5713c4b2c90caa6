//! Git itself: what the fake reads from and writes to a repository on disk.

use std::path::Path;

use anyhow::Context;
use git2::build::TreeUpdateBuilder;
use git2::{Delta, FileMode, Index, ObjectType, Oid, Repository, Signature, Sort, Time};

/// The branch that a new repository starts with.
pub(super) const DEFAULT_BRANCH: &str = "main";

/// When a repository's first commit was made (2026-11-02T09:00:00Z): fixed, so that the same files
/// have the same SHA on every run.
const FIRST_COMMIT_AT: i64 = 1_793_610_000;

/// A bare repository with one commit of these files on the default branch.
pub(super) fn create(path: &Path, files: &[(&str, &[u8])], message: &str) -> anyhow::Result<()> {
    let mut options = git2::RepositoryInitOptions::new();
    options.bare(true).no_reinit(true).mkpath(true).initial_head(DEFAULT_BRANCH);
    let store = Repository::init_opts(path, &options).context("create a bare repository")?;
    let mut tree = TreeUpdateBuilder::new();
    for (path, bytes) in files {
        tree.upsert(*path, store.blob(bytes)?, FileMode::Blob);
    }
    let tree = tree.create_updated(&store, &empty_tree(&store)?)?;
    let person = a_person(FIRST_COMMIT_AT)?;
    let update = format!("refs/heads/{DEFAULT_BRANCH}");
    store.commit(Some(&update), &person, &person, message, &store.find_tree(tree)?, &[])?;
    Ok(())
}

/// A commit of one file that a person makes.
pub(super) struct PersonsCommit<'a> {
    pub(super) branch: &'a str,
    pub(super) path: &'a str,
    pub(super) contents: &'a [u8],
    pub(super) message: &'a str,
    pub(super) by: Signature<'a>,
}

/// Puts a person's commit on a branch. A branch that is not there starts at the default one.
pub(super) fn push_file(store: &Repository, new: &PersonsCommit<'_>) -> anyhow::Result<Oid> {
    let branch = new.branch;
    let parent = tip(store, branch).or_else(|| tip(store, DEFAULT_BRANCH)).context("find the branch")?;
    let parent = store.find_commit(parent)?;
    let mut update = TreeUpdateBuilder::new();
    update.upsert(new.path, store.blob(new.contents)?, FileMode::Blob);
    let tree = store.find_tree(update.create_updated(store, &parent.tree()?)?)?;
    let commit = store.commit(None, &new.by, &new.by, new.message, &tree, &[&parent])?;
    point(store, branch, commit)?;
    Ok(commit)
}

pub(super) fn a_person(seconds: i64) -> Result<Signature<'static>, git2::Error> {
    Signature::new("Ada Lovelace", "ada@example.org", &Time::new(seconds, 0))
}

/// Makes a branch point at a commit, whether or not it was there.
pub(super) fn point(store: &Repository, branch: &str, commit: Oid) -> Result<(), git2::Error> {
    store.reference(&format!("refs/heads/{branch}"), commit, true, "moved by the sandbox").map(drop)
}

pub(super) fn empty_tree(store: &Repository) -> Result<git2::Tree<'_>, git2::Error> {
    store.find_tree(store.treebuilder(None)?.write()?)
}

/// The commit at the end of a branch.
pub(super) fn tip(store: &Repository, branch: &str) -> Option<Oid> {
    store
        .find_reference(&format!("refs/heads/{branch}"))
        .ok()?
        .peel_to_commit()
        .ok()
        .map(|commit| commit.id())
}

/// Every branch, by name.
pub(super) fn branches(store: &Repository) -> Result<Vec<(String, Oid)>, git2::Error> {
    let mut found = Vec::new();
    for branch in store.branches(Some(git2::BranchType::Local))? {
        let (branch, _) = branch?;
        if let (Ok(name), Ok(commit)) = (branch.get().shorthand(), branch.get().peel_to_commit()) {
            found.push((name.to_owned(), commit.id()));
        }
    }
    found.sort();
    Ok(found)
}

/// The commit that a branch, a tag, a full ref name, a (short) SHA or `HEAD` means.
pub(super) fn resolve(store: &Repository, name: &str) -> Option<Oid> {
    let looks_like_sha = (7..=40).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_hexdigit());
    let by_name =
        [format!("refs/heads/{name}"), format!("refs/tags/{name}"), format!("refs/{name}"), name.to_owned()]
            .into_iter()
            .filter_map(|full| store.find_reference(&full).ok())
            .find_map(|reference| reference.peel_to_commit().ok());
    by_name
        .or_else(|| looks_like_sha.then(|| store.revparse_single(name).ok()?.peel_to_commit().ok())?)
        .map(|commit| commit.id())
}

/// A full SHA as an object of this kind that exists.
pub(super) fn existing(store: &Repository, sha: &str, kind: ObjectType) -> Option<Oid> {
    let id = Oid::from_str(sha).ok().filter(|_| sha.len() == 40)?;
    store.find_object(id, Some(kind)).ok().map(|object| object.id())
}

/// Whether `commit` is `tip` or one of its ancestors.
pub(super) fn contains(store: &Repository, tip: Oid, commit: Oid) -> Result<bool, git2::Error> {
    Ok(tip == commit || store.graph_descendant_of(tip, commit)?)
}

/// The commits of `to` that `from` does not have, oldest first.
pub(super) fn commits_between(store: &Repository, from: Oid, to: Oid) -> Result<Vec<Oid>, git2::Error> {
    let mut walk = store.revwalk()?;
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE)?;
    walk.push(to)?;
    walk.hide(from)?;
    walk.collect()
}

/// A commit and its ancestors, newest first.
pub(super) fn history(store: &Repository, from: Oid) -> Result<Vec<Oid>, git2::Error> {
    let mut walk = store.revwalk()?;
    walk.set_sorting(Sort::TOPOLOGICAL)?;
    walk.push(from)?;
    walk.collect()
}

/// The tree of merging `head` into `base`; `None` where they conflict.
pub(super) fn merged_tree(store: &Repository, base: Oid, head: Oid) -> Result<Option<Oid>, git2::Error> {
    let index = store.merge_commits(&store.find_commit(base)?, &store.find_commit(head)?, None)?;
    tree_without_conflicts(store, index)
}

pub(super) fn tree_without_conflicts(
    store: &Repository,
    mut index: Index,
) -> Result<Option<Oid>, git2::Error> {
    if index.has_conflicts() { Ok(None) } else { index.write_tree_to(store).map(Some) }
}

/// The bytes of a file at a commit; `None` where there is no file of this path.
pub(super) fn file_at(store: &Repository, commit: Oid, path: &str) -> Result<Option<Vec<u8>>, git2::Error> {
    let tree = store.find_commit(commit)?.tree()?;
    let Ok(entry) = tree.get_path(Path::new(path)) else { return Ok(None) };
    Ok(store.find_blob(entry.id()).ok().map(|blob| blob.content().to_vec()))
}

/// One file of a diff.
pub(super) struct ChangedFile {
    pub(super) path: String,
    pub(super) previous_path: Option<String>,
    pub(super) blob: Oid,
    pub(super) status: &'static str,
    pub(super) additions: usize,
    pub(super) deletions: usize,
    /// The hunks of a unified diff, without its file header; `None` for a binary file.
    pub(super) patch: Option<String>,
}

/// What changed from one commit (or from nothing) to another.
pub(super) fn changed_files(
    store: &Repository,
    from: Option<Oid>,
    to: Oid,
) -> Result<Vec<ChangedFile>, git2::Error> {
    let old = from.map(|commit| store.find_commit(commit)?.tree()).transpose()?;
    let new = store.find_commit(to)?.tree()?;
    let mut diff = store.diff_tree_to_tree(old.as_ref(), Some(&new), None)?;
    diff.find_similar(None)?;
    (0..diff.deltas().len()).map(|index| changed_file(&diff, index)).collect()
}

fn changed_file(diff: &git2::Diff<'_>, index: usize) -> Result<ChangedFile, git2::Error> {
    let missing = || git2::Error::from_str("the diff lost a file");
    let mut patch = git2::Patch::from_diff(diff, index)?;
    let delta = diff.get_delta(index).ok_or_else(missing)?;
    let name = |file: git2::DiffFile<'_>| {
        file.path_bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
    };
    let (status, blob) = match delta.status() {
        Delta::Added => ("added", delta.new_file().id()),
        Delta::Deleted => ("removed", delta.old_file().id()),
        Delta::Renamed => ("renamed", delta.new_file().id()),
        _ => ("modified", delta.new_file().id()),
    };
    let (_, additions, deletions) = patch.as_ref().map_or(Ok((0, 0, 0)), git2::Patch::line_stats)?;
    let text = patch.as_mut().map(git2::Patch::to_buf).transpose()?;
    let hunks = text.and_then(|text| {
        let text = String::from_utf8_lossy(&text).into_owned();
        let start = if text.starts_with("@@") { 0 } else { text.find("\n@@")? + 1 };
        Some(text[start..].trim_end_matches('\n').to_owned())
    });
    Ok(ChangedFile {
        path: name(if status == "removed" { delta.old_file() } else { delta.new_file() }),
        previous_path: (status == "renamed").then(|| name(delta.old_file())),
        blob,
        status,
        additions,
        deletions,
        patch: hunks,
    })
}
