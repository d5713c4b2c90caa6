//! Questions about syntax trees that have one answer for every language.

use tree_sitter::Node;

use crate::syntax::definitions::{DefinitionKind, kind_of_definition};
use crate::syntax::references::dotted_path;
use crate::syntax::{Family, Parsed, any_below, is_comment, statements, visit_below};

/// A node that holds statements one after the other.
pub(super) fn is_block(kind: &str) -> bool {
    matches!(
        kind,
        "module"
            | "program"
            | "source_file"
            | "block"
            | "statement_block"
            | "statement_list"
            | "compound_statement"
            | "class_body"
            | "interface_body"
            | "enum_body"
            | "declaration_list"
            | "body_statement"
            | "block_body"
            | "then"
            | "do"
            | "begin"
            | "switch_body"
            | "switch_case"
            | "switch_default"
            | "expression_case"
            | "default_case"
            | "communication_case"
            | "case_clause"
            | "constructor_body"
    )
}

/// A node that holds any number of parts: arguments, entries, names.
pub(super) fn is_listing(kind: &str) -> bool {
    is_block(kind)
        || matches!(
            kind,
            "argument_list"
                | "arguments"
                | "parameters"
                | "formal_parameters"
                | "parameter_list"
                | "array"
                | "list"
                | "tuple"
                | "set"
                | "dictionary"
                | "object"
                | "object_pattern"
                | "expression_list"
                | "pattern_list"
                | "literal_value"
                | "hash"
                | "array_creation_expression"
                | "named_imports"
                | "import_from_statement"
                | "import_spec_list"
                | "decorated_definition"
                | "string"
                | "template_string"
                | "concatenated_string"
                | "encapsed_string"
                | "token_tree"
        )
}

/// A condition with what runs if it holds, as a statement or an expression.
pub(super) fn is_if(kind: &str) -> bool {
    matches!(
        kind,
        "if_statement"
            | "elif_clause"
            | "else_if_clause"
            | "if_expression"
            | "if"
            | "unless"
            | "elsif"
            | "if_modifier"
            | "unless_modifier"
    )
}

pub(super) fn is_choice(kind: &str) -> bool {
    matches!(kind, "conditional_expression" | "ternary_expression" | "conditional")
}

pub(super) fn is_loop(kind: &str) -> bool {
    matches!(
        kind,
        "for_statement"
            | "for_in_statement"
            | "while_statement"
            | "do_statement"
            | "enhanced_for_statement"
            | "foreach_statement"
            | "for_expression"
            | "while_expression"
            | "loop_expression"
            | "for"
            | "while"
            | "until"
    )
}

pub(super) fn is_try(kind: &str) -> bool {
    matches!(kind, "try_statement" | "try_with_resources_statement")
}

pub(crate) fn is_handler(kind: &str) -> bool {
    matches!(kind, "except_clause" | "except_group_clause" | "catch_clause" | "rescue")
}

/// A function with or without a name.
pub(super) fn is_function(family: Family, kind: &str) -> bool {
    kind_of_definition(family, kind) == Some(DefinitionKind::Function) || is_lambda(kind)
}

/// A function without a name of its own.
pub(super) fn is_lambda(kind: &str) -> bool {
    matches!(
        kind,
        "lambda"
            | "arrow_function"
            | "function_expression"
            | "func_literal"
            | "lambda_expression"
            | "closure_expression"
            | "anonymous_function"
            | "do_block"
            | "block_argument"
    )
}

pub(super) fn is_call(kind: &str) -> bool {
    matches!(
        kind,
        "call"
            | "call_expression"
            | "new_expression"
            | "method_invocation"
            | "object_creation_expression"
            | "function_call_expression"
            | "member_call_expression"
            | "nullsafe_member_call_expression"
            | "scoped_call_expression"
            | "macro_invocation"
    )
}

