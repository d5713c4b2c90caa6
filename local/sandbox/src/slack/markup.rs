//! Slack's markup as a person sees it: bold, italic, struck, code, code blocks, links and mentions. One style at a time; a
//! mark counts only at the edge of a word, as in Slack.

use super::USERS;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passage {
    /// A code block: lines in a fixed font, as they are.
    Fixed {
        text: String,
    },
    Prose {
        runs: Vec<Run>,
    },
}

/// Text of one style, with what it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub text: String,
    pub style: Style,
    pub target: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Plain,
    Bold,
    Italic,
    Struck,
    Code,
}

/// Reads a text in Slack's markup.
pub fn passages(text: &str) -> Vec<Passage> {
    let parts = text.split("```").map(|part| part.trim_matches('\n')).enumerate();
    let passage = |(index, part): (usize, &str)| match index % 2 {
        0 => {
            let mut reader = Reader::default();
            reader.read(part, Style::Plain);
            Passage::Prose { runs: reader.0 }
        }
        _ => Passage::Fixed { text: unescaped(part) },
    };
    parts.filter(|(_, part)| !part.is_empty()).map(passage).collect()
}

/// The markup as plain text: links are `label (address)`, code blocks are indented by four spaces.
pub(super) fn plain(text: &str) -> String {
    let shown = passages(text).into_iter().map(|passage| match passage {
        Passage::Fixed { text } => {
            text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
        }
        Passage::Prose { runs } => runs.into_iter().map(Run::plain).collect(),
    });
    shown.collect::<Vec<String>>().join("\n\n")
}

/// Text without markup, in which Slack shows escapes as what they mean all the same.
pub fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// A person's name; the id of somebody who is not in the workspace.
pub fn user_name(id: &str) -> &str {
    USERS.iter().find(|(known, _)| *known == id).map_or(id, |(_, name)| name)
}

impl Run {
    fn plain(self) -> String {
        match (self.style, self.target) {
            (Style::Code, _) => format!("`{}`", self.text),
            (_, Some(target)) if target != self.text => format!("{} ({target})", self.text),
            _ => self.text,
        }
    }
}

#[derive(Default)]
struct Reader(Vec<Run>);

impl Reader {
    fn read(&mut self, text: &str, style: Style) {
        let (mut taken, mut at) = (0, 0);
        while let Some(found) = text[at..].find(['`', '<', '*', '_', '~']) {
            let start = at + found;
            let Some((end, mark)) = marked(text, start, style) else {
                at = start + 1;
                continue;
            };
            self.push(unescaped(&text[taken..start]), style, None);
            match mark {
                Mark::Code(inside) => self.push(unescaped(inside), Style::Code, None),
                Mark::Link(inside) => self.link(inside, style),
                Mark::Styled(inner, inside) => self.read(inside, inner),
            }
            (taken, at) = (end, end);
        }
        self.push(unescaped(&text[taken..]), style, None);
    }

    /// `url|label`, `@U…`, `!here`, `!date^…|label`.
    fn link(&mut self, inside: &str, style: Style) {
        let (target, label) =
            inside.split_once('|').map_or((inside, None), |(target, label)| (target, Some(label)));
        let label = label.map(unescaped);
        match target.chars().next() {
            Some('!') => {
                let said = label.filter(|_| target.starts_with("!date^"));
                self.push(said.unwrap_or_else(|| format!("@{}", &target[1..])), style, None);
            }
            Some('@') => self.push(format!("@{}", user_name(&target[1..])), style, None),
            _ => {
                let target = unescaped(target);
                self.push(label.unwrap_or_else(|| target.clone()), style, Some(target));
            }
        }
    }

    fn push(&mut self, text: String, style: Style, target: Option<String>) {
        if !text.is_empty() {
            self.0.push(Run { text, style, target });
        }
    }
}

enum Mark<'t> {
    Code(&'t str),
    Link(&'t str),
    Styled(Style, &'t str),
}

/// What begins at `start` with a mark of one byte, and where the text continues behind it.
fn marked(text: &str, start: usize, style: Style) -> Option<(usize, Mark<'_>)> {
    let (mark, after) = (text.as_bytes()[start], &text[start + 1..]);
    match mark {
        b'`' => {
            let length = after.find('`').filter(|length| *length > 0)?;
            Some((start + length + 2, Mark::Code(&after[..length])))
        }
        b'<' => {
            let length = after.find('>').filter(|length| *length > 0)?;
            Some((start + length + 2, Mark::Link(&after[..length])))
        }
        _ if style == Style::Plain => {
            let inner = match mark {
                b'*' => Style::Bold,
                b'_' => Style::Italic,
                _ => Style::Struck,
            };
            let length = enclosed(text, start)?;
            Some((start + length + 2, Mark::Styled(inner, &after[..length])))
        }
        _ => None,
    }
}

/// Bytes between the mark at `start` and the one that closes it on the same line.
fn enclosed(text: &str, start: usize) -> Option<usize> {
    let mark = char::from(text.as_bytes()[start]);
    let after = &text[start + 1..];
    let opens = !text[..start].chars().next_back().is_some_and(char::is_alphanumeric)
        && after.chars().next().is_some_and(|c| !c.is_whitespace() && c != mark);
    if !opens {
        return None;
    }
    let line = after.lines().next().unwrap_or_default();
    let mut ends = line.match_indices(mark).map(|(end, _)| end);
    ends.find(|end| {
        let before = line[..*end].chars().next_back();
        let behind = line[end + 1..].chars().next();
        before.is_some_and(|c| !c.is_whitespace()) && !behind.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(slack: &str, seen: &str) {
        assert_eq!(plain(slack), seen);
    }

    #[test]
    fn markup_looks_as_a_person_sees_it() {
        check("*What broke*\n_KeyError_ in ~main~", "What broke\nKeyError in main");
        check("snake_case_name and 2*3*4", "snake_case_name and 2*3*4");
        check("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c");
        check(
            "<https://x.test/1|the issue> <https://x.test/2>",
            "the issue (https://x.test/1) https://x.test/2",
        );
        check("<!here> <@U0APPROVER> <@U9>", "@here @ann @U9");
        check("run `a_b_ *c* &lt;` now", "run `a_b_ *c* <` now");
        check(
            "before\n```\n- old *x*\n+ new &lt;\n```\nafter",
            "before\n\n    - old *x*\n    + new <\n\nafter",
        );
    }
}
