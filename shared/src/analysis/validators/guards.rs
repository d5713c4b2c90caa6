//! What a function raises and under which conditions.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::exits;
use super::reviewed::Side;
use crate::analysis::syntax::definitions::kind_of_definition;
use crate::analysis::syntax::{Family, Parsed, Position, first_line};

/// Words of a condition that say nothing about what is checked.
const GRAMMAR: &[&str] = &[
    "not",
    "and",
    "or",
    "is",
    "in",
    "None",
    "True",
    "False",
    "null",
    "undefined",
    "nil",
    "true",
    "false",
    "typeof",
    "instanceof",
    "await",
    "self",
    "this",
    "len",
    "err",
    "unless",
    "is_null",
    "isset",
];

/// A `raise` or `throw`, wherever it stands.
#[derive(Clone, Debug)]
pub(super) struct Raise {
    pub(super) function: String,
    pub(super) text: String,
    /// Conditions and loops around it in its function.
    pub(super) depth: usize,
    pub(super) line: u32,
}

/// Every raise of a file.
pub(super) fn raises(side: &Side<'_>) -> Vec<Raise> {
    let parsed = side.parsed;
    let mut raises = Vec::new();
    side.walk.visit(|node, position| {
        if exits::is_raise(parsed, node, position.kind) {
            raises.push(Raise {
                function: function_around(parsed, position),
                text: parsed.text_of(node).to_owned(),
                depth: conditions_around(parsed.family(), position),
                line: first_line(node),
            });
        }
    });
    raises
}

/// What a statement or expression asks before it does anything.
pub(super) fn condition_of<'p>(node: Node<'p>, kind: &str) -> Option<Node<'p>> {
    match kind {
        "if_statement" | "elif_clause" | "ternary_expression" | "if_expression" | "else_if_clause" | "if"
        | "unless" | "elsif" | "if_modifier" | "unless_modifier" | "conditional" => {
            node.child_by_field_name("condition")
        }
        // Python's `for … if x` and `a if x else b`, whose parts have no names in the grammar.
        "if_clause" => node.named_child(0),
        "conditional_expression" => node.child_by_field_name("condition").or_else(|| node.named_child(1)),
        _ => None,
    }
}

/// The names in a piece of code, without grammar.
pub(super) fn words_of(code: &str) -> BTreeSet<String> {
    code.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| {
            !word.is_empty() && !word.starts_with(|c: char| c.is_ascii_digit()) && !GRAMMAR.contains(word)
        })
        .map(str::to_owned)
        .collect()
}

/// Names of the functions and classes around a node, with dots.
pub(super) fn function_around(parsed: &Parsed<'_>, position: &Position<'_, '_>) -> String {
    let names = position
        .ancestors
        .iter()
        .filter(|node| kind_of_definition(parsed.family(), node.kind()).is_some())
        .map(|node| parsed.field_text(*node, "name"));
    names.collect::<Vec<_>>().join(".")
}

fn conditions_around(family: Family, position: &Position<'_, '_>) -> usize {
    let inside =
        position.ancestors.iter().rev().take_while(|node| kind_of_definition(family, node.kind()).is_none());
    inside
        .filter(|node| {
            matches!(
                node.kind(),
                "if_statement"
                    | "for_statement"
                    | "while_statement"
                    | "match_statement"
                    | "if_expression"
                    | "for_expression"
                    | "while_expression"
                    | "match_expression"
                    | "enhanced_for_statement"
                    | "foreach_statement"
                    | "switch_statement"
                    | "switch_expression"
                    | "if"
                    | "unless"
                    | "if_modifier"
                    | "unless_modifier"
                    | "while"
                    | "until"
                    | "for"
                    | "case"
            )
        })
        .count()
}
