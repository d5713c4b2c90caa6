//! Who asks, and what they may. A fine-grained token has the permissions that its owner ticked and
//! can never read check runs; a classic token has all of its owner's; an App's installation has what
//! the organisation granted the App.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::wire::Refusal;

/// The kinds of credential that the fake knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// [`super::TOKEN`].
    FineGrainedToken,
    /// [`super::CLASSIC_TOKEN`].
    ClassicToken,
    /// A token of the App's installation.
    Installation,
}

/// What can be granted, as GitHub names it in `x-accepted-github-permissions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    Actions,
    Administration,
    Checks,
    Contents,
    Deployments,
    Metadata,
    PullRequests,
    Statuses,
    Workflows,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Read,
    Write,
}

/// A permission and how much of it.
pub(super) type Need = (Permission, Level);

pub(super) type Grants = BTreeMap<Permission, Level>;

impl Permission {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Permission::Actions => "actions",
            Permission::Administration => "administration",
            Permission::Checks => "checks",
            Permission::Contents => "contents",
            Permission::Deployments => "deployments",
            Permission::Metadata => "metadata",
            Permission::PullRequests => "pull_requests",
            Permission::Statuses => "statuses",
            Permission::Workflows => "workflows",
        }
    }
}

impl Level {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Level::Read => "read",
            Level::Write => "write",
        }
    }
}

/// What each kind of credential may at the start: what the README asks people to grant.
pub(super) fn usual_grants(holder: Holder) -> Grants {
    use {Level::*, Permission::*};
    let asked = [(Contents, Write), (PullRequests, Write), (Metadata, Read), (Statuses, Read)];
    let asked = asked.into_iter().chain([(Actions, Read), (Deployments, Read)]);
    match holder {
        Holder::FineGrainedToken => asked.collect(),
        Holder::Installation => asked.chain([(Checks, Read)]).collect(),
        // The scope `repo` of somebody who may write, but not administrate; not the scope `workflow`.
        Holder::ClassicToken => asked.chain([(Checks, Read), (Administration, Read)]).collect(),
    }
}

/// An account as it stands in answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) login: String,
    pub(super) kind: AccountKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccountKind {
    User,
    Bot,
}

impl Account {
    pub(super) fn user(login: &str) -> Account {
        Account { login: login.to_owned(), kind: AccountKind::User }
    }

    pub(super) fn bot(login: &str) -> Account {
        Account { login: login.to_owned(), kind: AccountKind::Bot }
    }

    /// The address under which the account commits where the web does it for them.
    pub(super) fn email(&self) -> String {
        format!("{}@users.noreply.github.com", self.login)
    }

    pub(super) fn json(&self) -> Value {
        let id: u64 = self.login.bytes().fold(7, |id, byte| id * 31 % 1_000_003 + u64::from(byte));
        json!({
            "login": self.login,
            "id": id,
            "node_id": format!("U_{id}"),
            "type": match self.kind { AccountKind::User => "User", AccountKind::Bot => "Bot" },
            "site_admin": false,
        })
    }
}

/// Who sent one request.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    pub(super) holder: Holder,
    pub(super) account: Account,
    pub(super) grants: Grants,
    /// The repositories that the token is for, in lower case; `None` for all of them.
    pub(super) repositories: Option<BTreeSet<String>>,
}

impl Visitor {
    pub(super) fn may(&self, (permission, level): Need) -> bool {
        self.grants.get(&permission).is_some_and(|granted| *granted >= level)
    }

    pub(super) fn sees(&self, full_name: &str) -> bool {
        self.repositories.as_ref().is_none_or(|names| names.contains(&full_name.to_lowercase()))
    }

    /// What GitHub says to somebody who lacks a permission.
    pub(super) fn refusal_message(&self) -> &'static str {
        match self.holder {
            Holder::Installation => "Resource not accessible by integration",
            Holder::FineGrainedToken | Holder::ClassicToken => {
                "Resource not accessible by personal access token"
            }
        }
    }

    pub(super) fn require(&self, need: Need) -> Result<(), Refusal> {
        if self.may(need) { Ok(()) } else { Err(Refusal::forbidden(self.refusal_message(), need)) }
    }
}

/// What a request below `repos/{owner}/{name}` needs.
#[rustfmt::skip]
pub(super) fn need_of(method: &str, path: &[&str]) -> Need {
    use {Level::*, Permission::*};
    match (method, path) {
        ("GET", [] | ["rules", ..]) => (Metadata, Read),
        ("GET", ["branches", .., "protection"]) => (Administration, Read),
        ("GET", ["commits", .., "check-runs"] | ["check-runs", ..]) => (Checks, Read),
        ("GET", ["commits", .., "status"]) => (Statuses, Read),
        ("GET", ["commits", .., "pulls"] | ["pulls" | "issues", ..]) => (PullRequests, Read),
        ("GET", ["actions", ..]) => (Actions, Read),
        ("GET", ["deployments", ..]) => (Deployments, Read),
        ("GET", _) => (Contents, Read),
        ("PUT", ["pulls", _, "merge"]) => (Contents, Write),
        (_, ["pulls" | "issues", ..]) => (PullRequests, Write),
        _ => (Contents, Write),
    }
}
