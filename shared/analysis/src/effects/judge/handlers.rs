//! Judges each handler (`except`, `catch`) that a change puts in: harmless, a question, or a refusal.
//!
//! By what it does to values that the code behind it uses. `validators::swallowed_exceptions` judges handlers by their form
//! alone, and both have to accept one.

use tree_sitter::Node;

use super::super::absence::{Substitute, substitute};
use super::super::sinks::{has, sinks_below};
use super::super::slices::reach_of_name;
use super::super::tree::{
    body, body_statements, inner, is_call, is_function, is_handler, is_try, is_word, parts, squeezed, words,
};
use super::exits::{Exit, exit_of_body, handler_body, handler_head, raised, returned};
use super::insertions::assigned_in;
use super::values::assigned_names;
use super::{
    Judged, Scene, Verdict, ask, computation_changed, exception_swallowed, identifier, last_name, refuse,
    sensitive_change, shown, work_skipped,
};
use crate::syntax::mentions::has_word;
use crate::syntax::{Family, Parsed};
use autofix_domain::reason::ReasonCode;

impl<'c> Scene<'c> {
    /// A handler around what was there.
    pub(super) fn new_try(&self, new: Node<'c>, all: &mut Vec<Judged>) {
        let held = body(new).map(body_statements).unwrap_or_default();
        let acting: Vec<&Node<'c>> = held.iter().filter(|one| self.acts(**one)).collect();
        let is = shown(self.new, new);
        let acts_in_loop = acting.iter().any(|one| super::super::tree::is_loop(one.kind()));
        if (held.len() > 1 && acting.len() > 1) || acts_in_loop {
            all.push(Judged::refused(
                new,
                exception_swallowed(format!("A handler stands around {} statements that act", acting.len())),
            ));
        }
        let made: Vec<String> = held.iter().flat_map(|one| assigned_names(self.new, *one)).collect();
        let mut handlers = 0;
        for part in parts(new) {
            if is_handler(part.kind()) {
                handlers += 1;
                all.push(self.new_handler(part, Some(&made)));
            }
        }
        if handlers == 0 {
            all.push(Judged::new(
                new,
                format!("`{is}` is new"),
                ask(format!("Is `{is}` right?"), &identifier(self.new, new)),
            ));
        }
    }

