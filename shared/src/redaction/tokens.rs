//! Secrets known by their own form: tokens of services, JSON web tokens, private keys, bearer
//! tokens, passwords in addresses.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use regex::Regex;

use super::{Finding, MARKER_START, URL_PASSWORD};

/// What may stand before a token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// The prefix is unmistakable.
    Anything,
    /// The prefix could be the middle of a longer word.
    NoLetterOrDigit,
}

struct Form {
    kind: &'static str,
    before: Before,
    prefixes: &'static [&'static str],
    /// Regular expression of what follows a prefix.
    rest: &'static str,
}

const fn form(kind: &'static str, prefixes: &'static [&'static str], rest: &'static str) -> Form {
    Form { kind, before: Before::Anything, prefixes, rest }
}

const fn word(kind: &'static str, prefixes: &'static [&'static str], rest: &'static str) -> Form {
    Form { kind, before: Before::NoLetterOrDigit, prefixes, rest }
}

/// Lengths are below the real ones on purpose: events cut long texts, and half a key is one too many.
const FORMS: &[Form] = &[
    form("anthropic-key", &["sk-ant-"], "[A-Za-z0-9_-]{8,}"),
    form(
        "github-token",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
        r"[A-Za-z0-9_]{10,}(?:[.-][A-Za-z0-9_-]{10,})*",
    ),
    form("github-token", &["github_pat_"], "[A-Za-z0-9_]{10,}"),
    form(
        "slack-token",
        &["xoxb-", "xoxp-", "xoxa-", "xoxo-", "xoxr-", "xoxs-", "xoxc-", "xoxd-", "xoxe-", "xoxe.", "xapp-"],
        "[A-Za-z0-9.%-]{8,}",
    ),
    form("slack-webhook", &["hooks.slack.com/", "hooks.slack-gov.com/"], "[A-Za-z0-9_/-]{8,}"),
    form("stripe-key", &["sk_live_", "rk_live_", "pk_live_", "sk_test_", "rk_test_"], "[A-Za-z0-9]{8,}"),
    form("stripe-key", &["whsec_"], "[A-Za-z0-9+/=_-]{8,}"),
    form("sentry-token", &["sntrys_", "sntryu_", "sntryi_"], "[A-Za-z0-9+/=_-]{10,}"),
    form("gitlab-token", &["glpat-", "gldt-", "glrt-"], "[A-Za-z0-9_-]{10,}"),
    form("package-token", &["npm_", "pypi-AgE"], "[A-Za-z0-9_-]{30,}"),
    word("aws-key", &["AKIA", "ASIA"], "[A-Z0-9]{12,}"),
    word("google-key", &["AIza"], "[A-Za-z0-9_-]{25,}"),
    word("google-key", &["ya29.", "GOCSPX-"], "[A-Za-z0-9_-]{10,}"),
    word("openai-key", &["sk-proj-", "sk-svcacct-", "sk-admin-"], "[A-Za-z0-9_-]{10,}"),
    word("openai-key", &["sk-"], "[A-Za-z0-9]{32,}"),
    word("sendgrid-key", &["SG."], r"[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{8,}"),
    word("jwt", &["eyJ"], r"[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){0,3}"),
];

static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    let alternatives: Vec<String> = FORMS
        .iter()
        .map(|form| {
            let prefixes: Vec<String> = form.prefixes.iter().map(|prefix| regex::escape(prefix)).collect();
            format!("(?:{}){}", prefixes.join("|"), form.rest)
        })
        .collect();
    Regex::new(&alternatives.join("|")).expect("the table holds valid expressions")
});

static BEARER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i-u:bearer)[ \t]{1,4}[A-Za-z0-9._~+/=-]{8,}").expect("a valid expression")
});

static SCHEME_END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("://"));

static PEM_BEGIN: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("-----BEGIN "));

pub(super) fn find(text: &str, findings: &mut Vec<Finding>) {
    service_tokens(text, findings);
    bearer_tokens(text, findings);
    private_keys(text, findings);
    passwords_in_addresses(text, findings);
}

fn service_tokens(text: &str, findings: &mut Vec<Finding>) {
    for found in TOKEN.find_iter(text) {
        let has_prefix = |form: &&Form| form.prefixes.iter().any(|prefix| found.as_str().starts_with(prefix));
        let form =
            FORMS.iter().find(has_prefix).expect("every alternative starts with a prefix of the table");
        let before = text.as_bytes()[..found.start()].last();
        if form.before == Before::Anything || !before.is_some_and(u8::is_ascii_alphanumeric) {
            findings.push(Finding { start: found.start(), end: found.end(), kind: form.kind });
        }
    }
}

