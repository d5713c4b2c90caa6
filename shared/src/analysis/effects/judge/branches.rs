//! New statements: an early way out, a condition or handler around what was there, another value for what is missing.

use tree_sitter::Node;

use super::super::absence::{Substitute, Test, is_nothing, substitute, test_of, test_of_unless};
use super::super::script::Edit;
use super::super::sinks::{Guarding, Sink, guarding, has, is_bound, sinks_below};
use super::super::slices::{Loops, is_new_container, reach, reach_of_name};
use super::super::tree::{
    above, assigned, body, body_statements, condition, inner, is_block, is_call, is_function, is_handler,
    is_if, is_loop, is_try, parts, squeezed, words,
};
use super::exits::{Exit, denies, exit_of, exit_of_body, inner_exit, raised, returned};
use super::left_out::Act;
use super::texts::callees;
use super::values::{assigned_names, last_name, only_reads};
use super::{
    Judged, Scene, Verdict, ask, ask_two, function_of, identifier, is_import, mentions, refuse, shown,
};
use crate::analysis::syntax::references::dotted_path;
use crate::analysis::syntax::{Family, is_decorator_kind, statements, visit_below};
use crate::reason::ReasonCode;

impl<'c> Scene<'c> {
    /// Judges a statement or part that was put in.
    pub(super) fn inserted(&self, new: Node<'c>, all: &mut Vec<Judged>) {
        let kind = new.kind();
        let is = shown(self.new, new);
        if kind != "assert_statement" && above(new, |one| one.kind() == "assert_statement").is_some() {
            let why = format!("`{is}` is new in an assertion");
            return all.push(Judged::new(new, why.clone(), refuse(ReasonCode::CheckDeleted, why)));
        }
        if matches!(
            kind,
            "switch_statement"
                | "match_statement"
                | "expression_switch_statement"
                | "with_statement"
                | "while_statement"
        ) {
            let why = format!("`{is}` is a new statement around what was there, or in front of it");
            return all.push(Judged::new(new, why.clone(), refuse(ReasonCode::SensitiveChange, why)));
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
            for statement in parts(new).into_iter().flat_map(body_statements) {
                self.inserted(statement, all);
            }
            return;
        }
        if is_import(new) {
            return all.push(Judged::new(new, format!("`{is}` is imported"), self.new_import(new)));
        }
        if is_decorator_kind(kind) {
            let why = format!("The decorator `{is}` is new");
            return all.push(Judged::new(new, why.clone(), refuse(ReasonCode::SensitiveChange, why)));
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
        let woken = mentions(self.old.text_of(self.old.root()), bound);
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
        if let Some((sink, call)) = sinks_below(self.new, new, self.bindings).first() {
            return of(refuse(
                ReasonCode::SensitiveChange,
                format!("`{}` ({}) is new", shown(self.new, *call), sink.name()),
            ));
        }
        if is_block(parent_kind) {
            if exit_of(self.new, new) != Exit::None {
                return of(refuse(
                    ReasonCode::WorkSkipped,
                    format!("`{is}` leaves in front of what comes behind"),
                ));
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
                return of(refuse(ReasonCode::SensitiveChange, format!("A loop is new: `{is}`")));
            }
            let call = inner(new);
            if is_call(call.kind()) {
                return of(refuse(ReasonCode::SensitiveChange, format!("`{is}` is newly done")));
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
            return of(ask(
                format!("Is `{is}` right for every input that worked before?"),
                &identifier(self.new, new),
            ));
        }
        // An argument, an entry, a parameter.
        let value = new.child_by_field_name("value").unwrap_or(new);
        if super::values::is_annotation(new) {
            return of(Verdict::Harmless);
        }
        if substitute(self.new, value) == Substitute::Number {
            return of(refuse(
                ReasonCode::ComputationChanged,
                format!("A number or date is made up: `{is}`"),
            ));
        }
        let in_sink = self.is_sink_argument(self.new, new);
        if matches!(parent_kind, "parameters" | "formal_parameters" | "parameter_list") {
            return of(ask(
                format!("Does every caller work with the new parameter `{is}`?"),
                &identifier(self.new, new),
            ));
        }
        if matches!(new.kind(), "dictionary_splat" | "spread_element" | "list_splat") {
            return of(refuse(
                ReasonCode::SensitiveChange,
                format!("`{is}` hands on everything that another object holds"),
            ));
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
            return of(refuse(ReasonCode::SensitiveChange, format!("`{is}` is new")));
        }
        if name == "encoding" {
            return of(Verdict::Harmless);
        }
        let reached = reach(self.new, self.bindings, new, Loops::Run);
        if in_sink || !reached.sinks.is_empty() {
            return of(refuse(
                ReasonCode::SensitiveChange,
                format!("`{is}` is newly given to a call that acts"),
            ));
        }
        of(ask(
            format!("Is `{is}` right here for every input that worked before?"),
            &identifier(self.new, new),
        ))
    }

    /// A declaration: Go's `var x T`, JavaScript's `const x = …`.
    fn declared(&self, new: Node<'c>) -> Verdict {
        let at_top = function_of(self.new.family(), new).is_none();
        let mut makes = false;
        visit_below(new, |node, _| {
            makes |= is_call(node.kind())
                || matches!(node.kind(), "object" | "array" | "composite_literal" | "dictionary" | "list");
        });
        if at_top && makes {
            return refuse(
                ReasonCode::SensitiveChange,
                format!("`{}` is shared by everything that runs", shown(self.new, new)),
            );
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
        if let Some((sink, call)) = sinks_below(self.new, value, self.bindings).first() {
            return of(refuse(
                ReasonCode::SensitiveChange,
                format!("`{}` ({}) is new", shown(self.new, *call), sink.name()),
            ));
        }
        let text = self.new.text_of(target);
        let function = function_of(self.old.family(), self.counterpart(new))
            .map_or_else(|| self.old.text_of(self.old.root()), |one| self.old.text_of(one));
        let is_plain =
            text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | ',' | ' ' | '(' | ')'));
        let was_there = words(self.new, target).iter().any(|word| mentions(function, word));
        if function_of(self.new.family(), new).is_none() && is_new_container(self.new, value) {
            return of(refuse(
                ReasonCode::SensitiveChange,
                format!("`{is}` is shared by everything that runs"),
            ));
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
        let name = last_name(text);
        let reached = reach_of_name(self.new, self.bindings, &squeezed(self.new, target), new);
        if let Some(entry) = reached.sinks.first() {
            return of(refuse(
                ReasonCode::SensitiveChange,
                format!(
                    "`{is}` changes what `{}` ({}) is given",
                    shown(self.new, entry.call),
                    entry.sink.name()
                ),
            ));
        }
        if reached.sinks.is_empty()
            && substitute(self.new, value) == Substitute::Neutral
            && self.only_before_assignments(new, target)
        {
            return of(Verdict::Harmless);
        }
        of(ask(format!("Is `{is}` right for every input that worked before?"), &name))
    }

    /// `doc = None` in front of a loop or branch that gives the name its value.
    fn only_before_assignments(&self, new: Node<'c>, target: Node<'c>) -> bool {
        let name = self.new.text_of(target);
        let Some(parent) = new.parent() else { return false };
        let later: Vec<Node<'c>> =
            statements(parent).into_iter().filter(|one| one.start_byte() >= new.end_byte()).collect();
        later.first().is_some_and(|next| assigned_names(self.new, *next).iter().any(|one| one == name))
    }

    /// A place of the old tree near a new node: the same line, as far as it is known.
    fn counterpart(&self, new: Node<'c>) -> Node<'c> {
        let name = function_of(self.new.family(), new)
            .map(|one| self.new.field_text(one, "name"))
            .unwrap_or_default();
        let mut found = self.old.root();
        if !name.is_empty() {
            visit_below(self.old.root(), |node, _| {
                if is_function(self.old.family(), node.kind())
                    && self.old.field_text(node, "name") == name
                    && let Some(body) = node.child_by_field_name("body")
                {
                    found = body;
                }
            });
        }
        found
    }

    /// A new `if`: a way out, a wrapper, or another value for what is missing.
    fn new_condition(&self, node: Node<'c>, statement: Node<'c>, all: &mut Vec<Judged>) {
        let (Some(asks), Some(inside)) = (condition(node), body(node)) else {
            let why = format!("`{}` is a new condition", shown(self.new, statement));
            return all.push(Judged::new(
                statement,
                why.clone(),
                ask(format!("{why}. Is it right?"), &identifier(self.new, statement)),
            ));
        };
        let test = match node.kind().starts_with("unless") {
            true => test_of_unless(self.new, asks),
            false => test_of(self.new, asks),
        };
        let text = shown(self.new, asks);
        if let Some((sink, call)) = sinks_below(self.new, asks, self.bindings).first() {
            return all.push(Judged::new(
                node,
                format!("`{text}` is newly asked"),
                refuse(
                    ReasonCode::SensitiveChange,
                    format!("`{}` ({}) is new", shown(self.new, *call), sink.name()),
                ),
            ));
        }
        let wrapped: Vec<Node<'c>> = self
            .edits
            .iter()
            .filter_map(|edit| match edit {
                Edit::Wrapped { wrapper, new } if *wrapper == statement || *wrapper == node => Some(*new),
                _ => None,
            })
            .collect();
        if !wrapped.is_empty() {
            all.push(self.wrapper(node, &test, &wrapped));
            if let Some(other) = node.child_by_field_name("alternative") {
                for one in parts(other).into_iter().flat_map(body_statements) {
                    self.inserted(one, all);
                }
            }
            return;
        }
        let inner_statements = body_statements(inside);
        match exit_of_body(self.new, inside) {
            Exit::None => {
                let verdict = self.assigns_under(node, &test, &inner_statements);
                all.push(Judged::new(
                    node,
                    format!(
                        "If `{text}`: `{}`",
                        inner_statements.first().map_or(String::new(), |one| shown(self.new, *one))
                    ),
                    verdict,
                ));
            }
            _ => {
                all.push(Judged::new(
                    node,
                    format!(
                        "If `{text}`, the code leaves here: `{}`",
                        inner_statements.last().map_or(String::new(), |one| shown(self.new, *one))
                    ),
                    self.leave_verdict(node, &test, &text),
                ));
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
        if let Some(other) = node.child_by_field_name("alternative") {
            for one in parts(other).into_iter().flat_map(body_statements) {
                self.inserted(one, all);
            }
        }
    }

    /// A new way out in front of what crashed.
    pub(super) fn leave_verdict(&self, node: Node<'c>, test: &Test, text: &str) -> Verdict {
        let Some(inside) = body(node) else {
            return ask(format!("Is it right to leave if `{text}`?"), &identifier(self.new, node));
        };
        let own = body_statements(inside);
        let operands = test.operands();
        let name = operands
            .first()
            .map_or_else(|| identifier(self.new, condition(node).unwrap_or(node)), |one| last_name(one));
        let exit = exit_of_body(self.new, inside);
        let logs = own.iter().any(|one| {
            self.is_log_statement(self.new, *one)
                && !dotted_path(self.new, inner(*one)).to_lowercase().ends_with("debug")
        });
        let loud = exit == Exit::Loud || logs;
        // What is done before leaving.
        for one in &own {
            if let Some((sink, call)) = sinks_below(self.new, *one, self.bindings).first() {
                return refuse(
                    ReasonCode::SensitiveChange,
                    format!("If `{text}`, `{}` ({}) is called", shown(self.new, *call), sink.name()),
                );
            }
            if callees(self.new, *one).iter().any(|callee| self.is_own_function(callee, node)) {
                return refuse(ReasonCode::SensitiveChange, format!("The function calls itself if `{text}`"));
            }
            let is_act = is_call(inner(*one).kind())
                && !self.is_log_statement(self.new, *one)
                && exit_of(self.new, *one) == Exit::None;
            if is_act {
                return refuse(
                    ReasonCode::SensitiveChange,
                    format!("If `{text}`, `{}` is newly done", shown(self.new, *one)),
                );
            }
        }
        if let Some(why) = self.breaks_kind(node, &own) {
            return refuse(ReasonCode::SignatureChanged, why);
        }
        let mut questions: Vec<Verdict> = Vec::new();
        let conservative = test.selects_missing();
        let strength = guarding(condition(node).map(|asks| words(self.new, asks)).unwrap_or_default());
        if exit == Exit::Break {
            return refuse(
                ReasonCode::WorkSkipped,
                format!("If `{text}`, all other entries are left out as well"),
            );
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
                && has(
                    "commit flush close end save",
                    dotted_path(self.new, act.node).rsplit('.').next().unwrap_or_default(),
                );
            let uses = operands.iter().any(|one| mentions(&act.text, one)) || act.derived || finishes;
            done |= uses;
            let what = shown(self.new, act.node);
            let skipped =
                |verb: &str| refuse(ReasonCode::WorkSkipped, format!("If `{text}`, {verb}: `{what}`"));
            let harm = match (&act.what, act.ran_before, uses) {
                (_, true, _) => true,
                (Act::Sink(_) | Act::Check | Act::Call, false, false) => true,
                (Act::Store, false, false) => false,
                (_, false, true) => {
                    !conservative || (test.is_wide() && act.what == Act::Store && !self.truth_is_exact())
                }
            };
            match (harm, loud) {
                (false, _) if act.what == Act::Store && !uses => {
                    questions.push(ask(
                        format!("If `{text}`, `{what}` is left out, which does not use it. Is that right?"),
                        &name,
                    ));
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
                format!("Is it right to leave if `{text}`, which the line that crashed does not use?"),
                &name,
            );
        }
        if strength == Guarding::Strong && exit != Exit::Loud {
            return refuse(ReasonCode::CheckDeleted, format!("`{text}` decides who may do something"));
        }
        if let Some(first) = questions.into_iter().next() {
            return first;
        }
        if !conservative {
            return ask(format!("Is it right to leave in every state in which `{text}`?"), &name);
        }
        let answer = own.last().and_then(|last| returned(*last));
        let answer_text = answer.map_or(String::new(), |value| squeezed(self.new, inner(value)));
        if answer_text.ends_with("err")
            && !condition(node).is_some_and(|asks| words(self.new, asks).contains(&"err"))
        {
            return refuse(
                ReasonCode::WorkSkipped,
                format!("If `{text}`, an error is given back that is not one"),
            );
        }
        if matches!(answer_text.as_str(), "False" | "false") && self.denies_by_name(node) {
            return refuse(
                ReasonCode::CheckDeleted,
                format!("If `{text}`, the answer is that nothing is forbidden"),
            );
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
            Some(Substitute::Yes | Substitute::Number) if exit == Exit::Return => refuse(
                ReasonCode::CheckDeleted,
                format!(
                    "If `{text}`, the answer is made up: `{}`",
                    answer.map_or(String::new(), |one| shown(self.new, one))
                ),
            ),
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

    /// Whether the function around a place says what is forbidden: there, no means yes.
    pub(super) fn denies_by_name(&self, node: Node<'c>) -> bool {
        let function =
            function_of(self.new.family(), node).map_or("", |one| self.new.field_text(one, "name"));
        crate::analysis::sensitive_paths::words(function).iter().any(|word| {
            has("blocked banned denied locked hidden restricted forbidden expired revoked disabled suspended private", word)
        })
    }

    /// Whether plain truth selects just what crashes: an empty list has no first entry, nothing has no attribute.
    fn truth_is_exact(&self) -> bool {
        let message = &self.crash.message;
        ["out of range", "empty", "nil pointer", "StopIteration"].iter().any(|sign| message.contains(sign))
            || self.crash.exception.contains("StopIteration")
    }

    /// An answer of another kind than the function gives otherwise.
    pub(super) fn breaks_kind(&self, node: Node<'c>, own: &[Node<'c>]) -> Option<String> {
        let last = inner_exit(*own.last()?);
        if !matches!(last.kind(), "return_statement" | "return_expression" | "return") {
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
        let mut elsewhere = false;
        visit_below(function, |one, at| {
            elsewhere |= at.kind == "return_statement"
                && returned(one).is_none_or(|other| other != value && nothing(other));
        });
        nothing(value) && !elsewhere
    }

    /// What stood free now stands under a condition.
    fn wrapper(&self, node: Node<'c>, test: &Test, wrapped: &[Node<'c>]) -> Judged {
        let text = condition(node).map_or(String::new(), |one| shown(self.new, one));
        let fact = format!(
            "What follows now runs only if `{text}`: `{}`",
            wrapped.first().map_or(String::new(), |one| shown(self.new, *one))
        );
        let mut operands = test.operands();
        // A name given in the condition stands for what is asked.
        if let Some(asks) = condition(node) {
            operands.extend(assigned_names(self.new, asks));
        }
        let name = operands
            .first()
            .map_or_else(|| identifier(self.new, condition(node).unwrap_or(node)), |one| last_name(one));
        let mut derived = operands.clone();
        let mut question = None;
        for statement in wrapped {
            let own = squeezed(self.new, *statement);
            let uses = derived.iter().any(|one| mentions(&own, one));
            if uses {
                derived.extend(assigned_names(self.new, *statement));
                continue;
            }
            let (sinks, is_act) = (sinks_below(self.new, *statement, self.bindings), self.acts(*statement));
            let what = shown(self.new, *statement);
            if let Some((sink, _)) = sinks.first() {
                return Judged::new(
                    node,
                    fact,
                    refuse(
                        ReasonCode::WorkSkipped,
                        format!(
                            "`{what}` ({}) has nothing to do with `{text}` and is left out without it",
                            sink.name()
                        ),
                    ),
                );
            }
            // Setting a flag or time beside what is guarded goes with it.
            let same_base =
                derived.iter().any(|one| own.starts_with(one.split(['.', '[']).next().unwrap_or(one)));
            if is_act && !same_base {
                return Judged::new(
                    node,
                    fact,
                    refuse(
                        ReasonCode::WorkSkipped,
                        format!("`{what}` has nothing to do with `{text}` and is left out without it"),
                    ),
                );
            }
            question.get_or_insert(what);
        }
        if exit_of_body(self.new, body(node).unwrap_or(node)) == Exit::Loud {
            return Judged::new(
                node,
                fact,
                refuse(ReasonCode::CheckDeleted, format!("What stops is reached only if `{text}`")),
            );
        }
        let denies_inside = wrapped.iter().any(|one| {
            let mut found = false;
            visit_below(*one, |inside, at| {
                found |= matches!(at.kind, "raise_statement" | "throw_statement")
                    || is_if(at.kind) && body(inside).is_some_and(|b| denies(self.new, b))
            });
            found
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
                Some(sink) => refuse(
                    ReasonCode::WorkSkipped,
                    format!("Whether {} happens depends on `{text}`", sink.name()),
                ),
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
        let name = operands
            .first()
            .map_or_else(|| identifier(self.new, condition(node).unwrap_or(node)), |one| last_name(one));
        for one in own {
            if let Some((sink, call)) = sinks_below(self.new, *one, self.bindings).first() {
                return refuse(
                    ReasonCode::SensitiveChange,
                    format!("If `{text}`, `{}` ({}) is newly called", shown(self.new, *call), sink.name()),
                );
            }
            if self.is_log_statement(self.new, *one) {
                continue;
            }
            let Some((target, value)) = assigned_in(*one) else {
                return refuse(
                    ReasonCode::SensitiveChange,
                    format!("If `{text}`, `{}` is newly done", shown(self.new, *one)),
                );
            };
            let target_text = squeezed(self.new, target);
            if is_bound(last_name(&target_text).as_str()) {
                return refuse(
                    ReasonCode::ComputationChanged,
                    format!("`{target_text}`, which is a limit, gets another value"),
                );
            }
            let reached = reach_of_name(self.new, self.bindings, &target_text, *one);
            let instead = substitute(self.new, value);
            if let Some(entry) = reached.sinks.iter().find(|entry| !matches!(entry.sink, Sink::Query)) {
                return refuse(
                    ReasonCode::SensitiveChange,
                    format!(
                        "If `{text}`, `{}` ({}) is given `{}`",
                        shown(self.new, entry.call),
                        entry.sink.name(),
                        shown(self.new, value)
                    ),
                );
            }
            if instead == Substitute::Number {
                return refuse(
                    ReasonCode::ComputationChanged,
                    format!("A number or date is made up if `{text}`: `{}`", shown(self.new, value)),
                );
            }
            let is_default =
                operands.contains(&target_text) && test.selects_missing() && instead == Substitute::Neutral;
            if is_default && reached.sinks.is_empty() {
                continue;
            }
            if instead == Substitute::Yes && guarding([target_text.as_str()]) != Guarding::No {
                return refuse(ReasonCode::CheckDeleted, format!("`{target_text}` is set if `{text}`"));
            }
            // Another value of the program that everybody shares is no empty one.
            let shared = super::super::tree::is_chain(inner(value).kind())
                && !mentions(&squeezed(self.new, value), &target_text);
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
                    return refuse(
                        ReasonCode::SensitiveChange,
                        format!("If `{text}`, `{target_text}` is `{value_text}`, which others share"),
                    );
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

pub(super) fn assigned_in(statement: Node<'_>) -> Option<(Node<'_>, Node<'_>)> {
    let one = inner(statement);
    if let Some(found) = assigned(one) {
        return Some(found);
    }
    if matches!(one.kind(), "lexical_declaration" | "variable_declaration" | "local_variable_declaration") {
        return parts(one).into_iter().find_map(assigned);
    }
    None
}
