//! What the base branch demands of a merge: required checks, allowed methods, a merge queue. The classic
//! protection shows its checks with the branch; rulesets have an endpoint of their own. What cannot
//! be read is not known, and said so.

use serde::Deserialize;

use super::answers::readable;
use super::pages::List;
use super::{Github, Readable, Repository};
use crate::cleaning::one_line;
use crate::outbound::{ErrorKind, ServiceError};
use crate::words::word_enum;

/// Rules in force for one branch; organisations have a handful.
const PAGES: usize = 3;
/// Required checks that are kept. Beyond that, a name more or less decides nothing.
const CHECKS: usize = 100;
const NAME_CHARS: usize = 200;

word_enum! {
    /// How a pull request becomes part of its base.
    pub enum MergeMethod { Squash = "squash", Merge = "merge", Rebase = "rebase", }
}

/// The checks without which GitHub does not merge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequiredChecks {
    /// Names of jobs, or contexts of statuses; those that are known.
    pub names: Vec<String>,
    /// Why there may be more than these.
    pub not_known: Option<String>,
}

/// How changes get into a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayIn {
    Merge,
    /// Through the branch's merge queue and no other way.
    Queue,
}

/// What a branch demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchRules {
    pub required_checks: RequiredChecks,
    pub way_in: WayIn,
    /// The methods that rules leave; `None` where no rule is about them.
    pub merge_methods: Option<Vec<MergeMethod>>,
    /// Approving reviews that rulesets ask for; the classic protection tells of its own only by
    /// [`Github::branch_needs`].
    pub approvals: u32,
    /// Rulesets take only signed commits.
    pub signed_commits: bool,
}

impl BranchRules {
    /// The method that repository and rules both allow, the simplest history first; `None` where they leave none.
    pub fn merge_method(&self, repository: &Repository) -> Option<MergeMethod> {
        let allowed =
            |method: &MergeMethod| self.merge_methods.as_ref().is_none_or(|methods| methods.contains(method));
        repository.merge_methods.iter().copied().find(allowed)
    }
}

#[derive(Deserialize)]
struct WireBranch {
    protected: Option<bool>,
    protection: Option<WireProtection>,
}

#[derive(Deserialize)]
struct WireProtection {
    required_status_checks: Option<WireClassicChecks>,
}

#[derive(Deserialize)]
struct WireClassicChecks {
    enforcement_level: Option<String>,
    contexts: Option<Vec<String>>,
    checks: Option<Vec<WireCheck>>,
}

#[derive(Deserialize)]
struct WireCheck {
    context: String,
}

/// A rule of a ruleset. Which parameters there are depends on its type.
#[derive(Deserialize)]
struct WireRule {
    #[serde(rename = "type")]
    kind: String,
    parameters: Option<WireParameters>,
}

#[derive(Default, Deserialize)]
struct WireParameters {
    required_status_checks: Option<Vec<WireCheck>>,
    allowed_merge_methods: Option<Vec<String>>,
    required_approving_review_count: Option<u32>,
}

impl Github {
    /// What a branch demands of a merge into it.
    pub async fn branch_rules(&self, repo: &str, branch: &str) -> Result<BranchRules, ServiceError> {
        let branch_now: WireBranch = self.read(repo, &["branches", branch], &[]).await?;
        let hides_protection = branch_now.protected == Some(true) && branch_now.protection.is_none();
        let mut names = branch_now.protection.map(classic_checks).unwrap_or_default();
        let path = ["rules", "branches", branch];
        let list = List { path: &path, query: &[], under: None, most_pages: PAGES };
        let rules = match self.pages(repo, list).await {
            Err(ServiceError { kind: ErrorKind::NotFound, message: said, .. }) => {
                Readable::NotAllowed { said }
            } // a server without rulesets
            rules => readable(rules)?,
        };
        let mut not_known = None;
        // A protected branch that does not show its protection may require anything.
        if hides_protection {
            not_known = Some("the branch's protection cannot be read".to_owned());
        }
        let mut way_in = WayIn::Merge;
        let mut merge_methods: Option<Vec<MergeMethod>> = None;
        let (mut approvals, mut signed_commits) = (0, false);
        match rules {
            Readable::NotAllowed { said } => not_known = Some(format!("rulesets cannot be read: {said}")),
            Readable::Read(rules) => {
                for WireRule { kind, parameters } in rules.items {
                    let parameters = parameters.unwrap_or_default();
                    match kind.as_str() {
                        "required_status_checks" => {
                            let checks = parameters.required_status_checks.unwrap_or_default();
                            names.extend(checks.iter().map(|check| cleaned(&check.context)));
                        }
                        "merge_queue" => way_in = WayIn::Queue,
                        "required_signatures" => signed_commits = true,
                        "pull_request" => {
                            approvals =
                                approvals.max(parameters.required_approving_review_count.unwrap_or(0));
                            if let Some(methods) = parameters.allowed_merge_methods {
                                let named: Vec<MergeMethod> =
                                    methods.iter().filter_map(|method| method.parse().ok()).collect();
                                let both = |before: Vec<MergeMethod>| {
                                    before.into_iter().filter(|method| named.contains(method)).collect()
                                };
                                merge_methods = Some(merge_methods.map_or(named.clone(), both));
                            }
                        }
                        _ => {} // a rule about something else
                    }
                }
            }
        }
        names.sort_unstable();
        names.dedup();
        names.truncate(CHECKS);
        let required_checks = RequiredChecks { names, not_known };
        Ok(BranchRules { required_checks, way_in, merge_methods, approvals, signed_commits })
    }
}

fn classic_checks(protection: WireProtection) -> Vec<String> {
    let Some(required) = protection.required_status_checks else { return Vec::new() };
    if required.enforcement_level.as_deref() == Some("off") {
        return Vec::new();
    }
    let contexts = required.contexts.unwrap_or_default().into_iter();
    let checks = required.checks.unwrap_or_default().into_iter().map(|check| check.context);
    contexts.chain(checks).map(|name| cleaned(&name)).collect()
}

fn cleaned(name: &str) -> String {
    one_line(name, NAME_CHARS)
}
