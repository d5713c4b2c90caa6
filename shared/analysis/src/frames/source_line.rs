//! Looks for a frame's source line in the text of a file.

use crate::names::has;
use autofix_domain::cleaning;
use autofix_domain::incident::{Frame, MAX_NAME_CHARS};

/// Lines that code may have moved since it was deployed before it counts as other code.
pub(super) const REACH: u32 = 20;
/// Letters and digits beyond keywords that make a line worth recognising.
const TELLING_CHARS: usize = 4;
/// Lines around a line that is not telling by itself that have to agree with it.
const NEIGHBOURS: usize = 2;

/// Words that stand in every file and tell nothing.
const KEYWORDS: &str = "\
    return None null nil undefined true false True False else try pass raise break continue finally \
    end do then begin this self throw await yield err";

/// What became of the line that crashed since the release that crashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinceRelease {
    /// It stands in both.
    Same,
    /// It was in the release, and is gone or different now: the fault may already be fixed.
    Changed,
    /// It is not where the release should have it, so nothing can be said.
    Unknown,
}

/// Compares the line that crashed in the file as released and as it is now.
pub fn since_release(frame: &Frame, released: &str, current: &str) -> SinceRelease {
    match (find(released, frame), find(current, frame)) {
        (Some(_), Some(_)) => SinceRelease::Same,
        (Some(_), None) => SinceRelease::Changed,
        (None, _) => SinceRelease::Unknown,
    }
}

/// The line, counted from 1, nearest to the frame's where its source line stands. Blanks do not
/// count. A line that could be anywhere (`}`, `return x`) counts only with its neighbours.
pub(super) fn find(text: &str, frame: &Frame) -> Option<u32> {
    let wanted = squeezed(frame.context_line.as_deref()?);
    let (wanted, is_part) = part(&wanted);
    let reported = frame.line?;
    let first = reported.saturating_sub(REACH).max(1);
    let last = reported.saturating_add(REACH);
    // Neighbours of the outermost lines are looked at as well.
    let start = (first as usize - 1).saturating_sub(NEIGHBOURS);
    let lines: Vec<String> =
        text.lines().skip(start).take(last as usize + NEIGHBOURS - start).map(squeezed).collect();
    let telling = is_telling(wanted);
    let stands = |line: &str| if is_part { telling && line.contains(wanted) } else { line == wanted };
    let found = (first..=last).filter(|number| {
        let index = *number as usize - 1 - start;
        let Some(line) = lines.get(index) else { return false };
        stands(line) && (telling || neighbours_agree(&lines, index, frame))
    });
    found.min_by_key(|number| number.abs_diff(reported))
}

/// A line without the marks of what Sentry left out of it, and whether there were any: of a long line of JavaScript it
/// keeps some 140 characters around the column.
fn part(line: &str) -> (&str, bool) {
    let inner = line.strip_prefix("{snip} ").unwrap_or(line);
    let inner = inner.strip_suffix(" {snip}").unwrap_or(inner);
    (inner, inner.len() != line.len())
}

/// The line as an incident keeps it, cleaned and cut, and without differences in blanks.
fn squeezed(line: &str) -> String {
    let line = cleaning::source_line(line, MAX_NAME_CHARS);
    let mut squeezed = String::with_capacity(line.len());
    for word in line.split_whitespace() {
        if !squeezed.is_empty() {
            squeezed.push(' ');
        }
        squeezed.push_str(word);
    }
    squeezed
}

fn is_telling(line: &str) -> bool {
    let words = line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !has(KEYWORDS, word));
    words.flat_map(str::chars).filter(|c| c.is_alphanumeric()).count() >= TELLING_CHARS
}

