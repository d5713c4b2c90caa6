//! Waiting longer or trying again instead of mending: longer timeouts, more retries, larger pools,
//! pauses. They move the fault to a busier hour.

use std::sync::LazyLock;

use regex::Regex;

use super::reviewed::{Finding, Reviewed, Side, places};
use crate::names::{has, is_about_waiting};
use crate::syntax::references::Use;
use crate::syntax::settings::{Setting, amount};
use crate::syntax::{first_line, is_decorator_kind};
use autofix_domain::reason::{Reason, ReasonCode};

static RETRY_NAME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)retr(?:y|ies)|attempts").expect("the pattern is constant and tested"));

/// Calls that pause or repeat.
const PAUSES: &str = "\
    sleep Sleep usleep retry Retry retrying setTimeout on_exception waitForTimeout";

pub(super) fn waits_longer(file: &Reviewed<'_>) -> Option<Reason> {
    let mut found = raised_limits(file);
    found.extend(file.newly_found(pauses));
    (!found.is_empty()).then(|| {
        let detail =
            format!("The fix waits longer or tries again instead of mending the cause: {}.", places(&found));
        Reason::new(ReasonCode::TimeoutRaised, detail)
    })
}

/// Limits that are higher than what stood there under the same name.
fn raised_limits(file: &Reviewed<'_>) -> Vec<Finding> {
    let Some(sides) = &file.sides else { return Vec::new() };
    let limits = |side: &Side<'_>| -> Vec<Setting> {
        side.settings().iter().filter(|setting| is_about_waiting(&setting.name)).cloned().collect()
    };
    let (before, after) = (limits(&sides.before), limits(&sides.after));
    let is_in =
        |list: &[Setting], one: &Setting| list.iter().any(|s| s.name == one.name && s.value == one.value);
    let highest_removed = |name: &str| {
        let removed = before.iter().filter(|old| old.name == name && !is_in(&after, old));
        removed.filter_map(|old| patience(&old.value)).max_by(f64::total_cmp)
    };
    after
        .iter()
        .filter(|setting| !is_in(&before, setting))
        .filter(|setting| match (patience(&setting.value), highest_removed(&setting.name)) {
            (Some(new), Some(old)) => new > old,
            // A first time limit is no longer wait; an endless one, or a first repetition, is.
            (Some(new), None) => new.is_infinite() || (RETRY_NAME.is_match(&setting.name) && new > 0.0),
            (None, _) => false,
        })
        .map(|setting| Finding::new(format!("{} = {}", setting.name, setting.value), setting.line))
        .collect()
}

/// How long a value means to wait; infinite for "no limit".
fn patience(value: &str) -> Option<f64> {
    match value {
        "None" | "null" | "undefined" | "Infinity" | "- 1" | "-1" => Some(f64::INFINITY),
        _ => amount(value),
    }
}

fn pauses(side: &Side<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = side
        .references()
        .iter()
        .filter(|one| one.how == Use::Called && has(PAUSES, one.last_name()))
        .map(|one| Finding::new(one.path.as_str(), one.line))
        .collect();
    side.walk.visit(|node, position| {
        // Ruby's `retry` begins the block again.
        if position.kind == "retry" && node.is_named() {
            found.push(Finding::new("retry", first_line(node)));
        }
        let text = if is_decorator_kind(position.kind) { side.parsed.text_of(node) } else { return };
        // A decorator with arguments is a call and found as one.
        if RETRY_NAME.is_match(text) && !text.contains('(') {
            found.push(Finding::new(text, first_line(node)));
        }
    });
    found
}
