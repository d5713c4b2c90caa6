//! The Lambda function `sentry-intake`: configuration, clients, run.

use autofix::clock::Clock;
use autofix::config::{Environment, IntakeConfig};
use autofix::{aws, door, logging};
use sentry_intake::Intake;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let environment = Environment::of_process();
    logging::start_json(logging::level(&environment));
    let config = IntakeConfig::from_env(&environment)?;
    let clock = Clock::system();
    let sdk = aws::function_config(&environment);
    let secrets = aws::secrets(&sdk, &config.common, &environment, &clock);
    let store = aws::store(&sdk, &config.common);
    aws::warm_up(&secrets, &store).await;
    lambda_http::run(door::closed(sentry_intake::routes(Intake { config, secrets, store, clock }))).await
}
