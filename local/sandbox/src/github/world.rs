//! What the fake remembers beside git: pull requests, checks, deployments, settings.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::Context;
use autofix::clock::Clock;
use git2::Oid;
use jiff::Timestamp;

use super::app::App;
use super::credentials::{Account, Grants, Holder, usual_grants};
use super::deployments::Deployment;
use super::queueing::Waiting;
use super::quota::Quota;
use super::reports::{CheckRun, Checkout, Ci, Planned, Status};
use super::repository as git;

#[derive(Clone)]
pub(super) struct World {
    repositories_root: PathBuf,
    api_url: String,
    downloads_url: String,
    repositories: BTreeMap<String, Repository>,
    /// Old names of renamed repositories, with the new ones; all in lower case.
    renamed: BTreeMap<String, String>,
    pub(super) clock: Clock,
    pub(super) app: App,
    pub(super) grants: BTreeMap<Holder, Grants>,
    /// Requests so far, which are numbered.
    pub(super) requests: u64,
    pub(super) quota: Quota,
}

impl World {
    pub(super) fn new(repositories_root: &Path, clock: Clock) -> World {
        let holders = [Holder::FineGrainedToken, Holder::ClassicToken, Holder::Installation];
        World {
            repositories_root: repositories_root.to_owned(),
            api_url: String::new(),
            downloads_url: String::new(),
            repositories: BTreeMap::new(),
            renamed: BTreeMap::new(),
            clock,
            app: App::default(),
            grants: holders.into_iter().map(|holder| (holder, usual_grants(holder))).collect(),
            requests: 0,
            quota: Quota::default(),
        }
    }

    pub(super) fn be_reached_at(&mut self, api_url: String, downloads_url: String) {
        (self.api_url, self.downloads_url) = (api_url, downloads_url);
    }

    pub(super) fn repository(&mut self, full_name: &str) -> Option<&mut Repository> {
        self.repositories.get_mut(&full_name.to_lowercase())
    }

    /// Where the git repositories are.
    pub(super) fn repositories_root(&self) -> &Path {
        &self.repositories_root
    }

    pub(super) fn api_url(&self) -> &str {
        &self.api_url
    }

    /// The owner of the first repository: whose account the App is installed in.
    pub(super) fn an_owner(&self) -> Option<String> {
        self.repositories.values().next().map(|repository| repository.owner.clone())
    }

    /// The repositories that the App may see, in lower case.
    pub(super) fn installed_on(&self) -> BTreeSet<String> {
        let installed = self.repositories.iter().filter(|(_, repository)| repository.settings.app_installed);
        installed.map(|(name, _)| name.clone()).collect()
    }

    /// The first repository that fits, as GraphQL finds things by ids of their own.
    pub(super) fn repository_with(
        &mut self,
        matches: impl Fn(&Repository) -> bool,
    ) -> Option<&mut Repository> {
        self.repositories.values_mut().find(|repository| matches(repository))
    }

    /// What the repository that had this name is called now, if it was renamed.
    pub(super) fn new_name(&self, old_name: &str) -> Option<&str> {
        self.renamed.get(&old_name.to_lowercase()).map(String::as_str)
    }

    /// Gives a repository another name. What was cloned under the old one keeps working.
    pub(super) fn rename(&mut self, old_name: &str, new_name: &str) -> anyhow::Result<()> {
        let (owner, name) = new_name.split_once('/').context("a repository is named `owner/name`")?;
        let mut repository =
            self.repositories.remove(&old_name.to_lowercase()).context("no such repository")?;
        (repository.owner, repository.name) = (owner.to_owned(), name.to_owned());
        repository.url = format!("{}/repos/{new_name}", self.api_url);
        repository.html_url = format!("{}/{new_name}", self.api_url);
        repository.download_url = format!("{}/{new_name}", self.downloads_url);
        self.repositories.insert(new_name.to_lowercase(), repository);
        self.renamed.insert(old_name.to_lowercase(), new_name.to_lowercase());
        Ok(())
    }

    /// Registers a repository and says where its bare git repository belongs on disk.
    pub(super) fn add(&mut self, full_name: &str) -> anyhow::Result<PathBuf> {
        let (owner, name) = full_name.split_once('/').context("a repository is named `owner/name`")?;
        let path = self.repositories_root.join(owner).join(format!("{name}.git"));
        let number = self.repositories.len() as u64 + 1;
        let repository = Repository {
            number,
            clock: self.clock.clone(),
            owner: owner.to_owned(),
            name: name.to_owned(),
            path: path.clone(),
            url: format!("{}/repos/{full_name}", self.api_url),
            html_url: format!("{}/{full_name}", self.api_url),
            download_url: format!("{}/{full_name}", self.downloads_url),
            settings: Settings::default(),
            pulls: Vec::new(),
            deployments: Vec::new(),
            check_runs: HashMap::new(),
            signed: HashSet::new(),
            statuses: HashMap::new(),
            planned_check_runs: Planned::default(),
            planned_statuses: Planned::default(),
            ci: None,
            download_keys: Vec::new(),
            last_id: 0,
        };
        self.repositories.insert(full_name.to_lowercase(), repository);
        Ok(path)
    }
}

