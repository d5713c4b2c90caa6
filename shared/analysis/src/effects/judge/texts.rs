//! What people read: log lines, texts of errors. A change there is harmless unless it tells a secret or a whole object.

use tree_sitter::Node;

use super::super::sinks::{is_secret, is_whole};
use super::super::tree::{above, is_call, parts, squeezed, words};
use super::{Judged, Scene, Verdict, arguments, refuse, shown};
use crate::syntax::references::dotted_path;
use crate::syntax::{Parsed, visit_below};
use crate::validators::is_log_call;
use autofix_domain::reason::ReasonCode;

/// Calls that make a text or a number of a value, and nothing else.
const READERS: &str = "\
    str len repr int float format join get strip lower upper String toString JSON.stringify stringify trim Sprintf Errorf Error \
    type name toFixed toLowerCase toUpperCase _ gettext sprintf t count keys isoformat localize tr __ New Sprint";

/// The call that only tells: the log call or the raised error that a node stands in.
pub(super) fn telling<'p>(parsed: &Parsed<'_>, node: Node<'p>) -> Option<Node<'p>> {
    above(node, |one| {
        (is_call(one.kind()) && is_log_call(&dotted_path(parsed, one)))
            || matches!(one.kind(), "raise_statement" | "throw_statement" | "throw_expression")
            || is_error_made(parsed, one)
    })
    .filter(|one| {
        // Between the node and the call no function may begin: what it does runs later.
        let lambda = above(node, |between| super::super::tree::is_lambda(between.kind()));
        lambda.is_none_or(|lambda| lambda.start_byte() < one.start_byte())
    })
}

/// Go's errors are made where others raise.
fn is_error_made(parsed: &Parsed<'_>, node: Node<'_>) -> bool {
    is_call(node.kind())
        && matches!(
            dotted_path(parsed, node).as_str(),
            "fmt.Errorf" | "errors.New" | "errors.Wrap" | "errors.Wrapf"
        )
}

impl<'c> Scene<'c> {
    /// A changed or new text of a log line or an error.
    pub(super) fn told(&self, telling: Node<'c>, old: Option<Node<'c>>, new: Node<'c>) -> Judged {
        let what = shown(self.new, new);
        let fact = match old {
            Some(old) => {
                format!("In the text of a log line or error `{}` becomes `{what}`", shown(self.old, old))
            }
            None => format!("A log line or error is new: `{what}`"),
        };
        Judged::new(new, fact, self.told_verdict(telling, old, new))
    }

    fn told_verdict(&self, telling: Node<'c>, old: Option<Node<'c>>, new: Node<'c>) -> Verdict {
        let raised = matches!(telling.kind(), "raise_statement" | "throw_statement" | "throw_expression");
        let names_class = raised
            && old.is_some()
            && super::super::tree::inner(telling.named_child(0).unwrap_or(telling)).start_byte()
                == new.start_byte()
            && super::super::tree::words(self.new, new).len() == 1;
        if names_class {
            return refuse(
                ReasonCode::CheckDeleted,
                format!("Another error is raised: `{}`", shown(self.new, new)),
            );
        }
        if let Some(why) = self.tells_too_much(telling, old, new) {
            return refuse(ReasonCode::SecretInDiff, why);
        }
        let before: Vec<String> = old.map_or_else(Vec::new, |old| callees(self.old, old));
        let fresh = callees(self.new, new).into_iter().find(|callee| {
            !before.contains(callee)
                && !super::super::sinks::has(READERS, callee.rsplit('.').next().unwrap_or(callee))
                && !is_log_call(callee)
                && !callee.rsplit('.').next().unwrap_or(callee).ends_with("Error")
        });
        match fresh {
            Some(callee) if !super::super::sinks::sinks_below(self.new, new, self.bindings).is_empty() => {
                refuse(ReasonCode::SensitiveChange, format!("The text newly calls `{callee}`"))
            }
            Some(callee) => super::ask(
                format!(
                    "Does `{callee}`, which the text of a log line or error newly calls, only make a text and change nothing?"
                ),
                callee.rsplit('.').next().unwrap_or(&callee),
            ),
            None => Verdict::Harmless,
        }
    }

