//! Finds the words that occur in every name that promises something, quickly: nearly all text has none of them.
//!
//! A search for all of them, in any case, has to look at every byte. So a search for their stems in small letters
//! comes first, which steps over many bytes at a time, and the words with a stem are looked for only where it stands.

use std::cmp::Reverse;
use std::ops::Range;
use std::sync::LazyLock;

use super::Literals;

/// In any case.
const WORDS: [&str; 23] = [
    "passw",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "token",
    "credential",
    "cookie",
    "authorization",
    "signature",
    "jwt",
    "csrf",
    "xsrf",
    "mnemonic",
    "otp",
    "cvv",
    "cvc",
    "ssn",
    "dsn",
    "?sig",
    "&sig",
    "_sig",
    "-sig",
];
/// Of two words, written as one or with `_` or `-` between them.
const PAIRS: [(&str, &str); 19] = [
    ("session", "id"),
    ("connection", "string"),
    ("security", "code"),
    ("api", "key"),
    ("access", "key"),
    ("private", "key"),
    ("signing", "key"),
    ("encryption", "key"),
    ("master", "key"),
    ("account", "key"),
    ("service", "key"),
    ("auth", "key"),
    ("shared", "key"),
    ("storage", "key"),
    ("webhook", "key"),
    ("session", "key"),
    ("hmac", "key"),
    ("license", "key"),
    ("deploy", "key"),
];

/// Each telling word contains one of these.
const STEMS: [&str; 20] = [
    "pass",
    "pwd",
    "secret",
    "token",
    "credential",
    "cookie",
    "authoriz",
    "sig",
    "jwt",
    "srf",
    "mnemonic",
    "session",
    "connection",
    "security",
    "key",
    "otp",
    "cvv",
    "cvc",
    "ssn",
    "dsn",
];

static STEM: LazyLock<Literals> = LazyLock::new(|| Literals::new(&STEMS));

/// The words in which each stem is the first, and where it stands in them: that of the longest way to it first.
static WORDS_WITH: LazyLock<[Vec<(usize, String)>; STEMS.len()]> = LazyLock::new(|| {
    let pairs =
        PAIRS.iter().flat_map(|(first, second)| ["", "_", "-"].map(|joint| [first, joint, second].concat()));
    let mut words = [const { Vec::new() }; STEMS.len()];
    for word in WORDS.map(String::from).into_iter().chain(pairs) {
        let (stem, start) = STEM.find(word.as_bytes(), 0).expect("each word contains a stem");
        words[stem].push((start, word));
    }
    words.iter_mut().for_each(|words| words.sort_by_key(|(start, _)| Reverse(*start)));
    words
});

pub(super) fn prepare() {
    LazyLock::force(&WORDS_WITH);
}

/// Where the telling words stand, from left to right and without overlap; `small` is the text with small letters.
pub(super) fn telling_words(text: &str, small: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    // Ends of the last word, and where to look for the next stem.
    let (mut done, mut at) = (0, 0);
    std::iter::from_fn(move || {
        loop {
            let (stem, start) = STEM.find(small, at)?;
            let word = WORDS_WITH[stem].iter().find_map(|(offset, word)| {
                let start = start.checked_sub(*offset).filter(|start| *start >= done)?;
                let found = bytes.get(start..start + word.len())?;
                found.eq_ignore_ascii_case(word.as_bytes()).then(|| start..start + word.len())
            });
            if let Some(word) = word {
                (done, at) = (word.end, word.end);
                return Some(word);
            }
            at = start + 1;
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::bytes::Regex;

    use super::*;
    use crate::redaction::small_letters;

    static EXPRESSION: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            "(?i-u)passw|passphrase|passcode|pwd|secret|token|credential|cookie|authorization|signature|jwt|\
             csrf|xsrf|mnemonic|session[_-]?id|connection[_-]?string|security[_-]?code|\
             (?:api|access|private|signing|encryption|master|account|service|auth|shared|storage|webhook|\
             session|hmac|license|deploy)[_-]?key|\
             otp|cvv|cvc|ssn|dsn|[?&_-]sig",
        )
        .unwrap()
    });

    fn piece() -> impl Strategy<Value = String> {
        let fixed = vec![
            "passw",
            "PassPhrase",
            "passcode",
            "pass",
            "pwd",
            "secret",
            "Token",
            "credential",
            "cookie",
            "authorization",
            "auth",
            "signature",
            "sig",
            "_sig",
            "?sig",
            "jwt",
            "csrf",
            "XSRF",
            "mnemonic",
            "session",
            "id",
            "_",
            "-",
            "connection",
            "string",
            "security",
            "code",
            "api",
            "access",
            "private",
            "signing",
            "encryption",
            "master",
            "account",
            "service",
            "shared",
            "storage",
            "webhook",
            "hmac",
            "license",
            "deploy",
            "key",
            "KEY",
            "otp",
            "cvv",
            "cvc",
            "ssn",
            "dsn",
            "s",
            "p",
            "ü",
            "@",
            "[",
            "\u{1f}",
            "\n",
            " ",
        ];
        prop_oneof![8 => proptest::sample::select(fixed).prop_map(String::from), 1 => any::<String>()]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn the_words_are_those_that_an_expression_would_find(pieces in proptest::collection::vec(piece(), 0..24)) {
            let text = pieces.concat();
            let expected: Vec<_> = EXPRESSION.find_iter(text.as_bytes()).map(|word| word.range()).collect();
            let small = small_letters(text.as_bytes());
            prop_assert_eq!(telling_words(&text, &small).collect::<Vec<_>>(), expected);
        }
    }
}
