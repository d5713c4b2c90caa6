//! Clients of AWS with one TLS stack: ring, since aws-lc gathers entropy for 20 ms at every cold start.

use std::collections::BTreeMap;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_http_client::tls;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use crate::clock::Clock;
use crate::config::{CommonConfig, Environment};
use crate::secrets::Secrets;
use crate::store::Store;

/// The configuration of a Lambda function, made of what Lambda sets: region and credentials in the environment. Nothing
/// else is looked for, in files or over the network, which keeps the start short and the binary small.
/// `AWS_ENDPOINT_URL` and its per-service forms are heeded.
pub fn function_config(environment: &Environment) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(environment.get("AWS_REGION").map(|region| Region::new(region.to_owned())))
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .service_config(Endpoints::of(environment))
        .http_client(https())
        .build()
}

/// The configuration of a person's machine: region and credentials from wherever AWS's own tools find them.
pub async fn sdk_config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest()).http_client(https()).load().await
}

fn https() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .build_https()
}

/// Where each service is, as the environment says: `AWS_ENDPOINT_URL_DYNAMODB`, else `AWS_ENDPOINT_URL`.
#[derive(Debug)]
struct Endpoints(BTreeMap<String, String>);

impl Endpoints {
    const VARIABLE: &str = "AWS_ENDPOINT_URL";

    fn of(environment: &Environment) -> Endpoints {
        let all = environment.pairs().into_iter();
        Endpoints(
            all.filter(|(name, url)| name.starts_with(Endpoints::VARIABLE) && !url.is_empty()).collect(),
        )
    }
}

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_uppercase().replace(' ', "_");
        let own = self.0.get(&format!("{}_{service}", key.env()));
        own.or_else(|| self.0.get(key.env())).cloned()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_where_its_own_variable_says_before_the_common_one() {
        let key = |service| {
            let key = ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL");
            key.profile("endpoint_url").build().unwrap()
        };
        let common = ("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
        let own = ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:2");
        let endpoints = Endpoints::of(&Environment::from_iter([common, own]));
        assert_eq!(endpoints.load_config(key("Secrets Manager")).as_deref(), Some(own.1));
        assert_eq!(endpoints.load_config(key("DynamoDB")).as_deref(), Some(common.1));
        let nowhere = Endpoints::of(&Environment::from_iter([("AWS_ENDPOINT_URL", "")]));
        assert_eq!(nowhere.load_config(key("DynamoDB")), None);
    }
}
