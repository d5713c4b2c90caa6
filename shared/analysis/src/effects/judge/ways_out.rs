//! A new way out in front of what crashed: what it leaves out, and what is answered instead.

use tree_sitter::Node;

use super::super::absence::{Substitute, Test, is_nothing, substitute};
use super::super::sinks::{Guarding, guarding, has};
use super::super::slices::fills_own_container;
use super::super::tree::{
    above, assigned, body, body_statements, called, condition, inner, is_call, is_function, is_handler,
    is_if, is_loop, is_return, last_part, parts, squeezed, words,
};
use super::exits::{Exit, exit_of, exit_of_body, handler_body, inner_exit, returned, tells_error};
use super::left_out::Act;
use super::texts::callees;
use super::values::assigned_names;
use super::{
    Scene, Verdict, ask, ask_two, check_deleted, exception_swallowed, identifier, refuse, sensitive_change,
    shown, work_skipped,
};
use crate::syntax::mentions::has_word;
use crate::syntax::references::dotted_path;
use crate::syntax::{Family, any_below, visit_below};
use autofix_domain::reason::ReasonCode;

/// A way out of the function from one round of a loop.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Round {
    /// It gives back what the function gives back after the whole loop.
    EndsTheLoop,
    LeavesTheOthers,
}

impl<'c> Scene<'c> {
    /// A new way out in front of what crashed.
    pub(super) fn leave_verdict(&self, node: Node<'c>, test: &Test, text: &str) -> Verdict {
        let Some(inside) = body(node) else {
            return ask(format!("Is it right to leave if `{text}`?"), &identifier(self.new, node));
        };
        let own = body_statements(inside);
        let operands = test.operands();
        let name = self.asked_name(&operands, node);
        let exit = exit_of_body(self.new, inside);
        let logs = own.iter().any(|one| {
            self.is_log_statement(self.new, *one)
                && !dotted_path(self.new, inner(*one)).to_lowercase().ends_with("debug")
        });
        let answer = own.last().and_then(|last| returned(*last));
        let loud =
            (exit == Exit::Loud && !answer.is_some_and(|answer| self.tells_in_a_new_way(answer))) || logs;
        let mut questions: Vec<Verdict> = Vec::new();
        // What is done before leaving.
        for one in &own {
            if let Some(act) = self.act_in(*one) {
                return sensitive_change(format!("If `{text}`, {act} is called"));
            }
            if callees(self.new, *one).iter().any(|callee| self.is_own_function(callee, node)) {
                return sensitive_change(format!("The function calls itself if `{text}`"));
            }
            let is_act = is_call(inner(*one).kind())
                && !self.is_log_statement(self.new, *one)
                && exit_of(self.new, *one) == Exit::None;
            if is_act && fills_own_container(self.new, inner(*one)) && self.puts_in_nothing(*one) {
                let what = shown(self.new, *one);
                questions
                    .push(ask(format!("If `{text}`, is `{what}` right for everyone who reads it?"), &name));
            } else if is_act {
                return sensitive_change(format!("If `{text}`, `{}` is newly done", shown(self.new, *one)));
            }
        }
        if let Some(why) = self.breaks_kind(node, &own) {
            return refuse(ReasonCode::SignatureChanged, why);
        }
        let answer_text = answer.map_or(String::new(), |value| squeezed(self.new, inner(value)));
        if answer_text.ends_with("err")
            && !condition(node).is_some_and(|asks| words(self.new, asks).contains(&"err"))
        {
            return work_skipped(format!("If `{text}`, an error is given back that is not one"));
        }
        if matches!(answer_text.as_str(), "False" | "false") && self.denies_by_name(node) {
            return check_deleted(format!("If `{text}`, the answer is that nothing is forbidden"));
        }
        if exit == Exit::Return
            && let Some(value) = answer
            && matches!(substitute(self.new, value), Substitute::Yes | Substitute::Number)
        {
            return check_deleted(format!(
                "If `{text}`, the answer is made up: `{}`",
                shown(self.new, value)
            ));
        }
        let conservative = test.selects_missing();
        let strength = guarding(condition(node).map(|asks| words(self.new, asks)).unwrap_or_default());
        if exit == Exit::Break {
            return work_skipped(format!("If `{text}`, all other entries are left out as well"));
        }
        let round = self.round_left(node, &operands, &own).filter(|_| exit == Exit::Return && !loud);
        if round == Some(Round::EndsTheLoop) {
            return work_skipped(format!("If `{text}`, all other entries are left out as well"));
        }
        if exit == Exit::Return && !loud && self.is_in_error_path(node) {
            return exception_swallowed(format!(
                "If `{text}`, the error that is handled here is no longer told"
            ));
        }
        if let Some(name) =
            answer.filter(|_| exit == Exit::Return).and_then(|answer| self.thrown_away(node, answer))
        {
            return work_skipped(format!("If `{text}`, what `{name}` holds by then is thrown away"));
        }
        let about = self.is_about_crash(&operands, node);
        let left_out = self.left_out(node, exit);
        let leaves_work = exit == Exit::Return && left_out.iter().any(|act| act.what != Act::Check);
        let mut done = false;
        for act in left_out {
            // What finishes the work before it, such as a `commit()`, belongs to it.
            let finishes = done
                && is_call(act.node.kind())
                && super::arguments(act.node).is_empty()
                && has("commit flush close end save", &called(self.new, act.node));
            let uses = operands.iter().any(|one| has_word(&act.text, one)) || act.derived || finishes;
            done |= uses;
            let what = shown(self.new, act.node);
            let skipped = |verb: &str| work_skipped(format!("If `{text}`, {verb}: `{what}`"));
            let harm = match (&act.what, act.ran_before, uses) {
                (_, true, _) => true,
                (Act::Sink(_) | Act::Check | Act::Call, false, false) => true,
                (Act::Store, false, false) => false,
                (_, false, true) => {
                    !conservative
                        || (test.is_wide()
                            && act.what == Act::Store
                            && !self.truth_is_exact()
                            && !self.has_no_entries(node, &operands))
                }
            };
            match (harm, loud) {
                (false, _) if act.what == Act::Store && !uses => {
                    questions
                        .push(ask(format!("If `{text}`, `{what}` does not happen. Is that right?"), &name));
                }
                (false, _) => {}
                (true, false) => return skipped("work is left out in silence"),
                (true, true) => questions.push(ask(
                    format!("If `{text}`, `{what}` is left out. Is there nothing for it to do then?"),
                    &name,
                )),
            }
        }
        if !about {
            return ask(
                format!("Is it right to leave if `{text}`, though the line that crashed asks nothing of it?"),
                &name,
            );
        }
        if strength == Guarding::Strong && exit != Exit::Loud {
            return check_deleted(format!("`{text}` decides who may do something"));
        }
        if round.is_some() {
            return ask_two(
                format!("If `{text}` for one entry, is it right that all others are left out as well?"),
                &name,
            );
        }
        if let Some(first) = questions.into_iter().next() {
            return first;
        }
        if !conservative {
            return ask(format!("Is it right to leave in every state in which `{text}`?"), &name);
        }
        if matches!(answer_text.as_str(), "0" | "0.0") {
            return ask(
                format!("If `{text}`, is zero the right answer for everything that computes with it?"),
                &name,
            );
        }
        if leaves_work && !loud {
            return ask(
                format!(
                    "If `{text}`, is there nothing left to do for what follows, and is the answer right for every caller?"
                ),
                &name,
            );
        }
        if self.answers_nothing(node, &own) {
            return ask(
                format!("If `{text}`, the function gives back nothing. Does every caller work with that?"),
                &name,
            );
        }
        match answer.map(|value| substitute(self.new, value)) {
            Some(Substitute::Text | Substitute::Value) if exit == Exit::Return => ask(
                format!(
                    "If `{text}`, is `{}` the right answer for every caller?",
                    answer.map_or(String::new(), |one| shown(self.new, one))
                ),
                &name,
            ),
            _ => Verdict::Harmless,
        }
    }

