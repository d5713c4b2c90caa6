//! `read_file`.

use std::fmt::Write;

use super::{MAX_ANSWER_BYTES, MAX_ANSWER_LINES, READ_LINES, ReadInput, Toolbox};
use autofix_domain::cleaning;

/// Characters of one line; a longer one is cut, since no one edits it by hand.
const MAX_LINE_CHARS: usize = 2_000;

impl Toolbox<'_> {
    pub(super) fn read_file(&self, input: &ReadInput) -> Result<String, String> {
        let (path, text) = self.text(&input.path)?;
        if text.is_empty() {
            self.remember_shown(path);
            return Ok(format!("`{path}` is empty (0 bytes).\n"));
        }
        let total = text.lines().count();
        let start = input.start_line.max(1) as usize;
        if start > total {
            return Err(format!("`{path}` has only {total} lines; there is no line {start}."));
        }
        let end = match input.end_line as usize {
            0 => total.min(start + READ_LINES - 1),
            end if end < start => {
                return Err(format!("`end_line` ({end}) is before `start_line` ({start})."));
            }
            end => end.min(total),
        };

        let mut lines = String::new();
        let mut last = start - 1;
        for (index, line) in
            text.lines().enumerate().skip(start - 1).take((end + 1 - start).min(MAX_ANSWER_LINES))
        {
            let line = cleaning::source_line(line, MAX_LINE_CHARS);
            if lines.len() + line.len() > MAX_ANSWER_BYTES && last >= start {
                break;
            }
            // Writing to a `String` cannot fail.
            let _ = writeln!(lines, "{:>5} | {line}", index + 1);
            last = index + 1;
        }
        self.remember_shown(path);
        let mut answer = format!("`{path}`, lines {start} to {last} of {total}:\n{lines}");
        if last < end || (input.end_line == 0 && last < total) {
            let _ = writeln!(answer, "(cut here; read on with `start_line` {})", last + 1);
        }
        Ok(answer)
    }
}
