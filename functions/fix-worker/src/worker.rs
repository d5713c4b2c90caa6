//! What the worker works with, and the invocation that it works in.

use std::time::Duration;

use autofix::claude::Claude;
use autofix::clock::Clock;
use autofix::config::WorkerConfig;
use autofix::github::{Github, Identity};
use autofix::metrics::{Measured, Metrics};
use autofix::outbound::Outbound;
use autofix::secrets::Secrets;
use autofix::sentry::Sentry;
use autofix::slack::Slack;
use autofix::store::Store;
use jiff::{SignedDuration, Timestamp};

/// Time kept at the end of an invocation for saving and giving the lease back.
const MARGIN: SignedDuration = SignedDuration::from_secs(20);

/// Everything the worker works with.
pub struct Worker {
    pub config: WorkerConfig,
    pub secrets: Secrets,
    pub store: Store,
    pub clock: Clock,
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
        let outbound = outbound.patient(&clock);
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
}

/// Time for work before a deadline, the margin for saving already taken off.
pub(crate) fn time_left(deadline: Timestamp, clock: &Clock) -> Duration {
    Duration::try_from(deadline.duration_since(clock.now()) - MARGIN).unwrap_or(Duration::ZERO)
}