    /// Whether an answer calls a function that the file did not use, whose name alone says that it tells an error.
    fn tells_in_a_new_way(&self, answer: Node<'c>) -> bool {
        let text = self.old.text_of(self.old.root());
        callees(self.new, answer).iter().map(|callee| last_part(callee)).any(|name| {
            name.starts_with(|c: char| c.is_lowercase())
                && !has("reject abort next done error", name)
                && tells_error(name)
                && !has_word(text, name)
        })
    }

    /// Whether a call is given empty values only.
    fn puts_in_nothing(&self, statement: Node<'c>) -> bool {
        super::arguments(inner(statement))
            .into_iter()
            .all(|one| substitute(self.new, one) == Substitute::Neutral)
    }

    /// Whether the function around a place says what is forbidden: there, no means yes.
    pub(super) fn denies_by_name(&self, node: Node<'c>) -> bool {
        crate::names::split_words(self.function_around(node)).iter().any(|word| {
            has("blocked banned denied locked hidden restricted forbidden expired revoked disabled suspended private", word)
        })
    }

    /// Whether plain truth selects just what crashes: an empty list has no first entry, nothing has no attribute.
    fn truth_is_exact(&self) -> bool {
        let message = &self.crash.message;
        ["out of range", "empty", "nil pointer", "StopIteration"].iter().any(|sign| message.contains(sign))
            || self.crash.exception.contains("StopIteration")
    }

