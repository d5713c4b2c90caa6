//! Finds the words that occur in every name that promises something, quickly: nearly all text has none of them.
//!
//! A search for all of them, in any case, has to look at every byte. So a search for their stems in small letters
//! comes first, which steps over many bytes at a time, and the words with a stem are looked for only where it stands.

use std::cmp::Reverse;
use std::ops::Range;
use std::sync::LazyLock;

use super::Literals;
use super::names::OF_KEYS;
use crate::words::word_list;

/// In any case.
const WORDS: &[&str] = word_list![
    passw passphrase passcode pwd secret token credential cookie authorization signature jwt csrf xsrf mnemonic otp cvv
    cvc ssn dsn
];
/// In any case, and only behind something that tells them from the middle of a word.
const SHORT_WORDS: [&str; 4] = ["?sig", "&sig", "_sig", "-sig"];
/// Of two words, written as one or with `_` or `-` between them: these, and everything that makes a `key` a secret one.
const PAIRS: [(&str, &str); 3] = [("session", "id"), ("connection", "string"), ("security", "code")];

/// Each telling word contains one of these.
const STEMS: &[&str] = word_list![
    pass pwd secret token credential cookie authoriz sig jwt srf mnemonic session connection security key otp cvv cvc ssn
    dsn
];

static STEM: LazyLock<Literals> = LazyLock::new(|| Literals::new(STEMS));

/// The words in which each stem is the first, and where it stands in them: that of the longest way to it first.
static WORDS_WITH: LazyLock<[Vec<(usize, String)>; STEMS.len()]> = LazyLock::new(|| {
    let keys = OF_KEYS.iter().map(|first| (*first, "key"));
    let pairs = PAIRS
        .into_iter()
        .chain(keys)
        .flat_map(|(first, second)| ["", "_", "-"].map(|joint| [first, joint, second].concat()));
    let mut words = [const { Vec::new() }; STEMS.len()];
    for word in WORDS.iter().chain(&SHORT_WORDS).map(|word| (*word).to_owned()).chain(pairs) {
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
        let parts = word_list![pass auth sig PassPhrase Token XSRF KEY id string code s p];
        let joints = ["_", "-", "ü", "@", "[", "\u{1f}", "\n", " "];
        let fixed = [WORDS, &SHORT_WORDS, STEMS, OF_KEYS, parts, &joints].concat();
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
