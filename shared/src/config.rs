//! The settings of each function, read from the environment in one place.
//!
//! Everything that is missing or wrong is collected and reported at once, by name and with where to
//! get it. Secrets are not here: see [`crate::secrets`].

mod approvers;
mod bar;
mod environment;
mod projects;
/// The list of all settings, for documents and commands.
pub mod settings;

pub use approvers::Approvers;
pub use bar::{Bar, Bars};
use environment::Reader;
pub use environment::{ConfigError, Environment, Flag};
pub use projects::{Level, Projects};

use crate::attempt::ProofMode;
use crate::usage::Price;

/// Where the secrets of one deployment are, by name.
pub mod names {
    pub const ANTHROPIC_API_KEY: &str = "ANTHROPIC_API_KEY";
    pub const GITHUB_TOKEN: &str = "AUTOFIX_GITHUB_TOKEN";
    pub const GITHUB_APP_PRIVATE_KEY: &str = "AUTOFIX_GITHUB_APP_PRIVATE_KEY";
    pub const SLACK_WEBHOOK_URL: &str = "AUTOFIX_SLACK_WEBHOOK_URL";
    pub const SLACK_BOT_TOKEN: &str = "AUTOFIX_SLACK_BOT_TOKEN";
    pub const SLACK_SIGNING_SECRET: &str = "AUTOFIX_SLACK_SIGNING_SECRET";
    pub const SENTRY_WEBHOOK_SECRET: &str = "SENTRY_WEBHOOK_SECRET";
    pub const SENTRY_AUTH_TOKEN: &str = "SENTRY_AUTH_TOKEN";
    pub const API_TOKEN: &str = "AUTOFIX_API_TOKEN";

    /// All of them.
    pub const SECRETS: [&str; 9] = [
        ANTHROPIC_API_KEY,
        GITHUB_TOKEN,
        GITHUB_APP_PRIVATE_KEY,
        SLACK_WEBHOOK_URL,
        SLACK_BOT_TOKEN,
        SLACK_SIGNING_SECRET,
        SENTRY_WEBHOOK_SECRET,
        SENTRY_AUTH_TOKEN,
        API_TOKEN,
    ];

    /// What AutoFix needs. One secret of each line is enough; the first one is the usual one.
    pub const NEEDED: [&[&str]; 6] = [
        &[ANTHROPIC_API_KEY],
        &[GITHUB_TOKEN, GITHUB_APP_PRIVATE_KEY],
        &[SENTRY_WEBHOOK_SECRET],
        &[SLACK_BOT_TOKEN, SLACK_WEBHOOK_URL],
        &[SLACK_SIGNING_SECRET],
        &[API_TOKEN],
    ];
}

/// What every function needs.
#[derive(Clone, Debug)]
pub struct CommonConfig {
    /// `AUTOFIX_TABLE`
    pub table: String,
    /// `AUTOFIX_PREFIX`, with a slash at the front and none at the end; may be empty.
    pub prefix: String,
    /// `AUTOFIX_SECRET_ARN`
    pub secret_arn: Option<String>,
}

impl CommonConfig {
    pub fn from_env(environment: &Environment) -> Result<CommonConfig, ConfigError> {
        let mut read = Reader::new(environment);
        let config = CommonConfig::read(&mut read);
        read.finish(config)
    }

    fn read(read: &mut Reader<'_>) -> CommonConfig {
        let prefix = read.text_or("AUTOFIX_PREFIX", "/autofix");
        let prefix = prefix.trim_matches('/');
        if !prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./".contains(&b)) {
            read.problems
                .push("`AUTOFIX_PREFIX` must be a path of letters, digits, `-`, `_`, `.` and `/`".to_owned());
        }
        CommonConfig {
            table: read.text_or("AUTOFIX_TABLE", "autofix"),
            prefix: if prefix.is_empty() { String::new() } else { format!("/{prefix}") },
            secret_arn: read.text("AUTOFIX_SECRET_ARN"),
        }
    }
}

