//! The net under the other rules: what a fix newly reaches for that is not known to be harmless.
//!
//! Lists of bad names never end. A small fix works with what its file works with already, and with
//! calls that only compute; so an imported call that is neither is refused, whatever it is named.
//! The same goes for names made at run time, patched modules, and answers that are sent elsewhere. It speaks only where no other rule has an objection.

mod names;

use std::cell::LazyCell;
use std::collections::HashSet;
use std::ops::Deref;
use std::sync::LazyLock;

use regex::Regex;
use tree_sitter::Node;

use super::ProposedChange;
use super::new_imports::is_own_module;
use super::reviewed::{Finding, Reviewed, Side, places, shortened};
use super::standard_libraries::is_standard;
use crate::names::{has, is_below};
use crate::syntax::imports::Import;
use crate::syntax::references::{Origin, Reference, Use};
use crate::syntax::{Family, Parsed, first_line, tokens};
use autofix_domain::reason::{Reason, ReasonCode};
use names::{
    ACTING, GUARDED_MODULES, HARMLESS_MODULES, LOOKS, METHODS, NOT_HARMLESS, PARTS, PRIVILEGES, ROOTS, SINKS,
    WHOLE,
};

/// A repetition in a repetition, or a URL that is code.
static RISKY_TEXT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"\([^()]*[+*?][^()]*\)[+*]|\)\{\d+,\}|(?i)[\x22'`]\s*(?:javascript|vbscript|data:\w+/\w+)[:;,]",
    )
    .expect("the pattern is constant and tested")
});

pub(super) fn unfamiliar(file: &Reviewed<'_>, change: &ProposedChange<'_>) -> Option<Reason> {
    let sides = file.sides.as_ref()?;
    if !matches!(sides.after.parsed.family(), Family::Python | Family::Script | Family::Go) {
        return None;
    }
    let known = LazyCell::new(|| {
        let all = sides.before.all_references();
        all.iter().map(|one| one.path.as_str()).collect::<HashSet<&str>>()
    });
    let mut added = file.newly_found(|side| foreign_calls(side, &known, change));
    added.extend(file.newly_found(far_reaching).into_iter().filter(|one| !is_known_text(&one.key, &known)));
    (!added.is_empty()).then(|| {
        let detail = format!(
            "The fix newly uses {}, which is neither used in this file so far nor known to be harmless.",
            places(&added)
        );
        Reason::new(ReasonCode::DangerousCall, detail)
    })
}

/// Imported names, other than those that the file used before, that only compute, or that are the
/// project's own and sound as if they only computed.
fn foreign_calls<'k>(
    side: &Side<'_>,
    known: &impl Deref<Target = HashSet<&'k str>>,
    change: &ProposedChange<'_>,
) -> Vec<Finding> {
    let family = side.parsed.family();
    let imported = side.references().iter().filter(|one| one.origin == Origin::Imported);
    imported
        .filter(|one| !is_harmless(one))
        // A function may be handed on instead of called; types and constants begin with a capital.
        .filter(|one| {
            let is_function = family != Family::Go && one.last_name().starts_with(|c: char| c.is_lowercase());
            one.how == Use::Called || (is_function && is_standard(family, &one.path))
        })
        .filter(|one| {
            !is_own_helper(side, one, change)
                && !known.contains(one.path.as_str())
                && !only_looks(one, known)
                && !was_unbound(side, one, known, change)
        })
        .map(|one| Finding::new(one.path.as_str(), one.line))
        .collect()
}

/// Whether the file reads the same text already, and made another one of it: `navigator.platform.toLowerCase()`.
fn is_known_text(path: &str, known: &HashSet<&str>) -> bool {
    const OF_TEXT: [&str; 9] =
        ["toLowerCase", "toUpperCase", "trim", "split", "lower", "upper", "strip", "startsWith", "includes"];
    OF_TEXT.iter().any(|method| known.contains(format!("{path}.{method}").as_str()))
}

