//! Whether GitHub lets AutoFix do its work: credential, repositories, branches, folders, permissions.

use std::collections::BTreeSet;

use autofix::attempt::Target;
use autofix::config::{WorkerConfig, names};
use autofix::github::{Github, Grant, Permission};
use autofix::outbound::{ErrorKind, ServiceError};
use autofix::secrets::Secrets;

use super::clients::Clients;
use super::report::Finding;
use crate::settings::{how_to_set, where_to_find};

/// The credential's kind, for the sentences.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Token,
    App,
}

impl Kind {
    fn what(self) -> &'static str {
        match self {
            Kind::Token => "Token",
            Kind::App => "App",
        }
    }

    /// The secret.
    fn setting(self) -> &'static str {
        match self {
            Kind::Token => names::GITHUB_TOKEN,
            Kind::App => names::GITHUB_APP_PRIVATE_KEY,
        }
    }

    /// Where the credential comes from.
    fn credential(self) -> String {
        match self {
            Kind::Token => how_to_set(names::GITHUB_TOKEN),
            Kind::App => format!(
                "Check `AUTOFIX_GITHUB_APP_ID` and `{}`: {}.",
                names::GITHUB_APP_PRIVATE_KEY,
                where_to_find(names::GITHUB_APP_PRIVATE_KEY)
            ),
        }
    }

    /// Where a repository is opened to it.
    fn access(self) -> &'static str {
        match self {
            Kind::Token => {
                "Check the name in `AUTOFIX_GITHUB_REPO` or `AUTOFIX_PROJECTS`, and on github.com, Settings, Developer \
                 settings, Fine-grained tokens, your token: Repository access."
            }
            Kind::App => {
                "Check the name in `AUTOFIX_GITHUB_REPO` or `AUTOFIX_PROJECTS`, and install the App on it: \
                 github.com, the organisation's Settings, GitHub Apps, Configure, Repository access."
            }
        }
    }

    /// Where a permission is granted.
    fn grant(self, permission: Permission) -> String {
        match self {
            Kind::Token => format!(
                "github.com, Settings, Developer settings, Fine-grained tokens, your token, Repository permissions: \
                 set {permission}."
            ),
            Kind::App => format!(
                "github.com, the organisation's Settings, Developer settings, GitHub Apps, your App, Permissions & \
                 events: set {permission}; then accept the change where the App is installed."
            ),
        }
    }
}

pub(super) async fn examine(all: &Clients<'_>) -> Vec<Finding> {
    let kind = if all.config.github_app_id.is_some() { Kind::App } else { Kind::Token };
    let places = all.projects.places();
    if places.is_empty() {
        return vec![without_a_place(kind, all.secrets).await];
    }
    let mut findings = Vec::new();
    let mut asked = BTreeSet::new();
    for (_, target) in places {
        let repo = target.repo.clone();
        let before = findings.len();
        let head = match place(&all.github, kind, &target).await {
            Ok((found, head)) => {
                findings.extend(found);
                head
            }
            // The credential itself: most likely the same for every repository.
            Err(finding) => {
                findings.push(finding);
                return findings;
            }
        };
        // Nobody vouches for a credential that GitHub did not get to see.
        if before == 0 && head.is_some() {
            findings.insert(0, Finding::good(kind.what(), "accepted"));
        }
        if let Some(head) = head
            && asked.insert(repo.clone())
        {
            findings.extend(permissions(all, kind, &repo, &head).await);
            findings.extend(merge_needs(&all.github, kind, &repo, &head.base).await);
        }
    }
    findings
}

/// The credential where there is no repository to try it on, which is told with the settings.
async fn without_a_place(kind: Kind, secrets: &Secrets) -> Finding {
    match secrets.get(kind.setting()).await {
        Ok(Some(_)) => {
            let next = "Set `AUTOFIX_GITHUB_REPO` to the repository with your code, `owner/name`.";
            Finding::lacking(kind.what(), "set, and not tried: no repository is known", next)
        }
        Ok(None) => Finding::bad(kind.what(), "not set", kind.credential()),
        Err(error) => Finding::bad(kind.what(), error.to_string(), kind.credential()),
    }
}

/// A base branch and the commit that it points to.
struct Head {
    base: String,
    sha: String,
}

