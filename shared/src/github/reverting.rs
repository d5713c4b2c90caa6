//! The way back: a pull request that takes a merged one back. GitHub makes it itself where it can. Where
//! it cannot, a commit of ours restores the one file, but only while the base still has exactly what the
//! merge brought; anything else is a person's business.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::answers::shaped;
use super::branches::{BranchBefore, BranchSet};
use super::commits::{Draft, ListedCommit, trailer};
use super::pulls::{NewPullRequest, OpenPullRequest};
use super::{Github, documents, numbered};
use crate::outbound::{ErrorKind, ServiceError};
use crate::redaction::Redacted;
use crate::service::Service;

/// Commits looked through for one that takes a fix back: all of them touch its one file.
const LAST_COMMITS: &str = "50";
/// Least digits by which a commit is named.
const LEAST_DIGITS: usize = 7;

/// What to take back, and with which words.
#[derive(Clone, Copy, Debug)]
pub struct Revert<'a> {
    /// The merged pull request.
    pub number: u64,
    pub base_branch: &'a str,
    /// The one file that it changed.
    pub file_path: &'a str,
    /// The commit that the fix was made on, and the fix: the file's content before and after.
    pub before_sha: &'a str,
    pub head_sha: &'a str,
    /// Where our own commit goes, if one is needed.
    pub branch: &'a str,
    pub title: &'a Redacted,
    pub body: &'a Redacted,
    /// Ends with the attempt's trailer.
    pub message: &'a Redacted,
    pub at: Timestamp,
}

/// A merged fix, as commits that take it back name it.
#[derive(Clone, Copy, Debug)]
pub struct MergedFix<'a> {
    /// Its pull request.
    pub number: u64,
    pub base_branch: &'a str,
    /// The one file that it changed.
    pub file_path: &'a str,
    /// Its commits: on the base branch, as far as that is known, and on its own branch.
    pub commits: &'a [&'a str],
}

/// What became of a revert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevertOutcome {
    /// A pull request takes it back, opened now or by an earlier try. `branch` is its head.
    Opened { pull_request: OpenPullRequest, branch: String },
    /// The base has the file as it was before the fix: there is nothing to take back.
    AlreadyUndone,
    /// The file was changed since, or is gone: a person has to decide what stays. `said` is why GitHub could not.
    ContentChanged { said: String },
    /// The branch for the revert holds somebody else's commit.
    BranchTaken { head: Option<String> },
}

impl Github {
    /// The commit on the base branch that takes a merged fix back, by git's or GitHub's own words in its message, and that
    /// is not taken back itself. One request; `None` where there is no such commit among the file's last ones.
    pub async fn reverting_commit(
        &self,
        repo: &str,
        fix: MergedFix<'_>,
    ) -> Result<Option<String>, ServiceError> {
        let query = [("sha", fix.base_branch), ("path", fix.file_path), ("per_page", LAST_COMMITS)];
        let list: Vec<ListedCommit> = self.read(repo, &["commits"], &query).await?;
        let mut undone: Vec<String> = Vec::new();
        // Newest first: what undoes a commit comes before it.
        for ListedCommit { sha, commit } in list {
            if undone.iter().any(|named| sha.starts_with(named)) {
                continue;
            }
            let named = reverted_commits(&commit.message);
            let is_fix = |named: &String| fix.commits.iter().any(|own| own.starts_with(named.as_str()));
            if named.iter().any(is_fix) || reverts_pull_request(&commit.message, repo, fix.number) {
                return Ok(Some(sha));
            }
            undone.extend(named);
        }
        Ok(None)
    }

    /// Opens the pull request that takes a merged one back, or finds it.
    pub async fn revert(&self, repo: &str, revert: Revert<'_>) -> Result<RevertOutcome, ServiceError> {
        if let Some(pull_request) = self.find_pull_request(repo, revert.branch).await? {
            return Ok(RevertOutcome::Opened { pull_request, branch: revert.branch.to_owned() });
        }
        let said = match self.githubs_revert(repo, &revert).await {
            Ok(opened) => return Ok(opened),
            Err(ServiceError {
                kind: ErrorKind::Refused { .. } | ErrorKind::Unauthorized, message, ..
            }) => message,
            Err(error) => return Err(error),
        };
        self.own_revert(repo, &revert, said).await
    }

    async fn githubs_revert(&self, repo: &str, revert: &Revert<'_>) -> Result<RevertOutcome, ServiceError> {
        let mut data = self.graphql(repo, documents::REVERT_STATE, numbered(repo, revert.number)).await?;
        let merged: WireMerged = shaped(data["repository"]["pullRequest"].take())?;
        // GitHub's name for the branch of a revert: how a try whose answer was lost is found again.
        let branch = format!("revert-{}-{}", revert.number, merged.head_ref_name);
        if let Some(pull_request) = self.find_pull_request(repo, &branch).await? {
            return Ok(RevertOutcome::Opened { pull_request, branch });
        }
        let input = json!({ "pullRequestId": merged.id, "title": revert.title, "body": revert.body });
        let mut done = self.graphql(repo, documents::REVERT, json!({ "input": input })).await?;
        let made: WireRevert = shaped(done["revertPullRequest"]["revertPullRequest"].take())?;
        let WireRevert { number, url, head_ref_oid: head_sha, head_ref_name: branch } = made;
        let pull_request = OpenPullRequest { number, url, head_sha, merged: false, open: true, draft: false };
        Ok(RevertOutcome::Opened { pull_request, branch })
    }

