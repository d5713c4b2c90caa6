//! Statements that act: calls whose result nobody takes, and changes of values that were there before.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use tree_sitter::Node;

use super::squeezed;
use crate::analysis::syntax::references::dotted_path;
use crate::analysis::syntax::{Parsed, Walk, visit_below};
use crate::analysis::validators::reports_silenced::is_log_call;

/// What a function makes for itself: filling it is computing.
static FRESH: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)^(?:[\[{"'`]|(?:new )?[\w.:<>]*(?:list|map|set|builder|buffer|array|deque|queue|counter|dict|vec|string|hash|make|stringio)(?:<[^>]*>)?(?:::\w+)?!?\s*[({\[]|\[\]\w+)"#,
    )
    .expect("the pattern is constant and tested")
});

/// A statement.
#[derive(Clone, Debug)]
pub(super) struct Act {
    /// Without layout.
    pub text: String,
    pub shown: String,
    /// Names that it gives a value.
    pub makes: Vec<String>,
    /// Whether it acts, and does not only make something.
    pub is_work: bool,
    /// Whether it gives something else than a literal out of hand.
    pub hands_over: bool,
}

/// Names that are given a container or text of their own.
pub(super) fn fresh_containers(parsed: &Parsed<'_>, walk: &Walk<'_>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    walk.visit(|node, position| {
        let Some((name, value)) = assigned(node, position.kind) else { return };
        if FRESH.is_match(parsed.text_of(value)) {
            names.insert(parsed.text_of(name).trim().to_owned());
        }
    });
    names
}

/// Every statement of a part of a file that acts or makes something, in order. Functions defined in it are left alone
/// only in so far as their own statements count as well.
pub(super) fn acts_below(parsed: &Parsed<'_>, top: Node<'_>, fresh: &BTreeSet<String>) -> Vec<Act> {
    let mut acts = Vec::new();
    visit_below(top, |node, position| {
        let act = |makes: Vec<String>, is_work: bool, hands_over: bool| Act {
            text: squeezed(parsed, node),
            shown: parsed.text_of(node).to_owned(),
            makes,
            is_work,
            hands_over,
        };
        if let Some((name, _)) = assigned(node, position.kind) {
            let left = parsed.text_of(name).trim();
            let is_plain = left.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | ',' | ' '));
            let owner = left.split(['.', '[', '-']).next().unwrap_or(left);
            if is_plain {
                let names = left.split(',').map(|name| name.trim().to_owned());
                acts.push(act(names.collect(), false, false));
            } else if !fresh.contains(owner) {
                acts.push(act(Vec::new(), true, false));
            }
            return;
        }
        if !is_statement(position.kind, position.parent_kind) {
            return;
        }
        let Some(call) = called(node) else { return };
        let path = dotted_path(parsed, call);
        let owner = path.split('.').next().unwrap_or(&path);
        if is_log_call(&path) || fresh.contains(owner) || fresh.contains(&format!("${owner}")) {
            return;
        }
        let arguments = call.child_by_field_name("arguments");
        let hands_over = arguments.is_some_and(|arguments| {
            let mut cursor = arguments.walk();
            arguments.named_children(&mut cursor).any(|one| !is_literal(one.kind()))
        });
        acts.push(act(Vec::new(), true, hands_over));
    });
    acts
}

fn assigned<'p>(node: Node<'p>, kind: &str) -> Option<(Node<'p>, Node<'p>)> {
    let (name, value) = match kind {
        "assignment"
        | "assignment_expression"
        | "assignment_statement"
        | "short_var_declaration"
        | "augmented_assignment"
        | "augmented_assignment_expression"
        | "compound_assignment_expr"
        | "operator_assignment" => ("left", "right"),
        "variable_declarator" => ("name", "value"),
        "let_declaration" => ("pattern", "value"),
        _ => return None,
    };
    Some((node.child_by_field_name(name)?, node.child_by_field_name(value)?))
}

fn is_statement(kind: &str, parent_kind: &str) -> bool {
    let in_ruby = matches!(parent_kind, "body_statement" | "then" | "block_body" | "do") && kind == "call";
    matches!(kind, "expression_statement" | "go_statement") || in_ruby
}

/// The call that a statement is, whatever is awaited or tried on the way.
fn called(statement: Node<'_>) -> Option<Node<'_>> {
    let mut node = statement;
    for _ in 0..4 {
        if node.kind().contains("call") || matches!(node.kind(), "method_invocation" | "macro_invocation") {
            return Some(node);
        }
        node = node.named_child(0)?;
    }
    None
}

fn is_literal(kind: &str) -> bool {
    kind.contains("literal")
        || matches!(
            kind,
            "string" | "integer" | "float" | "number" | "true" | "false" | "none" | "null" | "nil"
        )
}
