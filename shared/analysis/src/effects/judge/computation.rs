//! Sums and numbers that a change makes other ones. A crash is mended by asking for what is missing; a sum with another
//! sign, factor or limit stops no exception, and nobody notices it for weeks.
//!
//! What an operand is may change (`total / count` to `total / max(count, 1)`), which operators and numbers join the
//! operands may not. Positions are left alone (an index, a slice, a `range`, what stands beside a length), since off by
//! one is a fault like any other, and so are texts.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::super::script::Edit;
use super::super::sinks::{has, is_bound};
use super::super::tree::{above, assigned, called, inner, is_call, is_comprehension, squeezed, words};
use super::{Judged, Scene, computation_changed, shown};
use crate::names::is_about_waiting;
use crate::names::split_words;
use crate::syntax::references::dotted_path;
use crate::syntax::{Parsed, Then, visit_below, visit_part};

/// From here on a number is an amount of memory, of time or of money that no crash asks for.
const LARGE: f64 = 1_000_000.0;
/// Names that count or place things.
const POSITIONS: &str = "len length size count sizeof index idx indexof offset position pos";
/// Calls whose arguments are positions, or place things.
const POSITION_CALLS: &str = "\
    range slice substring substr charAt at nth get enumerate islice sorted sort toSorted sort_by";
/// What makes a number of a text or of another number.
const CONVERSIONS: &str = "\
    Decimal Fraction float int Number BigInt BigDecimal BigInteger valueOf Float Integer";

/// What operators join, flat.
struct Sum<'t> {
    operators: Vec<&'t str>,
    operands: Vec<BTreeSet<&'t str>>,
    numbers: Vec<f64>,
    words: BTreeSet<&'t str>,
    shown: String,
}

impl Sum<'_> {
    /// Texts, or parts of a path, put together: these signs alone say nothing about a sum.
    fn may_be_joined_text(&self) -> bool {
        self.numbers.is_empty() && self.operators.iter().all(|one| matches!(*one, "+" | "+=" | "/"))
    }

    /// Whether the other one computes the same of its operands.
    fn computes_as(&self, other: &Sum<'_>) -> bool {
        let order_counts =
            self.words == other.words && self.operators.iter().any(|one| *one != "+" && *one != "*");
        let same_order = || self.operands.iter().zip(&other.operands).all(|(old, new)| old.is_subset(new));
        self.operators == other.operators && self.numbers == other.numbers && (!order_counts || same_order())
    }
}

impl<'c> Scene<'c> {
    /// A refusal if the difference computes something else than before.
    pub(super) fn computes_otherwise(&self, edit: Edit<'c, 'c>) -> Option<Judged> {
        let (old, new) = match edit {
            Edit::Replaced { old, new } => (Some(old), new),
            Edit::Inserted { new } => (None, new),
            _ => return None,
        };
        let why = old
            .and_then(|old| self.other_number(old, new))
            .or_else(|| self.other_sum(old, new))
            .or_else(|| self.large_number(old, new))?;
        Some(Judged::new(new, why.clone(), computation_changed(why)))
    }

    /// Another number that has a name, or that something is compared with.
    fn other_number(&self, old: Node<'c>, new: Node<'c>) -> Option<String> {
        let (was, is) = (number_of(self.old, old)?, number_of(self.new, new)?);
        let place = above(new, |one| number_of(self.new, one).is_none() && inner(one) == one)?;
        let matters = if is_comparison(self.new, place) {
            !is_about_position(self.new.text_of(place))
        } else {
            let (name, _) = assigned(place).or_else(|| named(place))?;
            let name = self.new.text_of(name);
            // Where a loop begins is a position.
            let is_start = (name.len() <= 2 && !is_bound(name)) || (is_small(was) && is_small(is));
            !is_start && !is_about_position(name) && !is_about_waiting(name)
        };
        (was != is && matters)
            .then(|| format!("`{}` is `{}` now", shown(self.old, old), shown(self.new, new)))
    }

