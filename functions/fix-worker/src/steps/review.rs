//! Presents a pull request whose checks are green to people, and reads what they and the base branch's rules say.

use autofix::attempt::{
    Attempt, Event, Fact, MAX_REMARKS, Missing, Offer, Owner, OwnerBasis, Remark, Review,
};
use autofix::github::{self, BranchRules, Courtesy, MergeState, PullRequestView, ReviewDecision};
use autofix::outbound::ServiceError;
use autofix::redaction::redact;

use crate::context::Context;

/// By which people find what AutoFix opened.
const LABEL: &str = "autofix";
const REMARK_CHARS: usize = 300;

/// Takes the pull request out of draft, labels it, and asks the owner of the file by CODEOWNERS for a review. What
/// GitHub does not let AutoFix do is a line of the timeline.
pub(super) async fn present(
    context: &Context<'_>,
    attempt: &Attempt,
    view: &PullRequestView,
) -> Result<Vec<Event>, ServiceError> {
    let (github, repo) = (&context.worker.github, &attempt.target.repo);
    let mut events = Vec::new();
    let mut say = |what: String, done: Courtesy| {
        if let Courtesy::Refused { said } = done {
            events.push(Event::Learned(Fact::Note(format!("{what}: {said}"))));
        }
    };
    if view.draft {
        let done = github.mark_ready(repo, &view.node_id).await?;
        say("Could not mark the pull request as ready".to_owned(), done);
    }
    let done = github.add_label(repo, view.number, LABEL).await?;
    say(format!("Could not add the label `{LABEL}`"), done);
    if let Some(Owner { name, basis: OwnerBasis::Codeowners }) = &attempt.owner {
        let owner = match name.contains('/') {
            true => github::Owner::Team(name.clone()),
            false => github::Owner::Person(name.clone()),
        };
        let done = github.request_review(repo, view.number, &owner).await?;
        say(format!("Could not ask `{name}` for a review"), done);
    }
    events.push(Event::Learned(Fact::Presented));
    Ok(events)
}

/// What people said on the pull request since it was opened, and what its base branch still wants.
pub(super) async fn look_at_review(
    context: &Context<'_>,
    attempt: &Attempt,
    offer: &Offer,
    (view, rules): (&PullRequestView, &BranchRules),
) -> Result<Review, ServiceError> {
    let (github, repo) = (&context.worker.github, &attempt.target.repo);
    let since = attempt.pull_request_at.unwrap_or(offer.since);
    let remarks = github.remarks_by_people(repo, view.number, since).await?;
    let newest = remarks.len().saturating_sub(MAX_REMARKS);
    let remarks = remarks.into_iter().skip(newest).map(|remark| Remark {
        text: redact(&remark.text).capped(REMARK_CHARS).to_string(),
        by: remark.by,
        kind: remark.kind,
        url: remark.url,
    });
    let needs = github.merge_needs(repo, view.number).await?;
    let review = match needs.review {
        Some(ReviewDecision::ReviewRequired) => Some(Missing::Approval),
        Some(ReviewDecision::ChangesRequested) => Some(Missing::ChangesRequested),
        Some(ReviewDecision::Approved | ReviewDecision::Other) => None,
        // Where GraphQL tells nothing, the rulesets and GitHub's own judgement have to do.
        None => (rules.approvals > 0 && view.merge_state == MergeState::Blocked).then_some(Missing::Approval),
    };
    let unsigned = (rules.signed_commits || needs.wants_signatures) && !needs.head_is_signed;
    let missing = [view.draft.then_some(Missing::Ready), review, unsigned.then_some(Missing::Signature)];
    Ok(Review { remarks: remarks.collect(), missing: missing.into_iter().flatten().collect() })
}
