//! Outside text in GitHub's Markdown: nothing in it may format, link, mention, refer or close.

use crate::cleaning;
use crate::redaction::{Redacted, redact};

/// One line of prose.
pub(super) fn outside(text: &str, max_chars: usize) -> String {
    escape(safe(&cleaning::one_line(text, max_chars * 2), max_chars).as_str())
}

/// Prose of several lines, as separate paragraphs.
pub(super) fn outside_lines(text: &str, max_chars: usize) -> String {
    let safe = safe(&cleaning::multi_line(text, max_chars * 2), max_chars);
    let lines = safe.as_str().lines().map(str::trim).filter(|line| !line.is_empty()).map(escape);
    lines.collect::<Vec<_>>().join("\n\n")
}

/// Text in a fixed font, inside a line, unaltered: between more back-ticks than it contains.
pub(super) fn code(text: &str, max_chars: usize) -> String {
    let safe = safe(&cleaning::one_line(text, max_chars * 2), max_chars);
    let fence = "`".repeat(longest_run(safe.as_str()) + 1);
    // A space at each end keeps a back-tick of the text apart from those around it; Markdown takes it off again.
    let pad = if safe.as_str().starts_with('`') || safe.as_str().ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{safe}{pad}{fence}")
}

/// As [`code`], in a cell of a table, where a bar would end it.
pub(super) fn code_cell(text: &str, max_chars: usize) -> String {
    code(text, max_chars).replace('|', "\\|")
}

/// Back-ticks in a row.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A block of text in a fixed font, fenced by more back-ticks than it contains.
pub(super) fn code_block(text: &str, language: &str, max_chars: usize) -> String {
    let safe = safe(&cleaning::multi_line(text, max_chars * 2), max_chars);
    let fence = "`".repeat(longest_run(safe.as_str()).max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}", safe.as_str().trim_end_matches('\n'))
}

/// Redacted first and cut after that: half a secret has no form by which it could be recognised.
fn safe(clean: &str, max_chars: usize) -> Redacted {
    redact(clean).capped(max_chars)
}

/// Prose escaped; what stands between two back-ticks of a line stays code, where nothing has a meaning.
fn escape(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    let last = parts.len() - 1;
    let mut out = String::with_capacity(text.len() + 16);
    for (at, part) in parts.iter().enumerate() {
        let is_code = at % 2 == 1 && at < last && !part.trim().is_empty();
        match is_code {
            true => {
                out.push('`');
                out.push_str(part);
                out.push('`');
            }
            // The back-ticks that began no code.
            false if at > 0 && at % 2 == 1 => {
                out.push_str("\\`");
                out.push_str(&escape_prose(part));
                if at < last {
                    out.push_str("\\`");
                }
            }
            false => out.push_str(&escape_prose(part)),
        }
    }
    out
}

fn escape_prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            // A reference or a mention survives a backslash, since GitHub looks for it after rendering.
            '@' | '#' => {
                out.push(c);
                out.push_str("<!-- -->");
            }
            // `GH-12` refers as `#12` does, and `www.` links without a scheme.
            '-' if ends_with_word(&out, "gh") => out.push_str("-<!-- -->"),
            '.' if ends_with_word(&out, "www") => out.push_str("&#46;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            ':' => out.push_str("&#58;"), // no bare address becomes a link, no :emoji:
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '!' | '|' | '~' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    // At the start of a line these make lists, headings and rules.
    match out.chars().next() {
        Some('-' | '+' | '=') => format!("\\{out}"),
        Some(first) if first.is_ascii_digit() => out.replacen('.', "\\.", 1),
        _ => out,
    }
}

fn ends_with_word(text: &str, word: &str) -> bool {
    let at = text.len().checked_sub(word.len());
    at.and_then(|at| text.split_at_checked(at)).is_some_and(|(before, end)| {
        end.eq_ignore_ascii_case(word) && !before.ends_with(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_text_cannot_format_link_mention_or_close_an_issue() {
        let shown = outside("Fixes #12 @admin [x](https://evil.example) <img src=x> `code` www", 500);
        assert_eq!(
            shown,
            "Fixes #<!-- -->12 @<!-- -->admin \\[x\\]\\(https&#58;//evil.example\\) &lt;img src=x&gt; `code` www"
        );
        assert_eq!(outside("- item", 50), "\\- item");
        assert_eq!(
            outside("closes GH-1, gh-2; WWW.evil.example (www.evil.example)", 500),
            "closes GH-<!-- -->1, gh-<!-- -->2; WWW&#46;evil.example \\(www&#46;evil.example\\)"
        );
        assert_eq!(outside("high-1 awww.x", 50), "high-1 awww.x");
    }

    #[test]
    fn a_code_block_cannot_be_left() {
        assert_eq!(code_block("a\n````\nb", "diff", 100), "`````diff\na\n````\nb\n`````");
        assert_eq!(code("a`b|c", 10), "``a`b|c``");
        assert_eq!(code("`a", 10), "`` `a ``");
        assert_eq!(code_cell("a|b", 10), "`a\\|b`");
        assert_eq!(
            outside("the `x | y: *z` of `@a and *b*", 50),
            "the `x | y: *z` of \\`@<!-- -->a and \\*b\\*"
        );
    }
}
