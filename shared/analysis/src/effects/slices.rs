//! Where a changed value goes: forward through one function, along assignments, containers, loops and calls.
//!
//! The slice is about names, not types, and errs to the wide side: what a tainted value is given to gives back a tainted
//! value. It ends at the function; what the function gives back is reported as `returned`.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::sinks::{Sink, has, sink_of};
use super::tree::{
    above, assigned, function_of, is_assignment, is_block, is_call, is_choice, is_comprehension, is_function,
    is_if, is_lambda, is_loop, squeezed, statement_of, words,
};
use crate::names::is_log_call;
use crate::syntax::imports::Bindings;
use crate::syntax::references::dotted_path;
use crate::syntax::{Parsed, Then, visit_part};

/// Values followed in one slice; a function that has more is read as if everything were reached.
const MAX_VALUES: usize = 400;

/// How a value enters a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// Name of the keyword or of the entry that it is given as, and its place among the arguments.
    Argument { keyword: String, index: usize },
    /// The call is made on it.
    Receiver,
}

/// A sink that a value reaches.
#[derive(Clone, Debug)]
pub(super) struct Entry<'p> {
    pub(super) sink: Sink,
    pub(super) position: Position,
    pub(super) call: Node<'p>,
}

/// Everything that a value reaches.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach<'p> {
    pub(super) sinks: Vec<Entry<'p>>,
    /// Conditions that it is part of: `if`, choice, comprehension filter, assertion, `while`.
    pub(super) decides: Vec<Node<'p>>,
    /// Loops over it.
    pub(super) loops: Vec<Node<'p>>,
    /// The function gives it back, or what was made of it.
    pub(super) returned: bool,
    /// It is kept in something that outlives the function.
    pub(super) stored: Vec<String>,
    /// Names that hold it or what was made of it.
    pub(super) names: BTreeSet<String>,
    /// The function was too large to follow it to the end.
    pub(super) incomplete: bool,
}

/// Whether a loop over the value runs: over nothing it does not, and its variable has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loops {
    Run,
    Empty,
}

/// Follows the value of a node.
pub(super) fn reach<'p>(
    parsed: &'p Parsed<'_>,
    bindings: &'p Bindings,
    start: Node<'p>,
    loops: Loops,
) -> Reach<'p> {
    let mut slice = Slice {
        loops,
        parsed,
        bindings,
        reach: Reach::default(),
        open: vec![start],
        seen: BTreeSet::new(),
        scope: scope_of(parsed, start),
    };
    slice.follow();
    slice.reach
}

/// Follows a name from a place on.
pub(super) fn reach_of_name<'p>(
    parsed: &'p Parsed<'_>,
    bindings: &'p Bindings,
    name: &str,
    from: Node<'p>,
) -> Reach<'p> {
    let mut slice = Slice {
        loops: Loops::Run,
        parsed,
        bindings,
        reach: Reach::default(),
        open: Vec::new(),
        seen: BTreeSet::new(),
        scope: scope_of(parsed, from),
    };
    slice.taint(name.to_owned(), from.end_byte());
    slice.follow();
    slice.reach
}

struct Slice<'s, 'p> {
    loops: Loops,
    parsed: &'p Parsed<'s>,
    bindings: &'s Bindings,
    reach: Reach<'p>,
    open: Vec<Node<'p>>,
    seen: BTreeSet<(usize, usize)>,
    scope: Node<'p>,
}

/// The outermost function around a node that is not a class or module: closures are followed with their function.
fn scope_of<'p>(parsed: &Parsed<'_>, node: Node<'p>) -> Node<'p> {
    let family = parsed.family();
    let mut scope = node;
    let mut one = Some(node);
    let mut root = node;
    while let Some(above) = one {
        if is_function(family, above.kind()) {
            scope = above;
            if super::tree::function_of(family, above).is_none() && !is_lambda(above.kind()) {
                break;
            }
        }
        root = above;
        one = above.parent();
    }
    if scope == node { root } else { scope }
}