/// What a call calls.
pub(super) fn callee(call: Node<'_>) -> Node<'_> {
    let fields = ["function", "constructor", "macro"];
    fields.iter().find_map(|field| call.child_by_field_name(field)).unwrap_or(call)
}

/// The last name of what is called: `save` of `self.orders.save(x)`.
pub(super) fn called(parsed: &Parsed<'_>, call: Node<'_>) -> String {
    last_part(&dotted_path(parsed, call)).to_owned()
}

/// The last name of a dotted path.
pub(super) fn last_part(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// A statement or expression that raises an error.
pub(super) fn is_raise(kind: &str) -> bool {
    matches!(kind, "raise_statement" | "throw_statement" | "throw_expression")
}

pub(super) fn is_return(kind: &str) -> bool {
    matches!(kind, "return_statement" | "return_expression" | "return")
}

/// A list of comprehension parts: `[x for x in y if z]`.
pub(super) fn is_comprehension(kind: &str) -> bool {
    matches!(
        kind,
        "list_comprehension" | "set_comprehension" | "dictionary_comprehension" | "generator_expression"
    )
}

pub(super) fn is_assignment(kind: &str) -> bool {
    matches!(
        kind,
        "assignment"
            | "assignment_expression"
            | "assignment_statement"
            | "short_var_declaration"
            | "augmented_assignment"
            | "augmented_assignment_expression"
            | "compound_assignment_expr"
            | "operator_assignment"
            | "variable_declarator"
            | "let_declaration"
            | "var_spec"
            | "named_expression"
            | "reference_assignment_expression"
    )
}

/// What an assignment gives a value to, and the value.
pub(super) fn assigned(node: Node<'_>) -> Option<(Node<'_>, Node<'_>)> {
    if !is_assignment(node.kind()) {
        return None;
    }
    let field = |name: &str| node.child_by_field_name(name);
    let target = field("left").or_else(|| field("pattern")).or_else(|| field("name"))?;
    let value = field("right").or_else(|| field("value"))?;
    Some((target, value))
}

/// What an `if`, a choice or a loop asks.
pub(super) fn condition<'p>(node: Node<'p>) -> Option<Node<'p>> {
    match node.kind() {
        // Python's `for … if x` and `a if x else b`, whose parts have no names in the grammar.
        "if_clause" => node.named_child(0),
        "conditional_expression" => node.child_by_field_name("condition").or_else(|| node.named_child(1)),
        kind if is_if(kind) || is_choice(kind) || is_loop(kind) => node.child_by_field_name("condition"),
        "assert_statement" => node.named_child(0),
        _ => None,
    }
}

