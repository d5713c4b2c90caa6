//! Conditions that ask whether something is there, and values that stand for nothing.

use tree_sitter::Node;

use super::sinks::has;
use super::tree::{inner, is_call, is_chain, parts, squeezed};
use crate::syntax::references::dotted_path;
use crate::syntax::{Family, Parsed};

/// How a condition asks for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// `is None`, `== null`, `isset`: only what is missing.
    Null,
    /// Plain truth: an empty text or zero counts as missing too.
    Truth,
    /// `len(x) == 0`, `k in d`, `hasattr`, `isinstance`.
    Form,
}

/// A condition as far as it asks whether something is there.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// True if the operand is missing, or if it is there.
    Asks {
        operand: String,
        how: How,
        when_missing: bool,
    },
    And(Vec<Test>),
    Or(Vec<Test>),
    /// Asks anything else.
    Free,
}

impl Test {
    /// Whether the condition holds only in states in which something is missing.
    pub(super) fn selects_missing(&self) -> bool {
        match self {
            Test::Asks { when_missing, .. } => *when_missing,
            Test::And(parts) => parts.iter().any(Test::selects_missing),
            Test::Or(parts) => parts.iter().all(Test::selects_missing),
            Test::Free => false,
        }
    }

    /// Whether the condition fails only in states in which something is missing.
    pub(super) fn drops_missing(&self) -> bool {
        match self {
            Test::Asks { when_missing, .. } => !when_missing,
            Test::And(parts) => parts.iter().all(Test::drops_missing),
            Test::Or(parts) => parts.iter().any(Test::drops_missing),
            Test::Free => false,
        }
    }

    /// What it asks for, without layout, entries read with `get` also as `d[k]`.
    pub(super) fn operands(&self) -> Vec<String> {
        match self {
            Test::Asks { operand, .. } => spellings(operand),
            Test::And(parts) | Test::Or(parts) => parts.iter().flat_map(Test::operands).collect(),
            Test::Free => Vec::new(),
        }
    }

    /// Whether a part counts more as missing than what crashes.
    pub(super) fn is_wide(&self) -> bool {
        match self {
            Test::Asks { how, .. } => *how == How::Truth,
            Test::And(parts) | Test::Or(parts) => parts.iter().any(Test::is_wide),
            Test::Free => true,
        }
    }
}

/// `d.get(k)` and `d[k]` are the same thing asked for.
fn spellings(operand: &str) -> Vec<String> {
    let mut all = vec![operand.to_owned()];
    if let Some((object, rest)) = operand.rsplit_once(".get(")
        && let Some(key) = rest.strip_suffix(')')
    {
        let key = key.split(',').next().unwrap_or(key);
        all.push(format!("{object}[{key}]"));
    }
    all
}

/// Reads a condition.
pub(super) fn test_of(parsed: &Parsed<'_>, condition: Node<'_>) -> Test {
    read(parsed, condition, false)
}

/// Reads the condition of an `unless`.
pub(super) fn test_of_unless(parsed: &Parsed<'_>, condition: Node<'_>) -> Test {
    read(parsed, condition, true)
}

fn read(parsed: &Parsed<'_>, node: Node<'_>, negated: bool) -> Test {
    let node = inner(node);
    let kind = node.kind();
    let asks = |operand: Node<'_>, how: How, when_missing: bool| Test::Asks {
        operand: squeezed(parsed, inner(operand)),
        how,
        when_missing: when_missing != negated,
    };
    if let Some((operator, sides)) = joined(parsed, node) {
        let parts = sides.into_iter().map(|side| read(parsed, side, negated)).collect();
        return if operator == "and" {
            if negated { Test::Or(parts) } else { Test::And(parts) }
        } else if negated {
            Test::And(parts)
        } else {
            Test::Or(parts)
        };
    }
    match kind {
        "not_operator" | "unary_expression" | "unary_op_expression" | "unary" => {
            let is_not = parsed.text_of(node).starts_with(['!', 'n']);
            match node
                .child_by_field_name("argument")
                .or_else(|| node.child_by_field_name("operand"))
                .or_else(|| node.named_child(0))
            {
                Some(argument) if is_not => return read(parsed, argument, !negated),
                _ => {}
            }
        }
        "named_expression" => {
            // The name is what is asked for from then on.
            if let Some(name) = node.child_by_field_name("name") {
                return asks(name, How::Truth, false);
            }
        }
        "comparison_operator" | "binary_expression" | "binary" | "binary_operator" => {
            if let Some(test) = comparison(parsed, node, negated) {
                return test;
            }
        }
        _ if is_call(kind) => {
            if let Some(operand) = attribute_asked(parsed, node).or_else(|| entry_asked(parsed, node)) {
                return Test::Asks { operand, how: How::Form, when_missing: negated };
            }
            if let Some((operand, how, when_missing)) = call(parsed, node) {
                return asks(operand, how, when_missing);
            }
        }
        _ => {}
    }
    if is_chain(kind) {
        return asks(node, How::Truth, false);
    }
    Test::Free
}

