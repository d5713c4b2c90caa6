//! The names that code refers to, as dotted paths: `db.query(User).filter(…)` is
//! `db.query.filter`, whatever is called, indexed or awaited on the way.

use tree_sitter::Node;

use super::imports::{Bindings, imports};
use super::{Parsed, Position, first_line, visit_below};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Called,
    Named,
}

/// Where the first name of a path comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Imported,
    /// A variable, an attribute of `self`, a built-in.
    Other,
}

/// A name that code uses.
#[derive(Clone, Debug)]
pub struct Reference<'p> {
    /// Names from the first to the last, with dots. A leading `?` stands for what is not a name.
    pub path: String,
    pub how: Use,
    pub origin: Origin,
    /// Counted from 1.
    pub line: u32,
    /// The call, or the name itself.
    pub node: Node<'p>,
}

impl Reference<'_> {
    /// The name at the end of the path.
    pub fn last_name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or(&self.path)
    }
}

/// Every call and every name used in a file, with imported names replaced by what they stand for.
/// Names in import statements are left out.
pub fn references<'p>(parsed: &'p Parsed<'_>) -> Vec<Reference<'p>> {
    let bindings = Bindings::of(&imports(parsed));
    references_below(parsed, parsed.root(), &bindings)
}

/// As [`references`], of one part of a file.
pub fn references_below<'p>(parsed: &Parsed<'_>, top: Node<'p>, bindings: &Bindings) -> Vec<Reference<'p>> {
    let mut found = Vec::new();
    let mut left_out_until = 0;
    visit_below(top, |node, position| {
        if node.start_byte() < left_out_until {
            return;
        }
        if is_import(node) {
            left_out_until = node.end_byte();
            return;
        }
        let (how, named) = match node.kind() {
            "call" | "call_expression" => (Use::Called, node.child_by_field_name("function")),
            "new_expression" => (Use::Called, node.child_by_field_name("constructor")),
            _ if is_name(node) && !is_part_of_a_name(position) => (Use::Named, Some(node)),
            _ => return,
        };
        let Some(named) = named else { return };
        let written = dotted_path(parsed, named);
        let (path, origin) = match bindings.resolve(&written) {
            Some(path) => (path, Origin::Imported),
            None => (written, Origin::Other),
        };
        found.push(Reference { path, how, origin, line: first_line(node), node });
    });
    found
}

/// The dotted path of an expression.
pub fn dotted_path(parsed: &Parsed<'_>, expression: Node<'_>) -> String {
    let mut names: Vec<&str> = Vec::new();
    let mut node = expression;
    loop {
        let next = match node.kind() {
            "attribute" => {
                names.push(parsed.field_text(node, "attribute"));
                node.child_by_field_name("object")
            }
            "member_expression" => {
                names.push(parsed.field_text(node, "property"));
                node.child_by_field_name("object")
            }
            "selector_expression" => {
                names.push(parsed.field_text(node, "field"));
                node.child_by_field_name("operand")
            }
            "qualified_type" => {
                names.push(parsed.field_text(node, "name"));
                node.child_by_field_name("package")
            }
            "call" | "call_expression" => node.child_by_field_name("function"),
            "new_expression" => node.child_by_field_name("constructor"),
            "subscript" => node.child_by_field_name("value"),
            "subscript_expression" => {
                // `a["b"]` is `a.b`.
                let index = node.child_by_field_name("index").filter(|index| index.kind() == "string");
                names.extend(index.map(|index| parsed.text_of(index).trim_matches(['"', '\''])));
                node.child_by_field_name("object")
            }
            "index_expression" | "type_assertion_expression" => node.child_by_field_name("operand"),
            "parenthesized_expression"
            | "await"
            | "await_expression"
            | "non_null_expression"
            | "as_expression"
            | "unary_expression" => node.named_child(0),
            _ if is_name(node) || matches!(node.kind(), "import" | "super") => {
                names.push(parsed.text_of(node));
                break;
            }
            _ => None,
        };
        match next {
            Some(inner) => node = inner,
            None => {
                names.push("?");
                break;
            }
        }
    }
    names.reverse();
    names.join(".")
}

fn is_import(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "import_statement" | "import_from_statement" | "future_import_statement" | "import_declaration"
    )
}

fn is_name(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "identifier"
            | "attribute"
            | "member_expression"
            | "selector_expression"
            | "qualified_type"
            | "this"
            | "shorthand_property_identifier"
            | "package_identifier"
            | "property_identifier"
            | "private_property_identifier"
            | "field_identifier"
            | "type_identifier"
    )
}

/// Whether the node is the inside of a longer path, the callee of a call that is reported itself,
/// or a name that is given rather than used.
fn is_part_of_a_name(position: &Position<'_, '_>) -> bool {
    match position.parent_kind() {
        "attribute" | "member_expression" | "selector_expression" | "qualified_type" => true,
        "call" | "call_expression" => position.field == Some("function"),
        "new_expression" => position.field == Some("constructor"),
        "keyword_argument" => position.field == Some("name"),
        "pair" => position.field == Some("key"),
        "function_definition"
        | "class_definition"
        | "function_declaration"
        | "method_definition"
        | "class_declaration"
        | "method_declaration" => position.field == Some("name"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Language;
    use super::*;

    fn list(language: Language, text: &str) -> Vec<String> {
        let parsed = Parsed::new(language, text);
        references(&parsed)
            .iter()
            .map(|one| format!("{}{}", one.path, if one.how == Use::Called { "()" } else { "" }))
            .collect()
    }

    #[test]
    fn python_names_are_resolved_through_imports() {
        let text = concat!(
            "from os import system as s\n",
            "import subprocess as sp\n",
            "s(cmd)\n",
            "sp.run(['a'], check=flag)\n",
            "x = eval\n",
            "(await db.query(User)).filter()[0].all()\n",
        );
        assert_eq!(
            list(Language::Python, text),
            [
                "os.system()",
                "cmd",
                "subprocess.run()",
                "flag",
                "x",
                "eval",
                "db.query.filter.all()",
                "db.query.filter()",
                "db.query()",
                "User",
            ]
        );
    }

    #[test]
    fn script_and_go_names_are_resolved_through_imports() {
        let script = concat!(
            "import { exec } from 'node:child_process';\n",
            "exec(`x`);\n",
            "new Function(a.b['c'].d);\n",
            "foo?.bar!.baz();\n",
        );
        assert_eq!(
            list(Language::TypeScript, script),
            ["child_process.exec()", "Function()", "a.b.c.d", "a.b", "foo.bar.baz()", "foo.bar",]
        );
        let go = "package a\n\nimport \"os/exec\"\n\nfunc f() { c := exec.Command(\"x\"); c.Run() }\n";
        let found = list(Language::Go, go);
        assert!(found.contains(&"os/exec.Command()".to_owned()), "{found:?}");
        assert!(found.contains(&"c.Run()".to_owned()), "{found:?}");
    }
}
