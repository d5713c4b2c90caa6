//! A unified diff as two columns. It reads what the attempt keeps for people, so lines may be cut and the end may be
//! missing; whatever is no diff is shown as it is.

use askama::Template;
use autofix::redaction::Redacted;

use super::text::{block, line};

/// Characters of a diff that is shown: more than the attempt keeps.
const MAX_CHARS: usize = 60_000;

/// Characters of a path.
const PATH_CHARS: usize = 400;

/// The change of one file, as a table of two columns. It escapes what it is given, so a template shows it `|safe`.
#[derive(Template)]
#[template(path = "diff.html")]
pub struct Change {
    id: String,
    file: Redacted,
    rows: Vec<Row>,
}

impl Change {
    /// The change that a unified diff of this file describes; `id` is the table's own on its page.
    pub fn of(id: &str, file: &str, unified: &str) -> Change {
        Change { id: id.to_owned(), file: line(file, PATH_CHARS), rows: side_by_side(unified) }
    }
}

/// A row of the two columns.
enum Row {
    /// The same on both sides.
    Same { old: Line, new: Line },
    /// Something on one side or on both.
    Changed { old: Option<Line>, new: Option<Line> },
    /// Lines that are left out, or a remark.
    Note { text: Redacted },
}

/// A line of one side. `changed` is what differs from the other side, where the rest is the same.
struct Line {
    number: u32,
    before: Redacted,
    changed: Redacted,
    after: Redacted,
}

/// The rows of one file's diff. Redacted as one text: a private key has many lines.
fn side_by_side(unified: &str) -> Vec<Row> {
    let safe = block(unified, MAX_CHARS);
    let mut reader = Reader { rows: Vec::new(), old: 0, new: 0, removed: Vec::new(), added: Vec::new() };
    let mut in_hunk = false;
    for line in safe.lines() {
        if let Some((old, new)) = hunk_start(line.as_str()) {
            reader.flush();
            if in_hunk {
                reader.rows.push(Row::Note { text: Redacted::trusted("…") });
            }
            (reader.old, reader.new, in_hunk) = (old, new, true);
        } else if in_hunk {
            reader.line(line);
        }
    }
    reader.flush();
    reader.rows
}

struct Reader {
    rows: Vec<Row>,
    /// Numbers of the next lines.
    old: u32,
    new: u32,
    removed: Vec<Redacted>,
    added: Vec<Redacted>,
}

impl Reader {
    fn line(&mut self, line: Redacted) {
        let text = line.part(1..line.as_str().len());
        match line.as_str().as_bytes().first() {
            Some(b'-') => {
                if !self.added.is_empty() {
                    self.flush();
                }
                self.removed.push(text);
            }
            Some(b'+') => self.added.push(text),
            Some(b' ') | None => {
                self.flush();
                let old = whole(next(&mut self.old), text.clone());
                let new = whole(next(&mut self.new), text);
                self.rows.push(Row::Same { old, new });
            }
            Some(_) => {
                self.flush();
                self.rows.push(Row::Note { text: line });
            }
        }
    }

    /// Puts what was removed beside what was added in its place.
    fn flush(&mut self) {
        let (removed, added) = (std::mem::take(&mut self.removed), std::mem::take(&mut self.added));
        let count = removed.len().max(added.len());
        let (mut removed, mut added) = (removed.into_iter(), added.into_iter());
        for _ in 0..count {
            let mut old = removed.next().map(|text| whole(next(&mut self.old), text));
            let mut new = added.next().map(|text| whole(next(&mut self.new), text));
            if let (Some(old), Some(new)) = (&mut old, &mut new) {
                mark(old, new);
            }
            self.rows.push(Row::Changed { old, new });
        }
    }
}

fn next(number: &mut u32) -> u32 {
    let this = *number;
    *number = this.saturating_add(1);
    this
}

/// The first line numbers of `@@ -1,2 +3,4 @@`.
fn hunk_start(line: &str) -> Option<(u32, u32)> {
    let mut parts = line.strip_prefix("@@ -")?.split(' ');
    let number = |part: &str| part.split(',').next()?.parse().ok();
    let old = number(parts.next()?)?;
    let new = number(parts.next()?.strip_prefix('+')?)?;
    Some((old, new))
}

fn whole(number: u32, text: Redacted) -> Line {
    Line { number, before: text, changed: Redacted::default(), after: Redacted::default() }
}

/// Sets the part that differs apart, where a good part of the line is the same.
fn mark(old: &mut Line, new: &mut Line) {
    let (a, b) = (old.before.as_str(), new.before.as_str());
    let start = common(a.chars(), b.chars());
    let end = common(a[start..].chars().rev(), b[start..].chars().rev());
    if (start + end) * 3 < a.len().max(b.len()) {
        return;
    }
    for line in [old, new] {
        let text = std::mem::take(&mut line.before);
        let length = text.as_str().len();
        line.before = text.part(0..start);
        line.changed = text.part(start..length - end);
        line.after = text.part(length - end..length);
    }
}

/// Bytes of the characters with which both begin.
fn common(a: impl Iterator<Item = char>, b: impl Iterator<Item = char>) -> usize {
    a.zip(b).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(unified: &str) -> Vec<String> {
        let line = |line: &Line| {
            let changed = if line.changed.is_empty() { String::new() } else { format!("[{}]", line.changed) };
            format!("{}:{}{changed}{}", line.number, line.before, line.after)
        };
        let side = |side: &Option<Line>| side.as_ref().map_or("-".to_owned(), line);
        let rows = side_by_side(unified);
        rows.iter()
            .map(|row| match row {
                Row::Same { old, new } => format!("= {} | {}", line(old), line(new)),
                Row::Changed { old, new } => format!("~ {} | {}", side(old), side(new)),
                Row::Note { text } => format!("# {text}"),
            })
            .collect()
    }

    #[test]
    fn removed_and_added_lines_stand_beside_each_other_with_their_difference_marked() {
        let unified = "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -3,4 +3,5 @@\n a\n-x = get(\"line\").strip()\n\
                       +x = (get(\"line\") or \"\").strip()\n+--- y\n b\n@@ -20,2 +21,1 @@\n-gone\n c\n";
        assert_eq!(
            shown(unified),
            [
                "= 3:a | 3:a",
                "~ 4:x = [get(\"line]\").strip() | 4:x = [(get(\"line\") or \"]\").strip()",
                "~ - | 5:--- y",
                "= 5:b | 6:b",
                "# …",
                "~ 20:gone | -",
                "= 21:c | 21:c",
            ]
        );
    }

    #[test]
    fn what_is_no_diff_or_is_cut_does_no_harm() {
        assert!(shown("").is_empty());
        assert!(shown("@@ -x +y @@\n-a").is_empty());
        assert_eq!(
            shown("@@ -1 +1 @@\n-a\n+b\n\\ No newline at end of file\n…"),
            ["~ 1:a | 1:b", "# \\ No newline at end of file", "# …"]
        );
        assert_eq!(shown("@@ -4294967295 +1 @@\n-a\n-b\n")[1], "~ 4294967295:b | -");
        assert_eq!(shown("@@ -1 +1 @@\n-größe\n+größer\n")[0], "~ 1:größe | 1:größe[r]");
        assert_eq!(shown("@@ -1 +1 @@\nä\n"), ["# ä"]);
    }

    #[test]
    fn a_secret_in_a_diff_is_not_shown() {
        let shown = shown("@@ -1 +1 @@\n-password = \"hunter2-and-more\"\n+password = read()\n").join("\n");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
