//! One difference at a time: what it does in states that worked before and in states that crashed, and whether that is
//! harmless, has to be asked, or must not happen. Whatever no rule recognises is asked, or refused if it reaches a sink.

mod branches;
mod callers;
mod computation;
mod conditions;
mod exits;
mod given_names;
mod handlers;
mod insertions;
mod left_out;
mod names;
mod opposites;
mod reached;
mod reads;
mod texts;
mod values;
mod ways_out;

pub(crate) use handlers::keeps_default;
pub(super) use insertions::assigned_in;
pub(crate) use values::NEARLY_ALL;

use tree_sitter::Node;

use super::script::Edit;
use super::sinks;
use super::sinks::Sink;
use super::slices::Entry;
use super::tree::{
    above, assigned, function_of, is_call, is_function, is_handler, is_if, is_loop, is_try, parts,
    same_function, squeezed, words,
};
use crate::names::is_log_call;
use crate::syntax::imports::Bindings;
use crate::syntax::mentions::has_word;
use crate::syntax::references::dotted_path;
use crate::syntax::{Parsed, first_line};
use autofix_domain::reason::ReasonCode;

/// The crash that a change is for, as far as code has verified it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crash {
    /// Path in the repository of the innermost verified application frame.
    pub path: String,
    /// Its line in the snapshot, counted from 1.
    pub line: u32,
    /// Type name of the exception.
    pub exception: String,
    /// Its message: hostile text, only compared, never shown to the critic.
    pub message: String,
}

/// What is known while one change is judged.
pub(super) struct Scene<'c> {
    pub(super) old: &'c Parsed<'c>,
    pub(super) new: &'c Parsed<'c>,
    pub(super) bindings: &'c Bindings,
    pub(super) crash: &'c Crash,
    /// Line of the crash in the new text; `None` if it is in another file.
    pub(super) crash_line: Option<u32>,
    /// Source text of the line that crashed, without layout.
    pub(super) crash_text: String,
    pub(super) edits: &'c [Edit<'c, 'c>],
    /// Path of the changed file.
    pub(super) path: &'c str,
    /// Path and text of files that may call what changes.
    pub(super) others: &'c [(&'c str, &'c str)],
}

/// Places of one name in a file up to which a quote that holds it says something about one of them.
const TELLING_MATCHES: usize = 8;

/// What becomes of one difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Harmless,
    Ask { text: String, identifier: String, needs_two: bool },
    Refuse { code: ReasonCode, why: String },
}

/// A difference with what code found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) line: u32,
    pub(super) fact: String,
    pub(super) verdict: Verdict,
}

impl Judged {
    fn new(node: Node<'_>, fact: impl Into<String>, verdict: Verdict) -> Judged {
        Judged { line: first_line(node), fact: fact.into(), verdict }
    }

    /// A difference of which nothing more is to be said than why it is refused.
    fn refused(node: Node<'_>, verdict: Verdict) -> Judged {
        let fact = match &verdict {
            Verdict::Refuse { why, .. } => why.clone(),
            Verdict::Ask { .. } | Verdict::Harmless => String::new(),
        };
        Judged::new(node, fact, verdict)
    }
}

fn ask(text: impl Into<String>, identifier: &str) -> Verdict {
    Verdict::Ask { text: text.into(), identifier: identifier.to_owned(), needs_two: false }
}

/// Asks whether something leaves every result as it was.
fn ask_right(what: &str, identifier: &str) -> Verdict {
    ask(format!("Is {what} right for every input that worked before?"), identifier)
}

fn ask_two(text: impl Into<String>, identifier: &str) -> Verdict {
    Verdict::Ask { text: text.into(), identifier: identifier.to_owned(), needs_two: true }
}

fn refuse(code: ReasonCode, why: impl Into<String>) -> Verdict {
    Verdict::Refuse { code, why: why.into() }
}

fn check_deleted(why: impl Into<String>) -> Verdict {
    refuse(ReasonCode::CheckDeleted, why)
}

fn sensitive_change(why: impl Into<String>) -> Verdict {
    refuse(ReasonCode::SensitiveChange, why)
}

fn work_skipped(why: impl Into<String>) -> Verdict {
    refuse(ReasonCode::WorkSkipped, why)
}

fn computation_changed(why: impl Into<String>) -> Verdict {
    refuse(ReasonCode::ComputationChanged, why)
}

fn exception_swallowed(why: impl Into<String>) -> Verdict {
    refuse(ReasonCode::ExceptionSwallowed, why)
}

