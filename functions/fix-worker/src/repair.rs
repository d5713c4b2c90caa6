//! Red checks: what the base does not fail goes back to Claude, at most twice, as a new commit on the same branch that
//! passed every gate again. As soon as a person is at it, AutoFix stops.

use autofix::analysis::fix::RedChecks;
use autofix::attempt::{Checks, Event, FailedCheck, MAX_REPAIRS, NextHead, NextHeadKind, Offer, State};
use autofix::github::{CheckResult, Failure, FailureDetails, Outcome};
use autofix::reason::Reason;
use autofix::redaction::redact;

use crate::analyze;
use crate::checks::names;
use crate::desk::{Desk, Stopped};
use crate::investigation::{Ending, repair as write_again};

/// Characters of what the failing checks say that a model gets to see, and checks that are asked.
const MAX_REPORT_CHARS: usize = 12_000;
const MAX_CHECKS: usize = 3;

/// Writes the fix again, or says why the red checks are left to people.
pub(crate) async fn repair(desk: &mut Desk<'_>) -> Result<(), Stopped> {
    let State::PrCreated { offer } = desk.attempt.state.clone() else { return Ok(()) };
    let Checks::Red { failed } = &offer.checks else { return Ok(()) };
    match new_fix(desk, &offer, failed).await? {
        Ok(next) => {
            let names = names(failed);
            let notice = format!("A check failed ({names}), so the fix was written again.");
            desk.happened(Event::NextHead { next: Box::new(next), notice }).await
        }
        Err(why) => desk.happened(Event::HandedOver { why }).await,
    }
}

/// The fix that should make the checks green. `Err` says why there is none.
async fn new_fix(
    desk: &mut Desk<'_>,
    offer: &Offer,
    failed: &[FailedCheck],
) -> Result<Result<NextHead, String>, Stopped> {
    if offer.repairs.len() >= MAX_REPAIRS {
        return Ok(Err(format!(
            "The checks are red after {MAX_REPAIRS} repairs. A person has to look at them."
        )));
    }
    let Some(analysis) = desk.attempt.analysis.clone() else {
        return Ok(Err("There is no analysis to go on from.".to_owned()));
    };
    let (github, repo) = (&desk.worker.github, desk.attempt.target.repo.clone());
    let remarks = github.remarks_by_people(&repo, offer.pull_request.number, offer.since).await?;
    if let Some(remark) = remarks.first() {
        return Ok(Err(format!("`{}` is at it, so AutoFix leaves the red checks to people.", remark.by)));
    }
    let head = github.checks(&repo, &offer.pull_request.head_sha).await?;
    let base = github.checks(&repo, &offer.fix.base_sha).await?;
    let ours = head.new_failures(&base);
    if ours.is_empty() {
        return Ok(Err(format!(
            "The base branch fails the same checks ({}), so the fix is not why.",
            names(failed)
        )));
    }
    let red: Vec<_> =
        ours.into_iter().filter(|check| check.outcome == Outcome::Failed(Failure::Red)).collect();
    if red.is_empty() {
        return Ok(Err(format!(
            "These checks did not run to their end ({}): another change would not help.",
            names(failed)
        )));
    }
    let mut report = String::new();
    for check in red.iter().take(MAX_CHECKS) {
        let details = github.failure_details(&repo, check).await?;
        report.push_str(&told(check, &details));
    }
    // Redacted first: half a secret has no form by which it could be recognised.
    let report = redact(&report).capped(MAX_REPORT_CHARS);
    let opened = analyze::case_at(desk, &offer.fix.base_sha).await?;
    let Ok(case) = opened else {
        return Ok(Err("What was analysed cannot be read again.".to_owned()));
    };
    let red = RedChecks { diff: &offer.fix.diff, report: report.as_str() };
    let mut analyst = desk.analyst(desk.attempt.usage);
    let ending = write_again(&mut analyst, &case, &analysis, &red).await?;
    desk.attempt.usage = analyst.usage;
    Ok(match ending {
        Ending::Propose { fix } if fix.edits == offer.fix.edits => {
            Err("Claude proposes the same fix again. A person has to look at the checks.".to_owned())
        }
        Ending::Propose { fix } => Ok(NextHead {
            fix: *fix,
            kind: NextHeadKind::Repair { failed: failed.iter().map(|check| check.name.clone()).collect() },
            at: desk.now(),
        }),
        Ending::Refuse { reasons, .. } => Err(format!("No repair passed every gate: {}", first(&reasons))),
    })
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
