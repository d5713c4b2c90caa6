//! One call level up: what the callers of a function do with an answer that it did not give before.
//!
//! A caller is known by the name that it imports, or that it calls in the file itself. Methods that are called on
//! values of other files are not followed: their names alone don't say whose they are.

use tree_sitter::Node;

use super::super::absence::{is_nothing, operator_of, test_of};
use super::super::sinks::{Guarding, Sink, guarding};
use super::super::slices::{Loops, Reach, reach};
use super::super::tree::{condition, function_of, inner, squeezed, words};
use super::{Scene, Verdict, ask, ask_two, check_deleted, computation_changed, sensitive_change, shown};
use crate::syntax::imports::{Bindings, imports};
use crate::syntax::mentions::has_word;
use crate::syntax::references::{Origin, Reference, Use, references};
use crate::syntax::{Language, Parsed, Walk, visit_below};

/// Files that are read for the callers of one function, and their bytes: some tens of milliseconds.
const MAX_FILES: usize = 16;
const MAX_BYTES: usize = 1 << 20;

/// An answer that a function gives in states in which it gave none.
struct Answer<'a> {
    /// The state, as a sentence begins: `If …` or `Without …`.
    state: &'a str,
    function: &'a str,
    value: String,
}

/// A file in which the function may be called.
struct Caller<'a> {
    path: &'a str,
    parsed: &'a Parsed<'a>,
    bindings: &'a Bindings,
}

impl<'c> Scene<'c> {
    /// A verdict about a place, after a look at what its new answer does in the callers.
    pub(super) fn with_callers(&self, verdict: Verdict, state: &str, answer: Node<'c>) -> Verdict {
        if matches!(verdict, Verdict::Refuse { .. }) {
            return verdict;
        }
        let function = function_of(self.new.family(), answer);
        let function =
            function.and_then(super::super::tree::name_of).map_or("", |name| self.new.text_of(name));
        if function.is_empty() {
            return verdict;
        }
        let answer = Answer { state, function, value: squeezed(self.new, inner(answer)) };
        match self.in_callers(&answer) {
            Verdict::Harmless => verdict,
            Verdict::Ask { .. } if verdict != Verdict::Harmless => verdict,
            found => found,
        }
    }

    fn in_callers(&self, answer: &Answer<'_>) -> Verdict {
        let mut worst = Verdict::Harmless;
        let here = Caller { path: self.path, parsed: self.new, bindings: self.bindings };
        let mut take = |found: Verdict| {
            if worst == Verdict::Harmless || matches!(found, Verdict::Refuse { .. }) {
                worst = found;
            }
            matches!(worst, Verdict::Refuse { .. })
        };
        if has_word(&self.old.text_of(self.old.root()).replacen(answer.function, "", 1), answer.function)
            && take(verdict_of(&here, &Walk::of(self.new), answer, self.path))
        {
            return worst;
        }
        let (mut files, mut bytes) = (0, 0);
        for (path, text) in self.others {
            let Some(language) = Language::of_path(path)
                .filter(|one| one.family() == self.new.family() && has_word(text, answer.function))
            else {
                continue;
            };
            files += 1;
            bytes += text.len();
            if files > MAX_FILES || bytes > MAX_BYTES {
                break;
            }
            let parsed = Parsed::new(language, text);
            let walk = Walk::of(&parsed);
            let bindings = Bindings::of(&imports(&walk));
            let caller = Caller { path, parsed: &parsed, bindings: &bindings };
            if take(verdict_of(&caller, &walk, answer, self.path)) {
                break;
            }
        }
        worst
    }
}

/// The worst of what a file does with the answer.
fn verdict_of(caller: &Caller<'_>, walk: &Walk<'_>, answer: &Answer<'_>, path: &str) -> Verdict {
    let mut worst = Verdict::Harmless;
    for call in references(walk, caller.bindings) {
        if call.how != Use::Called || call.last_name() != answer.function || !is_call_of(&call, caller, path)
        {
            continue;
        }
        let reached = reach(caller.parsed, caller.bindings, call.node, Loops::Empty);
        match verdict_of_call(caller, &reached, call.node, answer) {
            Verdict::Harmless => {}
            refused @ Verdict::Refuse { .. } => return refused,
            asked => worst = asked,
        }
    }
    worst
}

