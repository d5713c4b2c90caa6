//! A piece of code that was replaced by another one: a more tolerant read, another name, a conversion, or anything else.

use tree_sitter::Node;

use super::super::absence::{Substitute, operator_of, receiver, substitute, test_of};
use super::super::script::Edit;
use super::super::sinks::{Sink, has, is_money, sink_of, sinks_below};
use super::super::slices::{Loops, reach};
use super::super::tree::{
    above, assigned, body, body_statements, condition, inner, is_call, is_handler, is_if, is_loop, last_part,
    squeezed, words,
};
use super::conditions::Chosen;
use super::texts::{callees, telling};
use super::{
    Judged, Scene, Verdict, arguments, ask, ask_right, ask_two, check_deleted, computation_changed,
    exception_swallowed, exits, identifier, is_import, sensitive_change, shown, work_skipped,
};
use crate::syntax::mentions::has_word;
use crate::syntax::references::dotted_path;
use crate::syntax::{Family, Parsed, any_below, is_decorator_kind, visit_below};

/// Calls that only look at a value or make another one of it.
pub(super) const LOOKS: &str = "\
    unwrap expect len str repr int float bool list dict set tuple sorted min max sum abs round range enumerate zip isinstance hasattr \
    getattr get keys values items strip lstrip rstrip lower upper split rsplit startswith endswith join format \
    replace copy index count find String Number Boolean parseInt parseFloat Object Array isArray from trim \
    ToLower ToUpper TrimSpace TrimRight TrimLeft Split Join Sprintf Itoa toLowerCase toUpperCase toLocaleLowerCase toLocaleUpperCase includes has at slice substring substr charAt concat \
    match test map filter some every flat flatMap toString unwrap_or_default unwrap_or unwrap_or_else cloned clone \
    as_ref as_deref and_then or ok ok_or map_or to_string to_owned into isset empty is_null make new append nil? \
    present? blank? to_s to_i to_a dig decode encode get_or_default getOrDefault orElse isPresent ofNullable Optional Some";

/// Exceptions that are nearly all of them, or that end the program.
pub(crate) const NEARLY_ALL: &str = "\
    Exception BaseException StandardError Throwable KeyboardInterrupt SystemExit GeneratorExit CancelledError";

impl<'c> Scene<'c> {
    pub(super) fn replaced(&self, old: Node<'c>, new: Node<'c>) -> Judged {
        let (was, is) = (shown(self.old, old), shown(self.new, new));
        let of = |fact: String, verdict: Verdict| Judged::new(new, fact, verdict);
        if is_import(new) {
            return of(format!("`{is}` is imported"), self.imported(new));
        }
        let types_parameter = matches!(
            new.kind(),
            "typed_parameter" | "typed_default_parameter" | "required_parameter" | "optional_parameter"
        ) && words(self.new, new).first() == words(self.old, old).first()
            && new.child_by_field_name("value").map(|one| squeezed(self.new, one))
                == old.child_by_field_name("value").map(|one| squeezed(self.old, one));
        if types_parameter || (is_annotation(new) && is_annotation(old)) {
            let verdict = match self.new.family() {
                Family::Python if self.type_is_read(new) => {
                    check_deleted(format!("The type `{was}` becomes `{is}`, and a framework may check it"))
                }
                Family::Python | Family::Script => Verdict::Harmless,
                _ => ask(
                    format!("Is the type `{is}` in place of `{was}` right for every caller?"),
                    &identifier(self.new, new),
                ),
            };
            return of(format!("The type `{was}` becomes `{is}`"), verdict);
        }
        if is_decorator_kind(new.kind()) || above(new, |one| is_decorator_kind(one.kind())).is_some() {
            return Judged::refused(new, check_deleted(format!("The decorator `{was}` becomes `{is}`")));
        }
        if let Some(header) = handler_header(new) {
            return self.caught(header, old, new);
        }
        if let Some(telling) = telling(self.new, new)
            && super::texts::telling(self.old, old).is_some()
        {
            return self.told(telling, Some(old), new);
        }
        if let Some(verdict) = self.opposite(old, new) {
            return of(format!("`{was}` becomes `{is}`"), verdict);
        }
        if is_key(new) && self.sink_around(new) == Some(Sink::Query) {
            let why = format!("`{is}` in place of `{was}` changes what is asked of the database");
            return Judged::refused(new, sensitive_change(why));
        }
        if let Some(judged) = self.named_value(old, new) {
            return judged;
        }
        if let Some(widened) = self.guarded_value(old, new).or_else(|| self.widened(old, new)) {
            return self.judge_widened(&widened, new);
        }
        if let Some(judged) = self.extended(old, new) {
            return judged;
        }
        if let Some(judged) = self.converted(old, new) {
            return judged;
        }
        if let Some(judged) = self.renamed(old, new) {
            return judged;
        }
        self.other(old, new)
    }

