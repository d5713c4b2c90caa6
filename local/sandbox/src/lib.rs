//! The sandbox: fakes of the four services on loopback ports. They speak the services' real wire
//! formats, keep state, check credentials, and refuse what they do not know. Claude's is scripted.

/// Claude: scripted conversations, checked as Anthropic's API would check them.
pub mod claude;
/// GitHub, over a real git repository.
pub mod github;
/// Secrets Manager, for the functions' emulator.
pub mod secrets_manager;
/// Sentry: issues, events, webhooks.
pub mod sentry;
/// Slack: one workspace with its channel, cards and dialogs.
pub mod slack;

/// Kills the process under test before or after a call.
pub mod killer;
/// What all fakes share: a port, a log of requests, faults to order.
pub mod service;

/// The small FastAPI project that the demo breaks.
pub mod demo_project;
/// The demo's stories: what breaks, and what the scripted Claude says.
pub mod scenario;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use autofix::clock::Clock;
use autofix::config::{Environment, names};
use killer::Killer;

/// The token with which attempts are read where the sandbox is used.
pub const API_TOKEN: &str = "development-api-token";

/// The four fakes. Clones are handles to the same ones.
#[derive(Clone)]
pub struct Sandbox {
    pub claude: claude::Claude,
    pub github: github::GitHub,
    pub sentry: sentry::Sentry,
    pub slack: slack::Slack,
}

/// Where the fakes listen: consecutive ports of one address.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    pub ip: IpAddr,
    /// 0 gives each of them any free port.
    pub first_port: u16,
}

impl Addresses {
    /// Ports that one service after the other takes.
    pub const COUNT: u16 = 5;

    /// Any free ports of this machine.
    pub fn free() -> Addresses {
        Addresses { ip: Ipv4Addr::LOCALHOST.into(), first_port: 0 }
    }

    pub(crate) fn of(self, number: u16) -> SocketAddr {
        let port = if self.first_port == 0 { 0 } else { self.first_port + number };
        (self.ip, port).into()
    }

    fn starting_at(self, number: u16) -> Addresses {
        Addresses { first_port: self.of(number).port(), ..self }
    }
}

/// Brings back what was there when it was made, as often as it is called.
pub type WayBack = Box<dyn Fn() -> anyhow::Result<()>>;

/// How AutoFix reaches the sandbox's Slack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlackWay {
    Bot,
    Webhook,
}

impl Sandbox {
    /// Starts all four; repositories live in `folder`.
    pub async fn start(folder: &Path, clock: Clock) -> anyhow::Result<Sandbox> {
        Sandbox::start_at(folder, clock, Addresses::free()).await
    }

    /// As [`Sandbox::start`], at given addresses.
    pub async fn start_at(folder: &Path, clock: Clock, addresses: Addresses) -> anyhow::Result<Sandbox> {
        Ok(Sandbox {
            claude: claude::Claude::start_at(addresses.of(0)).await?,
            github: github::GitHub::start_at(folder, clock.clone(), addresses.starting_at(1)).await?,
            sentry: sentry::Sentry::start_at(addresses.of(3), clock.clone()).await?,
            slack: slack::Slack::start_at(addresses.of(4), clock).await?,
        })
    }

    /// From now on this killer counts every call to a service.
    pub fn watched_by(&self, killer: &Killer) {
        for (_, service) in self.services() {
            service.watched_by(killer, |_| true);
        }
    }

    /// Makes all four again what they are now: a test need not play a story's beginning once more. Their addresses stay;
    /// what they were asked is not forgotten. Copies of the git repositories are kept in `folder`.
    pub fn way_back(&self, folder: &Path) -> anyhow::Result<WayBack> {
        let ways: [WayBack; 4] = [
            self.claude.way_back(),
            self.github.way_back(folder)?,
            self.sentry.way_back(),
            self.slack.way_back(),
        ];
        Ok(Box::new(move || ways.iter().try_for_each(|way| way())))
    }

