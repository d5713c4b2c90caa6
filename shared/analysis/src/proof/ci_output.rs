//! Reading why CI failed. A log is written by whatever ran, so it is hostile: the caller cleans and bounds it, and nothing
//! here follows it. A runner that hides the exception proves nothing, and neither does one that shows it somewhere else.

use std::sync::LazyLock;

use regex::Regex;

use autofix_domain::attempt::RegressionTest;
use autofix_domain::cleaning::one_line;

/// Lines after the head of a failure in which the test's name may stand.
const HEAD_LINES: usize = 3;
const TYPE_CHARS: usize = 80;

/// What the output of a failed run says about the test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The test failed with the exception, which came out of the function.
    Reproduced,
    /// It failed with something else.
    AnotherError { seen: String },
    /// It failed with the exception, and what is shown does not lead to the function.
    ElsewhereOrHidden,
    /// It failed, and what is shown names no error.
    ErrorHidden,
    /// The test is not among what failed.
    NotMentioned,
}

/// Where the report of one failing test begins, in the words of the usual runners.
static HEAD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)^\s*(?:
            _{2,}\s.*\s_{2,}$              # pytest
            | (?:ERROR|FAIL):\s            # unittest
            | ●\s                          # jest
            | FAIL\s+\S+.*\s>\s            # vitest
            | [×✕✖]\s                      # vitest, node
            | not\sok\s\d+                 # tap
            | \d+\)\s                      # mocha
            | ---\sFAIL:\s                 # go
        )",
    )
    .expect("the pattern is constant and tested")
});
/// Where it ends, if no other one begins.
static END: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s*(?:={5,}|⎯{5,}|Test Suites:|ok\s\d+\s|---\sPASS:)").expect("the pattern is constant")
});
/// An error as runners name it: `E   KeyError: …`, `shop/labels.py:34: KeyError`, `TypeError: …`.
static ERROR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)^\s*(?:\#\#\[error\]\s*)?(?:E\s+|●\s+|\[|Uncaught\s+|→\s+|name:\s'|\S+:\d+:\s(?:in\s\S+:\s)?)?
          (?P<type>[A-Za-z_][\w.]*(?:Error|Exception|Warning|Exit|Interrupt|Iteration|[A-Z]\w+))
          (?:\s\[[\w ]+\])?(?::|'?$|\])",
    )
    .expect("the pattern is constant and tested")
});

/// Reads the output of a check: its log, and what it noted about single places.
pub fn read(log: &str, annotations: &[String], test: &RegressionTest) -> Reading {
    let lines: Vec<&str> = log.lines().collect();
    let mut blocks = blocks(&lines, &test.name);
    let noted = |note: &&String| has_name(note, &test.name);
    blocks.extend(annotations.iter().filter(noted).map(|note| note.lines().collect()));
    let readings = blocks.iter().map(|block| read_block(block, test));
    let best = readings.min_by_key(|reading| match reading {
        Reading::Reproduced => 0,
        Reading::AnotherError { .. } => 1,
        Reading::ElsewhereOrHidden => 2,
        Reading::ErrorHidden => 3,
        Reading::NotMentioned => 4,
    });
    // A summary names the test and sometimes its error, and never the place.
    let summary = || {
        let line = lines.iter().find(|line| has_name(line, &test.name) && fails(line))?;
        let said = line.split_once(" - ").map(|(_, said)| said).unwrap_or_default();
        Some(match error_of(said) {
            Some(seen) if is_type(&seen, test) => Reading::ElsewhereOrHidden,
            Some(seen) => Reading::AnotherError { seen },
            None => Reading::ErrorHidden,
        })
    };
    // What cannot even be loaded is reported by its file.
    let broken = || {
        let file = test.file_path.rsplit('/').next().unwrap_or(&test.file_path);
        let line = lines.iter().position(|line| {
            fails(line) && line.contains(file) && !["::", " > "].iter().any(|mark| line.contains(mark))
        })?;
        let near = &lines[line..(line + 40).min(lines.len())];
        let seen =
            near.iter().find_map(|line| error_of(line)).unwrap_or_else(|| "an error at its start".to_owned());
        Some(Reading::AnotherError { seen })
    };
    match best {
        Some(Reading::ErrorHidden) => summary().unwrap_or(Reading::ErrorHidden),
        Some(reading) => reading,
        None => summary().or_else(broken).unwrap_or(Reading::NotMentioned),
    }
}

