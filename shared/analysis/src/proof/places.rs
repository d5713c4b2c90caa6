//! Where a repository's tests are, how they are run, and whether a pull request runs them.

use std::cmp::Reverse;

use crate::repo_path::{ProjectPath, RepoPath};
use crate::snapshot::Snapshot;
use crate::syntax::{Family, Language};

/// Test files that are looked at; more say nothing new about how tests are written here.
const MAX_FILES: usize = 400;

/// The tests that a new one has to be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestPlaces {
    pub family: Family,
    /// Test files, those nearest to the crashed file first; never empty.
    pub files: Vec<RepoPath>,
    /// Files that configure the test runner.
    pub configuration: Vec<RepoPath>,
}

impl TestPlaces {
    /// Finds the tests of the crashed file's language. `Err` is a sentence that says why there is none to follow.
    pub fn find(
        snapshot: &Snapshot,
        project: &ProjectPath,
        crashed: &RepoPath,
    ) -> Result<TestPlaces, String> {
        let family = Language::of_path(crashed.as_str()).map(Language::family);
        let Some(family) = family.filter(|one| matches!(one, Family::Python | Family::Script | Family::Go))
        else {
            return Err("AutoFix writes tests in Python, JavaScript, TypeScript and Go only.".to_owned());
        };
        let here = |path: &&RepoPath| project.is_root() || project.relative(path).is_some();
        let mut files: Vec<RepoPath> = snapshot
            .paths()
            .filter(here)
            .filter(|path| is_test_file(path.as_str(), family) && snapshot.text(path).is_some())
            .take(MAX_FILES)
            .cloned()
            .collect();
        let stem = stem(crashed.file_name());
        files.sort_by_key(|path| {
            (!path.file_name().contains(stem), Reverse(shared(path, crashed)), path.clone())
        });
        if files.is_empty() {
            return Err(
                "The repository has no tests in this language that another one could follow.".to_owned()
            );
        }
        let configuration = snapshot
            .paths()
            .filter(here)
            .filter(|path| configures(path.file_name(), family))
            .cloned()
            .collect();
        Ok(TestPlaces { family, files, configuration })
    }

    /// Whether a new test may have this path: named like the tests here, in a folder that has some.
    pub fn may_be_new(&self, path: &RepoPath, crashed: &RepoPath) -> bool {
        let in_folder = |file: &RepoPath| file.folder() == path.folder();
        let beside_the_code = self.family == Family::Go && path.folder() == crashed.folder();
        let ending = |path: &RepoPath| path.file_name().split_once('.').map(|(_, end)| end.to_owned());
        let like_others = match self.family {
            // `a.test.ts` where the others are called `b.test.ts`.
            Family::Script => self.files.iter().any(|file| ending(file) == ending(path)),
            _ => true,
        };
        is_test_file(path.as_str(), self.family)
            && like_others
            && (beside_the_code || self.files.iter().any(in_folder))
    }
}

/// Whether a test runner takes a file for a test by its name.
pub fn is_test_file(path: &str, family: Family) -> bool {
    let is_foreign = |part: &str| matches!(part, "node_modules" | "vendor" | "site-packages" | "testdata");
    if path.split('/').any(is_foreign) || Language::of_path(path).map(Language::family) != Some(family) {
        return false;
    }
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    match family {
        Family::Python => {
            let stem = stem(name);
            name.ends_with(".py") && (stem.starts_with("test_") || stem.ends_with("_test"))
        }
        Family::Script => {
            name.contains(".test.")
                || name.contains(".spec.")
                || folders.split('/').any(|part| part == "__tests__")
        }
        Family::Go => name.ends_with("_test.go"),
        Family::Rust | Family::Java | Family::Ruby | Family::Php => false,
    }
}

