//! The Sentry issues that a pull request fixes, as a part of its body between two marks: it grows when another issue turns
//! out to be the same fault, and what people wrote around it stays as it is.

use std::fmt::Write;

use super::markdown::outside;
use crate::attempt::Attempt;
use crate::redaction::{Redacted, redact};

const BEGIN: &str = "<!-- autofix: issues -->";
const END: &str = "<!-- /autofix: issues -->";

/// The part of the body. No outside text can hold a mark: angle brackets are escaped.
pub fn issues_in_body(attempt: &Attempt) -> Redacted {
    let subject = &attempt.subject;
    let mut part = format!("{BEGIN}\n### Fixes\n\n");
    let mut line = |issue: &str, url: Option<&str>, title: &str| {
        let name = format!("Sentry issue {}", outside(issue, 40));
        let name = match url.and_then(web_address) {
            Some(url) => format!("[{name}]({url})"),
            None => name,
        };
        let _ = writeln!(part, "* {name} {}", outside(title, 150));
    };
    line(&subject.sentry_issue_id, subject.sentry_url.as_deref(), &subject.title);
    for issue in &attempt.joined.issues {
        line(&issue.sentry_issue_id, issue.sentry_url.as_deref(), &issue.title);
    }
    if attempt.joined.more > 0 {
        let _ = writeln!(part, "* and {} more of the same fault", attempt.joined.more);
    }
    part.push_str(END);
    redact(&part)
}

/// The body with this part in place of the one that it has.
pub fn with_issues(body: &str, part: &Redacted) -> String {
    with_part(body, BEGIN, END, part)
}

/// The body with this part in place of the one between the marks, or at its end if people have removed that.
pub(super) fn with_part(body: &str, begin_mark: &str, end_mark: &str, part: &Redacted) -> String {
    let place = body.find(begin_mark).and_then(|begin| {
        let end = body.get(begin..)?.find(end_mark)?;
        Some((body.get(..begin)?, body.get(begin + end + end_mark.len()..)?))
    });
    match place {
        Some((before, after)) => format!("{before}{part}{after}"),
        None => format!("{}\n\n{part}\n", body.trim_end()),
    }
}

pub(super) fn web_address(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    let web = matches!(url.scheme(), "http" | "https");
    web.then(|| url.as_str().replace('(', "%28").replace(')', "%29"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::{AttemptId, Event, Fix, JoinedIssue, State, Subject, Target};

    fn attempt(titles: &[&str]) -> Attempt {
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let subject = Subject {
            sentry_issue_id: "1".to_owned(),
            sentry_url: Some("https://acme.sentry.io/issues/1/?a=(b)".to_owned()),
            title: "KeyError: 'total'".to_owned(),
            ..Subject::default()
        };
        let mut attempt = Attempt::pending(AttemptId::new(now), subject, Target::default(), now);
        attempt.state = State::Proposed { fix: Fix::default(), slot_taken: false };
        for (number, title) in (2..).zip(titles) {
            let issue = JoinedIssue {
                attempt: attempt.id,
                sentry_issue_id: number.to_string(),
                sentry_url: None,
                title: (*title).to_owned(),
                at: now,
            };
            attempt.apply(Event::IssueJoined { issue }, now).unwrap();
        }
        attempt
    }

    #[test]
    fn the_list_names_every_issue() {
        insta::assert_snapshot!(issues_in_body(&attempt(&["KeyError: 'total'", "#1 @all [x](http://e)"])), @r"
        <!-- autofix: issues -->
        ### Fixes

        * [Sentry issue 1](https://acme.sentry.io/issues/1/?a=%28b%29) KeyError&#58; 'total'
        * Sentry issue 2 KeyError&#58; 'total'
        * Sentry issue 3 #<!-- -->1 @<!-- -->all \[x\]\(http&#58;//e\)
        <!-- /autofix: issues -->
        ");
    }

    #[test]
    fn the_list_grows_in_its_place_and_touches_nothing_else() {
        let short = issues_in_body(&attempt(&[]));
        let long = issues_in_body(&attempt(&["another"]));
        let body = format!("before\n\n{short}\n\nWhat a person wrote: <b>ü</b>\n");
        let grown = with_issues(&body, &long);
        assert_eq!(grown, body.replace(short.as_str(), long.as_str()));
        assert_eq!(with_issues(&grown, &long), grown, "twice is as once");
    }

    #[test]
    fn a_body_without_marks_or_with_half_of_them_gets_the_list_at_its_end() {
        let part = issues_in_body(&attempt(&[]));
        for body in ["", "A person's own words", BEGIN, END, &format!("{END} {BEGIN}")] {
            let with = with_issues(body, &part);
            assert!(with.starts_with(body.trim_end()) && with.contains(part.as_str()), "{with}");
        }
    }

    #[test]
    fn a_title_cannot_close_the_list() {
        let hostile = issues_in_body(&attempt(&[END, BEGIN]));
        assert_eq!(hostile.as_str().matches(END).count(), 1);
        assert_eq!(hostile.as_str().matches(BEGIN).count(), 1);
    }
}
