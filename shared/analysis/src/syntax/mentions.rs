//! Whether a file uses a name: a question of text first, and of its syntax where that says yes.

use super::{Language, Parsed, is_comment, visit_below};

/// Whether a file uses a name in its code; comments and strings do not count. Where there is no grammar, its text decides.
pub fn mentions(path: &str, text: &str, name: &str) -> bool {
    if !has_word(text, name) {
        return false;
    }
    let Some(language) = Language::of_path(path) else { return true };
    let parsed = Parsed::new(language, text);
    let mut found = false;
    visit_below(parsed.root(), |node, _| {
        found |= node.child_count() == 0
            && !is_comment(node)
            && parsed.text_of(node) == name
            && is_identifier(node.kind());
    });
    found
}

/// Whether a text has the name as a whole word.
pub fn has_word(text: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + name.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

fn is_identifier(kind: &str) -> bool {
    kind.contains("identifier") || matches!(kind, "name" | "constant")
}
