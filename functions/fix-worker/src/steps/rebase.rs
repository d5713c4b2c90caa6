//! The same edit on a newer base. If it does not fit any more, the analysis begins again, once.

use autofix::attempt::{Attempt, Event, Fix, MAX_REBASES, NextHead, NextHeadKind, Offer};
use autofix::reason::ReasonCode;

use crate::context::Context;
use crate::happened::{Early, Stepped};
use crate::investigation::reapply;
use crate::steps::case_at::case_at;
use crate::steps::files::with_the_test;
use crate::steps::pull_request_view::BaseMoved;

/// Puts the edit on the base's head.
pub(super) async fn rebase(
    context: &Context<'_>,
    attempt: &Attempt,
    offer: &Offer,
    moved: BaseMoved,
) -> Stepped {
    if offer.rebases >= MAX_REBASES {
        let sentence = format!(
            "The base branch moved {MAX_REBASES} times under the fix. The pull request stays open for you."
        );
        return Ok(failed(sentence).into());
    }
    let branch = &offer.fix.base_branch;
    let head = context.worker.github.branch_head(&attempt.target.repo, branch).await?;
    let Some(base_sha) = head else {
        let sentence = format!("The base branch `{branch}` is gone. The pull request stays open for you.");
        return Ok(failed(sentence).into());
    };
    let fix = fix_on(context, attempt, offer, &base_sha).await?;
    let (kind, again) = match attempt.test_to_run_again() {
        Some(test) if with_the_test(context, attempt, test, &base_sha).await?.is_some() => {
            (NextHeadKind::Test, " The proof begins again there, with the test alone.")
        }
        _ => (NextHeadKind::Rebase, ""),
    };
    let notice = match moved {
        BaseMoved::Behind => format!("`{branch}` moved, so the same edit was put on its head.{again}"),
        BaseMoved::Conflicting => {
            format!("`{branch}` moved and conflicted, so the same edit was put on its head.{again}")
        }
    };
    let next = NextHead { fix, kind, at: context.now() };
    Ok(Event::NextHead { next: Box::new(next), notice }.into())
}

/// The fix on another base. Ends the step where it does not fit.
async fn fix_on(
    context: &Context<'_>,
    attempt: &Attempt,
    offer: &Offer,
    base_sha: &str,
) -> Result<Fix, Early> {
    let unfit = |why: &str| Early::from(does_not_fit(attempt, why));
    let analysis = attempt.analysis.as_ref().ok_or_else(|| unfit("there is no analysis to go on from"))?;
    let case = match case_at(context, attempt, base_sha).await {
        Err(Early::Happened(_)) => return Err(unfit("the error's frames are not in the new code")),
        case => case?,
    };
    reapply(&case, analysis, &offer.fix)
        .map_err(|reasons| unfit(reasons.first().map_or("it does not fit", |reason| &reason.detail)))
}

fn does_not_fit(attempt: &Attempt, why: &str) -> Event {
    if attempt.may_start_over() {
        let sentence = format!(
            "The base branch moved and the fix does not fit any more: {why}. The analysis begins again."
        );
        return Event::StartedOver { why: sentence };
    }
    failed(format!(
        "The base branch moved again and the fix does not fit any more. The pull request stays open for you. {why}."
    ))
}

fn failed(sentence: String) -> Event {
    Event::failed(ReasonCode::BaseMoved, sentence)
}
