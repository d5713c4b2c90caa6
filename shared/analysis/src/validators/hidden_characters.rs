//! Characters that make code read differently from what it does: invisible ones, those that turn
//! the direction of text around, and letters of another alphabet that look like Latin ones.

use std::collections::HashMap;

use super::reviewed::{Reviewed, shortened};
use autofix_domain::cleaning::is_invisible;
use autofix_domain::reason::{Reason, ReasonCode};

pub(super) fn invisible_character(file: &Reviewed<'_>) -> Option<Reason> {
    hidden(file).or_else(|| mixed_alphabets(file))
}

fn hidden(file: &Reviewed<'_>) -> Option<Reason> {
    let mut removed: HashMap<char, usize> = HashMap::new();
    for character in file.removed_lines().flat_map(|line| line.text.chars()).filter(|c| is_hidden(*c)) {
        *removed.entry(character).or_default() += 1;
    }
    for line in file.added_lines() {
        for character in line.text.chars().filter(|c| is_hidden(*c)) {
            match removed.get_mut(&character) {
                Some(count) if *count > 0 => *count -= 1,
                _ => {
                    let code_point = u32::from(character);
                    let detail = format!(
                        "The fix adds an invisible character (U+{code_point:04X}) in line {}.",
                        line.number
                    );
                    return Some(Reason::new(ReasonCode::InvisibleCharacter, detail));
                }
            }
        }
    }
    None
}

fn mixed_alphabets(file: &Reviewed<'_>) -> Option<Reason> {
    let known = |word: &str| file.change.before.contains(word);
    for line in file.added_lines() {
        let mut words = line.text.split(|c: char| !c.is_alphanumeric() && c != '_');
        if let Some(word) = words.find(|word| looks_latin_but_is_not(word) && !known(word)) {
            let detail = format!(
                "The fix adds `{}` in line {}, which mixes letters of two alphabets.",
                shortened(word),
                line.number
            );
            return Some(Reason::new(ReasonCode::InvisibleCharacter, detail));
        }
    }
    None
}

fn is_hidden(character: char) -> bool {
    is_invisible(character) || (character.is_control() && character != '\t')
}

fn looks_latin_but_is_not(word: &str) -> bool {
    let greek_or_cyrillic = |c: char| matches!(u32::from(c), 0x370..=0x52F);
    word.chars().any(greek_or_cyrillic) && word.chars().any(|c| c.is_ascii_alphabetic())
}
