//! Errors of Rust that are dropped: they are values, and so there is no handler to look at.

use std::collections::HashSet;

use tree_sitter::Node;

use super::is_silent;
use crate::names::is_log_call;
use crate::syntax::references::dotted_path;
use crate::syntax::{Family, Parsed, first_line, statements, tokens};
use crate::validators::reviewed::{Finding, Side, Sides, shortened};

/// Methods that make a value of a `Result` and forget its error.
const FORGETTING: &[&str] =
    &["ok", "unwrap_or_default", "unwrap_or", "unwrap_or_else", "map_or", "map_or_else", "is_ok", "is_err"];

pub(super) fn swallows(parsed: &Parsed<'_>, node: Node<'_>) -> bool {
    match node.kind() {
        "let_declaration" => {
            let value = node.child_by_field_name("value");
            parsed.field_text(node, "pattern") == "_" && value.is_some_and(makes_a_result)
        }
        // `x.ok();` as a whole statement.
        "expression_statement" => node.named_child(0).is_some_and(|call| method(parsed, call) == Some("ok")),
        "match_arm" => {
            let value = node.child_by_field_name("value");
            is_error_pattern(parsed.field_text(node, "pattern"))
                && value.is_some_and(|value| says_nothing(parsed, value))
        }
        "if_expression" => {
            let condition = node.child_by_field_name("condition");
            let pattern = condition.filter(|one| one.kind() == "let_condition");
            pattern.is_some_and(|one| is_error_pattern(parsed.field_text(one, "pattern")))
                && node.child_by_field_name("consequence").is_some_and(|body| says_nothing(parsed, body))
        }
        "call_expression" => dotted_path(parsed, node).ends_with("catch_unwind"),
        _ => false,
    }
}

/// Results that were passed on with `?` or stopped the program, and that are now forgotten.
pub(super) fn no_longer_passed_on(sides: &Sides<'_>) -> Vec<Finding> {
    if sides.after.parsed.family() != Family::Rust {
        return Vec::new();
    }
    let passed_on = tried(&sides.before);
    let mut found = Vec::new();
    sides.after.walk.visit(|node, _| {
        let parsed = sides.after.parsed;
        if method(parsed, node).is_some_and(|name| FORGETTING.contains(&name))
            && receiver(node).is_some_and(|one| passed_on.contains(&tokens::normalised(parsed, one)))
        {
            found.push(Finding::new(shortened(parsed.text_of(node)), first_line(node)));
        }
    });
    found
}

/// What a file tries with `?`.
fn tried(side: &Side<'_>) -> HashSet<String> {
    let mut found = HashSet::new();
    side.whole().visit(|node, position| {
        if position.kind == "try_expression" {
            found.extend(node.named_child(0).map(|inner| tokens::normalised(side.parsed, inner)));
        }
    });
    found
}

fn makes_a_result(value: Node<'_>) -> bool {
    matches!(value.kind(), "call_expression" | "await_expression" | "macro_invocation" | "try_expression")
}

fn method<'t>(parsed: &Parsed<'t>, call: Node<'_>) -> Option<&'t str> {
    let function = call.child_by_field_name("function").filter(|_| call.kind() == "call_expression")?;
    function.child_by_field_name("field").map(|field| parsed.text_of(field))
}

fn receiver(call: Node<'_>) -> Option<Node<'_>> {
    call.child_by_field_name("function")?.child_by_field_name("value")
}

fn is_error_pattern(pattern: &str) -> bool {
    pattern.trim_start().starts_with("Err")
}

/// A value or a block from which nothing follows.
fn says_nothing(parsed: &Parsed<'_>, value: Node<'_>) -> bool {
    match value.kind() {
        "block" => statements(value).into_iter().all(|one| {
            is_silent(parsed, one) || (one.kind() != "expression_statement" && says_nothing(parsed, one))
        }),
        "unit_expression" | "continue_expression" | "break_expression" => true,
        "macro_invocation" => is_log_call(&dotted_path(parsed, value)),
        "identifier" => parsed.text_of(value) == "None",
        _ => false,
    }
}
