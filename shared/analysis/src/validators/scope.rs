//! How large a fix may be, and where it may be.

use super::ProposedChange;
use super::reviewed::Reviewed;
use crate::diff::changed_lines;
use crate::syntax::{SyntaxChecked, compare, tokens};
use autofix_domain::reason::{Reason, ReasonCode};

/// Added plus removed lines. Safe fixes of production errors change 4 lines in the median, and a
/// person has to be able to read the whole of it in a chat window.
pub const MAX_CHANGED_LINES: usize = 30;

/// Lines with syntax errors named in one reason.
const SHOWN_LINES: usize = 5;

pub(super) fn several_files(change: &ProposedChange<'_>) -> Option<Reason> {
    let count = change.files.len();
    (count > 1).then(|| {
        let detail =
            format!("The fix changes {count} files; only fixes of one file are opened without a person.");
        Reason::new(ReasonCode::SeveralFiles, detail)
    })
}

pub(super) fn too_many_lines(change: &ProposedChange<'_>) -> Option<Reason> {
    let lines: usize = change.files.iter().map(changed_lines).sum();
    (lines > MAX_CHANGED_LINES).then(|| {
        let detail = format!("The fix changes {lines} lines; the limit is {MAX_CHANGED_LINES}.");
        Reason::new(ReasonCode::TooManyLines, detail)
    })
}

pub(super) fn outside_project(file: &Reviewed<'_>, change: &ProposedChange<'_>) -> Option<Reason> {
    let path = file.path();
    let project = change.project_path.trim_matches('/');
    let plain = !path.is_empty()
        && !path.contains(['\\', ':'])
        && !path.chars().any(char::is_control)
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    let inside = project.is_empty()
        || path.strip_prefix(project).is_some_and(|rest| rest.starts_with('/') && rest.len() > 1);
    (!plain || !inside).then(|| {
        let folder = if project.is_empty() { "the repository".to_owned() } else { format!("`{project}/`") };
        Reason::new(
            ReasonCode::OutsidePath,
            format!("`{path}` is not a file inside {folder}, the project's folder."),
        )
    })
}

pub(super) fn no_change(file: &Reviewed<'_>) -> Option<Reason> {
    let same = match &file.sides {
        Some(sides) => tokens::same_meaning(sides.before.parsed, sides.after.parsed),
        None => {
            let visible = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            visible(&file.change.before) == visible(&file.change.after)
        }
    };
    same.then(|| {
        let detail =
            format!("The fix changes nothing that runs in `{}`: only comments or layout.", file.path());
        Reason::new(ReasonCode::NoChange, detail)
    })
}

pub(super) fn syntax_error(file: &Reviewed<'_>) -> Option<Reason> {
    let sides = file.sides.as_ref()?;
    match compare(sides.before.parsed, sides.after.parsed) {
        SyntaxChecked::NewErrors { lines, .. } => {
            let shown: Vec<String> = lines.iter().take(SHOWN_LINES).map(u32::to_string).collect();
            let detail = format!(
                "`{}` no longer parses after the fix: syntax error near line {}.",
                file.path(),
                shown.join(", ")
            );
            Some(Reason::new(ReasonCode::SyntaxError, detail))
        }
        SyntaxChecked::Clean | SyntaxChecked::UnknownLanguage => None,
    }
}