/// What runs if the condition of an `if` holds.
pub(super) fn body(node: Node<'_>) -> Option<Node<'_>> {
    ["consequence", "body"].into_iter().find_map(|field| node.child_by_field_name(field))
}

/// The statements of a block, or the one statement that stands for one.
pub(super) fn body_statements(body: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = body.walk();
    let list = body.named_children(&mut cursor).find(|child| child.kind() == "statement_list");
    let inner = list.unwrap_or(body);
    if is_block(inner.kind()) { statements(inner) } else { vec![body] }
}

/// What an expression statement or a parenthesis is about; every other node itself.
pub(super) fn inner(node: Node<'_>) -> Node<'_> {
    let mut node = node;
    while matches!(
        node.kind(),
        "expression_statement"
            | "parenthesized_expression"
            | "parenthesized_statements"
            | "await"
            | "await_expression"
    ) {
        match node.named_child(0) {
            Some(child) => node = child,
            None => break,
        }
    }
    node
}

/// The named parts of a node without comments.
pub(super) fn parts(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| !is_comment(*child)).collect()
}

/// The innermost node above that holds for the test, and the node below it on the way.
pub(super) fn above<'p>(node: Node<'p>, mut test: impl FnMut(Node<'p>) -> bool) -> Option<Node<'p>> {
    let mut next = node.parent();
    while let Some(one) = next {
        if test(one) {
            return Some(one);
        }
        next = one.parent();
    }
    None
}

/// The statement around a node: the ancestor, or the node itself, that stands directly in a block.
pub(super) fn statement_of(node: Node<'_>) -> Node<'_> {
    let mut one = node;
    while let Some(parent) = one.parent() {
        if is_block(parent.kind()) {
            return one;
        }
        one = parent;
    }
    one
}

/// The innermost function around a node; functions without a name count only if asked for.
pub(super) fn function_of<'p>(family: Family, node: Node<'p>) -> Option<Node<'p>> {
    above(node, |one| {
        kind_of_definition(family, one.kind()) == Some(DefinitionKind::Function) && has_name(one)
    })
}

fn has_name(node: Node<'_>) -> bool {
    !is_lambda(node.kind()) || named_by(node).is_some()
}

/// What gives a function without a name of its own one.
fn named_by(node: Node<'_>) -> Option<Node<'_>> {
    let kinds = ["variable_declarator", "pair", "public_field_definition", "field_definition"];
    node.parent().filter(|parent| kinds.contains(&parent.kind()))
}

/// Whether a piece of code is part of what a function gives back, or gives something back.
pub(super) fn touches_answer(node: Node<'_>) -> bool {
    let gives = |kind: &str| kind.starts_with("return");
    above(node, |one| gives(one.kind())).is_some() || any_below(node, |_, at| gives(at.kind))
}

/// The name that a function is called by.
pub(super) fn name_of(function: Node<'_>) -> Option<Node<'_>> {
    function.child_by_field_name("name").or_else(|| {
        let parent = named_by(function)?;
        ["name", "key", "property"].iter().find_map(|field| parent.child_by_field_name(field))
    })
}

/// The function of the other text that is called as the one around a node.
pub(super) fn same_function<'p>(from: &Parsed<'_>, node: Node<'_>, to: &'p Parsed<'_>) -> Option<Node<'p>> {
    let name = function_of(from.family(), node).and_then(name_of).map(|name| from.text_of(name))?;
    let mut found = None;
    visit_below(to.root(), |one, _| {
        let is_it = || name_of(one).is_some_and(|its| to.text_of(its) == name);
        if found.is_none() && is_function(to.family(), one.kind()) && is_it() {
            found = Some(one);
        }
    });
    found
}

/// Whether a node is a chain of names: `a`, `a.b`, `a[0].c`, `a.b()`.
pub(super) fn is_chain(kind: &str) -> bool {
    matches!(
        kind,
        "identifier"
            | "attribute"
            | "member_expression"
            | "subscript"
            | "subscript_expression"
            | "selector_expression"
            | "index_expression"
            | "field_expression"
            | "field_access"
            | "array_access"
            | "member_access_expression"
            | "nullsafe_member_access_expression"
            | "scoped_property_access_expression"
            | "variable_name"
            | "element_reference"
            | "instance_variable"
            | "scoped_identifier"
            | "this"
            | "self"
            | "shorthand_property_identifier"
            | "non_null_expression"
    )
}

/// A name as one word: the beginning of a chain, or what an attribute is called.
pub(super) fn is_word(node: Node<'_>) -> bool {
    node.child_count() == 0
        && (node.kind().contains("identifier")
            || matches!(node.kind(), "name" | "constant" | "instance_variable"))
        || node.kind() == "variable_name"
}

/// Every name of a piece of code, attributes included, in order.
pub(super) fn words<'t>(parsed: &Parsed<'t>, node: Node<'_>) -> Vec<&'t str> {
    let mut found = Vec::new();
    visit_below(node, |one, _| {
        if is_word(one) && one.child_count() == 0 {
            found.push(parsed.text_of(one));
        }
    });
    found
}

/// Every comment-free line of code without blanks, as one text: `a . b` is `a.b`.
pub(super) fn squeezed(parsed: &Parsed<'_>, node: Node<'_>) -> String {
    crate::syntax::tokens::normalised(parsed, node)
        .replace(' ', "")
        .replace("?.[", "[")
        .replace("?.(", "(")
        .replace("?.", ".")
        .replace("&.", ".")
        .replace("?->", "->")
}