    /// What a text newly tells that it must not.
    fn tells_too_much(&self, telling: Node<'c>, old: Option<Node<'c>>, new: Node<'c>) -> Option<String> {
        let known: Vec<&str> = old.map_or_else(Vec::new, |old| words(self.old, old));
        if let Some(secret) =
            words(self.new, new).into_iter().find(|word| is_secret(word) && !known.contains(word))
        {
            return Some(format!("The text of a log line or error newly tells `{secret}`"));
        }
        // A text that is put together first and formatted then reads whatever the inner text names.
        let mut formatted = None;
        visit_below(telling, |node, _| {
            if is_call(node.kind()) && dotted_path(self.new, node).ends_with(".format") {
                let callee = node
                    .child_by_field_name("function")
                    .and_then(|callee| callee.child_by_field_name("object"));
                let has_values = callee.is_some_and(|callee| {
                    let mut found = false;
                    visit_below(callee, |one, _| {
                        found |= one.kind() == "interpolation" || one.kind() == "binary_operator"
                    });
                    found
                });
                if has_values {
                    formatted = Some("A text with values in it is formatted once more".to_owned());
                }
            }
        });
        if formatted.is_some() {
            return formatted;
        }
        let told: Vec<Node<'c>> = match telling.kind() {
            "raise_statement" | "throw_statement" | "throw_expression" => Vec::new(),
            _ => arguments(telling),
        };
        let tells_all =
            self.new.text_of(telling).contains("%+v") || self.new.text_of(telling).contains("%#v");
        let mut values: Vec<Node<'c>> = told.into_iter().filter(|one| overlaps(*one, new)).collect();
        visit_below(new, |node, _| {
            if matches!(node.kind(), "interpolation" | "template_substitution") {
                values.extend(parts(node));
            }
        });
        values.push(new);
        for value in values {
            // `str(x)` and `JSON.stringify(x)` tell all of `x`.
            let wraps = is_call(value.kind())
                && matches!(
                    dotted_path(self.new, value).rsplit('.').next(),
                    Some("str" | "repr" | "stringify" | "dumps" | "String" | "to_json" | "inspect" | "vars")
                );
            let wrapped = value;
            let value = if wraps { arguments(value).first().copied().unwrap_or(value) } else { value };
            let chain = squeezed(self.new, value);
            let last = chain.rsplit(['.', '>']).next().unwrap_or(&chain);
            let is_plain =
                chain.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '$' | '>' | '-'));
            let tells_inside = is_call(wrapped.kind())
                && matches!(
                    dotted_path(self.new, wrapped).rsplit('.').next(),
                    Some("stringify" | "dumps" | "to_json" | "inspect" | "vars")
                );
            let is_new = old.is_none_or(|old| !squeezed(self.old, old).contains(&chain));
            if is_plain
                && is_new
                && (is_whole(last) || ((tells_all || tells_inside) && !matches!(last, "err" | "error" | "e")))
            {
                return Some(format!(
                    "The text of a log line or error newly tells all of `{}`",
                    shown(self.new, value)
                ));
            }
        }
        None
    }
}

fn overlaps(one: Node<'_>, other: Node<'_>) -> bool {
    one.start_byte() < other.end_byte() && other.start_byte() < one.end_byte()
}

/// Everything that a piece of code calls.
pub(super) fn callees(parsed: &Parsed<'_>, top: Node<'_>) -> Vec<String> {
    let mut found = Vec::new();
    visit_below(top, |node, _| {
        if is_call(node.kind()) {
            let callee =
                ["function", "constructor", "macro"].iter().find_map(|field| node.child_by_field_name(field));
            found.push(dotted_path(parsed, callee.unwrap_or(node)));
        }
    });
    found
}
