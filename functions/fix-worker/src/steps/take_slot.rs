//! A slot among the open pull requests of AutoFix in a repository: taken before a pull request is opened, waited for where
//! there is none. It is given back by the write with which the attempt ends; see `autofix::store`.

use autofix::attempt::{Attempt, AttemptId, Event, Fix, WaitsFor};
use autofix::messages;
use autofix::store::{Asked, Lease, StoreError, WantedSlot};
use jiff::SignedDuration;
use tracing::{info, warn};

use crate::context::Context;
use crate::happened::Stopped;
use crate::happened::{Happened, Stepped};

/// Between two looks. Who gives a slot back wakes the next one; this is for what nobody notices, such as a pull request
/// that was left to people and that they close.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_mins(10);
/// The code under a fix changes; one that found no slot for so long is shown to people and not opened.
const PATIENCE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Questions after which a repository whose pull requests are being closed one by one is asked about later.
const ROUNDS: usize = 8;

pub(super) async fn take_slot(context: &Context<'_>, lease: &Lease, attempt: &Attempt, fix: &Fix) -> Stepped {
    let limit = context.worker.config.max_open_pull_requests;
    let repo = &attempt.target.repo;
    for _ in 0..ROUNDS {
        let wanted = WantedSlot { repo, limit };
        match context.store().ask_for_slot(lease, wanted, context.now()).await? {
            // Saved before anything is opened: until then the attempt can stand down.
            Asked::Given => return Ok(Event::SlotTaken.into()),
            Asked::Changed => return Err(Stopped::Changed.into()),
            Asked::Full { left_open } => {
                if !any_closed_since(context, repo, left_open).await? {
                    break;
                }
            }
            Asked::Behind => {
                context.store().wake_first_waiting(repo, context.now()).await?;
                break;
            }
        }
    }
    let now = context.now();
    let waited = attempt.wait.as_ref().map_or(SignedDuration::ZERO, |wait| now.duration_since(wait.since));
    Ok(Happened::from(match waited < PATIENCE {
        true => Event::Waits { what: WaitsFor::Slot { limit }, look_at: now + LOOK_AGAIN },
        false => Event::Skipped { reasons: vec![messages::no_slot(limit)], fix: Some(Box::new(fix.clone())) },
    }))
}

/// Looks at the pull requests of attempts that have ended, and gives free the slots of those that are closed.
async fn any_closed_since(
    context: &Context<'_>,
    repo: &str,
    left: Vec<AttemptId>,
) -> Result<bool, StoreError> {
    let mut any = false;
    for id in left {
        match context.worker.github.find_pull_request(repo, &id.branch()).await {
            Ok(Some(found)) if found.open => {}
            Ok(_) => {
                info!("The pull request of attempt {id} is not open any more: its slot is free");
                context.store().slot_is_free(repo, id).await?;
                any = true;
            }
            // What GitHub does not tell counts as open; it is asked again.
            Err(error) => {
                warn!(error = %error, "Cannot see whether the pull request of attempt {id} is open")
            }
        }
    }
    Ok(any)
}
