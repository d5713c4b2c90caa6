//! What is said on a pull request: labels, comments, requests for a review.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::pull_shapes::simple;
use super::pulls::index_of;
use super::wire::{Answer, Call, NoFilter, Outcome, Refusal};
use super::world::{Comment, Pull, Repository, Review, Verdict};

/// Longest comment and longest label, characters.
const LONGEST_COMMENT: usize = 65_536;
const LONGEST_LABEL: usize = 50;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewLabels {
    labels: Vec<String>,
}

pub(super) fn add_labels(repo: &mut Repository, call: &Call, number: &str) -> Outcome {
    let NewLabels { labels } = call.body()?;
    if labels.iter().any(|label| label.is_empty() || label.chars().count() > LONGEST_LABEL) {
        return Err(Refusal::invalid_field("Label", "name", "invalid"));
    }
    let index = index_of(repo, number)?;
    for label in labels {
        let known = &mut repo.pulls[index].labels;
        if !known.iter().any(|name| name.eq_ignore_ascii_case(&label)) {
            known.push(label);
        }
    }
    // All labels, and never as pages: GitHub answers so.
    Ok(Answer::json(200, &labels_json(repo, &repo.pulls[index])))
}

pub(super) fn labels(repo: &Repository, call: &Call, number: &str) -> Outcome {
    let NoFilter {} = call.query()?;
    let Value::Array(labels) = labels_json(repo, &repo.pulls[index_of(repo, number)?]) else {
        return Ok(Answer::list(call, Vec::new()));
    };
    Ok(Answer::list(call, labels))
}

