//! Reading the log of a job of GitHub Actions: the part that tells why it failed, and the names of the
//! tests that did. Pure. A log is written by whatever ran, so it is hostile: lines are cleaned and cut,
//! and only so many are taken.

use crate::cleaning::source_line;

/// Of one line, characters.
const LINE_CHARS: usize = 400;
/// What is taken before the last error, lines and bytes.
const EXCERPT_LINES: usize = 80;
const EXCERPT_BYTES: usize = 8_000;
const TEST_NAMES: usize = 30;

/// How the log of Actions marks an error.
const ERROR_MARK: &str = "##[error]";

/// What a log tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LogReading {
    pub(super) failing_tests: Vec<String>,
    /// The lines up to the last error; empty where there is nothing to show.
    pub(super) excerpt: String,
}

/// The lines of a log, cleaned and cut.
pub(super) fn lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text
        .lines()
        .map(|line| source_line(without_time(line.trim_start_matches('\u{feff}')), LINE_CHARS))
        .filter(|line| !is_noise(line));
    lines.collect()
}

/// Reads the end of a log.
pub(super) fn read(bytes: &[u8]) -> LogReading {
    let lines = lines(bytes);
    let mut failing_tests: Vec<String> = Vec::new();
    for name in lines.iter().filter_map(|line| failing_test(line)) {
        if failing_tests.len() < TEST_NAMES && !failing_tests.contains(&name) {
            failing_tests.push(name);
        }
    }
    let last_error = lines.iter().rposition(|line| line.starts_with(ERROR_MARK));
    let end = last_error.map_or(lines.len(), |index| index + 1);
    LogReading { failing_tests, excerpt: last_lines(&lines[..end]) }
}

/// As many whole lines from the end as are allowed.
fn last_lines(lines: &[String]) -> String {
    let mut bytes = 0;
    let fits = |line: &&String| {
        bytes += line.len() + 1;
        bytes <= EXCERPT_BYTES
    };
    let count = lines.iter().rev().take(EXCERPT_LINES).take_while(fits).count();
    lines[lines.len() - count..].join("\n").trim().to_owned()
}

/// Actions puts the time before every line: `2026-11-22T10:00:00.1234567Z `.
fn without_time(line: &str) -> &str {
    let Some((time, rest)) = line.split_once(' ') else { return line };
    let is_time = time.len() >= 20
        && time.ends_with('Z')
        && time.bytes().all(|byte| byte.is_ascii_digit() || b"-:.TZ".contains(&byte));
    if is_time { rest } else { line }
}

fn is_noise(line: &str) -> bool {
    ["##[endgroup]", "##[debug]"].iter().any(|mark| line.starts_with(mark))
}

/// The name of a test that a line reports as failed, in the words of the usual runners.
fn failing_test(line: &str) -> Option<String> {
    let line = line.trim().trim_start_matches(ERROR_MARK).trim_start();
    let name = pytest(line)
        .or_else(|| unittest(line))
        .or_else(|| between(line, "test ", " ... FAILED")) // cargo
        .or_else(|| between(line, "--- FAIL: ", " (")) // go
        .or_else(|| line.strip_prefix("● ").filter(|name| name.contains(" › "))) // jest
        .or_else(|| line.strip_prefix("✕ ").or(line.strip_prefix("× "))) // jest, vitest
        .or_else(|| line.strip_prefix("rspec ").filter(|name| name.contains("_spec.rb")))
        .or_else(|| line.strip_suffix(" FAILED").filter(|name| name.contains(" > ")))?; // gradle
    let name = name.trim();
    (!name.is_empty() && name.len() <= 300).then(|| name.to_owned())
}

/// `FAILED tests/test_labels.py::test_none - AssertionError`
fn pytest(line: &str) -> Option<&str> {
    let name = line.strip_prefix("FAILED ").or_else(|| line.strip_prefix("ERROR "))?;
    let name = name.split(" - ").next()?;
    name.contains("::").then_some(name)
}

/// `FAIL: test_none (tests.test_labels.Labels)`
fn unittest(line: &str) -> Option<&str> {
    let name = line.strip_prefix("FAIL: ").or_else(|| line.strip_prefix("ERROR: "))?;
    (name.starts_with("test") && name.ends_with(')')).then_some(name)
}

fn between<'a>(line: &'a str, before: &str, after: &str) -> Option<&'a str> {
    line.strip_prefix(before)?.split_once(after).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_excerpt_ends_with_the_last_error_and_not_with_what_is_cleaned_up_after_it() {
        let log = "\u{feff}2026-11-22T10:00:00.1234567Z ##[group]Run pytest\n\
                   2026-11-22T10:00:00.1234567Z ##[endgroup]\n\
                   2026-11-22T10:00:01.1234567Z \u{1b}[31mE  assert None\u{1b}[0m\n\
                   2026-11-22T10:00:01.1234567Z FAILED tests/test_labels.py::test_none - assert None\n\
                   2026-11-22T10:00:02.1234567Z ##[error]Process completed with exit code 1.\n\
                   2026-11-22T10:00:03.1234567Z Post job cleanup.\n";
        let read = read(log.as_bytes());
        assert_eq!(read.failing_tests, ["tests/test_labels.py::test_none"]);
        insta::assert_snapshot!(read.excerpt, @r"
        ##[group]Run pytest
        E  assert None
        FAILED tests/test_labels.py::test_none - assert None
        ##[error]Process completed with exit code 1.
        ");
    }

    #[test]
    fn the_usual_runners_name_their_failing_tests() {
        for (line, name) in [
            ("FAILED tests/a.py::test_b[1] - E", "tests/a.py::test_b[1]"),
            ("ERROR tests/a.py::test_b", "tests/a.py::test_b"),
            ("FAIL: test_b (tests.a.Case)", "test_b (tests.a.Case)"),
            ("test labels::none ... FAILED", "labels::none"),
            ("--- FAIL: TestNone (0.00s)", "TestNone"),
            ("  ● Labels › takes none", "Labels › takes none"),
            ("    ✕ takes none (3 ms)", "takes none (3 ms)"),
            ("rspec ./spec/label_spec.rb:3 # Label none", "./spec/label_spec.rb:3 # Label none"),
            ("LabelTest > takesNone() FAILED", "LabelTest > takesNone()"),
        ] {
            assert_eq!(failing_test(line).as_deref(), Some(name), "{line}");
        }
        for line in ["FAILED (failures=1)", "ERROR: failed to solve", "test result: FAILED. 3 passed", "ok"] {
            assert_eq!(failing_test(line), None, "{line}");
        }
    }

    #[test]
    fn a_huge_or_broken_log_is_bounded() {
        let mut log = vec![0xff; 100];
        log.extend(b"\nFAILED t::x - y".repeat(50_000));
        log.extend("z".repeat(1_000_000).bytes());
        let read = read(&log);
        assert_eq!(read.failing_tests.len(), 1);
        assert!(read.excerpt.len() <= EXCERPT_BYTES, "{}", read.excerpt.len());
        assert_eq!(super::read(b""), LogReading::default());
    }
}
