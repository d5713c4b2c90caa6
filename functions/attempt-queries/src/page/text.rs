//! Outside text on its way to a template: cleaned, redacted, capped. A template can show nothing else of it.

use askama::Template;
use autofix::cleaning;
use autofix::redaction::{Redacted, redact};

/// One line.
pub(super) fn line(text: &str, max_chars: usize) -> Redacted {
    redact(&cleaning::one_line(text, max_chars * 2)).capped(max_chars)
}

/// A sentence, in which code stands between backticks.
pub(super) fn sentence(text: &str, max_chars: usize) -> Prose {
    Prose::of(&line(text, max_chars))
}

/// Prose, by paragraph.
pub(super) fn paragraphs(text: &str, max_chars: usize) -> Vec<Prose> {
    let whole = block(text, max_chars);
    let lines = whole.lines().filter(|line| !line.as_str().trim().is_empty());
    lines.map(|line| Prose::of(&line)).collect()
}

/// Text with the code in it set apart. It escapes what it is given, so a template shows it `|safe`.
#[derive(Template)]
#[template(path = "prose.html")]
pub(super) struct Prose {
    runs: Vec<Run>,
}

struct Run {
    is_code: bool,
    text: Redacted,
}

impl Prose {
    /// A backtick without another one after it stays as it is, and so do two with nothing in between.
    fn of(text: &Redacted) -> Prose {
        let all = text.as_str();
        let mut runs = Vec::new();
        let (mut shown, mut at) = (0, 0);
        while let Some((open, close)) = next_code(all, at) {
            if close > open + 1 {
                runs.push(Run { is_code: false, text: text.part(shown..open) });
                runs.push(Run { is_code: true, text: text.part(open + 1..close) });
                shown = close + 1;
            }
            at = close + 1;
        }
        runs.push(Run { is_code: false, text: text.part(shown..all.len()) });
        Prose { runs }
    }
}

/// Where the next two backticks are.
fn next_code(text: &str, from: usize) -> Option<(usize, usize)> {
    let open = from + text[from..].find('`')?;
    let close = open + 1 + text[open + 1..].find('`')?;
    Some((open, close))
}

/// Text whose lines stay as they are.
pub(super) fn block(text: &str, max_chars: usize) -> Redacted {
    redact(&cleaning::multi_line(text, max_chars * 2)).capped(max_chars)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_between_backticks_is_set_apart_and_everything_is_escaped() {
        let check = |text: &str, expected: &str| {
            assert_eq!(sentence(text, 100).render().expect("text"), expected, "{text}");
        };
        check("`a` reads `b.c()`.", "<code>a</code> reads <code>b.c()</code>.");
        check("nothing", "nothing");
        check("one ` alone", "one ` alone");
        check("`a` and ` alone", "<code>a</code> and ` alone");
        check("``` fence", "``` fence");
        check("`<b>` & <i>", "<code>&#60;b&#62;</code> &#38; &#60;i&#62;");
        check("`größe` ä", "<code>größe</code> ä");
    }
}