/// The sides of `and` and `or`, flattened, with the operator as a word.
pub(super) fn joined<'p>(parsed: &Parsed<'_>, node: Node<'p>) -> Option<(&'static str, Vec<Node<'p>>)> {
    let operator = operator_of(parsed, node)?;
    let word = match operator {
        "and" | "&&" => "and",
        "or" | "||" => "or",
        _ => return None,
    };
    let mut sides = Vec::new();
    for side in [node.child_by_field_name("left")?, node.child_by_field_name("right")?] {
        match joined(parsed, inner(side)) {
            Some((same, more)) if same == word => sides.extend(more),
            _ => sides.push(side),
        }
    }
    Some((word, sides))
}

pub(super) fn operator_of<'t>(parsed: &Parsed<'t>, node: Node<'_>) -> Option<&'t str> {
    if !matches!(node.kind(), "boolean_operator" | "binary_expression" | "binary" | "binary_operator") {
        return None;
    }
    node.child_by_field_name("operator").map(|one| parsed.text_of(one))
}

fn comparison(parsed: &Parsed<'_>, node: Node<'_>, negated: bool) -> Option<Test> {
    let sides = parts(node);
    let [left, right] = sides[..] else { return None };
    let between = parsed
        .text_of(node)
        .get(left.end_byte() - node.start_byte()..right.start_byte() - node.start_byte())?;
    let operator = between.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_equal = match operator.as_str() {
        "is" | "==" | "===" => true,
        "is not" | "!=" | "!==" => false,
        "in" | "not in" => {
            let when_missing = (operator == "not in") != negated;
            let operand = format!("{}[{}]", squeezed(parsed, right), squeezed(parsed, left));
            return Some(Test::Asks { operand, how: How::Form, when_missing });
        }
        "instanceof" => {
            return Some(Test::Asks {
                operand: squeezed(parsed, left),
                how: How::Form,
                when_missing: negated,
            });
        }
        ">" if parsed.text_of(right) == "0" => false,
        _ => return None,
    };
    let asks = |operand: Node<'_>, how: How, when_missing: bool| {
        Some(Test::Asks {
            operand: squeezed(parsed, inner(operand)),
            how,
            when_missing: when_missing != negated,
        })
    };
    let value = parsed.text_of(right);
    if is_nothing(value) {
        return asks(left, How::Null, is_equal);
    }
    if matches!(value, "0") {
        // A plain number that is zero is there.
        return size_of(parsed, left).and_then(|sized| asks(sized, How::Form, is_equal));
    }
    if matches!(value, "\"\"" | "''" | "[]" | "{}") {
        return asks(left, How::Form, is_equal);
    }
    // `typeof x === "string"`, `type(x) is T`: what it has to be for the code behind it.
    let text = squeezed(parsed, left);
    let typed = text
        .strip_prefix("typeof")
        .or_else(|| text.strip_prefix("type(").and_then(|rest| rest.strip_suffix(')')));
    typed.map(|operand| Test::Asks {
        operand: operand.to_owned(),
        how: How::Form,
        when_missing: is_equal == negated,
    })
}

/// What is measured by `len(x)`, `x.length`, `x.size()`.
fn size_of<'p>(parsed: &Parsed<'_>, node: Node<'p>) -> Option<Node<'p>> {
    if is_call(node.kind()) {
        let path = dotted_path(parsed, node);
        if matches!(path.as_str(), "len" | "count" | "sizeof" | "strlen") {
            return node.child_by_field_name("arguments")?.named_child(0);
        }
        let is_size = matches!(path.rsplit('.').next(), Some("size" | "length" | "count" | "len"));
        return is_size.then(|| receiver(node)).flatten();
    }
    let property = parsed.field_text(node, "property");
    matches!(property, "length" | "size").then(|| node.child_by_field_name("object")).flatten()
}

