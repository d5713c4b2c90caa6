//! What belongs to no attempt and is looked at once a minute.

mod catch_up;
mod digest;
mod outages;

use autofix::store::StoreError;
use tracing::error;

use crate::worker::Worker;

/// Tells the digest and outages, looks for lost webhooks, and keeps the scoreboard's sums.
pub(crate) async fn run(worker: &Worker) -> Result<(), StoreError> {
    // Boxed: rustc follows nested futures only so deep.
    Box::pin(digest::tell(worker)).await?;
    Box::pin(outages::look(worker)).await?;
    Box::pin(catch_up::run(worker)).await?;
    if let Err(error) = Box::pin(worker.store.keep_sums(worker.clock.now())).await {
        error!(error = %error, "Left the scoreboard's sums to a later run of the clock");
    }
    Ok(())
}
