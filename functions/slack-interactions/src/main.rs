//! The Lambda function `slack-interactions`: configuration, clients, run.

use autofix::clock::Clock;
use autofix::config::{Environment, InteractionsConfig};
use autofix::endpoint::RefusalLog;
use autofix::metrics::Metrics;
use autofix::outbound::Outbound;
use autofix::slack::Slack;
use autofix::store::Store;
use autofix::{aws, endpoint, logging};
use slack_interactions::Interactions;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let environment = Environment::of_process();
    logging::start_json(logging::level(&environment));
    let config = InteractionsConfig::from_env(&environment)?;
    let clock = Clock::system();
    let (secrets, store) = aws::start(&environment, &config.common, &clock, Store::connect).await;
    let slack = Slack::new(Outbound::made_on_first_use(), config.slack_api_url.clone(), &secrets);
    let refusals = RefusalLog::new(Metrics::to_stdout(&config.common.table), clock.clone());
    let routes = slack_interactions::routes(Interactions { config, secrets, store, slack, clock });
    lambda_http::run(endpoint::closed(routes, refusals)).await
}
