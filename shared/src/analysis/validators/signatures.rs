//! Functions that others call keep their signatures: a fix of one file cannot mend the callers.

use std::collections::HashSet;

use super::ProposedChange;
use super::reviewed::{Finding, Reviewed, Side, places};
use crate::analysis::syntax::definitions::{Definition, DefinitionKind};
use crate::analysis::syntax::mentions::mentions;
use crate::reason::{Reason, ReasonCode};

pub(super) fn signature_changed(file: &Reviewed<'_>, change: &ProposedChange<'_>) -> Option<Reason> {
    let sides = file.sides.as_ref()?;
    let found: Vec<Finding> = changed(&sides.before.definitions, &sides.after.definitions)
        .into_iter()
        .filter(|one| is_called(one, &sides.before) || is_mentioned_elsewhere(one.name, file.path(), change))
        .map(|one| Finding::new(one.qualified_name.clone(), *one.lines.start()))
        .collect();
    (!found.is_empty()).then(|| {
        let detail = format!("The fix changes the signature of {}, which other code calls.", places(&found));
        Reason::new(ReasonCode::SignatureChanged, detail)
    })
}

/// Names of the functions whose signature changes, for the search for callers.
pub(super) fn changed_names(file: &Reviewed<'_>) -> Vec<String> {
    let Some(sides) = &file.sides else { return Vec::new() };
    let changed = changed(&sides.before.definitions, &sides.after.definitions);
    changed.into_iter().map(|one| one.name.to_owned()).collect()
}

/// Old functions and classes that are gone, or have another signature now.
fn changed<'d, 'p>(old: &'d [Definition<'p>], new: &[Definition<'_>]) -> Vec<&'d Definition<'p>> {
    let kept: HashSet<(&str, &str)> =
        new.iter().map(|one| (one.qualified_name.as_str(), one.signature.as_str())).collect();
    old.iter().filter(|one| !kept.contains(&(one.qualified_name.as_str(), one.signature.as_str()))).collect()
}

/// Whether the file itself uses it outside its own body, or a framework does by its decorator.
fn is_called(one: &Definition<'_>, before: &Side<'_>) -> bool {
    let is_dunder = one.name.starts_with("__") && one.name.ends_with("__");
    let own_lines = &one.lines;
    !one.decorators.is_empty()
        || (is_dunder && one.kind == DefinitionKind::Function)
        || before
            .references()
            .iter()
            .any(|reference| reference.last_name() == one.name && !own_lines.contains(&reference.line))
}

fn is_mentioned_elsewhere(name: &str, path: &str, change: &ProposedChange<'_>) -> bool {
    change
        .other_files
        .iter()
        .filter(|(other, _)| *other != path)
        .any(|(other, text)| mentions(other, text, name))
}
