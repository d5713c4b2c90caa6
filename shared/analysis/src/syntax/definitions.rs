//! What a file defines: functions, methods and classes with their signatures and places.

use std::ops::RangeInclusive;

use tree_sitter::Node;

use super::{Family, Parsed, Position, Walk, first_line, is_comment, is_decorator_kind, last_line, tokens};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefinitionKind {
    Function,
    Class,
}

/// A named function, method, class or type.
#[derive(Clone, Debug)]
pub struct Definition<'p> {
    pub kind: DefinitionKind,
    pub name: &'p str,
    /// Its own name after those of the definitions around it, with dots: `Order.total`.
    pub qualified_name: String,
    /// Everything before its body without layout and comments, such as `def f ( a , b = 1 ) :`.
    pub signature: String,
    /// Counted from 1, with its decorators.
    pub lines: RangeInclusive<u32>,
    /// Source text of its decorators, annotations or attributes, without layout and comments.
    pub decorators: Vec<String>,
    pub node: Node<'p>,
}

impl<'p> Definition<'p> {
    /// The part that runs; the whole definition where it has no body of its own.
    pub fn body(&self) -> Node<'p> {
        self.node.child_by_field_name("body").unwrap_or(self.node)
    }

    /// Everything before its body as the file spells it.
    pub fn written_signature<'t>(&self, parsed: &Parsed<'t>) -> &'t str {
        let body = signature_end(self.node);
        let mut cursor = self.node.walk();
        let parts =
            self.node.children(&mut cursor).filter(|part| part.end_byte() <= body && !is_comment(*part));
        let end = parts.last().map_or(body, |part| part.end_byte());
        &parsed.text[self.node.start_byte()..end]
    }
}

/// Everything that a file defines by name, in the order of the file.
pub fn definitions<'p>(walk: &Walk<'p>) -> Vec<Definition<'p>> {
    let parsed = walk.parsed();
    let mut found: Vec<Definition<'p>> = Vec::new();
    let mut open: Vec<(usize, String)> = Vec::new();
    let mut attributes: Vec<Node<'p>> = Vec::new();
    walk.visit(|node, position| {
        if position.kind == "attribute_item" {
            attributes.push(node);
        }
        while open.last().is_some_and(|(end, _)| *end <= node.start_byte()) {
            open.pop();
        }
        let Some((kind, name)) = definition_of(parsed, node, position) else { return };
        let qualified_name = match (open.last(), receiver_type(parsed, node)) {
            (Some((_, outer)), _) => format!("{outer}.{name}"),
            (None, Some(receiver)) => format!("{receiver}.{name}"),
            (None, None) => name.to_owned(),
        };
        open.push((node.end_byte(), qualified_name.clone()));
        let decorated = position.parent().filter(|parent| parent.kind() == "decorated_definition");
        let own_attributes = attributes_before(parsed, node, &mut attributes);
        let whole = own_attributes.first().copied().or(decorated).unwrap_or(node);
        let mut decorators = decorators(parsed, decorated.unwrap_or(node));
        decorators.extend(own_attributes.into_iter().map(|one| tokens::normalised(parsed, one)));
        // Java's and PHP's decorators stand inside of what they decorate.
        let signature = decorators.iter().fold(
            tokens::normalised_until(parsed, node, signature_end(node)),
            |text, decorator| {
                text.strip_prefix(decorator.as_str()).map(|rest| rest.trim_start().to_owned()).unwrap_or(text)
            },
        );
        found.push(Definition {
            kind,
            name,
            qualified_name,
            signature,
            lines: first_line(whole)..=last_line(decorated.unwrap_or(node)),
            decorators,
            node,
        });
    });
    found
}

/// The innermost function around a line, counted from 1.
pub fn enclosing_function<'d, 'p>(
    definitions: &'d [Definition<'p>],
    line: u32,
) -> Option<&'d Definition<'p>> {
    definitions
        .iter()
        .filter(|one| one.kind == DefinitionKind::Function && one.lines.contains(&line))
        .min_by_key(|one| one.lines.end() - one.lines.start())
}

/// The innermost class around a line, counted from 1.
pub fn enclosing_class<'d, 'p>(definitions: &'d [Definition<'p>], line: u32) -> Option<&'d Definition<'p>> {
    definitions
        .iter()
        .filter(|one| one.kind == DefinitionKind::Class && one.lines.contains(&line))
        .min_by_key(|one| one.lines.end() - one.lines.start())
}

