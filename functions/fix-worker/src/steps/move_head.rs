//! Makes the commit that was decided on the head of the pull request, unless someone pushed in the meantime.

use autofix::attempt::{Attempt, Event, NextHead, NextHeadKind, Offer};
use autofix::github::{BranchBefore, BranchSet, NewCommit};
use autofix::messages;
use autofix::reason::ReasonCode;

use crate::context::Context;
use crate::happened::{Happened, Stepped};
use crate::steps::edited_file::after_the_edits;

pub(super) async fn move_head(
    context: &Context<'_>,
    attempt: &Attempt,
    offer: &Offer,
    next: &NextHead,
) -> Stepped {
    let (github, repo) = (&context.worker.github, &attempt.target.repo);
    let after = after_the_edits(context, attempt, &next.fix).await?;
    let message = match &next.kind {
        NextHeadKind::Repair { failed } => messages::repair_message(attempt, &next.fix, failed),
        NextHeadKind::Rebase => messages::commit_message(attempt, &next.fix),
    };
    let parent_sha = match next.kind {
        NextHeadKind::Repair { .. } => &offer.pull_request.head_sha,
        NextHeadKind::Rebase => &next.fix.base_sha,
    };
    let commit = NewCommit {
        parent_sha,
        file_path: &next.fix.file_path,
        content: &after,
        message: &message,
        at: next.at,
    };
    let before = BranchBefore::At(&offer.pull_request.head_sha);
    Ok(Happened::from(
        match github.commit_to_branch(repo, &offer.pull_request.branch, before, commit).await? {
            BranchSet::Done { sha } => {
                let body = messages::pull_request_body(attempt, &next.fix);
                github.edit_body(repo, offer.pull_request.number, |_| body.to_string()).await?;
                Event::HeadMoved { head_sha: sha }
            }
            BranchSet::Elsewhere { .. } => Event::failed(
                ReasonCode::BranchMoved,
                "Someone pushed to the branch, so AutoFix leaves the pull request to people.",
            ),
        },
    ))
}
