//! The command `secrets push`: writes the secrets of a `.env` file into the Secrets Manager secret that the functions
//! read. It makes no secret, prints no value, and keeps what is in the secret and not in the file.

use std::path::Path;

use anyhow::{Context, bail};
use autofix::config::{Environment, names};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use serde_json::{Map, Value};

use crate::settings;
use crate::terminal::{patiently, say};

/// What becomes of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    New,
    Changed,
    AsItIs,
}

/// Shows the names that a push would write. Asks nobody.
///
/// # Errors
/// If the file cannot be read, or holds no secret.
pub fn show(from: &Path) -> anyhow::Result<()> {
    let file = settings::file(from)?;
    let secrets = secrets_of(&file, from)?;
    say!("A push would write these names of `{}`, and no value is shown:", from.display());
    secrets.iter().for_each(|(name, _)| say!("  {name}"));
    tell_others(&file);
    Ok(())
}

/// Writes them as a new version of the secret with this ARN or name; where nothing changes, nothing is written.
///
/// # Errors
/// If the file holds no secret, or Secrets Manager refuses; the message never has a value in it.
pub async fn push(from: &Path, secret: Option<&str>, client: &Client) -> anyhow::Result<()> {
    let file = settings::file(from)?;
    let secrets = secrets_of(&file, from)?;
    let Some(secret) = secret else {
        bail!(
            "name the secret with `--secret`, or in `AUTOFIX_SECRET_ARN`: it is the stack's output `SecretArn`"
        )
    };
    let mut kept = patiently("Asking Secrets Manager …", current(client, secret)).await?;
    let mut changes = Vec::new();
    for (name, value) in secrets {
        let before = kept.insert(name.to_owned(), Value::String(value.to_owned()));
        changes.push((name, change(before.as_ref(), value)));
    }
    if changes.iter().any(|(_, change)| *change != Change::AsItIs) {
        let text = Value::Object(kept.clone()).to_string();
        let put = client.put_secret_value().secret_id(secret).secret_string(text);
        let put = patiently("Writing into Secrets Manager …", put.send()).await;
        put.map_err(|error| refused("write", secret, &error))?;
        say!("Wrote a new version of the secret `{secret}`. The functions use it within five minutes.");
    } else {
        say!("The secret `{secret}` has all of it already; nothing was written.");
    }
    for (name, change) in changes {
        let what = match change {
            Change::New => "new",
            Change::Changed => "changed",
            Change::AsItIs => "as it was",
        };
        say!("  {name}: {what}");
    }
    let (still, file) = (kept.keys().filter(|name| file.get(name).is_none()), &file);
    still.for_each(|name| say!("  {name}: kept"));
    tell_others(file);
    Ok(())
}

fn change(before: Option<&Value>, value: &str) -> Change {
    match before {
        None => Change::New,
        Some(Value::String(before)) if before.is_empty() => Change::New,
        Some(Value::String(before)) if before == value => Change::AsItIs,
        Some(_) => Change::Changed,
    }
}

/// The secrets of the file, by name; an empty value counts as unset.
fn secrets_of<'a>(file: &'a Environment, from: &Path) -> anyhow::Result<Vec<(&'static str, &'a str)>> {
    let secrets: Vec<_> =
        names::SECRETS.into_iter().filter_map(|name| Some((name, file.get(name)?))).collect();
    if secrets.is_empty() {
        bail!("`{}` has none of the secrets: {}", from.display(), names::SECRETS.join(", "));
    }
    Ok(secrets)
}

/// Plain settings are parameters of the stack: who keeps them in the same file should know that they stay here.
fn tell_others(file: &Environment) {
    let pairs = file.pairs();
    let others: Vec<&str> =
        pairs.iter().map(|(name, _)| name.as_str()).filter(|name| !names::SECRETS.contains(name)).collect();
    if !others.is_empty() {
        say!(
            "Not secrets, and not pushed (plain settings are parameters of the stack): {}",
            others.join(", ")
        );
    }
}

/// What is in the secret now.
async fn current(client: &Client, secret: &str) -> anyhow::Result<Map<String, Value>> {
    let read = client.get_secret_value().secret_id(secret).send().await;
    let read = match read {
        Ok(read) => read,
        Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => bail!(
            "there is no secret `{secret}` with a value here; the stack makes it, and its output `SecretArn` names it"
        ),
        Err(error) => return Err(refused("read", secret, &error)),
    };
    // The parser's own words could quote the text.
    let parsed = serde_json::from_str(read.secret_string().unwrap_or("{}")).ok();
    parsed.with_context(|| {
        format!("the secret `{secret}` holds something else than a JSON object; it was not touched")
    })
}

/// Only the service's code and message: a whole error may hold the request or the answer, and with it the values.
fn refused<E: ProvideErrorMetadata, R>(what: &str, secret: &str, error: &SdkError<E, R>) -> anyhow::Error {
    let why = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => "no answer; are there credentials and a region (AWS_PROFILE, AWS_REGION), and a network?"
            .to_owned(),
    };
    anyhow::anyhow!("cannot {what} the secret `{secret}`: {why}")
}

#[cfg(test)]
mod tests;
