//! A piece of code that was replaced by another one: a more tolerant read, another name, a conversion, or anything else.

use tree_sitter::Node;

use super::super::absence::{Substitute, Test, joined, operator_of, receiver, substitute, test_of};
use super::super::sinks::{Guarding, Sink, guarding, has, is_money, sink_of, sinks_below};
use super::super::slices::{Entry, Loops, Position, Reach, reach, reach_of_name};
use super::super::tree::{
    above, assigned, body, condition, inner, is_call, is_choice, is_handler, is_if, parts, squeezed, words,
};
use super::texts::{callees, telling};
use super::{
    Judged, Scene, Verdict, arguments, ask, ask_two, branches, identifier, is_import, mentions, refuse, root,
    shown,
};
use crate::analysis::syntax::references::dotted_path;
use crate::analysis::syntax::{Family, Parsed, is_decorator_kind, visit_below};
use crate::reason::ReasonCode;

/// Calls that only look at a value or make another one of it.
pub(super) const LOOKS: &str = "\
    unwrap expect len str repr int float bool list dict set tuple sorted min max sum abs round range enumerate zip isinstance hasattr \
    getattr get keys values items strip lstrip rstrip lower upper split rsplit startswith endswith join format \
    replace copy index count find String Number Boolean parseInt parseFloat Object Array isArray from trim \
    ToLower ToUpper TrimSpace TrimRight TrimLeft Split Join Sprintf Itoa toLowerCase toUpperCase toLocaleLowerCase toLocaleUpperCase includes has at slice substring substr charAt concat \
    match test map filter some every flat flatMap toString unwrap_or_default unwrap_or unwrap_or_else cloned clone \
    as_ref as_deref and_then or ok ok_or map_or to_string to_owned into isset empty is_null make new append nil? \
    present? blank? to_s to_i to_a dig decode encode get_or_default getOrDefault orElse isPresent ofNullable Optional Some";

/// Names that bound what a program takes or how long it waits.
const BOUNDS: &str = "max min limit timeout retries retry ttl attempts deadline threshold";

