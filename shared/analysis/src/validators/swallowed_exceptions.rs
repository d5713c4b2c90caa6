//! Errors that a fix catches and forgets: the exception is gone from Sentry, and the fault stays.
//!
//! A broad handler that does not raise again counts whatever else it does. A handler of one narrow
//! type may answer with a value; it counts only if nothing at all follows from the error. What its value does in the code
//! behind it is judged in `effects::judge::handlers`, and both have to accept a handler.

mod handlers;
mod rust;

use std::sync::LazyLock;

use regex::Regex;
use tree_sitter::Node;

use super::reviewed::{Finding, Reviewed, Side, places, shortened};
use crate::effects::{NEARLY_ALL, is_handler, keeps_default};
use crate::names::has;
use crate::names::is_log_call;
use crate::syntax::definitions::kind_of_definition;
use crate::syntax::references::dotted_path;
use crate::syntax::settings::Setting;
use crate::syntax::{Family, Parsed, Position, any_below, first_line, statements, tokens, visit_below};
use autofix_domain::reason::{Reason, ReasonCode};

/// Python types that catch nearly everything, or that only ever mean a mistake in the code.
const BROAD: &str = "\
    Exception BaseException StandardError AttributeError TypeError NameError UnboundLocalError \
    AssertionError RuntimeError LookupError SystemExit KeyboardInterrupt ExceptionGroup \
    BaseExceptionGroup HTTPException";

/// Settings that make a call fail in silence. Names without case and underscores.
const SILENT_SETTINGS: &[(&str, &str)] = &[
    ("ignoreerrors", "true"),
    ("errors", "ignore"),
    ("onerror", "ignore"),
    ("throwonerror", "false"),
    ("raiseonerror", "false"),
    ("raiseexceptions", "false"),
    ("raiseexception", "false"),
    ("raiseforstatus", "false"),
    ("returnexceptions", "true"),
    ("failsilently", "true"),
    ("suppresserrors", "true"),
    ("check", "false"),
];

/// Functions that pass an error on in JavaScript.
const PASS_ON: &[&str] = &["next", "reject"];

static GO_ERROR_CHECK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b(\w*[eE]rr\w*) != nil").expect("the pattern is constant and tested"));

/// What makes two handlers the same one, besides the functions around them.
#[derive(Clone, Copy)]
enum SameBy {
    /// Where they are and what they catch. What an old handler does besides is looked at by the effects of the change.
    Head,
    /// What they do, and nearly everything that they take. What an old handler takes besides is looked at by the effects of the change.
    Body,
}

static GO_ERROR: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b(err|\w+Err)\b").expect("the pattern is constant and tested"));

pub(super) fn exception_swallowed(file: &Reviewed<'_>) -> Option<Reason> {
    let new_by = |same: SameBy| file.newly_found(|side| handlers_that_swallow(side, same));
    let new_bodies = new_by(SameBy::Body);
    let mut added = new_by(SameBy::Head);
    added.retain(|one| new_bodies.iter().any(|other| (other.line, &other.shown) == (one.line, &one.shown)));
    if let Some(sides) = &file.sides {
        added.extend(rust::no_longer_passed_on(sides));
    }
    (!added.is_empty()).then(|| {
        let detail = format!("The fix hides errors instead of preventing them: {}.", places(&added));
        Reason::new(ReasonCode::ExceptionSwallowed, detail)
    })
}

fn handlers_that_swallow(side: &Side<'_>, same: SameBy) -> Vec<Finding> {
    let parsed = side.parsed;
    let mut found = of_settings(side.settings());
    side.walk.visit(|node, position| {
        let swallows = match parsed.family() {
            Family::Python => python_swallows(parsed, node, position),
            Family::Script => script_swallows(parsed, node, position.kind),
            Family::Go => go_swallows(parsed, node, position.kind),
            Family::Rust => rust::swallows(parsed, node),
            Family::Java | Family::Ruby | Family::Php => handlers::swallows(parsed, node),
        };
        if swallows {
            let key = same_handler(parsed, node, position, same);
            found.push(Finding { key, shown: shortened(parsed.text_of(node)), line: first_line(node) });
        }
    });
    found
}

fn same_handler(parsed: &Parsed<'_>, node: Node<'_>, position: &Position<'_, '_>, same: SameBy) -> String {
    let body = ["body", "consequence"].into_iter().find_map(|field| node.child_by_field_name(field));
    let body = body.or_else(|| last_child(node, "block"));
    let end = match position.kind {
        "call_expression" if parsed.family() == Family::Script => {
            return format!("{}: {}", function_around(parsed, position), dotted_path(parsed, node));
        }
        _ => body.map_or(node.end_byte(), |body| body.start_byte()),
    };
    let around = function_around(parsed, position);
    match (same, body) {
        (SameBy::Body, Some(body)) if is_handler(position.kind) => {
            let head = &parsed.text_of(node)[..body.start_byte() - node.start_byte()];
            let broad: Vec<String> =
                caught_types(head).into_iter().filter(|one| has(NEARLY_ALL, one)).collect();
            format!("{around}: {}: {}", broad.join(" "), tokens::normalised(parsed, body))
        }
        _ => format!("{around}: {}", tokens::normalised_until(parsed, node, end)),
    }
}

