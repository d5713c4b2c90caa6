//! Clients of AWS with one TLS stack: ring, since aws-lc gathers entropy for 20 ms at every cold start.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use self::http::Roots;
use crate::clock::Clock;
use crate::config::{CommonConfig, Environment};
use crate::secrets::Secrets;
use crate::store::contention::{FIRST_PAUSE, with_retries};
use crate::store::{Store, StoreError};

pub mod http;

const AMAZON_ROOTS: &[u8] = include_bytes!("aws/amazon_roots.pem");
/// For reaching the table at start.
const CONNECT_PATIENCE: Duration = Duration::from_secs(1);

/// The configuration of a Lambda function, made of what Lambda sets: region and credentials in the environment. Nothing
/// else is looked for, in files or over the network, which keeps the start short and the binary small.
/// `AWS_ENDPOINT_URL` and its per-service forms are heeded.
pub fn function_config(environment: &Environment) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(environment.get("AWS_REGION").map(|region| Region::new(region.to_owned())))
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .service_config(Endpoints::of(environment))
        .http_client(http::client(roots(environment)))
        .build()
}

/// The configuration of a person's machine: region and credentials from wherever AWS's own tools find them.
pub async fn sdk_config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest()).http_client(http::client(Roots::System)).load().await
}

/// Whom a function believes to be AWS: Amazon's own roots, since to read the system's 140 takes as long as all the rest of a
/// start. The system's where they are named, and in China, whose services have other roots.
fn roots(environment: &Environment) -> Roots {
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| environment.get(name).is_some());
    let in_china = environment.get("AWS_REGION").is_some_and(|region| region.starts_with("cn-"));
    match named || in_china {
        true => Roots::System,
        false => Roots::Only(AMAZON_ROOTS),
    }
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

/// The start of a function that somebody waits for: reads the secrets, and reaches the table with `reach` meanwhile and
/// while the first event is waited for, so that it finds both. What does not succeed is tried again by who needs it:
/// ending here would only hide why.
pub async fn start<R>(
    environment: &Environment,
    common: &CommonConfig,
    clock: &Clock,
    reach: impl FnOnce(Store) -> R,
) -> (Secrets, Store)
where
    R: Future<Output = Result<(), StoreError>> + Send + 'static,
{
    let sdk = function_config(environment);
    let secrets = secrets(&sdk, common, environment, clock);
    let table = async {
        tokio::task::yield_now().await; // making the table's client takes time: the secrets are asked for first
        let store = store(&sdk, common);
        let reached = tokio::time::timeout(CONNECT_PATIENCE, reach(store.clone()));
        tokio::spawn(async move {
            if !matches!(reached.await, Ok(Ok(()))) {
                tracing::warn!("Cannot reach the table at start");
            }
        });
        store
    };
    let (read, store) = tokio::join!(secrets.warm(), table);
    if let Err(error) = read {
        tracing::error!(error = %error, "Cannot read the secrets at start");
    }
    (secrets, store)
}

/// The table.
pub fn store(config: &SdkConfig, common: &CommonConfig) -> Store {
    let client = with_retries(aws_sdk_dynamodb::config::Builder::from(config), FIRST_PAUSE).build();
    Store::new(aws_sdk_dynamodb::Client::from_conf(client), common.table.clone())
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
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    use sha2::{Digest, Sha256};

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

    #[test]
    fn the_roots_are_those_that_amazon_publishes() {
        let published = [
            "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
            "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
            "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
            "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
            "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
        ];
        let certificates = CertificateDer::pem_slice_iter(AMAZON_ROOTS).map(Result::unwrap);
        let found: Vec<String> = certificates.map(|root| hex::encode(Sha256::digest(&root))).collect();
        assert_eq!(found, published);
    }

    #[test]
    fn a_function_believes_other_roots_only_where_it_is_told_to_or_has_to() {
        let trusts_system = |name: &str, value: &str| {
            matches!(roots(&Environment::from_iter([(name, value)])), Roots::System)
        };
        for (name, value) in
            [("SSL_CERT_FILE", "roots.pem"), ("SSL_CERT_DIR", "roots"), ("AWS_REGION", "cn-north-1")]
        {
            assert!(trusts_system(name, value), "{name}={value}");
        }
        for (name, value) in [("SSL_CERT_FILE", ""), ("AWS_REGION", "eu-central-1")] {
            assert!(!trusts_system(name, value), "{name}={value}");
        }
    }
}
