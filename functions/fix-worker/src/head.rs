//! The head of the pull request: the same edit on a newer base, and the commit that becomes the next head.

use autofix::attempt::{Event, Fix, MAX_REBASES, NextHead, NextHeadKind, Offer, State};
use autofix::github::{BranchBefore, BranchSet, NewCommit};
use autofix::messages;
use autofix::reason::{Reason, ReasonCode};

use crate::analyze;
use crate::desk::{Desk, Stopped};
use crate::investigation::reapply;
use crate::pull_request::{after_the_edits, not_the_file};

/// Why the base matters now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BaseMoved {
    /// The repository asks for an up-to-date branch, or the edited file changed on the base.
    Behind,
    Conflicting,
}

/// Puts the edit on the base's head; where it does not fit any more the analysis starts anew, once.
pub(crate) async fn rebase(desk: &mut Desk<'_>, offer: &Offer, moved: BaseMoved) -> Result<(), Stopped> {
    if offer.rebases >= MAX_REBASES {
        let sentence = format!(
            "The base branch moved {MAX_REBASES} times under the fix. The pull request stays open for you."
        );
        return desk.happened(failed(sentence)).await;
    }
    let (repo, branch) = (desk.attempt.target.repo.clone(), offer.fix.base_branch.clone());
    let head = desk.worker.github.branch_head(&repo, &branch).await?;
    let Some(base_sha) = head else {
        let sentence = format!("The base branch `{branch}` is gone. The pull request stays open for you.");
        return desk.happened(failed(sentence)).await;
    };
    let fix = match fix_on(desk, offer, &base_sha).await? {
        Ok(fix) => fix,
        Err(why) => return start_over(desk, why).await,
    };
    let notice = match moved {
        BaseMoved::Behind => format!("`{branch}` moved, so the same edit was put on its head."),
        BaseMoved::Conflicting => {
            format!("`{branch}` moved and conflicted, so the same edit was put on its head.")
        }
    };
    let next = NextHead { fix, kind: NextHeadKind::Rebase, at: desk.now() };
    desk.happened(Event::NextHead { next: Box::new(next), notice }).await
}

async fn fix_on(desk: &mut Desk<'_>, offer: &Offer, base_sha: &str) -> Result<Result<Fix, String>, Stopped> {
    let Some(analysis) = desk.attempt.analysis.clone() else {
        return Ok(Err("there is no analysis to go on from".to_owned()));
    };
    let Ok(case) = analyze::case_at(desk, base_sha).await? else {
        return Ok(Err("the error's frames are not in the new code".to_owned()));
    };
    let why = |reasons: Vec<Reason>| {
        reasons.into_iter().next().map_or_else(|| "it does not fit".to_owned(), |reason| reason.detail)
    };
    Ok(reapply(&case, &analysis, &offer.fix).map_err(why))
}

async fn start_over(desk: &mut Desk<'_>, why: String) -> Result<(), Stopped> {
    if desk.attempt.may_start_over() {
        let sentence = format!(
            "The base branch moved and the fix does not fit any more: {why}. The analysis starts anew."
        );
        return desk.happened(Event::StartedOver { why: sentence }).await;
    }
    let sentence = format!(
        "The base branch moved again and the fix does not fit any more. The pull request stays open for you. {why}."
    );
    desk.happened(failed(sentence)).await
}

/// Makes the commit that was decided on the head, unless someone pushed in the meantime.
pub(crate) async fn move_head(desk: &mut Desk<'_>) -> Result<(), Stopped> {
    let State::PrCreated { offer } = desk.attempt.state.clone() else { return Ok(()) };
    let Some(next) = offer.next else { return Ok(()) };
    let Some(after) = after_the_edits(desk, &next.fix).await? else {
        return desk.happened(not_the_file(&next.fix)).await;
    };
    let message = match &next.kind {
        NextHeadKind::Repair { failed } => messages::repair_message(&desk.attempt, &next.fix, failed),
        NextHeadKind::Rebase => messages::commit_message(&desk.attempt, &next.fix),
    };
    let parent_sha = match next.kind {
        NextHeadKind::Repair { .. } => &offer.pull_request.head_sha,
        NextHeadKind::Rebase => &next.fix.base_sha,
    };
    let github = &desk.worker.github;
    let repo = &desk.attempt.target.repo;
    let commit = NewCommit {
        parent_sha,
        file_path: &next.fix.file_path,
        content: &after,
        message: &message,
        at: next.at,
    };
    let before = BranchBefore::At(&offer.pull_request.head_sha);
    match github.commit_to_branch(repo, &offer.pull_request.branch, before, commit).await? {
        BranchSet::Done { sha } => {
            let body = messages::pull_request_body(&desk.attempt, &next.fix);
            github.edit_body(repo, offer.pull_request.number, |_| body.to_string()).await?;
            desk.happened(Event::HeadMoved { head_sha: sha }).await
        }
        BranchSet::Elsewhere { .. } => {
            let sentence = "Someone pushed to the branch, so AutoFix leaves the pull request to people.";
            desk.happened(Event::Failed { reason: Reason::new(ReasonCode::BranchMoved, sentence) }).await
        }
    }
}

fn failed(sentence: String) -> Event {
    Event::Failed { reason: Reason::new(ReasonCode::BaseMoved, sentence) }
}
