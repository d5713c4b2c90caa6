//! Rules of the repository that the compiler does not keep.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Files that are modules of tests only.
fn is_tests(name: &str) -> bool {
    ["tests.rs", "/tests/", "corpus.rs", "matrix.rs"].iter().any(|part| name.contains(part))
}

fn rust_files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

/// The part of a file that is not tests.
fn code(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap()
}

#[test]
fn the_domain_and_the_analysis_touch_neither_network_nor_table_nor_environment() {
    let pure = [
        "incident",
        "attempt",
        "reason",
        "usage",
        "fault",
        "fastapi",
        "cleaning",
        "redaction",
        "words",
        "catch_up",
        "circuit",
        "analysis",
        "orchestrator_file",
        "messages",
    ];
    let forbidden = [
        "async fn",
        "tokio::",
        "reqwest::",
        "aws_sdk_dynamodb::",
        "std::env",
        "std::fs",
        "crate::store",
        "crate::github",
        "crate::slack",
        "crate::outbound",
        "crate::config",
        "Timestamp::now",
    ];
    for (name, text) in rust_files(&root().join("shared/src")) {
        let module = name.trim_start_matches("shared/src/").split(['/', '.']).next().unwrap();
        if !pure.contains(&module) || is_tests(&name) {
            continue;
        }
        for word in forbidden {
            assert!(!code(&text).contains(word), "{name} is of the pure domain and mentions `{word}`");
        }
    }
}

#[test]
fn clients_know_nothing_of_each_other() {
    let clients = ["sentry", "claude", "github", "slack", "store"];
    for (name, text) in rust_files(&root().join("shared/src")) {
        let module = name.trim_start_matches("shared/src/").split(['/', '.']).next().unwrap();
        if !clients.contains(&module) || is_tests(&name) {
            continue;
        }
        for other in clients.into_iter().filter(|other| *other != module) {
            assert!(!code(&text).contains(&format!("crate::{other}::")), "{name} uses `{other}`");
        }
    }
}

#[test]
fn functions_never_depend_on_each_other() {
    let functions = ["sentry-intake", "fix-worker", "slack-interactions", "attempt-queries"];
    for function in functions {
        let manifest = fs::read_to_string(root().join(format!("functions/{function}/Cargo.toml"))).unwrap();
        for other in functions.into_iter().filter(|other| *other != function) {
            assert!(!manifest.contains(&format!("{other}.workspace")), "{function} depends on {other}");
        }
        let main = fs::read_to_string(root().join(format!("functions/{function}/src/main.rs"))).unwrap();
        assert!(main.lines().count() <= 45, "the main of {function} does more than compose");
    }
}

#[test]
fn no_test_is_skipped_and_nothing_is_left_to_do() {
    let folders = ["shared/src", "functions", "local/src", "tests/doors"];
    for (name, text) in folders.iter().flat_map(|folder| rust_files(&root().join(folder))) {
        if name.ends_with("layers.rs") {
            continue;
        }
        for word in ["#[ignore", "todo!(", "unimplemented!(", "FIXME", "thread::sleep"] {
            assert!(!text.contains(word), "{name} contains `{word}`");
        }
    }
}

/// aws-lc gathers entropy for 20 ms at every cold start, and a second TLS stack weighs as much as a function.
#[test]
fn no_dependency_brings_a_tls_stack_besides_ring() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let has = |name: &str| lock.contains(&format!("name = \"{name}\"\n"));
    assert!(has("ring"), "the names in the lock file are looked for as they are written");
    for other in ["aws-lc-rs", "aws-lc-sys", "openssl-sys", "native-tls", "s2n-tls"] {
        assert!(!has(other), "`{other}` has come back; `cargo tree -i {other}` tells through what");
    }
}
