//! Secrets: where they come from, how they stay out of logs, and how a rotated one is picked up.
//!
//! They live in one Secrets Manager secret, a JSON object. A variable of the same name in the
//! environment wins (local use). What was read is kept for five minutes, and read again at once
//! when a service answers that a credential is no longer good.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::RwLock;

use crate::clock::Clock;
use crate::config::Environment;

/// How long a secret that was read is good without asking again.
const KEEP: SignedDuration = SignedDuration::from_mins(5);
/// How soon after a reading another one may be forced, so that a wrong credential does not become a storm of reads.
const FORCE_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(10);

/// How long a reading that failed is not tried again, as long as older values are known.
const AFTER_FAILURE: SignedDuration = SignedDuration::from_secs(30);

/// A text that must not be printed. `Debug` hides it; there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for the header or the HMAC that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The store of secrets could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the secret `{arn}`: {why}")]
pub struct SecretsUnavailable {
    arn: String,
    why: String,
}

/// All secrets of one function. Clones share what was read.
#[derive(Clone)]
pub struct Secrets(Arc<Inner>);

struct Inner {
    environment: Environment,
    source: Option<Source>,
    clock: Clock,
    read: RwLock<Read>,
}

struct Source {
    client: aws_sdk_secretsmanager::Client,
    arn: String,
}

#[derive(Default)]
struct Read {
    values: BTreeMap<String, Secret>,
    at: Option<Timestamp>,
    failed_at: Option<Timestamp>,
}

impl Secrets {
    /// Secrets from the environment alone.
    pub fn from_environment(environment: Environment, clock: Clock) -> Secrets {
        Secrets(Arc::new(Inner { environment, source: None, clock, read: RwLock::default() }))
    }

    /// Secrets from Secrets Manager, with the environment winning.
    pub fn from_secrets_manager(
        client: aws_sdk_secretsmanager::Client,
        arn: String,
        environment: Environment,
        clock: Clock,
    ) -> Secrets {
        let source = Some(Source { client, arn });
        Secrets(Arc::new(Inner { environment, source, clock, read: RwLock::default() }))
    }

    /// The secret of this name; `None` where it is unset or empty.
    ///
    /// # Errors
    /// When the secret has never been read and cannot be read now. A later failure keeps what is known.
    pub async fn get(&self, name: &str) -> Result<Option<Secret>, SecretsUnavailable> {
        if let Some(value) = self.0.environment.get(name) {
            return Ok(Some(Secret::new(value)));
        }
        self.read_if_older_than(KEEP).await?;
        Ok(self.0.read.read().await.values.get(name).cloned())
    }

    /// Reads everything now, so that the first request does not have to.
    pub async fn warm(&self) -> Result<(), SecretsUnavailable> {
        self.read_if_older_than(KEEP).await
    }

    /// A service refused a credential: reads again, unless that was done just now.
    pub async fn renew(&self) -> Result<(), SecretsUnavailable> {
        self.read_if_older_than(FORCE_AGAIN_AFTER).await
    }

    async fn read_if_older_than(&self, age: SignedDuration) -> Result<(), SecretsUnavailable> {
        let Some(source) = &self.0.source else { return Ok(()) };
        let now = self.0.clock.now();
        let within = |time: Option<Timestamp>, age| time.is_some_and(|time| now.duration_since(time) < age);
        // What is known stays good for a while where it cannot be read anew: an outage must not slow every request.
        let fresh = |read: &Read| {
            within(read.at, age) || (read.at.is_some() && within(read.failed_at, AFTER_FAILURE))
        };
        if fresh(&*self.0.read.read().await) {
            return Ok(());
        }
        let mut read = self.0.read.write().await;
        if fresh(&read) {
            return Ok(());
        }
        match source.fetch().await {
            Ok(values) => {
                *read = Read { values, at: Some(now), failed_at: None };
                Ok(())
            }
            Err(error) if read.at.is_some() => {
                tracing::warn!(error = %error, "Keeping the secrets that were read before");
                read.failed_at = Some(now);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

impl Source {
    async fn fetch(&self) -> Result<BTreeMap<String, Secret>, SecretsUnavailable> {
        let unavailable = |why: String| SecretsUnavailable { arn: self.arn.clone(), why };
        let answer = self.client.get_secret_value().secret_id(&self.arn).send().await.map_err(|error| {
            unavailable(aws_sdk_secretsmanager::error::DisplayErrorContext(&error).to_string())
        })?;
        let text = answer.secret_string().unwrap_or("{}");
        let object: BTreeMap<String, serde_json::Value> = serde_json::from_str(text)
            .map_err(|_| unavailable("it is not a JSON object of names and texts".to_owned()))?;
        let texts = object.into_iter().filter_map(|(name, value)| match value {
            serde_json::Value::String(text) if !text.is_empty() => Some((name, Secret::new(text))),
            _ => None, // an empty or non-text entry is an unset one
        });
        Ok(texts.collect())
    }
}

/// One named secret, read when it is used.
#[derive(Clone)]
pub struct Credential {
    secrets: Secrets,
    name: &'static str,
}

impl Credential {
    pub fn new(secrets: &Secrets, name: &'static str) -> Credential {
        Credential { secrets: secrets.clone(), name }
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    pub async fn get(&self) -> Result<Option<Secret>, SecretsUnavailable> {
        self.secrets.get(self.name).await
    }

    pub async fn renew(&self) -> Result<(), SecretsUnavailable> {
        self.secrets.renew().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print_itself() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
    }
}
