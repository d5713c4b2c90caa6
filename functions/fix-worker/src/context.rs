//! What a step may use beside the data of its state. It knows nothing of the steps, and cannot change the attempt.

use autofix::attempt::{Attempt, Watch};
use autofix::incident::Incident;
use autofix::store::{Store, StoreError};
use jiff::Timestamp;

use crate::worker::Worker;

/// Workers that may die over one attempt before it ends.
pub(crate) const MAX_TRIES: i64 = 6;

/// The means of a step.
pub(crate) struct Context<'w> {
    pub worker: &'w Worker,
    /// When the invocation ends.
    pub deadline: Timestamp,
    /// How often the work on this attempt was begun since it last went on: more than once means that workers died over it.
    pub tries: i64,
    /// This worker has just saved that it posts the card, and nothing was sent since.
    pub post_begins: bool,
}

impl Context<'_> {
    pub(crate) fn store(&self) -> &Store {
        &self.worker.store
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.worker.clock.now()
    }

    /// Worker after worker died over what the attempt does next.
    pub(crate) fn worker_keeps_dying(&self) -> bool {
        self.tries > MAX_TRIES
    }

    /// The watch that begins now.
    pub(crate) fn watch_from_now(&self) -> Option<Watch> {
        let now = self.now();
        Some(Watch { until: now + self.worker.config.watch, look_at: now })
    }

    /// What Sentry reported, in the organisation of the settings where it names none.
    pub(crate) async fn incident(&self, attempt: &Attempt) -> Result<Option<Incident>, StoreError> {
        let incident = self.store().incident(attempt.id).await?;
        let known = |incident: Incident| Incident {
            organization: incident.organization.or_else(|| self.worker.config.sentry_org.clone()),
            ..incident
        };
        Ok(incident.map(known))
    }
}
