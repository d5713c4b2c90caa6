//! The parts of a file that somebody needs who looks at some of its lines: its imports, the functions around those lines,
//! and what stands near. The author of a fix gets these, not whole files; the rest can be read with the tools.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::ops::RangeInclusive;

use super::repo_path::RepoPath;
use super::syntax::definitions::{Definition, definitions, enclosing_class, enclosing_function};
use super::syntax::imports::imports;
use super::syntax::{Language, Parsed, Walk};

/// A file with at most so many lines is shown whole: parts of it would save little.
const WHOLE_FILE_LINES: usize = 120;
/// Lines before and after each line that are shown whatever they are, and the few that come before everything else.
const AROUND: u32 = 20;
const NEAREST: u32 = 5;
/// Lines before and after the function around a line.
const AROUND_FUNCTION: u32 = 4;
/// A longer function is shown by its beginning and by this much around the line.
const MAX_FUNCTION_LINES: u32 = 160;
const AROUND_IN_LONG_FUNCTION: u32 = 60;
/// Lines of the head of a class or of a long function: decorators, names, parameters.
const HEAD_LINES: u32 = 5;
/// Lines from the top within which imports are shown.
const IMPORT_LINES: u32 = 60;
/// Lines from the top of a file whose language has no grammar here.
const TOP_LINES: u32 = 20;
/// Bytes of what is shown of one file, some 5,000 tokens. What is nearest to the lines comes first.
const MAX_BYTES: usize = 20_000;

/// The parts with their line numbers, as `read_file` shows them, and a mark where lines are left out. The lines themselves
/// are as they stand in the file: an edit has to match them.
pub fn surroundings(path: &RepoPath, text: &str, lines: &[u32]) -> String {
    shown_of(text, wanted(path, text, lines, text.lines().count()).into_iter())
}

fn shown_of(text: &str, wanted: impl Iterator<Item = RangeInclusive<u32>>) -> String {
    let all: Vec<&str> = text.lines().collect();
    let mut room = MAX_BYTES;
    let mut shown: BTreeSet<usize> = BTreeSet::new();
    for range in wanted {
        for number in range {
            let Some(line) = (number as usize).checked_sub(1).and_then(|index| all.get(index)) else {
                continue;
            };
            // A line that doesn't fit is left out, and shorter ones behind it are not.
            if !shown.contains(&(number as usize)) && line.len() < room {
                room -= line.len() + 1;
                shown.insert(number as usize);
            }
        }
    }
    let mut out = String::new();
    let mut next = 1;
    for number in shown {
        gap(&mut out, next, number - 1);
        // Writing to a `String` cannot fail.
        let _ = writeln!(out, "{number:>5} | {}", all[number - 1]);
        next = number + 1;
    }
    gap(&mut out, next, all.len());
    out
}

/// As [`surroundings`], of a file that only proves something: what stands near the lines.
pub fn near(text: &str, lines: &[u32]) -> String {
    shown_of(text, lines.iter().map(|line| around(*line, AROUND)))
}

fn gap(out: &mut String, first: usize, last: usize) {
    let _ = match last.checked_sub(first) {
        None => Ok(()),
        Some(0) => writeln!(out, "      … (line {first} is not shown)"),
        Some(_) => writeln!(out, "      … (lines {first} to {last} are not shown)"),
    };
}

/// The ranges of lines to show, the most useful first.
fn wanted(path: &RepoPath, text: &str, lines: &[u32], total: usize) -> Vec<RangeInclusive<u32>> {
    let mut wanted: Vec<RangeInclusive<u32>> = lines.iter().map(|line| around(*line, NEAREST)).collect();
    if total <= WHOLE_FILE_LINES || lines.is_empty() {
        wanted.push(1..=u32::try_from(total.min(WHOLE_FILE_LINES)).unwrap_or(u32::MAX));
        return wanted;
    }
    let Some(language) = Language::of_path(path.as_str()) else {
        wanted.extend(lines.iter().map(|line| around(*line, AROUND_IN_LONG_FUNCTION)));
        wanted.push(1..=TOP_LINES);
        return wanted;
    };
    let parsed = Parsed::new(language, text);
    let walk = Walk::of(&parsed);
    let definitions = definitions(&walk);
    for line in lines {
        if let Some(function) = enclosing_function(&definitions, *line) {
            wanted.extend(function_lines(function, *line));
        }
    }
    wanted.extend(lines.iter().map(|line| around(*line, AROUND)));
    let classes = lines.iter().filter_map(|line| enclosing_class(&definitions, *line));
    wanted.extend(classes.map(head));
    let last_import =
        imports(&walk).iter().map(|import| import.line).filter(|line| *line <= IMPORT_LINES).max();
    wanted.extend(last_import.map(|last| 1..=last));
    wanted
}

