//! Expressions as dotted paths: each language's own ways to say `a.b`, brought to one.

use tree_sitter::Node;

use super::Parsed;

/// How code uses a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Called,
    Named,
}

/// Whether a node is a name or a path of names.
pub(super) fn is_name(node: Node<'_>, kind: &str) -> bool {
    let is_kind = matches!(
        kind,
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
            | "field_expression"
            | "scoped_identifier"
            | "scoped_type_identifier"
            | "self"
            | "crate"
            | "field_access"
            | "constant"
            | "instance_variable"
            | "global_variable"
            | "scope_resolution"
            | "name"
            | "variable_name"
            | "qualified_name"
            | "relative_scope"
            | "member_access_expression"
            | "nullsafe_member_access_expression"
            | "scoped_property_access_expression"
            | "class_constant_access_expression"
    );
    is_kind && node.is_named()
}

/// Calls that hold object and method themselves, without a callee between.
pub(super) fn is_call(node: Node<'_>, kind: &str) -> bool {
    match kind {
        // Ruby's; Python's has a callee.
        "call" => node.child_by_field_name("method").is_some(),
        "method_invocation"
        | "object_creation_expression"
        | "member_call_expression"
        | "nullsafe_member_call_expression"
        | "scoped_call_expression" => true,
        _ => false,
    }
}

/// The dotted path of an expression.
pub fn dotted_path(parsed: &Parsed<'_>, expression: Node<'_>) -> String {
    let mut names: Vec<&str> = Vec::new();
    let mut node = expression;
    loop {
        let kind = node.kind();
        let next = if let Some((object, name)) = object_and_name(node, kind) {
            names.push(parsed.field_text(node, name).trim_start_matches('$'));
            match node.child_by_field_name(object) {
                Some(inner) => Some(inner),
                // `f(x)` of Java and Ruby calls no object's method.
                None if matches!(kind, "method_invocation" | "call") => break,
                None => None,
            }
        } else {
            match kind {
                "call" | "call_expression" | "function_call_expression" | "generic_function" => {
                    node.child_by_field_name("function")
                }
                "macro_invocation" => node.child_by_field_name("macro"),
                "new_expression" => node.child_by_field_name("constructor"),
                "object_creation_expression" => {
                    node.child_by_field_name("type").or_else(|| node.named_child(0))
                }
                "generic_type" => node.child_by_field_name("type").or_else(|| node.named_child(0)),
                "subscript" => node.child_by_field_name("value"),
                "subscript_expression" => {
                    // `a["b"]` is `a.b`.
                    let index = node.child_by_field_name("index").filter(|index| index.kind() == "string");
                    names.extend(index.map(|index| parsed.text_of(index).trim_matches(['"', '\''])));
                    node.child_by_field_name("object").or_else(|| node.named_child(0))
                }
                "index_expression" | "type_assertion_expression" => {
                    node.child_by_field_name("operand").or_else(|| node.named_child(0))
                }
                "array_access" => node.child_by_field_name("array"),
                "element_reference" => node.child_by_field_name("object"),
                "cast_expression" | "reference_expression" | "type_cast_expression" => {
                    node.child_by_field_name("value")
                }
                "class_constant_access_expression" => {
                    names.extend(node.named_child(1).map(|name| parsed.text_of(name)));
                    node.named_child(0)
                }
                "parenthesized_expression"
                | "parenthesized_statements"
                | "await"
                | "await_expression"
                | "try_expression"
                | "non_null_expression"
                | "as_expression"
                | "error_suppression_expression"
                | "unary_expression" => node.named_child(0),
                _ if is_name(node, kind) || matches!(kind, "import" | "super") => {
                    names.push(parsed.text_of(node));
                    break;
                }
                _ => None,
            }
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
    plain_separators(&names.join("."))
}

/// The fields of what is looked into and of the name looked up there.
fn object_and_name(node: Node<'_>, kind: &str) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        // Rust and PHP call something else an attribute.
        "attribute" if node.child_by_field_name("object").is_some() => ("object", "attribute"),
        "member_expression" => ("object", "property"),
        "selector_expression" => ("operand", "field"),
        "qualified_type" => ("package", "name"),
        "field_expression" => ("value", "field"),
        "scoped_identifier" | "scoped_type_identifier" if node.child_by_field_name("path").is_some() => {
            ("path", "name")
        }
        "field_access" => ("object", "field"),
        "method_invocation"
        | "member_call_expression"
        | "nullsafe_member_call_expression"
        | "member_access_expression"
        | "nullsafe_member_access_expression" => ("object", "name"),
        "scoped_call_expression" | "scoped_property_access_expression" => ("scope", "name"),
        "call" if node.child_by_field_name("method").is_some() => ("receiver", "method"),
        "scope_resolution" => ("scope", "name"),
        _ => return None,
    })
}

/// `::` and `\` between names are dots too.
pub(super) fn plain_separators(path: &str) -> String {
    if !path.contains(['\\', ':']) {
        return path.to_owned();
    }
    path.replace("::", ".").replace('\\', ".").trim_start_matches('.').to_owned()
}

/// The path that begins at a name among the unparsed tokens of a macro, and whether it is called;
/// `None` inside of one. Macros hide calls from the grammar, and must not hide them from the rules.
pub(super) fn path_in_tokens(parsed: &Parsed<'_>, node: Node<'_>) -> Option<(String, Use)> {
    let is_joint = |node: &Node<'_>| matches!(node.kind(), "::" | ".");
    if !is_name(node, node.kind()) || node.prev_sibling().is_some_and(|before| is_joint(&before)) {
        return None;
    }
    let mut path = parsed.text_of(node).to_owned();
    let mut next = node.next_sibling();
    while let Some(name) =
        next.filter(is_joint).and_then(|joint| joint.next_sibling()).filter(|n| is_name(*n, n.kind()))
    {
        path.push('.');
        path.push_str(parsed.text_of(name));
        next = name.next_sibling();
    }
    let is_called = next.is_some_and(|after| {
        after.kind() == "token_tree" && parsed.text_of(after).starts_with('(') || after.kind() == "!"
    });
    Some((path, if is_called { Use::Called } else { Use::Named }))
}
