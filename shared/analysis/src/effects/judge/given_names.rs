//! A name that the change gives to what was written in place before: `note = row.get("note")`, and `note` for `row["note"]`.

use tree_sitter::Node;

use super::super::absence::{Substitute, is_nothing, joined, substitute, test_of, test_of_unless};
use super::super::script::Edit;
use super::super::tree::{
    above, assigned, body, body_statements, condition, inner, is_if, parts, same_function, squeezed,
    statement_of, words,
};
use super::branches::is_flag_beside;
use super::insertions::assigned_in;
use super::reads::Widened;
use super::values::assigned_names;
use super::{Judged, Scene, Verdict, function_of, shown};
use crate::syntax::{any_below, visit_below};

impl<'c> Scene<'c> {
    /// A name in the place of what it was given: the same value, or one that may be missing and was asked for before.
    pub(super) fn named_value(&self, old: Node<'c>, new: Node<'c>) -> Option<Judged> {
        let value = self.value_named_by(new)?;
        let was = squeezed(self.old, inner(old));
        let fact = format!("`{}` has a name now: `{}`", shown(self.old, old), shown(self.new, new));
        if squeezed(self.new, inner(value)) == was {
            return Some(Judged::new(new, fact, Verdict::Harmless));
        }
        let widened = self.widened(old, value)?;
        match widened.code.is_none() && self.is_asked_for_before(new) {
            true => Some(Judged::new(new, fact, Verdict::Harmless)),
            false => Some(self.judge_widened(&widened, new)),
        }
    }