/// The settings of `sentry-intake`.
#[derive(Clone, Debug)]
pub struct IntakeConfig {
    pub common: CommonConfig,
    /// `AUTOFIX_ALLOW_UNSIGNED_WEBHOOKS`
    pub allow_unsigned: Flag,
    /// `AUTOFIX_MAX_ATTEMPTS_PER_HOUR`
    pub max_attempts_per_hour: u32,
    pub projects: Projects,
    pub bars: Bars,
    /// `SENTRY_ORG`: the organisation of a report that names none.
    pub sentry_org: Option<String>,
    /// `SENTRY_URL`: where the page of an issue is that the report gives no address of.
    pub sentry_url: url::Url,
}

impl IntakeConfig {
    pub fn from_env(environment: &Environment) -> Result<IntakeConfig, ConfigError> {
        let mut read = Reader::new(environment);
        let config = IntakeConfig {
            common: CommonConfig::read(&mut read),
            allow_unsigned: read.flag("AUTOFIX_ALLOW_UNSIGNED_WEBHOOKS"),
            max_attempts_per_hour: read.max_attempts_per_hour(),
            projects: Projects::read(&mut read),
            bars: Bars::read(&mut read),
            sentry_org: read.slug("SENTRY_ORG"),
            sentry_url: read.url("SENTRY_URL", SENTRY_URL),
        };
        read.finish(config)
    }
}

/// The settings of `slack-interactions`.
#[derive(Clone, Debug)]
pub struct InteractionsConfig {
    pub common: CommonConfig,
    /// `AUTOFIX_SLACK_TEAM_ID`: the only workspace, or organisation, that may decide, where set.
    pub team_id: Option<String>,
    pub approvers: Approvers,
    /// `AUTOFIX_APPROVALS`: how many different people have to approve the merge of a fix that is not isolated, 1 or 2.
    pub approvals: u32,
    /// `AUTOFIX_MAX_ATTEMPTS_PER_HOUR`: another try counts, too.
    pub max_attempts_per_hour: u32,
    pub slack_api_url: url::Url,
}

impl InteractionsConfig {
    pub fn from_env(environment: &Environment) -> Result<InteractionsConfig, ConfigError> {
        let mut read = Reader::new(environment);
        let approvers = Approvers::read(&mut read);
        let config = InteractionsConfig {
            common: CommonConfig::read(&mut read),
            team_id: approvers::team(&mut read),
            approvals: approvers::approvals(&mut read, &approvers),
            approvers,
            max_attempts_per_hour: read.max_attempts_per_hour(),
            slack_api_url: read.url("SLACK_API_URL", SLACK_API_URL),
        };
        read.finish(config)
    }
}

/// The settings of `attempt-queries`.
#[derive(Clone, Debug)]
pub struct QueriesConfig {
    pub common: CommonConfig,
    pub projects: Projects,
    /// Whose pages the web page may link to.
    pub github_url: url::Url,
    pub sentry_url: url::Url,
    /// `SENTRY_ORG`: the organisation of an address that names none.
    pub sentry_org: Option<String>,
    /// `AUTOFIX_MAX_ATTEMPTS_PER_HOUR`: what is started by hand counts, too.
    pub max_attempts_per_hour: u32,
}

impl QueriesConfig {
    pub fn from_env(environment: &Environment) -> Result<QueriesConfig, ConfigError> {
        let mut read = Reader::new(environment);
        let config = QueriesConfig {
            common: CommonConfig::read(&mut read),
            projects: Projects::read(&mut read),
            github_url: read.url("GITHUB_API_URL", GITHUB_API_URL),
            sentry_url: read.url("SENTRY_URL", SENTRY_URL),
            sentry_org: read.slug("SENTRY_ORG"),
            max_attempts_per_hour: read.max_attempts_per_hour(),
        };
        read.finish(config)
    }
}

