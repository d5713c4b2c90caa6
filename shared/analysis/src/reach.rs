//! How far a change reaches, counted by code: which other files use the functions that it changes.
//!
//! The analysis says how far a change reaches, and says so about its own work. This counts instead. It knows names and
//! no types, so a method whose name means other things elsewhere counts as used there: too wide is the safe side.
//! Tests that use the code do not count, nor do callers in the same file, which whoever reads the diff has before them.

use std::collections::BTreeSet;

pub use autofix_domain::report::Reach;

use super::diff::{FileChange, hunks};
use super::repo_path::RepoPath;
use super::report::BlastRadius;
use super::snapshot::Snapshot;
use super::syntax::definitions::{Definition, DefinitionKind, definitions, enclosing_class};
use super::syntax::mentions::{has_word, mentions};
use super::syntax::{Language, Parsed, Walk, first_line, is_comment, last_line};
use super::validators::weakened_tests::is_test;

/// Files that are parsed for the answer; what has the name as a word beyond them counts as a use.
const MAX_PARSED_FILES: usize = 200;
/// Names that people are told.
const MAX_NAMES: usize = 3;

/// Counts who uses what a change touches, in the code that it is made for.
pub fn reach_of(change: &FileChange, snapshot: &Snapshot) -> Reach {
    let Some(language) = Language::of_path(&change.path) else { return Reach::NotCounted };
    let (before, after) = (Parsed::new(language, &change.before), Parsed::new(language, &change.after));
    let (before, after) = (Side::of(&before), Side::of(&after));
    let (mut names, mut is_outside) = (BTreeSet::new(), false);
    for hunk in hunks(change) {
        let removed = hunk.removed.iter().map(|line| (&before, line));
        for (side, line) in removed.chain(hunk.added.iter().map(|line| (&after, line))) {
            match side.names_at(line.number) {
                touched if !touched.is_empty() => names.extend(touched),
                _ => is_outside |= !(line.text.trim().is_empty() || side.is_declaration(line.number)),
            }
        }
    }
    // What is new has no users yet.
    names.retain(|name| before.definitions.iter().any(|one| one.name == name));
    let (mut used, mut files) = (BTreeSet::new(), Vec::new());
    for (path, text) in same_language(language, change, snapshot) {
        let parse = files.len() < MAX_PARSED_FILES;
        let uses = |name: &&String| match parse {
            true => mentions(path.as_str(), text, name),
            false => has_word(text, name),
        };
        let found: Vec<&String> = names.iter().filter(uses).collect();
        if !found.is_empty() {
            used.extend(found);
            files.push(path);
        }
    }
    if files.is_empty() {
        return if is_outside { Reach::WholeFile } else { Reach::Alone };
    }
    let folder = change.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let is_near = |path: &&RepoPath| path.folder().as_str() == folder;
    Reach::Used {
        radius: if files.iter().all(is_near) { BlastRadius::Moderate } else { BlastRadius::Wide },
        names: used.into_iter().take(MAX_NAMES).cloned().collect(),
        files: u32::try_from(files.len()).unwrap_or(u32::MAX),
    }
}

/// The other files of the same kind of language, without tests.
fn same_language<'s>(
    language: Language,
    change: &FileChange,
    snapshot: &'s Snapshot,
) -> impl Iterator<Item = (&'s RepoPath, &'s str)> {
    let is_other = move |path: &&RepoPath| {
        path.as_str() != change.path
            && Language::of_path(path.as_str()).is_some_and(|other| other.family() == language.family())
            && !is_test(path.as_str())
    };
    snapshot.paths().filter(is_other).filter_map(|path| Some((path, snapshot.text(path)?)))
}

/// The file before or after the change.
struct Side<'p> {
    definitions: Vec<Definition<'p>>,
    /// Lines of comments and imports at the top of the file, counted from 1.
    declarations: Vec<std::ops::RangeInclusive<u32>>,
}

