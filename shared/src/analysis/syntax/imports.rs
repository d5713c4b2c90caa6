//! What a file imports, and which of its names stand for what.

use std::collections::BTreeMap;

use tree_sitter::Node;

use super::{Family, Parsed, first_line};

/// One imported module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// As written: `a.b`, `..pkg`, `./x`, `node:fs`, `net/http`.
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

    /// A dotted path with its first name replaced by what was imported under it; `None` where that
    /// name was not imported.
    pub fn resolve(&self, path: &str) -> Option<String> {
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let full = self.0.get(first)?;
        Some(rest.map_or_else(|| full.clone(), |rest| format!("{full}.{rest}")))
    }
}

/// Every import of a file, wherever it stands in it.
pub fn imports(parsed: &Parsed<'_>) -> Vec<Import> {
    let mut found = Vec::new();
    parsed.visit(|node, position| match (parsed.family(), node.kind()) {
        (Family::Python, "import_statement") => found.extend(python_imports(parsed, node)),
        (Family::Python, "import_from_statement") => found.push(python_from(parsed, node)),
        (Family::Script, "import_statement" | "export_statement") => {
            found.extend(script_import(parsed, node))
        }
        (Family::Script, "call_expression") => {
            found.extend(script_require(parsed, node, position.parent()));
        }
        (Family::Go, "import_spec") => found.push(go_import(parsed, node)),
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
    super::visit_below(node, |below, position| match below.kind() {
        "identifier" if matches!(position.parent_kind(), "import_clause" | "namespace_import") => {
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
        super::visit_below(name, |below, _| match below.kind() {
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
        imports(&Parsed::new(language, text))
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
        let bindings = Bindings::of(&imports(&Parsed::new(Language::Go, text)));
        assert_eq!(bindings.resolve("x.Command").as_deref(), Some("os/exec.Command"));
        assert_eq!(bindings.resolve("y.Command"), None);
    }
}