fn fails(line: &str) -> bool {
    ["FAIL", "ERROR", "not ok", "✕", "✖", "×", "●"].iter().any(|word| line.contains(word))
}

/// The reports of failures of the test.
fn blocks<'l>(lines: &[&'l str], name: &str) -> Vec<Vec<&'l str>> {
    let mut found = Vec::new();
    let mut index = 0;
    while index < lines.len() {
        if !HEAD.is_match(lines[index]) {
            index += 1;
            continue;
        }
        let ends = |line: &&str| HEAD.is_match(line) || END.is_match(line);
        let length = lines[index + 1..].iter().position(ends).unwrap_or(lines.len() - index - 1) + 1;
        let block = &lines[index..index + length];
        if block.iter().take(HEAD_LINES).any(|line| has_name(line, name)) {
            found.push(block.to_vec());
        }
        index += length;
    }
    found
}

fn read_block(block: &[&str], test: &RegressionTest) -> Reading {
    let errors: Vec<String> = block.iter().filter_map(|line| error_of(line)).collect();
    let panics = block.iter().any(|line| is_panic(line, test));
    if panics || errors.iter().any(|seen| is_type(seen, test)) {
        return match block.iter().any(|line| is_place(line, test)) {
            true => Reading::Reproduced,
            false => Reading::ElsewhereOrHidden,
        };
    }
    match errors.into_iter().next() {
        Some(seen) => Reading::AnotherError { seen },
        None => Reading::ErrorHidden,
    }
}

/// The type of the error that a line states.
fn error_of(line: &str) -> Option<String> {
    let found = ERROR.captures(line)?.name("type")?.as_str();
    Some(one_line(last_part(found), TYPE_CHARS))
}

fn is_type(seen: &str, test: &RegressionTest) -> bool {
    seen == last_part(&test.exception)
}

fn last_part(name: &str) -> &str {
    name.rsplit(['.', '*', '/']).next().unwrap_or(name)
}

/// Go prints what a runtime error says, and not its type.
fn is_panic(line: &str, test: &RegressionTest) -> bool {
    let Some(said) = line.trim_start().strip_prefix("panic: ") else { return false };
    let words: &[&str] = match last_part(&test.exception) {
        "boundsError" => &["index out of range", "slice bounds out of range"],
        "TypeAssertionError" => &["interface conversion"],
        "errorString" | "plainError" | "Error" | "errorAddressString" => &[
            "invalid memory address or nil pointer dereference",
            "integer divide by zero",
            "assignment to entry in nil map",
            "runtime error",
        ],
        other => return said.contains(other),
    };
    words.iter().any(|word| said.contains(word))
}

/// Whether a line of a traceback is in the function: its file with one of its lines, or with its name.
fn is_place(line: &str, test: &RegressionTest) -> bool {
    let file = test.function_path.rsplit('/').next().unwrap_or(&test.function_path);
    let (first, last) = test.function_lines;
    line.match_indices(file).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || "_-.".contains(c)) {
            return false;
        }
        let after = &line[start + file.len()..];
        let number =
            ["\", line ", "', line ", ":", "(", " line "].iter().find_map(|mark| after.strip_prefix(mark));
        let digits: String = number.unwrap_or_default().chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u32>().is_ok_and(|number| (first..=last).contains(&number))
    })
}

/// Whether a name stands in a line, and is not a part of a longer one.
fn has_name(line: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(name).any(|(start, _)| {
        let (before, after) = (line[..start].chars().next_back(), line[start + name.len()..].chars().next());
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

#[cfg(test)]
mod tests;