    /// Adds the demo's project, with one check that passes for every commit.
    pub fn add_demo_project(&self) -> anyhow::Result<std::path::PathBuf> {
        use crate::demo_project;
        let path = self.github.add_repository(
            demo_project::REPOSITORY,
            &demo_project::files(),
            demo_project::FIRST_COMMIT,
        )?;
        let green = github::CheckRun::ended("tests", github::Conclusion::Success);
        self.github.set_checks(demo_project::REPOSITORY, github::Heads::Every, &[green])?;
        self.sentry.link_repository(demo_project::REPOSITORY);
        Ok(path)
    }

    /// Gives the demo's project a CI that runs its tests, for a story in which a fix is proved; the variables of such a
    /// story.
    pub fn with_proofs(&self) -> anyhow::Result<Environment> {
        self.github.set_ci(demo_project::REPOSITORY, demo_project::ci)?;
        Ok([("AUTOFIX_PROOF", "try")].into_iter().collect())
    }

    /// The variables with which the functions find the sandbox, its credentials, and the demo's project.
    pub fn environment(&self, way: SlackWay) -> Environment {
        let mut variables = vec![
            ("ANTHROPIC_BASE_URL", self.claude.url()),
            ("GITHUB_API_URL", self.github.url()),
            ("SENTRY_URL", self.sentry.url()),
            ("SLACK_API_URL", self.slack.url()),
            (names::ANTHROPIC_API_KEY, claude::API_KEY.to_owned()),
            (names::GITHUB_TOKEN, github::TOKEN.to_owned()),
            (names::SENTRY_AUTH_TOKEN, sentry::AUTH_TOKEN.to_owned()),
            (names::SENTRY_WEBHOOK_SECRET, sentry::CLIENT_SECRET.to_owned()),
            (names::SLACK_SIGNING_SECRET, slack::SIGNING_SECRET.to_owned()),
            (names::API_TOKEN, API_TOKEN.to_owned()),
            ("AUTOFIX_SLACK_TEAM_ID", slack::TEAM_ID.to_owned()),
            // The fake's checks are there at once, so nobody has to wait for late ones.
            ("AUTOFIX_CHECKS_SETTLE_SECONDS", "0".to_owned()),
            // A story that is about a proof switches it on.
            ("AUTOFIX_PROOF", "off".to_owned()),
            ("AUTOFIX_GITHUB_REPO", crate::demo_project::REPOSITORY.to_owned()),
            ("AUTOFIX_GITHUB_PATH", crate::demo_project::CODE_PATH.to_owned()),
        ];
        match way {
            SlackWay::Bot => variables.extend([
                (names::SLACK_BOT_TOKEN, slack::BOT_TOKEN.to_owned()),
                ("AUTOFIX_SLACK_CHANNEL", slack::CHANNEL_ID.to_owned()),
            ]),
            SlackWay::Webhook => variables.push((names::SLACK_WEBHOOK_URL, self.slack.webhook_url())),
        }
        variables.into_iter().collect()
    }

    /// From now on no fake keeps what it was asked; see [`service::Service::forget_requests`].
    pub fn forget_requests(&self) {
        self.services().into_iter().for_each(|(_, service)| service.forget_requests());
    }

    /// What the fakes did not understand, one line each: empty after an honest test.
    pub fn unknown(&self) -> Vec<String> {
        let lines = self.services().into_iter().flat_map(|(name, service)| {
            service.unknown().into_iter().map(move |line| format!("{name}: {line}"))
        });
        lines.collect()
    }

    fn services(&self) -> [(&'static str, &service::Service); 5] {
        [
            ("claude", self.claude.service()),
            ("github", self.github.service()),
            ("github downloads", self.github.downloads()),
            ("sentry", self.sentry.service()),
            ("slack", self.slack.service()),
        ]
    }
}