fn only_looks(one: &Reference<'_>, known: &HashSet<&str>) -> bool {
    one.path
        .rsplit_once('.')
        .is_some_and(|(object, method)| has(LOOKS, method) && known.iter().any(|path| is_below(object, path)))
}

/// Whether the old file called it by the same name without importing it, and the import is of the project's own.
fn was_unbound(
    side: &Side<'_>,
    one: &Reference<'_>,
    known: &HashSet<&str>,
    change: &ProposedChange<'_>,
) -> bool {
    let family = side.parsed.family();
    let own = |import: &Import| {
        import.module.starts_with('.') || is_own_module(family, import, change.repository_paths)
    };
    side.imports.iter().filter(|import| own(import)).flat_map(|import| &import.bindings).any(
        |(local, full)| {
            one.path.strip_prefix(full.as_str()).is_some_and(|rest| {
                (rest.is_empty() || rest.starts_with('.'))
                    && known.contains(format!("{local}{rest}").as_str())
            })
        },
    )
}

fn is_own_helper(side: &Side<'_>, one: &Reference<'_>, change: &ProposedChange<'_>) -> bool {
    let family = side.parsed.family();
    let own = side.imports.iter().any(|import| {
        one.path.strip_prefix(import.module.as_str()).is_some_and(|rest| rest.starts_with('.'))
            && (import.module.starts_with('.') || is_own_module(family, import, change.repository_paths))
    });
    own && !one.path.rsplit(['.', '/']).any(|name| {
        let end = name.find(|c: char| c == '_' || c.is_uppercase()).unwrap_or(name.len());
        has(ACTING, &name[..end])
    })
}

fn is_harmless(one: &Reference<'_>) -> bool {
    let is_error = ["Error", "Exception"].iter().any(|end| one.last_name().ends_with(end));
    is_error
        || is_raised(one)
        || (is_below(HARMLESS_MODULES, &one.path) && !is_below(NOT_HARMLESS, &one.path))
}

/// A class whose object is raised: it tells, and does nothing else.
fn is_raised(one: &Reference<'_>) -> bool {
    let raises = |node: Node<'_>| matches!(node.kind(), "raise_statement" | "throw_statement");
    one.last_name().starts_with(|c: char| c.is_uppercase()) && one.node.parent().is_some_and(raises)
}

/// Names that reach far, and names that are made at run time.
fn far_reaching(side: &Side<'_>) -> Vec<Finding> {
    let parsed = side.parsed;
    let mut found: Vec<Finding> = side
        .references()
        .iter()
        .filter_map(|one| {
            let key = if has(SINKS, one.last_name()) && one.how == Use::Called {
                tokens::normalised(parsed, one.node)
            } else if reaches_far(parsed, one) {
                one.path.clone()
            } else {
                return None;
            };
            Some(Finding { key, shown: one.path.clone(), line: one.line })
        })
        .collect();
    side.walk.visit(|node, position| {
        let kind = position.kind;
        if is_risky_text(parsed, node, kind) || writes_below_any_key(parsed, node, kind) {
            let shown = shortened(parsed.text_of(node));
            found.push(Finding { key: tokens::normalised(parsed, node), shown, line: first_line(node) });
        } else if let Some(callee) = callee_made_at_run_time(parsed, node, kind) {
            let shown = shortened(parsed.text_of(callee));
            found.push(Finding { key: tokens::normalised(parsed, callee), shown, line: first_line(node) });
        }
    });
    found
}

