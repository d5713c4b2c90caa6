//! Why work was left before it was done.

use autofix::outbound::ServiceError;
use autofix::store::StoreError;

/// Why a step, or an investigation, stopped. It is done again: by this worker, by the next one, or after a pause.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// Someone else changed the attempt; its next step may be another one.
    #[error("the attempt was changed meanwhile")]
    Changed,
    #[error("another worker has the lease")]
    LostLease,
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The invocation has no time left; the next one continues.
    #[error("the invocation has no time left")]
    OutOfTime,
    #[error(transparent)]
    Store(#[from] StoreError),
}
