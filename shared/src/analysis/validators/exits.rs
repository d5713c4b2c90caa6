//! How code leaves: by raising, by returning, by going on with a loop.

use tree_sitter::Node;

use crate::analysis::syntax::references::dotted_path;
use crate::analysis::syntax::{Family, Parsed};

/// Calls and macros after which nothing of the function runs.
const STOPS: &[&str] = &[
    "panic",
    "abort",
    "sys.exit",
    "process.exit",
    "os.Exit",
    "log.Fatal",
    "log.Fatalf",
    "raise",
    "bail",
    "anyhow.bail",
    "ensure",
    "anyhow.ensure",
    "unreachable",
    "System.exit",
    "abort_if",
    "abort_unless",
];

/// A `raise` or `throw`, in whatever form a language has it.
pub(super) fn is_raise(parsed: &Parsed<'_>, node: Node<'_>, kind: &str) -> bool {
    match kind {
        "raise_statement" | "throw_statement" | "throw_expression" => true,
        "call" if parsed.family() == Family::Ruby => parsed.field_text(node, "method") == "raise",
        "macro_invocation" => STOPS.contains(&dotted_path(parsed, node).as_str()),
        // Only what a function answers with; a pattern has the same form in another node.
        "call_expression" if parsed.family() == Family::Rust => parsed.field_text(node, "function") == "Err",
        _ => false,
    }
}

/// Whether nothing behind the statement in its block runs.
pub(super) fn leaves(statement: Node<'_>) -> bool {
    let inner = inner_statement(statement);
    inner.is_named()
        && matches!(
            inner.kind(),
            "return_statement"
                | "raise_statement"
                | "throw_statement"
                | "throw_expression"
                | "continue_statement"
                | "break_statement"
                | "return_expression"
                | "continue_expression"
                | "break_expression"
                | "return"
                | "next"
                | "break"
        )
}

/// What an expression statement is about; every other statement itself.
fn inner_statement(statement: Node<'_>) -> Node<'_> {
    match statement.kind() {
        "expression_statement" => statement.named_child(0).unwrap_or(statement),
        _ => statement,
    }
}
