//! All functions together: the endpoints as one router, the worker fed by the table's stream and by the
//! clock, as Lambda would feed it. Whoever drives it decides when: `serve` in a loop, tests step by step.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use attempt_queries::Queries;
use autofix::clock::Clock;
use autofix::config::{Environment, IntakeConfig, InteractionsConfig, QueriesConfig, WorkerConfig};
use autofix::endpoint::{self, RefusalLog};
use autofix::metrics::Metrics;
use autofix::outbound::Outbound;
use autofix::secrets::Secrets;
use autofix::sentry::Sentry;
use autofix::slack::Slack;
use autofix::store::Store;
use aws_lambda_events::event::dynamodb::EventRecord;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use fix_worker::wake::Wake;
use fix_worker::{Invocation, Worker};
use jiff::SignedDuration;
use sentry_intake::Intake;
use slack_interactions::Interactions;
use tokio::sync::{Mutex, Notify, Semaphore};
use tokio::task::JoinSet;
use tracing::{error, warn};

use crate::stream::{self, StreamReader};
use crate::table::EmbeddedTable;

/// How long one invocation of the worker may take: Lambda's own limit.
const INVOCATION: SignedDuration = SignedDuration::from_mins(15);
/// Deliveries of a record that fails, as in the template; after that the clock takes over.
pub(crate) const DELIVERIES: u32 = 4;
/// Invocations of the worker at once, as in the template.
pub(crate) const PARALLEL: usize = 10;
/// Pause between two looks at the stream where no request to an endpoint gives a reason to look sooner.
pub(crate) const STREAM_PAUSE: Duration = Duration::from_secs(1);
/// The clock's period, as in the template.
pub(crate) const CLOCK_PERIOD: Duration = Duration::from_secs(60);
/// How often items past their time are deleted. DynamoDB promises days; an hour is plenty.
const SWEEP_PERIOD: Duration = Duration::from_secs(3600);

/// The functions of one deployment in this process.
pub struct OneProcess {
    endpoints: Router,
    worker: Arc<Worker>,
    stream: Mutex<StreamReader>,
    clock: Clock,
    table: EmbeddedTable,
    lambda: Arc<Lambda>,
    endpoint_used: Arc<Notify>,
}

/// What a process finds when it starts.
pub struct Surroundings<'a> {
    pub environment: &'a Environment,
    pub clock: Clock,
    pub outbound: Outbound,
    /// Path of the sandbox's page, if it is served beside the endpoints.
    pub sandbox_page: Option<&'static str>,
}

/// What Lambda does for the worker: names and times of invocations, a bound on how many run at once, and the queue of
/// what was given up.
struct Lambda {
    clock: Clock,
    parallel: Semaphore,
    given_up: AtomicU64,
}

impl Lambda {
    fn invocation(&self) -> Invocation {
        // No two in this program have the same name, not even those of two processes on one table, one after the other.
        static INVOCATIONS: AtomicU64 = AtomicU64::new(0);
        let number = INVOCATIONS.fetch_add(1, Ordering::Relaxed);
        Invocation { request_id: format!("local-{number}"), deadline: self.clock.now() + INVOCATION }
    }
}

impl OneProcess {
    /// Composes the functions as their `main`s do, on an embedded table, which it creates where it is missing.
    ///
    /// # Errors
    /// All settings that are wrong, at once; or the table's.
    pub async fn new(
        table: EmbeddedTable,
        environment: &Environment,
        clock: Clock,
        outbound: Outbound,
    ) -> anyhow::Result<OneProcess> {
        let secrets = Secrets::from_environment(environment.clone(), clock.clone());
        OneProcess::with_secrets(
            table,
            secrets,
            Surroundings { environment, clock, outbound, sandbox_page: None },
        )
        .await
    }

