//! What people did with a pull request: their commits, comments and reviews. Bots do not count. A
//! personal access token belongs to somebody who may comment too, so its owner does count: AutoFix
//! itself writes no comments.

use jiff::Timestamp;
use serde_json::Value;

use super::Github;
use super::answers::text;
use super::pages::List;
use super::pulls::login;
use crate::cleaning::{multi_line, one_line};
use crate::outbound::ServiceError;

/// GitHub lists at most 250 commits of a pull request.
const COMMIT_PAGES: usize = 3;
/// Of each kind of remark. More than this many since a time is a discussion that nobody needs in full.
const REMARK_PAGES: usize = 3;
/// Remarks that are told, the newest ones.
const REMARKS: usize = 20;
const REMARK_CHARS: usize = 1_000;
const TITLE_CHARS: usize = 200;

/// A commit on our branch that is not ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignCommit {
    pub sha: String,
    /// Login, or the author's name where GitHub knows no account.
    pub by: String,
    /// First line of the message.
    pub title: String,
}

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemarkKind {
    Comment,
    /// On a line of the diff.
    DiffComment,
    Approval,
    ChangesRequested,
    /// A review without a verdict, or one that was dismissed.
    Review,
}

impl Github {
    /// The commits of a pull request that are none of `ours`, oldest first.
    pub async fn foreign_commits(
        &self,
        repo: &str,
        number: u64,
        ours: &[&str],
    ) -> Result<Vec<ForeignCommit>, ServiceError> {
        let path = ["pulls", &number.to_string(), "commits"];
        let list = List { path: &path, query: &[], under: None, most_pages: COMMIT_PAGES };
        let commits = self.pages(repo, list).await?;
        let foreign = commits.items.iter().filter(|commit| !ours.iter().any(|sha| commit["sha"] == **sha));
        foreign
            .map(|commit| {
                let name = commit["commit"]["author"]["name"].as_str().unwrap_or("somebody");
                Ok(ForeignCommit {
                    sha: text(commit, "sha")?,
                    by: login(&commit["author"]).unwrap_or_else(|| one_line(name, TITLE_CHARS)),
                    title: title(commit["commit"]["message"].as_str().unwrap_or_default()),
                })
            })
            .collect()
    }

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
            .iter()
            .filter_map(|comment| remark(comment, RemarkKind::Comment))
            .chain(on_diff.iter().filter_map(|comment| remark(comment, RemarkKind::DiffComment)))
            .chain(reviews.iter().filter_map(|review| remark(review, verdict(review))))
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
    ) -> Result<Vec<Value>, ServiceError> {
        let list = List { path, query, under: None, most_pages: REMARK_PAGES };
        Ok(self.pages(repo, list).await?.items)
    }
}

/// A remark of a person; `None` for one of a bot, or a review that is not submitted yet.
fn remark(body: &Value, kind: RemarkKind) -> Option<Remark> {
    let user = &body["user"];
    // The account of somebody who has left GitHub is null.
    let by = login(user).unwrap_or_else(|| "ghost".to_owned());
    if user["type"] == "Bot" || by.ends_with("[bot]") {
        return None;
    }
    let at = body["submitted_at"].as_str().or(body["updated_at"].as_str())?.parse().ok()?;
    Some(Remark {
        by,
        at,
        kind,
        text: multi_line(body["body"].as_str().unwrap_or_default(), REMARK_CHARS),
        url: body["html_url"].as_str().map(str::to_owned),
    })
}

fn verdict(review: &Value) -> RemarkKind {
    match review["state"].as_str() {
        Some("APPROVED") => RemarkKind::Approval,
        Some("CHANGES_REQUESTED") => RemarkKind::ChangesRequested,
        _ => RemarkKind::Review,
    }
}

/// The first line of a commit's message.
pub(super) fn title(message: &str) -> String {
    one_line(message.lines().next().unwrap_or_default(), TITLE_CHARS)
}
