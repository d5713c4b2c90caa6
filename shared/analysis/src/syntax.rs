//! Source code as syntax trees: whether it still parses, what it defines, imports and refers to.
//!
//! Tree-sitter parses what it can and marks the rest, so a file with an old error can still be
//! judged: only *more* errors than before count. Languages without a grammar here degrade to plain
//! text, and the answer says so. Nothing here recurses, so deeply nested input costs memory in
//! proportion to its size and never the stack.

pub mod blanking;
pub mod definitions;
mod dotted_paths;
pub mod imports;
pub mod mentions;
pub mod references;
pub mod settings;
pub mod tokens;
pub mod unchanged;

use std::collections::HashSet;

use tree_sitter::{Node, Parser, Tree, TreeCursor};

use crate::diff::FileChange;

/// A language that has a grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    Python,
    JavaScript,
    TypeScript,
    Tsx,
    Go,
    Rust,
    Java,
    Ruby,
    Php,
}

/// Which family of syntax a language belongs to, where several share their node kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    Python,
    /// JavaScript, TypeScript and TSX.
    Script,
    Go,
    Rust,
    Java,
    Ruby,
    Php,
}

impl Language {
    /// The language of a file by its extension.
    pub fn of_path(path: &str) -> Option<Language> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let (stem, extension) = name.rsplit_once('.')?;
        if stem.is_empty() {
            return None;
        }
        match extension.to_ascii_lowercase().as_str() {
            "py" | "pyi" | "pyw" => Some(Language::Python),
            "js" | "jsx" | "mjs" | "cjs" => Some(Language::JavaScript),
            "ts" | "mts" | "cts" => Some(Language::TypeScript),
            "tsx" => Some(Language::Tsx),
            "go" => Some(Language::Go),
            "rs" => Some(Language::Rust),
            "java" => Some(Language::Java),
            "rb" | "rake" => Some(Language::Ruby),
            "php" => Some(Language::Php),
            _ => None,
        }
    }

    pub fn family(self) -> Family {
        match self {
            Language::Python => Family::Python,
            Language::JavaScript | Language::TypeScript | Language::Tsx => Family::Script,
            Language::Go => Family::Go,
            Language::Rust => Family::Rust,
            Language::Java => Family::Java,
            Language::Ruby => Family::Ruby,
            Language::Php => Family::Php,
        }
    }

    fn grammar(self) -> tree_sitter::Language {
        match self {
            Language::Python => tree_sitter_python::LANGUAGE.into(),
            Language::JavaScript => tree_sitter_javascript::LANGUAGE.into(),
            Language::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
            Language::Tsx => tree_sitter_typescript::LANGUAGE_TSX.into(),
            Language::Go => tree_sitter_go::LANGUAGE.into(),
            Language::Rust => tree_sitter_rust::LANGUAGE.into(),
            Language::Java => tree_sitter_java::LANGUAGE.into(),
            Language::Ruby => tree_sitter_ruby::LANGUAGE.into(),
            // PHP between HTML, as files have it.
            Language::Php => tree_sitter_php::LANGUAGE_PHP.into(),
        }
    }
}

/// A text with its syntax tree.
pub struct Parsed<'t> {
    language: Language,
    text: &'t str,
    tree: Tree,
}

/// Where a visited node stands.
pub struct Position<'v, 'p> {
    /// The node's kind. Asking the node itself takes much longer.
    pub kind: &'p str,
    /// The kind of its parent, empty for the first node of a visit.
    pub parent_kind: &'p str,
    /// The field of its parent that it fills.
    pub field: Option<&'p str>,
    /// From the root to its parent.
    pub ancestors: &'v [Node<'p>],
}

impl<'p> Position<'_, 'p> {
    pub fn parent(&self) -> Option<Node<'p>> {
        self.ancestors.last().copied()
    }
}

