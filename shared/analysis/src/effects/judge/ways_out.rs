//! A new way out in front of what crashed: what it leaves out, and what is answered instead.

use tree_sitter::Node;

use super::super::absence::{Substitute, Test, is_nothing, substitute};
use super::super::sinks::{Guarding, guarding, has};
use super::super::slices::fills_own_container;
use super::super::tree::{
    above, body, body_statements, called, condition, inner, is_call, is_function, is_loop, is_return, parts,
    squeezed, words,
};
use super::exits::{Exit, exit_of, exit_of_body, inner_exit, returned};
use super::left_out::Act;
use super::texts::callees;
use super::{Scene, Verdict, ask, check_deleted, identifier, refuse, sensitive_change, shown, work_skipped};
use crate::syntax::mentions::has_word;
use crate::syntax::references::dotted_path;
use crate::syntax::{Family, any_below, visit_below};
use autofix_domain::reason::ReasonCode;

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
        let loud = exit == Exit::Loud || logs;
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
        let answer = own.last().and_then(|last| returned(*last));
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
        if exit == Exit::Return && !loud && self.ends_the_loop(node, &own) {
            return work_skipped(format!("If `{text}`, all other entries are left out as well"));
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

    /// Whether a way out in a loop gives back what the function gives back after the whole loop.
    fn ends_the_loop(&self, node: Node<'c>, own: &[Node<'c>]) -> bool {
        let function = above(node, |one| is_function(self.new.family(), one.kind()));
        let looped = above(node, |one| is_loop(one.kind()));
        let (Some(function), Some(looped)) = (function, looped) else { return false };
        let last = function.child_by_field_name("body").and_then(|all| body_statements(all).last().copied());
        let answer = |statement: Option<Node<'c>>| {
            statement.and_then(returned).map(|value| squeezed(self.new, inner(value)))
        };
        looped.start_byte() > function.start_byte()
            && answer(last)
                .is_some_and(|text| !is_nothing(&text) && Some(text) == answer(own.last().copied()))
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
