//! The Lambda function `fix-worker`: configuration, clients, run.

use std::sync::Arc;

use autofix::clock::Clock;
use autofix::config::{Environment, WorkerConfig};
use autofix::metrics::Metrics;
use autofix::outbound::Outbound;
use autofix::{aws, logging};
use fix_worker::wake::{Answer, Wake};
use fix_worker::{Invocation, Worker};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Error, LambdaEvent, service_fn};

/// Lambda's longest.
const LONGEST: SignedDuration = SignedDuration::from_mins(15);

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
    let deadline = deadline(event.context.deadline, worker.clock.now())?;
    let invocation = Invocation { request_id: event.context.request_id, deadline };
    Ok(worker.handle(wake, &invocation).await?)
}

/// When Lambda ends the invocation. `cargo lambda watch` says a time of 1970: a time that is past is none.
fn deadline(milliseconds: u64, now: Timestamp) -> Result<Timestamp, Error> {
    let deadline = Timestamp::from_millisecond(i64::try_from(milliseconds)?)?;
    Ok(if deadline > now { deadline } else { now + LONGEST })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_that_is_past_leaves_the_longest_time_that_lambda_knows() {
        let now = Timestamp::from_millisecond(1_000_000).unwrap();
        let minutes = |milliseconds| deadline(milliseconds, now).unwrap().duration_since(now).as_secs() / 60;
        assert_eq!(minutes(600_000), 15);
        assert_eq!(minutes(1_000_000 + 120_000), 2);
        assert!(deadline(u64::MAX, now).is_err());
    }
}