pub(super) fn labels_json(repo: &Repository, pull: &Pull) -> Value {
    let label = |name: &String| {
        json!({
            "id": name.len(),
            "node_id": format!("LA_{name}"),
            "url": format!("{}/labels/{name}", repo.url),
            "name": name,
            "description": null,
            "color": "ededed",
            "default": false,
        })
    };
    pull.labels.iter().map(label).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CommentText {
    body: String,
}

impl CommentText {
    fn checked(self) -> Result<String, Refusal> {
        if self.body.trim().is_empty() {
            return Err(Refusal::invalid_field("IssueComment", "body", "missing_field"));
        }
        if self.body.chars().count() > LONGEST_COMMENT {
            let message = format!("body is too long (maximum is {LONGEST_COMMENT} characters)");
            return Err(Refusal::invalid("IssueComment", &message));
        }
        Ok(self.body)
    }
}

pub(super) fn add_comment(repo: &mut Repository, call: &Call, number: &str) -> Outcome {
    let body = call.body::<CommentText>()?.checked()?;
    let index = index_of(repo, number)?;
    let (by, now) = (call.visitor()?.account.clone(), repo.now());
    let comment = Comment { id: repo.next_id(), by, body, created_at: now, updated_at: now };
    let json = comment_json(repo, repo.pulls[index].number, &comment);
    repo.pulls[index].comments.push(comment);
    Ok(Answer::json(201, &json))
}

pub(super) fn comments(repo: &Repository, call: &Call, number: &str) -> Outcome {
    let Since { since } = call.query()?;
    let pull = &repo.pulls[index_of(repo, number)?];
    let recent = pull.comments.iter().filter(|comment| since.is_none_or(|since| comment.updated_at >= since));
    let list = recent.map(|comment| comment_json(repo, pull.number, comment));
    Ok(Answer::list(call, list.collect()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Since {
    since: Option<Timestamp>,
}

/// Comments on lines of the diff.
pub(super) fn review_comments(repo: &Repository, call: &Call, number: &str) -> Outcome {
    let Since { since } = call.query()?;
    let pull = &repo.pulls[index_of(repo, number)?];
    let recent = pull.review_comments.iter();
    let recent = recent.filter(|comment| since.is_none_or(|since| comment.updated_at >= since));
    let list = recent.map(|comment| {
        json!({
            "id": comment.id,
            "node_id": format!("PRRC_{}", comment.id),
            "url": format!("{}/pulls/comments/{}", repo.url, comment.id),
            "html_url": format!("{}/pull/{}#discussion_r{}", repo.html_url, pull.number, comment.id),
            "pull_request_url": format!("{}/pulls/{}", repo.url, pull.number),
            "pull_request_review_id": null,
            "commit_id": pull.head.to_string(),
            "original_commit_id": pull.head.to_string(),
            "diff_hunk": "",
            "path": "",
            "body": comment.body,
            "user": comment.by.json(),
            "created_at": comment.created_at.to_string(),
            "updated_at": comment.updated_at.to_string(),
            "author_association": "MEMBER",
        })
    });
    Ok(Answer::list(call, list.collect()))
}

pub(super) fn reviews(repo: &Repository, call: &Call, number: &str) -> Outcome {
    let NoFilter {} = call.query()?;
    let pull = &repo.pulls[index_of(repo, number)?];
    let json = |review: &Review| {
        let html_url = format!("{}/pull/{}#pullrequestreview-{}", repo.html_url, pull.number, review.id);
        json!({
            "id": review.id,
            "node_id": format!("PRR_{}", review.id),
            "user": review.by.json(),
            "body": review.body,
            "state": match review.verdict {
                Verdict::Approved => "APPROVED",
                Verdict::ChangesRequested => "CHANGES_REQUESTED",
                Verdict::Commented => "COMMENTED",
            },
            "html_url": html_url,
            "pull_request_url": format!("{}/pulls/{}", repo.url, pull.number),
            "commit_id": review.commit.to_string(),
            "submitted_at": review.submitted_at.to_string(),
            "author_association": "MEMBER",
        })
    };
    Ok(Answer::list(call, pull.reviews.iter().map(json).collect()))
}

pub(super) fn comment(repo: &Repository, id: &str) -> Outcome {
    let (pull, at) = find_comment(repo, id)?;
    let pull = &repo.pulls[pull];
    Ok(Answer::json(200, &comment_json(repo, pull.number, &pull.comments[at])))
}

pub(super) fn change_comment(repo: &mut Repository, call: &Call, id: &str) -> Outcome {
    let body = call.body::<CommentText>()?.checked()?;
    let (pull, at) = find_comment(repo, id)?;
    let now = repo.now();
    let comment = &mut repo.pulls[pull].comments[at];
    (comment.body, comment.updated_at) = (body, now);
    Ok(Answer::json(200, &comment_json(repo, repo.pulls[pull].number, &repo.pulls[pull].comments[at])))
}

/// Which pull request, and which of its comments.
fn find_comment(repo: &Repository, id: &str) -> Result<(usize, usize), Refusal> {
    let id: u64 = id.parse().map_err(|_| Refusal::not_found())?;
    let in_pull = |pull: &Pull| pull.comments.iter().position(|comment| comment.id == id);
    let mut found = repo.pulls.iter().enumerate().filter_map(|(index, pull)| Some((index, in_pull(pull)?)));
    found.next().ok_or_else(Refusal::not_found)
}

fn comment_json(repo: &Repository, number: u64, comment: &Comment) -> Value {
    json!({
        "id": comment.id,
        "node_id": format!("IC_{}", comment.id),
        "url": format!("{}/issues/comments/{}", repo.url, comment.id),
        "html_url": format!("{}/pull/{number}#issuecomment-{}", repo.html_url, comment.id),
        "issue_url": format!("{}/issues/{number}", repo.url),
        "body": comment.body,
        "user": comment.by.json(),
        "created_at": comment.created_at.to_string(),
        "updated_at": comment.updated_at.to_string(),
        "author_association": "CONTRIBUTOR",
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reviewers {
    #[serde(default)]
    reviewers: Vec<String>,
    #[serde(default)]
    team_reviewers: Vec<String>,
}

pub(super) fn ask_reviewers(repo: &mut Repository, call: &Call, number: &str) -> Outcome {
    let Reviewers { reviewers, team_reviewers } = call.body()?;
    let index = index_of(repo, number)?;
    if reviewers.contains(&repo.pulls[index].author.login) {
        return Err(Refusal::new(422, "Review cannot be requested from pull request author."));
    }
    // There are no teams here, so that asking for one is asking for somebody without access.
    let stranger = reviewers.iter().any(|login| !repo.settings.collaborators.contains(login));
    if stranger || !team_reviewers.is_empty() {
        let message = format!(
            "Reviews may only be requested from collaborators. One or more of the users or teams you \
             specified is not a collaborator of the {} repository.",
            repo.full_name()
        );
        return Err(Refusal::new(422, &message));
    }
    for login in reviewers {
        if !repo.pulls[index].reviewers.contains(&login) {
            repo.pulls[index].reviewers.push(login);
        }
    }
    Ok(Answer::json(201, &simple(repo, &repo.pulls[index])))
}