/// `Bearer` and a token, wherever it stands. Prose ("bearer authentication") has no digits.
fn bearer_tokens(text: &str, findings: &mut Vec<Finding>) {
    for found in BEARER.find_iter(text) {
        let token = found.as_str().trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let token = token.trim_start_matches([' ', '\t']);
        if token.bytes().any(|byte| byte.is_ascii_digit()) {
            let (start, end) = (found.end() - token.len(), found.end());
            findings.push(Finding { start, end, kind: "authorization" });
        }
    }
}

/// PEM blocks, also with `\n` written out, also cut off before their end.
fn private_keys(text: &str, findings: &mut Vec<Finding>) {
    const END: &str = "-----END ";
    /// Longer than any label of RFC 7468 and of PGP.
    const MAX_LABEL: usize = 40;
    let mut from = 0;
    let mut has_end = true;
    while let Some(start) = PEM_BEGIN.find(&text.as_bytes()[from..]).map(|at| from + at) {
        from = start + PEM_BEGIN.needle().len();
        let Some(label) = text[from..].find("-----").filter(|length| *length <= MAX_LABEL) else { continue };
        if !text[from..from + label].contains("PRIVATE KEY") {
            continue;
        }
        let body = from + label + 5;
        let end = has_end.then(|| text[body..].find(END)).flatten().map(|at| body + at + END.len());
        has_end = end.is_some();
        from = match end {
            Some(end) => end + closing_dashes(&text[end..], MAX_LABEL),
            None => body + base64_length(&text[body..]),
        };
        findings.push(Finding { start, end: from, kind: "private-key" });
    }
}

/// Bytes up to and with the dashes behind an END label.
fn closing_dashes(rest: &str, max_label: usize) -> usize {
    rest.find("-----").filter(|at| *at <= max_label).map_or(0, |at| at + 5)
}

/// Bytes that can belong to a key that was cut off: base64, line breaks however written, quotes.
fn base64_length(rest: &str) -> usize {
    rest.find(|c: char| {
        !(c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '\\' | '\n' | '\r' | ' ' | '"' | '…'))
    })
    .unwrap_or(rest.len())
}

/// Userinfo of `scheme://user:password@host`, and of `scheme://token@host`.
fn passwords_in_addresses(text: &str, findings: &mut Vec<Finding>) {
    /// Longest userinfo that is looked at.
    const MAX_USERINFO: usize = 512;
    /// A user name without a password is no secret, unless it is as long as a token.
    const TOKEN_LENGTH: usize = 20;
    for at in SCHEME_END.find_iter(text.as_bytes()) {
        let start = at + SCHEME_END.needle().len();
        let limit = text.len().min(start + MAX_USERINFO);
        let bytes = &text.as_bytes()[start..limit];
        let ends_address = |byte: &u8| {
            byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\')
        };
        let address = &bytes[..bytes.iter().position(ends_address).unwrap_or(bytes.len())];
        let authority = &address
            [..address.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(address.len())];
        let colon = authority.iter().position(|byte| *byte == b':');
        let has_port = colon.is_some_and(|colon| {
            authority[colon + 1..].iter().all(u8::is_ascii_digit) && colon + 1 < authority.len()
        });
        // A raw `/`, `?` or `#` in a password is wrong, and common.
        let userinfo = match (authority.iter().rposition(|byte| *byte == b'@'), colon) {
            (Some(at_sign), _) => &authority[..at_sign],
            (None, Some(_)) if !has_port => match address.iter().position(|byte| *byte == b'@') {
                Some(at_sign) => &address[..at_sign],
                None => continue,
            },
            (None, _) => continue,
        };
        let secret = match userinfo.iter().position(|byte| *byte == b':') {
            Some(colon) => colon + 1..userinfo.len(),
            None if userinfo.len() >= TOKEN_LENGTH => 0..userinfo.len(),
            None => continue,
        };
        let value = &text[start + secret.start..start + secret.end];
        if !value.is_empty() && !super::names::is_placeholder(value) && !value.starts_with(MARKER_START) {
            findings.push(Finding {
                start: start + secret.start,
                end: start + secret.end,
                kind: URL_PASSWORD,
            });
        }
    }
}
