//! How a block ends, and whether that denies.

use tree_sitter::Node;

use super::super::sinks::has;
use super::super::tree::{
    body, body_statements, is_block, is_call, is_raise, is_return, last_part, parts, statement_of, words,
};
use super::texts::callees;
use crate::names::{is_log_call, split_words};
use crate::syntax::references::dotted_path;
use crate::syntax::{Family, Parsed, visit_below};

/// How a block ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// Raises, aborts, or gives back an error.
    Loud,
    Return,
    Continue,
    Break,
    None,
}

/// What stands in front of a handler's body: what it takes.
pub(super) fn handler_head<'t>(parsed: &Parsed<'t>, handler: Node<'_>) -> &'t str {
    let text = parsed.text_of(handler);
    handler_body(handler).map_or(text, |inside| &text[..inside.start_byte() - handler.start_byte()])
}

pub(super) fn handler_body(handler: Node<'_>) -> Option<Node<'_>> {
    handler
        .child_by_field_name("body")
        .or_else(|| parts(handler).into_iter().rfind(|one| is_block(one.kind())))
}

/// What a `return` gives back.
pub(super) fn returned(statement: Node<'_>) -> Option<Node<'_>> {
    let one = inner_exit(statement);
    one.named_child(0).filter(|_| is_return(one.kind()))
}

pub(super) fn inner_exit(statement: Node<'_>) -> Node<'_> {
    match statement.kind() {
        "expression_statement" => statement.named_child(0).unwrap_or(statement),
        _ => statement,
    }
}

/// The raise or error-making call of a loud way out.
pub(super) fn raised<'p>(parsed: &Parsed<'_>, statement: Node<'p>) -> Option<Node<'p>> {
    let one = inner_exit(statement);
    if is_raise(one.kind()) {
        return Some(one);
    }
    let mut found = None;
    visit_below(one, |node, at| {
        if found.is_none() && is_call(at.kind) && dotted_path(parsed, node).ends_with("Errorf") {
            found = Some(node);
        }
    });
    found
}

pub(super) fn exit_of_body(parsed: &Parsed<'_>, body: Node<'_>) -> Exit {
    let own = body_statements(body);
    let exit = own.last().map_or(Exit::None, |last| exit_of(parsed, *last));
    match own[..] {
        [.., before, last] if exit == Exit::Return && ends_answer(parsed, before, last) => Exit::Loud,
        _ => exit,
    }
}

/// Whether a `return` without a value comes behind an answer that is an error: `http.Error(w, "…", 400)`, then `return`.
pub(super) fn ends_answer(parsed: &Parsed<'_>, before: Node<'_>, last: Node<'_>) -> bool {
    let mut calls = false;
    visit_below(before, |one, at| calls |= is_call(at.kind) && !is_log_call(&dotted_path(parsed, one)));
    calls && returned(last).is_none() && is_error_answer(parsed, before, parsed.text_of(before))
}

/// What a statement does to the code behind it.
pub(super) fn exit_of(parsed: &Parsed<'_>, statement: Node<'_>) -> Exit {
    let one = inner_exit(statement);
    let text = parsed.text_of(one);
    match one.kind() {
        "raise_statement" | "throw_statement" | "throw_expression" | "exit_statement" => Exit::Loud,
        "return_statement" | "return_expression" | "return" => match is_error_answer(parsed, one, text) {
            true => Exit::Loud,
            false => Exit::Return,
        },
        "continue_statement" | "continue_expression" | "next" => Exit::Continue,
        "break_statement" | "break_expression" | "break" => Exit::Break,
        kind if is_call(kind) && parsed.family() == Family::Ruby && is_error_answer(parsed, one, text) => {
            Exit::Loud
        }
        kind if is_call(kind) => {
            let path = dotted_path(parsed, one);
            let last = path.rsplit('.').next().unwrap_or(&path);
            // `next(error)`, `reject(error)`: handed on to whoever answers for errors.
            if matches!(last, "next" | "reject" | "done") && !super::arguments(one).is_empty() {
                return Exit::Loud;
            }
            match has("panic abort exit bail raise abort_if abort_unless fail Fatal Fatalf unreachable", last)
            {
                true => Exit::Loud,
                false => Exit::None,
            }
        }
        _ => Exit::None,
    }
}

/// A value that is an error for sure: `err`, `fmt.Errorf(…)`, `&ErrMissing{}`, `ErrMissing`; not `ctx.Err()`, which may be nil.
fn is_go_error(parsed: &Parsed<'_>, value: Node<'_>) -> bool {
    let says = |name: &str| split_words(name).iter().any(|word| has("err error errors errorf", word));
    match value.kind() {
        "identifier" | "selector_expression" => says(last_part(parsed.text_of(value))),
        "call_expression" => {
            let path = dotted_path(parsed, value);
            last_part(&path) != "Err" && path.split('.').any(says)
        }
        "unary_expression" | "composite_literal" => {
            // `&errs.Missing{}`: the package or the type.
            words(parsed, value).iter().take(2).any(|name| says(name))
        }
        _ => false,
    }
}

/// What Go's `http.Status…` begins with where the answer is no error.
const STATUS_OF_SUCCESS: [&str; 9] =
    ["ok", "created", "accepted", "nocontent", "found", "seeother", "moved", "temporary", "permanent"];

/// Whether the name of a function says that it answers with an error: `failConnection`, `_error`.
pub(super) fn tells_error(name: &str) -> bool {
    split_words(name)
        .iter()
        .any(|word| has("error fail failure deny forbid forbidden reject unauthorized", word))
}

/// `return nil, err`, `return Err(…)`, `return res.sendStatus(400)`, `return self.error(…)`.
pub(super) fn is_error_answer(parsed: &Parsed<'_>, node: Node<'_>, text: &str) -> bool {
    let lower = text.to_lowercase();
    let called = callees(parsed, node);
    if !called.is_empty() && called.iter().all(|callee| is_log_call(callee)) {
        return false;
    }
    let by_family = match parsed.family() {
        Family::Go => parts(node).iter().flat_map(|one| parts(*one)).any(|one| is_go_error(parsed, one)),
        Family::Rust => text.contains("Err("),
        _ => false,
    };
    // A status of an error, said as one: `status(404)`, `status_code=400`, `abort(403)`, `sendStatus(400)`.
    let status = lower.match_indices(['4', '5']).any(|(at, _)| {
        let digits = lower[at..].chars().take_while(char::is_ascii_digit).count();
        let before = lower[..at].trim_end_matches(['(', '=', ':', ' ', '"', '\'', ',', '.']);
        let starts = !lower[..at].ends_with(|c: char| c.is_ascii_digit());
        let said = ["status", "code", "abort", "response", "http"].iter().any(|word| before.ends_with(word));
        starts && digits == 3 && said
    });
    let named_status = ["bad_request", "not_found", "forbidden", "unauthorized", "unprocessable"];
    by_family
        || status
        || named_status.iter().any(|name| lower.contains(&format!("status: :{name}")))
        || lower
            .split("http.status")
            .skip(1)
            .any(|name| !STATUS_OF_SUCCESS.iter().any(|good| name.starts_with(good)))
        || (called.iter().any(|callee| tells_error(last_part(callee))) && !lower.contains("http.status"))
        || (lower.contains(".error(")
            || lower.contains("error_response")
            || lower.contains("not_found(")
            || lower.contains("badrequest("))
}

/// Whether the statement behind the one around a node stops, too: it raises or gives back an error.
pub(super) fn stops_behind(parsed: &Parsed<'_>, node: Node<'_>) -> bool {
    let behind = statement_of(node).next_named_sibling();
    behind.is_some_and(|one| exit_of(parsed, one) == Exit::Loud)
}

/// Whether nothing behind a statement in its block runs.
pub(super) fn exits(parsed: &Parsed<'_>, condition: Node<'_>) -> bool {
    body(condition).is_some_and(|inside| exit_of_body(parsed, inside) != Exit::None)
}

/// Whether a body ends in a way out of any kind.
pub(super) fn leaves(parsed: &Parsed<'_>, body: Node<'_>) -> bool {
    exit_of_body(parsed, body) != Exit::None
}

/// Whether a body denies: it raises, aborts, answers an error or reports one to a form.
pub(super) fn denies(parsed: &Parsed<'_>, body: Node<'_>) -> bool {
    exit_of_body(parsed, body) == Exit::Loud
        || callees(parsed, body)
            .iter()
            .any(|callee| has("add_error abort raise_for_status deny forbid reject", last_part(callee)))
}

/// Whether a handler that was there tells somebody: it raises, or answers with an error.
pub(super) fn handler_answers(parsed: &Parsed<'_>, handler: Node<'_>) -> bool {
    let Some(inside) = handler_body(handler) else { return false };
    match exit_of_body(parsed, inside) {
        Exit::Loud => true,
        Exit::Return => {
            body_statements(inside).last().and_then(|last| returned(*last)).is_some_and(|value| {
                let text = parsed.text_of(value).to_lowercase();
                text.contains("error") || text.contains("invalid")
            })
        }
        _ => false,
    }
}