    /// A call that now follows on an old value.
    pub(super) fn appended(&self, call: Node<'c>) -> Judged {
        let path = dotted_path(self.new, call);
        let last = last_part(&path);
        let fact = format!(
            "`{last}` is newly called on `{}`",
            receiver(call).map_or(String::new(), |one| shown(self.new, one))
        );
        let code = shown(self.new, call);
        let name = receiver(call).map_or_else(|| identifier(self.new, call), |one| identifier(self.new, one));
        let filters = matches!(last, "filter" | "reject" | "compact" | "dropna");
        let by_truth = arguments(call).first().is_none_or(|chosen| {
            let asks = chosen.child_by_field_name("body").unwrap_or(*chosen);
            test_of(self.new, asks).drops_missing()
        });
        let reached = reach(self.new, self.bindings, call, Loops::Run);
        let verdict = match (sink_of(self.new, call, self.bindings), reached.sinks.first()) {
            (Some(sink), _) => sensitive_change(format!("`{code}` changes {}", sink.name())),
            (None, Some(entry)) => self.act_is_given(&code, entry),
            (None, None) if filters && !by_truth => work_skipped(format!("Entries are left out: `{code}`")),
            (None, None) => ask_right(&format!("`{code}`"), &name),
        };
        Judged::new(call, fact, verdict)
    }

    /// Whether a framework reads a type when the code runs: of a field of a class, or of a decorated function's parameter.
    fn type_is_read(&self, node: Node<'c>) -> bool {
        match super::function_of(self.new.family(), node) {
            Some(function) => function.parent().is_some_and(|parent| parent.kind() == "decorated_definition"),
            None => above(node, |one| one.kind() == "class_definition").is_some(),
        }
    }

    /// Anything else: asked if nothing behind it matters, refused if a sink does.
    fn other(&self, old: Node<'c>, new: Node<'c>) -> Judged {
        let (was, is) = (shown(self.old, old), shown(self.new, new));
        let fact = format!("`{was}` becomes `{is}`");
        let verdict = self.other_verdict(old, new);
        Judged::new(new, fact, verdict)
    }

