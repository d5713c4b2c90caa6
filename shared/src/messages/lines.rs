//! Lines that several messages have: a pull request, a person, a refusal.

use super::blocks::{code, link, outside};
use crate::attempt::{Decision, PullRequest};
use crate::reason::Reason;

/// What stopped the last try to do what a person asked for.
pub(super) fn refused_line(what: &str, problem: &Reason) -> String {
    format!("{} *{what}* {}", "⚠️", outside(&problem.detail, 600))
}

pub(super) fn pull_request_line(pull_request: &PullRequest) -> String {
    let label = format!("Pull request #{}", pull_request.number);
    format!("*{}*  `{}`", link(&pull_request.url, &label), code(&pull_request.branch, 100))
}

/// A mention of a Slack user; anything else is shown as someone and not as a mention.
pub(super) fn person(id: &str) -> String {
    let is_user =
        !id.is_empty() && id.len() <= 20 && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    match id {
        id if is_user => format!("<@{id}>"),
        Decision::ON_GITHUB => "someone on GitHub".to_owned(),
        _ => "someone".to_owned(),
    }
}
