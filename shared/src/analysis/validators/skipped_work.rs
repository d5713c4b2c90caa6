//! Work that a fix leaves out. To go away early where a value is missing is the most usual fix there is, and right where
//! what follows is about that value. Where something else follows as well, an order is no longer saved or a mail no longer
//! sent, without an error that would tell.
//!
//! Looked at are conditions that a fix adds and under which it returns, goes on with a loop, or does what was always done.
//! What they skip is work if it acts: a call whose result nobody takes, a change of somebody else's value. It may be
//! skipped if it uses what the condition asks for, or something that was made of it.

mod acting;

use std::collections::{BTreeSet, HashSet};

use tree_sitter::Node;

use super::exits;
use super::guards::{GuardKind, condition_of};
use super::reviewed::{Finding, Reviewed, Side, places, shortened};
use crate::analysis::syntax::definitions::kind_of_definition;
use crate::analysis::syntax::{Parsed, Position, first_line, statements, tokens, visit_below};
use crate::reason::{Reason, ReasonCode};
use acting::{Act, acts_below, fresh_containers};

pub(super) fn work_skipped(file: &Reviewed<'_>) -> Option<Reason> {
    let sides = file.sides.as_ref()?;
    let known = statements_of(&sides.before);
    let found = file.newly_found(|side| skips(side, &known));
    (!found.is_empty()).then(|| {
        let detail = format!(
            "The fix leaves out work that has nothing to do with what was missing: {}. Whether that may be left undone takes a person.",
            places(&found)
        );
        Reason::new(ReasonCode::WorkSkipped, detail)
    })
}

/// Every acting statement of a file, without layout.
fn statements_of(side: &Side<'_>) -> HashSet<String> {
    let none = BTreeSet::new();
    acts_below(side.parsed, side.parsed.root(), &none).into_iter().map(|act| act.text).collect()
}

/// The conditions of a file that skip work.
fn skips(side: &Side<'_>, known: &HashSet<String>) -> Vec<Finding> {
    let parsed = side.parsed;
    let fresh = fresh_containers(parsed, &side.walk);
    let mut found = Vec::new();
    side.walk.visit(|node, position| {
        let Some(condition) = condition_of(node, position.kind) else { return };
        let Some(body) =
            ["consequence", "body"].into_iter().find_map(|field| node.child_by_field_name(field))
        else {
            return;
        };
        let asked = Asked::of(parsed, condition);
        if asked.0.is_empty() {
            return;
        }
        let own = acts_below(parsed, body, &fresh);
        let skipped: Vec<Act> = match kind_of(parsed, body) {
            GuardKind::Leave => {
                let end = exit_of(parsed, body);
                let later = later_statements(parsed, (node, position), end);
                let mut acts = Vec::new();
                for statement in later {
                    acts.extend(acts_below(parsed, statement, &fresh));
                }
                // What is done before going away is done.
                acts.retain(|act| !own.iter().any(|done| done.text == act.text));
                acts
            }
            GuardKind::Wrap if node.child_by_field_name("alternative").is_none() => {
                own.into_iter().filter(|act| known.contains(&act.text)).collect()
            }
            GuardKind::Wrap | GuardKind::Stop | GuardKind::Assert => return,
        };
        if let Some(lost) = asked.unrelated(skipped) {
            let asks = tokens::normalised(parsed, condition);
            let key = format!("{asks} skips {}", lost.text);
            let shown = format!("{} is skipped if {asks}", shortened(&lost.shown));
            found.push(Finding { key, shown, line: first_line(node) });
        }
    });
    found
}

fn kind_of(parsed: &Parsed<'_>, body: Node<'_>) -> GuardKind {
    last_statement(body).map_or(GuardKind::Wrap, |last| exits::kind_of_exit(parsed, last))
}

fn last_statement(body: Node<'_>) -> Option<Node<'_>> {
    let list = body.named_child(0).filter(|child| child.kind() == "statement_list").unwrap_or(body);
    let is_list = matches!(list.kind(), "statement_list" | "compound_statement" | "then" | "begin")
        || list.kind().ends_with("block");
    if is_list { statements(list).pop() } else { Some(list) }
}

/// How far a way out leads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Loop,
    Function,
}