    async fn own_revert(
        &self,
        repo: &str,
        revert: &Revert<'_>,
        said: String,
    ) -> Result<RevertOutcome, ServiceError> {
        let Some(base_sha) = self.branch_head(repo, revert.base_branch).await? else {
            let message = format!("the branch `{}`", revert.base_branch);
            return Err(ServiceError::new(Service::Github, ErrorKind::NotFound, message));
        };
        let base_tree = self.tree_of(repo, &base_sha).await?;
        let before_tree = self.tree_of(repo, revert.before_sha).await?;
        let fixed_tree = self.tree_of(repo, revert.head_sha).await?;
        let now = self.file_entry(repo, &base_tree, revert.file_path).await?;
        let before = self.file_entry(repo, &before_tree, revert.file_path).await?;
        let fixed = self.file_entry(repo, &fixed_tree, revert.file_path).await?;
        let (Some(now), Some(before), Some(fixed)) = (now, before, fixed) else {
            return Ok(RevertOutcome::ContentChanged { said });
        };
        if now.sha == before.sha {
            return Ok(RevertOutcome::AlreadyUndone);
        }
        if now.sha != fixed.sha {
            return Ok(RevertOutcome::ContentChanged { said });
        }
        let tree_sha = self.tree_with(repo, &base_tree, revert.file_path, &before).await?;
        let draft = Draft { parent_sha: &base_sha, tree_sha, message: revert.message, at: revert.at };
        match self.draft_to_branch(repo, revert.branch, BranchBefore::Absent, &draft).await? {
            BranchSet::Done { .. } => {}
            // An earlier try may have made it on an older head of the base: still ours, by its trailer and its file.
            BranchSet::Elsewhere { head: Some(sha) } if self.restores(repo, &sha, revert).await? => {}
            BranchSet::Elsewhere { head } => return Ok(RevertOutcome::BranchTaken { head }),
        }
        let new = NewPullRequest {
            title: revert.title,
            body: revert.body,
            head: revert.branch,
            base: revert.base_branch,
            draft: false,
        };
        let pull_request = self.open_pull_request(repo, new).await?;
        Ok(RevertOutcome::Opened { pull_request, branch: revert.branch.to_owned() })
    }

    /// Whether a commit is a revert of ours that was made on another head of the base.
    async fn restores(&self, repo: &str, sha: &str, revert: &Revert<'_>) -> Result<bool, ServiceError> {
        let commit = self.git_commit(repo, sha).await?;
        if trailer(&commit.message) != trailer(revert.message.as_str()) {
            return Ok(false);
        }
        let before_tree = self.tree_of(repo, revert.before_sha).await?;
        let restored = self.file_entry(repo, &commit.tree.sha, revert.file_path).await?;
        Ok(restored.is_some() && restored == self.file_entry(repo, &before_tree, revert.file_path).await?)
    }
}

/// What [`documents::REVERT_STATE`] asks for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireMerged {
    id: String,
    head_ref_name: String,
}

/// What [`documents::REVERT`] makes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRevert {
    number: u64,
    url: String,
    head_ref_oid: String,
    head_ref_name: String,
}

/// The commits that a message says it reverts, in git's words.
fn reverted_commits(message: &str) -> Vec<String> {
    let after = message.split("This reverts commit ").skip(1);
    let named = after.map(|rest| rest.chars().take_while(char::is_ascii_hexdigit).collect::<String>());
    named.filter(|sha| sha.len() >= LEAST_DIGITS).map(|sha| sha.to_ascii_lowercase()).collect()
}

/// Whether a line of a message says that it reverts a pull request, in GitHub's words.
fn reverts_pull_request(message: &str, repo: &str, number: u64) -> bool {
    let numbers = message.lines().filter_map(|line| {
        let (place, number) = line.trim().strip_prefix("Reverts ")?.split_once('#')?;
        (place.is_empty() || place.eq_ignore_ascii_case(repo)).then_some(number)
    });
    let is_it = |text: &str| text.split(|c: char| !c.is_ascii_digit()).next() == Some(&number.to_string());
    numbers.into_iter().any(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reverts_are_known_by_the_words_of_git_and_github() {
        let sha = "0123456789abcdef0123456789abcdef01234567";
        let check = |message: String, expected: &[&str]| {
            assert_eq!(reverted_commits(&message), expected, "{message}")
        };
        check(format!("Revert \"a\"\n\nThis reverts commit {sha}.\n"), &[sha]);
        let merge = format!("This reverts commit {sha}, reversing\nchanges made to {sha}.");
        check(merge, &[sha]);
        check("This reverts commit 0123456.".to_owned(), &["0123456"]);
        for nothing in
            ["This reverts commit 012345.", "This reverts commit .", "reverts commit 0123456789", ""]
        {
            check(nothing.to_owned(), &[]);
        }
        let check = |line: &str, expected| {
            assert_eq!(
                reverts_pull_request(&format!("Revert x\n\n{line}"), "acme/shop", 12),
                expected,
                "{line}"
            );
        };
        for yes in ["Reverts acme/shop#12", "Reverts Acme/Shop#12.", "Reverts #12: it came back"] {
            check(yes, true);
        }
        for no in ["Reverts acme/other#12", "Reverts #123", "Reverts #1", "It reverts #12", "Reverts 12"] {
            check(no, false);
        }
    }
}