/// Whether the lines directly before and after agree with the frame's context, at least one of them
/// being telling.
fn neighbours_agree(lines: &[String], index: usize, frame: &Frame) -> bool {
    let before = frame.pre_context.iter().rev().take(NEIGHBOURS).enumerate();
    let after = frame.post_context.iter().take(NEIGHBOURS).enumerate();
    let before = before.map(|(distance, line)| (index.checked_sub(distance + 1), line));
    let after = after.map(|(distance, line)| (Some(index + distance + 1), line));
    let mut telling = false;
    for (place, line) in before.chain(after) {
        let wanted = squeezed(line);
        let stands = place.and_then(|place| lines.get(place)).is_some_and(|line| *line == wanted);
        if !stands {
            return false;
        }
        telling |= is_telling(&wanted);
    }
    telling
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(line: u32, source: &str) -> Frame {
        Frame { line: Some(line), context_line: Some(source.to_owned()), ..Frame::default() }
    }

    fn numbered(lines: usize) -> Vec<String> {
        (1..=lines).map(|number| format!("    value_{number} = compute({number})")).collect()
    }

    #[test]
    fn a_line_is_found_within_reach_and_not_beyond() {
        let text = numbered(100).join("\n");
        assert_eq!(find(&text, &frame(50, "value_50 = compute(50)")), Some(50));
        assert_eq!(find(&text, &frame(50, "\tvalue_30  =  compute(30)")), Some(30));
        assert_eq!(find(&text, &frame(50, "value_70 = compute(70)")), Some(70));
        assert_eq!(find(&text, &frame(50, "value_29 = compute(29)")), None);
        assert_eq!(find(&text, &frame(50, "value_71 = compute(71)")), None);
        assert_eq!(find(&text, &frame(1, "value_1 = compute(1)")), Some(1));
        assert_eq!(find(&text, &frame(0, "value_1 = compute(1)")), Some(1));
        assert_eq!(find(&text, &frame(u32::MAX, "value_1 = compute(1)")), None);
        assert_eq!(find(&text, &Frame { line: None, ..frame(1, "value_1 = compute(1)") }), None);
        assert_eq!(find("", &frame(1, "value_1 = compute(1)")), None);
    }

    #[test]
    fn a_long_line_is_known_by_the_part_of_it_that_sentry_keeps() {
        let line = "  const total = order.items.map((item) => item.price).join(', ') ?? fallback(order);";
        for part in ["order.items.map((item) => item.price) {snip}", "{snip} item.price).join(', ') {snip}"] {
            assert_eq!(find(line, &frame(1, part)), Some(1), "{part}");
        }
        for part in ["{snip} item.cost {snip}", "{snip} } {snip}", "item.price).join(', ')"] {
            assert_eq!(find(line, &frame(1, part)), None, "{part}");
        }
    }

    #[test]
    fn the_nearest_of_two_equal_lines_is_taken() {
        let mut lines = numbered(40);
        lines[9] = "same_line()".to_owned();
        lines[24] = "same_line()".to_owned();
        assert_eq!(find(&lines.join("\r\n"), &frame(20, "same_line()")), Some(25));
    }

    #[test]
    fn a_line_that_stands_everywhere_needs_its_neighbours() {
        for source in ["}", "return None", "return x", "else:", "", "  "] {
            let mut lines = numbered(20);
            lines[9] = source.to_owned();
            let text = lines.join("\n");
            assert_eq!(find(&text, &frame(10, source)), None, "{source:?} alone");
            let mut witness = frame(10, source);
            witness.pre_context = lines[2..9].to_vec();
            witness.post_context = lines[10..15].to_vec();
            assert_eq!(find(&text, &witness), Some(10), "{source:?} with its neighbours");
            witness.post_context[0] = "something_else()".to_owned();
            assert_eq!(find(&text, &witness), None, "{source:?} with a wrong neighbour");
        }
    }

    #[test]
    fn a_line_is_recognised_as_the_incident_cleaned_and_cut_it() {
        let long = format!("call({})", "argument, ".repeat(100));
        let kept = cleaning::source_line(&long, MAX_NAME_CHARS);
        assert!(kept.len() < long.len());
        assert_eq!(find(&long, &frame(1, &kept)), Some(1));
        assert_eq!(find("call(argument, other)", &frame(1, "call(argument")), None);
        assert_eq!(find("\u{feff}call(\u{200b}argument)", &frame(1, "call(argument)")), Some(1));
    }

    #[test]
    fn a_line_that_changed_since_the_release_is_told() {
        let released = "def f(a):\n    return a.get('x').strip()\n";
        let fixed = "def f(a):\n    return (a.get('x') or '').strip()\n";
        let crash = frame(2, "    return a.get('x').strip()");
        assert_eq!(since_release(&crash, released, released), SinceRelease::Same);
        assert_eq!(since_release(&crash, released, fixed), SinceRelease::Changed);
        assert_eq!(since_release(&crash, fixed, released), SinceRelease::Unknown);
    }
}