    fn other_verdict(&self, old: Node<'c>, new: Node<'c>) -> Verdict {
        let (was, is) = (shown(self.old, old), shown(self.new, new));
        let name = identifier(self.new, new);
        let name = if name.is_empty() { identifier(self.old, old) } else { name };
        // An empty container in place of another one.
        let (old_value, new_value) = (substitute(self.old, old), substitute(self.new, new));
        let both_empty = old_value == Substitute::Neutral && new_value == Substitute::Neutral;
        if self.new.family() == Family::Go
            && self.new.text_of(new) == "nil"
            && self.old.text_of(old).contains("err")
            && !self.left_with(self.old.text_of(old), new)
        {
            return check_deleted(format!("`{was}` is no longer given back"));
        }
        if !both_empty
            && is_constant(self.new, new)
            && !is_constant(self.old, old)
            && !self.left_with(self.old.text_of(old), new)
        {
            return computation_changed(format!("`{was}` is no longer computed; it is always `{is}`"));
        }
        if is_call(inner(new).kind())
            && dotted_path(self.new, inner(new)) == "getattr"
            && arguments(inner(new)).len() > 2
            && !callees(self.old, old).contains(&"getattr".to_owned())
        {
            return exception_swallowed(format!("`{is}` gives a value for every attribute that is missing"));
        }
        if let Some(made_up) = self.number_for_nothing(old, new) {
            return computation_changed(format!(
                "A number or date is made up for what is missing: `{made_up}`"
            ));
        }
        let is_number = |text: &str| text.parse::<f64>().is_ok();
        if let Some(bound) = self
            .bound_name(new)
            .filter(|_| !(is_number(self.old.text_of(old)) && is_number(self.new.text_of(new))))
        {
            return computation_changed(format!("`{bound}`, which is a limit, gets another value"));
        }
        let is_position =
            ["len", "size", "index", "count"].iter().any(|word| was.to_lowercase().contains(word));
        if operator_changed(self.old, old, self.new, new) && !is_position {
            return computation_changed(format!("`{was}` is computed in another way: `{is}`"));
        }
        if is_loop(new.kind()) && new.kind_id() != old.kind_id() {
            return sensitive_change(format!("A loop is new: `{is}`"));
        }
        if self.spreads_whole(old, new) {
            return sensitive_change(format!("`{is}` hands on everything that another object holds"));
        }
        if let Some((sink, call)) = self.new_sink(old, new) {
            return sensitive_change(format!("{} is new", self.act(sink, call)));
        }
        if let Some(callee) = callees(self.new, new)
            .into_iter()
            .find(|callee| changes_in_place(callee) && !callees(self.old, old).contains(callee))
        {
            return sensitive_change(format!("`{callee}` newly changes what it is called on"));
        }
        if let Some(callee) = self.dropped_call(old, new) {
            return check_deleted(format!("`{callee}` is no longer called"));
        }
        if self.calls_itself(new) && !self.old_calls_itself(old) {
            return sensitive_change("The function newly calls itself".to_owned());
        }
        match self.chosen(old, new) {
            Chosen::Same => {}
            Chosen::MissingLeftOut => {
                return ask(format!("Are the entries rightly left out of `{is}`?"), &name);
            }
            Chosen::Fewer => return work_skipped(format!("Entries are left out: `{is}`")),
            Chosen::More => {
                return check_deleted(format!("Entries are no longer chosen: `{is}`"));
            }
        }
        if let Some(asked) = self.dropped_choice(old, new) {
            return check_deleted(format!("`{asked}` no longer decides"));
        }
        if let Some(place) = self.condition_of(new) {
            return self.other_condition(place, old, new, &name);
        }
        if self.returns_inside(new) {
            return work_skipped(format!("`{is}` leaves the function on the way"));
        }
        let reached = reach(self.new, self.bindings, new, Loops::Run);
        if let Some(entry) = reached.sinks.first() {
            return self.act_is_given(&is, entry);
        }
        if is_money(words(self.new, new)) || is_money(reached.names.iter().map(String::as_str)) {
            return computation_changed(format!("`{is}` changes an amount of money"));
        }
        for decided in &reached.decides {
            let asks = condition(*decided).unwrap_or(*decided);
            let denies = body(*decided).is_some_and(|inside| exits::denies(self.new, inside));
            if denies || decided.kind() == "assert_statement" {
                return check_deleted(format!(
                    "`{is}` changes what the check `{}` asks",
                    shown(self.new, asks)
                ));
            }
        }
        ask_right(&format!("`{is}` in place of `{was}`"), &name)
    }

    /// A number or date, or another entry of a collection, that an expression newly falls back on.
    fn number_for_nothing(&self, old: Node<'c>, new: Node<'c>) -> Option<String> {
        let known = squeezed(self.old, old);
        let mut found = None;
        visit_below(new, |node, _| {
            let falls_back = operator_of(self.new, node).is_some_and(|one| matches!(one, "or" | "||" | "??"));
            let fallback = node.child_by_field_name("right").filter(|_| falls_back);
            if let Some(fallback) = fallback
                && !known.contains(&squeezed(self.new, node))
                && (substitute(self.new, fallback) == Substitute::Number
                    || is_other_entry(self.new, fallback))
            {
                found = Some(shown(self.new, fallback));
            }
        });
        found
    }

    /// Whether the change leaves with an error, if there is one, in front of a place: there it is `nil`.
    fn left_with(&self, error: &str, at: Node<'c>) -> bool {
        self.new_exits_before(at).any(|node| {
            condition(node).is_some_and(|asks| squeezed(self.new, asks) == format!("{error}!=nil"))
                && body(node).is_some_and(|inside| words(self.new, inside).contains(&error))
        })
    }