/// One place with code, and the head of its base branch where there is one.
async fn place(
    github: &Github,
    kind: Kind,
    target: &Target,
) -> Result<(Vec<Finding>, Option<Head>), Finding> {
    let Target { repo, path, branch, .. } = target;
    let what = "Repository";
    let repository = match github.repository(repo).await {
        Ok(repository) => repository,
        Err(error @ ServiceError { kind: ErrorKind::CredentialRefused | ErrorKind::Unauthorized, .. }) => {
            return Err(Finding::of_error(kind.what(), &error, kind.credential()));
        }
        Err(ServiceError { kind: ErrorKind::NotFound, message: said, .. }) => {
            let detail = format!("`{repo}` is not there, or may not be seen: {said}");
            return Ok((vec![Finding::bad(what, detail, kind.access())], None));
        }
        Err(error @ ServiceError { kind: ErrorKind::Moved, .. }) => {
            let next = "Write the new name into `AUTOFIX_GITHUB_REPO` or `AUTOFIX_PROJECTS`.";
            return Ok((vec![Finding::of_error(what, &error, next)], None));
        }
        Err(error) => return Ok((vec![Finding::of_error(what, &error, kind.access())], None)),
    };
    let mut findings = vec![Finding::good(what, format!("`{repo}`"))];
    let base = branch.clone().unwrap_or(repository.default_branch);
    let sha = match github.branch_head(repo, &base).await {
        Ok(Some(sha)) => sha,
        Ok(None) => {
            let next = "Correct `branch` in `AUTOFIX_PROJECTS`, or push the branch.";
            findings.push(Finding::bad("Base branch", format!("`{base}` is not in `{repo}`"), next));
            return Ok((findings, None));
        }
        Err(error) => {
            let next = kind.grant(Permission::Contents);
            findings.push(Finding::of_error("Base branch", &error, next));
            return Ok((findings, None));
        }
    };
    findings.push(Finding::good("Base branch", format!("`{base}`")));
    if !path.is_empty() {
        findings.push(match github.has_folder(repo, path, &sha).await {
            Ok(true) => Finding::good("Folder", format!("`{path}`")),
            Ok(false) => Finding::bad(
                "Folder",
                format!("there is no folder `{path}` on `{base}` of `{repo}`"),
                "Correct `AUTOFIX_GITHUB_PATH` or `path` in `AUTOFIX_PROJECTS`; unset, it is the whole repository.",
            ),
            Err(error) => Finding::of_error("Folder", &error, kind.grant(Permission::Contents)),
        });
    }
    Ok((findings, Some(Head { base, sha })))
}

async fn permissions(all: &Clients<'_>, kind: Kind, repo: &str, head: &Head) -> Vec<Finding> {
    let mut findings = Vec::new();
    for permission in Permission::ALL.iter().copied() {
        if permission == Permission::Checks && kind == Kind::Token {
            continue; // no fine-grained token can have it; Actions and statuses take its place
        }
        let what = permission.as_str();
        findings.push(match all.github.grant(repo, permission, &head.base, &head.sha).await {
            Ok(Grant::Held) => Finding::good(what, format!("on `{repo}`")),
            Ok(Grant::Missing { said }) => {
                let detail = format!("missing on `{repo}`: {said}");
                let next = kind.grant(permission);
                match is_needed(permission, &all.config) {
                    true => Finding::bad(what, detail, next),
                    false => Finding::lacking(what, detail, next),
                }
            }
            Err(error) => Finding::of_error(what, &error, kind.grant(permission)),
        });
    }
    findings
}

/// What the base branch wants of a merge beside green checks: a button that GitHub refuses surprises nobody then.
async fn merge_needs(github: &Github, kind: Kind, repo: &str, base: &str) -> Vec<Finding> {
    let what = "Merge rules";
    let (rules, protection) =
        match (github.branch_rules(repo, base).await, github.branch_needs(repo, base).await) {
            (Ok(rules), Ok(protection)) => (rules, protection.read().unwrap_or_default()),
            (Err(error), _) | (_, Err(error)) => {
                return vec![Finding::of_error(what, &error, kind.grant(Permission::Contents))];
            }
        };
    let approvals = rules.approvals.max(protection.required_approving_review_count.unwrap_or(0));
    let mut findings = Vec::new();
    if approvals > 0 {
        let detail = format!("`{base}` of `{repo}` wants {approvals} approving review(s) before a merge");
        let next =
            "People approve the pull request on GitHub before they press Deploy Live; the card says so.";
        findings.push(Finding::lacking(what, detail, next));
    }
    if (rules.signed_commits || protection.requires_signatures) && kind == Kind::Token {
        let detail = format!("`{base}` of `{repo}` takes only signed commits, and a token's are not signed");
        let next = "Connect AutoFix as a GitHub App: GitHub signs the commits of an App.";
        findings.push(Finding::lacking(what, detail, next));
    }
    findings
}

fn is_needed(permission: Permission, config: &WorkerConfig) -> bool {
    match permission {
        // A dry run writes nothing.
        Permission::Contents | Permission::PullRequests => !config.dry_run.is_on(),
        Permission::Statuses | Permission::Actions | Permission::Checks => true,
        Permission::Deployments => false,
    }
}
