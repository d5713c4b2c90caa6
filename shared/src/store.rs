//! The one DynamoDB table: attempts, claims on Sentry issues, the hourly limit, the digest, and the
//! checkpoints of conversations. The table is also the queue: an item with `work = "ready"` wakes
//! the worker through the table's stream, and the sparse index `due` is read by the clock.
//!
//! | item | pk | sk |
//! |---|---|---|
//! | attempt | `ATTEMPT#<id>` | `ATTEMPT` |
//! | its incident, written once | `ATTEMPT#<id>` | `INCIDENT` |
//! | what its investigation left for people | `ATTEMPT#<id>` | `DOSSIER` |
//! | a finished turn of Claude | `ATTEMPT#<id>` | `TURN#<step>#<n>` |
//! | claim on a Sentry issue | `ISSUE#<id>` | `CLAIM` |
//! | which attempt has a fault | `FAULT#<repository>#<key>` | `FAULT` |
//! | an issue below the bar | `ISSUE#<id>` | `BELOW` |
//! | a webhook that started nothing | `WEBHOOKS` | `<kind>` |
//! | places for open pull requests | `REPO#<repository>` | `OPEN` |
//! | a start of the last hour | `LIMIT` | `SLOT#<n>` |
//! | what the limit turned away | `DIGEST` | `DIGEST` |
//! | search for lost webhooks | `CATCH_UP` | `SENTRY` |
//! | outage of a service outside | `OUTAGE` | `<service>` |
//! | sums of a week and a project | `SCOREBOARD` | `<monday>#fixes#<project>` |
//! | dollars spent in a day | `SPEND#<date>` | `SPEND` |

mod admission;
mod attempts;
mod catch_up;
mod claim;
pub mod contention;
mod digest;
mod dossier;
mod fault;
mod held;
mod hour;
mod item;
mod lease;
mod listing;
#[cfg(test)]
mod load_tests;
mod marks;
mod outages;
mod retry;
mod scoreboard;
mod slots;
mod table;
mod turns;
mod webhooks;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

pub use admission::{Admission, NewAttempt, Occasion};
pub use attempts::Versioned;
pub use catch_up::HeldCatchUp;
pub use claim::Claim;
pub use digest::Digest;
pub use fault::{Fault, FaultHolder};
pub use lease::{Due, Lease, Leased, Leasing};
pub use listing::{Listing, ListingFilter, Page};
pub use outages::Outage;
pub use retry::{NewTry, Tried};
pub use slots::{Asked, WantedSlot};
pub use table::Saved;
pub use turns::Turn;
pub use webhooks::UnusedWebhook;

/// How long an attempt is kept after it was written last, seconds. Half a year of history.
const KEEP_SECONDS: i64 = 180 * 24 * 3600;

/// The table. Clones share the connection.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    table: String,
    remembered: Arc<webhooks::Remembered>,
}

/// The table could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Throttled, unreachable, or failing: nothing is known to have happened. Try again later.
    #[error("the table cannot be reached: {0}")]
    Unavailable(String),
    /// An item is not in the form that this version writes.
    #[error("the item `{key}` cannot be read: {why}")]
    Damaged { key: String, why: String },
}

impl Store {
    pub fn new(client: Client, table: impl Into<String>) -> Store {
        Store { client, table: table.into(), remembered: Arc::default() }
    }

    /// Opens a connection, which its clones keep, by asking for the claim on no issue, which every function may ask for.
    pub async fn connect(self) -> Result<(), StoreError> {
        self.claim("").await.map(|_| ())
    }
}

fn unavailable<E: ProvideErrorMetadata + std::error::Error + 'static, R: std::fmt::Debug + 'static>(
    error: SdkError<E, R>,
) -> StoreError {
    StoreError::Unavailable(DisplayErrorContext(error).to_string())
}
