//! A new `if`: a condition around what was there, or another value for what is missing.

use tree_sitter::Node;

use super::super::absence::{Substitute, Test, is_nothing, substitute, test_of, test_of_unless};
use super::super::script::Edit;
use super::super::sinks::{Guarding, Sink, guarding, is_bound, sinks_below};
use super::super::slices::reach_of_name;
use super::super::tree::{body, body_statements, condition, inner, is_if, parts, squeezed, words};
use super::exits::{Exit, denies, exit_of, exit_of_body, raised, returned, stops_behind};
use super::insertions::assigned_in;
use super::values::assigned_names;
use super::{
    Judged, Scene, Verdict, ask, ask_two, check_deleted, computation_changed, exception_swallowed,
    function_of, identifier, last_name, sensitive_change, shown, work_skipped,
};
use crate::syntax::mentions::has_word;
use crate::syntax::{Family, any_below, first_line, last_line};

impl<'c> Scene<'c> {
    /// A new `if`: a way out, a wrapper, or another value for what is missing.
    pub(super) fn new_condition(&self, node: Node<'c>, statement: Node<'c>, all: &mut Vec<Judged>) {
        let (Some(asks), Some(inside)) = (condition(node), body(node)) else {
            let fact = format!("`{}` is a new condition", shown(self.new, statement));
            let verdict = ask(format!("{fact}. Is it right?"), &identifier(self.new, statement));
            return all.push(Judged::new(statement, fact, verdict));
        };
        let test = match node.kind().starts_with("unless") {
            true => test_of_unless(self.new, asks),
            false => test_of(self.new, asks),
        };
        let text = shown(self.new, asks);
        if let Some(act) = self.act_in(asks) {
            let verdict = sensitive_change(format!("{act} is new"));
            return all.push(Judged::new(node, format!("`{text}` is newly asked"), verdict));
        }
        if self.only_guards_values(node) {
            let fact = format!("A name gets its value if `{text}`");
            return all.push(Judged::new(node, fact, Verdict::Harmless)); // judged where the name is used
        }
        let wrapped: Vec<Node<'c>> = self
            .edits
            .iter()
            .filter_map(|edit| match edit {
                Edit::Wrapped { wrapper, new } if *wrapper == statement || *wrapper == node => Some(*new),
                _ => None,
            })
            .collect();
        let in_other_branch =
            wrapped.first().is_some_and(|one| !inside.byte_range().contains(&one.start_byte()));
        if in_other_branch {
            // They run if the condition does not hold; the branch in front of them is new.
            let opposite = match node.kind().starts_with("unless") {
                true => test_of(self.new, asks),
                false => test_of_unless(self.new, asks),
            };
            all.push(self.wrapper(node, &opposite, &wrapped, &format!("not ({text})")));
        } else if !wrapped.is_empty() {
            all.push(self.wrapper(node, &test, &wrapped, &text));
            return self.new_alternative(node, all);
        }
        let inner_statements = body_statements(inside);
        match exit_of_body(self.new, inside) {
            Exit::None => {
                let verdict = self.assigns_under(node, &test, &inner_statements);
                let first = inner_statements.first().map_or(String::new(), |one| shown(self.new, *one));
                all.push(Judged::new(node, format!("If `{text}`: `{first}`"), verdict));
            }
            _ => {
                let verdict = self.leave_verdict(node, &test, &text);
                let answer = inner_statements.last().and_then(|last| returned(*last));
                let verdict = match answer {
                    Some(answer) => self.with_callers(verdict, &format!("If `{text}`"), answer),
                    None => verdict,
                };
                let last = inner_statements.last().map_or(String::new(), |one| shown(self.new, *one));
                all.push(Judged::new(node, format!("If `{text}`, the code leaves here: `{last}`"), verdict));
            }
        }
        for one in inner_statements.iter().filter(|one| self.is_log_statement(self.new, **one)) {
            all.push(self.told(inner(*one), None, *one));
        }
        if let Some(last) = inner_statements.last()
            && exit_of(self.new, *last) == Exit::Loud
            && let Some(telling) = raised(self.new, *last)
        {
            all.push(self.told(telling, None, *last));
        }
        if !in_other_branch {
            self.new_alternative(node, all);
        }
    }

