//! Whether cards will arrive and buttons will be believed.

use std::collections::BTreeSet;

use autofix::config::{Environment, InteractionsConfig, names};
use autofix::outbound::{ErrorKind, ServiceError};
use autofix::secrets::Secrets;
use autofix::slack::{Bot, Channel, Connection, Slack};

use super::clients::Clients;
use super::plausible;
use super::report::Finding;
use crate::settings::how_to_set;
use crate::slack_manifest::{SCOPE_GROUPS, SCOPE_HISTORY, SCOPE_HISTORY_PRIVATE, SCOPE_WRITE};

const TOKEN: &str = "Bot token";
const CHANNEL: &str = "Channel";
const PERMISSIONS: &str = "api.slack.com/apps, your app, OAuth & Permissions, Bot Token Scopes";

pub(super) async fn examine(all: &Clients<'_>) -> Vec<Finding> {
    let mut findings = match all.slack.connection().await {
        Ok(Connection::Bot) => bot(all).await,
        Ok(Connection::Webhook) => webhook(&all.slack).await,
        Ok(Connection::Missing) => {
            let next = how_to_set(names::SLACK_BOT_TOKEN);
            vec![Finding::bad(
                TOKEN,
                "not set, and no incoming webhook either: there is no place for cards",
                next,
            )]
        }
        Err(error) => vec![Finding::of_error(TOKEN, &error, "Look at the secret's own settings.")],
    };
    findings.push(signing_secret(all.secrets).await);
    findings
}

async fn bot(all: &Clients<'_>) -> Vec<Finding> {
    let bot = match all.slack.bot().await {
        Ok(bot) => bot,
        Err(error) => {
            let next = how_to_set(names::SLACK_BOT_TOKEN);
            return vec![Finding::of_error(TOKEN, &error, next)];
        }
    };
    let mut findings =
        vec![Finding::good(TOKEN, format!("of the workspace {} (`{}`)", bot.team, bot.team_id))];
    findings.extend(team(&bot, all.environment));
    let may_look = scopes(&bot, all.environment, &mut findings);
    let named = all.projects.places();
    let named = named.iter().filter_map(|(_, target)| target.slack_channel.as_deref());
    let channels: BTreeSet<&str> = all.config.slack_channel.as_deref().into_iter().chain(named).collect();
    if all.environment.get("AUTOFIX_SLACK_CHANNEL").is_none() {
        let next = "Set `AUTOFIX_SLACK_CHANNEL` to the channel's id: its name in Slack, View channel details, at the end.";
        findings.push(Finding::bad(CHANNEL, "`AUTOFIX_SLACK_CHANNEL` is not set", next));
    }
    for channel in channels.into_iter().filter(|_| may_look) {
        findings.push(look_into(&all.slack, channel).await);
    }
    findings
}

fn team(bot: &Bot, environment: &Environment) -> Option<Finding> {
    let wanted = environment.get("AUTOFIX_SLACK_TEAM_ID")?;
    if wanted == bot.team_id || bot.enterprise_id.as_deref() == Some(wanted) {
        return None;
    }
    let detail = format!("clicks count from `{wanted}` only, and the bot is in `{}`", bot.team_id);
    let next =
        format!("Set `AUTOFIX_SLACK_TEAM_ID` to `{}`, or use a token of the other workspace.", bot.team_id);
    Some(Finding::bad("Workspace", detail, next))
}

