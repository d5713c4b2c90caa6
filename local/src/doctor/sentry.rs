//! Whether Sentry's webhooks will be believed, and whether its API can be asked for what they lack.

use autofix::config::{CommonConfig, Environment, names};
use autofix::outbound::{ErrorKind, ServiceError};
use autofix::secrets::Secret;
use autofix::sentry::Scope;
use autofix::signature;

use super::clients::Clients;
use super::plausible;
use super::report::Finding;
use crate::settings::{how_to_set, takes_unsigned};

const TOKEN: &str = "Token";
const PERMISSIONS: &str = "sentry.io, Settings, Developer Settings, your integration, Permissions";

pub(super) async fn examine(all: &Clients<'_>) -> Vec<Finding> {
    let secret = all.secrets.get(names::SENTRY_WEBHOOK_SECRET).await.ok().flatten();
    let mut findings = vec![webhook_secret(&all.readable, secret.as_ref())];
    findings.extend(secret.as_ref().and_then(|secret| plugin_address(&all.readable, secret)));
    match all.sentry.is_configured().await {
        Ok(true) => {}
        Ok(false) => {
            let next = how_to_set(names::SENTRY_AUTH_TOKEN);
            let detail = "not set: `issue` webhooks carry no stack trace, so an alert rule has to bring it";
            findings.push(Finding::lacking(TOKEN, detail, next));
            return findings;
        }
        Err(error) => {
            findings.push(Finding::of_error(TOKEN, &error, "Look at the secret's own settings."));
            return findings;
        }
    }
    let Some(organization) = all.readable.get("SENTRY_ORG") else {
        let detail = "set, and not tried: `SENTRY_ORG` is not set, so lost webhooks are not caught up with, and events of webhooks that name no organisation cannot be fetched";
        let next = "Set `SENTRY_ORG` to the organisation's slug, as it stands in the address of its pages.";
        findings.push(Finding::lacking(TOKEN, detail, next));
        return findings;
    };
    findings.extend(with_token(all, organization).await);
    findings
}

fn webhook_secret(environment: &Environment, secret: Option<&Secret>) -> Finding {
    let what = "Webhook secret";
    let next = how_to_set(names::SENTRY_WEBHOOK_SECRET);
    match secret.map(|secret| plausible::doubt(secret.expose())) {
        Some(None) => Finding::good(what, "plausible; Sentry's first webhook will prove it"),
        Some(Some(doubt)) => Finding::bad(what, doubt, next),
        None if takes_unsigned(environment) => {
            Finding::lacking(what, "not set: webhooks are taken from anyone", next)
        }
        None => Finding::bad(what, "not set: every webhook is refused", next),
    }
}

/// The address for the legacy WebHooks plugin, which cannot sign. It is a secret.
fn plugin_address(environment: &Environment, secret: &Secret) -> Option<Finding> {
    let prefix = CommonConfig::from_env(environment).ok()?.prefix;
    let base = environment.get("AUTOFIX_PUBLIC_URL").unwrap_or("http://127.0.0.1:3000").trim_end_matches('/');
    let key = signature::plugin_key(secret)?;
    let detail =
        format!("only if you use it: {base}{prefix}/webhooks/sentry/{key} (keep the address secret)");
    Some(Finding::good("Legacy WebHooks plugin", detail))
}

async fn with_token(all: &Clients<'_>, organization: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for scope in Scope::ALL.iter().copied() {
        findings.push(match all.sentry.has_scope(organization, scope, all.now).await {
            Ok(true) => Finding::good(scope.as_str(), format!("in `{organization}`")),
            Ok(false) => missing(scope),
            Err(ServiceError { kind: ErrorKind::NotFound, message: said, .. }) => {
                let detail = format!("the token does not see the organisation `{organization}`: {said}");
                let next = "Correct `SENTRY_ORG` (the slug in the address), `SENTRY_URL` (its region), or the token.";
                return vec![Finding::bad("Organisation", detail, next)];
            }
            Err(error) => {
                let next =
                    how_to_set(names::SENTRY_AUTH_TOKEN);
                return vec![Finding::of_error(TOKEN, &error, next)];
            }
        });
    }
    findings.insert(0, Finding::good(TOKEN, "accepted"));
    for slug in all.projects.slugs() {
        let next = "Correct the name in `AUTOFIX_PROJECTS`: it is the project's slug, as in its address.";
        findings.push(match all.sentry.sees_project(organization, slug).await {
            Ok(true) => Finding::good("Project", format!("`{slug}`")),
            Ok(false) => Finding::bad("Project", format!("`{slug}` is not in `{organization}`"), next),
            // Told already, with the scope.
            Err(ServiceError { kind: ErrorKind::Unauthorized, .. }) => continue,
            Err(error) => Finding::of_error("Project", &error, next),
        });
    }
    findings
}

fn missing(scope: Scope) -> Finding {
    let (effect, level) = match scope {
        Scope::EventRead => ("events cannot be read", "Issue & Event: Read"),
        Scope::EventWrite => ("issues are neither commented on nor resolved", "Issue & Event: Read & Write"),
        Scope::ProjectRead => {
            ("releases cannot be read, so no fix is verified by its commit", "Project: Read")
        }
        Scope::OrgRead => ("requests cannot be counted, so only time verifies a fix", "Organization: Read"),
    };
    let (detail, next) =
        (format!("missing: {effect}"), format!("{PERMISSIONS}: set {level}; the token follows."));
    match scope {
        Scope::EventRead => Finding::bad(scope.as_str(), detail, next),
        Scope::EventWrite | Scope::ProjectRead | Scope::OrgRead => {
            Finding::lacking(scope.as_str(), detail, next)
        }
    }
}
