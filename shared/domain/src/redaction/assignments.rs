//! Secrets known by the name they are given to: `password="…"`, `{"api_key": "…"}`, `?token=…`,
//! `Authorization: Bearer …`, `--secret …`, `(b'cookie', b'…')`.
//!
//! The same shapes fill ordinary source code (`password: str`, `token = get_token()`,
//! `self.secret_key = settings.secret_key`), which has to stay readable. So quoted values go, and
//! bare ones only where they do not look like code.

use std::ops::Range;

use super::names::{self, Promise};
use super::telling_words::telling_words;
use super::{Finding, MARKER_START};

/// Longest name that is looked at, bytes.
const MAX_NAME: usize = 80;
/// Bare values longer than this are secret whatever they look like: nobody names a variable so.
const MAX_CODE_WORD: usize = 120;
/// Blanks allowed around a separator.
const MAX_BLANKS: usize = 12;

/// How name and value are put together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Joint {
    /// `name=value` without blanks.
    Tight,
    /// `name = value`.
    Loose,
    /// `name: value`, `name => value`.
    Colon,
    /// `name: type = value`.
    Annotated,
    /// `'name', 'value'`.
    Comma,
    /// `name == value`.
    Comparison,
    /// `--name value`.
    Option,
}

/// `small` is the text with small letters.
pub(super) fn find(text: &str, small: &[u8], findings: &mut Vec<Finding>) {
    let mut done = 0;
    for word in telling_words(text, small) {
        if word.start < done {
            continue;
        }
        let name = name_around(text, word.clone());
        done = name.end.max(word.end);
        if name.is_empty() || name.len() > MAX_NAME || text[..name.start].ends_with(MARKER_START) {
            continue;
        }
        let Some(promise) = names::promise(&text[name.clone()]) else { continue };
        if let Some(value) = value_of(text, name, promise) {
            let kind = match promise {
                Promise::Authorization => "authorization",
                Promise::Cookie => "cookie",
                Promise::Secret | Promise::Perhaps => "secret",
            };
            done = value.end;
            findings.push(Finding { start: value.start, end: value.end, kind });
        }
    }
}

fn is_name_byte(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// The whole name that a telling word is part of, without leading dashes.
fn name_around(text: &str, word: Range<usize>) -> Range<usize> {
    let bytes = text.as_bytes();
    let before =
        bytes[..word.end].iter().rev().take(2 * MAX_NAME).take_while(|byte| is_name_byte(byte)).count();
    let after = bytes[word.end..].iter().take(2 * MAX_NAME).take_while(|byte| is_name_byte(byte)).count();
    let range = word.end - before..word.end + after;
    let dashes = bytes[range.clone()].iter().take_while(|byte| **byte == b'-').count();
    range.start + dashes..range.end
}

/// Where the secret that is assigned to a name stands, if there is one.
fn value_of(text: &str, name: Range<usize>, promise: Promise) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    if name.start > 0 && bytes[name.start - 1] == b'<' && bytes.get(name.end) == Some(&b'>') {
        return element_text(text, name.end + 1);
    }
    let (quoted_name, closed) = after_closing_quote(bytes, name.end);
    let at = skip_blanks(bytes, closed);
    let blank_before = at > closed;
    let next = |offset: usize| bytes.get(at + offset).copied();
    let (joint, after) = match (next(0), next(1)) {
        (Some(b'='), Some(b'=')) => (Joint::Comparison, at + 2 + usize::from(next(2) == Some(b'='))),
        (Some(b'!'), Some(b'=')) => (Joint::Comparison, at + 2 + usize::from(next(2) == Some(b'='))),
        (Some(b'='), Some(b'>')) => (Joint::Colon, at + 2),
        (Some(b':'), Some(b'=')) => (Joint::Loose, at + 2),
        (Some(b':'), Some(b':')) => return None,
        (Some(b'='), _) => (Joint::Tight, at + 1),
        (Some(b':'), _) => (Joint::Colon, at + 1),
        (Some(b','), _) if quoted_name => (Joint::Comma, at + 1),
        _ if blank_before && text[..name.start].ends_with("--") => (Joint::Option, at),
        _ => return None,
    };
    let start = skip_blanks(bytes, after);
    let joint = if joint == Joint::Tight && (blank_before || start > after) { Joint::Loose } else { joint };
    let (joint, start) = match (joint, annotated_default(bytes, start)) {
        (Joint::Colon, Some(default)) if !ends_a_value(bytes, default, promise) => {
            (Joint::Annotated, default)
        }
        _ => (joint, start),
    };
    match opening_quote(bytes, start) {
        Some(quote) => {
            let value = quote.content..closing_quote(bytes, &quote);
            quoted_is_secret(&text[value.clone()], joint, promise).then_some(value)
        }
        None => bare_value(
            text,
            start,
            Bare { joint, promise, quoted_name, before: text[..name.start].bytes().last() },
        ),
    }
}