impl<'c> Scene<'c> {
    /// Judges every difference.
    pub(super) fn judge(&self) -> Vec<Judged> {
        let mut all = Vec::new();
        for edit in self.edits {
            let from = all.len();
            self.judge_one(*edit, &mut all);
            if !all[from..].iter().any(|one| matches!(one.verdict, Verdict::Refuse { .. })) {
                all.extend(self.computes_otherwise(*edit));
            }
            for judged in &mut all[from..] {
                if let Verdict::Ask { identifier, .. } = &mut judged.verdict {
                    *identifier = self.quotable(identifier, *edit);
                }
            }
        }
        all
    }

    /// The name that a quote for the answer has to hold: one that the code before the change has.
    fn quotable(&self, wanted: &str, edit: Edit<'c, 'c>) -> String {
        let text = self.old.text_of(self.old.root());
        // A short name, or one in very many lines, proves little where it is quoted.
        let code: Vec<&str> = words(self.old, self.old.root());
        let is_key =
            |name: &str| ['"', '\''].iter().any(|quote| text.contains(&format!("{quote}{name}{quote}")));
        let is_quotable = |name: &str| name.len() > 2 && (code.contains(&name) || is_key(name));
        if is_quotable(wanted) && text.matches(wanted).count() <= TELLING_MATCHES {
            return wanted.to_owned();
        }
        let (old, new) = match edit {
            Edit::Replaced { old, new } | Edit::Moved { old, new } => (Some(old), Some(new)),
            Edit::Deleted { old } | Edit::Unwrapped { old } => (Some(old), None),
            Edit::Inserted { new } | Edit::Wrapped { new, .. } | Edit::Appended { call: new } => {
                (None, Some(new))
            }
        };
        let near = |node: Option<Node<'c>>| {
            node.map(|node| above(node, |one| words(self.parsed_of(one), one).len() > 2).unwrap_or(node))
        };
        let mut names: Vec<&str> = vec![wanted];
        for node in [old, new, near(old), near(new)].into_iter().flatten() {
            names.extend(words(self.parsed_of(node), node));
        }
        let fits = |name: &&str| is_quotable(name) && !matches!(*name, "self" | "this" | "None" | "null");
        // Of several the one that is used least says most about the place.
        names
            .into_iter()
            .filter(fits)
            .take(20)
            .min_by_key(|name| text.matches(name).count())
            .unwrap_or(wanted)
            .to_owned()
    }

    /// The side that a node belongs to.
    fn parsed_of(&self, node: Node<'c>) -> &'c Parsed<'c> {
        let mut root = node;
        while let Some(parent) = root.parent() {
            root = parent;
        }
        if root == self.old.root() { self.old } else { self.new }
    }

    fn judge_one(&self, edit: Edit<'c, 'c>, all: &mut Vec<Judged>) {
        match edit {
            Edit::Replaced { old, new } => all.push(self.replaced(old, new)),
            Edit::Inserted { new } => self.inserted(new, all),
            Edit::Deleted { old } => all.push(self.deleted(old)),
            Edit::Wrapped { .. } => {} // judged with its wrapper, which was put in
            Edit::Unwrapped { old } => {
                let condition = super::tree::condition(old).map_or(String::new(), |one| shown(self.old, one));
                let why = format!("What ran only under `{condition}` now runs always");
                all.push(Judged::refused(old, check_deleted(why)));
            }
            Edit::Appended { call } => all.push(self.appended(call)),
            Edit::Moved { old, new } => all.push(self.moved(old, new)),
        }
    }

    fn deleted(&self, old: Node<'c>) -> Judged {
        let what = shown(self.old, old);
        let of = |fact: String, verdict: Verdict| Judged::new(old, fact, verdict);
        if is_import(old) {
            return of(
                format!("The import `{what}` is gone"),
                ask(format!("Is the import `{what}` not needed any more?"), &identifier(self.old, old)),
            );
        }
        if self.is_log_statement(self.old, old) {
            return of(
                format!("The log line `{what}` is gone"),
                ask(format!("Is the log line `{what}` not needed any more?"), &identifier(self.old, old)),
            );
        }
        if old.kind() != "assert_statement" && above(old, |one| one.kind() == "assert_statement").is_some() {
            return Judged::refused(
                old,
                check_deleted(format!("`{what}` is no longer part of an assertion")),
            );
        }
        if texts::telling(self.old, old).is_some() {
            return of(format!("`{what}` is no longer told in a log line or error"), Verdict::Harmless);
        }
        if self.is_argument_of_error(old) {
            let question = format!("Does the call do what it is meant to do without `{what}`?");
            return of(
                format!("The call is no longer given `{what}`, which the error is about"),
                ask_two(question, &identifier(self.old, super::tree::statement_of(old))),
            );
        }
        if let Some(why) = self.protecting_list(old) {
            return Judged::refused(old, check_deleted(why));
        }
        let is_element = old.parent().is_some_and(|parent| {
            matches!(
                parent.kind(),
                "list" | "array" | "set" | "tuple" | "expression_list" | "string" | "template_string"
            )
        });
        if is_element
            && sinks::sinks_below(self.old, old, self.bindings).is_empty()
            && !self.is_sink_argument(self.old, old)
        {
            let question = format!(
                "Is it right for every input that worked before that `{what}` is no longer in the list?"
            );
            return of(format!("`{what}` is taken out of a list"), ask(question, &identifier(self.old, old)));
        }
        // `assert a` is `if not a: raise`.
        if old.kind() == "assert_statement" {
            let asked = words(self.old, old);
            let raises = self.edits.iter().any(|edit| match edit {
                Edit::Inserted { new } => {
                    is_if(new.kind())
                        && super::tree::body(*new).is_some_and(|body| exits::denies(self.new, body))
                        && super::tree::condition(*new)
                            .is_some_and(|asks| asked.iter().all(|word| words(self.new, asks).contains(word)))
                }
                _ => false,
            });
            if raises {
                return of(
                    format!("The assertion `{what}` becomes a condition that raises"),
                    Verdict::Harmless,
                );
            }
        }
        // A name that the new text no longer uses anywhere was made for what was replaced.
        if let Some((target, value)) = assigned(super::tree::inner(old))
            && sinks::sinks_below(self.old, value, self.bindings).is_empty()
            && values::only_reads(self.old, value)
            && words(self.old, target).len() == 1
            && !has_word(
                self.new.text_of(same_function(self.old, old, self.new).unwrap_or_else(|| self.new.root())),
                self.old.text_of(target),
            )
            && self.old.text_of(target).chars().all(|c| c.is_alphanumeric() || c == '_')
        {
            return of(format!("`{what}` is gone, and nothing uses its name"), Verdict::Harmless);
        }
        Judged::refused(old, check_deleted(format!("`{what}` no longer happens")))
    }

    /// Whether the error is that a call is given this argument: no such keyword, no such name.
    fn is_argument_of_error(&self, old: Node<'c>) -> bool {
        let statement = super::tree::statement_of(old);
        let crashed = self.crash.path == self.path
            && (first_line(statement)..=crate::syntax::last_line(statement)).contains(&self.crash.line);
        let is_given =
            old.parent().is_some_and(|parent| matches!(parent.kind(), "argument_list" | "arguments"));
        let keyword = self.old.field_text(old, "name");
        // Whoever writes the message must not get a protection out of a call.
        let protects = sinks::guarding([keyword]) != sinks::Guarding::No
            || sinks::is_bound(keyword)
            || [
                "filter", "where", "check", "escape", "safe", "strict", "status", "code", "user", "request",
                "__",
            ]
            .iter()
            .any(|word| keyword.contains(word));
        let is_plain =
            old.child_by_field_name("value").is_some_and(|value| words(self.old, value).is_empty());
        let call = above(old, |one| is_call(one.kind()));
        let is_named = call.is_some_and(|call| {
            let name = super::tree::called(self.old, call);
            sinks::sink_of(self.old, call, self.bindings).is_none()
                && self.crash.message.contains(&format!("{name}()"))
        });
        crashed
            && is_given
            && match old.kind() {
                "keyword_argument" => {
                    !protects
                        && is_plain
                        && is_named
                        && self.crash.message.contains(&format!("unexpected keyword argument '{keyword}'"))
                }
                "identifier" => {
                    let name = self.old.text_of(old);
                    self.is_dead(name, old) && !self.is_bound(name, old)
                }
                _ => false,
            }
    }

    /// Why an entry must stay in its list: the list guards something, or reaches a sink.
    fn protecting_list(&self, old: Node<'c>) -> Option<String> {
        const GUARDING: &str = "\
            check checks rule rules condition conditions filter filters where hidden redact redacted exclude excluded \
            required sensitive validators permission_classes middleware guards";
        let list = above(old, |one| {
            assigned(one).is_some() || matches!(one.kind(), "return_statement" | "keyword_argument" | "pair")
        })?;
        let name = assigned(list).map(|(target, _)| self.old.text_of(target)).unwrap_or_default();
        let named = crate::names::split_words(name);
        let guards = named.iter().any(|word| sinks::has(GUARDING, word))
            || sinks::guarding(words(self.old, old).into_iter().chain([name])) != sinks::Guarding::No
            || sinks::is_secret(self.old.text_of(old));
        let reached = super::slices::reach(self.old, self.bindings, old, super::slices::Loops::Run);
        (guards || !reached.sinks.is_empty())
            .then(|| format!("`{}` is taken out of `{name}`", shown(self.old, old)))
    }

    fn moved(&self, old: Node<'c>, new: Node<'c>) -> Judged {
        let what = shown(self.new, new);
        let (before, after) = (conditions_around(self.old, old), conditions_around(self.new, new));
        let identifier = identifier(self.new, new);
        let fact = format!("`{what}` moves to another place");
        if is_import(new) {
            return Judged::new(new, fact, Verdict::Harmless);
        }
        if self.is_assignment_of_reader(new) && before.iter().any(|one| !after.contains(one)) {
            let question = format!("Is `{what}` right in the states in which it did not run before?");
            return Judged::new(new, fact, ask(question, &identifier));
        }
        if before.iter().any(|one| !after.contains(one)) {
            return Judged::new(
                new,
                fact,
                check_deleted(format!(
                    "`{what}` no longer runs only under `{}`",
                    before.iter().find(|one| !after.contains(*one)).map_or("", String::as_str)
                )),
            );
        }
        let sinks = sinks::sinks_below(self.new, new, self.bindings);
        if after.len() > before.len() {
            // Under one more condition: left out if the condition does not hold.
            let added: Vec<&String> = after.iter().filter(|one| !before.contains(one)).collect();
            let condition = added.first().map_or("", |one| one.as_str());
            let uses = self
                .condition_operands(new, &before)
                .iter()
                .any(|one| has_word(&squeezed(self.new, new), one));
            let verdict = match (sinks.first(), uses) {
                (_, true) => Verdict::Harmless,
                (None, false) if self.is_used_only_beside(new) => Verdict::Harmless,
                (Some((sink, _)), false) => {
                    work_skipped(format!("`{what}` ({}) now runs only under `{condition}`", sink.name()))
                }
                (None, false) if condition.is_empty() => Verdict::Harmless,
                (None, false) => ask(
                    format!("Is there nothing for `{what}` to do if `{condition}` does not hold?"),
                    &identifier,
                ),
            };
            return Judged::new(new, format!("`{what}` now runs only under `{condition}`"), verdict);
        }
        let is_guard = is_if(new.kind()) && exits::exits(self.new, new);
        let verdict = match sinks.first() {
            _ if is_guard && self.crosses_acts(old, new) => {
                check_deleted(format!("`{what}` no longer stands in front of what it guarded"))
            }
            _ if is_guard => Verdict::Harmless,
            Some((sink, _)) => sensitive_change(format!("`{what}` ({}) moves", sink.name())),
            None => ask(
                format!(
                    "Does everything that worked before come to the same result with `{what}` at its new place?"
                ),
                &identifier,
            ),
        };
        Judged::new(new, fact, verdict)
    }

    /// An act of the new code, as a sentence names it: "`orders.save(x)` (a database write)".
    fn act(&self, sink: Sink, call: Node<'c>) -> String {
        format!("`{}` ({})", shown(self.new, call), sink.name())
    }

    /// The first act in a piece of the new code.
    fn act_in(&self, code: Node<'c>) -> Option<String> {
        let (sink, call) = sinks::sinks_below(self.new, code, self.bindings).into_iter().next()?;
        Some(self.act(sink, call))
    }

    /// A call that acts is given something else by a piece of code.
    fn act_is_given(&self, code: &str, entry: &Entry<'c>) -> Verdict {
        let act = self.act(entry.sink, entry.call);
        sensitive_change(format!("`{code}` changes what {act} is given"))
    }

    /// The name that a quote about a condition should hold: of what it asks for, else the first in it.
    fn asked_name(&self, operands: &[String], node: Node<'c>) -> String {
        operands.first().map_or_else(
            || identifier(self.new, super::tree::condition(node).unwrap_or(node)),
            |one| last_name(one),
        )
    }

    fn is_assignment_of_reader(&self, node: Node<'c>) -> bool {
        insertions::assigned_in(node).is_some_and(|(target, value)| {
            !self.new.text_of(target).contains(['.', '[']) && values::only_reads(self.new, value)
        })
    }

    /// Whether a statement that moved down left behind it anything that acts.
    fn crosses_acts(&self, old: Node<'c>, new: Node<'c>) -> bool {
        let Some((from, to)) = old.parent().zip(new.parent()) else { return true };
        let behind: Vec<String> = parts(from)
            .into_iter()
            .filter(|one| one.start_byte() >= old.end_byte())
            .map(|one| squeezed(self.old, one))
            .collect();
        parts(to)
            .into_iter()
            .filter(|one| one.end_byte() <= new.start_byte() && behind.contains(&squeezed(self.new, *one)))
            .any(|one| self.acts(one) && !(is_if(one.kind()) && exits::exits(self.new, one)))
    }

    /// Whether a name that is given a value is used in the block around it only.
    fn is_used_only_beside(&self, node: Node<'c>) -> bool {
        let Some((target, _)) = assigned(super::tree::inner(node)) else { return false };
        let name = self.new.text_of(target);
        let (Some(block), Some(function)) = (node.parent(), function_of(self.new.family(), node)) else {
            return false;
        };
        let count = |node: Node<'c>| words(self.new, node).into_iter().filter(|word| *word == name).count();
        self.is_assignment_of_reader(node) && count(block) == count(function)
    }

    /// Operands of the conditions around a node that were not around it before.
    fn condition_operands(&self, new: Node<'c>, before: &[String]) -> Vec<String> {
        let mut found = Vec::new();
        let mut next = new.parent();
        while let Some(one) = next {
            if is_function(self.new.family(), one.kind()) {
                break;
            }
            if let Some(condition) = super::tree::condition(one)
                && !before.contains(&squeezed(self.new, condition))
            {
                found.extend(super::absence::test_of(self.new, condition).operands());
                found.extend(words(self.new, condition).into_iter().map(str::to_owned));
                if let Some(body) = super::tree::body(one) {
                    found.extend(values::assigned_names(self.new, body));
                }
            }
            next = one.parent();
        }
        found
    }

    fn is_log_statement(&self, parsed: &Parsed<'_>, node: Node<'_>) -> bool {
        let inner = super::tree::inner(node);
        is_call(inner.kind()) && is_log_call(&dotted_path(parsed, inner))
    }

    /// Whether a node is given to a call that is a sink.
    fn is_sink_argument(&self, parsed: &Parsed<'_>, node: Node<'_>) -> bool {
        above(node, |one| is_call(one.kind()) && sinks::sink_of(parsed, one, self.bindings).is_some())
            .is_some()
    }

    /// What the nearest call does that a node of the new code is a part of.
    fn sink_around(&self, node: Node<'c>) -> Option<Sink> {
        let call = above(node, |one| is_call(one.kind()))?;
        sinks::sink_of(self.new, call, self.bindings)
    }

    /// Whether a piece of code is about what crashed: it shares a name with the line, or the crash is elsewhere.
    fn is_about_crash(&self, operands: &[String], node: Node<'c>) -> bool {
        if self.crash_text.is_empty() || self.crash_line.is_none() {
            return true;
        }
        let in_function = function_of(self.new.family(), node).is_some_and(|function| {
            let line = self.crash_line.unwrap_or_default();
            (first_line(function)..=crate::syntax::last_line(function)).contains(&line)
        });
        if !in_function {
            return true;
        }
        operands.iter().any(|one| {
            let root = root(one);
            has_word(&self.crash_text, one)
                || has_word(&self.crash_text, root)
                || self.feeds_crash(root, node)
        })
    }

    /// Whether a name is read on the way to what the crash line uses: one assignment deep.
    fn feeds_crash(&self, name: &str, node: Node<'c>) -> bool {
        let Some(function) = function_of(self.new.family(), node) else { return true };
        let slice = super::slices::reach_of_name(
            self.new,
            self.bindings,
            name,
            function.child_by_field_name("name").unwrap_or(function),
        );
        slice.names.iter().any(|one| has_word(&self.crash_text, one))
    }
}