    fn other_sum(&self, old: Option<Node<'c>>, new: Node<'c>) -> Option<String> {
        let mut before = old.map(|old| sums(self.old, whole_sum(self.old, old))).unwrap_or_default();
        let was_there = |sum: &Sum<'_>| {
            let text = squeezed(self.old, self.old.root());
            old.is_none() && text.contains(&sum.shown.split_whitespace().collect::<String>())
        };
        for sum in sums(self.new, whole_sum(self.new, new)) {
            let shared = |other: &Sum<'_>| other.words.intersection(&sum.words).count();
            let alike = before.iter().enumerate().filter(|(_, other)| shared(other) > 0);
            let alike = alike.max_by_key(|(_, other)| (shared(other), other.computes_as(&sum)));
            match alike.map(|(at, _)| at).map(|at| before.swap_remove(at)) {
                Some(other) if other.computes_as(&sum) => {}
                Some(other) => return Some(format!("`{}` is computed as `{}`", other.shown, sum.shown)),
                None if sum.may_be_joined_text() || was_there(&sum) => {}
                None => return Some(format!("`{}` is newly computed", sum.shown)),
            }
        }
        let gone = before.iter().find(|one| !one.may_be_joined_text())?;
        Some(format!("`{}` is no longer computed", gone.shown))
    }

    /// A number, or a power or product of two, that is large and was not there.
    fn large_number(&self, old: Option<Node<'c>>, new: Node<'c>) -> Option<String> {
        let large = |parsed: &Parsed<'_>, top: Node<'c>| {
            let mut found = Vec::new();
            visit_below(top, |node, _| {
                let value = number_of(parsed, node).or_else(|| product(parsed, node));
                if value.is_some_and(|value| value >= LARGE) {
                    found.push(shown(parsed, node));
                }
            });
            found
        };
        let before = old.map(|old| large(self.old, old)).unwrap_or_default();
        let found = large(self.new, new).into_iter().find(|one| !before.contains(one))?;
        Some(format!("`{found}` is a large number that was not there"))
    }
}

/// The whole sum that a piece of code is part of; else the code itself.
fn whole_sum<'p>(parsed: &Parsed<'_>, node: Node<'p>) -> Node<'p> {
    let mut whole = node;
    while let Some(parent) = whole.parent() {
        if arithmetic(parsed, parent).is_none() && inner(parent) == parent {
            break;
        }
        whole = parent;
    }
    whole
}

/// Every sum in a piece of code that is neither of texts nor of positions.
fn sums<'t>(parsed: &Parsed<'t>, top: Node<'_>) -> Vec<Sum<'t>> {
    let mut found = Vec::new();
    visit_part(top, |node, at| {
        if arithmetic(parsed, node).is_none() {
            return Then::Below;
        }
        match sum(parsed, node) {
            Some(sum) => found.push(sum),
            None if at.kind.contains("assignment") => return Then::Below,
            None => {}
        }
        Then::Beside
    });
    found
}

