//! Checks what a model claims to have seen against the code itself.
//!
//! A model that is wrong about the cause usually quotes code that is not there, and one that was
//! talked into something quotes what it was told. So each quote has to stand in the named file near
//! the named line. Blanks do not count, everything else does.

use crate::repo_path::{ProjectPath, RepoPath};
use crate::snapshot::Snapshot;
use autofix_domain::cleaning;
use autofix_domain::report::Evidence;

/// Lines that a quote may stand away from where it is said to: models miscount a little.
pub const REACH_LINES: u32 = 5;
/// Characters, without blanks, from which on a part of a line is worth something as evidence.
pub const MIN_QUOTE_CHARS: usize = 8;
/// Lines of a quote that are looked at; a longer one is refused.
pub const MAX_QUOTE_LINES: usize = 40;
/// Characters of a line that are compared.
const MAX_LINE_CHARS: usize = 2_000;
/// Characters of outside text in a sentence.
const SHOWN_CHARS: usize = 120;

/// What became of one piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EvidenceCheck {
    /// The quote stands there; `line`, counted from 1, is where it really begins.
    Stands { path: RepoPath, line: u32 },
    /// It does not; the sentence says why, for the model and for people.
    False { sentence: String },
}

impl EvidenceCheck {
    pub fn stands(&self) -> bool {
        matches!(self, EvidenceCheck::Stands { .. })
    }
}

/// Checks each piece of evidence, in order.
pub fn check(evidence: &[Evidence], snapshot: &Snapshot, project: &ProjectPath) -> Vec<EvidenceCheck> {
    evidence.iter().map(|claim| check_one(claim, snapshot, project)).collect()
}

fn check_one(claim: &Evidence, snapshot: &Snapshot, project: &ProjectPath) -> EvidenceCheck {
    let file = cleaning::one_line(&claim.file, SHOWN_CHARS);
    let wrong = |sentence: String| EvidenceCheck::False { sentence };
    let Some(path) = snapshot.resolve(&claim.file, project) else {
        return wrong(format!("There is no file `{file}` in the repository."));
    };
    let Some(text) = snapshot.text(path) else {
        return wrong(format!("`{path}` is not a text that can be read, so nothing can be quoted from it."));
    };
    find(claim, path.as_str(), text)
        .map_or_else(wrong, |line| EvidenceCheck::Stands { path: path.clone(), line })
}

/// The line, counted from 1, on which the quote begins in the text of the file; nearest to where it is said to be.
///
/// # Errors
/// A sentence that says why it isn't there.
pub(crate) fn find(claim: &Evidence, path: &str, text: &str) -> Result<u32, String> {
    let quote: Vec<String> = claim.quote.lines().map(squeezed).collect();
    let is_blank = |line: &String| line.is_empty();
    let first = quote.iter().position(|line| !is_blank(line)).unwrap_or(quote.len());
    let last = quote.iter().rposition(|line| !is_blank(line)).map_or(first, |last| last + 1);
    let quote = &quote[first..last];
    if quote.is_empty() {
        return Err(format!("The quote from `{path}` is empty."));
    }
    if quote.len() > MAX_QUOTE_LINES {
        return Err(format!("The quote from `{path}` has more than {MAX_QUOTE_LINES} lines; quote fewer."));
    }

    let nearest = claim.line.saturating_sub(REACH_LINES).max(1);
    let farthest = claim.line.saturating_add(REACH_LINES);
    let wanted = (farthest - nearest) as usize + quote.len();
    let lines: Vec<String> = text.lines().skip(nearest as usize - 1).take(wanted).map(squeezed).collect();
    let found = (nearest..=farthest)
        .filter(|number| stands(quote, lines.get((number - nearest) as usize..).unwrap_or_default()))
        .min_by_key(|number| number.abs_diff(claim.line));
    found.ok_or_else(|| {
        format!(
            "`{}` does not stand within {REACH_LINES} lines of line {} of `{path}`.",
            cleaning::one_line(&quote[0], SHOWN_CHARS).replace('`', "'"),
            claim.line
        )
    })
}

/// Whether the quote begins on the first of the lines: its first line may leave out the beginning
/// and its last one the end of a line, those between must be whole.
fn stands(quote: &[String], lines: &[String]) -> bool {
    let (Some(lines), Some((first, following))) = (lines.get(..quote.len()), quote.split_first()) else {
        return false;
    };
    let Some((last, between)) = following.split_last() else {
        return lines[0] == *first || (is_long_enough(quote) && lines[0].contains(first.as_str()));
    };
    let whole = lines == quote;
    let cut = is_long_enough(quote)
        && lines[0].ends_with(first.as_str())
        && lines[lines.len() - 1].starts_with(last.as_str());
    whole || (cut && lines[1..lines.len() - 1] == *between)
}

