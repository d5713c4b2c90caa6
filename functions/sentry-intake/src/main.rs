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
    if let Err(error) = secrets.warm().await {
        // The door answers 503 until the secret can be read; ending here would only hide why.
        tracing::error!(error = %error, "Cannot read the secrets at start");
    }
    let store = aws::store(&sdk, &config.common);
    lambda_http::run(door::closed(sentry_intake::routes(Intake { config, secrets, store, clock }))).await
}
