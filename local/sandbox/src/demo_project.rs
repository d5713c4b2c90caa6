//! The demo project: a small FastAPI bookshop with two faults in it, as the files of one repository.
//!
//! `backend/bookshop/labels.py` fails for an address without a second line (`AttributeError`), which
//! one changed line repairs. `backend/bookshop/auth.py` fails for a token without a subject
//! (`KeyError`), which nobody should repair without a person looking at it. Everything else is there
//! so that there is something to read, and something not to touch.

use crate::github::{CheckRun, Checkout, Conclusion};

/// The demo project's repository at GitHub.
pub const REPOSITORY: &str = "acme/bookshop";

/// The folder of the repository that has the code which reports to Sentry.
pub const CODE_PATH: &str = "backend";

/// The message of the repository's first commit.
pub const FIRST_COMMIT: &str = "Sell books";

/// The folder with the project's tests.
const TESTS: &str = "backend/tests";
/// The modules that cannot take an address without a second line, and the function of each that fails.
const FAULTY: [(&str, &str); 3] =
    [("labels.py", "address_lines"), ("receipts.py", "customer_lines"), ("returns.py", "sender_lines")];
/// The line on which they fail, and what a test passes in that meets it.
const FAULTY_READ: &str = r#"address.get("line2", "").strip()"#;
const WITHOUT_LINE2: &str = r#""line2": None"#;

/// The project's CI, as a script: one check, `tests`, which is red while a test passes an address without a second line to
/// code that cannot take one, with the log that pytest would write.
pub fn ci(commit: &Checkout<'_>) -> Vec<CheckRun> {
    match failing_test(commit) {
        Some(log) => vec![CheckRun::ended("tests", Conclusion::Failure).with_log(log)],
        None => vec![CheckRun::ended("tests", Conclusion::Success)],
    }
}

/// The log of a run in which such a test fails.
pub fn failing_test(commit: &Checkout<'_>) -> Option<String> {
    FAULTY.iter().find_map(|(module, function)| fails(commit, module, function))
}

fn fails(commit: &Checkout<'_>, module: &str, function: &str) -> Option<String> {
    let code = commit.text(&format!("backend/bookshop/{module}"))?;
    let line = code.lines().position(|line| line.contains(FAULTY_READ))? + 1;
    let mut tests = commit.files_in(TESTS).into_iter().filter_map(|path| Some((commit.text(&path)?, path)));
    let (text, path) = tests.find(|(text, _)| text.contains(WITHOUT_LINE2) && text.contains(function))?;
    // A constant above the tests is what the first of them passes in.
    let mut tests = text.split("def test_").skip(1);
    let first = tests.clone().next()?;
    let name = tests.find(|test| test.contains(WITHOUT_LINE2)).unwrap_or(first).split('(').next()?;
    let name = format!("test_{name}");
    let path = path.strip_prefix("backend/")?;
    Some(format!(
        "##[group]Run pytest\n\u{1b}[1m=================== FAILURES ===================\u{1b}[0m\n\
         ___________ {name} ___________\n\n\
         \u{1b}[31mE       AttributeError: 'NoneType' object has no attribute 'strip'\u{1b}[0m\n\n\
         bookshop/{module}:{line}: AttributeError\n\
         =============== short test summary info ===============\n\
         FAILED {path}::{name} - AttributeError: 'NoneType' object has no attribute 'strip'\n\
         ##[error]Process completed with exit code 1.\n"
    ))
}

macro_rules! embedded {
    ($($path:literal),* $(,)?) => {
        vec![$(($path, include_bytes!(concat!("../demo_project/", $path)).as_slice())),*]
    };
}

/// Every file of the project: its path in the repository and its bytes.
pub fn files() -> Vec<(&'static str, &'static [u8])> {
    embedded![
        ".github/workflows/ci.yml",
        ".gitignore",
        "README.md",
        "backend/bookshop/__init__.py",
        "backend/bookshop/auth.py",
        "backend/bookshop/catalog.py",
        "backend/bookshop/labels.py",
        "backend/bookshop/main.py",
        "backend/bookshop/orders.py",
        "backend/bookshop/receipts.py",
        "backend/bookshop/returns.py",
        "backend/bookshop/settings.py",
        "backend/pyproject.toml",
        "backend/tests/test_labels.py",
        "frontend/index.html",
        "frontend/package.json",
        "frontend/src/main.js",
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line_of(path: &str, number: usize) -> String {
        let (_, bytes) = files().into_iter().find(|(p, _)| *p == path).expect("the file is embedded");
        let text = std::str::from_utf8(bytes).expect("the demo project is UTF-8");
        text.lines().nth(number - 1).expect("the file is that long").trim().to_owned()
    }

    #[test]
    fn the_two_faults_are_where_the_sample_events_say() {
        assert_eq!(
            line_of("backend/bookshop/labels.py", 34),
            r#"addition = address.get("line2", "").strip()"#
        );
        assert_eq!(
            line_of("backend/bookshop/auth.py", 57),
            r#"return User(name=claims["sub"], roles=frozenset(claims.get("roles", [])))"#
        );
    }
}