fn is_long_enough(quote: &[String]) -> bool {
    quote.iter().flat_map(|line| line.chars()).filter(|c| !c.is_whitespace()).count() >= MIN_QUOTE_CHARS
}

/// The line as the tools show it, without differences in blanks.
fn squeezed(line: &str) -> String {
    let line = cleaning::source_line(line, MAX_LINE_CHARS);
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
import os


def lines(address):
    first = address.get('line1')
    second = address.get('line2').strip()
    if not first:
        return None
    }
    return [first, second]
";

    fn verdict(file: &str, line: u32, quote: &str) -> EvidenceCheck {
        let snapshot = Snapshot::of([("backend/labels.py", TEXT.as_bytes()), ("backend/logo.png", b"\0")]);
        let project = ProjectPath::parse("backend").expect("a good folder");
        let claim = Evidence { file: file.to_owned(), line, quote: quote.to_owned() };
        check(&[claim], &snapshot, &project).remove(0)
    }

    fn line_of(file: &str, line: u32, quote: &str) -> Option<u32> {
        match verdict(file, line, quote) {
            EvidenceCheck::Stands { path, line } => {
                assert_eq!(path.as_str(), "backend/labels.py");
                Some(line)
            }
            EvidenceCheck::False { .. } => None,
        }
    }

    #[test]
    fn true_quotes_are_found_where_they_are() {
        let check = |line, quote, expected| {
            assert_eq!(line_of("backend/labels.py", line, quote), expected, "{quote:?}")
        };
        check(6, "    second = address.get('line2').strip()", Some(6));
        check(6, "address.get('line2').strip()", Some(6));
        check(6, "second   =\taddress.get('line2')", Some(6));
        check(1, "address.get('line2').strip()", Some(6));
        check(11, "address.get('line2').strip()", Some(6));
        check(9, "}", Some(9));
        check(8, "return None", Some(8));
        check(5, "first = address.get('line1')\n    second = address.get('line2').strip()", Some(5));
        check(5, "\nget('line1')\r\n second = address.get('line2').strip()\nif not\n\n", Some(5));
        check(3, "def lines(address):", Some(4));
        check(2, "import os\n\n\ndef lines(address):", Some(1));
        assert_eq!(line_of("labels.py", 6, "address.get('line2')"), Some(6), "as seen from the project");
    }

    #[test]
    fn false_quotes_are_refused() {
        let endless = "address.get('line2')\n".repeat(MAX_QUOTE_LINES + 1);
        let check =
            |file, line, quote: &str| assert_eq!(line_of(file, line, quote), None, "{file} {line} {quote:?}");
        check("backend/labels.py", 12, "address.get('line2').strip()");
        check("backend/labels.py", u32::MAX, "address.get('line2').strip()");
        check("backend/labels.py", 0, "address.get('line2').strip()");
        check("backend/labels.py", 6, "address.get('line3').strip()");
        check("backend/labels.py", 6, "SECOND = address.get('line2').strip()");
        check("backend/labels.py", 6, "strip()");
        check("backend/labels.py", 6, "");
        check("backend/labels.py", 6, " \n\t\n");
        check("backend/labels.py", 5, "first = address.get('line1')\nif not first:");
        check("backend/labels.py", 5, "address.get('line1')\nsecond = address\nif not first:");
        check("backend/labels.py", 6, &endless);
        check("backend/other.py", 6, "address.get('line2').strip()");
        check("../backend/labels.py", 6, "address.get('line2').strip()");
        check("backend/logo.png", 1, "address.get('line2').strip()");
    }

    #[test]
    fn a_refusal_says_what_is_not_there() {
        let sentence = |file: &str, quote: &str| match verdict(file, 2, quote) {
            EvidenceCheck::False { sentence } => sentence,
            found => panic!("{found:?}"),
        };
        assert_eq!(
            sentence("backend/labels.py", "eval(`x`) \u{1b}[2J"),
            "`eval('x')` does not stand within 5 lines of line 2 of `backend/labels.py`."
        );
        assert_eq!(sentence("x\n.py", "a"), "There is no file `x .py` in the repository.");
    }
}
