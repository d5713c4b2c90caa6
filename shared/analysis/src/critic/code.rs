//! The code that the critic sees: the change with its surroundings, who calls what it changes, and the cited lines,
//! all taken from the snapshot and without comments and what strings say.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::ops::RangeInclusive;

use similar::{ChangeTag, TextDiff};

use crate::diff::{FileChange, Hunk, hunks};
use crate::effects::Question;
use crate::repo_path::RepoPath;
use crate::snapshot::Snapshot;
use crate::syntax::blanking::{Kept, blanked, is_word, words_on};
use crate::syntax::definitions::{definitions, enclosing_class, enclosing_function};
use crate::syntax::mentions::has_word;
use crate::syntax::{Language, Parsed, Walk};
use crate::tools::{FoundUse, uses_of};
use crate::validators::weakened_tests::is_test;
use autofix_domain::cleaning;
use autofix_domain::report::Evidence;

/// Lines of the longest function that is shown whole: a screen or five, some 2,000 tokens.
const MAX_FUNCTION_LINES: u32 = 200;
/// Lines shown around a change in a longer function, or outside of all. A blind critic judged well with that many.
const AROUND_CHANGE: u32 = 40;
/// Lines shown around a change in any case: a short function says little about what surrounds it.
const LEAST_AROUND_CHANGE: u32 = 10;
/// Bytes of the change with its surroundings, some 10,000 tokens; what goes beyond is shown with the least around it.
const MAX_CHANGE_BYTES: usize = 40_000;
/// Calls of the changed functions that are shown, and lines around each.
const MAX_CALLS: usize = 8;
const AROUND_CALL: u32 = 3;
/// Files that are parsed in search of calls, and their bytes: about two seconds.
const MAX_PARSED_FILES: usize = 200;
const MAX_PARSED_BYTES: usize = 8 << 20;
/// Names that a change newly uses and that are looked for.
const MAX_NEW_NAMES: usize = 6;
/// A name in more files than this is nobody's own: `get`, `isinstance`, `False`. Where else it stands says nothing.
const MAX_FILES_OF_NEW_NAME: usize = 20;
/// Lines that are shown for each of them, and for each name that a question is about, but for those around the change.
const MAX_OCCURRENCES: usize = 12;
/// Pieces of evidence that are shown, and lines around each.
const MAX_CITED: usize = 6;
const AROUND_CITED: u32 = 6;
/// Lines of one quote that are shown.
const MAX_CITED_LINES: u32 = 20;
/// Characters shown of a line that does not change.
const MAX_LINE_CHARS: usize = 400;
/// Characters of a changed line. All of it is shown, so a longer one can't be reviewed.
pub const MAX_CHANGED_LINE_CHARS: usize = 1_000;
/// Names by which nobody calls a function: its class is called instead.
const CONSTRUCTORS: &[&str] = &["__init__", "constructor", "initialize", "__construct"];

/// Where the event's innermost application frame was found in the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashLine<'a> {
    pub path: &'a RepoPath,
    /// Counted from 1.
    pub line: u32,
}

/// The snapshot and the change to it, without the prose in them.
#[derive(Clone, Debug)]
pub struct BlankedCode<'a> {
    snapshot: &'a Snapshot,
    change: &'a FileChange,
    hunks: Vec<Hunk>,
    /// In the file before the change: strings on lines that it removes stay.
    before: Kept,
    /// In the file after the change: strings on lines that it adds stay.
    after: Kept,
    /// In all other files.
    elsewhere: Kept,
}