impl<'p> Slice<'_, 'p> {
    fn follow(&mut self) {
        while let Some(node) = self.open.pop() {
            if !self.seen.insert((node.start_byte(), node.end_byte())) {
                continue;
            }
            if self.seen.len() > MAX_VALUES {
                self.reach.incomplete = true;
                return;
            }
            self.climb(node);
        }
    }

    /// From a value up to what takes it.
    fn climb(&mut self, start: Node<'p>) {
        let mut node = start;
        let mut keyword = String::new();
        while let Some(parent) = node.parent() {
            let kind = parent.kind();
            let field = field_of(parent, node);
            if is_call(kind) {
                let is_argument =
                    matches!(field, Some("arguments")) || field.is_none() && kind != "macro_invocation";
                let path = dotted_path(self.parsed, parent);
                if is_argument && is_log_call(&path) {
                    return;
                }
                if let Some(sink) = sink_of(self.parsed, parent, self.bindings) {
                    let position = match is_argument {
                        true => {
                            Position::Argument { keyword: keyword.clone(), index: index_in(parent, start) }
                        }
                        false => Position::Receiver,
                    };
                    self.reach.sinks.push(Entry { sink, position, call: parent });
                }
                if is_argument && fills(&path) {
                    self.taint_base(parent);
                }
                node = parent;
                continue;
            }
            if is_assignment(kind) {
                if let Some((target, value)) = assigned(parent)
                    && value.byte_range().contains(&node.start_byte())
                {
                    self.assign(target, parent.end_byte());
                }
                if kind != "named_expression" {
                    return;
                }
                node = parent;
                continue;
            }
            if matches!(kind, "pair" | "keyword_argument" | "keyed_element" | "named_argument") {
                if matches!(field, Some("key" | "name")) {
                    return;
                }
                let name = parent
                    .child_by_field_name("key")
                    .or_else(|| parent.child_by_field_name("name"))
                    .or_else(|| parent.named_child(0));
                keyword = name.map_or(String::new(), |name| {
                    self.parsed.text_of(name).trim_matches(['"', '\'', ':']).to_owned()
                });
                node = parent;
                continue;
            }
            if kind == "argument" && parent.child_by_field_name("name").is_some() {
                keyword = self.parsed.field_text(parent, "name").to_owned();
            }
            match kind {
                "return_statement" | "return_expression" | "return" | "yield" | "yield_expression" => {
                    match self.lambda_around(parent) {
                        Some(lambda) => {
                            node = lambda;
                            continue;
                        }
                        None => {
                            self.reach.returned = true;
                            return;
                        }
                    }
                }
                "raise_statement" | "throw_statement" | "throw_expression" => return,
                "assert_statement" => {
                    self.reach.decides.push(parent);
                    return;
                }
                "if_clause" => {
                    self.reach.decides.push(parent);
                    node = parent;
                    continue;
                }
                "for_in_clause" | "range_clause" => {
                    if let Some(left) =
                        parent.child_by_field_name("left").filter(|_| self.loops == Loops::Run)
                    {
                        self.assign(left, left.end_byte());
                    }
                    if kind == "range_clause"
                        && let Some(all) = parent.parent()
                    {
                        self.reach.loops.push(all);
                        return;
                    }
                    node = parent;
                    continue;
                }
                "lambda" | "arrow_function" => {
                    if field == Some("body") {
                        node = parent;
                        continue;
                    }
                    return;
                }
                "switch_statement"
                | "match_statement"
                | "switch_expression"
                | "expression_switch_statement"
                | "match_expression" => {
                    self.reach.decides.push(parent);
                    return;
                }
                _ => {}
            }
            if is_if(kind) || (is_loop(kind) && field == Some("condition")) {
                if field == Some("condition") || field == Some("initializer") {
                    self.reach.decides.push(parent);
                }
                return;
            }
            if is_loop(kind) {
                if matches!(field, Some("right" | "value" | "collection" | "iterable")) || field.is_none() {
                    if self.loops == Loops::Run {
                        for name in ["left", "pattern", "name"] {
                            if let Some(left) = parent.child_by_field_name(name) {
                                self.assign(left, left.end_byte());
                            }
                        }
                    }
                    self.reach.loops.push(parent);
                }
                return;
            }
            if is_choice(kind) {
                let is_condition = super::tree::condition(parent) == Some(node);
                if is_condition {
                    self.reach.decides.push(parent);
                }
                node = parent;
                continue;
            }
            // The last expression of a Rust or Ruby function is what it gives back.
            if is_block(kind)
                && matches!(self.parsed.family(), crate::syntax::Family::Rust | crate::syntax::Family::Ruby)
            {
                let is_last =
                    parent.named_child(parent.named_child_count().saturating_sub(1) as u32) == Some(node);
                if is_last
                    && !node.kind().ends_with("statement")
                    && parent.parent().is_some_and(|up| is_function(self.parsed.family(), up.kind()))
                {
                    self.reach.returned = true;
                }
                return;
            }
            if is_block(kind) || kind == "expression_statement" || is_function(self.parsed.family(), kind) {
                return;
            }
            if is_comprehension(kind) {
                node = parent;
                continue;
            }
            node = parent;
        }
    }

    fn lambda_around(&self, node: Node<'p>) -> Option<Node<'p>> {
        let function = above(node, |one| is_function(self.parsed.family(), one.kind()))?;
        let is_value = is_lambda(function.kind())
            && function
                .parent()
                .is_some_and(|parent| !is_assignment(parent.kind()) && parent.kind() != "pair");
        (is_value && function != self.scope).then_some(function)
    }

    /// Names, attributes and entries that an assignment gives the value to.
    fn assign(&mut self, target: Node<'p>, from: usize) {
        let kind = target.kind();
        if matches!(kind, "subscript" | "subscript_expression" | "index_expression" | "element_reference") {
            self.taint_base(target);
            return;
        }
        if matches!(
            kind,
            "attribute"
                | "member_expression"
                | "selector_expression"
                | "field_expression"
                | "member_access_expression"
                | "instance_variable"
                | "field_access"
        ) {
            let chain = squeezed(self.parsed, target);
            self.reach.stored.push(chain.clone());
            self.taint(chain, from);
            return;
        }
        for name in words(self.parsed, target) {
            self.taint(name.to_owned(), from);
        }
    }

    /// What is filled by a call or an assignment of an entry holds the value from then on.
    fn taint_base(&mut self, node: Node<'p>) {
        let mut base = node;
        loop {
            let next = ["object", "value", "operand", "function", "receiver", "array", "argument"]
                .iter()
                .find_map(|field| base.child_by_field_name(field))
                .or_else(|| {
                    base.named_child(0).filter(|_| base.child_count() > 0 && !super::tree::is_word(base))
                });
            match next {
                Some(inner) if inner != base => base = inner,
                _ => break,
            }
        }
        let name = self.parsed.text_of(base).to_owned();
        if !is_fresh(self.parsed, self.scope, &name, node) {
            self.reach.stored.push(name.clone());
        }
        self.taint(name, statement_of(node).end_byte());
    }

    /// Opens every later use of a name in the function; in a loop the earlier ones too.
    fn taint(&mut self, name: String, from: usize) {
        if name.is_empty()
            || matches!(name.as_str(), "self" | "this" | "_")
            || !self.reach.names.insert(name.clone())
        {
            return;
        }
        let mut uses = Vec::new();
        let is_chain = name.contains(['.', '>']);
        let last = name.rsplit(['.', '>']).next().unwrap_or(&name).to_owned();
        let loops_from = self.loop_around(from);
        visit_part(self.scope, |node, position| {
            if node.end_byte() <= loops_from.unwrap_or(from) {
                return Then::Beside;
            }
            let is_use = match is_chain {
                false => {
                    node.child_count() == 0
                        && self.parsed.text_of(node) == name
                        && position.field != Some("attribute")
                        && position.field != Some("property")
                        && position.field != Some("field")
                }
                true => {
                    self.parsed.text_of(node).ends_with(last.as_str())
                        && node.child_count() > 0
                        && squeezed(self.parsed, node) == name
                }
            };
            let is_target = matches!(position.field, Some("left" | "name" | "pattern"))
                && is_assignment(position.parent_kind);
            if is_use && !is_target && position.field != Some("key") {
                uses.push(node);
                return Then::Beside;
            }
            Then::Below
        });
        self.open.extend(uses);
    }

    /// Where the loop around a position begins: what stands earlier in it runs again.
    fn loop_around(&self, at: usize) -> Option<usize> {
        let leaf = self.scope.descendant_for_byte_range(at.saturating_sub(1), at.saturating_sub(1))?;
        above(leaf, |one| is_loop(one.kind()))
            .filter(|one| one.start_byte() >= self.scope.start_byte())
            .map(|one| one.start_byte())
    }
}

