//! What AutoFix refuses to propose, decided by code alone: no model is asked.
//!
//! Each rule is one function with one reason code, and says `None` where it has no objection. The
//! rules compare the file before and after the edits: what stood there already is not held against
//! a fix. Where a grammar is known they read the syntax tree, since a search through the text
//! cannot tell a call from a comment; other languages get the coarser rules of `plain_text`.

#[cfg(test)]
mod corpus;
mod dangerous_calls;
mod deleted_checks;
mod forbidden_paths;
mod hidden_characters;
mod network_hosts;
mod new_imports;
mod plain_text;
mod reports_silenced;
mod reviewed;
mod scope;
mod secrets;
mod signatures;
mod silenced_warnings;
mod standard_libraries;
mod swallowed_exceptions;
mod tls;
mod unfamiliar;
mod waiting;
pub(crate) mod weakened_tests;

use crate::diff::FileChange;
use crate::effects::{self, Crash, Effects, effects_of};
use autofix_domain::reason::Reason;
use reviewed::{Reviewed, Trees};

pub use scope::MAX_CHANGED_LINES;
pub use weakened_tests::is_test;

/// A fix as the validators see it.
#[derive(Clone, Copy, Debug)]
pub struct ProposedChange<'a> {
    pub files: &'a [FileChange],
    /// Folder of the project in the repository; empty for the whole repository.
    pub project_path: &'a str,
    /// Paths of the repository's files: they tell the project's own packages from foreign ones.
    pub repository_paths: &'a [&'a str],
    /// Path and text of other files that mention one of the [`names_to_search`]. A file left out
    /// hides its calls and imports from the rules.
    pub other_files: &'a [(&'a str, &'a str)],
    /// What the fix is for.
    pub crash: &'a Crash,
}

/// What code has against a change, and what it does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Every reason against the change, in the order of the rules, then those of its effects; empty if there is none.
    pub reasons: Vec<Reason>,
    pub effects: Effects,
}

/// Rules that look at one file alone.
const FILE_RULES: &[fn(&Reviewed<'_>) -> Option<Reason>] = &[
    forbidden_paths::forbidden_path,
    scope::no_change,
    scope::syntax_error,
    plain_text::dangerous_text,
    network_hosts::host_added,
    dangerous_calls::dangerous_call,
    tls::tls_disabled,
    swallowed_exceptions::exception_swallowed,
    deleted_checks::check_deleted,
    reports_silenced::report_silenced,
    waiting::waits_longer,
    silenced_warnings::warning_silenced,
    weakened_tests::test_weakened,
    hidden_characters::invisible_character,
    secrets::secret_added,
];

/// Rules that need more than the file.
const CHANGE_RULES: &[fn(&Reviewed<'_>, &ProposedChange<'_>) -> Option<Reason>] =
    &[scope::outside_project, signatures::signature_changed, new_imports::import_added];

/// Looks at a change with every rule.
pub fn check(change: &ProposedChange<'_>) -> Findings {
    let limits = [scope::several_files(change), scope::too_many_lines(change)];
    let mut findings =
        Findings { reasons: limits.into_iter().flatten().collect(), effects: Effects::default() };
    let is_small = findings.reasons.is_empty();
    for file in change.files {
        let trees = Trees::of(file);
        let reviewed = Reviewed::new(file, trees.as_ref());
        let reasons = &mut findings.reasons;
        reasons.extend(CHANGE_RULES.iter().filter_map(|rule| rule(&reviewed, change)));
        reasons.extend(FILE_RULES.iter().filter_map(|rule| rule(&reviewed)));
        if reasons.is_empty() {
            reasons.extend(unfamiliar::unfamiliar(&reviewed, change));
        }
        if is_small {
            let sides = reviewed.sides.as_ref().map(|sides| effects::Sides {
                before: sides.before.parsed,
                after: sides.after.parsed,
                bindings: &sides.after.bindings,
            });
            let effects = effects_of(file, sides.as_ref(), change.crash, change.other_files);
            let known = |reason: &Reason| reasons.iter().any(|one| one.code == reason.code);
            let more: Vec<Reason> =
                effects.refusals.iter().filter(|reason| !known(reason)).cloned().collect();
            reasons.extend(more);
            findings.effects = effects;
        }
    }
    findings
}

/// What holds for every change of a file, by its path alone.
pub fn forbidden_place(path: &str, project_path: &str) -> Option<Reason> {
    let file = FileChange { path: path.to_owned(), before: String::new(), after: String::new() };
    let change = ProposedChange {
        files: std::slice::from_ref(&file),
        project_path,
        repository_paths: &[],
        other_files: &[],
        crash: &Crash::default(),
    };
    let reviewed = Reviewed::new(&file, None);
    scope::outside_project(&reviewed, &change).or_else(|| forbidden_paths::forbidden_path(&reviewed))
}

/// Functions whose callers are looked at, since the change gives them another answer. Unlike [`names_to_search`], a file
/// that is left out costs no more than a look.
pub fn names_to_follow(files: &[FileChange]) -> Vec<String> {
    let trees = files.iter().filter_map(Trees::of);
    let mut names: Vec<String> = trees.flat_map(|trees| trees.answering_functions()).collect();
    names.sort();
    names.dedup();
    names
}

/// Names whose mentions elsewhere decide: functions whose signature the change touches, and
/// packages that it imports for the first time. Whole words; usually none.
pub fn names_to_search(files: &[FileChange]) -> Vec<String> {
    let mut names: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let trees = Trees::of(file);
            let reviewed = Reviewed::new(file, trees.as_ref());
            let mut names = signatures::changed_names(&reviewed);
            names.extend(new_imports::added_packages(&reviewed));
            names
        })
        .collect();
    names.sort();
    names.dedup();
    names
}
