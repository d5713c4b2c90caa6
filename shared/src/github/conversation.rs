//! What people wrote on a pull request: comments and reviews. Bots do not count. A
//! personal access token belongs to somebody who may comment too, so its owner does count: AutoFix
//! itself writes no comments.

use jiff::Timestamp;
use serde::Deserialize;

use super::Github;
use super::pages::List;
use super::pulls::Account;
use crate::attempt::RemarkKind;
use crate::cleaning::{multi_line, one_line};
use crate::outbound::ServiceError;

/// Of each kind of remark. More than this many since a time is a discussion that nobody needs in full.
const REMARK_PAGES: usize = 3;
/// Remarks that are told, the newest ones.
const REMARKS: usize = 20;
const REMARK_CHARS: usize = 1_000;
const TITLE_CHARS: usize = 200;

/// Something that a person wrote on a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Login.
    pub by: String,
    pub at: Timestamp,
    pub kind: RemarkKind,
    /// From outside, cleaned and cut; may be empty.
    pub text: String,
    pub url: Option<String>,
}

/// A comment, or a review.
#[derive(Deserialize)]
struct WireRemark {
    /// The account of somebody who has left GitHub is null.
    user: Option<Account>,
    body: Option<String>,
    html_url: Option<String>,
    /// Of reviews that are submitted.
    submitted_at: Option<Timestamp>,
    /// Of comments.
    updated_at: Option<Timestamp>,
    /// Of reviews.
    state: Option<String>,
}

impl Github {
    /// What people wrote on a pull request after a time, oldest first; the newest twenty.
    pub async fn remarks_by_people(
        &self,
        repo: &str,
        number: u64,
        since: Timestamp,
    ) -> Result<Vec<Remark>, ServiceError> {
        let number = number.to_string();
        let after = Timestamp::from_second(since.as_second()).unwrap_or(since).to_string();
        let since_then = [("since", after.as_str())];
        let comments = self.written(repo, &["issues", &number, "comments"], &since_then).await?;
        let on_diff = self.written(repo, &["pulls", &number, "comments"], &since_then).await?;
        let reviews = self.written(repo, &["pulls", &number, "reviews"], &[]).await?;
        let mut remarks: Vec<Remark> = comments
            .into_iter()
            .filter_map(|comment| remark(comment, RemarkKind::Comment))
            .chain(on_diff.into_iter().filter_map(|comment| remark(comment, RemarkKind::DiffComment)))
            .chain(reviews.into_iter().filter_map(|review| {
                let kind = verdict(review.state.as_deref());
                remark(review, kind)
            }))
            .filter(|remark| remark.at > since)
            .collect();
        remarks.sort_by_key(|remark| remark.at);
        let surplus = remarks.len().saturating_sub(REMARKS);
        Ok(remarks.split_off(surplus))
    }

    async fn written(
        &self,
        repo: &str,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Vec<WireRemark>, ServiceError> {
        let list = List { path, query, under: None, most_pages: REMARK_PAGES };
        Ok(self.pages(repo, list).await?.items)
    }
}

/// A remark of a person; `None` for one of a bot, or a review that is not submitted yet.
fn remark(remark: WireRemark, kind: RemarkKind) -> Option<Remark> {
    let user = remark.user.as_ref();
    if user.is_some_and(Account::is_bot) {
        return None;
    }
    Some(Remark {
        by: user.and_then(Account::login).unwrap_or_else(|| "ghost".to_owned()),
        at: remark.submitted_at.or(remark.updated_at)?,
        kind,
        text: multi_line(&remark.body.unwrap_or_default(), REMARK_CHARS),
        url: remark.html_url,
    })
}

fn verdict(state: Option<&str>) -> RemarkKind {
    match state {
        Some("APPROVED") => RemarkKind::Approval,
        Some("CHANGES_REQUESTED") => RemarkKind::ChangesRequested,
        _ => RemarkKind::Review,
    }
}

/// The first line of a commit's message.
pub(super) fn title(message: &str) -> String {
    one_line(message.lines().next().unwrap_or_default(), TITLE_CHARS)
}