/// One line of a node for a sentence.
pub(super) fn shown(parsed: &Parsed<'_>, node: Node<'_>) -> String {
    const CHARS: usize = 70;
    let text = parsed.text_of(node).split_whitespace().collect::<Vec<_>>().join(" ").replace('`', "'");
    match text.char_indices().nth(CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The name in a piece of code that a quote about it should hold: the last attribute, else the first name.
pub(super) fn identifier(parsed: &Parsed<'_>, node: Node<'_>) -> String {
    let words = words(parsed, node);
    let named = words.iter().filter(|word| !matches!(**word, "self" | "this" | "cls" | "super"));
    named
        .clone()
        .find(|word| word.len() > 2)
        .or_else(|| named.clone().next())
        .map_or_else(String::new, |word| (*word).to_owned())
}

/// The last name of a chain, for a quote: `name` of `self.user["name"]`.
fn last_name(chain: &str) -> String {
    let words: Vec<&str> = chain
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty() && !word.starts_with(|c: char| c.is_ascii_digit()))
        .collect();
    words
        .iter()
        .rev()
        .find(|word| !matches!(**word, "get" | "None" | "len" | "self" | "this" | "pk" | "id"))
        .or(words.last())
        .map_or_else(|| root(chain).to_owned(), |word| (*word).to_owned())
}

/// The first name of a chain.
fn root(chain: &str) -> &str {
    let chain = chain.trim_start_matches("self.").trim_start_matches("this.").trim_start_matches("$this->");
    let skipped = chain.len() - chain.trim_start_matches(['$', '@', '*', '&']).len();
    let end = chain[skipped..].find(|c: char| !c.is_alphanumeric() && c != '_');
    end.map_or(chain, |end| &chain[..end + skipped])
}

/// The conditions, loops and handlers around a node in its function, outermost first.
fn conditions_around(parsed: &Parsed<'_>, node: Node<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let mut below = node;
    let mut next = node.parent();
    while let Some(one) = next {
        let kind = one.kind();
        if is_function(parsed.family(), kind) {
            break;
        }
        if is_if(kind) || is_loop(kind) {
            let asks = super::tree::condition(one).or_else(|| one.child_by_field_name("right"));
            let is_else = one.child_by_field_name("alternative") == Some(below);
            let text = asks.map_or_else(|| kind.to_owned(), |asks| squeezed(parsed, asks));
            found.push(if is_else { format!("not {text}") } else { text });
        } else if is_try(kind) || is_handler(kind) || kind == "with_statement" {
            found.push(kind.to_owned());
        }
        below = one;
        next = one.parent();
    }
    found.reverse();
    found
}

pub(super) fn is_import(node: Node<'_>) -> bool {
    let is_required = |one: Node<'_>| {
        matches!(one.kind(), "lexical_declaration" | "variable_declaration")
            && parts(one)
                .iter()
                .all(|part| part.child_by_field_name("value").is_some_and(|value| is_call_of_require(value)))
    };
    matches!(
        node.kind(),
        "import_statement"
            | "import_from_statement"
            | "import_declaration"
            | "import_spec"
            | "use_declaration"
            | "namespace_use_declaration"
    ) || is_required(node)
        || is_ruby_require(node)
        || above(node, |one| {
            matches!(
                one.kind(),
                "import_statement"
                    | "import_from_statement"
                    | "import_declaration"
                    | "use_declaration"
                    | "namespace_use_declaration"
            )
        })
        .is_some()
}