/// Adds what there is to say about scopes; whether channels can be looked into.
fn scopes(bot: &Bot, environment: &Environment, findings: &mut Vec<Finding>) -> bool {
    let Some(scopes) = &bot.scopes else {
        let next = format!("Look at {PERMISSIONS}: `{SCOPE_WRITE}` and `{SCOPE_HISTORY}`.");
        findings.push(Finding::lacking("Scopes", "Slack does not say which the token has", next));
        return true;
    };
    let has = |wanted: &str| scopes.iter().any(|scope| scope == wanted);
    let next = |scope: &str| format!("{PERMISSIONS}: add `{scope}`, then Reinstall to Workspace.");
    findings.push(match has(SCOPE_WRITE) {
        true => Finding::good(SCOPE_WRITE, "granted"),
        false => Finding::bad(SCOPE_WRITE, "missing: no card can be posted", next(SCOPE_WRITE)),
    });
    let may_look = has(SCOPE_HISTORY) || has(SCOPE_HISTORY_PRIVATE);
    findings.push(match may_look {
        true => Finding::good(SCOPE_HISTORY, "granted"),
        false => Finding::lacking(
            SCOPE_HISTORY,
            "missing: a card can appear twice after a crash, and the channel cannot be looked at here",
            next(SCOPE_HISTORY),
        ),
    });
    let groups = InteractionsConfig::from_env(environment).map(|config| config.approvers.groups);
    if groups.is_ok_and(|groups| !groups.is_empty()) {
        findings.push(match has(SCOPE_GROUPS) {
            true => Finding::good(SCOPE_GROUPS, "granted"),
            false => {
                let detail = "missing: nobody is known to belong to the groups in `AUTOFIX_SLACK_APPROVERS`";
                Finding::bad(SCOPE_GROUPS, detail, next(SCOPE_GROUPS))
            }
        });
    }
    may_look
}

async fn look_into(slack: &Slack, channel: &str) -> Finding {
    let name = format!("`{channel}`");
    match slack.look_into(channel).await {
        Ok(Channel::Open) => Finding::good(CHANNEL, name),
        Ok(Channel::Archived) => {
            let next = "Unarchive it in Slack and invite the app again (`/invite @AutoFix`), or name another channel.";
            Finding::bad(CHANNEL, format!("{name} is archived: no card can be posted"), next)
        }
        Err(ServiceError { kind: ErrorKind::NotFound, .. }) => {
            let detail = format!("{name} is not there, or is private and the bot is not in it");
            Finding::bad(
                CHANNEL,
                detail,
                "Correct the id, or invite the app in the channel: `/invite @AutoFix`.",
            )
        }
        Ok(Channel::ScopeMissing) => {
            let detail = format!("{name} cannot be looked at with the history scope that is granted");
            let next = format!(
                "{PERMISSIONS}: `{SCOPE_HISTORY}` for public, `{SCOPE_HISTORY_PRIVATE}` for private channels."
            );
            Finding::lacking(CHANNEL, detail, next)
        }
        Err(ServiceError { kind: ErrorKind::Unauthorized, .. }) => {
            let detail = format!("the bot is not in {name}, or it is archived");
            Finding::bad(CHANNEL, detail, "Invite the app in the channel: `/invite @AutoFix`.")
        }
        Err(error) => Finding::of_error(CHANNEL, &error, "Look at the channel in Slack."),
    }
}

async fn webhook(slack: &Slack) -> Vec<Finding> {
    let what = "Incoming webhook";
    match slack.knock_at_webhook().await {
        Ok(()) => {
            let next = format!("A bot token is better: set `{}`.", names::SLACK_BOT_TOKEN);
            let detail = "works; but its cards cannot be changed, and can appear twice after a crash";
            vec![Finding::lacking(what, detail, next)]
        }
        Err(error) => {
            let next = how_to_set(names::SLACK_WEBHOOK_URL);
            vec![Finding::of_error(what, &error, next)]
        }
    }
}

async fn signing_secret(secrets: &Secrets) -> Finding {
    let what = "Signing secret";
    let next = how_to_set(names::SLACK_SIGNING_SECRET);
    match secrets.get(names::SLACK_SIGNING_SECRET).await.ok().flatten() {
        None => Finding::lacking(what, "not set: cards have no buttons", next),
        Some(secret) => match plausible::doubt(secret.expose()) {
            None => Finding::good(what, "plausible; the first click will prove it"),
            Some(doubt) => Finding::bad(what, doubt, next),
        },
    }
}