/// `<password>value</password>`
fn element_text(text: &str, start: usize) -> Option<Range<usize>> {
    let length = text[start..].find(['<', '\n'])?;
    let value = &text[start..start + length];
    (!value.is_empty() && !names::is_placeholder(value)).then_some(start..start + length)
}

/// Behind the quote and bracket that may close a name: `"name"`, `["name"]`, `\"name\"`.
fn after_closing_quote(bytes: &[u8], end: usize) -> (bool, usize) {
    let mut at = end;
    while bytes.get(at) == Some(&b'\\') {
        at += 1;
    }
    if !matches!(bytes.get(at), Some(b'"' | b'\'' | b'`')) {
        return (false, end);
    }
    at += 1;
    (true, if bytes.get(at) == Some(&b']') { at + 1 } else { at })
}

fn skip_blanks(bytes: &[u8], from: usize) -> usize {
    from + blanks(&bytes[from..], MAX_BLANKS)
}

/// How many blanks the bytes begin with, at most so many.
fn blanks(bytes: &[u8], most: usize) -> usize {
    bytes.iter().take(most).take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// Start of the default in `name: type = default`, seen from the type.
fn annotated_default(bytes: &[u8], start: usize) -> Option<usize> {
    /// Longest type, bytes.
    const MAX_TYPE: usize = 61;
    let bytes = &bytes[start..];
    bytes.first().filter(|first| first.is_ascii_alphabetic() || **first == b'_')?;
    let belongs = |byte: &&u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'[' | b']' | b'|' | b' ' | b',')
    };
    let length = bytes.iter().take(MAX_TYPE).take_while(belongs).count();
    let default = bytes[length..].strip_prefix(b"=")?;
    Some(start + length + 1 + blanks(default, 4))
}

/// Whether the equals sign before `default` is the padding of a value in base64, or part of a header, rather than
/// code: `Authorization: Basic dTpw=`, `secret: aGVs== and`, `Cookie: a="…"`.
fn ends_a_value(bytes: &[u8], default: usize, promise: Promise) -> bool {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let blanks = bytes[..default].iter().rev().take_while(|byte| is_blank(byte)).count();
    let before_sign = bytes[..default - blanks].iter().rev().nth(1);
    if before_sign.is_some_and(is_blank) {
        return false;
    }
    let next = bytes.get(default);
    let padding =
        blanks > 0 || next.is_none_or(|next| next.is_ascii_whitespace() || b"=,;)}]<".contains(next));
    padding || matches!(promise, Promise::Cookie | Promise::Authorization)
}

/// A quote that opens a value: how many backslashes stand before it, and where its content starts.
struct Quote {
    mark: u8,
    backslashes: usize,
    content: usize,
}

/// The quote at a place, behind the letters of a Python or Rust string's prefix.
fn opening_quote(bytes: &[u8], start: usize) -> Option<Quote> {
    let is_prefix = |byte: &&u8| matches!(byte, b'b' | b'B' | b'r' | b'R' | b'u' | b'U' | b'f' | b'F');
    let at = start + bytes[start..].iter().take(2).take_while(is_prefix).count();
    let backslashes = bytes[at..].iter().take_while(|byte| **byte == b'\\').count();
    let mark = *bytes.get(at + backslashes)?;
    matches!(mark, b'"' | b'\'' | b'`').then_some(Quote { mark, backslashes, content: at + backslashes + 1 })
}