fn sum<'t>(parsed: &Parsed<'t>, top: Node<'_>) -> Option<Sum<'t>> {
    if is_position(parsed, top) {
        return None;
    }
    let (mut operators, mut operands, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
    let mut open = vec![top];
    while let Some(node) = open.pop() {
        let node = inner(node);
        if let Some((operator, parts)) = arithmetic(parsed, node) {
            operators.push(operator);
            open.extend(parts.into_iter().rev());
        } else if is_text(node.kind()) {
            return None;
        } else if let Some(number) = number_of(parsed, node) {
            numbers.push(number);
        } else {
            operands.push(words(parsed, node).into_iter().collect());
        }
    }
    // One more or one less than a length is a position as well.
    let steps = operators.iter().all(|one| matches!(one.trim_end_matches('='), "+" | "-"));
    let compared = top.parent().filter(|parent| is_comparison(parsed, *parent));
    if steps
        && (is_about_position(parsed.text_of(top))
            || compared.is_some_and(|one| is_about_position(parsed.text_of(one))))
    {
        return None;
    }
    let shown = shown(parsed, top);
    Some(Sum { operators, operands, numbers, words: words(parsed, top).into_iter().collect(), shown })
}

/// The operator of a node that computes, and what it joins.
fn arithmetic<'t, 'p>(parsed: &Parsed<'t>, node: Node<'p>) -> Option<(&'t str, Vec<Node<'p>>)> {
    let field = |name: &str| node.child_by_field_name(name);
    match node.kind() {
        "binary_operator"
        | "binary_expression"
        | "binary"
        | "augmented_assignment"
        | "augmented_assignment_expression"
        | "compound_assignment_expr"
        | "operator_assignment"
        | "assignment_statement"
        | "assignment_expression" => {
            let operator = parsed.text_of(field("operator")?);
            let computes = has("+ - * / % ** // << >> @", operator.trim_end_matches('='));
            computes.then_some((operator, vec![field("left")?, field("right")?]))
        }
        "unary_operator" | "unary_expression" | "unary_op_expression" | "unary" => {
            let operand = node.named_child(u32::try_from(node.named_child_count()).ok()?.checked_sub(1)?)?;
            let negates = parsed.text_of(node).starts_with('-') && !is_number(operand.kind());
            negates.then(|| ("-", vec![operand]))
        }
        _ => None,
    }
}

fn is_comparison(parsed: &Parsed<'_>, node: Node<'_>) -> bool {
    matches!(node.kind(), "comparison_operator" | "binary_expression" | "binary")
        && arithmetic(parsed, node).is_none()
}

/// Whether a node says where something is: in an index, a slice, a `range`.
fn is_position(parsed: &Parsed<'_>, node: Node<'_>) -> bool {
    let mut next = node.parent();
    while let Some(one) = next {
        let kind = one.kind();
        if kind.contains("subscript")
            || kind.contains("slice")
            || kind.contains("range")
            || matches!(kind, "index_expression" | "element_reference" | "array_access")
        {
            return true;
        }
        if is_call(kind) {
            return has(POSITION_CALLS, &called(parsed, one));
        }
        // What things are sorted by places them.
        let is_between = kind.contains("argument")
            || matches!(
                kind,
                "parenthesized_expression"
                    | "lambda"
                    | "boolean_operator"
                    | "conditional_expression"
                    | "arrow_function"
            );
        if !is_between && !is_comprehension(kind) {
            return false;
        }
        next = one.parent();
    }
    false
}

fn is_about_position(code: &str) -> bool {
    split_words(code).iter().any(|word| has(POSITIONS, word))
}

fn is_text(kind: &str) -> bool {
    kind.contains("string") || kind.contains("template") || kind == "heredoc"
}

fn is_small(number: f64) -> bool {
    [-1.0, 0.0, 1.0, 2.0].contains(&number)
}

fn is_number(kind: &str) -> bool {
    matches!(kind, "integer" | "float" | "number" | "int_literal" | "float_literal")
        || kind.contains("integer_literal")
        || kind.contains("floating_point_literal")
}

/// What gives a number a name, other than an assignment.
fn named<'p>(node: Node<'p>) -> Option<(Node<'p>, Node<'p>)> {
    let field = |name: &str| node.child_by_field_name(name);
    match node.kind() {
        "keyword_argument"
        | "default_parameter"
        | "typed_default_parameter"
        | "const_spec"
        | "var_spec"
        | "const_item"
        | "static_item"
        | "optional_parameter"
        | "variable_declarator" => Some((field("name")?, field("value")?)),
        "pair" => Some((field("key")?, field("value")?)),
        "property_element" | "simple_parameter" => Some((field("name")?, field("default_value")?)),
        "keyed_element" | "const_element" => Some((node.named_child(0)?, node.named_child(1)?)),
        "expression_list" => named(node.parent()?),
        _ => None,
    }
}

/// The value of a number, also of one that is made from its text: `Decimal("1.2")`.
fn number_of(parsed: &Parsed<'_>, node: Node<'_>) -> Option<f64> {
    let text = parsed.text_of(node);
    if is_number(node.kind()) {
        return value(text);
    }
    if node.kind().starts_with("unary") {
        let digits = text.strip_prefix('-')?.trim_start();
        return node
            .named_child(0)
            .filter(|one| is_number(one.kind()))
            .and_then(|_| value(digits))
            .map(|one| -one);
    }
    let path = is_call(node.kind()).then(|| dotted_path(parsed, node))?;
    let given = super::arguments(node);
    let ([only], true) = (&given[..], has(CONVERSIONS, path.rsplit('.').next().unwrap_or_default())) else {
        return None;
    };
    let written = parsed.text_of(*only).trim_matches(['"', '\'']);
    (is_number(only.kind()) || is_text(only.kind())).then(|| value(written))?
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
    text[..suffix.unwrap_or(text.len())].parse().ok().filter(|number: &f64| number.is_finite())
}

/// `10**9`, `1 << 40`, `1000 * 1000`.
fn product(parsed: &Parsed<'_>, node: Node<'_>) -> Option<f64> {
    let (operator, sides) = arithmetic(parsed, node)?;
    let [left, right] = sides[..] else { return None };
    let (left, right) = (number_of(parsed, left)?, number_of(parsed, right)?);
    match operator {
        "**" => Some(left.powf(right)),
        "<<" => Some(left * right.exp2()),
        "*" => Some(left * right),
        _ => None,
    }
}
