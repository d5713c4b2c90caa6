//! Looks at CI's run of the regression test without the fix. If it fails as it should, the fix is put on top; if it can't
//! prove anything, the test comes off the branch again.

use autofix::attempt::{
    Attempt, Event, NextHeadKind, NotProved, NotProvedCode, Offer, ProofEvent, RegressionTest,
};
use autofix::github::{Outcome, PullRequestView, Stage};
use autofix::reason::ReasonCode;
use jiff::SignedDuration;

use crate::context::Context;
use crate::happened::{Happened, Stepped};
use crate::steps::ci_run::{
    Run, best_reading, ci_run, is_too_late, next_head, too_slow, why_not, without_test,
};

/// First pause between two looks; it grows with the time that CI takes.
const FIRST_LOOK: SignedDuration = SignedDuration::from_secs(15);
const LONGEST_LOOK: SignedDuration = SignedDuration::from_mins(2);

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
    let runs = head.results.iter().any(|check| check.outcome == Outcome::Running);
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
        None if head.results.iter().any(|check| matches!(check.outcome, Outcome::Failed(_))) => {
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
