//! Runs the corpus of diffs in `tests/corpus/diffs`: each case says which reasons it must get.
//!
//! A case is `=== name`, then `path:` and `expect:` lines (`accepted` or reason codes; optional `outcome:`, `crash:`,
//! `project:` and `other: path`), then `--- before`, `--- after` and, for each other file, `--- other` with the texts.
//! `outcome:` says what the effects come to: `harmless`, `ask` or `refuse`. `crash:` is the line before the change, the
//! exception's type and its message: `7 KeyError: 'name'`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::{Findings, ProposedChange, check, names_to_search};
use crate::diff::FileChange;
use crate::effects::Crash;
use autofix_domain::reason::ReasonCode;

#[derive(Debug, Default)]
struct Case {
    name: String,
    path: String,
    project: String,
    expect: String,
    outcome: Option<String>,
    crash: Crash,
    other_paths: Vec<String>,
    before: String,
    after: String,
    other_texts: Vec<String>,
}

fn corpus() -> Vec<Case> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/diffs");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the corpus is part of the repository")
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    files
        .iter()
        .flat_map(|file| cases(&std::fs::read_to_string(file).expect("corpus files are UTF-8")))
        .collect()
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut section = "head";
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("=== ") {
            // The blank line between two cases belongs to neither.
            let last = cases.last_mut().map(|case| case.other_texts.last_mut().unwrap_or(&mut case.after));
            if let Some(text) = last {
                text.truncate(text.trim_end_matches('\n').len() + 1);
            }
            cases.push(Case { name: name.to_owned(), ..Case::default() });
            section = "head";
            continue;
        }
        let Some(case) = cases.last_mut() else { continue };
        match line {
            "--- before" => section = "before",
            "--- after" => section = "after",
            "--- other" => {
                section = "other";
                case.other_texts.push(String::new());
            }
            _ => match section {
                "before" => case.before.extend([line, "\n"]),
                "after" => case.after.extend([line, "\n"]),
                "other" => {
                    case.other_texts.last_mut().expect("the section opens a text").extend([line, "\n"])
                }
                _ => head(case, line),
            },
        }
    }
    cases
}

fn head(case: &mut Case, line: &str) {
    let Some((key, value)) = line.split_once(": ") else {
        assert!(line.is_empty(), "{}: {line}", case.name);
        return;
    };
    match key {
        "path" => case.path = value.to_owned(),
        "project" => case.project = value.to_owned(),
        "expect" => case.expect = value.to_owned(),
        "outcome" => case.outcome = Some(value.to_owned()),
        "crash" => {
            let (line, error) = value.split_once(' ').expect("a crash has a line and an error");
            let (exception, message) = error.split_once(": ").unwrap_or((error, ""));
            case.crash = Crash {
                path: case.path.clone(),
                line: line.parse().expect("a crash begins with its line"),
                exception: exception.to_owned(),
                message: message.to_owned(),
            };
        }
        "other" => case.other_paths.push(value.to_owned()),
        _ => panic!("{}: unknown line {line}", case.name),
    }
}

/// Expected and found words of a case; equal if the case holds.
fn judge(case: &Case) -> Vec<(String, BTreeSet<String>, BTreeSet<String>)> {
    let set = |words: &str| -> BTreeSet<String> {
        words
            .split([' ', ','])
            .filter(|word| !matches!(*word, "" | "accepted" | "none"))
            .map(str::to_owned)
            .collect()
    };
    let files =
        [FileChange { path: case.path.clone(), before: case.before.clone(), after: case.after.clone() }];
    let others: Vec<(&str, &str)> = case
        .other_paths
        .iter()
        .map(String::as_str)
        .zip(case.other_texts.iter().map(String::as_str))
        .collect();
    let paths: Vec<&str> = others.iter().map(|(path, _)| *path).chain([case.path.as_str()]).collect();
    let change = ProposedChange {
        files: &files,
        project_path: &case.project,
        repository_paths: &paths,
        other_files: &others,
        crash: &case.crash,
    };
    let Findings { reasons, effects } = check(&change);
    let details: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    let found = reasons.iter().map(|reason| reason.code.to_string()).collect();
    let mut results = vec![(format!("{}\n  {}", case.name, details.join("\n  ")), set(&case.expect), found)];
    if let Some(expected) = &case.outcome {
        let outcome = match (reasons.is_empty(), effects.questions.is_empty()) {
            (false, _) => "refuse",
            (true, true) => "harmless",
            (true, false) => "ask",
        };
        results.push((format!("{}\n  {effects:?}", case.name), set(expected), set(outcome)));
    }
    results
}

#[test]
fn every_diff_of_the_corpus_gets_exactly_its_reasons() {
    let wrong: Vec<String> = corpus()
        .iter()
        .flat_map(judge)
        .filter(|(_, expected, found)| expected != found)
        .map(|(name, expected, found)| format!("{name}\n  expected {expected:?}, found {found:?}"))
        .collect();
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_corpus_has_accepted_and_refused_diffs_for_every_rule() {
    let corpus = corpus();
    let accepted = corpus.iter().filter(|case| case.expect == "accepted").count();
    assert!(corpus.len() >= 60 && accepted >= 20, "{} cases, {accepted} accepted", corpus.len());
    let names: BTreeSet<&str> = corpus.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), corpus.len(), "names are unique");
    assert!(corpus.iter().all(|case| !case.expect.is_empty() && !case.path.is_empty()));
    let of_one_file = [
        ReasonCode::OutsidePath,
        ReasonCode::ForbiddenPath,
        ReasonCode::TooManyLines,
        ReasonCode::NoChange,
        ReasonCode::SyntaxError,
        ReasonCode::SignatureChanged,
        ReasonCode::NetworkHostAdded,
        ReasonCode::DangerousCall,
        ReasonCode::TlsDisabled,
        ReasonCode::ImportAdded,
        ReasonCode::ExceptionSwallowed,
        ReasonCode::CheckDeleted,
        ReasonCode::LogLevelLowered,
        ReasonCode::TimeoutRaised,
        ReasonCode::WarningSilenced,
        ReasonCode::TestWeakened,
        ReasonCode::InvisibleCharacter,
        ReasonCode::SecretInDiff,
    ];
    for code in of_one_file {
        let refused =
            corpus.iter().filter(|case| case.expect.split(' ').any(|word| word == code.as_str())).count();
        assert!(refused >= 1, "{code} has no refused diff");
    }
}

#[test]
fn two_files_are_one_too_many() {
    let file =
        |path: &str| FileChange { path: path.into(), before: "a = 1\n".into(), after: "a = 2\n".into() };
    let files = [file("a.py"), file("b.py")];
    let change = ProposedChange {
        files: &files,
        project_path: "",
        repository_paths: &[],
        other_files: &[],
        crash: &Crash::default(),
    };
    let codes: Vec<ReasonCode> = check(&change).reasons.iter().map(|reason| reason.code).collect();
    assert_eq!(codes, [ReasonCode::SeveralFiles]);
}

#[test]
fn the_names_to_search_are_those_that_decide() {
    let file = |before: &str, after: &str| {
        let path = "a.py".to_owned();
        FileChange { path, before: before.to_owned(), after: after.to_owned() }
    };
    let body = file("def f(a):\n    return a.b\n", "def f(a):\n    return a.c\n");
    assert_eq!(names_to_search(&[body]), Vec::<String>::new());
    let after = "import os\nfrom yarl import URL\n\n\ndef f(a, b):\n    return URL(a)\n";
    let both = file("def f(a):\n    return a\n", after);
    assert_eq!(names_to_search(&[both]), ["f", "yarl"]);
}