fn around(line: u32, by: u32) -> RangeInclusive<u32> {
    line.saturating_sub(by)..=line.saturating_add(by)
}

fn function_lines(function: &Definition<'_>, line: u32) -> Vec<RangeInclusive<u32>> {
    let (first, last) = (*function.lines.start(), *function.lines.end());
    if last - first < MAX_FUNCTION_LINES {
        return vec![first.saturating_sub(AROUND_FUNCTION)..=last + AROUND_FUNCTION];
    }
    let from = first.max(line.saturating_sub(AROUND_IN_LONG_FUNCTION));
    vec![from..=last.min(line + AROUND_IN_LONG_FUNCTION), head(function)]
}

/// The lines in front of a definition's body, or the first few of them.
fn head(definition: &Definition<'_>) -> RangeInclusive<u32> {
    let first = *definition.lines.start();
    let body = definition.node.child_by_field_name("body");
    let last = body.and_then(|body| u32::try_from(body.start_position().row).ok()).unwrap_or(first);
    first..=last.clamp(first, first + HEAD_LINES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(path: &str, text: &str, lines: &[u32]) -> String {
        surroundings(&RepoPath::parse(path).expect("a good path"), text, lines)
    }

    fn filler(name: &str, count: usize) -> String {
        (0..count).map(|n| format!("{name}_{n} = {n}\n")).collect()
    }

    #[test]
    fn a_short_file_is_shown_whole() {
        assert_eq!(
            shown("a.py", "import os\r\n\r\nx = 1", &[3]),
            "    1 | import os\n    2 | \n    3 | x = 1\n"
        );
        assert_eq!(shown("a.txt", "", &[1]), "");
    }

    #[test]
    fn of_a_long_file_the_imports_and_the_function_around_the_line_are_shown() {
        let body: String = (0..30).map(|n| format!("        step_{n}()\n")).collect();
        let text = format!(
            "import os\nfrom shop import prices\n\n{}class Order(\n    Base,\n):\n    x = 1\n{}    @cached\n    def total(self):\n{body}\n    def other(self):\n        pass\n{}",
            filler("before", 100),
            (0..40).map(|n| format!("    y{n} = {n}\n")).collect::<String>(),
            filler("after", 100),
        );
        let crash = text.lines().position(|line| line.contains("step_25")).expect("stands there") as u32 + 1;
        let shown = shown("shop/orders.py", &text, &[crash]);
        let numbers: Vec<&str> =
            shown.lines().filter(|line| line.contains("not shown")).map(str::trim).collect();
        assert_eq!(
            numbers,
            [
                "… (lines 3 to 103 are not shown)",
                "… (lines 107 to 143 are not shown)",
                "… (lines 196 to 282 are not shown)",
            ]
        );
        for line in [
            "from shop import prices",
            "class Order(",
            "@cached",
            "def total",
            "step_0()",
            "step_29()",
            "def other",
        ] {
            assert!(shown.contains(line), "{line}: {shown}");
        }
        let line = text.lines().nth(crash as usize - 1).expect("stands there");
        assert!(shown.contains(&format!("{crash:>5} | {line}\n")), "{shown}");
    }

    #[test]
    fn a_function_of_a_thousand_lines_is_shown_by_its_head_and_around_the_line() {
        let text = format!("{}def f(\n    a,\n):\n{}", filler("x", 50), "    step()\n".repeat(1_000));
        let shown = shown("a.py", &text, &[700]);
        assert!(shown.contains("   51 | def f(\n   52 |     a,\n   53 | ):\n"), "{shown}");
        assert!(
            shown.contains("  640 |") && shown.contains("  760 |") && !shown.contains("  761 |"),
            "{shown}"
        );
    }

    #[test]
    fn what_is_shown_is_bounded_and_the_line_itself_comes_first() {
        let text = format!("{}crash()\n{}", format!("{}\n", "x".repeat(900)).repeat(300), "y\n".repeat(300));
        let shown_text = shown("a.txt", &text, &[301]);
        assert!(shown_text.len() < MAX_BYTES + 2_000, "{}", shown_text.len());
        assert!(shown_text.contains("  301 | crash()\n"), "{shown_text}");
        let minified = format!("{}\ncrash()\n", "z".repeat(1 << 20));
        assert_eq!(shown("a.min.js", &minified, &[2]), "      … (line 1 is not shown)\n    2 | crash()\n");
        assert!(shown("a.py", &filler("x", 500), &[u32::MAX, 0]).len() < MAX_BYTES);
        assert!(shown("a.py", &filler("x", 500), &[]).contains("  120 |"));
    }
}
