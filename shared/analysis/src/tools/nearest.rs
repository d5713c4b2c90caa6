//! What a wrong path may have meant.

use crate::repo_path::{FolderPath, RepoPath};
use crate::snapshot::Snapshot;

/// Paths named in one hint.
const MAX_NAMED: usize = 3;
/// Characters of a name that are compared; longer names are not typing errors.
const MAX_NAME_CHARS: usize = 100;

/// A sentence with the files most like `text`, beginning with a blank; empty where none is like it.
pub(super) fn files(snapshot: &Snapshot, text: &str) -> String {
    let name = text.rsplit(['/', '\\']).next().unwrap_or_default();
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARS {
        return String::new();
    }
    let wanted: Vec<char> = name.to_lowercase().chars().collect();
    let tolerance = (wanted.len() / 4).clamp(1, 3);
    let mut ranked: Vec<(usize, std::cmp::Reverse<usize>, &RepoPath)> = snapshot
        .paths()
        .filter_map(|path| {
            let distance = distance_within(&wanted, path.file_name(), tolerance)?;
            let shared = path.segments().rev().zip(text.rsplit('/')).take_while(|(a, b)| a == b).count();
            Some((distance, std::cmp::Reverse(shared), path))
        })
        .collect();
    ranked.sort_unstable();
    // A file of the very name beats all that are only similar.
    let best = ranked.first().map(|(distance, ..)| *distance);
    let named =
        ranked.iter().filter(|(distance, ..)| Some(*distance) == best).map(|(.., path)| path.as_str());
    did_you_mean(named.take(MAX_NAMED))
}

/// The same for a folder: those with the same last segment, in any case.
pub(super) fn folders(snapshot: &Snapshot, folder: &FolderPath) -> String {
    let name = folder.as_str().rsplit('/').next().unwrap_or_default();
    let mut found: Vec<&str> = Vec::new();
    for path in snapshot.paths() {
        let mut end = 0;
        for segment in path.segments() {
            end += segment.len();
            let candidate = &path.as_str()[..end];
            if end < path.as_str().len() && segment.eq_ignore_ascii_case(name) && !found.contains(&candidate)
            {
                found.push(candidate);
            }
            end += 1;
        }
        if found.len() >= MAX_NAMED {
            break;
        }
    }
    did_you_mean(found.into_iter().take(MAX_NAMED))
}

fn did_you_mean<'p>(paths: impl Iterator<Item = &'p str>) -> String {
    let paths: Vec<String> = paths.map(|path| format!("`{path}`")).collect();
    if paths.is_empty() { String::new() } else { format!(" Did you mean {}?", paths.join(" or ")) }
}

/// Letters to insert, delete or replace, ignoring case; `None` beyond `tolerance`.
fn distance_within(wanted: &[char], name: &str, tolerance: usize) -> Option<usize> {
    // Case rarely changes the number of bytes, and never by as much as names differ here.
    if name.len() > 4 * (wanted.len() + tolerance) {
        return None;
    }
    let name: Vec<char> = name.to_lowercase().chars().collect();
    if name.len().abs_diff(wanted.len()) > tolerance {
        return None;
    }
    let mut row: Vec<usize> = (0..=name.len()).collect();
    for (i, expected) in wanted.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, found) in name.iter().enumerate() {
            let replaced = diagonal + usize::from(expected != found);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    Some(row[name.len()]).filter(|distance| *distance <= tolerance)
}
