//! What a run of CI says about the regression test of a proof: without the fix, and with it.

use autofix::analysis::proof::ci_output::{self, Reading};
use autofix::attempt::{
    Attempt, Checks, CiRun, Event, NextHead, NextHeadKind, NotProved, NotProvedCode, Offer, ProofEvent,
    RegressionTest,
};
use autofix::cleaning::one_line;
use autofix::github::{CheckOutcome, CheckResult, Failure, PullRequestView, Stage};
use autofix::messages;
use autofix::outbound::ServiceError;
use autofix::reason::ReasonCode;
use autofix::redaction::redact;
use jiff::{SignedDuration, Timestamp};

use crate::context::Context;
use crate::happened::{Early, Happened, Stepped};

/// First pause between two looks; it grows with the time that CI takes.
const FIRST_LOOK: SignedDuration = SignedDuration::from_secs(15);
const LONGEST_LOOK: SignedDuration = SignedDuration::from_mins(2);
/// Red checks whose output is read.
const MAX_CHECKS: usize = 4;
const NAME_CHARS: usize = 80;

pub(super) async fn look(
    context: &Context<'_>,
    attempt: &Attempt,
    offer: &Offer,
    test: &RegressionTest,
) -> Stepped {
    let (github, repo) = (&context.worker.github, &attempt.target.repo);
    let head_sha = &offer.pull_request.head_sha;
    let view = github.look_at_pull_request(repo, offer.pull_request.number).await?;
    if let Some(event) = taken_over(&view, offer) {
        return Ok(event.into());
    }
    let now = context.now();
    let age = now.duration_since(offer.since);
    let head = github.checks(repo, head_sha).await?;
    let base = github.checks(repo, &offer.fix.base_sha).await?;
    let failed = head.new_failures(&base);
    let best = best_reading(context, attempt, test, &failed).await?;
    if let Some((check, Run::Reproduced)) = &best {
        let run = ci_run(check, head_sha, age);
        let notice = "The regression test failed without the fix, so the fix was put on top of it.";
        return Ok(Happened::Events(vec![
            Event::Proof(ProofEvent::FailedWithoutFix { run }),
            next_head(offer, NextHeadKind::FixOnTest, notice, now),
        ]));
    }
    let runs = head.results.iter().any(|check| check.outcome == CheckOutcome::Running);
    let may_come = age < context.worker.config.checks_settle;
    if runs || may_come {
        if is_too_late(attempt, age) {
            return Ok(without_test(offer, too_slow(attempt), now));
        }
        let pause = (age / 4).clamp(FIRST_LOOK, LONGEST_LOOK);
        return Ok(Event::Proof(ProofEvent::StillRuns { look_at: now + pause }).into());
    }
    let why = match best {
        _ if head.results.is_empty() => {
            NotProved::new(NotProvedCode::NoCi, "No CI ran for the commit with the regression test.")
        }
        Some((check, run)) => why_not(check, &run, test),
        None if head.results.iter().any(|check| matches!(check.outcome, CheckOutcome::Failed(_))) => {
            NotProved::new(
                NotProvedCode::NotReproduced,
                "The checks that failed with the regression test fail on the base branch, too.",
            )
        }
        None => NotProved::new(
            NotProvedCode::NotReproduced,
            format!("The regression test `{}` passes without the fix, or CI does not run it.", test.name),
        ),
    };
    Ok(without_test(offer, why, now))
}

/// What people did with a pull request that has only the test.
fn taken_over(view: &PullRequestView, offer: &Offer) -> Option<Event> {
    let is_ours = view.head_sha == offer.pull_request.head_sha;
    let left = "AutoFix leaves the pull request to people. The fix is not in it; it stands on this card.";
    match &view.stage {
        Stage::Open if is_ours => None,
        Stage::Closed { .. } if is_ours => Some(Event::ClosedOnGithub),
        Stage::Merged { .. } => Some(Event::failed(
            ReasonCode::BranchMoved,
            format!("It was merged on GitHub while only the regression test was in it. {left}"),
        )),
        Stage::Open | Stage::Closed { .. } => Some(Event::failed(
            ReasonCode::BranchMoved,
            format!("Someone pushed to the branch while CI ran the regression test. {left}"),
        )),
    }
}

