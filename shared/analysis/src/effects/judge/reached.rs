//! What a value that may be missing reaches: calls that act, conditions that it decides, loops over nothing.

use tree_sitter::Node;

use super::super::absence::{Substitute, is_nothing, joined};
use super::super::sinks::{Guarding, Sink, guarding, has, is_bound};
use super::super::slices::{Entry, Loops, Position, reach, reach_of_name};
use super::super::tree::{
    above, assigned, body, called, condition, inner, is_call, is_choice, is_if, is_lambda, is_loop,
    statement_of, words,
};
use super::reads::Widened;
use super::texts::callees;
use super::values::is_other_entry;
use super::{
    Scene, Verdict, ask, ask_two, check_deleted, computation_changed, exits, last_name, sensitive_change,
    shown,
};
use crate::names::split_words;
use crate::syntax::any_below;

/// Whether a value is of what somebody sent, as far as its first name says so.
fn is_sent(chain: &str) -> bool {
    const READERS: [&str; 8] =
        [".Query", ".Param", ".FormValue", ".PostForm", ".Header", ".query.", ".params.", ".body."];
    has("request req message msg body payload params query input form", super::root(chain))
        || READERS.iter().any(|reader| chain.contains(reader))
}

impl<'c> Scene<'c> {
    pub(super) fn widened_verdict(&self, widened: &Widened<'c>, new: Node<'c>) -> Verdict {
        let operand = widened.operand.as_str();
        let name = last_name(operand);
        if let Some(code) = widened.code {
            if let Some(act) = self.act_in(code) {
                return sensitive_change(format!("For a missing `{operand}`, {act} is called"));
            }
            let fresh = callees(self.new, code);
            if fresh.iter().any(|callee| self.is_own_function(callee, new)) {
                return sensitive_change(format!("The function calls itself if `{operand}` is missing"));
            }
        }
        let is_zero = widened.code.is_some_and(|code| matches!(self.new.text_of(inner(code)), "0" | "0.0"));
        let is_setting = ["environ", "getenv", "config", "settings", "options"]
            .iter()
            .any(|word| widened.operand.contains(word));
        if (widened.instead == Substitute::Number && !is_setting || (is_zero && self.is_time(new)))
            && !self.is_sort_key(new)
        {
            let code = widened.code.map_or(String::new(), |code| shown(self.new, code));
            return computation_changed(format!(
                "A number or date is made up for a missing `{operand}`: `{code}`"
            ));
        }
        if let Some(code) = widened.code.filter(|code| is_sent(self.new.text_of(inner(*code))))
            && !is_sent(operand)
        {
            return check_deleted(format!(
                "What was sent takes the place of a missing `{operand}`: `{}`",
                shown(self.new, code)
            ));
        }
        if let Some(code) = widened.code.filter(|code| is_other_entry(self.new, *code)) {
            return computation_changed(format!(
                "Another entry takes the place of a missing `{operand}`: `{}`",
                shown(self.new, code)
            ));
        }
        let is_number = |code: Node<'c>| {
            let converted = super::arguments(inner(code));
            let code = if let [one] = converted[..] { one } else { inner(code) };
            self.new.text_of(code).parse::<f64>().is_ok()
        };
        let is_made_up = |code: &Node<'c>| match widened.instead {
            Substitute::Text => !says_missing(self.new.text_of(*code)),
            Substitute::Value => is_number(*code),
            _ => false,
        };
        if let Some(code) = widened.code.filter(|code| !is_setting && is_made_up(code))
            && self.is_handed_on(new)
        {
            return computation_changed(format!(
                "A value is made up for a missing `{operand}`: `{}`",
                shown(self.new, code)
            ));
        }
        let strength = guarding([widened.operand.as_str()]);
        let grants = widened.instead == Substitute::Yes
            || (widened.instead != Substitute::Neutral && strength == Guarding::Strong);
        if strength != Guarding::No && grants {
            return check_deleted(format!("A missing `{operand}` counts as something"));
        }
        if let Some(bound) = self.bound_name(new) {
            return computation_changed(format!("`{bound}`, which is a limit, gets another value"));
        }
        let reached = match new.kind() {
            "object_assignment_pattern" | "assignment_pattern" => {
                reach_of_name(self.new, self.bindings, operand, new)
            }
            _ => {
                let loops = if widened.instead == Substitute::Neutral { Loops::Empty } else { Loops::Run };
                reach(self.new, self.bindings, new, loops)
            }
        };
        let operands = [widened.operand.clone()];
        let neutral = widened.instead == Substitute::Neutral;
        if !self.is_about_crash(&operands, new) && !reached.sinks.is_empty() {
            return sensitive_change(format!(
                "`{operand}` has nothing to do with the line that crashed and reaches {}",
                reached.sinks[0].sink.name()
            ));
        }
        let mut questions: Vec<Verdict> = Vec::new();
        let cells = reached.sinks.iter().map(|entry| self.cell(entry, neutral, operand));
        let decided = reached.decides.iter().map(|one| self.decided(*one, widened, new));
        let looped = reached.loops.iter().map(|one| self.looped(*one, operand));
        for verdict in cells.chain(decided).chain(looped) {
            match verdict {
                Verdict::Harmless => {}
                Verdict::Refuse { .. } => return verdict,
                Verdict::Ask { .. } => questions.push(verdict),
            }
        }
        let is_formatted = |one: Node<'c>| matches!(one.kind(), "interpolation" | "template_substitution");
        if widened.code.is_none_or(|code| is_nothing(self.new.text_of(code)))
            && inner(new).parent().is_some_and(is_formatted)
        {
            questions.push(ask(
                format!("If `{operand}` is missing, may the text name nothing in its place?"),
                &name,
            ));
        }
        if let Some(comparison) = self.compared_with(new) {
            let asked = shown(self.new, comparison);
            match guarding(words(self.new, comparison)) {
                Guarding::No => {}
                Guarding::Strong => {
                    return check_deleted(format!("Without `{operand}`, `{asked}` compares nothing"));
                }
                Guarding::Weak => questions.push(ask_two(
                    format!("Without `{operand}`, may `{asked}` never hold for what is nobody's?"),
                    &name,
                )),
            }
        }
        if let Some(first) = questions.into_iter().next() {
            return first;
        }
        // A value that is missing under a `not`, or in `all(…)`, answers yes.
        if reached.returned && self.answers_yes(new) {
            let function = self.function_around(new);
            let names: Vec<&str> = words(self.new, statement_of(new)).into_iter().chain([function]).collect();
            return match guarding(names) {
                Guarding::No => {
                    ask_two(format!("Without `{operand}`, `{function}` answers yes. Is that right?"), &name)
                }
                _ => check_deleted(format!("Without `{operand}`, `{function}` answers yes")),
            };
        }
        if reached.returned && self.denies_by_name(new) {
            return check_deleted(format!("Without `{operand}`, the answer is that nothing is forbidden"));
        }
        if neutral && super::super::sinks::is_money([widened.operand.as_str()]) {
            return ask_two(
                format!("If `{operand}` is missing, may it count as nothing in every sum behind it?"),
                &name,
            );
        }
        if let Some(call) = self.statement_call(new) {
            let done = shown(self.new, call);
            let last = called(self.new, call);
            let checks = ["check", "verify", "validate", "ensure", "authorize", "require", "assert", "guard"];
            return match checks.iter().any(|word| last.to_lowercase().starts_with(word)) {
                true => check_deleted(format!("Without `{operand}`, `{done}` does not check")),
                false => ask(
                    format!("If `{operand}` is missing, `{done}` is not done. Is there nothing to do then?"),
                    &name,
                ),
            };
        }
        // An attribute outlives the function; what a container gets is used with what else it holds.
        let kept = reached.stored.iter().find(|one| one.contains('.') && !one.contains('['));
        if let Some(kept) = kept.filter(|_| neutral) {
            return ask(format!("If `{operand}` is missing, may nothing be stored in `{kept}`?"), &name);
        }
        if reached.incomplete {
            return ask(
                format!("Does nothing that `{operand}` reaches in this function need it to be there?"),
                &name,
            );
        }
        if !neutral || (is_zero && self.is_handed_on(new)) {
            let code = widened.code.map_or(String::new(), |code| shown(self.new, code));
            return ask(
                format!(
                    "If `{operand}` is missing, is `{code}` the right value for everything that uses it?"
                ),
                &name,
            );
        }
        Verdict::Harmless
    }

    /// Whether a value is given to a call that does more than look at it, or kept in an attribute.
    pub(super) fn is_handed_on(&self, value: Node<'c>) -> bool {
        let statement = statement_of(value);
        let keeps = super::insertions::assigned_in(statement)
            .is_some_and(|(target, _)| self.new.text_of(target).contains('.'));
        let call = above(value, |one| {
            let given = one.child_by_field_name("arguments").filter(|_| is_call(one.kind()));
            given.is_some_and(|given| given.byte_range().contains(&value.start_byte()))
        });
        let call = call.filter(|call| call.start_byte() >= statement.start_byte());
        keeps || call.is_some_and(|call| !has(super::values::LOOKS, &called(self.new, call)))
    }

    /// The outcome table for a value that reaches a sink: rows by what the value is, columns by the sink.
    pub(super) fn cell(&self, entry: &Entry<'c>, neutral: bool, operand: &str) -> Verdict {
        let call = shown(self.new, entry.call);
        let name = last_name(operand);
        let keyword = match &entry.position {
            Position::Argument { keyword, .. } => keyword.as_str(),
            Position::Receiver => "",
        };
        let target = matches!(keyword, "url" | "method" | "host" | "auth" | "verify" | "timeout")
            || keyword.eq_ignore_ascii_case("authorization")
            || keyword.eq_ignore_ascii_case("cookie")
            || (entry.sink == Sink::Request
                && matches!(entry.position, Position::Argument { index: 0, .. })
                && keyword.is_empty());
        let no = |what: &str| sensitive_change(format!("Without `{operand}`, {what} of `{call}` changes"));
        match entry.sink {
            Sink::Permission => no("the permission check"),
            Sink::Crypto => no("the cryptography"),
            Sink::Money => no("the amount"),
            Sink::System => no("the file or process"),
            Sink::Request if target => no("the target"),
            _ if !neutral && matches!(entry.position, Position::Argument { .. }) => no(entry.sink.name()),
            Sink::Message
                if matches!(entry.position, Position::Argument { index: 0, .. }) && keyword.is_empty() =>
            {
                no("the recipient")
            }
            Sink::Write => ask_two(
                format!(
                    "If `{operand}` is missing, does `{call}` accept what it is given instead, and is that what should be stored?"
                ),
                &name,
            ),
            _ => ask(
                format!("If `{operand}` is missing, is `{call}` still right with what it is given instead?"),
                &name,
            ),
        }
    }

    /// A condition that a tolerant value is part of: which way do the states go that crashed?
    pub(super) fn decided(&self, decided: Node<'c>, widened: &Widened<'c>, new: Node<'c>) -> Verdict {
        let operand = widened.operand.as_str();
        let name = last_name(operand);
        let (asks, body_of) = (condition(decided), body(decided));
        let Some(asks) = asks else { return Verdict::Harmless };
        let asked = shown(self.new, asks);
        let mut names: Vec<&str> = words(self.new, asks);
        let strength = guarding(names.iter().copied());
        let is_compared = widened.code.is_some_and(|code| {
            let code = self.new.text_of(code);
            code.len() > 2
                && self.new.text_of(asks).matches(code).count()
                    > usize::from(asks.byte_range().contains(&new.start_byte()))
        });
        if widened.instead == Substitute::Yes || (widened.instead != Substitute::Neutral && is_compared) {
            return check_deleted(format!("Without `{operand}`, the condition `{asked}` holds"));
        }
        let filters = decided.kind() == "if_clause";
        if filters || is_choice(decided.kind()) {
            return match (strength, widened.instead) {
                (_, Substitute::Neutral) if filters && self.falsy_closes(asks, new) => Verdict::Harmless,
                (Guarding::No, Substitute::Neutral) if !filters => Verdict::Harmless,
                (Guarding::Strong, _) => check_deleted(format!("`{asked}` decides who may do something")),
                _ => ask(format!("Without `{operand}`, does `{asked}` choose what it should?"), &name),
            };
        }
        if is_loop(decided.kind()) {
            return match self.falsy_enters(asks, new) {
                true => sensitive_change(format!("Without `{operand}`, the loop `{asked}` may not end")),
                false => {
                    ask(format!("Without `{operand}`, does the loop `{asked}` end when it should?"), &name)
                }
            };
        }
        let denial = body_of.is_some_and(|body| exits::denies(self.new, body));
        if denial {
            if let Some(body) = body_of {
                names.extend(words(self.new, body));
            }
            // One more reason to stop; but nothing may be equal to nothing.
            let compares = ["==", "!=", "not in"].iter().any(|sign| asked.contains(sign));
            if self.falsy_enters(asks, new) && !compares {
                return Verdict::Harmless;
            }
            return match guarding(names.iter().copied()) {
                found
                    if found == Guarding::Strong || (found == Guarding::Weak && strength != Guarding::No) =>
                {
                    check_deleted(format!("Without `{operand}`, the check `{asked}` is passed"))
                }
                _ => ask_two(
                    format!(
                        "If `{operand}` is missing, does the check `{asked}` still stop what it has to stop?"
                    ),
                    &name,
                ),
            };
        }
        let acts = match self.falsy_enters(asks, new) {
            true => body_of,
            false => decided.child_by_field_name("alternative"),
        };
        if let Some(act) = acts.and_then(|acts| self.act_in(acts)) {
            return sensitive_change(format!("Without `{operand}`, {act} runs"));
        }
        if !self.other_branch_only_tells(decided) {
            return ask(
                format!(
                    "If `{operand}` is missing, is the branch of `{asked}` that runs then the right one?"
                ),
                &name,
            );
        }
        if body_of.is_some_and(|body| exits::leaves(self.new, body))
            && widened.instead == Substitute::Neutral
            && !self.falsy_enters(asks, new)
        {
            // The early way out is not taken; what comes then never ran in these states.
            return ask(
                format!("If `{operand}` is missing, does `{asked}` still lead the right way?"),
                &name,
            );
        }
        Verdict::Harmless
    }

    /// Whether a missing value makes the whole condition false.
    fn falsy_closes(&self, asks: Node<'c>, new: Node<'c>) -> bool {
        match joined(self.new, inner(asks)) {
            Some(("and", sides)) => sides
                .iter()
                .any(|side| side.byte_range().contains(&new.start_byte()) && self.falsy_closes(*side, new)),
            Some((_, _)) => false,
            None => !self.falsy_enters(asks, new),
        }
    }

    /// Whether a missing value makes the condition true, or one of several reasons to enter its body.
    pub(super) fn falsy_enters(&self, asks: Node<'c>, new: Node<'c>) -> bool {
        let node = inner(asks);
        if let Some((operator, sides)) = joined(self.new, node) {
            let holding = sides.into_iter().find(|side| side.byte_range().contains(&new.start_byte()));
            return operator == "or" && holding.is_some_and(|side| self.falsy_enters(side, new));
        }
        let text = self.new.text_of(node);
        if text.starts_with("not ") || text.starts_with('!') && !text.starts_with("!=") {
            return true;
        }
        // `x.get("a") != b`: nothing differs from everything, and is in no list.
        ["!=", "!==", "is None", "== null", "=== undefined", "== nil", "is not", "not in"]
            .iter()
            .any(|sign| text.contains(sign))
            && !text.contains("is not None")
    }

    /// A loop over nothing: what it checks is not checked.
    pub(super) fn looped(&self, looped: Node<'c>, operand: &str) -> Verdict {
        let Some(body) = looped.child_by_field_name("body") else { return Verdict::Harmless };
        let denies = any_below(body, |node, at| {
            is_if(at.kind)
                && super::super::tree::body(node).is_some_and(|inside| exits::denies(self.new, inside))
        });
        let checks = any_below(body, |_, at| at.kind == "assert_statement");
        if !denies && !checks {
            return Verdict::Harmless;
        }
        let names: Vec<&str> = words(self.new, body)
            .into_iter()
            .chain(words(self.new, looped.child_by_field_name("right").unwrap_or(looped)))
            .collect();
        match guarding(names.iter().copied()) {
            Guarding::Strong if denies => {
                check_deleted(format!("Without `{operand}`, the loop that denies checks nothing"))
            }
            _ => ask_two(
                format!(
                    "If `{operand}` is missing, the loop checks no entry. Is there nothing to check then?"
                ),
                &last_name(operand),
            ),
        }
    }

    /// The call that a statement is, if it is made on a value and so left out with it: `a?.b()`.
    pub(super) fn statement_call(&self, node: Node<'c>) -> Option<Node<'c>> {
        let statement = statement_of(node);
        let call = Some(inner(statement)).filter(|one| is_call(one.kind()))?;
        let callee = call.child_by_field_name("function").or_else(|| call.child_by_field_name("object"))?;
        callee.byte_range().contains(&node.start_byte()).then_some(call)
    }

    /// Whether a missing value makes an expression true: it stands under a `not`, or in `all(…)` or `every(…)`.
    fn answers_yes(&self, node: Node<'c>) -> bool {
        let statement = statement_of(node);
        let in_all = above(node, |one| is_call(one.kind()) && one.start_byte() >= statement.start_byte())
            .is_some_and(|call| has("all every", &called(self.new, call)));
        in_all || self.is_negated(statement, node)
    }

    /// Whether a value is read as a time, or what reads it as one is part of the change.
    pub(super) fn is_time(&self, node: Node<'c>) -> bool {
        let statement = statement_of(node);
        any_below(statement, |inside, at| {
            let is_near = inside.byte_range().contains(&node.start_byte())
                || node.byte_range().contains(&inside.start_byte());
            is_call(at.kind)
                && is_near
                && split_words(&called(self.new, inside))
                    .iter()
                    .any(|word| has("timestamp date datetime time duration timedelta", word))
        })
    }

    pub(super) fn is_sort_key(&self, node: Node<'c>) -> bool {
        const SORTING: &str = "sorted sort sort_by sortBy min max orderBy toSorted";
        let lambda = above(node, |one| is_lambda(one.kind()));
        lambda
            .and_then(|one| above(one, |call| is_call(call.kind())))
            .is_some_and(|call| has(SORTING, &called(self.new, call)))
    }

    /// The name of a limit that a changed value is given to.
    pub(super) fn bound_name(&self, node: Node<'c>) -> Option<String> {
        let target = above(node, |one| {
            assigned(one).is_some() || matches!(one.kind(), "keyword_argument" | "pair" | "keyed_element")
        })
        .filter(|one| one.end_byte() - one.start_byte() < 400)?;
        let name = match assigned(target) {
            Some((name, value)) if value.byte_range().contains(&node.start_byte()) => self.new.text_of(name),
            Some(_) => return None,
            None => target
                .child_by_field_name("name")
                .or_else(|| target.child_by_field_name("key"))
                .map_or("", |one| self.new.text_of(one)),
        };
        let value = match assigned(target) {
            Some((_, value)) => value,
            None => target.child_by_field_name("value")?,
        };
        let direct = inner(value).byte_range() == inner(node).byte_range() || is_choice(inner(value).kind());
        (direct && is_bound(name)).then(|| name.to_owned())
    }
}

/// Whether a text tells whoever reads it that something is missing.
fn says_missing(text: &str) -> bool {
    let text = text.to_lowercase();
    ["unknown", "missing", "untitled", "n/a", "none", "not "].iter().any(|word| text.contains(word))
        || !text.contains(char::is_alphanumeric)
}
