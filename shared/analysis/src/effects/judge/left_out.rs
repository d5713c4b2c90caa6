//! What an early way out leaves out: acts behind it, whether they use what is missing, and whether they ran before the crash.

use tree_sitter::Node;

use super::super::absence::test_of;
use super::super::sinks::{Sink, has};
use super::super::slices::is_new_container;
use super::super::tree::{
    assigned, body, called, condition, inner, is_block, is_call, is_function, is_if, is_loop, squeezed,
    statement_of, words,
};
use super::exits::Exit;
use super::{Scene, function_of};
use crate::names::is_log_call;
use crate::syntax::mentions::has_word;
use crate::syntax::references::dotted_path;
use crate::syntax::{Family, Parsed, any_below, last_line, statements, visit_below};

/// What a way out may leave out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Sink(Sink),
    /// Raises: a later check.
    Check,
    /// Calls something whose result nobody takes.
    Call,
    /// Gives something that outlives the statement another value.
    Store,
}

pub(super) struct LeftOut<'p> {
    pub(super) what: Act,
    pub(super) node: Node<'p>,
    pub(super) text: String,
    /// It uses what the condition asks for, or what was made of it.
    pub(super) derived: bool,
    /// It ran in the states that crashed, in front of the crash.
    pub(super) ran_before: bool,
}

