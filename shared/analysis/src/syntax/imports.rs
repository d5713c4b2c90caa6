//! What a file imports, and which of its names stand for what.

use std::collections::BTreeMap;

use tree_sitter::Node;

use super::dotted_paths::plain_separators;
use super::{Family, Parsed, Walk, first_line};

/// One imported module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// As written: `a.b`, `..pkg`, `./x`, `node:fs`, `net/http`. Rust's `::` and PHP's `\` are dots.
    pub module: String,
    /// Local name and what it stands for, such as (`run`, `subprocess.run`).
    pub bindings: Vec<(String, String)>,
    /// Counted from 1.
    pub line: u32,
}

impl Import {
    fn new(module: &str, node: Node<'_>) -> Import {
        Import { module: module.to_owned(), bindings: Vec::new(), line: first_line(node) }
    }

    fn bind(&mut self, local: &str, path: String) {
        self.bindings.push((local.to_owned(), path));
    }
}

/// Local names and the full paths that they stand for.
#[derive(Clone, Debug, Default)]
pub struct Bindings(BTreeMap<String, String>);

impl Bindings {
    pub fn of(imports: &[Import]) -> Bindings {
        Bindings(imports.iter().flat_map(|import| import.bindings.iter().cloned()).collect())
    }

    /// Names that stand for something else in the other file, or for nothing.
    pub fn differing_names<'b>(&'b self, other: &'b Bindings) -> Vec<&'b str> {
        let differs =
            |(name, path): &(&'b String, &'b String), there: &Bindings| there.0.get(*name) != Some(*path);
        let here = self.0.iter().filter(|one| differs(one, other));
        let there = other.0.iter().filter(|one| differs(one, self));
        here.chain(there).map(|(name, _)| name.as_str()).collect()
    }

    /// A dotted path with its first name replaced by what was imported under it; `None` where that
    /// name was not imported.
    pub fn resolve(&self, path: &str) -> Option<String> {
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let full = self.0.get(first)?;
        Some(rest.map_or_else(|| full.clone(), |rest| format!("{full}.{rest}")))
    }
}

/// Every import of a file, wherever it stands in it.
pub fn imports(walk: &Walk<'_>) -> Vec<Import> {
    let parsed = walk.parsed();
    let family = parsed.family();
    let mut found = Vec::new();
    walk.visit(|node, position| match (family, position.kind) {
        (Family::Python, "import_statement") => found.extend(python_imports(parsed, node)),
        (Family::Python, "import_from_statement") => found.push(python_from(parsed, node)),
        (Family::Script, "import_statement" | "export_statement") => {
            found.extend(script_import(parsed, node))
        }
        (Family::Script, "call_expression") => {
            found.extend(script_require(parsed, node, position.parent()));
        }
        (Family::Go, "import_spec") => found.push(go_import(parsed, node)),
        (Family::Rust, "use_declaration") => rust_uses(parsed, node, &mut found),
        (Family::Java, "import_declaration") => found.extend(java_import(parsed, node)),
        (Family::Ruby, "call") => found.extend(ruby_require(parsed, node)),
        (Family::Php, "namespace_use_clause") => found.push(php_use(parsed, node, position.ancestors)),
        _ => {}
    });
    found
}

fn python_imports(parsed: &Parsed<'_>, node: Node<'_>) -> Vec<Import> {
    let mut cursor = node.walk();
    node.children_by_field_name("name", &mut cursor)
        .map(|name| {
            if name.kind() == "aliased_import" {
                let module = parsed.field_text(name, "name");
                let mut import = Import::new(module, node);
                import.bind(parsed.field_text(name, "alias"), module.to_owned());
                return import;
            }
            let module = parsed.text_of(name);
            let mut import = Import::new(module, node);
            let top = module.split('.').next().unwrap_or(module);
            import.bind(top, top.to_owned());
            import
        })
        .collect()
}

fn python_from(parsed: &Parsed<'_>, node: Node<'_>) -> Import {
    let module = parsed.field_text(node, "module_name");
    let mut import = Import::new(module, node);
    let mut cursor = node.walk();
    for name in node.children_by_field_name("name", &mut cursor) {
        let (imported, local) = if name.kind() == "aliased_import" {
            (parsed.field_text(name, "name"), parsed.field_text(name, "alias"))
        } else {
            (parsed.text_of(name), parsed.text_of(name))
        };
        import.bind(local, format!("{module}.{imported}"));
    }
    import
}

fn script_import(parsed: &Parsed<'_>, node: Node<'_>) -> Option<Import> {
    let module = unquoted(parsed.text_of(node.child_by_field_name("source")?));
    let mut import = Import::new(module, node);
    super::visit_below(node, |below, position| match position.kind {
        "identifier" if matches!(position.parent_kind, "import_clause" | "namespace_import") => {
            import.bind(parsed.text_of(below), plain_module(module));
        }
        "import_specifier" => {
            let name = parsed.field_text(below, "name");
            let alias = parsed.field_text(below, "alias");
            import.bind(
                if alias.is_empty() { name } else { alias },
                format!("{}.{name}", plain_module(module)),
            );
        }
        _ => {}
    });
    Some(import)
}

