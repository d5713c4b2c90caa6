//! Another name for one that does not exist, and conversions of a value.

use tree_sitter::Node;

use super::super::absence::{joined, receiver};
use super::super::sinks::{Guarding, Sink, guarding, has, is_secret, sink_of};
use super::super::slices::{Loops, Position, Reach, reach};
use super::super::tree::{above, body, condition, inner, is_call, parts, squeezed, words};
use super::texts::callees;
use super::{
    Judged, Scene, Verdict, arguments, ask, ask_two, check_deleted, computation_changed, exits, identifier,
    last_name, sensitive_change, shown,
};
use crate::syntax::mentions::has_word;
use crate::syntax::references::dotted_path;
use crate::syntax::visit_below;

impl<'c> Scene<'c> {
    /// `x` → `str(x)`, `[x]`, `(int) x`; `"1"` → `1`.
    pub(super) fn converted(&self, old: Node<'c>, new: Node<'c>) -> Option<Judged> {
        let node = inner(new);
        let was = squeezed(self.old, inner(old));
        let wraps = match node.kind() {
            "cast_expression" | "type_cast_expression" | "as_expression" => {
                node.child_by_field_name("value").or_else(|| node.named_child(0))
            }
            "list" | "array" => parts(node).first().copied().filter(|_| parts(node).len() == 1),
            kind if is_call(kind) => {
                let path = dotted_path(self.new, node);
                let last = path.rsplit('.').next().unwrap_or(&path);
                let converts = has(
                    "str int float bool list tuple set dict String Number Boolean Array from decode encode strip trim to_s to_i to_string to_owned lower upper",
                    last,
                );
                let operand = match receiver(node) {
                    Some(receiver) if squeezed(self.new, inner(receiver)) == was => Some(receiver),
                    _ => arguments(node).first().copied(),
                };
                operand.filter(|_| converts)
            }
            _ => None,
        };
        let same_literal = || {
            let bare = |text: &str| text.trim_matches(['"', '\'', '`']).to_owned();
            bare(self.old.text_of(old)) == bare(self.new.text_of(new))
                && bare(self.old.text_of(old)).parse::<f64>().is_ok()
        };
        let money = super::super::sinks::is_money(words(self.new, new));
        // `str(x)` and `str(x or "")`.
        let is_same =
            |value: Node<'c>| squeezed(self.new, inner(value)) == was || self.is_read_of(value, &was);
        let is_same_or_nothing = |value: Node<'c>| match joined(self.new, inner(value)) {
            Some(("or", sides)) => sides.first().is_some_and(|first| is_same(*first)),
            _ => is_same(value),
        };
        let is_conversion = wraps.is_some_and(is_same_or_nothing) || same_literal();
        if !is_conversion {
            return None;
        }
        if node.kind() == "as_expression" {
            return Some(Judged::new(
                new,
                format!("The type of `{was}` is said as `{}`", shown(self.new, new)),
                Verdict::Harmless,
            ));
        }
        let fact = format!("`{was}` is converted: `{}`", shown(self.new, new));
        let name = identifier(self.new, node);
        let reached = reach(self.new, self.bindings, new, Loops::Run);
        if money {
            return Some(Judged::new(
                new,
                fact,
                computation_changed(format!("`{}` converts an amount of money", shown(self.new, new))),
            ));
        }
        let verdict = self.changed_value(&reached, &was, || {
            ask(
                format!(
                    "Does everything that takes `{}` work with it for every input that worked before?",
                    shown(self.new, new)
                ),
                &name,
            )
        });
        Some(Judged::new(new, fact, verdict))
    }

    /// For a value that changes for inputs that worked before: no sink that decides, spends or asks elsewhere.
    pub(super) fn changed_value(
        &self,
        reached: &Reach<'c>,
        operand: &str,
        otherwise: impl Fn() -> Verdict,
    ) -> Verdict {
        for entry in &reached.sinks {
            let hard = !matches!(entry.sink, Sink::Query | Sink::Write | Sink::Message)
                || matches!(entry.position, Position::Receiver)
                    && entry.sink == Sink::Query
                    && sink_of(self.new, entry.call, self.bindings) == Some(Sink::Query);
            if hard {
                return self.act_is_given(operand, entry);
            }
        }
        match reached.sinks.iter().find(|entry| entry.sink == Sink::Write) {
            Some(entry) => ask_two(
                format!(
                    "Is `{}` right with the changed `{operand}`, for every input that worked before?",
                    shown(self.new, entry.call)
                ),
                &last_name(operand),
            ),
            None => otherwise(),
        }
    }

    /// Another name for one that does not exist.
    pub(super) fn renamed(&self, old: Node<'c>, new: Node<'c>) -> Option<Judged> {
        let is_name = |node: Node<'_>, text: &str| {
            (super::super::tree::is_chain(node.kind())
                || super::super::tree::is_word(node)
                || node.kind() == "property_identifier"
                || is_call(node.kind()))
                && text.len() < 120
        };
        let (was, is) = (squeezed(self.old, old), squeezed(self.new, new));
        let pair_value = (new.kind() == "pair" && super::super::tree::is_word(old))
            .then(|| new.child_by_field_name("value"))
            .flatten();
        let (value, is) = match pair_value {
            Some(value) if self.new.field_text(new, "key") == was => (value, squeezed(self.new, value)),
            _ => (new, is),
        };
        if !is_name(old, &was)
            || !is_name(value, &is)
            || !callees(self.new, value).iter().all(|callee| {
                callee.rsplit('.').next().is_some_and(|last| last.starts_with("get") && last != "getattr")
            })
        {
            return None;
        }
        let old_words = words(self.old, old);
        let new_words = words(self.new, value);
        // `a` → `b.a` is another name for `a` as well.
        let is_gone = |word: &&str| old_words.len() == 1 || !new_words.contains(word);
        let gone: Vec<&str> = old_words.iter().copied().filter(is_gone).collect();
        let dead = gone.iter().any(|word| self.is_dead(word, old)) || self.is_getter_of(&was, &is);
        let name = new_words.iter().rev().find(|word| !old_words.contains(word)).copied().unwrap_or_default();
        let attested = new_words.iter().all(|word| has_word(self.old.text_of(self.old.root()), word));
        let fact =
            format!("`{was}` becomes `{is}`{}", if dead { ", and the old name does not exist" } else { "" });
        if !dead && (!callees(self.new, value).is_empty() || is_call(old.kind())) {
            return None; // another call, not another name
        }
        let reached = reach(self.new, self.bindings, value, Loops::Run);
        let question =
            format!("Is `{is}` what is meant here in place of `{was}`, for everything that uses it?");
        if !dead {
            let decides = reached.decides.iter().any(|one| {
                body(*one)
                    .is_some_and(|inside| exits::leaves(self.new, inside) || exits::denies(self.new, inside))
            });
            let acts_on = self.statement_call(value).filter(|call| receiver(*call) == Some(value));
            let told = new_words.iter().find(|word| is_secret(word) && !old_words.contains(word));
            let verdict = match reached.sinks.first() {
                Some(entry) => sensitive_change(format!(
                    "`{is}` in place of `{was}` reaches {}",
                    self.act(entry.sink, entry.call)
                )),
                None if told.is_some() && self.is_handed_on(value) => {
                    sensitive_change(format!("`{is}`, which may be a secret, takes the place of `{was}`"))
                }
                None if acts_on.is_some() => {
                    sensitive_change(format!("The call is made on `{is}` in place of `{was}`"))
                }
                None if decides => check_deleted(format!("`{is}` in place of `{was}` decides a check")),
                None => ask(question, name),
            };
            return Some(Judged::new(new, fact, verdict));
        }
        if let Some(why) = self.renamed_act(value, &is) {
            return Some(Judged::new(new, fact, sensitive_change(why)));
        }
        let passes = reached.decides.iter().find(|one| {
            let asks = condition(**one).unwrap_or(**one);
            guarding(words(self.new, asks)) != Guarding::No
                && body(**one).is_some_and(|inside| exits::denies(self.new, inside))
        });
        if passes.is_some() {
            return Some(Judged::new(
                new,
                fact,
                check_deleted(format!("`{is}` in place of `{was}` decides who may do something")),
            ));
        }
        let mut two = false;
        for entry in &reached.sinks {
            let in_function =
                super::function_of(self.old.family(), old).map_or("", |one| self.old.text_of(one));
            let used_beside = in_function.replace([' ', '\n'], "").contains(&is);
            let hard = match entry.sink {
                Sink::Permission | Sink::Crypto | Sink::Money | Sink::System => true,
                Sink::Request => matches!(entry.position, Position::Argument { index: 0, .. }),
                Sink::Write => matches!(entry.position, Position::Argument { .. }) && !used_beside,
                Sink::Query => !attested && matches!(entry.position, Position::Argument { .. }),
                Sink::Message => !attested,
            };
            if hard {
                return Some(Judged::new(
                    new,
                    fact,
                    sensitive_change(format!("`{is}` reaches {}", self.act(entry.sink, entry.call))),
                ));
            }
            two |= entry.sink == Sink::Write;
        }
        let denies = reached
            .decides
            .iter()
            .any(|one| body(*one).is_some_and(|inside| exits::denies(self.new, inside)));
        let verdict = match (
            two || denies,
            reached.sinks.is_empty() && !reached.returned && reached.decides.is_empty(),
        ) {
            (true, _) => ask_two(question, name),
            (false, true) if attested => Verdict::Harmless,
            _ => ask(question, name),
        };
        Some(Judged::new(new, fact, verdict))
    }

    /// Another method of what was called, if the call writes, sends or decides.
    fn renamed_act(&self, name: Node<'c>, is: &str) -> Option<String> {
        let call = above(name, |one| is_call(one.kind()))?;
        let callee =
            ["function", "method", "name"].iter().find_map(|field| call.child_by_field_name(field))?;
        let sink = sink_of(self.new, call, self.bindings).filter(|sink| *sink != Sink::Query)?;
        (callee.end_byte() == name.end_byte() && callee.start_byte() <= name.start_byte())
            .then(|| format!("`{is}` ({}) is called now", sink.name()))
    }

    /// `x.serializer_class` → `x.get_serializer_class()`.
    pub(super) fn is_getter_of(&self, was: &str, is: &str) -> bool {
        let (Some((object, name)), Some(call)) = (was.rsplit_once('.'), is.strip_suffix("()")) else {
            return false;
        };
        call.rsplit_once('.').is_some_and(|(same, getter)| same == object && getter == format!("get_{name}"))
    }

    /// Whether the error says that a name does not exist, or nothing binds it.
    pub(super) fn is_dead(&self, word: &str, at: Node<'c>) -> bool {
        let message = &self.crash.message;
        // What is read of nothing exists; what it is read of does not.
        let of_nothing = ["reading '", "read property", "'NoneType' object", "for nil"];
        let named = has_word(message, word)
            && !of_nothing.iter().any(|sign| message.contains(sign))
            && [
                "not defined",
                "has no attribute",
                "is not a function",
                "undefined",
                "no member",
                "not found",
                "uninitialized constant",
                "referenced before",
                "nil pointer",
                "cannot access",
            ]
            .iter()
            .any(|sign| message.contains(sign));
        let is_plain_name = at.kind() == "identifier" || at.kind() == "shorthand_property_identifier";
        let crashed_here = || self.crash_line.is_some();
        (crashed_here() && named)
            || (is_plain_name && self.old.text_of(at) == word && !self.is_bound(word, at))
    }

    /// Whether anything in the functions around a place, or outside of all functions, gives a name a value.
    pub(super) fn is_bound(&self, word: &str, at: Node<'c>) -> bool {
        let mut bound = false;
        visit_below(self.old.root(), |node, position| {
            if bound || node.child_count() > 0 || self.old.text_of(node) != word {
                return;
            }
            let is_function = |one: &Node<'_>| super::super::tree::is_function(self.old.family(), one.kind());
            if position
                .ancestors
                .iter()
                .rev()
                .find(|one| is_function(one))
                .is_some_and(|function| !function.byte_range().contains(&at.start_byte()))
            {
                return;
            }
            let parent = position.parent_kind;
            bound |= matches!(position.field, Some("left" | "pattern" | "alias" | "parameter"))
                || (position.field == Some("name")
                    && !matches!(parent, "keyword_argument" | "attribute" | "pair"))
                || parent.contains("parameter")
                || parent.contains("pattern")
                || parent.contains("import")
                || parent.contains("pattern_list")
                || matches!(
                    parent,
                    "expression_list"
                        | "var_spec"
                        | "for_in_clause"
                        | "catch_clause"
                        | "as_pattern_target"
                        | "with_item"
                        | "global_statement"
                        | "namespace_import"
                        | "dotted_name"
                );
        });
        bound
    }
}
