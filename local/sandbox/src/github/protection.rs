//! What protects the default branch: required checks of the classic protection and of rulesets, a
//! merge queue, and whatever a test says that merges are refused for.

use serde_json::{Value, json};

use super::reports::StatusState;
use super::repository::{self as git, DEFAULT_BRANCH, tip};
use super::wire::{Answer, Call, NoFilter, Outcome, Refusal};
use super::world::{Pull, Repository, Verdict};

pub(super) fn is_protected(repo: &Repository, branch: &str) -> bool {
    let settings = &repo.settings;
    branch == DEFAULT_BRANCH
        && (settings.merges_refused.is_some()
            || settings.merge_queue
            || settings.approvals_needed > 0
            || settings.only_signed_commits
            || !settings.required_checks.is_empty()
            || !settings.ruleset_checks.is_empty())
}

/// Why merges into a branch have to go through its queue, if they do.
pub(super) fn queue_only(repo: &Repository, branch: &str) -> Option<&'static str> {
    let queued = repo.settings.merge_queue && branch == DEFAULT_BRANCH;
    queued.then_some("Repository rule violations found\n\nChanges must be made through the merge queue\n\n")
}

/// Why the protection of its base refuses to merge a pull request now, if it does.
pub(super) fn obstacle(repo: &Repository, pull: &Pull) -> Result<Option<String>, git2::Error> {
    if pull.base_branch != DEFAULT_BRANCH {
        return Ok(None);
    }
    let settings = &repo.settings;
    if let Some(reason) = &settings.merges_refused {
        return Ok(Some(reason.clone()));
    }
    let mut required = settings.required_checks.iter().chain(&settings.ruleset_checks);
    if let Some(name) = required.find(|name| check_status(repo, pull.head, name) != Some(true)) {
        let word = if check_status(repo, pull.head, name).is_some() { "failing" } else { "expected" };
        return Ok(Some(format!("Required status check \"{name}\" is {word}.")));
    }
    if review_decision(repo, pull).is_some_and(|word| word != "APPROVED") {
        let needed = settings.approvals_needed;
        return Ok(Some(format!(
            "At least {needed} approving review is required by reviewers with write access."
        )));
    }
    if settings.only_signed_commits && !repo.signed.contains(&pull.head) {
        return Ok(Some("Commits must have verified signatures.".to_owned()));
    }
    Ok(is_behind(repo, pull)?.then(|| "The head branch is not up to date with the base branch.".to_owned()))
}

/// What the reviews come to, where the base branch asks for some.
pub(super) fn review_decision(repo: &Repository, pull: &Pull) -> Option<&'static str> {
    let needed = repo.settings.approvals_needed;
    if needed == 0 || pull.base_branch != DEFAULT_BRANCH {
        return None;
    }
    let count = |verdict| pull.reviews.iter().filter(|review| review.verdict == verdict).count();
    Some(if count(Verdict::ChangesRequested) > 0 {
        "CHANGES_REQUESTED"
    } else if count(Verdict::Approved) >= needed as usize {
        "APPROVED"
    } else {
        "REVIEW_REQUIRED"
    })
}

/// What GraphQL shows of the classic protection to those who may not read it whole.
pub(super) fn update_rule(repo: &Repository, branch: &str) -> Value {
    if !is_protected(repo, branch) {
        return Value::Null;
    }
    json!({ "requiredApprovingReviewCount": null, "requiresSignatures": repo.settings.only_signed_commits })
}

/// Whether the branch has to be brought up to date first.
pub(super) fn is_behind(repo: &Repository, pull: &Pull) -> Result<bool, git2::Error> {
    let store = repo.git()?;
    let base = tip(&store, &pull.base_branch);
    let stale = base.map(|base| git::contains(&store, pull.head, base)).transpose()? == Some(false);
    Ok(repo.settings.checks_must_be_up_to_date && stale)
}

/// Whether a check passed for a commit; `None` as long as that is not known.
fn check_status(repo: &Repository, commit: git2::Oid, name: &str) -> Option<bool> {
    let runs = repo.check_runs.get(&commit).into_iter().flatten();
    let mut ended = runs.filter(|(_, run)| run.name == name && run.conclusion.is_some());
    let by_run = ended.next().map(|(_, run)| run.passed());
    let statuses = repo.statuses.get(&commit).into_iter().flatten();
    let by_status =
        statuses.filter(|(_, status)| status.context == name).find_map(|(_, status)| match status.state {
            StatusState::Success => Some(true),
            StatusState::Failure | StatusState::Error => Some(false),
            StatusState::Pending => None,
        });
    by_run.or(by_status)
}

/// The part of a branch that tells about its protection.
pub(super) fn summary(repo: &Repository, branch: &str) -> Value {
    let checks: &[String] = if branch == DEFAULT_BRANCH { &repo.settings.required_checks } else { &[] };
    let level = if checks.is_empty() { "off" } else { "non_admins" };
    let described: Vec<Value> =
        checks.iter().map(|name| json!({ "context": name, "app_id": null })).collect();
    json!({
        "enabled": is_protected(repo, branch),
        "required_status_checks": { "enforcement_level": level, "contexts": checks, "checks": described },
    })
}

/// The rules in force for a branch, one entry each.
pub(super) fn rules(repo: &Repository, call: &Call, branch: &str) -> Outcome {
    let NoFilter {} = call.query()?;
    let settings = &repo.settings;
    if !settings.rules_readable {
        let message = "Upgrade to GitHub Pro or make this repository public to enable this feature.";
        return Err(Refusal::new(403, message));
    }
    let mut rules = Vec::new();
    if branch == DEFAULT_BRANCH {
        if !settings.ruleset_checks.is_empty() {
            let checks: Vec<Value> =
                settings.ruleset_checks.iter().map(|name| json!({ "context": name })).collect();
            let parameters = json!({
                "required_status_checks": checks,
                "strict_required_status_checks_policy": settings.checks_must_be_up_to_date,
            });
            rules.push(rule(repo, "required_status_checks", Some(parameters)));
        }
        if settings.ruleset_merge_methods.is_some() || settings.approvals_needed > 0 {
            let all = ["merge", "squash", "rebase"].map(str::to_owned).to_vec();
            let parameters = json!({
                "allowed_merge_methods": settings.ruleset_merge_methods.as_ref().unwrap_or(&all),
                "dismiss_stale_reviews_on_push": false,
                "require_code_owner_review": false,
                "require_last_push_approval": false,
                "required_approving_review_count": settings.approvals_needed,
                "required_review_thread_resolution": false,
            });
            rules.push(rule(repo, "pull_request", Some(parameters)));
        }
        if settings.merge_queue {
            rules.push(rule(repo, "merge_queue", Some(json!({ "merge_method": "MERGE" }))));
        }
    }
    Ok(Answer::list(call, rules))
}

fn rule(repo: &Repository, kind: &str, parameters: Option<Value>) -> Value {
    let mut rule = json!({
        "type": kind,
        "ruleset_id": 1,
        "ruleset_source": repo.full_name(),
        "ruleset_source_type": "Repository",
    });
    if let Some(parameters) = parameters {
        rule["parameters"] = parameters;
    }
    rule
}
