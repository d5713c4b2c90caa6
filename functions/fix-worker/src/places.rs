//! A place among the open pull requests of AutoFix in a repository: taken before a pull request is opened, waited for where
//! there is none. It is given back by the write with which the attempt ends; see `autofix::store`.

use autofix::attempt::{AttemptId, Event, Fix, WaitsFor};
use autofix::messages;
use autofix::store::{Asked, WantedPlace};
use jiff::SignedDuration;
use tracing::{info, warn};

use crate::desk::{Desk, Stopped};

/// Between two looks. Who gives a place back wakes the next one; this is for what nobody notices, such as a pull request
/// that was left to people and that they close.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_mins(10);
/// The code under a fix changes; one that found no place for so long is shown to people and not opened.
const PATIENCE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Questions after which a repository whose pull requests are being closed one by one is asked about later.
const ROUNDS: usize = 8;

/// What became of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    Yes,
    /// The attempt waits, or has waited for too long and ended.
    No,
}

/// Takes a place for this attempt's pull request.
pub(crate) async fn take(desk: &mut Desk<'_>, fix: &Fix) -> Result<Placed, Stopped> {
    let limit = desk.worker.config.max_open_pull_requests;
    let repo = desk.attempt.target.repo.clone();
    for _ in 0..ROUNDS {
        let wanted = WantedPlace { repo: &repo, limit };
        match desk.store().ask_for_place(&desk.lease, wanted, desk.now()).await? {
            Asked::Given => {
                stop_waiting(desk).await?;
                return Ok(Placed::Yes);
            }
            Asked::Changed => return Err(desk.read_again().await?),
            Asked::Full { left_open } => {
                if !any_closed_since(desk, &repo, left_open).await? {
                    break;
                }
            }
            Asked::Behind => {
                desk.store().wake_first_waiting(&repo, desk.now()).await?;
                break;
            }
        }
    }
    let now = desk.now();
    let waited =
        desk.attempt.wait.as_ref().map_or(SignedDuration::ZERO, |wait| now.duration_since(wait.since));
    let event = match waited < PATIENCE {
        true => Event::Waits { what: WaitsFor::Place { limit }, look_at: now + LOOK_AGAIN },
        false => {
            Event::Skipped { reasons: vec![messages::no_place(limit)], fix: Some(Box::new(fix.clone())) }
        }
    };
    desk.happened(event).await?;
    Ok(Placed::No)
}

/// From here on the pull request may be on GitHub. As long as the table says that the attempt waits, there is none, and
/// it can stand down; so this is written before anything is opened.
async fn stop_waiting(desk: &mut Desk<'_>) -> Result<(), Stopped> {
    match desk.attempt.wait.take() {
        Some(_) => desk.save().await,
        None => Ok(()),
    }
}

/// Looks at the pull requests of attempts that have ended, and gives free the places of those that are closed.
async fn any_closed_since(desk: &Desk<'_>, repo: &str, left: Vec<AttemptId>) -> Result<bool, Stopped> {
    let mut any = false;
    for id in left {
        match desk.worker.github.find_pull_request(repo, &id.branch()).await {
            Ok(Some(found)) if found.open => {}
            Ok(_) => {
                info!("The pull request of attempt {id} is not open any more: its place is free");
                desk.store().place_is_free(repo, id).await?;
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
