//! Differences that turn something into its opposite or into another thing, whatever they reach: no crash asks for them,
//! and nobody who reads the change quickly sees them.

use tree_sitter::Node;

use super::super::absence::{Substitute, Test, operator_of, substitute, test_of};
use super::super::tree::{above, called, condition, inner, is_call, is_choice, parts, squeezed};
use super::reads::branches_of;
use super::{Scene, Verdict, check_deleted, computation_changed, sensitive_change, shown};
use crate::syntax::Parsed;
use crate::syntax::references::dotted_path;

impl<'c> Scene<'c> {
    /// A refusal if the new code says the opposite of the old, or gives away what was a copy.
    pub(super) fn opposite(&self, old: Node<'c>, new: Node<'c>) -> Option<Verdict> {
        let (was, is) = (shown(self.old, old), shown(self.new, new));
        let text = squeezed(self.old, inner(old));
        let is_not = |node: Node<'c>| {
            negated(self.new, node).is_some_and(|inside| {
                squeezed(self.new, inner(inside)) == text || self.is_read_of(inside, &text)
            })
        };
        if is_not(inner(new)) || self.compares_the_other_way(inner(old), inner(new)) {
            return Some(check_deleted(format!("`{was}` becomes its opposite: `{is}`")));
        }
        if self.kept_if_missing(&text, inner(new)) {
            return Some(check_deleted(format!("`{was}` is kept only if what it needs is missing: `{is}`")));
        }
        let choice = above(new, |one| is_choice(one.kind())).and_then(branches_of);
        if choice.is_some_and(|(then, otherwise)| squeezed(self.new, then) == squeezed(self.new, otherwise)) {
            return Some(check_deleted(format!("With `{is}` both branches of the choice are the same")));
        }
        if self.is_unknown_key(new) {
            return Some(sensitive_change(format!(
                "An entry `{is}` is read that nothing else in the file knows"
            )));
        }
        if let (Some(before), Some(after)) = (boolean(self.old, old), boolean(self.new, new))
            && before != after
            && !matches!(new.parent().map_or("", |parent| parent.kind()), "keyword_argument" | "pair")
        {
            return Some(computation_changed(format!("`{was}` becomes its opposite: `{is}`")));
        }
        if copied(self.old, old)
            .is_some_and(|held| squeezed(self.old, held) == squeezed(self.new, inner(new)))
        {
            return Some(sensitive_change(format!(
                "`{is}` is no longer a copy: what changes it changes it for everybody"
            )));
        }
        self.compares_no_longer(old, new)
            .then(|| check_deleted(format!("`{was}` compares, and `{is}` only asks what is there")))
    }

    /// `a == b` that became `a != b`, also with a more tolerant `a`.
    fn compares_the_other_way(&self, old: Node<'c>, new: Node<'c>) -> bool {
        let (before, after) = (parts(old), parts(new));
        let ([_, was], [_, is]) = (&before[..], &after[..]) else { return false };
        let sign = |parsed: &Parsed<'_>, node: Node<'_>| {
            let sign = node.child(1).map_or("", |sign| parsed.text_of(sign)).replace("===", "==");
            sign.replace("!==", "!=")
        };
        let signs = (sign(self.old, old), sign(self.new, new));
        squeezed(self.old, *was) == squeezed(self.new, *is)
            && matches!((signs.0.as_str(), signs.1.as_str()), ("==", "!=") | ("!=", "=="))
    }

    /// Whether a text is a key that is read, and stands nowhere in the old file or the error.
    fn is_unknown_key(&self, new: Node<'c>) -> bool {
        let Some(whole) = (match new.kind() {
            "string" => Some(new),
            "string_content" | "string_fragment" => new.parent(),
            _ => None,
        }) else {
            return false;
        };
        let key = self.new.text_of(whole).trim_matches(['"', '\'', '`']);
        let is_read = whole.parent().is_some_and(|parent| {
            parent.kind().starts_with("subscript")
                || parent
                    .parent()
                    .is_some_and(|call| is_call(call.kind()) && dotted_path(self.new, call).ends_with(".get"))
        });
        let known = self.old.text_of(self.old.root()).contains(key) || self.crash.message.contains(key);
        is_read && !key.is_empty() && !known
    }

    /// `None if row else row.note`.
    fn kept_if_missing(&self, text: &str, new: Node<'c>) -> bool {
        let (Some(asks), Some((then, otherwise))) = (condition(new), branches_of(new)) else { return false };
        let test = test_of(self.new, asks);
        let kept = match (test.selects_missing(), test.drops_missing()) {
            (true, false) => then,
            (false, true) => otherwise,
            _ => return false,
        };
        squeezed(self.new, inner(kept)) == text
            && substitute_of(self.new, then, otherwise) == Substitute::Neutral
    }

    /// `a > b` that became a question whether `a` is there.
    fn compares_no_longer(&self, old: Node<'c>, new: Node<'c>) -> bool {
        let compares = matches!(inner(old).kind(), "comparison_operator" | "binary_expression" | "binary")
            && matches!(test_of(self.old, old), Test::Free)
            && operator_of(self.old, inner(old))
                .is_none_or(|sign| matches!(sign, "<" | ">" | "<=" | ">=" | "==" | "===" | "!=" | "!=="));
        let Test::Asks { operand, .. } = test_of(self.new, new) else { return false };
        compares
            && self.is_condition(new)
            && parts(inner(old)).first().is_some_and(|left| squeezed(self.old, *left) == operand)
    }
}

/// The better of what two branches stand for.
fn substitute_of(parsed: &Parsed<'_>, then: Node<'_>, otherwise: Node<'_>) -> Substitute {
    match substitute(parsed, then) {
        Substitute::Neutral => Substitute::Neutral,
        _ => substitute(parsed, otherwise),
    }
}

/// What stands under a `not`.
fn negated<'p>(parsed: &Parsed<'_>, node: Node<'p>) -> Option<Node<'p>> {
    let is_not = matches!(node.kind(), "not_operator" | "unary_expression" | "unary_op_expression" | "unary")
        && parsed.text_of(node).starts_with(['!', 'n']);
    is_not.then(|| parts(node).last().copied()).flatten()
}

/// Yes or no as it is written, also as what takes the place of something missing.
fn boolean(parsed: &Parsed<'_>, node: Node<'_>) -> Option<bool> {
    let node = inner(node);
    if is_choice(node.kind()) {
        return None;
    }
    if matches!(operator_of(parsed, node), Some("or" | "||" | "??")) {
        return boolean(parsed, node.child_by_field_name("right")?);
    }
    match parsed.text_of(node) {
        "true" | "True" => Some(true),
        "false" | "False" => Some(false),
        _ => None,
    }
}

/// What a piece of code makes a copy of.
fn copied<'p>(parsed: &Parsed<'_>, node: Node<'p>) -> Option<Node<'p>> {
    let node = inner(node);
    if !is_call(node.kind()) {
        return None;
    }
    match (called(parsed, node).as_str(), super::arguments(node).as_slice()) {
        ("copy" | "clone" | "slice" | "dup" | "to_vec", []) => super::super::absence::receiver(node),
        ("copy" | "deepcopy" | "structuredClone" | "cloneDeep" | "list" | "dict" | "set", [held]) => {
            Some(*held)
        }
        _ => None,
    }
}
