//! Reading why CI failed. A log is written by whatever ran, so it is hostile: the caller cleans and bounds it, and nothing
//! here follows it. A runner that hides the exception proves nothing, and neither does one that shows it somewhere else.
//!
//! What a program prints in the form of a report cannot be told from one. So a report that says otherwise outvotes it, and
//! the [rules](super::rules) let a test say its own name only once.

use std::sync::LazyLock;

use regex::Regex;

use crate::syntax::{Family, Language};
use autofix_domain::attempt::RegressionTest;
use autofix_domain::cleaning::one_line;

const TYPE_CHARS: usize = 80;
/// Lines after the mark of a file that could not be loaded in which its error stands.
const LOAD_LINES: usize = 40;
/// How runners mark what could not even be loaded.
const NOT_LOADED: [&str; 8] = [
    "ERROR collecting",         // pytest
    "_FailedTest",              // unittest
    "Test suite failed to run", // jest
    "Failed Suites",            // vitest
    "Exception during run",     // mocha
    "'test failed'",            // node
    "[build failed]",           // go
    "[setup failed]",
];

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
            [_―]+\s[A-Za-z].*\s[_―]+$      # pytest, and with pytest-sugar
            | (?:ERROR|FAIL):\s            # unittest
            | ●\s                          # jest
            | FAIL\s+\S+.*\s>\s            # vitest
            | [×✕✖]\s                      # vitest, node
            | not\sok\s\d+                 # tap
            | (?P<mocha>\d+\)\s)
            | (?:---|===)\sFAIL:\s         # go, gotestsum
        )",
    )
    .expect("the pattern is constant and tested")
});
/// Where it ends, if no other one begins.
static END: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^\s*(?:={5,}|⎯{5,}|Test Suites:|Ran \d+ tests?|ok\s\d+\s|---\sPASS:|FAIL(?:\t|$)|DONE \d|##\[)",
    )
    .expect("the pattern is constant")
});
/// What follows the error in a report: what the test printed, and what caused the error.
static AFTER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s*(?:-{3,} Captured |Std(?:out|err):$|Cause:|Caused by:|\[cause\]:)")
        .expect("the pattern is constant")
});
/// Python tells of the cause first.
static CAUSED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:The above exception was the direct cause|During handling of the above exception)")
        .expect("the pattern is constant")
});
/// What may be an error as runners name it: `E   KeyError: …`, `shop/labels.py:34: KeyError`, `TypeError [CODE]: …`.
static ERROR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?x)^\s*(?:E\s+|\[|Uncaught\s+|name:\s['"]|\S+:\d+:\s(?:in\s\S+:\s)?)?
          (?P<type>[A-Za-z_][\w.]*)(?:\s\[[\w\ ]+\])?(?::|['"]?$|\])"#,
    )
    .expect("the pattern is constant and tested")
});
/// A name that is one of an error, whichever error is wanted.
static ERROR_NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^[A-Z]\w*(?:Error|Exception|Warning|Exit|Interrupt|Iteration)$|^Error$|^[A-Z]\w*[a-z]\w*[A-Z]\w*$",
    )
    .expect("the pattern is constant")
});
/// An assertion that a runner reports without the type of an error: jest, go.
static ASSERTION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s*(?:expect[(.]|assert[(.]|thrown:|\S+_test\.go:\d+:\s)").expect("the pattern is constant")
});
/// What may follow the title of a test in a line: `:`, ` (1.2ms)`, ` 13ms`, ` # time=…`, ` (retry x2)`.
static AFTER_TITLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?::|\s*|\s\(?[\d.]+\s?m?s\b.*|\s#.*|\s\(retry.*)$").expect("the pattern is constant")
});

