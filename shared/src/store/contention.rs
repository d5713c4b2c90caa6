//! A write of one item that meets another writer's transaction, or more writes than its partition takes: it is tried again
//! after a short pause. Transactions themselves are tried again by [`Store::transact`](super::Store::transact), because the
//! SDK does not look at the reasons in their answer.

use std::time::Duration;

use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::config::retry::{ClassifyRetry, RetryAction, RetryConfig};
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;

/// Tries of a request. With [`FIRST_PAUSE`] all of them take about a second and a half, while an HTTP function has ten.
pub const TRIES: u32 = 6;
/// Before the second try, at most; it doubles with each try. A transaction takes some ten milliseconds.
pub const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The configuration of a client of the table, with retries.
pub fn with_retries(config: Builder, first_pause: Duration) -> Builder {
    let retries = RetryConfig::standard().with_max_attempts(TRIES).with_initial_backoff(first_pause);
    config.retry_config(retries).retry_classifier(InTheWay)
}

/// The SDK takes a conflict with a transaction for final.
#[derive(Debug)]
struct InTheWay;

impl ClassifyRetry for InTheWay {
    fn classify_retry(&self, request: &InterceptorContext) -> RetryAction {
        let error =
            request.output_or_error().and_then(Result::err).and_then(|error| error.as_operation_error());
        let code = error.and_then(|error| {
            let put = error.downcast_ref::<PutItemError>().and_then(ProvideErrorMetadata::code);
            put.or_else(|| error.downcast_ref::<UpdateItemError>().and_then(ProvideErrorMetadata::code))
        });
        match code {
            Some("TransactionConflictException") => RetryAction::transient_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "conflict with a transaction"
    }
}
