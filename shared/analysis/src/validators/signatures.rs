//! Functions that others call keep their signatures: a fix of one file cannot mend the callers.

use std::collections::HashSet;

use tree_sitter::Node;

use super::ProposedChange;
use super::reviewed::{Finding, Reviewed, Side, places};
use crate::syntax::definitions::{Definition, DefinitionKind};
use crate::syntax::mentions::mentions;
use crate::syntax::{Family, Parsed, statements, tokens};
use autofix_domain::reason::{Reason, ReasonCode};

pub(super) fn signature_changed(file: &Reviewed<'_>, change: &ProposedChange<'_>) -> Option<Reason> {
    let sides = file.sides.as_ref()?;
    let found: Vec<Finding> = changed(&sides.before, &sides.after)
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
    let changed = changed(&sides.before, &sides.after);
    changed.into_iter().map(|one| one.name.to_owned()).collect()
}

/// Old functions and classes that are gone, or have another signature now.
fn changed<'d, 'p>(before: &'d Side<'p>, after: &Side<'_>) -> Vec<&'d Definition<'p>> {
    let kept: HashSet<(&str, String)> = after
        .definitions
        .iter()
        .map(|one| (one.qualified_name.as_str(), called_as(after.parsed, one)))
        .collect();
    let is_kept =
        |one: &&Definition<'_>| kept.contains(&(one.qualified_name.as_str(), called_as(before.parsed, one)));
    before.definitions.iter().filter(|one| !is_kept(one)).collect()
}

/// What a caller has to know of a signature: names, order and defaults, and in languages that check them the types.
/// Types of Python and TypeScript are gone when the code runs.
fn called_as(parsed: &Parsed<'_>, one: &Definition<'_>) -> String {
    let erased =
        matches!(parsed.family(), Family::Python | Family::Script) && one.kind == DefinitionKind::Function;
    let Some(parameters) = one.node.child_by_field_name("parameters").filter(|_| erased) else {
        return one.signature.clone();
    };
    let begin = one.signature.split('(').next().unwrap_or_default();
    let shown = |parameter: Node<'_>| {
        let name = ["name", "pattern", "left"].iter().find_map(|field| parameter.child_by_field_name(field));
        let name = name.or_else(|| parameter.named_child(0)).unwrap_or(parameter);
        let default = ["value", "right"].iter().find_map(|field| parameter.child_by_field_name(field));
        let text = |node: Node<'_>| tokens::normalised(parsed, node);
        match parameter.kind() {
            "identifier" => text(parameter),
            _ => format!("{} = {}", text(name), default.map_or_else(String::new, text))
                .trim_end_matches(" = ")
                .to_owned(),
        }
    };
    format!("{begin}({})", statements(parameters).into_iter().map(shown).collect::<Vec<_>>().join(", "))
}

/// Whether the file itself uses it outside its own body, or a framework does by its decorator.
fn is_called(one: &Definition<'_>, before: &Side<'_>) -> bool {
    let is_dunder = one.name.starts_with("__") && one.name.ends_with("__");
    let own_lines = &one.lines;
    !one.decorators.is_empty()
        || (is_dunder && one.kind == DefinitionKind::Function)
        || before
            .all_references()
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
