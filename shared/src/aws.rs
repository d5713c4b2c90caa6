//! Clients of AWS with one TLS stack: ring, since aws-lc gathers entropy for 20 ms at every cold start.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls;

use crate::clock::Clock;
use crate::config::{CommonConfig, Environment};
use crate::secrets::Secrets;
use crate::store::Store;

/// The configuration that the environment gives: region, credentials, `AWS_ENDPOINT_URL` and its per-service forms.
pub async fn sdk_config() -> SdkConfig {
    let https = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .build_https();
    aws_config::defaults(BehaviorVersion::latest()).http_client(https).load().await
}

/// The table.
pub fn store(config: &SdkConfig, common: &CommonConfig) -> Store {
    Store::new(aws_sdk_dynamodb::Client::new(config), common.table.clone())
}

/// The secrets: from Secrets Manager where an ARN is set, else from the environment alone.
pub fn secrets(
    config: &SdkConfig,
    common: &CommonConfig,
    environment: &Environment,
    clock: &Clock,
) -> Secrets {
    match &common.secret_arn {
        Some(arn) => Secrets::from_secrets_manager(
            aws_sdk_secretsmanager::Client::new(config),
            arn.clone(),
            environment.clone(),
            clock.clone(),
        ),
        None => Secrets::from_environment(environment.clone(), clock.clone()),
    }
}
