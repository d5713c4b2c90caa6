//! Code without the prose in it: comments are left out, and what strings say is replaced by `…`.
//!
//! A comment or a string can hold a sentence to whoever reads the code; a name can't. Line breaks stay, so every line
//! keeps its number. What cannot be parsed, and languages without a grammar, stay as they are.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use tree_sitter::Node;

use super::{Family, Language, Parsed, Position, Walk, is_comment_kind};

/// Stands for what a string says.
pub const LEFT_OUT: &str = "…";
/// Characters of a string that can be a name: a key, a field, a setting. Longer ones are prose.
const MAX_WORD_CHARS: usize = 40;

/// Strings that stay.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Lines, counted from 1, whose strings stay as they are.
    pub lines: BTreeSet<u32>,
    /// Strings that stay wherever they are: whole strings of one word.
    pub words: BTreeSet<String>,
}

/// A file's text without its comments and, but for the kept ones, without what its strings say.
pub fn blanked<'t>(path: &str, text: &'t str, kept: &Kept) -> Cow<'t, str> {
    let Some(language) = Language::of_path(path) else { return Cow::Borrowed(text) };
    let parsed = Parsed::new(language, text);
    let pieces = pieces(&parsed);
    let mut line = 1;
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    for Piece { range, what } in pieces {
        let Some(code) = text.get(at..range.start) else { continue };
        line += line_breaks(code);
        shown.push_str(code);
        let content = &text[range.clone()];
        let is_word = what == What::Whole && kept.words.contains(content);
        let can_stay = matches!(what, What::Whole | What::Part);
        for (number, part) in (line..).zip(content.split_inclusive('\n')) {
            let (words, end) = part.split_at(part.trim_end_matches(['\n', '\r']).len());
            if is_word || (can_stay && kept.lines.contains(&number)) || words.trim().is_empty() {
                shown.push_str(words);
            } else {
                shown.push_str(if what == What::Comment { "" } else { LEFT_OUT });
                // A line break to some.
                shown.extend(words.chars().filter(|c| *c == '\r'));
            }
            shown.push_str(end);
        }
        line += line_breaks(content);
        at = range.end;
    }
    shown.push_str(text.get(at..).unwrap_or_default());
    Cow::Owned(shown)
}

/// The strings on some lines that are a single word.
pub fn words_on(path: &str, text: &str, lines: &BTreeSet<u32>) -> BTreeSet<String> {
    let Some(language) = Language::of_path(path).filter(|_| !lines.is_empty()) else {
        return BTreeSet::new();
    };
    let parsed = Parsed::new(language, text);
    let (mut line, mut at) = (1, 0);
    let mut words = BTreeSet::new();
    for Piece { range, what } in pieces(&parsed) {
        line += line_breaks(&text[at..range.start]);
        at = range.start;
        let content = &text[range];
        if what == What::Whole && lines.contains(&line) && is_word(content) {
            words.insert(content.to_owned());
        }
    }
    words
}

/// Whether a text can be a name rather than a sentence.
pub fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.chars().count() <= MAX_WORD_CHARS
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '$'))
}

fn line_breaks(text: &str) -> u32 {
    u32::try_from(text.bytes().filter(|byte| *byte == b'\n').count()).unwrap_or(u32::MAX)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Comment,
    /// What a string says that does nothing but document.
    Documentation,
    /// All that a string says.
    Whole,
    /// Some of what a string says: between two pieces of code.
    Part,
}

struct Piece {
    range: Range<usize>,
    what: What,
}

/// Comments and what strings say, in the order of the file, none inside of another.
fn pieces(parsed: &Parsed<'_>) -> Vec<Piece> {
    let mut found: Vec<Piece> = Vec::new();
    let walk = Walk::of(parsed);
    walk.visit(|node, position| {
        if is_comment_kind(position.kind) {
            found.push(Piece { range: node.byte_range(), what: What::Comment });
        } else if node.is_named() && is_string(parsed.family(), position.kind) {
            let contents = contents(parsed, node);
            let what = match contents.len() {
                _ if is_documentation(parsed.family(), position) => What::Documentation,
                1 => What::Whole,
                _ => What::Part,
            };
            found.extend(contents.into_iter().map(|range| Piece { range, what }));
        }
    });
    found.sort_by_key(|piece| (piece.range.start, piece.range.end));
    let mut end = 0;
    found.retain(|piece| {
        let is_next = piece.range.start >= end && !piece.range.is_empty();
        end = if is_next { piece.range.end } else { end };
        is_next
    });
    found
}

/// Nodes that hold text for people or machines between their delimiters.
fn is_string(family: Family, kind: &str) -> bool {
    match family {
        Family::Python => kind == "string",
        Family::Script => matches!(kind, "string" | "template_string" | "jsx_text"),
        Family::Go => matches!(kind, "interpreted_string_literal" | "raw_string_literal"),
        Family::Rust => matches!(kind, "string_literal" | "raw_string_literal"),
        Family::Java => kind == "string_literal",
        Family::Ruby => matches!(
            kind,
            "string" | "bare_string" | "heredoc_body" | "delimited_symbol" | "subshell" | "uninterpreted"
        ),
        Family::Php => matches!(
            kind,
            "string"
                | "encapsed_string"
                | "heredoc_body"
                | "nowdoc_body"
                | "shell_command_expression"
                | "text"
        ),
    }
}

/// A string that is a whole statement does nothing.
fn is_documentation(family: Family, position: &Position<'_, '_>) -> bool {
    family == Family::Python
        && position.parent_kind == "expression_statement"
        && position.parent().is_some_and(|parent| parent.named_child_count() == 1)
}