/// Names of the functions and classes around a node, with dots.
fn function_around(parsed: &Parsed<'_>, position: &Position<'_, '_>) -> String {
    let names = position
        .ancestors
        .iter()
        .filter(|node| kind_of_definition(parsed.family(), node.kind()).is_some())
        .map(|node| parsed.field_text(*node, "name"));
    names.collect::<Vec<_>>().join(".")
}

fn of_settings(settings: &[Setting]) -> Vec<Finding> {
    settings
        .iter()
        .filter(|setting| {
            let name = setting.name.replace(['_', '-'], "").to_lowercase();
            let value = setting.value.trim_matches(['"', '\'', ' ']).to_lowercase();
            SILENT_SETTINGS.contains(&(name.as_str(), value.as_str()))
        })
        .map(|setting| Finding::new(format!("{}={}", setting.name, setting.value), setting.line))
        .collect()
}

fn python_swallows(parsed: &Parsed<'_>, node: Node<'_>, position: &Position<'_, '_>) -> bool {
    match position.kind {
        "except_clause" | "except_group_clause" => {
            let Some(body) = last_child(node, "block") else { return false };
            let header = &parsed.text_of(node)[..body.start_byte() - node.start_byte()];
            let silent = statements(body).into_iter().all(|statement| is_silent(parsed, statement));
            let types = caught_types(header);
            silent_or_broad(&types, silent, raises_at_the_end(body))
                && keeps_default(parsed, node).is_none()
                && (silent || !is_one_conversion(parsed, node, &types))
                && !leaves_out_one_entry(node, &types)
        }
        "call" => dotted_path(parsed, node).rsplit('.').next() == Some("suppress"),
        // A `return` in `finally` drops whatever is being raised.
        "return_statement" => {
            let mut inside = position.ancestors.iter().rev().map(|node| node.kind());
            let nearest = inside.find(|kind| matches!(*kind, "function_definition" | "finally_clause"));
            nearest == Some("finally_clause")
        }
        _ => false,
    }
}

fn silent_or_broad(types: &[String], silent: bool, raises: bool) -> bool {
    // The two that a conversion such as `int(x)` raises for bad input belong together.
    let is_conversion = types.len() == 2
        && types.contains(&"TypeError".to_owned())
        && types.contains(&"ValueError".to_owned());
    let broad = types.is_empty() || types.iter().any(|name| has(BROAD, name));
    silent || (broad && !is_conversion && !raises)
}

/// `try: int(x)` with the one type that a conversion raises for what is missing.
fn is_one_conversion(parsed: &Parsed<'_>, handler: Node<'_>, types: &[String]) -> bool {
    let tried = handler
        .parent()
        .and_then(|parent| parent.child_by_field_name("body"))
        .map(statements)
        .unwrap_or_default();
    let [only] = tried[..] else { return false };
    let value = only.named_child(0).map(|one| one.child_by_field_name("right").unwrap_or(one));
    let converts = value.is_some_and(|value| {
        value.kind() == "call"
            && matches!(
                parsed.field_text(value, "function"),
                "int" | "float" | "str" | "bool" | "len" | "iter" | "range" | "Decimal"
            )
    });
    converts && types.iter().all(|one| one == "TypeError")
}

/// `try: x = d[k]` with `except KeyError: continue`: the same as asking for the key first.
fn leaves_out_one_entry(handler: Node<'_>, types: &[String]) -> bool {
    let only_continues = last_child(handler, "block")
        .map(statements)
        .is_some_and(|own| matches!(own[..], [only] if only.kind() == "continue_statement"));
    let tried = handler.parent().and_then(|parent| parent.child_by_field_name("body"));
    let reads = tried.map(statements).is_some_and(|tried| match tried[..] {
        [only] => only
            .named_child(0)
            .and_then(|one| one.child_by_field_name("right"))
            .is_some_and(|value| value.kind() == "subscript" && !any_below(value, |_, at| at.kind == "call")),
        _ => false,
    });
    reads && matches!(types, [only] if matches!(only.as_str(), "KeyError" | "IndexError")) && only_continues
}

