//! What people read: log lines, texts of errors. A change there is harmless unless it tells a secret or a whole object.

use tree_sitter::Node;

use super::super::absence::receiver;
use super::super::sinks::{has, is_secret, is_whole};
use super::super::tree::{
    above, called, callee, inner, is_call, is_lambda, is_raise, last_part, parts, squeezed, words,
};
use super::{Judged, Scene, Verdict, arguments, check_deleted, refuse, sensitive_change, shown};
use crate::names::is_log_call;
use crate::syntax::references::dotted_path;
use crate::syntax::{Parsed, any_below, visit_below};
use autofix_domain::reason::ReasonCode;

/// Calls that make a text or a number of a value, and nothing else.
const READERS: &str = "\
    str len repr int float format join get strip lower upper String toString JSON.stringify stringify trim Sprintf Errorf Error \
    type name toFixed toLowerCase toUpperCase _ gettext sprintf t count keys isoformat localize tr __ New Sprint";

/// The call that only tells: the log call or the raised error that a node stands in.
pub(super) fn telling<'p>(parsed: &Parsed<'_>, node: Node<'p>) -> Option<Node<'p>> {
    above(node, |one| {
        (is_call(one.kind()) && is_log_call(&dotted_path(parsed, one)))
            || is_raise(one.kind())
            || is_error_made(parsed, one)
    })
    .filter(|one| {
        // Between the node and the call no function may begin: what it does runs later.
        let lambda = above(node, |between| is_lambda(between.kind()));
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
        let raised = is_raise(telling.kind());
        let names_class = raised
            && old.is_some()
            && inner(telling.named_child(0).unwrap_or(telling)).start_byte() == new.start_byte()
            && words(self.new, new).len() == 1;
        if names_class {
            return check_deleted(format!("Another error is raised: `{}`", shown(self.new, new)));
        }
        if let Some(why) = self.tells_too_much(telling, old, new) {
            return refuse(ReasonCode::SecretInDiff, why);
        }
        let before: Vec<String> = old.map_or_else(Vec::new, |old| callees(self.old, old));
        let fresh = callees(self.new, new).into_iter().find(|callee| {
            !before.contains(callee)
                && !has(READERS, last_part(callee))
                && !is_log_call(callee)
                && !last_part(callee).ends_with("Error")
        });
        match fresh {
            Some(callee) if self.act_in(new).is_some() => {
                sensitive_change(format!("The text newly calls `{callee}`"))
            }
            Some(callee) => super::ask(
                format!(
                    "Does `{callee}`, which the text of a log line or error newly calls, only make a text and change nothing?"
                ),
                last_part(&callee),
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
        let formats_again = any_below(telling, |node, _| {
            let on = receiver(node).filter(|_| is_call(node.kind()));
            dotted_path(self.new, node).ends_with(".format")
                && on.is_some_and(|on| {
                    any_below(on, |_, at| matches!(at.kind, "interpolation" | "binary_operator"))
                })
        });
        if formats_again {
            return Some("A text with values in it is formatted once more".to_owned());
        }
        let told: Vec<Node<'c>> = if is_raise(telling.kind()) { Vec::new() } else { arguments(telling) };
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
                && has("str repr stringify dumps String to_json inspect vars", &called(self.new, value));
            let wrapped = value;
            let value = if wraps { arguments(value).first().copied().unwrap_or(value) } else { value };
            let chain = squeezed(self.new, value);
            let chain = chain.strip_suffix("()").unwrap_or(&chain);
            let last = chain.rsplit(['.', '>']).next().unwrap_or(chain);
            let last = last.strip_prefix("get").unwrap_or(last);
            let is_plain =
                chain.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '$' | '>' | '-'));
            let tells_inside = is_call(wrapped.kind())
                && has("stringify dumps to_json inspect vars", &called(self.new, wrapped));
            let is_new = old.is_none_or(|old| !squeezed(self.old, old).contains(chain));
            if is_plain
                && is_new
                && (is_whole(last)
                    || (has("data body", last) && chain.split('.').any(is_whole))
                    || ((tells_all || tells_inside) && !matches!(last, "err" | "error" | "e")))
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
            found.push(dotted_path(parsed, callee(node)));
        }
    });
    found
}
