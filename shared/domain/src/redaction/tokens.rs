//! Secrets known by their own form: tokens of services, JSON web tokens, private keys, bearer
//! tokens, passwords in addresses.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::{Finding, Literals, MARKER_START, URL_PASSWORD};

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
    rest: Rest,
}

/// Length of what follows a prefix and belongs to the token; `None` where it is no token.
type Rest = fn(&[u8]) -> Option<usize>;

const fn form(kind: &'static str, prefixes: &'static [&'static str], rest: Rest) -> Form {
    Form { kind, before: Before::Anything, prefixes, rest }
}

const fn word(kind: &'static str, prefixes: &'static [&'static str], rest: Rest) -> Form {
    Form { kind, before: Before::NoLetterOrDigit, prefixes, rest }
}

impl Form {
    /// Length of the token that the bytes begin with.
    fn length(&self, bytes: &[u8]) -> Option<usize> {
        self.prefixes.iter().find_map(|prefix| {
            let rest = bytes.strip_prefix(prefix.as_bytes())?;
            Some(prefix.len() + (self.rest)(rest)?)
        })
    }
}

/// Lengths are below the real ones on purpose: events cut long texts, and half a key is one too many.
const FORMS: &[Form] = &[
    form("anthropic-key", &["sk-ant-"], |rest| run(rest, b"_-", 8)),
    form("github-token", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], |rest| {
        // Some are JSON web tokens behind their prefix.
        let mut length = run(rest, b"_", 10)?;
        while let Some(part) = joined(&rest[length..], b".-", b"_-", 10) {
            length += part;
        }
        Some(length)
    }),
    form("github-token", &["github_pat_"], |rest| run(rest, b"_", 10)),
    form(
        "slack-token",
        &["xoxb-", "xoxp-", "xoxa-", "xoxo-", "xoxr-", "xoxs-", "xoxc-", "xoxd-", "xoxe-", "xoxe.", "xapp-"],
        |rest| run(rest, b".%-", 8),
    ),
    form("slack-webhook", &["hooks.slack.com/", "hooks.slack-gov.com/"], |rest| run(rest, b"_/-", 8)),
    form("stripe-key", &["sk_live_", "rk_live_", "pk_live_", "sk_test_", "rk_test_"], |rest| {
        run(rest, b"", 8)
    }),
    form("stripe-key", &["whsec_"], |rest| run(rest, b"+/=_-", 8)),
    form("sentry-token", &["sntrys_", "sntryu_", "sntryi_"], |rest| run(rest, b"+/=_-", 10)),
    form("gitlab-token", &["glpat-", "gldt-", "glrt-"], |rest| run(rest, b"_-", 10)),
    form("package-token", &["npm_", "pypi-AgE"], |rest| run(rest, b"_-", 30)),
    word("aws-key", &["AKIA", "ASIA"], |rest| {
        at_least(12, length_of(rest, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()))
    }),
    word("google-key", &["AIza"], |rest| run(rest, b"_-", 25)),
    word("google-key", &["ya29.", "GOCSPX-"], |rest| run(rest, b"_-", 10)),
    word("openai-key", &["sk-proj-", "sk-svcacct-", "sk-admin-"], |rest| run(rest, b"_-", 10)),
    word("openai-key", &["sk-"], |rest| run(rest, b"", 32)),
    word("sendgrid-key", &["SG."], |rest| {
        let first = run(rest, b"_-", 16)?;
        Some(first + joined(&rest[first..], b".", b"_-", 8)?)
    }),
];

static PREFIX: LazyLock<Literals> = LazyLock::new(|| {
    let prefixes: Vec<&str> = FORMS.iter().flat_map(|form| form.prefixes).copied().collect();
    Literals::new(&prefixes)
});

static JSON_WEB_TOKEN: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("eyJ"));

static BEARER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("bearer"));

static SCHEME_END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("://"));

static PEM_BEGIN: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("-----BEGIN "));

pub(super) fn prepare() {
    LazyLock::force(&PREFIX);
}

/// How many bytes from the first on belong.
fn length_of(bytes: &[u8], belongs: impl Fn(&u8) -> bool) -> usize {
    bytes.iter().position(|byte| !belongs(byte)).unwrap_or(bytes.len())
}

