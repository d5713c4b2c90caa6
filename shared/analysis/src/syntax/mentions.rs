//! Whether a file uses a name: a question of text first, and of its syntax where that says yes.

use super::{Language, Parsed, any_below, is_comment};

/// Whether a file uses a name in its code; comments and strings do not count. Where there is no grammar, its text decides.
pub fn mentions(path: &str, text: &str, name: &str) -> bool {
    if !has_word(text, name) {
        return false;
    }
    let Some(language) = Language::of_path(path) else { return true };
    let parsed = Parsed::new(language, text);
    any_below(parsed.root(), |node, _| {
        node.child_count() == 0
            && !is_comment(node)
            && parsed.text_of(node) == name
            && is_identifier(node.kind())
    })
}

/// Whether a text has a name or chain that neither begins nor ends in the middle of another one.
pub fn has_word(text: &str, name: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    let (begins, ends) = (name.starts_with(joins), name.ends_with(joins));
    text.match_indices(name).any(|(at, _)| {
        let is_inside =
            begins && text[..at].ends_with(joins) || ends && text[at + name.len()..].starts_with(joins);
        !name.is_empty() && !is_inside
    })
}

fn is_identifier(kind: &str) -> bool {
    kind.contains("identifier") || matches!(kind, "name" | "constant")
}