    /// Whether a way out of the function stands in a loop and asks for something of one round: what is given back then
    /// says nothing of the other entries. `None` if there is no such loop.
    fn round_left(&self, node: Node<'c>, operands: &[String], own: &[Node<'c>]) -> Option<Round> {
        let function = above(node, |one| is_function(self.new.family(), one.kind()))?;
        let looped = above(node, |one| is_loop(one.kind()))?;
        if looped.start_byte() < function.start_byte() {
            return None;
        }
        let answer = |value: Option<Node<'c>>| value.map(|value| squeezed(self.new, inner(value)));
        let answer_here = answer(own.last().and_then(|last| returned(*last)));
        if answer(answer_at_end(function)).is_some_and(|text| !is_nothing(&text) && Some(text) == answer_here)
        {
            return Some(Round::EndsTheLoop);
        }
        let mut of_round = assigned_names(self.new, looped);
        let variables = looped.child_by_field_name("left").map(|left| words(self.new, left));
        of_round.extend(variables.unwrap_or_default().into_iter().map(str::to_owned));
        let asks = operands.iter().any(|one| of_round.iter().any(|name| has_word(one, name)));
        (operands.is_empty() || asks).then_some(Round::LeavesTheOthers)
    }

    /// Whether a place is in a handler, or under Go's `if err != nil`, which ends by telling the error.
    pub(super) fn is_in_error_path(&self, node: Node<'c>) -> bool {
        let handles = |one: Node<'c>| {
            let asks = condition(one).map_or_else(String::new, |asks| squeezed(self.new, asks));
            is_handler(one.kind())
                || (self.new.family() == Family::Go && is_if(one.kind()) && asks.ends_with("err!=nil"))
        };
        let inside = above(node, handles).and_then(|one| handler_body(one).or_else(|| body(one)));
        inside.is_some_and(|inside| exit_of_body(self.new, inside) == Exit::Loud)
    }

    /// The name that the function gives back at its end, if it has its value already and an empty one is given back instead.
    fn thrown_away(&self, node: Node<'c>, answer: Node<'c>) -> Option<String> {
        let function = above(node, |one| is_function(self.new.family(), one.kind()))?;
        let name = squeezed(self.new, inner(answer_at_end(function)?));
        let is_empty = matches!(substitute(self.new, answer), Substitute::Neutral)
            && !is_nothing(&squeezed(self.new, inner(answer)));
        let is_plain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$'));
        let computed = any_below(function, |one, _| {
            one.end_byte() <= node.start_byte()
                && assigned(one).is_some_and(|(target, value)| {
                    self.new.text_of(target) == name && substitute(self.new, value) != Substitute::Neutral
                })
        });
        let asks = condition(node).map(|asks| words(self.new, asks)).unwrap_or_default();
        (is_empty && is_plain && computed && !asks.contains(&name.as_str())).then_some(name)
    }

    /// Whether an entry is read of every operand right behind a way out: Python has none to give of what is empty.
    fn has_no_entries(&self, node: Node<'c>, operands: &[String]) -> bool {
        let next = super::super::tree::statement_of(node).next_named_sibling();
        let text = next.map_or_else(String::new, |next| squeezed(self.new, next));
        self.new.family() == Family::Python
            && !operands.is_empty()
            && operands.iter().all(|one| text.contains(&format!("={one}[")))
    }

    /// An answer of another kind than the function gives otherwise.
    pub(super) fn breaks_kind(&self, node: Node<'c>, own: &[Node<'c>]) -> Option<String> {
        let last = inner_exit(*own.last()?);
        if !is_return(last.kind()) {
            return None;
        }
        let function = above(node, |one| is_function(self.new.family(), one.kind()))?;
        let value = returned(last);
        let text = value.map_or(String::new(), |value| squeezed(self.new, inner(value)));
        let is_none = value.is_none() || is_nothing(&text);
        let mut others: Vec<Option<Node<'c>>> = Vec::new();
        visit_below(function, |one, at| {
            if at.kind == "return_statement" && one != last {
                let inside = above(one, |up| is_function(self.new.family(), up.kind()));
                if inside == Some(function) {
                    others.push(returned(one));
                }
            }
        });
        let annotation = function
            .child_by_field_name("return_type")
            .map(|one| self.new.text_of(one).trim_start_matches(':').trim().to_owned());
        let shown_value = if value.is_none() { "nothing".to_owned() } else { text.clone() };
        if is_none
            && matches!(self.new.family(), Family::Python | Family::Script)
            && let Some(kind) = annotation
            && !["None", "Optional", "null", "undefined", "void", "any", "Any", "unknown"]
                .iter()
                .any(|word| kind.contains(word))
        {
            return Some(format!("The function promises `{kind}` and gives back `{shown_value}`"));
        }
        let gives: Vec<Node<'c>> = others.iter().flatten().copied().collect();
        if gives.is_empty() {
            return None;
        }
        if value.is_none() && others.iter().all(Option::is_some) && !matches!(self.new.family(), Family::Go) {
            return Some("The function gives back a value elsewhere and nothing here".to_owned());
        }
        let size = |node: Node<'c>| match inner(node).kind() {
            "expression_list" | "tuple" => parts(inner(node)).len(),
            _ => 1,
        };
        if self.new.family() != Family::Go
            && gives.iter().all(|one| size(*one) > 1 && size(*one) == size(gives[0]))
            && value.is_none_or(|value| size(value) != size(gives[0]))
        {
            return Some(format!(
                "The function gives back {} values elsewhere and `{shown_value}` here",
                size(gives[0])
            ));
        }
        let is_literal = |node: &Node<'c>| {
            matches!(
                inner(*node).kind(),
                "object"
                    | "dictionary"
                    | "array"
                    | "list"
                    | "list_comprehension"
                    | "dictionary_comprehension"
            )
        };
        if is_none && gives.iter().all(is_literal) {
            return Some(format!("The function gives back a container elsewhere and `{shown_value}` here"));
        }
        None
    }

    /// Whether a way out gives back nothing while every other one gives back something.
    fn answers_nothing(&self, node: Node<'c>, own: &[Node<'c>]) -> bool {
        let Some(value) = own.last().and_then(|last| returned(*last)) else { return false };
        let Some(function) = above(node, |one| is_function(self.new.family(), one.kind())) else {
            return false;
        };
        let nothing = |value: Node<'c>| is_nothing(&squeezed(self.new, inner(value)));
        let elsewhere = any_below(function, |one, at| {
            at.kind == "return_statement"
                && returned(one).is_none_or(|other| other != value && nothing(other))
        });
        nothing(value) && !elsewhere
    }
}

/// What a function gives back if nothing leaves it before its last statement.
fn answer_at_end(function: Node<'_>) -> Option<Node<'_>> {
    let all = function.child_by_field_name("body").map(body_statements)?;
    all.last().and_then(|last| returned(*last))
}