/// How a repository is set up. Everything can be changed with [`super::GitHub::configure`].
#[derive(Clone, Debug)]
pub struct Settings {
    pub allow_merge_commit: bool,
    pub allow_squash_merge: bool,
    pub allow_rebase_merge: bool,
    pub delete_branch_on_merge: bool,
    /// Whether the App is installed on it.
    pub app_installed: bool,
    /// Why the default branch's protection refuses every merge (405), if it does.
    pub merges_refused: Option<String>,
    /// Checks that the classic protection of the default branch requires.
    pub required_checks: Vec<String>,
    /// Checks that a ruleset requires for the default branch.
    pub ruleset_checks: Vec<String>,
    /// Merge methods (`squash`, …) that a ruleset leaves for the default branch.
    pub ruleset_merge_methods: Option<Vec<String>>,
    /// Approving reviews that a ruleset asks for before a merge into the default branch.
    pub approvals_needed: u32,
    /// The classic protection of the default branch takes only signed commits.
    pub only_signed_commits: bool,
    /// `false` as for a private repository of a free account, which has no draft pull requests.
    pub has_drafts: bool,
    /// Whether a branch has to contain the base's head before it may be merged.
    pub checks_must_be_up_to_date: bool,
    /// `false` as for a private repository of a free account, which has no rulesets.
    pub rules_readable: bool,
    /// Merges into the default branch go through a queue, and no other way.
    pub merge_queue: bool,
    pub allow_auto_merge: bool,
    /// Why GitHub's own revert fails, if it does: a conflict, or a server that is too old.
    pub reverts_refused: Option<String>,
    /// Logins that may be asked for a review.
    pub collaborators: Vec<String>,
    /// A ruleset forbids to replace commits of any branch.
    pub force_pushes_refused: bool,
    /// Served in place of the real archive of any commit.
    pub archive: Option<Vec<u8>>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            allow_merge_commit: true,
            allow_squash_merge: true,
            allow_rebase_merge: true,
            delete_branch_on_merge: false,
            app_installed: true,
            merges_refused: None,
            required_checks: Vec::new(),
            ruleset_checks: Vec::new(),
            ruleset_merge_methods: None,
            approvals_needed: 0,
            only_signed_commits: false,
            has_drafts: true,
            checks_must_be_up_to_date: false,
            rules_readable: true,
            merge_queue: false,
            allow_auto_merge: false,
            reverts_refused: None,
            collaborators: vec!["ada".to_owned()],
            force_pushes_refused: false,
            archive: None,
        }
    }
}

#[derive(Clone)]
pub(super) struct Repository {
    /// Which one it is: ids that hold over all repositories are made of it.
    pub(super) number: u64,
    pub(super) clock: Clock,
    pub(super) owner: String,
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// Of the API, of the pages for people, and of the archive host; all end with the repository's name.
    pub(super) url: String,
    pub(super) html_url: String,
    pub(super) download_url: String,
    pub(super) settings: Settings,
    pub(super) pulls: Vec<Pull>,
    pub(super) deployments: Vec<Deployment>,
    /// By commit; each keeps the id under which it was reported.
    pub(super) check_runs: HashMap<Oid, Vec<(u64, CheckRun)>>,
    /// Commits that GitHub made for an App without a named author, and signed.
    pub(super) signed: HashSet<Oid>,
    pub(super) statuses: HashMap<Oid, Vec<(u64, Status)>>,
    pub(super) planned_check_runs: Planned<CheckRun>,
    pub(super) planned_statuses: Planned<Status>,
    /// What reports about every head for which nothing else was planned next.
    pub(super) ci: Option<Ci>,
    pub(super) download_keys: Vec<String>,
    pub(super) last_id: u64,
}

/// How far a pull request has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Open,
    Closed { at: Timestamp },
    Merged { at: Timestamp, commit: Oid },
}

#[derive(Clone)]
pub(super) struct Comment {
    pub(super) id: u64,
    pub(super) by: Account,
    pub(super) body: String,
    pub(super) at: Timestamp,
}

/// What a reviewer said in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Approved,
    ChangesRequested,
}

