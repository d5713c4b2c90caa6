//! Makes the commit that was decided on the head of the pull request, unless someone pushed in the meantime.

use autofix::attempt::{Attempt, Event, NextHead, NextHeadKind, Offer};
use autofix::github::{BranchBefore, BranchSet, NewCommit};
use autofix::messages;
use autofix::reason::ReasonCode;
use autofix::redaction::Redacted;

use crate::context::Context;
use crate::happened::{Early, Happened, Stepped};
use crate::steps::edited_file::after_the_edits;
use crate::steps::test_commits::{put_test_on_base, take_test_off};

pub(super) async fn move_head(
    context: &Context<'_>,
    attempt: &Attempt,
    offer: &Offer,
    next: &NextHead,
) -> Stepped {
    let on_top = &offer.pull_request.head_sha;
    let set = match &next.kind {
        NextHeadKind::Repair { failed } => {
            let message = messages::repair_message(attempt, &next.fix, failed);
            commit_fix(context, attempt, offer, next, &message, on_top).await?
        }
        NextHeadKind::FixOnTest => {
            let message = messages::commit_message(attempt, &next.fix);
            commit_fix(context, attempt, offer, next, &message, on_top).await?
        }
        NextHeadKind::Rebase => {
            let message = messages::commit_message(attempt, &next.fix);
            commit_fix(context, attempt, offer, next, &message, &next.fix.base_sha).await?
        }
        NextHeadKind::Test => put_test_on_base(context, attempt, offer, next).await?,
        NextHeadKind::WithoutTest => take_test_off(context, attempt, offer, next).await?,
    };
    moved(context, attempt, offer, next, set).await
}

async fn commit_fix(
    context: &Context<'_>,
    attempt: &Attempt,
    offer: &Offer,
    next: &NextHead,
    message: &Redacted,
    parent_sha: &str,
) -> Result<BranchSet, Early> {
    let after = after_the_edits(context, attempt, &next.fix).await?;
    let file_path = &next.fix.file_path;
    let commit = NewCommit { parent_sha, file_path, content: &after, message, at: next.at };
    let before = BranchBefore::At(&offer.pull_request.head_sha);
    let (github, repo) = (&context.worker.github, &attempt.target.repo);
    Ok(github.commit_to_branch(repo, &offer.pull_request.branch, before, commit).await?)
}

async fn moved(
    context: &Context<'_>,
    attempt: &Attempt,
    offer: &Offer,
    next: &NextHead,
    set: BranchSet,
) -> Stepped {
    Ok(Happened::from(match set {
        // The body says already that the fix follows the test. A worker that is taken for dead must not write that once more
        // over the result of the proof.
        BranchSet::Done { sha } if next.kind == NextHeadKind::FixOnTest => Event::HeadMoved { head_sha: sha },
        BranchSet::Done { sha } => {
            let body = messages::pull_request_body(attempt, &next.fix);
            let number = offer.pull_request.number;
            context.worker.github.edit_body(&attempt.target.repo, number, |_| body.to_string()).await?;
            Event::HeadMoved { head_sha: sha }
        }
        BranchSet::Elsewhere { .. } => Event::failed(
            ReasonCode::BranchMoved,
            "Someone pushed to the branch, so AutoFix leaves the pull request to people.",
        ),
    }))
}