/// Whether a part made a container of that name for itself before a place.
fn is_fresh(parsed: &Parsed<'_>, scope: Node<'_>, name: &str, at: Node<'_>) -> bool {
    let mut fresh = false;
    visit_part(scope, |node, _| {
        if node.start_byte() > at.start_byte() {
            return Then::Beside;
        }
        if let Some((target, value)) = assigned(node)
            && parsed.text_of(target) == name
        {
            fresh = is_new_container(parsed, value);
        }
        Then::Below
    });
    fresh
}

/// Whether a call only puts something into a container that its function made for itself.
pub(super) fn fills_own_container(parsed: &Parsed<'_>, call: Node<'_>) -> bool {
    let path = dotted_path(parsed, call);
    let (Some((container, _)), Some(function)) = (path.rsplit_once('.'), function_of(parsed.family(), call))
    else {
        return false;
    };
    fills(&path) && is_fresh(parsed, function, container, call)
}

/// Whether a value is a container or text that nobody else holds.
pub(super) fn is_new_container(parsed: &Parsed<'_>, value: Node<'_>) -> bool {
    let value = super::tree::inner(value);
    let kind = value.kind();
    if matches!(
        kind,
        "list"
            | "dictionary"
            | "set"
            | "tuple"
            | "array"
            | "object"
            | "hash"
            | "array_creation_expression"
            | "composite_literal"
            | "string"
            | "template_string"
    ) || is_comprehension(kind)
    {
        return true;
    }
    let text = parsed.text_of(value);
    if [".copy()", ".clone()", ".slice()", ".to_vec()", ".dup"].iter().any(|end| text.ends_with(end)) {
        return true;
    }
    let callee = text.trim_start_matches("new ").split(['(', '<', '{', '!']).next().unwrap_or_default();
    let last = callee.rsplit(['.', ':']).next().unwrap_or(callee);
    let first = callee.split("::").next().unwrap_or(callee);
    has(
        "list dict set tuple defaultdict OrderedDict Counter deque Map Set Array ArrayList HashMap HashSet StringBuilder make Vec String vec Object BytesIO StringIO",
        last,
    ) || has("Vec HashMap HashSet BTreeMap BTreeSet String", first)
}