    /// Conditional ways out that the change puts in front of a place.
    pub(super) fn new_exits_before(&self, at: Node<'c>) -> impl Iterator<Item = Node<'c>> {
        self.edits.iter().filter_map(move |edit| {
            let Edit::Inserted { new } = edit else { return None };
            let node = if is_if(new.kind()) { *new } else { inner(*new) };
            let is_before = new.end_byte() <= at.start_byte()
                && new.parent().is_some_and(|block| block.byte_range().contains(&at.start_byte()));
            (is_before && is_if(node.kind()) && exits::exits(self.new, node)).then_some(node)
        })
    }

    /// An exception type in the header of a handler that was there.
    fn caught(&self, header: Node<'c>, old: Node<'c>, new: Node<'c>) -> Judged {
        let (was, is) = (shown(self.old, old), shown(self.new, new));
        let fact = format!("The handler of `{was}` takes `{is}`");
        let types = |parsed: &Parsed<'_>, node: Node<'_>| -> Vec<String> {
            words(parsed, node).into_iter().map(str::to_owned).collect()
        };
        let (before, after) = (types(self.old, old), types(self.new, new));
        let verdict = self.caught_verdict(header, &before, &after, old);
        Judged::new(new, fact, verdict)
    }

    /// One more exception type in the header of a handler that was there.
    pub(super) fn caught_as_well(&self, new: Node<'c>) -> Option<Judged> {
        let header = handler_header(new)?;
        let inside = words(self.new, exits::handler_body(header)?).len();
        let mut all: Vec<String> = words(self.new, header).into_iter().map(str::to_owned).collect();
        all.truncate(all.len() - inside);
        let added: Vec<String> = words(self.new, new).into_iter().map(str::to_owned).collect();
        let before: Vec<String> = all.iter().filter(|one| !added.contains(one)).cloned().collect();
        let is = shown(self.new, new);
        let verdict = self.caught_verdict(header, &before, &all, new);
        Some(Judged::new(new, format!("The handler takes `{is}` as well"), verdict))
    }

    /// Judges what a handler that takes `before` takes now: `after`.
    fn caught_verdict(
        &self,
        header: Node<'c>,
        before: &[String],
        after: &[String],
        old: Node<'c>,
    ) -> Verdict {
        let added: Vec<&str> = after.iter().filter(|one| !before.contains(one)).map(String::as_str).collect();
        let is = added.join(", ");
        let kept = before.iter().all(|one| after.contains(one));
        let event = self.crash.exception.rsplit(['.', ':', '\\']).next().unwrap_or_default().to_owned();
        let only_event = added.iter().all(|one| *one == event || event.is_empty());
        let answers = exits::handler_answers(self.new, header);
        let gone = before.iter().find(|one| !after.contains(one));
        let is_corrected = |gone: &&String| {
            before.len() == after.len()
                && self.is_dead(gone, old)
                && matches!(added[..], [meant] if meant.contains(gone.as_str()))
        };
        match (kept && only_event, answers) {
            _ if let Some(gone) = gone.filter(is_corrected) => {
                ask(format!("Is `{is}` the error that was meant by `{gone}`, which does not exist?"), gone)
            }
            _ if has(NEARLY_ALL, &event) => {
                exception_swallowed(format!("The handler takes `{event}`, so nearly everything"))
            }
            (true, true) => Verdict::Harmless,
            (true, false) if self.tells_error(header) => ask_two(
                format!(
                    "May `{event}` be told in a log line and forgotten, as what the handler takes already is?"
                ),
                before.last().map_or("", String::as_str),
            ),
            (true, false) if self.answers_for_one(header) => ask(
                format!("Does `{event}` mean the same here as what the handler takes already?"),
                &before.last().cloned().unwrap_or_default(),
            ),
            (true, false) => exception_swallowed(format!("`{event}` is caught and nobody is told")),
            (false, _) => exception_swallowed(format!("The handler takes `{is}`, which is not what crashed")),
        }
    }

    /// Whether all that a handler does is to write the error that it caught into the log, as a warning at least.
    fn tells_error(&self, handler: Node<'c>) -> bool {
        let Some(inside) = exits::handler_body(handler) else { return false };
        let own = body_statements(inside);
        let caught = exits::handler_head(self.new, handler);
        let tells = |one: &Node<'c>| {
            let path = dotted_path(self.new, inner(*one)).to_lowercase();
            let given = words(self.new, inner(*one));
            !path.ends_with("debug")
                && !path.ends_with("info")
                && given.iter().any(|word| has_word(caught, word))
        };
        !own.is_empty() && own.iter().all(|one| self.is_log_statement(self.new, *one) && tells(one))
    }

