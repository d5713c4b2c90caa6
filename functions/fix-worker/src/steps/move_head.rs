//! Makes the commit that was decided on the head of the pull request, unless someone pushed in the meantime.
//!
//! Only AutoFix's own commits are replaced, and only while the branch is where AutoFix left it. Once a person has written
//! on the pull request, and where the repository's rules forbid it, nothing is replaced: then one more commit takes the
//! test of a proof back.

use autofix::attempt::{Attempt, Event, NextHead, NextHeadKind, Offer};
use autofix::github::{BranchBefore, BranchSet, FileChange, NewCommit};
use autofix::messages;
use autofix::outbound::{ErrorKind, ServiceError};
use autofix::reason::ReasonCode;

use crate::context::Context;
use crate::happened::{Early, Stepped};
use crate::steps::files::{after_the_edits, with_the_test, without_the_test};

pub(super) async fn move_head(
    context: &Context<'_>,
    attempt: &Attempt,
    offer: &Offer,
    next: &NextHead,
) -> Stepped {
    let set = match &next.kind {
        NextHeadKind::Repair { .. } | NextHeadKind::FixOnTest | NextHeadKind::Rebase => {
            commit_fix(context, attempt, offer, next).await?
        }
        NextHeadKind::Test => put_test_on_base(context, attempt, offer, next).await?,
        NextHeadKind::WithoutTest => take_test_off(context, attempt, offer, next).await?,
    };
    let BranchSet::Done { sha: head_sha } = set else {
        let sentence = "Someone pushed to the branch, so AutoFix leaves the pull request to people.";
        return Ok(Event::failed(ReasonCode::BranchMoved, sentence).into());
    };
    // On a test, the body says already that the fix follows. A worker that is taken for dead must not write that once more
    // over the result of the proof.
    if next.kind != NextHeadKind::FixOnTest {
        let body = messages::pull_request_body(attempt, &next.fix);
        let number = offer.pull_request.number;
        context.worker.github.edit_body(&attempt.target.repo, number, |_| body.to_string()).await?;
    }
    Ok(Event::HeadMoved { head_sha }.into())
}

/// The fix, on top of the head, or in its place on a newer base.
async fn commit_fix(
    context: &Context<'_>,
    attempt: &Attempt,
    offer: &Offer,
    next: &NextHead,
) -> Result<BranchSet, Early> {
    let (fix, head_sha) = (&next.fix, &offer.pull_request.head_sha);
    let message = match &next.kind {
        NextHeadKind::Repair { failed } => messages::repair_message(attempt, fix, failed),
        _ => messages::commit_message(attempt, fix),
    };
    let parent_sha = if next.kind == NextHeadKind::Rebase { &fix.base_sha } else { head_sha };
    let content = &after_the_edits(context, attempt, fix).await?;
    let files = &[FileChange::Write { path: &fix.file_path, content }];
    let commit = NewCommit { parent_sha, files, message: &message, at: next.at };
    let (github, repo) = (&context.worker.github, &attempt.target.repo);
    let before = BranchBefore::At(head_sha);
    Ok(github.commit_to_branch(repo, &offer.pull_request.branch, before, commit).await?)
}

/// The test alone, on the base of the next head.
pub(super) async fn put_test_on_base(
    context: &Context<'_>,
    attempt: &Attempt,
    offer: &Offer,
    next: &NextHead,
) -> Result<BranchSet, Early> {
    // The step that decided on this base has looked already.
    let changed = || {
        let sentence = "The file of the regression test is not the one that was read.";
        Early::from(Event::failed(ReasonCode::SnapshotUnreadable, sentence))
    };
    let test = attempt.test_without_fix().ok_or_else(changed)?;
    let content = with_the_test(context, attempt, test, &next.fix.base_sha).await?.ok_or_else(changed)?;
    let message = messages::test_message(attempt, test);
    let commit = NewCommit {
        parent_sha: &next.fix.base_sha,
        files: &[FileChange::Write { path: &test.file_path, content: &content }],
        message: &message,
        at: next.at,
    };
    let (repo, pull_request) = (&attempt.target.repo, &offer.pull_request);
    let before = BranchBefore::At(&pull_request.head_sha);
    Ok(context.worker.github.commit_to_branch(repo, &pull_request.branch, before, commit).await?)
}

/// The fix without the test. What an earlier try made is found in either way.
pub(super) async fn take_test_off(
    context: &Context<'_>,
    attempt: &Attempt,
    offer: &Offer,
    next: &NextHead,
) -> Result<BranchSet, Early> {
    let (github, repo) = (&context.worker.github, &attempt.target.repo);
    let pull_request = &offer.pull_request;
    let after = after_the_edits(context, attempt, &next.fix).await?;
    let message = messages::commit_message(attempt, &next.fix);
    let fix = FileChange::Write { path: &next.fix.file_path, content: &after };
    let test = attempt.proof.as_ref().and_then(|proof| proof.tried());
    let before = match test {
        Some(test) => without_the_test(context, attempt, test, &next.fix.base_sha).await?,
        None => None,
    };
    let back = test.map(|test| match &before {
        Some(content) => FileChange::Write { path: &test.file_path, content },
        None => FileChange::Remove { path: &test.file_path },
    });
    let files: Vec<FileChange<'_>> = [fix].into_iter().chain(back).collect();
    let replacing =
        NewCommit { parent_sha: &next.fix.base_sha, files: &[fix], message: &message, at: next.at };
    let on_top =
        NewCommit { parent_sha: &pull_request.head_sha, files: &files, message: &message, at: next.at };
    let at_head = BranchBefore::At(&pull_request.head_sha);
    let opened = attempt.pull_request_at.unwrap_or(offer.since);
    let remarks = github.remarks_by_people(repo, pull_request.number, opened).await?;
    let ways = if remarks.is_empty() { [replacing, on_top] } else { [on_top, replacing] };
    let mut set = BranchSet::Elsewhere { head: None };
    for way in ways {
        match github.commit_to_branch(repo, &pull_request.branch, at_head, way).await {
            Ok(done @ BranchSet::Done { .. }) => return Ok(done),
            Ok(elsewhere) => set = elsewhere,
            // The rules of the repository forbid to replace commits: the other way is left.
            Err(ServiceError {
                kind: ErrorKind::Refused { .. } | ErrorKind::Unauthorized | ErrorKind::Conflict,
                ..
            }) if way.parent_sha == next.fix.base_sha => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(set)
}