/// End of a quoted value: its closing quote, else the end of the line (the text was cut there).
fn closing_quote(bytes: &[u8], quote: &Quote) -> usize {
    let mut at = quote.content;
    while at < bytes.len() {
        match bytes[at] {
            b'\n' => return at,
            b'\\' if quote.backslashes == 0 => at += 2,
            byte if byte == quote.mark => {
                let escapes = bytes[quote.content..at].iter().rev().take(quote.backslashes);
                return at - escapes.take_while(|byte| **byte == b'\\').count();
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

fn has_digit(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_digit())
}

/// Digits among letters, and more than a word with a number behind it.
fn looks_random(value: &str) -> bool {
    let stem = value.trim_end_matches(|c: char| c.is_ascii_digit());
    let plain =
        stem.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') && value.len() - stem.len() <= 2;
    value.len() >= 8 && has_digit(value) && value.bytes().any(|byte| byte.is_ascii_alphabetic()) && !plain
}

fn quoted_is_secret(value: &str, joint: Joint, promise: Promise) -> bool {
    /// A passphrase has fewer words than a sentence of a validator.
    const MOST_WORDS: usize = 5;
    if names::is_placeholder(value) || names::names_a_secret(value) {
        return false;
    }
    let words = value.split_ascii_whitespace().take(MOST_WORDS + 1).count();
    match (promise, joint) {
        (Promise::Authorization | Promise::Cookie, Joint::Comma) => {
            words > 1 || value.contains('=') || has_digit(value)
        }
        (_, Joint::Comma) => words == 1 && looks_random(value),
        (Promise::Perhaps, Joint::Comparison) => words == 1 && looks_random(value),
        (Promise::Perhaps, _) => words == 1 && ((has_digit(value) && value.len() >= 6) || value.len() >= 16),
        (Promise::Secret, _) => words <= MOST_WORDS,
        (Promise::Authorization | Promise::Cookie, _) => true,
    }
}

/// What is known about a value without quotes.
struct Bare {
    joint: Joint,
    promise: Promise,
    quoted_name: bool,
    /// The byte before the name.
    before: Option<u8>,
}

fn bare_value(text: &str, start: usize, bare: Bare) -> Option<Range<usize>> {
    let rest = &text[start..];
    if matches!(bare.joint, Joint::Comma | Joint::Comparison | Joint::Annotated)
        || rest.starts_with(MARKER_START)
    {
        return None;
    }
    if let Some(range) = header_value(rest, bare.promise) {
        return Some(start + range.start..start + range.end);
    }
    let length = rest
        .find(|c: char| {
            c.is_whitespace()
                || matches!(
                    c,
                    '"' | '\''
                        | '`'
                        | ','
                        | ';'
                        | '&'
                        | '<'
                        | '>'
                        | '('
                        | ')'
                        | '{'
                        | '}'
                        | '['
                        | ']'
                        | '|'
                        | '\\'
                )
        })
        .unwrap_or(rest.len());
    let (value, behind) = rest.split_at(length);
    let value = value.trim_end_matches(['.', ':', '…']);
    bare_is_secret(value, behind, &bare).then_some(start..start + value.len())
}

/// The credentials of a bare `Authorization:` header, and the pairs of a bare `Cookie:` header.
fn header_value(rest: &str, promise: Promise) -> Option<Range<usize>> {
    /// Schemes whose credentials are one word.
    const ONE_WORD: [&str; 6] = ["bearer", "basic", "token", "apikey", "key", "negotiate"];
    /// Schemes whose credentials are a list.
    const LIST: [&str; 4] = ["digest", "aws4-hmac-sha256", "hmac", "signature"];
    const LONGEST: usize = 16;
    const LINE_ENDS: &[char] = &['\n', '\r', '"', '\'', '`'];
    const WORD_ENDS: &[char] = &['\n', '\r', '"', '\'', '`', ' ', '\t', ',', ';', ')', ']', '}', '\\'];
    match promise {
        Promise::Authorization => {
            let length = rest.bytes().take(LONGEST + 1).position(|byte| matches!(byte, b' ' | b'\t'))?;
            let is_one_of =
                |schemes: &[&str]| schemes.iter().any(|name| name.eq_ignore_ascii_case(&rest[..length]));
            let ends = if is_one_of(&ONE_WORD) {
                WORD_ENDS
            } else if is_one_of(&LIST) {
                LINE_ENDS
            } else {
                return None;
            };
            let start = length + blanks(&rest.as_bytes()[length..], 4);
            let end = rest[start..].find(ends).map_or(rest.len(), |length| start + length);
            (end > start && !names::is_placeholder(&rest[start..end])).then_some(start..end)
        }
        Promise::Cookie => begins_with_pair(rest).then(|| 0..rest.find(LINE_ENDS).unwrap_or(rest.len())),
        Promise::Secret | Promise::Perhaps => None,
    }
}

/// Whether this is `name=value`, with a value of three characters at least.
fn begins_with_pair(text: &str) -> bool {
    let belongs = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+.^_~-".contains(byte);
    let length = text.bytes().take(MAX_NAME).take_while(belongs).count();
    let value = text[length..].strip_prefix('=');
    let begins = |value: &str| value.chars().take(3).filter(|c| !" \t\r\n=".contains(*c)).count() == 3;
    length > 0 && value.is_some_and(begins)
}

/// Whether a value without quotes is a secret rather than code or prose; `behind` is what follows.
fn bare_is_secret(value: &str, behind: &str, bare: &Bare) -> bool {
    let next = behind.bytes().next();
    let length = value.len();
    if length > MAX_CODE_WORD {
        return true;
    }
    if length < 4
        || matches!(next, Some(b'(' | b'[' | b'{'))
        || names::is_placeholder(value)
        || names::names_a_secret(value)
    {
        return false;
    }
    let strong = bare.promise != Promise::Perhaps;
    let digit = has_digit(value);
    let tight = bare.joint == Joint::Tight;
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        return if strong && (tight || bare.quoted_name) { length >= 4 } else { strong && length >= 6 };
    }
    if value.contains('.') && value.split('.').all(names::is_identifier) {
        return digit && length >= 24;
    }
    let identifier = names::is_identifier(value);
    let line_ends =
        behind.trim_start_matches([' ', '\t', '\r']).bytes().next().is_none_or(|byte| byte == b'\n');
    match (bare.joint, strong) {
        (Joint::Option, true) => digit || !identifier || line_ends,
        (Joint::Tight, true) if identifier && !digit => !matches!(next, Some(b',' | b')' | b']' | b'}')),
        (Joint::Tight, true) => length >= 6,
        (Joint::Loose, true) => line_ends && length >= 6 && (digit || (!identifier && length >= 8)),
        (Joint::Tight, false) if matches!(bare.before, Some(b'?' | b'&')) => length >= 6,
        (Joint::Tight | Joint::Option, false) => digit && length >= 8,
        (Joint::Loose, false) => line_ends && looks_random(value) && length >= 16,
        (_, true) => length >= 6 && (digit || !identifier),
        (_, false) => looks_random(value) && length >= 12,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    fn expression(expression: &str) -> Regex {
        Regex::new(expression).unwrap()
    }

    static TYPE: LazyLock<Regex> =
        LazyLock::new(|| expression(r"^[A-Za-z_][A-Za-z0-9_.\[\]| ,]{0,60}=[ \t]{0,4}"));
    static SCHEME: LazyLock<Regex> = LazyLock::new(|| {
        expression(
            "^(?i-u:(bearer|basic|token|apikey|key|negotiate)|digest|aws4-hmac-sha256|hmac|signature)[ \t]{1,4}",
        )
    });
    static PAIR: LazyLock<Regex> =
        LazyLock::new(|| expression(r"^[A-Za-z0-9!#$%&'*+.^_~-]{1,80}=[^ \t\r\n=]{3}"));

    fn text() -> impl Strategy<Value = String> {
        let fixed = [
            "Bearer",
            "token",
            "AWS4-HMAC-SHA256",
            "Digest",
            " ",
            "\t",
            "     ",
            "=",
            "x",
            "_",
            "é",
            "Optional[str]",
        ];
        let piece = prop_oneof![
            6 => proptest::sample::select(fixed.to_vec()).prop_map(String::from),
            2 => "[A-Za-z_.| ,]{1,70}",
            1 => any::<String>(),
        ];
        proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn what_stands_before_a_value_is_what_an_expression_would_find(text in text()) {
            let default = TYPE.find(&text).map(|found| found.end());
            prop_assert_eq!(annotated_default(text.as_bytes(), 0), default);
            prop_assert_eq!(begins_with_pair(&text), PAIR.is_match(&text));
            let start = SCHEME.find(&text).map(|found| found.end()).filter(|start| *start < text.len());
            if let Some(value) = header_value(&text, Promise::Authorization) {
                prop_assert_eq!(Some(value.start), start);
            } else if let Some(start) = start {
                let value = text[start..].split(|c| " \t\n\r\"'`,;)]}\\".contains(c)).next();
                prop_assert!(value.is_some_and(|value| value.is_empty() || names::is_placeholder(value)), "{text:?}");
            }
        }
    }
}
