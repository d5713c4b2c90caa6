//! What an attempt waits for that is neither a person, a check, nor a failure that may pass.
//!
//! The clock looks again; whoever sets free what is waited for wakes the attempt sooner.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Attempt, AttemptId, Trouble};

/// A wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    pub what: WaitsFor,
    pub since: Timestamp,
    /// When to look again.
    pub look_at: Timestamp,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum WaitsFor {
    /// A slot among the repository's open pull requests of AutoFix, of which there are `limit`.
    #[serde(rename = "place")] // the word of stored attempts
    Slot { limit: u32 },
    /// What another attempt finds out about the same fault.
    Attempt { id: AttemptId },
    /// Sentry's event, or a second webhook, with the stack trace that the first one lacked.
    StackTrace,
}

impl WaitsFor {
    /// Waiting for another attempt, or with another limit, is the same wait going on.
    fn goes_on(self, other: WaitsFor) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

impl Attempt {
    /// Begins to wait, or goes on. People are told when it begins.
    pub(super) fn begin_waiting(&mut self, what: WaitsFor, look_at: Timestamp, now: Timestamp) {
        self.trouble = Trouble::default();
        let since = self.wait.as_ref().filter(|wait| wait.what.goes_on(what)).map(|wait| wait.since);
        self.wait = Some(Wait { what, since: since.unwrap_or(now), look_at });
        if since.is_some() {
            return;
        }
        match what {
            WaitsFor::Slot { limit } => {
                let sentence = format!("Waits: the repository has {limit} open pull requests of AutoFix");
                self.note(now, sentence);
                self.card.wanted += 1;
            }
            // A matter of minutes, with nothing to tell before its end.
            WaitsFor::StackTrace => self.note(now, "Waits for the stack trace"),
            WaitsFor::Attempt { id } => self.note(now, format!("Waits for attempt {id}: the same fault")),
        }
    }

    /// What it waits for may be there: look now.
    pub fn wake(&mut self, now: Timestamp) {
        if let Some(wait) = &mut self.wait {
            wait.look_at = wait.look_at.min(now);
        }
    }
}
