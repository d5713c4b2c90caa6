//! Cases in folders: `event.json`, the code `before/`, and `fix.diff`, what people changed in it.
//!
//! A folder may come from anywhere: nothing outside of it is read, whatever it contains.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use autofix::analysis::diff::FileChange;
use autofix::analysis::repo_path::RepoPath;
use autofix::analysis::snapshot::Snapshot;
use autofix::incident::Incident;
use git2::{Delta, Diff, Patch};

use super::history::PeoplesFix;
use crate::analyze::read_event;
use crate::checkout::{self, Checkout};

const EVENT: &str = "event.json";
const BEFORE: &str = "before";
const FIX: &str = "fix.diff";

/// Bytes of an event: Sentry takes 1 MB, and a list of them is no case.
const MAX_EVENT_BYTES: u64 = 10 << 20;
/// Bytes of a diff: no fix of one error has as many.
const MAX_DIFF_BYTES: u64 = 1 << 20;

/// The folders with a case in them, by name.
pub fn list(top: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(top).with_context(|| format!("list `{}`", top.display()))?;
    let mut folders = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("list `{}`", top.display()))?;
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        // A link is listed, so that the report can say why it is not followed.
        if !is_hidden && !entry.file_type()?.is_file() {
            folders.push(entry.path());
        }
    }
    folders.sort();
    if folders.is_empty() {
        bail!("`{}` has no folder with a case (`{EVENT}`, `{BEFORE}/`, `{FIX}`)", top.display());
    }
    Ok(folders)
}

/// Everything of one case.
pub struct Case {
    pub incident: Incident,
    pub checkout: Checkout,
    pub fix: PeoplesFix,
}

/// The event and the diff of a folder, unread: whether a result is still about the same case follows from them.
pub struct Files {
    event: Vec<u8>,
    diff: Vec<u8>,
}

impl Files {
    /// # Errors
    /// A sentence for people.
    pub fn of(folder: &Path) -> anyhow::Result<Files> {
        plain(folder, Kind::Folder)?;
        let read = |name: &str, most: u64| {
            let path = folder.join(name);
            let length = plain(&path, Kind::File)?;
            if length > most {
                bail!("`{name}` has {length} bytes; at most {most} are read.");
            }
            std::fs::read(&path).with_context(|| format!("`{name}` can't be read"))
        };
        Ok(Files { event: read(EVENT, MAX_EVENT_BYTES)?, diff: read(FIX, MAX_DIFF_BYTES)? })
    }

    /// What makes the case the one that it is.
    pub fn parts(&self) -> [&[u8]; 2] {
        [&self.event, &self.diff]
    }

    /// The whole case.
    ///
    /// # Errors
    /// A sentence for people.
    pub fn read(&self, folder: &Path) -> anyhow::Result<Case> {
        let event = String::from_utf8_lossy(&self.event);
        let incident = read_event(event.trim_start_matches('\u{feff}'))
            .map_err(|error| anyhow!("`{EVENT}` can't be read: {error:#}."))?;
        let before = folder.join(BEFORE);
        plain(&before, Kind::Folder)?;
        let checkout =
            checkout::of_folder(&before).map_err(|error| anyhow!("`{BEFORE}/` can't be read: {error:#}."))?;
        let fix = read_diff(&self.diff, &checkout.snapshot)?.comparable()?;
        Ok(Case { incident, checkout, fix })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
}

/// Says that a path is a file or a folder and no link; how many bytes it has.
fn plain(path: &Path, wanted: Kind) -> anyhow::Result<u64> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let Ok(found) = std::fs::symlink_metadata(path) else { bail!("There is no `{name}`.") };
    if found.is_symlink() {
        bail!("`{name}` is a symbolic link, which is not followed.");
    }
    match wanted {
        Kind::File if !found.is_file() => bail!("`{name}` is not a file."),
        Kind::Folder if !found.is_dir() => bail!("`{name}` is not a folder."),
        Kind::File | Kind::Folder => Ok(found.len()),
    }
}

/// Reads a diff in git's form and applies it to the code before.
fn read_diff(bytes: &[u8], before: &Snapshot) -> anyhow::Result<PeoplesFix> {
    let diff = Diff::from_buffer(bytes)
        .map_err(|error| anyhow!("`{FIX}` is not a diff as git writes it: {}.", error.message()))?;
    let mut fix = PeoplesFix::default();
    for index in 0..diff.deltas().len() {
        let patch = Patch::from_diff(&diff, index)
            .map_err(|error| anyhow!("`{FIX}` can't be read: {}.", error.message()))?;
        let Some(delta) = diff.get_delta(index) else { continue };
        let named = match delta.status() {
            Delta::Deleted => delta.old_file().path(),
            _ => delta.new_file().path(),
        };
        let named = named.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
        let path = RepoPath::parse(&named)
            .map_err(|_| anyhow!("`{FIX}` changes `{named}`, which is no path inside of `{BEFORE}/`."))?;
        let text = match (delta.status(), before.file(&path)) {
            (Delta::Added, _) => Some(""),
            (_, Some(file)) => file.text(),
            (_, None) => bail!("`{FIX}` changes `{path}`, which is not in `{BEFORE}/`."),
        };
        match (patch, text) {
            (Some(patch), Some(text)) if !delta.flags().is_binary() => {
                let after = applied(&patch, text).map_err(|line| {
                    anyhow!("`{FIX}` does not fit `{path}` in `{BEFORE}/`, at line {line}.")
                })?;
                fix.changes.push(FileChange { path: path.to_string(), before: text.to_owned(), after });
            }
            _ => fix.not_text.push(path.to_string()),
        }
    }
    Ok(fix)
}