impl<'c> Scene<'c> {
    /// What a way out leaves out: every act behind it that it could have led to.
    pub(super) fn left_out(&self, node: Node<'c>, exit: Exit) -> Vec<LeftOut<'c>> {
        let mut found = Vec::new();
        let asked: Vec<String> =
            condition(node).map(|asks| test_of(self.new, asks).operands()).unwrap_or_default();
        let mut derived: Vec<String> = asked.clone();
        let mut below = statement_of(node);
        let mut next = below.parent();
        let crash_line = self.crash_line;
        let crash_behind = crash_line.is_some_and(|line| line > last_line(node));
        while let Some(above) = next {
            let kind = above.kind();
            if is_block(kind) {
                for statement in
                    statements(above).into_iter().filter(|one| one.start_byte() >= below.end_byte())
                {
                    if is_function(self.new.family(), statement.kind()) {
                        continue;
                    }
                    let ran_before =
                        crash_behind && crash_line.is_some_and(|line| last_line(statement) < line);
                    self.acts_of(statement, ran_before, &mut derived, &mut found);
                }
            }
            let is_end = is_function(self.new.family(), kind) || (is_loop(kind) && exit == Exit::Continue);
            if is_end {
                break;
            }
            below = above;
            next = above.parent();
        }
        found
    }

    /// The acts of a statement, in order; names made of what is asked for are added to `derived`.
    pub(super) fn acts_of(
        &self,
        statement: Node<'c>,
        ran_before: bool,
        derived: &mut Vec<String>,
        found: &mut Vec<LeftOut<'c>>,
    ) {
        let parsed = self.new;
        let mut acts: Vec<(Act, Node<'c>)> = Vec::new();
        let mut made: Vec<(usize, Vec<String>, String)> = Vec::new();
        visit_below(statement, |node, at| {
            if let Some((target, value)) = assigned(node) {
                let text = parsed.text_of(target);
                let is_plain = !text.contains(['.', '[', '>']) || text.starts_with('*');
                if is_plain {
                    made.push((
                        node.start_byte(),
                        words(parsed, target).into_iter().map(str::to_owned).collect(),
                        squeezed(parsed, value),
                    ));
                    // The step of a loop's header is no work of its own.
                    let is_step = matches!(at.field, Some("increment" | "update"));
                    if !is_step
                        && (at.kind.contains("augmented")
                            || at.kind == "compound_assignment_expr"
                            || at.kind == "operator_assignment")
                    {
                        acts.push((Act::Store, node));
                    }
                } else {
                    acts.push((Act::Store, node));
                }
            }
            if is_loop(at.kind)
                && let (Some(left), Some(right)) =
                    (node.child_by_field_name("left"), node.child_by_field_name("right"))
            {
                made.push((
                    node.start_byte(),
                    words(parsed, left).into_iter().map(str::to_owned).collect(),
                    squeezed(parsed, right),
                ));
            }
            if is_call(at.kind) {
                match super::super::sinks::sink_of(parsed, node, self.bindings) {
                    Some(Sink::Crypto | Sink::Permission) | None => {
                        let is_statement = at.parent_kind == "expression_statement"
                            || (parsed.family() == Family::Ruby
                                && (node == statement || is_block(at.parent_kind)));
                        if is_statement && !is_log_call(&dotted_path(parsed, node)) && !self.fills_fresh(node)
                        {
                            acts.push((Act::Call, node));
                        }
                    }
                    Some(sink) => acts.push((Act::Sink(sink), node)),
                }
            }
            if matches!(at.kind, "raise_statement" | "throw_statement") {
                acts.push((Act::Check, node));
            }
        });
        for (what, node) in acts {
            for (start, names, from) in &made {
                if *start > node.start_byte() {
                    continue;
                }
                // A name that gets a value of something else is no longer derived.
                match derived.iter().any(|one| has_word(from, one)) {
                    true => derived.extend(
                        names.iter().filter(|name| !derived.contains(name)).cloned().collect::<Vec<_>>(),
                    ),
                    false => derived.retain(|one| !names.contains(one)),
                }
            }
            let text = squeezed(parsed, statement_of(node));
            let own = squeezed(parsed, node);
            let is_derived = derived.iter().any(|one| has_word(&own, one))
                || self.runs_by(node, statement, derived)
                || (what == Act::Check
                    && derived.iter().any(|one| has_word(&text, one) || self.guard_mentions(node, one)));
            found.push(LeftOut { what, node, text: own, derived: is_derived, ran_before });
        }
        for (_, names, from) in made {
            match derived.iter().any(|one| has_word(&from, one)) {
                true => derived
                    .extend(names.into_iter().filter(|name| !derived.contains(name)).collect::<Vec<_>>()),
                false => derived.retain(|one| !names.contains(one)),
            }
        }
    }

    /// Whether a condition inside of a statement that an act runs under asks for one of these names.
    fn runs_by(&self, act: Node<'c>, statement: Node<'c>, names: &[String]) -> bool {
        let mut next = act.parent().filter(|_| act != statement);
        while let Some(one) = next {
            let is_under = body(one).is_some_and(|inside| inside.byte_range().contains(&act.start_byte()));
            let asks = condition(one).filter(|_| is_under && is_if(one.kind()));
            let text = asks.map_or_else(String::new, |asks| squeezed(self.new, asks));
            if names.iter().any(|name| has_word(&text, name)) {
                return true;
            }
            next = one.parent().filter(|_| one != statement);
        }
        false
    }

    /// Whether the condition in front of a raise, or the loop around it, is about a name.
    pub(super) fn guard_mentions(&self, node: Node<'c>, name: &str) -> bool {
        let mut next = node.parent();
        while let Some(one) = next {
            if is_function(self.new.family(), one.kind()) {
                return false;
            }
            let asks = condition(one).or_else(|| one.child_by_field_name("right"));
            if asks.is_some_and(|asks| has_word(&squeezed(self.new, asks), name)) {
                return true;
            }
            next = one.parent();
        }
        false
    }

    /// `rows.append(x)` of a list that the function made itself only computes.
    pub(super) fn fills_fresh(&self, call: Node<'c>) -> bool {
        let path = dotted_path(self.new, call);
        let Some((base, method)) = path.split_once('.') else { return false };
        let Some(function) = function_of(self.new.family(), call) else { return false };
        if !has(
            "append add push extend update insert pop sort reverse setdefault discard set put delete write remove unshift splice",
            method,
        ) {
            return false;
        }
        any_below(function, |node, _| {
            assigned(node).is_some_and(|(target, value)| {
                let is_made = is_new_container(self.new, value) || is_constructed(self.new, value);
                self.new.text_of(target) == base && is_made
            })
        })
    }

    /// Whether a statement does something that lasts.
    pub(in crate::effects) fn acts(&self, statement: Node<'c>) -> bool {
        let mut derived = Vec::new();
        let mut found = Vec::new();
        self.acts_of(statement, false, &mut derived, &mut found);
        !found.is_empty()
    }
}

/// `Results()`, `new Results()`: an object that nobody else holds yet.
fn is_constructed(parsed: &Parsed<'_>, value: Node<'_>) -> bool {
    let value = inner(value);
    let name = called(parsed, value);
    is_call(value.kind())
        && super::arguments(value).is_empty()
        && (value.kind() == "new_expression"
            || (parsed.family() == Family::Python && name.starts_with(|c: char| c.is_ascii_uppercase())))
}
