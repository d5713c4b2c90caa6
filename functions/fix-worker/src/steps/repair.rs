//! Red checks: what the base does not fail goes back to Claude, at most twice, as a new commit on the same branch that
//! passed every gate again. As soon as a person is at it, AutoFix stops.

use autofix::analysis::fix::RedChecks;
use autofix::attempt::{Attempt, Event, Fact, FailedCheck, MAX_REPAIRS, NextHead, NextHeadKind, Offer};
use autofix::github::{CheckOutcome, CheckResult, Failure, FailureDetails};
use autofix::reason::Reason;
use autofix::redaction::{Redacted, redact};
use autofix::store::Lease;

use crate::context::Context;
use crate::happened::{Early, Happened, Stepped};
use crate::investigation::analyst::Analyst;
use crate::investigation::{Ending, repair as write_again};
use crate::steps::case_at::case_at;
use crate::steps::pull_request_view::names;

/// Characters of what the failing checks say that a model gets to see, and checks that are asked.
const MAX_REPORT_CHARS: usize = 12_000;
const MAX_CHECKS: usize = 3;

pub(super) async fn repair(
    context: &Context<'_>,
    lease: &mut Lease,
    attempt: &Attempt,
    offer: &Offer,
    failed: &[FailedCheck],
) -> Stepped {
    if offer.repairs.len() >= MAX_REPAIRS {
        let why = format!("The checks are red after {MAX_REPAIRS} repairs. A person has to look at them.");
        return Ok(left(why).into());
    }
    let Some(analysis) = &attempt.analysis else {
        return Ok(left("There is no analysis to go on from.".to_owned()).into());
    };
    let report = report(context, attempt, offer, failed).await?;
    let case = match case_at(context, attempt, &offer.fix.base_sha).await {
        Err(Early::Happened(_)) => {
            return Ok(left("What was analysed cannot be read again.".to_owned()).into());
        }
        case => case?,
    };
    let red = RedChecks { diff: &offer.fix.diff, report: report.as_str() };
    let mut analyst = Analyst::of(context.worker, lease, context.deadline, attempt.usage);
    let ending = write_again(&mut analyst, &case, analysis, &red).await?;
    let usage = Event::Learned(Fact::Usage(analyst.usage));
    let event = match ending {
        Ending::Propose { fix } if fix.edits == offer.fix.edits => {
            left("Claude proposes the same fix again. A person has to look at the checks.".to_owned())
        }
        Ending::Propose { fix } => {
            let kind =
                NextHeadKind::Repair { failed: failed.iter().map(|check| check.name.clone()).collect() };
            let notice = format!("A check failed ({}), so the fix was written again.", names(failed));
            let next = NextHead { fix: *fix, kind, at: context.now() };
            Event::NextHead { next: Box::new(next), notice }
        }
        Ending::Refuse { reasons, .. } => left(format!("No repair passed every gate: {}", first(&reasons))),
    };
    Ok(Happened::Events(vec![usage, event]))
}

/// What the failing checks say, redacted and bounded. Ends the step where another change would not help.
async fn report(
    context: &Context<'_>,
    attempt: &Attempt,
    offer: &Offer,
    failed: &[FailedCheck],
) -> Result<Redacted, Early> {
    let (github, repo) = (&context.worker.github, &attempt.target.repo);
    let remarks = github.remarks_by_people(repo, offer.pull_request.number, offer.since).await?;
    if let Some(remark) = remarks.first() {
        let why = format!("`{}` is at it, so AutoFix leaves the red checks to people.", remark.by);
        return Err(left(why).into());
    }
    let head = github.checks(repo, &offer.pull_request.head_sha).await?;
    let base = github.checks(repo, &offer.fix.base_sha).await?;
    let ours = head.new_failures(&base);
    if ours.is_empty() {
        let why =
            format!("The base branch fails the same checks ({}), so the fix is not why.", names(failed));
        return Err(left(why).into());
    }
    let red: Vec<_> =
        ours.into_iter().filter(|check| check.outcome == CheckOutcome::Failed(Failure::Red)).collect();
    if red.is_empty() {
        let why = format!(
            "These checks did not run to their end ({}): another change would not help.",
            names(failed)
        );
        return Err(left(why).into());
    }
    let mut report = String::new();
    for check in red.iter().take(MAX_CHECKS) {
        let details = github.failure_details(repo, check).await?;
        report.push_str(&told(check, &details));
    }
    // Redacted first: half a secret has no form by which it could be recognised.
    Ok(redact(&report).capped(MAX_REPORT_CHARS))
}

/// The red checks are left to people.
fn left(why: String) -> Event {
    Event::HandedOver { why }
}

fn first(reasons: &[Reason]) -> String {
    reasons.first().map_or_else(|| "no reason was given".to_owned(), |reason| reason.detail.clone())
}

/// What a check says about its failure, as text for a model.
fn told(check: &CheckResult, details: &FailureDetails) -> String {
    let mut text = format!("Check `{}`\n", check.name);
    let mut add = |label: &str, part: &str| {
        if !part.trim().is_empty() {
            text.push_str(&format!("{label}:\n{part}\n"));
        }
    };
    add("Failing tests", &details.failing_tests.join("\n"));
    let annotations = details.annotations.iter().map(|note| {
        let line = note.line.map_or(String::new(), |line| format!(":{line}"));
        format!("{}{line}: {}", note.path, note.message)
    });
    add("Annotations", &annotations.collect::<Vec<_>>().join("\n"));
    add("Summary", check.summary.as_deref().unwrap_or_default());
    add("End of the log", details.log_excerpt.as_deref().unwrap_or_default());
    text
}
