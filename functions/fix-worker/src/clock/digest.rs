//! Tells what the hourly limit turned away.

use autofix::attempt::{Attempt, Status};
use autofix::messages::{self, Card};
use autofix::outbound::ServiceError;
use autofix::reason::ReasonCode;
use autofix::slack::Connection;
use autofix::store::{Listing, ListingFilter, Saved, StoreError};
use jiff::SignedDuration;
use tracing::warn;

use crate::pause::again_at;
use crate::worker::Worker;

/// A run of the clock that takes longer than this to tell the digest is dead: more than a post takes to arrive.
const DIGEST_TAKES: SignedDuration = SignedDuration::from_secs(60);
/// Attempts looked through for the digest's examples.
const EXAMPLES: usize = 10;

/// Tells what the hourly limit turned away. Slack's failure postpones it; only the table's is an error.
pub(super) async fn tell(worker: &Worker) -> Result<(), StoreError> {
    let now = worker.clock.now();
    let Some(digest) = worker.store.digest().await? else { return Ok(()) };
    if digest.turned_away == 0 || digest.due_at.is_none_or(|due| due > now) {
        return Ok(());
    }
    // Another run of the clock may be at it; or one died over it, and the next one looks for its card first.
    if worker.store.take_digest(&digest, now + DIGEST_TAKES).await? == Saved::Conflict {
        return Ok(());
    }
    let filter = ListingFilter { statuses: vec![Status::Skipped], ..ListingFilter::default() };
    let page = worker.store.list(&Listing { filter, limit: EXAMPLES * 2, before: None, now }).await?;
    let turned_away = |attempt: &Attempt| {
        let reasons = attempt.state.reasons();
        attempt.created_at >= digest.since
            && reasons.iter().any(|reason| reason.code == ReasonCode::HourlyLimit)
    };
    let examples: Vec<_> = page.attempts.into_iter().filter(turned_away).take(EXAMPLES).collect();
    let card = messages::digest(digest.turned_away, &examples, worker.config.max_attempts_per_hour);
    match post_digest(worker, &card, &format!("digest {}", digest.since)).await {
        Ok(()) => worker.store.digest_told(&digest, now).await,
        Err(error) => {
            warn!(error = %error, "Slack did not take the digest; it stays owed");
            worker.store.digest_postponed(again_at(&error, 1, now)).await
        }
    }
}

async fn post_digest(worker: &Worker, card: &Card, key: &str) -> Result<(), ServiceError> {
    match (worker.slack.connection().await?, &worker.config.notices_channel) {
        (Connection::Bot, Some(channel)) => {
            // After a crash between the post and the note in the table the card is there already; more may have been
            // turned away since.
            match worker.slack.find(channel, key).await? {
                Some(place) => worker.slack.update(&place, card, key).await,
                None => worker.slack.post(channel, card, key).await.map(|_| ()),
            }
        }
        (Connection::Webhook, _) => worker.slack.post_by_webhook(card).await,
        (Connection::Bot, None) | (Connection::Missing, _) => {
            warn!("No Slack channel is configured: the digest is in the API only");
            Ok(())
        }
    }
}
