//! The Lambda function `attempt-queries`: configuration, clients, run.

use attempt_queries::Queries;
use autofix::clock::Clock;
use autofix::config::{Environment, QueriesConfig};
use autofix::{aws, door, logging};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let environment = Environment::of_process();
    logging::start_json(logging::level(&environment));
    let config = QueriesConfig::from_env(&environment)?;
    let clock = Clock::system();
    let sdk = aws::function_config(&environment);
    let secrets = aws::secrets(&sdk, &config.common, &environment, &clock);
    let store = aws::store(&sdk, &config.common);
    aws::warm_up(&secrets, &store).await;
    lambda_http::run(door::closed(attempt_queries::routes(Queries { config, secrets, store, clock }))).await
}
