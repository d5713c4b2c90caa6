//! The Lambda function `attempt-queries`: configuration, clients, run.

use attempt_queries::Queries;
use autofix::clock::Clock;
use autofix::config::{Environment, QueriesConfig};
use autofix::endpoint::RefusalLog;
use autofix::metrics::Metrics;
use autofix::outbound::Outbound;
use autofix::sentry::Sentry;
use autofix::store::Store;
use autofix::{aws, endpoint, logging};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let environment = Environment::of_process();
    logging::start_json(logging::level(&environment));
    let config = QueriesConfig::from_env(&environment)?;
    let clock = Clock::system();
    let (secrets, store) = aws::start(&environment, &config.common, &clock, Store::connect).await;
    let refusals = RefusalLog::new(Metrics::to_stdout(&config.common.table), clock.clone());
    let sentry = Sentry::new(Outbound::made_on_first_use(), config.sentry_url.clone(), &secrets);
    let routes =
        attempt_queries::routes(Queries { config, secrets, store, sentry, clock, sandbox_page: None });
    lambda_http::run(endpoint::closed(routes, refusals)).await
}
