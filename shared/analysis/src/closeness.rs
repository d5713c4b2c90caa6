//! How close the proposed change is to the one that people made. Both are changes of the same code.

use std::collections::BTreeSet;

use autofix_domain::attempt::Closeness;

use crate::diff::{FileChange, hunks};
use crate::syntax::{Language, Parsed, tokens};
use crate::validators::is_test;

/// Compares a proposed change with all files that people changed.
pub fn closeness(people: &[FileChange], proposed: &FileChange) -> Closeness {
    let Some(same_file) = people.iter().find(|change| change.path == proposed.path) else {
        return Closeness::OtherFile;
    };
    let is_alone = people.iter().all(|change| change.path == proposed.path || is_beside(&change.path));
    if is_alone && means_the_same(&same_file.path, &same_file.after, &proposed.after) {
        Closeness::SameChange
    } else if touched(same_file).intersection(&touched(proposed)).next().is_some() {
        Closeness::SameLines
    } else {
        Closeness::SameFile
    }
}

/// A test or a document: a fix that has none is no other fix.
fn is_beside(path: &str) -> bool {
    let documents = [".md", ".rst", ".txt", ".adoc"];
    is_test(path) || documents.iter().any(|end| path.to_ascii_lowercase().ends_with(end))
}

fn means_the_same(path: &str, one: &str, other: &str) -> bool {
    if let Some(language) = Language::of_path(path) {
        return tokens::same_meaning(&Parsed::new(language, one), &Parsed::new(language, other));
    }
    // How far a line is indented may mean something.
    let visible = |text: &str| -> Vec<String> {
        let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
        lines.map(str::to_owned).collect()
    };
    visible(one) == visible(other)
}

/// The lines of the text before that a change removes, or between which it inserts. Counted from 1; 0 is before the first.
fn touched(change: &FileChange) -> BTreeSet<u32> {
    let mut lines = BTreeSet::new();
    // Lines added so far less lines removed.
    let mut shift: i64 = 0;
    for hunk in hunks(change) {
        if let (true, Some(first)) = (hunk.removed.is_empty(), hunk.added.first()) {
            let next = u32::try_from(i64::from(first.number) - shift).unwrap_or(1);
            lines.extend([next.saturating_sub(1), next]);
        }
        lines.extend(hunk.removed.iter().map(|line| line.number));
        shift += hunk.added.len() as i64 - hunk.removed.len() as i64;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "def f(a):\n    x = a.get('k')\n    return x.strip()\n\n\ndef g():\n    return 1\n";

    fn change(path: &str, after: &str) -> FileChange {
        FileChange { path: path.to_owned(), before: BEFORE.to_owned(), after: after.to_owned() }
    }

    fn with(from: &str, to: &str) -> FileChange {
        change("a.py", &BEFORE.replace(from, to))
    }

    #[test]
    fn a_proposal_is_as_close_as_the_place_and_the_meaning_of_what_it_changes() {
        let people = with("return x.strip()", "return (x or '').strip()");
        let cases = [
            (with("return x.strip()", "return (x or '').strip()"), Closeness::SameChange),
            (
                with("return x.strip()", "# None is empty\n    return (x  or '').strip()"),
                Closeness::SameChange,
            ),
            (with("return x.strip()", "return x.strip() if x else ''"), Closeness::SameLines),
            (
                with("    return x", "    if x is None:\n        return ''\n    return x"),
                Closeness::SameLines,
            ),
            (with("return 1", "return 2"), Closeness::SameFile),
            (change("b.py", "x = 1\n"), Closeness::OtherFile),
        ];
        for (proposed, expected) in cases {
            assert_eq!(closeness(std::slice::from_ref(&people), &proposed), expected, "{}", proposed.after);
        }
    }

    #[test]
    fn what_people_changed_beside_it_makes_it_another_change_unless_it_is_a_test_or_a_document() {
        let fix = with("return x.strip()", "return (x or '').strip()");
        for (beside, expected) in [
            ("tests/test_a.py", Closeness::SameChange),
            ("CHANGELOG.md", Closeness::SameChange),
            ("c.py", Closeness::SameLines),
        ] {
            let people = [fix.clone(), change(beside, "more\n")];
            assert_eq!(closeness(&people, &fix), expected, "{beside}");
        }
    }

    #[test]
    fn indentation_counts_in_every_language() {
        let before = "if a:\n    b()\nc()\n";
        for path in ["a.py", "a.unknown"] {
            let one = FileChange {
                path: path.to_owned(),
                before: before.to_owned(),
                after: "if a:\n    b()\n    c()\n".to_owned(),
            };
            let other = FileChange { after: "if a:\n    b()\nc() \n".to_owned(), ..one.clone() };
            assert_ne!(closeness(&[one], &other), Closeness::SameChange, "{path}");
        }
    }

    #[test]
    fn an_insertion_touches_the_lines_around_it_wherever_lines_were_added_before() {
        let people = change(
            "a.py",
            &format!("import os\nimport re\n{}", BEFORE.replace("    return 1", "    log()\n    return 1")),
        );
        assert_eq!(touched(&people), BTreeSet::from([0, 1, 6, 7]));
    }
}
