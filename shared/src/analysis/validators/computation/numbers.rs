//! Numbers as code writes them, and what they are compared with: where a fix puts another one, or turns a comparison
//! around.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use tree_sitter::Node;

use super::{OF_POSITION, is_comparison};
use crate::analysis::syntax::settings::Setting;
use crate::analysis::syntax::{Parsed, Position, first_line, tokens};
use crate::analysis::validators::guards::{function_around, words_of};
use crate::analysis::validators::reviewed::{Finding, Side, shortened};
use crate::analysis::validators::waiting::WAITING_NAME;

/// From here on a number is an amount of memory, of time or of money that no crash asks for.
const LARGE: f64 = 1_000_000.0;

/// What makes a number of a text or of another number.
const CONVERSIONS: &[&str] = &[
    "Decimal",
    "Fraction",
    "float",
    "int",
    "Number",
    "BigInt",
    "BigDecimal",
    "BigInteger",
    "valueOf",
    "Float",
    "Integer",
];

/// A product or power of numbers and nothing else, as [`Setting`] has it.
static ONLY_NUMBERS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^-? ?[\d.][\w.]*(?: (?:\*\*?|<<|/) [\d.][\w.]*)*$")
        .expect("the pattern is constant and tested")
});

pub(super) fn is_number(kind: &str) -> bool {
    matches!(kind, "integer" | "float" | "number" | "int_literal" | "float_literal" | "integer_literal")
        || (kind.contains("integer_literal") || kind.contains("floating_point_literal"))
}

/// The value of a number, also of one that is made from its text: `Decimal("1.2")`.
pub(super) fn number_of(parsed: &Parsed<'_>, node: Node<'_>) -> Option<f64> {
    if is_number(node.kind()) {
        return value(parsed.text_of(node));
    }
    let callee = ["function", "constructor", "type", "method", "name"]
        .into_iter()
        .find_map(|name| node.child_by_field_name(name))?;
    let name = parsed.text_of(callee);
    let makes_a_number = CONVERSIONS.contains(&name.rsplit(['.', ':']).next().unwrap_or(name));
    let arguments = node.child_by_field_name("arguments").filter(|_| makes_a_number)?;
    let only = arguments.named_child(0).filter(|_| arguments.named_child_count() == 1)?;
    let text = parsed.text_of(only).trim_matches(['"', '\'']);
    (is_number(only.kind()) || only.kind().contains("string")).then(|| value(text))?
}

/// `1_000`, `0x10`, `1e9`, `5L`, `10n`, `3u64`.
fn value(text: &str) -> Option<f64> {
    let text = text.replace('_', "").to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
            return u64::from_str_radix(&digits[..end], radix).ok().map(|whole| whole as f64);
        }
    }
    let suffix = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | 'e' | '-' | '+'));
    let digits = &text[..suffix.unwrap_or(text.len())];
    digits.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Named numbers, and numbers that something is compared with, that are other ones than before.
pub(super) fn changed_numbers(before: &Side<'_>, after: &Side<'_>) -> Vec<Finding> {
    let mut found = changed_settings(before.settings(), after.settings());
    found.extend(changed_comparisons(comparisons(before), comparisons(after)));
    found
}

fn changed_settings(before: &[Setting], after: &[Setting]) -> Vec<Finding> {
    let only_numbers = |list: &[Setting]| -> Vec<Setting> {
        let numbers = list.iter().filter(|one| ONLY_NUMBERS.is_match(&one.value));
        numbers
            .filter(|one| !WAITING_NAME.is_match(&one.name) && !OF_POSITION.is_match(&one.name))
            .cloned()
            .collect()
    };
    let (mut old, mut new) = (only_numbers(before), only_numbers(after));
    let same = |one: &Setting, other: &Setting| one.name == other.name && one.value == other.value;
    new.retain(|one| match old.iter().position(|other| same(one, other)) {
        Some(at) => {
            old.swap_remove(at);
            false
        }
        None => true,
    });
    let changed = |one: &Setting| {
        let other = old.iter().find(|other| other.name == one.name && other.value != one.value)?;
        let small = |value: &str| matches!(value, "0" | "1" | "2" | "- 1" | "-1");
        // Where a loop begins is a position.
        let is_start = one.name.len() <= 2 || (small(&one.value) && small(&other.value));
        (!is_start).then(|| format!("{} = {} instead of {}", one.name, one.value, other.value))
    };
    new.iter().filter_map(|one| Some(Finding::new(changed(one)?, one.line))).collect()
}

/// A comparison of values.
struct Comparison {
    /// Function and text.
    key: String,
    function: String,
    words: BTreeSet<String>,
    operator: String,
    /// Those that something is compared with.
    numbers: Vec<f64>,
    /// Whether a statement goes one way or another by it. Then it may be turned around.
    is_condition: bool,
    shown: String,
    line: u32,
}