#[derive(Clone)]
pub(super) struct Review {
    pub(super) id: u64,
    pub(super) by: Account,
    pub(super) verdict: Verdict,
    pub(super) body: String,
    pub(super) commit: Oid,
    pub(super) submitted_at: Timestamp,
}

#[derive(Clone)]
pub(super) struct Pull {
    pub(super) id: u64,
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) body: Option<String>,
    pub(super) draft: bool,
    pub(super) head_branch: String,
    pub(super) head: Oid,
    pub(super) base_branch: String,
    /// The base branch's tip when the head last moved.
    pub(super) base: Oid,
    /// Where head and base parted, as of the last time the pull request was open.
    pub(super) fork: Oid,
    pub(super) stage: Stage,
    pub(super) author: Account,
    /// Who merged or closed it; `None` where that happened by a push.
    pub(super) ended_by: Option<Account>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) labels: Vec<String>,
    pub(super) reviewers: Vec<String>,
    pub(super) comments: Vec<Comment>,
    pub(super) reviews: Vec<Review>,
    /// Comments on lines of the diff.
    pub(super) review_comments: Vec<Comment>,
    pub(super) waiting: Option<Waiting>,
    /// The head and base that somebody has asked `mergeable` for: GitHub computes it only then.
    pub(super) mergeable_asked: Option<(Oid, Oid)>,
}

impl Repository {
    pub(super) fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// The time, in whole seconds as GitHub writes it.
    pub(super) fn now(&self) -> Timestamp {
        let now = self.clock.now();
        Timestamp::from_second(now.as_second()).unwrap_or(now)
    }

    /// What makes one link to the other host good.
    pub(super) fn new_download_key(&mut self) -> String {
        let key = format!("SANDBOX{:06}", self.next_id());
        self.download_keys.push(key.clone());
        key
    }

    pub(super) fn node_id(&self) -> String {
        format!("R_{:06}", self.number)
    }

    pub(super) fn git(&self) -> Result<git2::Repository, git2::Error> {
        git2::Repository::open_bare(&self.path)
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Brings the open pull requests up to date with the branches: a head that moved, a branch that
    /// was deleted (which closes), a head that somebody merged by hand.
    pub(super) fn notice_pushes(&mut self) -> Result<(), git2::Error> {
        let (store, now) = (self.git()?, self.now());
        let mut new_heads = Vec::new();
        for pull in self.pulls.iter_mut().filter(|pull| pull.stage == Stage::Open) {
            let tips = (git::tip(&store, &pull.head_branch), git::tip(&store, &pull.base_branch));
            let (Some(head), Some(base)) = tips else {
                pull.stage = Stage::Closed { at: now };
                pull.updated_at = now;
                continue;
            };
            if git::contains(&store, base, head)? {
                let by_hand = head == pull.head;
                pull.stage = match by_hand {
                    true => Stage::Merged { at: now, commit: base },
                    false => Stage::Closed { at: now },
                };
                pull.updated_at = now;
                continue;
            }
            if head != pull.head {
                (pull.head, pull.base, pull.updated_at) = (head, base, now);
                if matches!(pull.waiting, Some(Waiting::Queue { .. })) {
                    pull.waiting = None; // a push takes a pull request out of the queue, but leaves auto-merge on
                }
                new_heads.push(head);
            }
            pull.fork = store.merge_base(base, head).unwrap_or(base);
        }
        for head in new_heads {
            self.report_planned_checks(head);
        }
        Ok(())
    }

    /// Gives a new head the checks that were planned for it.
    pub(super) fn report_planned_checks(&mut self, head: Oid) {
        let by_ci = || {
            let (ci, store) = (self.ci.clone()?, self.git().ok()?);
            Some(ci(&Checkout { store: &store, commit: head }))
        };
        let runs = if self.planned_check_runs.next.is_empty() { by_ci() } else { None };
        if let Some(runs) = runs.or_else(|| self.planned_check_runs.for_new_head()) {
            self.report_check_runs(head, runs);
        }
        if let Some(statuses) = self.planned_statuses.for_new_head() {
            self.report_statuses(head, statuses);
        }
    }

    pub(super) fn report_check_runs(&mut self, commit: Oid, runs: Vec<CheckRun>) {
        let runs = runs.into_iter().map(|run| (self.next_id(), run)).collect();
        self.check_runs.insert(commit, runs);
    }

    pub(super) fn report_statuses(&mut self, commit: Oid, statuses: Vec<Status>) {
        let statuses = statuses.into_iter().map(|status| (self.next_id(), status)).collect();
        self.statuses.insert(commit, statuses);
    }
}
