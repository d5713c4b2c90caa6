//! A local git checkout as a snapshot: the commit that is checked out, not the files as they lie there.

use std::path::Path;

use anyhow::{Context, bail};
use autofix::analysis::repo_path::RepoPath;
use autofix::analysis::snapshot::{Content, File, FileMode, Limits, Snapshot, SnapshotBuilder};
use git2::{ObjectType, Repository, TreeWalkMode, TreeWalkResult};

/// The code at one commit.
pub struct Checkout {
    pub snapshot: Snapshot,
    /// 40 hex digits.
    pub sha: String,
    pub branch: String,
}

/// Reads the commit that is checked out at `path`.
pub fn read(path: &Path) -> anyhow::Result<Checkout> {
    let repository = Repository::discover(path)
        .with_context(|| format!("open the git repository at `{}`", path.display()))?;
    let head = repository.head().context("find what is checked out")?;
    let branch = head.shorthand().unwrap_or("HEAD").to_owned();
    let commit = head.peel_to_commit().context("read the commit that is checked out")?;
    of_commit(&repository, &commit, branch)
}

/// The code at any commit, which is said to be the head of `branch`.
pub(crate) fn of_commit(
    repository: &Repository,
    commit: &git2::Commit<'_>,
    branch: String,
) -> anyhow::Result<Checkout> {
    let mut builder = SnapshotBuilder::new(Limits::default());
    let mut problem = None;
    commit
        .tree()?
        .walk(TreeWalkMode::PreOrder, |folder, entry| match add(repository, &mut builder, folder, entry) {
            Ok(()) => TreeWalkResult::Ok,
            Err(error) => {
                problem = Some(error);
                TreeWalkResult::Abort
            }
        })
        .or_else(|error| if problem.is_some() { Ok(()) } else { Err(error) })?;
    if let Some(problem) = problem {
        return Err(problem);
    }
    let sha = commit.id().to_string();
    Ok(Checkout { snapshot: builder.build(Some(sha.clone()))?, sha, branch })
}

/// The code in a folder that need not be a git repository. Symbolic links are listed and not followed; `.git` is left out.
pub(crate) fn of_folder(top: &Path) -> anyhow::Result<Checkout> {
    let mut builder = SnapshotBuilder::new(Limits::default());
    let mut folders = vec![(top.to_owned(), String::new())];
    while let Some((folder, name)) = folders.pop() {
        let entries = std::fs::read_dir(&folder).with_context(|| format!("list `{}`", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let path = entry.file_name().to_str().map(|end| format!("{name}{end}"));
            let kind = entry.file_type()?;
            match path.and_then(|path| RepoPath::parse(&path).ok()) {
                Some(path) if kind.is_dir() && path.as_str() != ".git" => {
                    folders.push((entry.path(), format!("{path}/")));
                }
                Some(_) if kind.is_dir() => {}
                Some(path) if kind.is_symlink() => {
                    builder.add_unread(path, File { mode: FileMode::Regular, content: Content::Link })?;
                }
                Some(path) if kind.is_file() => {
                    match builder.unread_content(&path, entry.metadata()?.len()) {
                        Some(content) => {
                            builder.add_unread(path, File { mode: FileMode::Regular, content })?
                        }
                        None => builder.add_read(path, FileMode::Regular, std::fs::read(entry.path())?)?,
                    }
                }
                Some(_) | None => builder.leave_out()?,
            }
        }
    }
    Ok(Checkout { snapshot: builder.build(None)?, sha: "0".repeat(40), branch: "before".to_owned() })
}

/// The text of a file at another commit of the repository; `None` if it has no such commit, file or text.
pub fn file_at(path: &Path, commit: &str, file: &RepoPath) -> Option<String> {
    text_at(&Repository::discover(path).ok()?, commit, file)
}

/// As [`file_at`], of a repository that is open.
pub(crate) fn text_at(repository: &Repository, commit: &str, file: &RepoPath) -> Option<String> {
    let tree = repository.revparse_single(commit).ok()?.peel_to_tree().ok()?;
    let blob =
        tree.get_path(Path::new(file.as_str())).ok()?.to_object(repository).ok()?.peel_to_blob().ok()?;
    String::from_utf8(blob.content().to_vec()).ok()
}

fn add(
    repository: &Repository,
    builder: &mut SnapshotBuilder,
    folder: &str,
    entry: &git2::TreeEntry<'_>,
) -> anyhow::Result<()> {
    if entry.kind() != Some(ObjectType::Blob) {
        return Ok(()); // a folder is walked, a submodule is another repository
    }
    let path = entry.name().ok().and_then(|name| RepoPath::parse(&format!("{folder}{name}")).ok());
    let Some(path) = path else { return Ok(builder.leave_out()?) };
    let mode = match entry.filemode() {
        0o100755 => FileMode::Executable,
        0o120000 => {
            return Ok(builder.add_unread(path, File { mode: FileMode::Regular, content: Content::Link })?);
        }
        0o100644 | 0o100664 => FileMode::Regular,
        other => bail!("`{path}` has the unknown mode {other:o}"),
    };
    let blob = repository.find_blob(entry.id())?;
    match builder.unread_content(&path, blob.size() as u64) {
        Some(content) => builder.add_unread(path, File { mode, content })?,
        None => builder.add_read(path, mode, blob.content().to_vec())?,
    }
    Ok(())
}
