//! What was put in: a statement, an argument, an entry, an import, another value for a name.

use tree_sitter::Node;

use super::super::absence::{Substitute, substitute};
use super::super::script::Edit;
use super::super::sinks::{Guarding, guarding, is_bound};
use super::super::slices::{Loops, is_new_container, reach, reach_of_name};
use super::super::tree::{
    above, assigned, body_statements, inner, is_block, is_call, is_function, is_handler, is_if, is_loop,
    is_return, is_try, parts, same_function, squeezed, words,
};
use super::branches::is_held;
use super::exits::{Exit, ends_answer, exit_of, raised, returned};
use super::values::{assigned_names, only_reads};
use super::{
    Judged, Scene, Verdict, ask, ask_right, check_deleted, computation_changed, function_of, identifier,
    is_import, last_name, refuse, sensitive_change, shown, work_skipped,
};
use crate::syntax::mentions::has_word;
use crate::syntax::{any_below, is_decorator_kind, statements};
use autofix_domain::reason::ReasonCode;

impl<'c> Scene<'c> {
    /// Judges a statement or part that was put in.
    pub(super) fn inserted(&self, new: Node<'c>, all: &mut Vec<Judged>) {
        let kind = new.kind();
        let is = shown(self.new, new);
        if kind != "assert_statement" && above(new, |one| one.kind() == "assert_statement").is_some() {
            return all.push(Judged::refused(new, check_deleted(format!("`{is}` is new in an assertion"))));
        }
        if let Some(judged) = self.caught_as_well(new) {
            return all.push(judged);
        }
        if matches!(
            kind,
            "switch_statement"
                | "match_statement"
                | "expression_switch_statement"
                | "with_statement"
                | "while_statement"
        ) {
            return all.push(Judged::refused(
                new,
                sensitive_change(format!(
                    "`{is}` is a new statement around what was there, or in front of it"
                )),
            ));
        }
        if kind == "elif_clause" || kind == "else_if_clause" {
            return self.new_condition(new, new, all);
        }
        if matches!(
            kind,
            "if_statement" | "if" | "unless" | "if_expression" | "if_modifier" | "unless_modifier"
        ) || (kind == "expression_statement" && is_if(inner(new).kind()))
        {
            let node = if is_if(kind) { new } else { inner(new) };
            return self.new_condition(node, new, all);
        }
        if is_try(kind) {
            return self.new_try(new, all);
        }
        if is_handler(kind) {
            return all.push(self.new_handler(new, None));
        }
        if kind == "else_clause" || kind == "finally_clause" || kind == "else" {
            let is_moved = |part: &Node<'c>| {
                self.edits.iter().any(|edit| matches!(edit, Edit::Moved { new, .. } if new == part))
            };
            for statement in parts(new).into_iter().flat_map(body_statements).filter(|one| !is_moved(one)) {
                self.inserted(statement, all);
            }
            return;
        }
        if is_import(new) {
            return all.push(Judged::new(new, format!("`{is}` is imported"), self.new_import(new)));
        }
        if is_decorator_kind(kind) {
            return all.push(Judged::refused(new, sensitive_change(format!("The decorator `{is}` is new"))));
        }
        if let Some(telling) = super::texts::telling(self.new, new) {
            return all.push(self.told(telling, None, new));
        }
        if self.is_log_statement(self.new, new) {
            return all.push(self.told(inner(new), None, new));
        }
        if let Some((target, value)) = assigned_in(new) {
            return all.push(self.new_assignment(new, target, value));
        }
        all.push(self.new_other(new));
    }

    fn new_import(&self, new: Node<'c>) -> Verdict {
        // Used by what was there and by nothing before: a name that was missing.
        let declared = parts(new).into_iter().find_map(|part| {
            part.child_by_field_name("name").filter(|_| part.child_by_field_name("value").is_some())
        });
        let names: Vec<&str> = words(self.new, declared.unwrap_or(new));
        let bound = names.last().copied().unwrap_or_default();
        let woken = has_word(self.old.text_of(self.old.root()), bound);
        let in_function = function_of(self.new.family(), new).is_some();
        if in_function {
            return refuse(
                ReasonCode::ImportAdded,
                format!("`{}` is imported on the way", shown(self.new, new)),
            );
        }
        match woken {
            true => ask(
                format!(
                    "Is `{}` what the code means by `{bound}`, and are the calls of it, which now run for the first time, what their functions are for?",
                    shown(self.new, new)
                ),
                bound,
            ),
            false => Verdict::Harmless, // what it is used for is judged where it is used
        }
    }

    /// Everything that is neither a condition, a handler, a text nor an assignment.
    fn new_other(&self, new: Node<'c>) -> Judged {
        let is = shown(self.new, new);
        let fact = format!("`{is}` is new");
        let of = |verdict: Verdict| Judged::new(new, fact.clone(), verdict);
        let parent = new.parent();
        let parent_kind = parent.map_or("", |one| one.kind());
        if let Some(act) = self.act_in(new) {
            return of(sensitive_change(format!("{act} is new")));
        }
        if is_block(parent_kind) {
            if let Some(verdict) = self.answer_behind_wrapper(new) {
                return of(verdict);
            }
            let before = new.prev_named_sibling();
            if before.is_some_and(|before| ends_answer(self.new, before, new)) && is_return(inner(new).kind())
            {
                let question =
                    "The code answered with an error here and went on. Is it right to stop instead?";
                return of(ask(
                    question,
                    &before.map_or(String::new(), |before| identifier(self.new, before)),
                ));
            }
            if exit_of(self.new, new) != Exit::None {
                return of(work_skipped(format!("`{is}` leaves in front of what comes behind")));
            }
            let is_definition = is_function(self.new.family(), new.kind())
                || new.kind().contains("definition")
                || new.kind().contains("class");
            if is_definition {
                return of(ask(
                    format!("Is `{is}` needed, and does it do nothing else?"),
                    &identifier(self.new, new),
                ));
            }
            if is_loop(new.kind()) {
                return of(sensitive_change(format!("A loop is new: `{is}`")));
            }
            let call = inner(new);
            if is_call(call.kind()) {
                return of(sensitive_change(format!("`{is}` is newly done")));
            }
            if matches!(new.kind(), "comment" | "pass_statement" | "empty_statement")
                || inner(new).kind() == "string"
            {
                return of(Verdict::Harmless);
            }
            if matches!(
                new.kind(),
                "var_declaration"
                    | "lexical_declaration"
                    | "variable_declaration"
                    | "local_variable_declaration"
            ) {
                return of(self.declared(new));
            }
            return of(ask_right(&format!("`{is}`"), &identifier(self.new, new)));
        }
        if let Some(widened) = self.default_of_get(new) {
            return self.judge_widened(&widened, new);
        }
        // An argument, an entry, a parameter.
        let value = new.child_by_field_name("value").unwrap_or(new);
        if super::values::is_annotation(new) {
            return of(Verdict::Harmless);
        }
        if substitute(self.new, value) == Substitute::Number {
            return of(computation_changed(format!("A number or date is made up: `{is}`")));
        }
        let in_sink = self.is_sink_argument(self.new, new);
        if matches!(parent_kind, "parameters" | "formal_parameters" | "parameter_list") {
            return of(ask(
                format!("Does every caller work with the new parameter `{is}`?"),
                &identifier(self.new, new),
            ));
        }
        if matches!(new.kind(), "dictionary_splat" | "spread_element" | "list_splat") {
            return of(sensitive_change(format!("`{is}` hands on everything that another object holds")));
        }
        let name = new
            .child_by_field_name("name")
            .or_else(|| new.child_by_field_name("key"))
            .map_or("", |one| self.new.text_of(one));
        if super::super::sinks::is_secret(name)
            || guarding([name]) == Guarding::Strong
            || is_bound(name)
            || name.to_lowercase().contains("verify")
        {
            return of(sensitive_change(format!("`{is}` is new")));
        }
        if name == "encoding" {
            return of(Verdict::Harmless);
        }
        let reached = reach(self.new, self.bindings, new, Loops::Run);
        if in_sink || !reached.sinks.is_empty() {
            return of(sensitive_change(format!("`{is}` is newly given to a call that acts")));
        }
        of(ask(
            format!("Is `{is}` right here for every input that worked before?"),
            &identifier(self.new, new),
        ))
    }

    /// `if x: return f(x)` of what was `return f(x)`, and then the answer without `x`; the same with `raise`.
    fn answer_behind_wrapper(&self, new: Node<'c>) -> Option<Verdict> {
        let before = new.prev_named_sibling()?;
        let held = self.edits.iter().find_map(|edit| match edit {
            Edit::Wrapped { wrapper, new: held } if *wrapper == before && is_if(before.kind()) => Some(*held),
            _ => None,
        })?;
        if exit_of(self.new, held) == Exit::Loud && exit_of(self.new, new) == Exit::Loud {
            return Some(
                raised(self.new, new)
                    .map_or(Verdict::Harmless, |raised| self.told(raised, None, new).verdict),
            );
        }
        let answer = returned(new).filter(|_| returned(held).is_some())?;
        let is = shown(self.new, new);
        let verdict = match substitute(self.new, answer) {
            Substitute::Yes | Substitute::Number => check_deleted(format!("The answer is made up: `{is}`")),
            _ => ask(format!("Is `{is}` the right answer for every caller?"), &identifier(self.new, before)),
        };
        Some(self.with_callers(verdict, "Otherwise", answer))
    }

    /// A declaration: Go's `var x T`, JavaScript's `const x = …`.
    fn declared(&self, new: Node<'c>) -> Verdict {
        let at_top = function_of(self.new.family(), new).is_none();
        let makes = any_below(new, |node, _| {
            is_call(node.kind())
                || matches!(node.kind(), "object" | "array" | "composite_literal" | "dictionary" | "list")
        });
        if at_top && makes {
            return sensitive_change(format!("`{}` is shared by everything that runs", shown(self.new, new)));
        }
        match only_reads(self.new, new) {
            true => Verdict::Harmless,
            false => ask(format!("Is `{}` right here?", shown(self.new, new)), &identifier(self.new, new)),
        }
    }

    /// `x = …` in front of the crash: a default, a conversion, or a name for what is read more than once.
    fn new_assignment(&self, new: Node<'c>, target: Node<'c>, value: Node<'c>) -> Judged {
        let is = shown(self.new, new);
        let of = |verdict: Verdict| Judged::new(new, format!("`{is}` is new"), verdict);
        if self.names_what_was_there(target, value) {
            return of(Verdict::Harmless);
        }
        if let Some(act) = self.act_in(value) {
            return of(sensitive_change(format!("{act} is new")));
        }
        let text = self.new.text_of(target);
        let function = same_function(self.new, new, self.old).unwrap_or_else(|| self.old.root());
        let function = self.old.text_of(function);
        let is_plain =
            text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | ',' | ' ' | '(' | ')'));
        let was_there = words(self.new, target).iter().any(|word| has_word(function, word));
        if function_of(self.new.family(), new).is_none() && is_new_container(self.new, value) {
            return of(sensitive_change(format!("`{is}` is shared by everything that runs")));
        }
        if is_plain && !was_there {
            return match only_reads(self.new, value) {
                true => of(Verdict::Harmless), // where it is used is judged there
                false => of(ask(
                    format!("Does `{is}` change nothing by what it calls?"),
                    &identifier(self.new, value),
                )),
            };
        }
        let makes_first =
            ["new", "init", "constructor", "setup", "initialize", "create", "start", "open", "reset"];
        let function_words = crate::names::split_words(self.function_around(new));
        let is_made_here = makes_first.iter().any(|word| function_words.iter().any(|one| one == word));
        let was_held =
            is_held(text) && !text.contains('[') && self.old.text_of(self.old.root()).contains(text);
        if was_held && is_new_container(self.new, value) && !is_made_here {
            return of(sensitive_change(format!("What `{text}` held is gone")));
        }
        let name = last_name(text);
        let reached = reach_of_name(self.new, self.bindings, &squeezed(self.new, target), new);
        if let Some(entry) = reached.sinks.first() {
            return of(self.act_is_given(&is, entry));
        }
        if reached.sinks.is_empty()
            && substitute(self.new, value) == Substitute::Neutral
            && self.only_before_assignments(new, target)
        {
            return of(Verdict::Harmless);
        }
        if substitute(self.new, value) == Substitute::Yes && !reached.decides.is_empty() {
            return of(check_deleted(format!("`{is}` makes up the answer to a condition")));
        }
        of(ask_right(&format!("`{is}`"), &name))
    }

    /// `doc = None` in front of a loop or branch that gives the name its value.
    fn only_before_assignments(&self, new: Node<'c>, target: Node<'c>) -> bool {
        let name = self.new.text_of(target);
        let Some(parent) = new.parent() else { return false };
        let later: Vec<Node<'c>> =
            statements(parent).into_iter().filter(|one| one.start_byte() >= new.end_byte()).collect();
        later.first().is_some_and(|next| assigned_names(self.new, *next).iter().any(|one| one == name))
    }
}

pub(in crate::effects) fn assigned_in(statement: Node<'_>) -> Option<(Node<'_>, Node<'_>)> {
    let one = inner(statement);
    if let Some(found) = assigned(one) {
        return Some(found);
    }
    if matches!(one.kind(), "lexical_declaration" | "variable_declaration" | "local_variable_declaration") {
        return parts(one).into_iter().find_map(assigned);
    }
    None
}