    /// As [`OneProcess::new`], with secrets from elsewhere and perhaps beside the sandbox's page.
    pub async fn with_secrets(
        table: EmbeddedTable,
        secrets: Secrets,
        surroundings: Surroundings<'_>,
    ) -> anyhow::Result<OneProcess> {
        let Surroundings { environment, clock, outbound, sandbox_page } = surroundings;
        let config = Configs::read(environment)?;
        let name = config.worker.common.table.clone();
        table.create(&name).await.context("create the table")?;
        let store = |function| Store::new(table.client_of(function), &name);
        let slack = Slack::new(outbound.clone(), config.interactions.slack_api_url.clone(), &secrets);
        let sentry = Sentry::new(outbound.clone(), config.queries.sentry_url.clone(), &secrets);
        let intake = Intake {
            config: config.intake,
            secrets: secrets.clone(),
            store: store("sentry-intake"),
            clock: clock.clone(),
        };
        let interactions = Interactions {
            config: config.interactions,
            secrets: secrets.clone(),
            store: store("slack-interactions"),
            slack,
            clock: clock.clone(),
        };
        let queries = Queries {
            config: config.queries,
            secrets: secrets.clone(),
            store: store("attempt-queries"),
            sentry,
            clock: clock.clone(),
            sandbox_page,
        };
        let routes = sentry_intake::routes(intake)
            .merge(slack_interactions::routes(interactions))
            .merge(attempt_queries::routes(queries));
        let endpoint_used = Arc::new(Notify::new());
        let used = Arc::clone(&endpoint_used);
        let notify = move |request: Request, next: Next| {
            let used = Arc::clone(&used);
            async move {
                let answer = next.run(request).await;
                used.notify_one();
                answer
            }
        };
        let lambda =
            Lambda { clock: clock.clone(), parallel: Semaphore::new(PARALLEL), given_up: AtomicU64::new(0) };
        Ok(OneProcess {
            endpoints: endpoint::closed(routes, RefusalLog::new(Metrics::none(), clock.clone()))
                .layer(middleware::from_fn(notify)),
            endpoint_used,
            stream: Mutex::new(StreamReader::new(table.streams(), &name)),
            worker: Arc::new(Worker::new(
                config.worker,
                secrets,
                store("fix-worker"),
                clock.clone(),
                outbound,
            )),
            clock,
            table,
            lambda: Arc::new(lambda),
        })
    }

    /// The same process with its worker measured, before anything is delivered.
    pub fn measured(self, metrics: Metrics) -> OneProcess {
        let worker = Arc::into_inner(self.worker).expect("only a delivery under way has another handle");
        OneProcess { worker: Arc::new(worker.measured(metrics)), ..self }
    }

    /// The three endpoints on one router.
    pub fn endpoints(&self) -> Router {
        self.endpoints.clone()
    }

    pub fn store(&self) -> &Store {
        &self.worker.store
    }

    /// Takes every lease away: whoever held one was a process that is gone, since the table is ours alone.
    pub async fn break_leases(&self) -> anyhow::Result<()> {
        self.worker
            .store
            .break_leases(self.clock.now())
            .await
            .context("take over what an earlier process left")
    }

    /// The embedded table.
    pub fn table(&self) -> &EmbeddedTable {
        &self.table
    }

    /// The embedded table, given back so that a test can start another process on it.
    pub fn into_table(self) -> EmbeddedTable {
        self.table
    }

    /// Delivers what the stream has, and waits until the worker is done with it. Returns the number of records.
    pub async fn deliver(&self) -> anyhow::Result<usize> {
        let mut tasks = JoinSet::new();
        let count = self.start_deliveries(&mut tasks).await?;
        while let Some(ended) = tasks.join_next().await {
            ended.context("a worker ended by a panic")??;
        }
        Ok(count)
    }

    /// The records that the stream has now, for [`OneProcess::deliver_record`]; it will not have them again.
    pub async fn records(&self) -> anyhow::Result<Vec<EventRecord>> {
        let mut stream = self.stream.lock().await;
        stream.poll().await
    }

    /// How many records were given up, which Lambda would put into the dead-letter queue. The clock takes up their attempts.
    pub fn given_up(&self) -> u64 {
        self.lambda.given_up.load(Ordering::Relaxed)
    }

    /// Delivers one record, be it for the first time or once more.
    pub async fn deliver_record(&self, record: EventRecord) -> anyhow::Result<()> {
        deliver_record(&self.worker, record, &self.lambda).await
    }

    /// One run of the clock. One that fails is logged; the next one makes up for it.
    pub async fn tick(&self) {
        if let Err(error) = self.try_tick().await {
            error!(error = format!("{error:#}"), "A run of the clock failed");
        }
    }

    /// One run of the clock.
    ///
    /// # Errors
    /// Where Lambda would count a failed invocation.
    pub async fn try_tick(&self) -> anyhow::Result<()> {
        self.worker.handle(Wake::Clock, &self.lambda.invocation()).await?;
        Ok(())
    }

