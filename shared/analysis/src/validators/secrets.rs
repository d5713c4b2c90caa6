//! Secrets that a fix would write into the repository. The reasons never quote what was found.

use std::sync::LazyLock;

use regex::Regex;

use super::reviewed::Reviewed;
use autofix_domain::reason::{Reason, ReasonCode};

/// Kinds of tokens that are known by their form.
static TOKENS: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    [
        ("an Anthropic or OpenAI key", r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{16,}"),
        ("a GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})"),
        ("a Slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-[A-Za-z0-9-]{10,}|slack\.com/services/T"),
        ("an AWS key", r"\b(?:AKIA|ASIA|AROA)[A-Z0-9]{16}\b"),
        ("a Stripe key", r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}|\bwhsec_[A-Za-z0-9]{10,}"),
        ("a Google key", r"\bAIza[A-Za-z0-9_-]{30,}|\bya29\.[A-Za-z0-9_-]{20,}"),
        ("a Sentry token", r"\bsntr[yu]s_[A-Za-z0-9+/=_-]{20,}"),
        ("a JSON web token", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\."),
        ("a private key", r"-----BEGIN [A-Z ]*PRIVATE KEY"),
        ("a URL with a password", r"[a-z][a-z0-9+.-]*://[^\s/:@'\x22{}]+:[^\s/@'\x22{}]{3,}@"),
        (
            "a password or key",
            r#"(?ix)(?: password | passwd | secret | api_?key | access_?key | private_?key | auth_?token
            | bearer )
            ["']?\]?\s* (?: :\s*\w+\s* )? (?: := | = | : )\s* [bfru]{0,2} ["'][^"'\s{}<>$]{8,}["']"#,
        ),
        ("an authorization header", r"(?i)\b(?:bearer|basic)\s+[A-Za-z0-9+/_.=-]{16,}"),
    ]
    .into_iter()
    .map(|(kind, pattern)| (kind, Regex::new(pattern).expect("the patterns are constant and tested")))
    .collect()
});

/// A literal that could be a key: long, without spaces, letters and digits mixed.
static LONG_LITERAL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"["'`]([A-Za-z0-9+_=-]{32,})["'`]"#).expect("the pattern is constant and tested")
});

/// Digits in a long literal from which on it no longer reads as a name.
const KEY_DIGITS: usize = 5;

pub(super) fn secret_added(file: &Reviewed<'_>) -> Option<Reason> {
    let known = |hit: &str| file.change.before.contains(hit);
    for line in file.added_lines() {
        let token =
            TOKENS.iter().find(|(_, pattern)| pattern.find_iter(&line.text).any(|hit| !known(hit.as_str())));
        let kind = token.map(|(kind, _)| *kind).or_else(|| {
            let mut literals = LONG_LITERAL.captures_iter(&line.text).filter_map(|hit| hit.get(1));
            literals.any(|hit| reads_as_key(hit.as_str()) && !known(hit.as_str())).then_some("a key")
        });
        if let Some(kind) = kind {
            let detail = format!(
                "Line {} of the fix holds what looks like {kind}. Read it from the configuration.",
                line.number
            );
            return Some(Reason::new(ReasonCode::SecretInDiff, detail));
        }
    }
    None
}

fn reads_as_key(literal: &str) -> bool {
    let digits = literal.chars().filter(char::is_ascii_digit).count();
    digits >= KEY_DIGITS && literal.chars().any(|c| c.is_ascii_alphabetic())
}
