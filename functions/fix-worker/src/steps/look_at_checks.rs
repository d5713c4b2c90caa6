//! Looks at an open pull request: what people did with it, whether its base moved, what its checks and people say.

use autofix::attempt::{Attempt, Checks, Event, Fact, Offer};
use autofix::reason::ReasonCode;
use jiff::SignedDuration;

use crate::context::Context;
use crate::happened::{Happened, Stepped};
use crate::steps::ci_run::with_the_fix;
use crate::steps::pull_request_view::{base_moved, checks_of, names, taken_over};
use crate::steps::rebase::rebase;
use crate::steps::review::{look_at_review, present};

/// First pause between two looks; it grows with the time that the checks take.
const FIRST_LOOK: SignedDuration = SignedDuration::from_secs(15);
const LONGEST_LOOK: SignedDuration = SignedDuration::from_mins(10);
/// Between two looks at an armed pull request: people may decide on GitHub, too.
const ARMED_LOOK: SignedDuration = SignedDuration::from_hours(1);
/// Checks that run or stay red for so long are a person's business.
const CHECKS_PATIENCE: SignedDuration = SignedDuration::from_hours(24);

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
    let checks = checks_of(context, attempt, (&view, &rules), age).await?;
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
        let review = look_at_review(context, attempt, offer, (&view, &rules)).await?;
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
