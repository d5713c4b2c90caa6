//! The real lines of a file that a failed edit probably meant, numbered, for the next try.

use std::collections::HashSet;

/// Lines shown with a refusal: enough to copy from, few enough to stay cheap.
const SHOWN_LINES: usize = 10;
/// Characters shown of a line.
const SHOWN_CHARS: usize = 200;
/// Search lines compared with the file; more would cost time without telling more.
const COMPARED_LINES: usize = 30;
/// Lines of the file looked at.
const MAX_FILE_LINES: usize = 20_000;

/// The lines around a byte position.
pub(super) fn numbered_at(text: &str, position: usize) -> String {
    numbered(text, [line_index(text, position)])
}

/// The line at each of the byte positions.
pub(super) fn numbered_starts(text: &str, positions: &[usize]) -> String {
    numbered(text, positions.iter().map(|&position| line_index(text, position)))
}

/// The window of the file that shares most with the search text.
pub(super) fn numbered_nearest(text: &str, search: &str) -> String {
    let wanted: Vec<Fingerprint<'_>> = search
        .lines()
        .map(Fingerprint::new)
        .filter(|line| !line.text.is_empty())
        .take(COMPARED_LINES)
        .collect();
    let lines: Vec<Fingerprint<'_>> = text.lines().take(MAX_FILE_LINES).map(Fingerprint::new).collect();
    let score = |start: usize| -> f64 {
        wanted.iter().zip(&lines[start..]).map(|(want, have)| want.likeness(have)).sum()
    };
    let best = (0..lines.len())
        .map(|start| (score(start), start))
        .fold((0.0, 0), |best, candidate| if candidate.0 > best.0 { candidate } else { best });
    let start = best.1.saturating_sub(1);
    numbered(text, start..start + SHOWN_LINES)
}

fn numbered(text: &str, indices: impl IntoIterator<Item = usize>) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let shown: Vec<String> = indices
        .into_iter()
        .take(SHOWN_LINES)
        .filter_map(|index| {
            let line: String = lines.get(index)?.chars().take(SHOWN_CHARS).collect();
            Some(format!("{:>5} | {line}", index + 1))
        })
        .collect();
    if shown.is_empty() { "(the file is empty)".to_owned() } else { shown.join("\n") }
}

fn line_index(text: &str, position: usize) -> usize {
    text[..position].matches('\n').count()
}

/// A line without its indentation, and its words.
struct Fingerprint<'t> {
    text: &'t str,
    words: HashSet<&'t str>,
}

impl<'t> Fingerprint<'t> {
    fn new(line: &'t str) -> Fingerprint<'t> {
        let words = line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
        Fingerprint { text: line.trim(), words: words.collect() }
    }

    /// 1 for the same line, else less than a half by shared words.
    fn likeness(&self, other: &Fingerprint<'_>) -> f64 {
        if self.text == other.text {
            return 1.0;
        }
        let shared = self.words.iter().filter(|word| other.words.contains(*word)).count();
        let all = self.words.len() + other.words.len() - shared;
        if all == 0 { 0.0 } else { 0.5 * shared as f64 / all as f64 }
    }
}
