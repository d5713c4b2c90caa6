//! The coarse rules for languages without a grammar here. They see lines, not meaning, and so
//! refuse more than they must.

use std::sync::LazyLock;

use regex::Regex;

use super::reviewed::{Finding, Reviewed, newly, places};
use crate::diff::ChangedLine;
use autofix_domain::reason::{Reason, ReasonCode};

/// What an added line must not bring, by reason and sentence.
static ADDED: LazyLock<Vec<(ReasonCode, &str, Regex)>> = LazyLock::new(|| {
    [
        (
            ReasonCode::DangerousCall,
            "can run code or start programs",
            r"(?x)\b(?: eval | exec | system | popen | passthru | shell_exec | proc_open | unserialize
            | Runtime\.getRuntime | ProcessBuilder | Command::new | instance_eval | class_eval | Marshal\.load
            | unsafe )\b | `\$\{? | \$\(",
        ),
        (
            ReasonCode::TlsDisabled,
            "switches off the check of certificates",
            r"(?ix)VERIFY_NONE | verify_?peer\W+(?:false|0) | CURLOPT_SSL_VERIFY | danger_accept_invalid
            | TrustAll | \bverify\W+false | --insecure\b | \bcurl\b.*\s-k\b",
        ),
        (
            ReasonCode::ExceptionSwallowed,
            "catches errors; whether it hides them cannot be checked here",
            r"\b(?:rescue|catch|except|ensure\s+return)\b|\|\|\s*true\b|\bset \+e\b|\.ok\(\);|let _ =|@\$",
        ),
        (ReasonCode::TimeoutRaised, "waits or tries again", r"(?i)\b(?:sleep|retry|retries)\b"),
    ]
    .into_iter()
    .map(|(code, why, pattern)| {
        (code, why, Regex::new(pattern).expect("the patterns are constant and tested"))
    })
    .collect()
});

static CHECK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"\b(?:raise|throw|panic|assert\w*|abort|unless|bail|ensure|before_action|authorize|validates?)\b",
    )
    .expect("the pattern is constant and tested")
});

pub(super) fn dangerous_text(file: &Reviewed<'_>) -> Option<Reason> {
    if file.sides.is_some() {
        return None;
    }
    for (code, why, pattern) in ADDED.iter() {
        let added = newly(hits(file.removed_lines(), pattern), hits(file.added_lines(), pattern));
        if !added.is_empty() {
            return Some(Reason::new(*code, format!("The fix adds {}, which {why}.", places(&added))));
        }
    }
    let removed = newly(hits(file.added_lines(), &CHECK), hits(file.removed_lines(), &CHECK));
    (!removed.is_empty()).then(|| {
        Reason::new(
            ReasonCode::CheckDeleted,
            format!("The fix removes or changes a check: {}.", places(&removed)),
        )
    })
}

fn hits<'l>(lines: impl Iterator<Item = &'l ChangedLine>, pattern: &Regex) -> Vec<Finding> {
    lines
        .flat_map(|line| {
            pattern
                .find_iter(&line.text)
                .map(|hit| Finding::new(hit.as_str(), line.number))
                .collect::<Vec<_>>()
        })
        .collect()
}
