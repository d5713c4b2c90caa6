//! `autofix setup`: asks for what is missing, one thing at a time, with where to find it. Each answer is
//! looked at and tried at once, and kept at once, so that whoever stops loses nothing. It ends with what
//! `autofix doctor` says. No secret is ever shown.

mod conversation;
mod env_file;
mod from_python;
mod guidance;
mod person;
mod question;

use std::path::Path;

use anyhow::{Context, anyhow};
use autofix::clock::Clock;
use autofix::config::{CommonConfig, Environment, names};
use autofix::outbound::Outbound;
use conversation::{Conversation, Given, Stop};
use env_file::EnvFile;
use guidance::Address;
pub use person::Person;
use ring::rand::SecureRandom;

use crate::arguments::SetupArgs;
use crate::doctor::deployment::ADDRESS;
use crate::doctor::report::Standing;
use crate::doctor::{self, Deployment};
use crate::secrets_push;
use crate::terminal::progress;

/// Bytes of a token that we choose ourselves.
const TOKEN_BYTES: usize = 32;

/// What it does that with.
pub struct Means {
    /// What is set here is not asked for.
    pub process: Environment,
    pub clock: Clock,
    pub outbound: Outbound,
    /// For [`SetupArgs::push`].
    pub secrets_manager: Option<aws_sdk_secretsmanager::Client>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// AutoFix can work; it may have to be started.
    Ready,
    /// The doctor found something that has to be put right.
    SomethingIsWrong,
    /// There were no more answers; those that were given are kept.
    Stopped,
}

/// Asks, writes, and examines.
///
/// # Errors
/// When the file cannot be read or written, or Secrets Manager refuses.
pub async fn setup(args: &SetupArgs, means: Means, person: &mut Person<'_>) -> anyhow::Result<Outcome> {
    let file = EnvFile::open(&args.file)?;
    let shown = args.file.display().to_string();
    let mut conversation = Conversation { shown, file, means, person, step: None };
    conversation.welcome();
    if let Some(old) = &args.from_python {
        conversation.take_over(old)?;
    }
    match conversation.ask_for_everything().await {
        Ok(()) => {}
        Err(Stop::Gone) => {
            conversation.say_farewell();
            return Ok(Outcome::Stopped);
        }
        Err(Stop::Failed(error)) => return Err(error),
    }
    conversation.make_api_token()?;
    if let (Some(secret), Some(client)) = (&args.push, &conversation.means.secrets_manager) {
        secrets_push::push(&args.file, Some(secret), client).await?;
    }
    conversation.examine(&args.data).await
}

/// What a person reads who stops before the end.
pub fn farewell(file: &Path) -> String {
    match file.exists() {
        true => format!(
            "Stopped. What you answered is in `{}`; the next `autofix setup` continues there.",
            file.display()
        ),
        false => "Stopped; nothing was written.".to_owned(),
    }
}

impl Conversation<'_, '_> {
    fn welcome(&mut self) {
        let shown = &self.shown;
        let told = format!(
            "What AutoFix needs to know, one thing after the other, in five steps. Each answer goes into `{shown}` at once,\n\
             which only you can read; secrets are not shown while you type. Ctrl-D or Ctrl-C stops, and the next\n\
             `autofix setup` asks only for what is still missing."
        );
        self.person.tell(&told);
        if self.file.is_seen_by_git() {
            let told = format!("! git does not ignore `{}` here: add it to `.gitignore`.", self.shown);
            self.person.tell(&told);
        }
    }

    fn say_farewell(&mut self) {
        let told = farewell(Path::new(&self.shown));
        self.person.tell(&told);
    }

    async fn ask_for_everything(&mut self) -> Result<(), Stop> {
        self.step = Some("Step 1 of 5: Claude");
        self.want(&question::ANTHROPIC_API_KEY).await?;
        self.step = Some("Step 2 of 5: GitHub");
        self.ask_about_github().await?;
        self.step = Some("Step 3 of 5: AutoFix's own address");
        self.want(&question::PUBLIC_URL).await?;
        self.step = Some("Step 4 of 5: Sentry");
        self.ask_about_sentry().await?;
        self.step = Some("Step 5 of 5: Slack");
        self.ask_about_slack().await?;
        self.step = None;
        Ok(())
    }