    /// A handler that was put in. `made` are the names that its `try` gives a value to.
    pub(super) fn new_handler(&self, handler: Node<'c>, made: Option<&[String]>) -> Judged {
        let is = shown(self.new, handler);
        let fact = format!("A handler is new: `{is}`");
        let of = |verdict: Verdict| Judged::new(handler, fact.clone(), verdict);
        let Some(inside) = handler_body(handler) else {
            return of(exception_swallowed(format!("`{is}` does nothing")));
        };
        if let Some(act) = self.act_in(inside) {
            return of(sensitive_change(format!("The handler calls {act}")));
        }
        let header: Vec<&str> = words(self.new, handler)
            .into_iter()
            .take_while(|word| {
                !has_word(self.new.text_of(inside), word)
                    || word.ends_with("Error")
                    || word.ends_with("Exception")
            })
            .collect();
        let crashed_type = self.crash.exception.rsplit(['.', ':', '\\']).next().unwrap_or_default();
        let catches_crashed_type =
            crashed_type.is_empty() || handler_head(self.new, handler).contains(crashed_type);
        let own = body_statements(inside);
        let logs = own.iter().filter(|one| self.is_log_statement(self.new, **one));
        for verdict in logs.map(|one| self.told(inner(*one), None, *one).verdict) {
            if matches!(verdict, Verdict::Refuse { .. }) {
                return of(verdict);
            }
        }
        let operand = identifier(self.new, inside);
        let last_value = own.last().copied().filter(|last| {
            self.new.family() == Family::Ruby && !is_call(last.kind()) && assigned_in(*last).is_none()
        });
        if let Some(value) = last_value.filter(|_| exit_of_body(self.new, inside) == Exit::None) {
            return match substitute(self.new, value) {
                Substitute::Neutral => of(self.conversion_or_ask(handler, &operand)),
                _ => of(ask(
                    format!(
                        "Is what the handler gives back right for every caller: `{}`?",
                        shown(self.new, value)
                    ),
                    &operand,
                )),
            };
        }
        match exit_of_body(self.new, inside) {
            Exit::Loud => {
                let raised = own.last().and_then(|last| raised(self.new, *last));
                of(raised.map_or(Verdict::Harmless, |raised| {
                    self.told(raised, None, *own.last().unwrap_or(&inside)).verdict
                }))
            }
            _ if !catches_crashed_type && self.new.family() == Family::Python => {
                of(exception_swallowed(format!(
                    "The handler takes `{}`, which is not what crashed",
                    header.first().copied().unwrap_or("everything")
                )))
            }
            Exit::Return => {
                if let Some(why) = self.breaks_kind(handler, &own) {
                    return of(refuse(ReasonCode::SignatureChanged, why));
                }
                let answer = own.last().and_then(|last| returned(*last));
                match answer.map(|value| substitute(self.new, value)) {
                    None => of(self.conversion_or_ask(handler, &operand)),
                    Some(Substitute::Neutral) => {
                        let verdict = self.conversion_or_ask(handler, &operand);
                        of(self.with_callers(
                            verdict,
                            &format!("After `{crashed_type}`"),
                            answer.unwrap_or(handler),
                        ))
                    }
                    Some(Substitute::Number | Substitute::Yes) => of(computation_changed(format!(
                        "The answer is made up: `{}`",
                        own.last().map_or(String::new(), |one| shown(self.new, *one))
                    ))),
                    Some(_) => of(ask(
                        format!(
                            "Is what the handler gives back right for every caller: `{}`?",
                            own.last().map_or(String::new(), |one| shown(self.new, *one))
                        ),
                        &operand,
                    )),
                }
            }
            Exit::Continue => of(ask(format!("Is the entry rightly left out: `{is}`?"), &operand)),
            Exit::Break => of(work_skipped("All other entries are left out as well".to_owned())),
            Exit::None => {
                if let Some(name) = keeps_default(self.new, handler) {
                    let reached = reach_of_name(self.new, self.bindings, &name, handler);
                    return of(match reached.sinks.first() {
                        Some(entry) => self.act_is_given("the value from before the conversion", entry),
                        None => ask(
                            format!(
                                "If the conversion fails, is what `{name}` was before right for everything behind it?"
                            ),
                            &name,
                        ),
                    });
                }
                for one in &own {
                    if self.is_log_statement(self.new, *one) {
                        continue;
                    }
                    let Some((target, value)) = assigned_in(*one) else {
                        return of(exception_swallowed(format!(
                            "The handler continues with `{}`",
                            shown(self.new, *one)
                        )));
                    };
                    let target = squeezed(self.new, target);
                    if made.is_some_and(|made| !made.contains(&target)) {
                        return of(exception_swallowed(format!(
                            "The handler sets `{target}`, which is not what was computed"
                        )));
                    }
                    match substitute(self.new, value) {
                        Substitute::Neutral => {}
                        Substitute::Number | Substitute::Yes => {
                            return of(computation_changed(format!(
                                "A value is made up: `{}`",
                                shown(self.new, *one)
                            )));
                        }
                        Substitute::Text | Substitute::Value => {
                            return of(ask(
                                format!("Is `{}` right for everything behind it?", shown(self.new, *one)),
                                &last_name(&target),
                            ));
                        }
                    }
                    let reached = reach_of_name(self.new, self.bindings, &target, *one);
                    if let Some(entry) = reached.sinks.first() {
                        return of(sensitive_change(format!(
                            "{} is given `{}` if it fails",
                            self.act(entry.sink, entry.call),
                            shown(self.new, value)
                        )));
                    }
                }
                let tells_only = own.iter().all(|one| self.is_log_statement(self.new, *one));
                if tells_only {
                    return of(exception_swallowed(
                        "The handler only writes a log line and the code continues",
                    ));
                }
                let given_back = own.iter().filter_map(|one| assigned_in(*one)).find(|(target, value)| {
                    reach_of_name(self.new, self.bindings, &squeezed(self.new, *target), *value).returned
                });
                of(match given_back {
                    Some((_, value)) => {
                        let question = format!(
                            "After `{crashed_type}`, is `{}` right for every caller?",
                            shown(self.new, value)
                        );
                        self.with_callers(ask(question, &operand), &format!("After `{crashed_type}`"), value)
                    }
                    None => Verdict::Harmless,
                })
            }
        }
    }

    pub(super) fn conversion_or_ask(&self, handler: Node<'c>, operand: &str) -> Verdict {
        let held = handler.parent().and_then(body).map(body_statements).unwrap_or_default();
        let reads_other = held.iter().any(|one| !sinks_below(self.new, *one, self.bindings).is_empty());
        match reads_other {
            true => ask(
                "Can the service that is called here leave this value out of a normal answer, and not only because its format changed?",
                operand,
            ),
            false => Verdict::Harmless,
        }
    }
}

/// The name that keeps its value of before if a conversion fails: `n = 0; try: n = int(x) except ValueError: pass`.
pub(crate) fn keeps_default(parsed: &Parsed<'_>, handler: Node<'_>) -> Option<String> {
    const CONVERSIONS: &str = "\
        int float bool Decimal UUID date datetime.fromisoformat date.fromisoformat datetime.fromtimestamp \
        date.fromtimestamp datetime.strptime";
    let inside = handler_body(handler)?;
    let caught = handler_head(parsed, handler);
    let types = caught.trim_start_matches("except").split(|c: char| !c.is_alphanumeric() && c != '_');
    let types: Vec<&str> = types.filter(|one| !one.is_empty()).collect();
    let is_bad_input = !types.is_empty() && types.iter().all(|one| has("ValueError TypeError", one));
    let only_passes = body_statements(inside).iter().all(|one| one.kind() == "pass_statement");
    let tried = handler.parent().filter(|one| is_try(one.kind()))?;
    let [only] = body(tried).map(body_statements)?[..] else { return None };
    let (target, value) = assigned_in(only)?;
    let name = parsed.text_of(target);
    let converts = is_call(value.kind()) && has(CONVERSIONS, parsed.field_text(value, "function"));
    let around = std::iter::successors(Some(tried), Node::parent)
        .take_while(|one| !is_function(parsed.family(), one.kind()));
    let mut before =
        around.flat_map(|one| std::iter::successors(one.prev_named_sibling(), Node::prev_named_sibling));
    let has_default =
        before.any(|one| assigned_in(one).is_some_and(|(target, _)| parsed.text_of(target) == name));
    (is_bad_input && only_passes && is_word(target) && converts && has_default).then(|| name.to_owned())
}
