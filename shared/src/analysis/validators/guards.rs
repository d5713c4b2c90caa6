//! The conditions under which a function goes on, stops or leaves: what a fix must not loosen.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use tree_sitter::Node;

use super::exits;
use super::reviewed::Side;
use crate::analysis::syntax::definitions::kind_of_definition;
use crate::analysis::syntax::{Family, Parsed, Position, first_line, statements, tokens};

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

/// What shows that a condition decides who may do something.
static PERMISSION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)admin | permi | auth(?:[^o]|$|ori[sz]) | \brole | forbid | denied | allowed | owner | csrf | token | 40[13]
        | staff | superuser | scope",
    )
    .expect("the pattern is constant and tested")
});

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GuardKind {
    /// Raises, throws or aborts.
    Stop,
    Assert,
    /// Returns, continues or breaks.
    Leave,
    /// Runs something only if.
    Wrap,
}

/// One condition.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    pub(super) kind: GuardKind,
    /// Qualified name of the function around it, empty at the top of the file.
    pub(super) function: String,
    /// Condition's tokens.
    pub(super) condition: String,
    pub(super) words: BTreeSet<String>,
    /// Whether it decides who may do something.
    pub(super) is_permission: bool,
    /// Counted from 1.
    pub(super) line: u32,
}

/// A `raise` or `throw`, wherever it stands.
#[derive(Clone, Debug)]
pub(super) struct Raise {
    pub(super) function: String,
    pub(super) text: String,
    /// Conditions and loops around it in its function.
    pub(super) depth: usize,
    pub(super) line: u32,
}

/// Every condition and every raise of a file.
pub(super) fn guards_and_raises(side: &Side<'_>) -> (Vec<Guard>, Vec<Raise>) {
    let parsed = side.parsed;
    let (mut guards, mut raises) = (Vec::new(), Vec::new());
    side.walk.visit(|node, position| match position.kind {
        "if_statement" | "elif_clause" | "if_expression" | "else_if_clause" | "if" | "unless" | "elsif"
        | "if_modifier" | "unless_modifier" => guards.extend(guard(parsed, node, position)),
        "assert_statement" => guards.extend(node.named_child(0).map(|condition| {
            make_guard(parsed, condition, GuardKind::Assert, position, parsed.text_of(node))
        })),
        "if_clause" | "conditional_expression" | "ternary_expression" | "conditional" => {
            guards.extend(condition_of(node, position.kind).map(|condition| {
                make_guard(parsed, condition, GuardKind::Wrap, position, parsed.text_of(node))
            }));
        }
        _ if exits::is_raise(parsed, node, position.kind) => raises.push(Raise {
            function: function_around(parsed, position),
            text: parsed.text_of(node).to_owned(),
            depth: conditions_around(parsed.family(), position),
            line: first_line(node),
        }),
        _ => {}
    });
    (guards, raises)
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

fn guard(parsed: &Parsed<'_>, node: Node<'_>, position: &Position<'_, '_>) -> Option<Guard> {
    let condition = condition_of(node, position.kind)?;
    let body = ["consequence", "body"].into_iter().find_map(|field| node.child_by_field_name(field))?;
    let list = body.named_child(0).filter(|child| child.kind() == "statement_list").unwrap_or(body);
    let is_list = matches!(list.kind(), "statement_list" | "compound_statement" | "then" | "begin");
    let last = if is_list || list.kind().ends_with("block") { statements(list).pop() } else { Some(list) };
    let kind = last.map_or(GuardKind::Wrap, |last| exits::kind_of_exit(parsed, last));
    let mut guard = make_guard(parsed, condition, kind, position, parsed.text_of(body));
    if node.kind().starts_with("unless") {
        // In one piece: what another `or` loosens in it would tighten an `if`.
        guard.condition = format!("unless({})", guard.condition.replace(' ', ""));
    }
    Some(guard)
}

fn make_guard(
    parsed: &Parsed<'_>,
    condition: Node<'_>,
    kind: GuardKind,
    position: &Position<'_, '_>,
    body: &str,
) -> Guard {
    let text = tokens::normalised(parsed, condition);
    let is_permission = PERMISSION.is_match(&text) || (kind != GuardKind::Wrap && PERMISSION.is_match(body));
    Guard {
        kind,
        function: function_around(parsed, position),
        words: words_of(&text),
        is_permission,
        line: first_line(condition),
        condition: text,
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