fn reaches_far(parsed: &Parsed<'_>, one: &Reference<'_>) -> bool {
    let python = parsed.family() == Family::Python;
    let path = one.path.as_str();
    let last = one.last_name();
    let called = one.how == Use::Called;
    let imported = one.origin == Origin::Imported;
    let assigned = || is_assigned(one.node);
    (is_below(ROOTS, path) && !is_below("process.env", path))
        || is_below(NOT_HARMLESS, path)
        || path.split('.').any(|part| has(PARTS, part))
        || (called && path.contains('.') && has(METHODS, last))
        // A pattern that is not written here can read every attribute of what it is given.
        || (python && called && last == "format" && path.contains('.') && !path.starts_with('?'))
        || (python && imported && !called && has(GUARDED_MODULES, path))
        || (python && imported && path.split('.').skip(1).any(|part| has(GUARDED_MODULES, part)))
        || (!called && path.contains('.') && has(WHOLE, last))
        || (path.contains('.') && (imported || has(PRIVILEGES, last)) && assigned())
        || (called && last == "getattr" && !second_is_plain_text(parsed, one.node))
        || (called && matches!(path, "require" | "import") && !first_is_plain_text(one.node))
        || path == "SystemExit"
        || matches!(path, "sys.exit" | "os.abort")
}

fn is_assigned(node: Node<'_>) -> bool {
    node.parent().is_some_and(|parent| {
        let on_the_left = parent.child_by_field_name("left") == Some(node);
        // Go's left side is a list.
        let in_list = parent.kind() == "expression_list"
            && parent.parent().is_some_and(|above| above.child_by_field_name("left") == Some(parent));
        on_the_left && parent.kind().contains("assignment") || in_list
    })
}

fn argument(call: Node<'_>, index: usize) -> Option<Node<'_>> {
    call.child_by_field_name("arguments")?.named_children(&mut call.walk()).nth(index)
}

fn second_is_plain_text(parsed: &Parsed<'_>, call: Node<'_>) -> bool {
    argument(call, 1).is_some_and(|name| {
        let text = parsed.text_of(name);
        name.kind() == "string" && !text.starts_with(['f', 'F']) && !text.contains("__")
    })
}

fn first_is_plain_text(call: Node<'_>) -> bool {
    argument(call, 0).is_some_and(|name| name.kind() == "string")
}

/// What is called where no name stands: `x["a" + b](…)`, `getattr(a, b)(…)`.
fn callee_made_at_run_time<'t>(parsed: &Parsed<'_>, node: Node<'t>, kind: &str) -> Option<Node<'t>> {
    if !matches!(kind, "call" | "call_expression" | "new_expression") {
        return None;
    }
    let callee = ["function", "constructor"].iter().find_map(|field| node.child_by_field_name(field))?;
    let by_key = matches!(callee.kind(), "subscript" | "subscript_expression" | "index_expression");
    let of_result = callee.kind() == "call" && parsed.family() == Family::Python;
    (by_key || of_result).then_some(callee)
}

/// A pattern that one text can keep busy for ever, a URL that runs, a key made at run time.
fn is_risky_text(parsed: &Parsed<'_>, node: Node<'_>, kind: &str) -> bool {
    let text = parsed.text_of(node);
    match kind {
        "string" | "template_string" | "regex" | "interpreted_string_literal" | "raw_string_literal" => {
            RISKY_TEXT.is_match(text)
        }
        "computed_property_name" => text.contains(['+', '`']),
        _ => false,
    }
}

/// `x[a][b] = c` in JavaScript: where `a` is `__proto__`, every object there is gets a new `b`.
fn writes_below_any_key(parsed: &Parsed<'_>, node: Node<'_>, kind: &str) -> bool {
    if parsed.family() != Family::Script || !kind.contains("assignment_expression") {
        return false;
    }
    let mut target = node.child_by_field_name("left");
    let mut depth = 0;
    while let Some(part) = target {
        target = part.child_by_field_name("object");
        let written = parsed.field_text(part, "index");
        if matches!(written.trim_matches(['"', '\'', '`']), "__proto__" | "prototype" | "constructor") {
            return true;
        }
        let is_open = !written.is_empty()
            && !written.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '"' | '\''));
        if depth > 0 && is_open {
            return true;
        }
        depth += 1;
    }
    false
}
