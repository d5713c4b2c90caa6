//! Checks that a fix takes away. A crash in a check stops what the check was there to stop; without the check it goes
//! through. What a fix does to conditions is judged by `effects`.

use std::sync::LazyLock;

use super::reviewed::{Finding, Reviewed, Side, places, shortened};
use crate::names::has;
use crate::syntax::references::Use;
use crate::syntax::{first_line, is_decorator_kind, tokens};
use autofix_domain::reason::{Reason, ReasonCode};
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
const ARGUMENTS_DECIDE: &str = "\
    Depends Security before_action validates middleware";
/// Calls that open a door by themselves.
const OPENING_CALLS: &str = "\
    skip_before_action skip_authorization skip_forgery_protection permit! permitAll \
    withoutMiddleware forceFill";
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
    let removed = file.no_longer_found(checking_parts);
    let added = file.newly_found(switched_off);

    let mut sentences = Vec::new();
    if !removed.is_empty() {
        sentences.push(format!("The fix removes or loosens a check: {}.", places(&removed)));
    }
    if !added.is_empty() {
        sentences.push(format!("The fix makes checks ineffective: {}.", places(&added)));
    }
    (!sentences.is_empty()).then(|| Reason::new(ReasonCode::CheckDeleted, sentences.join(" ")))
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
            let key = if is_macro || has(ARGUMENTS_DECIDE, one.last_name()) {
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

/// Settings of checks that are set to off, and of doors that are set to open.
fn switched_off(side: &Side<'_>) -> Vec<Finding> {
    let opened = side
        .references()
        .iter()
        .filter(|one| one.how == Use::Called && has(OPENING_CALLS, one.last_name()))
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
