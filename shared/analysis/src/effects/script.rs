//! The difference between two syntax trees: the smallest parts that were replaced, put in, taken out, moved, or put
//! under a condition. It compares tokens, so layout and comments don't count.
//!
//! Statements of a block are aligned by a longest common subsequence; what is left over is paired by the tokens that two
//! statements share. A new `if` or `try` whose body holds old statements is a wrapper, and its body is compared with them.

use std::collections::HashMap;

use tree_sitter::Node;

use super::absence::receiver;
use super::judge::assigned_in;
use super::tree::{
    body_statements, called, callee, condition, is_block, is_call, is_handler, is_if, is_listing, is_loop,
    is_try, parts, squeezed,
};
use crate::syntax::tokens::normalised;
use crate::syntax::{Family, Parsed, any_below};

/// One difference. Old nodes are of the tree before the change, new ones of the tree after it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Edit<'o, 'n> {
    Replaced {
        old: Node<'o>,
        new: Node<'n>,
    },
    Inserted {
        new: Node<'n>,
    },
    Deleted {
        old: Node<'o>,
    },
    /// A statement that was there already and now runs under the condition or handler of `wrapper`.
    Wrapped {
        wrapper: Node<'n>,
        new: Node<'n>,
    },
    /// A wrapper that is gone while its statements are still there.
    Unwrapped {
        old: Node<'o>,
    },
    /// A call that now follows on an old expression: `x` → `x.f()`.
    Appended {
        call: Node<'n>,
    },
    /// The same statement at another place.
    Moved {
        old: Node<'o>,
        new: Node<'n>,
    },
}

/// Two statements that share at least this part of their tokens are one statement, edited.
const ALIKE: f64 = 0.5;
/// Statements compared with each other in one gap; a larger gap is replaced as a whole.
const MAX_GAP: usize = 60;
/// Cells of one alignment: two lists of a thousand statements each.
const MAX_CELLS: usize = 1_000_000;

/// Every difference between two trees, in the order of the new file as far as it has a place there.
pub(super) fn differences<'o, 'n>(old: &'o Parsed<'o>, new: &'n Parsed<'n>) -> Vec<Edit<'o, 'n>> {
    let mut script = Script { old, new, edits: Vec::new() };
    script.descend(old.root(), new.root());
    let mut edits = script.edits;
    pair_moves(old, new, &mut edits);
    edits
}

struct Script<'o, 'n> {
    old: &'o Parsed<'o>,
    new: &'n Parsed<'n>,
    edits: Vec<Edit<'o, 'n>>,
}

impl<'o, 'n> Script<'o, 'n> {
    fn same(&self, old: Node<'o>, new: Node<'n>) -> bool {
        old.kind_id() == new.kind_id()
            && (self.old.text_of(old) == self.new.text_of(new)
                || normalised(self.old, old) == normalised(self.new, new))
    }

    fn descend(&mut self, old: Node<'o>, new: Node<'n>) {
        // The tokens of a block are those of its statements, which are compared anyway.
        let are_blocks = is_block(old.kind()) && old.kind_id() == new.kind_id();
        if !are_blocks && self.same(old, new) {
            return;
        }
        if self.rewritten(old, new) {
            return;
        }
        // A single statement and a block with it are the same thing.
        if is_block(old.kind()) != is_block(new.kind()) && (is_block(old.kind()) || is_block(new.kind())) {
            let (olds, news) = (body_statements(old), body_statements(new));
            return self.lists(&olds, &news);
        }
        if old.kind_id() != new.kind_id() {
            return self.edits.push(Edit::Replaced { old, new });
        }
        let (olds, news) = (self.slots(old, self.old), self.slots(new, self.new));
        if is_listing(old.kind()) {
            let (olds, news) = (parts(old), parts(new));
            if olds.is_empty() && news.is_empty() {
                return self.edits.push(Edit::Replaced { old, new });
            }
            return self.lists(&olds, &news);
        }
        if olds.len() == news.len() && olds.iter().zip(&news).all(|((a, _), (b, _))| a == b) {
            let mut differs = false;
            for ((_, old), (_, new)) in olds.iter().zip(&news) {
                if let (Some(old), Some(new)) = (old, new) {
                    differs |= !self.same(*old, *new);
                    self.descend(*old, *new);
                }
            }
            if !differs {
                self.edits.push(Edit::Replaced { old, new });
            }
            return;
        }
        if has_clauses(old.kind()) {
            return self.clauses(&parts(old), &parts(new));
        }
        self.edits.push(Edit::Replaced { old, new });
    }