    /// The other branch of a condition that was put in.
    fn new_alternative(&self, node: Node<'c>, all: &mut Vec<Judged>) {
        let other = node.child_by_field_name("alternative").map(parts).unwrap_or_default();
        for one in other.into_iter().flat_map(body_statements) {
            self.inserted(one, all);
        }
    }

    /// What stood free now stands under a condition: `text`, as a sentence says it.
    fn wrapper(&self, node: Node<'c>, test: &Test, wrapped: &[Node<'c>], text: &str) -> Judged {
        let fact = format!(
            "What follows now runs only if `{text}`: `{}`",
            wrapped.first().map_or(String::new(), |one| shown(self.new, *one))
        );
        let mut operands = test.operands();
        // A name given in the condition stands for what is asked.
        if let Some(asks) = condition(node) {
            operands.extend(assigned_names(self.new, asks));
        }
        let name = self.asked_name(&operands, node);
        let mut derived = operands.clone();
        let mut question = None;
        for statement in wrapped {
            let own = squeezed(self.new, *statement);
            let uses = derived.iter().any(|one| has_word(&own, one));
            if uses {
                derived.extend(assigned_names(self.new, *statement));
                continue;
            }
            let (sinks, is_act) = (sinks_below(self.new, *statement, self.bindings), self.acts(*statement));
            let what = shown(self.new, *statement);
            let left_out = format!("has nothing to do with `{text}` and is left out without it");
            // A flag beside what crashed, such as `ctx.signedIn` beside `ctx.user`, may stand for it.
            let crashed = self
                .crash_line
                .is_some_and(|line| (first_line(*statement)..=last_line(*statement)).contains(&line));
            let is_beside = |one: &String| is_flag_beside(one, &own);
            if crashed && test.drops_missing() && test.operands().iter().any(is_beside) {
                let asked = format!("Does `{text}` not hold only in the states in which `{what}` crashed?");
                return Judged::new(node, fact, ask_two(asked, &name));
            }
            if let Some((sink, _)) = sinks.first() {
                let why = format!("`{what}` ({}) {left_out}", sink.name());
                return Judged::new(node, fact, work_skipped(why));
            }
            // Setting a flag or time beside what is guarded goes with it.
            let same_base =
                derived.iter().any(|one| own.starts_with(one.split(['.', '[']).next().unwrap_or(one)));
            if is_act && !same_base {
                return Judged::new(node, fact, work_skipped(format!("`{what}` {left_out}")));
            }
            question.get_or_insert(what);
        }
        let stops = wrapped.last().is_some_and(|last| exit_of(self.new, *last) == Exit::Loud);
        if stops && !stops_behind(self.new, node) {
            return Judged::new(node, fact, check_deleted(format!("What stops is reached only if `{text}`")));
        }
        let denies_inside = wrapped.iter().any(|one| {
            any_below(*one, |inside, at| {
                matches!(at.kind, "raise_statement" | "throw_statement")
                    || is_if(at.kind) && body(inside).is_some_and(|b| denies(self.new, b))
            })
        });
        let verdict = if denies_inside {
            ask_two(
                format!("Without `{text}` the check under it does not run. Is there nothing to check then?"),
                &name,
            )
        } else if !test.drops_missing() {
            match wrapped
                .iter()
                .find_map(|one| sinks_below(self.new, *one, self.bindings).first().map(|(sink, _)| *sink))
            {
                Some(sink) => work_skipped(format!("Whether {} happens depends on `{text}`", sink.name())),
                None => ask(format!("Is there nothing to do if `{text}` does not hold?"), &name),
            }
        } else if let Some(what) = question {
            ask(format!("Is there nothing for `{what}` to do if `{text}` does not hold?"), &name)
        } else {
            Verdict::Harmless
        };
        Judged::new(node, fact, verdict)
    }

    /// `if x is None: x = N` in front of the crash.
    fn assigns_under(&self, node: Node<'c>, test: &Test, own: &[Node<'c>]) -> Verdict {
        let text = condition(node).map_or(String::new(), |one| shown(self.new, one));
        let operands = test.operands();
        let name = self.asked_name(&operands, node);
        for one in own {
            if let Some(act) = self.act_in(*one) {
                return sensitive_change(format!("If `{text}`, {act} is newly called"));
            }
            if self.is_log_statement(self.new, *one) {
                continue;
            }
            let Some((target, value)) = assigned_in(*one) else {
                return sensitive_change(format!("If `{text}`, `{}` is newly done", shown(self.new, *one)));
            };
            let target_text = squeezed(self.new, target);
            if self.new.family() == Family::Go && operands.iter().any(|one| is_error_name(one)) {
                return exception_swallowed(format!(
                    "If `{text}`, the code continues with `{}`",
                    shown(self.new, *one)
                ));
            }
            if is_bound(last_name(&target_text).as_str()) {
                return computation_changed(format!("`{target_text}`, which is a limit, gets another value"));
            }
            let reached = reach_of_name(self.new, self.bindings, &target_text, *one);
            let instead = substitute(self.new, value);
            if let Some(entry) = reached.sinks.iter().find(|entry| !matches!(entry.sink, Sink::Query)) {
                return sensitive_change(format!(
                    "If `{text}`, {} is given `{}`",
                    self.act(entry.sink, entry.call),
                    shown(self.new, value)
                ));
            }
            if instead == Substitute::Number {
                return computation_changed(format!(
                    "A number or date is made up if `{text}`: `{}`",
                    shown(self.new, value)
                ));
            }
            let is_default =
                operands.contains(&target_text) && test.selects_missing() && instead == Substitute::Neutral;
            if is_default && reached.sinks.is_empty() {
                // What is kept in an object or a container others may read later.
                if is_held(&target_text) {
                    return ask(
                        format!("If `{text}`, may `{}` be kept for everything later?", shown(self.new, *one)),
                        &name,
                    );
                }
                continue;
            }
            if instead == Substitute::Yes && guarding([target_text.as_str()]) != Guarding::No {
                return check_deleted(format!("`{target_text}` is set if `{text}`"));
            }
            // Another value of the program that everybody shares is no empty one.
            let shared = super::super::tree::is_chain(inner(value).kind())
                && !has_word(&squeezed(self.new, value), &target_text);
            if shared
                && matches!(inner(value).kind(), "identifier")
                && !assigned_names(self.new, function_of(self.new.family(), node).unwrap_or(node))
                    .iter()
                    .any(|one| *one == squeezed(self.new, value))
            {
                let value_text = squeezed(self.new, value);
                let is_parameter = function_of(self.new.family(), node)
                    .and_then(|one| one.child_by_field_name("parameters"))
                    .is_some_and(|one| words(self.new, one).contains(&value_text.as_str()));
                if !is_parameter && !is_nothing(&value_text) {
                    return sensitive_change(format!(
                        "If `{text}`, `{target_text}` is `{value_text}`, which others share"
                    ));
                }
            }
            return ask(
                format!("If `{text}`, is `{}` right for everything behind it?", shown(self.new, *one)),
                &name,
            );
        }
        Verdict::Harmless
    }
}

/// Whether a flag stands beside something that a piece of code reads: `ctx.signedIn` beside `ctx.user.id`. What says
/// what somebody may do is no such flag.
pub(super) fn is_flag_beside(flag: &str, code: &str) -> bool {
    const RANKS: [&str; 6] = ["owner", "admin", "role", "private", "staff", "member"];
    let Some((object, name)) = flag.rsplit_once('.') else { return false };
    let name = name.to_lowercase();
    !matches!(object, "self" | "this")
        && code.contains(&format!("{object}."))
        && !RANKS.iter().any(|rank| name.contains(rank))
}

/// Whether Go code calls an error so: `err`, `parseErr`.
fn is_error_name(name: &str) -> bool {
    name == "err" || name.ends_with("Err")
}

/// Whether a name is of an attribute: an object holds it.
pub(super) fn is_held(target: &str) -> bool {
    target.contains('.') || target.contains("->")
}
