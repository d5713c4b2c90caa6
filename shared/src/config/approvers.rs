//! Who may decide about fixes, and how many of them have to.

use std::collections::BTreeSet;

use super::environment::Reader;

/// `AUTOFIX_SLACK_APPROVERS`: the people who may decide. Nobody named means everyone in the workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approvers {
    /// Slack user ids.
    pub people: BTreeSet<String>,
    /// Ids of Slack user groups, whose members may decide.
    pub groups: BTreeSet<String>,
}

impl Approvers {
    pub(super) fn read(read: &mut Reader<'_>) -> Approvers {
        let name = "AUTOFIX_SLACK_APPROVERS";
        let text = read.text_or(name, "");
        let mut approvers = Approvers::default();
        for id in text.split([',', ' ']).filter(|id| !id.is_empty()) {
            match id.as_bytes().first() {
                Some(b'U' | b'W') if is_slack_id(id) => approvers.people.insert(id.to_owned()),
                Some(b'S') if is_slack_id(id) => approvers.groups.insert(id.to_owned()),
                _ => {
                    read.problems.push(format!(
                        "`{name}` must be ids of people (`U0123456789`) or user groups (`S0123456789`), not `{id}`"
                    ));
                    continue;
                }
            };
        }
        approvers
    }

    pub fn are_everyone(&self) -> bool {
        self.people.is_empty() && self.groups.is_empty()
    }
}

/// `AUTOFIX_APPROVALS`, which must not ask for more people than there are.
pub(super) fn approvals(read: &mut Reader<'_>, approvers: &Approvers) -> u32 {
    let asked = asked(read, "AUTOFIX_APPROVALS");
    if asked == 2 && approvers.groups.is_empty() && approvers.people.len() == 1 {
        read.problems.push(
            "`AUTOFIX_APPROVALS` is `2`, but `AUTOFIX_SLACK_APPROVERS` names one person only".to_owned(),
        );
    }
    asked
}

/// How many people a setting asks for: one where it is not set, two at most.
pub(super) fn asked(read: &mut Reader<'_>, name: &str) -> u32 {
    match read.text(name).as_deref() {
        None | Some("1") => 1,
        Some("2") => 2,
        Some(_) => {
            read.problems.push(format!("`{name}` must be `1` or `2`"));
            1
        }
    }
}

/// `AUTOFIX_SLACK_TEAM_ID`: a workspace, or an organisation of an Enterprise Grid.
pub(super) fn team(read: &mut Reader<'_>) -> Option<String> {
    let is_team = |id: &str| id.starts_with(['T', 'E']) && is_slack_id(id);
    let must = "the id of a workspace (`T0123456789`) or of an organisation (`E0123456789`)";
    read.checked("AUTOFIX_SLACK_TEAM_ID", is_team, must)
}

fn is_slack_id(id: &str) -> bool {
    (5..=40).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use crate::config::{Environment, InteractionsConfig};

    #[track_caller]
    fn check(settings: &[(&str, &str)], problems: &[&str]) {
        let environment: Environment = settings.iter().copied().collect();
        let found = InteractionsConfig::from_env(&environment).err().map(|error| error.0).unwrap_or_default();
        assert_eq!(found.len(), problems.len(), "{found:?}");
        for (found, expected) in found.iter().zip(problems) {
            assert!(found.contains(expected), "{found}");
        }
    }

    #[test]
    fn people_and_groups_are_told_apart_and_names_are_refused() {
        check(&[("AUTOFIX_SLACK_APPROVERS", "U0ANNE, W0BENN,S0ONCALL")], &[]);
        check(&[("AUTOFIX_SLACK_APPROVERS", "@anne, C0CHANNEL")], &["not `@anne`", "not `C0CHANNEL`"]);
        check(&[("AUTOFIX_SLACK_TEAM_ID", "acme")], &["workspace"]);
        check(&[("AUTOFIX_SLACK_TEAM_ID", "E0123456789")], &[]);
    }

    #[test]
    fn two_approvals_need_two_people() {
        check(&[("AUTOFIX_APPROVALS", "2")], &[]);
        check(&[("AUTOFIX_APPROVALS", "2"), ("AUTOFIX_SLACK_APPROVERS", "U0ANNE")], &["one person only"]);
        check(&[("AUTOFIX_APPROVALS", "2"), ("AUTOFIX_SLACK_APPROVERS", "S0ONCALL")], &[]);
        check(&[("AUTOFIX_APPROVALS", "3")], &["`1` or `2`"]);
    }
}
