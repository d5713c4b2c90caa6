//! Every setting as data: its name, its default and a sentence about it. `autofix setup`, `autofix doctor`,
//! `docs/configuration.md` and the test of `template.yaml` use this list. What the functions read is held against it.

use LambdaFunction::{AttemptQueries, FixWorker, SentryIntake, SlackInteractions};
use Unset::{DefaultValue, NoValue};

use super::names;

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The environment variable, or the entry of the secret.
    pub name: &'static str,
    pub kind: SettingKind,
    /// What holds if it is not set.
    pub unset: Unset,
    /// The functions that read it.
    pub read_by: &'static [LambdaFunction],
    /// What it does, in Markdown, as a part of a table's row.
    pub doc: &'static str,
    /// Where people find the value.
    pub found_at: Option<&'static str>,
}

/// Whether a setting may be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingKind {
    Plain,
    Secret,
}

/// What holds if a setting is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unset {
    /// This value.
    DefaultValue(&'static str),
    /// No value; a few words about what that means.
    NoValue(&'static str),
}

/// A deployed function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LambdaFunction {
    SentryIntake,
    SlackInteractions,
    AttemptQueries,
    FixWorker,
}

impl LambdaFunction {
    pub const ALL: [LambdaFunction; 4] = [SentryIntake, SlackInteractions, AttemptQueries, FixWorker];

    /// Its name in `template.yaml`.
    pub fn resource(self) -> &'static str {
        match self {
            SentryIntake => "SentryIntakeFunction",
            SlackInteractions => "SlackInteractionsFunction",
            AttemptQueries => "AttemptQueriesFunction",
            FixWorker => "FixWorkerFunction",
        }
    }
}

/// Settings that belong together.
#[derive(Clone, Copy, Debug)]
pub struct SettingGroup {
    pub title: &'static str,
    pub settings: &'static [Setting],
}

/// Every setting.
pub fn all() -> impl Iterator<Item = &'static Setting> {
    GROUPS.iter().flat_map(|group| group.settings)
}

/// The setting of a name.
pub fn named(name: &str) -> Option<&'static Setting> {
    all().find(|setting| setting.name == name)
}

/// A setting that the worker alone reads; see [`Setting::read_by`].
const fn plain(name: &'static str, unset: Unset, doc: &'static str) -> Setting {
    Setting { name, kind: SettingKind::Plain, unset, read_by: &[FixWorker], doc, found_at: None }
}

const fn secret(name: &'static str, unset: Unset, doc: &'static str) -> Setting {
    Setting { kind: SettingKind::Secret, ..plain(name, unset, doc) }
}

impl Setting {
    /// The parameter of `template.yaml`: `MaxCostUsd` for `AUTOFIX_MAX_COST_USD`. Secrets have none, nor what the template
    /// sets itself.
    pub fn parameter(&self) -> Option<String> {
        if self.kind == SettingKind::Secret || ["AUTOFIX_TABLE", "RUST_LOG"].contains(&self.name) {
            return None;
        }
        let words = self.name.trim_start_matches("AUTOFIX_").split('_');
        Some(words.map(|word| format!("{}{}", &word[..1], word[1..].to_lowercase())).collect())
    }

    const fn read_by(self, functions: &'static [LambdaFunction]) -> Setting {
        Setting { read_by: functions, ..self }
    }

    const fn found_at(self, place: &'static str) -> Setting {
        Setting { found_at: Some(place), ..self }
    }
}