    /// Whether a handler gives back a value, or takes the next entry, for the one statement that it stands around,
    /// which only computes.
    fn answers_for_one(&self, handler: Node<'c>) -> bool {
        let tried = handler.parent().and_then(body).map(body_statements).unwrap_or_default();
        let [only] = tried[..] else { return false };
        let last = exits::handler_body(handler).and_then(|inside| body_statements(inside).last().copied());
        !self.acts(only)
            && last.is_some_and(|last| {
                exits::returned(last).is_some() || exits::exit_of(self.new, last) == exits::Exit::Continue
            })
    }

    /// A sink that the new code calls and the old did not.
    pub(super) fn new_sink(&self, old: Node<'c>, new: Node<'c>) -> Option<(Sink, Node<'c>)> {
        let mut before: Vec<Sink> =
            sinks_below(self.old, old, self.bindings).into_iter().map(|(sink, _)| sink).collect();
        sinks_below(self.new, new, self.bindings).into_iter().find(|(sink, _)| {
            match before.iter().position(|one| one == sink) {
                Some(at) => {
                    before.swap_remove(at);
                    false
                }
                None => true,
            }
        })
    }

    /// A call on the way of a value that is not there any more and only looked at nothing.
    fn dropped_call(&self, old: Node<'c>, new: Node<'c>) -> Option<String> {
        let (before, after) = (callees(self.old, old), callees(self.new, new));
        let is_work = |path: &&String| !has(LOOKS, last_part(path));
        let kept = after.iter().filter(is_work).count();
        let gone: Vec<&String> = before
            .iter()
            .filter(is_work)
            .filter(|one| !after.iter().any(|other| last_part(other) == last_part(one)))
            .collect();
        (gone.len() > kept.saturating_sub(before.iter().filter(is_work).count() - gone.len()))
            .then(|| gone.first().map(|one| (*one).clone()))
            .flatten()
    }

    fn calls_itself(&self, new: Node<'c>) -> bool {
        callees(self.new, new).iter().any(|callee| self.is_own_function(callee, new))
    }

    fn old_calls_itself(&self, old: Node<'c>) -> bool {
        let own =
            super::function_of(self.old.family(), old).map_or("", |one| self.old.field_text(one, "name"));
        callees(self.old, old).iter().any(|callee| !own.is_empty() && callee.rsplit('.').next() == Some(own))
    }

    /// The name of the function around a place in the new code, if it has one.
    pub(super) fn function_around(&self, at: Node<'c>) -> &'c str {
        super::function_of(self.new.family(), at).map_or("", |one| self.new.field_text(one, "name"))
    }

    /// Whether a call is of the function that it stands in.
    pub(super) fn is_own_function(&self, callee: &str, at: Node<'c>) -> bool {
        let own = self.function_around(at);
        let path: Vec<&str> = callee.split('.').collect();
        let on_self = path.len() == 1 || (path.len() == 2 && matches!(path[0], "self" | "this" | "cls"));
        !own.is_empty() && on_self && path.last() == Some(&own)
    }

    /// `{**other, …}`, `Object.assign`, `vars(x)`: everything of another object in one piece.
    fn spreads_whole(&self, old: Node<'c>, new: Node<'c>) -> bool {
        let count = |node: Node<'_>| {
            let mut found = 0;
            visit_below(node, |_, at| {
                found += usize::from(
                    matches!(at.kind, "dictionary_splat" | "spread_element")
                        && matches!(at.parent_kind, "dictionary" | "object"),
                )
            });
            found
        };
        let holds_all = words(self.new, new).iter().any(|word| {
            matches!(*word, "__dict__" | "vars" | "flatten") && !words(self.old, old).contains(word)
        });
        count(new) > count(old) || holds_all
    }

    /// Whether an expression holds a `return` of the function around it.
    fn returns_inside(&self, new: Node<'c>) -> bool {
        any_below(new, |node, at| {
            matches!(at.kind, "return_expression" | "return_statement")
                && above(node, |one| one == new || super::super::tree::is_lambda(one.kind())) == Some(new)
        })
    }