    /// Expressions that are compared as a whole, since going down would tear them apart.
    fn rewritten(&mut self, old: Node<'o>, new: Node<'n>) -> bool {
        // `x => { return y }` and `x => y`.
        if let (Some(old), Some(new)) = (only_returned(old), only_returned(new))
            && (is_block(old.0) != is_block(new.0))
        {
            self.descend(old.1, new.1);
            return true;
        }
        if !is_call(old.kind()) && !is_call(new.kind()) {
            return false;
        }
        let (was, is) = (squeezed(self.old, old), squeezed(self.new, new));
        if let Some(called_on) =
            receiver(new).filter(|_| is_call(new.kind()) && is_call(old.kind()) && is.len() > was.len())
            && last_called(self.old, old) == last_called(self.new, called_on)
            && last_called(self.old, old) != last_called(self.new, new)
            && (was == squeezed(self.new, called_on) || is_call(called_on.kind()))
        {
            self.edits.push(Edit::Appended { call: new });
            self.descend(old, called_on);
            return true;
        }
        let unwraps =
            self.old.family() == Family::Rust && (was.contains(".unwrap()") || was.contains(".expect("));
        let calls_same_inside = || {
            let name = last_called(self.old, old);
            any_below(new, |node, at| node != new && is_call(at.kind) && last_called(self.new, node) == name)
        };
        let wraps = is_call(new.kind())
            && old.kind_id() == new.kind_id()
            && last_called(self.old, old) != last_called(self.new, new)
            && (is.contains(&was) || calls_same_inside());
        if wraps
            || (unwraps
                && is_call(old.kind())
                && is_call(new.kind())
                && !is.contains(".unwrap()")
                && !is.contains(".expect("))
        {
            self.edits.push(Edit::Replaced { old, new });
            return true;
        }
        false
    }

