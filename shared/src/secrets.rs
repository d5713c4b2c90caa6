//! Secrets: where they come from, how they stay out of logs, and how a rotated one is picked up.
//!
//! They live in one Secrets Manager secret, a JSON object. A variable of the same name in the
//! environment wins (local use). What was read is kept for five minutes, and read again at once
//! when a service answers that a credential is no longer good, or when a signature does not match.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex, RwLock};

use crate::clock::Clock;
use crate::config::{Environment, names};

/// How long a secret that was read is good without asking again.
const KEEP: SignedDuration = SignedDuration::from_mins(5);
/// How soon after a forced reading another one may be forced: neither a wrong credential nor a stranger's forged
/// webhooks may become a storm of reads.
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
#[error("cannot read the secret `{arn}`: {kind}: {why}")]
pub struct SecretsUnavailable {
    arn: String,
    /// In a few words, for people: `AccessDeniedException`, `no answer in time`.
    kind: String,
    why: String,
}

impl SecretsUnavailable {
    /// What went wrong, without names of the account.
    pub fn kind(&self) -> &str {
        &self.kind
    }
}

/// All secrets of one function. Clones share what was read.
#[derive(Clone)]
pub struct Secrets(Arc<Inner>);

struct Inner {
    environment: Environment,
    source: Option<Source>,
    clock: Clock,
    read: RwLock<Read>,
    /// Held by whoever reads anew; others go on with what is known.
    reading: Mutex<()>,
}

struct Source {
    client: aws_sdk_secretsmanager::Client,
    arn: String,
}

#[derive(Default)]
struct Read {
    values: BTreeMap<String, Secret>,
    at: Option<Timestamp>,
    forced_at: Option<Timestamp>,
    failed_at: Option<Timestamp>,
}

/// Whether a renewal has looked for newer values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// What is known now is the newest there is.
    Read,
    /// A forced reading was made a moment ago, or failed: there may be newer values.
    NotNow,
}

impl Secrets {
    /// Secrets from the environment alone.
    pub fn from_environment(environment: Environment, clock: Clock) -> Secrets {
        Secrets::new(environment, None, clock)
    }

    /// Secrets from Secrets Manager, with the environment winning.
    pub fn from_secrets_manager(
        client: aws_sdk_secretsmanager::Client,
        arn: String,
        environment: Environment,
        clock: Clock,
    ) -> Secrets {
        let source = Some(Source { client, arn });
        Secrets::new(environment, source, clock)
    }

    fn new(environment: Environment, source: Option<Source>, clock: Clock) -> Secrets {
        let (read, reading) = (RwLock::default(), Mutex::default());
        Secrets(Arc::new(Inner { environment, source, clock, read, reading }))
    }

    /// Whether they are in Secrets Manager, where a new deployment has none yet.
    pub fn are_managed(&self) -> bool {
        self.0.source.is_some()
    }

    /// The secret of this name; `None` where it is unset or empty.
    ///
    /// # Errors
    /// When the secret has never been read and cannot be read now. A later failure keeps what is known.
    pub async fn get(&self, name: &str) -> Result<Option<Secret>, SecretsUnavailable> {
        if let Some(value) = self.0.environment.get(name) {
            return Ok(Some(Secret::new(value)));
        }
        self.warm().await?;
        Ok(self.0.read.read().await.values.get(name).cloned())
    }

