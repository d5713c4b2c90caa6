//! Slack's markup as HTML. Text is escaped where it is shown.

use askama::Template;
use url::Url;

use crate::demo_project::REPOSITORY;
use crate::sandbox::slack::markup::{Passage, Style, passages};

/// A text, ready to be shown. It escapes what it is given, so a template shows it `|safe`. What its runs lead to are
/// addresses that a page may have.
#[derive(Template)]
#[template(path = "sandbox/mrkdwn.html")]
pub(super) struct Mrkdwn {
    passages: Vec<Passage>,
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
    let mut passages = passages(text);
    for passage in &mut passages {
        if let Passage::Prose { runs } = passage {
            for run in runs {
                run.target = run.target.take().and_then(|target| addresses.of(&target));
            }
        }
    }
    Mrkdwn { passages }
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
        check("<!date^1795000000^{time}|10:30 UTC>", &prose("10:30 UTC"));
        let code = "<pre class=\"output\" tabindex=\"0\">-old *x*\n+new</pre>";
        check(
            "Change\n```\n-old *x*\n+new\n```\nafter",
            &format!("{}{code}{}", prose("Change"), prose("after")),
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
