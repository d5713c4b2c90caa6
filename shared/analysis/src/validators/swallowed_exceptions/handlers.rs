//! `catch` and `rescue` of Java, Ruby and PHP, and what makes errors vanish there without one.

use tree_sitter::Node;

use super::{is_silent, silent_or_broad};
use crate::names::has;
use crate::names::is_log_call;
use crate::syntax::references::dotted_path;
use crate::syntax::{Parsed, statements};

/// Types that catch nearly everything, or that only ever mean a mistake in the code.
const BROAD: &str = "\
    Throwable Exception RuntimeException Error NullPointerException ClassCastException \
    IndexOutOfBoundsException ArrayIndexOutOfBoundsException StandardError NoMethodError NameError \
    RuntimeError TypeError ErrorException LogicException";

pub(super) fn swallows(parsed: &Parsed<'_>, node: Node<'_>) -> bool {
    match node.kind() {
        "catch_clause" => {
            let types = match node.child_by_field_name("type") {
                Some(list) => types(parsed.text_of(list)),
                None => statements(node)
                    .iter()
                    .find(|one| one.kind() == "catch_formal_parameter")
                    .and_then(|parameter| parameter.named_child(0))
                    .map_or_else(Vec::new, |list| types(parsed.text_of(list))),
            };
            forgets(parsed, &types, node.child_by_field_name("body"))
        }
        "rescue" if node.is_named() => {
            let listed = node.child_by_field_name("exceptions");
            let types = listed.map_or_else(Vec::new, |list| types(parsed.text_of(list)));
            forgets(parsed, &types, node.child_by_field_name("body"))
        }
        // `value rescue nil` and `@call()` ask nothing about the error.
        "rescue_modifier" | "error_suppression_expression" => true,
        "call" => dotted_path(parsed, node).ends_with("suppress"),
        _ => false,
    }
}

/// Names between the bars and commas, without packages.
fn types(list: &str) -> Vec<String> {
    list.split(['|', ','])
        .filter_map(|name| name.trim().rsplit(['.', '\\', ':', ' ']).next())
        .map(str::to_owned)
        .collect()
}

fn forgets(parsed: &Parsed<'_>, types: &[String], body: Option<Node<'_>>) -> bool {
    let statements = body.map(statements).unwrap_or_default();
    let silent = statements.iter().all(|one| is_silent(parsed, *one) || says_nothing(parsed, *one));
    let raises = statements.last().is_some_and(|last| {
        let inner = if last.kind() == "expression_statement" { last.named_child(0) } else { None };
        let inner = inner.unwrap_or(*last);
        is_raise(parsed, inner) || is_bare_raise(parsed, *last)
    });
    let broad = types.is_empty() || types.iter().any(|name| has(BROAD, name));
    silent_or_broad(types, silent, raises) || (broad && !raises)
}

/// Ruby's statements without a value or with a log call, which no other node wraps.
fn says_nothing(parsed: &Parsed<'_>, statement: Node<'_>) -> bool {
    match statement.kind() {
        "nil" | "next" | "break" | "retry" => true,
        "call" => is_log_call(&dotted_path(parsed, statement)),
        _ => false,
    }
}

fn is_raise(parsed: &Parsed<'_>, node: Node<'_>) -> bool {
    matches!(node.kind(), "throw_statement" | "throw_expression")
        || (node.kind() == "call" && parsed.field_text(node, "method") == "raise")
}

/// Ruby's `raise` alone, which raises the same error again.
fn is_bare_raise(parsed: &Parsed<'_>, statement: Node<'_>) -> bool {
    statement.kind() == "identifier" && parsed.text_of(statement) == "raise"
}
