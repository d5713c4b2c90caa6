//! Sums and numbers that a fix changes. A crash is mended by asking for what is missing, not by computing something
//! else; a sum with another sign, another factor or another limit stops no exception, and nobody notices it for weeks.
//!
//! Compared are the calculations before and after: what an operand is may change (`total / count` to
//! `total / max(count, 1)`), which operators and numbers join the operands may not. Positions are left alone (what is in
//! an index, a slice, a `range`, or beside a length), since off by one is a fault like any other, and so are texts.

mod numbers;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use tree_sitter::Node;

use super::guards::{function_around, words_of};
use super::reviewed::{Finding, Reviewed, Side, places, shortened};
use crate::analysis::syntax::{Parsed, Position, first_line, tokens};
use crate::reason::{Reason, ReasonCode};
use numbers::{changed_numbers, is_number, large_numbers, number_of};

/// What counts or places things rather than computing a value.
static OF_POSITION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:len|size|count|sizeof) ?\(|\b(?:length|index|idx|indexOf|offset|position|pos)\b|\. ?size\b")
        .expect("the pattern is constant and tested")
});

/// Calls whose arguments are positions.
const POSITION_CALLS: &[&str] = &[
    "range",
    "slice",
    "substring",
    "substr",
    "charAt",
    "at",
    "nth",
    "get",
    "enumerate",
    "islice",
    "sorted",
    "sort",
    "toSorted",
    "sort_by",
];

/// One calculation: the whole of what operators join.
#[derive(Clone, Debug)]
struct Calculation {
    /// Normalised text in its function: what makes two the same.
    key: String,
    function: String,
    shown: String,
    words: BTreeSet<String>,
    /// In the order of the text.
    operators: Vec<String>,
    operands: Vec<BTreeSet<String>>,
    numbers: Vec<f64>,
    line: u32,
}

impl Calculation {
    /// Texts, or parts of a path, put together: these signs alone say nothing about a sum.
    fn may_be_joined_text(&self) -> bool {
        self.numbers.is_empty() && self.operators.iter().all(|one| matches!(one.as_str(), "+" | "+=" | "/"))
    }

    /// Whether the other one computes the same of its operands.
    fn computes_as(&self, other: &Calculation) -> bool {
        let order_counts =
            self.words == other.words && self.operators.iter().any(|one| one != "+" && one != "*");
        let same_order = || self.operands.iter().zip(&other.operands).all(|(old, new)| old.is_subset(new));
        self.operators == other.operators && self.numbers == other.numbers && (!order_counts || same_order())
    }
}

/// A fix that computes something else than before.
pub(super) fn computation_changed(file: &Reviewed<'_>) -> Option<Reason> {
    let sides = file.sides.as_ref()?;
    let mut found = changed_calculations(calculations(&sides.before), calculations(&sides.after));
    found.extend(changed_numbers(&sides.before, &sides.after));
    found.extend(file.newly_found(large_numbers));
    (!found.is_empty()).then(|| {
        let detail = format!(
            "The fix computes something else than before: {}. Whether that is right takes a person who knows the rules behind it.",
            places(&found)
        );
        Reason::new(ReasonCode::ComputationChanged, detail)
    })
}

fn changed_calculations(old: Vec<Calculation>, new: Vec<Calculation>) -> Vec<Finding> {
    let mut kept = old;
    let mut appeared = Vec::new();
    for one in new {
        match kept.iter().position(|other| other.key == one.key) {
            Some(at) => drop(kept.swap_remove(at)),
            None => appeared.push(one),
        }
    }
    let mut vanished = kept;
    let mut found = Vec::new();
    for one in appeared {
        let alike = vanished
            .iter()
            .enumerate()
            .filter(|(_, other)| other.function == one.function && !other.words.is_disjoint(&one.words));
        // The one with the most in common, and among those the one that computes the same.
        let before = alike
            .max_by_key(|(_, other)| (other.words.intersection(&one.words).count(), other.computes_as(&one)))
            .map(|(at, _)| at);
        match before.map(|at| vanished.swap_remove(at)) {
            Some(before) if before.computes_as(&one) => {}
            Some(before) => {
                let shown = format!("{} instead of {}", one.shown, before.shown);
                found.push(Finding { key: one.key, shown, line: one.line });
            }
            None if one.may_be_joined_text() => {}
            None => found.push(Finding { key: one.key, shown: one.shown, line: one.line }),
        }
    }
    let gone = vanished.into_iter().filter(|one| !one.may_be_joined_text());
    found.extend(gone.map(|one| Finding {
        shown: format!("no longer {}", one.shown),
        key: one.key,
        line: one.line,
    }));
    found
}

