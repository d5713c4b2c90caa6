//! In which order files are listed: a model that looks for a cause wants the application's code first.

use crate::repo_path::RepoPath;
use crate::snapshot::{File, is_vendored};
use crate::validators::weakened_tests::is_test;

/// What a file is, by its path. In the order in which they are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Application,
    Test,
    Migration,
    Generated,
    Vendored,
}

/// The files with the application's own first; otherwise in their order.
pub(super) fn application_first(files: &[(RepoPath, File)]) -> Vec<&(RepoPath, File)> {
    let mut sorted: Vec<(Part, &(RepoPath, File))> =
        files.iter().map(|file| (part_of(&file.0), file)).collect();
    sorted.sort_by_key(|(part, _)| *part);
    sorted.into_iter().map(|(_, file)| file).collect()
}

fn part_of(path: &RepoPath) -> Part {
    let lower = path.as_str().to_lowercase();
    let (folders, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
    let in_folder = |names: &[&str]| folders.split('/').any(|folder| names.contains(&folder));
    if is_vendored(path) || in_folder(&["vendor", "vendored", "third_party"]) {
        Part::Vendored
    } else if in_folder(&["generated", "__generated__", "gen", "dist", "build"]) || is_generated(name) {
        Part::Generated
    } else if in_folder(&["migrations", "migrate", "alembic"]) {
        Part::Migration
    } else if is_test(path.as_str()) {
        Part::Test
    } else {
        Part::Application
    }
}

fn is_generated(name: &str) -> bool {
    const INSIDE: [&str; 6] = [".generated.", "_generated.", "_pb2", ".pb.", ".min.", ".g."];
    const ENDS: [&str; 5] = [".lock", ".map", ".snap", "package-lock.json", "pnpm-lock.yaml"];
    INSIDE.iter().any(|part| name.contains(part)) || ENDS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_path() {
        for (path, part) in [
            ("shop/orders.py", Part::Application),
            ("shop/generator.py", Part::Application),
            ("shop/migrate.py", Part::Application),
            ("tests/test_orders.py", Part::Test),
            ("web/src/app.test.ts", Part::Test),
            ("shop/migrations/0001_initial.py", Part::Migration),
            ("alembic/versions/ab12_add.py", Part::Migration),
            ("shop/orders_pb2_grpc.py", Part::Generated),
            ("web/dist/app.js", Part::Generated),
            ("web/app.min.js", Part::Generated),
            ("poetry.lock", Part::Generated),
            ("vendor/lib/x.go", Part::Vendored),
            ("web/node_modules/x/index.test.js", Part::Vendored),
        ] {
            assert_eq!(part_of(&RepoPath::parse(path).expect("a good path")), part, "{path}");
        }
    }
}
