//! Code reduced to what it does: its tokens without comments, layout and quote style.
//!
//! Two texts with the same tokens do the same, so that comparing tokens answers "did anything
//! change?" and "did this very statement exist before?". Nesting is part of a comparison of whole
//! trees, since Python's blocks are told by indentation alone.

use std::borrow::Cow;
use std::ops::Range;

use tree_sitter::Node;

use super::{Family, Parsed, Position, Then, is_comment_kind, visit_part};

/// Whether both texts do the same: they differ in comments, doc strings and layout at most.
pub fn same_meaning(before: &Parsed<'_>, after: &Parsed<'_>) -> bool {
    let (olds, news) = (top_level(before), top_level(after));
    // What is the same to the letter at both ends needs no tokens: most of a file.
    let same = |(old, new): &(&Node<'_>, &Node<'_>)| {
        old.kind_id() == new.kind_id() && before.text_of(**old) == after.text_of(**new)
    };
    let start = olds.iter().zip(&news).take_while(same).count();
    let end = olds[start..].iter().rev().zip(news[start..].iter().rev()).take_while(same).count();
    let rest = |nodes: &[Node<'_>], text_end: usize| {
        let from = nodes.get(start).map_or(text_end, |one| one.start_byte());
        from..nodes.get(nodes.len() - end).map_or(text_end, |one| one.start_byte())
    };
    nested_tokens(before, rest(&olds, before.text.len()))
        == nested_tokens(after, rest(&news, after.text.len()))
}

fn top_level<'p>(parsed: &'p Parsed<'_>) -> Vec<Node<'p>> {
    parsed.root().children(&mut parsed.root().walk()).collect()
}

/// The tokens of a node with single spaces between them, without comments and trailing commas.
pub fn normalised(parsed: &Parsed<'_>, node: Node<'_>) -> String {
    normalised_until(parsed, node, node.end_byte())
}

/// As [`normalised`], only of what begins before a byte position.
pub fn normalised_until(parsed: &Parsed<'_>, node: Node<'_>, end: usize) -> String {
    let mut text = String::new();
    for token in leaves(parsed, node, 0..end) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&token.text);
    }
    text
}

struct Token<'t, 'p> {
    depth: usize,
    /// Kind of its parent, which tells `(a)` from the tuple `(a,)`.
    parent: &'p str,
    text: Cow<'t, str>,
}

fn nested_tokens<'p, 't>(parsed: &'p Parsed<'t>, range: Range<usize>) -> Vec<(usize, &'p str, Cow<'t, str>)> {
    let all = leaves(parsed, parsed.root(), range);
    all.into_iter().map(|token| (token.depth, token.parent, token.text)).collect()
}

/// The tokens below a node that begin in a range of bytes. Nothing outside of it is looked at: a signature is short, and
/// its function may be long.
fn leaves<'t, 'p>(parsed: &Parsed<'t>, top: Node<'p>, range: Range<usize>) -> Vec<Token<'t, 'p>> {
    let mut tokens: Vec<Token<'t, 'p>> = Vec::new();
    visit_part(top, |node, position| {
        if node.start_byte() >= range.end {
            return Then::Stop;
        }
        if node.end_byte() <= range.start && node.start_byte() < range.start {
            return Then::Beside;
        }
        let is_documentation = || is_doc_string(parsed.family(), node, position) && node != top;
        if is_comment_kind(position.kind) || is_documentation() {
            return Then::Beside;
        }
        // A string's content may have no child of its own; whitespace in it then still counts.
        if node.child_count() > 0 || node.start_byte() >= node.end_byte() {
            return Then::Below;
        }
        let text = parsed.text_of(node);
        if matches!(text, ")" | "]" | "}") && tokens.last().is_some_and(|last| last.text == ",") {
            tokens.pop();
        }
        let is_blank = text.trim().is_empty() && !node.is_named();
        if is_blank || text.is_empty() || (text == ";" && is_layout(parsed.family())) {
            return Then::Below;
        }
        let quotes_are_alike = matches!(parsed.family(), Family::Python | Family::Script);
        let text = match quotes_are_alike && is_quote(position.kind) {
            true => Cow::Owned(text.replace('\'', "\"")),
            false => Cow::Borrowed(text),
        };
        tokens.push(Token { depth: position.ancestors.len(), parent: position.parent_kind, text });
        Then::Below
    });
    tokens
}