/// The settings of `fix-worker`.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    pub common: CommonConfig,
    /// `AUTOFIX_SLACK_CHANNEL`: where cards go unless a project names its own. Needed with a bot token.
    pub slack_channel: Option<String>,
    /// Where digests and outages are told: there, else in the channel of the first project that names one.
    pub notices_channel: Option<String>,
    /// `AUTOFIX_PUBLIC_URL`: where people reach the endpoints, without the prefix. Unset, cards have no link to the page.
    pub public_url: Option<url::Url>,
    /// `AUTOFIX_MIN_CONFIDENCE`, 0 to 1.
    pub min_confidence: f64,
    /// `AUTOFIX_MODEL`
    pub model: String,
    /// `AUTOFIX_MODEL_PRICE`: the model's price where it is another than the table's.
    pub price: Price,
    /// `AUTOFIX_MAX_COST_USD`, dollars for one attempt.
    pub max_cost_usd: f64,
    /// `AUTOFIX_DAILY_COST_USD`, dollars for all attempts of one UTC day.
    pub daily_cost_usd: f64,
    /// `AUTOFIX_MAX_OPEN_PULL_REQUESTS`, in one repository.
    pub max_open_pull_requests: u32,
    /// `AUTOFIX_PROOF`: whether fixes are proved, unless a project says otherwise.
    pub proof: ProofMode,
    /// `AUTOFIX_PROOF_MINUTES`: how long each of the two runs of CI for a proof may take.
    pub proof_minutes: u32,
    /// `AUTOFIX_DRY_RUN`: no writes to GitHub or Sentry.
    pub dry_run: Flag,
    /// `AUTOFIX_CHECKS_SETTLE_SECONDS`: how long a repository may take to start its checks. Before that, neither
    /// "all green" nor "none ran" is believed.
    pub checks_settle: jiff::SignedDuration,
    /// `AUTOFIX_WATCH_HOURS`: how long the error has to stay away after the deploy.
    pub watch: jiff::SignedDuration,
    /// `AUTOFIX_APPROVALS`, for the card's sentence.
    pub approvals: u32,
    /// `AUTOFIX_MAX_ATTEMPTS_PER_HOUR`, for the digest's sentence and for what is caught up with.
    pub max_attempts_per_hour: u32,
    /// What is worth an attempt.
    pub bars: Bars,
    /// `SENTRY_ORG`: the organisation of an incident that names none.
    pub sentry_org: Option<String>,
    /// Where lost webhooks are caught up with; `None` where `SENTRY_ORG` is unset or `AUTOFIX_CATCH_UP` is off.
    pub catch_up: Option<CatchUpConfig>,
    /// `AUTOFIX_GITHUB_APP_ID`: the GitHub App to act as, by its id or its client id; the token is not used then.
    pub github_app_id: Option<String>,
    pub anthropic_url: url::Url,
    pub github_url: url::Url,
    pub sentry_url: url::Url,
    pub slack_api_url: url::Url,
}

/// Whose new issues are looked for, besides what webhooks tell.
#[derive(Clone, Debug)]
pub struct CatchUpConfig {
    /// `SENTRY_ORG`: the slug of Sentry's organisation.
    pub organization: String,
    pub projects: Projects,
}

const SLACK_API_URL: &str = "https://slack.com/api";
const GITHUB_API_URL: &str = "https://api.github.com";
const SENTRY_URL: &str = "https://sentry.io";

