//! Slack's markup as HTML: bold, italic, struck, code, code blocks, links and mentions. One style at a time; a mark
//! counts only at the edge of a word, as in Slack. Text is escaped where it is shown.

use askama::Template;
use url::Url;

use crate::demo_project::REPOSITORY;
use crate::sandbox::slack::USERS;

/// A text, ready to be shown. It escapes what it is given, so a template shows it `|safe`.
#[derive(Template)]
#[template(path = "sandbox/mrkdwn.html")]
pub(super) struct Mrkdwn {
    passages: Vec<Passage>,
}

enum Passage {
    /// Lines in a fixed font, as they are.
    Fixed {
        text: String,
    },
    Prose {
        runs: Vec<Run>,
    },
}

/// Text of one style, with the address that it leads to.
#[derive(Debug, PartialEq)]
struct Run {
    text: String,
    style: Style,
    address: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Plain,
    Bold,
    Italic,
    Struck,
    Code,
}

/// Where links lead: pull requests of the sandbox to this page, addresses of the web there, anything else nowhere.
pub(super) struct Addresses {
    /// Beginning of the addresses of pull requests.
    pulls: String,
}

impl Addresses {
    /// For the sandbox's GitHub at this address.
    pub(super) fn new(github: &str) -> Addresses {
        Addresses { pulls: format!("{github}/{REPOSITORY}/pull/") }
    }

    pub(super) fn of(&self, target: &str) -> Option<String> {
        let number = target.strip_prefix(&self.pulls).and_then(|number| number.parse::<u64>().ok());
        if let Some(number) = number {
            return Some(format!("#pull-{number}"));
        }
        let url = Url::parse(target).ok()?;
        matches!(url.scheme(), "http" | "https").then(|| url.into())
    }
}

/// Reads a text in Slack's markup.
pub(super) fn mrkdwn(text: &str, addresses: &Addresses) -> Mrkdwn {
    let mut passages = Vec::new();
    for (index, part) in text.split("```").enumerate() {
        let part = part.trim_matches('\n');
        if part.is_empty() {
            continue;
        }
        passages.push(match index % 2 {
            0 => Passage::Prose { runs: runs(part, addresses) },
            _ => Passage::Fixed { text: unescaped(part) },
        });
    }
    Mrkdwn { passages }
}

/// Text without any markup, in which Slack shows escapes as what they stand for all the same.
pub(super) fn plain(text: &str) -> String {
    unescaped(text)
}

fn runs(text: &str, addresses: &Addresses) -> Vec<Run> {
    let mut reader = Reader { addresses, runs: Vec::new() };
    reader.read(text, Style::Plain);
    reader.runs
}

struct Reader<'a> {
    addresses: &'a Addresses,
    runs: Vec<Run>,
}

impl Reader<'_> {
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
            Some('@') => self.push(format!("@{}", name_of(&target[1..])), style, None),
            _ => {
                let target = unescaped(target);
                let address = self.addresses.of(&target);
                self.push(label.unwrap_or(target), style, address);
            }
        }
    }

    fn push(&mut self, text: String, style: Style, address: Option<String>) {
        if !text.is_empty() {
            self.runs.push(Run { text, style, address });
        }
    }
}

enum Mark<'t> {
    Code(&'t str),
    Link(&'t str),
    Styled(Style, &'t str),
}

/// What begins at `start` with a mark of one byte, and where the text goes on behind it.
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

fn name_of(user: &str) -> &str {
    USERS.iter().find(|(id, _)| *id == user).map_or(user, |(_, name)| name)
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, html: &str) {
        let shown = mrkdwn(text, &Addresses::new("http://127.0.0.1:4010")).render().expect("renders");
        assert_eq!(shown.trim(), html);
    }

    fn prose(inside: &str) -> String {
        format!("<p class=\"prose\">{inside}</p>")
    }

    #[test]
    fn markup_looks_as_in_slack() {
        check(
            "*What broke*\n_KeyError_ in ~main~",
            &prose("<strong>What broke</strong>\n<em>KeyError</em> in <s>main</s>"),
        );
        check("snake_case_name, 2*3*4, * a *, _", &prose("snake_case_name, 2*3*4, * a *, _"));
        check("*Ärger* `a_b_ *c*` now", &prose("<strong>Ärger</strong> <code>a_b_ *c*</code> now"));
        check("<!here> <@U0APPROVER> <@U9>", &prose("@here @ann @U9"));
        check("<!date^1795000000^{time}|10:30 UTC>", &prose("10:30 UTC"));
    }

    #[test]
    fn code_blocks_keep_their_lines() {
        check(
            "Change\n```\n-old *x*\n+new\n```\nafter",
            &format!(
                "{}<pre class=\"output\" tabindex=\"0\">-old *x*\n+new</pre>{}",
                prose("Change"),
                prose("after")
            ),
        );
    }

    #[test]
    fn links_lead_to_the_web_or_to_the_pull_request_on_this_page_and_nowhere_else() {
        check(
            "*<https://x.test/1|Details>*",
            &prose("<a href=\"https://x.test/1\" rel=\"noreferrer\">Details</a>"),
        );
        check(
            "<http://127.0.0.1:4010/acme/bookshop/pull/12|#12>",
            &prose("<a href=\"#pull-12\" rel=\"noreferrer\">#12</a>"),
        );
        for wrong in ["javascript:alert(1)", "data:text/html,x", "//evil.example", "x"] {
            check(&format!("<{wrong}|label>"), &prose("label"));
        }
    }

    #[test]
    fn what_looks_like_html_stays_text() {
        for text in ["&lt;script&gt;", "`&lt;script&gt;`", "*&lt;script&gt;*", "```&lt;script&gt;```"] {
            let shown = mrkdwn(text, &Addresses::new("http://127.0.0.1:1")).render().expect("renders");
            assert!(!shown.contains("<script") && shown.contains("script"), "{shown}");
        }
        let quoted = "<https://x.test/\"onclick=alert(1)|a>";
        let shown = mrkdwn(quoted, &Addresses::new("http://127.0.0.1:1")).render().expect("renders");
        assert!(!shown.contains("\"onclick"), "{shown}");
    }
}
