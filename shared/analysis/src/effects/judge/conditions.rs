//! Conditions that a change widens, narrows or rewrites, and entries that it chooses: which way do the states go that
//! crashed, and do those that worked go where they went?

use tree_sitter::Node;

use super::super::absence::{How, Test, joined, test_of};
use super::super::sinks::{Guarding, guarding, has, sinks_below};
use super::super::slices::{Loops, reach};
use super::super::tree::{
    above, body, body_statements, called, condition, inner, is_call, is_choice, is_lambda, parts, squeezed,
    words,
};
use super::insertions::assigned_in;
use super::{
    Judged, Scene, Verdict, arguments, ask, ask_right, ask_two, check_deleted, exception_swallowed, exits,
    identifier, last_name, sensitive_change, shown, work_skipped,
};
use crate::names::split_words;
use crate::syntax::mentions::has_word;
use crate::syntax::references::dotted_path;
use crate::syntax::{Parsed, visit_below};

impl<'c> Scene<'c> {
    /// Whether a node is, or is part of, what an `if` or a filter asks, joined by `and`, `or` and `not` only.
    pub(super) fn is_condition(&self, node: Node<'c>) -> bool {
        self.condition_of(node).is_some()
    }

    /// The `if`, choice, loop or filter whose condition a node is part of.
    pub(super) fn condition_of(&self, node: Node<'c>) -> Option<Node<'c>> {
        let mut one = node;
        while let Some(parent) = one.parent() {
            let kind = parent.kind();
            let asks = condition(parent) == Some(one) || (kind == "if_clause") || kind == "assert_statement";
            if asks {
                return Some(parent);
            }
            let is_joint = joined(self.new, parent).is_some()
                || matches!(
                    kind,
                    "parenthesized_expression"
                        | "not_operator"
                        | "unary_expression"
                        | "unary"
                        | "unary_op_expression"
                );
            if !is_joint {
                return None;
            }
            one = parent;
        }
        None
    }

    /// A condition that got one more part.
    pub(super) fn extended(&self, old: Node<'c>, new: Node<'c>) -> Option<Judged> {
        let place = self.condition_of(new);
        let was = squeezed(self.old, inner(old));
        let (operator, sides) = match joined(self.new, inner(new)) {
            Some(found) => found,
            None => return self.rewritten_test(old, new, place?),
        };
        let kept = |side: &Node<'c>| squeezed(self.new, inner(*side)) == was || self.is_read_of(*side, &was);
        let old_parts: Vec<String> =
            joined(self.old, inner(old)).filter(|(same, _)| *same == operator).map_or_else(
                || vec![was.clone()],
                |(_, parts)| parts.iter().map(|one| squeezed(self.old, inner(*one))).collect(),
            );
        if place.is_some()
            && guarding(words(self.old, inner(old))) == Guarding::Strong
            && self.denied_before(old)
        {
            let why = format!("`{}` decides who may do something", shown(self.old, old));
            return Some(Judged::refused(new, check_deleted(why)));
        }
        let all_kept = sides.iter().any(kept)
            || old_parts
                .iter()
                .all(|part| sides.iter().any(|side| squeezed(self.new, inner(*side)) == *part));
        if !all_kept {
            return None;
        }
        let added: Vec<Node<'c>> = sides
            .iter()
            .copied()
            .filter(|side| !kept(side) && !old_parts.contains(&squeezed(self.new, inner(*side))))
            .collect();
        let tests: Vec<Test> = added.iter().map(|one| test_of(self.new, *one)).collect();
        let text = added
            .iter()
            .map(|one| shown(self.new, *one))
            .collect::<Vec<_>>()
            .join(format!(" {operator} ").as_str());
        let fact = format!("The condition `{}` also asks `{text}`", shown(self.old, old));
        let verdict = match (place, operator) {
            (Some(place), operator) if place.kind().starts_with("unless") => {
                // The body runs if the condition does not hold.
                let denies = body(place).is_some_and(|inside| exits::denies(self.new, inside));
                match (denies, operator) {
                    (true, "and") => Verdict::Harmless,
                    (true, _) => check_deleted(format!("The check is passed if `{text}`")),
                    (false, _) => ask(
                        format!(
                            "Is the condition right for every input that worked before, now that it also asks `{text}`?"
                        ),
                        &identifier(self.new, new),
                    ),
                }
            }
            (Some(place), "and") => self.narrowed(place, new, &Test::And(tests), &text),
            (Some(place), _) => self.opened(place, old, &Test::Or(tests), &text),
            (None, operator) => self.value_joined(new, operator, &Test::And(tests), &text),
        };
        Some(Judged::new(new, fact, verdict))
    }

    /// `T and C`: what ran if C held no longer runs if T does not hold.
    pub(super) fn narrowed(&self, place: Node<'c>, new: Node<'c>, test: &Test, text: &str) -> Verdict {
        let operands = test.operands();
        let name = operands.first().map_or_else(|| identifier(self.new, new), |one| last_name(one));
        let body_of = body(place);
        let asks = condition(place).unwrap_or(place);
        // Something else than what is read behind it may be missing without a crash.
        let asked: String = text.split_whitespace().collect();
        let rest = squeezed(self.new, place).replacen(&asked, "", 1);
        let is_read = |one: &String| rest.contains(one.as_str()) || loose(&rest).contains(&loose(one));
        let is_read_behind = body_of.is_none() || operands.is_empty() || operands.iter().any(is_read);
        let conservative = test.drops_missing() && is_read_behind;
        let negated = self.is_negated(asks, new);
        if negated {
            return ask(
                format!(
                    "Is the condition right for every input that worked before, now that it also asks `{text}`?"
                ),
                &name,
            );
        }
        if place.kind() == "if_clause" || place.kind() == "assert_statement" {
            let strong = guarding(words(self.new, asks)) == Guarding::Strong;
            return match conservative {
                true if !strong => {
                    ask(format!("Are the entries for which `{text}` does not hold rightly left out?"), &name)
                }
                _ => check_deleted(format!("Entries are chosen by `{text}` as well")),
            };
        }
        if is_choice(place.kind()) {
            return match conservative {
                true => Verdict::Harmless,
                false => ask(
                    format!(
                        "Is the choice right for every input that worked before, now that it also asks `{text}`?"
                    ),
                    &name,
                ),
            };
        }
        let Some(body_of) = body_of else { return ask(format!("Is `{text}` right here?"), &name) };
        if exits::denies(self.new, body_of) && !exits::stops_behind(self.new, place) {
            return check_deleted(format!("The check stops only if `{text}` holds as well"));
        }
        let strength = guarding(words(self.new, asks));
        if !conservative {
            return match self.act_in(body_of) {
                Some(act) => work_skipped(format!("{act} now runs only if `{text}` holds")),
                None => ask(format!("Is there nothing to do if `{text}` does not hold?"), &name),
            };
        }
        if !self.other_branch_only_tells(place) {
            return ask(
                format!("If `{text}` does not hold, the other branch runs. Is it meant for that?"),
                &name,
            );
        }
        if strength != Guarding::No {
            return ask(
                format!(
                    "Does the condition with `{text}` have nothing to do with what users may do, and is it right to go on without?"
                ),
                &name,
            );
        }
        Verdict::Harmless
    }

    /// Whether a branch uses what is missing when it runs, before it gives it another value.
    fn reads_of_missing(&self, branch: Node<'c>, missing: &str) -> bool {
        let first =
            body_statements(branch).into_iter().find(|one| has_word(&squeezed(self.new, *one), missing));
        first.is_some_and(|first| match assigned_in(first) {
            Some((target, value)) => {
                squeezed(self.new, target) != missing && has_word(&squeezed(self.new, value), missing)
            }
            None => !self.is_log_statement(self.new, first),
        })
    }

    /// Whether the other branch of a condition, if there is one, only writes log lines.
    pub(super) fn other_branch_only_tells(&self, place: Node<'c>) -> bool {
        let Some(other) = place.child_by_field_name("alternative") else { return true };
        let statements: Vec<Node<'c>> =
            parts(other).into_iter().flat_map(super::super::tree::body_statements).collect();
        statements.iter().all(|one| self.is_log_statement(self.new, *one))
    }

    /// `T or C`: what ran only if C held now runs if T holds as well.
    pub(super) fn opened(&self, place: Node<'c>, old: Node<'c>, test: &Test, text: &str) -> Verdict {
        let operands = test.operands();
        let name = operands.first().map_or_else(|| identifier(self.old, old), |one| last_name(one));
        let old_text = squeezed(self.old, inner(old));
        let asks = condition(place).unwrap_or(place);
        if place.kind() == "if_clause" || place.kind() == "assert_statement" {
            // A list of what is allowed that is missing does not allow everything.
            let is_membership = operands.iter().any(|one| {
                old_text.contains(&format!("in{}", one.split('[').next().unwrap_or(one)))
                    || old_text.contains(&format!("{one}.includes("))
            });
            if is_membership || guarding(words(self.new, asks)) != Guarding::No {
                return check_deleted(format!("Everything is let through if `{text}` holds"));
            }
            return ask(format!("Are the entries for which `{text}` holds rightly taken as well?"), &name);
        }
        let Some(body_of) = body(place) else {
            return ask(format!("Is `{text}` right here?"), &name);
        };
        if exits::denies(self.new, body_of) {
            let is_read =
                |one: &String| old_text.contains(one.as_str()) || self.crash_text.contains(one.as_str());
            return match test.selects_missing()
                && !exits::stops_behind(self.new, place)
                && operands.iter().all(is_read)
            {
                true => Verdict::Harmless,
                false => {
                    ask(format!("Should everything for which `{text}` holds be stopped as well?"), &name)
                }
            };
        }
        if exits::leaves(self.new, body_of) && self.is_in_error_path(place) {
            return exception_swallowed(format!(
                "If `{text}`, the error that is handled here is no longer told"
            ));
        }
        if exits::leaves(self.new, body_of) && test.selects_missing() {
            return self.leave_verdict(place, test, text);
        }
        let other = place.child_by_field_name("alternative");
        if let Some(act) = other.and_then(|other| self.act_in(other)) {
            return work_skipped(format!("{act} no longer runs if `{text}` holds"));
        }
        let reads = operands.iter().find(|one| test.selects_missing() && self.reads_of_missing(body_of, one));
        if let Some(missing) = reads {
            return sensitive_change(format!("If `{text}`, this branch now runs and uses `{missing}`"));
        }
        match self.act_in(body_of) {
            Some(act) => sensitive_change(format!("{act} now runs if `{text}` holds as well")),
            None => ask(format!("Should this branch run if `{text}` holds as well?"), &name),
        }
    }

    /// `T and e` or `T or e` as a value.
    pub(super) fn value_joined(&self, new: Node<'c>, operator: &str, test: &Test, text: &str) -> Verdict {
        let name = test.operands().first().map_or_else(|| identifier(self.new, new), |one| last_name(one));
        let reached = reach(self.new, self.bindings, new, Loops::Run);
        if let Some(entry) = reached.sinks.first() {
            return sensitive_change(format!(
                "{} is given another value by `{text}`",
                self.act(entry.sink, entry.call)
            ));
        }
        if operator == "or" && test.selects_missing() {
            // A test that is true if something is missing answers yes for it.
            if self.picks_an_entry(new) {
                return check_deleted(format!(
                    "An entry for which `{text}` holds counts as the one that is looked for"
                ));
            }
            let function = self.function_around(new);
            let asks_permission = ["has", "is", "can", "may", "allow", "check", "valid"]
                .iter()
                .any(|word| split_words(function).first().is_some_and(|first| first == word));
            if asks_permission && reached.returned || guarding([function]) != Guarding::No {
                return check_deleted(format!("`{function}` answers yes if `{text}` holds"));
            }
        }
        ask(format!("Is the value right for everything that uses it if `{text}` decides it?"), &name)
    }

    /// Whether a node of the old code is in a condition whose branch denies.
    fn denied_before(&self, old: Node<'c>) -> bool {
        let place = above(old, |one| {
            condition(one).is_some_and(|asks| asks.byte_range().contains(&old.start_byte()))
        });
        place.and_then(body).is_some_and(|inside| exits::denies(self.old, inside))
    }

    /// Whether a value answers whether an entry is the one that is looked for: in `some`, `find`, `any`.
    fn picks_an_entry(&self, node: Node<'c>) -> bool {
        let lambda = above(node, |one| is_lambda(one.kind()));
        let call = lambda.and_then(|lambda| above(lambda, |one| is_call(one.kind())));
        call.is_some_and(|call| {
            has("some find findIndex findLast any? any anyMatch find_index detect", &called(self.new, call))
        })
    }

    /// A condition that asks for the same thing in another way.
    pub(super) fn rewritten_test(&self, old: Node<'c>, new: Node<'c>, place: Node<'c>) -> Option<Judged> {
        let (was, is) = (test_of(self.old, old), test_of(self.new, new));
        if self.condition_of(new).is_none() || old.parent().is_some_and(|parent| parent.kind() == "subscript")
        {
            return None;
        }
        let asks = condition(place).unwrap_or(place);
        let (Test::Asks { .. }, Test::Asks { when_missing: after, .. }) = (&was, &is) else { return None };
        let Test::Asks { when_missing: before, .. } = was else { return None };
        let same_operand = was
            .operands()
            .iter()
            .any(|one| is.operands().iter().any(|other| one == other || loose(one) == loose(other)));
        if !same_operand || before != *after {
            return None;
        }
        let text = shown(self.new, new);
        let fact = format!("The condition `{}` becomes `{text}`", shown(self.old, old));
        let strong = guarding(words(self.new, asks)) == Guarding::Strong;
        let denies = body(place).is_some_and(|body| exits::denies(self.new, body));
        let name = last_name(&is.operands().first().cloned().unwrap_or_default());
        let how = |test: &Test| match test {
            Test::Asks { how, .. } => Some(*how),
            _ => None,
        };
        // Truth and presence differ for everything that is there and empty.
        let other_kind = how(&was) == Some(How::Truth) && how(&is) == Some(How::Form);
        let acts = body(place)
            .and_then(|inside| sinks_below(self.new, inside, self.bindings).first().map(|(sink, _)| *sink));
        if let Some(sink) = acts.filter(|_| other_kind) {
            return Some(Judged::new(
                new,
                fact,
                sensitive_change(format!(
                    "`{text}` asks something else than before and decides whether {} happens",
                    sink.name()
                )),
            ));
        }
        let verdict = match (strong, denies) {
            (false, false) if other_kind => {
                ask(format!("Does `{text}` hold for the same inputs that worked before?"), &name)
            }
            (true, _) => check_deleted(format!("`{text}` decides who may do something")),
            (false, true) => ask_two(
                format!("Does the check stop everything that it stopped before, now that it asks `{text}`?"),
                &name,
            ),
            (false, false) => Verdict::Harmless,
        };
        Some(Judged::new(new, fact, verdict))
    }

    /// Whether a node stands under an odd number of `not`.
    pub(super) fn is_negated(&self, asks: Node<'c>, node: Node<'c>) -> bool {
        let mut negated = false;
        let mut next = node.parent();
        while let Some(one) = next.filter(|one| one.start_byte() >= asks.start_byte()) {
            negated ^= one.kind() == "not_operator"
                || (one.kind().starts_with("unary") && self.new.text_of(one).starts_with('!'));
            next = one.parent();
        }
        negated
    }

    pub(super) fn other_condition(
        &self,
        place: Node<'c>,
        old: Node<'c>,
        new: Node<'c>,
        name: &str,
    ) -> Verdict {
        let (was, is) = (shown(self.old, old), shown(self.new, new));
        let asks = condition(place).unwrap_or(place);
        let old_parts = joined(self.old, inner(old)).map_or(1, |(_, parts)| parts.len());
        let new_parts = joined(self.new, inner(new)).map_or(1, |(_, parts)| parts.len());
        if new_parts < old_parts {
            return check_deleted(format!("The condition `{was}` asks less: `{is}`"));
        }
        let inside = body(place);
        let denies = inside.is_some_and(|inside| exits::denies(self.new, inside));
        if denies && self.stops_more(old, new) {
            return ask(format!("Should everything for which `{is}` holds be stopped?"), name);
        }
        if denies || place.kind() == "assert_statement" {
            return check_deleted(format!("The check `{was}` becomes `{is}`"));
        }
        match inside.and_then(|inside| self.act_in(inside)) {
            Some(act) => sensitive_change(format!("`{is}` decides whether {act} runs")),
            None if guarding(words(self.new, asks)) == Guarding::Strong => {
                check_deleted(format!("`{is}` decides who may do something"))
            }
            None => ask_right(&format!("the condition `{is}` in place of `{was}`"), name),
        }
    }

    /// Whether a comparison holds wherever it held before: `n > 2` becomes `n != 2`.
    fn stops_more(&self, old: Node<'c>, new: Node<'c>) -> bool {
        let signs = |parsed: &Parsed<'_>, node: Node<'_>| {
            let sides: Vec<String> =
                parts(inner(node)).into_iter().map(|side| squeezed(parsed, side)).collect();
            let text = squeezed(parsed, inner(node));
            match &sides[..] {
                [left, right] => text
                    .strip_prefix(left.as_str())
                    .and_then(|rest| rest.strip_suffix(right.as_str()))
                    .map(|sign| (sides.clone(), sign.to_owned())),
                _ => None,
            }
        };
        let (Some((was, before)), Some((is, after))) = (signs(self.old, old), signs(self.new, new)) else {
            return false;
        };
        was == is && after == "!=" && matches!(before.as_str(), ">" | "<")
    }

    /// How a change chooses among the entries of a collection.
    pub(super) fn chosen(&self, old: Node<'c>, new: Node<'c>) -> Chosen {
        let (before, after) = (choosing(self.old, old), choosing(self.new, new));
        if after.len() < before.len() {
            return Chosen::More;
        }
        if after.len() == before.len() {
            return Chosen::Same;
        }
        let known: Vec<String> = before.iter().map(|one| squeezed(self.old, *one)).collect();
        let fresh: Vec<&Node<'c>> =
            after.iter().filter(|one| !known.contains(&squeezed(self.new, **one))).collect();
        match fresh.iter().all(|one| test_of(self.new, **one).drops_missing()) {
            true => Chosen::MissingLeftOut,
            false => Chosen::Fewer,
        }
    }

    /// A condition about permissions that chose between two values and is gone.
    pub(super) fn dropped_choice(&self, old: Node<'c>, new: Node<'c>) -> Option<String> {
        let asked = |parsed: &'c Parsed<'c>, node: Node<'c>| {
            let mut found = Vec::new();
            visit_below(node, |one, at| {
                if is_choice(at.kind) {
                    found.extend(condition(one).map(|asks| (squeezed(parsed, asks), words(parsed, asks))));
                }
            });
            found
        };
        let after = asked(self.new, new);
        asked(self.old, old)
            .into_iter()
            .find(|(text, names)| {
                guarding(names.iter().copied()) != Guarding::No
                    && after.iter().all(|(other, _)| other != text)
            })
            .map(|(text, _)| text)
    }
}

/// How a change chooses among the entries of a collection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Chosen {
    Same,
    /// Entries without something are left out.
    MissingLeftOut,
    Fewer,
    More,
}

/// The conditions by which entries are chosen: of comprehensions, and what `filter` is given.
pub(super) fn choosing<'p>(parsed: &Parsed<'_>, node: Node<'p>) -> Vec<Node<'p>> {
    let mut found = Vec::new();
    visit_below(node, |one, at| {
        if at.kind == "if_clause" {
            found.extend(one.named_child(0));
        } else if is_call(at.kind)
            && dotted_path(parsed, one).rsplit('.').next().is_some_and(|last| {
                let by_function = || arguments(one).first().is_some_and(|given| is_lambda(given.kind()));
                matches!(last, "filter" | "reject" | "compact" | "dropna")
                    || (matches!(last, "find" | "findLast" | "detect") && by_function())
            })
        {
            let given = arguments(one).first().copied();
            found.push(given.and_then(|given| given.child_by_field_name("body")).or(given).unwrap_or(one));
        }
    });
    found
}

/// A chain without the marks that differ between `a.b`, `a["b"]` and `hasattr(a, "b")`.
pub(super) fn loose(chain: &str) -> String {
    chain.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect()
}