    /// The needed secrets that nobody has filled in yet, by name.
    ///
    /// # Errors
    /// As [`Secrets::get`].
    pub async fn empty(&self) -> Result<Vec<&'static str>, SecretsUnavailable> {
        let mut empty = Vec::new();
        for names in names::NEEDED {
            let mut is_set = false;
            for name in names {
                is_set = is_set || self.get(name).await?.is_some();
            }
            if !is_set {
                empty.push(names[0]);
            }
        }
        Ok(empty)
    }

    /// Checks something with the secret of this name. Where that fails and a newer secret is to be had, it is checked
    /// once more with that one, so that a rotated secret is good at once.
    ///
    /// # Errors
    /// As [`Secrets::get`]; the inner result is the check's.
    pub async fn check<E>(
        &self,
        name: &str,
        check: impl Fn(Option<&Secret>) -> Result<(), E>,
    ) -> Result<Result<(), E>, SecretsUnavailable> {
        let used = self.get(name).await?;
        let refused = match check(used.as_ref()) {
            Ok(()) => return Ok(Ok(())),
            Err(refused) => refused,
        };
        self.renew().await?;
        let newer = self.get(name).await?;
        Ok(if newer == used { Err(refused) } else { check(newer.as_ref()) })
    }

    /// Reads everything where that was never done or is long ago, so that the first request does not have to.
    pub async fn warm(&self) -> Result<(), SecretsUnavailable> {
        let Some(source) = &self.0.source else { return Ok(()) };
        let now = self.0.clock.now();
        let good = |read: &Read| {
            // What is known stays good for a while where it cannot be read anew: an outage must not slow every request.
            is_within(read.at, KEEP, now)
                || (read.at.is_some() && is_within(read.failed_at, AFTER_FAILURE, now))
        };
        if good(&*self.0.read.read().await) {
            return Ok(());
        }
        let _turn = self.0.reading.lock().await;
        if good(&*self.0.read.read().await) {
            return Ok(()); // someone else did it meanwhile
        }
        self.read_anew(source, now).await
    }

    /// A service refused a credential, or a signature did not match: reads again, unless that was done just now.
    pub async fn renew(&self) -> Result<Renewal, SecretsUnavailable> {
        let Some(source) = &self.0.source else { return Ok(Renewal::Read) };
        let now = self.0.clock.now();
        let _turn = self.0.reading.lock().await;
        {
            let mut read = self.0.read.write().await;
            if is_within(read.forced_at, FORCE_AGAIN_AFTER, now) {
                return Ok(Renewal::NotNow);
            }
            read.forced_at = Some(now);
        }
        self.read_anew(source, now).await?;
        let failed = self.0.read.read().await.failed_at.is_some();
        Ok(if failed { Renewal::NotNow } else { Renewal::Read })
    }

    async fn read_anew(&self, source: &Source, now: Timestamp) -> Result<(), SecretsUnavailable> {
        let fetched = source.fetch().await;
        let mut read = self.0.read.write().await;
        match fetched {
            Ok(values) => {
                *read = Read { values, at: Some(now), failed_at: None, forced_at: read.forced_at };
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

fn is_within(time: Option<Timestamp>, age: SignedDuration, now: Timestamp) -> bool {
    time.is_some_and(|time| now.duration_since(time) < age)
}

impl Source {
    async fn fetch(&self) -> Result<BTreeMap<String, Secret>, SecretsUnavailable> {
        let unavailable = |kind: &str, why: &str| SecretsUnavailable {
            arn: self.arn.clone(),
            kind: kind.to_owned(),
            why: why.to_owned(),
        };
        // Boxed: the SDK's future is nested deeply, and every call of a service holds this one in its own.
        let asked = Box::pin(self.client.get_secret_value().secret_id(&self.arn).send()).await;
        let answer = asked.map_err(|error| match &error {
            SdkError::TimeoutError(_) => unavailable("no answer in time", ""),
            SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_) => {
                let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
                let causes: Vec<_> = causes.map(|cause| cause.to_string()).collect();
                unavailable("cannot be reached", &causes.join(": "))
            }
            _ => unavailable(error.code().unwrap_or("refused"), error.message().unwrap_or_default()),
        })?;
        let text = answer.secret_string().unwrap_or("{}");
        let object: BTreeMap<String, serde_json::Value> = serde_json::from_str(text)
            .map_err(|_| unavailable("it is not a JSON object of names and texts", ""))?;
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

    pub async fn renew(&self) -> Result<Renewal, SecretsUnavailable> {
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