    /// What makes two nodes of one kind the same in form: tokens without a name by their text, the others by their place.
    fn slots<'p>(&self, node: Node<'p>, parsed: &Parsed<'_>) -> Vec<(String, Option<Node<'p>>)> {
        let mut cursor = node.walk();
        let children: Vec<Node<'p>> = node.children(&mut cursor).collect();
        children
            .into_iter()
            .filter(|child| !crate::syntax::is_comment(*child))
            .filter(|child| {
                child.is_named() || !matches!(parsed.text_of(*child), "," | ";" | "\n" | "(" | ")" | "")
            })
            .map(|child| match child.is_named() && child.kind() != "optional_chain" {
                true => (String::new(), Some(child)),
                false => (parsed.text_of(child).to_owned(), None),
            })
            .collect()
    }

    /// Parts of an `if`, a `try`, a definition: paired by kind, since any of them may be new.
    fn clauses(&mut self, olds: &[Node<'o>], news: &[Node<'n>]) {
        let mut rest: Vec<Node<'n>> = news.to_vec();
        let mut unpaired = Vec::new();
        for &old in olds {
            let exact = rest.iter().position(|new| self.same(old, *new));
            match exact.or_else(|| rest.iter().position(|new| new.kind_id() == old.kind_id())) {
                Some(at) => {
                    let new = rest.remove(at);
                    self.descend(old, new);
                }
                None => unpaired.push(old),
            }
        }
        // A body that became a block, a condition that became another kind of expression.
        if let ([old], [new]) = (&unpaired[..], &rest[..]) {
            return self.descend(*old, *new);
        }
        self.edits.extend(unpaired.into_iter().map(|old| Edit::Deleted { old }));
        self.edits.extend(rest.into_iter().map(|new| Edit::Inserted { new }));
    }

    fn lists(&mut self, olds: &[Node<'o>], news: &[Node<'n>]) {
        // What is the same to the letter at both ends needs no tokens: most of a file.
        let same = |(old, new): &(&Node<'o>, &Node<'n>)| self.old.text_of(**old) == self.new.text_of(**new);
        let start = olds.iter().zip(news).take_while(same).count();
        let (olds, news) = (&olds[start..], &news[start..]);
        let end = olds.iter().rev().zip(news.iter().rev()).take_while(same).count();
        let (olds, news) = (&olds[..olds.len() - end], &news[..news.len() - end]);
        let old_texts: Vec<String> = olds.iter().map(|one| normalised(self.old, *one)).collect();
        let new_texts: Vec<String> = news.iter().map(|one| normalised(self.new, *one)).collect();
        let (mut i, mut j) = (0, 0);
        for (a, b) in common(&old_texts, &new_texts) {
            self.gap(&olds[i..a], &news[j..b]);
            (i, j) = (a + 1, b + 1);
        }
        self.gap(&olds[i..], &news[j..]);
    }

    /// Statements between two that are the same.
    fn gap(&mut self, olds: &[Node<'o>], news: &[Node<'n>]) {
        if olds.len() > MAX_GAP || news.len() > MAX_GAP {
            self.edits.extend(olds.iter().map(|old| Edit::Deleted { old: *old }));
            self.edits.extend(news.iter().map(|new| Edit::Inserted { new: *new }));
            return;
        }
        let mut olds: Vec<Node<'o>> = olds.to_vec();
        let mut rest: Vec<Node<'n>> = Vec::new();
        for &new in news {
            if !self.wraps(new, &mut olds) {
                rest.push(new);
            }
        }
        let mut news = rest;
        let unwrapped: Vec<Node<'o>> = olds.clone();
        for old in unwrapped {
            if self.unwraps(old, &mut news) {
                olds.retain(|one| *one != old);
            }
        }
        let is_listing_part = |node: Node<'_>| node.parent().is_some_and(|parent| !is_block(parent.kind()));
        if olds.len() == news.len() && olds.len() > 1 && olds.iter().all(|one| is_listing_part(*one)) {
            for (old, new) in olds.iter().zip(&news) {
                self.descend(*old, *new);
            }
            return;
        }
        for (old, new) in self.pairs(&olds, &news) {
            match (old, new) {
                (Some(old), Some(new)) => self.descend(old, new),
                (Some(old), None) => self.edits.push(Edit::Deleted { old }),
                (None, Some(new)) => self.edits.push(Edit::Inserted { new }),
                (None, None) => {}
            }
        }
    }

    /// Whether a new statement is a condition or a handler around old ones, which are then compared with the branch that
    /// holds most of them.
    fn wraps(&mut self, new: Node<'n>, olds: &mut Vec<Node<'o>>) -> bool {
        if olds.iter().any(|old| self.same_condition(*old, new)) {
            return false;
        }
        let best = |news: &mut dyn Iterator<Item = Node<'n>>, old: Node<'o>| {
            news.map(|one| alike(self.old, old, self.new, one)).fold(0.0, f64::max)
        };
        let is_same_kind = |old: Node<'o>| old.kind_id() == new.kind_id();
        let whole = olds.iter().filter(|old| is_same_kind(**old));
        let as_whole = whole.map(|old| best(&mut [new].into_iter(), *old)).fold(0.0, f64::max);
        // An `if` in a new `if` has to be more like what it was than the new one is.
        let is_held = |inside: &[Node<'n>], old: Node<'o>| {
            let of_kind =
                inside.iter().copied().filter(|one| !is_same_kind(old) || one.kind_id() == old.kind_id());
            let least: f64 = if is_same_kind(old) { as_whole.max(0.7) } else { 0.7 };
            best(&mut { of_kind }, old) > least
        };
        let branches = wrapped_body(new).map(body_statements).into_iter().chain(other_branch(new));
        let held_in = branches.map(|inside| {
            let held: Vec<Node<'o>> = olds.iter().copied().filter(|old| is_held(&inside, *old)).collect();
            (inside, held)
        });
        let Some((inside, held)) = held_in.rev().max_by_key(|(_, held)| held.len()) else { return false };
        if held.is_empty() || (as_whole > 0.7 && !held.iter().any(|old| is_same_kind(*old))) {
            return false;
        }
        olds.retain(|old| !held.contains(old));
        for one in &inside {
            if held.iter().any(|old| alike(self.old, *old, self.new, *one) > 0.7) {
                self.edits.push(Edit::Wrapped { wrapper: new, new: *one });
            }
        }
        self.edits.push(Edit::Inserted { new });
        self.lists(&held, &inside);
        true
    }

    fn unwraps(&mut self, old: Node<'o>, news: &mut Vec<Node<'n>>) -> bool {
        let Some(body) = wrapped_body(old) else { return false };
        let inside = body_statements(body);
        if news.iter().any(|new| self.same_condition(old, *new)) {
            return false;
        }
        let pairs = news.iter().filter(|new| new.kind_id() == old.kind_id());
        if pairs.map(|new| alike(self.old, old, self.new, *new)).fold(0.0, f64::max) > 0.7 {
            return false;
        }
        let held: Vec<Node<'n>> = news
            .iter()
            .copied()
            .filter(|new| inside.iter().any(|one| alike(self.old, *one, self.new, *new) > 0.7))
            .collect();
        if held.is_empty() {
            return false;
        }
        news.retain(|new| !held.contains(new));
        self.edits.push(Edit::Unwrapped { old });
        self.lists(&inside, &held);
        true
    }

    /// Whether two `if`s ask the same.
    fn same_condition(&self, old: Node<'o>, new: Node<'n>) -> bool {
        is_if(old.kind())
            && old.kind_id() == new.kind_id()
            && condition(old).zip(condition(new)).is_some_and(|(old, new)| self.same(old, new))
    }

    /// Statements paired in order so that together they share the most tokens.
    fn pairs(&self, olds: &[Node<'o>], news: &[Node<'n>]) -> Vec<(Option<Node<'o>>, Option<Node<'n>>)> {
        let (rows, columns) = (olds.len(), news.len());
        let mut score = vec![vec![0.0_f64; columns + 1]; rows + 1];
        let mut match_score = vec![vec![0.0_f64; columns]; rows];
        for i in (0..rows).rev() {
            for j in (0..columns).rev() {
                let mut shared = alike(self.old, olds[i], self.new, news[j]);
                if olds[i].kind_id() != news[j].kind_id() {
                    shared -= 0.1;
                }
                // What gives a value to the same name is the same statement, whatever was taken out of it.
                let (was, is) = (target(self.old, olds[i]), target(self.new, news[j]));
                if was.is_some() && is.is_some() {
                    shared += if was == is { 0.2 } else { -0.2 };
                }
                // Alone in their gap they are one place, whatever they share; parts of a list too, of whatever kind.
                let is_tail = !olds[i].kind().contains("statement") && !news[j].kind().contains("statement");
                let is_value = matches!(self.old.family(), Family::Rust | Family::Ruby)
                    && is_tail
                    && !is_if(news[j].kind());
                let is_part = is_value || olds[i].parent().is_some_and(|parent| !is_block(parent.kind()));
                if rows == 1
                    && columns == 1
                    && (is_part || (olds[i].kind_id() == news[j].kind_id() && shared > 0.0))
                {
                    shared = shared.max(ALIKE);
                }
                if self.same_condition(olds[i], news[j]) {
                    shared = 1.0;
                }
                match_score[i][j] = shared;
                let paired = if shared >= ALIKE { shared + score[i + 1][j + 1] } else { 0.0 };
                score[i][j] = paired.max(score[i + 1][j]).max(score[i][j + 1]);
            }
        }
        let (mut i, mut j) = (0, 0);
        let mut pairs = Vec::new();
        while i < rows && j < columns {
            let shared = match_score[i][j];
            if shared >= ALIKE && (score[i][j] - (shared + score[i + 1][j + 1])).abs() < 1e-9 {
                pairs.push((Some(olds[i]), Some(news[j])));
                (i, j) = (i + 1, j + 1);
            } else if score[i + 1][j] >= score[i][j + 1] {
                pairs.push((Some(olds[i]), None));
                i += 1;
            } else {
                pairs.push((None, Some(news[j])));
                j += 1;
            }
        }
        pairs.extend(olds[i..].iter().map(|old| (Some(*old), None)));
        pairs.extend(news[j..].iter().map(|new| (None, Some(*new))));
        pairs
    }
}

