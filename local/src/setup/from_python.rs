//! What an `.env` of the Python AutoFix has is taken over; what it lacks is asked for after that.

use std::path::Path;

use anyhow::Context;
use autofix::config::names;
use autofix::config::settings::{all, named};

use super::conversation::Conversation;
use super::question;
use crate::doctor::report::Standing;
use crate::settings;

/// Where the Python AutoFix had its endpoints. Sentry and clients know that address.
const OLD_PREFIX: &str = "/api/v1/autofix";
const PREFIX: &str = "AUTOFIX_PREFIX";

impl Conversation<'_, '_> {
    /// Copies the settings that have the same names, unless they are set already, and keeps the old addresses.
    ///
    /// # Errors
    /// If the old file can't be read, or the new one can't be written.
    pub(super) fn take_over(&mut self, old: &Path) -> anyhow::Result<()> {
        let shown = old.display();
        let found = settings::file(old).context("take over the settings of the Python AutoFix")?;
        self.explain(&format!("From `{shown}`:"));
        let known = all().map(|setting| setting.name).filter(|name| found.get(name).is_some());
        for name in known.collect::<Vec<_>>() {
            let value = question::tidied(name, found.get(name).unwrap_or_default());
            let environment = self.environment()?;
            match question::reason_against(name, &value, &environment) {
                _ if environment.get(name) == Some(value.as_str()) => {
                    self.mark(Standing::Good, &format!("{name}: kept"));
                }
                _ if environment.get(name).is_some() => {
                    let told = format!("{name}: left as it is in `{}`, which has another value", self.shown);
                    self.mark(Standing::Lacking, &told);
                }
                Some(reason) => {
                    self.mark(Standing::Lacking, &format!("{name}: not taken over: {reason}"));
                }
                None => {
                    self.file.set(name, &value)?;
                    self.mark(Standing::Good, &format!("{name}: taken over"));
                }
            }
        }
        let names: Vec<String> = found.pairs().into_iter().map(|(name, _)| name).collect();
        let unknown = names.iter().filter(|name| name.starts_with("AUTOFIX_") && named(name).is_none());
        for name in unknown {
            self.mark(Standing::Lacking, &format!("{name}: AutoFix has no such setting now"));
        }
        if !self.has(PREFIX)? {
            self.file.set(PREFIX, OLD_PREFIX)?;
            let told = format!(
                "{PREFIX}: set to `{OLD_PREFIX}`, so that Sentry and your clients find the old addresses"
            );
            self.mark(Standing::Good, &told);
        }
        if !self.has(names::SENTRY_WEBHOOK_SECRET)? {
            let told = format!(
                "{}: not there. It was optional and is not now: `setup` asks for it. Sentry's legacy WebHooks plugin, which \
                 can't sign, gets an address with a key from `autofix doctor`",
                names::SENTRY_WEBHOOK_SECRET
            );
            self.mark(Standing::Lacking, &told);
        }
        self.person.tell("  Remove the library and its `mount` call from your application. docs/from-python.md has the rest.");
        Ok(())
    }
}