/// All settings, in the order of the documentation.
pub const GROUPS: &[SettingGroup] = &[
    SettingGroup {
        title: "Claude",
        settings: &[
            secret(names::ANTHROPIC_API_KEY, NoValue("required"), "The API key of Anthropic.")
                .found_at("console.anthropic.com, Settings, API keys"),
            plain(
                "AUTOFIX_MODEL",
                DefaultValue("claude-opus-5-5"),
                "The model of all conversations. `claude-sonnet-5-5` is the cheap one.",
            ),
            plain(
                "AUTOFIX_MODEL_PRICE",
                NoValue("AutoFix's own table"),
                "Dollars per million tokens, if yours differ from AutoFix's table: \
                 `{\"input\": 4, \"output\": 20, \"cache_write\": 5, \"cache_read\": 0.2}`.",
            ),
            plain(
                "AUTOFIX_MAX_COST_USD",
                DefaultValue("1.5"),
                "Dollars that one attempt may spend, 0.01 to 100. AutoFix checks this before every request to Claude, with \
                 the least that the request can cost.",
            ),
            plain(
                "AUTOFIX_DAILY_COST_USD",
                DefaultValue("15"),
                "Dollars that all attempts of one UTC day may spend, 0.01 to 10000. AutoFix checks this before every \
                 request to Claude.",
            ),
        ],
    },
    SettingGroup {
        title: "GitHub",
        settings: &[
            secret(
                names::GITHUB_TOKEN,
                NoValue("required without an App"),
                "A fine-grained token; see [GitHub](connect/github.md).",
            )
            .found_at(
                "github.com, Settings, Developer settings, Fine-grained tokens: contents and pull requests read and write, \
                 commit statuses, actions and deployments read; or `AUTOFIX_GITHUB_APP_ID`",
            ),
            plain(
                "AUTOFIX_GITHUB_APP_ID",
                NoValue("not used"),
                "The App ID or Client ID of a GitHub App. If it is set, AutoFix does not use the token.",
            )
            .found_at("github.com, the organisation's Settings, Developer settings, GitHub Apps, your App, App ID"),
            secret(
                names::GITHUB_APP_PRIVATE_KEY,
                NoValue("required with an App"),
                "The App's private key (PEM), with real line breaks or `\\n`.",
            )
            .found_at("github.com, the organisation's Settings, Developer settings, GitHub Apps, your App, Private keys"),
            plain(
                "AUTOFIX_GITHUB_REPO",
                NoValue("required without `AUTOFIX_PROJECTS`"),
                "`owner/name` of the repository for every Sentry project that `AUTOFIX_PROJECTS` does not name.",
            )
            .read_by(&[SentryIntake, AttemptQueries, FixWorker])
            .found_at("the repository with your code, `owner/name`"),
            plain(
                "AUTOFIX_GITHUB_PATH",
                NoValue("whole repository"),
                "The folder of the code in that repository, such as `backend`.",
            )
            .read_by(&[SentryIntake, AttemptQueries, FixWorker])
            .found_at("the folder as it is on GitHub, such as `backend`"),
            plain(
                "AUTOFIX_PROJECTS",
                NoValue("one repository for all"),
                "Several Sentry projects, as JSON: `{\"sentry-slug\": {\"repo\": \"acme/shop\", \"path\": \"api\", \
                 \"branch\": \"main\", \"slack_channel\": \"C0123456789\", \"environments\": [\"production\"], \
                 \"min_level\": \"error\", \"min_events\": 5, \"proof\": \"require\"}}`. Only `repo` is required.",
            )
            .read_by(&[SentryIntake, AttemptQueries, FixWorker]),
            plain(
                "AUTOFIX_MAX_OPEN_PULL_REQUESTS",
                DefaultValue("3"),
                "Open pull requests of AutoFix in one repository, 1 to 100. Further fixes wait in order.",
            ),
            plain(
                "AUTOFIX_CHECKS_SETTLE_SECONDS",
                DefaultValue("120"),
                "How long a repository may take to start its checks, 0 to 3600 seconds. The card has no Deploy button \
                 before that.",
            ),
            plain(
                "AUTOFIX_PROOF",
                DefaultValue("try"),
                "`try`: AutoFix writes a regression test that your CI runs without the fix and with it; see \
                 [Proof](proof.md). `require`: a fix that is not proved has no Deploy button. `off`: no test.",
            ),
            plain(
                "AUTOFIX_PROOF_MINUTES",
                DefaultValue("30"),
                "How long each of the two runs of your CI for a proof may take, 1 to 360 minutes.",
            ),
            plain(
                "GITHUB_API_URL",
                DefaultValue("https://api.github.com"),
                "GitHub Enterprise Server: `https://HOST/api/v3`.",
            )
            .read_by(&[AttemptQueries, FixWorker]),
        ],
    },
    SettingGroup {
        title: "Sentry",
        settings: &[
            secret(
                names::SENTRY_WEBHOOK_SECRET,
                NoValue("required"),
                "The Client Secret of the Sentry integration. It proves webhooks.",
            )
            .read_by(&[SentryIntake])
            .found_at("sentry.io, Settings, Developer Settings (or Custom Integrations), your integration, Client Secret"),
            secret(
                names::SENTRY_AUTH_TOKEN,
                NoValue("optional"),
                "Reads events, watches errors after a merge, and resolves issues. Without it an alert rule must bring the \
                 stack trace: `issue` webhooks have none.",
            )
            .read_by(&[AttemptQueries, FixWorker])
            .found_at(
                "sentry.io, Settings, Developer Settings (or Custom Integrations), your integration, Tokens, New Token",
            ),
            plain(
                "SENTRY_ORG",
                NoValue("optional"),
                "The slug of the Sentry organisation, for webhooks that name none. With it and `SENTRY_AUTH_TOKEN`, AutoFix \
                 also finds new errors whose webhook was lost.",
            )
            .read_by(&[SentryIntake, AttemptQueries, FixWorker])
            .found_at("the slug in the address of its pages: https://<slug>.sentry.io"),
            plain(
                "AUTOFIX_CATCH_UP",
                DefaultValue("true"),
                "`false`: AutoFix does not look for lost webhooks, because your alert rules choose which errors it gets.",
            ),
            plain(
                "AUTOFIX_ENVIRONMENTS",
                NoValue("all"),
                "Environments whose errors AutoFix analyses, separated by commas.",
            )
            .read_by(&[SentryIntake, FixWorker]),
            plain(
                "AUTOFIX_MIN_LEVEL",
                NoValue("any level"),
                "`debug`, `info`, `warning`, `error` or `fatal`. AutoFix ignores errors below it.",
            )
            .read_by(&[SentryIntake, FixWorker]),
            plain(
                "AUTOFIX_MIN_EVENTS",
                DefaultValue("1"),
                "How often an error must occur before AutoFix analyses it. Before that it costs nothing, and AutoFix looks \
                 again when the number is reached.",
            )
            .read_by(&[SentryIntake, FixWorker]),
            plain(
                "AUTOFIX_ALLOW_UNSIGNED_WEBHOOKS",
                DefaultValue("false"),
                "`true` accepts webhooks from anyone while `SENTRY_WEBHOOK_SECRET` is not set. For trials only.",
            )
            .read_by(&[SentryIntake]),
            plain(
                "SENTRY_URL",
                DefaultValue("https://sentry.io"),
                "Where Sentry is: `https://de.sentry.io`, or your own server.",
            )
            .read_by(&[SentryIntake, AttemptQueries, FixWorker]),
        ],
    },
    SettingGroup {
        title: "Slack",
        settings: &[
            secret(
                names::SLACK_BOT_TOKEN,
                NoValue("one of the two is required"),
                "The Bot User OAuth Token. Better than a webhook: AutoFix updates the card in place. If both are set, AutoFix \
                 uses this one.",
            )
            .read_by(&[SlackInteractions, FixWorker])
            .found_at("api.slack.com/apps, your app, OAuth & Permissions, Bot User OAuth Token"),
            secret(names::SLACK_WEBHOOK_URL, NoValue("one of the two is required"), "An incoming webhook.")
                .found_at("api.slack.com/apps, your app, Incoming Webhooks, Webhook URL"),
            secret(
                names::SLACK_SIGNING_SECRET,
                NoValue("cards have no buttons"),
                "The Signing Secret of the Slack app. It proves clicks.",
            )
            .read_by(&[SlackInteractions, FixWorker])
            .found_at("api.slack.com/apps, your app, Basic Information, Signing Secret"),
            plain(
                "AUTOFIX_SLACK_CHANNEL",
                NoValue("required with a bot token"),
                "The channel's id, such as `C0123456789`; not required if each project names its own. Digests and notices of \
                 outages go here, or else to the first project's channel.",
            )
            .found_at("Slack: the channel's name, View channel details, at the very end"),
            plain(
                "AUTOFIX_SLACK_APPROVERS",
                NoValue("everyone in the workspace"),
                "Who may decide: ids of people (`U…`) and of user groups (`S…`, needs a bot token), separated by commas.",
            )
            .read_by(&[SlackInteractions])
            .found_at("Slack: a person's profile, the three dots, Copy member ID"),
            plain(
                "AUTOFIX_APPROVALS",
                DefaultValue("1"),
                "`2`: two different people must press Deploy Live before AutoFix merges a fix that is not isolated. An \
                 isolated fix and a rollback need one person.",
            )
            .read_by(&[SlackInteractions, FixWorker]),
            plain(
                "AUTOFIX_SLACK_TEAM_ID",
                NoValue("optional"),
                "The only workspace (`T…`) or Enterprise Grid organisation (`E…`) whose clicks count.",
            )
            .read_by(&[SlackInteractions]),
            plain("SLACK_API_URL", DefaultValue("https://slack.com/api"), "Another host, for tests.")
                .read_by(&[SlackInteractions, FixWorker]),
        ],
    },
    SettingGroup {
        title: "What AutoFix does",
        settings: &[
            plain(
                "AUTOFIX_MIN_CONFIDENCE",
                DefaultValue("0.8"),
                "The least confidence for a pull request, 0 to 1.",
            ),
            plain(
                "AUTOFIX_MAX_ATTEMPTS_PER_HOUR",
                DefaultValue("10"),
                "Attempts that may start within any 60 minutes, 1 to 500. AutoFix records the rest and reports it in one \
                 digest an hour.",
            )
            .read_by(&LambdaFunction::ALL),
            plain(
                "AUTOFIX_WATCH_HOURS",
                DefaultValue("24"),
                "How long the error must stay away after the deploy (or after the merge) before the fix is verified, 1 to \
                 336 hours.",
            ),
            plain(
                "AUTOFIX_DRY_RUN",
                DefaultValue("false"),
                "`true`: AutoFix writes nothing to GitHub or Sentry. The card shows the pull request that it would have \
                 opened, and the scoreboard how often people made the same change.",
            ),
        ],
    },
    SettingGroup {
        title: "Web page, API and process",
        settings: &[
            secret(
                names::API_TOKEN,
                NoValue("nobody can log in; `serve` does not start"),
                "Opens the web page and the API. Use a long random text: `openssl rand -hex 32`.",
            )
            .read_by(&[AttemptQueries, FixWorker])
            .found_at("a long random text of your own; it opens the list of attempts"),
            plain(
                "AUTOFIX_PUBLIC_URL",
                NoValue("on Lambda the API's own address"),
                "Where people reach AutoFix, without the prefix, such as `https://autofix.acme.example`. Cards link to the \
                 page there.",
            )
            .found_at("your reverse proxy or tunnel; on AWS the host of the stack's output `StatusUrl`"),
            plain(
                "AUTOFIX_PREFIX",
                DefaultValue("/autofix"),
                "The path before every endpoint. Clients of the Python version expect `/api/v1/autofix`.",
            )
            .read_by(&LambdaFunction::ALL),
            plain("AUTOFIX_TABLE", DefaultValue("autofix"), "The DynamoDB table. The template sets it.")
                .read_by(&LambdaFunction::ALL),
            plain(
                "AUTOFIX_SECRET_ARN",
                NoValue("the stack makes one"),
                "The Secrets Manager secret. The template sets it.",
            )
            .read_by(&LambdaFunction::ALL),
            plain("ANTHROPIC_BASE_URL", DefaultValue("https://api.anthropic.com"), "Another host, for tests."),
            plain(
                "RUST_LOG",
                NoValue("`info` for AutoFix, `warn` for the rest"),
                "A level for AutoFix's own log lines, such as `debug`, or a log filter. On Lambda the parameter `LogLevel` \
                 sets it.",
            )
            .read_by(&[]),
        ],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::environment::names_asked;
    use crate::config::{Environment, IntakeConfig, InteractionsConfig, QueriesConfig, WorkerConfig};

    /// The configuration of a function, as text, with some settings and what it cannot do without.
    fn configuration(function: LambdaFunction, settings: &[(&str, &str)]) -> String {
        let needed = [("AUTOFIX_GITHUB_REPO", "acme/shop"), ("SENTRY_ORG", "acme")];
        let environment: Environment = needed.iter().chain(settings).copied().collect();
        match function {
            SentryIntake => format!("{:?}", IntakeConfig::from_env(&environment).unwrap()),
            SlackInteractions => format!("{:?}", InteractionsConfig::from_env(&environment).unwrap()),
            AttemptQueries => format!("{:?}", QueriesConfig::from_env(&environment).unwrap()),
            FixWorker => format!("{:?}", WorkerConfig::from_env(&environment).unwrap()),
        }
    }

    #[test]
    fn each_function_reads_the_settings_that_the_list_says() {
        for function in LambdaFunction::ALL {
            let plain = all().filter(|setting| setting.kind == SettingKind::Plain);
            let listed: BTreeSet<&str> = plain
                .filter(|setting| setting.read_by.contains(&function))
                .map(|setting| setting.name)
                .collect();
            let asked = names_asked(|| configuration(function, &[]));
            assert_eq!(asked, listed.into_iter().map(str::to_owned).collect(), "{function:?}");
        }
    }

    #[test]
    fn the_defaults_of_the_list_are_those_of_the_code() {
        for setting in all() {
            let Unset::DefaultValue(value) = setting.unset else { continue };
            assert!(!setting.read_by.is_empty(), "{}", setting.name);
            for function in setting.read_by {
                let set = configuration(*function, &[(setting.name, value)]);
                assert_eq!(set, configuration(*function, &[]), "{} of {function:?}", setting.name);
            }
        }
    }

    #[test]
    fn each_secret_is_in_the_list_and_no_setting_is_there_twice() {
        let secrets = all().filter(|setting| setting.kind == SettingKind::Secret);
        let secrets: BTreeSet<&str> = secrets.map(|setting| setting.name).collect();
        assert_eq!(secrets, BTreeSet::from(names::SECRETS));
        let names: BTreeSet<&str> = all().map(|setting| setting.name).collect();
        assert_eq!(names.len(), all().count());
    }
}