/// Whether the repository says that something runs for a pull request or a push.
pub fn configures_ci(snapshot: &Snapshot) -> bool {
    snapshot.paths().any(|path| {
        let workflow = path.as_str().starts_with(".github/workflows/")
            && matches!(path.extension(), Some("yml" | "yaml"))
            && snapshot.text(path).is_some_and(|text| text.contains("pull_request") || text.contains("push"));
        workflow
            || matches!(
                path.as_str(),
                ".gitlab-ci.yml"
                    | ".circleci/config.yml"
                    | ".travis.yml"
                    | ".drone.yml"
                    | ".cirrus.yml"
                    | ".semaphore/semaphore.yml"
                    | ".buildkite/pipeline.yml"
                    | "azure-pipelines.yml"
                    | "bitbucket-pipelines.yml"
                    | "appveyor.yml"
                    | "Jenkinsfile"
            )
    })
}

fn configures(name: &str, family: Family) -> bool {
    match family {
        Family::Python => {
            matches!(name, "pyproject.toml" | "pytest.ini" | "setup.cfg" | "tox.ini" | "conftest.py")
        }
        Family::Script => {
            name == "package.json"
                || ["jest.config.", "vitest.config.", "vite.config.", ".mocharc"]
                    .iter()
                    .any(|start| name.starts_with(start))
        }
        Family::Go => name == "go.mod",
        Family::Rust | Family::Java | Family::Ruby | Family::Php => false,
    }
}

fn stem(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// Leading folders that two paths share.
fn shared(one: &RepoPath, other: &RepoPath) -> usize {
    one.segments().zip(other.segments()).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::proof) fn snapshot(files: &[(&str, &str)]) -> Snapshot {
        Snapshot::of(files.iter().copied())
    }

    fn path(text: &str) -> RepoPath {
        RepoPath::parse(text).expect("a good path")
    }

    #[test]
    fn tests_are_found_by_their_names_and_the_nearest_come_first() {
        let code = snapshot(&[
            ("api/shop/labels.py", ""),
            ("api/tests/test_orders.py", ""),
            ("api/tests/test_labels.py", ""),
            ("api/tests/helpers.py", ""),
            ("api/pyproject.toml", ""),
            ("web/src/a.test.ts", ""),
            ("web/node_modules/x/a.test.ts", ""),
            ("web/src/a.ts", ""),
            ("go/shop/a.go", "package a"),
            ("main.rs", ""),
        ]);
        let find = |crashed: &str| TestPlaces::find(&code, &ProjectPath::root(), &path(crashed));
        let python = find("api/shop/labels.py").expect("tests");
        let names = |files: &[RepoPath]| files.iter().map(|file| file.to_string()).collect::<Vec<_>>();
        assert_eq!(names(&python.files), ["api/tests/test_labels.py", "api/tests/test_orders.py"]);
        assert_eq!(names(&python.configuration), ["api/pyproject.toml"]);
        let script = find("web/src/a.ts").expect("tests");
        assert_eq!(names(&script.files), ["web/src/a.test.ts"]);
        assert!(find("go/shop/a.go").expect_err("no tests").contains("no tests"));
        assert!(find("main.rs").expect_err("no tests").contains("Python, JavaScript"));
        for (new, may) in [
            ("api/tests/test_new.py", true),
            ("api/tests/new.py", false),
            ("api/shop/test_new.py", false),
            ("api/tests/conftest.py", false),
            ("web/src/b.test.ts", false),
        ] {
            assert_eq!(python.may_be_new(&path(new), &path("api/shop/labels.py")), may, "{new}");
        }
        for (new, may) in [("web/src/b.test.ts", true), ("web/src/b.spec.ts", false)] {
            assert_eq!(script.may_be_new(&path(new), &path("web/src/a.ts")), may, "{new}");
        }
    }

    #[test]
    fn a_workflow_that_nothing_starts_is_no_ci() {
        let by_hand = ("on: workflow_dispatch", false);
        for (text, runs) in [("on: [push]", true), ("on:\n  pull_request:\n", true), by_hand] {
            assert_eq!(configures_ci(&snapshot(&[(".github/workflows/ci.yml", text)])), runs, "{text}");
        }
        assert!(configures_ci(&snapshot(&[("Jenkinsfile", "")])));
        assert!(!configures_ci(&snapshot(&[("README.md", "on: push")])));
    }
}
