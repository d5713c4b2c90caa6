//! The whole page.

use anyhow::Context;
use askama::Template;
use attempt_queries::page::{Time, asset_address, moment};
use autofix::attempt::Attempt;
use autofix::store::{Listing, ListingFilter};

use super::aftermath::Aftermath;
use super::github::Repository;
use super::markup::Addresses;
use super::progress::Progress;
use super::slack::Channels;
use super::{PATH, SandboxPage};
use crate::sandbox::sentry::IssueOverview;
use crate::scenario::Scenario;

/// Attempts that are looked at.
const ATTEMPTS: usize = 50;

#[derive(Template)]
#[template(path = "sandbox/page.html")]
pub(super) struct Page {
    path: &'static str,
    prefix: String,
    /// Addresses of what the other pages of AutoFix have too, and of this page's own style.
    icon: String,
    common_style: String,
    script: String,
    /// The sandbox's time, which is ahead of the machine's after hours have passed.
    now: Time,
    scenarios: [Scenario; 4],
    progress: Option<Progress>,
    aftermath: Aftermath,
    issues: Vec<IssueOverview>,
    channels: Channels,
    repository: Repository,
    log: Vec<(Time, String)>,
}

impl Page {
    /// One sentence about the newest state of Sentry, for those who don't look.
    fn sentry_news(&self) -> String {
        let events: usize = self.issues.iter().map(|issue| issue.events).sum();
        format!("Sentry: {events} events in {} issues", self.issues.len())
    }

    fn is_working(&self) -> bool {
        self.progress.as_ref().is_some_and(|progress| progress.is_working)
    }
}

impl SandboxPage {
    /// What AutoFix has in hand or had, newest first.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub(super) async fn attempts(&self) -> anyhow::Result<Vec<Attempt>> {
        let filter = ListingFilter::default();
        let listing = Listing { filter, limit: ATTEMPTS, before: None, now: self.clock.now() };
        Ok(self.store.list(&listing).await.context("read the attempts")?.attempts)
    }

    /// # Errors
    /// When the repository or the table cannot be read.
    pub(super) async fn view(&self) -> anyhow::Result<Page> {
        let attempts = self.attempts().await?;
        let latest = attempts.iter().max_by_key(|attempt| attempt.timeline.last().map(|entry| entry.at));
        let addresses = Addresses::new(&self.sandbox.github.url());
        let log = self.log.lines().into_iter().map(|(at, what)| (moment(at), what));
        Ok(Page {
            path: PATH,
            prefix: self.prefix.clone(),
            icon: asset_address(&self.prefix, "icon.svg"),
            common_style: asset_address(&self.prefix, "page.css"),
            script: asset_address(&self.prefix, "page.js"),
            now: moment(self.clock.now()),
            scenarios: Scenario::ALL,
            progress: latest.map(|attempt| Progress::of(attempt, &self.prefix)),
            aftermath: Aftermath::of(&self.sandbox.github, &attempts)?,
            issues: self.sandbox.sentry.overview(),
            channels: Channels::of(&self.sandbox.slack, &addresses),
            repository: Repository::of(&self.sandbox.github)?,
            log: log.collect(),
        })
    }
}