/// What a method call is made on.
pub(super) fn receiver(call: Node<'_>) -> Option<Node<'_>> {
    let direct = ["object", "receiver"].iter().find_map(|field| call.child_by_field_name(field));
    direct.or_else(|| {
        let callee = call.child_by_field_name("function")?;
        ["object", "operand", "value"].iter().find_map(|field| callee.child_by_field_name(field))
    })
}

/// `hasattr(x, "name")` asks for `x.name`.
fn attribute_asked(parsed: &Parsed<'_>, node: Node<'_>) -> Option<String> {
    if dotted_path(parsed, node) != "hasattr" {
        return None;
    }
    let given = parts(node.child_by_field_name("arguments")?);
    let [object, name] = given[..] else { return None };
    Some(format!("{}.{}", squeezed(parsed, object), parsed.text_of(name).trim_matches(['"', '\''])))
}

/// `array_key_exists('k', $a)` asks for `$a['k']`, `h.key?(:k)` for `h[:k]`, `m.containsKey(k)` for `m.get(k)`.
fn entry_asked(parsed: &Parsed<'_>, node: Node<'_>) -> Option<String> {
    let path = dotted_path(parsed, node);
    let given = parts(node.child_by_field_name("arguments")?);
    let text = |one: &Node<'_>| squeezed(parsed, *one);
    match (path.rsplit('.').next()?, &given[..]) {
        ("array_key_exists", [key, array]) => Some(format!("{}[{}]", text(array), text(key))),
        ("key?" | "has_key?", [key]) => Some(format!("{}[{}]", text(&receiver(node)?), text(key))),
        ("containsKey" | "has", [key]) => Some(format!("{}.get({})", text(&receiver(node)?), text(key))),
        ("hasOwnProperty", [key]) => Some(format!("{}[{}]", text(&receiver(node)?), text(key))),
        _ => None,
    }
}

fn call<'p>(parsed: &Parsed<'_>, node: Node<'p>) -> Option<(Node<'p>, How, bool)> {
    let path = dotted_path(parsed, node);
    let last = path.rsplit('.').next().unwrap_or(&path);
    let first = || {
        let arguments = node.child_by_field_name("arguments")?;
        let argument = arguments.named_child(0)?;
        Some(if argument.kind() == "argument" {
            argument.named_child(0).unwrap_or(argument)
        } else {
            argument
        })
    };
    Some(match last {
        "isinstance" | "isArray" | "is_array" | "is_string" | "issubclass" | "callable" => {
            (first()?, How::Form, false)
        }
        "len" | "count" | "bool" | "Boolean" => (first()?, How::Truth, false),
        "empty" | "is_null" | "isna" | "isnull" | "isnan" | "isNaN" => {
            (first()?, if last == "empty" { How::Truth } else { How::Null }, true)
        }
        "notna" | "notnull" | "isset" => (first()?, How::Null, false),
        "is_some" | "present?" | "isPresent" | "is_ok" => (receiver(node)?, How::Null, false),
        "is_none" | "nil?" | "blank?" | "isEmpty" | "is_empty" | "empty?" | "IsZero" => {
            (receiver(node)?, How::Form, true)
        }
        "get" | "fetch" => (node, How::Truth, false),
        _ => return None,
    })
}

/// The word for nothing in any language.
pub(super) fn is_nothing(text: &str) -> bool {
    matches!(text, "None" | "null" | "nil" | "undefined" | "NULL" | "none")
}

/// What is put in the place of a missing value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Substitute {
    /// `None`, an empty text or list, `False`, zero.
    Neutral,
    /// A text that somebody made up.
    Text,
    /// A negative number, a date, a text that is a number: it stands for something.
    Number,
    /// Something that counts as yes.
    Yes,
    /// Another value that the program has.
    Value,
}

/// What a piece of code stands for as a value.
pub(super) fn substitute(parsed: &Parsed<'_>, node: Node<'_>) -> Substitute {
    let node = inner(node);
    let text = squeezed(parsed, node);
    let bare = text.trim_matches(['"', '\'', '`']);
    let lower = text.to_lowercase();
    if is_nothing(&text)
        || bare.is_empty()
        || matches!(
            text.as_str(),
            "[]" | "{}"
                | "()"
                | "0"
                | "0.0"
                | "False"
                | "false"
                | "Default::default()"
                | "[None]"
                | "[null]"
                | "[{}]"
        )
        || is_empty_constructor(parsed.family(), &text)
    {
        return Substitute::Neutral;
    }
    if matches!(text.as_str(), "True" | "true") {
        return Substitute::Yes;
    }
    // A plain number may be a sensible default; a negative one, a text or a date stands for something.
    if bare.parse::<f64>().is_ok_and(|number| number > 0.0) && bare == text {
        return Substitute::Value;
    }
    if bare.parse::<f64>().is_ok()
        || lower.contains("datetime(")
        || is_call(node.kind())
            && has("today", dotted_path(parsed, node).rsplit('.').next().unwrap_or_default())
        || lower.contains("date(") && lower.chars().any(|c| c.is_ascii_digit())
    {
        return Substitute::Number;
    }
    let kind = node.kind();
    if kind.contains("string") && kind != "template_substitution" {
        return Substitute::Text;
    }
    if matches!(
        kind,
        "tuple" | "list" | "array" | "dictionary" | "object" | "unary_operator" | "unary_expression"
    ) {
        let worst = parts(node).into_iter().map(|part| part_of(parsed, part)).max_by_key(|one| match one {
            Substitute::Neutral => 0,
            Substitute::Text => 1,
            Substitute::Value => 2,
            Substitute::Yes => 3,
            Substitute::Number => 4,
        });
        return worst.unwrap_or(Substitute::Neutral);
    }
    if is_call(kind)
        && parts(node).iter().any(|part| {
            part.kind().contains("argument")
                && parts(*part).iter().any(|one| substitute(parsed, *one) == Substitute::Number)
        })
    {
        return Substitute::Number;
    }
    Substitute::Value
}

