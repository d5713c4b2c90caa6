//! What a file defines: functions, methods and classes with their signatures and places.

use std::ops::RangeInclusive;

use tree_sitter::Node;

use super::{Family, Parsed, Position, first_line, last_line, tokens};

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
    /// Source text of its decorators, without layout and comments.
    pub decorators: Vec<String>,
    pub node: Node<'p>,
}

impl<'p> Definition<'p> {
    /// The part that runs; the whole definition where it has no body of its own.
    pub fn body(&self) -> Node<'p> {
        self.node.child_by_field_name("body").unwrap_or(self.node)
    }
}

/// Everything that a file defines by name, in the order of the file.
pub fn definitions<'p>(parsed: &'p Parsed<'_>) -> Vec<Definition<'p>> {
    let mut found: Vec<Definition<'p>> = Vec::new();
    let mut open: Vec<(usize, String)> = Vec::new();
    parsed.visit(|node, position| {
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
        let whole = decorated.unwrap_or(node);
        let body_start = node.child_by_field_name("body").map_or(node.end_byte(), |body| body.start_byte());
        found.push(Definition {
            kind,
            name,
            qualified_name,
            signature: tokens::normalised_until(parsed, node, body_start),
            lines: first_line(whole)..=last_line(whole),
            decorators: decorators(parsed, node, decorated),
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

fn definition_of<'p>(
    parsed: &'p Parsed<'_>,
    node: Node<'p>,
    position: &Position<'_, 'p>,
) -> Option<(DefinitionKind, &'p str)> {
    let kind = match (parsed.family(), node.kind()) {
        (Family::Python, "function_definition") => DefinitionKind::Function,
        (Family::Python, "class_definition") => DefinitionKind::Class,
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
        ) => DefinitionKind::Function,
        (
            Family::Script,
            "class_declaration" | "abstract_class_declaration" | "class" | "interface_declaration",
        ) => DefinitionKind::Class,
        (Family::Go, "function_declaration" | "method_declaration") => DefinitionKind::Function,
        (Family::Go, "type_spec") => DefinitionKind::Class,
        _ => return None,
    };
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

fn decorators<'p>(parsed: &Parsed<'_>, node: Node<'p>, decorated: Option<Node<'p>>) -> Vec<String> {
    let holder = decorated.unwrap_or(node);
    let mut cursor = holder.walk();
    let found: Vec<Node<'p>> =
        holder.children(&mut cursor).filter(|child| child.kind() == "decorator").collect();
    found.into_iter().map(|decorator| tokens::normalised(parsed, decorator)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Language;
    use super::*;

    fn outline(language: Language, text: &str) -> Vec<String> {
        let parsed = Parsed::new(language, text);
        definitions(&parsed)
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
    fn the_innermost_function_around_a_line_is_found() {
        let text = "def a():\n    def b():\n        return 1\n    return b\nc = 1\n";
        let parsed = Parsed::new(Language::Python, text);
        let all = definitions(&parsed);
        let name = |line| enclosing_function(&all, line).map(|one| one.name);
        assert_eq!([name(1), name(3), name(4), name(5)], [Some("a"), Some("b"), Some("a"), None]);
    }
}
