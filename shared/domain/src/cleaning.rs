//! Removes from outside text whatever a reader cannot see or a terminal would obey: control
//! characters, escape sequences, zero-width and bidirectional marks, tag characters and variation
//! selectors (both are used to smuggle text past people), byte-order marks.
//!
//! What stays is exactly what is shown, capped by characters. Emoji built with joiners and scripts
//! that need them lose a little beauty; that is the price of "what you see is what there is".
//! Whoever compares cleaned text with a file has to clean the file's line too.

use std::str::Chars;

/// Stands at the end of text that was cut.
const ELLIPSIS: char = '…';

/// How line breaks and tabs come out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    Line,
    Source,
    Text,
}

/// One line without tabs, trimmed: breaks and tabs become spaces. At most `max_chars` characters,
/// the last one `…` where something was cut.
pub fn one_line(text: &str, max_chars: usize) -> String {
    let mut line = clean(text.trim_start(), max_chars, Layout::Line);
    line.truncate(line.trim_end().len());
    line.drain(..line.len() - line.trim_start().len());
    line
}

/// One line of source: tabs and indentation stay, breaks at its end go. Capped like [`one_line`].
pub fn source_line(text: &str, max_chars: usize) -> String {
    clean(text.trim_end_matches(['\r', '\n']), max_chars, Layout::Source)
}

/// Text whose line breaks (all as `\n`) and tabs stay. Capped like [`one_line`].
pub fn multi_line(text: &str, max_chars: usize) -> String {
    clean(text, max_chars, Layout::Text)
}

fn clean(text: &str, max_chars: usize, layout: Layout) -> String {
    if text.len() <= max_chars && printable(text) == text.len() {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len().min(max_chars.saturating_mul(4)));
    let mut room = max_chars;
    let mut chars = text.chars();
    loop {
        // Nearly all text is runs of printable ASCII: those are copied whole.
        let rest = chars.as_str();
        let run = printable(rest);
        if run > room {
            out.push_str(&rest[..room]);
            mark_cut(&mut out);
            break;
        }
        out.push_str(&rest[..run]);
        room -= run;
        chars = rest[run..].chars();
        let Some(found) = chars.next() else { break };
        let kept = match found {
            '\r' if chars.as_str().starts_with('\n') => continue,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                if layout == Layout::Text { '\n' } else { ' ' }
            }
            '\t' => {
                if layout == Layout::Line {
                    ' '
                } else {
                    '\t'
                }
            }
            '\u{1b}' => {
                skip_escape(&mut chars);
                continue;
            }
            // The same sequences with their one-character introducers (ECMA-48, C1).
            '\u{9b}' => {
                skip_control_sequence(&mut chars);
                continue;
            }
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => {
                skip_control_string(&mut chars);
                continue;
            }
            _ if found.is_control() || is_invisible(found) => continue,
            _ => found,
        };
        if room == 0 {
            mark_cut(&mut out);
            break;
        }
        out.push(kept);
        room -= 1;
    }
    out
}

fn mark_cut(out: &mut String) {
    if out.pop().is_some() {
        out.push(ELLIPSIS);
    }
}

/// How many bytes from the start are printable ASCII (space to tilde). Eight at a time: what is cleaned is long and
/// seldom anything else.
fn printable(text: &str) -> usize {
    const EIGHT: u64 = 0x0101_0101_0101_0101;
    const HIGH_BITS: u64 = EIGHT * 0x80;
    let bytes = text.as_bytes();
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // The lowest byte that sets its high bit here is exact; what carries make of those above does not matter.
        let below_space = word.wrapping_sub(EIGHT * 0x20) & !word;
        let differs_from_delete = word ^ (EIGHT * 0x7f);
        let is_delete = differs_from_delete.wrapping_sub(EIGHT) & !differs_from_delete;
        let other = (word | below_space | is_delete) & HIGH_BITS;
        if other != 0 {
            return 8 * at + other.trailing_zeros() as usize / 8;
        }
    }
    let plain = rest.iter().take_while(|byte| matches!(byte, b' '..=b'~')).count();
    8 * words.len() + plain
}

/// Whether a character changes what a person reads without being seen: what Unicode lists as ignorable by default (zero
/// width, fillers, variation selectors, tags), what turns the direction of text around, separators of lines, and code
/// points that are no characters. Control characters are not in it.
pub fn is_invisible(found: char) -> bool {
    matches!(found,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' // Mongolian selectors and separator
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' // zero width, separators, bidi
        | '\u{2060}'..='\u{206f}' // joiners, invisible operators, bidi isolates
        | '\u{3164}' | '\u{ffa0}' // Hangul fillers
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' // shorthand and musical formatting
        | '\u{e0000}'..='\u{e0fff}') // tags and variation selectors 17 to 256
        || (found as u32) & 0xfffe == 0xfffe
}

