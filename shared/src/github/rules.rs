//! What the base branch demands of a merge: required checks, allowed methods, a merge queue. The classic
//! protection shows its checks with the branch; rulesets have an endpoint of their own. What cannot
//! be read is not known, and said so.

use serde_json::Value;

use super::answers::{items, readable};
use super::pages::List;
use super::{Github, MergeMethod, Readable, Repository};
use crate::cleaning::one_line;
use crate::outbound::{ErrorKind, ServiceError};

/// Rules in force for one branch; organisations have a handful.
const PAGES: usize = 3;
/// Required checks that are kept. Beyond that, a name more or less decides nothing.
const CHECKS: usize = 100;
const NAME_CHARS: usize = 200;

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
}

impl BranchRules {
    /// The method that repository and rules both allow, the simplest history first; `None` where they leave none.
    pub fn merge_method(&self, repository: &Repository) -> Option<MergeMethod> {
        let allowed =
            |method: &MergeMethod| self.merge_methods.as_ref().is_none_or(|methods| methods.contains(method));
        repository.merge_methods.iter().copied().find(allowed)
    }
}

impl Github {
    /// What a branch demands of a merge into it.
    pub async fn branch_rules(&self, repo: &str, branch: &str) -> Result<BranchRules, ServiceError> {
        let body = self.get(repo, &["branches", branch], &[]).await?;
        let mut names = classic_checks(&body);
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
        if body["protected"] == true && body["protection"].is_null() {
            not_known = Some("the branch's protection cannot be read".to_owned());
        }
        let mut way_in = WayIn::Merge;
        let mut merge_methods: Option<Vec<MergeMethod>> = None;
        match rules {
            Readable::NotAllowed { said } => not_known = Some(format!("rulesets cannot be read: {said}")),
            Readable::Read(rules) => {
                for rule in &rules.items {
                    let parameters = &rule["parameters"];
                    match rule["type"].as_str() {
                        Some("required_status_checks") => {
                            let checks = items(&parameters["required_status_checks"]);
                            names.extend(checks.filter_map(|check| check["context"].as_str()).map(cleaned));
                        }
                        Some("merge_queue") => way_in = WayIn::Queue,
                        Some("pull_request") => {
                            if let Some(methods) = parameters["allowed_merge_methods"].as_array() {
                                let named: Vec<MergeMethod> = methods
                                    .iter()
                                    .filter_map(|method| method.as_str()?.parse().ok())
                                    .collect();
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
        Ok(BranchRules { required_checks: RequiredChecks { names, not_known }, way_in, merge_methods })
    }
}

fn classic_checks(branch: &Value) -> Vec<String> {
    let required = &branch["protection"]["required_status_checks"];
    if required["enforcement_level"] == "off" {
        return Vec::new();
    }
    let contexts = items(&required["contexts"]).filter_map(Value::as_str);
    let checks = items(&required["checks"]).filter_map(|check| check["context"].as_str());
    contexts.chain(checks).map(cleaned).collect()
}

fn cleaned(name: &str) -> String {
    one_line(name, NAME_CHARS)
}