/// What kind of definition a kind of node is.
pub fn kind_of_definition(family: Family, node_kind: &str) -> Option<DefinitionKind> {
    use DefinitionKind::{Class, Function};
    Some(match (family, node_kind) {
        (Family::Python, "function_definition") => Function,
        (Family::Python, "class_definition") => Class,
        (
            Family::Script,
            "function_declaration"
            | "generator_function_declaration"
            | "method_definition"
            | "function_signature"
            | "method_signature"
            | "abstract_method_signature"
            | "function_expression"
            | "generator_function"
            | "arrow_function",
        ) => Function,
        (
            Family::Script,
            "class_declaration" | "abstract_class_declaration" | "class" | "interface_declaration",
        ) => Class,
        (Family::Go, "function_declaration" | "method_declaration") => Function,
        (Family::Go, "type_spec") => Class,
        (Family::Rust, "function_item" | "function_signature_item") => Function,
        (
            Family::Rust,
            "struct_item" | "enum_item" | "union_item" | "trait_item" | "impl_item" | "mod_item",
        ) => Class,
        (
            Family::Java,
            "method_declaration" | "constructor_declaration" | "compact_constructor_declaration",
        ) => Function,
        (
            Family::Java,
            "class_declaration"
            | "interface_declaration"
            | "enum_declaration"
            | "record_declaration"
            | "annotation_type_declaration",
        ) => Class,
        (Family::Ruby, "method" | "singleton_method") => Function,
        (Family::Ruby, "class" | "module") => Class,
        (Family::Php, "function_definition" | "method_declaration") => Function,
        (
            Family::Php,
            "class_declaration" | "interface_declaration" | "trait_declaration" | "enum_declaration",
        ) => Class,
        _ => return None,
    })
}

/// Where the part before the body ends. Without a body Ruby's `end` is no part of it.
fn signature_end(node: Node<'_>) -> usize {
    let field = |name: &str| node.child_by_field_name(name);
    match node.kind() {
        "method" | "singleton_method" | "class" | "module" => {
            let last = ["superclass", "parameters", "name"].into_iter().find_map(field);
            last.map_or(node.end_byte(), |last| last.end_byte())
        }
        _ => field("body").map_or(node.end_byte(), |body| body.start_byte()),
    }
}

fn definition_of<'p>(
    parsed: &'p Parsed<'_>,
    node: Node<'p>,
    position: &Position<'_, 'p>,
) -> Option<(DefinitionKind, &'p str)> {
    let kind = kind_of_definition(parsed.family(), position.kind)?;
    if position.kind == "impl_item" {
        return Some((kind, parsed.field_text(node, "type")));
    }
    let named = node.child_by_field_name("name").or_else(|| name_from_parent(node, position.parent()?))?;
    Some((kind, parsed.text_of(named))).filter(|(_, name)| !name.is_empty())
}

/// The name that a function expression gets from what it is assigned to.
fn name_from_parent<'p>(node: Node<'p>, parent: Node<'p>) -> Option<Node<'p>> {
    let (value, name) = match parent.kind() {
        "variable_declarator" => ("value", "name"),
        "assignment_expression" => ("right", "left"),
        "pair" => ("value", "key"),
        "public_field_definition" => ("value", "name"),
        "field_definition" => ("value", "property"),
        _ => return None,
    };
    parent.child_by_field_name(value).filter(|value| *value == node)?;
    parent.child_by_field_name(name)
}

/// The type that a Go method belongs to.
fn receiver_type<'p>(parsed: &Parsed<'p>, node: Node<'_>) -> Option<&'p str> {
    let receiver = parsed.text_of(node.child_by_field_name("receiver")?);
    let name = receiver.trim_matches(['(', ')', ' ']).rsplit([' ', '*']).next()?;
    Some(name.split('[').next().unwrap_or(name)).filter(|name| !name.is_empty())
}

fn decorators(parsed: &Parsed<'_>, holder: Node<'_>) -> Vec<String> {
    let mut cursor = holder.walk();
    let mut found: Vec<Node<'_>> = Vec::new();
    for child in holder.children(&mut cursor) {
        // Java's stand among the modifiers, PHP's in a list.
        if matches!(child.kind(), "modifiers" | "attribute_list") {
            let mut inner = child.walk();
            found.extend(child.children(&mut inner).filter(|one| is_decorator_kind(one.kind())));
        } else if child.kind() == "decorator" {
            found.push(child);
        }
    }
    found.into_iter().map(|decorator| tokens::normalised(parsed, decorator)).collect()
}