/// Whether a call by the right name is of the function that changed, which is in the file at `path`.
fn is_call_of(call: &Reference<'_>, caller: &Caller<'_>, path: &str) -> bool {
    let (on, _) = call.path.rsplit_once('.').unwrap_or_default();
    if caller.path == path {
        return matches!(on, "" | "self" | "this" | "cls" | "$this");
    }
    let mut parts = path.rsplit('/');
    let stem = parts.next().unwrap_or_default().split('.').next().unwrap_or_default();
    let folder = parts.next().unwrap_or_default();
    call.origin == Origin::Imported
        && on.split(['.', '/']).any(|part| part == stem || (!folder.is_empty() && part == folder))
}

fn verdict_of_call(caller: &Caller<'_>, reached: &Reach<'_>, call: Node<'_>, answer: &Answer<'_>) -> Verdict {
    let Answer { state, function, value } = answer;
    let begin = format!("{state}, `{function}` gives back `{value}`");
    let place = format!("line {} of `{}`", crate::syntax::first_line(call), caller.path);
    if is_nothing(value)
        && let Some(counted) = counted(caller, reached, call)
    {
        return computation_changed(format!(
            "{begin}, and {place} computes or compares with it: `{counted}`"
        ));
    }
    for decided in &reached.decides {
        let asks = condition(*decided).unwrap_or(*decided);
        if guarding(words(caller.parsed, asks)) == Guarding::Strong {
            return check_deleted(format!("{begin}, and {place} decides by it who may do something"));
        }
    }
    let mut asked = Verdict::Harmless;
    for entry in &reached.sinks {
        let given = shown(caller.parsed, entry.call);
        match entry.sink {
            Sink::Permission | Sink::Crypto | Sink::Money | Sink::System => {
                return sensitive_change(format!(
                    "{begin}, and {place} gives it to `{given}` ({})",
                    entry.sink.name()
                ));
            }
            Sink::Write | Sink::Message | Sink::Request => {
                asked = ask_two(format!("{begin}. Is `{given}` in {place} right with that?"), function);
            }
            Sink::Query if asked == Verdict::Harmless => {
                asked = ask(format!("{begin}. Is `{given}` in {place} right with that?"), function);
            }
            Sink::Query => {}
        }
    }
    asked
}

/// Where the answer is a number to the caller: nothing counts as zero there, or crashes.
fn counted(caller: &Caller<'_>, reached: &Reach<'_>, call: Node<'_>) -> Option<String> {
    let counts = |node: Node<'_>| {
        let written = match node.kind() {
            "comparison_operator" => node.child(1).map(|one| caller.parsed.text_of(one)),
            _ => operator_of(caller.parsed, node),
        };
        matches!(written, Some("<" | "<=" | ">" | ">=" | "-" | "*" | "/"))
    };
    let mut around = call.parent();
    while let Some(one) = around.filter(|one| inner(*one) != *one) {
        around = one.parent();
    }
    if let Some(one) = around.filter(|one| counts(*one)) {
        return Some(shown(caller.parsed, one));
    }
    let conditions = || reached.decides.iter().map(|one| condition(*one).unwrap_or(*one));
    let is_asked_for = |asks: Node<'_>| {
        let asked = test_of(caller.parsed, asks).operands();
        asked.iter().any(|one| reached.names.contains(one))
    };
    if conditions().any(is_asked_for) {
        return None;
    }
    let mut found = None;
    for asks in conditions() {
        visit_below(asks, |node, _| {
            let text = caller.parsed.text_of(node);
            if found.is_none() && counts(node) && reached.names.iter().any(|name| has_word(text, name)) {
                found = Some(shown(caller.parsed, node));
            }
        });
    }
    found
}