/// Reads the output of a check: its log, and what it noted about single places.
pub fn read(log: &str, annotations: &[String], test: &RegressionTest) -> Reading {
    let lines: Vec<&str> = log.lines().collect();
    let best = |blocks: &[Vec<&str>]| {
        let readings = blocks.iter().map(|block| read_block(block, test));
        readings.min_by_key(|reading| match reading {
            Reading::AnotherError { .. } => 0,
            Reading::Reproduced => 1,
            Reading::ElsewhereOrHidden => 2,
            Reading::ErrorHidden => 3,
            Reading::NotMentioned => 4,
        })
    };
    let mut found = blocks(&lines, test);
    if family(test) == Some(Family::Go) {
        // A panic ends the process: what is before the last report of the test was printed by it, or names its parts.
        found.drain(..found.len().saturating_sub(1));
    }
    let reported = best(&found);
    let best = match reported {
        Some(Reading::AnotherError { .. } | Reading::Reproduced) => reported,
        _ => {
            let notes = annotations.iter().map(|note| note.lines().collect::<Vec<_>>());
            found.extend(notes.filter(|note| note.iter().any(|line| is_title(line, test))));
            best(&found)
        }
    };
    // A summary names the test and sometimes its error, and never the place.
    let summary = || {
        let line = lines.iter().find(|line| is_title(line, test) && fails(line))?;
        let said = line.split_once(" - ").map(|(_, said)| said).unwrap_or_default();
        Some(match error_of(said, test) {
            Some(seen) if is_wanted(&seen, test) => Reading::ElsewhereOrHidden,
            Some(seen) => Reading::AnotherError { seen },
            None => Reading::ErrorHidden,
        })
    };
    // What cannot even be loaded is reported by its file.
    let broken = || {
        let file = test.file_path.rsplit('/').next().unwrap_or(&test.file_path);
        let mark = lines.iter().position(|line| is_not_loaded(line))?;
        lines.iter().find(|line| line.contains(file))?;
        let near = &lines[mark..(mark + LOAD_LINES).min(lines.len())];
        let seen = near
            .iter()
            .find_map(|line| error_of(line, test))
            .unwrap_or_else(|| "an error at its start".to_owned());
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

fn is_not_loaded(line: &str) -> bool {
    NOT_LOADED.iter().any(|mark| line.contains(mark))
}

fn family(test: &RegressionTest) -> Option<Family> {
    Language::of_path(&test.file_path).map(Language::family)
}

/// The reports of failures of the test, each from the line with its name.
fn blocks<'l>(lines: &[&'l str], test: &RegressionTest) -> Vec<Vec<&'l str>> {
    let mut found = Vec::new();
    let mut index = 0;
    while index < lines.len() {
        let Some(head) = HEAD.captures(lines[index]) else {
            index += 1;
            continue;
        };
        let ends = |line: &&str| HEAD.is_match(line) || END.is_match(line);
        let length = lines[index + 1..].iter().position(ends).unwrap_or(lines.len() - index - 1) + 1;
        let block = &lines[index..index + length];
        // Mocha puts each part of the title in a line of its own, and a colon behind the last.
        let titles = block.iter().take_while(|line| !line.trim().is_empty());
        let title = match head.name("mocha") {
            Some(_) => titles.clone().position(|line| line.trim_end().ends_with(':')),
            None => Some(0),
        };
        let ended = lines.get(index + length).filter(|line| END.is_match(line));
        let with_end = |at: usize| block[at..].iter().chain(ended).copied().collect();
        found.extend(title.filter(|at| is_title(block[*at], test)).map(with_end));
        index += length;
    }
    found
}

fn read_block(block: &[&str], test: &RegressionTest) -> Reading {
    let block = &block[..block.iter().position(|line| AFTER.is_match(line)).unwrap_or(block.len())];
    let block = &block[block.iter().rposition(|line| CAUSED.is_match(line)).unwrap_or(0)..];
    match ended_with(block, test) {
        None => Reading::ErrorHidden,
        Some(seen) if !is_wanted(&seen, test) => Reading::AnotherError { seen },
        Some(_) if block.iter().any(|line| is_place(line, test)) => Reading::Reproduced,
        Some(_) => Reading::ElsewhereOrHidden,
    }
}

