//! What two versions of a file have in common to the letter, so that only the rest needs to be looked at.

use tree_sitter::Node;

use super::definitions::{DefinitionKind, kind_of_definition};
use super::imports::Bindings;
use super::{Family, Parsed, Parts, is_decorator_kind};

/// Top-level parts of a file, and parts of its classes, that are in both versions at the same place, in the same order.
#[derive(Debug, Default)]
pub struct Unchanged {
    pub before: Parts,
    pub after: Parts,
}

/// A version of a file with the names that it imports.
#[derive(Clone, Copy)]
pub struct Version<'v> {
    pub parsed: &'v Parsed<'v>,
    pub bindings: &'v Bindings,
}

impl Unchanged {
    /// A part that uses a name that is imported from somewhere else now has changed, whatever its letters say. A file that
    /// doesn't parse has no unchanged parts: the same letters may mean something else in it.
    pub fn between(before: Version<'_>, after: Version<'_>) -> Unchanged {
        let mut found = Unchanged::default();
        let (old, new) = (before.parsed, after.parsed);
        if old.root().has_error() || new.root().has_error() {
            return found;
        }
        let rebound = before.bindings.differing_names(after.bindings);
        let same = |one: Node<'_>, other: Node<'_>| {
            let text = old.text_of(one);
            text == new.text_of(other)
                && one.kind_id() == other.kind_id()
                && one.descendant_count() == other.descendant_count()
                && !is_decorator_kind(one.kind())
                && !rebound.iter().any(|name| text.contains(name))
        };
        let mut open = vec![(old.root(), new.root())];
        while let Some((one, other)) = open.pop() {
            let (olds, news) = (children(one), children(other));
            let pairs = in_order(&olds, &news, same);
            let mut rest: Vec<Node<'_>> = Vec::new();
            let mut next = 0;
            for &(i, j) in &pairs {
                found.before.0.insert(olds[i].id());
                found.after.0.insert(news[j].id());
                rest.extend(&news[next..j]);
                next = j + 1;
            }
            rest.extend(&news[next..]);
            let is_left = |one: &&Node<'_>| !found.before.contains(**one);
            for one in olds.iter().filter(is_left).filter(|one| holds_definitions(old.family(), one.kind())) {
                let named = |node: Node<'_>, parsed: &Parsed<'_>| {
                    let name = ["name", "type"].map(|field| parsed.field_text(node, field).to_owned());
                    (node.kind_id(), name)
                };
                let wanted = named(*one, old);
                if let Some(at) = rest.iter().position(|other| named(*other, new) == wanted) {
                    open.push((*one, rest.remove(at)));
                }
            }
        }
        found
    }
}

fn children(node: Node<'_>) -> Vec<Node<'_>> {
    node.children(&mut node.walk()).collect()
}

/// Pairs that are the same, each behind the last. A part that moved over others may cost them their pairs.
fn in_order<'o, 'n>(
    olds: &[Node<'o>],
    news: &[Node<'n>],
    same: impl Fn(Node<'o>, Node<'n>) -> bool,
) -> Vec<(usize, usize)> {
    /// How far the partner of a part is looked for.
    const REACH: usize = 8;
    let mut pairs = Vec::new();
    let mut next = 0;
    for (i, old) in olds.iter().enumerate() {
        let reach = news.len().min(next + REACH);
        if let Some(j) = (next..reach).find(|&j| same(*old, news[j])) {
            pairs.push((i, j));
            next = j + 1;
        }
    }
    pairs
}

/// What is gone into: classes and what holds their parts.
fn holds_definitions(family: Family, kind: &str) -> bool {
    kind_of_definition(family, kind) == Some(DefinitionKind::Class)
        || matches!(
            kind,
            "decorated_definition"
                | "export_statement"
                | "class_body"
                | "declaration_list"
                | "body_statement"
                | "enum_body"
        )
        || (family == Family::Python && kind == "block")
}

#[cfg(test)]
mod tests {
    use super::super::Walk;
    use super::super::definitions::definitions;
    use super::super::imports::imports;
    use super::super::{Language, visit_below};
    use super::*;

    /// Names of the functions that are looked at of each version.
    fn looked_at(language: Language, before: &str, after: &str) -> [Vec<String>; 2] {
        let parsed = [Parsed::new(language, before), Parsed::new(language, after)];
        let bindings = [&parsed[0], &parsed[1]].map(|one| Bindings::of(&imports(&Walk::of(one))));
        let version = |at: usize| Version { parsed: &parsed[at], bindings: &bindings[at] };
        let unchanged = Unchanged::between(version(0), version(1));
        [(&parsed[0], unchanged.before), (&parsed[1], unchanged.after)].map(|(parsed, parts)| {
            let walk = Walk::without(parsed, &parts);
            definitions(&walk).into_iter().map(|one| one.qualified_name).collect()
        })
    }

    #[test]
    fn only_what_differs_is_looked_at() {
        let class = "class A:\n    def f(self):\n        return 1\n\n    def g(self):\n        return b.c\n";
        let others = "def h():\n    return json.x\n\n\ndef i():\n    return 3\n";
        let before = format!("{class}\n\n{others}");
        let check = |after: &str, expected: [&[&str]; 2]| {
            let found = looked_at(Language::Python, &before, after);
            assert_eq!(
                found,
                expected.map(|names| names.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>()),
                "{after}"
            );
        };
        check(&before, [&[], &[]]);
        check(&before.replace("b.c", "(b.c or 1)"), [&["A", "A.g"], &["A", "A.g"]]);
        check(&before.replace("def i()", "def j():\n    pass\n\n\ndef i()"), [&[], &["j"]]);
        check(&format!("import json\n{before}"), [&["h"], &["h"]]);
        let all: &[&str] = &["A", "A.f", "A.g"];
        check(&before.replace("class A", "class B"), [all, &["B", "B.f", "B.g"]]);
        // What was code is a text now.
        let quoted = before.replace("def h", "\"\"\"\ndef h").replace("return 3\n", "return 3\n\"\"\"\n");
        check(&quoted, [&["h", "i"], &[]]);
        let broken = before.replace("return 3", "return (3");
        assert_eq!(looked_at(Language::Python, &before, &broken)[0].len(), 5);
    }

    #[test]
    fn a_part_that_is_skipped_has_the_same_tree_in_both_versions() {
        let before =
            "class A { f() { return 1 } g() { return `${x}` } }\nlet s = `a`\nfunction h() { return 2 }\n";
        let after = before.replace("return 2", "return 4");
        let parsed = [before, &after].map(|text| Parsed::new(Language::JavaScript, text));
        let none = Bindings::default();
        let [old, new] = [&parsed[0], &parsed[1]].map(|parsed| Version { parsed, bindings: &none });
        let unchanged = Unchanged::between(old, new);
        let forms = |parsed: &Parsed<'_>, parts: &Parts| {
            let mut found = Vec::new();
            visit_below(parsed.root(), |node, _| {
                if parts.contains(node) {
                    found.push(node.to_sexp());
                }
            });
            found
        };
        let skipped = forms(&parsed[0], &unchanged.before);
        assert!(skipped.len() >= 2);
        assert_eq!(skipped, forms(&parsed[1], &unchanged.after));
    }
}
