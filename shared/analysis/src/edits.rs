//! Applying search/replace edits to the text of a file, all or nothing.
//!
//! An edit's search text must occur exactly once; failing that, the same lines shifted by one
//! uniform indentation may. Nothing fuzzier: an edit that lands in the wrong place is worse than
//! one that is refused. Every edit is placed in the *original* text, so edits never see each
//! other's results. Line endings, tabs, a byte order mark and a missing final newline survive,
//! since only the bytes of the matched range are replaced.

mod nearest;
mod place;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::diff::FileChange;
use autofix_domain::attempt::{Fix, ProposedEdit};
use autofix_domain::reason::{Reason, ReasonCode};
use place::{Place, Placing};

/// One search/replace block as the model proposes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Path in the repository.
    pub file_path: String,
    /// Text that stands exactly once in the file; lines end with `\n` whatever the file uses.
    pub search: String,
    /// What takes its place.
    pub replace: String,
}

impl Edit {
    /// The edits of a fix that passed every gate.
    pub fn all_of(fix: &Fix) -> Vec<Edit> {
        let edit = |edit: &ProposedEdit| Edit {
            file_path: fix.file_path.clone(),
            search: edit.search.clone(),
            replace: edit.replace.clone(),
        };
        fix.edits.iter().map(edit).collect()
    }
}

/// Why edits were not applied, in words that help the model to write a better one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EditRefusal {
    /// One of the `edit_…` codes.
    pub code: ReasonCode,
    /// Index of the edit at fault in the list that was given.
    pub edit: usize,
    /// What is wrong, with the nearest real lines of the file, numbered.
    pub message: String,
}

impl EditRefusal {
    /// The refusal as a reason for people.
    pub fn reason(&self) -> Reason {
        Reason::new(self.code, self.message.clone())
    }
}

/// Applies the edits of one file to its text. The paths in the edits are not looked at.
///
/// # Errors
/// The first edit that is empty, changes nothing, does not match, matches twice, or overlaps
/// another one. Nothing is applied then.
pub fn apply(original: &str, edits: &[Edit]) -> Result<String, EditRefusal> {
    let numbered: Vec<(usize, &Edit)> = edits.iter().enumerate().collect();
    apply_numbered(original, &numbered)
}

/// Applies edits to the files that were shown to the model, given as path and text. The result has
/// the files that change, in the order of their first edit.
///
/// # Errors
/// As [`apply`], and for an edit of a file that was not shown.
pub fn apply_all(shown: &[(&str, &str)], edits: &[Edit]) -> Result<Vec<FileChange>, EditRefusal> {
    let mut edited: Vec<(&str, &str)> = Vec::new();
    for (index, edit) in edits.iter().enumerate() {
        let file = shown.iter().find(|(path, _)| *path == edit.file_path);
        let file = file.ok_or_else(|| unknown_file(shown, index, edit))?;
        if !edited.contains(file) {
            edited.push(*file);
        }
    }
    edited
        .into_iter()
        .map(|(path, before)| {
            let of_file: Vec<(usize, &Edit)> =
                edits.iter().enumerate().filter(|(_, edit)| edit.file_path == path).collect();
            let after = apply_numbered(before, &of_file)?;
            Ok(FileChange { path: path.to_owned(), before: before.to_owned(), after })
        })
        .collect()
}

/// An edit with its place found.
struct Placed {
    edit: usize,
    range: Range<usize>,
    replacement: String,
}

fn apply_numbered(original: &str, edits: &[(usize, &Edit)]) -> Result<String, EditRefusal> {
    let placing = Placing::new(original);
    let mut placed = Vec::with_capacity(edits.len());
    for &(index, edit) in edits {
        placed.push(place_one(&placing, index, edit)?);
    }
    placed.sort_by_key(|one| one.range.start);
    if let Some(pair) = placed.windows(2).find(|pair| pair[1].range.start < pair[0].range.end) {
        let (first, second) = (pair[0].edit.min(pair[1].edit), pair[0].edit.max(pair[1].edit));
        let message = format!(
            "Edits {} and {} overlap. Write them as one edit.\n{}",
            first + 1,
            second + 1,
            nearest::numbered_at(original, pair[1].range.start)
        );
        return Err(EditRefusal { code: ReasonCode::EditOverlap, edit: second, message });
    }

    let mut result = String::with_capacity(original.len());
    let mut copied = 0;
    for one in &placed {
        result.push_str(&original[copied..one.range.start]);
        result.push_str(&one.replacement);
        copied = one.range.end;
    }
    result.push_str(&original[copied..]);
    Ok(result)
}

fn place_one(placing: &Placing<'_>, index: usize, edit: &Edit) -> Result<Placed, EditRefusal> {
    let refuse = |code, text: String| Err(EditRefusal { code, edit: index, message: text });
    let number = index + 1;
    let search = edit.search.replace("\r\n", "\n");
    let replace = edit.replace.replace("\r\n", "\n");
    if search.trim().is_empty() {
        let text = format!("Edit {number} has an empty search text. Quote the lines that it changes.");
        return refuse(ReasonCode::EditEmptySearch, text);
    }
    if search == replace {
        let text = format!("Edit {number} replaces a text by itself. Leave it out or change something.");
        return refuse(ReasonCode::EditNoChange, text);
    }
    match placing.find(&search, &replace) {
        Place::Once { range, replacement } => Ok(Placed { edit: index, range, replacement }),
        Place::Several { starts } => {
            let text = format!(
                "The search text of edit {number} matches {} places. Add lines around it until only one \
                 matches.\n{}",
                starts.len(),
                nearest::numbered_starts(placing.original(), &starts),
            );
            refuse(ReasonCode::EditAmbiguous, text)
        }
        Place::Nowhere => {
            let text = format!(
                "The search text of edit {number} does not stand in the file. It must be copied exactly, \
                 indentation included. The nearest lines are:\n{}",
                nearest::numbered_nearest(placing.original(), &search),
            );
            refuse(ReasonCode::EditNotFound, text)
        }
    }
}

fn unknown_file(shown: &[(&str, &str)], index: usize, edit: &Edit) -> EditRefusal {
    let paths: Vec<String> = shown.iter().take(10).map(|(path, _)| format!("`{path}`")).collect();
    let message = format!(
        "Edit {} names `{}`, which is not a file that you were shown. Shown: {}.",
        index + 1,
        edit.file_path.chars().take(200).collect::<String>(),
        if paths.is_empty() { "none".to_owned() } else { paths.join(", ") }
    );
    EditRefusal { code: ReasonCode::EditUnknownFile, edit: index, message }
}

#[cfg(test)]
mod tests;