/// The attributes directly before a Rust item, which are its siblings in the tree.
fn attributes_before<'p>(parsed: &Parsed<'_>, item: Node<'_>, seen: &mut Vec<Node<'p>>) -> Vec<Node<'p>> {
    let mut own = Vec::new();
    let mut start = item.start_byte();
    while let Some(attribute) = seen.pop() {
        let between = parsed.text.get(attribute.end_byte()..start).unwrap_or("-");
        if !between.trim().is_empty() {
            break;
        }
        start = attribute.start_byte();
        own.push(attribute);
    }
    seen.clear();
    own.reverse();
    own
}

#[cfg(test)]
mod tests {
    use super::super::Language;
    use super::*;

    fn outline(language: Language, text: &str) -> Vec<String> {
        let parsed = Parsed::new(language, text);
        definitions(&Walk::of(&parsed))
            .iter()
            .map(|one| {
                let (from, to) = (one.lines.start(), one.lines.end());
                format!("{from}-{to} {} | {} {}", one.qualified_name, one.signature, one.decorators.join(" "))
            })
            .collect()
    }

    #[test]
    fn python_definitions_have_signatures_and_decorators() {
        let text = concat!(
            "class Order(Base):\n",
            "    @property\n",
            "    async def total(self, tax=1,) -> int:  # x\n",
            "        def inner(): pass\n",
            "        return 1\n",
        );
        assert_eq!(
            outline(Language::Python, text),
            [
                "1-5 Order | class Order ( Base ) : ",
                "2-5 Order.total | async def total ( self , tax = 1 ) -> int : @ property",
                "4-4 Order.total.inner | def inner ( ) : ",
            ]
        );
    }

    #[test]
    fn script_functions_are_named_by_what_they_are_assigned_to() {
        let text =
            "export const label = async (a: A) => a.b;\nclass C { m(x) { return [1].map((y) => y); } }\n";
        assert_eq!(
            outline(Language::TypeScript, text),
            ["1-1 label | async ( a : A ) => ", "2-2 C | class C ", "2-2 C.m | m ( x ) ",]
        );
    }

    #[test]
    fn go_methods_belong_to_their_receiver() {
        let text =
            "package a\n\ntype S struct{}\n\nfunc (s *S) Get(id int) (int, error) {\n\treturn 1, nil\n}\n";
        assert_eq!(
            outline(Language::Go, text),
            ["3-3 S | S struct { } ", "5-7 S.Get | func ( s * S ) Get ( id int ) ( int , error ) ",]
        );
    }

    #[test]
    fn rust_java_ruby_and_php_definitions_are_found() {
        let rust = "/// A.\n#[derive(Debug)]\nstruct A;\nimpl A {\n    #[inline]\n    pub fn f(&self) -> u8 { 1 }\n}\n";
        assert_eq!(
            outline(Language::Rust, rust),
            [
                "2-3 A | struct A ; # [ derive ( Debug ) ]",
                "4-7 A | impl A ",
                "5-6 A.f | pub fn f ( & self ) -> u8 # [ inline ]",
            ]
        );
        let java =
            "class A {\n  @Override\n  public String f(int a) throws E { return g(() -> 1); }\n  A() {}\n}\n";
        assert_eq!(
            outline(Language::Java, java),
            [
                "1-5 A | class A ",
                "2-3 A.f | public String f ( int a ) throws E @ Override",
                "4-4 A.A | A ( ) ",
            ]
        );
        let ruby = "module S\n  class A < B\n    def f(a, b: 1)\n    end\n    def self.g = 1\n  end\nend\n";
        assert_eq!(
            outline(Language::Ruby, ruby),
            [
                "1-7 S | module S ",
                "2-6 S.A | class A < B ",
                "3-4 S.A.f | def f ( a , b : 1 ) ",
                "5-5 S.A.g | def self . g ",
            ]
        );
        let php = "<?php\n#[Route('/x')]\nclass A {\n  public function f(?B $b): int { return 1; }\n}\n";
        assert_eq!(
            outline(Language::Php, php),
            ["2-5 A | class A #[ Route ( ' /x ' ) ]", "4-4 A.f | public function f ( ? B $ b ) : int ",]
        );
    }

    #[test]
    fn the_innermost_function_around_a_line_is_found() {
        let text = "def a():\n    def b():\n        return 1\n    return b\nc = 1\n";
        let parsed = Parsed::new(Language::Python, text);
        let all = definitions(&Walk::of(&parsed));
        let name = |line| enclosing_function(&all, line).map(|one| one.name);
        assert_eq!([name(1), name(3), name(4), name(5)], [Some("a"), Some("b"), Some("a"), None]);
    }
}