impl<'t> Parsed<'t> {
    pub fn new(language: Language, text: &'t str) -> Parsed<'t> {
        let mut parser = Parser::new();
        parser
            .set_language(&language.grammar())
            .expect("the grammars are built for this version of tree-sitter");
        let tree =
            parser.parse(text, None).expect("a parser with a language and without a time limit makes a tree");
        Parsed { language, text, tree }
    }

    pub fn language(&self) -> Language {
        self.language
    }

    pub fn family(&self) -> Family {
        self.language.family()
    }

    pub fn root(&self) -> Node<'_> {
        self.tree.root_node()
    }

    /// The source text of a node of this tree.
    pub fn text_of(&self, node: Node<'_>) -> &'t str {
        &self.text[node.byte_range()]
    }

    /// The text of a node's field, empty where it has none.
    pub fn field_text(&self, node: Node<'_>, field: &str) -> &'t str {
        node.child_by_field_name(field).map_or("", |child| self.text_of(child))
    }

    /// Lines with a syntax error, one entry per erroneous or missing node, in order.
    pub fn error_lines(&self) -> Vec<u32> {
        let mut lines = Vec::new();
        if self.root().has_error() {
            visit_below(self.root(), |node, _| {
                if node.is_error() || node.is_missing() {
                    lines.push(first_line(node));
                }
            });
        }
        lines
    }
}

/// How a visit goes on after a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Into the node.
    Below,
    /// Past everything below the node.
    Beside,
    Stop,
}

/// Visits a node and everything below it, parents before children. `ancestors` begin at the node.
pub fn visit_below<'p>(top: Node<'p>, mut visitor: impl FnMut(Node<'p>, &Position<'_, 'p>)) {
    visit_part(top, |node, position| {
        visitor(node, position);
        Then::Below
    });
}

/// Whether a test holds for a node or for anything below it.
pub fn any_below<'p>(top: Node<'p>, mut test: impl FnMut(Node<'p>, &Position<'_, 'p>) -> bool) -> bool {
    let mut found = false;
    visit_part(top, |node, position| {
        found = test(node, position);
        if found { Then::Stop } else { Then::Below }
    });
    found
}

/// As [`visit_below`], only as far as the visitor wants.
pub fn visit_part<'p>(top: Node<'p>, mut visitor: impl FnMut(Node<'p>, &Position<'_, 'p>) -> Then) {
    let mut cursor = top.walk();
    let mut ancestors: Vec<Node<'p>> = Vec::new();
    let mut kinds: Vec<&'p str> = Vec::new();
    loop {
        let node = cursor.node();
        let kind = node.kind();
        let parent_kind = kinds.last().copied().unwrap_or_default();
        let position = Position { kind, parent_kind, field: cursor.field_name(), ancestors: &ancestors };
        let then = visitor(node, &position);
        if then == Then::Stop {
            return;
        }
        if then == Then::Below && cursor.goto_first_child() {
            ancestors.push(node);
            kinds.push(kind);
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
            ancestors.pop();
            kinds.pop();
        }
    }
}

/// Nodes of one tree, by their number in it.
#[derive(Debug, Default)]
pub struct Parts(HashSet<usize>);

impl Parts {
    pub fn contains(&self, node: Node<'_>) -> bool {
        self.0.contains(&node.id())
    }
}

/// One walk through a whole tree, kept: many looks at a tree cost less than many walks.
pub struct Walk<'p> {
    steps: Vec<Step<'p>>,
    parsed: &'p Parsed<'p>,
}

struct Step<'p> {
    node: Node<'p>,
    kind: &'p str,
    field: Option<&'p str>,
    /// How many ancestors it has.
    depth: usize,
}