fn at_least(least: usize, length: usize) -> Option<usize> {
    (length >= least).then_some(length)
}

/// Length of a run of letters, digits and those others.
fn run(bytes: &[u8], others: &[u8], least: usize) -> Option<usize> {
    at_least(least, run_length(bytes, others))
}

fn run_length(bytes: &[u8], others: &[u8]) -> usize {
    length_of(bytes, |byte| byte.is_ascii_alphanumeric() || others.contains(byte))
}

/// The same behind one of these joints, and with it.
fn joined(bytes: &[u8], joints: &[u8], others: &[u8], least: usize) -> Option<usize> {
    let (joint, bytes) = bytes.split_first()?;
    joints.contains(joint).then(|| run(bytes, others, least))?.map(|length| 1 + length)
}

/// `small` is the text with small letters.
pub(super) fn find(text: &str, small: &[u8], findings: &mut Vec<Finding>) {
    service_tokens(text.as_bytes(), findings);
    json_web_tokens(text.as_bytes(), findings);
    bearer_tokens(text.as_bytes(), small, findings);
    private_keys(text, findings);
    passwords_in_addresses(text, findings);
}

fn service_tokens(bytes: &[u8], findings: &mut Vec<Finding>) {
    let mut from = 0;
    while let Some((_, start)) = PREFIX.find(bytes, from) {
        let token = FORMS.iter().find_map(|form| Some((form, form.length(&bytes[start..])?)));
        let Some((form, length)) = token else {
            from = start + 1;
            continue;
        };
        from = start + length;
        let before = bytes[..start].last();
        if form.before == Before::Anything || !before.is_some_and(u8::is_ascii_alphanumeric) {
            findings.push(Finding { start, end: from, kind: form.kind });
        }
    }
}

/// Three parts with dots between them, or five; the first two are enough.
fn json_web_tokens(bytes: &[u8], findings: &mut Vec<Finding>) {
    let mut from = 0;
    while let Some(at) = JSON_WEB_TOKEN.find(&bytes[from..]) {
        let start = from + at;
        let behind = start + JSON_WEB_TOKEN.needle().len();
        // Where nothing that a token needs follows on the first part, it follows on no shorter one with the same end.
        from = behind + run_length(&bytes[behind..], b"_-");
        let second = joined(&bytes[from..], b".", b"_-", 4);
        let (Some(_), Some(second)) = (at_least(10, from - behind), second) else { continue };
        from += second;
        for _ in 0..3 {
            from += joined(&bytes[from..], b".", b"_-", 0).unwrap_or(0);
        }
        if !bytes[..start].last().is_some_and(u8::is_ascii_alphanumeric) {
            findings.push(Finding { start, end: from, kind: "jwt" });
        }
    }
}