    async fn ask_about_github(&mut self) -> Result<(), Stop> {
        let is_listed = self.has("AUTOFIX_PROJECTS")?;
        if !is_listed {
            self.want(&question::GITHUB_REPO).await?;
        }
        if self.has(question::GITHUB_APP_ID.name)?
            && self.want(&question::GITHUB_APP_PRIVATE_KEY).await? == Given::Nothing
            && self.file.mentions(question::GITHUB_APP_ID.name)?
        {
            // Without this there would be no way back to a token.
            self.file.set(question::GITHUB_APP_ID.name, "")?;
            self.explain("No App, then: its id is taken out again.");
        }
        if self.has(question::GITHUB_APP_ID.name)? {
            // Its key is there, or was asked for.
        } else if !self.has(names::GITHUB_TOKEN)? {
            self.explain(&guidance::github_token());
            if self.want(&question::GITHUB_TOKEN).await? == Given::Nothing {
                self.explain(&guidance::github_app());
                if self.want(&question::GITHUB_APP_ID).await? == Given::Answer {
                    self.want(&question::GITHUB_APP_PRIVATE_KEY).await?;
                }
            }
        }
        if !is_listed {
            self.want(&question::GITHUB_PATH).await?;
        }
        Ok(())
    }

    async fn ask_about_sentry(&mut self) -> Result<(), Stop> {
        if self.is_open(&question::SENTRY_WEBHOOK_SECRET)? || self.is_open(&question::SENTRY_AUTH_TOKEN)? {
            let address = self.address()?;
            self.explain(&guidance::sentry(&address));
        }
        self.want(&question::SENTRY_WEBHOOK_SECRET).await?;
        self.want(&question::SENTRY_ORG).await?;
        self.want(&question::SENTRY_AUTH_TOKEN).await?;
        Ok(())
    }

    async fn ask_about_slack(&mut self) -> Result<(), Stop> {
        let has_way = self.has(names::SLACK_BOT_TOKEN)? || self.has(names::SLACK_WEBHOOK_URL)?;
        if !has_way || self.is_open(&question::SLACK_SIGNING_SECRET)? {
            let address = self.address()?;
            self.explain(&guidance::slack(&address));
        }
        if !has_way && self.want(&question::SLACK_BOT_TOKEN).await? == Given::Nothing {
            self.want(&question::SLACK_WEBHOOK_URL).await?;
        }
        if self.has(names::SLACK_BOT_TOKEN)? {
            self.want(&question::SLACK_CHANNEL).await?;
        }
        self.want(&question::SLACK_SIGNING_SECRET).await?;
        self.want(&question::SLACK_APPROVERS).await?;
        Ok(())
    }

    fn make_api_token(&mut self) -> anyhow::Result<()> {
        if self.has(names::API_TOKEN)? {
            return Ok(());
        }
        let mut bytes = [0; TOKEN_BYTES];
        let random = ring::rand::SystemRandom::new();
        random.fill(&mut bytes).map_err(|_| anyhow!("this machine gives no random numbers"))?;
        self.file.set(names::API_TOKEN, &hex::encode(bytes))?;
        let told = format!(
            "Made `{}`, which opens the web page and the API: it stands in `{}`.",
            names::API_TOKEN,
            self.shown
        );
        self.explain(&told);
        Ok(())
    }

    async fn examine(&mut self, data: &Path) -> anyhow::Result<Outcome> {
        progress("Asking Claude, GitHub, Sentry, Slack and the table …");
        let Means { clock, outbound, .. } = &self.means;
        let deployment = Deployment::of(self.environment()?, clock.clone(), outbound.clone()).await?;
        let report = doctor::examine_with_table(deployment, data).await?;
        let shown = report.shown(self.person.look).to_string();
        self.explain(&shown);
        let mut wrong = report.findings().filter(|(_, finding)| finding.standing == Standing::Bad);
        // Nobody has started it yet, so nobody can answer there.
        if !wrong.all(|(_, finding)| finding.what == ADDRESS) {
            return Ok(Outcome::SomethingIsWrong);
        }
        let next = match report.is_healthy() {
            true => "Next: `autofix serve`, or `sam deploy` (docs/deploy-aws.md).",
            false => {
                "Now start it: `autofix serve`, or `sam deploy` (docs/deploy-aws.md). Then run `autofix doctor` again."
            }
        };
        self.explain(next);
        Ok(Outcome::Ready)
    }

    fn address(&self) -> anyhow::Result<Address> {
        let environment = self.environment()?;
        let prefix = CommonConfig::from_env(&environment).context("read the settings")?.prefix;
        Ok(Address { public: environment.get("AUTOFIX_PUBLIC_URL").map(str::to_owned), prefix })
    }
}
