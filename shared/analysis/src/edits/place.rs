//! Where a search text stands in a file: exactly, or shifted by one indentation.
//!
//! The search runs over a copy with `\n` endings, since the model never sees a carriage return;
//! positions are mapped back, so that the file's own bytes decide what is replaced.

use std::ops::Range;

/// The outcome of looking for a search text.
pub(super) enum Place {
    /// Byte range in the original text, and what to put there in the file's own line endings.
    Once {
        range: Range<usize>,
        replacement: String,
    },
    /// Byte positions of the matches in the original text, at least two.
    Several {
        starts: Vec<usize>,
    },
    Nowhere,
}

/// A file made ready for placing edits.
pub(super) struct Placing<'t> {
    original: &'t str,
    /// The text with `\n` for `\r\n`.
    plain: String,
    /// Positions in `plain` of every `\n` that is `\r\n` in the original, ascending.
    carriage_returns: Vec<usize>,
}

/// A line of the plain text: where it starts, and its text without the newline.
struct Line<'p> {
    start: usize,
    text: &'p str,
}

impl<'t> Placing<'t> {
    pub(super) fn new(original: &'t str) -> Placing<'t> {
        let mut plain = String::with_capacity(original.len());
        let mut carriage_returns = Vec::new();
        let mut rest = original;
        while let Some(position) = rest.find("\r\n") {
            plain.push_str(&rest[..position]);
            carriage_returns.push(plain.len());
            plain.push('\n');
            rest = &rest[position + 2..];
        }
        plain.push_str(rest);
        Placing { original, plain, carriage_returns }
    }

    pub(super) fn original(&self) -> &'t str {
        self.original
    }

    /// Looks for `search`; both texts have `\n` endings and `search` is not blank.
    pub(super) fn find(&self, search: &str, replace: &str) -> Place {
        let exact = self.exact_matches(search);
        match exact.as_slice() {
            [] => self.find_shifted(search, replace),
            &[start] => self.place(start..start + search.len(), replace),
            _ => Place::Several {
                starts: exact.into_iter().map(|start| self.original_position(start)).collect(),
            },
        }
    }

    /// All matches, overlapping ones too: two readings of the same place are two places.
    fn exact_matches(&self, search: &str) -> Vec<usize> {
        let mut matches = Vec::new();
        let mut from = 0;
        while let Some(position) = self.plain[from..].find(search) {
            let start = from + position;
            matches.push(start);
            from = start + self.plain[start..].chars().next().map_or(1, char::len_utf8);
        }
        matches
    }

    fn find_shifted(&self, search: &str, replace: &str) -> Place {
        let ends_with_newline = search.ends_with('\n');
        let wanted: Vec<&str> = search.strip_suffix('\n').unwrap_or(search).split('\n').collect();
        let lines = lines_of(&self.plain);
        let mut found = Vec::new();
        for (index, window) in lines.windows(wanted.len()).enumerate() {
            let Some(shift) = shift_between(&wanted, window) else { continue };
            let last = &window[window.len() - 1];
            let end = last.start + last.text.len();
            let is_final = index + window.len() == lines.len();
            if ends_with_newline && is_final {
                continue;
            }
            found.push((window[0].start..end + usize::from(ends_with_newline), shift));
        }
        match found.as_slice() {
            [] => Place::Nowhere,
            [(range, shift)] => match shift.applied_to(replace) {
                Some(shifted) => self.place(range.clone(), &shifted),
                None => Place::Nowhere,
            },
            _ => Place::Several {
                starts: found.into_iter().map(|(range, _)| self.original_position(range.start)).collect(),
            },
        }
    }

    fn place(&self, plain_range: Range<usize>, replace: &str) -> Place {
        let range = self.original_position(plain_range.start)..self.original_position(plain_range.end);
        let replacement = match self.line_ending_at(&plain_range) {
            "\n" => replace.to_owned(),
            ending => replace.replace('\n', ending),
        };
        Place::Once { range, replacement }
    }

    /// The first line ending in the range, else the next one after it, else the last before it.
    fn line_ending_at(&self, plain_range: &Range<usize>) -> &'static str {
        let newline = self.plain[plain_range.start..]
            .find('\n')
            .map(|offset| plain_range.start + offset)
            .or_else(|| self.plain[..plain_range.start].rfind('\n'));
        match newline.map(|position| self.carriage_returns.binary_search(&position)) {
            Some(Ok(_)) => "\r\n",
            Some(Err(_)) | None => "\n",
        }
    }

    fn original_position(&self, plain_position: usize) -> usize {
        plain_position + self.carriage_returns.partition_point(|&newline| newline < plain_position)
    }
}

fn lines_of(plain: &str) -> Vec<Line<'_>> {
    let mut start = 0;
    plain
        .split('\n')
        .map(|text| {
            let line = Line { start, text };
            start += text.len() + 1;
            line
        })
        .collect()
}

/// How the file's lines differ from the search text's.
enum Shift<'s> {
    /// The file has this much more in front of each line.
    Deeper(&'s str),
    /// The file has this much less.
    Shallower(&'s str),
}

impl Shift<'_> {
    /// The replacement moved the same way; `None` where a line has not enough to take away.
    fn applied_to(&self, replace: &str) -> Option<String> {
        let lines: Option<Vec<String>> = replace
            .split('\n')
            .map(|line| match self {
                _ if line.trim().is_empty() => Some(line.to_owned()),
                Shift::Deeper(prefix) => Some(format!("{prefix}{line}")),
                Shift::Shallower(prefix) => line.strip_prefix(prefix).map(str::to_owned),
            })
            .collect();
        Some(lines?.join("\n"))
    }
}

/// The one indentation that turns every non-blank wanted line into the file's; `None` where there
/// is none. Both slices have the same length.
fn shift_between<'s>(wanted: &[&'s str], window: &[Line<'s>]) -> Option<Shift<'s>> {
    let pairs = || wanted.iter().zip(window).filter(|(want, have)| !(is_blank(want) && is_blank(have.text)));
    let (first_want, first_have) = pairs().next()?;
    let shift = match (first_have.text.strip_suffix(first_want), first_want.strip_suffix(first_have.text)) {
        (Some(prefix), _) if !prefix.is_empty() && is_blank(prefix) => Shift::Deeper(prefix),
        (_, Some(prefix)) if !prefix.is_empty() && is_blank(prefix) => Shift::Shallower(prefix),
        _ => return None,
    };
    let uniform = pairs().all(|(want, have)| match shift {
        _ if is_blank(want) || is_blank(have.text) => false,
        Shift::Deeper(prefix) => have.text.strip_prefix(prefix) == Some(want),
        Shift::Shallower(prefix) => want.strip_prefix(prefix) == Some(have.text),
    });
    uniform.then_some(shift)
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}