/// `Bearer` and a token, wherever it stands. Prose ("bearer authentication") has no digits.
fn bearer_tokens(bytes: &[u8], small: &[u8], findings: &mut Vec<Finding>) {
    const MAX_BLANKS: usize = 4;
    let mut done = 0;
    for scheme in BEARER.find_iter(small) {
        let behind = scheme + BEARER.needle().len();
        let blanks = length_of(&bytes[behind..], |byte| matches!(byte, b' ' | b'\t'));
        if scheme < done || !(1..=MAX_BLANKS).contains(&blanks) {
            continue;
        }
        let start = behind + blanks;
        let Some(length) = run(&bytes[start..], b"._~+/=-", 8) else { continue };
        done = start + length;
        if bytes[start..done].iter().any(u8::is_ascii_digit) {
            findings.push(Finding { start, end: done, kind: "authorization" });
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;
    use crate::redaction::small_letters;

    /// The same forms as expressions, in the same order.
    const EXPRESSIONS: [&str; FORMS.len()] = [
        "sk-ant-[A-Za-z0-9_-]{8,}",
        r"gh[pousr]_[A-Za-z0-9_]{10,}(?:[.-][A-Za-z0-9_-]{10,})*",
        "github_pat_[A-Za-z0-9_]{10,}",
        r"(?:xox[bpaorscde]-|xoxe\.|xapp-)[A-Za-z0-9.%-]{8,}",
        r"hooks\.slack(?:-gov)?\.com/[A-Za-z0-9_/-]{8,}",
        "(?:[srp]k_live|[sr]k_test)_[A-Za-z0-9]{8,}",
        "whsec_[A-Za-z0-9+/=_-]{8,}",
        "sntry[sui]_[A-Za-z0-9+/=_-]{10,}",
        "(?:glpat|gldt|glrt)-[A-Za-z0-9_-]{10,}",
        "(?:npm_|pypi-AgE)[A-Za-z0-9_-]{30,}",
        "A[KS]IA[A-Z0-9]{12,}",
        "AIza[A-Za-z0-9_-]{25,}",
        r"(?:ya29\.|GOCSPX-)[A-Za-z0-9_-]{10,}",
        "sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{10,}",
        "sk-[A-Za-z0-9]{32,}",
        r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{8,}",
    ];
    static FORM: LazyLock<Regex> = LazyLock::new(|| Regex::new(&EXPRESSIONS.join("|")).unwrap());
    static EACH_FORM: LazyLock<Vec<Regex>> = LazyLock::new(|| {
        EXPRESSIONS.iter().map(|expression| Regex::new(&format!("^(?:{expression})")).unwrap()).collect()
    });
    static WEB_TOKEN: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){0,3}").unwrap()
    });
    static BEARER_TOKEN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?i-u:bearer)[ \t]{1,4}([A-Za-z0-9._~+/=-]{8,})").unwrap());

    fn piece() -> impl Strategy<Value = String> {
        let prefixes = FORMS.iter().flat_map(|form| form.prefixes.iter().copied());
        let others =
            ["eyJ", "Bearer", "bEARER", "bearer ", " ", "\t", ".", "-", "_", "é", "\n", "a", "G7", "AB12"];
        let fixed: Vec<&str> = prefixes.chain(others).collect();
        prop_oneof![
            4 => proptest::sample::select(fixed).prop_map(String::from),
            4 => "[A-Za-z0-9_.%/=+-]{1,16}",
            1 => "[A-Z0-9]{10,34}",
            1 => any::<String>(),
        ]
    }

    fn found(search: impl Fn(&mut Vec<Finding>)) -> Vec<(usize, usize)> {
        let mut findings = Vec::new();
        search(&mut findings);
        findings.iter().map(|found| (found.start, found.end)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn tokens_are_what_their_expressions_would_find(pieces in proptest::collection::vec(piece(), 0..16)) {
            let text = pieces.concat();
            let form = |start: usize| {
                EACH_FORM.iter().zip(FORMS).find(|(expression, _)| expression.is_match(&text[start..]))
            };
            let matches = FORM.find_iter(&text).filter(|token| {
                let before = text.as_bytes()[..token.start()].last();
                let (_, form) = form(token.start()).unwrap();
                form.before == Before::Anything || !before.is_some_and(u8::is_ascii_alphanumeric)
            });
            let expected: Vec<_> = matches.map(|token| (token.start(), token.end())).collect();
            prop_assert_eq!(found(|findings| service_tokens(text.as_bytes(), findings)), expected);
        }

        #[test]
        fn json_web_tokens_are_what_their_expression_would_find(pieces in proptest::collection::vec(piece(), 0..16)) {
            let text = pieces.concat();
            let alone = WEB_TOKEN.find_iter(&text).filter(|token| {
                !text.as_bytes()[..token.start()].last().is_some_and(u8::is_ascii_alphanumeric)
            });
            let expected: Vec<_> = alone.map(|token| (token.start(), token.end())).collect();
            prop_assert_eq!(found(|findings| json_web_tokens(text.as_bytes(), findings)), expected);
        }

        #[test]
        fn bearer_tokens_are_what_their_expression_would_find(pieces in proptest::collection::vec(piece(), 0..16)) {
            let text = pieces.concat();
            let matches = BEARER_TOKEN.captures_iter(&text).map(|token| token.get(1).unwrap());
            let with_digit = matches.filter(|token| token.as_str().bytes().any(|byte| byte.is_ascii_digit()));
            let expected: Vec<_> = with_digit.map(|token| (token.start(), token.end())).collect();
            let bytes = text.as_bytes();
            prop_assert_eq!(found(|findings| bearer_tokens(bytes, &small_letters(bytes), findings)), expected);
        }
    }
}