    /// A name in the place of what it is given under a new condition: `x = d["k"]` if there is one, else another value.
    pub(super) fn guarded_value(&self, old: Node<'c>, new: Node<'c>) -> Option<Widened<'c>> {
        let name = self.fresh_name(new)?;
        let function = function_of(self.new.family(), new)?;
        let mut given: Vec<Node<'c>> = Vec::new();
        visit_below(function, |node, _| {
            given.extend(
                assigned(node)
                    .filter(|(target, _)| self.new.text_of(*target) == name)
                    .map(|(_, value)| value),
            );
        });
        let was = squeezed(self.old, inner(old));
        let (same, others): (Vec<Node<'c>>, Vec<Node<'c>>) =
            given.into_iter().partition(|value| squeezed(self.new, inner(*value)) == was);
        let ([value], fallback) = (&same[..], others.first().copied()) else { return None };
        let branch = above(*value, |one| is_if(one.kind()))?;
        let asks = condition(branch)?;
        let holds = body(branch).is_some_and(|inside| inside.byte_range().contains(&value.start_byte()));
        let test = if holds { test_of(self.new, asks) } else { test_of_unless(self.new, asks) };
        let asked = squeezed(self.new, asks);
        // `body[:n]` under `len(body) > n`.
        let is_measured = words(self.old, old).iter().any(|word| {
            [format!("len({word})"), format!("{word}.length"), format!("{word}.size()")]
                .iter()
                .any(|size| asked.contains(size))
        });
        let is_about =
            test.operands().iter().any(|one| was.contains(one.as_str()) || is_flag_beside(one, &was));
        let is_beside = fallback.is_none_or(|fallback| {
            fallback.end_byte() <= branch.start_byte() || branch.byte_range().contains(&fallback.start_byte())
        });
        let changes = |word: &&str| self.is_assigned_between(function, word, *value, new);
        let stands = others.len() <= 1
            && is_beside
            && branch.end_byte() <= new.start_byte()
            && ((test.drops_missing() && is_about) || (is_measured && fallback.is_some()))
            && !words(self.new, *value).iter().any(changes);
        stands.then(|| Widened {
            operand: test.operands().into_iter().next().unwrap_or(was),
            instead: fallback.map_or(Substitute::Neutral, |code| substitute(self.new, code)),
            code: fallback,
        })
    }

    /// Whether a new condition only decides what a name stands for that another difference puts in.
    pub(super) fn only_guards_values(&self, node: Node<'c>) -> bool {
        let other = node.child_by_field_name("alternative").map(parts).unwrap_or_default();
        let mut own = body(node).map(body_statements).unwrap_or_default();
        own.extend(other.into_iter().flat_map(body_statements));
        !own.is_empty()
            && own.into_iter().all(|one| {
                assigned_in(one).is_some_and(|(target, _)| {
                    self.edits.iter().any(|edit| match edit {
                        Edit::Replaced { old, new } => {
                            self.new.text_of(inner(*new)) == self.new.text_of(target)
                                && self.guarded_value(*old, *new).is_some()
                        }
                        _ => false,
                    })
                })
            })
    }

    /// A piece of new code with what the names in it stand for that the change made.
    pub(super) fn with_values(&self, node: Node<'c>) -> String {
        let source = self.new.text_of(node);
        let within = |byte: usize| byte - node.start_byte();
        let (mut text, mut from) = (String::new(), 0);
        visit_below(node, |one, _| {
            if one.child_count() == 0
                && let Some(value) = self.value_named_by(one)
            {
                text.push_str(&source[from..within(one.start_byte())]);
                text.push_str(self.new.text_of(value));
                from = within(one.end_byte());
            }
        });
        text.push_str(&source[from..]);
        text.split_whitespace().collect::<String>().replace(",)", ")")
    }

    /// Whether a new assignment only gives a name to what another difference replaces by it.
    pub(super) fn names_what_was_there(&self, target: Node<'c>, value: Node<'c>) -> bool {
        let (name, text) = (squeezed(self.new, target), squeezed(self.new, inner(value)));
        self.edits.iter().any(|edit| match edit {
            Edit::Replaced { old, new } => {
                squeezed(self.new, inner(*new)) == name
                    && squeezed(self.old, inner(*old)) == text
                    && self.value_named_by(*new).is_some_and(|named| named == value)
            }
            _ => false,
        })
    }

    /// What a name stands for that the change made, if nothing between changes what it was made of.
    fn value_named_by(&self, new: Node<'c>) -> Option<Node<'c>> {
        let name = self.fresh_name(new)?;
        let function = function_of(self.new.family(), new)?;
        let (target, value) = self.edits.iter().find_map(|edit| match edit {
            Edit::Inserted { new: statement } if function.byte_range().contains(&statement.start_byte()) => {
                assigned_in(*statement).filter(|(target, _)| self.new.text_of(*target) == name)
            }
            _ => None,
        })?;
        let body = function.child_by_field_name("body").unwrap_or(function);
        let made = assigned_names(self.new, body);
        let is_given_once = made.iter().filter(|one| *one == name).count() == 1;
        let between = |one: &&String| {
            let of_value = words(self.new, value).contains(&one.split(['.', '[']).next().unwrap_or(one));
            of_value && self.is_assigned_between(body, one, target, new)
        };
        (is_given_once && target.start_byte() < new.start_byte() && !made.iter().any(|one| between(&one)))
            .then_some(value)
    }

    /// A plain name that the function did not have before.
    fn fresh_name(&self, node: Node<'c>) -> Option<&'c str> {
        let name = self.new.text_of(inner(node));
        let is_plain =
            !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$'));
        let was_there = same_function(self.new, node, self.old).is_some_and(|old| {
            let taken = old.child_by_field_name("parameters").map(|one| words(self.old, one));
            assigned_names(self.old, old).iter().any(|one| one == name)
                || taken.is_some_and(|taken| taken.contains(&name))
        });
        (is_plain && !was_there).then_some(name)
    }

    fn is_assigned_between(&self, body: Node<'c>, name: &str, from: Node<'c>, to: Node<'c>) -> bool {
        any_below(body, |node, _| {
            node.start_byte() > from.end_byte()
                && node.end_byte() < to.start_byte()
                && assigned(node).is_some_and(|(target, _)| self.new.text_of(target) == name)
        })
    }

    /// Whether a way out that the change puts in front of a place is taken if the name is missing.
    fn is_asked_for_before(&self, at: Node<'c>) -> bool {
        let name = self.new.text_of(inner(at));
        self.new_exits_before(at).filter_map(condition).any(|asks| {
            let test = test_of(self.new, asks);
            test.selects_missing() && test.operands().iter().any(|one| one == name)
        })
    }

    /// Whether a value is compared with another value of the program: nothing would be equal to nothing.
    pub(super) fn compared_with(&self, node: Node<'c>) -> Option<Node<'c>> {
        let comparison = above(node, |one| {
            matches!(one.kind(), "comparison_operator" | "binary_expression" | "binary")
                && joined(self.new, one).is_none()
        })?;
        let statement = statement_of(node);
        let text = self.new.text_of(comparison);
        let compares = ["==", "!=", " in ", " is "].iter().any(|sign| text.contains(sign));
        let other =
            parts(comparison).into_iter().find(|part| !part.byte_range().contains(&node.start_byte()))?;
        let is_literal = words(self.new, other).is_empty() || is_nothing(self.new.text_of(inner(other)));
        (compares && !is_literal && comparison.start_byte() >= statement.start_byte()).then_some(comparison)
    }
}