impl Comparison {
    fn asks_something_else(&self, before: &Comparison) -> bool {
        let other_number =
            !self.numbers.is_empty() && !before.numbers.is_empty() && self.numbers != before.numbers;
        let is_turned = !self.is_condition
            && !before.is_condition
            && self.numbers == before.numbers
            && are_opposite(&self.operator, &before.operator);
        other_number || is_turned
    }
}

fn are_opposite(one: &str, other: &str) -> bool {
    let kind = |operator: &str| match operator {
        "==" | "===" | "is" | "in" => 1,
        "!=" | "!==" | "<>" | "is not" | "not in" => 2,
        "<" | "<=" => 3,
        ">" | ">=" => 4,
        _ => 0,
    };
    matches!((kind(one), kind(other)), (1, 2) | (2, 1) | (3, 4) | (4, 3))
}

fn changed_comparisons(mut before: Vec<Comparison>, mut after: Vec<Comparison>) -> Vec<Finding> {
    after.retain(|one| match before.iter().position(|other| other.key == one.key) {
        Some(at) => {
            before.swap_remove(at);
            false
        }
        None => true,
    });
    let mut found = Vec::new();
    for one in after {
        let alike = before.iter().position(|other| {
            other.function == one.function && !other.words.is_empty() && other.words.is_subset(&one.words)
        });
        let Some(other) = alike.map(|at| before.swap_remove(at)) else { continue };
        if one.asks_something_else(&other) {
            found.push(Finding::new(format!("{} instead of {}", one.shown, other.shown), one.line));
        }
    }
    found
}

fn comparisons(side: &Side<'_>) -> Vec<Comparison> {
    let parsed = side.parsed;
    let mut found = Vec::new();
    side.walk.visit(|node, position| {
        if !is_comparison(position.kind) {
            return;
        }
        let parts: Vec<Node<'_>> = node.children(&mut node.walk()).collect();
        let operators = parts.iter().filter(|part| !part.is_named()).map(|part| parsed.text_of(*part));
        let operator = operators.collect::<Vec<_>>().join(" ");
        let compares = ["<", ">", "==", "!=", "is", "in"].iter().any(|one| operator.contains(one));
        let text = parsed.text_of(node);
        if !compares || operator.contains("<<") || operator.contains(">>") || OF_POSITION.is_match(text) {
            return;
        }
        let function = function_around(parsed, position);
        found.push(Comparison {
            key: format!("{function}: {}", tokens::normalised(parsed, node)),
            function,
            words: words_of(text),
            operator,
            numbers: parts.iter().filter_map(|part| number_of(parsed, *part)).collect(),
            is_condition: decides(position),
            shown: shortened(text),
            line: first_line(node),
        });
    });
    found
}

/// Whether a node is what a statement or a choice asks.
fn decides(position: &Position<'_, '_>) -> bool {
    let joins = |kind: &str| {
        is_comparison(kind)
            || matches!(
                kind,
                "parenthesized_expression"
                    | "boolean_operator"
                    | "not_operator"
                    | "unary_expression"
                    | "unary"
            )
    };
    let above = position.ancestors.iter().rev().map(|above| above.kind()).find(|kind| !joins(kind));
    above.is_some_and(|kind| {
        [
            "if",
            "elif",
            "unless",
            "while",
            "until",
            "for_",
            "assert",
            "ternary",
            "conditional",
            "macro",
            "token_tree",
        ]
        .iter()
        .any(|start| kind.starts_with(start))
    })
}

/// Numbers, and powers of two numbers, that are large.
pub(super) fn large_numbers(side: &Side<'_>) -> Vec<Finding> {
    let parsed = side.parsed;
    let mut found = Vec::new();
    side.walk.visit(|node, position| {
        let value = if is_number(position.kind) {
            value(parsed.text_of(node))
        } else if matches!(position.kind, "binary_operator" | "binary_expression" | "binary") {
            power(parsed, node)
        } else {
            None
        };
        if value.is_some_and(|value| value >= LARGE) {
            found.push(Finding::new(shortened(parsed.text_of(node)), first_line(node)));
        }
    });
    found
}

fn power(parsed: &Parsed<'_>, node: Node<'_>) -> Option<f64> {
    let side = |name: &str| node.child_by_field_name(name).and_then(|side| number_of(parsed, side));
    match parsed.field_text(node, "operator") {
        "**" => Some(side("left")?.powf(side("right")?)),
        "<<" => Some(side("left")? * side("right")?.exp2()),
        "*" => Some(side("left")? * side("right")?),
        _ => None,
    }
}