/// The text after a patch. `Err` is the line, counted from 1, at which the text is not what the patch expects.
fn applied(patch: &Patch<'_>, before: &str) -> Result<String, u32> {
    let old: Vec<&str> = before.split_inclusive('\n').collect();
    let mut after = String::new();
    let mut at = 0;
    for index in 0..patch.num_hunks() {
        let (hunk, count) = patch.hunk(index).map_err(|_| number(at))?;
        // A hunk without old lines is inserted after the line that it names.
        let start = hunk.old_start() as usize;
        let start = if hunk.old_lines() == 0 { start } else { start.saturating_sub(1) };
        let unchanged = old.get(at..start).ok_or(number(start))?;
        after.extend(unchanged.iter().copied());
        at = start;
        for line in 0..count {
            let line = patch.line_in_hunk(index, line).map_err(|_| number(at))?;
            let text = std::str::from_utf8(line.content()).map_err(|_| number(at))?;
            match line.origin() {
                '+' => after.push_str(text),
                sign @ (' ' | '-') => {
                    let there = old.get(at).ok_or(number(at))?;
                    if there.trim_end_matches(['\n', '\r']) != text.trim_end_matches(['\n', '\r']) {
                        return Err(number(at));
                    }
                    if sign == ' ' {
                        after.push_str(there);
                    }
                    at += 1;
                }
                // "No newline at end of file": of both, of the old file, of the new one.
                '=' | '>' => {}
                '<' => after.truncate(after.strip_suffix('\n').unwrap_or(&after).len()),
                _ => return Err(number(at)),
            }
        }
    }
    after.extend(old.get(at..).unwrap_or_default().iter().copied());
    Ok(after)
}

fn number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use autofix::analysis::snapshot::{FileMode, Limits, SnapshotBuilder};

    use super::*;

    fn before(files: &[(&str, &[u8])]) -> Snapshot {
        let mut builder = SnapshotBuilder::new(Limits::default());
        for (path, bytes) in files {
            let path = RepoPath::parse(path).expect("a path");
            builder.add_read(path, FileMode::Regular, bytes.to_vec()).expect("small");
        }
        builder.build(None).expect("no path twice")
    }

    fn read(diff: &str, files: &[(&str, &[u8])]) -> Result<Vec<(String, String)>, String> {
        let fix = read_diff(diff.as_bytes(), &before(files)).and_then(PeoplesFix::comparable);
        let fix = fix.map_err(|error| format!("{error:#}"))?;
        Ok(fix.changes.into_iter().map(|change| (change.path, change.after)).collect())
    }

    #[test]
    fn a_diff_is_applied_where_it_says_with_new_and_deleted_files_and_missing_final_line_breaks() {
        let diff = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,3 @@\n 1\n-2\n+two\n+2b\n@@ -5 +6 @@\n-5\n\\ No newline at end of file\n+five\n\\ No newline at end of file\n\
            diff --git a/n/b.py b/n/b.py\nnew file mode 100644\nindex 0000000..b2f5ff4\n--- /dev/null\n+++ b/n/b.py\n@@ -0,0 +1 @@\n+new\n\
            diff --git a/c.py b/c.py\ndeleted file mode 100644\nindex b2f5ff4..0000000\n--- a/c.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-old\n";
        let found = read(diff, &[("a.py", b"1\n2\n3\n4\n5"), ("c.py", b"old\n")]);
        let pair = |path: &str, after: &str| (path.to_owned(), after.to_owned());
        assert_eq!(
            found,
            Ok(vec![pair("a.py", "1\ntwo\n2b\n3\n4\nfive"), pair("n/b.py", "new\n"), pair("c.py", "")])
        );
    }

    #[test]
    fn a_diff_that_does_not_fit_or_leads_outside_is_told_in_a_sentence() {
        let of = |path: &str, hunk: &str| {
            format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n{hunk}")
        };
        let code: &[(&str, &[u8])] = &[("a.py", b"1\n2\n"), ("x.png", b"\0")];
        for (diff, words) in [
            (of("a.py", "@@ -1 +1 @@\n-7\n+8\n"), "does not fit `a.py`"),
            (of("a.py", "@@ -90 +90 @@\n-7\n+8\n"), "does not fit `a.py`"),
            (of("../a.py", "@@ -1 +1 @@\n-1\n+8\n"), "no path inside"),
            (of("b.py", "@@ -1 +1 @@\n-1\n+8\n"), "not in `before/`"),
            (of("x.png", "@@ -1 +1 @@\n-1\n+8\n"), "no text, only files such as `x.png`"),
            ("Binary files a/x and b/x differ\n".to_owned(), ""),
            ("hello\n".to_owned(), ""),
            (String::new(), ""),
        ] {
            let error = read(&diff, code).expect_err(&diff);
            assert!(error.contains(words) && error.ends_with('.'), "{diff}: {error}");
        }
    }
}
