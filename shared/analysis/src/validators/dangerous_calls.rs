//! What reaches further than a small fix should: calls that run text as code, start programs, load
//! objects from bytes or touch files, a look into the environment, a new endpoint.

mod names;

use std::sync::LazyLock;

use regex::Regex;
use tree_sitter::Node;

use super::reviewed::{Finding, Reviewed, Side, places};
use crate::names::{has, is_below};
use crate::syntax::references::{Origin, Reference, Use};
use crate::syntax::{Family, Parsed, first_line, is_decorator_kind, tokens};
use autofix_domain::reason::{Reason, ReasonCode};
use names::{Names, environment};

/// Settings that turn a safe call into a dangerous one.
const SETTINGS: &[(&str, &str)] =
    &[("shell", "True"), ("shell", "true"), ("allow_pickle", "True"), ("autoescape", "False")];

/// Python objects whose parts nobody should pick by a text.
const GUARDED_MODULES: &[&str] = &["( os ", "( sys ", "( builtins ", "( __builtins__ ", "( subprocess "];

/// Decorators that open an endpoint.
static ENDPOINT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)^@\s*[\w.]+\.(?:get|post|put|patch|delete|head|options|route|api_route|websocket)\s*\(
        | ^@(?:Get|Post|Put|Patch|Delete|Request)Mapping\b | ^@(?:GET|POST|PUT|PATCH|DELETE|Path)\b
        | ^(?:\#\[)?\s*(?:\w+::)*(?:get|post|put|patch|delete|head|route|Route)\s*\(",
    )
    .expect("the pattern is constant and tested")
});

pub(super) fn dangerous_call(file: &Reviewed<'_>) -> Option<Reason> {
    let added = file.newly_found(dangers);
    (!added.is_empty()).then(|| {
        let detail = format!(
            "The fix adds {}. What can run code, start programs, touch files, read secrets or open a door \
             needs a person.",
            places(&added)
        );
        Reason::new(ReasonCode::DangerousCall, detail)
    })
}

fn dangers(side: &Side<'_>) -> Vec<Finding> {
    let parsed = side.parsed;
    let names = Names::of_family(parsed.family());
    let mut found: Vec<Finding> = side
        .imports
        .iter()
        .filter(|import| {
            is_below(names.modules, import.module.strip_prefix("node:").unwrap_or(&import.module))
        })
        .map(|import| Finding::new(format!("import {}", import.module), import.line))
        .collect();
    found.extend(side.references().iter().filter_map(|one| {
        let path = without_global_object(&one.path);
        // Every way into the environment counts as the same: one more careful read is no new one.
        let name = environment(path).or_else(|| is_dangerous(parsed, names, one).then_some(path))?;
        Some(Finding::new(name, one.line))
    }));
    found.extend(
        side.settings()
            .iter()
            .filter(|setting| SETTINGS.contains(&(setting.name.as_str(), setting.value.as_str())))
            .map(|setting| Finding::new(format!("{}={}", setting.name, setting.value), setting.line)),
    );
    side.walk.visit(|node, position| {
        if has(names.nodes, position.kind) {
            found.push(Finding::new(tokens::normalised(parsed, node), first_line(node)));
        }
        if is_decorator_kind(position.kind) && ENDPOINT.is_match(parsed.text_of(node)) {
            found.push(Finding::new(tokens::normalised(parsed, node), first_line(node)));
        }
    });
    found
}

fn is_dangerous(parsed: &Parsed<'_>, names: &Names, one: &Reference<'_>) -> bool {
    // TypeScript's type `Function` is harmless.
    if one.node.kind() == "type_identifier" && parsed.family() == Family::Script {
        return false;
    }
    let path = without_global_object(&one.path);
    let called = one.how == Use::Called;
    has(names.paths, path)
        || (one.origin == Origin::Imported && is_below(names.modules, path))
        || names.starts.split_ascii_whitespace().any(|start| path.starts_with(start))
        || path.split('.').any(|part| has(names.parts, part))
        || (called && has(names.methods, one.last_name()) && path.contains('.'))
        || (called && picks_or_loads_unsafely(parsed, &one.node, path))
        || (called && is_timer_with_text(path, &one.node))
}

fn without_global_object(path: &str) -> &str {
    let globals = ["window.", "globalThis.", "global.", "builtins."];
    globals.iter().find_map(|object| path.strip_prefix(object)).unwrap_or(path)
}

/// `yaml.load` without a safe loader, and `getattr` that picks a function of `os` and the like.
fn picks_or_loads_unsafely(parsed: &Parsed<'_>, call: &Node<'_>, path: &str) -> bool {
    let arguments = || {
        let arguments = call.child_by_field_name("arguments");
        arguments.map(|arguments| tokens::normalised(parsed, arguments)).unwrap_or_default()
    };
    match path {
        "yaml.load" | "yaml.load_all" => {
            let text = arguments();
            !["SafeLoader", "BaseLoader"].iter().any(|safe| text.contains(safe))
        }
        "getattr" | "vars" => {
            let text = arguments();
            GUARDED_MODULES.iter().any(|start| text.starts_with(start))
        }
        _ => false,
    }
}

/// `setTimeout("code", …)` evaluates its text.
fn is_timer_with_text(path: &str, call: &Node<'_>) -> bool {
    let first = call.child_by_field_name("arguments").and_then(|arguments| arguments.named_child(0));
    let is_text =
        |first: Node<'_>| matches!(first.kind(), "string" | "template_string" | "binary_expression");
    matches!(path, "setTimeout" | "setInterval") && first.is_some_and(is_text)
}
