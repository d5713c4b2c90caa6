//! Checks that a fix takes away. A crash in a check stops what the check was there to stop; without the check it goes
//! through. What a fix does to conditions is judged by `effects`.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::exits;
use super::guards::{Raise, condition_of, raises};
use super::reviewed::{Finding, Reviewed, Side, places, shortened};
use crate::analysis::syntax::references::Use;
use crate::analysis::syntax::{first_line, is_decorator_kind, statements, tokens};
use crate::reason::{Reason, ReasonCode};
use regex::Regex;

/// Calls that check something, by how they are named.
static CHECKING_CALL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)^_?(?: require | check | verify | validate | ensure | authori[sz]e | authenticate | assert
        | permit | sanitize | escape | has_perm | is_valid | raise_for | abort | quote$ | (?:r_?)?lock$
        | acquire | before_action | protect_from_forgery | has_secure | middleware$ | Depends$ | Security$ | R?Lock$ )",
    )
    .expect("the pattern is constant and tested")
});
/// Calls whose arguments are the check.
const ARGUMENTS_DECIDE: &[&str] = &["Depends", "Security", "before_action", "validates", "middleware"];
/// Calls that open a door by themselves.
const OPENING_CALLS: &[&str] = &[
    "skip_before_action",
    "skip_authorization",
    "skip_forgery_protection",
    "permit!",
    "permitAll",
    "withoutMiddleware",
    "forceFill",
];
/// Attributes that check nothing.
const HARMLESS_ATTRIBUTES: &[&str] = &["derive", "inline", "must_use", "doc", "allow", "cold"];
/// What a `with` holds so that nobody else interferes.
static LOCK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)lock|atomic|transaction|mutex|semaphore").expect("the pattern is constant and tested")
});
/// Settings that open a door when they are on, or when they name everybody.
static OPENING_SETTING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^debug$|allow[_-]?(?:origin|host|credential|method|all)")
        .expect("the pattern is constant and tested")
});
/// Settings that switch a check on.
static CHECKING_SETTING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)^_?(?: verify_ | verifysig | require | check_ | validate | strict | secure | http_?only | csrf
        | auth(?:[^o]|$|ori[sz]) | enforce | permission | case_sensitive ) | _required$",
    )
    .expect("the pattern is constant and tested")
});

pub(super) fn check_deleted(file: &Reviewed<'_>) -> Option<Reason> {
    let sides = file.sides.as_ref()?;
    let mut removed = lost_raises(raises(&sides.before), &raises(&sides.after));
    removed.extend(file.no_longer_found(checking_parts));
    let mut added = file.newly_found(constant_conditions);
    added.extend(file.newly_found(dead_code));
    added.extend(file.newly_found(switched_off));

    let mut sentences = Vec::new();
    if !removed.is_empty() {
        sentences.push(format!("The fix removes or loosens a check: {}.", places(&removed)));
    }
    if !added.is_empty() {
        sentences.push(format!("The fix makes checks ineffective: {}.", places(&added)));
    }
    (!sentences.is_empty()).then(|| Reason::new(ReasonCode::CheckDeleted, sentences.join(" ")))
}

/// Raises that a function has fewer of, or that now stand under one more condition.
fn lost_raises(old: Vec<Raise>, new: &[Raise]) -> Vec<Finding> {
    let mut lost = Vec::new();
    let functions: BTreeSet<&str> = old.iter().map(|raise| raise.function.as_str()).collect();
    for function in functions {
        let of_function = |raises: &[Raise]| {
            let mut depths: Vec<usize> =
                raises.iter().filter(|one| one.function == function).map(|one| one.depth).collect();
            depths.sort_unstable();
            depths
        };
        let (before, after) = (of_function(&old), of_function(new));
        let deeper =
            before.len() == after.len() && before.iter().zip(&after).any(|(before, after)| after > before);
        if after.len() < before.len() || deeper {
            let missing = old.iter().filter(|one| one.function == function);
            let gone = missing
                .clone()
                .find(|one| !new.iter().any(|other| other.text == one.text && other.depth <= one.depth));
            lost.extend(
                gone.or(missing.clone().next()).map(|one| Finding::new(shortened(&one.text), one.line)),
            );
        }
    }
    lost
}

