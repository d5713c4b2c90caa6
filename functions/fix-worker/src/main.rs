//! The Lambda function `fix-worker`: configuration, clients, run.

use std::sync::Arc;

use autofix::clock::Clock;
use autofix::config::{Environment, WorkerConfig};
use autofix::metrics::Metrics;
use autofix::outbound::Outbound;
use autofix::{aws, logging};
use fix_worker::wake::{Answer, Wake};
use fix_worker::{Invocation, Worker};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process();
    logging::start_json(logging::level(&environment));
    let config = WorkerConfig::from_env(&environment)?;
    let clock = Clock::system();
    let sdk = aws::function_config(&environment);
    let secrets = aws::secrets(&sdk, &config.common, &environment, &clock);
    let store = aws::store(&sdk, &config.common);
    let metrics = Metrics::to_stdout(&config.common.table);
    let worker = Worker::new(config, secrets, store, clock, Outbound::new(None)?).measured(metrics);
    let worker = Arc::new(worker);
    lambda_runtime::run(service_fn(|event: LambdaEvent<serde_json::Value>| {
        handle(Arc::clone(&worker), event)
    }))
    .await
}

async fn handle(worker: Arc<Worker>, event: LambdaEvent<serde_json::Value>) -> Result<Answer, Error> {
    let wake = Wake::read(event.payload)?;
    let deadline = i64::try_from(event.context.deadline)?;
    let deadline = Timestamp::from_millisecond(deadline)?;
    let invocation = Invocation { request_id: event.context.request_id, deadline };
    Ok(worker.handle(wake, &invocation).await?)
}