/// `require("x")` and `import("x")`, with the names that a declaration around it gives.
fn script_require(parsed: &Parsed<'_>, node: Node<'_>, parent: Option<Node<'_>>) -> Option<Import> {
    if !matches!(parsed.field_text(node, "function"), "require" | "import") {
        return None;
    }
    let argument = node.child_by_field_name("arguments")?.named_child(0)?;
    if argument.kind() != "string" {
        return None;
    }
    let module = unquoted(parsed.text_of(argument));
    let mut import = Import::new(module, node);
    let declared = parent.filter(|parent| parent.kind() == "variable_declarator");
    if let Some(name) = declared.and_then(|declarator| declarator.child_by_field_name("name")) {
        if name.kind() == "identifier" {
            import.bind(parsed.text_of(name), plain_module(module));
        }
        super::visit_below(name, |below, position| match position.kind {
            "shorthand_property_identifier_pattern" => {
                let name = parsed.text_of(below);
                import.bind(name, format!("{}.{name}", plain_module(module)));
            }
            "pair_pattern" => {
                let path = format!("{}.{}", plain_module(module), parsed.field_text(below, "key"));
                import.bind(parsed.field_text(below, "value"), path);
            }
            _ => {}
        });
    }
    Some(import)
}

fn go_import(parsed: &Parsed<'_>, node: Node<'_>) -> Import {
    let module = unquoted(parsed.field_text(node, "path"));
    let mut import = Import::new(module, node);
    let alias = parsed.field_text(node, "name");
    let is_version = |part: &str| part.strip_prefix('v').is_some_and(|rest| rest.parse::<u32>().is_ok());
    let last = module.rsplit('/').find(|part| !is_version(part)).unwrap_or(module);
    match alias {
        "" => import.bind(last, module.to_owned()),
        "_" | "." => {}
        _ => import.bind(alias, module.to_owned()),
    }
    import
}

/// One import for each name that a `use` with its nested lists brings in.
fn rust_uses(parsed: &Parsed<'_>, declaration: Node<'_>, found: &mut Vec<Import>) {
    let Some(argument) = declaration.child_by_field_name("argument") else { return };
    super::visit_below(argument, |node, position| {
        let is_leaf = matches!(position.parent_kind, "" | "use_list");
        if !is_leaf || !node.is_named() || matches!(position.kind, "use_list" | "scoped_use_list") {
            return;
        }
        let lists = position.ancestors.iter().filter(|one| one.kind() == "scoped_use_list");
        let mut path: Vec<&str> = lists.map(|list| parsed.field_text(*list, "path")).collect();
        let (written, alias) = match node.kind() {
            "use_as_clause" => (parsed.field_text(node, "path"), parsed.field_text(node, "alias")),
            "use_wildcard" => (parsed.text_of(node).trim_end_matches('*').trim_end_matches("::"), "_"),
            _ => (parsed.text_of(node), ""),
        };
        path.extend(Some(written).filter(|one| !matches!(*one, "self" | "")));
        let module = plain_separators(&path.join("."));
        let mut import = Import::new(&module, node);
        let local = if alias.is_empty() { module.rsplit('.').next().unwrap_or_default() } else { alias };
        if local != "_" {
            import.bind(local, module.clone());
        }
        found.push(import);
    });
}

fn java_import(parsed: &Parsed<'_>, node: Node<'_>) -> Option<Import> {
    let module = parsed.text_of(node.named_child(0)?);
    let mut import = Import::new(module, node);
    let mut cursor = node.walk();
    if !node.children(&mut cursor).any(|child| child.kind() == "asterisk") {
        import.bind(module.rsplit('.').next().unwrap_or(module), module.to_owned());
    }
    Some(import)
}

/// `require "x"` and `require_relative "x"`, which bind no name.
fn ruby_require(parsed: &Parsed<'_>, node: Node<'_>) -> Option<Import> {
    let method = parsed.field_text(node, "method");
    if !matches!(method, "require" | "require_relative" | "load")
        || node.child_by_field_name("receiver").is_some()
    {
        return None;
    }
    let argument =
        node.child_by_field_name("arguments")?.named_child(0).filter(|one| one.kind() == "string")?;
    let written = unquoted(parsed.text_of(argument));
    if method == "require_relative" && !written.starts_with('.') {
        return Some(Import::new(&format!("./{written}"), node));
    }
    Some(Import::new(written, node))
}

