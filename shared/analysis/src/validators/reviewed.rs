//! One changed file with everything that the rules look at, worked out once.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::diff::{ChangedLine, FileChange, Hunk, hunks};
use crate::effects::answering_functions;
use crate::syntax::definitions::{Definition, definitions};
use crate::syntax::imports::{Bindings, Import, imports};
use crate::syntax::references::{Reference, references};
use crate::syntax::settings::{Setting, settings};
use crate::syntax::unchanged::{Unchanged, Version};
use crate::syntax::{Language, Parsed, Walk};

/// Findings named in one reason; the rest are counted.
const SHOWN_FINDINGS: usize = 3;
/// Characters shown of one finding.
const SHOWN_CHARS: usize = 80;

/// The syntax trees of a file before and after the edits.
pub(super) struct Trees<'c> {
    before: Parsed<'c>,
    after: Parsed<'c>,
}

impl<'c> Trees<'c> {
    /// `None` for a language without a grammar.
    pub(super) fn of(change: &'c FileChange) -> Option<Trees<'c>> {
        let language = Language::of_path(&change.path)?;
        let (before, after) = (Parsed::new(language, &change.before), Parsed::new(language, &change.after));
        Some(Trees { before, after })
    }

    pub(super) fn answering_functions(&self) -> Vec<String> {
        answering_functions(&self.before, &self.after)
    }
}

/// One side of a change: its tree, and what is in the parts of it that differ. A small fix leaves most of a file as it was,
/// and what is the same on both sides can be neither new nor gone.
pub(super) struct Side<'c> {
    pub(super) parsed: &'c Parsed<'c>,
    pub(super) imports: Vec<Import>,
    pub(super) bindings: Bindings,
    pub(super) definitions: Vec<Definition<'c>>,
    /// The nodes of the parts that differ, for whatever looks at each.
    pub(super) walk: Walk<'c>,
    whole: Walk<'c>,
    references: OnceCell<Vec<Reference<'c>>>,
    all_references: OnceCell<Vec<Reference<'c>>>,
    settings: OnceCell<Vec<Setting>>,
}

impl<'c> Side<'c> {
    /// Names that the parts that differ use.
    pub(super) fn references(&self) -> &[Reference<'c>] {
        self.references.get_or_init(|| references(&self.walk, &self.bindings))
    }

    /// Names that the whole file uses.
    pub(super) fn all_references(&self) -> &[Reference<'c>] {
        self.all_references.get_or_init(|| references(&self.whole, &self.bindings))
    }

    /// The nodes of the whole file.
    pub(super) fn whole(&self) -> &Walk<'c> {
        &self.whole
    }

    /// Values that the parts that differ give to names.
    pub(super) fn settings(&self) -> &[Setting] {
        self.settings.get_or_init(|| settings(&self.walk))
    }
}

/// Both sides of a change.
pub(super) struct Sides<'c> {
    pub(super) before: Side<'c>,
    pub(super) after: Side<'c>,
}

impl<'c> Sides<'c> {
    fn of(trees: &'c Trees<'c>) -> Sides<'c> {
        let [old, new] = [&trees.before, &trees.after].map(|parsed| {
            let whole = Walk::of(parsed);
            let imports = imports(&whole);
            let bindings = Bindings::of(&imports);
            (parsed, whole, imports, bindings)
        });
        let unchanged = Unchanged::between(
            Version { parsed: old.0, bindings: &old.3 },
            Version { parsed: new.0, bindings: &new.3 },
        );
        let [before, after] = [(old, unchanged.before), (new, unchanged.after)].map(
            |((parsed, whole, imports, bindings), parts)| {
                let walk = Walk::without(parsed, &parts);
                Side {
                    parsed,
                    imports,
                    bindings,
                    definitions: definitions(&walk),
                    walk,
                    whole,
                    references: OnceCell::new(),
                    all_references: OnceCell::new(),
                    settings: OnceCell::new(),
                }
            },
        );
        Sides { before, after }
    }
}

/// A changed file with its diff and, where the language is known, both sides as trees.
pub(super) struct Reviewed<'c> {
    pub(super) change: &'c FileChange,
    pub(super) hunks: Vec<Hunk>,
    pub(super) sides: Option<Sides<'c>>,
}

impl<'c> Reviewed<'c> {
    pub(super) fn new(change: &'c FileChange, trees: Option<&'c Trees<'c>>) -> Reviewed<'c> {
        Reviewed { change, hunks: hunks(change), sides: trees.map(Sides::of) }
    }

    pub(super) fn path(&self) -> &'c str {
        &self.change.path
    }

    pub(super) fn added_lines(&self) -> impl Iterator<Item = &ChangedLine> {
        self.hunks.iter().flat_map(|hunk| &hunk.added)
    }

    pub(super) fn removed_lines(&self) -> impl Iterator<Item = &ChangedLine> {
        self.hunks.iter().flat_map(|hunk| &hunk.removed)
    }

    /// What `find` sees in the new tree and not in the old one; nothing where there are no trees.
    pub(super) fn newly_found(&self, find: impl Fn(&Side<'c>) -> Vec<Finding>) -> Vec<Finding> {
        match &self.sides {
            Some(sides) => newly(find(&sides.before), find(&sides.after)),
            None => Vec::new(),
        }
    }

    /// What `find` sees in the old tree and no longer in the new one.
    pub(super) fn no_longer_found(&self, find: impl Fn(&Side<'c>) -> Vec<Finding>) -> Vec<Finding> {
        match &self.sides {
            Some(sides) => newly(find(&sides.after), find(&sides.before)),
            None => Vec::new(),
        }
    }
}

/// Something that a rule looks for.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// What makes two findings the same thing, wherever they stand.
    pub(super) key: String,
    /// How it reads.
    pub(super) shown: String,
    /// Counted from 1, in the text where it was found.
    pub(super) line: u32,
}

impl Finding {
    /// A finding that is shown as its key.
    pub(super) fn new(key: impl Into<String>, line: u32) -> Finding {
        let key = key.into();
        Finding { shown: key.clone(), key, line }
    }
}

/// The findings of `after` that `before` has not, counted: a second copy is new too.
pub(super) fn newly(before: Vec<Finding>, after: Vec<Finding>) -> Vec<Finding> {
    let mut known: HashMap<String, usize> = HashMap::new();
    for finding in before {
        *known.entry(finding.key).or_default() += 1;
    }
    after
        .into_iter()
        .filter(|finding| match known.get_mut(&finding.key) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        })
        .collect()
}

/// Findings with their lines, for a sentence: "`eval` (line 3), `exec` (line 9) and 2 more".
pub(super) fn places(findings: &[Finding]) -> String {
    let shown: Vec<String> = findings
        .iter()
        .take(SHOWN_FINDINGS)
        .map(|finding| format!("`{}` (line {})", shortened(&finding.shown), finding.line))
        .collect();
    match findings.len().saturating_sub(SHOWN_FINDINGS) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// One line of code for a sentence, cut and without backticks.
pub(super) fn shortened(code: &str) -> String {
    let line = code.lines().next().unwrap_or_default().trim().replace('`', "'");
    match line.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
