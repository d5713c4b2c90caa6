//! The worker: woken by the table's stream and by the clock, it takes the lease of an attempt, asks
//! the attempt what to do next, does it, saves, and goes on until the attempt waits or has ended.
//!
//! * [`wake`] reads what woke it, `desk` is the loop and the lease;
//! * `analyze` fetches what a [`case`] is made of; the [`investigation`] finds cause and fix, in conversations with
//!   Claude that an [`analyst`] pays for;
//! * `catch_up` finds issues whose webhook never came; a `circuit` leaves a service alone that is down, and an `outage` tells;
//! * `same_fault` sees to it that no two attempts look at one fault; `places` at how many pull requests are open; `owner`
//!   finds whom to name;
//! * `pull_request` opens and closes, `checks` looks at what is open, `repair` writes it again, `head` puts it on a newer base,
//!   `merge` merges, `watch` stays until the error is gone, `roll_back` takes it back; `announce` keeps the card up to date.

pub mod analyst;
mod analyze;
mod announce;
pub mod case;
mod catch_up;
mod checks;
mod circuit;
mod conversation;
mod desk;
mod head;
pub mod investigation;
mod merge;
mod outage;
mod owner;
mod places;
mod pull_request;
mod repair;
mod roll_back;
mod same_fault;
mod trail;
mod trouble;
pub mod turn_file;
pub mod wake;
mod watch;

use std::time::Duration;

use autofix::attempt::AttemptId;
use autofix::claude::Claude;
use autofix::clock::Clock;
use autofix::config::WorkerConfig;
use autofix::github::{Github, Identity};
use autofix::metrics::{Measured, Metrics};
use autofix::outbound::{Outbound, Switchboard};
use autofix::secrets::Secrets;
use autofix::sentry::Sentry;
use autofix::slack::Slack;
use autofix::store::{Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use tracing::{Instrument, error, info, info_span, warn};

pub use desk::Stopped;
use desk::Worked;
use wake::{Answer, ItemFailure, Wake};

/// Time kept at the end of an invocation for saving and giving the lease back.
const MARGIN: SignedDuration = SignedDuration::from_secs(20);
/// Attempts that one run of the clock takes from a partition of the index. The next run is a minute away.
const CLOCK_BATCH: i32 = 25;

/// Everything the worker works with.
pub struct Worker {
    pub config: WorkerConfig,
    pub secrets: Secrets,
    pub store: Store,
    pub clock: Clock,
    /// Which services are not asked at the moment; shared with the clients.
    switchboard: Switchboard,
    pub claude: Claude,
    pub github: Github,
    pub slack: Slack,
    pub sentry: Sentry,
    pub metrics: Metrics,
}

/// One invocation: who it is, and until when it may work.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The same when the same event is delivered again by the same invoker.
    pub request_id: String,
    pub deadline: Timestamp,
}

impl Worker {
    /// A worker with its clients. `outbound` is the one way out of the process.
    pub fn new(
        config: WorkerConfig,
        secrets: Secrets,
        store: Store,
        clock: Clock,
        outbound: Outbound,
    ) -> Worker {
        let switchboard = Switchboard::default();
        let outbound = outbound.patient(&clock, &switchboard);
        Worker {
            claude: Claude::new(
                outbound.clone(),
                config.anthropic_url.clone(),
                config.model.clone(),
                &secrets,
            )
            .priced(config.price),
            github: Github::new(
                outbound.clone(),
                config.github_url.clone(),
                Identity::from_settings(config.github_app_id.as_deref(), &secrets, clock.clone()),
            ),
            slack: Slack::new(outbound.clone(), config.slack_api_url.clone(), &secrets),
            sentry: Sentry::new(outbound, config.sentry_url.clone(), &secrets),
            config,
            secrets,
            store,
            clock,
            switchboard,
            metrics: Metrics::none(),
        }
    }

    /// The same worker, measured.
    pub fn measured(self, metrics: Metrics) -> Worker {
        Worker { metrics, ..self }
    }

    pub(crate) fn measure(&self, measured: &Measured) {
        self.metrics.record(measured, self.clock.now());
    }

    /// Does what the event asks for. Records of the stream that could not be worked on are named in the answer, so
    /// that they are delivered again.
    ///
    /// # Errors
    /// When the table does not tell the clock what is due: the invocation has failed, and alarms count that.
    pub async fn handle(&self, wake: Wake, invocation: &Invocation) -> Result<Answer, StoreError> {
        match wake {
            Wake::Records(records) => {
                let mut failures = Vec::new();
                for record in records {
                    let Some(id) = record.attempt else { continue };
                    let owner = format!("stream:{}", record.event_id);
                    if let Err(error) = self.work_on(id, &owner, invocation).await {
                        error!(attempt.id = %id, error = %error, "Left attempt {id} to be delivered again");
                        failures.push(ItemFailure { item_identifier: record.sequence_number });
                        break; // everything from here on is delivered again
                    }
                }
                Ok(Answer { batch_item_failures: failures })
            }
            // Boxed, here and below: rustc follows nested futures only so deep.
            Wake::Clock => Box::pin(self.tick(invocation)).await.map(|()| Answer::default()),
        }
    }

    /// Wakes every attempt whose time has come, tells the digest and outages, and looks for lost webhooks.
    async fn tick(&self, invocation: &Invocation) -> Result<(), StoreError> {
        let now = self.clock.now();
        if let Err(error) = self.store.gather_turned_away(now).await {
            error!(error = %error, "Left what was turned away to the next run of the clock");
        }
        let due = self.store.due(now, CLOCK_BATCH).await?;
        let waited = due.oldest.map_or(0, |oldest| now.duration_since(oldest).as_secs());
        self.measure(&Measured::Queue { age_seconds: waited.max(0) });
        let owner = format!("clock:{}", invocation.request_id);
        for id in due.attempts {
            if self.time_left(invocation) < Duration::from_secs(30) {
                info!("Left the rest of what is due to the next run of the clock");
                break;
            }
            if let Err(error) = self.work_on(id, &owner, invocation).await {
                error!(attempt.id = %id, error = %error, "Left attempt {id} to the next run of the clock");
            }
        }
        circuit::look(self).await?;
        if due.digest {
            Box::pin(announce::tell_digest(self)).await?;
        }
        for service in due.outages {
            Box::pin(outage::show(self, service)).await?;
        }
        Box::pin(catch_up::run(self)).await?;
        if let Err(error) = Box::pin(self.store.keep_sums(now)).await {
            error!(error = %error, "Left the scoreboard's sums to a later run of the clock");
        }
        circuit::note(self).await
    }

    async fn work_on(&self, id: AttemptId, owner: &str, invocation: &Invocation) -> Result<(), StoreError> {
        let span = info_span!("attempt", attempt.id = %id);
        let worked = Box::pin(desk::work(self, id, owner, invocation.deadline)).instrument(span).await?;
        match worked {
            Worked::Settled | Worked::ChangedMeanwhile => {}
            Worked::Busy => info!(attempt.id = %id, "Attempt {id} is in other hands"),
            Worked::LostLease => warn!(attempt.id = %id, "Lost the lease of attempt {id}"),
            Worked::Missing => warn!(attempt.id = %id, "There is no attempt {id}"),
        }
        Ok(())
    }

    fn time_left(&self, invocation: &Invocation) -> Duration {
        let left = invocation.deadline.duration_since(self.clock.now()) - MARGIN;
        Duration::try_from(left).unwrap_or(Duration::ZERO)
    }
}