/// What a red check says about the test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// The test fails with the error of the event, in the function that crashed.
    Reproduced,
    /// It fails in another way; a sentence's end says how.
    Otherwise { code: NotProvedCode, how: String },
    /// Something else failed, as far as can be read.
    NotMentioned { not_read: Option<String> },
}

/// The red check that says most about the test.
pub(super) async fn best_reading<'c>(
    context: &Context<'_>,
    attempt: &Attempt,
    test: &RegressionTest,
    failed: &[&'c CheckResult],
) -> Result<Option<(&'c CheckResult, Run)>, ServiceError> {
    let mut best: Option<(&CheckResult, Run)> = None;
    let red = failed.iter().filter(|check| check.outcome == CheckOutcome::Failed(Failure::Red));
    for check in red.take(MAX_CHECKS) {
        let output = context.worker.github.failed_output(&attempt.target.repo, check).await?;
        let reading = ci_output::read(&output.log, &output.annotations, test);
        let not_read = output.not_read.into_iter().find(|why| why.starts_with("log"));
        let run = run(reading, not_read, test);
        match run {
            Run::Reproduced => return Ok(Some((check, run))),
            Run::Otherwise { .. } if !matches!(best, Some((_, Run::Otherwise { .. }))) => {
                best = Some((check, run))
            }
            Run::NotMentioned { .. } if best.is_none() => best = Some((check, run)),
            Run::Otherwise { .. } | Run::NotMentioned { .. } => {}
        }
    }
    Ok(best)
}

fn run(reading: Reading, not_read: Option<String>, test: &RegressionTest) -> Run {
    let otherwise = |code, how: String| Run::Otherwise { code, how };
    let (exception, function) = (&test.exception, &test.function);
    match reading {
        Reading::Reproduced => Run::Reproduced,
        Reading::AnotherError { seen } => otherwise(
            NotProvedCode::TestWrong,
            format!("fails with `{}` in place of `{exception}`", redact(&seen)),
        ),
        Reading::ElsewhereOrHidden => otherwise(
            NotProvedCode::NotReproduced,
            format!("fails with `{exception}`, and CI's output does not show that `{function}` raises it"),
        ),
        Reading::ErrorHidden => otherwise(
            NotProvedCode::NotReproduced,
            "fails, and CI's output does not show with which error".to_owned(),
        ),
        Reading::NotMentioned => Run::NotMentioned { not_read },
    }
}

/// Why a red run without the fix proves nothing.
pub(super) fn why_not(check: &CheckResult, run: &Run, test: &RegressionTest) -> NotProved {
    let name = redact(&one_line(&check.name, NAME_CHARS));
    match run {
        Run::Reproduced => {
            NotProved::new(NotProvedCode::NotReproduced, format!("`{name}` was not read to its end."))
        }
        Run::Otherwise { code, how } => {
            NotProved::new(*code, format!("Without the fix, the regression test `{}` {how}.", test.name))
        }
        Run::NotMentioned { not_read } => {
            let why =
                not_read.as_ref().map_or(String::new(), |why| format!(" ({})", redact(&one_line(why, 200))));
            let sentence =
                format!("`{name}` failed, and not by the regression test, as far as its output shows{why}.");
            NotProved::new(NotProvedCode::NotReproduced, sentence)
        }
    }
}

/// Whether a run takes longer than the settings allow.
pub(super) fn is_too_late(attempt: &Attempt, age: SignedDuration) -> bool {
    let minutes = attempt.proof.as_ref().map_or(0, |proof| proof.minutes);
    age >= SignedDuration::from_mins(i64::from(minutes))
}

