//! Looks at an open pull request: what people did with it, whether its base moved, what its checks and people say. One whose
//! checks are green is presented to people.

use autofix::attempt::{
    Attempt, Checks, Event, Fact, MAX_REMARKS, Missing, Offer, Owner, OwnerBasis, Remark, Review,
};
use autofix::github::{self, BranchRules, Courtesy, MergeState, PullRequestView, ReviewDecision};
use autofix::outbound::ServiceError;
use autofix::reason::ReasonCode;
use autofix::redaction::redact;
use jiff::SignedDuration;

use crate::context::Context;
use crate::happened::{Happened, Stepped};
use crate::steps::look_at_test::with_the_fix;
use crate::steps::pull_request_view::{base_moved, checks_of, names, taken_over};
use crate::steps::rebase::rebase;

/// First pause between two looks; it grows with the time that the checks take.
const FIRST_LOOK: SignedDuration = SignedDuration::from_secs(15);
const LONGEST_LOOK: SignedDuration = SignedDuration::from_mins(10);
/// Between two looks at an armed pull request: people may decide on GitHub, too.
const ARMED_LOOK: SignedDuration = SignedDuration::from_hours(1);
/// Checks that run or stay red for so long are a person's business.
const CHECKS_PATIENCE: SignedDuration = SignedDuration::from_hours(24);
/// By which people find what AutoFix opened.
const LABEL: &str = "autofix";
const REMARK_CHARS: usize = 300;

pub(super) async fn look(context: &Context<'_>, attempt: &Attempt, offer: &Offer) -> Stepped {
    let github = &context.worker.github;
    let view = github.look_at_pull_request(&attempt.target.repo, offer.pull_request.number).await?;
    if let Some(event) = taken_over(context, &view, &offer.pull_request.head_sha) {
        return Ok(event.into());
    }
    if let Some(moved) = base_moved(context, attempt, &view, &offer.fix).await? {
        return rebase(context, attempt, offer, moved).await;
    }
    let now = context.now();
    let age = now.duration_since(offer.since);
    let rules = context.worker.github.branch_rules(&attempt.target.repo, &view.base_branch).await?;
    let checks = checks_of(context, attempt, &view, &rules, age).await?;
    let mut events = with_the_fix(context, attempt, offer, &checks).await?;
    if matches!(checks, Checks::Green { .. } | Checks::None) {
        if !offer.presented {
            events.extend(present(context, attempt, &view).await?);
            if view.draft {
                // What GitHub says of a draft's merge hides what it would say otherwise: look once more.
                events.push(Event::ChecksSeen { checks: Checks::Running, look_at: now });
                return Ok(Happened::Events(events));
            }
        }
        let review = look_at_review(context, attempt, offer, &view, &rules).await?;
        events.push(Event::Learned(Fact::Review(Box::new(review))));
    }
    events.push(match &checks {
        Checks::Green { .. } | Checks::None => Event::ChecksSeen { checks, look_at: now + ARMED_LOOK },
        Checks::Running | Checks::Red { .. } if age < CHECKS_PATIENCE => {
            let pause = (age / 4).clamp(FIRST_LOOK, LONGEST_LOOK);
            Event::ChecksSeen { checks, look_at: now + pause }
        }
        Checks::Running => Event::failed(
            ReasonCode::ChecksUnfinished,
            "The checks have not ended within a day. The pull request stays open for you.",
        ),
        Checks::Red { failed } => Event::failed(
            ReasonCode::ChecksFailed,
            format!(
                "The checks have been red for a day ({}). The pull request stays open for you.",
                names(failed)
            ),
        ),
    });
    Ok(Happened::Events(events))
}

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
    view: &PullRequestView,
    rules: &BranchRules,
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