fn exit_of(parsed: &Parsed<'_>, body: Node<'_>) -> End {
    let text = last_statement(body).map_or("", |last| parsed.text_of(last));
    let is_of_loop = ["continue", "break", "next"].iter().any(|word| text.starts_with(word));
    if is_of_loop { End::Loop } else { End::Function }
}

/// The statements behind a condition that its way out leaves out, nearest first.
fn later_statements<'p>(
    parsed: &Parsed<'_>,
    (node, position): (Node<'p>, &Position<'_, 'p>),
    end: End,
) -> Vec<Node<'p>> {
    let mut later = Vec::new();
    let mut below = node;
    for above in position.ancestors.iter().rev() {
        let kind = above.kind();
        let is_list = kind.ends_with("block")
            || matches!(
                kind,
                "statement_list" | "compound_statement" | "then" | "body_statement" | "module" | "program"
            );
        if is_list {
            later.extend(statements(*above).into_iter().filter(|one| one.start_byte() >= below.end_byte()));
        }
        let is_loop = kind.starts_with("for")
            || kind.starts_with("while")
            || kind.contains("foreach")
            || kind == "enhanced_for_statement";
        let is_function = kind_of_definition(parsed.family(), kind).is_some()
            || matches!(
                kind,
                "arrow_function"
                    | "function_expression"
                    | "func_literal"
                    | "lambda"
                    | "lambda_expression"
                    | "closure_expression"
                    | "do_block"
            );
        if is_function || (is_loop && end == End::Loop) {
            break;
        }
        below = *above;
    }
    later
}

/// What a condition asks for: names, attributes, entries; each without layout.
struct Asked(Vec<String>);

impl Asked {
    fn of(parsed: &Parsed<'_>, condition: Node<'_>) -> Asked {
        let mut asked = Vec::new();
        let mut inside_until = 0;
        visit_below(condition, |node, position| {
            if node.start_byte() < inside_until {
                return;
            }
            let is_chain = matches!(
                position.kind,
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
                    | "variable_name"
                    | "element_reference"
                    | "instance_variable"
                    | "method_invocation"
                    | "member_call_expression"
                    | "scoped_identifier"
            );
            // `f(x)` asks about `x`; `x.f()` about itself.
            let is_call = matches!(position.kind, "call" | "call_expression")
                && squeezed(parsed, node)
                    .split('(')
                    .next()
                    .is_some_and(|callee| callee.contains(['.', '>', '&']));
            let is_callee = position.field == Some("function") || position.field == Some("type");
            if (is_chain && !is_callee) || is_call {
                inside_until = node.end_byte();
                asked.push(squeezed(parsed, node));
            }
        });
        asked.retain(|text| {
            !matches!(text.as_str(), "nil" | "None" | "null" | "undefined" | "true" | "false")
        });
        Asked(asked)
    }

    /// The first of what is skipped that has nothing to do with what is asked for, where it matters.
    fn unrelated(mut self, skipped: Vec<Act>) -> Option<Act> {
        let roots: BTreeSet<String> = self.0.iter().map(|text| root(text).to_owned()).collect();
        let mut is_first = true;
        for act in skipped {
            let uses = |asked: &String| contains_name(&act.text, asked);
            if self.0.iter().any(uses) {
                self.0.extend(act.makes);
                is_first = false;
                continue;
            }
            if !act.is_work {
                continue; // it only makes something, of something else
            }
            let of_the_same = roots.iter().any(|root| contains_name(&act.text, root));
            if is_first || act.hands_over || of_the_same {
                return Some(act);
            }
        }
        None
    }
}

/// The first name of a chain.
fn root(chain: &str) -> &str {
    let end = chain.trim_start_matches('$').find(|c: char| !c.is_alphanumeric() && c != '_' && c != '@');
    let skipped = chain.len() - chain.trim_start_matches('$').len();
    end.map_or(chain, |end| &chain[..end + skipped])
}

/// Whether a text contains a name that neither begins nor ends in the middle of another one.
fn contains_name(text: &str, name: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        !text[..at].ends_with(joins)
            && !text[at + name.len()..].starts_with(joins)
            && !text[..at].ends_with(['.', '>'])
    })
}

fn squeezed(parsed: &Parsed<'_>, node: Node<'_>) -> String {
    tokens::normalised(parsed, node)
        .replace(' ', "")
        .replace("?.", ".")
        .replace("&.", ".")
        .replace("?->", "->")
}