/// A run that counts, `age` after the push.
pub(super) fn ci_run(check: &CheckResult, head_sha: &str, age: SignedDuration) -> CiRun {
    CiRun {
        check: redact(&check.name).to_string(),
        url: check.url.clone(),
        head_sha: head_sha.to_owned(),
        minutes: u32::try_from(age.as_secs().max(1).unsigned_abs().div_ceil(60)).unwrap_or(u32::MAX),
    }
}

/// What the checks of the fix mean for its proof, before they mean something for the attempt. Ends the step where the
/// test comes off the branch.
pub(super) async fn with_the_fix(
    context: &Context<'_>,
    attempt: &Attempt,
    offer: &Offer,
    checks: &Checks,
) -> Result<Vec<Event>, Early> {
    let Some((test, failed_before)) = attempt.test_below_fix() else { return Ok(Vec::new()) };
    let (github, repo) = (&context.worker.github, &attempt.target.repo);
    let now = context.now();
    let age = now.duration_since(offer.since);
    let head_sha = &offer.pull_request.head_sha;
    let ends = |why| Err(Early::Happened(without_test(offer, why, now)));
    match checks {
        Checks::Running if is_too_late(attempt, age) => ends(too_slow(attempt)),
        Checks::Running => Ok(Vec::new()),
        Checks::Green { .. } | Checks::None => {
            let head = github.checks(repo, head_sha).await?;
            let passed =
                head.results.iter().find(|check| check.name == failed_before.check && check.succeeded);
            let Some(check) = passed else {
                let sentence = format!("`{}` did not run for the commit with the fix.", failed_before.check);
                return ends(NotProved::new(NotProvedCode::NoCi, sentence));
            };
            let event = Event::Proof(ProofEvent::PassedWithFix { run: ci_run(check, head_sha, age) });
            let mut proved = attempt.clone();
            if proved.apply(event.clone(), now).is_ok() {
                let part = messages::proof_in_body(&proved);
                let number = offer.pull_request.number;
                github.edit_body(repo, number, |body| messages::with_proof(body, &part)).await?;
            }
            Ok(vec![event])
        }
        Checks::Red { .. } => {
            let head = github.checks(repo, head_sha).await?;
            let base = github.checks(repo, &offer.fix.base_sha).await?;
            match best_reading(context, attempt, test, &head.new_failures(&base)).await? {
                // The fix does not remove the error: that is for a repair, with the test on the branch.
                Some((_, Run::Reproduced | Run::NotMentioned { .. })) | None => Ok(Vec::new()),
                Some((_, Run::Otherwise { how, .. })) => {
                    let sentence = format!("With the fix, the regression test `{}` {how}.", test.name);
                    ends(NotProved::new(NotProvedCode::TestWrong, sentence))
                }
            }
        }
    }
}

/// CI did not end within the bound of the settings.
pub(super) fn too_slow(attempt: &Attempt) -> NotProved {
    let minutes = attempt.proof.as_ref().map_or(0, |proof| proof.minutes);
    let sentence = format!("CI did not end within {minutes} minutes (`AUTOFIX_PROOF_MINUTES`).");
    NotProved::new(NotProvedCode::CiTooSlow, sentence)
}

/// The end of a proof without one: the test comes off the branch.
pub(super) fn without_test(offer: &Offer, why: NotProved, now: Timestamp) -> Happened {
    let notice = "The regression test was taken off the branch again.";
    Happened::Events(vec![
        Event::Proof(ProofEvent::NotProved { why }),
        next_head(offer, NextHeadKind::WithoutTest, notice, now),
    ])
}

/// Another commit is to become the head, for the proof.
pub(super) fn next_head(offer: &Offer, kind: NextHeadKind, notice: &str, at: Timestamp) -> Event {
    let next = NextHead { fix: offer.fix.clone(), kind, at };
    Event::NextHead { next: Box::new(next), notice: notice.to_owned() }
}
