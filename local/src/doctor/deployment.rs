//! AutoFix's own parts: its table, the token that opens its page, the address at which people reach it.

use std::time::Duration;

use autofix::config::{CommonConfig, Environment, WorkerConfig, names};
use autofix::secrets::Secrets;
use autofix::store::{Listing, ListingFilter, Store};
use jiff::Timestamp;
use serde_json::Value;
use url::Url;

use super::report::Finding;
use super::{Deployment, Table};
use crate::settings::{self, how_to_set};
use crate::terminal::connection;
use crate::waiting::INCOMPLETE;

/// Whoever waits for a webhook's answer would not wait longer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Of the answer of the endpoint `status`, bytes; it is far smaller.
const ANSWER: usize = 64 * 1024;
/// As the page's signed links need it.
const SHORTEST_TOKEN: usize = 16;

/// Whether people and services reach the endpoints, which needs a running AutoFix.
pub(crate) const ADDRESS: &str = "Public address";

pub(super) async fn table(table: &Table, now: Timestamp) -> Finding {
    let what = "Table";
    let store = match table {
        Table::Known(finding) => return finding.clone(),
        Table::Open(store) => store,
    };
    match look(store, now).await {
        Ok(()) => Finding::good(what, "answers"),
        Err(error) => Finding::bad(
            what,
            format!("{error:#}"),
            "Check `AUTOFIX_TABLE`, the region (`AWS_REGION`), and that these credentials may `dynamodb:Query` it and \
             its indexes.",
        ),
    }
}

/// Asks for the newest attempt, through the index that the list uses.
async fn look(store: &Store, now: Timestamp) -> anyhow::Result<()> {
    let listing = Listing { filter: ListingFilter::default(), limit: 1, before: None, now };
    store.list(&listing).await?;
    Ok(())
}

pub(super) async fn api_token(secrets: &Secrets) -> Finding {
    let what = "API token";
    let next = how_to_set(names::API_TOKEN);
    match secrets.get(names::API_TOKEN).await.ok().flatten() {
        None => Finding::bad(what, "not set: nobody can look at the page or the attempts", next),
        Some(token) if token.expose().chars().count() < SHORTEST_TOKEN => {
            Finding::lacking(what, "short enough to be guessed: cards have no link to the page", next)
        }
        Some(_) => Finding::good(what, "set"),
    }
}

/// The entries that nobody has filled in yet; `None` if the secrets are not in Secrets Manager.
pub(super) async fn empty_secrets(deployment: &Deployment) -> Option<Finding> {
    if !deployment.secrets.are_managed() {
        return None;
    }
    let what = "Secret";
    let Ok(mut empty) = deployment.secrets.empty().await else { return None }; // said already
    if settings::takes_unsigned(&deployment.environment) {
        empty.retain(|name| *name != names::SENTRY_WEBHOOK_SECRET);
    }
    let empty: Vec<String> = empty.iter().map(|name| format!("`{name}`")).collect();
    Some(match empty.is_empty() {
        true => Finding::good(what, "has everything that AutoFix needs"),
        false => Finding::bad(
            what,
            format!("still empty: {}", empty.join(", ")),
            "`autofix setup --push <SecretArn>` asks for them and fills them in.",
        ),
    })
}

/// `None` where the setting cannot be read, which is told with the settings.
pub(super) async fn public_url(config: &WorkerConfig, environment: &Environment) -> Option<Finding> {
    match &config.public_url {
        Some(url) => Some(reached(config, url).await),
        None if environment.get("AUTOFIX_PUBLIC_URL").is_some() => None,
        None => Some(Finding::lacking(
            ADDRESS,
            "`AUTOFIX_PUBLIC_URL` is not set: cards have no link to the page",
            "Set it to the address at which people reach AutoFix, without the prefix.",
        )),
    }
}

async fn reached(config: &WorkerConfig, url: &Url) -> Finding {
    let CommonConfig { prefix, .. } = &config.common;
    let status = format!("{}{prefix}/status", url.as_str().trim_end_matches('/'));
    match ask(&status).await {
        Ok(answer) if answer["status"] == "ok" => Finding::good(
            ADDRESS,
            format!("`{status}` answers, version {}", answer["version"].as_str().unwrap_or("?")),
        ),
        Ok(answer) if answer["status"] == INCOMPLETE => Finding::bad(
            ADDRESS,
            format!("`{status}` answers, and waits for {}", names_in(&answer["missing"])),
            "Run `autofix setup`: it asks for them. `autofix serve` starts its work by itself then.",
        ),
        Ok(_) => Finding::bad(
            ADDRESS,
            format!("`{status}` answers, but it is not AutoFix"),
            "Check `AUTOFIX_PUBLIC_URL` and `AUTOFIX_PREFIX`, and where the proxy or tunnel leads.",
        ),
        Err(error) => Finding::bad(
            ADDRESS,
            format!("`{status}` does not answer: {error:#}"),
            "Start AutoFix (`autofix serve`, or `sam deploy`), or correct `AUTOFIX_PUBLIC_URL`.",
        ),
    }
}

/// The settings for which a waiting AutoFix waits.
fn names_in(missing: &Value) -> String {
    let names = missing.as_array().into_iter().flatten().filter_map(|one| one["setting"].as_str());
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// What an endpoint answers, as JSON; `Null` where it is something else. The address is public, so it may stand in errors.
async fn ask(address: &str) -> anyhow::Result<Value> {
    let redirects = reqwest::redirect::Policy::none();
    let client = reqwest::Client::builder().redirect(redirects).timeout(TIMEOUT).build()?;
    let sent = client.get(address).send().await;
    let mut answer = sent.map_err(|error| anyhow::anyhow!(connection(&error)))?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER {
            return Ok(Value::Null);
        }
    }
    Ok(serde_json::from_slice(&body).unwrap_or_default())
}
