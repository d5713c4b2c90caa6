//! `list_files`.

use globset::{GlobBuilder, GlobMatcher};

use super::{
    ListInput, MAX_ANSWER_BYTES, MAX_ANSWER_LINES, Toolbox, counted, echo, shown_folder, why_unread,
};
use crate::repo_path::{FolderPath, RepoPath};
use crate::snapshot::File;

impl Toolbox<'_> {
    pub(super) fn list_files(&self, input: &ListInput) -> Result<String, String> {
        let folder = self.folder(&input.folder)?;
        let glob = input.glob.trim();
        let entries = if glob.is_empty() { self.children(&folder) } else { self.matches(&folder, glob)? };
        let place = shown_folder(&folder);
        let mut text = match glob {
            "" => format!("{} in {place}:\n", counted(entries.len(), "entry", "entries")),
            _ => format!(
                "{} that match `{}` in {place}:\n",
                counted(entries.len(), "file", "files"),
                echo(glob)
            ),
        };
        let mut shown = 0;
        for entry in entries.iter().take(MAX_ANSWER_LINES) {
            if text.len() + entry.len() > MAX_ANSWER_BYTES {
                break;
            }
            text.push_str(entry);
            text.push('\n');
            shown += 1;
        }
        if shown < entries.len() {
            let left_out = entries.len() - shown;
            text.push_str(&format!("({left_out} more left out; name a folder below or a narrower glob)\n"));
        }
        Ok(text)
    }

    /// What stands directly in the folder.
    fn children(&self, folder: &FolderPath) -> Vec<String> {
        let files = self.snapshot.files_in(folder);
        let mut children = Vec::new();
        // All files below one folder follow each other.
        let mut open: Option<(&str, usize)> = None;
        let close = |open: Option<(&str, usize)>, children: &mut Vec<String>| {
            if let Some((name, count)) = open {
                children.push(format!("{}{name}/ ({})", prefix(folder), counted(count, "file", "files")));
            }
        };
        for (path, file) in files {
            let relative = folder.relative(path).unwrap_or(path.as_str());
            match (relative.split_once('/'), open) {
                (Some((name, _)), Some((current, count))) if name == current => {
                    open = Some((name, count + 1))
                }
                (Some((name, _)), _) => {
                    close(open.take(), &mut children);
                    open = Some((name, 1));
                }
                (None, _) => {
                    close(open.take(), &mut children);
                    children.push(line(path.as_str(), file));
                }
            }
        }
        close(open, &mut children);
        children
    }

    fn matches(&self, folder: &FolderPath, glob: &str) -> Result<Vec<String>, String> {
        let glob = Glob::parse(glob)?;
        let files = self.snapshot.files_in(folder).iter();
        let matching = files.filter(|(path, _)| glob.matches(folder, path));
        Ok(matching.map(|(path, file)| line(path.as_str(), file)).collect())
    }
}

/// Which files are meant: by their names, or by their paths below a folder if it has a slash.
pub(super) struct Glob {
    matcher: GlobMatcher,
    of_names: bool,
}

impl Glob {
    pub(super) fn parse(glob: &str) -> Result<Glob, String> {
        // Brackets stand for themselves: frameworks have them in the names of files (`[id].tsx`).
        let bracket = |c: char| match c {
            '[' => "[[]".to_owned(),
            ']' => "[]]".to_owned(),
            other => other.to_string(),
        };
        let pattern: String = glob.trim_start_matches('/').chars().map(bracket).collect();
        let built = GlobBuilder::new(&pattern)
            .literal_separator(true)
            .backslash_escape(false)
            .empty_alternates(true)
            .build();
        match built {
            Ok(built) => Ok(Glob { matcher: built.compile_matcher(), of_names: !glob.contains('/') }),
            Err(_) => Err(format!(
                "`{}` is not a glob; it may have `*`, `**`, `?` and `{{a,b}}`, such as `api/**/*.py`.",
                echo(glob)
            )),
        }
    }

    pub(super) fn matches(&self, folder: &FolderPath, path: &RepoPath) -> bool {
        self.matcher.is_match(match self.of_names {
            true => path.file_name(),
            false => folder.relative(path).unwrap_or_default(),
        })
    }
}

fn prefix(folder: &FolderPath) -> String {
    if folder.is_root() { String::new() } else { format!("{folder}/") }
}

fn line(path: &str, file: &File) -> String {
    match why_unread(&file.content) {
        Some(why) => format!("{path} ({} bytes; {why})", file.size()),
        None => format!("{path} ({} bytes)", file.size()),
    }
}