/// A read that no longer crashes if something is missing.
struct Widened<'c> {
    operand: String,
    /// What the value is then.
    instead: Substitute,
    /// The code of it, if there is any.
    code: Option<Node<'c>>,
}

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
                Family::Python | Family::Script => Verdict::Harmless,
                _ => ask(
                    format!("Is the type `{is}` in place of `{was}` right for every caller?"),
                    &identifier(self.new, new),
                ),
            };
            return of(format!("The type `{was}` becomes `{is}`"), verdict);
        }
        if is_decorator_kind(new.kind()) || above(new, |one| is_decorator_kind(one.kind())).is_some() {
            let why = format!("The decorator `{was}` becomes `{is}`");
            return of(why.clone(), refuse(ReasonCode::CheckDeleted, why));
        }
        if let Some(header) = handler_header(new) {
            return self.caught(header, old, new);
        }
        if let Some(telling) = telling(self.new, new)
            && super::texts::telling(self.old, old).is_some()
        {
            return self.told(telling, Some(old), new);
        }
        if let Some(widened) = self.widened(old, new) {
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

    /// A read that is more tolerant now, or a value that has a substitute now.
    fn widened(&self, old: Node<'c>, new: Node<'c>) -> Option<Widened<'c>> {
        let (was, is) = (squeezed(self.old, inner(old)), squeezed(self.new, inner(new)));
        let value = |operand: &str, code: Option<Node<'c>>| Widened {
            operand: operand.to_owned(),
            instead: code.map_or(Substitute::Neutral, |code| substitute(self.new, code)),
            code,
        };
        let text = self.new.text_of(new);
        // `a.b` → `a?.b`
        if was == is && (text.contains("?.") || text.contains("&.") || text.contains("?->")) {
            let operand = is_operand_of_safe(text);
            return Some(value(&operand, None));
        }
        // `d[k]` → `d.get(k, N)`
        if let Some((object, key, default)) = self.read_with_default(new)
            && matches!(
                old.kind(),
                "subscript"
                    | "subscript_expression"
                    | "element_reference"
                    | "array_access"
                    | "index_expression"
            )
        {
            let found = format!("{object}[{key}]");
            if was == found {
                return Some(value(&found, default));
            }
        }
        // `d.get(k)` → `d.get(k, N)`
        if let (Some((object, key, _)), Some((other, same, Some(default)))) =
            (self.read_with_default_old(old), self.read_with_default(new))
            && object == other
            && key == same
        {
            return Some(value(&format!("{object}[{key}]"), Some(default)));
        }
        let node = inner(new);
        // `e` → `e or N`, `e ?? N`
        if let Some(operator) = operator_of(self.new, node)
            && matches!(operator, "or" | "||" | "??" | "?:")
        {
            let (left, right) = (node.child_by_field_name("left")?, node.child_by_field_name("right")?);
            let left_text = squeezed(self.new, inner(left));
            let reads_same = left_text == was || self.is_read_of(left, &was);
            if reads_same && !self.is_condition(new) {
                return Some(value(&was, Some(right)));
            }
        }
        // `e` → `e if T else N`, `T ? e : N`
        if is_choice(node.kind()) && !is_choice(inner(old).kind()) {
            let (then, otherwise) = branches_of(node)?;
            let asks = condition(node)?;
            let test = test_of(self.new, asks);
            let (then_text, else_text) =
                (squeezed(self.new, inner(then)), squeezed(self.new, inner(otherwise)));
            let operand = test.operands().into_iter().next().unwrap_or_else(|| was.clone());
            if (then_text == was || self.is_read_of(then, &was)) && test.drops_missing() {
                return Some(Widened {
                    operand,
                    instead: substitute(self.new, otherwise),
                    code: Some(otherwise),
                });
            }
            if (else_text == was || self.is_read_of(otherwise, &was)) && test.selects_missing() {
                return Some(Widened { operand, instead: substitute(self.new, then), code: Some(then) });
            }
        }
        // `a.b` → `getattr(a, "b", N)`
        if is_call(node.kind()) && dotted_path(self.new, node) == "getattr" {
            let given = arguments(node);
            if let [object, name, default] = given[..] {
                let path = format!(
                    "{}.{}",
                    squeezed(self.new, object),
                    self.new.text_of(name).trim_matches(['"', '\''])
                );
                // Only for the attribute that the error is about: else it hides the next one.
                let last = path.rsplit('.').next().unwrap_or(&path);
                if path == was && self.crash.message.contains(&format!("has no attribute '{last}'")) {
                    return Some(value(&path, Some(default)));
                }
            }
        }
        // `{a}` → `{a = N}`
        if matches!(new.kind(), "object_assignment_pattern" | "assignment_pattern") {
            let (left, right) = (new.child_by_field_name("left")?, new.child_by_field_name("right")?);
            if squeezed(self.new, left) == was {
                return Some(value(&was, Some(right)));
            }
        }
        // `x.unwrap()` → `x.unwrap_or_default()`
        if self.new.family() == Family::Rust && was.contains(".unwrap()") {
            return self.unwrapped(&was, node);
        }
        None
    }

    fn unwrapped(&self, was: &str, node: Node<'c>) -> Option<Widened<'c>> {
        let before = was.split(".unwrap()").next().unwrap_or(was).split(".expect(").next().unwrap_or(was);
        let open = before.char_indices().rev().scan(0_i32, |depth, (at, c)| {
            *depth += i32::from(c == ')') - i32::from(c == '(');
            Some((at, *depth, c))
        });
        let begin = open
            .into_iter()
            .find(|(_, depth, c)| *depth < 0 || (*depth == 0 && *c == ','))
            .map_or(0, |(at, _, _)| at + 1);
        let operand = before[begin..].trim_start_matches(['&', '*']).to_owned();
        let mut code = None;
        let mut has_default = false;
        let mut only_reads = true;
        visit_below(node, |one, _| {
            if !is_call(one.kind()) {
                return;
            }
            let path = dotted_path(self.new, one);
            let last = path.rsplit('.').next().unwrap_or(&path);
            match last {
                "unwrap_or_default" => has_default = true,
                "unwrap_or" | "map_or" | "or" | "unwrap_or_else" | "map_or_else" => {
                    has_default = true;
                    code = arguments(one).first().copied();
                }
                _ => {
                    only_reads &= has(LOOKS, last)
                        || was.contains(&format!("{last}("))
                        || last == "Some"
                        || last == "now"
                }
            }
        });
        let starts = squeezed(self.new, node).contains(&operand);
        let returns = self.new.text_of(node).contains("return");
        (has_default && only_reads && starts && !returns).then(|| Widened {
            operand,
            instead: code.map_or(Substitute::Neutral, |code| substitute(self.new, code)),
            code,
        })
    }

    /// `d.get(k)` and `d.get(k, N)`: object, key and default.
    fn read_with_default(&self, node: Node<'c>) -> Option<(String, String, Option<Node<'c>>)> {
        read_with_default(self.new, node)
    }

    fn read_with_default_old(&self, node: Node<'c>) -> Option<(String, String, Option<Node<'c>>)> {
        read_with_default(self.old, node)
    }

    /// Whether a new node reads what the old text reads, more tolerantly.
    fn is_read_of(&self, node: Node<'c>, was: &str) -> bool {
        let text = squeezed(self.new, inner(node));
        if text == was {
            return true;
        }
        // Every `d.get(k)` read as `d[k]`, defaults left out.
        let plain = |text: &str| -> String {
            let mut out = text.replace(".get(", "[");
            for default in [",None)", ",{})", ",[])", ",\"\")", ",[None])", ",False)"] {
                out = out.replace(default, "]");
            }
            out.replace(')', "]").replace('(', "[")
        };
        plain(&text) == plain(was)
    }

    /// Whether a node is, or is part of, what an `if` or a filter asks, joined by `and`, `or` and `not` only.
    fn is_condition(&self, node: Node<'c>) -> bool {
        self.condition_of(node).is_some()
    }

    /// The `if`, choice, loop or filter whose condition a node is part of.
    fn condition_of(&self, node: Node<'c>) -> Option<Node<'c>> {
        let mut one = node;
        while let Some(parent) = one.parent() {
            let kind = parent.kind();
            let asks = condition(parent) == Some(one) || (kind == "if_clause") || kind == "assert_statement";
            if asks {
                return Some(parent);
            }
            let is_joint = joined(self.new, parent).is_some()
                || matches!(
                    kind,
                    "parenthesized_expression"
                        | "not_operator"
                        | "unary_expression"
                        | "unary"
                        | "unary_op_expression"
                );
            if !is_joint {
                return None;
            }
            one = parent;
        }
        None
    }

    /// What a more tolerant value does behind the place.
    fn judge_widened(&self, widened: &Widened<'c>, new: Node<'c>) -> Judged {
        let fact = match widened.code {
            Some(code) => format!("`{}` is `{}` if it is missing", widened.operand, shown(self.new, code)),
            None => format!("`{}` may be missing", widened.operand),
        };
        let verdict = self.widened_verdict(widened, new);
        Judged::new(new, fact, verdict)
    }

    fn widened_verdict(&self, widened: &Widened<'c>, new: Node<'c>) -> Verdict {
        let name = last_name(&widened.operand);
        if let Some(code) = widened.code {
            if let Some((sink, call)) = sinks_below(self.new, code, self.bindings).first() {
                return refuse(
                    ReasonCode::SensitiveChange,
                    format!(
                        "For a missing `{}`, `{}` ({}) is called",
                        widened.operand,
                        shown(self.new, *call),
                        sink.name()
                    ),
                );
            }
            let fresh = callees(self.new, code);
            if fresh.iter().any(|callee| self.is_own_function(callee, new)) {
                return refuse(
                    ReasonCode::SensitiveChange,
                    format!("The function calls itself if `{}` is missing", widened.operand),
                );
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
            return refuse(
                ReasonCode::ComputationChanged,
                format!("A number or date is made up for a missing `{}`: `{code}`", widened.operand),
            );
        }
        let strength = guarding([widened.operand.as_str()]);
        let grants = widened.instead == Substitute::Yes
            || (widened.instead != Substitute::Neutral && strength == Guarding::Strong);
        if strength != Guarding::No && grants {
            return refuse(
                ReasonCode::CheckDeleted,
                format!("A missing `{}` counts as something", widened.operand),
            );
        }
        if let Some(bound) = self.bound_name(new) {
            return refuse(
                ReasonCode::ComputationChanged,
                format!("`{bound}`, which is a limit, gets another value"),
            );
        }
        let reached = match new.kind() {
            "object_assignment_pattern" | "assignment_pattern" => {
                reach_of_name(self.new, self.bindings, &widened.operand, new)
            }
            _ => {
                let loops = if widened.instead == Substitute::Neutral { Loops::Empty } else { Loops::Run };
                reach(self.new, self.bindings, new, loops)
            }
        };
        let operands = [widened.operand.clone()];
        let neutral = widened.instead == Substitute::Neutral;
        if !self.is_about_crash(&operands, new) && !reached.sinks.is_empty() {
            return refuse(
                ReasonCode::SensitiveChange,
                format!(
                    "`{}` has nothing to do with the line that crashed and reaches {}",
                    widened.operand,
                    reached.sinks[0].sink.name()
                ),
            );
        }
        let mut questions: Vec<Verdict> = Vec::new();
        for entry in &reached.sinks {
            match self.cell(entry, neutral, &widened.operand) {
                Verdict::Harmless => {}
                refused @ Verdict::Refuse { .. } => return refused,
                asked => questions.push(asked),
            }
        }
        for decided in &reached.decides {
            match self.decided(*decided, widened, new) {
                Verdict::Harmless => {}
                refused @ Verdict::Refuse { .. } => return refused,
                asked => questions.push(asked),
            }
        }
        for looped in &reached.loops {
            match self.looped(*looped, &widened.operand) {
                Verdict::Harmless => {}
                refused @ Verdict::Refuse { .. } => return refused,
                asked => questions.push(asked),
            }
        }
        if let Some(first) = questions.into_iter().next() {
            return first;
        }
        if reached.incomplete {
            return ask(
                format!(
                    "Does nothing that `{}` reaches in this function need it to be there?",
                    widened.operand
                ),
                &name,
            );
        }
        if !neutral {
            let code = widened.code.map_or(String::new(), |code| shown(self.new, code));
            return ask(
                format!(
                    "If `{}` is missing, is `{code}` the right value for everything that uses it?",
                    widened.operand
                ),
                &name,
            );
        }
        Verdict::Harmless
    }

    /// The outcome table for a value that reaches a sink: rows by what the value is, columns by the sink.
    fn cell(&self, entry: &Entry<'c>, neutral: bool, operand: &str) -> Verdict {
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
        let no = |what: &str| {
            refuse(ReasonCode::SensitiveChange, format!("Without `{operand}`, {what} of `{call}` changes"))
        };
        match entry.sink {
            Sink::Permission => no("the permission check"),
            Sink::Crypto => no("the cryptography"),
            Sink::Money => no("the amount"),
            Sink::System => no("the file or process"),
            Sink::Request if target => no("the target"),
            _ if !neutral
                && matches!(entry.position, Position::Argument { .. })
                && entry.sink != Sink::Query =>
            {
                no(entry.sink.name())
            }
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
    fn decided(&self, decided: Node<'c>, widened: &Widened<'c>, new: Node<'c>) -> Verdict {
        let name = last_name(&widened.operand);
        let (asks, body_of) = (condition(decided), body(decided));
        let Some(asks) = asks else { return Verdict::Harmless };
        let asked = shown(self.new, asks);
        let mut names: Vec<&str> = words(self.new, asks);
        let strength = guarding(names.iter().copied());
        let filters = decided.kind() == "if_clause";
        if filters || is_choice(decided.kind()) {
            if widened.instead == Substitute::Yes {
                return refuse(
                    ReasonCode::CheckDeleted,
                    format!("Without `{}`, the condition `{asked}` holds", widened.operand),
                );
            }
            return match (strength, widened.instead) {
                (_, Substitute::Neutral) if filters && self.falsy_closes(asks, new) => Verdict::Harmless,
                (_, Substitute::Neutral) if !filters => Verdict::Harmless,
                (Guarding::Strong, _) => {
                    refuse(ReasonCode::CheckDeleted, format!("`{asked}` decides who may do something"))
                }
                _ => ask(
                    format!("Without `{}`, does `{asked}` choose what it should?", widened.operand),
                    &name,
                ),
            };
        }
        let denial = body_of.is_some_and(|body| branches::denies(self.new, body));
        if denial {
            if let Some(body) = body_of {
                names.extend(words(self.new, body));
            }
            if self.falsy_enters(asks, new) {
                return Verdict::Harmless; // one more reason to stop
            }
            return match guarding(names.iter().copied()) {
                Guarding::Strong => refuse(
                    ReasonCode::CheckDeleted,
                    format!("Without `{}`, the check `{asked}` is passed", widened.operand),
                ),
                Guarding::Weak if strength != Guarding::No => refuse(
                    ReasonCode::CheckDeleted,
                    format!("Without `{}`, the check `{asked}` is passed", widened.operand),
                ),
                _ => ask_two(
                    format!(
                        "Without `{}`, the check `{asked}` is passed. Is there nothing to check then?",
                        widened.operand
                    ),
                    &name,
                ),
            };
        }
        if widened.instead == Substitute::Yes && strength != Guarding::No {
            return refuse(
                ReasonCode::CheckDeleted,
                format!("Without `{}`, the condition `{asked}` holds", widened.operand),
            );
        }
        if decided.child_by_field_name("alternative").is_some()
            && !self.is_about_operand_only(decided, widened)
        {
            return ask(
                format!(
                    "Without `{}`, the other branch of `{asked}` runs. Is it meant for that?",
                    widened.operand
                ),
                &name,
            );
        }
        if body_of.is_some_and(|body| branches::leaves(self.new, body))
            && widened.instead == Substitute::Neutral
            && !self.falsy_enters(asks, new)
        {
            // The early way out is not taken; what comes then never ran in these states.
            return ask(
                format!(
                    "Without `{}`, `{asked}` does not hold and the code goes on. Is that right?",
                    widened.operand
                ),
                &name,
            );
        }
        Verdict::Harmless
    }

    fn is_about_operand_only(&self, decided: Node<'c>, _widened: &Widened<'c>) -> bool {
        // An `else if` of the same kind is no other branch worth a question if it only tells.
        let Some(other) = decided.child_by_field_name("alternative") else { return true };
        let statements: Vec<Node<'c>> =
            parts(other).into_iter().flat_map(super::super::tree::body_statements).collect();
        statements.iter().all(|one| self.is_log_statement(self.new, *one))
    }

    /// Whether a missing value makes the whole condition false.
    fn falsy_closes(&self, asks: Node<'c>, new: Node<'c>) -> bool {
        match joined(self.new, inner(asks)) {
            Some(("and", sides)) => sides
                .iter()
                .any(|side| side.byte_range().contains(&new.start_byte()) && self.falsy_closes(*side, new)),
            Some((_, _)) => false,
            None => {
                !self.new.text_of(inner(asks)).starts_with(['!', 'n'])
                    || !self.new.text_of(inner(asks)).starts_with("not")
            }
        }
    }

    /// Whether a missing value makes the condition true, or one of several reasons to enter its body.
    fn falsy_enters(&self, asks: Node<'c>, new: Node<'c>) -> bool {
        let node = inner(asks);
        if let Some((operator, sides)) = joined(self.new, node) {
            let holding = sides.into_iter().find(|side| side.byte_range().contains(&new.start_byte()));
            return operator == "or" && holding.is_some_and(|side| self.falsy_enters(side, new));
        }
        let text = self.new.text_of(node);
        if text.starts_with("not ") || text.starts_with('!') && !text.starts_with("!=") {
            return true;
        }
        // `x.get("a") != b`: nothing differs from everything.
        ["!=", "!==", "is None", "== null", "=== undefined", "== nil", "is not"]
            .iter()
            .any(|sign| text.contains(sign))
            && !text.contains("is not None")
    }

    /// A loop over nothing: what it checks is not checked.
    fn looped(&self, looped: Node<'c>, operand: &str) -> Verdict {
        let Some(body) = looped.child_by_field_name("body") else { return Verdict::Harmless };
        let (mut denies, mut checks) = (false, false);
        visit_below(body, |node, at| {
            if is_if(at.kind)
                && super::super::tree::body(node).is_some_and(|inside| branches::denies(self.new, inside))
            {
                denies = true;
            }
            checks |= at.kind == "assert_statement";
        });
        if !denies && !checks {
            return Verdict::Harmless;
        }
        let names: Vec<&str> = words(self.new, body)
            .into_iter()
            .chain(words(self.new, looped.child_by_field_name("right").unwrap_or(looped)))
            .collect();
        match guarding(names.iter().copied()) {
            Guarding::Strong if denies => refuse(
                ReasonCode::CheckDeleted,
                format!("Without `{operand}`, the loop that denies checks nothing"),
            ),
            _ => ask_two(
                format!(
                    "Without `{operand}`, the loop that checks its entries checks nothing. Is there nothing to check then?"
                ),
                &last_name(operand),
            ),
        }
    }

    /// A condition that got one more part.
    fn extended(&self, old: Node<'c>, new: Node<'c>) -> Option<Judged> {
        let place = self.condition_of(new);
        let was = squeezed(self.old, inner(old));
        let (operator, sides) = match joined(self.new, inner(new)) {
            Some(found) => found,
            None => return self.rewritten_test(old, new, place?),
        };
        let kept = |side: &Node<'c>| squeezed(self.new, inner(*side)) == was || self.is_read_of(*side, &was);
        let old_parts: Vec<String> =
            joined(self.old, inner(old)).filter(|(same, _)| *same == operator).map_or_else(
                || vec![was.clone()],
                |(_, parts)| parts.iter().map(|one| squeezed(self.old, inner(*one))).collect(),
            );
        let all_kept = sides.iter().any(kept)
            || old_parts
                .iter()
                .all(|part| sides.iter().any(|side| squeezed(self.new, inner(*side)) == *part));
        if !all_kept {
            return None;
        }
        let added: Vec<Node<'c>> = sides
            .iter()
            .copied()
            .filter(|side| !kept(side) && !old_parts.contains(&squeezed(self.new, inner(*side))))
            .collect();
        let tests: Vec<Test> = added.iter().map(|one| test_of(self.new, *one)).collect();
        let text = added
            .iter()
            .map(|one| shown(self.new, *one))
            .collect::<Vec<_>>()
            .join(format!(" {operator} ").as_str());
        let fact = format!("The condition `{}` also asks `{text}`", shown(self.old, old));
        let verdict = match (place, operator) {
            (Some(place), operator) if place.kind().starts_with("unless") => {
                // The body runs if the condition does not hold.
                let denies = body(place).is_some_and(|inside| branches::denies(self.new, inside));
                match (denies, operator) {
                    (true, "and") => Verdict::Harmless,
                    (true, _) => refuse(ReasonCode::CheckDeleted, format!("The check is passed if `{text}`")),
                    (false, _) => ask(
                        format!(
                            "Is the condition right for every input that worked before, now that it also asks `{text}`?"
                        ),
                        &identifier(self.new, new),
                    ),
                }
            }
            (Some(place), "and") => self.narrowed(place, new, &Test::And(tests), &text),
            (Some(place), _) => self.opened(place, old, &Test::Or(tests), &text),
            (None, operator) => self.value_joined(new, operator, &Test::And(tests), &text),
        };
        Some(Judged::new(new, fact, verdict))
    }

    /// `T and C`: what ran if C held no longer runs if T does not hold.
    fn narrowed(&self, place: Node<'c>, new: Node<'c>, test: &Test, text: &str) -> Verdict {
        let operands = test.operands();
        let name = operands.first().map_or_else(|| identifier(self.new, new), |one| last_name(one));
        let conservative = test.drops_missing();
        let body_of = body(place);
        let asks = condition(place).unwrap_or(place);
        let negated = self.is_negated(asks, new);
        if negated {
            return ask(
                format!(
                    "Is the condition right for every input that worked before, now that it also asks `{text}`?"
                ),
                &name,
            );
        }
        if place.kind() == "if_clause" || place.kind() == "assert_statement" {
            let strong = guarding(words(self.new, asks)) == Guarding::Strong;
            return match conservative {
                true if !strong => {
                    ask(format!("Are the entries for which `{text}` does not hold rightly left out?"), &name)
                }
                _ => refuse(ReasonCode::CheckDeleted, format!("Entries are chosen by `{text}` as well")),
            };
        }
        if is_choice(place.kind()) {
            return match conservative {
                true => Verdict::Harmless,
                false => ask(
                    format!(
                        "Is the choice right for every input that worked before, now that it also asks `{text}`?"
                    ),
                    &name,
                ),
            };
        }
        let Some(body_of) = body_of else { return ask(format!("Is `{text}` right here?"), &name) };
        if branches::denies(self.new, body_of) {
            return refuse(
                ReasonCode::CheckDeleted,
                format!("The check stops only if `{text}` holds as well"),
            );
        }
        let strength = guarding(words(self.new, asks));
        if !conservative {
            let acts: Vec<(Sink, Node<'c>)> = sinks_below(self.new, body_of, self.bindings);
            return match acts.first() {
                Some((sink, call)) => refuse(
                    ReasonCode::WorkSkipped,
                    format!("`{}` ({}) now runs only if `{text}` holds", shown(self.new, *call), sink.name()),
                ),
                None => ask(format!("Is there nothing to do if `{text}` does not hold?"), &name),
            };
        }
        if place.child_by_field_name("alternative").is_some() && !self.only_tells_or_tests(place) {
            return ask(
                format!("If `{text}` does not hold, the other branch runs. Is it meant for that?"),
                &name,
            );
        }
        if strength != Guarding::No {
            return ask(
                format!(
                    "Does the condition with `{text}` have nothing to do with what users may do, and is it right to go on without?"
                ),
                &name,
            );
        }
        Verdict::Harmless
    }

    fn only_tells_or_tests(&self, place: Node<'c>) -> bool {
        let Some(other) = place.child_by_field_name("alternative") else { return true };
        let statements: Vec<Node<'c>> =
            parts(other).into_iter().flat_map(super::super::tree::body_statements).collect();
        statements.iter().all(|one| self.is_log_statement(self.new, *one))
    }

    /// `T or C`: what ran only if C held now runs if T holds as well.
    fn opened(&self, place: Node<'c>, old: Node<'c>, test: &Test, text: &str) -> Verdict {
        let operands = test.operands();
        let name = operands.first().map_or_else(|| identifier(self.old, old), |one| last_name(one));
        let old_text = squeezed(self.old, inner(old));
        let asks = condition(place).unwrap_or(place);
        if place.kind() == "if_clause" || place.kind() == "assert_statement" {
            // A list of what is allowed that is missing does not allow everything.
            let is_membership = operands.iter().any(|one| {
                old_text.contains(&format!("in{}", one.split('[').next().unwrap_or(one)))
                    || old_text.contains(&format!("{one}.includes("))
            });
            if is_membership || guarding(words(self.new, asks)) != Guarding::No {
                return refuse(
                    ReasonCode::CheckDeleted,
                    format!("Everything is let through if `{text}` holds"),
                );
            }
            return ask(format!("Are the entries for which `{text}` holds rightly taken as well?"), &name);
        }
        let Some(body_of) = body(place) else {
            return ask(format!("Is `{text}` right here?"), &name);
        };
        if branches::denies(self.new, body_of) {
            return Verdict::Harmless;
        }
        if branches::leaves(self.new, body_of) && test.selects_missing() {
            return self.leave_verdict(place, test, text);
        }
        match sinks_below(self.new, body_of, self.bindings).first() {
            Some((sink, call)) => refuse(
                ReasonCode::SensitiveChange,
                format!("`{}` ({}) now runs if `{text}` holds as well", shown(self.new, *call), sink.name()),
            ),
            None => ask(format!("Should this branch run if `{text}` holds as well?"), &name),
        }
    }

    /// `T and e` or `T or e` as a value.
    fn value_joined(&self, new: Node<'c>, operator: &str, test: &Test, text: &str) -> Verdict {
        let name = test.operands().first().map_or_else(|| identifier(self.new, new), |one| last_name(one));
        let reached = reach(self.new, self.bindings, new, Loops::Run);
        if let Some(entry) = reached.sinks.first() {
            return refuse(
                ReasonCode::SensitiveChange,
                format!(
                    "`{}` ({}) is given another value by `{text}`",
                    shown(self.new, entry.call),
                    entry.sink.name()
                ),
            );
        }
        if operator == "or" && test.selects_missing() {
            // A test that is true if something is missing answers yes for it.
            let function =
                super::function_of(self.new.family(), new).map_or("", |one| self.new.field_text(one, "name"));
            let asks_permission = ["has", "is", "can", "may", "allow", "check", "valid"]
                .iter()
                .any(|word| sinks_words(function).first().is_some_and(|first| first == word));
            if asks_permission && reached.returned || guarding([function]) != Guarding::No {
                return refuse(
                    ReasonCode::CheckDeleted,
                    format!("`{function}` answers yes if `{text}` holds"),
                );
            }
        }
        ask(format!("Is the value right for everything that uses it if `{text}` decides it?"), &name)
    }

    /// A condition that asks for the same thing in another way.
    fn rewritten_test(&self, old: Node<'c>, new: Node<'c>, place: Node<'c>) -> Option<Judged> {
        let (was, is) = (test_of(self.old, old), test_of(self.new, new));
        if self.condition_of(new).is_none() || old.parent().is_some_and(|parent| parent.kind() == "subscript")
        {
            return None;
        }
        let asks = condition(place).unwrap_or(place);
        let (Test::Asks { .. }, Test::Asks { when_missing: after, .. }) = (&was, &is) else { return None };
        let Test::Asks { when_missing: before, .. } = was else { return None };
        let same_operand = was_operand(&was)
            .iter()
            .any(|one| was_operand(&is).iter().any(|other| one == other || loose(one) == loose(other)));
        if !same_operand || before != *after {
            return None;
        }
        let text = shown(self.new, new);
        let fact = format!("The condition `{}` becomes `{text}`", shown(self.old, old));
        let strong = guarding(words(self.new, asks)) == Guarding::Strong;
        let denies = body(place).is_some_and(|body| branches::denies(self.new, body));
        let name = last_name(&is.operands().first().cloned().unwrap_or_default());
        let verdict = match (strong, denies) {
            (true, _) => refuse(ReasonCode::CheckDeleted, format!("`{text}` decides who may do something")),
            (false, true) => ask_two(
                format!("Does the check stop everything that it stopped before, now that it asks `{text}`?"),
                &name,
            ),
            (false, false) => Verdict::Harmless,
        };
        Some(Judged::new(new, fact, verdict))
    }

    /// Whether a node stands under an odd number of `not`.
    fn is_negated(&self, asks: Node<'c>, node: Node<'c>) -> bool {
        let mut negated = false;
        let mut next = node.parent();
        while let Some(one) = next.filter(|one| one.start_byte() >= asks.start_byte()) {
            negated ^= one.kind() == "not_operator"
                || (one.kind().starts_with("unary") && self.new.text_of(one).starts_with('!'));
            next = one.parent();
        }
        negated
    }

    /// `x` → `str(x)`, `[x]`, `(int) x`; `"1"` → `1`.
    fn converted(&self, old: Node<'c>, new: Node<'c>) -> Option<Judged> {
        let node = inner(new);
        let was = squeezed(self.old, inner(old));
        let wraps = match node.kind() {
            "cast_expression" | "type_cast_expression" | "as_expression" => {
                node.child_by_field_name("value").or_else(|| node.named_child(0))
            }
            "list" | "array" => parts(node).first().copied().filter(|_| parts(node).len() == 1),
            kind if is_call(kind) => {
                let path = dotted_path(self.new, node);
                let last = path.rsplit('.').next().unwrap_or(&path);
                let converts = has(
                    "str int float bool list tuple set dict String Number Boolean Array from decode encode strip trim to_s to_i to_string to_owned lower upper",
                    last,
                );
                let operand = match receiver(node) {
                    Some(receiver) if squeezed(self.new, inner(receiver)) == was => Some(receiver),
                    _ => arguments(node).first().copied(),
                };
                operand.filter(|_| converts)
            }
            _ => None,
        };
        let same_literal = || {
            let bare = |text: &str| text.trim_matches(['"', '\'', '`']).to_owned();
            bare(self.old.text_of(old)) == bare(self.new.text_of(new))
                && bare(self.old.text_of(old)).parse::<f64>().is_ok()
        };
        let is_conversion = wraps
            .is_some_and(|value| squeezed(self.new, inner(value)) == was || self.is_read_of(value, &was))
            || same_literal();
        if !is_conversion {
            return None;
        }
        if node.kind() == "as_expression" {
            return Some(Judged::new(
                new,
                format!("The type of `{was}` is said as `{}`", shown(self.new, new)),
                Verdict::Harmless,
            ));
        }
        let fact = format!("`{was}` is converted: `{}`", shown(self.new, new));
        let name = identifier(self.new, node);
        let reached = reach(self.new, self.bindings, new, Loops::Run);
        let verdict = self.sinks_or(&reached, &was, || {
            ask(
                format!(
                    "Does everything that takes `{}` work with it for every input that worked before?",
                    shown(self.new, new)
                ),
                &name,
            )
        });
        Some(Judged::new(new, fact, verdict))
    }

    /// For a value that changes for inputs that worked before: no sink that decides, spends or asks elsewhere.
    fn sinks_or(&self, reached: &Reach<'c>, operand: &str, otherwise: impl Fn() -> Verdict) -> Verdict {
        for entry in &reached.sinks {
            let hard = !matches!(entry.sink, Sink::Query | Sink::Write | Sink::Message)
                || matches!(entry.position, Position::Receiver)
                    && entry.sink == Sink::Query
                    && self.is_chain_part(entry);
            if hard {
                return refuse(
                    ReasonCode::SensitiveChange,
                    format!(
                        "`{operand}` changes what `{}` ({}) is given",
                        shown(self.new, entry.call),
                        entry.sink.name()
                    ),
                );
            }
        }
        match reached.sinks.iter().find(|entry| entry.sink == Sink::Write) {
            Some(entry) => ask_two(
                format!(
                    "Is `{}` right with the changed `{operand}`, for every input that worked before?",
                    shown(self.new, entry.call)
                ),
                &last_name(operand),
            ),
            None => otherwise(),
        }
    }

    fn is_chain_part(&self, entry: &Entry<'c>) -> bool {
        sink_of(self.new, entry.call, self.bindings) == Some(Sink::Query)
    }

    /// A call that now follows on an old value.
    pub(super) fn appended(&self, call: Node<'c>) -> Judged {
        let path = dotted_path(self.new, call);
        let last = path.rsplit('.').next().unwrap_or(&path).to_owned();
        let fact = format!(
            "`{last}` is newly called on `{}`",
            receiver(call).map_or(String::new(), |one| shown(self.new, one))
        );
        let code = shown(self.new, call);
        let name = receiver(call).map_or_else(|| identifier(self.new, call), |one| identifier(self.new, one));
        let filters = matches!(last.as_str(), "filter" | "reject" | "compact" | "dropna");
        let by_truth = arguments(call).first().is_none_or(|chosen| {
            let asks = chosen.child_by_field_name("body").unwrap_or(*chosen);
            test_of(self.new, asks).drops_missing()
        });
        let reached = reach(self.new, self.bindings, call, Loops::Run);
        let verdict = match (sink_of(self.new, call, self.bindings), reached.sinks.first()) {
            (Some(sink), _) => {
                refuse(ReasonCode::SensitiveChange, format!("`{code}` changes {}", sink.name()))
            }
            (None, Some(entry)) => refuse(
                ReasonCode::SensitiveChange,
                format!(
                    "`{code}` changes what `{}` ({}) is given",
                    shown(self.new, entry.call),
                    entry.sink.name()
                ),
            ),
            (None, None) if filters && !by_truth => {
                refuse(ReasonCode::WorkSkipped, format!("Entries are left out: `{code}`"))
            }
            (None, None) => ask(format!("Is `{code}` right for every input that worked before?"), &name),
        };
        Judged::new(call, fact, verdict)
    }

    /// Another name for one that does not exist.
    fn renamed(&self, old: Node<'c>, new: Node<'c>) -> Option<Judged> {
        let is_name = |node: Node<'_>, text: &str| {
            (super::super::tree::is_chain(node.kind())
                || super::super::tree::is_word(node)
                || node.kind() == "property_identifier"
                || is_call(node.kind()))
                && text.len() < 120
        };
        let (was, is) = (squeezed(self.old, old), squeezed(self.new, new));
        let pair_value = (new.kind() == "pair" && super::super::tree::is_word(old))
            .then(|| new.child_by_field_name("value"))
            .flatten();
        let (value, is) = match pair_value {
            Some(value) if self.new.field_text(new, "key") == was => (value, squeezed(self.new, value)),
            _ => (new, is),
        };
        if !is_name(old, &was)
            || !is_name(value, &is)
            || !callees(self.new, value)
                .iter()
                .all(|callee| callee.rsplit('.').next().is_some_and(|last| last.starts_with("get")))
        {
            return None;
        }
        let old_words = words(self.old, old);
        let new_words = words(self.new, value);
        let gone: Vec<&str> = old_words.iter().copied().filter(|word| !new_words.contains(word)).collect();
        let dead = gone.iter().any(|word| self.is_dead(word, old)) || self.is_getter_of(&was, &is);
        let name = new_words.iter().rev().find(|word| !old_words.contains(word)).copied().unwrap_or_default();
        let attested = new_words.iter().all(|word| mentions(self.old.text_of(self.old.root()), word));
        let fact =
            format!("`{was}` becomes `{is}`{}", if dead { ", and the old name does not exist" } else { "" });
        if !dead && (!callees(self.new, value).is_empty() || is_call(old.kind())) {
            return None; // another call, not another name
        }
        let reached = reach(self.new, self.bindings, value, Loops::Run);
        let question =
            format!("Is `{is}` what is meant here in place of `{was}`, for everything that uses it?");
        if !dead {
            let decides = reached.decides.iter().any(|one| {
                body(*one).is_some_and(|inside| {
                    branches::leaves(self.new, inside) || branches::denies(self.new, inside)
                })
            });
            let verdict = match reached.sinks.first() {
                Some(entry) => refuse(
                    ReasonCode::SensitiveChange,
                    format!(
                        "`{is}` in place of `{was}` reaches `{}` ({})",
                        shown(self.new, entry.call),
                        entry.sink.name()
                    ),
                ),
                None if decides => {
                    refuse(ReasonCode::CheckDeleted, format!("`{is}` in place of `{was}` decides a check"))
                }
                None => ask(question, name),
            };
            return Some(Judged::new(new, fact, verdict));
        }
        let mut two = false;
        for entry in &reached.sinks {
            let in_function =
                super::function_of(self.old.family(), old).map_or("", |one| self.old.text_of(one));
            let used_beside = in_function.replace([' ', '\n'], "").contains(&is);
            let hard = match entry.sink {
                Sink::Permission | Sink::Crypto | Sink::Money | Sink::System => true,
                Sink::Request => matches!(entry.position, Position::Argument { index: 0, .. }),
                Sink::Write => matches!(entry.position, Position::Argument { .. }) && !used_beside,
                Sink::Query => !attested && matches!(entry.position, Position::Argument { .. }),
                Sink::Message => !attested,
            };
            if hard {
                let why = format!("`{is}` reaches `{}` ({})", shown(self.new, entry.call), entry.sink.name());
                return Some(Judged::new(new, fact, refuse(ReasonCode::SensitiveChange, why)));
            }
            two |= entry.sink == Sink::Write;
        }
        let denies = reached
            .decides
            .iter()
            .any(|one| body(*one).is_some_and(|inside| branches::denies(self.new, inside)));
        let verdict = match (
            two || denies,
            reached.sinks.is_empty() && !reached.returned && reached.decides.is_empty(),
        ) {
            (true, _) => ask_two(question, name),
            (false, true) if attested => Verdict::Harmless,
            _ => ask(question, name),
        };
        Some(Judged::new(new, fact, verdict))
    }

    /// `x.serializer_class` → `x.get_serializer_class()`.
    fn is_getter_of(&self, was: &str, is: &str) -> bool {
        let (Some((object, name)), Some(call)) = (was.rsplit_once('.'), is.strip_suffix("()")) else {
            return false;
        };
        call.rsplit_once('.').is_some_and(|(same, getter)| same == object && getter == format!("get_{name}"))
    }

    /// Whether the error says that a name does not exist, or nothing binds it.
    fn is_dead(&self, word: &str, at: Node<'c>) -> bool {
        let message = &self.crash.message;
        let named = mentions(message, word)
            && [
                "not defined",
                "has no attribute",
                "is not a function",
                "undefined",
                "no member",
                "not found",
                "referenced before",
                "nil pointer",
                "cannot access",
            ]
            .iter()
            .any(|sign| message.contains(sign));
        // "reading 'p'" is about what `p` is read from.
        let read = message
            .split("reading '")
            .nth(1)
            .or_else(|| message.split("setting '").nth(1))
            .and_then(|rest| rest.split('\'').next());
        let read_from = read.is_some_and(|property| {
            let text = &self.crash_text;
            text.match_indices(property).any(|(start, _)| {
                let before = text[..start].trim_end_matches(['.', '?']);
                let object = before
                    .rsplit(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '[' | ']' | '$')))
                    .next()
                    .unwrap_or_default();
                mentions(object.rsplit('.').next().unwrap_or(object), word)
            })
        });
        let is_plain_name = at.kind() == "identifier" || at.kind() == "shorthand_property_identifier";
        let crashed_here = || self.crash_line.is_some();
        (crashed_here() && (named || read_from))
            || (is_plain_name && self.old.text_of(at) == word && !self.is_bound(word, at))
    }

    /// Whether anything in the functions around a place, or outside of all functions, gives a name a value.
    fn is_bound(&self, word: &str, at: Node<'c>) -> bool {
        let mut bound = false;
        visit_below(self.old.root(), |node, position| {
            if bound || node.child_count() > 0 || self.old.text_of(node) != word {
                return;
            }
            let is_function = |one: &Node<'_>| super::super::tree::is_function(self.old.family(), one.kind());
            if position
                .ancestors
                .iter()
                .rev()
                .find(|one| is_function(one))
                .is_some_and(|function| !function.byte_range().contains(&at.start_byte()))
            {
                return;
            }
            let parent = position.parent_kind;
            bound |= matches!(position.field, Some("left" | "pattern" | "alias" | "parameter"))
                || (position.field == Some("name")
                    && !matches!(parent, "keyword_argument" | "attribute" | "pair"))
                || parent.contains("parameter")
                || parent.contains("pattern")
                || parent.contains("import")
                || parent.contains("pattern_list")
                || matches!(
                    parent,
                    "expression_list"
                        | "var_spec"
                        | "for_in_clause"
                        | "catch_clause"
                        | "as_pattern_target"
                        | "with_item"
                        | "global_statement"
                        | "namespace_import"
                        | "dotted_name"
                );
        });
        bound
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
        let code = |code: ReasonCode, why: String| refuse(code, why);
        // An empty container in place of another one.
        let (old_value, new_value) = (substitute(self.old, old), substitute(self.new, new));
        let both_empty = old_value == Substitute::Neutral && new_value == Substitute::Neutral;
        if self.new.family() == Family::Go
            && self.new.text_of(new) == "nil"
            && self.old.text_of(old).contains("err")
        {
            return code(ReasonCode::CheckDeleted, format!("`{was}` is no longer given back"));
        }
        if !both_empty && is_constant(self.new, new) && !is_constant(self.old, old) {
            return code(
                ReasonCode::ComputationChanged,
                format!("`{was}` is no longer computed; it is always `{is}`"),
            );
        }
        if is_call(inner(new).kind())
            && dotted_path(self.new, inner(new)) == "getattr"
            && arguments(inner(new)).len() > 2
            && !callees(self.old, old).contains(&"getattr".to_owned())
        {
            return code(
                ReasonCode::ExceptionSwallowed,
                format!("`{is}` gives a value for every attribute that is missing"),
            );
        }
        let is_number = |text: &str| text.parse::<f64>().is_ok();
        if let Some(bound) = self
            .bound_name(new)
            .filter(|_| !(is_number(self.old.text_of(old)) && is_number(self.new.text_of(new))))
        {
            return code(
                ReasonCode::ComputationChanged,
                format!("`{bound}`, which is a limit, gets another value"),
            );
        }
        let is_position =
            ["len", "size", "index", "count"].iter().any(|word| was.to_lowercase().contains(word));
        if operator_changed(self.old, old, self.new, new) && !is_position {
            return code(
                ReasonCode::ComputationChanged,
                format!("`{was}` is computed in another way: `{is}`"),
            );
        }
        if self.spreads_whole(old, new) {
            return code(
                ReasonCode::SensitiveChange,
                format!("`{is}` hands on everything that another object holds"),
            );
        }
        if let Some((sink, call)) = self.new_sink(old, new) {
            return code(
                ReasonCode::SensitiveChange,
                format!("`{}` ({}) is new", shown(self.new, call), sink.name()),
            );
        }
        if let Some(callee) = callees(self.new, new)
            .into_iter()
            .find(|callee| changes_in_place(callee) && !callees(self.old, old).contains(callee))
        {
            return code(
                ReasonCode::SensitiveChange,
                format!("`{callee}` newly changes what it is called on"),
            );
        }
        if let Some(callee) = self.dropped_call(old, new) {
            return code(ReasonCode::CheckDeleted, format!("`{callee}` is no longer called"));
        }
        if self.calls_itself(new) && !self.old_calls_itself(old) {
            return code(ReasonCode::SensitiveChange, "The function newly calls itself".to_owned());
        }
        match self.chosen(old, new) {
            Chosen::Same => {}
            Chosen::MissingLeftOut => {
                return ask(format!("Are the entries rightly left out of `{is}`?"), &name);
            }
            Chosen::Fewer => return code(ReasonCode::WorkSkipped, format!("Entries are left out: `{is}`")),
            Chosen::More => {
                return code(ReasonCode::CheckDeleted, format!("Entries are no longer chosen: `{is}`"));
            }
        }
        if let Some(asked) = self.dropped_choice(old, new) {
            return code(ReasonCode::CheckDeleted, format!("`{asked}` no longer decides"));
        }
        if let Some(place) = self.condition_of(new) {
            return self.other_condition(place, old, new, &name);
        }
        if self.returns_inside(new) {
            return code(ReasonCode::WorkSkipped, format!("`{is}` leaves the function on the way"));
        }
        let reached = reach(self.new, self.bindings, new, Loops::Run);
        if let Some(entry) = reached.sinks.first() {
            return code(
                ReasonCode::SensitiveChange,
                format!(
                    "`{is}` changes what `{}` ({}) is given",
                    shown(self.new, entry.call),
                    entry.sink.name()
                ),
            );
        }
        if is_money(words(self.new, new)) || is_money(reached.names.iter().map(String::as_str)) {
            return code(ReasonCode::ComputationChanged, format!("`{is}` changes an amount of money"));
        }
        for decided in &reached.decides {
            let asks = condition(*decided).unwrap_or(*decided);
            let denies = body(*decided).is_some_and(|inside| branches::denies(self.new, inside));
            if denies || decided.kind() == "assert_statement" {
                return code(
                    ReasonCode::CheckDeleted,
                    format!("`{is}` changes what the check `{}` asks", shown(self.new, asks)),
                );
            }
        }
        ask(format!("Is `{is}` in place of `{was}` right for every input that worked before?"), &name)
    }

    fn other_condition(&self, place: Node<'c>, old: Node<'c>, new: Node<'c>, name: &str) -> Verdict {
        let (was, is) = (shown(self.old, old), shown(self.new, new));
        let asks = condition(place).unwrap_or(place);
        let old_parts = joined(self.old, inner(old)).map_or(1, |(_, parts)| parts.len());
        let new_parts = joined(self.new, inner(new)).map_or(1, |(_, parts)| parts.len());
        if new_parts < old_parts {
            return refuse(ReasonCode::CheckDeleted, format!("The condition `{was}` asks less: `{is}`"));
        }
        let inside = body(place);
        if inside.is_some_and(|inside| branches::denies(self.new, inside))
            || place.kind() == "assert_statement"
        {
            return refuse(ReasonCode::CheckDeleted, format!("The check `{was}` becomes `{is}`"));
        }
        let acts = inside.map_or_else(Vec::new, |inside| sinks_below(self.new, inside, self.bindings));
        match acts.first() {
            Some((sink, call)) => refuse(
                ReasonCode::SensitiveChange,
                format!("`{is}` decides whether `{}` ({}) runs", shown(self.new, *call), sink.name()),
            ),
            None if guarding(words(self.new, asks)) == Guarding::Strong => {
                refuse(ReasonCode::CheckDeleted, format!("`{is}` decides who may do something"))
            }
            None => ask(
                format!(
                    "Is the condition `{is}` in place of `{was}` right for every input that worked before?"
                ),
                name,
            ),
        }
    }

    /// An exception type in the header of a handler that was there.
    fn caught(&self, header: Node<'c>, old: Node<'c>, new: Node<'c>) -> Judged {
        let (was, is) = (shown(self.old, old), shown(self.new, new));
        let fact = format!("The handler of `{was}` takes `{is}`");
        let types = |parsed: &Parsed<'_>, node: Node<'_>| -> Vec<String> {
            words(parsed, node).into_iter().map(str::to_owned).collect()
        };
        let (before, after) = (types(self.old, old), types(self.new, new));
        let kept = before.iter().all(|one| after.contains(one));
        let event = self.crash.exception.rsplit(['.', ':', '\\']).next().unwrap_or_default().to_owned();
        let only_event =
            after.iter().filter(|one| !before.contains(one)).all(|one| *one == event || event.is_empty());
        let answers = branches::handler_answers(self.new, header);
        let verdict = match (kept && only_event, answers) {
            (true, true) => Verdict::Harmless,
            (true, false) => {
                refuse(ReasonCode::ExceptionSwallowed, format!("`{event}` is caught and nobody is told"))
            }
            (false, _) => refuse(
                ReasonCode::ExceptionSwallowed,
                format!("The handler takes `{is}`, which is not what crashed"),
            ),
        };
        Judged::new(new, fact, verdict)
    }

    /// Whether a value is read as a time, or what reads it as one is part of the change.
    fn is_time(&self, node: Node<'c>) -> bool {
        let statement = super::super::tree::statement_of(node);
        let mut found = false;
        visit_below(statement, |inside, at| {
            let is_near = inside.byte_range().contains(&node.start_byte())
                || node.byte_range().contains(&inside.start_byte());
            found |= is_call(at.kind)
                && is_near
                && sinks_words(dotted_path(self.new, inside).rsplit('.').next().unwrap_or_default())
                    .iter()
                    .any(|word| has("timestamp date datetime time duration timedelta", word));
        });
        found
    }

    fn is_sort_key(&self, node: Node<'c>) -> bool {
        let lambda = above(node, |one| super::super::tree::is_lambda(one.kind()));
        lambda.and_then(|one| above(one, |call| is_call(call.kind()))).is_some_and(|call| {
            let path = dotted_path(self.new, call);
            has(
                "sorted sort sort_by sortBy min max orderBy toSorted",
                path.rsplit('.').next().unwrap_or(&path),
            )
        })
    }

    /// The name of a limit that a changed value is given to.
    fn bound_name(&self, node: Node<'c>) -> Option<String> {
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
        let found = sinks_words(name);
        (direct && found.iter().any(|word| has(BOUNDS, word)) && name.len() > 3).then(|| name.to_owned())
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
        let last = |path: &str| path.rsplit('.').next().unwrap_or(path).to_owned();
        let is_work = |path: &&String| !has(LOOKS, &last(path));
        let kept = after.iter().filter(is_work).count();
        let gone: Vec<&String> = before
            .iter()
            .filter(is_work)
            .filter(|one| !after.iter().any(|other| last(other) == last(one)))
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

    /// Whether a call is of the function that it stands in.
    pub(super) fn is_own_function(&self, callee: &str, at: Node<'c>) -> bool {
        let own =
            super::function_of(self.new.family(), at).map_or("", |one| self.new.field_text(one, "name"));
        let path: Vec<&str> = callee.split('.').collect();
        let on_self = path.len() == 1 || (path.len() == 2 && matches!(path[0], "self" | "this" | "cls"));
        !own.is_empty() && on_self && path.last() == Some(&own)
    }

    /// How a change chooses among the entries of a collection.
    fn chosen(&self, old: Node<'c>, new: Node<'c>) -> Chosen {
        let (before, after) = (choosing(self.old, old), choosing(self.new, new));
        if after.len() < before.len() {
            return Chosen::More;
        }
        if after.len() == before.len() {
            return Chosen::Same;
        }
        let known: Vec<String> = before.iter().map(|one| squeezed(self.old, *one)).collect();
        let fresh: Vec<&Node<'c>> =
            after.iter().filter(|one| !known.contains(&squeezed(self.new, **one))).collect();
        match fresh.iter().all(|one| test_of(self.new, **one).drops_missing()) {
            true => Chosen::MissingLeftOut,
            false => Chosen::Fewer,
        }
    }

    /// A condition about permissions that chose between two values and is gone.
    fn dropped_choice(&self, old: Node<'c>, new: Node<'c>) -> Option<String> {
        let asked = |parsed: &'c Parsed<'c>, node: Node<'c>| {
            let mut found = Vec::new();
            visit_below(node, |one, at| {
                if is_choice(at.kind) {
                    found.extend(condition(one).map(|asks| (squeezed(parsed, asks), words(parsed, asks))));
                }
            });
            found
        };
        let after = asked(self.new, new);
        asked(self.old, old)
            .into_iter()
            .find(|(text, names)| {
                guarding(names.iter().copied()) != Guarding::No
                    && after.iter().all(|(other, _)| other != text)
            })
            .map(|(text, _)| text)
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
        let mut found = false;
        visit_below(new, |node, at| {
            if matches!(at.kind, "return_expression" | "return_statement") {
                found |=
                    above(node, |one| one == new || super::super::tree::is_lambda(one.kind())) == Some(new);
            }
        });
        found
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
        let last = callee.rsplit('.').next().unwrap_or(callee);
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

/// The last name of a chain, for a quote: `name` of `self.user["name"]`.
pub(super) fn last_name(chain: &str) -> String {
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

/// Both branches of a choice: if the condition holds, and otherwise.
fn branches_of(choice: Node<'_>) -> Option<(Node<'_>, Node<'_>)> {
    match choice.kind() {
        // `a if T else b` has no names for its parts.
        "conditional_expression" if choice.child_by_field_name("condition").is_none() => {
            Some((choice.named_child(0)?, choice.named_child(2)?))
        }
        _ => Some((
            choice.child_by_field_name("consequence").or_else(|| choice.child_by_field_name("body"))?,
            choice.child_by_field_name("alternative")?,
        )),
    }
}

fn read_with_default<'p>(parsed: &Parsed<'_>, node: Node<'p>) -> Option<(String, String, Option<Node<'p>>)> {
    let node = inner(node);
    if !is_call(node.kind()) {
        return None;
    }
    let path = dotted_path(parsed, node);
    let last = path.rsplit('.').next()?;
    if !matches!(last, "get" | "getOrDefault" | "fetch" | "dig") {
        return None;
    }
    let object = squeezed(parsed, receiver(node)?);
    let given = arguments(node);
    let key = squeezed(parsed, *given.first()?);
    (given.len() <= 2).then(|| (object, key, given.get(1).copied()))
}

/// The part of a text before its first `?.`.
fn is_operand_of_safe(text: &str) -> String {
    let at = ["?.", "&.", "?->"].iter().filter_map(|sign| text.find(sign)).min().unwrap_or(text.len());
    text[..at].split_whitespace().collect::<String>()
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

/// How a change chooses among the entries of a collection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chosen {
    Same,
    /// Entries without something are left out.
    MissingLeftOut,
    Fewer,
    More,
}

/// The conditions by which entries are chosen: of comprehensions, and what `filter` is given.
fn choosing<'p>(parsed: &Parsed<'_>, node: Node<'p>) -> Vec<Node<'p>> {
    let mut found = Vec::new();
    visit_below(node, |one, at| {
        if at.kind == "if_clause" {
            found.extend(one.named_child(0));
        } else if is_call(at.kind)
            && dotted_path(parsed, one)
                .rsplit('.')
                .next()
                .is_some_and(|last| matches!(last, "filter" | "reject" | "compact" | "dropna"))
        {
            let given = arguments(one).first().copied();
            found.push(given.and_then(|given| given.child_by_field_name("body")).or(given).unwrap_or(one));
        }
    });
    found
}

/// Whether a call changes what it is called on.
fn changes_in_place(callee: &str) -> bool {
    let last = callee.rsplit('.').next().unwrap_or(callee);
    callee.contains('.')
        && has(
            "setdefault append push pop insert update extend clear splice remove discard unshift reverse delete put",
            last,
        )
}

fn sinks_words(name: &str) -> Vec<String> {
    crate::analysis::sensitive_paths::words(name)
}

fn was_operand(test: &Test) -> Vec<String> {
    test.operands()
}

/// A chain without the marks that differ between `a.b`, `a["b"]` and `hasattr(a, "b")`.
fn loose(chain: &str) -> String {
    chain.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect()
}
