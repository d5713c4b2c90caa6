//! What the crates of the workspace may depend on. The compiler keeps the rest: a layer can't use what isn't below it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Names of all crates that a package of ours is built from.
fn crates_below(package: &str) -> Vec<String> {
    let arguments =
        ["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{lib}"];
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--package", package])
        .current_dir(root())
        .output()
        .expect("run cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let crates = String::from_utf8(output.stdout).unwrap();
    crates.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}

#[test]
fn domain_and_analysis_have_no_input_or_output_below_them() {
    let domain = crates_below("autofix-domain");
    let analysis = crates_below("autofix-analysis");
    assert!(
        domain.iter().any(|name| name == "serde") && analysis.iter().any(|name| name == "autofix_domain")
    );
    for name in domain.iter().chain(&analysis) {
        let does_io = ["tokio", "reqwest", "hyper", "rustls", "autofix"].contains(&name.as_str());
        assert!(!does_io && !name.starts_with("aws_"), "`{name}` is below the pure crates");
    }
}

#[test]
fn the_shipped_functions_contain_nothing_of_the_sandbox_or_of_each_other() {
    for function in FUNCTIONS {
        let below = crates_below(function);
        assert!(below.iter().any(|name| name == "autofix"), "{function}");
        let others = FUNCTIONS.into_iter().filter(|other| *other != function);
        for strange in ["autofix_local", "autofix_sandbox", "git2"].into_iter().chain(others) {
            assert!(!below.contains(&strange.replace('-', "_")), "{function} depends on {strange}");
        }
    }
}

const FUNCTIONS: [&str; 4] = ["sentry-intake", "fix-worker", "slack-interactions", "attempt-queries"];

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