impl<'p> Walk<'p> {
    pub fn of(parsed: &'p Parsed<'p>) -> Walk<'p> {
        Walk::without(parsed, &Parts::default())
    }

    /// As [`of`](Walk::of), without some parts and everything below them.
    pub fn without(parsed: &'p Parsed<'p>, left_out: &Parts) -> Walk<'p> {
        let mut names = Names::default();
        let mut steps = Vec::new();
        let mut cursor = parsed.root().walk();
        let mut depth = 0;
        loop {
            let node = cursor.node();
            let is_left_out = left_out.contains(node);
            if !is_left_out {
                let field = names.field(&cursor);
                steps.push(Step { node, kind: names.kind(node), field, depth });
            }
            if !is_left_out && cursor.goto_first_child() {
                depth += 1;
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return Walk { steps, parsed };
                }
                depth -= 1;
            }
        }
    }

    /// The tree that was walked through.
    pub fn parsed(&self) -> &'p Parsed<'p> {
        self.parsed
    }

    /// Visits every node of the tree, parents before children.
    pub fn visit(&self, mut visitor: impl FnMut(Node<'p>, &Position<'_, 'p>)) {
        let mut ancestors: Vec<Node<'p>> = Vec::new();
        let mut kinds: Vec<&'p str> = Vec::new();
        for step in &self.steps {
            ancestors.truncate(step.depth);
            kinds.truncate(step.depth);
            let parent_kind = kinds.last().copied().unwrap_or_default();
            let position =
                Position { kind: step.kind, parent_kind, field: step.field, ancestors: &ancestors };
            visitor(step.node, &position);
            ancestors.push(step.node);
            kinds.push(step.kind);
        }
    }
}

/// The names of a grammar's kinds and fields by their numbers, as they come up: tree-sitter measures and checks a name
/// each time that it is asked for one.
#[derive(Default)]
struct Names<'p> {
    kinds: Vec<Option<&'p str>>,
    fields: Vec<Option<&'p str>>,
}

impl<'p> Names<'p> {
    /// What cannot be parsed has the last number of all; grammars have some hundreds.
    const MOST: u16 = 4_096;

    fn kind(&mut self, node: Node<'p>) -> &'p str {
        known(&mut self.kinds, node.kind_id(), || Some(node.kind())).unwrap_or_default()
    }

    fn field(&mut self, cursor: &TreeCursor<'p>) -> Option<&'p str> {
        known(&mut self.fields, cursor.field_id()?.get(), || cursor.field_name())
    }
}

fn known<'p>(
    names: &mut Vec<Option<&'p str>>,
    id: u16,
    ask: impl FnOnce() -> Option<&'p str>,
) -> Option<&'p str> {
    let index = usize::from(id);
    if let Some(Some(name)) = names.get(index) {
        return Some(name);
    }
    let name = ask();
    if id < Names::MOST {
        names.resize(names.len().max(index + 1), None);
        names[index] = name;
    }
    name
}

/// Line of a node's first character, counted from 1.
pub fn first_line(node: Node<'_>) -> u32 {
    u32::try_from(node.start_position().row).map_or(u32::MAX, |row| row.saturating_add(1))
}

/// Line of a node's last character, counted from 1.
pub fn last_line(node: Node<'_>) -> u32 {
    u32::try_from(node.end_position().row).map_or(u32::MAX, |row| row.saturating_add(1))
}

pub fn is_comment(node: Node<'_>) -> bool {
    is_comment_kind(node.kind())
}

pub fn is_comment_kind(kind: &str) -> bool {
    matches!(kind, "comment" | "html_comment" | "hash_bang_line" | "line_comment" | "block_comment")
}

/// What stands before a definition and changes what it does: decorators, annotations, attributes.
pub fn is_decorator_kind(kind: &str) -> bool {
    matches!(kind, "decorator" | "annotation" | "marker_annotation" | "attribute_item" | "attribute_group")
}

/// The named parts of a node without comments: of a block, its statements.
pub fn statements(block: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = block.walk();
    block.named_children(&mut cursor).filter(|child| !is_comment(*child)).collect()
}

/// Whether a change leaves a file that parses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyntaxChecked {
    /// No more errors than before.
    Clean,
    /// Lines of the new text with errors, where there are more than before.
    NewErrors { lines: Vec<u32>, before: usize },
    /// There is no grammar for this kind of file.
    UnknownLanguage,
}

/// Parses both sides of a change and compares their errors.
pub fn check(change: &FileChange) -> SyntaxChecked {
    match Language::of_path(&change.path) {
        Some(language) => {
            compare(&Parsed::new(language, &change.before), &Parsed::new(language, &change.after))
        }
        None => SyntaxChecked::UnknownLanguage,
    }
}

