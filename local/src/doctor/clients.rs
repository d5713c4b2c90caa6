//! The clients of one run of `doctor`, made from the settings that can be read: one that is missing or wrong
//! does not hide what else is.

use autofix::claude::Claude;
use autofix::config::{ConfigError, Environment, IntakeConfig, Projects, WorkerConfig};
use autofix::github::{Github, Identity};
use autofix::journal::Service;
use autofix::secrets::Secrets;
use autofix::sentry::Sentry;
use autofix::slack::Slack;
use jiff::Timestamp;

use super::report::Finding;
use super::{Deployment, claude, github, sentry, slack};
use crate::settings::with;

/// Where the services are asked.
const ADDRESSES: [&str; 4] = ["ANTHROPIC_BASE_URL", "GITHUB_API_URL", "SENTRY_URL", "SLACK_API_URL"];

/// Everything that it takes to ask the services.
pub(super) struct Clients<'a> {
    /// As they are; some may not be readable.
    pub(super) environment: &'a Environment,
    /// The settings without those that cannot be read.
    pub(super) readable: Environment,
    pub(super) config: WorkerConfig,
    pub(super) secrets: &'a Secrets,
    pub(super) now: Timestamp,
    pub(super) projects: Projects,
    pub(super) claude: Claude,
    pub(super) github: Github,
    pub(super) sentry: Sentry,
    pub(super) slack: Slack,
}

impl<'a> Clients<'a> {
    /// `None` where an address cannot be read: a credential must not go to another host than it was meant for.
    pub(super) fn of(deployment: &'a Deployment) -> Option<Clients<'a>> {
        let Deployment { environment, secrets, clock, outbound, .. } = deployment;
        let (config, readable) = readable(environment)?;
        let intake = leaving_out_what_is_wrong(environment, IntakeConfig::from_env);
        let identity = Identity::from_settings(config.github_app_id.as_deref(), secrets, clock.clone());
        Some(Clients {
            environment,
            secrets,
            now: clock.now(),
            projects: intake.map(|(intake, _)| intake.projects).unwrap_or_default(),
            claude: Claude::new(
                outbound.clone(),
                config.anthropic_url.clone(),
                config.model.clone(),
                secrets,
            ),
            github: Github::new(outbound.clone(), config.github_url.clone(), identity),
            sentry: Sentry::new(outbound.clone(), config.sentry_url.clone(), secrets),
            slack: Slack::new(outbound.clone(), config.slack_api_url.clone(), secrets),
            config,
            readable,
        })
    }

    /// What one service says.
    pub(super) async fn service(&self, service: Service) -> Vec<Finding> {
        match service {
            Service::Anthropic => claude::examine(self).await,
            Service::Github => github::examine(self).await,
            Service::Sentry => sentry::examine(self).await,
            Service::Slack => slack::examine(self).await,
        }
    }
}

fn readable(environment: &Environment) -> Option<(WorkerConfig, Environment)> {
    // Which repositories there are is read apart; here it would be missed only where `SENTRY_ORG` is set.
    let nowhere = [("AUTOFIX_PROJECTS", ""), ("AUTOFIX_GITHUB_REPO", "nobody/nowhere")];
    let (config, kept) = leaving_out_what_is_wrong(&with(environment, &nowhere), WorkerConfig::from_env)?;
    let has_all_addresses = ADDRESSES.iter().all(|name| kept.get(name) == environment.get(name));
    has_all_addresses.then_some((config, kept))
}

/// What can be read when each setting is left out without which less is wrong, and the settings that are left.
fn leaving_out_what_is_wrong<T>(
    environment: &Environment,
    read: fn(&Environment) -> Result<T, ConfigError>,
) -> Option<(T, Environment)> {
    let mut kept = environment.clone();
    loop {
        let problems = match read(&kept) {
            Ok(settings) => return Some((settings, kept)),
            Err(error) => error.0.len(),
        };
        let is_better = |other: &Environment| read(other).err().map_or(0, |error| error.0.len()) < problems;
        kept = kept.pairs().iter().map(|(name, _)| with(&kept, &[(name, "")])).find(is_better)?;
    }
}