/// Decorators, locks, declared dependencies and calls that check something.
fn checking_parts(side: &Side<'_>) -> Vec<Finding> {
    let parsed = side.parsed;
    let mut found: Vec<Finding> = side
        .references()
        .iter()
        .filter(|one| one.how == Use::Called && CHECKING_CALL.is_match(one.last_name()))
        .map(|one| {
            // Which dependency is asked for matters; what a check is given may be what is mended.
            let is_macro = one.node.kind() == "macro_invocation";
            let key = if is_macro || ARGUMENTS_DECIDE.contains(&one.last_name()) {
                tokens::normalised(parsed, one.node)
            } else {
                one.path.clone()
            };
            Finding { shown: shortened(parsed.text_of(one.node)), key, line: one.line }
        })
        .collect();
    side.walk.visit(|node, position| {
        let is_lock = position.kind == "with_item" && LOCK.is_match(parsed.text_of(node));
        let is_harmless = || {
            let attribute = parsed.text_of(node).trim_start_matches(['#', '[', ' ']);
            HARMLESS_ATTRIBUTES.iter().any(|start| attribute.starts_with(start))
        };
        if position.kind == "synchronized_statement" {
            found.push(Finding::new("synchronized", first_line(node)));
        } else if is_lock || (is_decorator_kind(position.kind) && !is_harmless()) {
            let shown = shortened(parsed.text_of(node));
            found.push(Finding { key: tokens::normalised(parsed, node), shown, line: first_line(node) });
        }
    });
    found
}

/// `if False`, `while 0`: conditions that no longer ask anything.
fn constant_conditions(side: &Side<'_>) -> Vec<Finding> {
    let parsed = side.parsed;
    let mut found = Vec::new();
    side.walk.visit(|node, position| {
        let Some(condition) = condition_of(node, position.kind) else { return };
        let text = tokens::normalised(parsed, condition);
        let opened = text.trim_matches(['(', ')', ' ']);
        let constant =
            opened.split(' ').any(|token| matches!(token, "False" | "false" | "True" | "true" | "0" | "1"));
        let alone = !opened.contains(['=', '<', '>', '.', '['])
            && !opened.contains(" in ")
            && !opened.contains(" is ");
        if constant && alone {
            found.push(Finding::new(format!("if {opened}"), first_line(node)));
        }
    });
    found
}

/// Statements that leave a block in front of others, which then never run.
fn dead_code(side: &Side<'_>) -> Vec<Finding> {
    let parsed = side.parsed;
    let mut found = Vec::new();
    side.walk.visit(|block, position| {
        if !matches!(
            position.kind,
            "block"
                | "statement_block"
                | "statement_list"
                | "module"
                | "program"
                | "compound_statement"
                | "then"
                | "body_statement"
        ) {
            return;
        }
        for pair in statements(block).windows(2) {
            let runs_anyway = matches!(
                pair[1].kind(),
                "function_declaration" | "empty_statement" | "rescue" | "else" | "ensure" | "function_item"
            );
            if exits::leaves(pair[0]) && !runs_anyway {
                let statement = tokens::normalised(parsed, pair[0]);
                found.push(Finding::new(format!("{statement} before other code"), first_line(pair[0])));
            }
        }
    });
    found
}

/// Settings of checks that are set to off, and of doors that are set to open.
fn switched_off(side: &Side<'_>) -> Vec<Finding> {
    let opened = side
        .references()
        .iter()
        .filter(|one| one.how == Use::Called && OPENING_CALLS.contains(&one.last_name()))
        .map(|one| Finding::new(tokens::normalised(side.parsed, one.node), one.line));
    let set = side
        .settings()
        .iter()
        .filter(|setting| {
            let off = matches!(setting.value.as_str(), "False" | "false" | "None" | "null" | "0");
            let open = matches!(setting.value.as_str(), "True" | "true") || setting.value.contains('*');
            (CHECKING_SETTING.is_match(&setting.name) && off)
                || (OPENING_SETTING.is_match(&setting.name) && open)
        })
        .map(|setting| Finding::new(format!("{} = {}", setting.name, setting.value), setting.line));
    opened.chain(set).collect()
}
