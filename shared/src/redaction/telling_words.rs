//! Finds the words that occur in every name that promises something, quickly: nearly all text has none of them.
//!
//! An expression for all of them, in any case, has to look at every byte. So a search for their stems in small
//! letters comes first, which steps over many bytes at a time, and the expression looks only around a stem.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

/// Longer than every telling word, bytes.
const LONGEST: usize = 20;

static TELLING_WORD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        "(?i-u)passw|passphrase|passcode|pwd|secret|token|credential|cookie|authorization|signature|jwt|\
         csrf|xsrf|mnemonic|session[_-]?id|connection[_-]?string|security[_-]?code|\
         (?:api|access|private|signing|encryption|master|account|service|auth|shared|storage|webhook|\
         session|hmac|license|deploy)[_-]?key|\
         otp|cvv|cvc|ssn|dsn|[?&_-]sig",
    )
    .expect("a valid expression")
});

/// Each telling word contains one of these.
static STEM: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        "pass|pwd|secret|token|credential|cookie|authoriz|sig|jwt|srf|mnemonic|session|connection|security|\
         key|otp|cvv|cvc|ssn|dsn",
    )
    .expect("a valid expression")
});

/// Where the telling words stand, from left to right and without overlap.
pub(super) fn telling_words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let lower = with_small_letters(bytes);
    // Ends of the last word, and where to look for the next stem.
    let (mut done, mut at) = (0, 0);
    std::iter::from_fn(move || {
        loop {
            let stem = STEM.find_at(&lower, at)?.start();
            let from = done.max(stem.saturating_sub(LONGEST));
            let found = TELLING_WORD.find(&bytes[from..bytes.len().min(stem + LONGEST)]);
            // A word that begins behind this stem has one of its own, and may be cut off here.
            match found.map(|found| from + found.start()..from + found.end()) {
                Some(word) if word.start <= stem => {
                    (done, at) = (word.end, word.end);
                    return Some(word);
                }
                _ => at = stem + 1,
            }
        }
    })
}

/// The bytes with all letters small, and with what is no letter changed into what is none either.
fn with_small_letters(bytes: &[u8]) -> Vec<u8> {
    const BIT: u8 = 0x20;
    let mut lower = bytes.to_vec();
    let (words, rest) = lower.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) | u64::from_ne_bytes([BIT; 8])).to_ne_bytes();
    }
    rest.iter_mut().for_each(|byte| *byte |= BIT);
    lower
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
        fn the_words_are_those_that_the_expression_alone_would_find(pieces in proptest::collection::vec(piece(), 0..24)) {
            let text = pieces.concat();
            let expected: Vec<_> = TELLING_WORD.find_iter(text.as_bytes()).map(|word| word.range()).collect();
            prop_assert_eq!(telling_words(&text).collect::<Vec<_>>(), expected);
        }
    }
}
