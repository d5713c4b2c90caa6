//! Tests that a fix makes easier to pass.

use std::sync::LazyLock;

use regex::Regex;

use super::reviewed::{Finding, Reviewed, newly, places};
use crate::diff::ChangedLine;
use autofix_domain::reason::{Reason, ReasonCode};

static CHECK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)\bassert | \bexpect\s*[(.] | \.should\b | pytest\.raises | \bself\.fail\b
        | \bt\.(?:Error|Fatal|Fail) | \brequire\. | \bverify\(",
    )
    .expect("the pattern is constant and tested")
});
static TEST_CASE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?x)\bdef\s+test | \b(?:it|test|describe)\s*\( | \b(?:it|test|describe)\s+["'] | \bfunc\s+Test
        | \bparametrize\b | @(?:Parameterized)?Test\b | \#\[\s*(?:\w+::)*test\b | \bfunction\s+test"#,
    )
    .expect("the pattern is constant and tested")
});
static SKIP: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)\bskip | \bxfail\b | \bxit\( | \bxdescribe\( | \.only\( | \.todo\( | importorskip | \bflaky\b
        | \bmonkeypatch\b | \bmock\b | \#\[\s*ignore | @(?:Disabled|Ignore)\b | markTest(?:Skipped|Incomplete)
        | \bpending\b",
    )
    .expect("the pattern is constant and tested")
});

pub(super) fn test_weakened(file: &Reviewed<'_>) -> Option<Reason> {
    if !is_test(file.path()) {
        return None;
    }
    let found = |lines: Vec<&ChangedLine>, pattern: &Regex| -> Vec<Finding> {
        let hits = lines.into_iter().filter(|line| pattern.is_match(&line.text));
        hits.map(|line| Finding::new(line.text.split_whitespace().collect::<Vec<_>>().join(" "), line.number))
            .collect()
    };
    let added = |pattern| found(file.added_lines().collect(), pattern);
    let removed = |pattern| found(file.removed_lines().collect(), pattern);
    let mut weaker = newly(added(&CHECK), removed(&CHECK));
    weaker.extend(newly(added(&TEST_CASE), removed(&TEST_CASE)));
    weaker.extend(newly(removed(&SKIP), added(&SKIP)));
    (!weaker.is_empty()).then(|| {
        let detail = format!("The fix makes tests easier to pass: {}.", places(&weaker));
        Reason::new(ReasonCode::TestWeakened, detail)
    })
}

/// Whether a path is that of a test, by the names that test runners look for.
pub fn is_test(path: &str) -> bool {
    let lower = path.to_lowercase();
    let (folders, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
    let stem = name.split('.').next().unwrap_or(name);
    folders
        .split('/')
        .any(|folder| matches!(folder, "test" | "tests" | "__tests__" | "spec" | "specs" | "e2e"))
        || stem.starts_with("test_")
        || stem.ends_with("_test")
        || stem.ends_with("_spec")
        || ["Test.java", "Tests.java", "Test.php"].iter().any(|end| path.ends_with(end))
        || stem == "conftest"
        || name.contains(".test.")
        || name.contains(".spec.")
}