/// What a string says: all of it but its delimiters and the code in it.
fn contents(parsed: &Parsed<'_>, node: Node<'_>) -> Vec<Range<usize>> {
    let mut cursor = node.walk();
    let children: Vec<Node<'_>> = node.children(&mut cursor).collect();
    let last = children.len().saturating_sub(1);
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut say = |range: Range<usize>| match found.last_mut() {
        _ if range.is_empty() => {}
        Some(before) if before.end == range.start => before.end = range.end,
        _ => found.push(range),
    };
    if children.is_empty() {
        let text = parsed.text_of(node);
        let quoted = ['"', '\'', '`'].iter().any(|quote| text.len() > 1 && text.starts_with(*quote));
        let inset = usize::from(quoted);
        say(node.start_byte() + inset..node.end_byte().saturating_sub(inset));
        return found;
    }
    let mut at = node.start_byte();
    for (index, child) in children.iter().enumerate() {
        say(at..child.start_byte());
        at = child.end_byte();
        let is_edge = index == 0 || index == last;
        let is_delimiter = match child.kind() {
            "string_start" | "string_end" | "heredoc_end" => true,
            _ => !child.is_named() && is_edge,
        };
        if is_content(child.kind()) || !(child.is_named() || is_delimiter) {
            say(child.byte_range());
        }
    }
    say(at..node.end_byte());
    found
}

/// What stands in a string and is no code. What else has a name there is: an interpolation, a variable.
fn is_content(kind: &str) -> bool {
    kind.ends_with("_content")
        || kind.ends_with("string_fragment")
        || kind.starts_with("escape_")
        || matches!(kind, "nowdoc_string" | "string_value")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(path: &str, text: &str) -> String {
        blanked(path, text, &Kept::default()).into_owned()
    }

    #[test]
    fn no_language_shows_what_comments_and_strings_say() {
        let samples = [
            (
                "a.py",
                "# no\nx = {'no': \"no no\", '': f\"no {y['no']} no\"} # no\ndef f():\n    \"\"\"no\n    no\n    \"\"\"\n    return r'no' 'no' b'\\n no'\n",
            ),
            ("a.js", "// no\nconst a = `no ${b['no']} no\nno` /* no\n no */ + 'no \\n no' + \"\";\n"),
            ("a.tsx", "const A = (p: P) => <div title=\"no\">no no {p.a /* no */} no</div>; // no\n"),
            ("a.go", "package a\n\n// no\nvar b = \"no \\n no\" + `no\nno` + \"\"\n"),
            ("a.rs", "/// no\nfn f() -> &'static str { /* no */ let a = r#\"no\"no\"#; \"no \\n no\" }\n"),
            (
                "a.java",
                "/** no */\nclass A { String b = \"no \\n no\" + \"\"\"\n    no\n    no\n    \"\"\"; } // no\n",
            ),
            ("a.rb", "# no\na = \"no #{b['no']} no\" + 'no' + <<~X\n  no #{c}\n  no\nX\nd = %w[no no]\n"),
            (
                "a.php",
                "<p>no</p><?php\n# no\n$a = \"no $b no {$c['no']}\" . 'no' . <<<X\n no $d no\nX;\n$e = <<<'Y'\n no\nY;\n",
            ),
        ];
        for (path, text) in samples {
            let shown = shown(path, text);
            let words: Vec<&str> = shown.split(|c: char| !c.is_alphanumeric()).collect();
            assert!(!words.contains(&"no"), "{path}:\n{shown}");
            assert_eq!(shown.lines().count(), text.lines().count(), "{path}:\n{shown}");
        }
    }

    #[test]
    fn code_stays_as_it_is() {
        insta::assert_snapshot!(
            shown(
                "a.py",
                "import os  # why\n\n\ndef f(a):\n    \"\"\"Why.\n\n    More.\"\"\"\n    return a.get('key', '') or f'{a.b!r} is {os.name}'\n",
            ),
            @r#"
        import os  


        def f(a):
            """…

        …"""
            return a.get('…', '') or f'{a.b!r}…{os.name}'
        "#
        );
        for (path, text) in [
            ("a.ts", "const a = `${b}`; const c = /x/.test('');\n"),
            ("a.go", "package a\n\nvar b = 'x'\n"),
            ("a.rs", "fn f<'a>(b: &'a str) -> char { 'x' }\n"),
            ("a.rb", "a = { b: :c, d: %i[e f] }\n"),
            ("a.txt", "Not code: # 'at all'\n"),
        ] {
            assert_eq!(shown(path, text), text, "{path}");
        }
    }

    #[test]
    fn strings_on_kept_lines_and_kept_words_stay_but_comments_and_documentation_never() {
        let text =
            "a['key'] = 'some text'  # no\nb['key'] = 'other text'\nc['no'] = 'key no'\n'key'\n'''no'''\n";
        let lines = BTreeSet::from([1, 5]);
        let words = words_on("a.py", text, &lines);
        assert_eq!(words, BTreeSet::from(["key".to_owned()]));
        assert_eq!(
            blanked("a.py", text, &Kept { lines, words }),
            "a['key'] = 'some text'  \nb['key'] = '…'\nc['…'] = '…'\n'…'\n'''…'''\n"
        );
    }

    #[test]
    fn a_word_is_no_sentence() {
        for word in ["line2", "user.name", "Content-Type", "größe"] {
            assert!(is_word(word), "{word}");
        }
        for text in ["", "two words", "a\nb", "x".repeat(MAX_WORD_CHARS + 1).as_str(), "!"] {
            assert!(!is_word(text), "{text}");
        }
    }
}