fn php_use(parsed: &Parsed<'_>, clause: Node<'_>, ancestors: &[Node<'_>]) -> Import {
    let alias = parsed.field_text(clause, "alias");
    let is_name = |node: &Node<'_>| matches!(node.kind(), "name" | "qualified_name" | "namespace_name");
    let mut cursor = clause.walk();
    let name = clause.named_children(&mut cursor).find(is_name).map_or("", |name| parsed.text_of(name));
    let in_group = ancestors.last().filter(|parent| parent.kind() == "namespace_use_group");
    let prefix = in_group.and_then(|_| ancestors.iter().rev().nth(1)?.named_child(0));
    let prefix = prefix.map_or("", |prefix| parsed.text_of(prefix));
    let module = plain_separators(&format!("{prefix}\\{name}"));
    let mut import = Import::new(&module, clause);
    let local = if alias.is_empty() { module.rsplit('.').next().unwrap_or_default() } else { alias };
    import.bind(local, module.clone());
    import
}

fn unquoted(text: &str) -> &str {
    text.trim_matches(['"', '\'', '`'])
}

/// `node:fs` and `fs` are one module.
fn plain_module(module: &str) -> String {
    module.strip_prefix("node:").unwrap_or(module).to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::Language;
    use super::*;

    fn list(language: Language, text: &str) -> Vec<String> {
        imports(&Walk::of(&Parsed::new(language, text)))
            .iter()
            .map(|import| {
                let names: Vec<String> =
                    import.bindings.iter().map(|(name, path)| format!("{name}={path}")).collect();
                format!("{} {}: {}", import.line, import.module, names.join(" "))
            })
            .collect()
    }

    #[test]
    fn python_imports_bind_their_names() {
        let text = concat!(
            "import os, a.b\n",
            "import c.d as e\n",
            "from subprocess import run as r, Popen\n",
            "from . import x\n",
            "\n",
            "def f():\n",
            "    from y import *\n",
        );
        assert_eq!(
            list(Language::Python, text),
            [
                "1 os: os=os",
                "1 a.b: a=a",
                "2 c.d: e=c.d",
                "3 subprocess: r=subprocess.run Popen=subprocess.Popen",
                "4 .: x=..x",
                "7 y: ",
            ]
        );
    }

    #[test]
    fn script_imports_and_requires_bind_their_names() {
        let text = concat!(
            "import d, { a as b } from 'm';\n",
            "import * as n from \"node:fs\";\n",
            "const { exec: e, f } = require('child_process');\n",
            "const p = require('p');\n",
            "export { x } from './x';\n",
            "await import('late');\n",
        );
        assert_eq!(
            list(Language::JavaScript, text),
            [
                "1 m: d=m b=m.a",
                "2 node:fs: n=fs",
                "3 child_process: e=child_process.exec f=child_process.f",
                "4 p: p=p",
                "5 ./x: ",
                "6 late: ",
            ]
        );
    }

    #[test]
    fn go_imports_bind_their_last_part_or_alias() {
        let text = "package a\n\nimport (\n\t\"net/http\"\n\tx \"os/exec\"\n\t\"github.com/a/b/v2\"\n)\n";
        assert_eq!(
            list(Language::Go, text),
            ["4 net/http: http=net/http", "5 os/exec: x=os/exec", "6 github.com/a/b/v2: b=github.com/a/b/v2",]
        );
        let bindings = Bindings::of(&imports(&Walk::of(&Parsed::new(Language::Go, text))));
        assert_eq!(bindings.resolve("x.Command").as_deref(), Some("os/exec.Command"));
        assert_eq!(bindings.resolve("y.Command"), None);
    }

    #[test]
    fn rust_java_ruby_and_php_imports_are_read() {
        let rust = "use std::{fs, io::{self, Read as R}};\nuse crate::a::B;\nuse x::*;\n";
        assert_eq!(
            list(Language::Rust, rust),
            [
                "1 std.fs: fs=std.fs",
                "1 std.io: io=std.io",
                "1 std.io.Read: R=std.io.Read",
                "2 crate.a.B: B=crate.a.B",
                "3 x: ",
            ]
        );
        let java = "import java.util.List;\nimport static a.B.c;\nimport d.e.*;\n";
        assert_eq!(
            list(Language::Java, java),
            ["1 java.util.List: List=java.util.List", "2 a.B.c: c=a.B.c", "3 d.e: "]
        );
        let ruby = "require 'net/http'\nrequire_relative \"x/y\"\na.require 'z'\n";
        assert_eq!(list(Language::Ruby, ruby), ["1 net/http: ", "2 ./x/y: "]);
        let php = "<?php\nuse App\\User;\nuse App\\O as P;\nuse App\\{A, B as C};\n";
        assert_eq!(
            list(Language::Php, php),
            ["2 App.User: User=App.User", "3 App.O: P=App.O", "4 App.A: A=App.A", "4 App.B: C=App.B"]
        );
    }
}