/// A part of something made up: there a plain number is no default, but an amount.
fn part_of(parsed: &Parsed<'_>, part: Node<'_>) -> Substitute {
    let value = part.child_by_field_name("value").unwrap_or(part);
    match substitute(parsed, value) {
        Substitute::Value if parsed.text_of(value).parse::<f64>().is_ok() => Substitute::Number,
        other => other,
    }
}

/// `list()`, `new Map()`, `make(T)`, `T{}`, `netaddr.IPSet()`: a constructor without arguments.
fn is_empty_constructor(family: Family, text: &str) -> bool {
    let text = text.strip_prefix("new").unwrap_or(text);
    let Some(name) = text.strip_suffix("()").or_else(|| text.strip_suffix("{}")) else {
        return text.starts_with("make(") && !text.contains(',');
    };
    let last = name.rsplit(['.', ':', '&']).next().unwrap_or(name);
    has("list dict set tuple str frozenset map Map Set new default", last)
        // Go's `T{}` looks like one that somebody filled.
        || match family {
            Family::Go => name.starts_with("[]") || name.starts_with("map["),
            _ => {
                last.starts_with(|c: char| c.is_ascii_uppercase())
                    && last.contains(|c: char| c.is_ascii_lowercase())
            }
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::Language;
    use crate::syntax::visit_below;

    fn of_python(condition: &str) -> Test {
        let text = format!("if {condition}:\n    pass\n");
        let parsed = Parsed::new(Language::Python, &text);
        let mut found = None;
        visit_below(parsed.root(), |node, at| {
            if at.kind == "if_statement" {
                found = node.child_by_field_name("condition").map(|asks| test_of(&parsed, asks));
            }
        });
        found.expect("the text is an `if`")
    }

    #[test]
    fn conditions_that_hold_only_if_something_is_missing_are_told_from_others() {
        for (condition, operand) in [
            ("x is None", "x"),
            ("not x", "x"),
            ("len(rows) == 0", "rows"),
            ("key not in d", "d[key]"),
            ("not hasattr(a, 'b')", "a.b"),
            ("not isinstance(a.b, dict)", "a.b"),
            ("x is None and y > 3", "x"),
        ] {
            let test = of_python(condition);
            assert!(test.selects_missing(), "{condition}");
            assert!(test.operands().iter().any(|one| one == operand), "{condition}: {:?}", test.operands());
        }
        for condition in ["x", "x is not None", "x > 3", "x is None or y > 3", "key in d"] {
            assert!(!of_python(condition).selects_missing(), "{condition}");
        }
    }

    #[test]
    fn conditions_that_fail_only_if_something_is_missing_are_told_from_others() {
        for condition in
            ["x", "x is not None", "x and y", "d.get('a')", "key in d", "not (x is None)", "x or y > 3"]
        {
            assert!(of_python(condition).drops_missing(), "{condition}");
        }
        for condition in ["x and y > 3", "not x", "x > 3"] {
            assert!(!of_python(condition).drops_missing(), "{condition}");
        }
    }

    #[test]
    fn what_stands_for_nothing_is_told_from_what_somebody_made_up() {
        for (code, expected) in [
            ("None", Substitute::Neutral),
            ("\"\"", Substitute::Neutral),
            ("[]", Substitute::Neutral),
            ("dict()", Substitute::Neutral),
            ("False", Substitute::Neutral),
            ("0", Substitute::Neutral),
            ("True", Substitute::Yes),
            ("\"grey\"", Substitute::Text),
            ("\"0\"", Substitute::Number),
            ("-1", Substitute::Number),
            ("datetime(1970, 1, 1)", Substitute::Number),
            ("(version('0'), None)", Substitute::Number),
            ("10", Substitute::Value),
            ("other", Substitute::Value),
        ] {
            let parsed = Parsed::new(Language::Python, code);
            let value = parsed.root().named_child(0).expect("a statement");
            assert_eq!(substitute(&parsed, value), expected, "{code}");
        }
    }
}
