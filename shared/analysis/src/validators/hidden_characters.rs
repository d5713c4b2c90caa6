//! Characters that make code read differently from what it does: invisible ones, those that turn
//! the direction of text around, and letters of another alphabet that look like Latin ones.

use std::collections::HashMap;

use super::reviewed::{Reviewed, shortened};
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
    let invisible = matches!(u32::from(character),
        0xAD | 0x34F | 0x61C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F
        | 0x2028..=0x202E
        | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF9..=0xFFFB | 0xE0000..=0xE0FFF);
    invisible || (character.is_control() && character != '\t')
}

fn looks_latin_but_is_not(word: &str) -> bool {
    let greek_or_cyrillic = |c: char| matches!(u32::from(c), 0x370..=0x52F);
    word.chars().any(greek_or_cyrillic) && word.chars().any(|c| c.is_ascii_alphabetic())
}