/// As [`check`], for texts that are parsed already.
pub fn compare(before: &Parsed<'_>, after: &Parsed<'_>) -> SyntaxChecked {
    let (old, lines) = (before.error_lines().len(), after.error_lines());
    if lines.len() > old { SyntaxChecked::NewErrors { lines, before: old } } else { SyntaxChecked::Clean }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_a_working_grammar() {
        let samples = [
            ("a.py", "def f(a: int) -> int:\n    return a\n"),
            ("a.mjs", "export const f = (a) => a?.b ?? 1;\n"),
            ("a.ts", "export function f(a: number): string { return `${a}`; }\n"),
            ("a.tsx", "const A = (p: { a?: string }) => <div>{p.a}</div>;\n"),
            ("a.go", "package a\n\nfunc f(a int) (int, error) { return a, nil }\n"),
            ("a.rs", "fn f(a: Option<u8>) -> Result<u8, E> { Ok(a.ok_or(E)?) }\n"),
            ("a.java", "record A(int b) { String c() { return switch (b) { default -> \"\"; }; } }\n"),
            ("a.rb", "def f(a, b: 1) = a&.b { |c| c.d! }\n"),
            ("a.php", "<p><?php function f(?A $a): int { return $a?->b ?? 1; } ?></p>\n"),
        ];
        for (path, text) in samples {
            let language = Language::of_path(path).expect("the extension is known");
            let parsed = Parsed::new(language, text);
            assert_eq!(parsed.error_lines(), Vec::<u32>::new(), "{path}");
            for text in [text, &format!("{text} ((")] {
                check_walk(&Parsed::new(language, text));
            }
        }
        for path in ["Makefile", "a.kt", ".py", "a.py.txt", ""] {
            assert_eq!(Language::of_path(path), None, "{path}");
        }
    }

    /// A kept walk says of every node what tree-sitter itself says.
    #[track_caller]
    fn check_walk(parsed: &Parsed<'_>) {
        let mut expected = Vec::new();
        visit_below(parsed.root(), |node, at| {
            assert_eq!(at.parent_kind, at.parent().map_or("", |parent| parent.kind()));
            expected.push((node, node.kind(), at.parent_kind, at.field, at.ancestors.to_vec()));
        });
        let mut found = Vec::new();
        Walk::of(parsed).visit(|node, at| {
            found.push((node, at.kind, at.parent_kind, at.field, at.ancestors.to_vec()));
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn only_more_errors_than_before_count() {
        let change = |before: &str, after: &str| FileChange {
            path: "a.py".into(),
            before: before.into(),
            after: after.into(),
        };
        assert_eq!(check(&change("a = 1\n", "a = 2\n")), SyntaxChecked::Clean);
        assert_eq!(check(&change("a = (1\n", "a = (2\n")), SyntaxChecked::Clean);
        assert_eq!(check(&change("a = (1\n", "a = (1)\n")), SyntaxChecked::Clean);
        let broken = check(&change("a = 1\nb = 2\n", "a = 1\nb = = 2\n"));
        assert_eq!(broken, SyntaxChecked::NewErrors { lines: vec![2], before: 0 });
        let text = FileChange { path: "notes.txt".into(), ..change("a", "b") };
        assert_eq!(check(&text), SyntaxChecked::UnknownLanguage);
    }

    #[test]
    fn deep_nesting_does_not_overflow_the_stack() {
        let deep = format!("a = {}1{}\n", "(".repeat(50_000), ")".repeat(50_000));
        let parsed = Parsed::new(Language::Python, &deep);
        let (mut nodes, mut again, mut deepest) = (0, 0, 0);
        visit_below(parsed.root(), |_, _| nodes += 1);
        Walk::of(&parsed).visit(|_, position| {
            again += 1;
            deepest = deepest.max(position.ancestors.len());
        });
        assert!(nodes >= 50_000 && deepest >= 50_000, "{nodes} {deepest}");
        assert_eq!(nodes, again);
    }
}
