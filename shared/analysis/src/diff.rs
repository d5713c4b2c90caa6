//! The difference between a file before and after the edits: as text for people, as numbers for
//! the limits, and as added and removed lines for the validators.
//!
//! Lines are compared whole. A line's text is given without its line ending, so that a CRLF file
//! reads the same as an LF file; `unified` alone keeps the bytes as they are.

use similar::{ChangeTag, TextDiff};

/// Unchanged lines shown around a change, as git shows them.
const CONTEXT_LINES: usize = 3;

/// One file of a proposed fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// Path in the repository, with `/`.
    pub path: String,
    /// The whole text at the pinned commit.
    pub before: String,
    /// The whole text after the edits.
    pub after: String,
}

/// A line that a change adds or removes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedLine {
    /// Counted from 1: in the text after the change for added lines, before it for removed ones.
    pub number: u32,
    /// Without its line ending.
    pub text: String,
}

/// Changed lines that stand together, with no unchanged line between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hunk {
    pub removed: Vec<ChangedLine>,
    pub added: Vec<ChangedLine>,
}

/// The change in git's unified format, with an `a/` and `b/` header; empty where nothing changed.
pub fn unified(change: &FileChange) -> String {
    if change.before == change.after {
        return String::new();
    }
    let path = &change.path;
    let diff = TextDiff::from_lines(change.before.as_str(), change.after.as_str());
    let body = diff
        .unified_diff()
        .context_radius(CONTEXT_LINES)
        .header(&format!("a/{path}"), &format!("b/{path}"))
        .to_string();
    format!("diff --git a/{path} b/{path}\n{body}")
}

/// How many lines the change adds plus how many it removes.
pub fn changed_lines(change: &FileChange) -> usize {
    hunks(change).iter().map(|hunk| hunk.added.len() + hunk.removed.len()).sum()
}

/// The changed lines in the order of the file.
pub fn hunks(change: &FileChange) -> Vec<Hunk> {
    let diff = TextDiff::from_lines(change.before.as_str(), change.after.as_str());
    let mut hunks = Vec::new();
    let mut open: Option<Hunk> = None;
    for line in diff.iter_all_changes() {
        match line.tag() {
            ChangeTag::Equal => hunks.extend(open.take()),
            ChangeTag::Delete => {
                open.get_or_insert_default().removed.push(changed_line(line.old_index(), line.value()));
            }
            ChangeTag::Insert => {
                open.get_or_insert_default().added.push(changed_line(line.new_index(), line.value()));
            }
        }
    }
    hunks.extend(open);
    hunks
}

fn changed_line(index: Option<usize>, text: &str) -> ChangedLine {
    let number = index.map_or(0, |index| u32::try_from(index + 1).unwrap_or(u32::MAX));
    ChangedLine { number, text: text.trim_end_matches(['\n', '\r']).to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(before: &str, after: &str) -> FileChange {
        FileChange { path: "a/labels.py".into(), before: before.into(), after: after.into() }
    }

    #[test]
    fn a_diff_reads_as_git_would_print_it() {
        let diff = unified(&change("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n"));
        let expected = "diff --git a/a/labels.py b/a/labels.py\n--- a/a/labels.py\n+++ b/a/labels.py\n\
                        @@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n";
        assert_eq!(diff, expected);
    }

    #[test]
    fn a_missing_final_newline_is_said() {
        let diff = unified(&change("a\nb", "a\nc"));
        assert!(
            diff.ends_with("-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n"),
            "{diff}"
        );
    }

    #[test]
    fn an_unchanged_file_has_no_diff_and_no_hunks() {
        let same = change("a\n", "a\n");
        assert_eq!(unified(&same), "");
        assert_eq!(hunks(&same), []);
        assert_eq!(changed_lines(&same), 0);
    }

    #[test]
    fn added_and_removed_lines_carry_their_own_numbers() {
        let found = hunks(&change("a\r\nb\r\nc\r\nd\r\n", "a\r\nB\r\nB2\r\nc\r\n"));
        let line = |number, text: &str| ChangedLine { number, text: text.into() };
        assert_eq!(
            found,
            [
                Hunk { removed: vec![line(2, "b")], added: vec![line(2, "B"), line(3, "B2")] },
                Hunk { removed: vec![line(4, "d")], added: vec![] },
            ]
        );
        assert_eq!(changed_lines(&change("a\nb\n", "a\nc\nd\n")), 3);
    }
}
