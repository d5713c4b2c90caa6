//! The names that code refers to, as dotted paths: `db.query(User).filter(…)` is
//! `db.query.filter`, whatever is called, indexed or awaited on the way.

use tree_sitter::Node;

use super::definitions::kind_of_definition;
use super::dotted_paths::{is_call, is_name, path_in_tokens};
use super::imports::Bindings;
use super::{Family, Parsed, Position, Walk, first_line};

pub use super::dotted_paths::{Use, dotted_path};

/// Where the first name of a path comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// By an import or, where a language needs none, by a name that says so: `Net::HTTP`.
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
pub fn references<'p>(walk: &Walk<'p>, bindings: &Bindings) -> Vec<Reference<'p>> {
    let mut found = Vec::new();
    let mut left_out_until = 0;
    walk.visit(|node, position| {
        if node.start_byte() < left_out_until {
            return;
        }
        if is_import(position.kind) {
            left_out_until = node.end_byte();
            return;
        }
        found.extend(reference(walk.parsed(), node, position, bindings));
    });
    found
}

fn reference<'p>(
    parsed: &Parsed<'_>,
    node: Node<'p>,
    position: &Position<'_, 'p>,
    bindings: &Bindings,
) -> Option<Reference<'p>> {
    let in_macro = position.parent_kind == "token_tree";
    let (how, written) = match called(node, position.kind) {
        _ if in_macro && node.is_named() => {
            let (path, how) = path_in_tokens(parsed, node)?;
            (how, path)
        }
        Some(named) => (Use::Called, dotted_path(parsed, named)),
        None if is_name(node, position.kind) && !is_part_of_a_name(parsed.family(), position) => {
            (Use::Named, dotted_path(parsed, node))
        }
        None => return None,
    };
    let (path, origin) = match bindings.resolve(&written) {
        Some(path) => (path, Origin::Imported),
        None if is_from_elsewhere(parsed.family(), &written, parsed.text_of(node)) => {
            (written, Origin::Imported)
        }
        None => (written, Origin::Other),
    };
    Some(Reference { path, how, origin, line: first_line(node), node })
}

/// What a call calls: its callee or, where that is no node of its own, the call itself.
fn called<'p>(node: Node<'p>, kind: &str) -> Option<Node<'p>> {
    match kind {
        "call" | "call_expression" | "function_call_expression" => {
            node.child_by_field_name("function").or_else(|| Some(node).filter(|call| is_call(*call, kind)))
        }
        "new_expression" => node.child_by_field_name("constructor"),
        "macro_invocation" => node.child_by_field_name("macro"),
        _ => Some(node).filter(|call| is_call(*call, kind)),
    }
}

/// Whether a name needs no import to mean something outside the file: constants of Ruby, classes of
/// PHP, and paths of Rust that begin with a crate.
fn is_from_elsewhere(family: Family, path: &str, text: &str) -> bool {
    let first = path.split('.').next().unwrap_or_default();
    match family {
        Family::Ruby | Family::Php => first.starts_with(|c: char| c.is_ascii_uppercase()),
        Family::Rust => {
            text.contains("::")
                && first.starts_with(|c: char| c.is_ascii_lowercase())
                && !matches!(first, "crate" | "self" | "super")
        }
        Family::Java => path.starts_with("java.") || path.starts_with("javax."),
        Family::Python | Family::Script | Family::Go => false,
    }
}

fn is_import(kind: &str) -> bool {
    matches!(
        kind,
        "import_statement"
            | "import_from_statement"
            | "future_import_statement"
            | "import_declaration"
            | "use_declaration"
            | "namespace_use_declaration"
            | "package_declaration"
            | "namespace_definition"
    )
}

/// Whether the node is the inside of a longer path, the callee of a call that is reported itself,
/// or a name that is given rather than used.
fn is_part_of_a_name(family: Family, position: &Position<'_, '_>) -> bool {
    match position.parent_kind {
        "attribute" => family != Family::Php && family != Family::Rust,
        "member_expression"
        | "selector_expression"
        | "qualified_type"
        | "field_expression"
        | "scoped_identifier"
        | "scoped_type_identifier"
        | "generic_function"
        | "field_access"
        | "method_invocation"
        | "scope_resolution"
        | "qualified_name"
        | "namespace_name"
        | "variable_name"
        | "member_access_expression"
        | "nullsafe_member_access_expression"
        | "member_call_expression"
        | "nullsafe_member_call_expression"
        | "scoped_call_expression"
        | "scoped_property_access_expression"
        | "class_constant_access_expression" => true,
        "call" | "call_expression" | "function_call_expression" => {
            matches!(position.field, Some("function" | "method" | "receiver"))
        }
        "new_expression" => position.field == Some("constructor"),
        "object_creation_expression" => position.field != Some("arguments"),
        "macro_invocation" => position.field == Some("macro"),
        "keyword_argument" => position.field == Some("name"),
        "pair" => position.field == Some("key"),
        parent => position.field == Some("name") && kind_of_definition(family, parent).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Language;
    use super::super::imports::imports;
    use super::*;

    fn list(language: Language, text: &str) -> Vec<String> {
        let parsed = Parsed::new(language, text);
        let walk = Walk::of(&parsed);
        references(&walk, &Bindings::of(&imports(&walk)))
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

    #[test]
    fn calls_of_rust_java_ruby_and_php_are_found() {
        let check = |language, text: &str, expected: &[&str]| {
            let found = list(language, text);
            for one in expected {
                assert!(found.contains(&(*one).to_owned()), "{one}: {found:?}");
            }
        };
        let rust = "use std::process::Command;\nfn f() { let x = Command::new(a).arg(b)?.c; panic!(\"{}\", fs::read(y)); a::<T>(); }\n";
        check(
            Language::Rust,
            rust,
            &[
                "std.process.Command.new()",
                "std.process.Command.new.arg.c",
                "panic()",
                "fs.read()",
                "y",
                "a()",
            ],
        );
        let java =
            "import a.B;\nclass C { void f() { Runtime.getRuntime().exec(x); new B(y).z(); g(this.h); } }\n";
        check(
            Language::Java,
            java,
            &["Runtime.getRuntime.exec()", "a.B()", "a.B.z()", "g()", "this.h", "x", "y"],
        );
        let ruby = "a.b&.c(d)\nNet::HTTP.get(e)\nraise F, 'x'\n@g[:h].i\n";
        check(Language::Ruby, ruby, &["a.b.c()", "a.b()", "d", "Net.HTTP.get()", "raise()", "F", "@g.i()"]);
        let php = "<?php\nuse A\\B;\nB::c($d)->e($f->g); \\h(1); new B(2); $i['x']->j(); B::K;\n";
        check(Language::Php, php, &["A.B.c.e()", "A.B.c()", "$d", "$f.g", "h()", "A.B()", "$i.j()", "A.B.K"]);
    }
}