/// Whether a semicolon only ends what a line break would end as well.
fn is_layout(family: Family) -> bool {
    match family {
        Family::Python | Family::Script | Family::Ruby => true,
        Family::Go | Family::Rust | Family::Java | Family::Php => false,
    }
}

fn is_quote(kind: &str) -> bool {
    matches!(kind, "string_start" | "string_end" | "\"" | "'")
}

/// A string that stands alone as a statement does nothing.
fn is_doc_string(family: Family, node: Node<'_>, position: &Position<'_, '_>) -> bool {
    family == Family::Python
        && position.kind == "expression_statement"
        && node.named_child_count() == 1
        && node.named_child(0).is_some_and(|child| child.kind() == "string")
        // A block must keep one statement: alone in its block the string stands for `pass`.
        && position.parent().is_some_and(|parent| parent.named_child_count() > 1)
}

#[cfg(test)]
mod tests {
    use super::super::Language;
    use super::*;

    #[test]
    fn comments_layout_quotes_and_doc_strings_mean_nothing() {
        let same = [
            (Language::Python, "a = 1\n", "# why\na  =  1  # so\n\n\n"),
            (Language::Python, "f(a, b)\n", "f(\n    a,\n    b,\n)\n"),
            (
                Language::Python,
                "def f():\n    return 'a'\n",
                "def f():\n    \"\"\"Says a.\"\"\"\n    return \"a\"\n",
            ),
            (Language::JavaScript, "f({a: 1});\n", "// x\nf({\n  a: 1,\n})\n"),
            (Language::Go, "package a\n\nvar b = 1\n", "package a\n\n// b is one.\nvar b   = 1\n"),
            (Language::Rust, "fn f() { g(a, b) }\n", "/// F.\nfn f() {\n    g(a, b) // c\n}\n"),
            (Language::Java, "class A { int b = 1; }\n", "/** A. */\nclass A {\n  int b = 1;\n}\n"),
            (Language::Ruby, "a = 1\n", "# one\na  = 1;\n"),
            (Language::Php, "<?php\nf($a);\n", "<?php\n# f\nf(\n  $a\n);\n"),
        ];
        for (language, before, after) in same {
            assert!(same_meaning(&Parsed::new(language, before), &Parsed::new(language, after)), "{after}");
        }
    }

    #[test]
    fn what_runs_differently_is_not_the_same() {
        let different = [
            (Language::Python, "a = 1\n", "a = 2\n"),
            (Language::Python, "if a:\n    b()\n    c()\n", "if a:\n    b()\nc()\n"),
            (Language::Python, "a = (b)\n", "a = (b,)\n"),
            (Language::Python, "a = 'x y'\n", "a = 'x  y'\n"),
            (Language::JavaScript, "a = `x y`\n", "a = `x  y`\n"),
            (Language::Python, "a = 'b'\n", "a = b\n"),
            (Language::Rust, "fn f() { g() }\n", "fn f() { g(); }\n"),
            (Language::Java, "class A { int b = 1; }\n", "class A { int b = 2; }\n"),
            (Language::Ruby, "a = '\\n'\n", "a = \"\\n\"\n"),
            (Language::Php, "<?php\nf('$a');\n", "<?php\nf(\"$a\");\n"),
            (Language::Go, "package a\n\nvar b = \"x y\"\n", "package a\n\nvar b = \"xy\"\n"),
        ];
        for (language, before, after) in different {
            assert!(!same_meaning(&Parsed::new(language, before), &Parsed::new(language, after)), "{after}");
        }
    }
}