/// A block with a single `return`, or an expression, as the value that it stands for; with the kind that was written.
fn only_returned(node: Node<'_>) -> Option<(&'static str, Node<'_>)> {
    if node.kind() == "statement_block" {
        let statements = body_statements(node);
        let [only] = statements[..] else { return None };
        return (only.kind() == "return_statement")
            .then(|| only.named_child(0))
            .flatten()
            .map(|value| ("statement_block", value));
    }
    let is_body = node.parent().is_some_and(|parent| {
        parent.kind() == "arrow_function" && parent.child_by_field_name("body") == Some(node)
    });
    is_body.then_some(("expression", node))
}

fn last_called(parsed: &Parsed<'_>, node: Node<'_>) -> String {
    match is_call(node.kind()) {
        true => called(parsed, callee(node)),
        false => String::new(),
    }
}

/// The body that a condition, a handler or a loop puts statements under.
fn wrapped_body(node: Node<'_>) -> Option<Node<'_>> {
    let kind = node.kind();
    let wraps = is_if(kind) || is_try(kind) || is_loop(kind) || kind == "with_statement";
    if !wraps {
        return None;
    }
    super::tree::body(node)
}

/// The name that a statement gives a value to.
fn target<'t>(parsed: &Parsed<'t>, statement: Node<'_>) -> Option<&'t str> {
    assigned_in(statement).map(|(target, _)| parsed.text_of(target))
}

/// The statements that run if a condition does not hold; none for a further condition.
fn other_branch(node: Node<'_>) -> Option<Vec<Node<'_>>> {
    let other = node.child_by_field_name("alternative").filter(|_| is_if(node.kind()))?;
    let inside: Vec<Node<'_>> = match is_block(other.kind()) {
        true => body_statements(other),
        false => in_branch(other),
    };
    (!inside.is_empty()).then_some(inside)
}

fn has_clauses(kind: &str) -> bool {
    is_if(kind)
        || is_try(kind)
        || is_handler(kind)
        || is_loop(kind)
        || kind.contains("definition")
        || kind.contains("declaration")
        || matches!(
            kind,
            "method"
                | "class"
                | "lambda"
                | "arrow_function"
                | "function_expression"
                | "function_item"
                | "with_statement"
        )
}

/// What part of their tokens two nodes share, 0 to 1.
fn alike(old: &Parsed<'_>, one: Node<'_>, new: &Parsed<'_>, other: Node<'_>) -> f64 {
    let (one, other) = (normalised(old, one), normalised(new, other));
    if one == other {
        return 1.0;
    }
    let mut counts: HashMap<&str, i32> = HashMap::new();
    let mut sizes = (0, 0);
    for token in one.split(' ') {
        *counts.entry(token).or_default() += 1;
        sizes.0 += 1;
    }
    let mut shared = 0;
    for token in other.split(' ') {
        sizes.1 += 1;
        if let Some(count) = counts.get_mut(token).filter(|count| **count > 0) {
            *count -= 1;
            shared += 1;
        }
    }
    f64::from(2 * shared) / f64::from(sizes.0 + sizes.1)
}

/// Pairs of places with the same text, in order: a longest common subsequence.
fn common(old: &[String], new: &[String]) -> Vec<(usize, usize)> {
    let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let limit = old.len().min(new.len()) - start;
    let end = old.iter().rev().zip(new.iter().rev()).take(limit).take_while(|(a, b)| a == b).count();
    let (middle_old, middle_new) = (&old[start..old.len() - end], &new[start..new.len() - end]);
    let mut pairs: Vec<(usize, usize)> = (0..start).map(|at| (at, at)).collect();
    let (rows, columns) = (middle_old.len(), middle_new.len());
    if rows * columns <= MAX_CELLS {
        let mut length = vec![vec![0_u32; columns + 1]; rows + 1];
        for i in (0..rows).rev() {
            for j in (0..columns).rev() {
                length[i][j] = match middle_old[i] == middle_new[j] {
                    true => length[i + 1][j + 1] + 1,
                    false => length[i + 1][j].max(length[i][j + 1]),
                };
            }
        }
        let (mut i, mut j) = (0, 0);
        while i < rows && j < columns {
            if middle_old[i] == middle_new[j] {
                pairs.push((start + i, start + j));
                (i, j) = (i + 1, j + 1);
            } else if length[i + 1][j] >= length[i][j + 1] {
                i += 1;
            } else {
                j += 1;
            }
        }
    }
    pairs.extend((0..end).rev().map(|back| (old.len() - 1 - back, new.len() - 1 - back)));
    pairs
}

/// Statements of a branch that was put in.
fn in_branch(branch: Node<'_>) -> Vec<Node<'_>> {
    match branch.kind() {
        "else_clause" | "else" => parts(branch).into_iter().flat_map(body_statements).collect(),
        _ => Vec::new(),
    }
}

/// A statement that was taken out at one place and put in at another one was moved.
fn pair_moves<'o, 'n>(old: &Parsed<'_>, new: &Parsed<'_>, edits: &mut Vec<Edit<'o, 'n>>) {
    let mut at = 0;
    while at < edits.len() {
        if let Edit::Deleted { old: gone } = edits[at] {
            let text = normalised(old, gone);
            let found = edits.iter().position(|one| match one {
                Edit::Inserted { new: added } => {
                    added.kind_id() == gone.kind_id() && !text.is_empty() && normalised(new, *added) == text
                }
                _ => false,
            });
            let inside = edits.iter().find_map(|one| match one {
                Edit::Inserted { new: branch } => {
                    in_branch(*branch).into_iter().find(|part| normalised(new, *part) == text)
                }
                _ => None,
            });
            if let Some(part) = inside {
                edits[at] = Edit::Moved { old: gone, new: part };
                at += 1;
                continue;
            }
            if let Some(Edit::Inserted { new: added }) = found.map(|found| edits[found]) {
                edits[at] = Edit::Moved { old: gone, new: added };
                edits.retain(|one| !matches!(one, Edit::Inserted { new } if *new == added));
                at = 0;
                continue;
            }
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::Language;

    /// The differences of two texts, a word and the code of each.
    fn script(before: &str, after: &str) -> Vec<String> {
        let (old, new) = (Parsed::new(Language::Python, before), Parsed::new(Language::Python, after));
        let shown = |edit: &Edit<'_, '_>| match *edit {
            Edit::Replaced { old: was, new: is } => format!("{} > {}", old.text_of(was), new.text_of(is)),
            Edit::Inserted { new: is } => format!("+ {}", new.text_of(is).lines().next().unwrap_or_default()),
            Edit::Deleted { old: was } => format!("- {}", old.text_of(was)),
            Edit::Wrapped { new: is, .. } => format!("under it: {}", new.text_of(is)),
            Edit::Unwrapped { old: was } => {
                format!("free: {}", old.text_of(was).lines().next().unwrap_or_default())
            }
            Edit::Appended { call } => format!("and then {}", new.text_of(call)),
            Edit::Moved { new: is, .. } => format!("moved {}", new.text_of(is)),
        };
        differences(&old, &new).iter().map(shown).collect()
    }

    #[test]
    fn the_smallest_parts_that_differ_are_found() {
        for (before, after, expected) in [
            ("a = b  # why\n", "a   = b\n", &[][..]),
            ("x = f(d['k'], 1)\n", "x = f(d.get('k'), 1)\n", &["d['k'] > d.get('k')"]),
            ("f(a)\nlog(b)\ng(c)\n", "f(a)\nlog(e)\ng(c)\n", &["b > e"]),
            ("a(x)\nb(y)\n", "a(x)\nif y:\n    b(y)\n", &["under it: b(y)", "+ if y:"]),
            ("if y:\n    b(y)\n", "b(y)\n", &["free: if y:"]),
            ("a(x)\n", "if y:\n    c()\nelse:\n    a(x)\n", &["under it: a(x)", "+ if y:"]),
            ("if y: b(y)\n", "if z:\n    if y: b(y)\n", &["under it: if y: b(y)", "+ if z:"]),
            ("x = d[k].name\n", "v = d[k]\nx = v.name\n", &["+ v = d[k]", "d[k] > v"]),
            ("a(x)\nb(y)\nc(z)\n", "b(y)\nc(z)\na(x)\n", &["moved a(x)"]),
            ("x = rows(a)\n", "x = rows(a).sort(b)\n", &["and then rows(a).sort(b)"]),
        ] {
            assert_eq!(script(before, after), expected, "{before:?} to {after:?}");
        }
    }
}