    fn imported(&self, new: Node<'c>) -> Verdict {
        let name = identifier(self.new, new);
        // What is not needed by anything does nothing; whether it may be imported is checked elsewhere.
        ask(
            format!("Is the import `{}` the one that the code means by this name?", shown(self.new, new)),
            &name,
        )
    }
}

/// Whether a value is made by reading only.
pub(super) fn only_reads(parsed: &Parsed<'_>, value: Node<'_>) -> bool {
    callees(parsed, value).iter().all(|callee| {
        let last = last_part(callee);
        has(LOOKS, last) || last.starts_with("get") || last.starts_with("to_") || last.starts_with("is_")
    })
}

/// Names that statements give a value to; attributes and entries as the chain that they are.
pub(super) fn assigned_names(parsed: &Parsed<'_>, top: Node<'_>) -> Vec<String> {
    let mut found = Vec::new();
    visit_below(top, |node, _| {
        if let Some((target, _)) = assigned(node) {
            match parsed.text_of(target).contains(['.', '[', '>']) {
                true => found.push(squeezed(parsed, target)),
                false => found.extend(words(parsed, target).into_iter().map(str::to_owned)),
            }
        }
    });
    found
}

/// The header of an `except` or `catch` that a node stands in.
fn handler_header(node: Node<'_>) -> Option<Node<'_>> {
    let handler = above(node, |one| is_handler(one.kind()))?;
    let in_body = above(node, |one| super::super::tree::is_block(one.kind()))
        .is_some_and(|block| block.start_byte() > handler.start_byte());
    (!in_body).then_some(handler)
}

pub(super) fn is_annotation(node: Node<'_>) -> bool {
    let is_type = |kind: &str| {
        matches!(
            kind,
            "type"
                | "type_annotation"
                | "union_type"
                | "generic_type"
                | "array_type"
                | "nullable_type"
                | "optional_type"
                | "type_arguments"
                | "predefined_type"
                | "type_identifier"
                | "literal_type"
                | "object_type"
                | "property_signature"
                | "primitive_type"
                | "named_type"
        )
    };
    is_type(node.kind())
        || above(node, |one| is_type(one.kind())).is_some_and(|kind| kind.kind() != "type_arguments")
}

/// Whether a node is a literal, or made of literals only.
fn is_constant(parsed: &Parsed<'_>, node: Node<'_>) -> bool {
    let node = inner(node);
    words(parsed, node).iter().all(|word| {
        matches!(*word, "None" | "True" | "False" | "nil" | "null" | "undefined" | "true" | "false")
    }) && !is_call(node.kind())
}

/// The first or last entry of a collection, whichever that is: `rows[0]`, `next(iter(users.values()))`.
pub(super) fn is_other_entry(parsed: &Parsed<'_>, node: Node<'_>) -> bool {
    let text = squeezed(parsed, inner(node));
    let text = text.trim_end_matches('!');
    ["[0]", "[-1]", ".first()", ".last()", ".at(0)", ".at(-1)"].iter().any(|end| text.ends_with(end))
        || text.starts_with("next(iter(")
}

/// Whether a name says what is asked for: the key of an entry, the name of an argument.
fn is_key(node: Node<'_>) -> bool {
    node.parent().is_some_and(|parent| {
        ["key", "name"].iter().any(|field| parent.child_by_field_name(field) == Some(node))
    })
}

/// Whether the same operands are joined by another operator.
fn operator_changed(old_tree: &Parsed<'_>, old: Node<'_>, new_tree: &Parsed<'_>, new: Node<'_>) -> bool {
    let (old, new) = (inner(old), inner(new));
    let (Some(was), Some(is)) = (operator_of(old_tree, old), operator_of(new_tree, new)) else {
        return false;
    };
    let side = |tree: &Parsed<'_>, node: Node<'_>, name: &str| {
        node.child_by_field_name(name).map_or_else(String::new, |one| squeezed(tree, one))
    };
    was != is
        && side(old_tree, old, "left") == side(new_tree, new, "left")
        && side(old_tree, old, "right") == side(new_tree, new, "right")
}

/// Whether a call changes what it is called on.
fn changes_in_place(callee: &str) -> bool {
    let last = last_part(callee);
    callee.contains('.')
        && has(
            "setdefault append push pop insert update extend clear splice remove discard unshift reverse delete put",
            last,
        )
}