/// The next character, if it is a wanted one.
fn next_if(chars: &mut Chars<'_>, wanted: impl Fn(char) -> bool) -> Option<char> {
    let next = chars.clone().next().filter(|next| wanted(*next))?;
    chars.next();
    Some(next)
}

/// Called after ESC.
fn skip_escape(chars: &mut Chars<'_>) {
    match chars.clone().next() {
        Some('[') => {
            chars.next();
            skip_control_sequence(chars);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            chars.next();
            skip_control_string(chars);
        }
        Some(' '..='~') => {
            while next_if(chars, |next| matches!(next, ' '..='/')).is_some() {}
            next_if(chars, |next| matches!(next, '0'..='~'));
        }
        _ => {}
    }
}

/// Parameters and the final byte of a control sequence such as a colour.
fn skip_control_sequence(chars: &mut Chars<'_>) {
    while next_if(chars, |next| matches!(next, ' '..='?')).is_some() {}
    next_if(chars, |next| matches!(next, '@'..='~'));
}

/// A string such as a window title or a link, up to its terminator; never past the end of the line,
/// so that one without a terminator cannot hide the rest of the text.
fn skip_control_string(chars: &mut Chars<'_>) {
    while let Some(next) = next_if(chars, |next| !matches!(next, '\n' | '\r')) {
        match next {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                next_if(chars, |next| next == '\\');
                return;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(one_line(text, 100), expected, "{text:?}");
    }

    #[test]
    fn what_nobody_sees_is_removed() {
        check("plain text", "plain text");
        check("a\u{0}b\u{7}c\u{7f}d\u{86}", "abcd");
        check("\u{feff}zero\u{200b}wi\u{2060}dth\u{ad}", "zerowidth");
        check("admin\u{202e}txt.exe\u{2069}", "admintxt.exe");
        check("hi\u{e0049}\u{e0067}\u{e006e}", "hi");
        check("x\u{fe01}\u{e0100}\u{e01ef}y", "xy");
        check("Grüße, 世界 🙂", "Grüße, 世界 🙂");
    }

    #[test]
    fn terminal_escapes_are_removed_whole() {
        check("\u{1b}[1;31mred\u{1b}[0m", "red");
        check("\u{1b}]0;title\u{7}after", "after");
        check("\u{1b}]8;;https://evil.example\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link");
        check("\u{9b}31mred", "red");
        check("\u{1b}(Bx\u{1b}", "x");
        assert_eq!(multi_line("\u{1b}]0;never ends\nnext line", 100), "\nnext line");
    }

    #[test]
    fn line_breaks_become_spaces_in_one_line_and_stay_in_many() {
        check(" a\r\nb\tc\u{2028}d\n", "a b c d");
        assert_eq!(multi_line("a\r\nb\rc\td", 100), "a\nb\nc\td");
        assert_eq!(source_line("\tif x:\r\n", 100), "\tif x:");
    }

    #[test]
    fn the_cap_counts_characters_and_shows_that_something_was_cut() {
        assert_eq!(one_line("äöüäöü", 6), "äöüäöü");
        assert_eq!(one_line("äöüäöüx", 6), "äöüäö…");
        assert_eq!(one_line("abcdef", 3), "ab…");
        assert_eq!(one_line("abc", 0), "");
        assert_eq!(multi_line(&"\u{200b}".repeat(10_000), 5), "");
    }

    #[test]
    fn a_run_of_printable_characters_ends_at_the_first_other_byte() {
        for length in 0..20 {
            for other in ['\0', '\n', '\u{1f}', '\u{7f}', '\u{80}', 'ü', '世', '🙂'] {
                let text = format!("{}{other}{}", "~ aZ".repeat(5).split_at(length).0, "x\u{7f}\n".repeat(4));
                assert_eq!(printable(&text), length, "{text:?}");
            }
            let text = " ~".repeat(length);
            assert_eq!(printable(&text), text.len());
        }
    }

    proptest! {
        #[test]
        fn cleaning_is_bounded_and_cleaning_twice_changes_nothing(text in any::<String>(), max in 0usize..40) {
            for clean in [one_line, multi_line, source_line] {
                let once = clean(&text, max);
                prop_assert!(once.chars().count() <= max);
                let hidden = |c: char| is_invisible(c) || (c.is_control() && !matches!(c, '\n' | '\t'));
                prop_assert!(!once.chars().any(hidden));
                prop_assert_eq!(clean(&once, max), once);
            }
        }
    }
}