/// Ruby's `require "x"`, which is a call.
fn is_ruby_require(node: Node<'_>) -> bool {
    let is_named = |method: Node<'_>| method.end_byte() - method.start_byte() == "require".len();
    node.kind() == "call"
        && node.child_by_field_name("receiver").is_none()
        && node.child_by_field_name("method").is_some_and(is_named)
        && node.parent().is_some_and(|parent| parent.kind() == "program")
        && arguments(node).first().is_some_and(|first| first.kind() == "string")
}

/// `require("x")` with a text that is written there.
fn is_call_of_require(value: Node<'_>) -> bool {
    let is_require = value.child_by_field_name("function").is_some_and(|callee| {
        callee.kind() == "identifier" && callee.end_byte() - callee.start_byte() == "require".len()
    });
    is_require && arguments(value).first().is_some_and(|first| first.kind() == "string")
}

/// Parts of a call's arguments.
fn arguments(call: Node<'_>) -> Vec<Node<'_>> {
    call.child_by_field_name("arguments").map(parts).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_of_a_chain_is_found() {
        for (chain, first) in [
            ("order.note", "order"),
            ("self.order.note", "order"),
            ("$item['price']", "$item"),
            ("&row.name", "&row"),
            ("count", "count"),
        ] {
            assert_eq!(root(chain), first);
        }
    }
}
