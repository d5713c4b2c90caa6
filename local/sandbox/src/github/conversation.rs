//! What is said on a pull request: labels, comments, requests for a review.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::pull_shapes::simple;
use super::pulls::index_of;
use super::wire::{Answer, Call, NoFilter, Outcome, Refusal};
use super::world::{Comment, Pull, Repository, Review, Verdict};

/// Longest label, characters.
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
struct Since {
    since: Option<Timestamp>,
}

pub(super) fn comments(repo: &Repository, call: &Call, number: &str) -> Outcome {
    let pull = &repo.pulls[index_of(repo, number)?];
    listed(call, &pull.comments, |comment| {
        json!({
            "id": comment.id,
            "node_id": format!("IC_{}", comment.id),
            "url": format!("{}/issues/comments/{}", repo.url, comment.id),
            "html_url": format!("{}/pull/{number}#issuecomment-{}", repo.html_url, comment.id),
            "issue_url": format!("{}/issues/{number}", repo.url),
        })
    })
}

/// Comments on lines of the diff.
pub(super) fn review_comments(repo: &Repository, call: &Call, number: &str) -> Outcome {
    let pull = &repo.pulls[index_of(repo, number)?];
    listed(call, &pull.review_comments, |comment| {
        json!({
            "id": comment.id,
            "node_id": format!("PRRC_{}", comment.id),
            "url": format!("{}/pulls/comments/{}", repo.url, comment.id),
            "html_url": format!("{}/pull/{number}#discussion_r{}", repo.html_url, comment.id),
            "pull_request_url": format!("{}/pulls/{number}", repo.url),
            "pull_request_review_id": null,
            "commit_id": pull.head.to_string(),
            "original_commit_id": pull.head.to_string(),
            "diff_hunk": "",
            "path": "",
        })
    })
}

/// The comments since the time that is asked for: what `own` says of each, and what all have in common.
fn listed(call: &Call, comments: &[Comment], own: impl Fn(&Comment) -> Value) -> Outcome {
    let Since { since } = call.query()?;
    let recent = comments.iter().filter(|comment| since.is_none_or(|since| comment.at >= since));
    let list = recent.map(|comment| {
        let mut json = own(comment);
        json["body"] = json!(comment.body);
        json["user"] = comment.by.json();
        json["created_at"] = json!(comment.at.to_string());
        json["updated_at"] = json!(comment.at.to_string());
        json["author_association"] = json!("MEMBER");
        json
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