/// Names after `except`, without packages, alias and parentheses.
fn caught_types(header: &str) -> Vec<String> {
    let header =
        header.trim_start_matches("except").trim_start_matches('*').split(" as ").next().unwrap_or_default();
    let header = header.split('#').next().unwrap_or_default();
    header
        .split(|c: char| !c.is_alphanumeric() && c != '_' && c != '.')
        .filter_map(|name| name.rsplit('.').next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn raises_at_the_end(body: Node<'_>) -> bool {
    statements(body).last().is_some_and(|last| last.kind() == "raise_statement")
}

/// A statement after which nothing tells that there was an error. Values count as an answer.
fn is_silent(parsed: &Parsed<'_>, statement: Node<'_>) -> bool {
    match statement.kind() {
        "pass_statement" | "continue_statement" | "break_statement" | "empty_statement" => true,
        "expression_statement" => statement.named_child(0).is_none_or(|expression| match expression.kind() {
            "ellipsis" | "string" => true,
            "call"
            | "call_expression"
            | "macro_invocation"
            | "method_invocation"
            | "function_call_expression"
            | "member_call_expression"
            | "scoped_call_expression" => is_log_call(&dotted_path(parsed, expression)),
            "continue_expression" | "break_expression" | "unit_expression" => true,
            _ => false,
        }),
        _ => false,
    }
}

fn script_swallows(parsed: &Parsed<'_>, node: Node<'_>, kind: &str) -> bool {
    match kind {
        "catch_clause" => node.child_by_field_name("body").is_some_and(|body| !passes_on(parsed, body)),
        "call_expression" => {
            let path = dotted_path(parsed, node);
            let Some(arguments) = node.child_by_field_name("arguments") else { return false };
            let Some(first) = arguments.named_child(0) else { return false };
            if path == "process.on" {
                return ["uncaughtException", "unhandledRejection"]
                    .iter()
                    .any(|event| parsed.text_of(first).contains(event));
            }
            // `.then(…, handler)` is a `catch` that does not look like one.
            let handler = match path.rsplit_once('.') {
                Some((_, "catch")) => Some(first),
                Some((_, "then")) => arguments.named_child(1),
                _ => None,
            };
            handler.is_some_and(|handler| handler_swallows(parsed, handler))
        }
        _ => false,
    }
}

fn handler_swallows(parsed: &Parsed<'_>, handler: Node<'_>) -> bool {
    match handler.kind() {
        "arrow_function" | "function_expression" => {
            handler.child_by_field_name("body").is_some_and(|body| !passes_on(parsed, body))
        }
        _ => {
            let path = dotted_path(parsed, handler);
            is_log_call(&path) || ["noop", "ignore", "_.noop"].contains(&path.as_str())
        }
    }
}

fn passes_on(parsed: &Parsed<'_>, body: Node<'_>) -> bool {
    let mut passes = false;
    visit_below(body, |node, position| {
        passes |= match position.kind {
            "throw_statement" => true,
            "call_expression" => {
                let path = dotted_path(parsed, node);
                path.rsplit('.').next().is_some_and(|last| PASS_ON.contains(&last))
            }
            _ => false,
        };
    });
    passes
}

fn go_swallows(parsed: &Parsed<'_>, node: Node<'_>, kind: &str) -> bool {
    match kind {
        "assignment_statement" | "short_var_declaration" => {
            let left = parsed.field_text(node, "left");
            let right = node.child_by_field_name("right").and_then(|right| right.named_child(0));
            let drops_last = left.rsplit(',').next().is_some_and(|last| last.trim() == "_");
            drops_last
                && right.is_some_and(|right| {
                    let tells_error = || {
                        let given = right.child_by_field_name("arguments");
                        given.is_some_and(|given| GO_ERROR.is_match(parsed.text_of(given)))
                    };
                    match right.kind() {
                        "call_expression" => !tells_error(),
                        "type_assertion_expression" => true,
                        _ => parsed.text_of(right).contains("err"),
                    }
                })
        }
        "if_statement" => {
            let condition =
                node.child_by_field_name("condition").map(|condition| tokens::normalised(parsed, condition));
            let Some(body) = node.child_by_field_name("consequence") else { return false };
            let is_check = condition.is_some_and(|condition| GO_ERROR_CHECK.is_match(&condition));
            is_check
                && go_statements(body)
                    .into_iter()
                    .all(|statement| is_silent(parsed, statement) || returns_nothing(parsed, statement))
        }
        "call_expression" => parsed.field_text(node, "function") == "recover",
        _ => false,
    }
}

/// A `return` of literals only.
fn returns_nothing(parsed: &Parsed<'_>, statement: Node<'_>) -> bool {
    if statement.kind() != "return_statement" {
        return false;
    }
    let values = parsed.text_of(statement).trim_start_matches("return");
    values
        .split(',')
        .map(str::trim)
        .all(|value| matches!(value, "" | "nil" | "true" | "false" | "\"\"" | "0") || value.ends_with("{}"))
}

/// The statements of a Go block, which newer grammars wrap in a list.
fn go_statements(body: Node<'_>) -> Vec<Node<'_>> {
    let list = body.named_child(0).filter(|child| child.kind() == "statement_list").unwrap_or(body);
    statements(list)
}

fn last_child<'p>(node: Node<'p>, kind: &str) -> Option<Node<'p>> {
    statements(node).into_iter().rfind(|child| child.kind() == kind)
}
