//! Who may decide: people of the own workspace who are on the list, by their id or by a user group.
//!
//! The members of a group are asked of Slack and remembered for a while. Where they cannot be known, nobody
//! decides on their behalf: the person is told what is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use autofix::clock::Clock;
use autofix::config::InteractionsConfig;
use autofix::journal::Service;
use autofix::outbound::{ErrorKind, ServiceError};
use autofix::slack::Slack;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::RwLock;
use tracing::warn;

use crate::form::Person;

/// How long the members of a group are believed without asking again.
const KEEP: SignedDuration = SignedDuration::from_mins(5);
/// How long they are believed while Slack does not answer.
const KEEP_IN_AN_OUTAGE: SignedDuration = SignedDuration::from_hours(1);
/// Slack waits three seconds for the answer to a click; this may take one of them.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(1);

/// The groups' members as they were seen last.
#[derive(Default)]
pub(crate) struct Groups(RwLock<BTreeMap<String, Members>>);

struct Members {
    seen: Timestamp,
    people: BTreeSet<String>,
}

/// What the question needs.
pub(crate) struct Asking<'a> {
    pub(crate) config: &'a InteractionsConfig,
    pub(crate) slack: &'a Slack,
    pub(crate) clock: &'a Clock,
}

impl Groups {
    /// `Err` is the sentence for a person who may not decide.
    pub(crate) async fn may_decide(&self, person: &Person, asking: Asking<'_>) -> Result<(), String> {
        let refused = self.refusal(person, &asking).await;
        if let Some(sentence) = refused {
            warn!(user = person.id, team = person.team, "Refused someone who may not decide");
            return Err(sentence);
        }
        Ok(())
    }

    async fn refusal(&self, person: &Person, asking: &Asking<'_>) -> Option<String> {
        let config = asking.config;
        if is_of_another_workspace(person, config) {
            return Some("AutoFix takes decisions from its own workspace only.".to_owned());
        }
        let approvers = &config.approvers;
        if approvers.are_everyone() || approvers.people.contains(&person.id) {
            return None;
        }
        let mut unknown = None;
        for group in &approvers.groups {
            match self.has(group, person, asking).await {
                Ok(true) => return None,
                Ok(false) => {}
                Err(sentence) => unknown = Some(sentence),
            }
        }
        Some(unknown.unwrap_or_else(|| {
            "You are not on the list of people who may decide about fixes. Ask one of them, or have `AUTOFIX_SLACK_APPROVERS` changed.".to_owned()
        }))
    }

    async fn has(&self, group: &str, person: &Person, asking: &Asking<'_>) -> Result<bool, String> {
        let now = asking.clock.now();
        let remembered = |members: &Members, life| {
            (now.duration_since(members.seen) < life).then(|| members.people.contains(&person.id))
        };
        let known = self.0.read().await.get(group).and_then(|members| remembered(members, KEEP));
        if let Some(is_member) = known {
            return Ok(is_member);
        }
        // The team is only asked for where the app is installed for a whole organisation.
        let team = person.enterprise.as_ref().map(|_| person.team.as_str());
        let look_up = Box::pin(asking.slack.group_members(group, team));
        let answer = tokio::time::timeout(LOOK_UP_TIMEOUT, look_up).await;
        match answer.unwrap_or(Err(ServiceError::timed_out(Service::Slack))) {
            Ok(people) => {
                let people: BTreeSet<String> = people.into_iter().collect();
                let is_member = people.contains(&person.id);
                self.0.write().await.insert(group.to_owned(), Members { seen: now, people });
                Ok(is_member)
            }
            Err(error) => {
                warn!(error = %error, group, "Cannot read who belongs to a group of approvers");
                let groups = self.0.read().await;
                let stale = groups.get(group).and_then(|members| remembered(members, KEEP_IN_AN_OUTAGE));
                stale.ok_or_else(|| unknown(group, &error))
            }
        }
    }
}

/// A workspace is named by its own id, or all of an organisation by the organisation's. Guests of a shared channel click in
/// the workspace and belong to another one: they decide only where they are on the list.
fn is_of_another_workspace(person: &Person, config: &InteractionsConfig) -> bool {
    let Some(own) = &config.team_id else {
        // Nobody said which workspace is the own one: the one of the card is.
        let is_guest = person.home.as_ref().is_some_and(|home| *home != person.team);
        return is_guest && config.approvers.are_everyone();
    };
    if own.starts_with('E') {
        return person.enterprise.as_ref() != Some(own);
    }
    let is_guest = person.home.as_ref().is_some_and(|home| home != own);
    person.team != *own || (is_guest && config.approvers.are_everyone())
}

fn unknown(group: &str, error: &ServiceError) -> String {
    match error.kind {
        ErrorKind::NotFound => format!(
            "`AUTOFIX_SLACK_APPROVERS` names the group `{group}`, which Slack does not know. Nothing was decided."
        ),
        ErrorKind::Unauthorized => format!(
            "AutoFix cannot read who belongs to the group `{group}`: its bot token needs the scope `usergroups:read`. Nothing was decided."
        ),
        _ => "Slack did not tell who may decide. Nothing was decided; please try again.".to_owned(),
    }
}
