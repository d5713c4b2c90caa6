//! The whole page.

use askama::Template;
use attempt_queries::page::{Time, asset_address, moment};

use super::aftermath::Aftermath;
use super::github::Repository;
use super::markup::Addresses;
use super::sentry::{Issues, Throwable, throwables};
use super::slack::Channels;
use super::{PATH, Place};

#[derive(Template)]
#[template(path = "sandbox/page.html")]
pub(super) struct Page {
    path: &'static str,
    prefix: String,
    /// Addresses of what the other pages of AutoFix have too, and of this page's own style.
    icon: String,
    common_style: String,
    script: String,
    throwables: Vec<Throwable>,
    aftermath: Aftermath,
    issues: Issues,
    channels: Channels,
    repository: Repository,
    log: Vec<(Time, String)>,
}

impl Place {
    /// # Errors
    /// When the repository cannot be read.
    pub(super) fn view(&self) -> anyhow::Result<Page> {
        let addresses = Addresses::new(&self.sandbox.github.url());
        let log = self.log.lines().into_iter().map(|(at, what)| (moment(at), what));
        Ok(Page {
            path: PATH,
            prefix: self.prefix.clone(),
            icon: asset_address(&self.prefix, "icon.svg"),
            common_style: asset_address(&self.prefix, "page.css"),
            script: asset_address(&self.prefix, "page.js"),
            throwables: throwables(),
            aftermath: Aftermath::of(&self.sandbox.github)?,
            issues: Issues::of(&self.sandbox.sentry),
            channels: Channels::of(&self.sandbox.slack, &addresses),
            repository: Repository::of(&self.sandbox.github)?,
            log: log.collect(),
        })
    }
}