/// The error that ended the test: Python names it last, the runners of scripts first.
fn ended_with(block: &[&str], test: &RegressionTest) -> Option<String> {
    let said = block.get(1..).unwrap_or_default();
    let mut errors = said.iter().filter_map(|line| error_of(line, test));
    let wanted = last_part(&test.exception);
    match family(test) {
        Some(Family::Python) => errors.next_back(),
        // What goes before a panic may be an assertion; after it the process ends, and the runner says so.
        Some(Family::Go) => {
            let last = *said.iter().rfind(|line| ASSERTION.is_match(line) || line.starts_with("panic: "))?;
            let ended = block.last().is_some_and(|line| line.starts_with("FAIL"));
            match last.strip_prefix("panic: ") {
                None => error_of(last, test),
                Some(_) if !ended && block[0].contains("--- FAIL") => None,
                Some(panic) if is_panic(panic, test) => Some(wanted.to_owned()),
                Some(_) => Some("another panic".to_owned()),
            }
        }
        // Jest and node's TAP leave out the type of what is an `Error` and nothing more.
        _ => errors.next().or_else(|| {
            let head = block.first()?.trim_start();
            let omits = head.starts_with('●') || head.starts_with("not ok");
            (omits && wanted == "Error").then(|| wanted.to_owned())
        }),
    }
}

/// The type of the error that a line states.
fn error_of(line: &str, test: &RegressionTest) -> Option<String> {
    if ASSERTION.is_match(line) {
        return Some("a failed assertion".to_owned());
    }
    let found = last_part(ERROR.captures(line)?.name("type")?.as_str());
    (is_wanted(found, test) || ERROR_NAME.is_match(found)).then(|| one_line(found, TYPE_CHARS))
}

fn is_wanted(seen: &str, test: &RegressionTest) -> bool {
    seen == last_part(&test.exception)
}

fn last_part(name: &str) -> &str {
    name.rsplit(['.', '*', '/']).next().unwrap_or(name)
}

/// Go prints what a runtime error says, and not its type.
fn is_panic(said: &str, test: &RegressionTest) -> bool {
    let is_bounds = said.contains("index out of range") || said.contains("slice bounds out of range");
    match test.exception.trim_start_matches('*') {
        "runtime.boundsError" => is_bounds,
        "runtime.TypeAssertionError" => said.contains("interface conversion"),
        "runtime.plainError" => {
            ["entry in nil map", "closed channel", "nil channel"].iter().any(|words| said.contains(words))
        }
        "runtime.errorString" | "runtime.errorAddressString" | "runtime.Error" => {
            said.starts_with("runtime error: ") && !is_bounds
        }
        other => said.contains(last_part(other)),
    }
}

/// Whether a line of a traceback is in the function: its file, in its folder if one is shown, with one of its lines.
fn is_place(line: &str, test: &RegressionTest) -> bool {
    let file = test.function_path.rsplit('/').next().unwrap_or(&test.function_path);
    let (first, last) = test.function_lines;
    line.match_indices(file).any(|(start, _)| {
        let (before, after) = line.split_at(start + file.len());
        let shown = before.rsplit([' ', '\t', '"', '\'', '(']).next().unwrap_or(before);
        let folders = |path| str::rsplit(path, ['/', '\\']).filter(|part| !matches!(*part, "" | "." | ".."));
        let is_file = folders(shown).zip(folders(&test.function_path)).take(2).all(|(a, b)| a == b);
        let number =
            ["\", line ", "', line ", ":", "(", " line "].iter().find_map(|mark| after.strip_prefix(mark));
        let digits: String = number.unwrap_or_default().chars().take_while(char::is_ascii_digit).collect();
        is_file && digits.parse::<u32>().is_ok_and(|number| (first..=last).contains(&number))
    })
}

/// Whether a line names the test, and not another one whose name has this one in it.
fn is_title(line: &str, test: &RegressionTest) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let is_name = |start: usize| {
        let (before, after) = (&line[..start], &line[start + test.name.len()..]);
        match family(test) {
            Some(Family::Python | Family::Go) => {
                !before.ends_with(is_word) && !after.starts_with(is_word) && !is_not_loaded(line)
            }
            _ => {
                let before = before.trim_end();
                (before.is_empty() || before.ends_with(['>', '›', '●', '×', '✕', '✖', ')', '-']))
                    && AFTER_TITLE.is_match(after)
            }
        }
    };
    line.match_indices(&test.name).any(|(start, _)| is_name(start))
}

#[cfg(test)]
mod tests;
