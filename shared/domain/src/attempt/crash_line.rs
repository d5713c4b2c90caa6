//! Whether a fix changes the line that another report crashed in: only then may it be said to be for that report as well.

use super::offer::Fix;
use crate::incident::Incident;

/// How far apart the report's line and the changed one may be: releases differ by some lines. As for a verified frame.
const MAX_SHIFT: u32 = 20;

impl Fix {
    /// Whether the crash line of `incident` is among the lines that this fix changes. Where it only inserts lines, those
    /// are the line before and the one behind: a guard stands in front of what it guards.
    ///
    /// `false` where the report has no source line.
    pub fn changes_crash_line_of(&self, incident: &Incident) -> bool {
        let Some(culprit) = incident.culprit_frame() else { return false };
        let frame = culprit.frame;
        let Some(source) = frame.context_line.as_deref().map(collapsed).filter(|line| !line.is_empty())
        else {
            return false;
        };
        let paths = [&frame.filename, &frame.abs_path];
        paths.into_iter().flatten().any(|path| self.is_file(path))
            && changed_lines(&self.diff).into_iter().any(|(number, text)| {
                collapsed(text) == source && frame.line.is_none_or(|line| line.abs_diff(number) <= MAX_SHIFT)
            })
    }

    /// Whether the file that it changes is one of those that the error's application frames name.
    pub fn is_in_a_file_of(&self, incident: &Incident) -> bool {
        let frames = incident.exceptions.iter().flat_map(|exception| &exception.frames);
        let mut paths = frames
            .filter(|frame| frame.is_application())
            .flat_map(|frame| [&frame.filename, &frame.abs_path].into_iter().flatten());
        paths.any(|path| self.is_file(path))
    }

    fn is_file(&self, path: &str) -> bool {
        is_end_of(path, &self.file_path) || is_end_of(&self.file_path, path)
    }
}

/// The source text by which two lines are the same.
pub fn collapsed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether one path is, in whole segments, the end of the other.
fn is_end_of(end: &str, path: &str) -> bool {
    path.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

/// The old lines, with their numbers, that a unified diff changes.
fn changed_lines(diff: &str) -> Vec<(u32, &str)> {
    let (mut changed, mut number) = (Vec::new(), 0);
    // The last line that stays, and whether lines were inserted since.
    let (mut before, mut inserted, mut removed) = (None, false, false);
    for line in diff.lines() {
        if let Some(start) = line.strip_prefix("@@ -") {
            number = start.split([',', ' ']).next().and_then(|start| start.parse().ok()).unwrap_or(0);
            (before, inserted, removed) = (None, false, false);
        } else if number == 0 {
            // the head of the diff
        } else if let Some(text) = line.strip_prefix('-') {
            changed.push((number, text));
            (number, removed) = (number + 1, true);
        } else if line.starts_with('+') {
            inserted = true;
        } else if let Some(text) = line.strip_prefix(' ') {
            if inserted && !removed {
                changed.extend(before);
                changed.push((number, text));
            }
            (before, inserted, removed) = (Some((number, text)), false, false);
            number += 1;
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::{Exception, Frame};

    const DIFF: &str = "--- a/api/labels.py\n+++ b/api/labels.py\n@@ -30,7 +30,8 @@ def lines(order):\n \
                        first = order.first\n second = order.second\n-    return  second.strip()\n\
                        +    return (second or '').strip()\n \n def total(order):\n+    if order is None:\n\
                        +        return 0\n     return order.total\n";

    fn fix(diff: &str) -> Fix {
        Fix { file_path: "api/labels.py".into(), diff: diff.into(), ..super::super::matrix::fix() }
    }

    fn crash(path: &str, line: u32, source: Option<&str>) -> Incident {
        let frame = Frame {
            filename: Some(path.into()),
            line: Some(line),
            context_line: source.map(str::to_owned),
            in_app: true,
            ..Frame::default()
        };
        let exception = Exception { kind: "E".into(), frames: vec![frame], ..Exception::default() };
        Incident { exceptions: vec![exception], ..Incident::default() }
    }

    #[test]
    fn only_a_line_that_changes_is_said_to_be_fixed() {
        let check = |path: &str, line: u32, source: Option<&str>, expected: bool| {
            let found = fix(DIFF).changes_crash_line_of(&crash(path, line, source));
            assert_eq!(found, expected, "{path}:{line} {source:?}");
        };
        check("api/labels.py", 32, Some("return second.strip()"), true);
        check("/app/api/labels.py", 40, Some("    return second.strip()"), true);
        check("labels.py", 32, Some("return second.strip()"), true);
        check("api/labels.py", 90, Some("return second.strip()"), false);
        check("api/labels.py", 30, Some("first = order.first"), false);
        check("other/labels.py", 32, Some("return second.strip()"), false);
        check("bels.py", 32, Some("return second.strip()"), false);
        check("api/labels.py", 32, None, false);
        // A guard was put in front of it.
        check("api/labels.py", 35, Some("return order.total"), true);
    }
}