/// Calls that put their argument into what they are called on.
fn fills(path: &str) -> bool {
    let last = path.rsplit('.').next().unwrap_or(path);
    path.contains('.')
        && has("append push add extend insert update set put unshift push_str concat setdefault", last)
}

fn index_in(call: Node<'_>, inside: Node<'_>) -> usize {
    let Some(arguments) = call.child_by_field_name("arguments") else { return 0 };
    let mut cursor = arguments.walk();
    arguments
        .named_children(&mut cursor)
        .position(|one| one.byte_range().contains(&inside.start_byte()))
        .unwrap_or(0)
}

/// The field of a parent that a child fills.
pub(super) fn field_of<'p>(parent: Node<'p>, child: Node<'p>) -> Option<&'p str> {
    let mut cursor = parent.walk();
    if !cursor.goto_first_child() {
        return None;
    }
    loop {
        if cursor.node() == child {
            return cursor.field_name();
        }
        if !cursor.goto_next_sibling() {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::{Language, visit_below};

    /// What the value of `seed` reaches.
    fn of(text: &str) -> (Vec<Sink>, bool, usize) {
        let parsed = Parsed::new(Language::Python, text);
        let bindings = Bindings::default();
        let mut start = None;
        visit_below(parsed.root(), |node, _| {
            if start.is_none() && node.kind() == "identifier" && parsed.text_of(node) == "seed" {
                start = Some(node);
            }
        });
        let reached = reach(&parsed, &bindings, start.expect("the text uses `seed`"), Loops::Run);
        (reached.sinks.iter().map(|one| one.sink).collect(), reached.returned, reached.decides.len())
    }

    #[test]
    fn a_value_is_followed_along_assignments_containers_and_calls_and_no_further() {
        for (text, sinks, returned, decides) in [
            ("def f(db):\n    a = seed\n    b = [a]\n    db.insert(b)\n", &[Sink::Write][..], false, 0),
            ("def f(db):\n    a = seed\n    db.insert(c)\n    return a\n", &[], true, 0),
            (
                "def f(q):\n    rows = []\n    rows.append(seed)\n    return q.filter_by(rows)\n",
                &[Sink::Query],
                true,
                0,
            ),
            ("def f():\n    if seed:\n        raise X\n", &[], false, 1),
            ("def f():\n    logger.info(seed)\n", &[], false, 0),
            ("def f(s):\n    for x in seed:\n        s.send_mail(x)\n", &[Sink::Message], false, 0),
            ("def f(db):\n    other = 1\n    print(seed)\n    db.insert(other)\n", &[], false, 0),
        ] {
            assert_eq!(of(text), (sinks.to_vec(), returned, decides), "{text}");
        }
    }
}
