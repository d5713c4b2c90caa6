//! Which Sentry project's code is in which repository.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::environment::Reader;
use crate::attempt::{ProofMode, Target};
use crate::words::word_enum;

/// Which Sentry project belongs to which repository.
#[derive(Clone, Debug, Default)]
pub struct Projects {
    /// `AUTOFIX_PROJECTS`, by Sentry project slug.
    by_slug: BTreeMap<String, ProjectSetting>,
    /// `AUTOFIX_GITHUB_REPO` and `AUTOFIX_GITHUB_PATH`: where every other project's code is.
    fallback: Option<Target>,
}

word_enum! {
    /// Sentry's levels, from the least to the most severe.
    pub enum Level {
        Debug = "debug",
        Info = "info",
        Warning = "warning",
        Error = "error",
        Fatal = "fatal",
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProjectSetting {
    repo: String,
    #[serde(default)]
    path: String,
    branch: Option<String>,
    slack_channel: Option<String>,
    proof: Option<ProofMode>,
    pub(super) environments: Option<Vec<String>>,
    pub(super) min_level: Option<Level>,
    pub(super) min_events: Option<u64>,
}

impl Projects {
    pub(super) fn read(read: &mut Reader<'_>) -> Projects {
        let by_slug = by_slug(read);
        let fallback = if by_slug.is_empty() {
            Some(read.required("AUTOFIX_GITHUB_REPO", "the repository with your code, `owner/name`"))
        } else {
            read.text("AUTOFIX_GITHUB_REPO")
        };
        let path = read.text_or("AUTOFIX_GITHUB_PATH", "").trim_matches('/').to_owned();
        let repos = by_slug.values().map(|project: &ProjectSetting| &project.repo).chain(&fallback);
        let wrong: Vec<String> =
            repos.filter(|repo| !repo.is_empty() && !is_repository(repo)).cloned().collect();
        read.problems
            .extend(wrong.iter().map(|repo| format!("`{repo}` is not a repository name, `owner/name`")));
        let fallback = fallback.map(|repo| Target { repo, path, ..Target::default() });
        Projects { by_slug, fallback }
    }

    /// Where the code of a Sentry project is; `None` where no setting says so.
    pub fn target(&self, slug: &str) -> Option<Target> {
        match self.by_slug.get(slug) {
            Some(project) => Some(Target {
                repo: project.repo.clone(),
                path: project.path.trim_matches('/').to_owned(),
                branch: project.branch.clone(),
                slack_channel: project.slack_channel.clone(),
                proof: project.proof,
            }),
            None => self.fallback.clone(),
        }
    }

    /// Every place with code: of the projects that are named, by slug, and last the one of all others.
    pub fn places(&self) -> Vec<(Option<&str>, Target)> {
        let named = self.by_slug.keys().map(|slug| (Some(slug.as_str()), self.target(slug)));
        let all = named.chain([(None, self.fallback.clone())]);
        all.filter_map(|(slug, target)| Some((slug, target?))).collect()
    }

    /// The Sentry projects that are named, by slug.
    pub fn slugs(&self) -> impl Iterator<Item = &str> {
        self.by_slug.keys().map(String::as_str)
    }

    /// The repositories, for `status`.
    pub fn repositories(&self) -> Vec<&str> {
        let mut all: Vec<&str> = self.by_slug.values().map(|project| project.repo.as_str()).collect();
        all.extend(self.fallback.as_ref().map(|target| target.repo.as_str()));
        all.sort_unstable();
        all.dedup();
        all
    }
}

pub(super) fn by_slug(read: &mut Reader<'_>) -> BTreeMap<String, ProjectSetting> {
    let Some(text) = read.text("AUTOFIX_PROJECTS") else { return BTreeMap::new() };
    serde_json::from_str(&text).unwrap_or_else(|error| {
        let problem = format!(
            "`AUTOFIX_PROJECTS` must be JSON such as `{{\"shop\": {{\"repo\": \"acme/shop\"}}}}`: {error}"
        );
        // The worker reads them for their channels and, where it catches up, for their code: told once.
        if !read.problems.contains(&problem) {
            read.problems.push(problem);
        }
        BTreeMap::new()
    })
}

/// The Slack channel of the first project, by slug, that names one.
pub(super) fn first_channel(read: &mut Reader<'_>) -> Option<String> {
    by_slug(read).into_values().find_map(|project| project.slack_channel)
}

fn is_repository(text: &str) -> bool {
    let good = |part: &str| {
        !part.is_empty()
            && part.len() <= 100
            && part != "."
            && part != ".."
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    matches!(text.split_once('/'), Some((owner, name)) if good(owner) && good(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, IntakeConfig, WorkerConfig};

    #[test]
    fn a_project_of_its_own_wins_over_the_fallback() {
        let environment = Environment::from_iter([
            (
                "AUTOFIX_PROJECTS",
                r#"{"shop":{"repo":"acme/shop","path":"/api/","branch":"dev","proof":"require"}}"#,
            ),
            ("AUTOFIX_GITHUB_REPO", "acme/mono"),
            ("AUTOFIX_GITHUB_PATH", "backend/"),
        ]);
        let projects = IntakeConfig::from_env(&environment).unwrap().projects;
        let shop = projects.target("shop").unwrap();
        assert_eq!((shop.repo.as_str(), shop.path.as_str()), ("acme/shop", "api"));
        assert_eq!(shop.proof, Some(ProofMode::Require));
        let other = projects.target("other").unwrap();
        assert_eq!((other.repo.as_str(), other.path.as_str()), ("acme/mono", "backend"));
        assert_eq!(projects.repositories(), ["acme/mono", "acme/shop"]);
    }

    #[test]
    fn projects_that_cannot_be_read_are_told_once() {
        let environment = Environment::from_iter([("AUTOFIX_PROJECTS", "{"), ("SENTRY_ORG", "acme")]);
        let told = WorkerConfig::from_env(&environment).unwrap_err().to_string();
        assert_eq!(told.matches("`AUTOFIX_PROJECTS` must be JSON").count(), 1, "{told}");
    }

    #[test]
    fn only_owner_and_name_is_a_repository() {
        for good in ["acme/shop", "a-b/c.d_e"] {
            assert!(is_repository(good), "{good}");
        }
        for bad in ["", "acme", "/x", "x/", "a/b/c", "a/..", "a b/c", "a/b?c"] {
            assert!(!is_repository(bad), "{bad}");
        }
    }
}