/// Every calculation of a file that is neither of texts nor of positions.
fn calculations(side: &Side<'_>) -> Vec<Calculation> {
    let parsed = side.parsed;
    let mut found = Vec::new();
    let mut inside_until = 0;
    side.walk.visit(|node, position| {
        if node.start_byte() < inside_until || operator_of(parsed, node, position.kind).is_none() {
            return;
        }
        if let Some(one) = calculation(parsed, node, position) {
            inside_until = node.end_byte();
            found.push(one);
        }
    });
    found
}

fn calculation(parsed: &Parsed<'_>, top: Node<'_>, position: &Position<'_, '_>) -> Option<Calculation> {
    if stands_for_position(parsed, position) {
        return None;
    }
    let (mut operators, mut operands, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
    let mut open = vec![top];
    while let Some(node) = open.pop() {
        let kind = node.kind();
        if let Some((operator, parts)) = operator_of(parsed, node, kind) {
            operators.push(operator.to_owned());
            open.extend(parts.into_iter().rev());
        } else if matches!(kind, "parenthesized_expression" | "parenthesized_statements" | "expression_list")
        {
            open.extend(node.named_children(&mut node.walk()).collect::<Vec<_>>().into_iter().rev());
        } else if is_text(kind) {
            return None;
        } else if let Some(number) = number_of(parsed, node) {
            numbers.push(number);
        } else {
            operands.push(words_of(parsed.text_of(node)));
        }
    }
    // One more or one less than a length is a position as well.
    let steps = operators.iter().all(|one| matches!(one.trim_end_matches('='), "+" | "-"));
    let mut around = position.ancestors.iter().rev().take_while(|above| is_comparison(above.kind()));
    let nearby = around.next().map_or("", |above| parsed.text_of(*above));
    if steps && (OF_POSITION.is_match(parsed.text_of(top)) || OF_POSITION.is_match(nearby)) {
        return None;
    }
    let function = function_around(parsed, position);
    let text = tokens::normalised(parsed, top);
    Some(Calculation {
        words: words_of(&text),
        key: format!("{function}: {text}"),
        shown: shortened(parsed.text_of(top)),
        line: first_line(top),
        function,
        operators,
        operands,
        numbers,
    })
}

/// The operator of a node that computes, and what it joins.
fn operator_of<'p>(parsed: &Parsed<'p>, node: Node<'p>, kind: &str) -> Option<(&'p str, Vec<Node<'p>>)> {
    let field = |name: &str| node.child_by_field_name(name);
    let operator = field("operator").map(|operator| parsed.text_of(operator));
    match kind {
        "binary_operator"
        | "binary_expression"
        | "binary"
        | "augmented_assignment"
        | "augmented_assignment_expression"
        | "compound_assignment_expr"
        | "operator_assignment"
        | "assignment_statement"
        | "assignment_expression" => {
            let operator = operator.filter(|operator| is_arithmetic(operator))?;
            Some((operator, vec![field("left")?, field("right")?]))
        }
        "unary_operator" | "unary_expression" | "unary_op_expression" | "unary" => {
            let first = node.child(0).map(|first| parsed.text_of(first))?;
            let operand =
                ["argument", "operand"].into_iter().find_map(field).or_else(|| node.named_child(0))?;
            (first == "-" && !is_number(operand.kind())).then(|| ("-", vec![operand]))
        }
        _ => None,
    }
}

fn is_arithmetic(operator: &str) -> bool {
    matches!(operator.trim_end_matches('='), "+" | "-" | "*" | "/" | "%" | "**" | "//" | "<<" | ">>" | "@")
}

fn is_text(kind: &str) -> bool {
    kind.contains("string") || kind.contains("template") || matches!(kind, "encapsed_string" | "heredoc")
}

fn is_comparison(kind: &str) -> bool {
    matches!(kind, "comparison_operator" | "binary_expression" | "binary")
}

/// Whether a node says where something is: in an index, a slice, a `range`.
fn stands_for_position(parsed: &Parsed<'_>, position: &Position<'_, '_>) -> bool {
    for above in position.ancestors.iter().rev() {
        match above.kind() {
            "subscript"
            | "subscript_expression"
            | "index_expression"
            | "element_reference"
            | "slice"
            | "slice_expression"
            | "array_access"
            | "range_expression"
            | "range" => return true,
            "call" | "call_expression" | "method_invocation" | "member_call_expression" => {
                let name = ["function", "method", "name"]
                    .into_iter()
                    .find_map(|name| above.child_by_field_name(name));
                let name = name.map_or("", |name| parsed.text_of(name));
                let last = name.rsplit(['.', '>', ':']).next().unwrap_or(name);
                return POSITION_CALLS.contains(&last);
            }
            "argument_list" | "arguments" | "argument" | "parenthesized_expression" => {}
            // What things are sorted by places them.
            "lambda"
            | "boolean_operator"
            | "conditional_expression"
            | "keyword_argument"
            | "arrow_function" => {}
            _ => return false,
        }
    }
    false
}
