//! An attempt as the API shows it. Names and statuses are those of the Python AutoFix, so that its
//! clients keep working; `reason`, `usage`, `timeline` and some others are new.

use autofix::attempt::{Attempt, Fix, Proof, State};
use autofix::redaction::redact;
use serde_json::{Value, json};

/// One attempt. Outside text is redacted here too: an attempt may be read before the worker has looked at it.
pub(crate) fn attempt(attempt: &Attempt) -> Value {
    let subject = &attempt.subject;
    let state = &attempt.state;
    let pull_request = state.pull_request();
    let reasons = state.reasons();
    json!({
        "id": attempt.id,
        "status": attempt.status(),
        "project_name": subject.project,
        "github_repo": attempt.target.repo,
        "sentry_event_id": subject.sentry_event_id,
        "sentry_issue_id": subject.sentry_issue_id,
        "sentry_url": clean(json!(subject.sentry_url)),
        "title": clean(json!(subject.title)),
        "error_analysis": clean(error_analysis(attempt)),
        "proposed_fixes": clean(json!(state.fix().map(proposed_fixes).unwrap_or_default())),
        "slack_message_ts": attempt.card.message.as_ref().and_then(|message| message.ts.as_ref()),
        "slack_channel": attempt.card.message.as_ref().and_then(|message| message.channel.as_ref()),
        "pr_url": pull_request.map(|pull_request| &pull_request.url),
        "pr_number": pull_request.map(|pull_request| pull_request.number),
        "head_sha": pull_request.map(|pull_request| &pull_request.head_sha),
        "base_sha": state.fix().map(|fix| &fix.base_sha),
        "approved_by": state.decision().filter(|_| attempt.approved_at.is_some()).map(|decision| &decision.by),
        "approvals": approvals(attempt),
        "dismissal": clean(dismissal(attempt)),
        "owner": clean(json!(attempt.owner.as_ref().map(|owner| &owner.name))),
        "retry_of": attempt.retry.as_ref().map(|retry| retry.of),
        "retried_as": attempt.retried.as_ref().map(|retried| retried.into),
        "failure_reason": clean(json!(reasons.first().map(|reason| &reason.detail))),
        "reason": clean(json!(reasons.first())),
        "reasons": clean(json!(reasons)),
        "same_fault_as": attempt.same_fault.as_ref().map(|same_fault| same_fault.attempt),
        "joined_issues": clean(json!(attempt.joined.issues)),
        "proof": clean(json!(attempt.proof.as_ref().map(proof))),
        "usage": attempt.usage,
        "timeline": clean(json!(attempt.timeline)),
        "occurrences": null, // known only where one attempt is asked for
        "created_at": attempt.created_at,
        "approved_at": attempt.approved_at,
        "completed_at": attempt.completed_at,
    })
}

/// How far the proof is, its test, the runs of CI that were read, and why there is none.
fn proof(proof: &Proof) -> Value {
    json!({
        "mode": proof.mode,
        "is": json!(proof.stage)["is"],
        "why_not": proof.not_proved(),
        "test": proof.tried().map(|test| json!({
            "file_path": test.file_path,
            "name": test.name,
            "code": test.code,
        })),
        "runs": proof.runs(),
        "usage": proof.author,
    })
}

/// Slack user ids of everyone who approved the present head, or what was merged.
fn approvals(attempt: &Attempt) -> Vec<&str> {
    match (attempt.state.offer(), attempt.state.merged()) {
        (Some(offer), _) => offer.approvals.given.iter().map(|approval| approval.by.as_str()).collect(),
        (None, Some(merged)) => merged.approved_by.iter().map(String::as_str).collect(),
        (None, None) => Vec::new(),
    }
}

fn dismissal(attempt: &Attempt) -> Value {
    match &attempt.state {
        State::Rejected { decision, dismissal, .. } => json!({
            "by": decision.by,
            "reason": dismissal.as_ref().map(|dismissal| dismissal.reason),
            "words": dismissal.as_ref().and_then(|dismissal| dismissal.words.as_ref()),
        }),
        _ => Value::Null, // nobody dismissed it
    }
}

/// The analysis; before there is one, what Sentry said.
fn error_analysis(attempt: &Attempt) -> Value {
    let subject = &attempt.subject;
    match &attempt.analysis {
        Some(analysis) => json!(analysis),
        None if subject.error_type.is_none() => Value::Null,
        None => json!({
            "error_type": subject.error_type,
            "error_message": subject.error_message,
            "file_path": subject.file,
            "line_number": subject.line,
            "function_name": subject.function,
        }),
    }
}

fn proposed_fixes(fix: &Fix) -> Vec<Value> {
    let fixes = fix.edits.iter().map(|edit| {
        json!({
            "file_path": fix.file_path,
            "original_code": edit.search,
            "fixed_code": edit.replace,
            "explanation": fix.explanation,
            "confidence": fix.confidence,
        })
    });
    fixes.collect()
}

/// Every text in it redacted, whoever wrote it: the event, the model, or a file of the repository.
fn clean(value: Value) -> Value {
    match value {
        Value::String(text) => json!(redact(&text)),
        Value::Array(items) => items.into_iter().map(clean).collect(),
        Value::Object(object) => object.into_iter().map(|(key, value)| (key, clean(value))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}