    /// From now on the worker is measured.
    ///
    /// # Panics
    /// Where it is at work already.
    pub fn measure(&mut self, metrics: Metrics) {
        Arc::get_mut(&mut self.worker).expect("the worker has not begun").metrics = metrics;
    }

    /// Runs stream and clock until the future is dropped. A long analysis holds up neither.
    pub async fn run(&self) {
        let mut clock = tokio::time::interval(CLOCK_PERIOD);
        let mut sweep = tokio::time::interval(SWEEP_PERIOD);
        let mut stream = tokio::time::interval(STREAM_PAUSE);
        stream.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                () = self.next_look(&mut stream) => if let Err(error) = self.start_deliveries(&mut tasks).await {
                    error!(error = format!("{error:#}"), "Cannot deliver the table's stream");
                },
                _ = clock.tick() => {
                    let (worker, invocation) = (Arc::clone(&self.worker), self.lambda.invocation());
                    tasks.spawn(async move {
                        worker.handle(Wake::Clock, &invocation).await.context("run the clock")?;
                        Ok(())
                    });
                }
                _ = sweep.tick() => if let Err(error) = self.table.sweep_expired().await {
                    warn!(error = format!("{error:#}"), "Cannot delete what has expired");
                },
                Some(ended) = tasks.join_next() => match ended {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => error!(error = format!("{error:#}"), "A worker failed; what it left is the clock's"),
                    Err(_) => error!("A worker ended by a fault; its attempt is left to the clock"),
                },
            }
        }
    }

    /// Whatever comes first: an endpoint has answered a request, or the pause is over.
    async fn next_look(&self, stream: &mut tokio::time::Interval) {
        tokio::select! { () = self.endpoint_used.notified() => {}, _ = stream.tick() => {} }
    }

    async fn start_deliveries(&self, tasks: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Result<usize> {
        let records = self.records().await?;
        let count = records.len();
        for record in records {
            let (lambda, worker) = (Arc::clone(&self.lambda), Arc::clone(&self.worker));
            tasks.spawn(async move {
                let _turn = lambda.parallel.acquire().await;
                // Its time begins when it begins.
                deliver_record(&worker, record, &lambda).await
            });
        }
        Ok(count)
    }
}

/// Delivers one record until it is taken, as the stream's mapping does.
async fn deliver_record(worker: &Worker, record: EventRecord, lambda: &Lambda) -> anyhow::Result<()> {
    let invocation = lambda.invocation();
    let event = serde_json::to_value(stream::event_of(record.clone())).context("write a stream event")?;
    for _ in 0..DELIVERIES {
        let answer = worker.handle(Wake::read(event.clone())?, &invocation).await?;
        if answer.batch_item_failures.is_empty() {
            return Ok(());
        }
    }
    error!("A record of the stream was not taken; its attempt is left to the clock");
    lambda.given_up.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// All that is wrong with the settings, one sentence each; empty where AutoFix can start.
pub fn setting_problems(environment: &Environment) -> Vec<String> {
    Configs::read(environment).err().map(|error| error.0).unwrap_or_default()
}

/// The settings of all functions.
struct Configs {
    intake: IntakeConfig,
    interactions: InteractionsConfig,
    queries: QueriesConfig,
    worker: WorkerConfig,
}

impl Configs {
    /// Collects the problems of all functions, each once.
    fn read(environment: &Environment) -> Result<Configs, autofix::config::ConfigError> {
        let mut problems: Vec<String> = Vec::new();
        let mut keep = |error: autofix::config::ConfigError| {
            for problem in error.0 {
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
            }
        };
        let intake = IntakeConfig::from_env(environment).map_err(&mut keep).ok();
        let interactions = InteractionsConfig::from_env(environment).map_err(&mut keep).ok();
        let queries = QueriesConfig::from_env(environment).map_err(&mut keep).ok();
        let worker = WorkerConfig::from_env(environment).map_err(&mut keep).ok();
        match (intake, interactions, queries, worker) {
            (Some(intake), Some(interactions), Some(queries), Some(worker)) => {
                Ok(Configs { intake, interactions, queries, worker })
            }
            _ => Err(autofix::config::ConfigError(problems)),
        }
    }
}