impl<'a> BlankedCode<'a> {
    /// Words in strings stay if the change or a question is about them: strings on changed lines, on the crash line, and
    /// the questions' identifiers.
    pub fn new(
        snapshot: &'a Snapshot,
        change: &'a FileChange,
        crash: Option<CrashLine<'_>>,
        questions: &[Question],
    ) -> BlankedCode<'a> {
        let hunks = hunks(change);
        let numbers = |side: fn(&Hunk) -> &Vec<crate::diff::ChangedLine>| {
            hunks.iter().flat_map(side).map(|line| line.number).collect::<BTreeSet<u32>>()
        };
        let (removed, added) = (numbers(|hunk| &hunk.removed), numbers(|hunk| &hunk.added));
        let mut words: BTreeSet<String> = questions
            .iter()
            .map(|question| question.identifier.clone())
            .filter(|identifier| is_word(identifier))
            .collect();
        words.extend(words_on(&change.path, &change.before, &removed));
        words.extend(words_on(&change.path, &change.after, &added));
        if let Some((crash, text)) = crash.and_then(|crash| Some((crash, snapshot.text(crash.path)?))) {
            words.extend(words_on(crash.path.as_str(), text, &BTreeSet::from([crash.line])));
        }
        let kept = |lines| Kept { lines, words: words.clone() };
        let (before, after, elsewhere) = (kept(removed), kept(added), kept(BTreeSet::new()));
        BlankedCode { snapshot, change, hunks, before, after, elsewhere }
    }

    /// A file of the snapshot as the critic sees it. `None` if it is no text.
    pub fn file(&self, path: &RepoPath) -> Option<Cow<'a, str>> {
        let text = self.snapshot.text(path)?;
        let kept = if path.as_str() == self.change.path { &self.before } else { &self.elsewhere };
        Some(blanked(path.as_str(), text, kept))
    }

    /// Names that the change uses and its file did not: whether they exist, and what they are, decides about it. Words of
    /// comments and strings are no names.
    pub(super) fn new_names(&self) -> Vec<String> {
        let code_only = Kept { lines: BTreeSet::new(), words: BTreeSet::new() };
        let after = blanked(&self.change.path, &self.change.after, &code_only);
        let added: BTreeSet<u32> =
            self.hunks.iter().flat_map(|hunk| &hunk.added).map(|line| line.number).collect();
        let mut names: Vec<String> = Vec::new();
        for (_, line) in (1_u32..).zip(after.lines()).filter(|(number, _)| added.contains(number)) {
            for name in line.split(|c: char| !c.is_alphanumeric() && c != '_') {
                let is_name = name.len() > 2 && name.starts_with(|c: char| c.is_alphabetic() || c == '_');
                if is_name && !has_word(&self.change.before, name) && !names.iter().any(|known| known == name)
                {
                    names.push(name.to_owned());
                }
            }
        }
        let changed = Language::of_path(&self.change.path);
        names.retain(|name| {
            let holds = |path: &&RepoPath| {
                Language::of_path(path.as_str()) == changed
                    && self.snapshot.text(path).is_some_and(|text| has_word(text, name))
            };
            self.snapshot.paths().filter(holds).nth(MAX_FILES_OF_NEW_NAME).is_none()
        });
        names.truncate(MAX_NEW_NAMES);
        names
    }

    /// Path of the file that changes.
    pub(super) fn changed_path(&self) -> &str {
        &self.change.path
    }

    /// The change with the whole functions around it, and the numbers of the lines before it that it shows. A line begins with
    /// its number before the change; those that the change adds have none.
    pub(super) fn change(&self) -> (String, BTreeSet<u32>) {
        let around = self.surroundings();
        let shown = self.change_within(&around);
        if shown.0.len() <= MAX_CHANGE_BYTES {
            return shown;
        }
        let least: Vec<RangeInclusive<u32>> =
            self.anchors().map(|anchor| widened(anchor, LEAST_AROUND_CHANGE)).collect();
        self.change_within(&least)
    }

    fn change_within(&self, around: &[RangeInclusive<u32>]) -> (String, BTreeSet<u32>) {
        let (before, after) = (&self.change.before, &self.change.after);
        let (old, new) = (
            blanked(&self.change.path, before, &self.before),
            blanked(&self.change.path, after, &self.after),
        );
        let (old, new) = (lines_of_diff(&old), lines_of_diff(&new));
        let line_of = |lines: &[String], index: Option<usize>, max_chars: usize| {
            let line = index.and_then(|index| lines.get(index)).map_or("", String::as_str);
            cleaning::source_line(line.trim_end(), max_chars)
        };
        let mut text = String::new();
        let mut numbers = BTreeSet::new();
        let mut skipped = false;
        for line in TextDiff::from_lines(before.as_str(), after.as_str()).iter_all_changes() {
            let number = line.old_index().map_or(0, number_at);
            let is_near = around.iter().any(|range| range.contains(&number));
            // Writing to a `String` cannot fail.
            let _ = match line.tag() {
                ChangeTag::Equal if !is_near => {
                    if !std::mem::replace(&mut skipped, true) {
                        text.push_str("      …\n");
                    }
                    continue;
                }
                ChangeTag::Equal => {
                    writeln!(text, "{number:>5}   {}", line_of(&old, line.old_index(), MAX_LINE_CHARS))
                }
                ChangeTag::Delete => writeln!(
                    text,
                    "{number:>5} - {}",
                    line_of(&old, line.old_index(), MAX_CHANGED_LINE_CHARS)
                ),
                ChangeTag::Insert => {
                    writeln!(text, "      + {}", line_of(&new, line.new_index(), MAX_CHANGED_LINE_CHARS))
                }
            };
            skipped = false;
            numbers.extend(line.old_index().map(number_at));
        }
        (text, numbers)
    }

    /// For each hunk the lines before the change that it stands at. What is only added stands behind the line before it.
    fn anchors(&self) -> impl Iterator<Item = RangeInclusive<u32>> {
        let mut shift = 0_i64;
        self.hunks.iter().map(move |hunk| {
            let range = match (hunk.removed.first(), hunk.removed.last(), hunk.added.first()) {
                (Some(first), Some(last), _) => first.number..=last.number,
                (_, _, Some(added)) => {
                    let before = i64::from(added.number) - 1 - shift;
                    let before = u32::try_from(before.max(1)).unwrap_or(1);
                    before..=before
                }
                _ => 1..=1,
            };
            shift += hunk.added.len() as i64 - hunk.removed.len() as i64;
            range
        })
    }

    fn surroundings(&self) -> Vec<RangeInclusive<u32>> {
        let wide = |anchor| widened(anchor, AROUND_CHANGE);
        let Some(language) = Language::of_path(&self.change.path) else {
            return self.anchors().map(wide).collect();
        };
        let parsed = Parsed::new(language, &self.change.before);
        let walk = Walk::of(&parsed);
        let definitions = definitions(&walk);
        let around = |anchor: RangeInclusive<u32>| {
            let function = enclosing_function(&definitions, *anchor.start());
            let lines = function.map(|function| function.lines.clone());
            let whole = lines.filter(|lines| lines.end() - lines.start() < MAX_FUNCTION_LINES);
            let class = enclosing_class(&definitions, *anchor.start()).map(|class| *class.lines.start());
            let near = match whole {
                Some(lines) => vec![lines, widened(anchor, LEAST_AROUND_CHANGE)],
                None => vec![wide(anchor)],
            };
            near.into_iter().chain(class.map(|line| line..=line))
        };
        self.anchors().flat_map(around).collect()
    }

    /// The names by which others call what the change changes.
    pub(super) fn changed_functions(&self) -> Vec<String> {
        let Some(language) = Language::of_path(&self.change.path) else { return Vec::new() };
        let parsed = Parsed::new(language, &self.change.before);
        let walk = Walk::of(&parsed);
        let definitions = definitions(&walk);
        let mut names: Vec<String> = Vec::new();
        for anchor in self.anchors() {
            let Some(function) = enclosing_function(&definitions, *anchor.start()) else { continue };
            let name = match enclosing_class(&definitions, *anchor.start()) {
                Some(class) if CONSTRUCTORS.contains(&function.name) => class.name,
                _ => function.name,
            };
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        names
    }

    /// The calls of these functions in the whole repository, or what else names them, with the lines around each;
    /// `shown_lines` of the changed file are not shown again.
    pub(super) fn calls_of(&self, names: &[String], shown_lines: &BTreeSet<u32>) -> String {
        let found = uses_of(self.snapshot, names, &self.change.path);
        let left_out = found.len().saturating_sub(MAX_CALLS);
        let mut shown = String::new();
        for FoundUse { path, line, function, is_call } in found.into_iter().take(MAX_CALLS) {
            let within = function
                .map_or(String::new(), |name| format!(" in `{}`", cleaning::one_line(&name, MAX_LINE_CHARS)));
            let within = if is_call { within } else { format!("{within}, no call but the name") };
            if path.as_str() == self.change.path && shown_lines.contains(&line) {
                let _ = writeln!(shown, "Line {line} of `{path}`{within}, as shown above.");
                continue;
            }
            // What has no grammar can't be blanked, and its words are somebody's.
            if Language::of_path(path.as_str()).is_none() {
                let _ = writeln!(shown, "Line {line} of `{path}`{within}.");
                continue;
            }
            let _ = writeln!(shown, "Line {line} of `{path}`{within}:");
            shown.push_str(&self.lines(path, &widened(line..=line, AROUND_CALL)));
        }
        if left_out > 0 {
            let _ = writeln!(shown, "({left_out} more are left out)");
        }
        shown
    }

    /// Where else these names stand in code: in the application before tests, in files near the changed one before others.
    pub(super) fn occurrences_of(&self, names: &BTreeSet<&str>, shown_lines: &BTreeSet<u32>) -> String {
        let family = |path: &str| Language::of_path(path).map(Language::family);
        let changed = family(&self.change.path);
        // Words of a lock file or a text are no uses of a name.
        let mut paths: Vec<&RepoPath> = self
            .snapshot
            .paths()
            .filter(|path| changed.is_none() || family(path.as_str()) == changed)
            .collect();
        paths.sort_by_key(|path| {
            let shared =
                path.segments().zip(self.change.path.split('/')).take_while(|(one, other)| one == other);
            (is_test(path.as_str()), Reverse(shared.count()), *path)
        });
        let mut shown = String::new();
        let (mut files, mut bytes) = (0, 0);
        for name in names {
            let mut found = 0;
            for path in &paths {
                let Some(text) = self.snapshot.text(path).filter(|text| has_word(text, name)) else {
                    continue;
                };
                if found == MAX_OCCURRENCES || files == MAX_PARSED_FILES || bytes > MAX_PARSED_BYTES {
                    break;
                }
                files += 1;
                bytes += text.len();
                let code = self.file(path).unwrap_or_default();
                let is_shown = |line: u32| path.as_str() == self.change.path && shown_lines.contains(&line);
                let lines = (1_u32..)
                    .zip(code.lines())
                    .filter(|(line, text)| !is_shown(*line) && has_word(text, name));
                for (line, text) in lines.take(MAX_OCCURRENCES - found) {
                    found += 1;
                    let text = cleaning::source_line(text.trim_end(), MAX_LINE_CHARS);
                    let _ = writeln!(shown, "Line {line} of `{path}`:\n{line:>5}   {text}");
                }
            }
        }
        shown
    }

    /// The lines that were cited as evidence, with the lines around them, but for those that are shown already.
    pub(super) fn cited(&self, evidence: &[Evidence], shown: &BTreeSet<u32>) -> String {
        let mut text = String::new();
        let mut told: Vec<(RepoPath, RangeInclusive<u32>)> = Vec::new();
        for piece in evidence.iter().take(MAX_CITED) {
            let Ok(path) = RepoPath::parse(&piece.file) else { continue };
            let lines = u32::try_from(piece.quote.trim_matches('\n').lines().count()).unwrap_or(u32::MAX);
            let last = piece.line.saturating_add(lines.clamp(1, MAX_CITED_LINES) - 1);
            let cited = piece.line..=last;
            let is_shown = path.as_str() == self.change.path && shown.contains(&piece.line);
            let is_told = told.iter().any(|(told, lines)| *told == path && lines.contains(&piece.line));
            if is_shown || is_told || piece.line == 0 {
                continue;
            }
            let around = widened(cited, AROUND_CITED);
            let code = self.lines(&path, &around);
            if !code.is_empty() {
                let _ = write!(text, "Line {} of `{path}`:\n{code}", piece.line);
                told.push((path, around));
            }
        }
        text
    }

    /// Lines of a file with their numbers.
    pub(super) fn lines(&self, path: &RepoPath, range: &RangeInclusive<u32>) -> String {
        let text = self.file(path).unwrap_or_default();
        let mut shown = String::new();
        for (number, line) in (1_u32..).zip(text.lines()).filter(|(number, _)| range.contains(number)) {
            let line = cleaning::source_line(line.trim_end(), MAX_LINE_CHARS);
            let _ = writeln!(shown, "{number:>5}   {line}");
        }
        shown
    }
}

/// Lines as a diff counts them: a carriage return alone ends one, too.
fn lines_of_diff(text: &str) -> Vec<String> {
    let mut lines: Vec<String> =
        text.replace("\r\n", "\n").split(['\n', '\r']).map(ToOwned::to_owned).collect();
    lines.pop_if(|line| line.is_empty());
    lines
}

fn number_at(index: usize) -> u32 {
    u32::try_from(index).map_or(u32::MAX, |index| index.saturating_add(1))
}

fn widened(range: RangeInclusive<u32>, by: u32) -> RangeInclusive<u32> {
    range.start().saturating_sub(by).max(1)..=range.end().saturating_add(by)
}