impl<'p> Side<'p> {
    fn of(parsed: &'p Parsed<'p>) -> Side<'p> {
        let root = parsed.root();
        let mut cursor = root.walk();
        let is_declaration =
            |kind: &str| ["import", "use_declaration", "package"].iter().any(|word| kind.contains(word));
        let declarations = root
            .children(&mut cursor)
            .filter(|node| is_comment(*node) || is_declaration(node.kind()))
            .map(|node| first_line(node)..=last_line(node))
            .collect();
        Side { definitions: definitions(&Walk::of(parsed)), declarations }
    }

    /// The functions around a line, and the class where there is none or where the function makes its objects.
    fn names_at(&self, line: u32) -> Vec<String> {
        let functions = self
            .definitions
            .iter()
            .filter(|one| one.kind == DefinitionKind::Function && one.lines.contains(&line));
        let mut names: Vec<String> = functions.map(|one| one.name.to_owned()).collect();
        let class = enclosing_class(&self.definitions, line).map(|one| one.name.to_owned());
        let makes_objects = |name: &String| {
            (name.starts_with("__") && name.ends_with("__"))
                || matches!(name.as_str(), "constructor" | "initialize" | "new")
                || Some(name) == class.as_ref()
        };
        if names.is_empty() || names.iter().any(makes_objects) {
            names.extend(class);
        }
        names
    }

    fn is_declaration(&self, line: u32) -> bool {
        self.declarations.iter().any(|lines| lines.contains(&line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELS: &str = "import os\n\nWIDTH = 30\n\nclass Label:\n    size = 1\n\n    def __init__(self):\n        \
                          self.x = 1\n\n    def draw(self):\n        return 1\n\ndef lines(address):\n    return address\n";

    #[track_caller]
    fn check(edit: (&str, &str), others: &[(&str, &str)], expected: &Reach) {
        let change = FileChange {
            path: "app/labels.py".to_owned(),
            before: LABELS.to_owned(),
            after: LABELS.replace(edit.0, edit.1),
        };
        assert_ne!(change.before, change.after);
        let snapshot = Snapshot::of(others.iter().copied().chain([("app/labels.py", LABELS)]));
        assert_eq!(&reach_of(&change, &snapshot), expected, "{edit:?} {others:?}");
    }

    fn used(radius: BlastRadius, name: &str, files: u32) -> Reach {
        Reach::Used { radius, names: vec![name.to_owned()], files }
    }

    #[test]
    fn what_nobody_else_uses_is_isolated() {
        let edit = ("return address", "return address or []");
        check(edit, &[("app/main.py", "def other():\n    return 1\n")], &Reach::Alone);
        // Words in comments and strings, tests, other languages and documents are no uses.
        let none = [
            ("app/main.py", "# lines\nx = 'lines'\n"),
            ("tests/test_labels.py", "from app.labels import lines\n"),
            ("web/main.js", "lines(1);\n"),
            ("README.md", "lines(address)\n"),
        ];
        check(edit, &none, &Reach::Alone);
        check(("import os\n", "import os\nimport re\n"), &[], &Reach::Alone);
    }

    #[test]
    fn uses_in_the_same_folder_and_in_others_are_told_apart() {
        let edit = ("return address", "return address or []");
        let near = ("app/main.py", "from app.labels import lines\n");
        let far = ("jobs/nightly.py", "import app.labels\napp.labels.lines(1)\n");
        check(edit, &[near], &used(BlastRadius::Moderate, "lines", 1));
        check(edit, &[near, far], &used(BlastRadius::Wide, "lines", 2));
    }

    #[test]
    fn methods_constructors_and_attributes_count_by_the_name_that_others_use() {
        let uses = |text| [("app/main.py", text)];
        check(("return 1", "return 2"), &uses("label.draw()\n"), &used(BlastRadius::Moderate, "draw", 1));
        check(("self.x = 1", "self.x = 2"), &uses("Label()\n"), &used(BlastRadius::Moderate, "Label", 1));
        check(
            ("    size = 1", "    size = 2"),
            &uses("Label.size\n"),
            &used(BlastRadius::Moderate, "Label", 1),
        );
    }

    #[test]
    fn what_no_name_stands_for_is_not_isolated() {
        check(("WIDTH = 30", "WIDTH = 31"), &[], &Reach::WholeFile);
        let change = FileChange { path: "app/a.lua".into(), before: "a\n".into(), after: "b\n".into() };
        let nothing = Snapshot::of::<&str, &str>([]);
        assert_eq!(reach_of(&change, &nothing), Reach::NotCounted);
        assert_eq!(Reach::NotCounted.radius(), BlastRadius::Moderate);
    }
}
