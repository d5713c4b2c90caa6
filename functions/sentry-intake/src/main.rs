//! The Lambda function `sentry-intake`: configuration, clients, run.

use autofix::clock::Clock;
use autofix::config::{Environment, IntakeConfig};
use autofix::endpoint::RefusalLog;
use autofix::metrics::Metrics;
use autofix::store::Store;
use autofix::{aws, endpoint, logging, redaction};
use sentry_intake::Intake;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let environment = Environment::of_process();
    logging::start_json(logging::level(&environment));
    let config = IntakeConfig::from_env(&environment)?;
    let clock = Clock::system();
    let prepare = |store: Store| async move {
        let (connected, ()) = tokio::join!(store.connect(), async { redaction::prepare() });
        connected
    };
    let (secrets, store) = aws::start(&environment, &config.common, &clock, prepare).await;
    let refusals = RefusalLog::new(Metrics::to_stdout(&config.common.table), clock.clone());
    let routes = sentry_intake::routes(Intake { config, secrets, store, clock });
    lambda_http::run(endpoint::closed(routes, refusals)).await
}
