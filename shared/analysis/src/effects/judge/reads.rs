//! Reads that became more tolerant: what may be missing now, and what takes its place.

use tree_sitter::Node;

use super::super::absence::{Substitute, operator_of, receiver, substitute, test_of};
use super::super::sinks::has;
use super::super::tree::{condition, inner, is_call, is_choice, squeezed};
use super::exits::returned;
use super::values::LOOKS;
use super::{Judged, Scene, arguments, shown};
use crate::syntax::references::dotted_path;
use crate::syntax::{Family, Parsed, visit_below};

/// A read that no longer crashes if something is missing.
pub(super) struct Widened<'c> {
    pub(super) operand: String,
    /// What the value is then.
    pub(super) instead: Substitute,
    /// The code of it, if there is any.
    pub(super) code: Option<Node<'c>>,
}

impl<'c> Scene<'c> {
    /// A read that is more tolerant now, or a value that has a substitute now.
    pub(super) fn widened(&self, old: Node<'c>, new: Node<'c>) -> Option<Widened<'c>> {
        let (was, is) = (squeezed(self.old, inner(old)), squeezed(self.new, inner(new)));
        let value = |operand: &str, code: Option<Node<'c>>| Widened {
            operand: operand.to_owned(),
            instead: code.map_or(Substitute::Neutral, |code| substitute(self.new, code)),
            code,
        };
        let text = self.new.text_of(new);
        // `a.b` → `a?.b`
        if was == is && (text.contains("?.") || text.contains("&.") || text.contains("?->")) {
            let operand = operand_of_safe_read(text);
            return Some(value(&operand, None));
        }
        // `d[k]` → `d.get(k, N)`
        if let Some((object, key, default)) = read_with_default(self.new, new)
            && matches!(
                old.kind(),
                "subscript"
                    | "subscript_expression"
                    | "element_reference"
                    | "array_access"
                    | "index_expression"
            )
        {
            let found = format!("{object}[{key}]");
            if was == found {
                return Some(value(&found, default));
            }
        }
        let node = inner(new);
        // `e` → `e or N`, `e ?? N`
        if let Some(operator) = operator_of(self.new, node)
            && matches!(operator, "or" | "||" | "??" | "?:")
        {
            let (left, right) = (node.child_by_field_name("left")?, node.child_by_field_name("right")?);
            let left_text = squeezed(self.new, inner(left));
            let reads_same = left_text == was || self.is_read_of(left, &was);
            if reads_same && !self.is_condition(new) {
                return Some(value(&was, Some(right)));
            }
        }
        // `e` → `e if T else N`, `T ? e : N`
        if is_choice(node.kind()) && !is_choice(inner(old).kind()) {
            let (then, otherwise) = branches_of(node)?;
            let asks = condition(node)?;
            let test = test_of(self.new, asks);
            let (then_text, else_text) =
                (squeezed(self.new, inner(then)), squeezed(self.new, inner(otherwise)));
            let operand = test.operands().into_iter().next().unwrap_or_else(|| was.clone());
            if (then_text == was || self.is_read_of(then, &was)) && test.drops_missing() {
                return Some(Widened {
                    operand,
                    instead: substitute(self.new, otherwise),
                    code: Some(otherwise),
                });
            }
            if (else_text == was || self.is_read_of(otherwise, &was)) && test.selects_missing() {
                return Some(Widened { operand, instead: substitute(self.new, then), code: Some(then) });
            }
        }
        // `a.b` → `getattr(a, "b", N)`
        if is_call(node.kind()) && dotted_path(self.new, node) == "getattr" {
            let given = arguments(node);
            if let [object, name, default] = given[..] {
                let path = format!(
                    "{}.{}",
                    squeezed(self.new, object),
                    self.new.text_of(name).trim_matches(['"', '\''])
                );
                // Only for the attribute that the error is about: else it hides the next one.
                let last = path.rsplit('.').next().unwrap_or(&path);
                if path == was && self.crash.message.contains(&format!("has no attribute '{last}'")) {
                    return Some(value(&path, Some(default)));
                }
            }
        }
        // `{a}` → `{a = N}`
        if matches!(new.kind(), "object_assignment_pattern" | "assignment_pattern") {
            let (left, right) = (new.child_by_field_name("left")?, new.child_by_field_name("right")?);
            if squeezed(self.new, left) == was {
                return Some(value(&was, Some(right)));
            }
        }
        // `x.unwrap()` → `x.unwrap_or_default()`
        if self.new.family() == Family::Rust && was.contains(".unwrap()") {
            return self.unwrapped(&was, node);
        }
        None
    }

    /// `d.get(k)` that became `d.get(k, N)`, by what was put in.
    pub(super) fn default_of_get(&self, new: Node<'c>) -> Option<Widened<'c>> {
        let call = new.parent()?.parent()?;
        let (object, key, default) = read_with_default(self.new, call)?;
        (default == Some(new)).then(|| Widened {
            operand: format!("{object}[{key}]"),
            instead: substitute(self.new, new),
            code: Some(new),
        })
    }

    pub(super) fn unwrapped(&self, was: &str, node: Node<'c>) -> Option<Widened<'c>> {
        let before = was.split(".unwrap()").next().unwrap_or(was).split(".expect(").next().unwrap_or(was);
        let open = before.char_indices().rev().scan(0_i32, |depth, (at, c)| {
            *depth += i32::from(c == ')') - i32::from(c == '(');
            Some((at, *depth, c))
        });
        let begin = open
            .into_iter()
            .find(|(_, depth, c)| *depth < 0 || (*depth == 0 && *c == ','))
            .map_or(0, |(at, _, _)| at + 1);
        let operand = before[begin..].trim_start_matches(['&', '*']).to_owned();
        let mut code = None;
        let mut has_default = false;
        let mut only_reads = true;
        visit_below(node, |one, _| {
            if !is_call(one.kind()) {
                return;
            }
            let path = dotted_path(self.new, one);
            let last = path.rsplit('.').next().unwrap_or(&path);
            match last {
                "unwrap_or_default" => has_default = true,
                "unwrap_or" | "map_or" | "or" | "unwrap_or_else" | "map_or_else" => {
                    has_default = true;
                    code = arguments(one).first().copied();
                }
                _ => {
                    only_reads &= has(LOOKS, last)
                        || was.contains(&format!("{last}("))
                        || last == "Some"
                        || last == "now"
                }
            }
        });
        let starts = squeezed(self.new, node).contains(&operand);
        let returns = self.new.text_of(node).contains("return");
        (has_default && only_reads && starts && !returns).then(|| Widened {
            operand,
            instead: code.map_or(Substitute::Neutral, |code| substitute(self.new, code)),
            code,
        })
    }

    /// Whether a new node reads what the old text reads, more tolerantly.
    pub(super) fn is_read_of(&self, node: Node<'c>, was: &str) -> bool {
        let text = squeezed(self.new, inner(node));
        if text == was || self.with_values(inner(node)) == was.replace(",)", ")") {
            return true;
        }
        // Every `d.get(k)` read as `d[k]`, defaults left out.
        let plain = |text: &str| -> String {
            let mut out = text.replace(".get(", "[");
            for default in [",None)", ",{})", ",[])", ",\"\")", ",[None])", ",False)"] {
                out = out.replace(default, "]");
            }
            out.replace(')', "]").replace('(', "[")
        };
        plain(&text) == plain(was)
    }

    /// What a more tolerant value does behind the place.
    pub(super) fn judge_widened(&self, widened: &Widened<'c>, new: Node<'c>) -> Judged {
        let fact = match widened.code {
            Some(code) => {
                format!("If `{}` is missing, `{}` takes its place", widened.operand, shown(self.new, code))
            }
            None => format!("`{}` may be missing without a crash", widened.operand),
        };
        let verdict = self.widened_verdict(widened, new);
        let state = format!("Without `{}`", widened.operand);
        let is_answer = returned(super::super::tree::statement_of(new))
            .is_some_and(|value| inner(value).byte_range() == inner(new).byte_range());
        let verdict = match widened.code {
            Some(code) if is_answer => self.with_callers(verdict, &state, code),
            _ => verdict,
        };
        Judged::new(new, fact, verdict)
    }
}

/// Both branches of a choice: if the condition holds, and otherwise.
pub(super) fn branches_of(choice: Node<'_>) -> Option<(Node<'_>, Node<'_>)> {
    match choice.kind() {
        // `a if T else b` has no names for its parts.
        "conditional_expression" if choice.child_by_field_name("condition").is_none() => {
            Some((choice.named_child(0)?, choice.named_child(2)?))
        }
        _ => Some((
            choice.child_by_field_name("consequence").or_else(|| choice.child_by_field_name("body"))?,
            choice.child_by_field_name("alternative")?,
        )),
    }
}

fn read_with_default<'p>(parsed: &Parsed<'_>, node: Node<'p>) -> Option<(String, String, Option<Node<'p>>)> {
    let node = inner(node);
    if !is_call(node.kind()) {
        return None;
    }
    let path = dotted_path(parsed, node);
    let last = path.rsplit('.').next()?;
    if !matches!(last, "get" | "getOrDefault" | "fetch" | "dig") {
        return None;
    }
    let object = squeezed(parsed, receiver(node)?);
    let given = arguments(node);
    let key = squeezed(parsed, *given.first()?);
    (given.len() <= 2).then(|| (object, key, given.get(1).copied()))
}

/// The part of a text before its first `?.`.
fn operand_of_safe_read(text: &str) -> String {
    let at = ["?.", "&.", "?->"].iter().filter_map(|sign| text.find(sign)).min().unwrap_or(text.len());
    text[..at].split_whitespace().collect::<String>()
}
