//! What AWS does for the worker, for a worker that runs under `sam local start-lambda` or `cargo lambda watch`: it gets the
//! records of the table's stream, and the clock once a minute.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use aws_lambda_events::event::dynamodb::EventRecord;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::MissedTickBehavior;
use tracing::{error, info, warn};
use url::Url;

use crate::forward;
use crate::one_process::{CLOCK_PERIOD, DELIVERIES, PARALLEL, STREAM_PAUSE};
use crate::stream::{StreamReader, event_of};

/// The worker in `template.yaml`.
const WORKER: &str = "FixWorkerFunction";
/// For one invocation: Lambda's longest, and a minute for a container to start.
const INVOCATION_LIMIT: Duration = Duration::from_secs(16 * 60);
/// Between two tries to reach Lambda's API before it was started.
const START_PAUSE: Duration = Duration::from_secs(1);

/// Lambda's API on this machine, and the worker behind it.
#[derive(Clone)]
pub struct LambdaApi {
    invocations: Url,
    client: reqwest::Client,
}

impl LambdaApi {
    /// `url` is where the API listens. Its path, if it has one, is the worker's name there: `cargo lambda` knows functions
    /// by the names of their binaries.
    ///
    /// # Errors
    /// If the HTTP client cannot be made, or the URL has no host.
    pub fn at(url: &Url) -> anyhow::Result<LambdaApi> {
        let name = match url.path().trim_matches('/') {
            "" => WORKER,
            name => name,
        };
        let invocations = url.join(&format!("/2015-03-31/functions/{name}/invocations"));
        let invocations = invocations.with_context(|| format!("`{url}` is no address of Lambda's API"))?;
        Ok(LambdaApi { invocations, client: forward::client()? })
    }

    /// The function's answer. Waits until the API listens.
    async fn invoke(&self, event: &Value) -> anyhow::Result<Value> {
        let answer = loop {
            let request = self.client.post(self.invocations.clone()).timeout(INVOCATION_LIMIT).json(event);
            match request.send().await {
                Err(error) if error.is_connect() => tokio::time::sleep(START_PAUSE).await,
                answer => break answer.context("invoke the worker")?,
            }
        };
        let (status, body) = (answer.status(), answer.bytes().await.context("read the worker's answer")?);
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        if !status.is_success() || body.get("errorType").is_some() {
            bail!("{} answered {status}: {body}", self.invocations);
        }
        Ok(body)
    }

    /// Delivers one record until the worker takes it, as the stream's mapping does.
    async fn deliver(&self, record: EventRecord) -> anyhow::Result<()> {
        let event = serde_json::to_value(event_of(record)).context("write a stream event")?;
        for _ in 0..DELIVERIES {
            match self.invoke(&event).await {
                Ok(answer) if answer["batchItemFailures"].as_array().is_none_or(Vec::is_empty) => {
                    return Ok(());
                }
                Ok(answer) => warn!("The worker did not take a record: {answer}"),
                Err(error) => warn!(error = format!("{error:#}"), "The worker failed"),
            }
        }
        bail!("A record of the stream was not taken; its attempt is left to the clock")
    }
}

/// Delivers until the future is dropped.
pub async fn run(api: LambdaApi, mut stream: StreamReader) {
    let mut look = tokio::time::interval(STREAM_PAUSE);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut clock = tokio::time::interval(CLOCK_PERIOD);
    clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let parallel = Arc::new(Semaphore::new(PARALLEL));
    let mut tasks = JoinSet::new();
    let mut run_of_the_clock: Option<AbortHandle> = None;
    info!("Records of the stream go to {}", api.invocations);
    loop {
        tokio::select! {
            _ = look.tick() => match stream.poll().await {
                Ok(records) => for record in records {
                    let (api, parallel) = (api.clone(), Arc::clone(&parallel));
                    tasks.spawn(async move {
                        let _turn = parallel.acquire().await;
                        api.deliver(record).await
                    });
                },
                Err(error) => error!(error = format!("{error:#}"), "Cannot read the table's stream"),
            },
            // Before Lambda's API listens, its runs would add up.
            _ = clock.tick(), if run_of_the_clock.as_ref().is_none_or(AbortHandle::is_finished) => {
                let api = api.clone();
                let run = async move { api.invoke(&tick()).await.context("run the clock").map(drop) };
                run_of_the_clock = Some(tasks.spawn(run));
            }
            Some(ended) = tasks.join_next() => match ended {
                Ok(Ok(())) => {}
                Ok(Err(error)) => error!(error = format!("{error:#}"), "A delivery failed"),
                Err(_) => error!("A delivery ended by a fault"),
            },
        }
    }
}

/// The part of EventBridge's event by which the worker knows the clock.
fn tick() -> Value {
    json!({ "source": "aws.events", "detail-type": "Scheduled Event", "detail": {} })
}