impl WorkerConfig {
    pub fn from_env(environment: &Environment) -> Result<WorkerConfig, ConfigError> {
        let mut read = Reader::new(environment);
        let model = read.text_or("AUTOFIX_MODEL", "claude-opus-5-5");
        // A name would do for posting, but neither for updating nor for looking a card up.
        let is_channel =
            |id: &str| id.len() >= 7 && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        let must = "a channel's id such as `C0123456789`, not its name";
        let slack_channel = read.checked("AUTOFIX_SLACK_CHANNEL", is_channel, must);
        let sentry_org = read.slug("SENTRY_ORG");
        let catches_up = read.flag_or("AUTOFIX_CATCH_UP", Flag::On).is_on();
        let config = WorkerConfig {
            common: CommonConfig::read(&mut read),
            notices_channel: slack_channel.clone().or_else(|| projects::first_channel(&mut read)),
            slack_channel,
            public_url: read.public_url("AUTOFIX_PUBLIC_URL"),
            min_confidence: read.number("AUTOFIX_MIN_CONFIDENCE", 0.8, 0.0..=1.0),
            price: read.price(&model),
            model,
            max_cost_usd: read.number("AUTOFIX_MAX_COST_USD", 1.5, 0.01..=100.0),
            daily_cost_usd: read.number("AUTOFIX_DAILY_COST_USD", 15.0, 0.01..=10_000.0),
            max_open_pull_requests: read.whole_number("AUTOFIX_MAX_OPEN_PULL_REQUESTS", 3, 1..=100),
            proof: read
                .one_of("AUTOFIX_PROOF", ProofMode::ALL.iter().map(|mode| mode.as_str()))
                .unwrap_or(ProofMode::Try),
            proof_minutes: read.whole_number("AUTOFIX_PROOF_MINUTES", 30, 1..=360),
            dry_run: read.flag("AUTOFIX_DRY_RUN"),
            approvals: approvers::asked(&mut read, "AUTOFIX_APPROVALS"),
            max_attempts_per_hour: read.max_attempts_per_hour(),
            watch: jiff::SignedDuration::from_hours(read.whole_number("AUTOFIX_WATCH_HOURS", 24, 1..=336)),
            checks_settle: jiff::SignedDuration::from_secs(read.whole_number(
                "AUTOFIX_CHECKS_SETTLE_SECONDS",
                120,
                0..=3_600,
            )),
            bars: Bars::read(&mut read),
            catch_up: sentry_org
                .clone()
                .filter(|_| catches_up)
                .map(|organization| CatchUpConfig { organization, projects: Projects::read(&mut read) }),
            sentry_org,
            github_app_id: read.checked(
                "AUTOFIX_GITHUB_APP_ID",
                |id| id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.'),
                "an id of letters and digits",
            ),
            anthropic_url: read.url("ANTHROPIC_BASE_URL", "https://api.anthropic.com"),
            github_url: read.url("GITHUB_API_URL", GITHUB_API_URL),
            sentry_url: read.url("SENTRY_URL", SENTRY_URL),
            slack_api_url: read.url("SLACK_API_URL", SLACK_API_URL),
        };
        read.finish(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_is_reported_at_once() {
        let environment = Environment::from_iter([
            ("AUTOFIX_MIN_CONFIDENCE", "1.5"),
            ("AUTOFIX_DRY_RUN", "maybe"),
            ("SENTRY_URL", "not an address"),
            ("AUTOFIX_PUBLIC_URL", "http://fix.acme.example"),
        ]);
        let problems = WorkerConfig::from_env(&environment).unwrap_err().0;
        assert_eq!(problems.len(), 4, "{problems:?}");
        let problems = IntakeConfig::from_env(&Environment::default()).unwrap_err().0;
        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with("`AUTOFIX_GITHUB_REPO` is not set"));
    }

    #[test]
    fn a_whole_number_is_not_cut_from_a_fraction() {
        let names = [
            "AUTOFIX_MAX_ATTEMPTS_PER_HOUR",
            "AUTOFIX_MAX_OPEN_PULL_REQUESTS",
            "AUTOFIX_WATCH_HOURS",
            "AUTOFIX_CHECKS_SETTLE_SECONDS",
            "AUTOFIX_MIN_EVENTS",
        ];
        for value in ["2.9", "1e1", "-1", "99999999999999999999", "two"] {
            let environment = Environment::from_iter(names.map(|name| (name, value)));
            let problems = WorkerConfig::from_env(&environment).unwrap_err().0;
            assert_eq!(problems.len(), names.len(), "{value}: {problems:?}");
        }
        let fraction = Environment::from_iter([(names[0], "2.9")]);
        assert_eq!(
            WorkerConfig::from_env(&fraction).unwrap_err().0,
            ["`AUTOFIX_MAX_ATTEMPTS_PER_HOUR` must be a whole number from 1 to 500"]
        );
        let whole = Environment::from_iter([(names[0], "2"), (names[2], "336")]);
        let config = WorkerConfig::from_env(&whole).unwrap();
        assert_eq!((config.max_attempts_per_hour, config.watch.as_hours()), (2, 336));
    }
}
